/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UDP from the container, and answers: see udp-internal.h. Flows end after three minutes of silence
 * (RFC 4787, 4.3 asks for at least two), those that only asked the forwarder and clients that
 * nobody answers sooner. Several datagrams of one size travel as one where kernels can do so
 * (UDP_SEGMENT, UDP_GRO: udp(7)). Runs in bryo-net's sandbox; allocates nothing.
 */
#include <errno.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>

#include "netns/net/bytes.h"
#include "netns/net/dns.h"
#include "netns/net/listen.h"
#include "netns/net/policy.h"
#include "netns/net/stack/host-error.h"
#include "netns/net/stack/udp-internal.h"

enum {
	BURST = 32, /* datagrams of one socket taken before others have their turn */
	PORT_TRIES = 64,
	CLIENTS_MAX = STACK_UDP_MAX / 2,
	CONTROL = 128,
	SEGMENTS_MAX = 64, /* UDP_MAX_SEGMENTS of older kernels */
};
#define FLOW_NS (180 * 1000000000LL)
#define BRIEF_NS (20 * 1000000000LL)

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

static struct udp_flow *udp_of(struct flow *flow)
{
	return (struct udp_flow *)flow;
}

/* ---- Flows ---- */

static void drop(struct udp_flow *udp)
{
	struct stack *const stack = udp->flow.stack;

	if (udp->listener)
		stack->clients--;
	watch_timer_cancel(stack->loop, &udp->flow.timer);
	stack_close_socket(stack, &udp->flow.watch);
	flow_remove(&stack->udp, &udp->flow);
}

void udp_close_all(struct stack *stack)
{
	struct flow *flow = NULL;

	for (uint32_t i = 0; (flow = flow_next(&stack->udp, &i));)
		drop(udp_of(flow));
}

static void expired(struct watch_timer *timer)
{
	drop(udp_of(flow_of_timer(timer)));
}

static void keep(struct udp_flow *udp)
{
	struct watch_loop *const loop = udp->flow.stack->loop;
	/* Anybody can write to a published port under any address: what is not answered goes soon.
	 */
	const bool brief = udp->listener ? !udp->answered : udp->server != 0 && !udp->others;

	watch_timer_set(loop, &udp->flow.timer, loop->now + (brief ? BRIEF_NS : FLOW_NS));
}

static struct udp_flow *add(struct stack *stack, const struct tuple *tuple)
{
	struct flow *const flow = flow_add(&stack->udp, tuple);

	if (!flow)
		return NULL;
	flow->stack = stack;
	flow->timer.expired = expired;
	return udp_of(flow);
}

/* ---- To the container ---- */

/* size bytes of payload stand in stack->out; each: of one datagram where there are several, or 0.
 */
static void put_out(struct stack *stack, const struct tuple *tuple, size_t size, size_t each)
{
	uint8_t *const payload = stack->out + frame_payload(tuple);
	const size_t most = stack->link.mtu - frame_ip_size(tuple) - FRAME_UDP_HEADER;

	if (each == 0 || size <= each) {
		stack_output_datagram(stack,
				      frame_put_udp(stack->out, &stack->link, tuple, size, 0));
		return;
	}
	if (each <= most && stack->udp_gso) {
		stack_output(stack,
			     frame_put_udp(stack->out, &stack->link, tuple, size, (uint16_t)each));
		return;
	}
	for (size_t at = 0; at < size; at += each) {
		const size_t one = size - at < each ? size - at : each;

		memmove(payload, payload + at, one);
		stack_output_datagram(stack,
				      frame_put_udp(stack->out, &stack->link, tuple, one, 0));
	}
}

/* What one recvmsg() gave. */
struct received {
	union host_address from;
	size_t size;
	size_t each;	   /* of UDP_GRO; 0: one datagram */
	uint8_t local[16]; /* of IP_PKTINFO */
};

static void take_control(const struct cmsghdr *cmsg, struct received *received)
{
	int each = 0;

	if (cmsg->cmsg_level == IPPROTO_UDP && cmsg->cmsg_type == UDP_GRO) {
		memcpy(&each, CMSG_DATA(cmsg), sizeof(each));
		received->each = each > 0 ? (size_t)each : 0;
	} else if (cmsg->cmsg_level == IPPROTO_IP && cmsg->cmsg_type == IP_PKTINFO) {
		memcpy(received->local, CMSG_DATA(cmsg) + offsetof(struct in_pktinfo, ipi_spec_dst),
		       4);
	} else if (cmsg->cmsg_level == IPPROTO_IPV6 && cmsg->cmsg_type == IPV6_PKTINFO) {
		memcpy(received->local, CMSG_DATA(cmsg) + offsetof(struct in6_pktinfo, ipi6_addr),
		       16);
	}
}

