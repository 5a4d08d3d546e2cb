/* SPDX-License-Identifier: Apache-2.0 */
/* Starting a container from the command's side: fork the keeper, wait for its report, attach. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/proc.h"
#include "engine/container/internal.h"
#include "engine/container/keeper.h"
#include "engine/container/listen-fds.h"

static void add_warnings(const char *lines, struct strv *warnings)
{
	struct strv split auto_done(strv) = STRV_INIT;

	if (!warnings)
		return;
	strv_split(&split, lines, '\n');
	for (size_t i = 0; i < split.count; i++)
		if (split.v[i][0])
			strv_add(warnings, split.v[i]);
}

static int read_report(int fd, const char *name, struct keeper_report *ret, struct err *err)
{
	ssize_t n = fd_read_full(fd, ret, sizeof(*ret));

	if (n != (ssize_t)sizeof(*ret))
		return err_say(err, ERR_FAILED,
			       "the process that was to start container %s was killed", name);
	ret->warnings[sizeof(ret->warnings) - 1] = '\0';
	if (ret->err.code < 0) {
		ret->err.text[sizeof(ret->err.text) - 1] = '\0';
		if (err)
			*err = ret->err;
		return ret->err.code;
	}
	return 0;
}

int container_start(struct engine *engine, struct container *container,
		    const struct container_start_args *args, struct attach_peer *ret_client,
		    struct err *err)
{
	struct attach_peer client __attribute__((cleanup(attach_peer_done))) = ATTACH_PEER_INIT;
	struct keeper_args keeper = { .engine = engine,
				      .container = container,
				      .first = ATTACH_PEER_INIT };
	struct listen_fds listen auto_done(listen_fds) = LISTEN_FDS_INIT;
	auto_close int reader = -1;
	struct keeper_report report;
	int ends[2];
	pid_t pid = -1;
	int r = 0;

	if (container_is_alive(container))
		return err_say(err, ERR_STATE, "container %s is running already",
			       container->state.name);
	r = container_load_spec(container, err);
	if (r == 0 && args->streams)
		r = attach_pair(args->streams, &client, &keeper.first, err);
	if (r < 0)
		return r;
	r = fd_pipe(ends);
	if (r < 0) {
		attach_peer_done(&keeper.first);
		return err_set(err, r, "cannot make a pipe");
	}
	reader = ends[0];
	keeper.report_fd = ends[1];
	listen_fds_take(&listen);
	keeper.listen = &listen;
	pid = fork();
	if (pid == 0)
		keeper_main(&keeper);
	(void)close(ends[1]);
	attach_peer_done(&keeper.first);
	if (pid < 0)
		return err_set(err, -errno, "cannot fork");
	r = read_report(reader, container->state.name, &report, err);
	add_warnings(report.warnings, args->warnings);
	if (r < 0) {
		(void)proc_wait(pid); /* it ends by itself after such a report */
		return r;
	}
	container->state.pid = report.pid;
	container->state.status = CONTAINER_RUNNING;
	fd_close(&container->lock);
	if (args->streams) {
		*ret_client = client;
		client = ATTACH_PEER_INIT;
	}
	return 0;
}

/* The streams of the caller that are open at all. */
static int open_or_none(int fd, bool wanted)
{
	return wanted && fcntl(fd, F_GETFD) >= 0 ? fd : -1;
}

int container_check_detach_keys(const char *text, struct err *err)
{
	struct detach_keys keys = { 0 };

	return detach_keys_parse(str_or(text, DETACH_KEYS_DEFAULT), &keys, err);
}

int container_attach_client(struct engine *engine, struct container *container,
			    struct attach_peer *client, bool want_stdin, bool sig_proxy,
			    const char *detach_keys, int *ret_status, struct err *err)
{
	struct detach_keys keys = { 0 };
	struct attach_result result = { 0 };
	struct attach_args args = { .peer = client,
				    .stdin_fd = open_or_none(STDIN_FILENO, want_stdin),
				    .stdout_fd = open_or_none(STDOUT_FILENO, true),
				    .stderr_fd = open_or_none(STDERR_FILENO, true),
				    .tty = container->spec.tty,
				    .keys = container->spec.tty
						    ? &keys
						    : NULL, /* bytes of a pipe are data */
				    .sig_proxy = sig_proxy };
	int r = detach_keys_parse(str_or(detach_keys, DETACH_KEYS_DEFAULT), &keys, err);

	if (r == 0)
		r = attach_client_run(&args, &result, err);
	if (r < 0)
		return r;
	switch (result.end) {
	case ATTACH_EXITED:
		*ret_status = result.exit.status;
		return 0;
	case ATTACH_LOST:
		return container_wait(engine, container, ret_status, err);
	case ATTACH_BROKEN:
		*ret_status = 128 + SIGPIPE;
		return 0;
	case ATTACH_DETACHED:
		*ret_status = 0;
		return 0;
	}
	return -EINVAL;
}

int container_attach(struct engine *engine, struct container *container, bool no_stdin,
		     bool sig_proxy, const char *detach_keys, int *ret_status, struct err *err)
{
	struct attach_peer peer = ATTACH_PEER_INIT;
	bool want_stdin = false;
	int control = -1;
	int r = container_load_spec(container, err);

	if (r < 0)
		return r;
	if (container->state.status != CONTAINER_RUNNING)
		return err_say(
			err, ERR_STATE, "you can only attach to running containers: %s is %s",
			container->state.name, container_status_name(container->state.status));
	want_stdin = !no_stdin && container->spec.interactive;
	r = attach_connect(engine->run_fd, container->id, &control, err);
	if (r == 0)
		r = attach_join(control,
				(want_stdin ? ATTACH_STDIN : 0) | ATTACH_STDOUT |
					(container->spec.tty ? 0 : ATTACH_STDERR),
				&peer, err);
	if (r < 0)
		return r;
	return container_attach_client(engine, container, &peer, want_stdin, sig_proxy, detach_keys,
				       ret_status, err);
}
