/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Holding published ports: see hold.h. Runs in the monitor, in the host's network namespace,
 * before the container is cloned; must leave the process's limits as they were.
 */
#include "netns/port/hold.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "netns/port/port.h"

/* The monitor's own descriptors, beside those that it holds here. */
enum { OTHER_FDS = 128 };

static size_t sockets_needed(const struct port_list *ports, bool ipv6)
{
	size_t count = 0;

	for (size_t i = 0; i < ports->count; i++)
		count += (size_t)ports->maps[i].count *
			 (ipv6 && *ports->maps[i].host_ip == '\0' ? 2 : 1);
	return count;
}

/*
 * A range may need more descriptors than the soft limit allows. The container inherits our limits,
 * so the raised one is for the moment of binding only: what is open stays open. It is moved behind
 * the limit, whose own numbers the rest of the start needs.
 */
static int raise_limit(size_t count, struct rlimit *ret_before)
{
	struct rlimit limit;

	ret_before->rlim_cur = RLIM_INFINITY;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || count + OTHER_FDS <= limit.rlim_cur)
		return 0;
	*ret_before = limit;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit); /* then the socket that is too many says so */
	return (int)ret_before->rlim_cur;
}

static void restore_limit(const struct rlimit *before)
{
	if (before->rlim_cur != RLIM_INFINITY)
		(void)setrlimit(RLIMIT_NOFILE, before);
}

/* To a number from least on. */
static int move_fd(int *fd, int least)
{
	const int moved = fcntl(*fd, F_DUPFD_CLOEXEC, least);

	if (moved < 0)
		return -errno;
	fd_close(fd);
	*fd = moved;
	return 0;
}

/* What comes past the address translation all the same is not kept: nobody would read it. */
static void drop_packets(int fd)
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	const struct sock_fprog program = { .len = 1, .filter = &nothing };

	(void)setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

/*
 * Without SO_REUSEADDR nobody else can bind the port, and without listen(2) a connection that no
 * rule translates (to [::1], which cannot be forwarded) is refused instead of accepted by nobody.
 */
static int bind_plain(const struct port_map *one, int *ret_fd)
{
	struct sockaddr_storage address;
	const socklen_t size = port_address(one->host_ip, one->host_port, &address);
	const int type = (one->proto == PORT_UDP ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC;
	auto_close int fd = socket(address.ss_family, type, 0);

	if (fd < 0)
		return -errno;
	if (address.ss_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){ 1 }, sizeof(int));
	if (one->proto == PORT_UDP)
		drop_packets(fd);
	if (bind(fd, (const struct sockaddr *)&address, size) < 0)
		return -errno;
	*ret_fd = fd_take(&fd);
	return 0;
}

/*
 * A port whose last connections of a host's server still wait for their end (TIME_WAIT) is free for
 * a server: then it is taken as a server takes it.
 */
static int bind_reused(const struct port_map *one, int *ret_fd)
{
	struct sockaddr_storage address;
	const socklen_t size = port_address(one->host_ip, one->host_port, &address);
	auto_close int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (address.ss_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){ 1 }, sizeof(int));
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	if (bind(fd, (const struct sockaddr *)&address, size) < 0 || listen(fd, 1) < 0)
		return -errno;
	*ret_fd = fd_take(&fd);
	return 0;
}

static int hold_one(struct port_hold *hold, const struct port_map *one, struct err *err)
{
	int fd = -1;
	int r = bind_plain(one, &fd);

	if (r == -EADDRINUSE && one->proto == PORT_TCP)
		r = bind_reused(one, &fd);
	if (r == 0 && hold->least > 0)
		r = move_fd(&fd, hold->least);
	if (r < 0) {
		fd_close(&fd);
		return port_explain(one, r, err);
	}
	hold->fds[hold->count++] = fd;
	return 0;
}

/* The two sides of "all addresses". A host without IPv6 has only the first. */
static int hold_all(struct port_hold *hold, struct port_map *one, bool ipv6, struct err *err)
{
	int r = 0;

	(void)strcpy(one->host_ip, "0.0.0.0");
	r = hold_one(hold, one, err);
	if (r < 0 || !ipv6)
		return r;
	(void)strcpy(one->host_ip, "::");
	r = hold_one(hold, one, err);
	return r == -EAFNOSUPPORT || r == -EADDRNOTAVAIL ? 0 : r;
}

static int hold_range(struct port_hold *hold, const struct port_map *map, bool ipv6,
		      struct err *err)
{
	int r = 0;

	for (uint32_t n = 0; n < map->count && r >= 0; n++) {
		struct port_map one = *map;

		one.host_port = (uint16_t)(map->host_port + n);
		one.count = 1;
		r = *one.host_ip == '\0' ? hold_all(hold, &one, ipv6, err)
					 : hold_one(hold, &one, err);
	}
	return r;
}

int port_hold_open(const struct port_list *ports, bool ipv6, struct port_hold *ret_hold,
		   struct err *err)
{
	const size_t needed = sockets_needed(ports, ipv6);
	struct port_hold hold = PORT_HOLD_INIT;
	struct rlimit before;
	int r = 0;

	if (needed == 0) {
		*ret_hold = hold;
		return 0;
	}
	hold.fds = xcalloc(needed, sizeof(*hold.fds));
	hold.least = raise_limit(needed, &before);
	for (size_t i = 0; i < ports->count && r >= 0; i++)
		r = hold_range(&hold, &ports->maps[i], ipv6, err);
	restore_limit(&before);
	if (r < 0) {
		port_hold_done(&hold);
		return r;
	}
	*ret_hold = hold;
	return 0;
}

void port_hold_done(struct port_hold *hold)
{
	for (size_t i = 0; i < hold->count; i++)
		fd_close(&hold->fds[i]);
	free(hold->fds);
	*hold = PORT_HOLD_INIT;
}
