/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets that whoever started the command hands over (systemd's socket activation,
 * sd_listen_fds(3)): descriptors 3 and up, counted by LISTEN_FDS, meant for process LISTEN_PID,
 * named by LISTEN_FDNAMES. They go on to the container, as with Podman, but for those that serve a
 * published port, which bryo-net takes.
 */
#pragma once

#include <stddef.h>

#include "engine/base/str.h"
#include "netns/port/port.h"

enum { LISTEN_FDS_MAX = 64 };

struct listen_fds {
	int fds[LISTEN_FDS_MAX]; /* not owned: they are this process's to its end */
	size_t count;
	char *names; /* one for each, colons between; NULL: none were given */
};
#define LISTEN_FDS_INIT ((struct listen_fds){ 0 })

void listen_fds_done(struct listen_fds *list);

/*
 * What this process was given. None where LISTEN_PID names another process, or where a descriptor
 * is not there (left over in the environment). They are close-on-exec afterwards: no other program
 * of ours gets them.
 */
void listen_fds_take(struct listen_fds *ret_list);

/*
 * Shares list out: sockets that are bound as a port of ports wants it to ret_ports, all others to
 * ret_rest. The caller owns both.
 */
void listen_fds_split(const struct listen_fds *list, const struct port_list *ports,
		      struct listen_fds *ret_ports, struct listen_fds *ret_rest);

/* LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES as the container shall see them; nothing for none. */
void listen_fds_env(const struct listen_fds *list, struct strv *env);
