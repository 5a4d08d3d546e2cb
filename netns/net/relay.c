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
#include "netns/net/reply.h"
#include "netns/net/watch.h"

/* Slots of fds[] that are always there; the stack's own follow. */
enum { SLOT_TAP, SLOT_MONITOR, SLOT_INIT, SLOT_INOTIFY, SLOT_LOOP, SLOT_COUNT };

/* Frames taken in a row before the sockets get their turn. */
enum { BURST = 32 };

/* How late a timer of the loop may be. */
enum { LOOP_MS = 50 };

static const char resolv_path[] = "/etc/resolv.conf";

void relay_init(struct relay *relay)
{
	relay->tap = -1;
	relay->init_pidfd = -1;
	relay->inotify = -1;
	relay->idle_ms = RELAY_IDLE_MS;
	relay->worked = true;
	relay->dns.options = &relay->options;
	relay->policy.options = &relay->options;
	ping6_init(&relay->ping6);
}

/* ---- Frames ---- */

/* A full queue drops the frame, as a real link would. */
static void send_frame(const struct relay *relay, const void *frame, size_t size)
{
	if (size > 0 && write(relay->tap, frame, size) < 0)
		return;
}

/* From the stack to the container. */
static void output(void *data, const void *frame, size_t size)
{
	struct relay *relay = data;
	struct packet packet;

	/* The stack's buffer is its own memory and may be changed; it is not looked at again. */
	if (packet_parse((void *)(uintptr_t)frame, size, &packet) == 0) {
		policy_saw(&relay->policy, &packet);
		dns_incoming(&relay->dns, &packet);
	}
	send_frame(relay, frame, size);
}

static void refuse(const struct relay *relay, const struct packet *packet)
{
	uint8_t answer[REPLY_MAX];

	send_frame(relay, answer, reply_prohibited(packet, answer));
}

/* From the container to the stack, or to whoever answers in its place. */
static void input(struct relay *relay, size_t size)
{
	enum policy_verdict verdict = POLICY_DROP;
	struct packet packet;

	if (packet_parse(relay->frame, size, &packet) < 0)
		return;
	verdict = policy_judge(&relay->policy, &packet);
	if (verdict == POLICY_REFUSE)
		refuse(relay, &packet);
	if (verdict != POLICY_PASS || !dns_outgoing(&relay->dns, &packet))
		return;
	/* The container's own network is the stack's to answer for, the rest is outside. */
	if (packet.family == AF_INET6 &&
	    memcmp(packet.frame + packet.to, &relay->options.net6, 8) != 0 &&
	    ping6_outgoing(&relay->ping6, &packet))
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

/*
 * Clients of a published UDP port who are on the host's loopback are answered through the gateway's
 * address, which the stack itself must allow then; policy.c lets nothing but answers through.
 */
static bool needs_loopback(const struct relay *relay, const struct port_list *ports)
{
	bool needed = relay->options.host_loopback;

	for (size_t i = 0; i < ports->count; i++)
		needed = needed || ports->maps[i].proto == PORT_UDP;
	return needed;
}

int relay_open(struct relay *relay, const struct stack_ops *ops, const struct port_list *ports,
	       struct err *err)
{
	relay->ops = ops;
	relay->link = (struct stack_link){ .output = output, .data = relay };
	return ops->open(&relay->options, needs_loopback(relay, ports), &relay->link, &relay->stack,
			 err);
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
	if (relay->fds[SLOT_MONITOR].revents != 0 && !control_take(NET_SOCKET_FD, &relay->control))
		return true;
	return relay->fds[SLOT_INIT].revents != 0 ||
	       (relay->fds[SLOT_TAP].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
}

void relay_reload(struct relay *relay)
{
	if (relay->options.dns)
		read_resolvers(relay);
}

static void run_ping6(struct relay *relay, const struct pollfd *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (fds[i].revents != 0)
			send_frame(relay, relay->frame,
				   ping6_dispatch(&relay->ping6, &fds[i], relay->frame));
}

/* A container that talks now and then must not pay each time for what idling gave back. */
static void call_idle(struct relay *relay)
{
	relay->worked = false;
	relay->idle_ms =
		relay->idle_ms < RELAY_IDLE_MAX_MS / 2 ? relay->idle_ms * 2 : RELAY_IDLE_MAX_MS;
	relay->on_idle();
}

/* One round. False: the end. */
static bool run_once(struct relay *relay)
{
	struct pollfd *const pings = relay->fds + SLOT_COUNT;
	int timeout = ping6_expire(&relay->ping6) > 0 ? 60000 : -1;
	const size_t ping_count = ping6_fill(&relay->ping6, pings);
	struct pollfd *const socks = pings + ping_count;
	const size_t max = RELAY_POLL_MAX - SLOT_COUNT - ping_count;
	const size_t count = relay->ops->fill(relay->stack, socks, max, &timeout);
	int n = 0;

	if (relay->loop && relay->loop->timers && (timeout < 0 || timeout > LOOP_MS))
		timeout = LOOP_MS;
	if (relay->worked && relay->on_idle && (timeout < 0 || timeout > relay->idle_ms))
		timeout = relay->idle_ms;
	n = poll(relay->fds, SLOT_COUNT + ping_count + count, timeout);
	if (n < 0)
		return errno == EINTR;
	if (n == 0 && relay->worked && relay->on_idle && timeout == relay->idle_ms)
		call_idle(relay);
	relay->worked = relay->worked || n > 0;
	if (should_end(relay))
		return false;
	if (relay->fds[SLOT_INOTIFY].revents != 0)
		take_inotify(relay);
	run_ping6(relay, pings, ping_count);
	if (relay->fds[SLOT_TAP].revents != 0 && read_frames(relay) < 0)
		return false;
	relay->ops->dispatch(relay->stack, socks, count);
	if (relay->loop)
		(void)watch_round(relay->loop, 0); /* a failed wait is tried again */
	return true;
}

void relay_run(struct relay *relay)
{
	/* poll(2) passes over entries with a negative descriptor. */
	relay->fds[SLOT_TAP] = (struct pollfd){ .fd = relay->tap, .events = POLLIN };
	relay->fds[SLOT_MONITOR] = (struct pollfd){ .fd = NET_SOCKET_FD, .events = POLLIN };
	relay->fds[SLOT_INIT] = (struct pollfd){ .fd = relay->init_pidfd, .events = POLLIN };
	relay->fds[SLOT_INOTIFY] = (struct pollfd){ .fd = relay->inotify, .events = POLLIN };
	relay->fds[SLOT_LOOP] =
		(struct pollfd){ .fd = relay->loop ? relay->loop->epoll : -1, .events = POLLIN };
	while (run_once(relay))
		;
}
