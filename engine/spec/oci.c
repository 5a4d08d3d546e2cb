/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Specification to OCI spec: process, namespaces, resources. The file systems are in
 * oci-mounts.c, the filter in oci-seccomp.c. Runs in the monitor before the container is
 * cloned; allocates freely, opens only /dev (privileged).
 */
#include "engine/spec/oci.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/runtime/caps.h"
#include "engine/spec/oci-internal.h"
#include "engine/spec/rlimit.h"

/* ---- Process ---- */

/*
 * Root keeps the container's capabilities. Others keep only those that were asked for by
 * name, ambient so that exec does not take them (Podman's rule); the bounding set stays.
 */
static void set_caps(const struct container_spec *spec, uint32_t uid, bool all,
		     struct oci_process *p)
{
	uint64_t caps = all ? caps_kernel() : spec->caps & caps_kernel();
	uint64_t own = caps;
	unsigned int cap = 0;

	if (uid != 0) {
		own = 0;
		for (size_t i = 0; i < spec->cap_add.count; i++)
			if (caps_from_name(spec->cap_add.v[i], &cap) == 0)
				own |= CAPS_BIT(cap) & caps;
	}
	p->has_capabilities = true;
	p->capabilities.bounding = caps;
	p->capabilities.effective = own;
	p->capabilities.permitted = own;
	p->capabilities.inheritable = uid != 0 ? own : 0;
	p->capabilities.ambient = uid != 0 ? own : 0;
}

static void set_user(const struct spec_user *user, int64_t umask, struct oci_process *p)
{
	p->user.uid = user->uid;
	p->user.gid = user->gid;
	if (umask >= 0) {
		p->user.umask.has = true;
		p->user.umask.value = (uint64_t)umask;
	}
	for (size_t i = 0; i < user->gid_count; i++)
		*OCI_ADD(&p->user.additional_gids) = user->gids[i];
}

static void add_rlimit(struct oci_process *p, int resource, uint64_t soft, uint64_t hard)
{
	struct oci_rlimit *limit = NULL;

	for (size_t i = 0; i < p->rlimits.count; i++)
		if (p->rlimits.v[i].resource == resource)
			limit = &p->rlimits.v[i];
	if (!limit)
		limit = OCI_ADD(&p->rlimits);
	*limit = (struct oci_rlimit){ resource, soft, hard };
}

/* As Podman: as many files and processes as the caller itself may have. */
static void set_rlimits(const struct container_spec *spec, struct oci_process *p)
{
	static const struct {
		int resource;
		rlim_t most;
	} defaults[] = { { RLIMIT_NOFILE, 1048576 }, { RLIMIT_NPROC, 4194304 } };

	for (size_t i = 0; i < ARRAY_SIZE(defaults); i++) {
		struct rlimit now;
		rlim_t value = defaults[i].most;

		if (strv_has(&spec->ulimits, "host") || getrlimit(defaults[i].resource, &now) < 0)
			continue;
		if (now.rlim_max < value)
			value = now.rlim_max;
		add_rlimit(p, defaults[i].resource, value, value);
	}
	for (size_t i = 0; i < spec->ulimits.count; i++) {
		struct spec_rlimit limit;

		if (spec_rlimit_parse(spec->ulimits.v[i], &limit) == 0)
			add_rlimit(p, limit.resource, limit.soft, limit.hard);
	}
}

static void set_env(const struct container_spec *spec, const struct spec_moment *m,
		    struct strv *env)
{
	strv_add_all(env, &spec->env);
	if (!strv_env_get(env, "HOME"))
		strv_addf(env, "HOME=%s", m->user->home);
	if (m->hostname && !strv_env_get(env, "HOSTNAME"))
		strv_addf(env, "HOSTNAME=%s", m->hostname);
}

static void set_process(const struct container_spec *spec, const struct spec_moment *m,
			struct oci_process *p)
{
	p->terminal = spec->tty;
	strv_add_all(&p->args, &spec->entrypoint);
	strv_add_all(&p->args, &spec->command);
	set_env(spec, m, &p->env);
	p->cwd = xstrdup(spec->workdir);
	p->no_new_privileges = spec->no_new_privileges;
	p->apparmor_profile = xstrdup(str_eq(spec->apparmor, "unconfined") ? NULL : spec->apparmor);
	p->selinux_label = xstrdup(spec->selinux_label);
	p->oom_score_adj.has = spec->has_oom_score_adj;
	p->oom_score_adj.value = spec->oom_score_adj;
	set_user(m->user, spec->umask >= 0 ? spec->umask : 0022, p);
	set_caps(spec, m->user->uid, false, p);
	set_rlimits(spec, p);
}

void spec_exec_to_oci(const struct container_spec *spec, const struct spec_exec *exec,
		      struct oci_process *ret_process)
{
	struct oci_process *p = ret_process;

	*p = (struct oci_process){ .terminal = exec->tty };
	strv_add_all(&p->args, exec->command);
	strv_add_all(&p->env, exec->env);
	p->cwd = xstrdup(str_or(exec->workdir, spec->workdir));
	p->no_new_privileges = spec->no_new_privileges;
	p->apparmor_profile = xstrdup(str_eq(spec->apparmor, "unconfined") ? NULL : spec->apparmor);
	p->selinux_label = xstrdup(spec->selinux_label);
	p->oom_score_adj.has = spec->has_oom_score_adj;
	p->oom_score_adj.value = spec->oom_score_adj;
	set_user(exec->user, spec->umask >= 0 ? spec->umask : 0022, p);
	set_caps(spec, exec->user->uid, exec->privileged, p);
	set_rlimits(spec, p);
}

