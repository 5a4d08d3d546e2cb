/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper: forked by `run` and `start`, it prepares and starts the container, reports once,
 * and becomes its monitor. Single-threaded, never dumpable, no terminal, no descriptor of the
 * caller. Must never print and never wait for the command that made it.
 *
 *     keeper ─┬─ container's first process   (runtime_create_begin), or with --runtime
 *             │    crun create ─ exits and leaves it to us; crun start; crun delete (foreign.h)
 *             ├─ bryo-net                    (net_start), while the former sets itself up
 *             └─ bryo-scope                  (systemd hosts)
 */
#include "engine/container/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/fd.h"
#include "engine/base/pages.h"
#include "engine/base/proc.h"
#include "engine/base/time.h"
#include "engine/container/foreign.h"
#include "engine/container/internal.h"
#include "engine/container/keeper-cgroup.h"
#include "engine/container/label.h"
#include "engine/monitor/log.h"
#include "engine/monitor/monitor.h"
#include "engine/runtime/runtime.h"
#include "netns/net.h"
#include "netns/netns.h"

struct keeper {
	struct engine *engine;
	struct container *container;
	struct attach_peer first;
	int report_fd;
	int alive_lock;
	int listen_fd;
	char socket_name[STATE_ID_SIZE];
	struct log_writer *log;
	struct keeper_cgroup cgroup;
	struct net_process net;
	struct runtime_container process;
	int pipes[3][2]; /* in, out, err: ours is [0] for reading ends, [1] for in's writing end */
	int init_fd, seccomp_fd;
	bool gone; /* --rm has taken the container away */
};

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

/* ---- Set-up ---- */

