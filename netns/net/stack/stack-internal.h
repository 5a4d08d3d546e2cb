/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the translator share. All of it lies in the one mapping of stack_open(). */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "netns/net/stack/echo.h"
#include "netns/net/stack/flow.h"
#include "netns/net/stack/frame.h"
#include "netns/net/stack/stack.h"

struct tcp_flow;

enum {
	STACK_TCP_MAX = 32768, /* connections at once; powers of two */
	STACK_UDP_MAX = 8192,
	STACK_SKIP = 65536, /* see tcp-peek.c */
	HELD_PLACES = 16,   /* see tcp-hold.c */
	HELD_DATA = 65536,
};

/* A segment that came too early. */
struct held {
	struct tcp_flow *owner; /* NULL: free */
	uint32_t seq;
	uint32_t length;
};

/* An address of the host's side. */
union host_address {
	struct sockaddr any;
	struct sockaddr_in four;
	struct sockaddr_in6 six;
};

struct stack {
	struct stack_args args;
	struct watch_loop *loop;
	const struct net_options *options;
	struct frame_link link;
	bool udp_gso;	     /* the interface takes several datagrams in one frame */
	bool peek4, peek6;   /* the kernel has SO_PEEK_OFF for TCP of that family */
	uint32_t window_max; /* that one connection may announce: what the link can queue */
	size_t sockets, socket_max;
	uint64_t secret[2]; /* for initial sequence numbers */
	struct flow_table tcp;
	struct flow_table udp;
	size_t clients;		  /* of published UDP ports, in udp */
	struct tcp_flow *dirty;	  /* connections that stack_flush() has to look at */
	struct watch_timer again; /* set to "now" when some of them want another turn */
	int64_t challenged;	  /* when the second began in which challenge ACKs are counted */
	unsigned int challenges;  /* RFC 5961, 7 */
	uint32_t datagram_id;	  /* of the next datagram that is fragmented */
	struct echo echo;
	uint8_t out[FRAME_BUFFER];  /* the frame that is being built */
	uint8_t part[FRAME_BUFFER]; /* one fragment of it */
	uint8_t skip[STACK_SKIP];   /* what nobody reads */
	struct held held[HELD_PLACES];
	uint8_t held_data[HELD_PLACES][HELD_DATA];
	size_t held_next, held_count;
};

/* ---- stack.c ---- */

/* Gives a frame in stack->out to the container; size 0 is none. */
void stack_output(struct stack *stack, size_t size);

/* The same for UDP and ICMP, whose packets may be above the interface's MTU: in fragments then. */
void stack_output_datagram(struct stack *stack, size_t size);

/* ICMP "unreachable" about a packet with this tuple. */
void stack_output_error(struct stack *stack, const struct tuple *tuple,
			const struct frame_error *error);

/*
 * Where a flow of the container to tuple->remote goes on the host's side: a resolver for the
 * forwarder's address, loopback for the gateway's, else just there. *ret_server is dns_resolver()'s
 * number, 0 where DNS is not meant. Returns the address's size; 0: nowhere.
 */
socklen_t stack_host_address(struct stack *stack, const struct tuple *tuple,
			     union host_address *ret_address, unsigned int *ret_server);

/*
 * A peer at the host's own address, under the address that the options have for that. False: it is
 * another, or there is none.
 */
bool stack_guest_address(const struct stack *stack, const union host_address *peer,
			 struct tuple *tuple);

/*
 * The reverse: writes to tuple->remote under which address the container sees a peer: its own, or
 * the gateway's where the container could not answer it (loopback, link-local, its own network).
 * True: it is the gateway's.
 */
bool stack_peer_address(const struct stack *stack, const union host_address *peer,
			struct tuple *tuple);

/* The container's own end of what comes from outside. */
void stack_set_container(const struct stack *stack, int family, uint16_t port, struct tuple *tuple);

/* host order; ports of either family stand in the same place. */
static inline uint16_t host_port(const union host_address *address)
{
	return ntohs(address->four.sin_port);
}

static inline socklen_t host_address_size(const union host_address *address)
{
	return address->any.sa_family == AF_INET ? sizeof(address->four) : sizeof(address->six);
}

/*
 * A socket for a flow to an address of that family, non-blocking, bound to the outbound address and
 * interface where they are set; for the host's loopback to no interface. It counts against
 * socket_max. A descriptor or a negative errno. stack_close_socket() watches it no longer.
 */
int stack_socket(struct stack *stack, const union host_address *to, int type, int proto);

/* The host's own loopback, of either family. */
bool host_address_is_loopback(const union host_address *address);
void stack_close_socket(struct stack *stack, struct watch *watch);

/* Asks the container for its hardware address: nothing that we send seems to reach it. */
void stack_ask_neighbour(struct stack *stack, bool six);

/* ---- tcp.c, udp.c ---- */

void tcp_init(struct stack *stack);
void tcp_input(struct stack *stack, const struct packet *packet);
void tcp_flush(struct stack *stack);
void tcp_close_all(struct stack *stack);
void tcp_listener_ready(struct watch *watch, uint32_t events);

void udp_input(struct stack *stack, const struct packet *packet, uint16_t datagram);
void udp_close_all(struct stack *stack);
void udp_listener_ready(struct watch *watch, uint32_t events);
