/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The default seccomp profile, with containers-common's semantics (its seccomp.json): what
 * containers may call is listed, the rest answers ENOSYS, so that programs fall back as on an
 * older kernel; what is refused for good answers EPERM. Some calls depend on the capabilities
 * that the container may have. Data and one short walk over it; tests/compat compares the
 * outcome with containers-common's own file where that is installed.
 */
#include "engine/runtime/seccomp.h"

#include <errno.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/hash.h"
#include "engine/base/str.h"
#include "engine/runtime/caps.h"

/* Refused with EPERM whatever the capabilities: obsolete, or of the whole machine. */
static const char refused_names[] =
	"bdflush cachestat futex_requeue futex_wait futex_waitv futex_wake io_pgetevents "
	"io_pgetevents_time64 kexec_file_load kexec_load map_shadow_stack migrate_pages "
	"move_pages nfsservctl nice oldfstat oldlstat oldolduname oldstat olduname "
	"pciconfig_iobase pciconfig_read pciconfig_write sgetmask ssetmask swapoff swapon "
	"syscall sysfs uselib userfaultfd ustat vm86 vm86old vmsplice";

/* Allowed to every container. */
static const char allowed_names[] =
	"_llseek _newselect accept accept4 access adjtimex alarm bind brk capget capset chdir "
	"chmod chown chown32 clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 "
	"clock_gettime clock_gettime64 clock_nanosleep clock_nanosleep_time64 clone clone3 "
	"close close_range connect copy_file_range creat dup dup2 dup3 epoll_create "
	"epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait "
	"epoll_wait_old eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2 "
	"fadvise64 fadvise64_64 fallocate fanotify_init fanotify_mark fchdir fchmod fchmodat "
	"fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr flock "
	"fork fremovexattr fsconfig fsetxattr fsmount fsopen fspick fstat fstat64 fstatat64 "
	"fstatfs fstatfs64 fsync ftruncate ftruncate64 futex futex_time64 futimesat "
	"get_mempolicy get_robust_list get_thread_area getcpu getcwd getdents getdents64 "
	"getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getitimer "
	"getpeername getpgid getpgrp getpid getppid getpriority getrandom getresgid getresgid32 "
	"getresuid getresuid32 getrlimit getrusage getsid getsockname getsockopt gettid "
	"gettimeofday getuid getuid32 getxattr inotify_add_watch inotify_init inotify_init1 "
	"inotify_rm_watch io_cancel io_destroy io_getevents io_setup io_submit ioctl ioprio_get "
	"ioprio_set ipc keyctl kill landlock_add_rule landlock_create_ruleset "
	"landlock_restrict_self lchown lchown32 lgetxattr link linkat listen listxattr "
	"llistxattr lremovexattr lseek lsetxattr lstat lstat64 madvise mbind membarrier "
	"memfd_create memfd_secret mincore mkdir mkdirat mknod mknodat mlock mlock2 mlockall "
	"mmap mmap2 mount mount_setattr move_mount mprotect mq_getsetattr mq_notify mq_open "
	"mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink "
	"mremap msgctl msgget msgrcv msgsnd msync munlock munlockall munmap name_to_handle_at "
	"nanosleep newfstatat open open_tree openat openat2 pause pidfd_getfd pidfd_open "
	"pidfd_send_signal pipe pipe2 pivot_root pkey_alloc pkey_free pkey_mprotect poll ppoll "
	"ppoll_time64 prctl pread64 preadv preadv2 prlimit64 process_mrelease process_vm_readv "
	"process_vm_writev pselect6 pselect6_time64 ptrace pwrite64 pwritev pwritev2 read "
	"readahead readlink readlinkat readv reboot recv recvfrom recvmmsg recvmmsg_time64 "
	"recvmsg remap_file_pages removexattr rename renameat renameat2 restart_syscall rmdir "
	"rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn "
	"rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo "
	"sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr "
	"sched_getparam sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 "
	"sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield seccomp "
	"select semctl semget semop semtimedop semtimedop_time64 send sendfile sendfile64 "
	"sendmmsg sendmsg sendto set_mempolicy set_robust_list set_thread_area set_tid_address "
	"setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 "
	"setitimer setns setpgid setpriority setregid setregid32 setresgid setresgid32 "
	"setresuid setresuid32 setreuid setreuid32 setrlimit setsid setsockopt setuid setuid32 "
	"setxattr shmat shmctl shmdt shmget shutdown sigaltstack signal signalfd signalfd4 "
	"sigprocmask sigreturn socketcall socketpair splice stat stat64 statfs statfs64 statx "
	"symlink symlinkat sync sync_file_range syncfs sysinfo syslog tee tgkill time "
	"timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime "
	"timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime "
	"timerfd_settime64 times tkill truncate truncate64 ugetrlimit umask umount umount2 "
	"uname unlink unlinkat unshare utime utimensat utimensat_time64 utimes vfork wait4 "
	"waitid waitpid write writev";

