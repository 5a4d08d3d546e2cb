/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fields of config.json, as tables (runtime-spec: config.md, config-linux.md). No code
 * runs here but the destructors, which walk the tables. A field of the specification that is
 * not in these tables would be ignored in silence: tests/unit compares them with the list.
 */
#include "engine/runtime/oci-internal.h"

#include <sys/resource.h>

#include <sched.h>
#include <stdlib.h>
#include <string.h>

/* SPEC: a value in the struct; the other forms add what their kind needs. */
#define FIELD(s, n, k, m)                                                                          \
	{                                                                                          \
		.name = (n), .kind = (k), .offset = offsetof(struct s, m)                          \
	}
#define NEEDED(s, n, k, m)                                                                         \
	{                                                                                          \
		.name = (n), .kind = (k), .offset = offsetof(struct s, m), .required = true        \
	}
#define TYPED(s, n, k, m, t)                                                                       \
	{                                                                                          \
		.name = (n), .kind = (k), .offset = offsetof(struct s, m), .type = &(t)            \
	}
#define TYPED_NEEDED(s, n, k, m, t)                                                                \
	{                                                                                          \
		.name = (n), .kind = (k), .offset = offsetof(struct s, m), .type = &(t),           \
		.required = true                                                                   \
	}
#define HAVING(s, n, m, t, h)                                                                      \
	{                                                                                          \
		.name = (n), .kind = OCI_OBJECT, .offset = offsetof(struct s, m), .type = &(t),    \
		.has = offsetof(struct s, h) + 1                                                   \
	}
/* An object of the file whose fields we keep in the struct around it. */
#define FLAT(n, t)                                                                                 \
	{                                                                                          \
		.name = (n), .kind = OCI_OBJECT, .offset = 0, .type = &(t)                         \
	}
#define REFUSED(n)                                                                                 \
	{                                                                                          \
		.name = (n), .kind = OCI_REFUSED                                                   \
	}
#define END                                                                                        \
	{                                                                                          \
		.name = NULL                                                                       \
	}
#define TYPE(noun, s)                                                                              \
	static const struct oci_type noun##_type = { .size = sizeof(struct s),                     \
						     .fields = noun##_fields }
#define NAMES(noun) static const struct oci_type noun##_type = { .names = noun##_names }

static const struct oci_field id_map_fields[] = {
	NEEDED(oci_id_map, "containerID", OCI_U32, container_id),
	NEEDED(oci_id_map, "hostID", OCI_U32, host_id),
	NEEDED(oci_id_map, "size", OCI_U32, size),
	END,
};
TYPE(id_map, oci_id_map);

/* ---- process ---- */

static const struct oci_field console_fields[] = {
	FIELD(oci_process, "height", OCI_U16, console_height),
	FIELD(oci_process, "width", OCI_U16, console_width),
	END,
};
TYPE(console, oci_process);

static const struct oci_field user_fields[] = {
	FIELD(oci_user, "uid", OCI_U32, uid),
	FIELD(oci_user, "gid", OCI_U32, gid),
	FIELD(oci_user, "umask", OCI_OPT_U64, umask),
	FIELD(oci_user, "additionalGids", OCI_U32S, additional_gids),
	FIELD(oci_user, "username", OCI_STR, username),
	END,
};
TYPE(user, oci_user);

static const struct oci_field caps_fields[] = {
	FIELD(oci_caps, "bounding", OCI_CAPS, bounding),
	FIELD(oci_caps, "effective", OCI_CAPS, effective),
	FIELD(oci_caps, "inheritable", OCI_CAPS, inheritable),
	FIELD(oci_caps, "permitted", OCI_CAPS, permitted),
	FIELD(oci_caps, "ambient", OCI_CAPS, ambient),
	END,
};
TYPE(caps, oci_caps);

