/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records: container.json (written once, the specification) and state.json (what changes, and
 * the summary for ps). Reading repairs: a state that says "running" is believed only while the
 * monitor's lock is held, on this machine, in this boot.
 */
#include "engine/container/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/proc.h"
#include "engine/base/time.h"

#define STATE_FILE "state.json"
#define SPEC_FILE "container.json"
#define RECORD_MAX (8 * 1024 * 1024)

static const char *const status_names[CONTAINER_STATUS_COUNT] = {
	[CONTAINER_CREATED] = "created", [CONTAINER_RUNNING] = "running",
	[CONTAINER_PAUSED] = "paused",	 [CONTAINER_STOPPING] = "stopping",
	[CONTAINER_EXITED] = "exited",	 [CONTAINER_REMOVING] = "removing",
};

const char *container_status_name(enum container_status status)
{
	return status_names[status];
}

/* ---- The engine ---- */

int engine_open_stores(struct engine *engine, struct err *err)
{
	int r = storage_open(&engine->storage, engine->data_root, err);

	engine->storage.mount_program = engine->mount_program;
	if (r == 0)
		r = state_open(engine->data_root, "containers", STATE_FILE, &engine->containers,
			       err);
	if (r == 0)
		r = image_store_open(engine->data_root, &engine->images, err);
	if (r == 0)
		r = volume_store_open(engine->data_root, &engine->volumes, err);
	if (r < 0)
		return r;
	engine->run_fd = open(engine->run_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (engine->run_fd < 0)
		return err_set(err, -errno, "cannot open the run folder %s", engine->run_root);
	proc_machine_id(engine->machine);
	r = proc_boot_id(engine->boot);
	return r < 0 ? err_set(err, r, "cannot read this boot's id") : 0;
}

void engine_close_stores(struct engine *engine)
{
	state_done(&engine->containers);
	storage_done(&engine->storage);
	image_store_done(&engine->images);
	volume_store_done(&engine->volumes);
	fd_close(&engine->run_fd);
}

void engine_done(struct engine *engine)
{
	engine_close_stores(engine);
	free(take(engine->data_root));
	free(take(engine->run_root));
}

/* ---- state.json ---- */

void container_state_done(struct container_state *state)
{
	free(state->host);
	free(state->error);
	free(state->cgroup);
	free(state->cgroup_v1);
	free(state->injection);
	free(state->name);
	free(state->image);
	free(state->image_id);
	free(state->network);
	json_decref(state->ports);
	json_decref(state->address);
	strv_done(&state->command);
	strv_done(&state->labels);
	strv_done(&state->mounts);
	*state = CONTAINER_STATE_INIT;
}

void container_done(struct container *container)
{
	fd_close(&container->fd);
	fd_close(&container->lock);
	container_state_done(&container->state);
	if (container->has_spec)
		container_spec_done(&container->spec);
	container->has_spec = false;
}

/* What is 0, false or empty is left out: `ps` reads a hundred of these. */
static void put_int(json_t *o, const char *key, int64_t value)
{
	if (value)
		json_set_int(o, key, value);
}

static void put_bool(json_t *o, const char *key, bool value)
{
	if (value)
		json_set_bool(o, key, value);
}

static void put_str(json_t *o, const char *key, const char *value)
{
	if (!str_empty(value))
		json_set_str(o, key, value);
}

json_t *container_state_to_json(const struct container_state *s)
{
	json_t *o = json_object();

	json_set_str(o, "status", status_names[s->status]);
	put_int(o, "pid", s->pid);
	put_int(o, "monitor_pid", s->monitor_pid);
	put_int(o, "start_ticks", (int64_t)s->start_ticks);
	put_str(o, "boot", s->boot);
	put_str(o, "machine", s->machine);
	put_str(o, "host", s->host);
	put_int(o, "exit_code", s->exit_code);
	put_int(o, "created", s->created);
	put_int(o, "started_at", s->started_at);
	put_int(o, "finished_at", s->finished_at);
	put_bool(o, "oom", s->oom);
	put_bool(o, "stopped_by_user", s->stopped_by_user);
	put_bool(o, "rm", s->rm);
	put_bool(o, "of_run", s->of_run);
	put_int(o, "restarts", s->restarts);
	json_set_str(o, "error", s->error);
	json_set_str(o, "cgroup", s->cgroup);
	json_set_str(o, "cgroup_v1", s->cgroup_v1);
	put_str(o, "injection", s->injection);
	if (s->ports)
		(void)json_object_set(o, "ports", s->ports);
	if (s->address)
		(void)json_object_set(o, "address", s->address);
	json_set_str(o, "name", s->name);
	json_set_str(o, "image", s->image);
	json_set_str(o, "image_id", s->image_id);
	put_str(o, "network", s->network);
	json_set_strv(o, "command", &s->command);
	json_set_strv(o, "labels", &s->labels);
	json_set_strv(o, "mounts", &s->mounts);
	return o;
}

static void copy_id(char *to, size_t size, const char *from)
{
	size_t n = strlen(from);

	if (n >= size)
		n = size - 1;
	memcpy(to, from, n);
	to[n] = '\0';
}

int container_state_from_json(const json_t *o, struct container_state *s, struct err *err)
{
	const char *status = json_str(o, "status", "");
	int i = 0;

	while (i < CONTAINER_STATUS_COUNT && !str_eq(status_names[i], status))
		i++;
	if (i == CONTAINER_STATUS_COUNT)
		return err_say(err, ERR_FAILED, "the record has the unknown status \"%s\"", status);
	s->status = (enum container_status)i;
	s->pid = json_int(o, "pid", 0);
	s->monitor_pid = json_int(o, "monitor_pid", 0);
	s->start_ticks = (uint64_t)json_int(o, "start_ticks", 0);
	copy_id(s->boot, sizeof(s->boot), json_str(o, "boot", ""));
	copy_id(s->machine, sizeof(s->machine), json_str(o, "machine", ""));
	s->host = xstrdup(json_str(o, "host", NULL));
	s->exit_code = json_int(o, "exit_code", 0);
	s->created = json_int(o, "created", 0);
	s->started_at = json_int(o, "started_at", 0);
	s->finished_at = json_int(o, "finished_at", 0);
	s->oom = json_bool(o, "oom", false);
	s->stopped_by_user = json_bool(o, "stopped_by_user", false);
	s->rm = json_bool(o, "rm", false);
	s->of_run = json_bool(o, "of_run", false);
	s->restarts = json_int(o, "restarts", 0);
	s->error = xstrdup(json_str(o, "error", NULL));
	s->cgroup = xstrdup(json_str(o, "cgroup", NULL));
	s->cgroup_v1 = xstrdup(json_str(o, "cgroup_v1", NULL));
	s->injection = xstrdup(json_str(o, "injection", NULL));
	s->ports = json_incref(json_object_get(o, "ports"));
	s->address = json_incref(json_object_get(o, "address"));
	s->name = xstrdup(json_str(o, "name", ""));
	s->image = xstrdup(json_str(o, "image", NULL));
	s->image_id = xstrdup(json_str(o, "image_id", NULL));
	s->network = xstrdup(json_str(o, "network", NULL));
	if (json_get_strv(o, "command", &s->command, err) < 0 ||
	    json_get_strv(o, "labels", &s->labels, err) < 0)
		return err ? err->code : -EINVAL;
	return json_get_strv(o, "mounts", &s->mounts, err);
}

int container_save_state(const struct container *container, struct err *err)
{
	auto_json json_t *json = container_state_to_json(&container->state);
	auto_free char *text = json_text(json);
	/* A container that fills the disk must still be recorded as ended. */
	int r = file_replace_or_overwrite_at(container->fd, STATE_FILE, text, strlen(text), 0600,
					     FILE_NO_SYNC);

	return r < 0 ? err_set(err, r, "cannot record the state of container %.12s", container->id)
		     : 0;
}

static int read_state_at(const struct engine *engine, int folder_fd, const char *file,
			 struct container *c, struct err *err)
{
	auto_json json_t *json = NULL;
	int r = json_read_at(folder_fd, file, RECORD_MAX, &json, err);

	container_state_done(&c->state);
	if (r == 0)
		r = container_state_from_json(json, &c->state, err);
	if (r < 0)
		return err_prefix(err, "container %.12s", c->id);
	c->state.foreign = c->state.machine[0] && !str_eq(c->state.machine, engine->machine);
	return 0;
}

static int read_state(const struct engine *engine, struct container *c, struct err *err)
{
	return read_state_at(engine, c->fd, STATE_FILE, c, err);
}

void container_forget_address(struct container_state *state)
{
	json_decref(state->address);
	state->address = NULL;
}

bool container_is_alive(const struct container *container)
{
	enum container_status s = container->state.status;

	return s == CONTAINER_RUNNING || s == CONTAINER_PAUSED || s == CONTAINER_STOPPING;
}

/*
 * A monitor that was killed, or a boot that is over: the container has ended, exit 137. Its
 * first process dies with the monitor; should it be left all the same, it is ended here, by a
 * pidfd that is checked against the record.
 */
static void repair(const struct engine *engine, struct container *c)
{
	auto_close int pidfd = -1;
	bool had_address = false;

	if (!container_is_alive(c) || c->state.foreign ||
	    state_is_locked(c->fd, STATE_LOCK_ALIVE) != 0)
		return;
	/* The monitor may have written its last words between our two looks. */
	if (read_state(engine, c, NULL) < 0 || !container_is_alive(c))
		return;
	if (str_eq(c->state.boot, engine->boot) && container_pidfd(c, &pidfd, NULL) == 0)
		(void)proc_kill(pidfd, 9); /* may have ended this moment */
	c->state.status = CONTAINER_EXITED;
	c->state.exit_code = 137;
	c->state.finished_at = time_now();
	c->state.pid = 0;
	c->state.monitor_pid = 0;
	had_address = c->state.address && str_eq(c->state.boot, engine->boot);
	container_forget_address(&c->state);
	(void)container_save_state(c, NULL); /* the next command repairs it again */
	bridge_repair(engine->run_fd, had_address);
}

int container_load(struct engine *engine, const char *id, struct container *ret, struct err *err)
{
	struct container c auto_done(container) = CONTAINER_INIT;
	int r = state_open_object(&engine->containers, id, &c.fd);

	if (r < 0)
		return err_say(err, ERR_NOT_FOUND,
			       "no container with name or ID \"%s\" found: no such container", id);
	copy_id(c.id, sizeof(c.id), id);
	r = read_state(engine, &c, err);
	if (r < 0)
		return r;
	repair(engine, &c);
	*ret = c;
	c = CONTAINER_INIT;
	return 0;
}

int container_open(struct engine *engine, struct container *container)
{
	return container->fd >= 0
		       ? 0
		       : state_open_object(&engine->containers, container->id, &container->fd);
}

int container_peek(struct engine *engine, const char *id, struct container *ret, struct err *err)
{
	struct container c auto_done(container) = CONTAINER_INIT;
	char file[STATE_ID_SIZE + sizeof(STATE_FILE)];
	int r = 0;

	copy_id(c.id, sizeof(c.id), id);
	(void)snprintf(file, sizeof(file), "%s/" STATE_FILE, c.id);
	r = read_state_at(engine, engine->containers.objects_fd, file, &c, err);
	if (r < 0)
		return r;
	if (container_is_alive(&c)) {
		if (container_open(engine, &c) < 0)
			return err_say(err, ERR_NOT_FOUND, "container %.12s was removed", c.id);
		repair(engine, &c);
	}
	*ret = c;
	c = CONTAINER_INIT;
	return 0;
}

int container_find(struct engine *engine, const char *name, struct container *ret, struct err *err)
{
	char id[STATE_ID_SIZE];
	int r = state_find(&engine->containers, name, "container", id, err);

	return r < 0 ? r : container_load(engine, id, ret, err);
}

int container_find_locked(struct engine *engine, const char *name, struct container *ret,
			  struct err *err)
{
	struct container c auto_done(container) = CONTAINER_INIT;
	int r = container_find(engine, name, &c, err);

	if (r < 0)
		return r;
	r = state_lock(c.fd, STATE_LOCK_CHANGE, true, &c.lock);
	if (r < 0)
		return err_set(err, r, "cannot lock container %s", name);
	r = read_state(engine, &c, err);
	if (r < 0)
		return r == -ENOENT ? err_say(err, ERR_NOT_FOUND,
					      "no container with name or ID \"%s\" found: no such "
					      "container",
					      name)
				    : r;
	repair(engine, &c);
	*ret = c;
	c = CONTAINER_INIT;
	return 0;
}

int container_load_spec(struct container *container, struct err *err)
{
	auto_json json_t *json = NULL;
	int r = 0;

	if (container->has_spec)
		return 0;
	r = json_read_at(container->fd, SPEC_FILE, RECORD_MAX, &json, err);
	if (r == 0)
		r = spec_from_json(json, &container->spec, err);
	if (r < 0)
		return err_prefix(err, "container %.12s", container->id);
	container->has_spec = true;
	return 0;
}

int container_pidfd(const struct container *container, int *ret_fd, struct err *err)
{
	auto_close int fd = -1;
	uint64_t ticks = 0;

	if (container->state.foreign)
		return err_say(err, ERR_STATE, "container %s runs on another machine, %s",
			       container->state.name, str_or(container->state.host, "unknown"));
	fd = container->state.pid > 0 ? proc_pidfd((pid_t)container->state.pid) : -ESRCH;
	/* Alive since before the record was written: so the descriptor is of the same process. */
	if (fd < 0 || proc_start_time((pid_t)container->state.pid, &ticks) < 0 ||
	    ticks != container->state.start_ticks)
		return err_say(err, ERR_STATE, "container %s is not running",
			       container->state.name);
	*ret_fd = fd_take(&fd);
	return 0;
}

char *container_path(const struct engine *engine, const char *id)
{
	return xasprintf("%s/containers/%s", engine->data_root, id);
}
