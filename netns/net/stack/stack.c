/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The translator's middle: memory, addresses of both sides, and who takes which packet. See
 * stack.h. Runs in bryo-net, in the host's network namespace, inside its sandbox from the first
 * packet on. It trusts policy.c about where the container may go.
 */
#include "netns/net/stack/stack.h"

#include <errno.h>
#include <net/ethernet.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "netns/net/dns.h"
#include "netns/net/listen.h"
#include "netns/net/stack/neighbour.h"
#include "netns/net/stack/stack-internal.h"
#include "netns/net/stack/tcp-internal.h"
#include "netns/net/stack/udp-internal.h"

enum {
	PAGE = 4096,
	/* Descriptors that are not the stack's: standard streams, tap, epoll, inotify, ... */
	SOCKETS_KEPT = 32,
};

/* Ours on the link: as slirp4netns has it. */
static const uint8_t own_mac[6] = { 0x52, 0x55, 0x0a, 0x00, 0x02, 0x02 };

/* ---- Memory ---- */

static size_t round_up(size_t size)
{
	return (size + PAGE - 1) / PAGE * PAGE;
}

static size_t mapping_size(void)
{
	return round_up(sizeof(struct stack)) +
	       flow_table_bytes(sizeof(struct tcp_flow), STACK_TCP_MAX) +
	       flow_table_bytes(sizeof(struct udp_flow), STACK_UDP_MAX);
}

static void lay_out(struct stack *stack, const uint64_t key[2])
{
	uint8_t *at = (uint8_t *)stack + round_up(sizeof(*stack));
	struct rlimit limit = { .rlim_cur = 1024 };

	(void)getrlimit(RLIMIT_NOFILE, &limit);
	stack->socket_max = limit.rlim_cur > SOCKETS_KEPT ? limit.rlim_cur - SOCKETS_KEPT : 0;
	flow_table_init(&stack->tcp, at, sizeof(struct tcp_flow), STACK_TCP_MAX, STACK_TCP_MAX,
			key);
	at += flow_table_bytes(sizeof(struct tcp_flow), STACK_TCP_MAX);
	flow_table_init(&stack->udp, at, sizeof(struct udp_flow), STACK_UDP_MAX, STACK_UDP_MAX,
			key);
}

int stack_open(const struct stack_args *args, struct stack **ret_stack, struct err *err)
{
	struct stack *stack = mmap(NULL, mapping_size(), PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint64_t random[4];

	if (stack == MAP_FAILED)
		return err_set(err, -errno, "cannot start the network stack");
	if (getrandom(random, sizeof(random), 0) != sizeof(random)) {
		(void)munmap(stack, mapping_size());
		return err_say(err, ERR_FAILED, "cannot get random numbers for the network stack");
	}
	stack->args = *args;
	stack->loop = args->loop;
	stack->options = args->options;
	memcpy(stack->secret, random, sizeof(stack->secret));
	stack->datagram_id = (uint32_t)(random[0] >> 7);
	memcpy(stack->link.from, own_mac, sizeof(own_mac));
	memset(stack->link.to, 0xff, sizeof(stack->link.to));
	stack->link.mtu = args->options->mtu;
	stack->window_max = UINT32_MAX;
	lay_out(stack, random + 2);
	tcp_init(stack);
	echo_init(stack);
	*ret_stack = stack;
	return 0;
}

void stack_close(struct stack *stack)
{
	if (!stack)
		return;
	tcp_close_all(stack);
	udp_close_all(stack);
	echo_close_all(stack);
	watch_timer_cancel(stack->loop, &stack->again);
	(void)munmap(stack, mapping_size());
}

void stack_attach(struct stack *stack, const struct stack_interface *interface)
{
	memcpy(stack->link.to, interface->mac, sizeof(stack->link.to));
	stack->udp_gso = interface->udp_gso;
	/* A third is payload when frames are large: half is the kernel's own (socket(7)), and pages
	 * are not filled. */
	if (interface->queue > 0)
		stack->window_max = (uint32_t)interface->queue / 3;
}

void stack_idle(struct stack *stack)
{
	const uintptr_t from = round_up((uintptr_t)stack->out);
	const uintptr_t to = ((uintptr_t)stack->skip + sizeof(stack->skip)) / PAGE * PAGE;
	const uintptr_t held_from = round_up((uintptr_t)stack->held_data);
	const uintptr_t held_to =
		((uintptr_t)stack->held_data + sizeof(stack->held_data)) / PAGE * PAGE;

	/* Between two packets nothing is in these buffers. */
	(void)madvise((void *)from, to - from, MADV_DONTNEED);
	if (stack->held_count == 0)
		(void)madvise((void *)held_from, held_to - held_from, MADV_DONTNEED);
	flow_table_idle(&stack->tcp);
	flow_table_idle(&stack->udp);
}

void stack_listen(struct stack *stack, struct listener *listener)
{
	listener->stack = stack;
	listener->watch.ready =
		listener->map.proto == PORT_TCP ? tcp_listener_ready : udp_listener_ready;
}

/* ---- Sockets ---- */

static int bind_outbound(const struct stack *stack, int fd, int family)
{
	union host_address address = { 0 };

	address.any.sa_family = (sa_family_t)family;
	if (family == AF_INET)
		address.four.sin_addr = stack->options->outbound4;
	else
		address.six.sin6_addr = stack->options->outbound6;
	if (family == AF_INET ? stack->options->outbound4.s_addr == INADDR_ANY
			      : !stack->options->has_outbound6)
		return 0;
	return bind(fd, &address.any, host_address_size(&address)) < 0 ? -errno : 0;
}

bool host_address_is_loopback(const union host_address *address)
{
	if (address->any.sa_family == AF_INET)
		return ntohl(address->four.sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(&address->six.sin6_addr);
}

/* Needs no capability (Linux 5.7, socket(7)). A resolver on the loopback is behind no device. */
static int bind_device(const struct stack *stack, int fd, const union host_address *to)
{
	const char *const name = to->any.sa_family == AF_INET ? stack->options->outbound_if4
							      : stack->options->outbound_if6;

	if (*name == '\0' || host_address_is_loopback(to))
		return 0;
	return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, (socklen_t)strlen(name)) < 0
		       ? -errno
		       : 0;
}

int stack_socket(struct stack *stack, const union host_address *to, int type, int proto)
{
	const int family = to->any.sa_family;
	auto_close int fd = -1;
	int r = 0;

	if (stack->sockets >= stack->socket_max)
		return -EMFILE;
	fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, proto);
	if (fd < 0)
		return -errno;
	/* A resolver or the gateway stand for addresses of the host, loopback perhaps: whether the
	 * bound address can reach them is for connect() to say. */
	r = bind_outbound(stack, fd, family);
	if (r == 0)
		r = bind_device(stack, fd, to);
	if (r < 0)
		return r;
	stack->sockets++;
	return fd_take(&fd);
}

