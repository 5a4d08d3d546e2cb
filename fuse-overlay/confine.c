/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's own sandbox: see confine.h. Runs in bryo-overlay, before its first thread. */
#include "fuse-overlay/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/landlock.h>
#include <linux/securebits.h>
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
#include "engine/base/sandbox.h"
#include "fuse-overlay/overlay.h"

/* A sanitizer's report needs files of /proc and the program's own, and its search for leaks a
 * process that traces this one. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { IS_SANITIZED = 1 };
#else
enum { IS_SANITIZED = 0 };
#endif

/* ---- Capabilities ---- */

/* To do with the layers' files what their owners may, and to give new ones to who asked. The last
 * is for trusted.* attributes of layers, which only real root has. */
static const int kept[] = {
	CAP_CHOWN,  CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER,	CAP_FSETID,
	CAP_SETUID, CAP_SETGID,	      CAP_MKNOD,	   CAP_SETFCAP, CAP_SYS_ADMIN,
};

/* A thread keeps them when it becomes another user. */
static int drop_capabilities(const struct overlay *ov)
{
	const unsigned long bits = SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED |
				   SECBIT_NOROOT | SECBIT_NOROOT_LOCKED;

	/* Without CAP_SETPCAP there is none to lose at setfsuid(2) either. */
	if (prctl(PR_SET_SECUREBITS, bits, 0, 0, 0) < 0 && errno != EPERM)
		return -errno;
	return sandbox_keep_capabilities(kept, ARRAY_SIZE(kept) - (ov->has_trusted ? 0 : 1));
}

/* ---- Files ---- */

#define LANDLOCK_TRUNCATE (1ULL << 14) /* newer than Debian 12's header */

static int allow(int ruleset, int fd, uint64_t rights)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = rights, .parent_fd = fd };

	return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0
		       ? -errno
		       : 0;
}

/* Before ABI 2 (Linux 5.19) a domain forbids links and renames between folders. */
static int shut_in(const struct overlay *ov)
{
	const uint64_t read = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
	uint64_t all = read | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
		       LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
		       LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
		       LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
		       LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM |
		       LANDLOCK_ACCESS_FS_REFER;
	struct landlock_ruleset_attr attr = { 0 };
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	auto_close int fd = -1;
	int r = 0;

	if (abi < 2)
		return 0; /* the system call filter is what remains */
	if (abi >= 3)
		all |= LANDLOCK_TRUNCATE;
	attr.handled_access_fs = all | LANDLOCK_ACCESS_FS_EXECUTE;
	fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (fd < 0)
		return -errno;
	for (unsigned i = 0; r == 0 && i < ov->layer_count; i++)
		if (ov->layers[i].fd >= 0)
			r = allow(fd, ov->layers[i].fd, i == UPPER ? all : read);
	if (r == 0 && ov->work_fd >= 0)
		r = allow(fd, ov->work_fd, all);
	if (r == 0 && ov->mark_fd >= 0)
		r = allow(fd, ov->mark_fd, LANDLOCK_ACCESS_FS_MAKE_REG);
	if (r == 0 && syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		r = -errno;
	return r;
}

/* ---- System calls ---- */

static const char *const allowed[] = {
	"read",
	"pread64",
	"readv",
	"write",
	"pwrite64",
	"writev",
	"splice",
	"lseek",
	"close",
	"openat",
	"openat2",
	"newfstatat",
	"fstat",
	"fstatfs",
	"statx",
	"getdents64",
	"readlinkat",
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
	"fchownat",
	"fchown",
	"utimensat",
	"ftruncate",
	"fallocate",
	"fsync",
	"fdatasync",
	"copy_file_range",
	"fcntl",
	"fgetxattr",
	"flistxattr",
	"fsetxattr",
	"fremovexattr",
	"lgetxattr",
	"llistxattr",
	"lsetxattr",
	"lremovexattr",
	"fchdir",
	"umask",
	"setfsuid",
	"setfsgid",
	"geteuid",
	"getegid",
	"getuid",
	"getgid",
	"getpid",
	"gettid",
	"getpriority",
	"mmap",
	"munmap",
	"mremap",
	"mprotect",
	"madvise",
	"brk",
	"futex",
	"set_robust_list",
	"rseq",
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"sigaltstack",
	"sched_yield",
	"sched_getaffinity",
	"tgkill",
	"exit",
	"exit_group",
	"clock_gettime",
	"gettimeofday",
	"getrandom",
	"restart_syscall",
	"pipe2",
	"prlimit64",
	/* 32-bit processors' */
	"fstatat64",
	"fstat64",
	"ftruncate64",
	"fstatfs64",
	"mmap2",
	"futex_time64",
	"utimensat_time64",
	"clock_gettime64",
	"_llseek",
	"fchown32",
	"setfsuid32",
	"setfsgid32",
};

static int allow_special(void *filter)
{
	/* A thread's own working directory and umask. */
	int r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(unshare), 1,
				 SCMP_A0(SCMP_CMP_EQ, CLONE_FS, 0));

	/* Reflinks, and a file's extents for the quota. */
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				     SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, FICLONE));
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				     SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, FS_IOC_FIEMAP));
	return r;
}

int confine(const struct overlay *ov, struct err *err)
{
	int r = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;

	if (r < 0)
		return err_set(err, r, "cannot give up gaining privileges");
	r = drop_capabilities(ov);
	if (r < 0)
		return err_set(err, r, "cannot drop capabilities");
	if (IS_SANITIZED)
		return 0;
	r = shut_in(ov);
	if (r < 0)
		return err_set(err, r, "cannot shut the process into its folders");
	r = sandbox_filter(allowed, ARRAY_SIZE(allowed), allow_special);
	return r < 0 ? err_set(err, r, "cannot filter system calls") : 0;
}
