/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One container's way into a bridged network and out of it: see bridge.h. Runs in the monitor, in
 * the host's network namespace, as its root. Whoever waits for the container's start or end waits
 * for bryo-bridge for a limited time only.
 */
#include "netns/bridge/bridge.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/proc.h"
#include "engine/base/str.h"
#include "netns/bridge/lease.h"
#include "netns/bridge/message.h"
#include "netns/net-program.h"
#include "netns/netns.h"
#include "netns/route.h"

enum { STOP_MS = 5000, REPAIR_MS = 10000, REPAIR_TRIES = 20 };

struct bridge_network bridge_network_default(void)
{
	struct bridge_network network = {
		.name = "podman",
		.id = "2f259bab93aaaaa2542ba43ef33eb990d0999ee1b9924b557b7be53c0b7a1bb9",
		.bridge = "bryo0",
		.table = "bryo",
		.ifname = "eth0",
		.net4 = { htonl(0x0a580000) }, /* 10.88.0.0 */
		.prefix4 = 16,
		.moves = true,
		.ipv6 = true,
		/* fd62:7279:6f01::, beside the one of bryo-net */
		.net6 = { { { 0xfd, 0x62, 0x72, 0x79, 0x6f, 0x01 } } },
	};

	return network;
}

/* ---- What the host has ---- */

/*
 * IPv6 is offered where the host forwards it already. We do not switch that on: a forwarding host
 * stops to take router advertisements (accept_ra of ip-sysctl) and loses its own address and
 * default route some minutes later, which nobody would trace back to a container.
 */
static bool offers_ipv6(const struct bridge_network *network)
{
	auto_free char *text = NULL;

	return network->ipv6 && netns_has_ipv6() &&
	       file_read_at(AT_FDCWD, "/proc/sys/net/ipv6/conf/all/forwarding", 16, &text, NULL) ==
		       0 &&
	       text[0] == '1';
}

static bool is_routed(void *data, struct in_addr net4, uint8_t prefix4)
{
	return route_list_meets(data, net4, prefix4);
}

/* ---- bryo-bridge ---- */

static int helper_program(char **ret_path, struct err *err)
{
	if (proc_libexec("bryo-bridge", ret_path) == 0)
		return 0;
	(void)err_say(err, ERR_UNSUPPORTED, "cannot find the program bryo-bridge beside bryo");
	(void)err_hint(err, "Install it with make install, or use --network=slirp4netns");
	return -ENOENT;
}

/* An open description of its own: a lock of ours must not count as bryo-bridge's. */
static int open_lease_for_helper(int run_fd, const char *network, int *ret_fd, struct err *err)
{
	auto_close int fd = -1;
	int r = lease_open(run_fd, network, &fd, err);

	if (r < 0)
		return r;
	/* Above where the two descriptors go: see net_spawn(). */
	*ret_fd = fcntl(fd, F_DUPFD_CLOEXEC, BRIDGE_LEASE_FD + 1);
	return *ret_fd < 0
		       ? err_set(err, -errno, "cannot open the addresses of network %s", network)
		       : 0;
}

static int start_helper(int run_fd, const struct bridge_message *message,
			struct net_process *ret_helper, struct err *err)
{
	struct net_process helper = NET_PROCESS_INIT;
	auto_free char *program = NULL;
	auto_free char *text = bridge_message_text(message);
	auto_close int near = -1;
	auto_close int far = -1;
	auto_close int lease = -1;
	int ends[2] = { -1, -1 };
	int r = helper_program(&program, err);

	if (r == 0)
		r = open_lease_for_helper(run_fd, message->network.name, &lease, err);
	if (r < 0)
		return r;
	r = fd_socketpair(SOCK_SEQPACKET, ends);
	if (r < 0)
		return err_set(err, r, "cannot make a socket for bryo-bridge");
	near = ends[0];
	far = ends[1];
	r = net_send_settings(near, text, NULL, 0);
	if (r < 0)
		return err_set(err, r, "cannot send bryo-bridge its settings");
	r = net_spawn(program, (const int[]){ far, lease }, 2, &helper.pid);
	if (r < 0)
		return err_set(err, r, "cannot start %s", program);
	helper.fd = fd_take(&near);
	*ret_helper = helper;
	return 0;
}

static void reap_helper(struct net_process *helper)
{
	/* In this order: its end of the socket tells the helper that we are there. */
	net_reap(helper);
	fd_close(&helper->fd);
}

