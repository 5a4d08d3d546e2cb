/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network namespaces and what stands in them: see netns.h. Runs in the container's init and in
 * bryo-net's set-up child; never in threads.
 */
#include "netns/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/veth.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "netns/netlink-internal.h"

/* lo is the first device of every network namespace: the kernel makes it with the namespace. */
enum { LO_INDEX = 1 };

static void add_link_up(struct nl_batch *batch, int index)
{
	struct ifinfomsg link = {
		.ifi_family = AF_UNSPEC,
		.ifi_index = index,
		.ifi_flags = IFF_UP,
		.ifi_change = IFF_UP,
	};

	nl_begin(batch, RTM_NEWLINK, 0, &link, sizeof(link));
}

int netns_lo_up(void)
{
	struct nl_batch batch = { .size = 0 };

	add_link_up(&batch, LO_INDEX);
	return nl_run(&batch, NULL);
}

int netns_open(int pid, int *ret_fd, struct err *err)
{
	char path[64];
	int fd = -1;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, -errno, "cannot open the network namespace of process %d", pid);
	*ret_fd = fd;
	return 0;
}

int netns_create(int *ret_fd, struct err *err)
{
	auto_close int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	auto_close int made = -1;
	int r = 0;

	if (own < 0)
		return err_set(err, -errno, "cannot open this process's network namespace");
	/* There and back in this one thread: cheaper than a child, and nothing else runs here. */
	if (unshare(CLONE_NEWNET) < 0)
		return err_set(err, -errno, "cannot make a network namespace");
	r = netns_lo_up();
	made = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (made < 0 && r == 0)
		r = -errno;
	if (setns(own, CLONE_NEWNET) < 0)
		return err_set(err, -errno, "cannot return to this process's network namespace");
	if (r < 0)
		return err_set(err, r, "cannot set up a new network namespace");
	*ret_fd = fd_take(&made);
	return 0;
}

static void add_address(struct nl_batch *batch, int index, int family, uint8_t prefix,
			const void *address)
{
	const size_t size = family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);
	const struct ifaddrmsg message = {
		.ifa_family = (uint8_t)family,
		.ifa_prefixlen = prefix,
		/* No duplicate address detection: nobody else is on this link, and it takes a
		   second. */
		.ifa_flags = family == AF_INET6 ? IFA_F_NODAD : 0,
		.ifa_index = (uint32_t)index,
	};

	nl_begin(batch, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &message, sizeof(message));
	nl_attr(batch, IFA_LOCAL, address, size);
	nl_attr(batch, IFA_ADDRESS, address, size);
	if (family == AF_INET && prefix < 31) {
		const struct in_addr *host = address;
		const uint32_t mask = htonl(~0U << (32 - prefix));
		const uint32_t broadcast = (host->s_addr & mask) | ~mask;

		nl_attr(batch, IFA_BROADCAST, &broadcast, sizeof(broadcast));
	}
}

static void add_default_route(struct nl_batch *batch, int index, int family, const void *gateway)
{
	const struct rtmsg message = {
		.rtm_family = (uint8_t)family,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST,
	};

	nl_begin(batch, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &message, sizeof(message));
	nl_attr(batch, RTA_GATEWAY, gateway,
		family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr));
	nl_attr_u32(batch, RTA_OIF, (uint32_t)index);
}

