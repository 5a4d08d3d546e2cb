/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control groups: what the host allows, a group per container, limits, figures, freeze and kill.
 *
 * cgroup v2 is meant wherever nothing else is said (Documentation/admin-guide/cgroup-v2.rst); v1
 * hierarchies are used beside it where the caller may write them (real root). A rootless caller may
 * use what was delegated to it: on systemd hosts a transient scope per container with Delegate=yes
 * (program bryo-scope asks for it), else a folder that it owns; in a batch job a folder below its
 * own group. Where nothing is delegated the container runs without a group of its own, and every
 * limit that was asked for is given back as a sentence that says why it cannot be kept.
 *
 * Touches no group but those it made, except that it may enable controllers in the
 * cgroup.subtree_control of the folder it makes groups in, where the caller owns that.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "engine/base/str.h"

struct err;

enum cgroup_layout {
	CGROUP_LAYOUT_NONE,   /* no cgroup file system at all */
	CGROUP_LAYOUT_V1,     /* v1 hierarchies only */
	CGROUP_LAYOUT_HYBRID, /* v1 controllers, an empty cgroup2 beside them: freeze and kill work
			       */
	CGROUP_LAYOUT_V2,
};

enum cgroup_manager {
	CGROUP_MANAGER_NONE,	 /* no group can be made; containers stay in the caller's */
	CGROUP_MANAGER_CGROUPFS, /* folders made directly */
	CGROUP_MANAGER_SYSTEMD,	 /* a transient scope per container */
};
const char *cgroup_manager_name(enum cgroup_manager manager); /* "", "cgroupfs", "systemd" */

enum cgroup_controllers {
	CGROUP_CPU = 1 << 0,
	CGROUP_CPUSET = 1 << 1,
	CGROUP_MEMORY = 1 << 2,
	CGROUP_IO = 1 << 3, /* v1: blkio */
	CGROUP_PIDS = 1 << 4,
	CGROUP_HUGETLB = 1 << 5,
	CGROUP_DEVICES = 1 << 6, /* v1 only; on v2 it is a BPF program */
	CGROUP_FREEZER = 1 << 7, /* v1 only; on v2 part of the core */
	CGROUP_CPUACCT = 1 << 8, /* v1 only */
};
#define CGROUP_KINDS 9
/* "cpu", "memory", ...: comma-separated names for `info`; the caller frees. */
char *cgroup_controllers_text(unsigned int controllers);

#define CGROUP_PATH_MAX 1024

/* What this host allows this caller. A plain value. */
struct cgroup_host {
	enum cgroup_layout layout;
	enum cgroup_manager manager; /* the best that is possible */
	unsigned int v2;	     /* controllers that a group of ours could have */
	unsigned int v1;	     /* v1 hierarchies that we may write */
	char mount[64];		     /* where cgroup2 is mounted, "" for none */
	char own[CGROUP_PATH_MAX];   /* our own group, below mount: "/user.slice/..." */
	char base[CGROUP_PATH_MAX]; /* cgroupfs: the folder, below mount, to make groups in; "" none
				     */
	char reason[200]; /* why there are no limits, for a sentence; "" when all is well */
};

/*
 * Looks (a few system calls, nothing is changed). rootless: whether the caller is not real root:
 * decides which systemd to ask. 0; a host without cgroups is no error.
 */
int cgroup_host_probe(bool rootless, struct cgroup_host *ret_host);

/* ---- systemd's scope: asked for early, awaited late ---- */

struct cgroup_scope {
	pid_t pid; /* the helper, -1 when none runs */
	int reader;
};
#define CGROUP_SCOPE_INIT ((struct cgroup_scope){ -1, -1 })

/*
 * Executes program (bryo-scope) which asks systemd for "bryo-ID.scope" around process pid, in slice
 * (NULL: user.slice for a user, machine.slice for root). Does not wait.
 */
int cgroup_scope_start(const char *program, const char *id, pid_t pid, const char *slice,
		       bool rootless, struct cgroup_scope *ret_scope, struct err *err);
/*
 * Waits for it (systemd answers within milliseconds; 25 s at most). Afterwards pid is in the scope.
 * A failure is an error with systemd's own words; the caller may go on with cgroupfs or none.
 */
int cgroup_scope_wait(struct cgroup_scope *scope, struct err *err);
void cgroup_scope_done(struct cgroup_scope *scope);

/* ---- Limits: the OCI runtime spec's linux.resources, in its own units ---- */

struct cgroup_device {
	bool allow;
	char type;     /* 'a', 'c' or 'b' */
	int64_t major; /* -1: any */
	int64_t minor;
	char access[4]; /* of "rwm" */
};
struct cgroup_device_rate {
	uint32_t major, minor;
	uint64_t rate; /* bytes or operations a second; weights: 1-1000 */
};
struct cgroup_hugepage {
	const char *size; /* "2MB" */
	uint64_t limit;
};