static struct bridge_message message_of(const struct bridge *bridge, enum bridge_task task)
{
	struct bridge_message message = { .task = task,
					  .network = bridge->network,
					  .address = bridge->address,
					  .number = bridge->number,
					  .ports = bridge->ports }; /* lent */

	memcpy(message.id, bridge->id, sizeof(message.id));
	memcpy(message.veth, bridge->veth, sizeof(message.veth));
	return message;
}

/* ---- Start ---- */

static int repair_network(int run_fd, const struct bridge_network *network, struct err *err)
{
	const struct bridge_message message = { .task = BRIDGE_REPAIR, .network = *network };
	struct net_process helper = NET_PROCESS_INIT;
	int r = start_helper(run_fd, &message, &helper, err);

	if (r == 0)
		r = net_read_report(helper.fd, "bryo-bridge", REPAIR_MS, err);
	if (r == -ETIMEDOUT)
		(void)kill(helper.pid, SIGKILL); /* our child until we reap it */
	reap_helper(&helper);
	return r;
}

static int take_address(struct bridge *bridge, const struct bridge_args *args, struct err *err)
{
	struct route_list routes auto_done(route_list) = ROUTE_LIST_INIT;
	struct lease_args lease = { .wish = args->wish,
				    .ipv6 = offers_ipv6(args->network),
				    .is_taken = is_routed,
				    .data = &routes };
	int r = lease_open(args->run_fd, args->network->name, &bridge->lease_fd, err);

	/* What a killed monitor left: its ports must not lead to whoever has its address next. */
	if (r == 0 && lease_has_stale(bridge->lease_fd))
		r = repair_network(args->run_fd, args->network, err);
	if (r < 0)
		return r;
	r = route_list_read(args->network->bridge, &routes);
	if (r < 0)
		return err_set(err, r, "cannot read this host's routes");
	/* Larger packets than the way out takes would rely on ICMP that many networks drop. */
	if (bridge->network.mtu == 0)
		bridge->network.mtu = route_list_mtu(&routes);
	lease.fd = bridge->lease_fd;
	r = lease_take(&lease, &bridge->network, &bridge->address, err);
	if (r < 0)
		return r;
	bridge->number = (uint32_t)r;
	return 0;
}

static int check_family(const struct bridge *bridge, const struct bridge_args *args,
			struct err *err)
{
	if (bridge->address.has6)
		return 0;
	for (size_t i = 0; i < args->ports->count; i++)
		if (strchr(args->ports->maps[i].host_ip, ':'))
			return err_say(
				err, ERR_UNSUPPORTED,
				"cannot publish a port on [%s]: network %s has no IPv6 while "
				"net.ipv6.conf.all.forwarding is 0 on this host",
				args->ports->maps[i].host_ip, args->network->name);
	return 0;
}

static int bring_up(struct bridge *bridge, const struct bridge_args *args, struct err *err)
{
	struct bridge_message message = BRIDGE_MESSAGE_INIT;
	int r = take_address(bridge, args, err);

	if (r == 0)
		r = check_family(bridge, args, err);
	if (r == 0)
		r = port_hold_open(args->ports, bridge->address.has6, &bridge->hold, err);
	if (r < 0)
		return r;
	port_list_add_all(&bridge->ports, args->ports);
	message = message_of(bridge, BRIDGE_UP);
	return start_helper(args->run_fd, &message, &bridge->helper, err);
}

static char *moved_note(const struct bridge *bridge, const struct bridge_args *args)
{
	char from[INET_ADDRSTRLEN];
	char to[INET_ADDRSTRLEN];

	if (bridge->network.net4.s_addr == args->network->net4.s_addr)
		return NULL;
	return xasprintf(
		"network %s lies in %s/%u: this host routes %s/%u elsewhere", args->network->name,
		inet_ntop(AF_INET, &bridge->network.net4, to, sizeof(to)), bridge->network.prefix4,
		inet_ntop(AF_INET, &args->network->net4, from, sizeof(from)),
		args->network->prefix4);
}

int bridge_start(const struct bridge_args *args, struct bridge *ret_bridge, char **ret_note,
		 struct err *err)
{
	struct bridge bridge = { .network = *args->network,
				 .run_fd = args->run_fd,
				 .lease_fd = -1,
				 .pinned = args->wish->ip4.s_addr != INADDR_ANY || args->wish->has6,
				 .helper = NET_PROCESS_INIT };
	int r = 0;

