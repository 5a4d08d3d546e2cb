/* SPDX-License-Identifier: Apache-2.0 */
/* Processes: identity that survives pid reuse, waiting, and starting ones that stay. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct err;
struct strv;

/*
 * Start time of a process in clock ticks since boot, field 22 of /proc/PID/stat (proc(5)):
 * with the pid and the boot id it names a process for good. 0 or a negative errno.
 */
int proc_start_time(pid_t pid, uint64_t *ret_ticks);

/* This boot's id, /proc/sys/kernel/random/boot_id: 36 characters and a NUL. */
int proc_boot_id(char ret_id[37]);
/* This machine's id from /etc/machine-id, 32 hex digits; the host name's hash where it is missing.
 */
void proc_machine_id(char ret_id[33]);

/* pidfd_open(2), close-on-exec; a negative errno. */
int proc_pidfd(pid_t pid);
/* pidfd_send_signal(2). 0 or a negative errno (-ESRCH: it has ended). */
int proc_kill(int pidfd, int signal);
/* Waits for a child; returns 0-255 as a shell would report it (128+n for signals) or a negative
 * errno. */
int proc_wait(pid_t pid);

/*
 * What a forked process that stays does first (see docs/architecture.md, "Processes"): setsid,
 * closes all but keep[], /dev/null for 0-2 unless they are in keep[], default signal actions
 * and mask, umask 0022, not dumpable, working directory "/", its command line replaced by
 * title. Must run before any thread. 0 or a negative errno.
 */
int proc_stay(int *keep, size_t keep_count, const char *title);

/*
 * Tells where argv of this process lies so that proc_stay() can overwrite it: a command line
 * may hold secrets and /proc/PID/cmdline is readable by all. Call first in main().
 */
void proc_keep_argv(int argc, char **argv);
/* Overwrites the command line and the thread name now. */
void proc_set_title(const char *title);

/*
 * Sets all signals to their default action and clears the mask. What a process or its parent has
 * reset once is looked at again only if proc_ignore_signal() changed it: a process that forks
 * others must not call signal(2) itself.
 */
void proc_reset_signals(void);
/* Ignores a signal, until proc_reset_signals(). */
void proc_ignore_signal(int signal_number);

/*
 * Runs a program to its end and captures what it wrote: for helpers such as newuidmap. argv is
 * NULL-terminated; found in PATH where it has no slash. Standard input is /dev/null. ret_text
 * (may be NULL) gets its standard output and error, cut at 4 kB, the caller owns it. Returns
 * its exit status as a shell reports it or a negative errno (-ENOENT: no such program).
 */
int proc_run(char *const argv[], char **ret_text);

/*
 * Path of one of our own small programs: ../libexec/bryo/NAME beside the running program, or in
 * its folder (a build tree). -ENOENT where there is none. The caller owns *ret_path.
 */
int proc_libexec(const char *name, char **ret_path);
