/* SPDX-License-Identifier: Apache-2.0 */
/* Removing containers, and sweeping what killed commands left of them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/cgroup/cgroup.h"
#include "engine/container/foreign.h"
#include "engine/container/internal.h"

/* Anonymous volumes that no other container uses. */
static void remove_volumes(struct engine *engine, const struct container *c)
{
	for (size_t i = 0; i < c->spec.mounts.count; i++) {
		const struct spec_mount *m = &c->spec.mounts.v[i];
		struct strv users auto_done(strv) = STRV_INIT;

		if (m->kind != SPEC_MOUNT_VOLUME || !m->anonymous || !m->source)
			continue;
		if (container_users_of_volume(engine, m->source, &users, NULL) == 0 &&
		    users.count == strv_has(&users, c->id))
			(void)volume_remove(&engine->volumes, m->source,
					    NULL); /* it shows in `volume ls` */
	}
}

int container_discard(struct engine *engine, struct container *c, bool volumes, struct err *err)
{
	bool has_spec = container_load_spec(c, NULL) == 0; /* a broken record must not stop us */
	int r = 0;

	if (has_spec && container_is_foreign(c))
		(void)container_foreign_delete(engine, c, NULL); /* a killed monitor could not */
	/* What only its record names goes first: killed in between, the next removal finds it. */
	if (has_spec && volumes)
		remove_volumes(engine, c);
	/* One rename: from here on the container is gone, whatever happens to us. The name still
	 * points to it then, and is free to whoever wants it (state_claim_name()). */
	r = storage_set_aside(&engine->storage, engine->containers.objects_fd, c->id, err);
	if (r < 0)
		return r;
	if (has_spec && c->spec.cidfile)
		(void)unlink(c->spec.cidfile);	  /* it goes with the container, as Podman's */
	(void)unlinkat(engine->run_fd, c->id, 0); /* the monitor's socket, if it left one */
	return 0;
}

int container_remove(struct engine *engine, const char *name,
		     const struct container_remove_args *args, struct err *err)
{
	struct container c auto_done(container) = CONTAINER_INIT;
	int r = container_find_locked(engine, name, &c, err);

	if (r < 0)
		return r;
	if (container_is_alive(&c)) {
		if (!args->force)
			return err_say(err, ERR_STATE,
				       "cannot remove container %s as it is %s - running or paused "
				       "containers "
				       "cannot be removed without force: container state improper",
				       c.id, container_status_name(c.state.status));
		r = container_stop(engine, &c, args->timeout, err);
		/* --rm: its monitor has removed it already */
		if (r == 0 && c.state.rm && faccessat(c.fd, "state.json", F_OK, 0) < 0)
			return 0;
	}
	if (r == 0)
		r = container_discard(engine, &c, args->volumes || c.state.rm, err);
	if (r == 0) {
		state_release_name(&engine->containers, c.state.name, c.id);
		(void)storage_sweep(&engine->storage, NULL); /* what is left goes next time */
	}
	return r;
}

int container_users_of_image(struct engine *engine, const char *image_id, struct strv *ret_ids,
			     struct err *err)
{
	struct strv ids auto_done(strv) = STRV_INIT;
	int r = state_list(&engine->containers, &ids, err);

	for (size_t i = 0; i < ids.count && r == 0; i++) {
		struct container c auto_done(container) = CONTAINER_INIT;

		if (container_peek(engine, ids.v[i], &c, NULL) == 0 &&
		    str_eq(c.state.image_id, image_id))
			strv_add(ret_ids, c.id);
	}
	return r;
}

static int list_users(void *data, const char *image_id, struct strv *ret_ids, struct err *err)
{
	return container_users_of_image(data, image_id, ret_ids, err);
}

int container_remove_image(struct engine *engine, const struct container_spec *spec,
			   struct err *err)
{
	struct image_users users = { .list = list_users, .data = engine };
	struct image_remove_args args = { .users = &users };
	struct image_removed removed auto_done(image_removed) = IMAGE_REMOVED_INIT;

	return image_remove(&engine->images, spec->raw_image, &args, &removed, err);
}

int container_users_of_volume(struct engine *engine, const char *volume, struct strv *ret_ids,
			      struct err *err)
{
	struct strv ids auto_done(strv) = STRV_INIT;
	int r = state_list(&engine->containers, &ids, err);

	for (size_t i = 0; i < ids.count && r == 0; i++) {
		struct container c auto_done(container) = CONTAINER_INIT;
		bool uses = false;

		if (container_load(engine, ids.v[i], &c, NULL) < 0 || c.state.mounts.count == 0 ||
		    container_load_spec(&c, NULL) < 0)
			continue;
		for (size_t j = 0; j < c.spec.mounts.count; j++)
			uses = uses || (c.spec.mounts.v[j].kind == SPEC_MOUNT_VOLUME &&
					str_eq(c.spec.mounts.v[j].source, volume));
		if (uses)
			strv_add(ret_ids, c.id);
	}
	return r;
}

/* ---- Sweeping ---- */

static void discard_half_made(void *data, const char *id)
{
	struct container c auto_done(container) = CONTAINER_INIT;
	struct engine *engine = data;

	(void)snprintf(c.id, sizeof(c.id), "%s", id); /* of 64 digits */
	if (state_open_object(&engine->containers, id, &c.fd) == 0 &&
	    container_load_spec(&c, NULL) == 0)
		remove_volumes(engine, &c);
	(void)storage_discard(&engine->storage, engine->containers.objects_fd, id, NULL);
}

/* --rm containers whose monitor or whose `run` was killed, or that a reboot ended. */
static bool is_orphan(const struct container *c)
{
	if (!c->state.rm || c->state.foreign)
		return false;
	return c->state.status == CONTAINER_EXITED    ? c->state.started_at != 0
	       : c->state.status == CONTAINER_CREATED ? c->state.of_run
						      : false;
}

static void remove_orphans(struct engine *engine)
{
	struct strv ids auto_done(strv) = STRV_INIT;

	if (state_list(&engine->containers, &ids, NULL) < 0)
		return;
	for (size_t i = 0; i < ids.count; i++) {
		struct container c auto_done(container) = CONTAINER_INIT;
		struct container now auto_done(container) = CONTAINER_INIT;

		if (container_peek(engine, ids.v[i], &c, NULL) < 0 || !is_orphan(&c) ||
		    container_open(engine, &c) < 0)
			continue;
		/* Whoever starts or removes it right now holds a lock until the end, and may have
		 * let go of it since we looked. */
		if (state_lock(c.fd, STATE_LOCK_CHANGE, false, &c.lock) < 0 ||
		    state_is_locked(c.fd, STATE_LOCK_ALIVE) != 0)
			continue;
		if (container_load(engine, ids.v[i], &now, NULL) == 0 && is_orphan(&now) &&
		    container_discard(engine, &now, true, NULL) == 0)
			state_release_name(&engine->containers, now.state.name, now.id);
	}
}

void container_sweep(struct engine *engine)
{
	state_sweep(&engine->containers, discard_half_made, engine);
	remove_orphans(engine);
	bridge_repair(engine->run_fd, false);
	volume_sweep(&engine->volumes);
	(void)storage_sweep(&engine->storage, NULL); /* what is left is swept next time */
}
