/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which limits can be kept where: see cgroup_apply() in cgroup.h. Runs in the process that makes
 * the container, before its first process runs, and in `update`.
 */
#include <errno.h>
#include <stdio.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/str.h"
#include "engine/cgroup/cgroup-internal.h"

const struct cgroup_limits cgroup_limits_none = {
	.memory = CGROUP_UNSET,
	.memory_reservation = CGROUP_UNSET,
	.memory_swap = CGROUP_UNSET,
	.memory_swappiness = CGROUP_UNSET,
	.memory_kernel = CGROUP_UNSET,
	.cpu_shares = CGROUP_UNSET,
	.cpu_quota = CGROUP_UNSET,
	.cpu_period = CGROUP_UNSET,
	.cpu_burst = CGROUP_UNSET,
	.cpu_idle = CGROUP_UNSET,
	.cpu_rt_runtime = CGROUP_UNSET,
	.cpu_rt_period = CGROUP_UNSET,
	.pids = CGROUP_UNSET,
	.io_weight = CGROUP_UNSET,
};

static bool set(int64_t value)
{
	return value != CGROUP_UNSET;
}

/* The controller that a cgroup2 file belongs to ("memory.high": memory). */
static unsigned int kind_of_file(const char *file)
{
	for (unsigned int i = 0; i < CGROUP_KINDS; i++) {
		const char *rest = str_after(file, cgroup_kind_name(i, false));

		if (rest && *rest == '.')
			return 1U << i;
	}
	return 0;
}

unsigned int cgroup_limits_need(const struct cgroup_limits *l)
{
	unsigned int need = 0;

	if (set(l->memory) || set(l->memory_reservation) || set(l->memory_swap) ||
	    set(l->memory_kernel) || set(l->memory_swappiness) || l->oom_kill_disable)
		need |= CGROUP_MEMORY;
	if (set(l->cpu_shares) || set(l->cpu_quota) || set(l->cpu_period) || set(l->cpu_burst) ||
	    set(l->cpu_idle) || set(l->cpu_rt_runtime) || set(l->cpu_rt_period))
		need |= CGROUP_CPU;
	if (l->cpus || l->mems)
		need |= CGROUP_CPUSET;
	if (set(l->pids))
		need |= CGROUP_PIDS;
	if (set(l->io_weight) || l->io_weight_count > 0)
		need |= CGROUP_IO;
	for (size_t i = 0; i < ARRAY_SIZE(l->io_max); i++)
		if (l->io_max_count[i] > 0)
			need |= CGROUP_IO;
	if (l->hugepage_count > 0)
		need |= CGROUP_HUGETLB;
	for (size_t i = 0; i < l->unified_count; i++)
		need |= kind_of_file(l->unified[2 * i]);
	if (l->device_count > 0)
		need |= CGROUP_DEVICES;
	return need;
}

/* One sentence a controller that is asked for and missing. */
static void report_missing(const struct cgroup_apply *a, unsigned int missing)
{
	static const char *const what[CGROUP_KINDS] = { "CPU limit",	"CPU set",
							"memory limit", "block I/O limit",
							"pids limit",	"huge page limit" };

	for (unsigned int i = 0; i < CGROUP_KINDS; i++) {
		unsigned int kind = 1U << i;

		if (!(missing & kind) || !what[i])
			continue; /* device rules are no limit: see devices.c */
		if (a->cgroup->fd < 0 && a->host->reason[0])
			strv_addf(a->ignored, "%s ignored: %s", what[i], a->host->reason);
		else if (a->host->reason[0] && !(a->host->v2 & kind))
			strv_addf(a->ignored,
				  "%s ignored: cgroup controller %s is not available (%s)", what[i],
				  cgroup_kind_name(i, false), a->host->reason);
		else
			strv_addf(a->ignored, "%s ignored: cgroup controller %s is not %s", what[i],
				  cgroup_kind_name(i, false),
				  a->host->v2 & kind ? "enabled in the container's parent group"
						     : "delegated to this user");
	}
}

/* Values that no kernel takes, so that the sentence names the rule and not a file. */
static int check(const struct cgroup_limits *l, struct err *err)
{
	if (set(l->memory_swap) && l->memory_swap > 0) {
		if (!set(l->memory) || l->memory <= 0)
			return err_say(err, ERR_USAGE,
				       "a limit of memory plus swap needs a memory limit");
		if (l->memory_swap < l->memory)
			return err_say(
				err, ERR_USAGE,
				"the limit of memory plus swap must not be below the memory limit");
	}
	if (set(l->io_weight) && l->io_weight != 0 && (l->io_weight < 10 || l->io_weight > 1000))
		return err_say(err, ERR_USAGE, "block I/O weight %lld is not between 10 and 1000",
			       (long long)l->io_weight);
	if (set(l->cpu_shares) && l->cpu_shares < 0)
		return err_say(err, ERR_USAGE, "CPU shares must not be negative");
	return 0;
}

int cgroup_apply(const struct cgroup_host *host, const struct cgroup *cgroup,
		 const struct cgroup_limits *limits, struct strv *ret_ignored, struct err *err)
{
	const struct cgroup_apply a = { host, cgroup, limits, ret_ignored };
	unsigned int need = cgroup_limits_need(limits);
	int r = check(limits, err);

	if (r == 0 && cgroup->fd >= 0)
		r = cgroup_apply_v2(&a, need & cgroup->controllers, err);
	if (r == 0)
		r = cgroup_apply_v1(&a, need & cgroup->v1 & ~cgroup->controllers, err);
	if (r == 0 && (need & CGROUP_DEVICES))
		r = cgroup_apply_devices(&a, err);
	if (r == 0 && cgroup->fd < 0 && limits->unified_count > 0)
		strv_addf(ret_ignored, "cgroup v2 settings ignored: %s",
			  host->reason[0] ? host->reason : "the container has no cgroup v2 group");
	if (r == 0)
		report_missing(&a, need & ~(cgroup->controllers | cgroup->v1));
	return r;
}