static const struct oci_name rlimit_names[] = {
	{ "RLIMIT_AS", RLIMIT_AS },
	{ "RLIMIT_CORE", RLIMIT_CORE },
	{ "RLIMIT_CPU", RLIMIT_CPU },
	{ "RLIMIT_DATA", RLIMIT_DATA },
	{ "RLIMIT_FSIZE", RLIMIT_FSIZE },
	{ "RLIMIT_LOCKS", RLIMIT_LOCKS },
	{ "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK },
	{ "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE },
	{ "RLIMIT_NICE", RLIMIT_NICE },
	{ "RLIMIT_NOFILE", RLIMIT_NOFILE },
	{ "RLIMIT_NPROC", RLIMIT_NPROC },
	{ "RLIMIT_RSS", RLIMIT_RSS },
	{ "RLIMIT_RTPRIO", RLIMIT_RTPRIO },
	{ "RLIMIT_RTTIME", RLIMIT_RTTIME },
	{ "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING },
	{ "RLIMIT_STACK", RLIMIT_STACK },
	END,
};
NAMES(rlimit);
static const struct oci_field rlimit_entry_fields[] = {
	TYPED_NEEDED(oci_rlimit, "type", OCI_ENUM, resource, rlimit_type),
	NEEDED(oci_rlimit, "soft", OCI_U64, soft),
	NEEDED(oci_rlimit, "hard", OCI_U64, hard),
	END,
};
TYPE(rlimit_entry, oci_rlimit);

static const struct oci_field scheduler_fields[] = {
	NEEDED(oci_scheduler, "policy", OCI_STR, policy),
	FIELD(oci_scheduler, "nice", OCI_I32, nice),
	FIELD(oci_scheduler, "priority", OCI_I32, priority),
	FIELD(oci_scheduler, "flags", OCI_STRV, flags),
	FIELD(oci_scheduler, "runtime", OCI_U64, runtime),
	FIELD(oci_scheduler, "deadline", OCI_U64, deadline),
	FIELD(oci_scheduler, "period", OCI_U64, period),
	END,
};
TYPE(scheduler, oci_scheduler);

static const struct oci_field io_priority_fields[] = {
	NEEDED(oci_io_priority, "class", OCI_STR, class),
	FIELD(oci_io_priority, "priority", OCI_I32, priority),
	END,
};
TYPE(io_priority, oci_io_priority);

static const struct oci_field affinity_fields[] = {
	FIELD(oci_process, "initial", OCI_STR, cpu_affinity_initial),
	FIELD(oci_process, "final", OCI_STR, cpu_affinity_final),
	END,
};
TYPE(affinity, oci_process);

static const struct oci_field process_fields[] = {
	FIELD(oci_process, "terminal", OCI_BOOL, terminal),
	{ .name = "consoleSize",
	  .kind = OCI_OBJECT,
	  .type = &console_type,
	  .has = offsetof(struct oci_process, has_console_size) + 1 },
	TYPED(oci_process, "user", OCI_OBJECT, user, user_type),
	FIELD(oci_process, "args", OCI_STRV, args),
	FIELD(oci_process, "env", OCI_STRV, env),
	NEEDED(oci_process, "cwd", OCI_STR, cwd),
	HAVING(oci_process, "capabilities", capabilities, caps_type, has_capabilities),
	TYPED(oci_process, "rlimits", OCI_OBJECTS, rlimits, rlimit_entry_type),
	FIELD(oci_process, "noNewPrivileges", OCI_BOOL, no_new_privileges),
	FIELD(oci_process, "apparmorProfile", OCI_STR, apparmor_profile),
	FIELD(oci_process, "oomScoreAdj", OCI_OPT_I64, oom_score_adj),
	TYPED(oci_process, "scheduler", OCI_POINTER, scheduler, scheduler_type),
	FIELD(oci_process, "selinuxLabel", OCI_STR, selinux_label),
	TYPED(oci_process, "ioPriority", OCI_POINTER, io_priority, io_priority_type),
	FLAT("execCPUAffinity", affinity_type),
	REFUSED("commandLine"), /* Windows */
	END,
};
const struct oci_type oci_process_type = { .size = sizeof(struct oci_process),
					   .fields = process_fields };

/* ---- file systems and hooks ---- */

static const struct oci_field root_fields[] = {
	FIELD(oci_root, "path", OCI_STR, path),
	FIELD(oci_root, "readonly", OCI_BOOL, readonly),
	END,
};
TYPE(root, oci_root);

static const struct oci_field mount_fields[] = {
	NEEDED(oci_mount, "destination", OCI_STR, destination),
	FIELD(oci_mount, "type", OCI_STR, type),
	FIELD(oci_mount, "source", OCI_STR, source),
	FIELD(oci_mount, "options", OCI_STRV, options),
	TYPED(oci_mount, "uidMappings", OCI_OBJECTS, uid_mappings, id_map_type),
	TYPED(oci_mount, "gidMappings", OCI_OBJECTS, gid_mappings, id_map_type),
	END,
};
TYPE(mount, oci_mount);

static const struct oci_field hook_fields[] = {
	NEEDED(oci_hook, "path", OCI_STR, path),
	FIELD(oci_hook, "args", OCI_STRV, args),
	FIELD(oci_hook, "env", OCI_STRV, env),
	FIELD(oci_hook, "timeout", OCI_OPT_I64, timeout),
	END,
};
TYPE(hook, oci_hook);

static const struct oci_field hooks_fields[] = {
	TYPED(oci_spec, "prestart", OCI_OBJECTS, hooks[OCI_HOOK_PRESTART], hook_type),
	TYPED(oci_spec, "createRuntime", OCI_OBJECTS, hooks[OCI_HOOK_CREATE_RUNTIME], hook_type),
	TYPED(oci_spec, "createContainer", OCI_OBJECTS, hooks[OCI_HOOK_CREATE_CONTAINER],
	      hook_type),
	TYPED(oci_spec, "startContainer", OCI_OBJECTS, hooks[OCI_HOOK_START_CONTAINER], hook_type),
	TYPED(oci_spec, "poststart", OCI_OBJECTS, hooks[OCI_HOOK_POSTSTART], hook_type),
	TYPED(oci_spec, "poststop", OCI_OBJECTS, hooks[OCI_HOOK_POSTSTOP], hook_type),
	END,
};
TYPE(hooks, oci_spec);

/* ---- linux.resources ---- */

static const struct oci_field device_rule_fields[] = {
	FIELD(oci_device_rule, "allow", OCI_BOOL, allow),
	FIELD(oci_device_rule, "type", OCI_CHAR, type),
	FIELD(oci_device_rule, "major", OCI_OPT_I64, major),
	FIELD(oci_device_rule, "minor", OCI_OPT_I64, minor),
	FIELD(oci_device_rule, "access", OCI_STR, access),
	END,
};
TYPE(device_rule, oci_device_rule);

static const struct oci_field memory_fields[] = {
	FIELD(oci_memory, "limit", OCI_OPT_I64, limit),
	FIELD(oci_memory, "reservation", OCI_OPT_I64, reservation),
	FIELD(oci_memory, "swap", OCI_OPT_I64, swap),
	FIELD(oci_memory, "kernel", OCI_OPT_I64, kernel),
	FIELD(oci_memory, "kernelTCP", OCI_OPT_I64, kernel_tcp),
	FIELD(oci_memory, "swappiness", OCI_OPT_U64, swappiness),
	FIELD(oci_memory, "disableOOMKiller", OCI_OPT_BOOL, disable_oom_killer),
	FIELD(oci_memory, "useHierarchy", OCI_OPT_BOOL, use_hierarchy),
	FIELD(oci_memory, "checkBeforeUpdate", OCI_OPT_BOOL, check_before_update),
	END,
};
TYPE(memory, oci_memory);

static const struct oci_field cpu_fields[] = {
	FIELD(oci_cpu, "shares", OCI_OPT_U64, shares),
	FIELD(oci_cpu, "quota", OCI_OPT_I64, quota),
	FIELD(oci_cpu, "burst", OCI_OPT_U64, burst),
	FIELD(oci_cpu, "period", OCI_OPT_U64, period),
	FIELD(oci_cpu, "realtimeRuntime", OCI_OPT_I64, realtime_runtime),
	FIELD(oci_cpu, "realtimePeriod", OCI_OPT_U64, realtime_period),
	FIELD(oci_cpu, "cpus", OCI_STR, cpus),
	FIELD(oci_cpu, "mems", OCI_STR, mems),
	FIELD(oci_cpu, "idle", OCI_OPT_I64, idle),
	END,
};
TYPE(cpu, oci_cpu);

static const struct oci_field pids_fields[] = {
	FIELD(oci_resources, "limit", OCI_OPT_I64, pids_limit),
	END,
};
TYPE(pids, oci_resources);

static const struct oci_field weight_fields[] = {
	NEEDED(oci_weight_device, "major", OCI_I64, major),
	NEEDED(oci_weight_device, "minor", OCI_I64, minor),
	FIELD(oci_weight_device, "weight", OCI_OPT_U64, weight),
	FIELD(oci_weight_device, "leafWeight", OCI_OPT_U64, leaf_weight),
	END,
};
TYPE(weight, oci_weight_device);

static const struct oci_field throttle_fields[] = {
	NEEDED(oci_throttle_device, "major", OCI_I64, major),
	NEEDED(oci_throttle_device, "minor", OCI_I64, minor),
	NEEDED(oci_throttle_device, "rate", OCI_U64, rate),
	END,
};
TYPE(throttle, oci_throttle_device);

static const struct oci_field block_io_fields[] = {
	FIELD(oci_block_io, "weight", OCI_OPT_U64, weight),
	FIELD(oci_block_io, "leafWeight", OCI_OPT_U64, leaf_weight),
	TYPED(oci_block_io, "weightDevice", OCI_OBJECTS, weight_devices, weight_type),
	TYPED(oci_block_io, "throttleReadBpsDevice", OCI_OBJECTS, read_bps, throttle_type),
	TYPED(oci_block_io, "throttleWriteBpsDevice", OCI_OBJECTS, write_bps, throttle_type),
	TYPED(oci_block_io, "throttleReadIOPSDevice", OCI_OBJECTS, read_iops, throttle_type),
	TYPED(oci_block_io, "throttleWriteIOPSDevice", OCI_OBJECTS, write_iops, throttle_type),
	END,
};
TYPE(block_io, oci_block_io);

static const struct oci_field hugepage_fields[] = {
	NEEDED(oci_hugepage_limit, "pageSize", OCI_STR, page_size),
	NEEDED(oci_hugepage_limit, "limit", OCI_U64, limit),
	END,
};
TYPE(hugepage, oci_hugepage_limit);

static const struct oci_field net_priority_fields[] = {
	NEEDED(oci_net_priority, "name", OCI_STR, name),
	NEEDED(oci_net_priority, "priority", OCI_U32, priority),
	END,
};
TYPE(net_priority, oci_net_priority);

static const struct oci_field resources_network_fields[] = {
	FIELD(oci_resources, "classID", OCI_OPT_U64, network_class_id),
	TYPED(oci_resources, "priorities", OCI_OBJECTS, network_priorities, net_priority_type),
	END,
};
TYPE(resources_network, oci_resources);

static const struct oci_field rdma_fields[] = {
	FIELD(oci_rdma, "hcaHandles", OCI_OPT_U64, hca_handles),
	FIELD(oci_rdma, "hcaObjects", OCI_OPT_U64, hca_objects),
	END,
};
TYPE(rdma, oci_rdma);

static const struct oci_field resources_fields[] = {
	TYPED(oci_resources, "devices", OCI_OBJECTS, devices, device_rule_type),
	TYPED(oci_resources, "memory", OCI_OBJECT, memory, memory_type),
	TYPED(oci_resources, "cpu", OCI_OBJECT, cpu, cpu_type),
	FLAT("pids", pids_type),
	TYPED(oci_resources, "blockIO", OCI_OBJECT, block_io, block_io_type),
	TYPED(oci_resources, "hugepageLimits", OCI_OBJECTS, hugepage_limits, hugepage_type),
	FLAT("network", resources_network_type),
	TYPED(oci_resources, "rdma", OCI_MAP, rdma, rdma_type),
	FIELD(oci_resources, "unified", OCI_PAIRS, unified),
	END,
};
TYPE(resources, oci_resources);

/* ---- linux.seccomp ---- */

static const struct oci_name action_names[] = {
	{ "SCMP_ACT_KILL_THREAD", OCI_SECCOMP_KILL_THREAD },
	{ "SCMP_ACT_KILL", OCI_SECCOMP_KILL_THREAD },
	{ "SCMP_ACT_KILL_PROCESS", OCI_SECCOMP_KILL_PROCESS },
	{ "SCMP_ACT_TRAP", OCI_SECCOMP_TRAP },
	{ "SCMP_ACT_ERRNO", OCI_SECCOMP_ERRNO },
	{ "SCMP_ACT_NOTIFY", OCI_SECCOMP_NOTIFY },
	{ "SCMP_ACT_TRACE", OCI_SECCOMP_TRACE },
	{ "SCMP_ACT_LOG", OCI_SECCOMP_LOG },
	{ "SCMP_ACT_ALLOW", OCI_SECCOMP_ALLOW },
	END,
};
NAMES(action);
static const struct oci_name op_names[] = {
	{ "SCMP_CMP_NE", OCI_SECCOMP_NE },
	{ "SCMP_CMP_LT", OCI_SECCOMP_LT },
	{ "SCMP_CMP_LE", OCI_SECCOMP_LE },
	{ "SCMP_CMP_EQ", OCI_SECCOMP_EQ },
	{ "SCMP_CMP_GE", OCI_SECCOMP_GE },
	{ "SCMP_CMP_GT", OCI_SECCOMP_GT },
	{ "SCMP_CMP_MASKED_EQ", OCI_SECCOMP_MASKED_EQ },
	END,
};
NAMES(op);

static const struct oci_field seccomp_arg_fields[] = {
	NEEDED(oci_seccomp_arg, "index", OCI_U32, index),
	NEEDED(oci_seccomp_arg, "value", OCI_U64, value),
	FIELD(oci_seccomp_arg, "valueTwo", OCI_U64, value_two),
	TYPED_NEEDED(oci_seccomp_arg, "op", OCI_ENUM, op, op_type),
	END,
};
TYPE(seccomp_arg, oci_seccomp_arg);

static const struct oci_field seccomp_rule_fields[] = {
	NEEDED(oci_seccomp_rule, "names", OCI_STRV, names),
	TYPED_NEEDED(oci_seccomp_rule, "action", OCI_ENUM, action, action_type),
	FIELD(oci_seccomp_rule, "errnoRet", OCI_OPT_U64, errno_ret),
	TYPED(oci_seccomp_rule, "args", OCI_OBJECTS, args, seccomp_arg_type),
	END,
};
TYPE(seccomp_rule, oci_seccomp_rule);

static const struct oci_field seccomp_fields[] = {
	TYPED_NEEDED(oci_seccomp, "defaultAction", OCI_ENUM, default_action, action_type),
	FIELD(oci_seccomp, "defaultErrnoRet", OCI_OPT_U64, default_errno_ret),
	FIELD(oci_seccomp, "architectures", OCI_STRV, architectures),
	FIELD(oci_seccomp, "flags", OCI_STRV, flags),
	FIELD(oci_seccomp, "listenerPath", OCI_STR, listener_path),
	FIELD(oci_seccomp, "listenerMetadata", OCI_STR, listener_metadata),
	TYPED(oci_seccomp, "syscalls", OCI_OBJECTS, rules, seccomp_rule_type),
	END,
};
const struct oci_type oci_seccomp_type = { .size = sizeof(struct oci_seccomp),
					   .fields = seccomp_fields };

/* ---- linux ---- */

static const struct oci_field device_fields[] = {
	NEEDED(oci_device, "path", OCI_STR, path),
	NEEDED(oci_device, "type", OCI_CHAR, type),
	FIELD(oci_device, "major", OCI_I64, major),
	FIELD(oci_device, "minor", OCI_I64, minor),
	FIELD(oci_device, "fileMode", OCI_OPT_U64, file_mode),
	FIELD(oci_device, "uid", OCI_OPT_U64, uid),
	FIELD(oci_device, "gid", OCI_OPT_U64, gid),
	END,
};
TYPE(device, oci_device);

static const struct oci_field net_device_fields[] = {
	FIELD(oci_net_device, "name", OCI_STR, new_name),
	END,
};
TYPE(net_device, oci_net_device);

static const struct oci_field intel_rdt_fields[] = {
	FIELD(oci_intel_rdt, "closID", OCI_STR, clos_id),
	FIELD(oci_intel_rdt, "schemata", OCI_STRV, schemata),
	FIELD(oci_intel_rdt, "l3CacheSchema", OCI_STR, l3_cache_schema),
	FIELD(oci_intel_rdt, "memBwSchema", OCI_STR, mem_bw_schema),
	FIELD(oci_intel_rdt, "enableCMT", OCI_BOOL, enable_cmt),
	FIELD(oci_intel_rdt, "enableMBM", OCI_BOOL, enable_mbm),
	FIELD(oci_intel_rdt, "enableMonitoring", OCI_BOOL, enable_monitoring),
	END,
};
TYPE(intel_rdt, oci_intel_rdt);

static const struct oci_field memory_policy_fields[] = {
	NEEDED(oci_memory_policy, "mode", OCI_STR, mode),
	FIELD(oci_memory_policy, "nodes", OCI_STR, nodes),
	FIELD(oci_memory_policy, "flags", OCI_STRV, flags),
	END,
};
TYPE(memory_policy, oci_memory_policy);

static const struct oci_field personality_fields[] = {
	NEEDED(oci_linux, "domain", OCI_STR, personality_domain),
	FIELD(oci_linux, "flags", OCI_STRV, personality_flags),
	END,
};
TYPE(personality, oci_linux);

static const struct oci_field time_offset_fields[] = {
	FIELD(oci_time_offset, "secs", OCI_I64, secs),
	FIELD(oci_time_offset, "nanosecs", OCI_U32, nanosecs),
	END,
};
TYPE(time_offset, oci_time_offset);

static const struct oci_field time_offsets_fields[] = {
	HAVING(oci_linux, "boottime", boottime_offset, time_offset_type, boottime_offset.has),
	HAVING(oci_linux, "monotonic", monotonic_offset, time_offset_type, monotonic_offset.has),
	END,
};
TYPE(time_offsets, oci_linux);

static const struct oci_field linux_fields[] = {
	FIELD(oci_linux, "namespaces", OCI_NAMESPACES, namespaces),
	TYPED(oci_linux, "uidMappings", OCI_OBJECTS, uid_mappings, id_map_type),
	TYPED(oci_linux, "gidMappings", OCI_OBJECTS, gid_mappings, id_map_type),
	TYPED(oci_linux, "devices", OCI_OBJECTS, devices, device_type),
	TYPED(oci_linux, "netDevices", OCI_MAP, net_devices, net_device_type),
	FIELD(oci_linux, "cgroupsPath", OCI_STR, cgroups_path),
	HAVING(oci_linux, "resources", resources, resources_type, has_resources),
	FIELD(oci_linux, "rootfsPropagation", OCI_STR, rootfs_propagation),
	TYPED(oci_linux, "seccomp", OCI_POINTER, seccomp, oci_seccomp_type),
	FIELD(oci_linux, "maskedPaths", OCI_STRV, masked_paths),
	FIELD(oci_linux, "readonlyPaths", OCI_STRV, readonly_paths),
	FIELD(oci_linux, "mountLabel", OCI_STR, mount_label),
	FIELD(oci_linux, "sysctl", OCI_PAIRS, sysctl),
	TYPED(oci_linux, "intelRdt", OCI_POINTER, intel_rdt, intel_rdt_type),
	TYPED(oci_linux, "memoryPolicy", OCI_POINTER, memory_policy, memory_policy_type),
	FLAT("personality", personality_type),
	FLAT("timeOffsets", time_offsets_type),
	END,
};
TYPE(linux, oci_linux);

static const struct oci_field spec_fields[] = {
	NEEDED(oci_spec, "ociVersion", OCI_STR, version),
	HAVING(oci_spec, "process", process, oci_process_type, has_process),
	TYPED(oci_spec, "root", OCI_OBJECT, root, root_type),
	FIELD(oci_spec, "hostname", OCI_STR, hostname),
	FIELD(oci_spec, "domainname", OCI_STR, domainname),
	TYPED(oci_spec, "mounts", OCI_OBJECTS, mounts, mount_type),
	FLAT("hooks", hooks_type),
	FIELD(oci_spec, "annotations", OCI_PAIRS, annotations),
	TYPED(oci_spec, "linux", OCI_OBJECT, linux_, linux_type),
	REFUSED("solaris"),
	REFUSED("windows"),
	REFUSED("vm"),
	REFUSED("zos"),
	REFUSED("freebsd"),
	END,
};
const struct oci_type oci_spec_type = { .size = sizeof(struct oci_spec), .fields = spec_fields };

/* ---- Names ---- */

static const struct {
	const char *name;
	const char *file;
	int flag;
} namespace_names[OCI_NS_KINDS] = {
	[OCI_NS_PID] = { "pid", "pid", CLONE_NEWPID },
	[OCI_NS_NETWORK] = { "network", "net", CLONE_NEWNET },
	[OCI_NS_MOUNT] = { "mount", "mnt", CLONE_NEWNS },
	[OCI_NS_IPC] = { "ipc", "ipc", CLONE_NEWIPC },
	[OCI_NS_UTS] = { "uts", "uts", CLONE_NEWUTS },
	[OCI_NS_USER] = { "user", "user", CLONE_NEWUSER },
	[OCI_NS_CGROUP] = { "cgroup", "cgroup", CLONE_NEWCGROUP },
	[OCI_NS_TIME] = { "time", "time", 0x80 /* CLONE_NEWTIME: not in glibc 2.36's sched.h */ },
};

const char *oci_namespace_name(enum oci_namespace_kind kind)
{
	return namespace_names[kind].name;
}

int oci_namespace_flag(enum oci_namespace_kind kind)
{
	return namespace_names[kind].flag;
}

const char *oci_namespace_file(enum oci_namespace_kind kind)
{
	return namespace_names[kind].file;
}

const char *oci_hook_stage_name(enum oci_hook_stage stage)
{
	return hooks_fields[stage].name; /* in the order of the enum: a unit test holds it so */
}

/* ---- Lists, pairs, destructors ---- */

struct oci_list oci_list_get(const void *base, size_t offset)
{
	struct oci_list list;

	memcpy(&list, (const char *)base + offset, sizeof(list));
	return list;
}

void oci_list_set(void *base, size_t offset, const struct oci_list *list)
{
	memcpy((char *)base + offset, list, sizeof(*list));
}

void oci_pairs_set(struct oci_pairs *pairs, const char *name, const char *value)
{
	struct oci_pair *pair = NULL;

	for (size_t i = 0; i < pairs->count; i++) {
		if (!str_eq(pairs->v[i].name, name))
			continue;
		free(pairs->v[i].value);
		pairs->v[i].value = xstrdup(value);
		return;
	}
	pair = OCI_ADD(pairs);
	pair->name = xstrdup(name);
	pair->value = xstrdup(value);
}

const char *oci_pairs_get(const struct oci_pairs *pairs, const char *name)
{
	for (size_t i = 0; i < pairs->count; i++) {
		if (str_eq(pairs->v[i].name, name))
			return pairs->v[i].value;
	}
	return NULL;
}

static void fields_done(const struct oci_type *type, void *base);

static void pairs_done(struct oci_pairs *pairs)
{
	for (size_t i = 0; i < pairs->count; i++) {
		free(pairs->v[i].name);
		free(pairs->v[i].value);
	}
	free(pairs->v);
}

static void objects_done(const struct oci_field *field, void *base)
{
	struct oci_list list = oci_list_get(base, field->offset);

	for (size_t i = 0; i < list.count; i++) {
		void *element = (char *)list.v + i * field->type->size;

		fields_done(field->type, element);
		if (field->kind == OCI_MAP)
			free(*(char **)element);
	}
	free(list.v);
}

static void field_done(const struct oci_field *field, void *base)
{
	void *at = (char *)base + field->offset;

	switch (field->kind) {
	case OCI_STR:
		free(*(char **)at);
		break;
	case OCI_STRV:
		strv_done(at);
		break;
	case OCI_U32S:
		free(oci_list_get(base, field->offset).v);
		break;
	case OCI_PAIRS:
		pairs_done(at);
		break;
	case OCI_OBJECT:
		fields_done(field->type, at);
		break;
	case OCI_POINTER:
		if (*(void **)at)
			fields_done(field->type, *(void **)at);
		free(*(void **)at);
		break;
	case OCI_OBJECTS:
	case OCI_MAP:
		objects_done(field, base);
		break;
	case OCI_NAMESPACES:
		for (int i = 0; i < OCI_NS_KINDS; i++)
			free(((struct oci_namespace *)at)[i].path);
		break;
	default:
		break; /* owns nothing */
	}
}

static void fields_done(const struct oci_type *type, void *base)
{
	for (const struct oci_field *f = type->fields; f->name; f++)
		field_done(f, base);
}

void oci_type_done(const struct oci_type *type, void *base)
{
	fields_done(type, base);
	memset(base, 0, type->size);
}

void oci_spec_done(struct oci_spec *spec)
{
	oci_type_done(&oci_spec_type, spec);
}

void oci_process_done(struct oci_process *process)
{
	oci_type_done(&oci_process_type, process);
}

void oci_seccomp_make(struct oci_seccomp *seccomp)
{
	struct oci_seccomp made = { 0 };

	if (!seccomp->preset.make)
		return;
	seccomp->preset.make(&seccomp->preset, &made);
	*seccomp = made;
}

void oci_seccomp_done(struct oci_seccomp *seccomp)
{
	oci_type_done(&oci_seccomp_type, seccomp);
}
