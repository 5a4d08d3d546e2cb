/* SPDX-License-Identifier: Apache-2.0 */
/* linux.cgroupsPath and linux.resources for bryo-runtime, on top of engine/cgroup. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/err.h"
#include "engine/runtime/cli/bundle.h"

static int64_t opt(const struct oci_i64 *value)
{
	return value->has ? value->value : CGROUP_UNSET;
}

static int64_t opt_u(const struct oci_u64 *value)
{
	if (!value->has)
		return CGROUP_UNSET;
	return value->value > INT64_MAX ? INT64_MAX : (int64_t)value->value;
}

/* Lists that the limits point into. */
struct lists {
	struct cgroup_device *devices;
	struct cgroup_hugepage *hugepages;
	struct cgroup_device_rate *rates[5];
	const char **unified;
};

static void lists_done(struct lists *lists)
{
	free(lists->devices);
	free(lists->hugepages);
	for (size_t i = 0; i < ARRAY_SIZE(lists->rates); i++)
		free(lists->rates[i]);
	free(lists->unified);
}

static void fill_plain(const struct oci_resources *r, struct cgroup_limits *limits)
{
	limits->memory = opt(&r->memory.limit);
	limits->memory_reservation = opt(&r->memory.reservation);
	limits->memory_swap = opt(&r->memory.swap);
	limits->memory_kernel = opt(&r->memory.kernel);
	limits->memory_swappiness = opt_u(&r->memory.swappiness);
	limits->oom_kill_disable = r->memory.disable_oom_killer.value != 0;
	limits->cpu_shares = opt_u(&r->cpu.shares);
	limits->cpu_quota = opt(&r->cpu.quota);
	limits->cpu_period = opt_u(&r->cpu.period);
	limits->cpu_burst = opt_u(&r->cpu.burst);
	limits->cpu_idle = opt(&r->cpu.idle);
	limits->cpu_rt_runtime = opt(&r->cpu.realtime_runtime);
	limits->cpu_rt_period = opt_u(&r->cpu.realtime_period);
	limits->cpus = r->cpu.cpus;
	limits->mems = r->cpu.mems;
	limits->pids = opt(&r->pids_limit);
	limits->io_weight = opt_u(&r->block_io.weight);
}

static void fill_devices(const struct oci_resources *r, struct lists *lists,
			 struct cgroup_limits *limits)
{
	lists->devices = xcalloc(r->devices.count + 1, sizeof(*lists->devices));
	for (size_t i = 0; i < r->devices.count; i++) {
		const struct oci_device_rule *from = &r->devices.v[i];
		struct cgroup_device *to = &lists->devices[i];

		to->allow = from->allow;
		to->type = from->type ? from->type : 'a';
		to->major = from->major.has ? from->major.value : -1;
		to->minor = from->minor.has ? from->minor.value : -1;
		snprintf(to->access, sizeof(to->access), "%s", str_or(from->access, "rwm"));
	}
	limits->devices = r->devices.count ? lists->devices : NULL;
	limits->device_count = r->devices.count;
}

static void fill_rates(const struct oci_resources *r, struct lists *lists,
		       struct cgroup_limits *limits)
{
	const struct oci_throttle_devices *from[4] = { &r->block_io.read_bps,
						       &r->block_io.write_bps,
						       &r->block_io.read_iops,
						       &r->block_io.write_iops };

	for (size_t k = 0; k < 4; k++) {
		lists->rates[k] = xcalloc(from[k]->count + 1, sizeof(*lists->rates[k]));
		for (size_t i = 0; i < from[k]->count; i++)
			lists->rates[k][i] = (struct cgroup_device_rate){
				.major = (uint32_t)from[k]->v[i].major,
				.minor = (uint32_t)from[k]->v[i].minor,
				.rate = from[k]->v[i].rate,
			};
		limits->io_max[k] = lists->rates[k];
		limits->io_max_count[k] = from[k]->count;
	}
	lists->rates[4] = xcalloc(r->block_io.weight_devices.count + 1, sizeof(*lists->rates[4]));
	for (size_t i = 0; i < r->block_io.weight_devices.count; i++)
		lists->rates[4][i] = (struct cgroup_device_rate){
			.major = (uint32_t)r->block_io.weight_devices.v[i].major,
			.minor = (uint32_t)r->block_io.weight_devices.v[i].minor,
			.rate = r->block_io.weight_devices.v[i].weight.value,
		};
	limits->io_weights = lists->rates[4];
	limits->io_weight_count = r->block_io.weight_devices.count;
}

