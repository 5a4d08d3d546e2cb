/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The attached client: see attach.h. Runs in `bryo run` in the foreground, `bryo attach`, `bryo
 * start -a`. Container output arrives in pipes; the control socket tells of the end after all
 * output is in them.
 */
#include <errno.h>
#include <sys/socket.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/monitor/attach-internal.h"
#include "engine/monitor/relay-internal.h"

struct client {
	struct attach_peer *peer;
	bool exited;
	struct attach_exit exit;
};

static int on_message(struct relay *relay)
{
	struct client *client = relay->data;
	char data[sizeof(struct attach_message) + 1];
	struct attach_message m;
	size_t size = 0;
	int r = fd_recv(client->peer->control, data, sizeof(data), &size, NULL, NULL);

	if (r == 0)
		r = attach_message_check(data, size, &m);
	if (r == 0 && m.type != ATTACH_EXIT)
		return 0; /* answers to resize and kill: there is nothing to do about a failure */
	if (r == 0) {
		client->exited = true;
		attach_exit_from(&m, &client->exit);
	}
	/* Closed, or gone mad: what is in the pipes is still the container's. */
	relay->watch_fd = -1;
	relay->state = RELAY_DRAINING;
	return 0;
}

static void on_signal(struct relay *relay, int signal)
{
	struct client *client = relay->data;

	(void)attach_message_send(client->peer->control, ATTACH_KILL, signal, 0);
}

static void on_size(struct relay *relay, unsigned int rows, unsigned int columns)
{
	struct client *client = relay->data;

	(void)attach_message_send(client->peer->control, ATTACH_RESIZE, rows, columns);
}

static enum attach_end ending(enum relay_state state, bool exited)
{
	switch (state) {
	case RELAY_DETACH:
	case RELAY_KILLED:
		return ATTACH_DETACHED;
	case RELAY_PIPE_BROKE:
		return ATTACH_BROKEN;
	case RELAY_RUNNING:
	case RELAY_DRAINING:
		break;
	}
	return exited ? ATTACH_EXITED : ATTACH_LOST;
}

int attach_client_run(const struct attach_args *args, struct attach_result *ret_result,
		      struct err *err)
{
	struct attach_peer peer auto_done(attach_peer) = *args->peer;
	struct client client = { .peer = &peer };
	struct relay relay = {
		.in = { .from = -1, .to = peer.in },
		.out = { .from = peer.out, .to = -1 },
		.err = { .from = peer.err, .to = -1 },
		.close_in = true,
		.watch_fd = peer.control,
		.sig_proxy = args->sig_proxy,
		.on_watch = on_message,
		.on_signal = on_signal,
		.on_size = on_size,
		.data = &client,
	};
	struct relay_caller caller = { .stdin_fd = args->stdin_fd,
				       .stdout_fd = args->stdout_fd,
				       .stderr_fd = args->stderr_fd,
				       .tty = args->tty,
				       .keys = args->keys };
	int r = 0;

	*args->peer = ATTACH_PEER_INIT;
	peer.in = -1; /* the relay closes it when the input ends */
	r = relay_loop_start(&relay, &caller);
	if (r == 0)
		r = relay_loop(&relay);
	fd_close(&relay.in.to);
	relay_loop_done(&relay);
	if (r < 0)
		return err_set(err, r, "cannot relay the container's input and output");
	ret_result->end = ending(relay.state, client.exited);
	ret_result->exit = client.exit;
	return 0;
}
