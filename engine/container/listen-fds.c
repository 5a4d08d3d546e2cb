/* SPDX-License-Identifier: Apache-2.0 */
/* Inherited sockets: see listen-fds.h. Runs in the command, and in the keeper. */
#include "engine/container/listen-fds.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/alloc.h"

enum { FIRST_FD = 3 };

void listen_fds_done(struct listen_fds *list)
{
	free(list->names);
	*list = LISTEN_FDS_INIT;
}

void listen_fds_take(struct listen_fds *ret_list)
{
	uint32_t count = 0;
	uint32_t pid = 0;

	*ret_list = LISTEN_FDS_INIT;
	if (str_to_u32(str_or(getenv("LISTEN_PID"), ""), &pid) < 0 || (pid_t)pid != getpid() ||
	    str_to_u32(str_or(getenv("LISTEN_FDS"), ""), &count) < 0 || count > LISTEN_FDS_MAX)
		return;
	for (uint32_t i = 0; i < count; i++)
		if (fcntl((int)i + FIRST_FD, F_GETFD) < 0)
			return;
	for (uint32_t i = 0; i < count; i++) {
		ret_list->fds[i] = (int)i + FIRST_FD;
		(void)fcntl(ret_list->fds[i], F_SETFD, FD_CLOEXEC); /* it is open: cannot fail */
	}
	ret_list->count = count;
	ret_list->names = xstrdup(getenv("LISTEN_FDNAMES"));
}

static void add(struct listen_fds *list, int fd, const char *name)
{
	char *names = NULL;

	list->fds[list->count++] = fd;
	if (!name)
		return;
	names = list->names ? xasprintf("%s:%s", list->names, name) : xstrdup(name);
	free(list->names);
	list->names = names;
}

void listen_fds_split(const struct listen_fds *list, const struct port_list *ports,
		      struct listen_fds *ret_ports, struct listen_fds *ret_rest)
{
	struct strv names auto_done(strv) = STRV_INIT;

	*ret_ports = LISTEN_FDS_INIT;
	*ret_rest = LISTEN_FDS_INIT;
	if (list->names)
		strv_split(&names, list->names, ':');
	for (size_t i = 0; i < list->count; i++)
		add(port_list_has_socket(ports, list->fds[i]) ? ret_ports : ret_rest, list->fds[i],
		    i < names.count ? names.v[i] : NULL);
}

void listen_fds_env(const struct listen_fds *list, struct strv *env)
{
	if (list->count == 0)
		return;
	strv_addf(env, "LISTEN_FDS=%zu", list->count);
	strv_add(env, "LISTEN_PID=1"); /* bryo-init puts its child's in its place */
	if (list->names)
		strv_addf(env, "LISTEN_FDNAMES=%s", list->names);
}
