/* SPDX-License-Identifier: Apache-2.0 */
/* bryo-runtime exec. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/runtime/caps.h"
#include "engine/runtime/cli/bundle.h"
#include "engine/runtime/cli/cli.h"
#include "engine/runtime/cli/state.h"
#include "engine/runtime/runtime.h"

#define PROCESS_MAX (16U << 20)

struct options {
	const char *process;
	const char *console_socket;
	const char *pid_file;
	const char *cwd;
	const char *user;
	const char *apparmor;
	const char *label;
	struct strv env;
	uint64_t caps;
	uint32_t preserve_fds;
	bool tty;
	bool detach;
	bool no_new_privs;
};

static void options_done(struct options *o)
{
	strv_done(&o->env);
}

static int take_option(struct options *o, int c, struct err *err)
{
	unsigned int cap = 0;

	switch (c) {
	case 'p':
		o->process = optarg;
		return 0;
	case 'C':
		o->console_socket = optarg;
		return 0;
	case 'P':
		o->pid_file = optarg;
		return 0;
	case 'w':
		o->cwd = optarg;
		return 0;
	case 'u':
		o->user = optarg;
		return 0;
	case 'a':
		o->apparmor = optarg;
		return 0;
	case 'l':
		o->label = optarg;
		return 0;
	case 'e':
		strv_add(&o->env, optarg);
		return 0;
	case 't':
		o->tty = true;
		return 0;
	case 'd':
		o->detach = true;
		return 0;
	case 'n':
		o->no_new_privs = true;
		return 0;
	case 'c':
		if (caps_from_name(optarg, &cap) < 0)
			return err_say(err, ERR_USAGE, "unknown capability %s", optarg);
		o->caps |= CAPS_BIT(cap);
		return 0;
	case 'F':
		if (str_to_u32(optarg, &o->preserve_fds) < 0 || o->preserve_fds > 1024)
			return err_say(err, ERR_USAGE, "--preserve-fds %s is not a small number",
				       optarg);
		return 0;
	default:
		return err_say(err, ERR_USAGE, "exec: bad option");
	}
}

static int parse_options(int argc, char **argv, struct options *o, struct err *err)
{
	static const struct option longs[] = {
		{ "process", required_argument, NULL, 'p' },
		{ "console-socket", required_argument, NULL, 'C' },
		{ "pid-file", required_argument, NULL, 'P' },
		{ "cwd", required_argument, NULL, 'w' },
		{ "user", required_argument, NULL, 'u' },
		{ "env", required_argument, NULL, 'e' },
		{ "cap", required_argument, NULL, 'c' },
		{ "tty", no_argument, NULL, 't' },
		{ "detach", no_argument, NULL, 'd' },
		{ "no-new-privs", no_argument, NULL, 'n' },
		{ "apparmor", required_argument, NULL, 'a' },
		{ "process-label", required_argument, NULL, 'l' },
		{ "preserve-fds", required_argument, NULL, 'F' },
		{ NULL, 0, NULL, 0 },
	};
	int r = 0;

	*o = (struct options){ 0 };
	optind = 0;
	opterr = 0;
	while (r == 0) {
		int c = getopt_long(argc, argv, "+p:u:e:c:td", longs, NULL);

		if (c == -1)
			break;
		r = take_option(o, c, err);
	}
	if (r == 0 && optind >= argc)
		return err_say(err, ERR_USAGE, "exec needs a container");
	return r;
}

static int parse_user(const char *text, struct oci_user *user, struct err *err)
{
	auto_free char *copy = xstrdup(text);
	char *colon = strchr(copy, ':');

	if (colon)
		*colon = '\0';
	if (str_to_u32(copy, &user->uid) < 0 || (colon && str_to_u32(colon + 1, &user->gid) < 0))
		return err_say(err, ERR_USAGE, "--user %s is not UID or UID:GID", text);
	return 0;
}

static int read_process(const char *path, struct oci_process *process, struct err *err)
{
	auto_json json_t *json = NULL;
	auto_free char *text = NULL;
	size_t size = 0;
	int r = file_read_at(AT_FDCWD, path, PROCESS_MAX, &text, &size);

	if (r < 0)
		return err_set(err, r, "cannot read %s", path);
	r = oci_json_parse(text, size, path, &json, err);
	if (r < 0)
		return r;
	oci_process_done(process);
	return oci_process_parse(json, process, err);
}

/* The container's own process as the pattern, the options over it. */
static int build_process(const struct options *o, char **args, struct oci_process *process,
			 struct err *err)
{
	struct oci_caps *caps = &process->capabilities;
	int r = 0;

