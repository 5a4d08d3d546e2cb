/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segments that came too early. A tap keeps the order of frames, but over veth two processors may
 * deliver one connection's frames at a time: without this each such race would cost the container a
 * slow recovery. A few places for all connections together; who finds none has to repeat itself.
 * See tcp-internal.h. Runs in bryo-net's sandbox; allocates nothing.
 */
#include <netinet/tcp.h>
#include <string.h>

#include "netns/net/stack/stack-internal.h"
#include "netns/net/stack/tcp-internal.h"

void tcp_hold(struct tcp_flow *tcp, const struct segment *segment)
{
	struct stack *const stack = tcp->flow.stack;
	struct held *held = NULL;
	size_t place = 0;

	if (segment->length == 0 || segment->length > HELD_DATA ||
	    segment->flags & (TH_FIN | TH_URG))
		return;
	/* The oldest gives way, since it may be of a connection that is stuck; but not one's own,
	 * which is needed sooner. */
	place = stack->held_next % HELD_PLACES;
	if (stack->held[place].owner == tcp)
		return;
	stack->held_next++;
	held = &stack->held[place];
	if (!held->owner)
		stack->held_count++;
	held->owner = tcp;
	held->seq = segment->seq;
	held->length = segment->length;
	memcpy(stack->held_data[place], segment->payload, segment->length);
}

static void let_go(struct stack *stack, struct held *held)
{
	held->owner = NULL;
	stack->held_count--;
}

void tcp_hold_forget(const struct tcp_flow *tcp)
{
	struct stack *const stack = tcp->flow.stack;

	for (size_t i = 0; i < HELD_PLACES && stack->held_count > 0; i++)
		if (stack->held[i].owner == tcp)
			let_go(stack, &stack->held[i]);
}

bool tcp_hold_next(struct tcp_flow *tcp, struct segment *ret_segment)
{
	struct stack *const stack = tcp->flow.stack;

	for (size_t i = 0; i < HELD_PLACES && stack->held_count > 0; i++) {
		struct held *const held = &stack->held[i];

		if (held->owner != tcp || seq_before(tcp->received, held->seq))
			continue;
		let_go(stack, held);
		/* All of it old: its repetition was faster. */
		if (!seq_before(tcp->received, held->seq + held->length))
			continue;
		*ret_segment = (struct segment){ .payload = stack->held_data[i],
						 .length = held->length,
						 .seq = held->seq };
		return true;
	}
	return false;
}
