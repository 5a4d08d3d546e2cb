/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One TCP connection (RFC 9293), ended towards the container; on the host's side it is a socket.
 *
 *   tcp.c         the table: who gets a segment, timers, ends
 *   tcp-open.c    beginnings: connect for the container's SYN, accept at published ports
 *   tcp-input.c   segments of an open connection
 *   tcp-output.c  segments to the container: data, acknowledgements, resets
 *   tcp-hold.c    segments that came too early
 *   tcp-peek.c    reading the host's socket without taking from it; urgent data
 *
 * Data for the container is read with MSG_PEEK and stays in the socket until it is acknowledged,
 * so the kernel's receive buffer is the retransmission buffer. Data from the container is
 * acknowledged when the socket has taken it, so its send buffer is the receive window.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "netns/net/stack/flow.h"

struct stack;

enum tcp_state {
	FLOW_CONNECTING,   /* the container's SYN waits for our connect() */
	FLOW_SYN_RECEIVED, /* our SYN-ACK waits for its ACK */
	FLOW_SYN_SENT,	   /* our SYN waits for the container's SYN-ACK */
	FLOW_OPEN,
};

/* What the one timer of a connection is set for. */
enum tcp_timing {
	TIMING_NONE,
	TIMING_DATA,  /* something is not acknowledged: send it again */
	TIMING_PROBE, /* the container's window is closed: ask */
	TIMING_KEEP,  /* nothing to do for long: is the container's end still there? */
};

enum {
	TCP_SHIFT = 8,	       /* of the windows that we announce: up to 16 MB */
	TCP_SEGMENT_MIN = 256, /* smaller segments than the container asks for: RFC 9293, 3.7.1 */
	TCP_RETRIES_SYN = 6,
	TCP_RETRIES = 10,
	TCP_PROBES = 5,
};
#define TCP_RTO_NS 1000000000LL /* RFC 6298, 2.1 and 2.4 */
#define TCP_RTO_MAX_NS (60 * TCP_RTO_NS)
#define TCP_PROBE_NS (75 * TCP_RTO_NS)	     /* between two that nobody answered */
#define TCP_KEEPALIVE_NS (7200 * TCP_RTO_NS) /* RFC 1122, 4.2.3.6 */
#define TCP_HALF_CLOSED_NS (120 * TCP_RTO_NS)

struct tcp_flow {
	struct flow flow;
	struct tcp_flow *dirty_next;
	uint8_t state;
	uint8_t shift;	       /* of the container's windows */
	bool scaled;	       /* both sides have the window scale option */
	bool dirty : 1;	       /* in stack->dirty */
	bool readable : 1;     /* the host's socket may have something */
	bool hung_up : 1;      /* its peer sends no more: what is read until 0 */
	bool broken : 1;       /* it has an error */
	bool ack_now : 1;      /* the container is to be told what we have, or our window */
	bool fin_received : 1; /* from the container, and passed on */
	bool fin_sent : 1;     /* at seq fin */
	bool want_room : 1;    /* the window was closed for want of room in the socket */
	bool corked : 1;       /* the socket holds back the last bytes that it took */
	bool lost : 1;	       /* bytes of the container were dropped meanwhile */
	bool urgent_out : 1;   /* the container's byte at seq urgent is urgent */
	bool urgent_in : 1;    /* the socket has an urgent byte somewhere ahead */
	bool progress : 1;     /* new bytes were acknowledged since the timer was set */
	uint8_t timing;	       /* what the timer is set for */
	uint8_t duplicates;    /* ACKs in a row that say the same */
	uint8_t retries;
	uint16_t segment; /* payload of one packet for the container */
	/* From the container. */
	uint32_t received; /* RCV.NXT */
	uint32_t edge;	   /* right edge of the window that was announced last */
	uint32_t edge_max; /* and the furthest of all: what lies before it may come */
	uint32_t urgent;
	/* To the container. The socket's queue begins at base. */
	uint32_t base;
	uint32_t acked;	  /* SND.UNA */
	uint32_t next;	  /* SND.NXT; goes back for retransmission */
	uint32_t highest; /* one past what was ever sent */
	uint32_t recover; /* RFC 6582: no fast retransmit again before this is acknowledged */
	uint32_t peek;	  /* where the kernel's peek offset stands */
	uint32_t fin;
	uint32_t window;		 /* SND.WND in bytes */
	uint32_t window_seq, window_ack; /* SND.WL1, SND.WL2 */
	uint32_t window_max;		 /* the largest that the container ever had */
};

/* A segment, taken apart; every field was checked against the packet's bounds. */
struct segment {
	const uint8_t *payload;
	uint32_t length;
	uint32_t seq;
	uint32_t ack;
	uint16_t window;
	uint16_t urgent;
	uint8_t flags;
	const uint8_t *options;
	uint32_t option_size;
};

