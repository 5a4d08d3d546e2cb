/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segments of an open connection: RFC 9293, 3.10.7.4, with RFC 5961's answers to forged ones. Data
 * goes straight from the frame to the socket; what is out of order is left to the container to
 * repeat. See tcp-internal.h. Runs in bryo-net's sandbox; allocates nothing.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "netns/net/stack/tcp-internal.h"

enum { FAST_RETRANSMIT = 3 };

static void acknowledge(struct tcp_flow *tcp)
{
	tcp->ack_now = true;
	tcp_mark(tcp);
}

/* Lies the segment in the window, or is a part of it new? */
static bool is_acceptable(const struct tcp_flow *tcp, const struct segment *segment)
{
	const uint32_t size = segment->length + (segment->flags & TH_FIN ? 1 : 0);

	if (seq_before(tcp->edge_max, segment->seq))
		return false;
	if (size == 0)
		return !seq_before(segment->seq, tcp->received);
	return seq_before(tcp->received, segment->seq + size);
}

/* ---- Acknowledgements ---- */

static void take_window(struct tcp_flow *tcp, const struct segment *segment)
{
	const uint32_t window = (uint32_t)segment->window << (tcp->scaled ? tcp->shift : 0);

	/* An older segment that was overtaken says nothing about now: RFC 9293, SND.WL1. */
	if (seq_before(segment->seq, tcp->window_seq) ||
	    (segment->seq == tcp->window_seq && seq_before(segment->ack, tcp->window_ack)))
		return;
	tcp->window_seq = segment->seq;
	tcp->window_ack = segment->ack;
	tcp->window = window;
	if (window > tcp->window_max)
		tcp->window_max = window;
}

/* RFC 5681, 2: the same again, while something is on its way, and nothing else with it. */
static bool is_duplicate(const struct tcp_flow *tcp, const struct segment *segment)
{
	const uint32_t window = (uint32_t)segment->window << (tcp->scaled ? tcp->shift : 0);

	return segment->ack == tcp->acked && segment->length == 0 && window == tcp->window &&
	       !(segment->flags & (TH_SYN | TH_FIN)) && tcp->highest != tcp->acked;
}

static void count_duplicate(struct tcp_flow *tcp)
{
	if (++tcp->duplicates != FAST_RETRANSMIT)
		return;
	/* Not twice for one loss: what we repeat in vain gives duplicates as well (RFC 6582). */
	if (seq_before(tcp->acked, tcp->recover))
		return;
	tcp_rewind(tcp);
	tcp_mark(tcp);
}

static void move_on(struct tcp_flow *tcp, uint32_t ack)
{
	tcp->acked = ack;
	tcp->duplicates = 0;
	tcp->progress = true;
	if (seq_before(tcp->next, ack))
		tcp->next = ack;
	tcp_mark(tcp);
}

/* False: it acknowledges what was never sent, or is older than old. */
static bool take_ack(struct tcp_flow *tcp, const struct segment *segment)
{
	/* RFC 5961, 5.2 */
	if (seq_before(tcp->highest, segment->ack) ||
	    (seq_before(segment->ack, tcp->acked) && tcp->acked - segment->ack > tcp->window_max)) {
		tcp_send_challenge(tcp);
		return false;
	}
	/* It is there. But as long as its window stays closed probes come ever more seldom. */
	if (tcp->timing != TIMING_PROBE || segment->window != 0)
		tcp->retries = 0;
	if (is_duplicate(tcp, segment))
		count_duplicate(tcp);
	else if (seq_before(tcp->acked, segment->ack))
		move_on(tcp, segment->ack);
	take_window(tcp, segment);
	/* A window that opens may let go what the socket has. */
	if (tcp->readable)
		tcp_mark(tcp);
	return true;
}

/* ---- Data ---- */

static void note_urgent(struct tcp_flow *tcp, const struct segment *segment)
{
	/* The pointer is one past the urgent byte (RFC 6093). */
	const uint32_t at = segment->seq + segment->urgent - 1;

	if (!(segment->flags & TH_URG) || segment->urgent == 0 || seq_before(at, tcp->received))
		return;
	tcp->urgent = at;
	tcp->urgent_out = true;
}

