/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process.oomScoreAdj, scheduler, ioPriority, execCPUAffinity, linux.memoryPolicy and
 * linux.personality. Runs in the child with the capabilities of its user namespace, before ids
 * change; what asks for more than the caller has is refused by the kernel, and so by us.
 */
#include "engine/runtime/scheduling-internal.h"

#include <errno.h>
#include <linux/ioprio.h>
#include <linux/mempolicy.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/base/err.h"
#include "engine/runtime/label-internal.h"
#include "engine/runtime/plan-internal.h"

#ifndef MPOL_F_NUMA_BALANCING
#define MPOL_F_NUMA_BALANCING (1 << 13)
#endif
#define SCHED_OTHER_NUMBER 0
#define NODES_MAX 1024

/* struct sched_attr of sched_setattr(2): glibc has it from 2.41 on only. */
struct scheduler_attr {
	uint32_t size;
	uint32_t sched_policy;
	uint64_t sched_flags;
	int32_t sched_nice;
	uint32_t sched_priority;
	uint64_t sched_runtime;
	uint64_t sched_deadline;
	uint64_t sched_period;
};

struct name_value {
	const char *name;
	unsigned long value;
};

static const struct name_value policies[] = {
	{ "SCHED_OTHER", SCHED_OTHER_NUMBER },
	{ "SCHED_FIFO", SCHED_FIFO },
	{ "SCHED_RR", SCHED_RR },
	{ "SCHED_BATCH", SCHED_BATCH },
	{ "SCHED_ISO", 4 },
	{ "SCHED_IDLE", SCHED_IDLE },
	{ "SCHED_DEADLINE", SCHED_DEADLINE },
	{ NULL, 0 },
};
static const struct name_value sched_flags[] = {
	{ "SCHED_FLAG_RESET_ON_FORK", SCHED_FLAG_RESET_ON_FORK },
	{ "SCHED_FLAG_RECLAIM", SCHED_FLAG_RECLAIM },
	{ "SCHED_FLAG_DL_OVERRUN", SCHED_FLAG_DL_OVERRUN },
	{ "SCHED_FLAG_KEEP_POLICY", SCHED_FLAG_KEEP_POLICY },
	{ "SCHED_FLAG_KEEP_PARAMS", SCHED_FLAG_KEEP_PARAMS },
	{ "SCHED_FLAG_UTIL_CLAMP_MIN", SCHED_FLAG_UTIL_CLAMP_MIN },
	{ "SCHED_FLAG_UTIL_CLAMP_MAX", SCHED_FLAG_UTIL_CLAMP_MAX },
	{ NULL, 0 },
};
static const struct name_value io_classes[] = {
	{ "IOPRIO_CLASS_RT", IOPRIO_CLASS_RT },
	{ "IOPRIO_CLASS_BE", IOPRIO_CLASS_BE },
	{ "IOPRIO_CLASS_IDLE", IOPRIO_CLASS_IDLE },
	{ NULL, 0 },
};
static const struct name_value memory_modes[] = {
	{ "MPOL_DEFAULT", MPOL_DEFAULT },  { "MPOL_PREFERRED", MPOL_PREFERRED },
	{ "MPOL_BIND", MPOL_BIND },	   { "MPOL_INTERLEAVE", MPOL_INTERLEAVE },
	{ "MPOL_LOCAL", MPOL_LOCAL },	   { "MPOL_PREFERRED_MANY", 5 },
	{ "MPOL_WEIGHTED_INTERLEAVE", 6 }, { NULL, 0 },
};
static const struct name_value memory_flags[] = {
	{ "MPOL_F_STATIC_NODES", MPOL_F_STATIC_NODES },
	{ "MPOL_F_RELATIVE_NODES", MPOL_F_RELATIVE_NODES },
	{ "MPOL_F_NUMA_BALANCING", MPOL_F_NUMA_BALANCING },
	{ NULL, 0 },
};
static const struct name_value domains[] = {
	{ "LINUX", PER_LINUX },
	{ "LINUX32", PER_LINUX32 },
	{ NULL, 0 },
};

static bool lookup(const struct name_value *table, const char *name, unsigned long *ret_value)
{
	for (; table->name; table++) {
		if (str_eq(table->name, name)) {
			*ret_value = table->value;
			return true;
		}
	}
	return false;
}

