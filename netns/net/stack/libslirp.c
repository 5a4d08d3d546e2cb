/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libslirp behind the seam of stack.h. Runs in bryo-net, in the host's network namespace, inside
 * its sandbox. It sees only frames that policy.c let through.
 */
#include "netns/net/stack/stack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libslirp.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/time.h"

/* TCP gives up on a peer after less; UDP sockets, which live longer, are seen among the others. */
#define QUIET_NS (150 * 1000000000LL)

struct stack {
	Slirp *slirp;
	const struct stack_link *link;
	struct in_addr guest4;
	struct in6_addr guest6;
	bool ipv6;
	struct sockaddr_in outbound4;
	struct sockaddr_in6 outbound6;
	/* For idle(): listening sockets, and whether anything came since it was last asked. */
	size_t listeners;
	bool busy;
	int64_t quiet_since;
	/* Only between fill() and dispatch(). */
	struct pollfd *fds;
	const struct pollfd *seen;
	size_t count;
	size_t max;
};

static ssize_t send_packet(const void *frame, size_t size, void *opaque)
{
	struct stack *stack = opaque;

	stack->link->output(stack->link->data, frame, size);
	return (ssize_t)size;
}

/* What the guest did wrong is its own business; nobody reads a log here. */
static void guest_error(const char *message, void *opaque)
{
	(void)message;
	(void)opaque;
}

static int64_t clock_get_ns(void *opaque)
{
	(void)opaque;
	return time_monotonic();
}

/*
 * The only timer sends router advertisements every few seconds. The container's addresses and
 * routes are set over netlink, so none are wanted: it is never armed.
 */
static void *timer_new(SlirpTimerId id, void *cb_opaque, void *opaque)
{
	(void)id;
	(void)cb_opaque;
	return opaque;
}

static void timer_free(void *timer, void *opaque)
{
	(void)timer;
	(void)opaque;
}

static void timer_mod(void *timer, int64_t expire_ms, void *opaque)
{
	(void)timer;
	(void)expire_ms;
	(void)opaque;
}

/* The descriptors to poll are asked for anew each round. */
static void ignore_poll_fd(int fd, void *opaque)
{
	(void)fd;
	(void)opaque;
}

static void ignore_notify(void *opaque)
{
	(void)opaque;
}

static const SlirpCb callbacks = {
	.send_packet = send_packet,
	.guest_error = guest_error,
	.clock_get_ns = clock_get_ns,
	.timer_new_opaque = timer_new,
	.timer_free = timer_free,
	.timer_mod = timer_mod,
	.register_poll_fd = ignore_poll_fd,
	.unregister_poll_fd = ignore_poll_fd,
	.notify = ignore_notify,
};

static int stack_open(const struct net_options *options, bool loopback,
		      const struct stack_link *link, struct stack **ret_stack, struct err *err)
{
	SlirpConfig config = {
		.version = 4,
		.in_enabled = true,
		.vnetwork = options->net4,
		.vnetmask = { htonl(~0U << (32 - options->prefix4)) },
		.vhost = net_gateway4(options),
		.vnameserver = net_dns4(options),
		.vdhcp_start = net_container4(options),
		.in6_enabled = options->ipv6,
		.vprefix_addr6 = options->net6,
		.vprefix_len = 64,
		.vhost6 = net_gateway6(options),
		.vnameserver6 = net_dns6(options),
		.if_mtu = options->mtu,
		.if_mru = options->mtu,
		.disable_host_loopback = !loopback,
		/* Queries are turned to the host's resolvers before they come here: dns.c. */
		.disable_dns = true,
		.disable_dhcp = true,
	};
	struct stack *stack = calloc(1, sizeof(*stack));

	if (!stack)
		return err_set(err, -ENOMEM, "cannot start the network stack");
	stack->link = link;
	stack->guest4 = net_container4(options);
	stack->guest6 = net_container6(options);
	stack->ipv6 = options->ipv6;
	/* libslirp keeps these two pointers. */
	stack->outbound4.sin_family = AF_INET;
	stack->outbound4.sin_addr = options->outbound4;
	stack->outbound6.sin6_family = AF_INET6;
	stack->outbound6.sin6_addr = options->outbound6;
	if (options->outbound4.s_addr != INADDR_ANY)
		config.outbound_addr = &stack->outbound4;
	if (options->has_outbound6)
		config.outbound_addr6 = &stack->outbound6;
	stack->slirp = slirp_new(&config, &callbacks, stack);
	if (!stack->slirp) {
		free(stack);
		return err_say(err, ERR_FAILED, "libslirp %s refused its settings",
			       slirp_version_string());
	}
	*ret_stack = stack;
	return 0;
}

static void stack_close(struct stack *stack)
{
	slirp_cleanup(stack->slirp);
	free(stack);
}

/* ---- Published ports ---- */

union address {
	struct sockaddr any;
	struct sockaddr_in four;
	struct sockaddr_in6 six;
};

static socklen_t make_address(union address *address, int family, const void *ip, uint16_t port)
{
	memset(address, 0, sizeof(*address));
	address->any.sa_family = (sa_family_t)family;
	if (family == AF_INET) {
		address->four.sin_port = htons(port);
		memcpy(&address->four.sin_addr, ip, sizeof(struct in_addr));
		return sizeof(address->four);
	}
	address->six.sin6_port = htons(port);
	memcpy(&address->six.sin6_addr, ip, sizeof(struct in6_addr));
	return sizeof(address->six);
}