static void fill_rest(const struct oci_resources *r, struct lists *lists,
		      struct cgroup_limits *limits)
{
	lists->hugepages = xcalloc(r->hugepage_limits.count + 1, sizeof(*lists->hugepages));
	for (size_t i = 0; i < r->hugepage_limits.count; i++)
		lists->hugepages[i] =
			(struct cgroup_hugepage){ .size = r->hugepage_limits.v[i].page_size,
						  .limit = r->hugepage_limits.v[i].limit };
	limits->hugepages = lists->hugepages;
	limits->hugepage_count = r->hugepage_limits.count;
	lists->unified = xcalloc(2 * r->unified.count + 1, sizeof(*lists->unified));
	for (size_t i = 0; i < r->unified.count; i++) {
		lists->unified[2 * i] = r->unified.v[i].name;
		lists->unified[2 * i + 1] = r->unified.v[i].value;
	}
	limits->unified = lists->unified;
	limits->unified_count = r->unified.count;
}

/* What engine/cgroup has no word for is refused, not dropped. */
static int refuse_rest(const struct oci_resources *r, struct err *err)
{
	if (r->network_class_id.has || r->network_priorities.count > 0)
		return err_say(err, ERR_UNSUPPORTED,
			       "linux.resources.network is not supported by this runtime");
	if (r->rdma.count > 0)
		return err_say(err, ERR_UNSUPPORTED,
			       "linux.resources.rdma is not supported by this runtime");
	if (r->memory.kernel_tcp.has)
		return err_say(err, ERR_UNSUPPORTED,
			       "linux.resources.memory.kernelTCP is not supported by this runtime");
	if (r->block_io.leaf_weight.has)
		return err_say(err, ERR_UNSUPPORTED,
			       "linux.resources.blockIO.leafWeight is not supported by this "
			       "runtime");
	return 0;
}

/* The folder above "/a/b/NAME"; systemd's "slice:prefix:name" and relative paths have none. */
static char *parent_of(const char *path)
{
	char *parent = NULL;

	if (str_empty(path) || *path != '/' || strchr(path, ':'))
		return NULL;
	parent = xstrdup(path);
	*strrchr(parent, '/') = '\0';
	if (*parent)
		return parent;
	free(parent);
	return NULL;
}

static int apply(const struct cgroup_host *host, const struct cgroup *cgroup,
		 const struct cgroup_limits *limits, struct err *err)
{
	auto_done(strv) struct strv ignored = STRV_INIT;
	int r = cgroup_apply(host, cgroup, limits, &ignored, err);

	for (size_t i = 0; r == 0 && i < ignored.count; i++)
		fprintf(stderr, "bryo-runtime: %s\n", ignored.v[i]);
	return r;
}

int bundle_cgroup(const struct oci_spec *spec, const char *id, struct cgroup *ret_cgroup,
		  struct err *err)
{
	const struct oci_resources *resources = &spec->linux_.resources;
	__attribute__((cleanup(lists_done))) struct lists lists = { 0 };
	auto_free char *parent = parent_of(spec->linux_.cgroups_path);
	struct cgroup_limits limits = cgroup_limits_none;
	struct cgroup_create_args args = { .id = id, .parent = parent };
	struct cgroup_host host;
	int r = refuse_rest(resources, err);

	if (r < 0)
		return r;
	fill_plain(resources, &limits);
	fill_devices(resources, &lists, &limits);
	fill_rates(resources, &lists, &limits);
	fill_rest(resources, &lists, &limits);
	r = cgroup_host_probe(geteuid() != 0, &host);
	if (r < 0)
		return err_set(err, r, "cannot look at this host's cgroups");
	/* Scopes are asked of systemd by bryo's monitor; here folders are made where we may. */
	if (host.manager == CGROUP_MANAGER_SYSTEMD)
		host.manager = host.base[0] ? CGROUP_MANAGER_CGROUPFS : CGROUP_MANAGER_NONE;
	args.wanted = cgroup_limits_need(&limits);
	r = cgroup_create(&host, &args, ret_cgroup, err);
	if (r < 0)
		return r;
	r = apply(&host, ret_cgroup, &limits, err);
	if (r < 0) {
		(void)cgroup_remove(ret_cgroup); /* the first error is the one to tell */
		cgroup_done(ret_cgroup);
	}
	return r;
}
