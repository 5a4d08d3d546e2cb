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
/* Kills what is left in it and removes it. */
void keeper_cgroup_remove(struct keeper_cgroup *group);