/* Straight to where the payload of a frame of that family is. False: nothing there. */
static bool receive(struct stack *stack, int fd, const struct tuple *tuple,
		    struct received *received)
{
	_Alignas(struct cmsghdr) char control[CONTROL];
	struct iovec payload = { .iov_base = stack->out + frame_payload(tuple),
				 .iov_len = frame_payload_max(tuple) };
	struct msghdr message = { .msg_name = &received->from,
				  .msg_namelen = sizeof(received->from),
				  .msg_iov = &payload,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	ssize_t n = 0;

	memset(received, 0, sizeof(*received));
	n = recvmsg(fd, &message, MSG_DONTWAIT);
	/* An error of an earlier datagram comes once, and is in the error queue as well. */
	if (n < 0 && errno != EAGAIN)
		n = recvmsg(fd, &message, MSG_DONTWAIT);
	if (n < 0)
		return false;
	received->size = (size_t)n;
	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(&message); cmsg;
	     cmsg = CMSG_NXTHDR(&message, cmsg))
		take_control(cmsg, received);
	return true;
}

/* Who answers, as the container sees it. False: nobody that it can have talked to. */
static bool set_remote(struct udp_flow *udp, const union host_address *from, struct tuple *tuple)
{
	struct stack *const stack = udp->flow.stack;

	if (udp->server != 0 && dns_is_resolver(stack->args.dns, udp->server, &from->any)) {
		dns_answered(stack->args.dns, tuple->six);
		dns_forwarder(stack->args.dns, tuple->six, tuple->remote);
		tuple->remote_port = host_port(from);
		return true;
	}
	if (udp->guest && stack_guest_address(stack, from, tuple))
		return true;
	return !stack_peer_address(stack, from, tuple) || stack->options->host_loopback;
}

static void tell_errors(struct udp_flow *udp)
{
	struct host_error error;

	for (int i = 0; i < BURST && host_error_take(udp->flow.watch.fd, &error); i++) {
		struct tuple tuple = udp->flow.tuple;

		if (error.to.any.sa_family == tuple_family(&tuple) &&
		    set_remote(udp, &error.to, &tuple))
			host_error_tell(udp->flow.stack, &tuple, &error);
	}
}

static void ready(struct watch *watch, uint32_t events)
{
	struct udp_flow *const udp = udp_of((struct flow *)watch);
	struct stack *const stack = udp->flow.stack;
	struct received received;

	if (events & EPOLLERR)
		tell_errors(udp);
	for (int i = 0; i < BURST; i++) {
		struct tuple tuple = udp->flow.tuple;

		if (!receive(stack, watch->fd, &tuple, &received))
			return;
		if (!set_remote(udp, &received.from, &tuple))
			continue;
		keep(udp);
		put_out(stack, &tuple, received.size, received.each);
	}
}

/* ---- From the container ---- */

/* One datagram of the container, or several of one size. */
struct datagrams {
	const uint8_t *data;
	size_t size;
	size_t each; /* 0: one */
};

static bool parse(const struct packet *packet, uint16_t each, struct datagrams *ret)
{
	const uint8_t *const udp = packet->frame + packet->transport;
	const size_t size = get16(udp + 4);

	if (size < FRAME_UDP_HEADER || size > packet->size - packet->transport)
		return false;
	*ret = (struct datagrams){ .data = udp + FRAME_UDP_HEADER,
				   .size = size - FRAME_UDP_HEADER };
	if (each != 0 && ret->size > each)
		ret->each = each;
	return true;
}

/* Which of the host's addresses the answer leaves from. */
static void put_local(struct msghdr *message, int family, const uint8_t local[16])
{
	struct cmsghdr *const cmsg = CMSG_FIRSTHDR(message);
	struct in_pktinfo four = { 0 };
	struct in6_pktinfo six = { 0 };

	memcpy(&four.ipi_spec_dst, local, sizeof(four.ipi_spec_dst));
	memcpy(&six.ipi6_addr, local, sizeof(six.ipi6_addr));
	cmsg->cmsg_level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
	cmsg->cmsg_type = family == AF_INET ? IP_PKTINFO : IPV6_PKTINFO;
	if (family == AF_INET)
		memcpy(CMSG_DATA(cmsg), &four, sizeof(four));
	else
		memcpy(CMSG_DATA(cmsg), &six, sizeof(six));
	cmsg->cmsg_len = CMSG_LEN(family == AF_INET ? sizeof(four) : sizeof(six));
	message->msg_controllen = CMSG_SPACE(family == AF_INET ? sizeof(four) : sizeof(six));
}

