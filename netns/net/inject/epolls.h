/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Event sets of the container in which a socket stands already when it is to be replaced: nginx and
 * Netty add theirs before they connect. epoll(7) knows an entry by its file and the number that
 * epoll_ctl(2) was called with, so the new file is entered under the same number, from here.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "netns/net/inject/task.h"

enum {
	EPOLLS_MAX = 2,	     /* sets that one socket is in */
	EPOLLS_TEXT = 65536, /* of a set's entry in /proc: some 800 sockets */
};

struct epolls {
	struct epolls_entry {
		int set; /* our copy */
		uint32_t events;
		uint64_t data;
	} entries[EPOLLS_MAX];
	size_t count;
};
#define EPOLLS_INIT ((struct epolls){ .count = 0 })

/*
 * Makes room for the container's numbers: descriptors of ours that stay are moved up. *fd is closed
 * and replaced. Where it cannot be moved it stays.
 */
void epolls_move_up(int *fd);

/*
 * Finds what the socket `number` with this inode is registered for. 0; -EBUSY when that cannot be
 * told (too many sets, too large a set, a number of ours). epolls_done() in all cases.
 */
int epolls_find(const struct tasks *tasks, struct task *task, int number, ino_t inode,
		struct epolls *ret_epolls);
void epolls_done(struct epolls *epolls);

/* In all of the sets: `old` gives way to `new`, both ours, under that number. 0 or -errno. */
int epolls_exchange(const struct epolls *epolls, int number, int old, int new);
