/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets in the container's network namespace: see inside.h. Runs in bryo-net before its sandbox,
 * and in a child of it that enters the namespace.
 */
#include "netns/net/inside.h"

#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/str.h"
#include "netns/port/port.h"

/* What the child is told and what it leaves; it shares the caller's memory. */
struct inside_plan {
	int netns_fd;
	const struct port_list *ports;
	struct inside_socket *sockets;
	size_t count;
	int result;
	struct err *err;
};

static int open_one(int family, uint16_t port, int *ret_fd)
{
	const struct sockaddr_in four = { .sin_family = AF_INET,
					  .sin_port = htons(port),
					  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	const struct sockaddr_in6 six = { .sin6_family = AF_INET6,
					  .sin6_port = htons(port),
					  .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	const struct sockaddr *const address =
		family == AF_INET ? (const void *)&four : (const void *)&six;
	auto_close int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	if (bind(fd, address, family == AF_INET ? sizeof(four) : sizeof(six)) < 0 ||
	    listen(fd, SOMAXCONN) < 0)
		return -errno;
	*ret_fd = fd_take(&fd);
	return 0;
}

static int add(struct inside_plan *plan, int family, uint16_t container_port, uint16_t host_port)
{
	struct inside_socket one = { .fd = -1, .family = family, .host_port = host_port };
	int r = 0;

	if (plan->count == INSIDE_MAX)
		return err_say(plan->err, ERR_UNSUPPORTED,
			       "more than %d ports of the host's loopback in one container",
			       INSIDE_MAX / 2);
	r = open_one(family, container_port, &one.fd);
	if (r < 0)
		return err_set(plan->err, r, "cannot listen on port %u of the container's loopback",
			       container_port);
	plan->sockets[plan->count++] = one;
	return 0;
}

static bool no_ipv6(int code)
{
	return code == -EAFNOSUPPORT || code == -EADDRNOTAVAIL;
}

static int add_range(struct inside_plan *plan, const struct port_map *map)
{
	const bool four = *map->host_ip == '\0' || str_eq(map->host_ip, "127.0.0.1");
	const bool six = *map->host_ip == '\0' || str_eq(map->host_ip, "::1");
	int r = 0;

	for (uint32_t n = 0; n < map->count && r == 0; n++) {
		const uint16_t container = (uint16_t)(map->container_port + n);
		const uint16_t host = (uint16_t)(map->host_port + n);

		if (four)
			r = add(plan, AF_INET, container, host);
		if (r == 0 && six)
			r = add(plan, AF_INET6, container, host);
		/* A host without IPv6 has the other half. */
		if (no_ipv6(r) && four)
			r = 0;
	}
	return r;
}

static int listen_inside(struct inside_plan *plan)
{
	int r = 0;

	if (setns(plan->netns_fd, CLONE_NEWNET) < 0)
		return err_set(plan->err, -errno, "cannot enter the container's network namespace");
	for (size_t i = 0; i < plan->ports->count && r == 0; i++)
		r = add_range(plan, &plan->ports->maps[i]);
	return r;
}

/*
 * Stage: set-up child. Runs with bryo-net's memory and descriptors and root's capabilities in the
 * container's user namespace, enters its network namespace, makes sockets, ends. It must not touch
 * the heap or return. Gained by the next stage: plan->sockets.
 */
static int child(void *data)
{
	struct inside_plan *plan = data;

	plan->result = listen_inside(plan);
	_exit(0);
}

int inside_listen(int netns_fd, const struct port_list *ports, struct inside_socket *ret_sockets,
		  size_t *ret_count, struct err *err)
{
	_Alignas(16) char stack[32768];
	struct inside_plan plan = { .netns_fd = netns_fd,
				    .ports = ports,
				    .sockets = ret_sockets,
				    .result = -ECHILD,
				    .err = err };
	pid_t pid = 0;

	*ret_count = 0;
	if (ports->count == 0)
		return 0;
	pid = clone(child, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD,
		    &plan);
	if (pid < 0)
		return err_set(err, -errno, "cannot start the set-up of the container's sockets");
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (plan.result == -ECHILD)
		return err_say(err, ERR_FAILED, "the set-up of the container's sockets was killed");
	for (size_t i = 0; plan.result < 0 && i < plan.count; i++)
		fd_close(&ret_sockets[i].fd);
	if (plan.result == 0)
		*ret_count = plan.count;
	return plan.result;
}