/* It stands before or behind what we have, or nothing is wanted any more. */
static bool is_misplaced(struct tcp_flow *tcp, const struct segment *segment)
{
	if (!tcp->fin_received && !seq_before(tcp->received, segment->seq))
		return false;
	if (!tcp->fin_received)
		tcp_hold(tcp, segment);
	/* Each calls for its own duplicate ACK; not while it is us who could not take more. */
	if (tcp->fin_received || tcp->lost)
		acknowledge(tcp);
	else
		tcp_send_ack(tcp);
	return true;
}

enum written { WRITTEN_ALL, WRITTEN_PART, WRITTEN_GONE };

/* What of it is new goes to the socket. WRITTEN_GONE: the flow is gone. */
static enum written write_new(struct tcp_flow *tcp, const struct segment *segment)
{
	const uint32_t old = tcp->received - segment->seq;
	ssize_t n = 0;

	if (segment->length > old)
		n = tcp_write(tcp, segment->payload + old, segment->length - old,
			      !(segment->flags & (TH_PUSH | TH_FIN)));
	if (n < 0) {
		tcp_abort(tcp, true);
		return WRITTEN_GONE;
	}
	tcp->received += (uint32_t)n;
	if (tcp->received == segment->seq + segment->length)
		return WRITTEN_ALL;
	/* The socket is full, sooner than it said: our window is closed until it has room. */
	tcp->lost = true;
	tcp->edge = tcp->received;
	tcp_hold(tcp, segment);
	return WRITTEN_PART;
}

bool tcp_write_held(struct tcp_flow *tcp)
{
	enum written written = WRITTEN_ALL;
	struct segment held;

	while (written == WRITTEN_ALL && !tcp->fin_received && tcp_hold_next(tcp, &held))
		written = write_new(tcp, &held);
	return written != WRITTEN_GONE;
}

static void take_payload(struct tcp_flow *tcp, const struct segment *segment)
{
	const bool fin = segment->flags & TH_FIN;
	enum written written = WRITTEN_ALL;

	if ((segment->length == 0 && !fin) || is_misplaced(tcp, segment))
		return;
	note_urgent(tcp, segment);
	acknowledge(tcp);
	written = write_new(tcp, segment);
	if (written == WRITTEN_ALL && fin) {
		tcp->received++;
		tcp->fin_received = true;
		(void)shutdown(tcp->flow.watch.fd, SHUT_WR);
	}
	if (written == WRITTEN_ALL)
		(void)tcp_write_held(tcp);
}

/* ---- The whole ---- */

static void take_reset(struct tcp_flow *tcp, const struct segment *segment)
{
	/* Exactly where we are, or somebody guesses: RFC 5961, 3.2. */
	if (segment->seq == tcp->received)
		tcp_abort(tcp, false);
	else if (!seq_before(segment->seq, tcp->received) &&
		 !seq_before(tcp->edge_max, segment->seq))
		tcp_send_challenge(tcp);
}

/* The last ACK of the handshake. False: it is not. */
static bool is_established(struct tcp_flow *tcp, const struct segment *segment)
{
	if (tcp->state == FLOW_OPEN)
		return true;
	if (segment->ack != tcp->next) {
		tcp_refuse(tcp->flow.stack, &tcp->flow.tuple, segment);
		return false;
	}
	tcp->state = FLOW_OPEN;
	tcp->acked = segment->ack;
	tcp->window_seq = segment->seq;
	tcp->window_ack = segment->ack;
	tcp->progress = true;
	tcp->readable = true;
	tcp_mark(tcp);
	return true;
}

void tcp_segment(struct tcp_flow *tcp, const struct segment *segment)
{
	if (segment->flags & TH_RST) {
		take_reset(tcp, segment);
		return;
	}
	if (segment->flags & TH_SYN) {
		/* Our SYN-ACK was lost, or an old connection of the container's: RFC 5961, 4.2. */
		if (tcp->state == FLOW_SYN_RECEIVED && segment->seq + 1 == tcp->received &&
		    !(segment->flags & TH_ACK))
			tcp_send_syn(tcp);
		else
			tcp_send_challenge(tcp);
		return;
	}
	if (!is_acceptable(tcp, segment)) {
		acknowledge(tcp);
		return;
	}
	if (!(segment->flags & TH_ACK) || !is_established(tcp, segment) || !take_ack(tcp, segment))
		return;
	take_payload(tcp, segment);
}
