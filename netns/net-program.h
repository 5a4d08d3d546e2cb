/* SPDX-License-Identifier: Apache-2.0 */
/* Starting a network program and hearing from it: what bryo-net and bryo-bridge have in common. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

struct err;

/*
 * Starts program with /dev/null as 0-2 and fds[] from NET_SOCKET_FD on; all else is closed, the
 * environment empty, the session its own. No fds[i] may stand where an earlier one goes to. 0 or a
 * negative errno; the child is the caller's.
 */
int net_spawn(const char *program, const int *fds, size_t fd_count, pid_t *ret_pid);

/*
 * Sends the settings as one datagram, at most NET_MESSAGE_MAX bytes, with descriptors. 0 or a
 * negative errno.
 */
int net_send_settings(int sock, const char *text, const int *fds, size_t count);

/*
 * Waits for the program's one report, a struct err. 0 (it is ready), what it reported, -ETIMEDOUT,
 * or that it ended without a word. name is for the sentence.
 */
int net_read_report(int fd, const char *name, int timeout_ms, struct err *err);
