/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OCI runtime specification's config.json (v1.0 to v1.3, Linux) as plain structs.
 *
 * engine/spec fills them in memory and hands them to runtime.h; bryo-runtime fills them with
 * oci_spec_parse(). Zeroed memory is a valid empty spec (OCI_SPEC_INIT). Everything inside is
 * owned by the struct and freed by its _done; strings are copied in by the caller (xstrdup).
 * Optional numbers bear a has_ flag, so that "0" and "absent" stay apart. Lists have v, count
 * and capacity, as struct strv has, and grow with OCI_ADD().
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "engine/base/alloc.h"
#include "engine/base/str.h"

struct err;

#define OCI_VERSION "1.2.1" /* what we write into ociVersion; 1.x is read */

/* A list of element: OCI_LIST(struct oci_mount) mounts; */
#define OCI_LIST(element)                                                                          \
	struct {                                                                                   \
		element *v;                                                                        \
		size_t count;                                                                      \
		size_t capacity;                                                                   \
	}
/* Appends one zeroed element and gives its address (valid until the next OCI_ADD). */
#define OCI_ADD(list)                                                                              \
	({                                                                                         \
		if ((list)->count >= (list)->capacity) {                                           \
			(list)->capacity = (list)->capacity ? (list)->capacity * 2 : 8;            \
			(list)->v = xrealloc((list)->v, (list)->capacity * sizeof(*(list)->v));    \
		}                                                                                  \
		(list)->v[(list)->count] = (__typeof__(*(list)->v)){ 0 };                          \
		&(list)->v[(list)->count++];                                                       \
	})

/* A number that may be absent. */
struct oci_i64 {
	bool has;
	int64_t value;
};
struct oci_u64 {
	bool has;
	uint64_t value;
};

/* "name": "value" pairs (annotations, sysctl, unified), in the order of the file. */
struct oci_pair {
	char *name;
	char *value;
};
struct oci_pairs {
	struct oci_pair *v;
	size_t count;
	size_t capacity;
};
/* Copies both; replaces the value of a name that is there. */
void oci_pairs_set(struct oci_pairs *pairs, const char *name, const char *value);
/* NULL when absent. */
const char *oci_pairs_get(const struct oci_pairs *pairs, const char *name);

/* user_namespaces(7): size ids from container_id inside are host_id and up outside. */
struct oci_id_map {
	uint32_t container_id;
	uint32_t host_id;
	uint32_t size;
};
struct oci_id_maps {
	struct oci_id_map *v;
	size_t count;
	size_t capacity;
};

/* ---- process ---- */

/* Capability sets as bit masks, bit n is CAP_ number n (engine/runtime/caps.h has the names). */
struct oci_caps {
	uint64_t bounding;
	uint64_t effective;
	uint64_t permitted;
	uint64_t inheritable;
	uint64_t ambient;
};

struct oci_user {
	uint32_t uid;
	uint32_t gid;
	struct oci_u64 umask;
	OCI_LIST(uint32_t) additional_gids;
	char *username; /* Windows' field: kept, without effect on Linux as the spec says */
};

struct oci_rlimit {
	int resource; /* RLIMIT_* of getrlimit(2) */
	uint64_t soft;
	uint64_t hard;
};

struct oci_scheduler {
	char *policy; /* SCHED_OTHER, SCHED_FIFO, ... */
	int32_t nice;
	int32_t priority;
	struct strv flags; /* SCHED_FLAG_* */
	uint64_t runtime;  /* nanoseconds, for SCHED_DEADLINE */
	uint64_t deadline;
	uint64_t period;
};

struct oci_io_priority {
	char *class; /* IOPRIO_CLASS_RT, _BE, _IDLE */
	int32_t priority;
};

