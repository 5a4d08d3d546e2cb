/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shuts a process in that parses bytes of strangers and writes files: it sees one folder, may start
 * no program, open no socket, and holds no capability but the named ones. For single-threaded
 * processes of our own making; there is no way back.
 */
#pragma once

#include <stddef.h>

struct err;

struct sandbox_args {
	/* Becomes "/" (chroot(2), where CAP_SYS_CHROOT is held) and the only folder that Landlock
	 * (landlock(7), where the kernel has it, ABI 2 or newer) lets the process touch. Files and
	 * folders that are open already stay usable. */
	int folder_fd;
	const int *capabilities; /* CAP_*, to keep if they are held */
	size_t capability_count;
};

/*
 * no_new_privs, chroot, Landlock, capabilities, a seccomp filter (an allow-list; all else gives
 * EPERM), in this order. 0, or a negative errno with err set when what must hold does not: the
 * process must then end. At least one of chroot and Landlock must work.
 */
int sandbox_enter(const struct sandbox_args *args, struct err *err);

/* ---- Its parts, for who has more than one folder to be shut into ---- */

/* Drops all capabilities but these, of which only those that are held stay. A negative errno. */
int sandbox_keep_capabilities(const int *capabilities, size_t count);

/*
 * Allows these system calls, and clone(2) for threads but no namespaces; all else gives EPERM. more
 * (may be NULL) adds rules that look at arguments; filter is a scmp_filter_ctx. A negative errno.
 */
int sandbox_filter(const char *const *names, size_t count, int (*more)(void *filter));
