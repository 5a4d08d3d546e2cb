/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper: forked by `run` and `start`, it prepares and starts the container, reports once,
 * and becomes its monitor. Single-threaded, never dumpable, no terminal, no descriptor of the
 * caller. Must never print and never wait for the command that made it.
 *
 *     keeper ─┬─ container's first process   (runtime_create_begin), or with --runtime
 *             │    crun create ─ exits and leaves it to us; crun start; crun delete (foreign.h)
 *             ├─ bryo-net                    (net_start), while the former sets itself up;
 *             │    or bryo-bridge for a moment (bridge_start), and again at the end
 *             └─ bryo-scope                  (systemd hosts)
 */
#include "engine/container/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/fd.h"
#include "engine/base/pages.h"
#include "engine/base/proc.h"
#include "engine/base/time.h"
#include "engine/container/internal.h"
#include "engine/container/keeper-internal.h"
#include "engine/monitor/log.h"
#include "engine/monitor/monitor.h"

static void report(struct keeper *k, const struct err *err, const struct strv *warnings)
{
	struct keeper_report r = { .pid = k->process.pid };
	size_t used = 0;

	if (k->report_fd < 0)
		return;
	if (err)
		r.err = *err;
	for (size_t i = 0; warnings && i < warnings->count; i++) {
		size_t n = strlen(warnings->v[i]);

		if (used + n + 2 > sizeof(r.warnings))
			break;
		memcpy(r.warnings + used, warnings->v[i], n);
		used += n;
		r.warnings[used++] = '\n';
	}
	(void)fd_write_all(k->report_fd, &r, sizeof(r)); /* the command may be gone; we go on */
	fd_close(&k->report_fd);
}

/* Becomes a process that stays: only the stores, our report and the first client are kept. */
static int settle(struct keeper *k, struct err *err)
{
	const struct engine *e = k->engine;
	int keep[16 + LISTEN_FDS_MAX] = { k->report_fd,
					  k->container->fd,
					  e->run_fd,
					  e->containers.root_fd,
					  e->containers.objects_fd,
					  e->containers.names_fd,
					  e->storage.root_fd,
					  e->storage.layers_fd,
					  e->storage.containers_fd,
					  e->images.fd,
					  e->volumes.fd,
					  k->first.control,
					  k->first.in,
					  k->first.out,
					  k->first.err };
	size_t kept = 15;
	int r = 0;

	for (size_t i = 0; i < k->listen.count; i++)
		keep[kept++] = k->listen.fds[i];
	pages_own();
	/* The parent keeps the change lock until our report; a copy of it here would outlive that.
	 */
	k->container->lock = -1;
	r = proc_stay(keep, kept, "bryo-monitor");
	if (r == 0)
		r = monitor_prepare();
	if (r < 0)
		return err_set(err, r, "cannot become the monitor");
	r = state_lock(k->container->fd, STATE_LOCK_ALIVE, false, &k->alive_lock);
	if (r == -EAGAIN)
		return err_say(err, ERR_STATE, "container %s is running already",
			       k->container->state.name);
	return r < 0 ? err_set(err, r, "cannot lock container %s", k->container->state.name) : 0;
}

static const char *log_option(const struct container_spec *spec, const char *name)
{
	return strv_env_get(&spec->log_opts, name);
}

