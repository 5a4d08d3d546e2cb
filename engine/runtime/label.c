/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Labels by writing to procfs; libselinux and libapparmor are not needed for that. Runs in the
 * child. All writes go through the caller's own procfs, opened before any namespace was
 * entered: a container can put anything under its /proc (CVE-2019-16884, CVE-2025-52881).
 */
#include "engine/runtime/label-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/str.h"
#include "engine/runtime/plan-internal.h"

#define PROC_ROOT_INODE 1 /* fs/proc/internal.h */

int proc_open(int *ret_fd)
{
	auto_close int fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (fs.f_type != PROC_SUPER_MAGIC || st.st_ino != PROC_ROOT_INODE)
		return -ENOTSUP;
	*ret_fd = fd_take(&fd);
	return 0;
}

int proc_write(int proc_fd, const char *path, const char *text)
{
	struct open_how how = { .flags = O_WRONLY | O_CLOEXEC | O_NOCTTY,
				.resolve =
					RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS };
	auto_close int fd = (int)syscall(SYS_openat2, proc_fd, path, &how, sizeof(how));

	if (fd < 0)
		return -errno;
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

static int apply_apparmor(const struct process_plan *plan, struct err *err)
{
	const char *profile = plan->process->apparmor_profile;
	char text[512];
	int r = 0;

	if (snprintf(text, sizeof(text), "exec %s", profile) >= (int)sizeof(text))
		return err_say(err, ERR_USAGE, "the name of the AppArmor profile is too long");
	r = proc_write(plan->proc_fd, "thread-self/attr/apparmor/exec", text);
	if (r == -ENOENT)
		r = proc_write(plan->proc_fd, "thread-self/attr/exec", text);
	if (r == -ENOENT || r == -EINVAL)
		return err_say(err, ERR_UNSUPPORTED,
			       "AppArmor profile %s: AppArmor is not enabled on this host, or does "
			       "not know the profile",
			       profile);
	return r < 0 ? err_set(err, r, "cannot set the AppArmor profile %s", profile) : 0;
}

static int apply_selinux(const struct process_plan *plan, struct err *err)
{
	const char *label = plan->process->selinux_label;
	int r = proc_write(plan->proc_fd, "thread-self/attr/exec", label);

	if (r == -ENOENT || (r == -EINVAL && access("/sys/fs/selinux/enforce", F_OK) < 0))
		return err_say(err, ERR_UNSUPPORTED,
			       "SELinux label %s: SELinux is not enabled on this host", label);
	return r < 0 ? err_set(err, r, "cannot set the SELinux label %s", label) : 0;
}

int label_apply(const struct process_plan *plan, struct err *err)
{
	int r = 0;

	if (!str_empty(plan->process->selinux_label))
		r = apply_selinux(plan, err);
	/* "unconfined" asks for nothing. */
	if (r == 0 && !str_empty(plan->process->apparmor_profile) &&
	    !str_eq(plan->process->apparmor_profile, "unconfined"))
		r = apply_apparmor(plan, err);
	return r;
}
