/* SPDX-License-Identifier: Apache-2.0 */
/* Control group of a container: OCI resources to engine/cgroup's limits, scope, group. Runs in the
 * keeper. */
#include "engine/container/keeper-cgroup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/proc.h"

static int64_t i64_of(const struct oci_i64 *v)
{
	return v->has ? v->value : CGROUP_UNSET;
}

static int64_t u64_of(const struct oci_u64 *v)
{
	return v->has ? (int64_t)v->value : CGROUP_UNSET;
}

/* Device rules and raw files, in arrays that the caller frees. */
struct lists {
	struct cgroup_device *devices;
	const char **unified;
};

static void lists_done(struct lists *lists)
{
	free(lists->devices);
	free(lists->unified);
}

static void fill_devices(const struct oci_resources *r, struct cgroup_limits *limits,
			 struct lists *lists)
{
	lists->devices = xcalloc(r->devices.count, sizeof(*lists->devices));
	for (size_t i = 0; i < r->devices.count; i++) {
		const struct oci_device_rule *from = &r->devices.v[i];
		struct cgroup_device *to = &lists->devices[i];

		to->allow = from->allow;
		to->type = from->type ? from->type : 'a';
		to->major = from->major.has ? from->major.value : -1;
		to->minor = from->minor.has ? from->minor.value : -1;
		(void)snprintf(to->access, sizeof(to->access), "%s",
			       str_or(from->access, "rwm")); /* checked: at most three letters */
	}
	limits->devices = r->devices.count ? lists->devices : NULL;
	limits->device_count = r->devices.count;
}

static void fill_limits(const struct oci_resources *r, struct cgroup_limits *limits,
			struct lists *lists)
{
	*limits = cgroup_limits_none;
	limits->memory = i64_of(&r->memory.limit);
	limits->memory_reservation = i64_of(&r->memory.reservation);
	limits->memory_swap = i64_of(&r->memory.swap);
	limits->memory_swappiness = u64_of(&r->memory.swappiness);
	limits->cpu_shares = u64_of(&r->cpu.shares);
	limits->cpu_quota = i64_of(&r->cpu.quota);
	limits->cpu_period = u64_of(&r->cpu.period);
	limits->cpus = r->cpu.cpus;
	limits->mems = r->cpu.mems;
	limits->pids = i64_of(&r->pids_limit);
	limits->io_weight = u64_of(&r->block_io.weight);
	lists->unified = xcalloc(r->unified.count * 2, sizeof(*lists->unified));
	for (size_t i = 0; i < r->unified.count; i++) {
		lists->unified[2 * i] = r->unified.v[i].name;
		lists->unified[2 * i + 1] = r->unified.v[i].value;
	}
	limits->unified = lists->unified;
	limits->unified_count = r->unified.count;
	fill_devices(r, limits, lists);
}

/* systemd's scope for this process; a host whose systemd refuses is treated as without. */
static bool enter_scope(const struct engine *engine, const char *id, const char *slice)
{
	struct cgroup_scope scope = CGROUP_SCOPE_INIT;
	auto_free char *program = NULL;
	bool ok = false;

	if (proc_libexec("bryo-scope", &program) < 0)
		return false;
	ok = cgroup_scope_start(program, id, getpid(), slice, engine->rootless, &scope, NULL) ==
		     0 &&
	     cgroup_scope_wait(&scope, NULL) == 0;
	cgroup_scope_done(&scope);
	return ok;
}

int keeper_cgroup_create(const struct engine *engine, const struct container *container,
			 const struct oci_spec *oci, struct keeper_cgroup *ret,
			 struct strv *warnings, struct err *err)
{
	const struct container_spec *spec = &container->spec;
	struct cgroup_create_args args = { .id = container->id, .parent = spec->cgroup_parent };
	struct strv ignored auto_done(strv) = STRV_INIT;
	struct lists lists auto_done(lists) = { 0 };
	struct cgroup_limits limits;
	struct cgroup_host host;
	int r = 0;

	fill_limits(&oci->linux_.resources, &limits, &lists);
	if (spec->cgroups_disabled)
		return 0;
	r = cgroup_host_probe(engine->rootless, &host);
	if (r < 0)
		return err_set(err, r, "cannot look at this host's control groups");
	if (host.manager == CGROUP_MANAGER_SYSTEMD) {
		args.scoped = enter_scope(engine, container->id, spec->cgroup_parent);
		if (!args.scoped)
			host.manager = host.base[0] ? CGROUP_MANAGER_CGROUPFS : CGROUP_MANAGER_NONE;
	}
	args.wanted = cgroup_limits_need(&limits) | CGROUP_CPU | CGROUP_MEMORY | CGROUP_PIDS;
	r = cgroup_create(&host, &args, &ret->cgroup, err);
	if (r == 0)
		r = cgroup_apply(&host, &ret->cgroup, &limits, &ignored, err);
	if (r < 0)
		return r;
	for (size_t i = 0; warnings && i < ignored.count; i++)
		if (!spec->pids_limit_default || !str_starts(ignored.v[i], "pids"))
			strv_add(warnings, ignored.v[i]);
	if (cgroup_oom_open(&ret->cgroup, &ret->oom_fd) < 0)
		ret->oom_fd = -1;
	return 0;
}

int keeper_cgroup_enter(const struct keeper_cgroup *group, pid_t pid, struct err *err)
{
	return group->cgroup.path[0] || group->cgroup.v1_path[0]
		       ? cgroup_enter(&group->cgroup, pid, err)
		       : 0;
}

void keeper_cgroup_reach(const struct engine *engine, const char *group)
{
	const char *manager = group ? strstr(group, "/user@") : NULL;
	const char *below = manager ? strchr(manager + 1, '/') : NULL;
	struct cgroup_host host;
	char id[STATE_ID_SIZE] = "exec-";

	if (!below || cgroup_host_probe(engine->rootless, &host) < 0 ||
	    host.manager != CGROUP_MANAGER_SYSTEMD ||
	    strncmp(host.own, group, (size_t)(below - group) + 1) == 0)
		return;
	str_random_hex(id + strlen(id), 16);
	(void)enter_scope(engine, id, NULL);
}

void keeper_cgroup_remove(struct keeper_cgroup *group)
{
	if (group->cgroup.path[0] || group->cgroup.v1_path[0]) {
		(void)cgroup_kill(&group->cgroup); /* nobody may outlive the container */
		(void)cgroup_remove(&group->cgroup);
	}
	fd_close(&group->oom_fd);
	cgroup_done(&group->cgroup);
	group->cgroup = CGROUP_INIT;
}
