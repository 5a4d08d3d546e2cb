/* SPDX-License-Identifier: Apache-2.0 */
/* The control group of a container that is being started. */
#pragma once

#include "engine/cgroup/cgroup.h"
#include "engine/container/container.h"
#include "engine/runtime/oci.h"

struct keeper_cgroup {
	struct cgroup cgroup;
	int oom_fd;
};
#define KEEPER_CGROUP_INIT                                                                         \
	{                                                                                          \
		.cgroup = { .fd = -1, .v1_fds = { -1, -1, -1, -1, -1, -1, -1, -1 } }, .oom_fd = -1 \
	}

/*
 * Makes the group and applies the spec's limits. Limits that this host cannot keep become
 * warnings where the user asked for them; the default process limit is given up silently.
 */
int keeper_cgroup_create(const struct engine *engine, const struct container *container,
			 const struct oci_spec *oci, struct keeper_cgroup *ret,
			 struct strv *warnings, struct err *err);
int keeper_cgroup_enter(const struct keeper_cgroup *group, pid_t pid, struct err *err);
/*
 * For a command that is about to fork into a container's group (below cgroup2's mount). From a
 * login session the kernel lets no one be born into a group below user@.service, since only root
 * may write to what they have in common (cgroups(7), delegation containment): systemd moves this
 * process into a scope there, which ends with it. Elsewhere, and where systemd refuses, nothing is
 * done, and the fork says what it lacks.
 */
void keeper_cgroup_reach(const struct engine *engine, const char *group);
/* Kills what is left in it and removes it. */
void keeper_cgroup_remove(struct keeper_cgroup *group);
