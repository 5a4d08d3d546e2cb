/* SPDX-License-Identifier: Apache-2.0 */
/* Bridges and veth pairs: see link.h. Runs in bryo-bridge. */
#include "netns/link.h"

#include <errno.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/veth.h>
#include <string.h>
#include <sys/random.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "netns/netlink-internal.h"
#include "netns/netns.h"

enum { MAC_SIZE = 6 };

static void add_name(struct nl_batch *batch, const char *name)
{
	nl_attr(batch, IFLA_IFNAME, name, strlen(name) + 1);
}

static void add_mtu(struct nl_batch *batch, uint32_t mtu)
{
	if (mtu > 0)
		nl_attr_u32(batch, IFLA_MTU, mtu);
}

/*
 * No snooping of multicast groups: without addresses that could query there is nothing to learn,
 * and the kernel's timers stay off.
 */
int link_bridge_create(const char *name)
{
	const struct ifinfomsg message = { .ifi_family = AF_UNSPEC };
	const uint8_t off = 0;
	struct nl_batch batch = { .size = 0 };
	struct rtattr *info = NULL;
	struct rtattr *data = NULL;
	uint8_t mac[MAC_SIZE];

	if (getrandom(mac, sizeof(mac), 0) != (ssize_t)sizeof(mac))
		return -errno;
	mac[0] = (uint8_t)((mac[0] & 0xfc) | 0x02); /* one interface's, given by us (IEEE 802) */
	nl_begin(&batch, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &message, sizeof(message));
	add_name(&batch, name);
	nl_attr(&batch, IFLA_ADDRESS, mac, sizeof(mac));
	info = nl_nest(&batch, IFLA_LINKINFO);
	nl_attr(&batch, IFLA_INFO_KIND, "bridge", sizeof("bridge"));
	data = nl_nest(&batch, IFLA_INFO_DATA);
	nl_attr(&batch, IFLA_BR_MCAST_SNOOPING, &off, sizeof(off));
	nl_nest_end(&batch, data);
	nl_nest_end(&batch, info);
	return nl_run(&batch, NULL);
}

static void add_pair(struct nl_batch *batch, const struct link_veth *veth)
{
	const struct ifinfomsg message = { .ifi_family = AF_UNSPEC };
	struct rtattr *info = NULL;
	struct rtattr *data = NULL;
	struct rtattr *other = NULL;

	nl_begin(batch, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &message, sizeof(message));
	add_name(batch, veth->name);
	add_mtu(batch, veth->mtu);
	info = nl_nest(batch, IFLA_LINKINFO);
	nl_attr(batch, IFLA_INFO_KIND, "veth", sizeof("veth"));
	data = nl_nest(batch, IFLA_INFO_DATA);
	/* The peer's attribute starts with a header of its own (drivers/net/veth.c). */
	other = nl_nest(batch, VETH_INFO_PEER);
	nl_fixed(batch, &message, sizeof(message));
	add_name(batch, veth->peer);
	add_mtu(batch, veth->mtu);
	nl_attr(batch, IFLA_ADDRESS, veth->mac, MAC_SIZE);
	nl_attr_u32(batch, IFLA_NET_NS_FD, (uint32_t)veth->peer_ns_fd);
	nl_nest_end(batch, other);
	nl_nest_end(batch, data);
	nl_nest_end(batch, info);
}

/* See netns.c: within one request the kernel sets a link up before it looks at this. */
static void add_no_link_local(struct nl_batch *batch, const char *name)
{
	const struct ifinfomsg message = { .ifi_family = AF_UNSPEC };
	const uint8_t no_link_local = IN6_ADDR_GEN_MODE_NONE;
	struct rtattr *families = NULL;
	struct rtattr *inet6 = NULL;

	nl_begin(batch, RTM_NEWLINK, 0, &message, sizeof(message));
	add_name(batch, name);
	families = nl_nest(batch, IFLA_AF_SPEC);
	inet6 = nl_nest(batch, AF_INET6);
	nl_attr(batch, IFLA_INET6_ADDR_GEN_MODE, &no_link_local, sizeof(no_link_local));
	nl_nest_end(batch, inet6);
	nl_nest_end(batch, families);
}

static void add_plug(struct nl_batch *batch, const struct link_veth *veth)
{
	const struct ifinfomsg message = { .ifi_family = AF_UNSPEC,
					   .ifi_flags = IFF_UP,
					   .ifi_change = IFF_UP };

	nl_begin(batch, RTM_NEWLINK, 0, &message, sizeof(message));
	add_name(batch, veth->name);
	nl_attr_u32(batch, IFLA_MASTER, if_nametoindex(veth->bridge));
}

/*
 * A port that gives frames back to where they came from: where the host filters bridged packets
 * (net.bridge.bridge-nf-call-iptables) a container's packet to its own published port is translated
 * on the bridge already, and would be dropped there.
 */
static void add_hairpin(struct nl_batch *batch, const char *name)
{
	const struct ifinfomsg message = { .ifi_family = AF_UNSPEC };
	const uint8_t on = 1;
	struct rtattr *info = NULL;
	struct rtattr *data = NULL;

	nl_begin(batch, RTM_NEWLINK, 0, &message, sizeof(message));
	add_name(batch, name);
	info = nl_nest(batch, IFLA_LINKINFO);
	nl_attr(batch, IFLA_INFO_SLAVE_KIND, "bridge", sizeof("bridge"));
	data = nl_nest(batch, IFLA_INFO_SLAVE_DATA);
	nl_attr(batch, IFLA_BRPORT_MODE, &on, sizeof(on));
	nl_nest_end(batch, data);
	nl_nest_end(batch, info);
}

int link_veth_create(const struct link_veth *veth, struct err *err)
{
	struct nl_batch batch = { .size = 0 };
	const char *steps[5] = { "" };
	uint32_t failed = 0;
	int r = 0;

	add_pair(&batch, veth);
	steps[batch.count] = "make a veth pair";
	if (netns_has_ipv6()) {
		add_no_link_local(&batch, veth->name);
		steps[batch.count] = "switch link-local addresses off";
	}
	add_plug(&batch, veth);
	steps[batch.count] = "plug it into the bridge";
	add_hairpin(&batch, veth->name);
	steps[batch.count] = "set its hairpin mode";
	r = nl_run(&batch, &failed);
	return r < 0 ? err_set(err, r, "network interface %s: cannot %s", veth->name,
			       failed < ARRAY_SIZE(steps) && failed > 0 ? steps[failed]
									: "set it up")
		     : 0;
}

int link_delete(const char *name)
{
	const struct ifinfomsg message = { .ifi_family = AF_UNSPEC };
	struct nl_batch batch = { .size = 0 };
	int r = 0;

	nl_begin(&batch, RTM_DELLINK, 0, &message, sizeof(message));
	add_name(&batch, name);
	r = nl_run(&batch, NULL);
	return r == -ENODEV ? 0 : r;
}
