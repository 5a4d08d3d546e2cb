/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The translator between a container's ethernet frames and sockets of the host: the seam that
 * bryo-net's loop knows. There is no second TCP in between: a connection of the container is ended
 * here, but data stays in the buffers of the host's socket until the other side has it, so that
 * nothing is queued, and nothing copied but from frame to socket and back.
 *
 * Frames that come in were parsed and judged (packet.h, policy.h); each frame stands behind a
 * struct virtio_net_hdr, as tap devices and packet sockets give and take them, and may be as large
 * as 64 kB whatever the interface's MTU.
 *
 * All memory is one mapping made by stack_open(); what was never needed is never touched.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netns/options/options.h"
#include "netns/net/packet.h"
#include "netns/net/watch.h"

struct dns;
struct err;
struct listener;
struct policy;
struct stack;

struct stack_args {
	const struct net_options *options;
	struct watch_loop *loop;
	struct policy *policy; /* told of datagrams that come from the gateway's address */
	struct dns *dns;       /* turns the forwarder's address to a resolver */
	/* A frame behind its header for the container. It may be dropped when the link is busy. */
	void (*output)(void *data, const void *buffer, size_t size);
	void *data;
	bool old_kernel; /* tests: do without SO_PEEK_OFF for TCP, as before Linux 6.9 */
};

/* All pointers must outlive the stack. 0 or a negative errno. */
int stack_open(const struct stack_args *args, struct stack **ret_stack, struct err *err);

/* Closes every socket (not the listeners'). Accepts NULL. */
void stack_close(struct stack *stack);

/* Once the interface is there: see struct tap. */
struct stack_interface {
	const uint8_t *mac;
	bool udp_gso;
	int queue;
};
void stack_attach(struct stack *stack, const struct stack_interface *interface);

/*
 * One whole packet from the container, no fragment. datagram: size of each datagram where a UDP
 * frame holds several (the virtio header's gso_size), else 0. After a batch of packets call
 * stack_flush(): acknowledgements and data for the connections concerned leave then.
 */
void stack_input(struct stack *stack, const struct packet *packet, uint16_t datagram);
void stack_flush(struct stack *stack);

/*
 * Takes what arrives at a published port from now on; listener_resume() has it told when. The
 * listener stays the caller's.
 */
void stack_listen(struct stack *stack, struct listener *listener);

/* The process is going to idle: memory that holds nothing goes back to the kernel. */
void stack_idle(struct stack *stack);
