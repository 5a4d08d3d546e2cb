/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bryo-net's prison: see lockdown.h. The filter is written out as BPF instead of made by
 * libseccomp: it is a plain list, it costs nothing at start, and the library's memory stays out.
 */
#include "netns/net/lockdown.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"

#if defined(__x86_64__)
#define OWN_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OWN_ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define OWN_ARCH AUDIT_ARCH_RISCV64
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
#define OWN_ARCH AUDIT_ARCH_PPC64LE
#else
/* cppcheck-suppress preprocessorErrorDirective */
#error "name this architecture's AUDIT_ARCH constant here"
#endif

/* ---- Capabilities ---- */

/* All but these, masks of the first 32. */
static int drop_capabilities(uint32_t effective, uint32_t permitted, struct err *err)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {
		{ .effective = effective, .permitted = permitted },
		{ 0 },
	};

	if (syscall(SYS_capset, &header, data) < 0)
		return err_set(err, -errno, "cannot give up capabilities");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(err, -errno, "cannot forbid new privileges");
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return err_set(err, -errno, "cannot clear ambient capabilities");
	if (syscall(SYS_capget, &header, data) < 0 ||
	    ((data[0].permitted | data[0].effective) & ~permitted) != 0 ||
	    (data[1].permitted | data[1].effective) != 0)
		return err_say(err, ERR_FAILED,
			       "capabilities are still there after giving them up");
	return 0;
}

/* ---- Landlock ---- */

/* The kernel's structure grew with its versions; Debian 12's header knows the first field only. */
struct ruleset_attr {
	uint64_t handled_access_fs;
	uint64_t handled_access_net; /* ABI 4 */
	uint64_t scoped;	     /* ABI 6 */
};
#define SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0)
#define SCOPE_SIGNAL (1ULL << 1)
#define ACCESS_FS_REFER (1ULL << 13)	 /* ABI 2 */
#define ACCESS_FS_TRUNCATE (1ULL << 14)	 /* ABI 3 */
#define ACCESS_FS_IOCTL_DEV (1ULL << 15) /* ABI 5 */
#define ACCESS_FS_ABI1 ((1ULL << 13) - 1)

static int allow_reading(int ruleset, const char *folder)
{
	auto_close int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const struct landlock_path_beneath_attr rule = {
		.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE,
		.parent_fd = fd,
	};

	/* A folder that is not there cannot be read either. */
	if (fd < 0)
		return 0;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
		return -errno;
	return 0;
}

