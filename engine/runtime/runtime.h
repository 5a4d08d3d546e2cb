/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OCI runtime as a library: from a spec in memory to a contained process.
 *
 * The caller (the monitor, or bryo-runtime) is single-threaded, and is uid 0 with all
 * capabilities of the user namespace it stands in (README.md of this folder draws the
 * processes). A container's life here:
 *
 *   runtime_create_begin()   clone3; namespaces and their id maps exist: pid is known, so the
 *                            caller can put it into a cgroup and start bryo-net beside it
 *   runtime_create_finish()  the child has set itself up and stands before its exec
 *   runtime_start()          the program runs, or the error why it does not
 *
 * Where nothing has to happen at its door, runtime_create_go() takes the second step's place.
 */
#pragma once

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "engine/runtime/oci.h"

struct cgroup;
struct err;

struct runtime_create_args {
	const struct oci_spec *spec; /* the caller keeps it until runtime_start() is back */
	const char *id;		     /* for hooks' state */
	const char *bundle; /* absolute path, for hooks' state; relative root and mount paths are
			       resolved there; may be NULL where there are none */

	/*
	 * Called in the child, in its new mount namespace, with all capabilities in its user
	 * namespace, before anything is mounted: gives a mount descriptor (fsmount(2),
	 * open_tree(2) with OPEN_TREE_CLONE) of the root file system, not attached anywhere.
	 * NULL: spec->root.path is cloned with all that is mounted below it.
	 */
	int (*open_root)(void *data, int *ret_mount_fd, struct err *err);
	void *open_root_data;

	int stdio[3];	    /* become 0, 1, 2; -1: /dev/null. Not looked at with a terminal */
	int console_socket; /* connected AF_UNIX socket for the terminal's master; -1: it comes back
			       in console_fd */
	int cgroup_fd;	    /* folder of a cgroup v2 to be born in (CLONE_INTO_CGROUP); -1 */
	const int *pass_fds; /* become 3, 4, ... in the container (LISTEN_FDS) */
	size_t pass_fd_count;
	int init_fd; /* a reaper (bryo-init) to run as first process, as `INIT -- ARGS`; -1 */
	int seccomp_cache_fd; /* a private folder for compiled filters; -1: compile each time */
	int seccomp_socket; /* connected AF_UNIX socket that gets the notification listener and the
			       container process state; -1: spec's listenerPath is used */
	/*
	 * A second filter, the caller's own, with SECCOMP_RET_USER_NOTIF in it; its listener comes
	 * back in notify_fd. NULL: none. Not used where the profile notifies itself: the kernel
	 * allows one listener (seccomp(2), EBUSY). Must not stop sendmsg(2), close(2), seccomp(2),
	 * capset(2), execve(2).
	 */
	const struct sock_fprog *notify_filter;
	bool no_own_tcp;      /* with it a Landlock domain that denies TCP connect and bind */
	bool at_once;	      /* runtime_create_go() is going to be used */
	int start_listener;   /* listening AF_UNIX socket: runtime_start() will come from another
				 process through runtime_start_at(); -1: the same process will call it
			       */
	bool no_pivot;	      /* chroot in place of pivot_root, for roots on the initial ramfs */
	bool keep_keyring;    /* do not join a new session keyring */
	bool outlives_caller; /* else it is killed when the caller dies (PR_SET_PDEATHSIG) */
};
#define RUNTIME_CREATE_ARGS_INIT                                                                   \
	.stdio = { -1, -1, -1 }, .console_socket = -1, .cgroup_fd = -1, .init_fd = -1,             \
	.seccomp_cache_fd = -1, .seccomp_socket = -1, .start_listener = -1

struct runtime_container {
	pid_t pid; /* as the caller's pid namespace sees it; a child of the caller */
	int pidfd;
	int console_fd; /* master of the terminal when it has come, else -1 */
	int notify_fd;	/* listener of args' notify_filter when it has come, else -1 */
	/* private */
	int sync_fd;
	const struct runtime_create_args *args;
};
#define RUNTIME_CONTAINER_INIT                                                                     \
	((struct runtime_container){                                                               \
		.pidfd = -1, .console_fd = -1, .notify_fd = -1, .sync_fd = -1 })

