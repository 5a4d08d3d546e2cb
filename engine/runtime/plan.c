/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes the plan of a container's first process; runs in the caller, before it clones. All
 * that can be refused without having made anything is refused here.
 */
#include "engine/runtime/plan-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/runtime/label-internal.h"
#include "engine/runtime/mount-internal.h"

void process_plan_done(struct process_plan *plan)
{
	seccomp_filter_done(&plan->filter);
	free(plan->listener_state);
	if (plan->own_seccomp_socket)
		fd_close(&plan->seccomp_socket);
	fd_close(&plan->null_fd);
	fd_close(&plan->init_fd);
	fd_close(&plan->proc_fd);
	fd_close(&plan->exe_fd);
	fd_close(&plan->slave_fd);
	strv_done(&plan->env);
	free(plan->program);
}

void plan_done(struct plan *plan)
{
	process_plan_done(&plan->process);
	for (size_t i = 0; i < plan->mounts.count; i++) {
		mount_options_done(&plan->mounts.v[i].options);
		fd_close(&plan->mounts.v[i].source_fd);
	}
	free(plan->mounts.v);
	fd_close(&plan->root_fd);
	fd_close(&plan->sync_fd);
}

int process_plan_open(struct process_plan *plan, struct err *err)
{
	struct stat st;
	int r = proc_open(&plan->proc_fd);

	if (r < 0)
		return err_set(err, r, "cannot trust /proc: it is missing or not procfs");
	plan->exe_fd = openat(plan->proc_fd, "self/exe", O_PATH | O_CLOEXEC);
	if (plan->exe_fd < 0)
		return err_set(err, -errno, "cannot open this program's own file");
	plan->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (plan->null_fd < 0 || fstat(plan->null_fd, &st) < 0)
		return err_set(err, -errno, "cannot open /dev/null");
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return err_say(err, ERR_FAILED, "/dev/null of this host is not the null device");
	return 0;
}

int process_plan_seccomp(struct process_plan *plan, const struct oci_seccomp *seccomp, int cache_fd,
			 struct err *err)
{
	int r = 0;

	if (!seccomp)
		return 0;
	r = seccomp_load_or_compile(seccomp, cache_fd, &plan->filter, err);
	if (r < 0 || !plan->filter.notifies)
		return r;
	plan->listener_metadata = seccomp->listener_metadata;
	return listener_open(plan, seccomp, err);
}

/* Static programs of some hundred kilobytes; bounded, since it is copied in the worst case. */
#define INIT_MAX (8U << 20)

/*
 * The reaper is executed inside the container: /proc/1/exe would be a way to write to its file
 * (CVE-2019-5736). From a read-only mount of its own there is none; a caller that may not make
 * one takes a sealed copy.
 */
static int protect_init(int init_fd, int *ret_fd, struct err *err)
{
	auto_close int clone = -1;
	auto_close int copy = -1;
	auto_free char *data = NULL;
	size_t size = 0;
	int r = mount_clone(init_fd, "", false, true, &clone);

	if (r == 0)
		r = mount_change(clone, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID, 0, MS_PRIVATE,
				 false);
	if (r == 0) {
		*ret_fd = fd_take(&clone);
		return 0;
	}
	r = file_read_at(AT_FDCWD, FD_PATH(init_fd), INIT_MAX, &data, &size);
	if (r < 0)
		return err_set(err, r, "cannot read the init program");
	copy = memfd_create("bryo-init", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (copy < 0)
		return err_set(err, -errno, "cannot copy the init program");
	r = fd_write_all(copy, data, size);
	if (r == 0 &&
	    fcntl(copy, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		r = -errno;
	if (r < 0)
		return err_set(err, r, "cannot copy the init program");
	*ret_fd = fd_take(&copy);
	return 0;
}

/* Which namespaces clone3 makes, and whether some are another's. */
static void sort_namespaces(struct plan *plan)
{
	for (int i = 0; i < OCI_NS_KINDS; i++) {
		const struct oci_namespace *ns = &plan->spec->linux_.namespaces[i];

		if (!ns->present)
			continue;
		if (ns->path || ns->fd > 0) {
			plan->joins = true;
			if (i == OCI_NS_PID)
				plan->process.shared_pids = true;
			continue;
		}
		/* These two are unshared by the child itself: see init.c. */
		if (i != OCI_NS_CGROUP && i != OCI_NS_TIME)
			plan->new_flags |=
				(unsigned long)oci_namespace_flag((enum oci_namespace_kind)i);
		if (i == OCI_NS_USER)
			plan->new_user = true;
	}
	if (!plan->spec->linux_.namespaces[OCI_NS_PID].present)
		plan->process.shared_pids = true;
}

int plan_make(const struct runtime_create_args *args, struct plan *ret_plan, struct err *err)
{
	auto_done(plan) struct plan plan = PLAN_INIT;
	int r = spec_validate(args->spec, err);

	plan.args = args;
	plan.spec = args->spec;
	plan.process.process = &args->spec->process;
	plan.process.linux_ = &args->spec->linux_;
	plan.process.seccomp_socket = args->seccomp_socket;
	plan.process.notify_filter = args->notify_filter;
	plan.process.no_own_tcp = args->no_own_tcp;
	memcpy(plan.process.stdio, args->stdio, sizeof(plan.process.stdio));
	plan.process.pass_fds = args->pass_fds;
	plan.process.pass_fd_count = args->pass_fd_count;
	plan.process.first = true;
	plan.process.keep_keyring = args->keep_keyring;
	plan.process.dies_with_caller = !args->outlives_caller;
	if (r == 0 && !args->spec->has_process)
		r = err_say(err, ERR_USAGE, "process is missing: there is nothing to run");
	if (r == 0)
		r = process_plan_open(&plan.process, err);
	if (r < 0)
		return r;
	sort_namespaces(&plan);
	r = process_plan_seccomp(&plan.process, args->spec->linux_.seccomp, args->seccomp_cache_fd,
				 err);
	if (r == 0 && args->init_fd >= 0)
		r = protect_init(args->init_fd, &plan.process.init_fd, err);
	if (r == 0)
		r = mount_prepare(&plan, err);
	if (r < 0)
		return r;
	*ret_plan = plan;
	plan = PLAN_INIT; /* what it owned is the caller's now */
	return 0;
}
