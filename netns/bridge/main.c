/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bryo-bridge: sets up or takes down what one container of privileged mode has in a bridged
 * network, and ends. Started by the monitor with a socket as descriptor 3 and the network's file of
 * addresses as 4; design and rules are in docs/network.md, messages in netns/bridge/message.h. It
 * reads nothing that a container can write, and must never stay.
 */
#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "netns/bridge/lease.h"
#include "netns/bridge/message.h"
#include "netns/bridge/host.h"

static void report(const struct err *err)
{
	(void)send(NET_SOCKET_FD, err, sizeof(*err), MSG_NOSIGNAL);
}

/* Links and rules need the one, entering the container's network namespace the other. */
static int drop_capabilities(struct err *err)
{
	const uint32_t kept = 1U << CAP_NET_ADMIN | 1U << CAP_SYS_ADMIN;
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { 0 }, { 0 } };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(err, -errno, "cannot forbid new privileges");
	if (syscall(SYS_capget, &header, data) < 0)
		return err_set(err, -errno, "cannot read capabilities");
	data[0].permitted &= kept;
	data[0].effective = data[0].permitted;
	data[0].inheritable = data[1].inheritable = 0;
	data[1].permitted = data[1].effective = 0;
	if (syscall(SYS_capset, &header, data) < 0)
		return err_set(err, -errno, "cannot give up capabilities");
	return 0;
}

/* 0, or -ECONNRESET when the monitor is gone. */
static int receive_settings(struct bridge_message *message, struct err *err)
{
	auto_free char *data = NULL;
	ssize_t n = recv(NET_SOCKET_FD, NULL, 0, MSG_PEEK | MSG_TRUNC);

	if (n <= 0)
		return -ECONNRESET;
	if (n > NET_MESSAGE_MAX)
		return err_say(err, ERR_USAGE, "network settings are too long");
	data = xmalloc((size_t)n);
	n = recv(NET_SOCKET_FD, data, (size_t)n, 0);
	if (n <= 0)
		return -ECONNRESET;
	return bridge_message_parse(data, (size_t)n, message, err);
}

static int receive_netns(int *ret_netns, struct err *err)
{
	char byte = 0;
	size_t count = 1;
	size_t size = 0;
	int r = fd_recv(NET_SOCKET_FD, &byte, 1, &size, ret_netns, &count);

	if (r < 0)
		return -ECONNRESET;
	if (size != 1 || byte != NET_MESSAGE_ATTACH || count != 1)
		return err_say(err, ERR_FAILED, "bryo-bridge was not given a network namespace");
	return 0;
}

/* ---- What it is started for ---- */

static int lock(struct err *err)
{
	int r = lease_lock(BRIDGE_LEASE_FD);

	return r < 0 ? err_set(err, r, "cannot lock the network's addresses") : 0;
}

/*
 * The lock, and with it that the container is still what it was when this was started. If the
 * monitor was killed meanwhile, another's repair may have given its address to a new container,
 * whose ports are not ours to touch; and what we add now nobody would look for.
 */
static int lock_own(const struct bridge_message *message, struct err *err)
{
	char byte = 0;
	int r = lock(err);

	if (r < 0)
		return r;
	if (recv(NET_SOCKET_FD, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0 ||
	    !lease_is_living(BRIDGE_LEASE_FD, message->number))
		return err_say(err, ERR_FAILED, "the container's monitor has ended");
	return 0;
}

/* The lock is not kept while the container is being made: that would put all starts in a row. */
static int up(const struct bridge_message *message, struct err *err)
{
	auto_close int netns = -1;
	int r = lock_own(message, err);

	if (r == 0)
		r = host_up(message, BRIDGE_LEASE_FD, err);
	lease_unlock(BRIDGE_LEASE_FD);
	if (r == 0)
		r = receive_netns(&netns, err);
	if (r == 0)
		r = host_connect(message, netns, err);
	if (r == 0 || err->code < 0)
		report(err);
	return r;
}

/* Taking interfaces down takes the kernel long, and nobody has to wait for it. */
static int down(const struct bridge_message *message, struct err *err)
{
	struct err later = ERR_INIT; /* nobody hears it: what is left is repaired */
	int r = lock_own(message, err);

	if (r == 0)
		r = host_unpublish(message, err);
	lease_unlock(BRIDGE_LEASE_FD);
	report(err);
	if (r == 0)
		r = host_disconnect(message, &later);
	if (r == 0)
		r = lock_own(message, &later);
	return r < 0 ? r : host_leave(message, BRIDGE_LEASE_FD, &later);
}

static int repair(const struct bridge_message *message, struct err *err)
{
	int r = lock(err);

	if (r == 0)
		r = host_repair(&message->network, BRIDGE_LEASE_FD, err);
	report(err);
	return r;
}

int main(void)
{
	static int (*const tasks[])(const struct bridge_message *message, struct err *err) = {
		[BRIDGE_UP] = up,
		[BRIDGE_DOWN] = down,
		[BRIDGE_REPAIR] = repair,
	};
	struct bridge_message message = BRIDGE_MESSAGE_INIT;
	struct err err = ERR_INIT;
	int r = 0;

	(void)signal(SIGPIPE, SIG_IGN);
	r = drop_capabilities(&err);
	if (r == 0)
		r = receive_settings(&message, &err);
	if (r < 0) {
		if (err.code < 0)
			report(&err);
		return 1;
	}
	/* What it has allocated goes with it; the locks go with its descriptors. */
	r = tasks[message.task](&message, &err);
	_exit(r < 0);
}
