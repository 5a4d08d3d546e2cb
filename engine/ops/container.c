/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on containers: names to objects, order of steps, results as ops.h promises them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/fd.h"
#include "engine/base/json.h"
#include "engine/base/time.h"
#include "engine/ops/internal.h"
#include "engine/spec/defaults.h"
#include "engine/spec/runtime.h"
#include "netns/port/port.h"

/* ---- Create, run, start ---- */

static int create(struct ops *ops, struct request *request, struct container *ret, struct err *err)
{
	const json_t *conf = NULL;
	int r = ops_conf(ops, &conf, err);

	strv_add_all(&request->storage_opts, &ops->storage_limits);
	if (!request->runtime)
		request->runtime = xstrdup(ops->runtime);
	if (r == 0)
		r = spec_runtime_find(conf, request, err);
	if (r == 0)
		r = spec_defaults(conf, request, err);
	if (r == 0 && conf && ops->engine.rootless)
		r = spec_defaults_network(conf, request, err);
	if (r == 0)
		r = ops_ensure_image(ops, request, err);
	return r < 0 ? r : container_create(&ops->engine, request, ret, err);
}

int ops_container_create(struct ops *ops, struct request *request, char **ret_id, struct err *err)
{
	struct container c auto_done(container) = CONTAINER_INIT;
	int r = create(ops, request, &c, err);

	container_sweep(&ops->engine);
	if (r == 0)
		*ret_id = xstrdup(c.id);
	return r;
}

/* A container of --rm that never ran goes with its failed start. */
static void discard_failed(struct ops *ops, struct container *c, const struct request *request)
{
	if (!request->rm)
		return;
	if (container_discard(&ops->engine, c, true, NULL) == 0) /* the start's error is told */
		state_release_name(&ops->engine.containers, c->state.name, c->id);
}

static bool attaches(const struct request *request, const char *stream)
{
	return request->attach.count == 0 || strv_has(&request->attach, stream);
}

static unsigned int wanted_streams(const struct request *request)
{
	unsigned int streams = 0;

	if (request->detach)
		return 0;
	if (request->interactive && attaches(request, "stdin"))
		streams |= ATTACH_STDIN;
	if (attaches(request, "stdout"))
		streams |= ATTACH_STDOUT;
	if (attaches(request, "stderr") && !request->tty)
		streams |= ATTACH_STDERR;
	return streams ? streams : ATTACH_STDOUT;
}

/* --rmi: the monitor has removed the image, or could not while others use it. */
static void tell_kept_image(struct ops *ops, const struct container *c, struct strv *warnings)
{
	struct strv users auto_done(strv) = STRV_INIT;

	if (!c->spec.rmi ||
	    container_users_of_image(&ops->engine, c->spec.image_id, &users, NULL) < 0 ||
	    users.count == 0 || strv_has(&users, c->id)) /* detached from: it is not over yet */
		return;
	strv_addf(warnings, "Failed to remove image %s: it is in use by container %.12s",
		  c->spec.raw_image, users.v[0]);
}

int ops_container_run(struct ops *ops, struct request *request, char **ret_id, int *ret_status,
		      struct strv *ret_warnings, struct err *err)
{
	struct container c auto_done(container) = CONTAINER_INIT;
	struct attach_peer client = ATTACH_PEER_INIT;
	struct container_start_args args = { .streams = wanted_streams(request),
					     .warnings = ret_warnings };
	int r = container_check_detach_keys(request->detach_keys, err);

	request->run = true;
	if (r == 0)
		r = create(ops, request, &c, err);
	if (r < 0)
		return r;
	r = container_start(&ops->engine, &c, &args, &client, err);
	if (r < 0) {
		discard_failed(ops, &c, request);
		return r;
	}
	*ret_id = xstrdup(c.id);
	*ret_status = 0;
	/* Sweeping beside the running container costs its user nothing. */
	container_sweep(&ops->engine);
	if (request->detach)
		return 0;
	r = container_attach_client(&ops->engine, &c, &client, (args.streams & ATTACH_STDIN) != 0,
				    request->sig_proxy != REQUEST_FALSE, request->detach_keys,
				    ret_status, err);
	if (r == 0)
		tell_kept_image(ops, &c, ret_warnings);
	return r;
}