void stack_close_socket(struct stack *stack, struct watch *watch)
{
	if (watch->fd < 0)
		return;
	watch_remove(stack->loop, watch);
	fd_close(&watch->fd);
	stack->sockets--;
}

/* ---- Addresses ---- */

static bool in_own_net(const struct net_options *options, const struct tuple *tuple)
{
	const uint32_t mask = ~0U << (32 - options->prefix4);
	uint32_t address = 0;

	if (tuple->six)
		return memcmp(tuple->remote, &options->net6, 8) == 0;
	memcpy(&address, tuple->remote, sizeof(address));
	return (ntohl(address) & mask) == ntohl(options->net4.s_addr);
}

/* Both may be NULL. */
static void gateway_of(const struct stack *stack, bool six, uint8_t ret[16])
{
	/* Where the container may ask the host's loopback, it is answered from there. */
	const bool asked = stack->options->host_loopback;
	const struct in_addr gateway4 =
		asked ? net_loopback4(stack->options) : net_gateway4(stack->options);
	const struct in6_addr gateway6 =
		asked ? net_loopback6(stack->options) : net_gateway6(stack->options);

	memset(ret, 0, 16);
	if (six)
		memcpy(ret, &gateway6, sizeof(gateway6));
	else
		memcpy(ret, &gateway4, sizeof(gateway4));
}

/* An address that stands for one of the host's: that one. */
static bool take_mapped(const struct net_options *options, const struct tuple *tuple,
			uint8_t address[16])
{
	struct in6_addr six;
	struct in_addr four;

	memcpy(&six, tuple->remote, sizeof(six));
	memcpy(&four, tuple->remote, sizeof(four));
	if (tuple->six ? !net_mapped6(options, &six, &six) : !net_mapped4(options, four, &four))
		return false;
	memcpy(address, tuple->six ? (const void *)&six : (const void *)&four,
	       tuple_address_size(tuple));
	return true;
}

socklen_t stack_host_address(struct stack *stack, const struct tuple *tuple,
			     union host_address *ret_address, unsigned int *ret_server)
{
	uint8_t address[16];

	*ret_server = 0;
	memcpy(address, tuple->remote, sizeof(address));
	if (dns_is_forwarder(stack->args.dns, tuple)) {
		*ret_server = dns_resolver(stack->args.dns, tuple, address);
		if (*ret_server == 0)
			return 0;
	} else if (!take_mapped(stack->options, tuple, address) &&
		   in_own_net(stack->options, tuple)) {
		return 0;
	}
	memset(ret_address, 0, sizeof(*ret_address));
	if (!tuple->six) {
		ret_address->four.sin_family = AF_INET;
		ret_address->four.sin_port = htons(tuple->remote_port);
		memcpy(&ret_address->four.sin_addr, address, 4);
	} else {
		ret_address->six.sin6_family = AF_INET6;
		ret_address->six.sin6_port = htons(tuple->remote_port);
		memcpy(&ret_address->six.sin6_addr, address, 16);
	}
	return host_address_size(ret_address);
}

