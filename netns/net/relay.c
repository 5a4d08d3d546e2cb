/* SPDX-License-Identifier: Apache-2.0 */
/* bryo-net's relay: see relay.h. Runs in the sandbox from relay_run() on; allocates nothing there.
 */
#include "netns/net/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "netns/net-message.h"
#include "netns/net/inject/inject.h"
#include "netns/net/reply.h"
#include "netns/net/stack/frame.h"

enum {
	BURST = 32,	/* frames taken in a row before the sockets get their turn */
	GSO_UDP_L4 = 5, /* VIRTIO_NET_HDR_GSO_UDP_L4, newer than some headers */
};

static const char resolv_path[] = "/etc/resolv.conf";

/* ---- Frames ---- */

/* From the translator to the container. A full queue drops the frame, as a real link would. */
static void output(void *data, const void *buffer, size_t size)
{
	const struct relay *relay = data;

	if (write(relay->tap.fd, buffer, size) < 0)
		return;
}

static void refuse(struct relay *relay, const struct packet *packet)
{
	uint8_t answer[FRAME_VNET + REPLY_MAX] = { 0 };
	const size_t size = reply_prohibited(packet, answer + FRAME_VNET);

	if (size > 0)
		output(relay, answer, FRAME_VNET + size);
}

/* May it go on? If not, and it deserves one, it gets an answer. */
static bool is_let_through(struct relay *relay, const struct packet *packet)
{
	const enum policy_verdict verdict = policy_judge(&relay->policy, packet);

	if (verdict == POLICY_REFUSE)
		refuse(relay, packet);
	return verdict == POLICY_PASS;
}

/* From the container to the translator, or to whoever answers in its place. */
static void input(struct relay *relay, size_t size)
{
	struct virtio_net_hdr header;
	struct packet packet;
	bool several = false;

	if (size <= FRAME_VNET)
		return;
	memcpy(&header, relay->frame, FRAME_VNET);
	if (packet_parse(relay->frame + FRAME_VNET, size - FRAME_VNET, &packet) < 0 ||
	    !is_let_through(relay, &packet))
		return;
	/* Ports and all that policy asks for are known of the whole only. */
	if (fragment_is(&packet) &&
	    (!fragment_take(&relay->fragments, &packet, relay->loop.now, &packet) ||
	     !is_let_through(relay, &packet)))
		return;
	several = (header.gso_type & ~VIRTIO_NET_HDR_GSO_ECN) == GSO_UDP_L4;
	stack_input(relay->stack, &packet, several ? header.gso_size : 0);
}

/* 0, or a negative errno when the interface is gone. */
static int read_frames(struct relay *relay)
{
	for (int i = 0; i < BURST; i++) {
		const ssize_t n = read(relay->tap.fd, relay->frame, sizeof(relay->frame));

		if (n > 0)
			input(relay, (size_t)n);
		else if (n < 0 && errno != EINTR)
			return errno == EAGAIN || errno == ENOBUFS ? 0 : -errno;
		else
			return 0;
	}
	return 0;
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
	relay->inotify.fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (relay->inotify.fd < 0)
		return err_set(err, -errno, "cannot watch %s", resolv_path);
	/* Resolvers that are written anew are a convenience: without a watch the first ones stay.
	 */
	(void)inotify_add_watch(relay->inotify.fd, "/etc", mask);
	if (!realpath(resolv_path, relay->resolv_folder))
		return 0;
	slash = strrchr(relay->resolv_folder, '/');
	if (slash && slash != relay->resolv_folder)
		*slash = '\0';
	if (strcmp(relay->resolv_folder, "/etc") != 0) {
		(void)inotify_add_watch(relay->inotify.fd, relay->resolv_folder, mask);
		relay->folders[1] = relay->resolv_folder;
	}
	return 0;
}

/* ---- Ends ---- */

static struct relay *relay_of(struct watch *watch, size_t offset)
{
	return (struct relay *)(void *)((char *)watch - offset);
}

/* A tap says EPOLLERR when its network namespace is gone, a packet socket ENETDOWN. */
static void tap_ready(struct watch *watch, uint32_t events)
{
	struct relay *const relay = relay_of(watch, offsetof(struct relay, tap_watch));

	if (events & (EPOLLERR | EPOLLHUP) || read_frames(relay) < 0)
		watch_end(&relay->loop);
	stack_flush(relay->stack);
}