static int lock_file_system(const char *const *folders, struct err *err)
{
	const long abi =
		syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset_attr attr = { .handled_access_fs = ACCESS_FS_ABI1 };
	size_t size = sizeof(attr.handled_access_fs);
	auto_close int ruleset = -1;
	int r = 0;

	/* No Landlock in this kernel: the system call filter below stands alone. */
	if (abi < 1)
		return 0;
	if (abi >= 2)
		attr.handled_access_fs |= ACCESS_FS_REFER;
	if (abi >= 3)
		attr.handled_access_fs |= ACCESS_FS_TRUNCATE;
	if (abi >= 5)
		attr.handled_access_fs |= ACCESS_FS_IOCTL_DEV;
	if (abi >= 6) {
		attr.scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL;
		size = sizeof(attr);
	}
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
	if (ruleset < 0)
		return err_set(err, -errno, "cannot make a Landlock ruleset");
	for (; *folders && r == 0; folders++)
		r = allow_reading(ruleset, *folders);
	if (r == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		r = -errno;
	return r < 0 ? err_set(err, r, "cannot enter the Landlock ruleset") : 0;
}

/* ---- System calls ---- */

/* What loop and translator call once all is set up, and what giving memory back does. */
static const int allowed_calls[] = {
	SYS_read,
	SYS_write,
	SYS_epoll_pwait,
	SYS_epoll_ctl,
	SYS_recvfrom,
	SYS_sendto,
	SYS_recvmsg,
	SYS_sendmsg,
	SYS_bind,
	SYS_accept4,
	SYS_connect,
	SYS_shutdown,
	SYS_getsockopt,
	SYS_setsockopt,
	SYS_close,
	SYS_clock_gettime,
	SYS_ppoll,
	SYS_brk,
	SYS_munmap,
	SYS_madvise,
	SYS_newfstatat,
	SYS_fstat,
	SYS_lseek,
	SYS_restart_syscall,
	SYS_rt_sigreturn,
	SYS_exit_group,
	/* splice.c, publish.c; and a reload's ports. */
	SYS_splice,
	SYS_pipe2,
	SYS_getpeername,
	SYS_listen,
#ifdef SYS_epoll_wait
	SYS_epoll_wait,
#endif
#ifdef SYS_poll
	SYS_poll,
#endif
};

/* What the dialer calls. */
static const int dialer_calls[] = {
	SYS_recvfrom,	SYS_recvmsg, SYS_sendmsg,    SYS_sendto,	  SYS_bind,
	SYS_connect,	SYS_close,   SYS_setsockopt, SYS_restart_syscall, SYS_rt_sigreturn,
	SYS_exit_group, SYS_exit,
};

/* Allowed with one argument checked: (value & mask) == wanted. */
struct checked_call {
	int call;
	unsigned int argument;
	uint32_t mask;
	uint32_t wanted;
};

static const struct checked_call checked_calls[] = {
	{ SYS_socket, 0, ~0U, AF_INET },
	{ SYS_socket, 0, ~0U, AF_INET6 },
	/* Pipes and sockets of splice.c. */
	{ SYS_fcntl, 1, ~0U, F_GETFL },
	{ SYS_fcntl, 1, ~0U, F_SETFL },
	{ SYS_fcntl, 1, ~0U, F_SETPIPE_SZ },
	/* Is the next byte urgent? */
	{ SYS_ioctl, 1, ~0U, SIOCATMARK },
	/* resolv.conf is read again when it changes; nothing is written. */
	{ SYS_openat, 2, O_ACCMODE | O_CREAT | O_TRUNC | __O_TMPFILE, O_RDONLY },
	/* No memory becomes code. */
	{ SYS_mmap, 2, 0x4 /* PROT_EXEC */, 0 },
};

/* What the injector calls: it looks at the container's threads and makes sockets for them. */
static const int injector_calls[] = {
	SYS_ppoll,
	SYS_recvmsg,
	SYS_sendto,
	SYS_recvfrom,
	SYS_pidfd_open,
	SYS_pidfd_getfd,
	SYS_pidfd_send_signal,
	SYS_process_vm_readv,
	SYS_kcmp,
	SYS_readlinkat,
	SYS_getdents64,
	SYS_read,
	SYS_newfstatat,
	SYS_fstat,
	SYS_close,
	SYS_getsockopt,
	SYS_setsockopt,
	SYS_getsockname,
	SYS_bind,
	SYS_connect,
	SYS_listen,
	SYS_shutdown,
	SYS_fcntl,
	SYS_madvise,
	SYS_clock_gettime,
	SYS_capset,
	SYS_dup3,
	SYS_epoll_ctl,
	SYS_prlimit64,
	SYS_restart_syscall,
	SYS_rt_sigreturn,
	SYS_exit_group,
#ifdef SYS_poll
	SYS_poll,
#endif
};

static const struct checked_call injector_checked[] = {
	{ SYS_socket, 0, ~0U, AF_INET },
	{ SYS_socket, 0, ~0U, AF_INET6 },
	/* O_TMPFILE, which contains O_DIRECTORY, needs a mode of writing. */
	{ SYS_openat, 2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY },
	/* The three that answer stopped calls: seccomp_unotify(2). */
	{ SYS_ioctl, 1, 0xff00, '!' << 8 },
};

static const struct checked_call dialer_checked[] = {
	{ SYS_socket, 0, ~0U, AF_INET },
	{ SYS_socket, 0, ~0U, AF_INET6 },
};

/* What one of bryo-net's processes keeps. */
struct role {
	uint32_t effective; /* capabilities, the first 32 */
	uint32_t permitted;
	const int *allowed;
	size_t allowed_count;
	const struct checked_call *checked;
	size_t checked_count;
};
#define ROLE_CALLS(allowed_, checked_)                                                             \
	.allowed = (allowed_), .allowed_count = ARRAY_SIZE(allowed_), .checked = (checked_),       \
	.checked_count = ARRAY_SIZE(checked_)

static const struct role relay_role = { ROLE_CALLS(allowed_calls, checked_calls) };
static const struct role dialer_role = { .effective = 1U << CAP_NET_RAW,
					 .permitted = 1U << CAP_NET_RAW,
					 ROLE_CALLS(dialer_calls, dialer_checked) };
static const struct role injector_role = { .effective = 1U << CAP_SYS_PTRACE,
					   .permitted = 1U << CAP_SYS_PTRACE |
							1U << CAP_NET_BIND_SERVICE,
					   ROLE_CALLS(injector_calls, injector_checked) };

enum { FILTER_MAX = 512 };

struct filter {
	struct sock_filter code[FILTER_MAX];
	unsigned short size;
};

static void emit(struct filter *filter, uint16_t code, uint32_t k, uint8_t if_true,
		 uint8_t if_false)
{
	filter->code[filter->size++] =
		(struct sock_filter){ .code = code, .jt = if_true, .jf = if_false, .k = k };
}

static void emit_load(struct filter *filter, size_t offset)
{
	emit(filter, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static void emit_return(struct filter *filter, uint32_t action)
{
	emit(filter, BPF_RET | BPF_K, action, 0, 0);
}

/* The low half of a 64-bit argument; all architectures above are little-endian. */
static size_t argument_offset(unsigned int argument)
{
	return offsetof(struct seccomp_data, args) + argument * sizeof(uint64_t);
}

static int filter_calls(const struct role *role, struct err *err)
{
	struct filter filter = { .size = 0 };
	struct sock_fprog program = { .filter = filter.code };

	emit_load(&filter, offsetof(struct seccomp_data, arch));
	emit(&filter, BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCH, 1, 0);
	emit_return(&filter, SECCOMP_RET_KILL_PROCESS);
	emit_load(&filter, offsetof(struct seccomp_data, nr));
	assert(8 + 2 * role->allowed_count + 6 * role->checked_count < FILTER_MAX);
	for (size_t i = 0; i < role->allowed_count; i++) {
		emit(&filter, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)role->allowed[i], 0, 1);
		emit_return(&filter, SECCOMP_RET_ALLOW);
	}
	for (size_t i = 0; i < role->checked_count; i++) {
		const struct checked_call *checked = &role->checked[i];

		emit(&filter, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)checked->call, 0, 5);
		emit_load(&filter, argument_offset(checked->argument));
		emit(&filter, BPF_ALU | BPF_AND | BPF_K, checked->mask, 0, 0);
		emit(&filter, BPF_JMP | BPF_JEQ | BPF_K, checked->wanted, 0, 1);
		emit_return(&filter, SECCOMP_RET_ALLOW);
		/* Not this one: the next entry looks at the call's number again. */
		emit_load(&filter, offsetof(struct seccomp_data, nr));
	}
	emit_return(&filter, SECCOMP_RET_ERRNO | EPERM);
	program.len = filter.size;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0)
		return err_set(err, -errno, "cannot set the system call filter");
	return 0;
}

/* folders NULL: no Landlock. */
static int enter(const struct role *role, const char *const *folders, struct err *err)
{
	const struct rlimit none = { 0, 0 };
	int r = 0;

	if (chdir("/") < 0)
		return err_set(err, -errno, "cannot change to /");
	(void)setrlimit(RLIMIT_CORE, &none);
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_set(err, -errno, "cannot become undumpable");
	r = drop_capabilities(role->effective, role->permitted, err);
	if (r == 0 && folders)
		r = lock_file_system(folders, err);
	return r < 0 ? r : filter_calls(role, err);
}

int lockdown_enter(const char *const *folders, struct err *err)
{
	return enter(&relay_role, folders, err);
}

int lockdown_enter_dialer(const char *const *folders, struct err *err)
{
	return enter(&dialer_role, folders, err);
}

int lockdown_enter_injector(struct err *err)
{
	return enter(&injector_role, NULL, err);
}