/* ---- Namespaces ---- */

static void set_namespace(struct oci_spec *oci, enum oci_namespace_kind kind,
			  const struct spec_ns *ns, const struct spec_moment *m)
{
	struct oci_namespace *out = &oci->linux_.namespaces[kind];

	if (ns->kind == SPEC_NS_HOST)
		return;
	out->present = true;
	if (ns->kind == SPEC_NS_PATH)
		out->path = xstrdup(ns->value);
	if (ns->kind == SPEC_NS_CONTAINER)
		out->fd = m->ns_fds[kind];
}

static void set_maps(const struct idmap *map, struct oci_id_maps *out)
{
	for (size_t i = 0; i < map->count; i++)
		*OCI_ADD(out) = (struct oci_id_map){ map->ranges[i].inside, map->ranges[i].outside,
						     map->ranges[i].count };
}

static void set_namespaces(const struct container_spec *spec, const struct spec_moment *m,
			   struct oci_spec *oci)
{
	static const struct spec_ns private_ns = { .kind = SPEC_NS_PRIVATE };

	set_namespace(oci, OCI_NS_MOUNT, &private_ns, m);
	set_namespace(oci, OCI_NS_PID, &spec->pid, m);
	set_namespace(oci, OCI_NS_IPC, &spec->ipc, m);
	set_namespace(oci, OCI_NS_UTS, &spec->uts, m);
	set_namespace(oci, OCI_NS_NETWORK, &spec->net, m);
	set_namespace(oci, OCI_NS_CGROUP, &spec->cgroupns, m);
	if (m->nested) {
		oci->linux_.namespaces[OCI_NS_USER].present = true;
		set_maps(&m->maps.uid, &oci->linux_.uid_mappings);
		set_maps(&m->maps.gid, &oci->linux_.gid_mappings);
	}
}

/* ---- Resources ---- */

static void set_i64(struct oci_i64 *out, int64_t value, int64_t unset)
{
	out->has = value != unset;
	out->value = value;
}

static void set_u64(struct oci_u64 *out, int64_t value)
{
	out->has = value > 0;
	out->value = (uint64_t)value;
}

static void set_resources(const struct container_spec *spec, struct oci_spec *oci)
{
	struct oci_resources *r = &oci->linux_.resources;

	oci->linux_.has_resources = true;
	set_i64(&r->memory.limit, spec->memory, 0);
	set_i64(&r->memory.reservation, spec->memory_reservation, 0);
	set_i64(&r->memory.swap, spec->memory_swap, 0);
	if (spec->memory_swappiness >= 0)
		r->memory.swappiness = (struct oci_u64){ true, (uint64_t)spec->memory_swappiness };
	set_u64(&r->cpu.shares, spec->cpu_shares);
	set_u64(&r->cpu.period, spec->cpu_period);
	set_i64(&r->cpu.quota, spec->cpu_quota, 0);
	r->cpu.cpus = xstrdup(spec->cpuset_cpus);
	r->cpu.mems = xstrdup(spec->cpuset_mems);
	set_i64(&r->pids_limit, spec->pids_limit > 0 ? spec->pids_limit : -1, -1);
	set_u64(&r->block_io.weight, spec->blkio_weight);
	for (size_t i = 0; i < spec->cgroup_conf.count; i++) {
		const char *equals = strchr(spec->cgroup_conf.v[i], '=');
		auto_free char *name = NULL;

		if (!equals)
			continue;
		name = xstrndup(spec->cgroup_conf.v[i], (size_t)(equals - spec->cgroup_conf.v[i]));
		oci_pairs_set(&r->unified, name, equals + 1);
	}
}

static void set_pairs(const struct strv *list, struct oci_pairs *out)
{
	for (size_t i = 0; i < list->count; i++) {
		const char *equals = strchr(list->v[i], '=');
		auto_free char *name = NULL;

		if (!equals)
			continue;
		name = xstrndup(list->v[i], (size_t)(equals - list->v[i]));
		oci_pairs_set(out, name, equals + 1);
	}
}

int spec_to_oci(const struct container_spec *spec, const struct spec_moment *m,
		struct oci_spec *ret_spec, struct err *err)
{
	struct oci_spec oci __attribute__((cleanup(oci_spec_done))) = OCI_SPEC_INIT;
	int r = 0;

	oci.version = xstrdup(OCI_VERSION);
	oci.has_process = true;
	set_process(spec, m, &oci.process);
	oci.root.path = xstrdup(spec->rootfs ? spec->rootfs : "rootfs");
	oci.root.readonly = spec->read_only;
	oci.hostname = xstrdup(m->hostname);
	set_pairs(&spec->annotations, &oci.annotations);
	set_pairs(&spec->sysctls, &oci.linux_.sysctl);
	set_namespaces(spec, m, &oci);
	set_resources(spec, &oci);
	oci.linux_.mount_label = xstrdup(spec->mount_label);
	if (spec->personality)
		oci.linux_.personality_domain = xstrdup(spec->personality);
	r = spec_oci_mounts(spec, m, &oci, err);
	if (r == 0)
		r = spec_oci_devices(spec, m, &oci, err);
	if (r == 0)
		r = spec_seccomp(spec, m->one_id, &oci.linux_.seccomp, err);
	if (r < 0)
		return r;
	*ret_spec = oci;
	oci = OCI_SPEC_INIT;
	return 0;
}