static socklen_t host_address(const struct port_map *map, union address *ret)
{
	struct in6_addr ip = { 0 };
	const int family = strchr(map->host_ip, ':') ? AF_INET6 : AF_INET;

	(void)inet_pton(family, map->host_ip, &ip);
	return make_address(ret, family, &ip, map->host_port);
}

static int forward_flags(const struct port_map *map)
{
	return (map->proto == PORT_UDP ? SLIRP_HOSTFWD_UDP : 0) |
	       (strchr(map->host_ip, ':') ? SLIRP_HOSTFWD_V6ONLY : 0);
}

/*
 * libslirp listens with a backlog of one: of a burst of clients all but two would wait a second for
 * their retransmitted SYN. Its new socket has the lowest free number, which next_fd() told before;
 * listen(2) on a listening socket only changes the backlog.
 */
static void widen_backlog(int fd)
{
	int listening = 0;
	socklen_t size = sizeof(listening);

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening)
		(void)listen(fd, SOMAXCONN);
}

static int next_fd(void)
{
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd;
}

static int stack_publish(struct stack *stack, const struct port_map *map)
{
	union address host;
	union address guest;
	const socklen_t host_size = host_address(map, &host);
	const bool six = host.any.sa_family == AF_INET6;
	const void *const guest_ip = six ? (const void *)&stack->guest6 : &stack->guest4;
	const socklen_t guest_size =
		make_address(&guest, host.any.sa_family, guest_ip, map->container_port);
	int fd = -1;

	if (six && !stack->ipv6)
		return -EAFNOSUPPORT;
	fd = next_fd();
	errno = 0;
	/* A port in use is seen: by listen(2) for TCP, and UDP is bound without SO_REUSEADDR. */
	if (slirp_add_hostxfwd(stack->slirp, &host.any, host_size, &guest.any, guest_size,
			       forward_flags(map)) < 0)
		return errno > 0 ? -errno : -EIO;
	if (map->proto == PORT_TCP)
		widen_backlog(fd);
	stack->listeners++;
	return 0;
}

static void stack_unpublish(struct stack *stack, const struct port_map *map)
{
	union address host;
	const socklen_t size = host_address(map, &host);

	(void)slirp_remove_hostxfwd(stack->slirp, &host.any, size, forward_flags(map));
}

/* ---- The loop ---- */

/*
 * libslirp wants to be woken twice a second for its timers, connections or not. Once nothing but
 * listening sockets is left and all has been quiet for longer than any of its timers runs, there is
 * nothing to be timed: the process may sleep until somebody comes.
 */
static bool idle(struct stack *stack)
{
	const int64_t now = time_monotonic();

	if (stack->busy || stack->quiet_since == 0)
		stack->quiet_since = now;
	stack->busy = false;
	return stack->count <= stack->listeners && now - stack->quiet_since > QUIET_NS;
}

static void stack_input(struct stack *stack, const void *frame, size_t size)
{
	stack->busy = true;
	slirp_input(stack->slirp, frame, (int)size);
}

static int add_poll(int fd, int events, void *opaque)
{
	struct stack *stack = opaque;
	short wanted = 0;

	/* Beyond the table a connection waits until others end: it stays in the kernel's buffers.
	 */
	if (stack->count >= stack->max)
		return -1;
	if (events & SLIRP_POLL_IN)
		wanted |= POLLIN;
	if (events & SLIRP_POLL_OUT)
		wanted |= POLLOUT;
	if (events & SLIRP_POLL_PRI)
		wanted |= POLLPRI;
	stack->fds[stack->count] = (struct pollfd){ .fd = fd, .events = wanted };
	return (int)stack->count++;
}

static size_t stack_fill(struct stack *stack, struct pollfd *fds, size_t max, int *timeout_ms)
{
	uint32_t timeout = *timeout_ms < 0 ? UINT32_MAX : (uint32_t)*timeout_ms;

	stack->fds = fds;
	stack->max = max;
	stack->count = 0;
#if SLIRP_CHECK_VERSION(4, 9, 0) /* where a socket may be no int, the older name is deprecated */
	slirp_pollfds_fill_socket(stack->slirp, &timeout, add_poll, stack);
#else
	slirp_pollfds_fill(stack->slirp, &timeout, add_poll, stack);
#endif
	if (!idle(stack))
		*timeout_ms = timeout > INT32_MAX ? -1 : (int)timeout;
	return stack->count;
}

static int get_revents(int index, void *opaque)
{
	const struct stack *stack = opaque;
	int events = 0;
	short seen = 0;

	if (index < 0 || (size_t)index >= stack->count)
		return 0;
	seen = stack->seen[index].revents;
	if (seen & POLLIN)
		events |= SLIRP_POLL_IN;
	if (seen & POLLOUT)
		events |= SLIRP_POLL_OUT;
	if (seen & POLLPRI)
		events |= SLIRP_POLL_PRI;
	if (seen & POLLERR)
		events |= SLIRP_POLL_ERR;
	if (seen & POLLHUP)
		events |= SLIRP_POLL_HUP;
	return events;
}

static void stack_dispatch(struct stack *stack, const struct pollfd *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		stack->busy = stack->busy || fds[i].revents != 0;
	stack->seen = fds;
	stack->count = count;
	slirp_pollfds_poll(stack->slirp, 0, get_revents, stack);
}

const struct stack_ops stack_libslirp = {
	.name = "libslirp",
	.open = stack_open,
	.close = stack_close,
	.publish = stack_publish,
	.unpublish = stack_unpublish,
	.input = stack_input,
	.fill = stack_fill,
	.dispatch = stack_dispatch,
};
