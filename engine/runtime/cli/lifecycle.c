/* SPDX-License-Identifier: Apache-2.0 */
/* bryo-runtime start, kill, delete, pause, resume, update. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/proc.h"
#include "engine/runtime/cli/bundle.h"
#include "engine/runtime/cli/cli.h"
#include "engine/runtime/cli/state.h"
#include "engine/runtime/runtime.h"

#define KILL_TIMEOUT_MS 10000

static int load(const struct cli *cli, const char *id, struct rt_state *state, struct err *err)
{
	return rt_state_load(cli->root, id, state, err);
}

static int connect_start(const struct rt_state *state, int *ret_fd, struct err *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	auto_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/start",
		 state->folder);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return err_set(err, -errno, "cannot reach the first process of container `%s`",
			       state->id);
	*ret_fd = fd_take(&fd);
	return 0;
}

static int run_start(const struct cli *cli, int argc, char **argv, struct err *err)
{
	auto_done(rt_state) struct rt_state state = STATE_INIT;
	auto_done(oci_spec) struct oci_spec spec = OCI_SPEC_INIT;
	struct err ignored = ERR_INIT;
	auto_close int fd = -1;
	const char *id = NULL;
	int r = cli_operand(argc, argv, 1, &id, err);

	if (r == 0)
		r = load(cli, id, &state, err);
	if (r < 0)
		return r;
	if (rt_state_status(&state) != STATE_CREATED)
		return err_say(err, ERR_STATE, "cannot start container `%s`: it is %s", id,
			       rt_state_status_name(rt_state_status(&state)));
	r = connect_start(&state, &fd, err);
	if (r == 0)
		r = runtime_start_at(fd, err);
	/* Gone whether it worked or not: a container is started once. */
	(void)unlinkat(state.folder, "start", 0);
	if (r < 0)
		return r;
	r = rt_state_load_config(&state, &spec, err);
	if (r == 0)
		(void)runtime_poststart(&spec, state.id, state.bundle, state.pid, &ignored);
	return r;
}

/* "9", "KILL", "SIGKILL", "sigkill", "RTMIN+3". 0 or -EINVAL. */
static int parse_signal(const char *text, int *ret_signal)
{
	const char *name = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
	uint32_t number = 0;

	if (str_to_u32(text, &number) == 0) {
		*ret_signal = (int)number;
		return number >= 1 && number < NSIG ? 0 : -EINVAL;
	}
	if (strncasecmp(name, "RTMIN+", 6) == 0 && str_to_u32(name + 6, &number) == 0 &&
	    SIGRTMIN + (int)number <= SIGRTMAX) {
		*ret_signal = SIGRTMIN + (int)number;
		return 0;
	}
	for (int i = 1; i < NSIG; i++) {
		const char *known = sigabbrev_np(i);

		if (known && strcasecmp(known, name) == 0) {
			*ret_signal = i;
			return 0;
		}
	}
	return -EINVAL;
}

static void open_cgroup(const struct rt_state *state, struct cgroup *cgroup)
{
	if (state->cgroup || state->cgroup_v1)
		(void)cgroup_open(state->cgroup, state->cgroup_v1, cgroup, NULL); /* gone: none */
}

static int run_kill(const struct cli *cli, int argc, char **argv, struct err *err)
{
	auto_done(rt_state) struct rt_state state = STATE_INIT;
	struct cgroup cgroup = CGROUP_INIT;
	auto_close int pidfd = -1;
	bool all = false;
	int first = 1;
	int signal = SIGTERM;
	int r = 0;

	while (first < argc && *argv[first] == '-') {
		if (!str_eq(argv[first], "-a") && !str_eq(argv[first], "--all"))
			return err_say(err, ERR_USAGE, "kill: bad option %s", argv[first]);
		all = true;
		first++;
	}
	if (argc - first < 1 || argc - first > 2)
		return err_say(err, ERR_USAGE, "kill needs a container and maybe a signal");
	if (argc - first == 2 && parse_signal(argv[first + 1], &signal) < 0)
		return err_say(err, ERR_USAGE, "unknown signal %s", argv[first + 1]);
	r = load(cli, argv[first], &state, err);
	if (r < 0)
		return r;
	if (all)
		open_cgroup(&state, &cgroup);
	r = rt_state_pidfd(&state, &pidfd, err);
	if (r == 0 || (all && cgroup.fd >= 0))
		r = runtime_kill(pidfd, cgroup.fd, signal, all, err);
	cgroup_done(&cgroup);
	return r;
}