	if (args->wish->has6 && !offers_ipv6(args->network))
		return err_say(err, ERR_UNSUPPORTED,
			       "--ip6: network %s has no IPv6 while net.ipv6.conf.all.forwarding "
			       "is 0 on this host",
			       args->network->name);
	(void)snprintf(bridge.id, sizeof(bridge.id), "%s", args->id);
	(void)memcpy(bridge.veth, "veth", 4);
	/* Not numbered: the one before it may take a while longer than its container to go. */
	str_random_hex(bridge.veth + 4, 8);
	r = bring_up(&bridge, args, err);
	if (r < 0) {
		bridge_stop(&bridge);
		bridge_reap(&bridge);
		return r;
	}
	if (ret_note)
		*ret_note = moved_note(&bridge, args);
	*ret_bridge = bridge;
	return 0;
}

int bridge_attach(struct bridge *bridge, int netns_fd, struct err *err)
{
	const char message = NET_MESSAGE_ATTACH;
	int r = fd_send(bridge->helper.fd, &message, 1, &netns_fd, 1);

	/* It ended already: its last words, if there are any, tell why. */
	if (r == -EPIPE || r == -ECONNRESET)
		return bridge_wait_ready(bridge, 0, err);
	if (r < 0)
		return err_set(err, r, "cannot pass bryo-bridge the container's network namespace");
	return 0;
}

/* A kernel without one of the parts, or a root that may not change its host's network. */
static bool host_cannot(int code)
{
	return code == -EPERM || code == -EACCES || code == -EROFS || code == -EOPNOTSUPP ||
	       code == -EPROTONOSUPPORT || code == -EAFNOSUPPORT;
}

int bridge_wait_ready(struct bridge *bridge, int timeout_ms, struct err *err)
{
	int r = net_read_report(bridge->helper.fd, "bryo-bridge", timeout_ms, err);

	if (r < 0 && err && host_cannot(r))
		(void)err_hint(err, "Where a host cannot have a bridged network, "
				    "--network=slirp4netns needs none of it");
	if (r < 0)
		return r;
	/* It ends now, which takes it a while (nft.c); the monitor's loop reaps what ends. */
	fd_close(&bridge->helper.fd);
	bridge->helper.pid = 0;
	return 0;
}

/* ---- End ---- */

/* One that is still at work hears the end of file, and gets a moment to end by itself. */
static void end_helper(struct bridge *bridge)
{
	if (bridge->helper.fd >= 0) {
		(void)shutdown(bridge->helper.fd, SHUT_WR);
		(void)net_read_report(bridge->helper.fd, "bryo-bridge", STOP_MS, NULL);
		if (bridge->helper.pid > 0)
			(void)kill(bridge->helper.pid, SIGKILL); /* our child until we reap it */
	}
	reap_helper(&bridge->helper);
}

void bridge_stop(struct bridge *bridge)
{
	const struct bridge_message message = message_of(bridge, BRIDGE_DOWN);
	const int keep_errno = errno;

	/* Stopped already: the helper that runs is the one that takes it down. */
	if (bridge->number == 0)
		return;
	end_helper(bridge);
	/* One that fails leaves the byte set, by which the next start or repair finds the rest. */
	if (start_helper(bridge->run_fd, &message, &bridge->helper, NULL) == 0 &&
	    bridge->ports.count > 0)
		(void)net_read_report(bridge->helper.fd, "bryo-bridge", STOP_MS, NULL);
	port_hold_done(&bridge->hold);
	bridge->number = 0;
	if (bridge->pinned)
		bridge_reap(bridge);
	errno = keep_errno;
}

void bridge_reap(struct bridge *bridge)
{
	const int keep_errno = errno;

	reap_helper(&bridge->helper);
	fd_close(&bridge->lease_fd);
	port_list_done(&bridge->ports);
	errno = keep_errno;
}

/* ---- What was left behind ---- */

void bridge_repair(int run_fd, bool expected)
{
	const struct bridge_network network = bridge_network_default();
	const struct timespec moment = { .tv_nsec = 1000000 };
	auto_close int fd = -1;
	int tries = expected ? REPAIR_TRIES : 1;

	/* Named networks come with their own list; a file that is not there yet costs one look. */
	if (faccessat(run_fd, "networks", F_OK, 0) < 0 ||
	    lease_open(run_fd, network.name, &fd, NULL) < 0)
		return;
	while (!lease_has_stale(fd)) {
		if (--tries == 0)
			return;
		(void)nanosleep(&moment, NULL); /* cut short by a signal is fine */
	}
	(void)repair_network(run_fd, &network, NULL); /* the next command repairs it again */
}