/* The interface's number in the caller's namespace, or a negative errno. */
static int link_index(const char *name)
{
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { 0 };

	if (fd < 0)
		return -errno;
	(void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (ioctl(fd, SIOCGIFINDEX, &request) < 0)
		return -errno;
	return request.ifr_ifindex;
}

/*
 * Without a link-local address the kernel sends no router solicitations, no multicast listener
 * reports and no duplicate address probes: nothing wakes bryo-net at start. A request of its own:
 * within one, the kernel sets a link up before it looks at this.
 */
static void add_no_link_local(struct nl_batch *batch, int index)
{
	const struct ifinfomsg message = { .ifi_family = AF_UNSPEC, .ifi_index = index };
	static const uint8_t no_link_local = IN6_ADDR_GEN_MODE_NONE;
	struct rtattr *families = NULL;
	struct rtattr *inet6 = NULL;

	nl_begin(batch, RTM_NEWLINK, 0, &message, sizeof(message));
	families = nl_nest(batch, IFLA_AF_SPEC);
	inet6 = nl_nest(batch, AF_INET6);
	nl_attr(batch, IFLA_INET6_ADDR_GEN_MODE, &no_link_local, sizeof(no_link_local));
	nl_nest_end(batch, inet6);
	nl_nest_end(batch, families);
}

static void add_link_settings(struct nl_batch *batch, int index, const struct netns_link *link)
{
	add_link_up(batch, index);
	if (link->mtu)
		nl_attr_u32(batch, IFLA_MTU, link->mtu);
}

bool netns_has_ipv6(void)
{
	auto_close int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd >= 0;
}

int netns_link_set(const struct netns_link *link, struct err *err)
{
	struct nl_batch batch = { .size = 0 };
	const char *steps[9] = { "" };
	const int index = link_index(link->name);
	const bool ipv6 = netns_has_ipv6();
	uint32_t failed = 0;
	int r = 0;

	if (index < 0)
		return err_set(err, index, "cannot find network interface %s", link->name);
	add_link_up(&batch, LO_INDEX);
	steps[batch.count] = "set lo up";
	if (ipv6) {
		add_no_link_local(&batch, index);
		steps[batch.count] = "switch link-local addresses off";
	}
	/* First: what the kernel tells neighbours (arp_notify) it tells when the link comes up. */
	if (link->addr4.s_addr != INADDR_ANY) {
		add_address(&batch, index, AF_INET, link->prefix4, &link->addr4);
		steps[batch.count] = "add the IPv4 address";
	}
	add_link_settings(&batch, index, link);
	steps[batch.count] = "set the interface up";
	if (link->gateway4.s_addr != INADDR_ANY) {
		add_default_route(&batch, index, AF_INET, &link->gateway4);
		steps[batch.count] = "add the IPv4 default route";
	}
	if (link->has6 && ipv6) {
		add_address(&batch, index, AF_INET6, link->prefix6, &link->addr6);
		steps[batch.count] = "add the IPv6 address";
	}
	if (link->has6 && ipv6 && !IN6_IS_ADDR_UNSPECIFIED(&link->gateway6)) {
		add_default_route(&batch, index, AF_INET6, &link->gateway6);
		steps[batch.count] = "add the IPv6 default route";
	}
	r = nl_run(&batch, &failed);
	if (r < 0)
		return err_set(err, r, "network interface %s: cannot %s", link->name,
			       failed < ARRAY_SIZE(steps) && failed > 0 ? steps[failed]
									: "set it up");
	return 0;
}

int netns_veth_create(const char *name, const char *peer, int peer_ns_fd)
{
	const struct ifinfomsg message = { .ifi_family = AF_UNSPEC };
	struct nl_batch batch = { .size = 0 };
	struct rtattr *info = NULL;
	struct rtattr *data = NULL;
	struct rtattr *other = NULL;

	nl_begin(&batch, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &message, sizeof(message));
	nl_attr(&batch, IFLA_IFNAME, name, strlen(name) + 1);
	info = nl_nest(&batch, IFLA_LINKINFO);
	nl_attr(&batch, IFLA_INFO_KIND, "veth", sizeof("veth"));
	data = nl_nest(&batch, IFLA_INFO_DATA);
	/* The peer's attribute starts with a header of its own (drivers/net/veth.c). */
	other = nl_nest(&batch, VETH_INFO_PEER);
	nl_fixed(&batch, &message, sizeof(message));
	nl_attr(&batch, IFLA_IFNAME, peer, strlen(peer) + 1);
	nl_attr_u32(&batch, IFLA_NET_NS_FD, (uint32_t)peer_ns_fd);
	nl_nest_end(&batch, other);
	nl_nest_end(&batch, data);
	nl_nest_end(&batch, info);
	return nl_run(&batch, NULL);
}
