/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The prison that bryo-net goes into before it looks at the first frame: it parses hostile packets,
 * and needs nothing but its sockets.
 */
#pragma once

struct err;

/*
 * Gives up all capabilities, forbids new ones, forbids the file system but for reading below the
 * folders given (Landlock, where the kernel has it), and all system calls but those of a network
 * stack (seccomp). Checks that capabilities are gone. folders is NULL-terminated.
 */
int lockdown_enter(const char *const *folders, struct err *err);