static void put_segment(struct msghdr *message, uint16_t each)
{
	struct cmsghdr *const cmsg = CMSG_FIRSTHDR(message);

	cmsg->cmsg_level = IPPROTO_UDP;
	cmsg->cmsg_type = UDP_SEGMENT;
	cmsg->cmsg_len = CMSG_LEN(sizeof(each));
	memcpy(CMSG_DATA(cmsg), &each, sizeof(each));
	message->msg_controllen = CMSG_SPACE(sizeof(each));
}

/* 0 or a negative errno. local NULL: the kernel's choice. */
static int send_once(int fd, const union host_address *to, const uint8_t *local,
		     const struct datagrams *datagrams)
{
	_Alignas(struct cmsghdr) char control[CONTROL] = { 0 };
	struct iovec data = { .iov_base = (void *)(uintptr_t)datagrams->data,
			      .iov_len = datagrams->size };
	struct msghdr message = { .msg_name = (void *)(uintptr_t)&to->any,
				  .msg_namelen = host_address_size(to),
				  .msg_iov = &data,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };

	if (datagrams->each != 0)
		put_segment(&message, (uint16_t)datagrams->each);
	else if (local)
		put_local(&message, to->any.sa_family, local);
	else
		message.msg_control = NULL, message.msg_controllen = 0;
	return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int send_one(int fd, const union host_address *to, const uint8_t *local,
		    const struct datagrams *datagrams)
{
	const int r = send_once(fd, to, local, datagrams);

	/* What an earlier datagram met is told once, before anything is sent: ip(7). */
	return r == -ECONNREFUSED || r == -EHOSTUNREACH || r == -ENETUNREACH
		       ? send_once(fd, to, local, datagrams)
		       : r;
}

static int send_all(int fd, const union host_address *to, const uint8_t *local,
		    const struct datagrams *datagrams)
{
	int r = 0;

	/* A connection of one size: in one call where the path takes it. */
	if (datagrams->each == 0 || (!local && datagrams->size <= datagrams->each * SEGMENTS_MAX)) {
		r = send_one(fd, to, local, datagrams);
		if (datagrams->each == 0 || (r != -EINVAL && r != -EMSGSIZE && r != -EIO))
			return r;
	}
	for (size_t at = 0; at < datagrams->size; at += datagrams->each) {
		const size_t left = datagrams->size - at;
		const struct datagrams one = { .data = datagrams->data + at,
					       .size = left < datagrams->each ? left
									      : datagrams->each };

		r = send_one(fd, to, local, &one);
	}
	return r;
}

/* The container's socket, made on its first datagram; NULL: there can be none. */
static struct udp_flow *find_outbound(struct stack *stack, const struct tuple *packet,
				      const union host_address *to)
{
	static const int on = 1;
	struct tuple tuple = *packet;
	struct udp_flow *udp = NULL;
	int fd = -1;

	memset(tuple.remote, 0, sizeof(tuple.remote));
	tuple.remote_port = 0;
	udp = udp_of(flow_find(&stack->udp, &tuple));
	if (udp)
		return udp;
	udp = add(stack, &tuple);
	if (!udp)
		return NULL;
	fd = stack_socket(stack, to, SOCK_DGRAM, 0);
	if (fd < 0) {
		drop(udp);
		return NULL;
	}
	udp->flow.watch.fd = fd;
	udp->flow.watch.ready = ready;
	udp->near = host_address_is_loopback(to);
	host_error_enable(fd, tuple_family(&tuple));
	if (tuple.six)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (stack->udp_gso)
		(void)setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof(on));
	if (watch_add(stack->loop, &udp->flow.watch, EPOLLIN) < 0) {
		drop(udp);
		return NULL;
	}
	return udp;
}

static void tell_failure(struct stack *stack, const struct tuple *tuple, int code, size_t size)
{
	const struct frame_error error = { .code = code, .length = (uint16_t)size };

	if (code == EHOSTUNREACH || code == ENETUNREACH || code == EACCES || code == EPERM ||
	    code == ECONNREFUSED)
		stack_output_error(stack, tuple, &error);
}

/*
 * With an outbound interface a socket is bound to it or not, by where its first datagram went: what
 * belongs to the other kind must not leave by this one.
 */
static bool leaves_elsewhere(const struct stack *stack, const struct udp_flow *udp,
			     const union host_address *to)
{
	const char *const name = to->any.sa_family == AF_INET ? stack->options->outbound_if4
							      : stack->options->outbound_if6;

	return *name != '\0' && udp->near != host_address_is_loopback(to);
}

/* To the address that stands for the host's own: answers must come from there. */
static bool to_guest(const struct stack *stack, const struct tuple *tuple)
{
	const struct net_options *const options = stack->options;

	if (tuple->six)
		return !IN6_IS_ADDR_UNSPECIFIED(&options->map_guest6) &&
		       memcmp(tuple->remote, &options->map_guest6, 16) == 0;
	return options->map_guest4.s_addr != INADDR_ANY &&
	       memcmp(tuple->remote, &options->map_guest4, 4) == 0;
}

