/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Another OCI runtime (crun, runc) in place of this library: --runtime. The same steps as
 * runtime.h, by the command line that such programs share (runtime-spec's runtime.md names the
 * operations; crun(1) and runc(8) the flags): create, start, exec, delete.
 *
 * Signals and freezing are not among them: the container's first process is a child of ours
 * that we hold by pidfd, and its cgroup is one that we made, so both go to the kernel directly,
 * without a program between that could meet another process under the same number.
 *
 * Each call runs in a mount namespace of its own, in which a fresh tmpfs lies on the bundle
 * folder: config.json, root file system, pid file, console socket and log are there, are seen
 * by this one call, and go with it, whoever is killed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/str.h"
#include "engine/runtime/oci.h"
#include "engine/runtime/runtime.h"

struct err;

/* Whom to call, for which container. Strings stay the caller's. */
struct foreign {
	const char *program;	  /* absolute path */
	const struct strv *flags; /* global options as they are passed on: "--debug" */
	const char *state_root;	  /* absolute: the runtime's records (--root), made when missing */
	const char *bundle;	  /* absolute path of an empty folder, made when missing */
	const char *id;
};

struct foreign_create_args {
	const struct foreign *foreign;
	const struct oci_spec *spec;
	int root_fd;	    /* an unattached mount: the root file system. Stays the caller's */
	int stdio[3];	    /* become 0, 1, 2; -1: /dev/null. Not looked at with a terminal */
	const char *cgroup; /* below the cgroup2 mount, of a host that has this alone; NULL: none */
};
#define FOREIGN_CREATE_ARGS_INIT .stdio = { -1, -1, -1 }

/*
 * Has the container made and its first process wait before its program. That is a child of ours
 * then (the caller is a subreaper, PR_SET_CHILD_SUBREAPER): ret_process has pid, pidfd, and the
 * terminal's master. Limits are the caller's to apply: of spec's resources only the device rules
 * are passed on. On error nothing is left, and the sentence is the runtime's own, with its name;
 * kinds as runtime_start()'s, told from the sentence as Podman does.
 */
int foreign_create(const struct foreign_create_args *args, struct runtime_container *ret_process,
		   struct err *err);

/* Lets the program run. */
int foreign_start(const struct foreign *foreign, struct err *err);

/* Kills what is left of the container and takes the runtime's record away; no record is fine. */
int foreign_delete(const struct foreign *foreign, struct err *err);

struct foreign_exec_args {
	const struct foreign *foreign;
	const struct oci_process *process;
	int stdio[3];	     /* as above */
	const int *pass_fds; /* become 3, 4, ... */
	size_t pass_fd_count;
};
#define FOREIGN_EXEC_ARGS_INIT .stdio = { -1, -1, -1 }

/* As runtime_exec(). The caller becomes a subreaper. */
int foreign_exec(const struct foreign_exec_args *args, struct runtime_container *ret_process,
		 struct err *err);
