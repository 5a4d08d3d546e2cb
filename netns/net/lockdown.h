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

/*
 * The injector's: all capabilities but CAP_SYS_PTRACE and (permitted) CAP_NET_BIND_SERVICE, and all
 * system calls but those that it makes. No Landlock: whoever is in such a domain may not look at
 * processes outside of it (ptrace(2)).
 */
int lockdown_enter_injector(struct err *err);

/* The same for the dialer: it keeps CAP_NET_RAW, and has the calls that make a connection alone. */
int lockdown_enter_dialer(const char *const *folders, struct err *err);
