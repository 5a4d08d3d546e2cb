/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits on cgroup v2. The OCI runtime spec's linux.resources speaks v1; what each value becomes is
 * written in docs/formats/cgroup.md (Documentation/admin-guide/cgroup-v2.rst has the files).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/str.h"
#include "engine/cgroup/cgroup-internal.h"

static bool set(int64_t value)
{
	return value != CGROUP_UNSET;
}

/* A number, or "max" for a negative one. */
static int write_max(int fd, const char *file, int64_t value, struct err *err)
{
	return value < 0 ? cgroup_write(fd, file, "max", err)
			 : cgroup_write_i64(fd, file, value, err);
}

static int apply_memory(const struct cgroup_apply *a, struct err *err)
{
	const struct cgroup_limits *l = a->limits;
	int fd = a->cgroup->fd;
	int r = 0;

	if (set(l->memory_swap) && l->memory_swap != 0) {
		/* v1 counts memory and swap together, v2 swap alone. */
		int64_t swap = l->memory_swap < 0 ? -1 : l->memory_swap - l->memory;

		if (cgroup_has_file(fd, "memory.swap.max"))
			r = write_max(fd, "memory.swap.max", swap, err);
		else if (swap > 0)
			strv_add(a->ignored, "swap limit ignored: this kernel does not count swap");
	}
	if (r == 0 && set(l->memory) && l->memory != 0)
		r = write_max(fd, "memory.max", l->memory, err);
	if (r == 0 && set(l->memory_reservation) && l->memory_reservation != 0)
		r = write_max(fd, "memory.low", l->memory_reservation, err);
	if (set(l->memory_swappiness))
		strv_add(a->ignored, "memory swappiness ignored: cgroup v2 has none");
	if (set(l->memory_kernel) && l->memory_kernel > 0)
		strv_add(a->ignored, "kernel memory limit ignored: cgroup v2 has none");
	if (l->oom_kill_disable)
		strv_add(a->ignored, "disabling the OOM killer ignored: cgroup v2 cannot");
	return r;
}

/* log2 of x >= 1 and 10 to the power of 0 <= x <= 5, to eight digits: no need for libm. */
static double log2_of(double x)
{
	double result = 0;
	double bit = 1;

	while (x >= 2) {
		x /= 2;
		result += 1;
	}
	for (int i = 0; i < 30; i++) {
		bit /= 2;
		x *= x;
		if (x >= 2) {
			x /= 2;
			result += bit;
		}
	}
	return result;
}

static double ten_to_the(double x)
{
	double power = 1;
	double sum = 1;
	double term = 1;

	while (x >= 1) {
		x -= 1;
		power *= 10;
	}
	for (int i = 1; i < 24; i++) {
		term *= x * 2.302585092994046 / i;
		sum += term;
	}
	return power * sum;
}

/*
 * CPU shares (2 to 262144, default 1024) as a weight (1 to 10000, default 100). The formula maps
 * both ends and the default onto each other; crun 1.23 and runc 1.3.2 brought it in the place of a
 * straight line that made 39 of the default.
 */
uint64_t cgroup_weight_from_shares(uint64_t shares)
{
	double l = 0;
	double exponent = 0;
	double weight = 0;

	if (shares <= 2)
		return 1;
	if (shares >= 262144)
		return 10000;
	l = log2_of((double)shares);
	exponent = (l * l + 125 * l) / 612.0 - 7.0 / 34.0;
	weight = ten_to_the(exponent);
	/* Rounded up, but for what is only the error of the arithmetic. */
	return (uint64_t)weight + (weight - (double)(uint64_t)weight > 1e-5);
}

static int apply_cpu(const struct cgroup_apply *a, struct err *err)
{
	const struct cgroup_limits *l = a->limits;
	int fd = a->cgroup->fd;
	char text[64];
	int r = 0;

	/* An idle group has no weight: writing one would give EINVAL. */
	if (set(l->cpu_idle))
		r = cgroup_write_i64(fd, "cpu.idle", l->cpu_idle, err);
	if (r == 0 && set(l->cpu_shares) && l->cpu_shares != 0 &&
	    !(set(l->cpu_idle) && l->cpu_idle == 1))
		r = cgroup_write_i64(fd, "cpu.weight",
				     (int64_t)cgroup_weight_from_shares((uint64_t)l->cpu_shares),
				     err);
	if (r == 0 && ((set(l->cpu_quota) && l->cpu_quota != 0) ||
		       (set(l->cpu_period) && l->cpu_period != 0))) {
		long long period = set(l->cpu_period) && l->cpu_period > 0 ? l->cpu_period : 100000;

		if (set(l->cpu_quota) && l->cpu_quota > 0)
			(void)snprintf(text, sizeof(text), "%lld %lld", (long long)l->cpu_quota,
				       period);
		else
			(void)snprintf(text, sizeof(text), "max %lld", period);
		r = cgroup_write(fd, "cpu.max", text, err);
	}
	if (r == 0 && set(l->cpu_burst))
		r = cgroup_write_i64(fd, "cpu.max.burst", l->cpu_burst, err);
	if ((set(l->cpu_rt_runtime) && l->cpu_rt_runtime != 0) ||
	    (set(l->cpu_rt_period) && l->cpu_rt_period != 0))
		strv_add(a->ignored, "real-time CPU limit ignored: cgroup v2 has none");
	return r;
}