int ops_container_start(struct ops *ops, const char *name, const struct ops_start_args *args,
			int *ret_status, struct err *err)
{
	struct container c auto_done(container) = CONTAINER_INIT;
	struct attach_peer client = ATTACH_PEER_INIT;
	struct container_start_args start = { 0 };
	int r = container_check_detach_keys(args->detach_keys, err);

	if (r == 0)
		r = container_find_locked(&ops->engine, name, &c, err);
	if (r == 0)
		r = container_load_spec(&c, err);
	if (r < 0)
		return r;
	*ret_status = 0;
	if (container_is_alive(&c)) {
		if (!args->attach)
			return 0;
		fd_close(&c.lock); /* others may stop it while we look on */
		return container_attach(&ops->engine, &c, !args->interactive, args->sig_proxy,
					args->detach_keys, ret_status, err);
	}
	if (args->attach)
		start.streams = ATTACH_STDOUT | (c.spec.tty ? 0 : ATTACH_STDERR) |
				(args->interactive && c.spec.interactive ? ATTACH_STDIN : 0);
	r = container_start(&ops->engine, &c, &start, &client, err);
	if (r < 0 || !args->attach)
		return r;
	return container_attach_client(&ops->engine, &c, &client,
				       (start.streams & ATTACH_STDIN) != 0, args->sig_proxy,
				       args->detach_keys, ret_status, err);
}

/* ---- End ---- */

int ops_container_stop(struct ops *ops, const char *name, int timeout, struct err *err)
{
	struct container c auto_done(container) = CONTAINER_INIT;
	int r = container_find_locked(&ops->engine, name, &c, err);

	return r < 0 ? r : container_stop(&ops->engine, &c, timeout, err);
}

int ops_container_restart(struct ops *ops, const char *name, int timeout, struct err *err)
{
	struct ops_start_args args = { 0 };
	auto_free char *id = NULL;
	int status = 0;
	int r = ops_container_resolve(ops, name, &id, NULL, err);

	if (r == 0)
		r = ops_container_stop(ops, id, timeout, err);
	return r < 0 ? r : ops_container_start(ops, id, &args, &status, err);
}

int ops_container_kill(struct ops *ops, const char *name, const char *signal, struct err *err)
{
	struct container c auto_done(container) = CONTAINER_INIT;
	int number = spec_signal_parse(signal);
	int r = 0;

	if (number < 0)
		return err_say(err, ERR_USAGE, "invalid signal: %s", signal);
	r = container_find(&ops->engine, name, &c, err);
	return r < 0 ? r : container_kill(&ops->engine, &c, number, err);
}

static int pause_or_not(struct ops *ops, const char *name, bool pause, struct err *err)
{
	struct container c auto_done(container) = CONTAINER_INIT;
	int r = container_find_locked(&ops->engine, name, &c, err);

	return r < 0 ? r : container_pause(&c, pause, err);
}

int ops_network_reload(struct ops *ops, const char *name, struct err *err)
{
	struct container c auto_done(container) = CONTAINER_INIT;
	int r = container_find(&ops->engine, name, &c, err);

	return r < 0 ? r : container_reload_network(&ops->engine, &c, err);
}

bool ops_network_is_user_mode(struct ops *ops, const char *name)
{
	struct container c auto_done(container) = CONTAINER_INIT;

	return container_find(&ops->engine, name, &c, NULL) == 0 &&
	       container_load_spec(&c, NULL) == 0 && c.spec.net.kind == SPEC_NS_PRIVATE;
}

int ops_container_pause(struct ops *ops, const char *name, struct err *err)
{
	return pause_or_not(ops, name, true, err);
}

