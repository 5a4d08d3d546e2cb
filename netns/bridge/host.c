/* SPDX-License-Identifier: Apache-2.0 */
/* The host's side of a network: see host.h. Runs in bryo-bridge, in the host's network namespace.
 */
#include "netns/bridge/host.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/file.h"
#include "netns/bridge/lease.h"
#include "netns/bridge/message.h"
#include "netns/bridge/conntrack.h"
#include "netns/bridge/elements.h"
#include "netns/bridge/nft.h"
#include "netns/bridge/rules.h"
#include "netns/link.h"
#include "netns/netns.h"

/* ---- Settings of the kernel ---- */

/* Writes what is not so already: a /proc that cannot be written is then no reason to fail. */
static int set_sysctl(const char *path, const char *value, struct err *err)
{
	auto_free char *text = NULL;
	int r = file_read_at(AT_FDCWD, path, 16, &text, NULL);

	if (r == 0 && strncmp(text, value, strlen(value)) == 0)
		return 0;
	if (r == 0)
		r = file_poke_at(AT_FDCWD, path, value);
	return r < 0 ? err_set(err, r, "cannot write %s to %s", value, path) : 0;
}

static int set_of_link(const char *family, const char *link, const char *name, const char *value,
		       struct err *err)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family, link, name);
	return set_sysctl(path, value, err);
}

/*
 * route_localnet: the host's 127.0.0.1:PORT is translated and leaves by the bridge; rules.c shuts
 * what it opens beside that. No router on this bridge has anything to tell the host.
 */
static int set_sysctls(const struct bridge_network *network, struct err *err)
{
	int r = set_of_link("ipv4", network->bridge, "route_localnet", "1", err);

	if (r == 0 && netns_has_ipv6())
		r = set_of_link("ipv6", network->bridge, "accept_ra", "0", err);
	return r;
}

/*
 * In the container's network namespace, before its interface is up. Neighbours may still know the
 * address by the hardware address that another container had been given: arp_notify tells them.
 * Another container on the bridge is no router, whatever it advertises.
 */
static int set_container_sysctls(const struct bridge_network *network, struct err *err)
{
	int r = set_of_link("ipv4", network->ifname, "arp_notify", "1", err);

	if (r == 0 && netns_has_ipv6())
		r = set_of_link("ipv6", network->ifname, "accept_ra", "0", err);
	return r;
}

/* ---- The bridge ---- */

static int set_addresses(const struct bridge_message *message, struct err *err)
{
	const struct bridge_address *address = &message->address;
	const struct netns_link link = { .name = message->network.bridge,
					 .mtu = message->network.mtu,
					 .addr4 = address->gateway4,
					 .prefix4 = address->prefix4,
					 .has6 = address->has6,
					 .addr6 = address->gateway6,
					 .prefix6 = 64 };

	return netns_link_set(&link, err);
}

static int ensure_bridge(const struct bridge_message *message, struct err *err)
{
	const struct bridge_network *network = &message->network;
	int r = link_bridge_create(network->bridge);

	if (r == -EOPNOTSUPP)
		return err_set(err, r, "cannot make the bridge %s: this kernel has none",
			       network->bridge);
	if (r < 0 && r != -EEXIST)
		return err_set(err, r, "cannot make the bridge %s", network->bridge);
	r = set_sysctls(network, err);
	return r < 0 ? r : set_addresses(message, err);
}

/* ---- Rules ---- */

/*
 * Whose table and bridge it is: a file of addresses, and with it a run folder. Two engines with a
 * run folder each know nothing of one another's containers, and must not share what goes with the
 * last of them.
 */
struct owner {
	char text[64];
};

static struct owner owner_of(int lease_fd)
{
	struct owner owner = { "bryo" };
	struct stat st;

