/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's interface: see tap.h. Everything in namespaces happens in one child made with
 * CLONE_VM and CLONE_FILES: it enters the container's network namespace for good, which bryo-net
 * itself could not leave again, and the descriptors that it opens are bryo-net's at once.
 */
#include "netns/net/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/ethernet.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "netns/netns.h"

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

#ifndef TUN_F_USO4 /* newer than Debian 12's header */
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

static const char peer_name[] = "bryo0";

/* What the child is told and what it leaves; it shares the caller's memory. */
struct tap_plan {
	const struct net_options *options;
	int netns_fd;
	bool try_tun;
	struct tap tap;
	int result;
	struct err *err;
};

static int link_up(const struct net_options *options, struct err *err)
{
	const struct netns_link link = {
		.name = options->ifname,
		.mtu = options->mtu,
		.addr4 = net_container4(options),
		.prefix4 = options->prefix4,
		.gateway4 = net_gateway4(options),
		.has6 = options->ipv6,
		.addr6 = net_container6(options),
		.prefix6 = 64,
		.gateway6 = net_gateway6(options),
	};

	return netns_link_set(&link, err);
}

/* The hardware address, asked for in the interface's namespace. */
static int read_mac(const char *name, uint8_t ret[6])
{
	auto_close int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { 0 };

	(void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (sock < 0 || ioctl(sock, SIOCGIFHWADDR, &request) < 0)
		return -errno;
	memcpy(ret, request.ifr_hwaddr.sa_data, 6);
	return 0;
}

/* What the container's kernel may leave to us: checksums, and segmentation of TCP and UDP. */
static int set_tun_offloads(int fd, bool *ret_udp_gso)
{
	static const unsigned int tcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;

	*ret_udp_gso = ioctl(fd, TUNSETOFFLOAD, tcp | TUN_F_USO4 | TUN_F_USO6) == 0;
	if (!*ret_udp_gso && ioctl(fd, TUNSETOFFLOAD, tcp) < 0)
		return -errno;
	return 0;
}

static int open_tun(const struct net_options *options, struct tap *ret_tap)
{
	/* A tun descriptor belongs to the network namespace it was opened in, so: here. */
	auto_close int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int r = 0;

	if (fd < 0)
		return -errno;
	(void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", options->ifname);
	if (ioctl(fd, TUNSETIFF, &request) < 0)
		return -errno;
	r = set_tun_offloads(fd, &ret_tap->udp_gso);
	if (r < 0)
		return r;
	ret_tap->fd = fd_take(&fd);
	return 0;
}

/* ---- veth and a packet socket ---- */

static int set_offload(int sock, const char *name, uint32_t command)
{
	struct ethtool_value off = { .cmd = command, .data = 0 };
	struct ifreq request = { .ifr_data = (void *)&off };

	(void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	return ioctl(sock, SIOCETHTOOL, &request) < 0 ? -errno : 0;
}

/*
 * The header of a packet socket has no word for several UDP datagrams before Linux 6.2, which drops
 * them then. So there the container's end segments by itself, TCP as well: the switches of old do
 * not tell them apart.
 */
static int set_veth_offloads(const char *name, bool *ret_udp_gso)
{
	auto_close int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct utsname system;
	int major = 0;
	int minor = 0;

	if (sock < 0 || uname(&system) < 0)
		return -errno;
	*ret_udp_gso = sscanf(system.release, "%d.%d", &major, &minor) == 2 &&
		       (major > 6 || (major == 6 && minor >= 2));
	if (*ret_udp_gso)
		return 0;
	(void)set_offload(sock, name, ETHTOOL_STSO);
	return set_offload(sock, name, ETHTOOL_SGSO);
}

/* The packet socket on the peer's end, in the second namespace, where the child stands. */
static int open_peer(const struct net_options *options, struct tap *ret_tap)
{
	auto_close int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const struct netns_link peer = { .name = peer_name, .mtu = options->mtu };
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	struct ifreq request = { 0 };
	socklen_t size = sizeof(ret_tap->queue);
	int r = 0;

	if (fd < 0)
		return -errno;
	(void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", peer_name);
	if (ioctl(fd, SIOCGIFINDEX, &request) < 0)
		return -errno;
	address.sll_ifindex = request.ifr_ifindex;
	/* What we write ourselves must not come back (packet(7), Linux 4.20). */
	if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &(int){ 1 }, sizeof(int)) < 0)
		return -errno;
	if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &(int){ 1 }, sizeof(int)) < 0)
		return -errno;
	/* As much as this host gives (net.core.rmem_max, wmem_max); see struct tap for the rest. */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){ 4 << 20 }, sizeof(int));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &(int){ 4 << 20 }, sizeof(int));
	(void)getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &ret_tap->queue, &size);
	r = netns_link_set(&peer, NULL);
	if (r < 0)
		return r;
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	ret_tap->fd = fd_take(&fd);
	return 0;
}

