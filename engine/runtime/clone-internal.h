/* SPDX-License-Identifier: Apache-2.0 */
/* Forks by clone3(2), for create and exec. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct err;

struct clone_args_internal {
	uint64_t flags; /* CLONE_NEW*, CLONE_PARENT */
	int cgroup_fd;	/* CLONE_INTO_CGROUP; -1: none */
};

/*
 * Like fork(): 0 in the child, the pid in the parent, or a negative errno. *ret_pidfd (may be
 * NULL) gets a close-on-exec pidfd in the parent. The caller has no threads.
 */
pid_t clone_process(const struct clone_args_internal *args, int *ret_pidfd);

/* Keeps a descriptor that came with a message of this kind. False: that kind brings none. */
struct runtime_container;
bool take_descriptor(struct runtime_container *container, uint32_t kind, int fd);

/* The error of the sealed stub, which can tell no more than -errno. */
int start_failed(int64_t value, const char *program, struct err *err);