/* Allowed on one family of processors. */
static const struct {
	uint32_t arch;
	const char *names;
} arch_names[] = {
	{ SCMP_ARCH_X86_64, "arch_prctl modify_ldt" },
	{ SCMP_ARCH_X32, "arch_prctl modify_ldt" },
	{ SCMP_ARCH_X86, "modify_ldt" },
	{ SCMP_ARCH_PPC64LE, "sync_file_range2 swapcontext" },
	{ SCMP_ARCH_ARM, "arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls "
			 "sync_file_range2" },
	{ SCMP_ARCH_AARCH64, "arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls "
			     "sync_file_range2" },
	{ SCMP_ARCH_S390, "s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr" },
	{ SCMP_ARCH_S390X, "s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr" },
	{ SCMP_ARCH_RISCV64, "riscv_flush_icache" },
};

/* Allowed with the capability, refused with EPERM without it. */
static const struct {
	unsigned int cap;
	const char *allowed;
	const char *refused;
} cap_names[] = {
	{ CAP_DAC_READ_SEARCH, "open_by_handle_at", "open_by_handle_at" },
	{ CAP_SYS_ADMIN, "bpf lookup_dcookie quotactl quotactl_fd setdomainname sethostname setns",
	  "lookup_dcookie perf_event_open quotactl quotactl_fd setdomainname sethostname setns" },
	{ CAP_SYS_CHROOT, "chroot", "chroot" },
	{ CAP_SYS_MODULE, "delete_module finit_module init_module query_module",
	  "delete_module finit_module init_module query_module" },
	{ CAP_SYS_PACCT, "acct", "acct" },
	{ CAP_SYS_PTRACE, "kcmp process_madvise", "kcmp process_madvise" },
	{ CAP_SYS_RAWIO, "ioperm iopl", "ioperm iopl" },
	{ CAP_SYS_TIME, "clock_settime clock_settime64 settimeofday stime",
	  "clock_settime clock_settime64 settimeofday stime" },
	{ CAP_SYS_TTY_CONFIG, "vhangup", "vhangup" },
};

/* personality(2): only these values, PER_LINUX, PER_LINUX32, both with UNAME26, and "ask". */
static const uint64_t personalities[] = { 0x0, 0x8, 0x20000, 0x20008, 0xffffffff };

/* The other systems that a processor runs beside its native one. */
static const struct {
	uint32_t native;
	const char *names;
} arch_sets[] = {
	{ SCMP_ARCH_X86_64, "SCMP_ARCH_X86_64 SCMP_ARCH_X86 SCMP_ARCH_X32" },
	{ SCMP_ARCH_AARCH64, "SCMP_ARCH_AARCH64 SCMP_ARCH_ARM" },
	{ SCMP_ARCH_MIPS64, "SCMP_ARCH_MIPS64 SCMP_ARCH_MIPS SCMP_ARCH_MIPS64N32" },
	{ SCMP_ARCH_MIPS64N32, "SCMP_ARCH_MIPS64N32 SCMP_ARCH_MIPS SCMP_ARCH_MIPS64" },
	{ SCMP_ARCH_MIPSEL64, "SCMP_ARCH_MIPSEL64 SCMP_ARCH_MIPSEL SCMP_ARCH_MIPSEL64N32" },
	{ SCMP_ARCH_MIPSEL64N32, "SCMP_ARCH_MIPSEL64N32 SCMP_ARCH_MIPSEL SCMP_ARCH_MIPSEL64" },
	{ SCMP_ARCH_S390X, "SCMP_ARCH_S390X SCMP_ARCH_S390" },
};

#define AF_VSOCK_NUMBER 40 /* as numbers: a profile is the same whatever headers built it */
#define AF_NETLINK_NUMBER 16
#define NETLINK_AUDIT_NUMBER 9

static struct oci_seccomp_rule *add(struct oci_seccomp *profile, enum oci_seccomp_action action,
				    uint64_t errno_ret, const char *names)
{
	struct oci_seccomp_rule *rule = OCI_ADD(&profile->rules);

	rule->action = action;
	if (action == OCI_SECCOMP_ERRNO)
		rule->errno_ret = (struct oci_u64){ true, errno_ret };
	strv_split(&rule->names, names, ' ');
	return rule;
}

static void add_arg(struct oci_seccomp_rule *rule, uint32_t index, enum oci_seccomp_op op,
		    uint64_t value)
{
	*OCI_ADD(&rule->args) =
		(struct oci_seccomp_arg){ .index = index, .value = value, .op = op };
}

