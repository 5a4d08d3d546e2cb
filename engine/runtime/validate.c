/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks a spec over before anything is made: what this runtime or host cannot do, and what
 * contradicts itself, is refused by the name of its field. Runs in the caller.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/err.h"
#include "engine/runtime/mount-internal.h"
#include "engine/runtime/plan-internal.h"
#include "engine/runtime/scheduling-internal.h"

static int validate_namespaces(const struct oci_spec *spec, struct err *err)
{
	const struct oci_namespace *ns = spec->linux_.namespaces;
	bool new_user = ns[OCI_NS_USER].present && !ns[OCI_NS_USER].path && ns[OCI_NS_USER].fd <= 0;

	if (!ns[OCI_NS_MOUNT].present)
		return err_say(err, ERR_USAGE,
			       "linux.namespaces: a container needs a mount namespace");
	if (ns[OCI_NS_MOUNT].path || ns[OCI_NS_MOUNT].fd > 0)
		return err_say(err, ERR_USAGE,
			       "linux.namespaces: joining a mount namespace is not supported");
	if (new_user &&
	    (spec->linux_.uid_mappings.count == 0 || spec->linux_.gid_mappings.count == 0))
		return err_say(err, ERR_USAGE,
			       "linux.namespaces has a user namespace, and linux.uidMappings or "
			       "gidMappings is empty");
	if (!ns[OCI_NS_USER].present &&
	    (spec->linux_.uid_mappings.count > 0 || spec->linux_.gid_mappings.count > 0))
		return err_say(err, ERR_USAGE,
			       "linux.uidMappings without a user namespace in linux.namespaces");
	if (!ns[OCI_NS_UTS].present && (spec->hostname || spec->domainname))
		return err_say(err, ERR_USAGE, "%s needs a uts namespace",
			       spec->hostname ? "hostname" : "domainname");
	if ((spec->linux_.boottime_offset.has || spec->linux_.monotonic_offset.has) &&
	    (!ns[OCI_NS_TIME].present || ns[OCI_NS_TIME].path || ns[OCI_NS_TIME].fd > 0))
		return err_say(err, ERR_USAGE,
			       "linux.timeOffsets needs a new time namespace in linux.namespaces");
	if (ns[OCI_NS_TIME].present && access("/proc/self/ns/time", F_OK) < 0)
		return err_say(err, ERR_UNSUPPORTED,
			       "linux.namespaces: this kernel has no time namespaces");
	return 0;
}

static int validate_paths(const struct oci_spec *spec, struct err *err)
{
	const struct oci_linux *lx = &spec->linux_;

	for (size_t i = 0; i < spec->mounts.count; i++) {
		/* Relative ones are deprecated and taken from the root (config.md, "Mounts"). */
		if (str_empty(spec->mounts.v[i].destination))
			return err_say(err, ERR_USAGE, "mounts[%zu].destination is empty", i);
	}
	for (size_t i = 0; i < lx->devices.count; i++) {
		if (*lx->devices.v[i].path != '/')
			return err_say(err, ERR_USAGE, "linux.devices: %s is not an absolute path",
				       lx->devices.v[i].path);
		if (!strchr("cubp", lx->devices.v[i].type) || !lx->devices.v[i].type)
			return err_say(err, ERR_USAGE, "linux.devices: %s has no known type",
				       lx->devices.v[i].path);
	}
	for (int stage = 0; stage < OCI_HOOK_STAGES; stage++) {
		for (size_t i = 0; i < spec->hooks[stage].count; i++) {
			const struct oci_hook *hook = &spec->hooks[stage].v[i];

			if (*hook->path != '/')
				return err_say(err, ERR_USAGE,
					       "hooks.%s: %s is not an absolute path",
					       oci_hook_stage_name((enum oci_hook_stage)stage),
					       hook->path);
			if (hook->timeout.has && hook->timeout.value <= 0)
				return err_say(err, ERR_USAGE,
					       "hooks.%s: the timeout of %s is not above zero",
					       oci_hook_stage_name((enum oci_hook_stage)stage),
					       hook->path);
		}
	}
	if (spec->has_process && *spec->process.cwd != '/')
		return err_say(err, ERR_USAGE, "process.cwd %s is not an absolute path",
			       spec->process.cwd);
	return 0;
}

int spec_validate(const struct oci_spec *spec, struct err *err)
{
	const struct oci_linux *lx = &spec->linux_;
	int r = validate_namespaces(spec, err);

	if (r == 0)
		r = validate_paths(spec, err);
	if (r == 0)
		r = sysctl_validate(spec, err);
	if (r == 0)
		r = scheduling_validate(spec, err);
	if (r < 0)
		return r;
	if (lx->intel_rdt)
		return err_say(err, ERR_UNSUPPORTED,
			       "linux.intelRdt is not supported by this runtime");
	if (lx->net_devices.count > 0)
		return err_say(err, ERR_UNSUPPORTED,
			       "linux.netDevices is not supported by this runtime");
	if (lx->rootfs_propagation && *lx->rootfs_propagation &&
	    !mount_propagation_flags(lx->rootfs_propagation))
		return err_say(err, ERR_USAGE, "linux.rootfsPropagation %s is not known",
			       lx->rootfs_propagation);
	return 0;
}
