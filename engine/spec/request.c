/* SPDX-License-Identifier: Apache-2.0 */
/* Frees a request: see request.h. */
#include "engine/spec/request.h"

#include <stdlib.h>

#include "engine/base/alloc.h"

void request_done(struct request *r)
{
	char **const words[] = {
		&r->image,	  &r->rootfs,
		&r->entrypoint,	  &r->pull,
		&r->platform,	  &r->authfile,
		&r->tls_verify,	  &r->name,
		&r->cidfile,	  &r->pidfile,
		&r->hostname,	  &r->runtime,
		&r->runtime_path, &r->detach_keys,
		&r->workdir,	  &r->user,
		&r->umask,	  &r->init_path,
		&r->stop_signal,  &r->stop_timeout,
		&r->timeout,	  &r->restart,
		&r->tz,		  &r->oom_score_adj,
		&r->personality,  &r->userns,
		&r->subuidname,	  &r->subgidname,
		&r->pid,	  &r->ipc,
		&r->uts,	  &r->cgroupns,
		&r->cgroups,	  &r->cgroup_parent,
		&r->shm_size,	  &r->host_gateway,
		&r->ip,		  &r->ip6,
		&r->mac_address,  &r->image_volume,
		&r->memory,	  &r->memory_reservation,
		&r->memory_swap,  &r->memory_swappiness,
		&r->cpus,	  &r->cpu_shares,
		&r->cpu_period,	  &r->cpu_quota,
		&r->cpuset_cpus,  &r->cpuset_mems,
		&r->pids_limit,	  &r->blkio_weight,
		&r->log_driver,
	};
	struct strv *const lists[] = {
		&r->command,	  &r->labels,	       &r->label_files,
		&r->annotations,  &r->runtime_flags,   &r->attach,
		&r->env,	  &r->env_files,       &r->env_merge,
		&r->unsetenv,	  &r->groups,	       &r->ulimits,
		&r->default_caps, &r->cap_add,	       &r->cap_drop,
		&r->security_opt, &r->devices,	       &r->device_cgroup_rules,
		&r->sysctls,	  &r->uidmap,	       &r->gidmap,
		&r->network,	  &r->publish,	       &r->expose,
		&r->dns,	  &r->dns_search,      &r->dns_options,
		&r->add_hosts,	  &r->network_aliases, &r->tmpfs,
		&r->volumes,	  &r->mounts,	       &r->volumes_from,
		&r->storage_opts, &r->cgroup_conf,     &r->log_opts,
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		free(*words[i]);
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		strv_done(lists[i]);
	*r = REQUEST_INIT;
}
