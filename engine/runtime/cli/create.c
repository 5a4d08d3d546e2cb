/* SPDX-License-Identifier: Apache-2.0 */
/* bryo-runtime create and run. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/path.h"
#include "engine/base/proc.h"
#include "engine/base/time.h"
#include "engine/runtime/cli/bundle.h"
#include "engine/runtime/cli/cli.h"
#include "engine/runtime/cli/state.h"
#include "engine/runtime/runtime.h"

struct options {
	const char *bundle;
	const char *config;
	const char *console_socket;
	const char *pid_file;
	const char *id;
	uint32_t preserve_fds;
	bool no_pivot;
	bool keep_keyring;
	bool detach;
	bool keep;
};

/* All that create and run hold while a container is made. */
struct making {
	const struct cli *cli;
	struct options options;
	struct oci_spec spec;
	struct rt_state state;
	struct cgroup cgroup;
	struct runtime_container container;
	struct runtime_create_args args;
	char *bundle;
	int bundle_fd;
	int console_socket;
	int listener;
	int cache_fd;
	int *pass_fds;
};

static void making_done(struct making *m)
{
	oci_spec_done(&m->spec);
	rt_state_done(&m->state);
	cgroup_done(&m->cgroup);
	runtime_container_done(&m->container);
	free(m->bundle);
	free(m->pass_fds);
	fd_close(&m->bundle_fd);
	fd_close(&m->console_socket);
	fd_close(&m->listener);
	fd_close(&m->cache_fd);
}

static int parse_options(int argc, char **argv, struct options *o, struct err *err)
{
	static const struct option longs[] = {
		{ "bundle", required_argument, NULL, 'b' },
		{ "config", required_argument, NULL, 'f' },
		{ "console-socket", required_argument, NULL, 'c' },
		{ "pid-file", required_argument, NULL, 'p' },
		{ "preserve-fds", required_argument, NULL, 'P' },
		{ "no-pivot", no_argument, NULL, 'n' },
		{ "no-new-keyring", no_argument, NULL, 'k' },
		{ "no-subreaper", no_argument, NULL, 's' },
		{ "detach", no_argument, NULL, 'd' },
		{ "keep", no_argument, NULL, 'K' },
		{ NULL, 0, NULL, 0 },
	};
	bool run = str_eq(argv[0], "run");

	*o = (struct options){ .bundle = ".", .config = "config.json" };
	optind = 0;
	opterr = 0;
	for (;;) {
		int c = getopt_long(argc, argv, "+b:f:d", longs, NULL);

		if (c == -1)
			break;
		if (c == 'b')
			o->bundle = optarg;
		else if (c == 'f')
			o->config = optarg;
		else if (c == 'c')
			o->console_socket = optarg;
		else if (c == 'p')
			o->pid_file = optarg;
		else if (c == 'n')
			o->no_pivot = true;
		else if (c == 'k')
			o->keep_keyring = true;
		else if (c == 'd' && run)
			o->detach = true;
		else if (c == 'K' && run)
			o->keep = true;
		else if (c == 'P' && str_to_u32(optarg, &o->preserve_fds) == 0 &&
			 o->preserve_fds <= 1024)
			continue;
		else if (c != 's')
			return err_say(err, ERR_USAGE, "%s: bad option %s", argv[0],
				       argv[optind > 1 ? optind - 1 : 1]);
	}
	return cli_operand(argc, argv, optind, &o->id, err);
}

/* In the record's folder, under a path short enough for any --root. */
static int listen_start(struct making *m, struct err *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/start",
		 m->state.folder);
	m->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (m->listener < 0 ||
	    bind(m->listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(m->listener, 1) < 0)
		return err_set(err, -errno, "cannot make the start socket");
	return 0;
}

static int fill_state(struct making *m, struct err *err)
{
	struct rt_state *s = &m->state;
	int r = 0;

	s->bundle = xstrdup(m->bundle);
	s->rootfs = path_join(m->bundle, str_or(m->spec.root.path, ""));
	s->created = xstrdup(time_utc(time_now()).text);
	s->cgroup = m->cgroup.path[0] ? xstrdup(m->cgroup.path) : NULL;
	s->cgroup_v1 = m->cgroup.v1_path[0] ? xstrdup(m->cgroup.v1_path) : NULL;
	s->pid = m->container.pid;
	r = proc_start_time(s->pid, &s->start_time);
	if (r == 0)
		r = proc_boot_id(s->boot_id);
	if (r < 0)
		return err_set(err, r, "the container's first process has ended");
	return rt_state_save(s, err);
}

/* Between begin and finish: the process is there and waits. */
static int settle(struct making *m, struct err *err)
{
	int r = m->cgroup.fd >= 0 || m->cgroup.v1 ? cgroup_enter(&m->cgroup, m->container.pid, err)
						  : 0;

	if (r == 0)
		r = rt_state_save_config(&m->state, &m->spec, err);
	return r;
}

