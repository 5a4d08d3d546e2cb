/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container's first process will do, made ready by the caller before it clones, so that
 * the child looks up, compiles and allocates as little as may be. Internal to the folder.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "engine/runtime/mount-options.h"
#include "engine/runtime/oci.h"
#include "engine/runtime/runtime.h"
#include "engine/runtime/seccomp.h"

struct err;

/* The way of one program from a fork inside the namespaces to execve: create and exec share it. */
struct process_plan {
	const struct oci_process *process;
	const struct oci_linux *linux_; /* personality, memory policy; may be NULL */
	struct seccomp_filter filter;
	const struct sock_fprog *notify_filter; /* the caller's own; NULL: none */
	bool no_own_tcp;
	const char *listener_metadata; /* of the notification listener */
	char *listener_state;	       /* JSON that goes with it, made by the child */
	int seccomp_socket;	       /* where it goes; owned only if listener_path made it */
	bool own_seccomp_socket;
	int stdio[3]; /* borrowed, -1: /dev/null */
	int null_fd;  /* the real /dev/null of the host, checked */
	const int *pass_fds;
	size_t pass_fd_count;
	int init_fd;	  /* the reaper, from a read-only mount of its own; -1: none */
	int proc_fd;	  /* the caller's /proc, checked to be procfs: the child trusts no other */
	int exe_fd;	  /* O_PATH of our own program */
	int slave_fd;	  /* the terminal, once the child has made it */
	int status_fd;	  /* the caller's line; close-on-exec, so its end says "it runs" */
	bool first;	  /* container's first process: a missing working directory is made */
	bool shared_pids; /* others can see us before exec */
	bool keep_keyring;
	bool dies_with_caller;
	struct strv env; /* the process's, and HOME where it lacks */
	char *program;	 /* found in PATH by process_prepare() */
};
#define PROCESS_PLAN_INIT                                                                          \
	.seccomp_socket = -1, .stdio = { -1, -1, -1 }, .null_fd = -1, .init_fd = -1,               \
	.proc_fd = -1, .exe_fd = -1, .slave_fd = -1, .status_fd = -1
void process_plan_done(struct process_plan *plan);

struct mount_plan {
	const struct oci_mount *mount;
	struct mount_options options;
	int source_fd; /* a detached clone made by the caller, -1: the child makes it */
};

struct plan {
	const struct runtime_create_args *args;
	const struct oci_spec *spec;
	struct process_plan process;
	OCI_LIST(struct mount_plan) mounts;
	unsigned long new_flags; /* CLONE_NEW* for clone3 */
	bool new_user;
	bool joins;  /* some namespace is another's: a go-between is needed */
	int root_fd; /* child: the root file system's mount */
	int sync_fd;
};
#define PLAN_INIT ((struct plan){ .process = { PROCESS_PLAN_INIT }, .root_fd = -1, .sync_fd = -1 })
void plan_done(struct plan *plan);

/* Looks everything up. 0 or an error that names the field. */
int plan_make(const struct runtime_create_args *args, struct plan *ret_plan, struct err *err);

/* Refuses by name what this runtime or this host cannot do, and what contradicts itself. */
int spec_validate(const struct oci_spec *spec, struct err *err);

/* The part of the plan that exec needs too. */
int process_plan_open(struct process_plan *plan, struct err *err);
int process_plan_seccomp(struct process_plan *plan, const struct oci_seccomp *seccomp, int cache_fd,
			 struct err *err);

/* Opens the other end's socket for a listener (seccomp.listenerPath) where none is given. */
int listener_open(struct process_plan *plan, const struct oci_seccomp *seccomp, struct err *err);
/*
 * In the child, while the caller's procfs is open: what goes with the listener. state_text is
 * the container's state (JSON) or NULL.
 */
void listener_describe(struct process_plan *plan, const char *state_text);

/* The pid that the caller's procfs knows this process by; 0 when it does not. */
pid_t outer_pid(const struct process_plan *plan);

/* init.c: all of the child's life; never returns. */
_Noreturn void init_main(struct plan *plan);

/* process.c: see there. */
int process_prepare(struct process_plan *plan, struct err *err);
int process_exec(struct process_plan *plan, struct err *err);
