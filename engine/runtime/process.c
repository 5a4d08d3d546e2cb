/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last stretch before a program runs in a container, for its first process and for exec
 * alike: descriptors, session, limits, label, ids, capabilities, filter, execve. Runs in the
 * forked child, inside all namespaces, which may already hold hostile processes (exec). It
 * must not trust a path of the container for anything but the program itself, and must leave
 * no descriptor open.
 */
#include "engine/runtime/plan-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/log.h"
#include "engine/base/path.h"
#include "engine/runtime/caps.h"
#include "engine/runtime/label-internal.h"
#include "engine/runtime/listener-internal.h"
#include "engine/runtime/program-internal.h"
#include "engine/runtime/scheduling-internal.h"
#include "engine/runtime/sync-internal.h"

#define FLAG_WAIT_KILLABLE_RECV (1UL << 5) /* Linux 5.19 */

/*
 * Stage 1, descriptors. As root of the container's user namespace. Moves the program's
 * descriptors to 0, 1, 2, 3...; must not close others yet (the sync socket among them), they
 * are close-on-exec. Gains the terminal as controlling one.
 */
static int move_descriptors(struct process_plan *plan, struct err *err)
{
	size_t count = 3 + plan->pass_fd_count;
	auto_free int *high = xcalloc(count, sizeof(int));
	int *ours[] = { &plan->status_fd, &plan->exe_fd,	 &plan->init_fd,
			&plan->proc_fd,	  &plan->seccomp_socket, &plan->null_fd };

	/* First all up, out of each other's way; then down to their places. */
	for (size_t i = 0; i < count; i++) {
		int fd = i < 3 ? plan->stdio[i] : plan->pass_fds[i - 3];

		if (i < 3 && plan->slave_fd >= 0)
			fd = plan->slave_fd;
		else if (i < 3 && fd < 0)
			fd = plan->null_fd;
		high[i] = fcntl(fd, F_DUPFD_CLOEXEC, (int)count + 32);
		if (high[i] < 0)
			return err_set(err, -errno, "cannot take over descriptor %zu", i);
	}
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++) {
		if (*ours[i] < 0 || *ours[i] >= (int)count)
			continue;
		*ours[i] = fcntl(*ours[i], F_DUPFD_CLOEXEC, (int)count + 32);
		if (*ours[i] < 0)
			return err_set(err, -errno, "cannot move a descriptor");
	}
	for (size_t i = 0; i < count; i++) {
		if (dup2(high[i], (int)i) < 0)
			return err_set(err, -errno, "cannot make descriptor %zu", i);
	}
	return 0;
}

/* A program without root's ids opens /dev/stdout anew: its pipe must then be its own. */
static void own_stdio(const struct process_plan *plan)
{
	uid_t uid = plan->process->user.uid;

	for (int fd = 0; uid != 0 && fd < 3; fd++) {
		struct stat st;

		if (fstat(fd, &st) < 0 || st.st_uid == uid)
			continue;
		if (!S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode) && !isatty(fd))
			continue;
		if (fchown(fd, uid, (gid_t)-1) < 0)
			log_debug("descriptor %d stays its owner's", fd);
	}
}

static int make_session(const struct process_plan *plan, struct err *err)
{
	if (setsid() < 0 && errno != EPERM) /* EPERM: it leads a group already */
		return err_set(err, -errno, "cannot start a session");
	if (plan->keep_keyring)
		return 0;
	/* Else the container could read the caller's keys (keyrings(7)). */
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS &&
	    errno != EPERM && errno != EACCES)
		return err_set(err, -errno, "cannot make a session keyring");
	return 0;
}

static int set_limits(const struct process_plan *plan, struct err *err)
{
	const struct oci_process *process = plan->process;

	for (size_t i = 0; i < process->rlimits.count; i++) {
		const struct oci_rlimit *want = &process->rlimits.v[i];
		struct rlimit limit = { .rlim_cur = want->soft, .rlim_max = want->hard };

		if (setrlimit((__rlimit_resource_t)want->resource, &limit) < 0)
			return err_set(err, -errno, "cannot set resource limit %d to %llu:%llu",
				       want->resource, (unsigned long long)want->soft,
				       (unsigned long long)want->hard);
	}
	return 0;
}

