/* SPDX-License-Identifier: Apache-2.0 */
/* How much a container may take: memory, CPU, processes, ulimits, and its sysctls. Pure. */
#include "engine/spec/spec-internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/spec/rlimit.h"

#define DEFAULT_PIDS 2048 /* containers.conf(5), pids_limit */

static int bytes(const char *text, const char *flag, int64_t *ret_value, struct err *err)
{
	if (text && str_to_bytes(text, ret_value) < 0)
		return err_say(
			err, ERR_USAGE,
			"invalid value \"%s\" for %s: want a number and a unit, such as 512m", text,
			flag);
	return 0;
}

static int number(const char *text, const char *flag, int64_t *ret_value, struct err *err)
{
	if (text && str_to_i64(text, ret_value) < 0)
		return err_say(err, ERR_USAGE,
			       "invalid argument \"%s\" for \"%s\" flag: want a whole number", text,
			       flag);
	return 0;
}

static int build_memory(const struct request *q, struct container_spec *spec, struct err *err)
{
	int r = bytes(q->memory, "--memory", &spec->memory, err);

	if (r == 0)
		r = bytes(q->memory_reservation, "--memory-reservation", &spec->memory_reservation,
			  err);
	if (r == 0 && q->memory_swap && str_eq(q->memory_swap, "-1"))
		spec->memory_swap = -1;
	else if (r == 0)
		r = bytes(q->memory_swap, "--memory-swap", &spec->memory_swap, err);
	if (r == 0)
		r = number(q->memory_swappiness, "--memory-swappiness", &spec->memory_swappiness,
			   err);
	if (r < 0)
		return r;
	if (spec->memory_swappiness > 100)
		return err_say(err, ERR_USAGE, "--memory-swappiness %s is not between 0 and 100",
			       q->memory_swappiness);
	if (spec->memory_swap > 0 && spec->memory == 0)
		return err_say(err, ERR_USAGE, "--memory-swap wants --memory as well");
	if (spec->memory_swap > 0 && spec->memory_swap < spec->memory)
		return err_say(
			err, ERR_USAGE,
			"--memory-swap %s is below --memory %s: it counts memory and swap together",
			q->memory_swap, q->memory);
	if (spec->memory > 0 && !q->memory_swap && spec->memory <= INT64_MAX / 2)
		spec->memory_swap = spec->memory * 2;
	return 0;
}

static int build_cpu(const struct request *q, struct container_spec *spec, struct err *err)
{
	char *end = NULL;
	double cpus = 0;
	int r = number(q->cpu_shares, "--cpu-shares", &spec->cpu_shares, err);

	if (r == 0)
		r = number(q->cpu_period, "--cpu-period", &spec->cpu_period, err);
	if (r == 0)
		r = number(q->cpu_quota, "--cpu-quota", &spec->cpu_quota, err);
	if (r < 0)
		return r;
	if (q->cpus) {
		cpus = strtod(q->cpus, &end);
		if (end == q->cpus || *end || !(cpus >= 0) || cpus > 100000)
			return err_say(err, ERR_USAGE,
				       "invalid value \"%s\" for --cpus: want a number such as 1.5",
				       q->cpus);
		if (spec->cpu_period || spec->cpu_quota)
			return err_say(
				err, ERR_USAGE,
				"--cpus and --cpu-period or --cpu-quota cannot be set together");
		if (cpus > 0) {
			spec->cpu_period = 100000;
			spec->cpu_quota = (int64_t)(cpus * 100000);
		}
	}
	spec->cpuset_cpus = xstrdup(q->cpuset_cpus);
	spec->cpuset_mems = xstrdup(q->cpuset_mems);
	return 0;
}

static int build_pids(const struct request *q, struct container_spec *spec, struct err *err)
{
	spec->pids_limit_default = !q->pids_limit;
	spec->pids_limit = DEFAULT_PIDS;
	return number(q->pids_limit, "--pids-limit", &spec->pids_limit, err);
}

static int build_ulimits(const struct request *q, struct container_spec *spec, struct err *err)
{
	for (size_t i = 0; i < q->ulimits.count; i++) {
		struct spec_rlimit limit;

		if (!str_eq(q->ulimits.v[i], "host") &&
		    spec_rlimit_parse(q->ulimits.v[i], &limit) < 0)
			return err_say(err, ERR_USAGE,
				       "invalid --ulimit \"%s\": want NAME=SOFT[:HARD], such as "
				       "nofile=1024:2048",
				       q->ulimits.v[i]);
		strv_add(&spec->ulimits, q->ulimits.v[i]);
	}
	return 0;
}

/* As in storage.conf(5): the quota of the container's own files. */
static int build_storage_option(const char *text, struct container_spec *spec, struct err *err)
{
	const char *key = str_or(str_after(text, "overlay."), text);
	const char *size = str_after(key, "size=");
	const char *inodes = str_after(key, "inodes=");

	if (size)
		return bytes(size, "--storage-opt size", &spec->storage_size, err);
	if (inodes)
		return number(inodes, "--storage-opt inodes", &spec->storage_inodes, err);
	return err_say(err, ERR_UNSUPPORTED, "--storage-opt %s is not supported", text);
}

static int build_storage(const struct request *q, struct container_spec *spec, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < q->storage_opts.count; i++)
		r = build_storage_option(q->storage_opts.v[i], spec, err);
	if (r == 0 && (spec->storage_size < 0 || spec->storage_inodes < 0))
		r = err_say(err, ERR_USAGE, "--storage-opt: a quota is not negative");
	if (r == 0 && q->rootfs && (spec->storage_size || spec->storage_inodes))
		r = err_say(err, ERR_UNSUPPORTED,
			    "--storage-opt size and inodes count what a container writes over an "
			    "image; with --rootfs all is in the folder itself");
	return r;
}

int spec_build_resources(const struct request *q, struct container_spec *spec, struct err *err)
{
	int r = build_memory(q, spec, err);

	if (r == 0)
		r = build_cpu(q, spec, err);
	if (r == 0)
		r = build_pids(q, spec, err);
	if (r == 0)
		r = build_ulimits(q, spec, err);
	if (r == 0)
		r = build_storage(q, spec, err);
	if (r == 0)
		r = number(q->blkio_weight, "--blkio-weight", &spec->blkio_weight, err);
	if (r == 0 && q->shm_size)
		r = bytes(q->shm_size, "--shm-size", &spec->shm_size, err);
	if (r < 0)
		return r;
	if (q->oom_kill_disable)
		return err_say(err, ERR_UNSUPPORTED,
			       "--oom-kill-disable is not supported with cgroup v2");
	for (size_t i = 0; i < q->sysctls.count; i++) {
		if (!strchr(q->sysctls.v[i], '=') || q->sysctls.v[i][0] == '=')
			return err_say(err, ERR_USAGE, "invalid sysctl \"%s\": want NAME=VALUE",
				       q->sysctls.v[i]);
		strv_env_set(&spec->sysctls, q->sysctls.v[i]);
	}
	for (size_t i = 0; i < q->cgroup_conf.count; i++) {
		if (!strchr(q->cgroup_conf.v[i], '='))
			return err_say(err, ERR_USAGE,
				       "invalid --cgroup-conf \"%s\": want KEY=VALUE",
				       q->cgroup_conf.v[i]);
		strv_add(&spec->cgroup_conf, q->cgroup_conf.v[i]);
	}
	return 0;
}
