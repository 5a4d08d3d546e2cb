/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segments to the container. See tcp-internal.h. There is no congestion control: the link is a
 * queue in memory, and the container's window is all that limits. Runs in bryo-net's sandbox;
 * allocates nothing.
 */
#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "netns/net/stack/stack-internal.h"
#include "netns/net/stack/tcp-internal.h"

enum {
	PUSH_FRAMES = 16, /* in one turn of one connection: a megabyte */
	CHALLENGES = 100, /* a second, for all connections: RFC 5961, 7 */
	UNSCALED_MAX = 65535,
	SEGMENT_FLOOR = 1024,
	SKIP_MAX = 524288, /* in flight where each peek has to pass over what is */
};
#define SECOND_NS 1000000000LL

/* ---- Our window ---- */

static void close_edge(struct tcp_flow *tcp, uint32_t edge)
{
	tcp->edge = edge;
	if (seq_before(tcp->edge_max, edge))
		tcp->edge_max = edge;
}

/* epoll tells the next time that a third of the buffer is free (sk_stream_is_writeable()). */
static void wait_for_room(struct tcp_flow *tcp)
{
	static const uint32_t events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET;

	if (tcp->want_room)
		return;
	tcp->want_room = true;
	(void)watch_change(tcp->flow.stack->loop, &tcp->flow.watch, events);
}

void tcp_measure(struct tcp_flow *tcp)
{
	const struct stack *const stack = tcp->flow.stack;
	uint32_t info[SK_MEMINFO_VARS] = { 0 };
	socklen_t size = sizeof(info);
	const uint32_t most = tcp->scaled ? UNSCALED_MAX << TCP_SHIFT : UNSCALED_MAX;
	uint32_t total = 0;
	uint32_t room = 0;
	uint32_t gain = 0;

	if (getsockopt(tcp->flow.watch.fd, SOL_SOCKET, SO_MEMINFO, info, &size) < 0)
		return;
	total = info[SK_MEMINFO_SNDBUF];
	if (info[SK_MEMINFO_WMEM_QUEUED] < total)
		room = total - info[SK_MEMINFO_WMEM_QUEUED];
	if (room < total / 3)
		wait_for_room(tcp);
	/* What is queued is counted with its buffers: twice, for segments of 1500 bytes. A promise
	 * that the socket does not keep costs more than a window that is too small. */
	room /= 2;
	total /= 2;
	if (total > stack->window_max)
		total = stack->window_max;
	if (total > most)
		total = most;
	if (room > total)
		room = total;
	if (seq_before(tcp->edge, tcp->received))
		close_edge(tcp, tcp->received);
	gain = tcp->received + room - tcp->edge;
	/* Never back, and not by driblets: RFC 9293, 3.8.6.2.2. */
	if (seq_before(tcp->edge, tcp->received + room) &&
	    (gain >= 2U * tcp->segment || gain >= total / 4))
		close_edge(tcp, tcp->received + room);
}

static uint16_t window_field(const struct tcp_flow *tcp)
{
	const uint32_t window =
		seq_before(tcp->received, tcp->edge) ? tcp->edge - tcp->received : 0;

	if (tcp->scaled)
		return (uint16_t)(window >> TCP_SHIFT);
	return (uint16_t)(window < UNSCALED_MAX ? window : UNSCALED_MAX);
}

/* ---- Segments without data ---- */

static void send_plain(struct tcp_flow *tcp, uint32_t seq, uint8_t flags)
{
	struct stack *const stack = tcp->flow.stack;
	const struct frame_tcp header = { .seq = seq,
					  .ack = flags & TH_ACK ? tcp->received : 0,
					  .window = window_field(tcp),
					  .flags = flags,
					  .segment = tcp->segment };

	stack_output(stack, frame_put_tcp(stack->out, &stack->link, &tcp->flow.tuple, &header, 0));
	tcp->ack_now = false;
}

void tcp_send_ack(struct tcp_flow *tcp)
{
	send_plain(tcp, tcp->next, TH_ACK);
}

void tcp_send_probe(struct tcp_flow *tcp)
{
	send_plain(tcp, tcp->acked - 1, TH_ACK);
}

void tcp_send_challenge(struct tcp_flow *tcp)
{
	struct stack *const stack = tcp->flow.stack;

	if (stack->loop->now - stack->challenged > SECOND_NS) {
		stack->challenged = stack->loop->now;
		stack->challenges = 0;
	}
	if (stack->challenges++ < CHALLENGES)
		send_plain(tcp, tcp->next, TH_ACK);
}

void tcp_send_reset(struct tcp_flow *tcp)
{
	send_plain(tcp, tcp->next, TH_RST | TH_ACK);
}

/*
 * Of segments from the container. A sender waits until a whole one fits in the window (RFC 9293,
 * 3.8.6.2.1), so several must fit in what the socket takes; with segmentation offload a frame holds
 * as many as ever.
 */
static uint16_t wanted_segment(const struct tcp_flow *tcp)
{
	const size_t headers = frame_ip_size(&tcp->flow.tuple) + FRAME_TCP_HEADER;
	const size_t most = tcp->flow.stack->link.mtu - headers;
	size_t room = tcp->flow.stack->window_max;
	int buffer = 0;
	socklen_t size = sizeof(buffer);

	if (getsockopt(tcp->flow.watch.fd, SOL_SOCKET, SO_SNDBUF, &buffer, &size) == 0 &&
	    (size_t)buffer < room)
		room = (size_t)buffer;
	/* A sixth of the buffer is what the window is at least when it opens: tcp_measure(). */
	room /= 8;
	if (room < SEGMENT_FLOOR)
		room = SEGMENT_FLOOR;
	return (uint16_t)(room < most ? room : most);
}