struct oci_process {
	bool terminal;
	bool has_console_size;
	uint16_t console_height;
	uint16_t console_width;
	struct oci_user user;
	struct strv args;
	struct strv env;
	char *cwd;
	bool has_capabilities; /* absent: all sets are emptied */
	struct oci_caps capabilities;
	OCI_LIST(struct oci_rlimit) rlimits;
	bool no_new_privileges;
	char *apparmor_profile;
	char *selinux_label;
	struct oci_i64 oom_score_adj;
	struct oci_scheduler *scheduler;     /* NULL: absent */
	struct oci_io_priority *io_priority; /* NULL: absent */
	char *cpu_affinity_initial; /* execCPUAffinity: lists as in cpuset(7), for exec only */
	char *cpu_affinity_final;
};

/* ---- file systems ---- */

struct oci_root {
	char *path;
	bool readonly;
};

struct oci_mount {
	char *destination;
	char *type; /* NULL: a bind mount when the options say so */
	char *source;
	struct strv options;
	struct oci_id_maps uid_mappings;
	struct oci_id_maps gid_mappings;
	int source_fd; /* in memory only: an open source instead of the path; <= 0: none */
};

/* ---- hooks ---- */

struct oci_hook {
	char *path;
	struct strv args; /* with argv[0] */
	struct strv env;
	struct oci_i64 timeout; /* seconds */
};
enum oci_hook_stage {
	OCI_HOOK_PRESTART,
	OCI_HOOK_CREATE_RUNTIME,
	OCI_HOOK_CREATE_CONTAINER,
	OCI_HOOK_START_CONTAINER,
	OCI_HOOK_POSTSTART,
	OCI_HOOK_POSTSTOP,
	OCI_HOOK_STAGES,
};
struct oci_hooks {
	struct oci_hook *v;
	size_t count;
	size_t capacity;
};
/* "prestart", "createRuntime", ... as in config.json. */
const char *oci_hook_stage_name(enum oci_hook_stage stage);

/* ---- linux ---- */

enum oci_namespace_kind {
	OCI_NS_PID,
	OCI_NS_NETWORK,
	OCI_NS_MOUNT,
	OCI_NS_IPC,
	OCI_NS_UTS,
	OCI_NS_USER,
	OCI_NS_CGROUP,
	OCI_NS_TIME,
	OCI_NS_KINDS,
};
struct oci_namespace {
	bool present; /* false: the container shares the caller's */
	char *path;   /* NULL: a new one is made */
	int fd;	      /* in memory only: an open namespace to join instead of path; <= 0: none */
};
/* "pid", "network", ... as in config.json; the CLONE_NEW* flag; the name below /proc/PID/ns. */
const char *oci_namespace_name(enum oci_namespace_kind kind);
int oci_namespace_flag(enum oci_namespace_kind kind);
const char *oci_namespace_file(enum oci_namespace_kind kind);

struct oci_device {
	char *path;
	char type; /* 'c', 'u', 'b' or 'p' */
	int64_t major;
	int64_t minor;
	struct oci_u64 file_mode;
	struct oci_u64 uid;
	struct oci_u64 gid;
};

struct oci_net_device {
	char *name;	/* on the host */
	char *new_name; /* in the container; NULL: the same */
};

/* resources.devices: one rule of the device controller. */
struct oci_device_rule {
	bool allow;
	char type; /* 'a', 'c', 'b' */
	struct oci_i64 major;
	struct oci_i64 minor;
	char *access; /* "rwm" */
};

struct oci_memory {
	struct oci_i64 limit; /* bytes, -1: unlimited */
	struct oci_i64 reservation;
	struct oci_i64 swap; /* memory and swap together, as in cgroup v1 */
	struct oci_i64 kernel;
	struct oci_i64 kernel_tcp;
	struct oci_u64 swappiness;
	struct oci_u64 disable_oom_killer; /* booleans that may be absent: value 0 or 1 */
	struct oci_u64 use_hierarchy;
	struct oci_u64 check_before_update;
};

struct oci_cpu {
	struct oci_u64 shares;
	struct oci_i64 quota; /* microseconds */
	struct oci_u64 burst;
	struct oci_u64 period;
	struct oci_i64 realtime_runtime;
	struct oci_u64 realtime_period;
	char *cpus;
	char *mems;
	struct oci_i64 idle;
};