int ops_container_unpause(struct ops *ops, const char *name, struct err *err)
{
	return pause_or_not(ops, name, false, err);
}

int ops_container_rm(struct ops *ops, const char *name, const struct ops_rm_args *args,
		     struct err *err)
{
	struct container_remove_args remove = { .force = args->force,
						.volumes = args->volumes,
						.timeout = args->timeout };
	int r = container_remove(&ops->engine, name, &remove, err);

	if (r < 0 && args->ignore && err->kind == ERR_NOT_FOUND) {
		*err = ERR_INIT;
		return 0;
	}
	return r;
}

/* Podman's words for states; those without a state here are never reached. */
static int parse_condition(const char *word, unsigned int *ret_states, struct err *err)
{
	static const struct {
		const char *word;
		unsigned int states;
	} known[] = {
		{ "created", 1U << CONTAINER_CREATED },
		{ "running", 1U << CONTAINER_RUNNING },
		{ "paused", 1U << CONTAINER_PAUSED },
		{ "stopping", 1U << CONTAINER_STOPPING },
		{ "stopped", 1U << CONTAINER_EXITED },
		{ "exited", 1U << CONTAINER_EXITED },
		{ "removing", 1U << CONTAINER_REMOVING },
		{ "initialized", 0 },
		{ "unknown", 0 },
	};

	if (str_eq(word, "healthy") || str_eq(word, "unhealthy"))
		return err_say(err, ERR_UNSUPPORTED,
			       "--condition %s is not supported yet: bryo runs no health checks",
			       word);
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (str_eq(known[i].word, word)) {
			*ret_states |= known[i].states;
			return 0;
		}
	return err_say(err, ERR_USAGE, "unknown container state: %s: invalid argument", word);
}

int ops_container_wait(struct ops *ops, const char *name, const struct ops_wait_args *args,
		       int *ret_status, struct err *err)
{
	const unsigned int ends = 1U << CONTAINER_EXITED | 1U << CONTAINER_REMOVING;
	struct container c auto_done(container) = CONTAINER_INIT;
	unsigned int states = 0;
	int r = 0;

	for (size_t i = 0; i < args->conditions.count && r == 0; i++)
		r = parse_condition(args->conditions.v[i], &states, err);
	if (r == 0)
		r = container_find(&ops->engine, name, &c, err);
	if (r < 0)
		return r;
	/* The monitor itself tells of the end, also when the record goes with it. */
	if (args->conditions.count == 0 ||
	    ((states & ~ends) == 0 && states && container_is_alive(&c)))
		return container_wait(&ops->engine, &c, ret_status, err);
	return container_wait_for(&ops->engine, c.id, states, (int)args->interval_ms, ret_status,
				  err);
}

/* ---- Inside ---- */

int ops_container_top(struct ops *ops, const char *name, const struct strv *descriptors,
		      struct strv *ret_lines, struct err *err)
{
	return container_top(&ops->engine, name, descriptors, ret_lines, err);
}

void ops_container_top_descriptors(struct strv *ret_names)
{
	container_top_descriptors(ret_names);
}

int ops_container_exec(struct ops *ops, const char *name, const struct ops_exec_args *args,
		       int *ret_status, char **ret_session, struct err *err)
{
	struct container_exec_args exec = { .command = &args->command,
					    .env = &args->env,
					    .env_files = &args->env_files,
					    .user = args->user,
					    .workdir = args->workdir,
					    .detach_keys = args->detach_keys,
					    .interactive = args->interactive,
					    .tty = args->tty,
					    .detach = args->detach,
					    .privileged = args->privileged,
					    .preserve_fds = args->preserve_fds };

	return container_exec(&ops->engine, name, &exec, ret_status, ret_session, err);
}