/*
 * Where setgroups is denied (a namespace with one id, user_namespaces(7)) the groups stay as
 * they are: there is no other group to be had there either.
 */
static int set_groups(const struct oci_user *user, struct err *err)
{
	if (setgroups(user->additional_gids.count, user->additional_gids.v) == 0)
		return 0;
	if (errno == EPERM)
		return 0;
	if (errno == EINVAL)
		return err_say(err, ERR_USAGE,
			       "a supplementary group of the process is not mapped in the user "
			       "namespace");
	return err_set(err, -errno, "cannot set the supplementary groups");
}

/*
 * Stage 2, ids. As root with all capabilities of the user namespace; becomes the process's
 * user. The permitted capabilities stay until process_exec(): the filter needs them. Checks
 * that root cannot be had back by ids alone once they are gone.
 */
static int set_ids(const struct process_plan *plan, struct err *err)
{
	const struct oci_user *user = &plan->process->user;
	int r = caps_apply_bounding(&plan->process->capabilities);

	if (r < 0)
		return err_set(err, r, "cannot limit the capabilities");
	r = set_groups(user, err);
	if (r < 0)
		return r;
	if (setresgid(user->gid, user->gid, user->gid) < 0)
		return err_set(err, -errno, "cannot become group %u (is it mapped?)", user->gid);
	if (setresuid(user->uid, user->uid, user->uid) < 0)
		return err_set(err, -errno, "cannot become user %u (is it mapped?)", user->uid);
	if (getuid() != user->uid || geteuid() != user->uid || getegid() != user->gid)
		return err_say(err, ERR_FAILED, "the change of ids did not take place");
	r = caps_apply_ambient(&plan->process->capabilities);
	return r < 0 ? err_set(err, r, "cannot set the capabilities") : 0;
}

/*
 * CVE-2024-21626: a working directory reached through a leaked descriptor lies outside the
 * root; getcwd(2) then does not begin with a slash. It must be asked of the kernel itself:
 * glibc answers ENOENT and hides why.
 */
static int enter_directory(const struct process_plan *plan, struct err *err)
{
	const char *cwd = plan->process->cwd;
	char where[4096];
	long n = 0;

	if (chdir(cwd) < 0) {
		if (errno != ENOENT || !plan->first)
			return err_set(err, -errno, "cannot change to directory %s", cwd);
		if (path_mkdir_all(cwd, 0755) < 0 || chdir(cwd) < 0)
			return err_set(err, -errno, "cannot make directory %s", cwd);
	}
	n = syscall(SYS_getcwd, where, sizeof(where));
	if (n < 0 && errno != ERANGE)
		return err_set(err, -errno, "cannot find directory %s", cwd);
	if (n > 0 && where[0] != '/')
		return err_say(err, ERR_USAGE, "directory %s is outside the container", cwd);
	return 0;
}

/*
 * Everything that needs no word from the caller. After it the process stands at the door:
 * right ids, right place, program found; capabilities and filter are still to come.
 */
