/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sandbox for parsers: see sandbox.h. Runs in bryo-image's workers and bryo-overlay, before
 * their first thread and their first foreign byte.
 */
#include "engine/base/sandbox.h"

#include <errno.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"

/* Newer than Debian 12's header: linux/landlock.h of 6.2. */
#define ACCESS_TRUNCATE (1ULL << 14)

/* All that writing a tree of files, hashing and inflating with threads needs, and no more. */
static const char *const allowed[] = {
	"read",
	"pread64",
	"readv",
	"write",
	"pwrite64",
	"writev",
	"lseek",
	"close",
	"close_range",
	"open",
	"openat",
	"openat2",
	"fstat",
	"fstat64",
	"newfstatat",
	"fstatat64",
	"statx",
	"stat",
	"lstat",
	"getdents64",
	"access",
	"faccessat",
	"faccessat2",
	"readlinkat",
	"mkdir",
	"mkdirat",
	"mknodat",
	"linkat",
	"symlinkat",
	"unlinkat",
	"renameat",
	"renameat2",
	"fchmod",
	"fchmodat",
	"fchmodat2",
	"fchown",
	"fchown32",
	"fchownat",
	"utimensat",
	"utimensat_time64",
	"ftruncate",
	"ftruncate64",
	"fallocate",
	"fsync",
	"fdatasync",
	"syncfs",
	"sync_file_range",
	"fsetxattr",
	"fgetxattr",
	"fadvise64",
	"fcntl",
	"fcntl64",
	"dup",
	"flock",
	"mmap",
	"mmap2",
	"munmap",
	"mprotect",
	"mremap",
	"madvise",
	"brk",
	"futex",
	"futex_time64",
	"set_robust_list",
	"get_robust_list",
	"rseq",
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"sigaltstack",
	"sched_yield",
	"sched_getaffinity",
	"getpid",
	"gettid",
	"getuid",
	"geteuid",
	"getgid",
	"getegid",
	"tgkill",
	"exit",
	"exit_group",
	"clock_gettime",
	"clock_gettime64",
	"gettimeofday",
	"getrandom",
	"prlimit64",
	"sysinfo",
	"uname",
	"restart_syscall",
	"sendto",
	"sendmsg",
	"recvfrom",
	"recvmsg",
	"poll",
	"ppoll",
};

static int enter_folder(int folder_fd)
{
	if (fchdir(folder_fd) < 0 || chroot(".") < 0)
		return -errno;
	return chdir("/") < 0 ? -errno : 0;
}

/* Before ABI 2 (Linux 5.19) a domain forbids links between folders, which layers need. */
static int enter_landlock(int folder_fd)
{
	const uint64_t rights = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |
				LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR |
				LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
				LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
				LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
				LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM |
				LANDLOCK_ACCESS_FS_REFER;
	struct landlock_path_beneath_attr rule = { .allowed_access = rights,
						   .parent_fd = folder_fd };
	struct landlock_ruleset_attr attr = { .handled_access_fs =
						      rights | LANDLOCK_ACCESS_FS_EXECUTE };
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	auto_close int fd = -1;

	if (abi < 2)
		return abi < 0 ? -errno : -EOPNOTSUPP;
	if (abi >= 3) {
		attr.handled_access_fs |= ACCESS_TRUNCATE;
		rule.allowed_access |= ACCESS_TRUNCATE;
	}
	fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (fd < 0 ||
	    syscall(SYS_landlock_add_rule, fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0 ||
	    syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		return -errno;
	return 0;
}

int sandbox_keep_capabilities(const int *capabilities, size_t count)
{
	cap_t now = cap_get_proc();
	cap_t kept = cap_init();
	int r = now && kept ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < count; i++) {
		cap_value_t cap = capabilities[i];
		cap_flag_value_t held = CAP_CLEAR;

		if (cap_get_flag(now, cap, CAP_PERMITTED, &held) < 0 ||
		    (held == CAP_SET && (cap_set_flag(kept, CAP_PERMITTED, 1, &cap, CAP_SET) < 0 ||
					 cap_set_flag(kept, CAP_EFFECTIVE, 1, &cap, CAP_SET) < 0)))
			r = -errno;
	}
	if (r == 0 && cap_set_proc(kept) < 0)
		r = -errno;
	(void)cap_free(now); /* fails only for what is no cap_t */
	(void)cap_free(kept);
	return r;
}

/* clone for threads, but for no namespace; clone3's flags cannot be seen, glibc does without. */
static int filter_clone(scmp_filter_ctx filter)
{
	const scmp_datum_t namespaces = CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET |
					CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
	int r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				 SCMP_A0(SCMP_CMP_MASKED_EQ, namespaces, 0));

	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	return r;
}

int sandbox_filter(const char *const *names, size_t count, int (*more)(void *filter))
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r = filter ? filter_clone(filter) : -ENOMEM;

	if (r == 0 && more)
		r = more(filter);
	for (size_t i = 0; r == 0 && i < count; i++) {
		int number = seccomp_syscall_resolve_name(names[i]);

		if (number >= 0) /* others do not exist on this processor */
			r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
	}
	if (r == 0)
		r = seccomp_load(filter);
	if (filter)
		seccomp_release(filter);
	return r;
}

int sandbox_enter(const struct sandbox_args *args, struct err *err)
{
	int in_folder = 0;
	int in_landlock = 0;
	int r = 0;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(err, -errno, "cannot give up gaining privileges");
	in_folder = enter_folder(args->folder_fd);
	in_landlock = enter_landlock(args->folder_fd);
	if (in_folder < 0 && in_landlock < 0)
		return err_set(err, in_folder, "cannot shut a process into a folder");
	r = sandbox_keep_capabilities(args->capabilities, args->capability_count);
	if (r < 0)
		return err_set(err, r, "cannot drop capabilities");
	r = sandbox_filter(allowed, ARRAY_SIZE(allowed), NULL);
	/* A kernel without seccomp: the folder and the capabilities must do. */
	if (r < 0 && r != -EINVAL && r != -ENOSYS)
		return err_set(err, r, "cannot load the seccomp filter of a worker");
	return 0;
}