int ops_container_attach(struct ops *ops, const char *name, const struct ops_attach_args *args,
			 int *ret_status, struct err *err)
{
	struct container c auto_done(container) = CONTAINER_INIT;
	int r = container_find(&ops->engine, name, &c, err);

	return r < 0 ? r
		     : container_attach(&ops->engine, &c, args->no_stdin, args->sig_proxy,
					args->detach_keys, ret_status, err);
}

static int parse_point(const char *text, const char *flag, int64_t *ret_point, struct err *err)
{
	if (text && time_parse_point(text, ret_point) < 0)
		return err_say(err, ERR_USAGE,
			       "invalid value \"%s\" for %s: want a time or a duration such as 10m",
			       text, flag);
	return 0;
}

int ops_container_logs(struct ops *ops, const struct strv *names, const struct ops_logs_args *args,
		       struct err *err)
{
	struct container_logs_args logs = { .follow = args->follow,
					    .timestamps = args->timestamps,
					    .names = args->names,
					    .color = args->color,
					    .tail = args->tail };
	int r = parse_point(args->since, "--since", &logs.since, err);

	if (r == 0)
		r = parse_point(args->until, "--until", &logs.until, err);
	return r < 0 ? r : container_logs(&ops->engine, names, &logs, err);
}

/* ---- Listing ---- */

struct listed {
	struct container *v;
	size_t count;
};

static void listed_done(struct listed *list)
{
	for (size_t i = 0; i < list->count; i++)
		container_done(&list->v[i]);
	free(list->v);
	*list = (struct listed){ 0 };
}

static int newest_first(const void *a, const void *b)
{
	const struct container *x = a;
	const struct container *y = b;

	if (x->state.created != y->state.created)
		return x->state.created < y->state.created ? 1 : -1;
	return strcmp(x->id, y->id);
}

/* Every container, newest first. Those of --rm that ended are about to go and are left out. */
static int load_all(struct ops *ops, struct listed *ret, struct err *err)
{
	struct strv ids auto_done(strv) = STRV_INIT;
	int r = state_list(&ops->engine.containers, &ids, err);

	if (r < 0)
		return r;
	ret->v = xcalloc(ids.count, sizeof(*ret->v));
	for (size_t i = 0; i < ids.count; i++) {
		struct container *c = &ret->v[ret->count];

		*c = CONTAINER_INIT;
		if (container_peek(&ops->engine, ids.v[i], c, NULL) < 0)
			continue; /* removed this moment */
		/* A few descriptors, however many containers. */
		fd_close(&c->fd);
		if (c->state.rm && c->state.status == CONTAINER_EXITED)
			container_done(c);
		else
			ret->count++;
	}
	if (ret->count > 1)
		qsort(ret->v, ret->count, sizeof(*ret->v), newest_first);
	return 0;
}

static bool has_status_filter(const struct strv *filters)
{
	for (size_t i = 0; i < filters->count; i++)
		if (str_starts(filters->v[i], "status=") || str_starts(filters->v[i], "exited="))
			return true;
	return false;
}

int ops_container_ps(struct ops *ops, const struct ops_ps_args *args, json_t **ret_list,
		     struct err *err)
{
	struct listed all auto_done(listed) = { 0 };
	auto_json json_t *list = json_array();
	bool every = args->all || args->last > 0 || has_status_filter(&args->filters);
	int r = ops_filters_check(&args->filters, err);

	if (r == 0)
		r = load_all(ops, &all, err);
	for (size_t i = 0; i < all.count && r == 0; i++) {
		bool pass = every || container_is_alive(&all.v[i]);

		if (args->last > 0 && json_array_size(list) >= (size_t)args->last)
			break;
		if (pass)
			r = ops_filter_container(ops, &args->filters, &all.v[i], &pass, err);
		if (r == 0 && pass)
			(void)json_array_append_new(
				list, args->brief ? container_ps_brief(&all.v[i])
						  : container_ps_json(&ops->engine, &all.v[i],
								      args->size));
	}
	if (r < 0)
		return r;
	*ret_list = take(list);
	return 0;
}

