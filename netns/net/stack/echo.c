/* SPDX-License-Identifier: Apache-2.0 */
/* Echo by ping sockets: see echo.h. Runs in bryo-net's sandbox; allocates nothing. */
#include "netns/net/stack/echo.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <string.h>
#include <sys/socket.h>

#include "netns/net/bytes.h"
#include "netns/net/stack/host-error.h"

enum { ICMP_ID = 4, BURST = 16 };
#define SILENT_NS (60 * 1000000000LL)

static void close_flow(struct echo_flow *echo)
{
	watch_timer_cancel(echo->flow.stack->loop, &echo->flow.timer);
	stack_close_socket(echo->flow.stack, &echo->flow.watch);
	echo->last = 0;
}

void echo_close_all(struct stack *stack)
{
	for (size_t i = 0; i < ECHO_FLOWS; i++)
		close_flow(&stack->echo.flows[i]);
}

static void expired(struct watch_timer *timer)
{
	close_flow((struct echo_flow *)flow_of_timer(timer));
}

static uint8_t *message_of(struct stack *stack, const struct tuple *tuple)
{
	return stack->out + FRAME_IP + frame_ip_size(tuple);
}

/* ---- Answers ---- */

static void tell_errors(struct echo_flow *echo)
{
	struct host_error error;

	for (int i = 0; i < BURST && host_error_take(echo->flow.watch.fd, &error); i++)
		host_error_tell(echo->flow.stack, &echo->flow.tuple, &error);
}

static void ready(struct watch *watch, uint32_t events)
{
	struct echo_flow *const echo = (struct echo_flow *)watch;
	struct stack *const stack = echo->flow.stack;
	const struct tuple *const tuple = &echo->flow.tuple;
	uint8_t *const icmp = message_of(stack, tuple);

	if (events & EPOLLERR)
		tell_errors(echo);
	for (int i = 0; i < BURST; i++) {
		const ssize_t n = recv(watch->fd, icmp, 65535 - 20, MSG_DONTWAIT);

		if (n < FRAME_ICMP_HEADER)
			return;
		if (icmp[0] != (tuple->six ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY))
			continue;
		put16(icmp + ICMP_ID, tuple->container_port);
		stack_output_datagram(stack,
				      frame_put_icmp(stack->out, &stack->link, tuple, (size_t)n));
	}
}

void echo_init(struct stack *stack)
{
	for (size_t i = 0; i < ECHO_FLOWS; i++) {
		struct flow *const flow = &stack->echo.flows[i].flow;

		flow->watch = (struct watch){ .fd = -1, .ready = ready };
		flow->timer.expired = expired;
		flow->timer.due = WATCH_NEVER;
		flow->stack = stack;
	}
}

/* ---- Requests ---- */

/* The flow with this tuple, or the one that was used longest ago, with its socket closed. */
static struct echo_flow *choose(struct echo *all, const struct tuple *tuple)
{
	struct echo_flow *oldest = &all->flows[0];

	for (size_t i = 0; i < ECHO_FLOWS; i++) {
		struct echo_flow *const echo = &all->flows[i];

		if (echo->flow.watch.fd >= 0 && tuple_equal(&echo->flow.tuple, tuple))
			return echo;
		if (echo->last < oldest->last)
			oldest = echo;
	}
	close_flow(oldest);
	oldest->flow.tuple = *tuple;
	return oldest;
}

/* 0, or a negative errno. */
static int open_flow(struct echo_flow *echo, const union host_address *to)
{
	struct stack *const stack = echo->flow.stack;
	const int family = to->any.sa_family;
	int r = 0;

	if (echo->flow.watch.fd >= 0)
		return 0;
	r = stack_socket(stack, to, SOCK_DGRAM, family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	if (r < 0)
		return r;
	echo->flow.watch.fd = r;
	host_error_enable(r, family);
	if (connect(r, &to->any, host_address_size(to)) < 0)
		return -errno;
	return watch_add(stack->loop, &echo->flow.watch, EPOLLIN);
}

static void send_request(struct stack *stack, const struct tuple *tuple, const uint8_t *icmp,
			 size_t size)
{
	struct echo_flow *const echo = choose(&stack->echo, tuple);
	struct tuple where = *tuple;
	union host_address to;
	unsigned int server = 0;
	int r = 0;

	where.remote_port = 0;
	if (stack_host_address(stack, &where, &to, &server) == 0)
		return;
	r = open_flow(echo, &to);
	/* The kernel puts its own identifier and checksum there. */
	if (r == 0 && send(echo->flow.watch.fd, icmp, size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		r = -errno;
	if (r == -EHOSTUNREACH || r == -ENETUNREACH) {
		const struct host_error error = { .code = -r,
						  .start = { [6] = icmp[6], [7] = icmp[7] } };

		host_error_tell(stack, tuple, &error);
	}
	if (echo->flow.watch.fd < 0)
		return;
	echo->last = stack->loop->now;
	watch_timer_set(stack->loop, &echo->flow.timer, stack->loop->now + SILENT_NS);
}

/* The gateway is us. */
static bool is_gateway(const struct stack *stack, const struct tuple *tuple)
{
	const struct in_addr four = net_gateway4(stack->options);
	const struct in6_addr six = net_gateway6(stack->options);

	return memcmp(tuple->remote, tuple->six ? (const void *)&six : &four,
		      tuple_address_size(tuple)) == 0;
}

void echo_input(struct stack *stack, const struct packet *packet)
{
	const uint8_t *const ip = packet->frame + PACKET_ETHERNET;
	const uint8_t *const icmp = packet->frame + packet->transport;
	const bool six = packet->family == AF_INET6;
	/* packet.c checked the lengths against the frame, which may be padded. */
	const size_t size =
		six ? get16(ip + 4) : get16(ip + 2) - (packet->transport - PACKET_ETHERNET);
	struct tuple tuple = tuple_of(packet);

	if (packet->proto != (six ? IPPROTO_ICMPV6 : IPPROTO_ICMP) || size < FRAME_ICMP_HEADER ||
	    icmp[0] != (six ? ICMP6_ECHO_REQUEST : ICMP_ECHO))
		return;
	tuple.container_port = get16(icmp + ICMP_ID);
	if (!is_gateway(stack, &tuple)) {
		send_request(stack, &tuple, icmp, size);
		return;
	}
	memcpy(message_of(stack, &tuple), icmp, size);
	*message_of(stack, &tuple) = six ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY;
	stack_output_datagram(stack, frame_put_icmp(stack->out, &stack->link, &tuple, size));
}