	if (o->process)
		return read_process(o->process, process, err);
	if (!args[0])
		return err_say(err, ERR_USAGE, "exec needs a command or --process");
	strv_done(&process->args);
	for (char **a = args; *a; a++)
		strv_add(&process->args, *a);
	for (size_t i = 0; i < o->env.count; i++)
		strv_env_set(&process->env, o->env.v[i]);
	process->terminal = o->tty;
	process->has_console_size = false;
	process->no_new_privileges |= o->no_new_privs;
	if (o->cwd) {
		free(process->cwd);
		process->cwd = xstrdup(o->cwd);
	}
	if (o->apparmor) {
		free(process->apparmor_profile);
		process->apparmor_profile = xstrdup(o->apparmor);
	}
	if (o->label) {
		free(process->selinux_label);
		process->selinux_label = xstrdup(o->label);
	}
	if (o->user)
		r = parse_user(o->user, &process->user, err);
	caps->bounding |= o->caps;
	caps->effective |= o->caps;
	caps->permitted |= o->caps;
	caps->inheritable |= o->caps;
	caps->ambient |= o->caps;
	return r;
}

struct running {
	struct rt_state state;
	struct oci_spec spec;
	struct cgroup cgroup;
	struct runtime_container process;
	int pidfd;
	int console;
	int cache;
	int *pass_fds;
};

static void running_done(struct running *r)
{
	rt_state_done(&r->state);
	oci_spec_done(&r->spec);
	cgroup_done(&r->cgroup);
	runtime_container_done(&r->process);
	fd_close(&r->pidfd);
	fd_close(&r->console);
	fd_close(&r->cache);
	free(r->pass_fds);
}

static int execute(struct running *run, const struct options *o, struct err *err)
{
	struct runtime_exec_args args = {
		RUNTIME_EXEC_ARGS_INIT,
		.process = &run->spec.process,
		.seccomp = run->spec.linux_.seccomp,
		.linux_ = &run->spec.linux_,
		.pid = run->state.pid,
	};
	int r = 0;

	if (o->console_socket)
		r = bundle_connect(o->console_socket, &run->console, err);
	if (r < 0)
		return r;
	run->pass_fds = bundle_pass_fds(o->preserve_fds, &run->spec.process, &args.pass_fd_count);
	args.pass_fds = run->pass_fds;
	args.pidfd = run->pidfd;
	args.console_socket = run->console;
	args.cgroup_fd = run->cgroup.fd;
	args.cgroup = &run->cgroup;
	args.seccomp_cache_fd = run->cache;
	for (int i = 0; i < 3; i++)
		args.stdio[i] = i;
	r = runtime_exec(&args, &run->process, err);
	if (r == 0 && o->pid_file)
		r = bundle_write_pid(o->pid_file, run->process.pid, err);
	if (r < 0 || o->detach)
		return r;
	return bundle_wait(&run->process, err);
}

static int run_exec(const struct cli *cli, int argc, char **argv, struct err *err)
{
	auto_done(options) struct options o;
	auto_done(running) struct running run = { .state = STATE_INIT,
						  .cgroup = CGROUP_INIT,
						  .process = RUNTIME_CONTAINER_INIT,
						  .pidfd = -1,
						  .console = -1,
						  .cache = -1 };
	int r = parse_options(argc, argv, &o, err);

	if (r == 0)
		r = rt_state_load(cli->root, argv[optind], &run.state, err);
	if (r == 0)
		r = rt_state_pidfd(&run.state, &run.pidfd, err);
	if (r == 0)
		r = rt_state_load_config(&run.state, &run.spec, err);
	if (r == 0)
		r = build_process(&o, argv + optind + 1, &run.spec.process, err);
	if (r < 0)
		return r;
	if (run.spec.process.terminal && o.detach && !o.console_socket)
		return err_say(err, ERR_USAGE, "a terminal with --detach needs --console-socket");
	run.cache = rt_state_seccomp_cache(cli->root);
	if (run.state.cgroup || run.state.cgroup_v1)
		(void)cgroup_open(run.state.cgroup, run.state.cgroup_v1, &run.cgroup, NULL);
	return execute(&run, &o, err);
}

const struct cli_command cli_exec = {
	"exec",
	"[--process FILE] [--console-socket PATH] [--pid-file PATH] [--cwd DIR] [--env NAME=VALUE] "
	"[--user UID[:GID]] [--cap CAP] [--tty] [--detach] [--no-new-privs] [--apparmor PROFILE] "
	"[--process-label LABEL] [--preserve-fds N] ID [COMMAND...]",
	"run another process in a container", run_exec
};
