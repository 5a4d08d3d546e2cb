/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCP: who gets a segment, turns, timers, ends. See tcp-internal.h. Runs in bryo-net's sandbox;
 * allocates nothing. Every segment may be forged.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "engine/base/fd.h"
#include "netns/net/bytes.h"
#include "netns/net/stack/stack-internal.h"
#include "netns/net/stack/tcp-internal.h"

/* ---- Turns ---- */

void tcp_mark(struct tcp_flow *tcp)
{
	struct stack *const stack = tcp->flow.stack;

	if (tcp->dirty)
		return;
	tcp->dirty = true;
	tcp->dirty_next = stack->dirty;
	stack->dirty = tcp;
}

static void unmark(struct tcp_flow *tcp)
{
	struct tcp_flow **link = &tcp->flow.stack->dirty;

	while (tcp->dirty && *link) {
		if (*link == tcp) {
			*link = tcp->dirty_next;
			tcp->dirty = false;
		} else {
			link = &(*link)->dirty_next;
		}
	}
}

/* Window updates alone do not make the container send again at once what was dropped. */
static void send_acks(struct tcp_flow *tcp)
{
	tcp_send_ack(tcp);
	if (!tcp->lost || tcp->edge == tcp->received)
		return;
	tcp->lost = false;
	/* Three duplicates do: RFC 5681, 3.2. */
	for (int i = 0; i < 3; i++)
		tcp_send_ack(tcp);
}

static bool is_over(const struct tcp_flow *tcp)
{
	return tcp->fin_received && tcp->fin_sent && tcp->acked == tcp->fin + 1;
}

bool tcp_serve(struct tcp_flow *tcp)
{
	tcp_uncork(tcp);
	tcp_consume(tcp);
	if (tcp->ack_now)
		tcp_measure(tcp);
	if (tcp->state == FLOW_OPEN && (!tcp_push(tcp) || tcp->broken)) {
		tcp_abort(tcp, true);
		return false;
	}
	if (tcp->ack_now)
		send_acks(tcp);
	if (is_over(tcp)) {
		tcp_drop(tcp);
		return false;
	}
	tcp_set_timer(tcp);
	return true;
}

void tcp_flush(struct stack *stack)
{
	struct tcp_flow *list = stack->dirty;

	/* Those that are marked anew have their turn after others. */
	stack->dirty = NULL;
	while (list) {
		struct tcp_flow *const tcp = list;

		list = tcp->dirty_next;
		tcp->dirty = false;
		(void)tcp_serve(tcp);
	}
	if (stack->dirty)
		watch_timer_set(stack->loop, &stack->again, stack->loop->now);
}

static void flush_again(struct watch_timer *timer)
{
	tcp_flush((struct stack *)((char *)timer - offsetof(struct stack, again)));
}

/* ---- Ends ---- */

void tcp_drop(struct tcp_flow *tcp)
{
	struct stack *const stack = tcp->flow.stack;

	unmark(tcp);
	tcp_hold_forget(tcp);
	watch_timer_cancel(stack->loop, &tcp->flow.timer);
	stack_close_socket(stack, &tcp->flow.watch);
	flow_remove(&stack->tcp, &tcp->flow);
}