struct oci_weight_device {
	int64_t major;
	int64_t minor;
	struct oci_u64 weight;
	struct oci_u64 leaf_weight;
};
struct oci_throttle_device {
	int64_t major;
	int64_t minor;
	uint64_t rate;
};
struct oci_throttle_devices {
	struct oci_throttle_device *v;
	size_t count;
	size_t capacity;
};
struct oci_block_io {
	struct oci_u64 weight;
	struct oci_u64 leaf_weight;
	OCI_LIST(struct oci_weight_device) weight_devices;
	struct oci_throttle_devices read_bps;
	struct oci_throttle_devices write_bps;
	struct oci_throttle_devices read_iops;
	struct oci_throttle_devices write_iops;
};

struct oci_hugepage_limit {
	char *page_size; /* "2MB" */
	uint64_t limit;	 /* bytes */
};
struct oci_net_priority {
	char *name;
	uint32_t priority;
};
struct oci_rdma {
	char *name;
	struct oci_u64 hca_handles;
	struct oci_u64 hca_objects;
};

struct oci_resources {
	OCI_LIST(struct oci_device_rule) devices;
	struct oci_memory memory;
	struct oci_cpu cpu;
	struct oci_i64 pids_limit; /* -1: unlimited */
	struct oci_block_io block_io;
	OCI_LIST(struct oci_hugepage_limit) hugepage_limits;
	struct oci_u64 network_class_id;
	OCI_LIST(struct oci_net_priority) network_priorities;
	OCI_LIST(struct oci_rdma) rdma;
	struct oci_pairs unified; /* cgroup v2 files by name */
};

enum oci_seccomp_action {
	OCI_SECCOMP_KILL_THREAD, /* SCMP_ACT_KILL and _KILL_THREAD */
	OCI_SECCOMP_KILL_PROCESS,
	OCI_SECCOMP_TRAP,
	OCI_SECCOMP_ERRNO,
	OCI_SECCOMP_NOTIFY,
	OCI_SECCOMP_TRACE,
	OCI_SECCOMP_LOG,
	OCI_SECCOMP_ALLOW,
};
enum oci_seccomp_op {
	OCI_SECCOMP_NE,
	OCI_SECCOMP_LT,
	OCI_SECCOMP_LE,
	OCI_SECCOMP_EQ,
	OCI_SECCOMP_GE,
	OCI_SECCOMP_GT,
	OCI_SECCOMP_MASKED_EQ,
};
struct oci_seccomp_arg {
	uint32_t index; /* 0 to 5 */
	uint64_t value;
	uint64_t value_two;
	enum oci_seccomp_op op;
};
struct oci_seccomp_rule {
	struct strv names;
	enum oci_seccomp_action action;
	struct oci_u64 errno_ret; /* for ERRNO and TRACE; absent: EPERM */
	OCI_LIST(struct oci_seccomp_arg) args;
};
struct oci_seccomp;
/*
 * In memory only: rules that need not be written out, because what they are made of stands for
 * them. A filter that was compiled before is found by caps, fake_ids and version alone, without the
 * half millisecond that 400 names cost. oci_seccomp_make() writes them out.
 */
struct oci_seccomp_preset {
	/* Fills an empty profile; NULL: no preset, the profile is what its fields say. */
	void (*make)(const struct oci_seccomp_preset *preset, struct oci_seccomp *ret);
	uint64_t caps;	  /* the bounding set */
	bool fake_ids;	  /* with the rules for a single id */
	uint64_t version; /* another one whenever make() would make other rules */
};
struct oci_seccomp {
	enum oci_seccomp_action default_action;
	struct oci_u64 default_errno_ret;
	struct strv architectures; /* SCMP_ARCH_*; empty: the native one */
	struct strv flags;	   /* SECCOMP_FILTER_FLAG_* */
	char *listener_path;
	char *listener_metadata;
	OCI_LIST(struct oci_seccomp_rule) rules;
	struct oci_seccomp_preset preset;
};
/* Replaces a preset by its rules: before rules are read or written as JSON. */
void oci_seccomp_make(struct oci_seccomp *seccomp);
void oci_seccomp_done(struct oci_seccomp *seccomp);

