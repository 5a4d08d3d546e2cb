/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's findings for `bryo doctor`: storage drivers, control groups, programs. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/finding.h"
#include "engine/base/proc.h"
#include "engine/cgroup/cgroup.h"
#include "engine/ops/internal.h"

static void look_at_storage(struct ops *ops, json_t *findings)
{
	struct storage_probe probe;
	struct err err = ERR_INIT;
	auto_free char *how = NULL;

	if (storage_probe(&ops->engine.storage, true, &probe, &err) < 0) {
		finding_add(findings, "storage", "drivers", "missing", err.text, NULL);
		return;
	}
	how = xasprintf("%s on %s%s", storage_driver_name(probe.best), probe.fs_type,
			probe.reflinks ? ", with reflinks" : "");
	finding_add(findings, "storage", "driver in use", "ok", how, NULL);
	for (int i = STORAGE_OVERLAY; i < STORAGE_DRIVER_COUNT; i++)
		if (!probe.drivers[i].works)
			finding_add(
				findings, "storage", storage_driver_name((enum storage_driver)i),
				"limited", probe.drivers[i].why_not,
				i != STORAGE_OVERLAY ? NULL
				: probe.best == STORAGE_FUSE
					? "the FUSE overlay serves instead; a local ext4, xfs or "
					  "btrfs folder for --root is faster"
					: "containers are copied instead; a local ext4, xfs or "
					  "btrfs folder for --root helps");
}

static void look_at_cgroups(struct ops *ops, json_t *findings)
{
	static const char *const layouts[] = { [CGROUP_LAYOUT_NONE] = "no control groups",
					       [CGROUP_LAYOUT_V1] = "version 1 only",
					       [CGROUP_LAYOUT_HYBRID] =
						       "hybrid: controllers on version 1",
					       [CGROUP_LAYOUT_V2] = "version 2" };
	struct cgroup_host host;
	auto_free char *controllers = NULL;
	auto_free char *how = NULL;

	if (cgroup_host_probe(ops->engine.rootless, &host) < 0)
		return;
	controllers = cgroup_controllers_text(host.v2 | host.v1);
	if (host.manager == CGROUP_MANAGER_NONE) {
		how = xasprintf("%s; %s: no limits, no pause", layouts[host.layout], host.reason);
		finding_add(
			findings, "cgroup", "resource limits", "limited", how,
			"boot with systemd.unified_cgroup_hierarchy=1 and have systemd delegate: "
			"Delegate=cpu cpuset io memory pids in user@.service.d");
		return;
	}
	how = xasprintf("%s, by %s: %s", layouts[host.layout], cgroup_manager_name(host.manager),
			*controllers ? controllers : "no controllers");
	finding_add(findings, "cgroup", "resource limits", *controllers ? "ok" : "limited", how,
		    *controllers
			    ? NULL
			    : "have the controllers delegated: Delegate=cpu cpuset io memory pids");
}

static void look_at_programs(json_t *findings)
{
	static const struct {
		const char *name, *without;
	} programs[] = { { "bryo-image", "no pull, load, save and import" },
			 { "bryo-net", "no network but none and host" },
			 { "bryo-init", "no --init" },
			 { "bryo-scope", "no limits by systemd" } };

	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		auto_free char *path = NULL;

		if (proc_libexec(programs[i].name, &path) == 0)
			finding_add(findings, "programs", programs[i].name, "ok", path, NULL);
		else
			finding_add(findings, "programs", programs[i].name, "missing",
				    programs[i].without, "install it beside bryo: make install");
	}
}

int ops_system_doctor(struct ops *ops, json_t *findings, struct err *err)
{
	(void)err;
	look_at_storage(ops, findings);
	look_at_cgroups(ops, findings);
	look_at_programs(findings);
	return 0;
}