void tcp_abort(struct tcp_flow *tcp, bool tell_container)
{
	static const struct linger at_once = { .l_onoff = 1 };

	if (tell_container)
		tcp_send_reset(tcp);
	/* close(2) sends a reset then (socket(7)). */
	(void)setsockopt(tcp->flow.watch.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	tcp_drop(tcp);
}

void tcp_close_all(struct stack *stack)
{
	struct flow *flow = NULL;

	for (uint32_t i = 0; (flow = flow_next(&stack->tcp, &i));)
		tcp_drop(tcp_of(flow));
}

/* ---- Timers ---- */

static enum tcp_timing timing_of(const struct tcp_flow *tcp)
{
	if (tcp->state == FLOW_CONNECTING)
		return TIMING_NONE;
	if (tcp->highest != tcp->acked)
		return TIMING_DATA;
	return tcp->readable && tcp_is_shut(tcp) ? TIMING_PROBE : TIMING_KEEP;
}

static int64_t pause_of(const struct tcp_flow *tcp, enum tcp_timing timing)
{
	const int shift = tcp->retries < 6 ? tcp->retries : 6;

	if (timing != TIMING_KEEP)
		return TCP_RTO_NS << shift < TCP_RTO_MAX_NS ? TCP_RTO_NS << shift : TCP_RTO_MAX_NS;
	if (tcp->retries > 0)
		return TCP_PROBE_NS;
	/* A half-closed end may be forgotten by the container's kernel without a word. */
	return tcp->fin_received ? TCP_HALF_CLOSED_NS : TCP_KEEPALIVE_NS;
}

void tcp_set_timer(struct tcp_flow *tcp)
{
	const enum tcp_timing timing = timing_of(tcp);
	struct watch_loop *const loop = tcp->flow.stack->loop;

	/* What waits for its time goes on waiting, whatever else comes. */
	if (timing == tcp->timing && !tcp->progress && timing != TIMING_KEEP)
		return;
	tcp->timing = timing;
	tcp->progress = false;
	watch_timer_set(loop, &tcp->flow.timer,
			timing == TIMING_NONE ? WATCH_NEVER : loop->now + pause_of(tcp, timing));
}

static void retransmit(struct tcp_flow *tcp)
{
	if (tcp->state != FLOW_OPEN) {
		/* It may have another hardware address by now. */
		stack_ask_neighbour(tcp->flow.stack, tcp->flow.tuple.six);
		tcp_send_syn(tcp);
		tcp_set_timer(tcp);
		return;
	}
	if (tcp_is_shut(tcp))
		tcp_send_probe(tcp);
	tcp_rewind(tcp);
	(void)tcp_serve(tcp);
}

static void expired(struct watch_timer *timer)
{
	struct tcp_flow *const tcp = tcp_of(flow_of_timer(timer));
	const enum tcp_timing timing = tcp->timing;
	const int limit = timing == TIMING_KEEP	    ? TCP_PROBES
			  : tcp->state != FLOW_OPEN ? TCP_RETRIES_SYN
			  : timing == TIMING_PROBE  ? UINT8_MAX
						    : TCP_RETRIES;

	tcp->timing = TIMING_NONE;
	/* A closed window may stay closed for as long as probes are answered: RFC 9293, 3.8.6.1. */
	if (tcp->retries < UINT8_MAX - 1)
		tcp->retries++;
	if (tcp->retries > limit) {
		tcp_abort(tcp, true);
		return;
	}
	if (timing == TIMING_DATA) {
		retransmit(tcp);
		return;
	}
	tcp_send_probe(tcp);
	tcp_set_timer(tcp);
}

/* ---- Sockets ---- */

static void ready(struct watch *watch, uint32_t events)
{
	struct tcp_flow *const tcp = (struct tcp_flow *)watch;

	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		tcp->readable = true;
	/* A server may have said all and closed before we hear that it took the connection. */
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		tcp->hung_up = true;
	if (events & EPOLLPRI)
		tcp->urgent_in = true;
	if (tcp->state == FLOW_CONNECTING) {
		if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
			tcp_connected(tcp);
		return;
	}
	if (events & EPOLLERR)
		tcp->broken = true;
	if (events & EPOLLOUT && tcp->want_room) {
		tcp->want_room = false;
		tcp->ack_now = true;
		if (!tcp_write_held(tcp))
			return;
	}
	(void)tcp_serve(tcp);
}

/* ---- Segments ---- */

/* False: cut, or lengths that contradict each other. */
static bool parse(const struct packet *packet, struct segment *ret)
{
	const uint8_t *const ip = packet->frame + PACKET_ETHERNET;
	const uint8_t *const tcp = packet->frame + packet->transport;
	/* packet.c checked the lengths against the frame, which may be padded. */
	const size_t size = packet->family == AF_INET
				    ? get16(ip + 2) - (packet->transport - PACKET_ETHERNET)
				    : get16(ip + 4);
	size_t header = 0;

	if (size < FRAME_TCP_HEADER)
		return false;
	header = (size_t)(tcp[12] >> 4) * 4;
	if (header < FRAME_TCP_HEADER || header > size)
		return false;
	*ret = (struct segment){ .payload = tcp + header,
				 .length = (uint32_t)(size - header),
				 .seq = get32(tcp + 4),
				 .ack = get32(tcp + 8),
				 .window = get16(tcp + 14),
				 .urgent = get16(tcp + 18),
				 .flags = tcp[13],
				 .options = tcp + FRAME_TCP_HEADER,
				 .option_size = (uint32_t)(header - FRAME_TCP_HEADER) };
	return true;
}

static void without_flow(struct stack *stack, const struct tuple *tuple,
			 const struct segment *segment)
{
	/* policy.c lets only what is no first SYN go to some addresses: see is_later_tcp(). */
	if ((segment->flags & (TH_SYN | TH_ACK | TH_RST | TH_FIN)) == TH_SYN)
		tcp_connect(stack, tuple, segment);
	else
		tcp_refuse(stack, tuple, segment);
}

/* A SYN again while connect(2) is not done: the last one counts, whatever became of the others. */
static void while_connecting(struct tcp_flow *tcp, const struct segment *segment)
{
	if ((segment->flags & (TH_SYN | TH_ACK | TH_RST)) != TH_SYN)
		return;
	tcp->received = segment->seq + 1;
	tcp_take_options(tcp, segment);
}

void tcp_input(struct stack *stack, const struct packet *packet)
{
	const struct tuple tuple = tuple_of(packet);
	struct segment segment;
	struct flow *flow = NULL;

	if (!parse(packet, &segment))
		return;
	flow = flow_find(&stack->tcp, &tuple);
	if (!flow) {
		without_flow(stack, &tuple, &segment);
		return;
	}
	if (tcp_of(flow)->state == FLOW_CONNECTING)
		while_connecting(tcp_of(flow), &segment);
	else if (tcp_of(flow)->state == FLOW_SYN_SENT)
		tcp_answered(tcp_of(flow), &segment);
	else
		tcp_segment(tcp_of(flow), &segment);
}

/* ---- Set-up ---- */

/* Does this kernel know SO_PEEK_OFF for TCP (IPv4: 6.9, IPv6: 6.11)? */
static bool has_peek_offset(int family)
{
	auto_close int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &(int){ 0 }, sizeof(int)) == 0;
}

void tcp_init(struct stack *stack)
{
	stack->peek4 = !stack->args.old_kernel && has_peek_offset(AF_INET);
	stack->peek6 = !stack->args.old_kernel && has_peek_offset(AF_INET6);
	stack->again.expired = flush_again;
}

struct tcp_flow *tcp_add(struct stack *stack, const struct tuple *tuple)
{
	struct flow *const flow = flow_add(&stack->tcp, tuple);

	if (!flow)
		return NULL;
	flow->stack = stack;
	flow->watch.ready = ready;
	flow->timer.expired = expired;
	return tcp_of(flow);
}
