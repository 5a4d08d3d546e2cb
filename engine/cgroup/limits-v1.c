/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits on cgroup v1, where the caller may write its hierarchies (real root). Files:
 * Documentation/admin-guide/cgroup-v1/.
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

static int fd_of(const struct cgroup_apply *a, unsigned int kind)
{
	return a->cgroup->v1_fds[__builtin_ctz(kind)];
}

/*
 * memory.limit_in_bytes must never exceed memory.memsw.limit_in_bytes, so what is raised comes in
 * one order and what is lowered in the other.
 */
static int apply_memory_and_swap(const struct cgroup_apply *a, struct err *err)
{
	const struct cgroup_limits *l = a->limits;
	int fd = fd_of(a, CGROUP_MEMORY);
	bool swap_set = set(l->memory_swap) && l->memory_swap != 0;
	uint64_t now = UINT64_MAX;
	int r = 0;

	if (swap_set && !cgroup_has_file(fd, "memory.memsw.limit_in_bytes")) {
		strv_add(a->ignored, "swap limit ignored: this kernel does not count swap");
		swap_set = false;
	}
	(void)cgroup_read_value(fd, "memory.limit_in_bytes", &now); /* unknown: as if unlimited */
	if (swap_set && (l->memory_swap < 0 || (uint64_t)l->memory_swap >= now)) {
		r = cgroup_write_i64(fd, "memory.memsw.limit_in_bytes", l->memory_swap, err);
		swap_set = false;
	}
	if (r == 0 && set(l->memory) && l->memory != 0)
		r = cgroup_write_i64(fd, "memory.limit_in_bytes", l->memory, err);
	if (r == 0 && swap_set)
		r = cgroup_write_i64(fd, "memory.memsw.limit_in_bytes", l->memory_swap, err);
	return r;
}

static int apply_memory(const struct cgroup_apply *a, struct err *err)
{
	const struct cgroup_limits *l = a->limits;
	int fd = fd_of(a, CGROUP_MEMORY);
	int r = apply_memory_and_swap(a, err);

	if (r == 0 && set(l->memory_reservation) && l->memory_reservation != 0)
		r = cgroup_write_i64(fd, "memory.soft_limit_in_bytes", l->memory_reservation, err);
	if (r == 0 && set(l->memory_swappiness))
		r = cgroup_write_i64(fd, "memory.swappiness", l->memory_swappiness, err);
	if (r == 0 && l->oom_kill_disable)
		r = cgroup_write(fd, "memory.oom_control", "1", err);
	if (set(l->memory_kernel) && l->memory_kernel > 0)
		strv_add(a->ignored, "kernel memory limit ignored: kernels no longer keep it");
	return r;
}

static int apply_cpu(const struct cgroup_apply *a, struct err *err)
{
	const struct cgroup_limits *l = a->limits;
	const struct {
		const char *file;
		int64_t value;
	} files[] = {
		{ "cpu.shares", l->cpu_shares },
		{ "cpu.cfs_period_us", l->cpu_period },
		{ "cpu.cfs_quota_us", l->cpu_quota },
		{ "cpu.cfs_burst_us", l->cpu_burst },
		{ "cpu.rt_period_us", l->cpu_rt_period },
		{ "cpu.rt_runtime_us", l->cpu_rt_runtime },
		{ "cpu.idle", l->cpu_idle },
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(files) && r == 0; i++)
		if (set(files[i].value) && files[i].value != 0)
			r = cgroup_write_i64(fd_of(a, CGROUP_CPU), files[i].file, files[i].value,
					     err);
	return r;
}

static int apply_io(const struct cgroup_apply *a, struct err *err)
{
	static const char *const files[] = { "blkio.throttle.read_bps_device",
					     "blkio.throttle.write_bps_device",
					     "blkio.throttle.read_iops_device",
					     "blkio.throttle.write_iops_device" };
	const struct cgroup_limits *l = a->limits;
	int fd = fd_of(a, CGROUP_IO);
	const char *weight =
		cgroup_has_file(fd, "blkio.bfq.weight") ? "blkio.bfq.weight" : "blkio.weight";
	char text[96];
	int r = 0;

	if (set(l->io_weight) && l->io_weight != 0) {
		if (cgroup_has_file(fd, weight))
			r = cgroup_write_i64(fd, weight, l->io_weight, err);
		else
			strv_add(a->ignored,
				 "block I/O weight ignored: no I/O scheduler here keeps weights");
	}
	if (l->io_weight_count > 0)
		strv_add(a->ignored,
			 "block I/O weights of devices ignored: cgroup v1's are not supported");
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		for (size_t k = 0; k < l->io_max_count[i] && r == 0; k++) {
			const struct cgroup_device_rate *rate = &l->io_max[i][k];

			(void)snprintf(text, sizeof(text), "%u:%u %llu", rate->major, rate->minor,
				       (unsigned long long)rate->rate);
			r = cgroup_write(fd, files[i], text, err);
		}
	return r;
}

static int apply_hugepages(const struct cgroup_apply *a, struct err *err)
{
	const struct cgroup_limits *l = a->limits;
	int r = 0;

	for (size_t i = 0; i < l->hugepage_count && r == 0; i++) {
		char file[80];

		if (strchr(l->hugepages[i].size, '/'))
			return err_say(err, ERR_USAGE, "\"%s\" is no huge page size",
				       l->hugepages[i].size);
		(void)snprintf(file, sizeof(file), "hugetlb.%.30s.limit_in_bytes",
			       l->hugepages[i].size);
		r = cgroup_write_i64(
			fd_of(a, CGROUP_HUGETLB), file,
			l->hugepages[i].limit > INT64_MAX ? -1 : (int64_t)l->hugepages[i].limit,
			err);
	}
	return r;
}

int cgroup_apply_v1(const struct cgroup_apply *a, unsigned int kinds, struct err *err)
{
	const struct cgroup_limits *l = a->limits;
	int r = 0;

	if (kinds & CGROUP_MEMORY)
		r = apply_memory(a, err);
	if (r == 0 && (kinds & CGROUP_CPU))
		r = apply_cpu(a, err);
	if (r == 0 && (kinds & CGROUP_CPUSET) && l->cpus)
		r = cgroup_write(fd_of(a, CGROUP_CPUSET), "cpuset.cpus", l->cpus, err);
	if (r == 0 && (kinds & CGROUP_CPUSET) && l->mems)
		r = cgroup_write(fd_of(a, CGROUP_CPUSET), "cpuset.mems", l->mems, err);
	if (r == 0 && (kinds & CGROUP_PIDS))
		r = l->pids > 0 ? cgroup_write_i64(fd_of(a, CGROUP_PIDS), "pids.max", l->pids, err)
				: cgroup_write(fd_of(a, CGROUP_PIDS), "pids.max", "max", err);
	if (r == 0 && (kinds & CGROUP_IO))
		r = apply_io(a, err);
	if (r == 0 && (kinds & CGROUP_HUGETLB))
		r = apply_hugepages(a, err);
	return r;
}
