/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Beginnings of TCP connections, from inside and from outside. See tcp-internal.h. Runs in
 * bryo-net's sandbox; allocates nothing.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/fd.h"
#include "netns/net/bytes.h"
#include "netns/net/listen.h"
#include "netns/net/stack/stack-internal.h"
#include "netns/net/stack/tcp-internal.h"

enum {
	DEFAULT_SEGMENT = 536, /* RFC 9293, 3.7.1 */
	SHIFT_MAX = 14,	       /* RFC 7323, 2.3 */
	ACCEPT_BURST = 64,     /* connections taken before others have their turn */
	PORT_TRIES = 64,
	CLOCK_NS = 4000, /* initial sequence numbers move on that often: RFC 6528 */
};

static const uint32_t events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET;

/* ---- Both ways ---- */

static uint16_t own_segment(const struct stack *stack, const struct tuple *tuple)
{
	return (uint16_t)(stack->link.mtu - frame_ip_size(tuple) - FRAME_TCP_HEADER);
}

static void take_option(struct tcp_flow *tcp, const uint8_t *option)
{
	if (option[0] == 2 && option[1] == 4)
		tcp->segment = get16(option + 2);
	if (option[0] == 3 && option[1] == 3) {
		tcp->scaled = true;
		tcp->shift = option[2] < SHIFT_MAX ? option[2] : SHIFT_MAX;
	}
}

void tcp_take_options(struct tcp_flow *tcp, const struct segment *segment)
{
	const uint16_t most = own_segment(tcp->flow.stack, &tcp->flow.tuple);
	const uint8_t *at = segment->options;
	const uint8_t *const end = at + segment->option_size;

	tcp->segment = DEFAULT_SEGMENT;
	tcp->scaled = false;
	tcp->shift = 0;
	while (at < end && *at != 0) {
		if (*at == 1) {
			at++;
			continue;
		}
		if (end - at < 2 || at[1] < 2 || at[1] > end - at)
			break;
		take_option(tcp, at);
		at += at[1];
	}
	if (tcp->segment > most)
		tcp->segment = most;
	if (tcp->segment < TCP_SEGMENT_MIN)
		tcp->segment = TCP_SEGMENT_MIN;
}

/* RFC 6528: a clock, and a secret function of who talks to whom. */
static uint32_t first_sequence(const struct stack *stack, const struct tuple *tuple)
{
	return (uint32_t)(stack->loop->now / CLOCK_NS) +
	       (uint32_t)flow_hash(stack->secret, tuple, sizeof(*tuple));
}

static void set_sequence(struct tcp_flow *tcp)
{
	const uint32_t first = first_sequence(tcp->flow.stack, &tcp->flow.tuple);

	tcp->acked = first;
	tcp->next = tcp->highest = tcp->base = tcp->peek = tcp->recover = first + 1;
}