static bool lookup_all(const struct name_value *table, const struct strv *names,
		       unsigned long *ret_value)
{
	unsigned long sum = 0;
	unsigned long one = 0;

	for (size_t i = 0; i < names->count; i++) {
		if (!lookup(table, names->v[i], &one))
			return false;
		sum |= one;
	}
	*ret_value = sum;
	return true;
}

/* "0-3,7" into a bitmap of max bits; 0, -EINVAL or -ERANGE. */
static int parse_list(const char *text, unsigned long *bits, size_t max)
{
	auto_done(strv) struct strv parts = STRV_INIT;
	size_t width = 8 * sizeof(*bits);

	memset(bits, 0, max / 8);
	strv_split(&parts, text, ',');
	for (size_t i = 0; i < parts.count; i++) {
		char *dash = strchr(parts.v[i], '-');
		uint32_t first = 0;
		uint32_t last = 0;
		int r = 0;

		if (dash)
			*dash = '\0';
		r = str_to_u32(str_trim(parts.v[i]), &first);
		if (r == 0)
			r = dash ? str_to_u32(str_trim(dash + 1), &last) : 0;
		if (!dash)
			last = first;
		if (r < 0 || last < first)
			return -EINVAL;
		if (last >= max)
			return -ERANGE;
		for (uint32_t n = first; n <= last; n++)
			bits[n / width] |= 1UL << (n % width);
	}
	return 0;
}

static int validate_process(const struct oci_process *process, struct err *err)
{
	unsigned long bits[CPU_SETSIZE / (8 * sizeof(unsigned long))];
	unsigned long value = 0;

	if (process->scheduler && !lookup(policies, process->scheduler->policy, &value))
		return err_say(err, ERR_USAGE, "process.scheduler.policy %s is not known",
			       process->scheduler->policy);
	if (process->scheduler && !lookup_all(sched_flags, &process->scheduler->flags, &value))
		return err_say(err, ERR_USAGE, "process.scheduler.flags has an unknown flag");
	if (process->io_priority && !lookup(io_classes, process->io_priority->class, &value))
		return err_say(err, ERR_USAGE, "process.ioPriority.class %s is not known",
			       process->io_priority->class);
	if (process->io_priority &&
	    (process->io_priority->priority < 0 || process->io_priority->priority > 7))
		return err_say(err, ERR_USAGE, "process.ioPriority.priority is not 0 to 7");
	if (process->cpu_affinity_initial &&
	    parse_list(process->cpu_affinity_initial, bits, CPU_SETSIZE) < 0)
		return err_say(err, ERR_USAGE, "process.execCPUAffinity.initial %s is not a list",
			       process->cpu_affinity_initial);
	if (process->cpu_affinity_final &&
	    parse_list(process->cpu_affinity_final, bits, CPU_SETSIZE) < 0)
		return err_say(err, ERR_USAGE, "process.execCPUAffinity.final %s is not a list",
			       process->cpu_affinity_final);
	return 0;
}

int scheduling_validate(const struct oci_spec *spec, struct err *err)
{
	const struct oci_memory_policy *policy = spec->linux_.memory_policy;
	unsigned long nodes[NODES_MAX / (8 * sizeof(unsigned long))];
	unsigned long value = 0;

	if (spec->linux_.personality_domain &&
	    !lookup(domains, spec->linux_.personality_domain, &value))
		return err_say(err, ERR_USAGE, "linux.personality.domain %s is not known",
			       spec->linux_.personality_domain);
	if (spec->linux_.personality_flags.count > 0)
		return err_say(err, ERR_USAGE, "linux.personality.flags: none is defined yet");
	if (policy && !lookup(memory_modes, policy->mode, &value))
		return err_say(err, ERR_USAGE, "linux.memoryPolicy.mode %s is not known",
			       policy->mode);
	if (policy && !lookup_all(memory_flags, &policy->flags, &value))
		return err_say(err, ERR_USAGE, "linux.memoryPolicy.flags has an unknown flag");
	if (policy && !str_empty(policy->nodes) && parse_list(policy->nodes, nodes, NODES_MAX) < 0)
		return err_say(err, ERR_USAGE, "linux.memoryPolicy.nodes %s is not a list",
			       policy->nodes);
	return spec->has_process ? validate_process(&spec->process, err) : 0;
}