/* The injector gives a listener back to the translator, or is gone. */
static void injector_ready(struct watch *watch, uint32_t events)
{
	struct relay *relay = relay_of(watch, offsetof(struct relay, injector));
	struct inject_notice notice;
	const ssize_t n = recv(watch->fd, &notice, sizeof(notice), MSG_DONTWAIT);

	(void)events;
	if (n == (ssize_t)sizeof(notice) && notice.tag < relay->listener_count) {
		(void)listener_resume(&relay->listeners[notice.tag]); /* else nobody accepts */
		return;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	watch_remove(&relay->loop, watch);
	fd_close(&watch->fd);
}

int relay_reload(struct relay *relay, struct err *err)
{
	if (relay->options.dns)
		read_resolvers(relay);
	return listen_reload(relay, err);
}

static int reload(void *data, struct err *err)
{
	return relay_reload(data, err);
}

/* Without an injector the listener closes, and the process's calls fail: they do not hang. */
static void pass_listener(void *data, int fd, enum inject_wall wall)
{
	const struct relay *relay = data;

	if (relay->injector.fd >= 0)
		(void)inject_add(relay->injector.fd, fd, wall);
}

static void stop_injection(void *data)
{
	const struct relay *relay = data;

	if (relay->injector.fd >= 0)
		(void)inject_off(relay->injector.fd);
}

/* The monitor asks for something, closed its end or died. */
static void monitor_ready(struct watch *watch, uint32_t events)
{
	struct relay *const relay = relay_of(watch, offsetof(struct relay, monitor));

	(void)events;
	if (!control_take(watch->fd, &relay->control))
		watch_end(&relay->loop);
}

/* The container's init has ended. */
static void init_ready(struct watch *watch, uint32_t events)
{
	(void)events;
	watch_end(&relay_of(watch, offsetof(struct relay, init))->loop);
}

/* Whatever changed in those folders: reading one small file again is cheaper than a look at names.
 */
static void inotify_ready(struct watch *watch, uint32_t events)
{
	struct relay *const relay = relay_of(watch, offsetof(struct relay, inotify));

	(void)events;
	while (read(watch->fd, relay->frame, sizeof(relay->frame)) > 0)
		;
	read_resolvers(relay);
}

/* ---- The loop ---- */

void relay_init(struct relay *relay)
{
	relay->tap.fd = -1;
	relay->tap_watch = (struct watch){ .fd = -1, .ready = tap_ready };
	relay->monitor = (struct watch){ .fd = -1, .ready = monitor_ready };
	relay->init = (struct watch){ .fd = -1, .ready = init_ready };
	relay->inotify = (struct watch){ .fd = -1, .ready = inotify_ready };
	relay->injector = (struct watch){ .fd = -1, .ready = injector_ready };
	relay->control = (struct control){ .reload = reload,
					   .listener = pass_listener,
					   .uninject = stop_injection,
					   .data = relay };
	relay->idle_ms = RELAY_IDLE_MS;
	relay->worked = true;
	relay->dns.options = &relay->options;
	relay->policy.options = &relay->options;
}

int relay_open(struct relay *relay, struct err *err)
{
	const struct stack_args args = { .options = &relay->options,
					 .loop = &relay->loop,
					 .policy = &relay->policy,
					 .dns = &relay->dns,
					 .output = output,
					 .data = relay };
	const int r = watch_loop_open(&relay->loop);

	if (r < 0)
		return err_set(err, r, "cannot start the network's loop");
	return stack_open(&args, &relay->stack, err);
}

int relay_start(struct relay *relay, struct err *err)
{
	struct watch *const all[] = { &relay->tap_watch, &relay->monitor, &relay->init,
				      &relay->inotify, &relay->injector };
	const struct stack_interface interface = { .mac = relay->tap.mac,
						   .udp_gso = relay->tap.udp_gso,
						   .queue = relay->tap.queue };
	int r = 0;

	stack_attach(relay->stack, &interface);
	relay->tap_watch.fd = relay->tap.fd;
	relay->monitor.fd = NET_SOCKET_FD;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && r == 0; i++)
		r = watch_add(&relay->loop, all[i], EPOLLIN);
	for (size_t i = 0; i < relay->listener_count && r == 0; i++) {
		stack_listen(relay->stack, &relay->listeners[i]);
		if (!relay->listeners[i].missing)
			r = listener_resume(&relay->listeners[i]);
	}
	return r < 0 ? err_set(err, r, "cannot watch the network's descriptors") : 0;
}

/* A container that talks now and then must not pay each time for what idling gave back. */
static void call_idle(struct relay *relay)
{
	relay->worked = false;
	relay->idle_ms =
		relay->idle_ms < RELAY_IDLE_MAX_MS / 2 ? relay->idle_ms * 2 : RELAY_IDLE_MAX_MS;
	stack_idle(relay->stack);
	(void)madvise(relay->frame, sizeof(relay->frame), MADV_DONTNEED);
	relay->on_idle();
}

void relay_run(struct relay *relay)
{
	while (!relay->loop.ended) {
		const bool waiting = relay->worked && relay->on_idle;
		const int64_t wait_ns = waiting ? relay->idle_ms * 1000000LL : WATCH_NEVER;
		const int n = watch_round(&relay->loop, wait_ns);

		if (n < 0)
			return;
		if (n == 0 && waiting)
			call_idle(relay);
		else
			relay->worked = true;
	}
}