/* Sequence numbers wrap: a before b. */
static inline bool seq_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static inline struct tcp_flow *tcp_of(struct flow *flow)
{
	return (struct tcp_flow *)flow;
}

/* ---- tcp.c ---- */

/* A new flow without a socket; NULL: the table is full. */
struct tcp_flow *tcp_add(struct stack *stack, const struct tuple *tuple);

/* Has the flow looked at by the next tcp_flush(). */
void tcp_mark(struct tcp_flow *tcp);

/* Forgets it, closing its socket: what it still has to send, it sends. */
void tcp_drop(struct tcp_flow *tcp);

/* Ends it with a reset to the host's side, and where told also to the container. */
void tcp_abort(struct tcp_flow *tcp, bool tell_container);

/* Sets the timer for what is outstanding now. */
void tcp_set_timer(struct tcp_flow *tcp);

/*
 * Does what is to be done: takes acknowledged bytes out of the socket, reads new ones,
 * acknowledges. False: the flow is gone.
 */
bool tcp_serve(struct tcp_flow *tcp);

/* ---- tcp-open.c ---- */

/* MSS and window scale of a SYN; what is not there has its default. */
void tcp_take_options(struct tcp_flow *tcp, const struct segment *segment);
/* A first SYN without a flow. */
void tcp_connect(struct stack *stack, const struct tuple *tuple, const struct segment *segment);
/* The socket of a CONNECTING flow has something to say. */
void tcp_connected(struct tcp_flow *tcp);
/* A segment of a flow that is SYN_SENT. */
void tcp_answered(struct tcp_flow *tcp, const struct segment *segment);

/* ---- tcp-input.c ---- */

/* A segment of a flow that is SYN_RECEIVED or OPEN. */
void tcp_segment(struct tcp_flow *tcp, const struct segment *segment);
/* Segments that were kept and have come due go to the socket. False: the flow is gone. */
bool tcp_write_held(struct tcp_flow *tcp);

/* ---- tcp-hold.c ---- */

/* Keeps a copy of a segment that lies ahead, if it has data and there is a place. */
void tcp_hold(struct tcp_flow *tcp, const struct segment *segment);
/* A kept segment that has come due: it begins at or before tcp->received. False: none. */
bool tcp_hold_next(struct tcp_flow *tcp, struct segment *ret_segment);
void tcp_hold_forget(const struct tcp_flow *tcp);

/* ---- tcp-output.c ---- */

/* True: the container's window is closed. */
bool tcp_is_shut(const struct tcp_flow *tcp);
/* Goes back to the first byte that is not acknowledged. */
void tcp_rewind(struct tcp_flow *tcp);
/* Sends what the socket has and the container takes. False: the socket failed. */
bool tcp_push(struct tcp_flow *tcp);
/* Asks the socket how much it can take; that is the window that segments announce from now on. */
void tcp_measure(struct tcp_flow *tcp);
void tcp_send_ack(struct tcp_flow *tcp);
/* SYN or SYN-ACK. */
void tcp_send_syn(struct tcp_flow *tcp);
/* An ACK outside of the window, which the container has to answer (RFC 9293, 3.8.6.1). */
void tcp_send_probe(struct tcp_flow *tcp);
/* An ACK for what should not have come, at most a hundred a second (RFC 5961). */
void tcp_send_challenge(struct tcp_flow *tcp);
void tcp_send_reset(struct tcp_flow *tcp);
/* A reset for a segment that belongs to nothing: RFC 9293, 3.10.7.1. */
void tcp_refuse(struct stack *stack, const struct tuple *tuple, const struct segment *segment);

/* ---- tcp-peek.c ---- */

/*
 * Reads at most size bytes at tcp->next without taking them. Bytes, 0 at the end, -EAGAIN, or a
 * negative errno.
 */
ssize_t tcp_peek(struct tcp_flow *tcp, void *data, size_t size);
/* Takes out of the socket what the container has acknowledged. */
void tcp_consume(struct tcp_flow *tcp);
/*
 * Writes size bytes that stand at tcp->received to the socket: how many it took, or an errno. more:
 * others are likely to follow; tcp_uncork() lets go what waits for them.
 */
ssize_t tcp_write(struct tcp_flow *tcp, const uint8_t *data, size_t size, bool more);
void tcp_uncork(struct tcp_flow *tcp);
/*
 * Before a peek while the socket holds an urgent byte: 1 when the byte at tcp->next is it, 0 when
 * it is further on, -EAGAIN when the container must acknowledge more first.
 */
int tcp_urgent_ahead(struct tcp_flow *tcp);