/*
 * Without CAP_SYS_RESOURCE in the first user namespace the score cannot be lowered (proc(5)): a
 * rootless container then keeps the caller's score, as with crun.
 */
static int apply_oom(const struct process_plan *plan, struct err *err)
{
	char text[24];
	int r = 0;

	if (!plan->process->oom_score_adj.has)
		return 0;
	snprintf(text, sizeof(text), "%lld", (long long)plan->process->oom_score_adj.value);
	r = proc_write(plan->proc_fd, "self/oom_score_adj", text);
	if (r == -EACCES || r == -EPERM)
		return 0;
	return r < 0 ? err_set(err, r, "cannot set process.oomScoreAdj to %s", text) : 0;
}

static int apply_scheduler(const struct oci_scheduler *want, struct err *err)
{
	unsigned long policy = 0;
	unsigned long flags = 0;
	struct scheduler_attr attr = { .size = sizeof(attr),
				       .sched_nice = want->nice,
				       .sched_priority = (uint32_t)want->priority,
				       .sched_runtime = want->runtime,
				       .sched_deadline = want->deadline,
				       .sched_period = want->period };

	(void)lookup(policies, want->policy, &policy); /* scheduling_validate() saw to it */
	(void)lookup_all(sched_flags, &want->flags, &flags);
	attr.sched_policy = (uint32_t)policy;
	attr.sched_flags = flags;
	if (syscall(SYS_sched_setattr, 0, &attr, 0) < 0)
		return err_set(err, -errno, "cannot set process.scheduler to %s", want->policy);
	return 0;
}

static int apply_io_priority(const struct oci_io_priority *want, struct err *err)
{
	unsigned long class = 0;

	(void)lookup(io_classes, want->class, &class);
	if (syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0,
		    IOPRIO_PRIO_VALUE(class, want->priority)) < 0)
		return err_set(err, -errno, "cannot set process.ioPriority to %s %d", want->class,
			       want->priority);
	return 0;
}

static int apply_affinity(const char *list, struct err *err)
{
	unsigned long bits[CPU_SETSIZE / (8 * sizeof(unsigned long))];

	if (parse_list(list, bits, CPU_SETSIZE) < 0 ||
	    syscall(SYS_sched_setaffinity, 0, sizeof(bits), bits) < 0)
		return err_set(err, -EINVAL, "cannot run on processors %s", list);
	return 0;
}

static int apply_memory_policy(const struct oci_memory_policy *want, struct err *err)
{
	unsigned long nodes[NODES_MAX / (8 * sizeof(unsigned long))] = { 0 };
	unsigned long mode = 0;
	unsigned long flags = 0;
	bool listed = !str_empty(want->nodes);

	(void)lookup(memory_modes, want->mode, &mode);
	(void)lookup_all(memory_flags, &want->flags, &flags);
	if (listed)
		(void)parse_list(want->nodes, nodes, NODES_MAX);
	if (syscall(SYS_set_mempolicy, mode | flags, listed ? nodes : NULL,
		    listed ? NODES_MAX + 1 : 0) < 0)
		return err_set(err, -errno, "cannot set linux.memoryPolicy to %s", want->mode);
	return 0;
}

int scheduling_apply(const struct process_plan *plan, struct err *err)
{
	const struct oci_process *process = plan->process;
	unsigned long domain = 0;
	int r = apply_oom(plan, err);

	if (r == 0 && process->scheduler)
		r = apply_scheduler(process->scheduler, err);
	if (r == 0 && process->io_priority)
		r = apply_io_priority(process->io_priority, err);
	/* The list for exec alone; "initial" is for the way into the cgroup, which is over. */
	if (r == 0 && !plan->first && !str_empty(process->cpu_affinity_final))
		r = apply_affinity(process->cpu_affinity_final, err);
	if (r < 0 || !plan->linux_)
		return r;
	if (plan->linux_->memory_policy)
		r = apply_memory_policy(plan->linux_->memory_policy, err);
	if (r == 0 && plan->linux_->personality_domain) {
		(void)lookup(domains, plan->linux_->personality_domain, &domain);
		if (personality(domain) < 0)
			r = err_set(err, -errno, "cannot set linux.personality to %s",
				    plan->linux_->personality_domain);
	}
	return r;
}
