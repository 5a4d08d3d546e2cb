/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs hooks: programs that the bundle's author chose, with the runtime's own rights, the
 * state on standard input. In the caller (prestart, createRuntime, poststart, poststop) or in
 * the container's first process (createContainer, startContainer). A hook that outlives its
 * timeout is killed.
 */
#include "engine/runtime/hooks-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/json.h"
#include "engine/base/proc.h"
#include "engine/base/time.h"
#include "engine/runtime/runtime.h"

#define NANOSECONDS INT64_C(1000000000)

char *hooks_state_text(const struct hooks_state *state)
{
	auto_json json_t *json = json_object();
	json_t *annotations = json_object();

	json_set_str(json, "ociVersion", str_or(state->spec->version, OCI_VERSION));
	json_set_str(json, "id", str_or(state->id, ""));
	json_set_str(json, "status", state->status);
	if (state->pid > 0)
		json_set_int(json, "pid", state->pid);
	json_set_str(json, "bundle", str_or(state->bundle, ""));
	for (size_t i = 0; i < state->spec->annotations.count; i++)
		json_set_str(annotations, state->spec->annotations.v[i].name,
			     state->spec->annotations.v[i].value);
	json_object_set_new(json, "annotations", annotations);
	return json_text(json);
}

/* In the forked child: becomes the hook. stdin is the state; stdout goes where stderr goes. */
static _Noreturn void become_hook(const struct oci_hook *hook, int input)
{
	char *no_env[] = { NULL };
	char *no_args[] = { hook->path, NULL };

	proc_reset_signals();
	if (dup2(input, 0) < 0 || dup2(2, 1) < 0)
		_exit(126);
	(void)syscall(SYS_close_range, 3U, ~0U, 0U);
	execve(hook->path, hook->args.count ? hook->args.v : no_args,
	       hook->env.count ? hook->env.v : no_env);
	_exit(127);
}

/* Waits until deadline (0: for ever). The hook's wait status, or -ETIMEDOUT after killing it. */
static int wait_hook(pid_t pid, int pidfd, int64_t deadline)
{
	int status = 0;
	bool late = false;

	while (deadline) {
		struct pollfd p = { .fd = pidfd, .events = POLLIN };
		int64_t left = deadline - time_monotonic();
		int n = poll(&p, 1, left <= 0 ? 0 : (int)(left / 1000000 + 1));

		if (n > 0)
			break;
		if (n == 0 && left <= 0) {
			(void)proc_kill(pidfd, SIGKILL); /* our child, not yet reaped */
			late = true;
			break;
		}
	}
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return late ? -ETIMEDOUT : status;
}

static int run_hook(const struct oci_hook *hook, const char *state, struct err *err)
{
	auto_close int pidfd = -1;
	int ends[2] = { -1, -1 };
	int64_t deadline = 0;
	void (*old)(int) = NULL;
	pid_t pid = 0;
	int r = fd_pipe(ends);

	if (r < 0)
		return err_set(err, r, "cannot make a pipe for hook %s", hook->path);
	pid = fork();
	if (pid == 0) {
		(void)close(ends[1]);
		become_hook(hook, ends[0]);
	}
	(void)close(ends[0]);
	if (pid < 0) {
		(void)close(ends[1]);
		return err_set(err, -EAGAIN, "cannot start hook %s", hook->path);
	}
	pidfd = proc_pidfd(pid);
	if (hook->timeout.has && hook->timeout.value > 0 && hook->timeout.value < 1000000)
		deadline = time_monotonic() + hook->timeout.value * NANOSECONDS;
	/* A hook need not read its input: the state fits into the pipe or SIGPIPE tells us. */
	old = signal(SIGPIPE, SIG_IGN);
	(void)fd_write_all(ends[1], state, strlen(state));
	(void)signal(SIGPIPE, old);
	(void)close(ends[1]);
	r = wait_hook(pid, pidfd, deadline);
	if (r == -ETIMEDOUT)
		return err_say(err, ERR_FAILED, "hook %s was killed after %lld seconds", hook->path,
			       (long long)hook->timeout.value);
	if (r < 0)
		return err_set(err, r, "cannot wait for hook %s", hook->path);
	if (WIFSIGNALED(r))
		return err_say(err, ERR_FAILED, "hook %s was killed by signal %d", hook->path,
			       WTERMSIG(r));
	if (WEXITSTATUS(r) != 0)
		return err_say(err, ERR_FAILED, "hook %s failed with exit status %d", hook->path,
			       WEXITSTATUS(r));
	return 0;
}

static int run_stage(const struct hooks_state *state, enum oci_hook_stage stage, bool all,
		     struct err *err)
{
	const struct oci_hooks *hooks = &state->spec->hooks[stage];
	auto_free char *text = NULL;
	int first = 0;

	if (hooks->count == 0)
		return 0;
	text = hooks_state_text(state);
	for (size_t i = 0; i < hooks->count; i++) {
		int r = run_hook(&hooks->v[i], text, first < 0 ? NULL : err);

		if (r < 0 && first == 0) {
			(void)err_prefix(err, "%s", oci_hook_stage_name(stage));
			first = r;
		}
		if (r < 0 && !all)
			return r;
	}
	return first;
}

int hooks_run(const struct hooks_state *state, enum oci_hook_stage stage, struct err *err)
{
	return run_stage(state, stage, false, err);
}

int hooks_run_all(const struct hooks_state *state, enum oci_hook_stage stage, struct err *err)
{
	return run_stage(state, stage, true, err);
}

int runtime_poststart(const struct oci_spec *spec, const char *id, const char *bundle, pid_t pid,
		      struct err *err)
{
	struct hooks_state state = {
		.spec = spec, .id = id, .bundle = bundle, .pid = pid, .status = "running"
	};

	return hooks_run_all(&state, OCI_HOOK_POSTSTART, err);
}

int runtime_poststop(const struct oci_spec *spec, const char *id, const char *bundle,
		     struct err *err)
{
	struct hooks_state state = {
		.spec = spec, .id = id, .bundle = bundle, .status = "stopped"
	};

	return hooks_run_all(&state, OCI_HOOK_POSTSTOP, err);
}