static void set_socket_options(const struct tcp_flow *tcp)
{
	const int fd = tcp->flow.watch.fd;
	static const int on = 1;
	static const int start = 0;

	/* The container's kernel gathered what was to be gathered (Nagle) already. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on));
	if (tcp->flow.tuple.six ? tcp->flow.stack->peek6 : tcp->flow.stack->peek4)
		(void)setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &start, sizeof(start));
}

/* ---- From inside ---- */

/* The answer to a SYN that cannot be served: that of the network, or a reset as of the host. */
static void answer_failure(struct stack *stack, const struct tuple *tuple, uint32_t seq, int code)
{
	static const int of_network[] = { EHOSTUNREACH, ENETUNREACH, ETIMEDOUT, EACCES,
					  EPERM,	EHOSTDOWN,   ENETDOWN };
	const struct segment syn = { .flags = TH_SYN, .seq = seq };

	for (size_t i = 0; i < sizeof(of_network) / sizeof(of_network[0]); i++) {
		const struct frame_error error = { .code = code, .seq = seq };

		if (of_network[i] != code)
			continue;
		stack_output_error(stack, tuple, &error);
		return;
	}
	tcp_refuse(stack, tuple, &syn);
}

/* 0, or a negative errno. */
static int begin(struct tcp_flow *tcp)
{
	struct stack *const stack = tcp->flow.stack;
	union host_address to;
	unsigned int server = 0;
	const socklen_t size = stack_host_address(stack, &tcp->flow.tuple, &to, &server);
	int r = 0;

	if (size == 0)
		return -EHOSTUNREACH;
	r = stack_socket(stack, &to, SOCK_STREAM, 0);
	if (r < 0)
		return r;
	tcp->flow.watch.fd = r;
	set_socket_options(tcp);
	if (connect(r, &to.any, size) < 0 && errno != EINPROGRESS)
		return -errno;
	return watch_add(stack->loop, &tcp->flow.watch, events);
}

void tcp_connect(struct stack *stack, const struct tuple *tuple, const struct segment *segment)
{
	struct tcp_flow *const tcp = tcp_add(stack, tuple);
	int r = 0;

	if (!tcp) {
		tcp_refuse(stack, tuple, segment);
		return;
	}
	tcp->state = FLOW_CONNECTING;
	tcp->received = segment->seq + 1;
	tcp_take_options(tcp, segment);
	r = begin(tcp);
	if (r < 0) {
		tcp_drop(tcp);
		answer_failure(stack, tuple, segment->seq, -r);
	}
}

void tcp_connected(struct tcp_flow *tcp)
{
	struct stack *const stack = tcp->flow.stack;
	const struct tuple tuple = tcp->flow.tuple;
	const uint32_t seq = tcp->received - 1;
	int code = 0;
	socklen_t size = sizeof(code);

	if (getsockopt(tcp->flow.watch.fd, SOL_SOCKET, SO_ERROR, &code, &size) < 0)
		code = errno;
	if (code != 0) {
		tcp_drop(tcp);
		answer_failure(stack, &tuple, seq, code);
		return;
	}
	tcp->state = FLOW_SYN_RECEIVED;
	set_sequence(tcp);
	tcp->edge = tcp->edge_max = tcp->received;
	tcp_measure(tcp);
	tcp_send_syn(tcp);
	tcp_set_timer(tcp);
}

/* ---- From outside ---- */

/*
 * Clients that the container sees under the gateway's address may come from several addresses with
 * one port: then another port stands for theirs.
 */
static bool choose_tuple(const struct stack *stack, const struct listener *listener,
			 const union host_address *peer, struct tuple *tuple)
{
	bool hidden = false;

	*tuple = (struct tuple){ .proto = IPPROTO_TCP };
	stack_set_container(stack, peer->any.sa_family, listener->map.container_port, tuple);
	hidden = stack_peer_address(stack, peer, tuple);
	for (int i = 0; i < PORT_TRIES; i++) {
		if (!flow_find(&stack->tcp, tuple))
			return true;
		if (!hidden)
			return false;
		tuple->remote_port = (uint16_t)(1024 + (tuple->remote_port * 31U + 7) % 64000);
	}
	return false;
}

/* Takes the descriptor over. */
static void welcome(struct stack *stack, const struct listener *listener, int fd,
		    const union host_address *peer)
{
	struct tcp_flow *tcp = NULL;
	struct tuple tuple;

	if (stack->sockets < stack->socket_max && choose_tuple(stack, listener, peer, &tuple))
		tcp = tcp_add(stack, &tuple);
	if (!tcp) {
		static const struct linger at_once = { .l_onoff = 1 };

		(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
		(void)close(fd);
		return;
	}
	stack->sockets++;
	tcp->flow.watch.fd = fd;
	tcp->state = FLOW_SYN_SENT;
	set_socket_options(tcp);
	set_sequence(tcp);
	if (watch_add(stack->loop, &tcp->flow.watch, events) < 0) {
		tcp_abort(tcp, false);
		return;
	}
	tcp_send_syn(tcp);
	tcp_set_timer(tcp);
}

/* An inherited [::] socket takes IPv4 clients, too, as ::ffff:a.b.c.d. */
static void unmap(union host_address *peer)
{
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = peer->six.sin6_port };

	if (peer->any.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&peer->six.sin6_addr))
		return;
	memcpy(&four.sin_addr, peer->six.sin6_addr.s6_addr + 12, sizeof(four.sin_addr));
	*peer = (union host_address){ .four = four };
}

void tcp_listener_ready(struct watch *watch, uint32_t what)
{
	struct listener *const listener = (struct listener *)watch;

	(void)what;
	for (int i = 0; i < ACCEPT_BURST; i++) {
		union host_address peer = { 0 };
		socklen_t size = sizeof(peer);
		const int fd = accept4(watch->fd, &peer.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			unmap(&peer);
			welcome(listener->stack, listener, fd, &peer);
			continue;
		}
		/* Network errors of one connection are not the listener's: accept(2). */
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			listener_rest(listener);
		/* It listens no more: the container has a socket of its own there (inject/). */
		if (errno == EINVAL)
			listener_pause(listener);
		if (errno != ECONNABORTED && errno != EPROTO && errno != EINTR)
			return;
	}
}

void tcp_answered(struct tcp_flow *tcp, const struct segment *segment)
{
	const bool acks = segment->flags & TH_ACK && segment->ack == tcp->next;

	if (segment->flags & TH_RST) {
		if (acks)
			tcp_abort(tcp, false);
		return;
	}
	if (segment->flags & TH_ACK && !acks) {
		tcp_refuse(tcp->flow.stack, &tcp->flow.tuple, segment);
		return;
	}
	/* A SYN without ACK, both sides opening at once: our own is repeated and answered. */
	if (!acks || !(segment->flags & TH_SYN))
		return;
	tcp_take_options(tcp, segment);
	tcp->received = segment->seq + 1;
	tcp->edge = tcp->edge_max = tcp->received;
	tcp->acked = segment->ack;
	tcp->window = tcp->window_max = segment->window;
	tcp->window_seq = segment->seq;
	tcp->window_ack = segment->ack;
	tcp->retries = 0;
	tcp->progress = true;
	tcp->state = FLOW_OPEN;
	tcp->readable = true;
	tcp->ack_now = true;
	tcp_mark(tcp);
}