#define CGROUP_UNSET INT64_MIN
struct cgroup_limits {
	/* Bytes; -1 is "no limit"; CGROUP_UNSET where nothing was asked. swap is memory plus swap.
	 */
	int64_t memory;
	int64_t memory_reservation;
	int64_t memory_swap;
	int64_t memory_swappiness; /* v1 only */
	int64_t memory_kernel;	   /* v1 only, long ignored by kernels */
	bool oom_kill_disable;	   /* v1 only */
	int64_t cpu_shares;	   /* 2-262144 */
	int64_t cpu_quota;	   /* microseconds a period; -1 none */
	int64_t cpu_period;
	int64_t cpu_burst;
	int64_t cpu_idle;
	int64_t cpu_rt_runtime; /* v1 only */
	int64_t cpu_rt_period;
	const char *cpus; /* "0-3,8", NULL unset */
	const char *mems;
	int64_t pids;	   /* -1 none */
	int64_t io_weight; /* 10-1000 */
	const struct cgroup_device_rate *io_weights;
	size_t io_weight_count;
	/* In this order: read bytes, write bytes, read operations, write operations. */
	const struct cgroup_device_rate *io_max[4];
	size_t io_max_count[4];
	const struct cgroup_hugepage *hugepages;
	size_t hugepage_count;
	const char *const *unified;	     /* pairs: file name, content; v2 only */
	size_t unified_count;		     /* pairs */
	const struct cgroup_device *devices; /* rules in order, later ones win; NULL: none */
	size_t device_count;
};
/* Everything unset. */
extern const struct cgroup_limits cgroup_limits_none;

/* ---- A container's group ---- */

struct cgroup {
	int fd;			    /* its cgroup2 folder, for CLONE_INTO_CGROUP; -1: none */
	char path[CGROUP_PATH_MAX]; /* below the cgroup2 mount; "" none. For the record */
	unsigned int controllers;   /* what it has on v2 */
	unsigned int v1;	    /* hierarchies it has a folder in */
	/* "memory:/x/bryo-ID,pids:/bryo-ID", as paths differ by hierarchy; "" none. For the record
	 */
	char v1_path[CGROUP_PATH_MAX];
	int v1_fds[CGROUP_KINDS]; /* by the number of the controller's bit */
};
#define CGROUP_INIT ((struct cgroup){ .fd = -1, .v1_fds = { -1, -1, -1, -1, -1, -1, -1, -1, -1 } })
void cgroup_done(struct cgroup *cgroup); /* closes; removes nothing */

struct cgroup_create_args {
	const char *id;
	const char *parent; /* --cgroup-parent: below the mount, NULL for the host's base */
	bool scoped;	    /* cgroup_scope_wait() succeeded for this process: build in its scope */
	unsigned int
		wanted; /* controllers to enable where possible: cgroup_limits_need() | stats */
};

/*
 * Makes the group. In a scope the calling process moves itself to a sibling ("monitor"), so that
 * the scope may have controllers. With host->manager NONE an empty cgroup (fd -1) is given and 0
 * returned: everything below then does nothing or says why. Controllers that could not be had are
 * missing in ret_cgroup->controllers, which is no error.
 */
int cgroup_create(const struct cgroup_host *host, const struct cgroup_create_args *args,
		  struct cgroup *ret_cgroup, struct err *err);

/* The controllers that limits need. */
unsigned int cgroup_limits_need(const struct cgroup_limits *limits);

/*
 * Applies limits. Each that this group cannot keep adds one line to ret_ignored ("memory limit
 * ignored: ..."); a value that the kernel refuses is an error naming file and value.
 */
int cgroup_apply(const struct cgroup_host *host, const struct cgroup *cgroup,
		 const struct cgroup_limits *limits, struct strv *ret_ignored, struct err *err);

/* Device rules alone: v1's devices hierarchy, else a BPF program on v2 (real root only). Part of
 * cgroup_apply(). */

/* Moves a process in (v1 hierarchies always; cgroup2 unless it was cloned into it). */
int cgroup_enter(const struct cgroup *cgroup, pid_t pid, struct err *err);

/* The same group, later, from the two recorded paths ("" or NULL: none). -ENOENT: it is gone. */
int cgroup_open(const char *path, const char *v1_path, struct cgroup *ret_cgroup, struct err *err);

/* Freezes or thaws and waits until it is so, at most 10 s (-ETIMEDOUT). -EOPNOTSUPP: no group. */
int cgroup_freeze(const struct cgroup *cgroup, bool freeze, struct err *err);
/* 1 frozen, 0 not, or a negative errno. */
int cgroup_frozen(const struct cgroup *cgroup);

/* Kills every process in it (cgroup.kill, else SIGKILL to each until none is left). */
int cgroup_kill(const struct cgroup *cgroup);

/* Process ids in it and below, as this pid namespace sees them; the caller frees. */
int cgroup_pids(const struct cgroup *cgroup, pid_t **ret_pids, size_t *ret_count);

struct cgroup_stats {
	uint64_t cpu_ns, cpu_user_ns, cpu_system_ns;
	uint64_t memory, memory_limit, memory_peak, swap; /* bytes; limit UINT64_MAX: none */
	uint64_t memory_inactive_file;			  /* what docker subtracts from memory */
	uint64_t pids, pids_limit;
	uint64_t io_read, io_write; /* bytes */
	uint64_t oom_kills;
	unsigned int have; /* controllers whose figures are real; CGROUP_CPU is always so on v2 */
};
int cgroup_stats(const struct cgroup *cgroup, struct cgroup_stats *ret_stats);

/* A descriptor that becomes readable when memory ran out in it; read it empty. -EOPNOTSUPP. */
int cgroup_oom_open(const struct cgroup *cgroup, int *ret_fd);
/* How many processes were killed for want of memory; 0 where nobody counts. */
uint64_t cgroup_oom_count(const struct cgroup *cgroup);

/* Removes the group and what is below it; it must be empty of processes (-EBUSY after 2 s). A
 * missing one is fine. Removes the emptied scope around it too. */
int cgroup_remove(const struct cgroup *cgroup);

/* Removes groups "bryo-*" in the host's base that have no process and whose id alive() does not
 * know: what a reboot or kill -9 left. */
void cgroup_sweep(const struct cgroup_host *host, bool (*alive)(const char *id, void *data),
		  void *data);
