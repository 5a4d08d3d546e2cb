/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux.sysctl: only parameters that belong to a namespace of the container's own, or they
 * would change the host. Checked in the caller, written in the child through the caller's own
 * procfs (the kernel looks at the writer's namespaces, not at the mount's).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/err.h"
#include "engine/base/str.h"
#include "engine/runtime/label-internal.h"
#include "engine/runtime/mount-internal.h"
#include "engine/runtime/plan-internal.h"

/* ipc_namespaces(7); uts_namespaces(7) has two, which hostname and domainname set. */
static const char *const ipc_names[] = {
	"kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
	"kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced",
};

/* With dots, as sysctl(8) writes them: "net/ipv4/conf/eth0.1/x" swaps the two (sysctl.d(5)). */
static char *dotted(const char *name)
{
	char *text = xstrdup(name);
	size_t first = strcspn(text, "./");

	if (text[first] != '/')
		return text;
	for (char *p = text; *p; p++)
		*p = *p == '/' ? '.' : *p == '.' ? '/' : *p;
	return text;
}

static enum oci_namespace_kind owner_of(const char *name, bool *ret_known)
{
	*ret_known = true;
	if (str_starts(name, "net."))
		return OCI_NS_NETWORK;
	if (str_starts(name, "fs.mqueue."))
		return OCI_NS_IPC;
	if (str_eq(name, "kernel.domainname") || str_eq(name, "kernel.hostname"))
		return OCI_NS_UTS;
	for (size_t i = 0; i < ARRAY_SIZE(ipc_names); i++) {
		if (str_eq(ipc_names[i], name))
			return OCI_NS_IPC;
	}
	*ret_known = false;
	return OCI_NS_IPC;
}

int sysctl_validate(const struct oci_spec *spec, struct err *err)
{
	for (size_t i = 0; i < spec->linux_.sysctl.count; i++) {
		auto_free char *name = dotted(spec->linux_.sysctl.v[i].name);
		bool known = false;
		enum oci_namespace_kind kind = owner_of(name, &known);
		const struct oci_namespace *ns = &spec->linux_.namespaces[kind];

		if (!known)
			return err_say(err, ERR_USAGE,
				       "the sysctl %s belongs to no namespace: it would change the "
				       "host",
				       name);
		if (!ns->present)
			return err_say(err, ERR_USAGE,
				       "the sysctl %s needs a %s namespace of the container's own",
				       name, oci_namespace_name(kind));
		if (str_eq(name, "kernel.hostname") && spec->hostname)
			return err_say(err, ERR_USAGE,
				       "the sysctl kernel.hostname and hostname are both given");
		if (strstr(name, "..") || strlen(name) > 200)
			return err_say(err, ERR_USAGE, "the sysctl %s is not a name", name);
	}
	return 0;
}

int sysctl_apply(const struct plan *plan, struct err *err)
{
	for (size_t i = 0; i < plan->spec->linux_.sysctl.count; i++) {
		const struct oci_pair *pair = &plan->spec->linux_.sysctl.v[i];
		auto_free char *name = dotted(pair->name);
		char path[256];
		int r = 0;

		snprintf(path, sizeof(path), "sys/%s", name);
		for (char *p = path; *p; p++)
			*p = *p == '.' ? '/' : *p == '/' ? '.' : *p;
		path[3] = '/'; /* the slash behind "sys" is ours */
		r = proc_write(plan->process.proc_fd, path, pair->value);
		if (r == -ENOENT)
			return err_say(err, ERR_UNSUPPORTED, "this kernel has no sysctl %s",
				       pair->name);
		if (r < 0)
			return err_set(err, r, "cannot set the sysctl %s to %s", pair->name,
				       pair->value);
	}
	return 0;
}
