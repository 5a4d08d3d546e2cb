/* SPDX-License-Identifier: Apache-2.0 */
/* A group's figures, from v2's files or v1's: see cgroup_stats() in cgroup.h. Runs in commands. */
#include <errno.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/file.h"
#include "engine/cgroup/cgroup-internal.h"

/* v1 says "no limit" by a number of pages that no machine has. */
#define V1_NO_LIMIT 0x7ffffffffffff000ULL

static void stats_v2(const struct cgroup *cgroup, struct cgroup_stats *s)
{
	auto_free char *io = NULL;
	int fd = cgroup->fd;

	if (cgroup_read_flat(fd, "cpu.stat", "usage_usec", &s->cpu_ns) == 0) {
		s->have |= CGROUP_CPU;
		s->cpu_ns *= 1000;
		(void)cgroup_read_flat(fd, "cpu.stat", "user_usec", &s->cpu_user_ns);
		(void)cgroup_read_flat(fd, "cpu.stat", "system_usec", &s->cpu_system_ns);
		s->cpu_user_ns *= 1000;
		s->cpu_system_ns *= 1000;
	}
	if (cgroup_read_value(fd, "memory.current", &s->memory) == 0) {
		s->have |= CGROUP_MEMORY;
		/* The rest is younger or optional: zero where it is missing. */
		(void)cgroup_read_value(fd, "memory.max", &s->memory_limit);
		(void)cgroup_read_value(fd, "memory.peak", &s->memory_peak);
		(void)cgroup_read_value(fd, "memory.swap.current", &s->swap);
		(void)cgroup_read_flat(fd, "memory.stat", "inactive_file",
				       &s->memory_inactive_file);
	}
	if (cgroup_read_value(fd, "pids.current", &s->pids) == 0) {
		s->have |= CGROUP_PIDS;
		(void)cgroup_read_value(fd, "pids.max", &s->pids_limit);
	}
	if (file_read_at(fd, "io.stat", CGROUP_FILE_MAX, &io, NULL) == 0) {
		s->have |= CGROUP_IO;
		cgroup_parse_io_stat(io, &s->io_read, &s->io_write);
	}
}

static int v1_fd(const struct cgroup *cgroup, const struct cgroup_stats *s, unsigned int kind)
{
	return s->have & kind ? -1 : cgroup->v1_fds[__builtin_ctz(kind)];
}

static void stats_v1(const struct cgroup *cgroup, struct cgroup_stats *s)
{
	const uint64_t tick_ns = 1000000000ULL / (uint64_t)sysconf(_SC_CLK_TCK);
	auto_free char *io = NULL;
	int fd = cgroup->v1_fds[__builtin_ctz(CGROUP_CPUACCT)];

	if (fd >= 0 && cgroup_read_value(fd, "cpuacct.usage", &s->cpu_ns) == 0) {
		s->have |= CGROUP_CPU;
		(void)cgroup_read_flat(fd, "cpuacct.stat", "user", &s->cpu_user_ns);
		(void)cgroup_read_flat(fd, "cpuacct.stat", "system", &s->cpu_system_ns);
		s->cpu_user_ns *= tick_ns;
		s->cpu_system_ns *= tick_ns;
	}
	fd = v1_fd(cgroup, s, CGROUP_MEMORY);
	if (fd >= 0 && cgroup_read_value(fd, "memory.usage_in_bytes", &s->memory) == 0) {
		s->have |= CGROUP_MEMORY;
		(void)cgroup_read_value(fd, "memory.limit_in_bytes", &s->memory_limit);
		if (s->memory_limit >= V1_NO_LIMIT)
			s->memory_limit = UINT64_MAX;
		(void)cgroup_read_value(fd, "memory.max_usage_in_bytes", &s->memory_peak);
		(void)cgroup_read_flat(fd, "memory.stat", "total_inactive_file",
				       &s->memory_inactive_file);
		(void)cgroup_read_flat(fd, "memory.stat", "total_swap", &s->swap);
	}
	fd = v1_fd(cgroup, s, CGROUP_PIDS);
	if (fd >= 0 && cgroup_read_value(fd, "pids.current", &s->pids) == 0) {
		s->have |= CGROUP_PIDS;
		(void)cgroup_read_value(fd, "pids.max", &s->pids_limit);
	}
	fd = v1_fd(cgroup, s, CGROUP_IO);
	if (fd >= 0 && file_read_at(fd, "blkio.throttle.io_service_bytes_recursive",
				    CGROUP_FILE_MAX, &io, NULL) == 0) {
		s->have |= CGROUP_IO;
		cgroup_parse_blkio(io, &s->io_read, &s->io_write);
	}
}

int cgroup_stats(const struct cgroup *cgroup, struct cgroup_stats *ret_stats)
{
	struct cgroup_stats s = { .memory_limit = UINT64_MAX, .pids_limit = UINT64_MAX };

	if (cgroup->fd < 0 && cgroup->v1 == 0)
		return -EOPNOTSUPP;
	if (cgroup->fd >= 0)
		stats_v2(cgroup, &s);
	stats_v1(cgroup, &s);
	/* Nobody there any more, rather than nobody counts. */
	if (cgroup->fd >= 0 && s.have == 0)
		return -ENOENT;
	s.oom_kills = cgroup_oom_count(cgroup);
	*ret_stats = s;
	return 0;
}