bool stack_guest_address(const struct stack *stack, const union host_address *peer,
			 struct tuple *tuple)
{
	const struct net_options *const options = stack->options;
	const bool six = peer->any.sa_family == AF_INET6;

	if (six ? IN6_IS_ADDR_UNSPECIFIED(&options->map_guest6) ||
			    memcmp(&peer->six.sin6_addr, &options->own6, 16) != 0
		: options->map_guest4.s_addr == INADDR_ANY ||
			    peer->four.sin_addr.s_addr != options->own4.s_addr)
		return false;
	memset(tuple->remote, 0, sizeof(tuple->remote));
	memcpy(tuple->remote, six ? (const void *)&options->map_guest6 : &options->map_guest4,
	       six ? 16 : 4);
	tuple->remote_port = host_port(peer);
	return true;
}

bool stack_peer_address(const struct stack *stack, const union host_address *peer,
			struct tuple *tuple)
{
	const uint32_t four = ntohl(peer->four.sin_addr.s_addr);
	bool hidden = false;

	tuple->six = peer->any.sa_family == AF_INET6;
	tuple->remote_port = host_port(peer);
	memset(tuple->remote, 0, sizeof(tuple->remote));
	if (tuple->six) {
		memcpy(tuple->remote, &peer->six.sin6_addr, 16);
		hidden = IN6_IS_ADDR_LOOPBACK(&peer->six.sin6_addr) ||
			 IN6_IS_ADDR_LINKLOCAL(&peer->six.sin6_addr) ||
			 IN6_IS_ADDR_V4MAPPED(&peer->six.sin6_addr);
	} else {
		memcpy(tuple->remote, &peer->four.sin_addr, 4);
		hidden = four >> 24 == 127 || four >> 24 == 0;
	}
	if (!hidden && !in_own_net(stack->options, tuple))
		return false;
	gateway_of(stack, tuple->six, tuple->remote);
	return true;
}

void stack_set_container(const struct stack *stack, int family, uint16_t port, struct tuple *tuple)
{
	const struct in_addr four = net_container4(stack->options);
	const struct in6_addr six = net_container6(stack->options);

	memset(tuple->container, 0, sizeof(tuple->container));
	tuple->container_port = port;
	tuple->six = family == AF_INET6;
	if (tuple->six)
		memcpy(tuple->container, &six, sizeof(six));
	else
		memcpy(tuple->container, &four, sizeof(four));
}

/* ---- Frames out ---- */

void stack_output(struct stack *stack, size_t size)
{
	if (size > 0)
		stack->args.output(stack->args.data, stack->out, size);
}

void stack_output_datagram(struct stack *stack, size_t size)
{
	size_t part = 0;

	if (size <= FRAME_IP + stack->link.mtu) {
		stack_output(stack, size);
		return;
	}
	stack->datagram_id++;
	for (unsigned int n = 0; (part = frame_fragment(stack->out, size, &stack->link,
							stack->datagram_id, n, stack->part)) > 0;
	     n++)
		stack->args.output(stack->args.data, stack->part, part);
}

void stack_output_error(struct stack *stack, const struct tuple *tuple,
			const struct frame_error *error)
{
	stack_output(stack, frame_put_error(stack->out, &stack->link, tuple, error));
}

void stack_ask_neighbour(struct stack *stack, bool six)
{
	stack_output(stack, neighbour_ask(stack->options, &stack->link, six, stack->out));
}

/* ---- Packets in ---- */

/* Whoever sends has this hardware address now: that of the last frame counts. */
static void learn(struct stack *stack, const struct packet *packet)
{
	/* The group bit: no interface has such an address. */
	if ((packet->frame[6] & 1) == 0)
		memcpy(stack->link.to, packet->frame + 6, sizeof(stack->link.to));
}

void stack_input(struct stack *stack, const struct packet *packet, uint16_t datagram)
{
	learn(stack, packet);
	if (packet->proto == IPPROTO_TCP && packet->family != 0)
		tcp_input(stack, packet);
	else if (packet->proto == IPPROTO_UDP && packet->family != 0)
		udp_input(stack, packet, datagram);
	else if (packet->ethertype == ETHERTYPE_ARP)
		stack_output(stack,
			     neighbour_answer(stack->options, &stack->link, packet, stack->out));
	else if (packet->family != 0) {
		const size_t size =
			neighbour_answer(stack->options, &stack->link, packet, stack->out);

		stack_output(stack, size);
		if (size == 0)
			echo_input(stack, packet);
	}
}

void stack_flush(struct stack *stack)
{
	tcp_flush(stack);
}