static int open_veth(const struct tap_plan *plan, struct tap *ret_tap, struct err *err)
{
	const char *const ifname = plan->options->ifname;
	auto_close int second = -1;
	int r = netns_create(&second, err);

	if (r < 0)
		return r;
	r = netns_veth_create(ifname, peer_name, second);
	if (r < 0)
		return err_set(err, r, "cannot make a veth pair");
	r = set_veth_offloads(ifname, &ret_tap->udp_gso);
	if (r < 0)
		return err_set(err, r, "cannot switch offloads of %s off", ifname);
	r = read_mac(ifname, ret_tap->mac);
	if (r < 0)
		return err_set(err, r, "cannot read the hardware address of %s", ifname);
	/* Checked before the peer is up: afterwards frames come. */
	r = link_up(plan->options, err);
	if (r < 0)
		return r;
	if (setns(second, CLONE_NEWNET) < 0)
		return err_set(err, -errno, "cannot enter the second network namespace");
	/* The peer has no address and must not answer for one; its own IPv6 is off for good. */
	(void)file_poke_at(AT_FDCWD, "/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
	r = open_peer(plan->options, ret_tap);
	if (r < 0)
		return err_set(err, r, "cannot open a packet socket");
	return 0;
}

/* ---- The child ---- */

/* No neighbour is worth probing for, nothing on this link speaks IPv6 but the stack. */
static int set_interface(struct tap_plan *plan)
{
	int tun = 0;
	int r = 0;

	if (setns(plan->netns_fd, CLONE_NEWNET) < 0)
		return err_set(plan->err, -errno, "cannot enter the container's network namespace");
	plan->tap.marker = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (plan->try_tun) {
		tun = open_tun(plan->options, &plan->tap);
		if (tun == 0)
			tun = read_mac(plan->options->ifname, plan->tap.mac);
		if (tun == 0)
			return link_up(plan->options, plan->err);
		fd_close(&plan->tap.fd);
	}
	plan->tap.kind = TAP_VETH;
	r = open_veth(plan, &plan->tap, plan->err);
	if (r < 0 && tun < 0) {
		(void)err_prefix(plan->err, "cannot use /dev/net/tun (%s), nor a veth pair instead",
				 strerror(-tun));
		(void)err_hint(plan->err, "Let users open /dev/net/tun (chmod 666, or modprobe "
					  "tun), or use --network=none or host");
	}
	return r;
}

/*
 * Stage: set-up child. Runs with bryo-net's memory and descriptors and root's capabilities in the
 * container's user namespace, enters its network namespace, makes the interface, ends. It must not
 * touch the heap or return. Gained by the next stage: plan->tap.
 */
static int child(void *data)
{
	struct tap_plan *plan = data;

	plan->result = set_interface(plan);
	_exit(0);
}

int tap_open(int netns_fd, const struct net_options *options, bool try_tun, struct tap *ret_tap,
	     struct err *err)
{
	_Alignas(16) char stack[65536];
	struct tap_plan plan = { .options = options,
				 .netns_fd = netns_fd,
				 .try_tun = try_tun,
				 .tap = { .fd = -1, .marker = -1, .kind = TAP_TUN },
				 .result = -ECHILD,
				 .err = err };
	const pid_t pid = clone(child, stack + sizeof(stack),
				CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, &plan);

	if (pid < 0)
		return err_set(err, -errno, "cannot start the network's set-up");
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (plan.result == -ECHILD)
		return err_say(err, ERR_FAILED, "the network's set-up was killed");
	if (plan.result < 0) {
		fd_close(&plan.tap.fd);
		fd_close(&plan.tap.marker);
		return plan.result;
	}
	*ret_tap = plan.tap;
	return 0;
}
