/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Creating a container: request and image become a specification, a folder, a record. The
 * order makes a kill at any point harmless: what counts is state.json, written after all that it
 * needs; container.json, written before, names what goes with a half-made one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/path.h"
#include "engine/container/internal.h"
#include "engine/container/label.h"

static int resolve_container(void *data, const char *name, char **ret_id, struct err *err)
{
	struct engine *engine = data;
	char id[STATE_ID_SIZE];
	int r = state_find(&engine->containers, name, "container", id, err);

	if (r == 0)
		*ret_id = xstrdup(id);
	return r;
}

/* ---- Image or root folder ---- */

static int use_rootfs(const char *rootfs, struct container_spec *spec, struct err *err)
{
	auto_free char *path = NULL;
	struct stat st;

	if (spec->rmi)
		return err_say(err, ERR_USAGE,
			       "--rmi cannot be used with --rootfs: there is no image to remove");
	if (strchr(rootfs, ':'))
		return err_say(err, ERR_UNSUPPORTED,
			       "--rootfs %s: options behind a colon are not supported yet", rootfs);
	path = realpath(rootfs, NULL);
	if (!path || stat(path, &st) < 0)
		return err_set(err, -errno, "cannot use the root file system %s", rootfs);
	if (!S_ISDIR(st.st_mode))
		return err_say(err, ERR_USAGE, "the root file system %s is not a folder", rootfs);
	spec->rootfs = take(path);
	return 0;
}

static void use_image(const struct request *request, struct image *image,
		      struct container_spec *spec)
{
	spec->image_id = xstrdup(image->id);
	spec->image_name = xstrdup(image->names.count ? image->names.v[0] : image->id);
	for (size_t i = 0; i < image->names.count; i++)
		if (strstr(image->names.v[i], request->image)) {
			free(spec->image_name);
			spec->image_name = xstrdup(image->names.v[i]);
			break;
		}
	spec->raw_image = xstrdup(request->image);
	strv_add_all(&spec->layers, &image->layers);
}

/* ---- Names ---- */

static int claim_given_name(struct engine *engine, const struct container_spec *spec,
			    struct err *err)
{
	struct err first = ERR_INIT;
	int r = state_claim_name(&engine->containers, spec->name, spec->id, "container", &first);

	if (r != -EEXIST) {
		if (r < 0 && err)
			*err = first;
		return r;
	}
	/* Its owner may be one that nobody wants any more: see container_sweep(). */
	container_sweep(engine);
	return state_claim_name(&engine->containers, spec->name, spec->id, "container", err);
}

static int claim_name(struct engine *engine, struct container_spec *spec, struct err *err)
{
	int r = 0;

	if (spec->name)
		return claim_given_name(engine, spec, err);
	for (int tries = 0; tries < 64; tries++) {
		auto_free char *name = container_random_name();

		r = state_claim_name(&engine->containers, name, spec->id, "container", NULL);
		if (r == 0) {
			spec->name = take(name);
			return 0;
		}
		if (r != -EEXIST)
			break;
	}
	/* So many containers that the pairs run short: the id makes a name of its own. */
	spec->name = xasprintf("container_%.12s", spec->id);
	return state_claim_name(&engine->containers, spec->name, spec->id, "container", err);
}

/* ---- Volumes ---- */

/* Now, so that the record tells which are to go with the container. */
static void name_anonymous_volumes(struct container_spec *spec)
{
	for (size_t i = 0; i < spec->mounts.count; i++) {
		struct spec_mount *m = &spec->mounts.v[i];
		char random[65];

		if (m->kind != SPEC_MOUNT_VOLUME || m->source)
			continue;
		str_random_hex(random, 64);
		m->source = xstrdup(random);
	}
}

static int make_volumes(struct engine *engine, struct container_spec *spec, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < spec->mounts.count && r == 0; i++) {
		struct spec_mount *m = &spec->mounts.v[i];
		struct volume_args args = { .name = m->source,
					    .anonymous = m->anonymous,
					    .ignore_existing = true };
		auto_free char *name = NULL;

		if (m->kind != SPEC_MOUNT_VOLUME)
			continue;
		r = volume_create(&engine->volumes, &args, &name, err);
	}
	return r;
}