void tcp_send_syn(struct tcp_flow *tcp)
{
	struct stack *const stack = tcp->flow.stack;
	const bool answer = tcp->state == FLOW_SYN_RECEIVED;
	const uint32_t window = tcp->edge - tcp->received;
	const struct frame_tcp header = {
		.seq = tcp->base - 1,
		.ack = answer ? tcp->received : 0,
		/* Never scaled here: RFC 7323, 2.2. From inside we do not know it yet. */
		.window = (uint16_t)(!answer || window > UNSCALED_MAX ? UNSCALED_MAX : window),
		.flags = answer ? TH_SYN | TH_ACK : TH_SYN,
		.mss = wanted_segment(tcp),
		.shift = answer && !tcp->scaled ? -1 : TCP_SHIFT,
		.segment = tcp->segment,
	};

	stack_output(stack, frame_put_tcp(stack->out, &stack->link, &tcp->flow.tuple, &header, 0));
}

void tcp_refuse(struct stack *stack, const struct tuple *tuple, const struct segment *segment)
{
	const bool acks = segment->flags & TH_ACK;
	const uint32_t size = segment->length + (segment->flags & TH_SYN ? 1 : 0) +
			      (segment->flags & TH_FIN ? 1 : 0);
	const struct frame_tcp header = { .seq = acks ? segment->ack : 0,
					  .ack = acks ? 0 : segment->seq + size,
					  .flags = acks ? TH_RST : TH_RST | TH_ACK };

	if (!(segment->flags & TH_RST))
		stack_output(stack, frame_put_tcp(stack->out, &stack->link, tuple, &header, 0));
}

/* ---- Data ---- */

static uint32_t space(const struct tcp_flow *tcp)
{
	const uint32_t end = tcp->acked + tcp->window;
	const struct stack *const stack = tcp->flow.stack;
	uint32_t left = seq_before(tcp->next, end) ? end - tcp->next : 0;

	if (tcp->flow.tuple.six ? stack->peek6 : stack->peek4)
		return left;
	if (tcp->next - tcp->base >= SKIP_MAX)
		return 0;
	return left < SKIP_MAX - (tcp->next - tcp->base) ? left
							 : SKIP_MAX - (tcp->next - tcp->base);
}

bool tcp_is_shut(const struct tcp_flow *tcp)
{
	return tcp->window == 0;
}

void tcp_rewind(struct tcp_flow *tcp)
{
	tcp->recover = tcp->highest;
	tcp->next = tcp->acked;
	tcp->duplicates = 0;
	tcp->readable = true;
}

static void advance(struct tcp_flow *tcp, uint32_t size)
{
	tcp->next += size;
	if (seq_before(tcp->highest, tcp->next))
		tcp->highest = tcp->next;
}

static void send_fin(struct tcp_flow *tcp)
{
	tcp->fin_sent = true;
	tcp->fin = tcp->next;
	send_plain(tcp, tcp->next, TH_FIN | TH_ACK);
	advance(tcp, 1);
}

/* 1: one frame is sent; 0: nothing to send; or a negative errno. */
static int send_some(struct tcp_flow *tcp, uint32_t most, bool urgent)
{
	struct stack *const stack = tcp->flow.stack;
	const struct tuple *const tuple = &tcp->flow.tuple;
	struct frame_tcp header = { .seq = tcp->next, .flags = TH_ACK, .segment = tcp->segment };
	ssize_t n = 0;

	if (most > frame_payload_max(tuple))
		most = (uint32_t)frame_payload_max(tuple);
	if (most > tcp->segment)
		most = most / tcp->segment * tcp->segment;
	n = tcp_peek(tcp, stack->out + frame_payload(tuple), most);
	if (n == -EAGAIN)
		tcp->readable = false;
	if (n < 0)
		return n == -EAGAIN ? 0 : (int)n;
	if (n == 0) {
		send_fin(tcp);
		return 0;
	}
	/* What comes after this is told anew (EPOLLET); but an end that was told is not. */
	if ((uint32_t)n < most && !tcp->hung_up && !tcp->urgent_in)
		tcp->readable = false;
	if ((uint32_t)n < most)
		header.flags |= TH_PUSH;
	if (urgent) {
		header.flags |= TH_URG;
		header.urgent = 1;
	}
	header.ack = tcp->received;
	header.window = window_field(tcp);
	tcp->ack_now = false;
	stack_output(stack, frame_put_tcp(stack->out, &stack->link, tuple, &header, (size_t)n));
	advance(tcp, (uint32_t)n);
	return 1;
}

/* A small rest of the window is not worth a segment while more is on its way: RFC 9293, 3.8.6.2.1.
 */
static bool is_silly(const struct tcp_flow *tcp, uint32_t most)
{
	return most < tcp->segment && most < tcp->window_max / 2 && tcp->next != tcp->acked;
}

bool tcp_push(struct tcp_flow *tcp)
{
	for (int i = 0; tcp->readable; i++) {
		const uint32_t most = space(tcp);
		int r = 0;

		if (tcp->fin_sent && tcp->next == tcp->fin + 1)
			tcp->readable = false;
		if (!tcp->readable || most == 0 || is_silly(tcp, most))
			return true;
		if (i == PUSH_FRAMES) {
			tcp_mark(tcp);
			return true;
		}
		if (tcp->urgent_in)
			r = tcp_urgent_ahead(tcp);
		if (r == -EAGAIN)
			return true;
		r = send_some(tcp, most, r > 0);
		if (r <= 0)
			return r == 0;
	}
	return true;
}
