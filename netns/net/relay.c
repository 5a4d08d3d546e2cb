/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bryo-net's loop: see relay.h. Runs in the sandbox; the heap is used by the stack only.
 */
#include "netns/net/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "netns/net-message.h"
#include "netns/net/policy.h"

/* Slots of fds[] that are always there; the stack's own follow. */
enum { SLOT_TAP, SLOT_MONITOR, SLOT_INIT, SLOT_INOTIFY, SLOT_COUNT };

/* Frames taken in a row before the sockets get their turn. */
enum { BURST = 32 };

static const char resolv_path[] = "/etc/resolv.conf";

void relay_init(struct relay *relay)
{
	relay->tap = -1;
	relay->init_pidfd = -1;
	relay->inotify = -1;
	relay->dns.options = &relay->options;
}

/* ---- Frames ---- */

/* From the stack to the container. A full queue drops the frame, as a real link would. */
static void output(void *data, const void *frame, size_t size)
{
	struct relay *relay = data;
	struct packet packet;

	/* The stack's buffer is its own memory and may be changed; it is not looked at again. */
	if (packet_parse((void *)(uintptr_t)frame, size, &packet) == 0)
		dns_incoming(&relay->dns, &packet);
	if (write(relay->tap, frame, size) < 0)
		return;
}

static void input(struct relay *relay, size_t size)
{
	struct packet packet;

	if (packet_parse(relay->frame, size, &packet) < 0 ||
	    !policy_allows(&relay->options, &packet) || !dns_outgoing(&relay->dns, &packet))
		return;
	relay->ops->input(relay->stack, relay->frame, size);
}

/* 0, or a negative errno when the interface is gone. */
static int read_frames(struct relay *relay)
{
	for (int i = 0; i < BURST; i++) {
		const ssize_t n = read(relay->tap, relay->frame, sizeof(relay->frame));

		if (n > 0)
			input(relay, (size_t)n);
		else if (n < 0 && errno != EINTR)
			return errno == EAGAIN || errno == ENOBUFS ? 0 : -errno;
		else
			return 0;
	}
	return 0;
}

int relay_open(struct relay *relay, const struct stack_ops *ops, struct err *err)
{
	relay->ops = ops;
	relay->link = (struct stack_link){ .output = output, .data = relay };
	return ops->open(&relay->options, &relay->link, &relay->stack, err);
}

/* ---- Resolvers ---- */

/* The frame buffer serves: nothing is in it between two rounds. */
static void read_resolvers(struct relay *relay)
{
	auto_close int fd = open(resolv_path, O_RDONLY | O_CLOEXEC);
	struct resolv resolv;
	const ssize_t n = fd < 0 ? 0 : fd_read_full(fd, relay->frame, sizeof(relay->frame));

	/* While the file is being replaced it may be missing: keep what we have until it is back.
	 */
	if (n <= 0)
		return;
	resolv_parse((const char *)relay->frame, (size_t)n, &resolv);
	if (resolv.server_count > 0)
		dns_set_servers(&relay->dns, &resolv);
}

int relay_watch_resolvers(struct relay *relay, struct err *err)
{
	static const uint32_t mask = IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_ONLYDIR;
	char *slash = NULL;

	relay->folders[0] = "/etc";
	if (!relay->options.dns)
		return 0;
	read_resolvers(relay);
	relay->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (relay->inotify < 0)
		return err_set(err, -errno, "cannot watch %s", resolv_path);
	/* Resolvers that are written anew are a convenience: without a watch the first ones stay.
	 */
	(void)inotify_add_watch(relay->inotify, "/etc", mask);
	if (!realpath(resolv_path, relay->resolv_folder))
		return 0;
	slash = strrchr(relay->resolv_folder, '/');
	if (slash && slash != relay->resolv_folder)
		*slash = '\0';
	if (strcmp(relay->resolv_folder, "/etc") != 0) {
		(void)inotify_add_watch(relay->inotify, relay->resolv_folder, mask);
		relay->folders[1] = relay->resolv_folder;
	}
	return 0;
}

/* Whatever changed in those folders: reading one small file again is cheaper than a look at names.
 */
static void take_inotify(struct relay *relay)
{
	while (read(relay->inotify, relay->frame, sizeof(relay->frame)) > 0)
		;
	read_resolvers(relay);
}

/* ---- The loop ---- */

/*
 * The monitor closed its end or died; the container's init ended; the interface went away with the
 * container's network namespace (a tap says POLLERR, a packet socket ENETDOWN).
 */
static bool should_end(const struct relay *relay)
{
	return relay->fds[SLOT_MONITOR].revents != 0 || relay->fds[SLOT_INIT].revents != 0 ||
	       (relay->fds[SLOT_TAP].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
}

void relay_run(struct relay *relay)
{
	/* poll(2) passes over entries with a negative descriptor. */
	relay->fds[SLOT_TAP] = (struct pollfd){ .fd = relay->tap, .events = POLLIN };
	relay->fds[SLOT_MONITOR] = (struct pollfd){ .fd = NET_SOCKET_FD, .events = POLLIN };
	relay->fds[SLOT_INIT] = (struct pollfd){ .fd = relay->init_pidfd, .events = POLLIN };
	relay->fds[SLOT_INOTIFY] = (struct pollfd){ .fd = relay->inotify, .events = POLLIN };
	for (;;) {
		int timeout = -1;
		const size_t count = relay->ops->fill(relay->stack, relay->fds + SLOT_COUNT,
						      RELAY_POLL_MAX - SLOT_COUNT, &timeout);
		const int n = poll(relay->fds, SLOT_COUNT + count, timeout);

		if (n < 0 && errno != EINTR)
			return;
		if (n < 0)
			continue;
		if (should_end(relay))
			return;
		if (relay->fds[SLOT_INOTIFY].revents != 0)
			take_inotify(relay);
		if (relay->fds[SLOT_TAP].revents != 0 && read_frames(relay) < 0)
			return;
		relay->ops->dispatch(relay->stack, relay->fds + SLOT_COUNT, count);
	}
}