/* Closes the descriptors; the process goes on if it was started, else it ends by itself. */
void runtime_container_done(struct runtime_container *container);

/*
 * args must live until runtime_start() is back. On error nothing is left behind: the
 * child, if there was one, is killed and reaped.
 */
int runtime_create_begin(const struct runtime_create_args *args,
			 struct runtime_container *ret_container, struct err *err);

/*
 * Tells the child that it is in its cgroup (so its cgroup namespace can be rooted there), runs
 * the prestart and createRuntime hooks, waits until it is ready. On error the child is killed
 * and reaped.
 */
int runtime_create_finish(struct runtime_container *container, struct err *err);

/*
 * The same without the waiting, for args with at_once: runtime_start() waits for all of it. Saves
 * a way there and back between two processors.
 */
int runtime_create_go(struct runtime_container *container, struct err *err);

/*
 * Lets the child exec and returns when the program runs. Errors keep their kind: ERR_NO_COMMAND
 * (127), ERR_CANNOT_EXEC (126). The child has ended then, and is the caller's to reap.
 * poststart hooks are run after.
 */
int runtime_start(struct runtime_container *container, struct err *err);

/* The same from another process, through a connected socket to start_listener. */
int runtime_start_at(int socket, struct err *err);

struct runtime_exec_args {
	const struct oci_process *process;
	const struct oci_seccomp *seccomp; /* the container's filter; NULL: none */
	const struct oci_linux *linux_; /* the container's, for personality and such; may be NULL */
	pid_t pid;			/* the container's first process */
	int pidfd; /* the same, held by the caller so that it cannot be another */
	int stdio[3];
	int console_socket;
	int cgroup_fd; /* folder of the container's cgroup v2; -1: wherever the caller is */
	const struct cgroup *cgroup; /* whose groups of v1 it enters before all else; may be NULL */
	const int *pass_fds;
	size_t pass_fd_count;
	int seccomp_cache_fd;
	int seccomp_socket;
	const struct sock_fprog *notify_filter; /* as in runtime_create_args */
	bool no_own_tcp;
	bool keep_keyring;
};
#define RUNTIME_EXEC_ARGS_INIT                                                                     \
	.pidfd = -1, .stdio = { -1, -1, -1 }, .console_socket = -1, .cgroup_fd = -1,               \
	.seccomp_cache_fd = -1, .seccomp_socket = -1

/*
 * Runs a process in a running container, in all its namespaces; returns when the program runs.
 * ret_process is a child of the caller. The caller must fork nothing more: its next children may be
 * born into the container's pid namespace (setns(2), CLONE_NEWPID).
 * Errors as runtime_start()'s; nothing is left to reap then.
 */
int runtime_exec(const struct runtime_exec_args *args, struct runtime_container *ret_process,
		 struct err *err);

/*
 * Sends a signal to the first process; with all, to each process of its cgroup
 * (cgroup.procs / cgroup.kill) through cgroup_fd, which may be -1 for containers with a pid
 * namespace of their own, where the first process takes all others along. -ESRCH: has ended.
 */
int runtime_kill(int pidfd, int cgroup_fd, int signal, bool all, struct err *err);

/*
 * Freezes or thaws through the folder of a cgroup v2 (cgroup.freeze) or of a v1 freezer
 * (freezer.state), and waits until the kernel reports it. -EOPNOTSUPP (ERR_UNSUPPORTED) where
 * the folder has neither.
 */
int runtime_freeze(int cgroup_fd, bool frozen, struct err *err);

/*
 * The poststart hooks, which runtime_start() runs itself and the caller of runtime_start_at()
 * has to; a failure stops nothing. Then the poststop hooks. All are run, the first failure is
 * reported.
 */
int runtime_poststart(const struct oci_spec *spec, const char *id, const char *bundle, pid_t pid,
		      struct err *err);
int runtime_poststop(const struct oci_spec *spec, const char *id, const char *bundle,
		     struct err *err);