int ops_container_select(struct ops *ops, enum ops_select select, const struct strv *filters,
			 struct strv *ret_ids, struct err *err)
{
	struct listed all auto_done(listed) = { 0 };
	int r = filters ? ops_filters_check(filters, err) : 0;

	if (r == 0)
		r = load_all(ops, &all, err);
	for (size_t i = 0; i < all.count && r == 0; i++) {
		bool pass = select != OPS_RUNNING || container_is_alive(&all.v[i]);

		if (pass && filters)
			r = ops_filter_container(ops, filters, &all.v[i], &pass, err);
		if (r == 0 && pass)
			strv_add(ret_ids, all.v[i].id);
		if (select == OPS_LATEST && ret_ids->count)
			break;
	}
	if (r == 0 && select == OPS_LATEST && ret_ids->count == 0)
		return err_say(err, ERR_NOT_FOUND, "no containers");
	return r;
}

/* ---- One ---- */

int ops_container_inspect(struct ops *ops, const char *name, bool size, json_t **ret_object,
			  struct err *err)
{
	struct container c auto_done(container) = CONTAINER_INIT;
	int r = container_find(&ops->engine, name, &c, err);

	return r < 0 ? r : container_inspect_json(&ops->engine, &c, size, ret_object, err);
}

int ops_container_exists(struct ops *ops, const char *name, bool *ret_exists, struct err *err)
{
	char id[STATE_ID_SIZE];
	int r = state_find(&ops->engine.containers, name, "container", id, err);

	*ret_exists = r == 0;
	if (r < 0 && err->kind == ERR_NOT_FOUND) {
		*err = ERR_INIT;
		return 0;
	}
	return r;
}

int ops_container_rename(struct ops *ops, const char *name, const char *new_name, struct err *err)
{
	return container_rename(&ops->engine, name, new_name, err);
}

int ops_container_resolve(struct ops *ops, const char *name, char **ret_id, char **ret_name,
			  struct err *err)
{
	struct container c auto_done(container) = CONTAINER_INIT;
	int r = container_find(&ops->engine, name, &c, err);

	if (r < 0)
		return r;
	*ret_id = xstrdup(c.id);
	if (ret_name)
		*ret_name = xstrdup(c.state.name);
	return 0;
}

/* "80" or "80/udp" against "80/tcp -> ...". */
static bool port_matches(const char *line, const char *wanted)
{
	const char *arrow = strstr(line, " -> ");
	size_t n = arrow ? (size_t)(arrow - line) : strlen(line);
	auto_free char *key = xstrndup(line, n);

	if (strchr(wanted, '/'))
		return str_eq(key, wanted);
	return strncmp(key, wanted, strlen(wanted)) == 0 && str_eq(key + strlen(wanted), "/tcp");
}

int ops_container_port(struct ops *ops, const char *name, const char *port, struct strv *ret_lines,
		       struct err *err)
{
	struct container c auto_done(container) = CONTAINER_INIT;
	struct port_list ports auto_done(port_list) = PORT_LIST_INIT;
	struct buf text auto_done(buf) = BUF_INIT;
	struct strv lines auto_done(strv) = STRV_INIT;
	int r = container_find(&ops->engine, name, &c, err);

	/* Nothing is published by a container that does not run: Podman's answer too. */
	if (r < 0 || !container_is_alive(&c))
		return r;
	if (c.state.ports)
		r = port_list_from_json(&ports, c.state.ports, err);
	if (r < 0)
		return r;
	port_list_lines(&ports, &text);
	strv_split(&lines, str_or(text.data, ""), '\n');
	for (size_t i = 0; i < lines.count; i++)
		if (lines.v[i][0] && (!port || port_matches(lines.v[i], port)))
			strv_add(ret_lines, port ? strstr(lines.v[i], " -> ") + 4 : lines.v[i]);
	if (port && ret_lines->count == 0)
		return err_say(err, ERR_NOT_FOUND, "failed to find published port \"%s\"", port);
	return 0;
}