static int prepare(struct making *m, bool own_start, struct err *err)
{
	struct runtime_create_args *args = &m->args;
	size_t pass_count = 0;
	int r = 0;

	if (m->options.console_socket) {
		r = bundle_connect(m->options.console_socket, &m->console_socket, err);
		if (r < 0)
			return r;
	}
	r = bundle_default_maps(&m->spec, err);
	if (r == 0)
		r = own_start ? 0 : listen_start(m, err);
	if (r == 0)
		r = bundle_cgroup(&m->spec, m->options.id, &m->cgroup, err);
	if (r < 0)
		return r;
	m->pass_fds = bundle_pass_fds(m->options.preserve_fds, &m->spec.process, &pass_count);
	m->cache_fd = rt_state_seccomp_cache(m->cli->root);
	*args = (struct runtime_create_args){
		RUNTIME_CREATE_ARGS_INIT,
		.spec = &m->spec,
		.id = m->options.id,
		.bundle = m->bundle,
		.pass_fds = m->pass_fds,
		.pass_fd_count = pass_count,
		.no_pivot = m->options.no_pivot,
		.keep_keyring = m->options.keep_keyring,
		.outlives_caller = true,
	};
	args->console_socket = m->console_socket;
	args->start_listener = m->listener;
	args->cgroup_fd = m->cgroup.fd;
	args->seccomp_cache_fd = m->cache_fd;
	for (int i = 0; i < 3; i++)
		args->stdio[i] = i;
	return 0;
}

/*
 * Everything up to the program's door. What a failure leaves is removed by the caller. The
 * container may outlive us: whoever adopts our children (conmon) is to reap it.
 */
static int make(struct making *m, bool own_start, struct err *err)
{
	int r = prepare(m, own_start, err);

	if (r == 0)
		r = runtime_create_begin(&m->args, &m->container, err);
	if (r < 0)
		return r;
	r = settle(m, err);
	if (r < 0) {
		(void)proc_kill(m->container.pidfd, SIGKILL);
		(void)proc_wait(m->container.pid);
		return r;
	}
	r = runtime_create_finish(&m->container, err);
	if (r == 0)
		r = fill_state(m, err);
	if (r == 0 && m->options.pid_file)
		r = bundle_write_pid(m->options.pid_file, m->container.pid, err);
	return r;
}

static void unmake(struct making *m)
{
	if (m->cgroup.fd >= 0 || m->cgroup.v1) {
		(void)cgroup_kill(&m->cgroup);
		(void)cgroup_remove(&m->cgroup); /* best effort: the first error is being told */
	}
	(void)rt_state_remove(m->cli->root, &m->state, NULL);
}

static int begin(const struct cli *cli, int argc, char **argv, struct making *m, struct err *err)
{
	int r = 0;

	*m = (struct making){ .cli = cli,
			      .state = STATE_INIT,
			      .cgroup = CGROUP_INIT,
			      .container = RUNTIME_CONTAINER_INIT,
			      .bundle_fd = -1,
			      .console_socket = -1,
			      .listener = -1,
			      .cache_fd = -1 };
	r = parse_options(argc, argv, &m->options, err);
	if (r == 0)
		r = bundle_open(m->options.bundle, m->options.config, &m->bundle, &m->bundle_fd,
				&m->spec, err);
	if (r == 0 && m->spec.has_process && m->spec.process.terminal &&
	    !m->options.console_socket && (str_eq(argv[0], "create") || m->options.detach))
		r = err_say(err, ERR_USAGE,
			    "process.terminal is set: --console-socket is needed to hand the "
			    "terminal over");
	if (r == 0)
		r = rt_state_create(cli->root, m->options.id, &m->state, err);
	return r;
}

static int run_create(const struct cli *cli, int argc, char **argv, struct err *err)
{
	auto_done(making) struct making m;
	int r = begin(cli, argc, argv, &m, err);

	if (r < 0)
		return r;
	r = make(&m, false, err);
	if (r < 0)
		unmake(&m);
	return r;
}

static int run_run(const struct cli *cli, int argc, char **argv, struct err *err)
{
	auto_done(making) struct making m;
	struct err ignored = ERR_INIT;
	int r = begin(cli, argc, argv, &m, err);

	if (r < 0)
		return r;
	r = make(&m, true, err);
	if (r == 0)
		r = runtime_start(&m.container, err);
	if (r == 0 && m.options.detach)
		return 0;
	if (r == 0)
		r = bundle_wait(&m.container, err);
	if (r < 0 && m.container.pid > 0 && m.container.pidfd >= 0) {
		(void)proc_kill(m.container.pidfd, SIGKILL);
		(void)proc_wait(m.container.pid);
	}
	if (r < 0 || !m.options.keep) {
		(void)runtime_poststop(&m.spec, m.options.id, m.bundle, &ignored);
		unmake(&m);
	}
	return r;
}

#define CREATE_OPTIONS                                                                             \
	"[--bundle DIR] [--config FILE] [--console-socket PATH] [--pid-file PATH] "                \
	"[--preserve-fds N] [--no-pivot] [--no-new-keyring] "

const struct cli_command cli_create = { "create", CREATE_OPTIONS "ID",
					"make a container that waits for start", run_create };
const struct cli_command cli_run = { "run", CREATE_OPTIONS "[--detach] [--keep] ID",
				     "create and start a container, and wait for its end",
				     run_run };