/*
 * socket(2): vsock leaves the network namespace and is refused; so is the audit netlink
 * without CAP_AUDIT_WRITE, with EINVAL, which programs take for "no audit in this kernel".
 */
static void add_socket(struct oci_seccomp *profile, uint64_t caps)
{
	add_arg(add(profile, OCI_SECCOMP_ERRNO, EPERM, "socket"), 0, OCI_SECCOMP_EQ,
		AF_VSOCK_NUMBER);
	if (caps & CAPS_BIT(CAP_AUDIT_WRITE)) {
		add_arg(add(profile, OCI_SECCOMP_ALLOW, 0, "socket"), 0, OCI_SECCOMP_NE,
			AF_VSOCK_NUMBER);
		return;
	}
	struct oci_seccomp_rule *rule = add(profile, OCI_SECCOMP_ERRNO, EINVAL, "socket");

	add_arg(rule, 0, OCI_SECCOMP_EQ, AF_NETLINK_NUMBER);
	add_arg(rule, 2, OCI_SECCOMP_EQ, NETLINK_AUDIT_NUMBER);
	rule = add(profile, OCI_SECCOMP_ALLOW, 0, "socket");
	add_arg(rule, 0, OCI_SECCOMP_EQ, AF_NETLINK_NUMBER);
	add_arg(rule, 2, OCI_SECCOMP_NE, NETLINK_AUDIT_NUMBER);
	add_arg(add(profile, OCI_SECCOMP_ALLOW, 0, "socket"), 0, OCI_SECCOMP_NE, AF_NETLINK_NUMBER);
}

/* bpf and perf_event_open have capabilities of their own since Linux 5.8. */
static void add_bpf(struct oci_seccomp *profile, uint64_t caps)
{
	if (!(caps & (CAPS_BIT(CAP_SYS_ADMIN) | CAPS_BIT(CAP_BPF))))
		(void)add(profile, OCI_SECCOMP_ERRNO, EPERM, "bpf perf_event_open");
	if (caps & CAPS_BIT(CAP_BPF))
		(void)add(profile, OCI_SECCOMP_ALLOW, 0, "bpf");
	if (caps & CAPS_BIT(CAP_PERFMON))
		(void)add(profile, OCI_SECCOMP_ALLOW, 0, "perf_event_open");
}

void seccomp_default_profile(uint64_t caps, struct oci_seccomp *ret_profile)
{
	struct oci_seccomp profile = { .default_action = OCI_SECCOMP_ERRNO,
				       .default_errno_ret = { true, ENOSYS } };
	uint32_t native = seccomp_arch_native();

	for (size_t i = 0; i < ARRAY_SIZE(arch_sets); i++) {
		if (arch_sets[i].native == native)
			strv_split(&profile.architectures, arch_sets[i].names, ' ');
	}
	(void)add(&profile, OCI_SECCOMP_ERRNO, EPERM, refused_names);
	(void)add(&profile, OCI_SECCOMP_ALLOW, 0, allowed_names);
	for (size_t i = 0; i < ARRAY_SIZE(personalities); i++)
		add_arg(add(&profile, OCI_SECCOMP_ALLOW, 0, "personality"), 0, OCI_SECCOMP_EQ,
			personalities[i]);
	for (size_t i = 0; i < ARRAY_SIZE(arch_names); i++) {
		if (arch_names[i].arch == native)
			(void)add(&profile, OCI_SECCOMP_ALLOW, 0, arch_names[i].names);
	}
	for (size_t i = 0; i < ARRAY_SIZE(cap_names); i++) {
		if (caps & CAPS_BIT(cap_names[i].cap))
			(void)add(&profile, OCI_SECCOMP_ALLOW, 0, cap_names[i].allowed);
		else
			(void)add(&profile, OCI_SECCOMP_ERRNO, EPERM, cap_names[i].refused);
	}
	add_socket(&profile, caps);
	add_bpf(&profile, caps);
	*ret_profile = profile;
}

uint64_t seccomp_default_version(void)
{
	uint64_t hash = hash_add(HASH_START, refused_names, sizeof(refused_names));

	hash = hash_add(hash, allowed_names, sizeof(allowed_names));
	hash = hash_add(hash, personalities, sizeof(personalities));
	for (size_t i = 0; i < ARRAY_SIZE(arch_names); i++)
		hash = hash_add(hash, arch_names[i].names, strlen(arch_names[i].names));
	for (size_t i = 0; i < ARRAY_SIZE(cap_names); i++) {
		hash = hash_add(hash, cap_names[i].allowed, strlen(cap_names[i].allowed));
		hash = hash_add(hash, cap_names[i].refused, strlen(cap_names[i].refused));
	}
	return hash;
}