/* OPTIONS of --volumes-from: z, and one of ro and rw. */
static int parse_from_options(const char *options, bool *ret_read_only, struct err *err)
{
	struct strv words auto_done(strv) = STRV_INIT;
	unsigned int modes = 0;
	unsigned int labels = 0;

	strv_split(&words, options, ',');
	for (size_t i = 0; i < words.count; i++) {
		const char *word = words.v[i];

		if (str_eq(word, "ro") || str_eq(word, "rw"))
			modes++;
		else if (str_eq(word, "z"))
			labels++;
		else
			return err_say(err, ERR_USAGE,
				       "invalid option \"%s\" specified - volumes from another "
				       "container can only use z,ro,rw options",
				       word);
		if (str_eq(word, "ro"))
			*ret_read_only = true;
	}
	if (modes > 1 || labels > 1)
		return err_say(err, ERR_USAGE, "cannot set %s more than once in --volumes-from %s",
			       modes > 1 ? "ro or rw" : "z", options);
	return 0;
}

/* --volumes-from NAME[:OPTIONS]: its own mounts that nobody took yet. */
static int add_volumes_from(struct engine *engine, struct container_spec *spec, const char *text,
			    struct err *err)
{
	const char *colon = strchr(text, ':');
	auto_free char *name = colon ? xstrndup(text, (size_t)(colon - text)) : xstrdup(text);
	struct container other auto_done(container) = CONTAINER_INIT;
	bool read_only = false;
	int r = colon ? parse_from_options(colon + 1, &read_only, err) : 0;

	if (r < 0)
		return r;
	r = container_find(engine, name, &other, err);
	if (r == 0)
		r = container_load_spec(&other, err);
	if (r < 0)
		return err_prefix(err, "looking up container \"%s\" for volumes-from", name);
	for (size_t i = 0; i < other.spec.mounts.count; i++) {
		const struct spec_mount *from = &other.spec.mounts.v[i];
		struct spec_mount *to = NULL;
		bool taken = false;

		for (size_t j = 0; j < spec->mounts.count; j++)
			taken = taken || str_eq(spec->mounts.v[j].destination, from->destination);
		if (taken || (from->kind != SPEC_MOUNT_BIND && from->kind != SPEC_MOUNT_VOLUME))
			continue;
		xgrow(spec->mounts.v, spec->mounts.count, spec->mounts.capacity);
		to = &spec->mounts.v[spec->mounts.count++];
		*to = (struct spec_mount){ .kind = from->kind,
					   .source = xstrdup(from->source),
					   .destination = xstrdup(from->destination) };
		strv_add_all(&to->options, &from->options);
		if (read_only)
			strv_add(&to->options, "ro");
	}
	return 0;
}

/* ---- The record ---- */

/* What ps and port show before the first start; random ports are chosen when it starts. */
static json_t *planned_ports(const struct container_spec *spec)
{
	struct port_list ports auto_done(port_list) = PORT_LIST_INIT;

	for (size_t i = 0; i < spec->publish.count; i++)
		(void)port_parse(&ports, spec->publish.v[i], NULL); /* checked by spec_build() */
	(void)port_list_finish(&ports, NULL);
	return ports.count ? port_list_to_json(&ports) : NULL;
}

static void summarize(const struct container_spec *spec, struct container_state *s)
{
	size_t room = 512;

	s->status = CONTAINER_CREATED;
	s->created = spec->created;
	s->rm = spec->rm;
	s->name = xstrdup(spec->name);
	s->image = xstrdup(spec->image_name);
	s->image_id = xstrdup(spec->image_id);
	s->network = xstrdup(spec->net_bridge ? bridge_network_default().name : spec->net_mode);
	s->ports = spec->net.kind == SPEC_NS_PRIVATE ? planned_ports(spec) : NULL;
	strv_add_all(&s->labels, &spec->labels);
	for (size_t i = 0; i < spec->command.count && room > 0; i++) {
		size_t n = strlen(spec->command.v[i]);

		/* ps shows a few words; a whole script in its summary would slow every listing. */
		strv_add_own(&s->command, xstrndup(spec->command.v[i], n < room ? n : room));
		room -= n < room ? n : room;
	}
	for (size_t i = 0; i < spec->mounts.count; i++)
		strv_add(&s->mounts, spec->mounts.v[i].destination);
}