int process_prepare(struct process_plan *plan, struct err *err)
{
	int r = 0;

	/*
	 * In a pid namespace with others in it (exec, --pid=container:) they could look at us
	 * through /proc/PID: exe, fd, root, mem. Not dumpable, we can only be looked at with
	 * CAP_SYS_PTRACE over the namespace of our mm, which is the caller's (ptrace(2)).
	 */
	if (plan->shared_pids && prctl(PR_SET_DUMPABLE, 0) < 0)
		return err_set(err, -errno, "cannot hide from the container's processes");
	r = make_session(plan, err); /* before the descriptors: a terminal is taken by 0 */
	if (r == 0)
		r = move_descriptors(plan, err);
	if (r == 0 && plan->slave_fd >= 0 && ioctl(0, TIOCSCTTY, 0) < 0)
		r = err_set(err, -errno, "cannot take the terminal");
	if (r == 0)
		r = scheduling_apply(plan, err);
	if (r == 0)
		r = set_limits(plan, err);
	if (r == 0)
		r = label_apply(plan, err);
	if (r < 0)
		return r;
	own_stdio(plan);
	r = program_protect(plan, err);
	if (r == 0)
		r = set_ids(plan, err);
	if (r < 0)
		return r;
	/* A change of ids resets the flag to fs.suid_dumpable, which may be 1. */
	if (plan->shared_pids && prctl(PR_SET_DUMPABLE, 0) < 0)
		return err_set(err, -errno, "cannot hide from the container's processes");
	if (plan->process->user.umask.has)
		(void)umask((mode_t)plan->process->user.umask.value & 0777);
	else
		(void)umask(0022);
	r = enter_directory(plan, err);
	if (r == 0)
		r = program_home(plan, err);
	if (r == 0)
		r = program_find(plan, err);
	if (r < 0)
		return r;
	if (plan->process->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(err, -errno, "cannot set no_new_privs");
	/* After the change of ids, which would clear it; a caller dead by now shows on its line. */
	if (plan->dies_with_caller && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return err_set(err, -errno, "cannot tie the container to its caller");
	return 0;
}

/* The kernel's structure as of ABI 4: Debian 12's header knows the first field only. */
struct ruleset {
	uint64_t fs;
	uint64_t net;
};
#define ACCESS_NET_TCP ((1ULL << 0) | (1ULL << 1)) /* bind, connect */

/* landlock(7): a domain without any rule denies what it handles. Files are not its business. */
static int deny_own_tcp(void)
{
	const struct ruleset ruleset = { .net = ACCESS_NET_TCP };
	auto_close int fd = (int)syscall(SYS_landlock_create_ruleset, &ruleset, sizeof(ruleset), 0);

	if (fd < 0 || syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		return -errno;
	return 0;
}

static int install_listener(const struct sock_fprog *filter)
{
	int fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			      SECCOMP_FILTER_FLAG_NEW_LISTENER | FLAG_WAIT_KILLABLE_RECV, filter);

	if (fd < 0 && errno == EINVAL) /* before Linux 5.19 a signal may cut a call short */
		fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
				  SECCOMP_FILTER_FLAG_NEW_LISTENER, filter);
	return fd < 0 ? -errno : fd;
}

/*
 * The caller's own filter, before the profile's, which may deny seccomp(2). It stops none of the
 * calls up to execve, so its listener can simply be sent. All or nothing: whoever may not connect
 * by itself must have the one that does it.
 */
static int install_notify_filter(const struct process_plan *plan, struct err *err)
{
	auto_close int listener = -1;
	int r = 0;

	if (!plan->notify_filter || plan->filter.notifies)
		return 0;
	if (plan->no_own_tcp) /* first: the filter may stop Landlock's calls */
		r = deny_own_tcp();
	if (r < 0)
		return err_set(err, r, "cannot enter a Landlock domain");
	listener = install_listener(plan->notify_filter);
	if (listener < 0)
		return err_set(err, listener, "cannot install the network's filter");
	r = sync_send(plan->status_fd, SYNC_LISTENER, 0, listener);
	return r < 0 ? err_set(err, r, "cannot hand over the filter's listener") : 0;
}

/*
 * Stage 3, the door. With the program's ids, and for the filter CAP_SYS_ADMIN in the container's
 * user namespace. Behind the filter only capset and execve are called (and write on failure):
 * a profile has to allow no more. Returns only on failure.
 */
int process_exec(struct process_plan *plan, struct err *err)
{
	int listener = -1;
	int r = 0;

	if (syscall(SYS_close_range, 3 + (unsigned int)plan->pass_fd_count, ~0U,
		    CLOSE_RANGE_CLOEXEC) < 0)
		return err_set(err, -errno, "cannot close descriptors");
	r = install_notify_filter(plan, err);
	if (r < 0)
		return r;
	r = sync_send(plan->status_fd, SYNC_EXEC, 0, -1);
	if (r < 0)
		return err_set(err, r, "cannot report the start");
	if (plan->filter.notifies)
		r = listener_install(plan, err);
	else
		r = seccomp_filter_install(&plan->filter, &listener);
	if (r < 0)
		return err_set(err, r, "cannot install the seccomp filter");
	r = caps_apply(&plan->process->capabilities);
	if (r < 0)
		return err_set(err, r, "cannot drop the capabilities");
	return program_exec(plan, err);
}