static int open_log(struct keeper *k, struct err *err)
{
	const struct container_spec *spec = &k->container->spec;
	const char *path = log_option(spec, "path");
	auto_close int folder = path ? open("/", O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	const char *size = log_option(spec, "max-size");
	struct log_config config = { .dir_fd = path ? folder : k->container->fd,
				     .name = path,
				     .id = spec->id,
				     .ctr_name = spec->name,
				     .tag = log_option(spec, "tag") };
	int r = log_driver_parse(spec->log_driver, &config.driver, err);

	if (r == 0 && size && str_to_bytes(size, &config.max_size) < 0)
		r = err_say(err, ERR_USAGE, "invalid --log-opt max-size=%s", size);
	return r < 0 ? r : log_writer_new(&config, &k->log, err);
}

static int open_helpers(struct keeper *k, struct err *err)
{
	const struct container_spec *spec = &k->container->spec;
	auto_free char *path = NULL;

	if (mkdirat(k->engine->containers.root_fd, "seccomp", 0700) == 0 || errno == EEXIST)
		k->seccomp_fd = openat(k->engine->containers.root_fd, "seccomp",
				       O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (!spec->init)
		return 0;
	if (!spec->init_path && proc_libexec("bryo-init", &path) < 0)
		return err_say(err, ERR_UNSUPPORTED,
			       "--init: bryo-init is not installed beside bryo");
	k->init_fd = open(spec->init_path ? spec->init_path : path, O_PATH | O_CLOEXEC);
	if (k->init_fd < 0)
		return err_set(err, -errno, "--init: cannot open %s",
			       spec->init_path ? spec->init_path : path);
	return 0;
}

static int listen_for_clients(struct keeper *k, struct err *err)
{
	memcpy(k->socket_name, k->container->id, sizeof(k->socket_name));
	return attach_listen(k->engine->run_fd, k->socket_name, &k->listen_fd, err);
}

int keeper_open_ends(struct keeper *k, struct err *err)
{
	int r = 0;

	if (k->listen_fd >= 0)
		return 0; /* from the first start */
	r = open_log(k, err);
	return r < 0 ? r : listen_for_clients(k, err);
}

static void record_failure(struct keeper *k, const struct err *err)
{
	struct container_state *s = &k->container->state;

	s->error = xstrdup(err->text);
	s->exit_code = err_exit_status(err);
	container_forget_address(s);
	s->pid = 0;
	s->monitor_pid = 0;
	s->finished_at = time_now();
	s->status = s->started_at || s->status == CONTAINER_EXITED ? CONTAINER_EXITED
								   : CONTAINER_CREATED;
	(void)container_save_state(k->container, NULL); /* the report has the reason */
}

void keeper_main(struct keeper_args *args)
{
	struct keeper k = { .engine = args->engine,
			    .container = args->container,
			    .first = args->first,
			    .report_fd = args->report_fd,
			    .listen = *args->listen,
			    .alive_lock = -1,
			    .listen_fd = -1,
			    .mounts_fd = -1,
			    .cgroup = KEEPER_CGROUP_INIT,
			    .net = NET_PROCESS_INIT,
			    .bridge = BRIDGE_INIT,
			    .process = RUNTIME_CONTAINER_INIT,
			    .pipes = { { -1, -1 }, { -1, -1 }, { -1, -1 } },
			    .init_fd = -1,
			    .seccomp_fd = -1 };
	struct strv warnings auto_done(strv) = STRV_INIT;
	struct err err = ERR_INIT;
	int r = settle(&k, &err);
	bool settled = r == 0;

	if (r == 0)
		r = open_helpers(&k, &err);
	if (r == 0)
		r = keeper_start(&k, &warnings, &err);
	if (r < 0 && settled)
		record_failure(&k, &err);
	report(&k, r < 0 ? &err : NULL, &warnings);
	strv_done(&warnings);
	if (r == 0)
		(void)keeper_keep(&k, &err);
	bridge_reap(&k.bridge);
	/* Whoever waited has been told: now the files of a --rm container can take their time. */
	if (k.gone) {
		(void)sched_yield(); /* it may be waiting for this very processor */
		fd_close(&k.mounts_fd);
		state_release_name(&k.engine->containers, k.container->state.name, k.container->id);
		(void)storage_sweep(&k.engine->storage, NULL);
	}
	if (k.listen_fd >= 0)
		(void)unlinkat(k.engine->run_fd, k.socket_name,
			       0); /* removed with the container already */
	_exit(r < 0);
}