struct oci_intel_rdt {
	char *clos_id;
	struct strv schemata;
	char *l3_cache_schema;
	char *mem_bw_schema;
	bool enable_cmt;
	bool enable_mbm;
	bool enable_monitoring;
};

struct oci_memory_policy {
	char *mode; /* MPOL_* of set_mempolicy(2) */
	char *nodes;
	struct strv flags; /* MPOL_F_* */
};

struct oci_time_offset {
	bool has;
	int64_t secs;
	uint32_t nanosecs;
};

struct oci_linux {
	struct oci_namespace namespaces[OCI_NS_KINDS];
	struct oci_id_maps uid_mappings;
	struct oci_id_maps gid_mappings;
	OCI_LIST(struct oci_device) devices;
	OCI_LIST(struct oci_net_device) net_devices;
	char *cgroups_path;
	bool has_resources;
	struct oci_resources resources;
	char *rootfs_propagation; /* "shared", "slave", "private", "unbindable", with or without r
				   */
	struct oci_seccomp *seccomp; /* NULL: no filter */
	struct strv masked_paths;
	struct strv readonly_paths;
	char *mount_label;
	struct oci_pairs sysctl;
	struct oci_intel_rdt *intel_rdt; /* NULL: absent */
	struct oci_memory_policy *memory_policy;
	char *personality_domain; /* "LINUX", "LINUX32" */
	struct strv personality_flags;
	struct oci_time_offset boottime_offset;
	struct oci_time_offset monotonic_offset;
};

/* ---- the whole ---- */

struct oci_spec {
	char *version;
	bool has_process; /* a container may be made without; it cannot be started then */
	struct oci_process process;
	struct oci_root root;
	char *hostname;
	char *domainname;
	OCI_LIST(struct oci_mount) mounts;
	struct oci_hooks hooks[OCI_HOOK_STAGES];
	struct oci_pairs annotations;
	struct oci_linux linux_; /* "linux" is a macro of gcc's */
};
#define OCI_SPEC_INIT ((struct oci_spec){ 0 })

void oci_spec_done(struct oci_spec *spec);
void oci_process_done(struct oci_process *process);

/*
 * Reads a parsed config.json. Unknown properties are passed over, as config.md demands
 * ("Extensibility"); those that the specification defines and we cannot do are refused by name,
 * here or by runtime_create_begin(). 0, or -EINVAL (ERR_USAGE) with the place of the field in
 * the sentence. ret_spec is empty on error.
 */
int oci_spec_parse(const json_t *json, struct oci_spec *ret_spec, struct err *err);
/* The "process" object alone, as `exec --process FILE` takes it. */
int oci_process_parse(const json_t *json, struct oci_process *ret_process, struct err *err);
/* The "linux.seccomp" object alone. */
int oci_seccomp_parse(const json_t *json, struct oci_seccomp *ret_seccomp, struct err *err);

/* The other way; the caller owns the result. Fields of "in memory only" are left out. */
json_t *oci_spec_to_json(const struct oci_spec *spec);
json_t *oci_process_to_json(const struct oci_process *process);
json_t *oci_seccomp_to_json(const struct oci_seccomp *seccomp);

/*
 * Text to JSON and back for these objects: config.json holds unsigned numbers above INT64_MAX
 * (RLIM_INFINITY, seccomp arguments) that jansson cannot carry as integers. Errors as
 * json_parse()'s. The caller owns the text; indent 0 is compact.
 */
int oci_json_parse(const char *data, size_t size, const char *what, json_t **ret_json,
		   struct err *err);
char *oci_json_text(const json_t *json, int indent);
