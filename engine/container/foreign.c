/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers that run with another OCI runtime: from the record to engine/runtime/foreign.h.
 * Runs in the keeper (create, start, delete) and in commands (exec, delete).
 */
#include "engine/container/foreign.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/path.h"
#include "engine/base/proc.h"
#include "engine/cgroup/cgroup.h"
#include "engine/runtime/foreign.h"

#define INIT_PATH "/run/podman-init" /* where Podman puts it, for who looks for it there */

/* What struct foreign points to. */
struct place {
	struct foreign call;
	char *state_root, *bundle;
};

static void place_done(struct place *place)
{
	free(place->state_root);
	free(place->bundle);
}

static void place_init(struct place *place, const struct engine *engine, const struct container *c)
{
	place->state_root = path_join(engine->run_root, "oci");
	/* One folder for all: what a call puts there, only that call sees. */
	place->bundle = path_join(engine->run_root, "bundle");
	place->call = (struct foreign){ .program = c->spec.runtime_path,
					.flags = &c->spec.runtime_flags,
					.state_root = place->state_root,
					.bundle = place->bundle,
					.id = c->id };
}

bool container_is_foreign(const struct container *container)
{
	return container->spec.runtime_path != NULL;
}

/* --init: a reaper that our library would execute by descriptor needs a place and words here. */
static int add_init(const struct container_spec *spec, struct oci_spec *oci, struct err *err)
{
	struct strv args auto_done(strv) = STRV_INIT;
	auto_free char *found = NULL;
	struct oci_mount *mount = NULL;

	if (!spec->init)
		return 0;
	if (!spec->init_path && proc_libexec("bryo-init", &found) < 0)
		return err_say(err, ERR_UNSUPPORTED,
			       "--init: bryo-init is not installed beside bryo");
	mount = OCI_ADD(&oci->mounts);
	mount->type = xstrdup("bind");
	mount->source = xstrdup(spec->init_path ? spec->init_path : found);
	mount->destination = xstrdup(INIT_PATH);
	mount->source_fd = -1;
	strv_add(&mount->options, "bind");
	strv_add(&mount->options, "ro");
	strv_add(&args, INIT_PATH);
	strv_add(&args, "--");
	strv_add_all(&args, &oci->process.args);
	strv_done(&oci->process.args);
	oci->process.args = args;
	args = STRV_INIT;
	return 0;
}

int container_foreign_create(const struct engine *engine, const struct container *c,
			     struct preparation *p, const struct runtime_create_args *args,
			     const char *cgroup_path, struct runtime_container *ret_process,
			     struct err *err)
{
	struct place place auto_done(place) = { 0 };
	struct foreign_create_args create = { FOREIGN_CREATE_ARGS_INIT, .foreign = &place.call,
					      .spec = &p->oci, .root_fd = p->root_fd };
	struct cgroup_host host;
	int r = add_init(&c->spec, &p->oci, err);

	if (r < 0)
		return r;
	/* It reads rules from config.json, all of them. */
	if (p->oci.linux_.seccomp)
		oci_seccomp_make(p->oci.linux_.seccomp);
	place_init(&place, engine, c);
	memcpy(create.stdio, args->stdio, sizeof(create.stdio));
	if (cgroup_host_probe(engine->rootless, &host) == 0 && host.layout == CGROUP_LAYOUT_V2 &&
	    !str_empty(cgroup_path))
		create.cgroup = cgroup_path;
	return foreign_create(&create, ret_process, err);
}

int container_foreign_start(const struct engine *engine, const struct container *c, struct err *err)
{
	struct place place auto_done(place) = { 0 };

	place_init(&place, engine, c);
	return foreign_start(&place.call, err);
}

int container_foreign_delete(const struct engine *engine, const struct container *c,
			     struct err *err)
{
	struct place place auto_done(place) = { 0 };

	place_init(&place, engine, c);
	return foreign_delete(&place.call, err);
}

int container_foreign_exec(const struct engine *engine, const struct container *c,
			   const struct runtime_exec_args *args,
			   struct runtime_container *ret_process, struct err *err)
{
	struct place place auto_done(place) = { 0 };
	struct foreign_exec_args exec = { FOREIGN_EXEC_ARGS_INIT, .foreign = &place.call,
					  .process = args->process, .pass_fds = args->pass_fds,
					  .pass_fd_count = args->pass_fd_count };

	place_init(&place, engine, c);
	memcpy(exec.stdio, args->stdio, sizeof(exec.stdio));
	return foreign_exec(&exec, ret_process, err);
}