static int apply_io_max(int fd, const struct cgroup_limits *l, struct err *err)
{
	static const char *const keys[] = { "rbps", "wbps", "riops", "wiops" };
	char text[96];
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		for (size_t k = 0; k < l->io_max_count[i] && r == 0; k++) {
			const struct cgroup_device_rate *rate = &l->io_max[i][k];

			(void)snprintf(text, sizeof(text), "%u:%u %s=%llu", rate->major,
				       rate->minor, keys[i], (unsigned long long)rate->rate);
			r = cgroup_write(fd, "io.max", text, err);
		}
	return r;
}

static int apply_io(const struct cgroup_apply *a, struct err *err)
{
	const struct cgroup_limits *l = a->limits;
	int fd = a->cgroup->fd;
	bool bfq = cgroup_has_file(fd, "io.bfq.weight");
	int r = 0;

	if (set(l->io_weight) && l->io_weight != 0) {
		/* BFQ's range is v1's; io.weight's is 1 to 10000. */
		if (bfq)
			r = cgroup_write_i64(fd, "io.bfq.weight", l->io_weight, err);
		else if (cgroup_has_file(fd, "io.weight"))
			r = cgroup_write_i64(fd, "io.weight", 1 + (l->io_weight - 10) * 9999 / 990,
					     err);
		else
			strv_add(a->ignored,
				 "block I/O weight ignored: no I/O scheduler here keeps weights");
	}
	for (size_t i = 0; i < l->io_weight_count && r == 0; i++) {
		const struct cgroup_device_rate *w = &l->io_weights[i];
		char text[64];

		if (!bfq) {
			strv_addf(a->ignored,
				  "block I/O weight of device %u:%u ignored: it needs the BFQ "
				  "scheduler",
				  w->major, w->minor);
			continue;
		}
		(void)snprintf(text, sizeof(text), "%u:%u %llu", w->major, w->minor,
			       (unsigned long long)w->rate);
		r = cgroup_write(fd, "io.bfq.weight", text, err);
	}
	return r == 0 ? apply_io_max(fd, l, err) : r;
}

static int apply_rest(const struct cgroup_apply *a, unsigned int kinds, struct err *err)
{
	const struct cgroup_limits *l = a->limits;
	int fd = a->cgroup->fd;
	int r = 0;

	if ((kinds & CGROUP_CPUSET) && l->cpus)
		r = cgroup_write(fd, "cpuset.cpus", l->cpus, err);
	if (r == 0 && (kinds & CGROUP_CPUSET) && l->mems)
		r = cgroup_write(fd, "cpuset.mems", l->mems, err);
	if (r == 0 && (kinds & CGROUP_PIDS))
		r = write_max(fd, "pids.max", l->pids > 0 ? l->pids : -1, err);
	for (size_t i = 0; i < l->hugepage_count && r == 0 && (kinds & CGROUP_HUGETLB); i++) {
		char file[64];

		(void)snprintf(file, sizeof(file), "hugetlb.%.30s.max", l->hugepages[i].size);
		if (strchr(l->hugepages[i].size, '/'))
			return err_say(err, ERR_USAGE, "\"%s\" is no huge page size",
				       l->hugepages[i].size);
		r = l->hugepages[i].limit > INT64_MAX
			    ? cgroup_write(fd, file, "max", err)
			    : cgroup_write_i64(fd, file, (int64_t)l->hugepages[i].limit, err);
	}
	return r;
}

/* Raw files last: who writes them means it. */
static int apply_unified(const struct cgroup_apply *a, struct err *err)
{
	const struct cgroup_limits *l = a->limits;
	int r = 0;

	for (size_t i = 0; i < l->unified_count && r == 0; i++) {
		const char *file = l->unified[2 * i];

		/* Never the files that move processes or hand out controllers. */
		if (strchr(file, '/') || !strchr(file, '.') || str_starts(file, "cgroup."))
			return err_say(err, ERR_USAGE,
				       "\"%s\" is no file of a control group's limits", file);
		if (!cgroup_has_file(a->cgroup->fd, file))
			return err_say(err, ERR_UNSUPPORTED,
				       "the control group has no file %s: its controller is not "
				       "available here",
				       file);
		r = cgroup_write(a->cgroup->fd, file, l->unified[2 * i + 1], err);
	}
	return r;
}

int cgroup_apply_v2(const struct cgroup_apply *a, unsigned int kinds, struct err *err)
{
	int r = 0;

	if (kinds & CGROUP_MEMORY)
		r = apply_memory(a, err);
	if (r == 0 && (kinds & CGROUP_CPU))
		r = apply_cpu(a, err);
	if (r == 0 && (kinds & CGROUP_IO))
		r = apply_io(a, err);
	if (r == 0)
		r = apply_rest(a, kinds, err);
	return r == 0 ? apply_unified(a, err) : r;
}