/* SIGKILL, and up to ten seconds for it to be gone. */
static int end_process(const struct rt_state *state, struct err *err)
{
	auto_close int pidfd = -1;
	struct pollfd p = { .events = POLLIN };

	if (rt_state_pidfd(state, &pidfd, NULL) < 0)
		return 0;
	(void)proc_kill(pidfd, SIGKILL);
	p.fd = pidfd;
	if (poll(&p, 1, KILL_TIMEOUT_MS) == 0)
		return err_say(err, ERR_BUSY, "the first process of container `%s` does not end",
			       state->id);
	return 0;
}

static int run_delete(const struct cli *cli, int argc, char **argv, struct err *err)
{
	auto_done(rt_state) struct rt_state state = STATE_INIT;
	auto_done(oci_spec) struct oci_spec spec = OCI_SPEC_INIT;
	struct cgroup cgroup = CGROUP_INIT;
	const char *id = NULL;
	bool force = argc > 1 && (str_eq(argv[1], "-f") || str_eq(argv[1], "--force"));
	enum rt_state_status status = STATE_STOPPED;
	int r = cli_operand(argc, argv, force ? 2 : 1, &id, err);

	if (r == 0)
		r = load(cli, id, &state, err);
	if (r < 0)
		return force && err->kind == ERR_NOT_FOUND ? 0 : r;
	status = rt_state_status(&state);
	if (!force && status != STATE_STOPPED)
		return err_say(err, ERR_STATE,
			       "cannot delete container `%s` that is not stopped: it is %s", id,
			       rt_state_status_name(status));
	open_cgroup(&state, &cgroup);
	r = end_process(&state, err);
	if (r < 0)
		return r;
	if (cgroup.fd >= 0 || cgroup.v1) {
		(void)cgroup_kill(&cgroup);
		r = cgroup_remove(&cgroup);
		cgroup_done(&cgroup);
		if (r < 0 && !force)
			return err_set(err, r, "cannot remove the cgroup of container `%s`", id);
	}
	/* A hook that fails is told, and the container is removed all the same (runtime.md). */
	r = state.pid ? rt_state_load_config(&state, &spec, err) : 0;
	if (r == 0)
		r = runtime_poststop(&spec, state.id, state.bundle, err);
	return rt_state_remove(cli->root, &state, r < 0 ? NULL : err) < 0 ? -EIO : r;
}

static int freeze(const struct cli *cli, int argc, char **argv, bool frozen, struct err *err)
{
	auto_done(rt_state) struct rt_state state = STATE_INIT;
	struct cgroup cgroup = CGROUP_INIT;
	const char *id = NULL;
	int r = cli_operand(argc, argv, 1, &id, err);
	enum rt_state_status wanted = frozen ? STATE_RUNNING : STATE_PAUSED;

	if (r == 0)
		r = load(cli, id, &state, err);
	if (r < 0)
		return r;
	if (rt_state_status(&state) != wanted)
		return err_say(err, ERR_STATE, "cannot %s container `%s`: it is %s", argv[0], id,
			       rt_state_status_name(rt_state_status(&state)));
	open_cgroup(&state, &cgroup);
	r = cgroup_freeze(&cgroup, frozen, err);
	cgroup_done(&cgroup);
	return r;
}

static int run_pause(const struct cli *cli, int argc, char **argv, struct err *err)
{
	return freeze(cli, argc, argv, true, err);
}

static int run_resume(const struct cli *cli, int argc, char **argv, struct err *err)
{
	return freeze(cli, argc, argv, false, err);
}

static int run_update(const struct cli *cli, int argc, char **argv, struct err *err)
{
	(void)cli;
	(void)argc;
	return err_say(err, ERR_UNSUPPORTED, "%s is not supported by this runtime", argv[0]);
}

const struct cli_command cli_start = { "start", "ID", "start a created container", run_start };
const struct cli_command cli_kill = { "kill", "[--all] ID [SIGNAL]",
				      "send a signal to the first process", run_kill };
const struct cli_command cli_delete = { "delete", "[--force] ID", "remove a stopped container",
					run_delete };
const struct cli_command cli_pause = { "pause", "ID", "freeze all processes", run_pause };
const struct cli_command cli_resume = { "resume", "ID", "thaw all processes", run_resume };
const struct cli_command cli_update = { "update", "ID", "refused: limits are set at create",
					run_update };
