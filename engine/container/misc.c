/* SPDX-License-Identifier: Apache-2.0 */
/* The small verbs: rename, logs; and finding a namespace that outlived its holder. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/proc.h"
#include "engine/container/internal.h"
#include "engine/monitor/log.h"
#include "userns/userns.h"

int container_rename(struct engine *engine, const char *name, const char *new_name, struct err *err)
{
	struct container c auto_done(container) = CONTAINER_INIT;
	auto_free char *old = NULL;
	auto_json json_t *json = NULL;
	auto_free char *text = NULL;
	int r = container_find_locked(engine, name, &c, err);

	if (r == 0)
		r = container_load_spec(&c, err);
	if (r == 0)
		r = spec_name_check(new_name, err);
	if (r == 0)
		r = state_claim_name(&engine->containers, new_name, c.id, "container", err);
	if (r < 0)
		return r;
	old = take(c.spec.name);
	c.spec.name = xstrdup(new_name);
	free(c.state.name);
	c.state.name = xstrdup(new_name);
	json = spec_to_json(&c.spec);
	text = json_text(json);
	r = file_replace_at(c.fd, "container.json", text, strlen(text), 0600, FILE_SYNC);
	if (r < 0)
		return err_set(err, r, "cannot record the new name of container %s", old);
	r = container_save_state(&c, err);
	state_release_name(&engine->containers, old, c.id);
	return r;
}

/* ---- Logs ---- */

static bool still_runs(void *data)
{
	const int *object_fd = data;

	return state_is_locked(*object_fd, STATE_LOCK_ALIVE) > 0;
}

static int open_log_folder(const struct container *c, char **ret_name, int *ret_fd, struct err *err)
{
	const char *path = strv_env_get(&c->spec.log_opts, "path");

	if (str_eq(c->spec.log_driver, "none") || str_starts(c->spec.log_driver, "passthrough"))
		return err_say(err, ERR_UNSUPPORTED,
			       "this container is using the '%s' log driver, cannot read logs",
			       c->spec.log_driver);
	if (str_eq(c->spec.log_driver, "journald"))
		return err_say(err, ERR_UNSUPPORTED,
			       "reading the journal is not supported yet: use journalctl "
			       "CONTAINER_ID=%.12s",
			       c->id);
	*ret_fd = path ? AT_FDCWD : c->fd;
	*ret_name = xstrdup(path);
	return 0;
}

static int read_one(struct engine *engine, const char *name, const struct container_logs_args *args,
		    struct err *err)
{
	struct container c auto_done(container) = CONTAINER_INIT;
	auto_free char *file = NULL;
	auto_free char *prefix = NULL;
	struct log_read_args read = { .out_fd = STDOUT_FILENO,
				      .err_fd = STDERR_FILENO,
				      .tail = args->tail < 0 ? LOG_ALL : args->tail,
				      .since = args->since,
				      .until = args->until,
				      .timestamps = args->timestamps,
				      .follow = args->follow,
				      .alive = still_runs };
	int r = container_find(engine, name, &c, err);

	if (r == 0)
		r = container_load_spec(&c, err);
	if (r == 0)
		r = open_log_folder(&c, &file, &read.dir_fd, err);
	if (r < 0)
		return r;
	if (args->names)
		prefix = xasprintf("%s ", c.state.name);
	else if (args->color)
		prefix = xasprintf("%.12s ", c.id);
	read.name = file;
	read.prefix = prefix;
	read.data = &c.fd;
	r = log_read(&read, err);
	return r == -EPIPE ? 0 : r;
}

int container_logs(struct engine *engine, const struct strv *names,
		   const struct container_logs_args *args, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < names->count && r == 0; i++)
		r = read_one(engine, names->v[i], args, err);
	return r;
}

/* ---- A namespace that is still in use ---- */

/*
 * The user namespace above a container's: for its own (keep-id) the parent of that, else the
 * one it runs in. Its pid namespace tells: it belongs to the namespace that made it.
 */
static int namespace_above(const struct container *c, int *ret_fd)
{
	auto_close int pidfd = -1;
	auto_close int own = -1;
	uid_t owner = 0;
	int r = container_pidfd(c, &pidfd, NULL);

	if (r == 0)
		r = userns_open((pid_t)c->state.pid, &own, NULL);
	if (r == 0)
		r = userns_owner(own, &owner);
	if (r < 0)
		return r;
	if (c->has_spec && c->spec.userns != SPEC_USERNS_SHARED)
		return userns_parent(own, ret_fd, NULL);
	*ret_fd = fd_take(&own);
	return 0;
}

int container_find_namespace(const char *data_root, int *ret_fd)
{
	struct engine engine auto_done(engine) = ENGINE_INIT;
	struct strv ids auto_done(strv) = STRV_INIT;

	engine.data_root = xstrdup(data_root);
	proc_machine_id(engine.machine);
	if (proc_boot_id(engine.boot) < 0 ||
	    state_open(data_root, "containers", "state.json", &engine.containers, NULL) < 0 ||
	    state_list(&engine.containers, &ids, NULL) < 0)
		return -ENOENT;
	for (size_t i = 0; i < ids.count; i++) {
		struct container c auto_done(container) = CONTAINER_INIT;

		if (container_load(&engine, ids.v[i], &c, NULL) < 0 || !container_is_alive(&c) ||
		    c.state.foreign)
			continue;
		(void)container_load_spec(&c, NULL); /* without it the simple case is assumed */
		if (namespace_above(&c, ret_fd) == 0)
			return 0;
	}
	return -ENOENT;
}