static int write_spec(struct container *c, struct err *err)
{
	auto_json json_t *json = spec_to_json(&c->spec);
	auto_free char *text = json_text(json);
	/* In place: nobody reads it before state.json is there. */
	int r = file_create_at(c->fd, "container.json", text, strlen(text), 0600,
			       c->spec.rm ? FILE_NO_SYNC : FILE_SYNC);

	return r < 0 ? err_set(err, r, "cannot record container %s", c->spec.name) : 0;
}

static int write_cidfile(const struct container_spec *spec, struct err *err)
{
	auto_close int fd = -1;

	if (!spec->cidfile)
		return 0;
	fd = open(spec->cidfile, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 && errno == EEXIST)
		return err_say(err, ERR_USAGE,
			       "container id file exists. Ensure another container is not using it "
			       "or delete %s",
			       spec->cidfile);
	if (fd < 0 || fd_write_all(fd, spec->id, strlen(spec->id)) < 0)
		return err_set(err, -errno, "cannot write the container id file %s", spec->cidfile);
	return 0;
}

struct range {
	int64_t start, end;
};

static int by_start(const void *a, const void *b)
{
	const struct range *x = a;
	const struct range *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

/* Ranges of all containers with --userns=auto; the caller frees. */
static int taken_ranges(struct engine *engine, struct range **ret, size_t *ret_count,
			struct err *err)
{
	struct strv ids auto_done(strv) = STRV_INIT;
	int r = state_list(&engine->containers, &ids, err);

	*ret = xcalloc(ids.count, sizeof(**ret));
	*ret_count = 0;
	for (size_t i = 0; i < ids.count && r == 0; i++) {
		struct container c auto_done(container) = CONTAINER_INIT;

		if (container_load(engine, ids.v[i], &c, NULL) < 0 ||
		    container_load_spec(&c, NULL) < 0)
			continue; /* removed this moment */
		if (c.spec.userns == SPEC_USERNS_AUTO)
			(*ret)[(*ret_count)++] =
				(struct range){ c.spec.auto_start,
						c.spec.auto_start + c.spec.auto_size };
	}
	if (*ret_count > 1)
		qsort(*ret, *ret_count, sizeof(**ret), by_start);
	return r;
}

/*
 * --userns=auto: the first gap among the subordinate ids. *ret_lock is held until the record
 * is written, so that two containers made at once cannot choose the same.
 */
static int choose_ids(struct engine *engine, struct container_spec *spec, int *ret_lock,
		      struct err *err)
{
	uint64_t uids = idmap_size(&engine->maps.uid);
	uint64_t gids = idmap_size(&engine->maps.gid);
	auto_free struct range *taken = NULL;
	size_t count = 0;
	int64_t start = 1; /* id 0 is the caller */
	int r = 0;

	if (spec->userns != SPEC_USERNS_AUTO)
		return 0;
	*ret_lock = openat(engine->containers.names_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*ret_lock < 0 || flock(*ret_lock, LOCK_EX) < 0)
		return err_set(err, -errno, "cannot lock the containers");
	r = taken_ranges(engine, &taken, &count, err);
	for (size_t i = 0; i < count && taken[i].start < start + spec->auto_size; i++)
		if (taken[i].end > start)
			start = taken[i].end;
	if (r == 0 && (uint64_t)(start + spec->auto_size) > (uids < gids ? uids : gids))
		return err_say(
			err, ERR_UNSUPPORTED,
			"--userns=auto: no %lld ids in a row are free among your subordinate ids; "
			"remove containers, or see subuid(5) for more ids",
			(long long)spec->auto_size);
	spec->auto_start = start;
	return r;
}

static int make_root(struct engine *engine, const struct container_spec *spec, struct err *err)
{
	struct storage_range ranges[2][IDMAP_MAX];
	struct storage_idmap map = { .uids = ranges[0], .gids = ranges[1] };
	struct storage_container_args args = { .id = spec->id,
					       .layers = &spec->layers,
					       .driver = engine->driver,
					       .shows_owners = !engine->one_id,
					       .size_limit = (uint64_t)spec->storage_size,
					       .inode_limit = (uint64_t)spec->storage_inodes };
	struct idmap_set maps;
	bool nested = false;
	int r = 0;

	if (spec->rootfs)
		return 0;
	r = container_idmaps(engine, spec, &nested, &maps, err);
	if (r < 0)
		return r;
	if (nested) {
		map.uid_count = maps.uid.count;
		map.gid_count = maps.gid.count;
		for (size_t i = 0; i < maps.uid.count; i++)
			ranges[0][i] = (struct storage_range){ maps.uid.ranges[i].inside,
							       maps.uid.ranges[i].outside,
							       maps.uid.ranges[i].count };
		for (size_t i = 0; i < maps.gid.count; i++)
			ranges[1][i] = (struct storage_range){ maps.gid.ranges[i].inside,
							       maps.gid.ranges[i].outside,
							       maps.gid.ranges[i].count };
		args.idmap = &map;
	}
	return storage_container_create(&engine->storage, &args, err);
}

/* Folder, root file system, volumes, records; undone by the caller on failure. */
static int make_container(struct engine *engine, struct container *c, struct err *err)
{
	auto_close int ids_lock = -1;
	int r = claim_name(engine, &c->spec, err);
	if (r == 0)
		r = choose_ids(engine, &c->spec, &ids_lock, err);
	if (r == 0)
		r = label_choose(engine, &c->spec, err);
	for (size_t i = 0; i < c->spec.volumes_from.count && r == 0; i++)
		r = add_volumes_from(engine, &c->spec, c->spec.volumes_from.v[i], err);
	if (r == 0)
		r = make_root(engine, &c->spec, err);
	if (r == 0) {
		name_anonymous_volumes(&c->spec);
		r = write_spec(c, err);
	}
	if (r == 0)
		r = make_volumes(engine, &c->spec, err);
	if (r < 0)
		return r;
	summarize(&c->spec, &c->state);
	r = container_save_state(c, err);
	/* Last: killed before it, the same command can be given again as it was. */
	return r < 0 ? r : write_cidfile(&c->spec, err);
}

static void undo(struct engine *engine, struct container *c)
{
	if (c->spec.name)
		state_release_name(&engine->containers, c->spec.name, c->id);
	for (size_t i = 0; i < c->spec.mounts.count; i++)
		if (c->spec.mounts.v[i].anonymous && c->spec.mounts.v[i].source)
			(void)volume_remove(&engine->volumes, c->spec.mounts.v[i].source, NULL);
	(void)storage_discard(&engine->storage, engine->containers.objects_fd, c->id, NULL);
}

static int replace_old(struct engine *engine, const struct request *request, struct err *err)
{
	struct container_remove_args args = { .force = true, .timeout = -1 };
	int r = 0;

	if (!request->replace)
		return 0;
	if (!request->name)
		return err_say(err, ERR_USAGE, "cannot replace container without --name being set");
	r = container_remove(engine, request->name, &args, err);
	if (r < 0 && err->kind == ERR_NOT_FOUND) {
		*err = ERR_INIT;
		return 0;
	}
	return r;
}

int container_create(struct engine *engine, const struct request *request, struct container *ret,
		     struct err *err)
{
	struct container c auto_done(container) = CONTAINER_INIT;
	struct image image auto_done(image) = IMAGE_INIT;
	struct spec_host host = { .maps = engine->maps,
				  .one_id = engine->one_id,
				  .rootless = engine->rootless,
				  .own_uid = engine->own_uid,
				  .own_gid = engine->own_gid,
				  .resolve_container = resolve_container,
				  .data = engine };
	int r = 0;

	if (!request->rootfs)
		r = image_open(&engine->images, str_or(request->image, ""), &image, err);
	if (r < 0)
		return r;
	host.image = request->rootfs ? NULL : &image.config;
	str_random_hex(c.id, STATE_ID_SIZE - 1);
	r = spec_build(request, &host, c.id, &c.spec, err);
	if (r < 0)
		return r;
	c.has_spec = true;
	c.state.of_run = request->run;
	if (request->rootfs)
		r = use_rootfs(request->rootfs, &c.spec, err);
	else
		use_image(request, &image, &c.spec);
	/* Only now: a wrong flag or image must not cost the old container. */
	if (r == 0)
		r = replace_old(engine, request, err);
	if (r == 0)
		r = state_create(&engine->containers, c.id, &c.fd, &c.lock, err);
	if (r < 0)
		return r;
	r = make_container(engine, &c, err);
	if (r < 0) {
		undo(engine, &c);
		return r;
	}
	*ret = c;
	c = CONTAINER_INIT;
	return 0;
}