/* Becomes a process that stays: only the stores, our report and the first client are kept. */
static int settle(struct keeper *k, struct err *err)
{
	const struct engine *e = k->engine;
	int keep[] = { k->report_fd,
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
	int r = 0;

	pages_own();
	/* The parent keeps the change lock until our report; a copy of it here would outlive that.
	 */
	k->container->lock = -1;
	r = proc_stay(keep, ARRAY_SIZE(keep), "bryo-monitor");
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

/* Pipes between container and monitor: none with a terminal. */
static int open_pipes(struct keeper *k, struct err *err)
{
	bool wanted[3] = { k->container->spec.interactive, true, true };
	int r = 0;

	for (int i = 0; i < 3; i++)
		k->pipes[i][0] = k->pipes[i][1] = -1;
	for (int i = 0; i < 3 && !k->container->spec.tty; i++)
		if (wanted[i] && r == 0)
			r = label_pipe(k->container, k->pipes[i]);
	return r < 0 ? err_set(err, r, "cannot make a pipe") : 0;
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

/* ---- One start ---- */

static int open_root(void *data, int *ret_fd, struct err *err)
{
	int *root_fd = data;

	(void)err;
	*ret_fd = fd_take(root_fd);
	return 0;
}

static int start_network(struct keeper *k, const struct preparation *p, struct err *err)
{
	struct net_args args = { .options = &p->net_options, .ports = &p->ports };

	return p->has_net ? net_start(&args, &k->net, err) : 0;
}

/*
 * A nested user namespace's root is undumpable for a moment while it takes its ids, and its
 * /proc files are closed to us then (ptrace(2)): a few more looks are enough.
 */
static int open_netns(pid_t pid, int *ret_fd, struct err *err)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	int r = 0;

	for (int tries = 0; tries < 200; tries++) {
		r = netns_open(pid, ret_fd, err);
		if (r != -EACCES)
			return r;
		(void)nanosleep(&moment, NULL); /* cut short by a signal is fine */
	}
	return r;
}

static int attach_network(struct keeper *k, struct err *err)
{
	auto_close int netns = -1;
	int r = 0;

	if (k->net.pid <= 0)
		return 0;
	r = open_netns(k->process.pid, &netns, err);
	return r < 0 ? r : net_attach(&k->net, netns, k->process.pidfd, err);
}

/*
 * Clone, network and set-up side by side; then the exec. What fails is undone by undo_start().
 */
static int create_and_start(struct keeper *k, struct preparation *p, struct strv *warnings,
			    struct err *err)
{
	struct runtime_create_args args = { RUNTIME_CREATE_ARGS_INIT, .spec = &p->oci,
					    .id = k->container->id, .open_root = open_root,
					    .open_root_data = &p->root_fd };
	bool foreign = container_is_foreign(k->container);
	int r = 0;

	/* A monitor that was killed has left a record, which would be in the way. */
	if (foreign)
		(void)container_foreign_delete(k->engine, k->container, NULL);
	r = keeper_cgroup_create(k->engine, k->container, &p->oci, &k->cgroup, warnings, err);
	if (r < 0)
		return r;
	args.cgroup_fd = k->cgroup.cgroup.fd;
	args.init_fd = k->init_fd;
	args.seccomp_cache_fd = k->seccomp_fd;
	args.stdio[0] = k->pipes[0][0];
	args.stdio[1] = k->pipes[1][1];
	args.stdio[2] = k->pipes[2][1];
	/*
	 * The child inherits whether it is dumpable, and what it is decides whether we may open
	 * its namespaces. No program of a container runs before the end of this function, and one
	 * that shares our process ids could trace us only with all the capabilities that we have.
	 */
	(void)prctl(PR_SET_DUMPABLE, 1);
	r = foreign ? container_foreign_create(k->engine, k->container, p, &args,
					       k->cgroup.cgroup.path, &k->process, err)
		    : runtime_create_begin(&args, &k->process, err);
	if (r == 0)
		r = keeper_cgroup_enter(&k->cgroup, k->process.pid, err);
	if (r == 0)
		r = attach_network(k, err);
	if (r == 0 && !foreign)
		r = runtime_create_finish(&k->process, err);
	(void)prctl(PR_SET_DUMPABLE, 0);
	if (r == 0 && k->net.pid > 0)
		r = net_wait_ready(&k->net, 20000, err);
	if (r == 0)
		r = foreign ? container_foreign_start(k->engine, k->container, err)
			    : runtime_start(&k->process, err);
	return r;
}

static void close_container_ends(struct keeper *k)
{
	fd_close(&k->pipes[0][0]);
	fd_close(&k->pipes[1][1]);
	fd_close(&k->pipes[2][1]);
}

static void undo_start(struct keeper *k)
{
	/* The failing step may have reaped it: then there is nothing to wait for. */
	if (k->process.pidfd >= 0 && proc_kill(k->process.pidfd, SIGKILL) == 0)
		(void)proc_wait(k->process.pid);
	runtime_container_done(&k->process);
	if (container_is_foreign(k->container))
		(void)container_foreign_delete(k->engine, k->container, NULL);
	net_stop(&k->net);
	keeper_cgroup_remove(&k->cgroup);
	for (int i = 0; i < 3; i++) {
		fd_close(&k->pipes[i][0]);
		fd_close(&k->pipes[i][1]);
	}
}

static void record_running(struct keeper *k, const struct preparation *p)
{
	struct container_state *s = &k->container->state;
	char host[65] = "";

	s->status = CONTAINER_RUNNING;
	s->pid = k->process.pid;
	s->monitor_pid = getpid();
	(void)proc_start_time(k->process.pid, &s->start_ticks); /* 0 when it has ended already */
	memcpy(s->boot, k->engine->boot, sizeof(s->boot));
	memcpy(s->machine, k->engine->machine, sizeof(s->machine));
	(void)gethostname(host, sizeof(host) - 1);
	free(s->host);
	s->host = xstrdup(host);
	s->started_at = time_now();
	s->finished_at = 0;
	s->exit_code = 0;
	s->oom = false;
	s->stopped_by_user = false;
	free(take(s->error));
	free(s->cgroup);
	free(s->cgroup_v1);
	s->cgroup = xstrdup(k->cgroup.cgroup.path);
	s->cgroup_v1 = xstrdup(k->cgroup.cgroup.v1_path);
	json_decref(s->ports);
	s->ports = p->ports.count ? port_list_to_json(&p->ports) : NULL;
}

static int write_pidfile(const struct keeper *k, struct err *err)
{
	const char *path = k->container->spec.pidfile;
	auto_close int fd = -1;

	if (!path)
		return 0;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || dprintf(fd, "%d", (int)k->process.pid) < 0)
		return err_set(err, -errno, "cannot write the pid file %s", path);
	return 0;
}

static int start_once(struct keeper *k, struct strv *warnings, struct err *err)
{
	struct preparation p auto_done(preparation);
	int r = 0;

	preparation_init(&p);
	/* First of all: bryo-net comes up on another processor while the rest is prepared. */
	r = container_prepare_network(&k->container->spec, &p, err);
	if (r == 0)
		r = start_network(k, &p, err);
	if (r == 0)
		r = container_prepare(k->engine, k->container, &p, err);
	if (r == 0)
		r = open_pipes(k, err);
	if (r == 0)
		r = create_and_start(k, &p, warnings, err);
	close_container_ends(k);
	if (r == 0) {
		record_running(k, &p);
		r = container_save_state(k->container, err);
	}
	if (r == 0)
		r = write_pidfile(k, err);
	if (r < 0)
		undo_start(k);
	return r;
}

/* ---- The end ---- */

static bool wants_restart(const struct container_spec *spec, const struct container_state *state,
			  const struct monitor_exit *exit)
{
	if (exit->exit.stopped)
		return false;
	switch (spec->restart) {
	case SPEC_RESTART_ALWAYS:
	case SPEC_RESTART_UNLESS_STOPPED:
		return true;
	case SPEC_RESTART_ON_FAILURE:
		return exit->exit.status != 0 &&
		       (spec->restart_retries == 0 || state->restarts < spec->restart_retries);
	case SPEC_RESTART_NO:
		return false;
	}
	return false;
}

/* What must be done before anybody is told of the end. */
static int on_exit_hook(void *data, const struct monitor_exit *exit)
{
	struct keeper *k = data;
	struct container *c = k->container;
	struct err err = ERR_INIT;

	/*
	 * Its ports must be free by now. The process itself takes 20 ms and more to give its
	 * interface up, which nobody has to wait for.
	 */
	net_stop(&k->net);
	/* What it keeps beyond that is removed with the container at the latest. */
	if (container_is_foreign(c))
		(void)container_foreign_delete(k->engine, c, NULL);
	keeper_cgroup_remove(&k->cgroup);
	/* Between two runs it counts as running: `wait` and `ps` look at the policy's end alone. */
	if (wants_restart(&c->spec, &c->state, exit))
		return 0;
	c->state.status = CONTAINER_EXITED;
	c->state.exit_code = exit->exit.status;
	c->state.finished_at = exit->finished_at;
	c->state.oom = exit->exit.oom;
	c->state.stopped_by_user = exit->exit.stopped;
	c->state.pid = 0;
	c->state.monitor_pid = 0;
	if (c->spec.rm) {
		(void)unlinkat(k->engine->run_fd, k->socket_name,
			       0); /* nobody can attach any more */
		k->gone = container_discard(k->engine, c, true, &err) == 0;
		/* One that others use stays; the command tells so. */
		if (k->gone && c->spec.rmi)
			(void)container_remove_image(k->engine, &c->spec, NULL);
		return !k->gone;
	}
	return container_save_state(c, &err) < 0;
}

static bool oom_hook(void *data)
{
	struct keeper *k = data;

	return cgroup_oom_count(&k->cgroup.cgroup) > 0;
}

/* Beyond 68 years there is no difference. */
static int64_t timeout_ms_of(const struct container_spec *spec)
{
	return (spec->timeout < INT32_MAX ? spec->timeout : INT32_MAX) * 1000;
}

static struct monitor_args monitor_args_of(struct keeper *k, const struct monitor_hooks *hooks)
{
	bool tty = k->container->spec.tty;
	struct monitor_args args = { .pid = k->process.pid,
				     .pidfd = k->process.pidfd,
				     .stdin_fd = tty ? -1 : fd_take(&k->pipes[0][1]),
				     .stdout_fd = tty ? -1 : fd_take(&k->pipes[1][0]),
				     .stderr_fd = tty ? -1 : fd_take(&k->pipes[2][0]),
				     .terminal_fd = tty ? fd_take(&k->process.console_fd) : -1,
				     .first = k->first,
				     .stdin_mode = MONITOR_STDIN_ONCE,
				     .log = k->log,
				     .listen_fd = k->listen_fd,
				     .oom_fd = k->cgroup.oom_fd,
				     .stop_signal = (int)k->container->spec.stop_signal,
				     .stop_timeout_ms = k->container->spec.stop_timeout * 1000,
				     .run_timeout_ms = timeout_ms_of(&k->container->spec),
				     .hooks = hooks,
				     .data = k };

	k->first = ATTACH_PEER_INIT;
	return args;
}

/* The container runs: keep it, and start it again as long as its policy says so. */
static int keep(struct keeper *k, struct err *err)
{
	static const struct monitor_hooks hooks = { .on_exit = on_exit_hook, .was_oom = oom_hook };
	int64_t pause_ms = 100;

	for (;;) {
		struct monitor_args args = monitor_args_of(k, &hooks);
		struct monitor_exit exit;
		int r = 0;

		r = monitor_run(&args, &exit, err);
		fd_close(&k->process.pidfd);
		runtime_container_done(&k->process);
		net_stop(&k->net);
		if (r < 0 || !wants_restart(&k->container->spec, &k->container->state, &exit))
			return r;
		net_reap(&k->net); /* a restarted container's monitor stays: leave it no zombie */
		/* A container that dies at once must not keep a processor busy. */
		if (exit.finished_at - k->container->state.started_at > 10 * 1000000000LL)
			pause_ms = 100;
		if (monitor_pause(&args, pause_ms, &exit) == MONITOR_STOPPED)
			return 0;
		if (pause_ms < 60000)
			pause_ms *= 2;
		k->container->state.restarts++;
		r = start_once(k, NULL, err);
		if (r < 0)
			return r;
	}
}

static void record_failure(struct keeper *k, const struct err *err)
{
	struct container_state *s = &k->container->state;

	s->error = xstrdup(err->text);
	s->exit_code = err_exit_status(err);
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
			    .alive_lock = -1,
			    .listen_fd = -1,
			    .cgroup = KEEPER_CGROUP_INIT,
			    .net = NET_PROCESS_INIT,
			    .process = RUNTIME_CONTAINER_INIT,
			    .pipes = { { -1, -1 }, { -1, -1 }, { -1, -1 } },
			    .init_fd = -1,
			    .seccomp_fd = -1 };
	struct strv warnings auto_done(strv) = STRV_INIT;
	struct err err = ERR_INIT;
	int r = settle(&k, &err);
	bool settled = r == 0;

	if (r == 0)
		r = open_log(&k, &err);
	if (r == 0)
		r = open_helpers(&k, &err);
	if (r == 0)
		r = listen_for_clients(&k, &err);
	if (r == 0)
		r = start_once(&k, &warnings, &err);
	if (r < 0 && settled)
		record_failure(&k, &err);
	report(&k, r < 0 ? &err : NULL, &warnings);
	strv_done(&warnings);
	if (r == 0)
		(void)keep(&k, &err);
	/* Whoever waited has been told: now the files of a --rm container can take their time. */
	if (k.gone) {
		state_release_name(&k.engine->containers, k.container->state.name, k.container->id);
		(void)storage_sweep(&k.engine->storage, NULL);
	}
	if (k.listen_fd >= 0)
		(void)unlinkat(k.engine->run_fd, k.socket_name,
			       0); /* removed with the container already */
	_exit(r < 0);
}