void udp_input(struct stack *stack, const struct packet *packet, uint16_t each)
{
	const struct tuple tuple = tuple_of(packet);
	struct datagrams datagrams;
	union host_address to;
	unsigned int server = 0;
	struct udp_flow *udp = NULL;
	int r = 0;

	if (!parse(packet, each, &datagrams))
		return;
	udp = udp_of(flow_find(&stack->udp, &tuple));
	if (udp && udp->listener) {
		udp->answered = true;
		keep(udp);
		(void)send_all(udp->listener->watch.fd, &udp->peer, udp->local, &datagrams);
		return;
	}
	if (stack_host_address(stack, &tuple, &to, &server) == 0)
		return;
	udp = find_outbound(stack, &tuple, &to);
	if (!udp || leaves_elsewhere(stack, udp, &to))
		return;
	if (server != 0)
		udp->server = (uint8_t)server;
	else if (dns_is_resolver(stack->args.dns, udp->server, &to.any))
		udp->server = 0; /* it asks that one itself now, and wants to be answered by it */
	udp->others = udp->others || server == 0;
	udp->guest = to_guest(stack, &tuple);
	keep(udp);
	r = send_all(udp->flow.watch.fd, &to, NULL, &datagrams);
	if (r < 0)
		tell_failure(stack, &tuple, -r, datagrams.size);
}

/* ---- Published ports ---- */

static bool same_peer(const struct udp_flow *udp, const union host_address *peer)
{
	if (udp->peer.any.sa_family != peer->any.sa_family ||
	    host_port(&udp->peer) != host_port(peer))
		return false;
	if (peer->any.sa_family == AF_INET)
		return udp->peer.four.sin_addr.s_addr == peer->four.sin_addr.s_addr;
	return memcmp(&udp->peer.six.sin6_addr, &peer->six.sin6_addr, 16) == 0 &&
	       udp->peer.six.sin6_scope_id == peer->six.sin6_scope_id;
}

/* The flow of this client; *ret_hidden: it has the gateway's address. NULL: the table is full. */
static struct udp_flow *find_inbound(struct stack *stack, struct listener *listener,
				     const union host_address *peer, bool *ret_hidden)
{
	struct tuple tuple = { .proto = IPPROTO_UDP };
	struct udp_flow *udp = NULL;

	stack_set_container(stack, listener->family, listener->map.container_port, &tuple);
	*ret_hidden = stack_peer_address(stack, peer, &tuple);
	/* Several addresses of the host with one port: another port stands for theirs. */
	for (int i = 0; i < PORT_TRIES; i++) {
		udp = udp_of(flow_find(&stack->udp, &tuple));
		if (!udp || same_peer(udp, peer))
			break;
		if (!*ret_hidden)
			return NULL;
		tuple.remote_port = (uint16_t)(1024 + (tuple.remote_port * 31U + 7) % 64000);
	}
	if (udp && !same_peer(udp, peer))
		return NULL;
	if (udp) {
		/* Asked at another port of the host now: answered from there. */
		udp->listener = listener;
		return udp;
	}
	/* Clients must not take the places that the container itself needs. */
	udp = stack->clients < CLIENTS_MAX ? add(stack, &tuple) : NULL;
	if (!udp)
		return NULL;
	stack->clients++;
	udp->peer = *peer;
	udp->listener = listener;
	return udp;
}

/* The container may answer to the gateway's address for this alone. */
static void note_for_policy(struct stack *stack, const struct tuple *tuple, size_t size)
{
	const size_t whole = frame_put_udp(stack->out, &stack->link, tuple, size, 0);
	struct packet packet;

	if (packet_parse(stack->out + FRAME_VNET, whole - FRAME_VNET, &packet) == 0)
		policy_saw(stack->args.policy, &packet);
}

void udp_listener_ready(struct watch *watch, uint32_t events)
{
	struct listener *const listener = (struct listener *)watch;
	struct stack *const stack = listener->stack;
	const struct tuple shape = { .proto = IPPROTO_UDP, .six = listener->family == AF_INET6 };
	struct received received;

	(void)events;
	for (int i = 0; i < BURST; i++) {
		struct udp_flow *udp = NULL;
		bool hidden = false;

		if (!receive(stack, watch->fd, &shape, &received))
			return;
		udp = find_inbound(stack, listener, &received.from, &hidden);
		if (!udp)
			continue;
		memcpy(udp->local, received.local, sizeof(udp->local));
		keep(udp);
		if (hidden)
			note_for_policy(stack, &udp->flow.tuple, received.size);
		put_out(stack, &udp->flow.tuple, received.size, received.each);
	}
}