	if (fstat(lease_fd, &st) == 0)
		(void)snprintf(owner.text, sizeof(owner.text), "bryo %llx:%llu",
			       (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	return owner;
}

/* 1: the table is there and ours, 0: there is none, or a negative errno. */
static int check_table(const struct bridge_network *network, int lease_fd, struct err *err)
{
	const struct owner owner = owner_of(lease_fd);
	int r = nft_table_check(network->table, owner.text);

	if (r == -EEXIST) {
		(void)err_say(err, ERR_BUSY,
			      "network %s: table inet %s belongs to another run folder",
			      network->name, network->table);
		(void)err_hint(
			err,
			"Use the same --runroot, or --network=slirp4netns; or remove it with "
			"'nft delete table inet %s' if that is gone",
			network->table);
		return r;
	}
	return r < 0 ? err_set(err, r, "nftables: cannot ask for table %s", network->table) : r;
}

static int commit(struct nft_batch *batch, const struct bridge_network *network, const char *what,
		  struct err *err)
{
	int r = nft_batch_commit(batch);

	nft_batch_done(batch);
	return r < 0 ? err_set(err, r, "nftables: cannot %s in table %s", what, network->table) : 0;
}

static int ensure_rules(const struct bridge_message *message, const struct lease_census *census,
			const struct owner *owner, bool exists, struct err *err)
{
	const struct bridge_network *network = &message->network;
	struct nft_batch batch;

	nft_batch_init(&batch);
	if (!exists)
		rules_create(&batch, network, owner->text);
	else if (census->stale_count > 0)
		(void)elements_sweep(&batch, network, census); /* the next one sweeps again */
	elements_add(&batch, message);
	return commit(&batch, network, "set rules", err);
}

int host_up(const struct bridge_message *message, int lease_fd, struct err *err)
{
	const struct owner owner = owner_of(lease_fd);
	struct lease_census census = { 0 };
	bool exists = false;
	int r = lease_count(lease_fd, message->number, &census);

	if (r < 0)
		return err_set(err, r, "cannot read who is in network %s", message->network.name);
	r = check_table(&message->network, lease_fd, err);
	if (r < 0)
		return r;
	exists = r > 0;
	r = set_sysctl("/proc/sys/net/ipv4/ip_forward", "1", err);
	if (r == 0)
		r = ensure_bridge(message, err);
	if (r == 0)
		r = ensure_rules(message, &census, &owner, exists, err);
	if (r == 0)
		(void)conntrack_forget(&message->ports); /* such an entry ends by itself too */
	return r;
}

/* ---- The container's side ---- */

int host_connect(const struct bridge_message *message, int netns_fd, struct err *err)
{
	const struct bridge_network *network = &message->network;
	const struct bridge_address *address = &message->address;
	const struct link_veth veth = { .name = message->veth,
					.bridge = network->bridge,
					.peer = network->ifname,
					.peer_ns_fd = netns_fd,
					.mac = address->mac,
					.mtu = network->mtu };
	const struct netns_link link = { .name = network->ifname,
					 .mtu = network->mtu,
					 .addr4 = address->ip4,
					 .prefix4 = address->prefix4,
					 .gateway4 = address->gateway4,
					 .has6 = address->has6,
					 .addr6 = address->ip6,
					 .prefix6 = 64,
					 .gateway6 = address->gateway6 };
	int r = link_veth_create(&veth, err);

	if (r < 0)
		return r;
	if (setns(netns_fd, CLONE_NEWNET) < 0)
		return err_set(err, -errno, "cannot enter the container's network namespace");
	r = set_container_sysctls(network, err);
	return r < 0 ? r : netns_link_set(&link, err);
}

/* ---- Taking away ---- */

/* One request for an element that is not there would undo the whole batch. */
static int remove_elements(const struct bridge_message *message, struct err *err)
{
	const struct bridge_network *network = &message->network;
	struct nft_batch batch;

	nft_batch_init(&batch);
	elements_remove(&batch, message);
	return commit(&batch, network, "remove ports", err);
}

static int sweep(const struct bridge_network *network, const struct lease_census *census,
		 struct err *err)
{
	struct nft_batch batch;
	int r = 0;

	nft_batch_init(&batch);
	r = elements_sweep(&batch, network, census);
	if (r < 0) {
		nft_batch_done(&batch);
		/* Whoever flushed the whole ruleset has swept already. */
		return r == -ENOENT ? 0
				    : err_set(err, r, "nftables: cannot read the ports of table %s",
					      network->table);
	}
	return commit(&batch, network, "remove ports of ended containers", err);
}

int host_unpublish(const struct bridge_message *message, struct err *err)
{
	const struct lease_census own = { .stale_count = 1, .stale = { message->number } };
	int r = 0;

	if (message->ports.count == 0)
		return 0;
	r = remove_elements(message, NULL);
	/* A part of them may never have come there, or somebody took them away: look for the rest.
	 */
	if (r == -ENOENT)
		r = sweep(&message->network, &own, err);
	else if (r < 0)
		(void)err_set(err, r, "nftables: cannot remove ports");
	(void)conntrack_forget(&message->ports); /* such an entry ends by itself too */
	return r;
}

static int remove_network(const struct bridge_network *network, int lease_fd, struct err *err)
{
	struct nft_batch batch;
	int r = check_table(network, lease_fd, err);

	/* Another's is not ours to remove, and its bridge goes with it. */
	if (r == -EEXIST)
		return 0;

	if (r > 0) {
		nft_batch_init(&batch);
		rules_delete(&batch, network);
		r = commit(&batch, network, "remove all", err);
	}
	if (r < 0)
		return r;
	r = link_delete(network->bridge);
	return r < 0 ? err_set(err, r, "cannot remove the bridge %s", network->bridge) : 0;
}

static void clear_stale(int lease_fd, const struct lease_census *census)
{
	for (uint32_t i = 0; i < census->stale_count; i++)
		(void)lease_clear(lease_fd, census->stale[i]); /* it is looked at again then */
}

int host_repair(const struct bridge_network *network, int lease_fd, struct err *err)
{
	struct lease_census census = { 0 };
	int r = lease_count(lease_fd, 0, &census);

	if (r < 0)
		return err_set(err, r, "cannot read who is in network %s", network->name);
	if (census.living == 0)
		r = remove_network(network, lease_fd, err);
	else if (census.stale_count > 0)
		r = sweep(network, &census, err);
	if (r == 0)
		clear_stale(lease_fd, &census);
	return r;
}

/* It goes with its namespace, but that may be shared, and outlive the container. */
int host_disconnect(const struct bridge_message *message, struct err *err)
{
	int r = link_delete(message->veth);

	return r < 0 ? err_set(err, r, "cannot remove network interface %s", message->veth) : 0;
}

int host_leave(const struct bridge_message *message, int lease_fd, struct err *err)
{
	int r = lease_clear(lease_fd, message->number);

	return r < 0 ? err_set(err, r, "cannot give the container's address back")
		     : host_repair(&message->network, lease_fd, err);
}
