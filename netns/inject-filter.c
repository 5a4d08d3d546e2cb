/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's side of socket injection: see inject-filter.h. Runs in the monitor and in exec,
 * before the clone; allocates nothing. Written out as BPF: a filter that libseccomp compiles costs
 * milliseconds, and this one is the same for all containers.
 */
#include "netns/inject-filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/fd.h"

#if defined(__x86_64__)
#define OWN_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OWN_ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define OWN_ARCH AUDIT_ARCH_RISCV64
#endif

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* Linux 5.14 */
#endif
#ifndef TCP_FASTOPEN_NO_COOKIE
#define TCP_FASTOPEN_NO_COOKIE 34
#endif

/* RFC 2133's sockaddr_in6 ended before the scope; the kernel still takes it (SIN6_LEN_RFC2133). */
#define SIN6_MIN 24

#ifdef OWN_ARCH

static void emit(struct inject_filter *filter, uint16_t code, uint32_t k, uint8_t if_true,
		 uint8_t if_false)
{
	filter->code[filter->count++] =
		(struct sock_filter){ .code = code, .jt = if_true, .jf = if_false, .k = k };
}

static void emit_load(struct inject_filter *filter, size_t offset)
{
	emit(filter, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

/* The low half of a 64-bit argument: the architectures above are little-endian. */
static void emit_load_argument(struct inject_filter *filter, unsigned int n)
{
	emit_load(filter, offsetof(struct seccomp_data, args) + n * sizeof(uint64_t));
}

static void emit_return(struct inject_filter *filter, uint32_t action)
{
	emit(filter, BPF_RET | BPF_K, action, 0, 0);
}

/* "if this call: body", with the length of the body filled in by end_call(). */
static uint16_t begin_call(struct inject_filter *filter, long call)
{
	emit(filter, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 0);
	return (uint16_t)(filter->count - 1);
}

static void end_call(struct inject_filter *filter, uint16_t begin)
{
	filter->code[begin].jf = (uint8_t)(filter->count - begin - 1);
}

static void stop(struct inject_filter *filter, long call)
{
	const uint16_t begin = begin_call(filter, call);

	emit_return(filter, SECCOMP_RET_USER_NOTIF);
	end_call(filter, begin);
}

/*
 * Without a wall a call that does not stop is only slower: addresses of AF_UNIX are of other sizes,
 * mostly, and sockaddr_storage is what programs pass that did not look which family they have.
 */
static void stop_inet_sizes(struct inject_filter *filter, long call)
{
	const uint16_t begin = begin_call(filter, call);

	emit_load_argument(filter, 2);
	emit(filter, BPF_JMP | BPF_JEQ | BPF_K, sizeof(struct sockaddr_in), 3, 0);
	emit(filter, BPF_JMP | BPF_JEQ | BPF_K, sizeof(struct sockaddr_storage), 2, 0);
	emit(filter, BPF_JMP | BPF_JGE | BPF_K, SIN6_MIN, 0, 2);
	emit(filter, BPF_JMP | BPF_JGT | BPF_K, sizeof(struct sockaddr_in6), 1, 0);
	emit_return(filter, SECCOMP_RET_USER_NOTIF);
	emit_return(filter, SECCOMP_RET_ALLOW);
	end_call(filter, begin);
}

/* Behind Landlock no call for TCP may be missed: all that could hold an IPv4 address stops. */
static void stop_large_addresses(struct inject_filter *filter, long call)
{
	const uint16_t begin = begin_call(filter, call);

	emit_load_argument(filter, 2);
	emit(filter, BPF_JMP | BPF_JGE | BPF_K, sizeof(struct sockaddr_in), 0, 1);
	emit_return(filter, SECCOMP_RET_USER_NOTIF);
	emit_return(filter, SECCOMP_RET_ALLOW);
	end_call(filter, begin);
}

static void deny_fastopen(struct inject_filter *filter, long call, unsigned int flags_argument)
{
	const uint16_t begin = begin_call(filter, call);

	emit_load_argument(filter, flags_argument);
	emit(filter, BPF_JMP | BPF_JSET | BPF_K, MSG_FASTOPEN, 0, 1);
	emit_return(filter, SECCOMP_RET_ERRNO | EOPNOTSUPP);
	emit_return(filter, SECCOMP_RET_ALLOW);
	end_call(filter, begin);
}

static void deny_fastopen_options(struct inject_filter *filter)
{
	const uint16_t begin = begin_call(filter, SYS_setsockopt);

	emit_load_argument(filter, 1);
	emit(filter, BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 0, 4);
	emit_load_argument(filter, 2);
	emit(filter, BPF_JMP | BPF_JEQ | BPF_K, TCP_FASTOPEN_CONNECT, 1, 0);
	emit(filter, BPF_JMP | BPF_JEQ | BPF_K, TCP_FASTOPEN_NO_COOKIE, 0, 1);
	emit_return(filter, SECCOMP_RET_ERRNO | ENOPROTOOPT);
	emit_return(filter, SECCOMP_RET_ALLOW);
	end_call(filter, begin);
}

static void deny(struct inject_filter *filter, long call, int code)
{
	const uint16_t begin = begin_call(filter, call);

	emit_return(filter, SECCOMP_RET_ERRNO | (uint32_t)code);
	end_call(filter, begin);
}

#ifdef __x86_64__

/* Numbers of arch/x86/entry/syscalls/syscall_32.tbl, and socketcall(2)'s of linux/net.h. */
enum {
	I386_SOCKETCALL = 102,
	I386_SENDMMSG = 345,
	I386_BIND = 361,
	I386_CONNECT = 362,
	I386_SENDTO = 369,
	I386_SENDMSG = 370,
	I386_IO_URING_SETUP = 425,
	X32_BIT = 0x40000000,
};

static void stop_socketcall(struct inject_filter *filter)
{
	const uint16_t begin = begin_call(filter, I386_SOCKETCALL);

	emit_load_argument(filter, 0);
	emit(filter, BPF_JMP | BPF_JEQ | BPF_K, 2 /* SYS_BIND */, 5, 0);
	emit(filter, BPF_JMP | BPF_JEQ | BPF_K, 3 /* SYS_CONNECT */, 4, 0);
	emit(filter, BPF_JMP | BPF_JEQ | BPF_K, 11 /* SYS_SENDTO */, 2, 0);
	emit(filter, BPF_JMP | BPF_JEQ | BPF_K, 16 /* SYS_SENDMSG */, 1, 0);
	emit(filter, BPF_JMP | BPF_JEQ | BPF_K, 20 /* SYS_SENDMMSG */, 0, 2);
	emit_return(filter, SECCOMP_RET_ERRNO | ENOSYS);
	emit_return(filter, SECCOMP_RET_USER_NOTIF);
	emit_return(filter, SECCOMP_RET_ALLOW);
	end_call(filter, begin);
}

/*
 * Programs of 32 bits are behind Landlock as others are, so their calls stop as well. What
 * socketcall(2) sends with flags cannot be looked at (they lie in memory), so it is denied.
 */
static void add_i386(struct inject_filter *filter)
{
	stop_large_addresses(filter, I386_CONNECT);
	stop_large_addresses(filter, I386_BIND);
	stop_socketcall(filter);
	deny_fastopen(filter, I386_SENDTO, 3);
	deny_fastopen(filter, I386_SENDMSG, 2);
	deny_fastopen(filter, I386_SENDMMSG, 3);
	deny(filter, I386_IO_URING_SETUP, ENOSYS);
	emit_return(filter, SECCOMP_RET_ALLOW);
}

static void begin_architecture(struct inject_filter *filter, enum inject_wall wall)
{
	uint16_t own = 0;

	emit_load(filter, offsetof(struct seccomp_data, arch));
	emit(filter, BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCH, 0, 0);
	own = (uint16_t)(filter->count - 1);
	if (wall == INJECT_WALL_LANDLOCK) {
		emit_load(filter, offsetof(struct seccomp_data, nr));
		add_i386(filter);
	} else {
		emit_return(filter, SECCOMP_RET_ALLOW);
	}
	filter->code[own].jt = (uint8_t)(filter->count - own - 1);
	emit_load(filter, offsetof(struct seccomp_data, nr));
	if (wall == INJECT_WALL_LANDLOCK) { /* x32: nobody has it, and it has the same calls */
		emit(filter, BPF_JMP | BPF_JSET | BPF_K, X32_BIT, 0, 1);
		emit_return(filter, SECCOMP_RET_ERRNO | ENOSYS);
	}
}

#else

/* Another architecture's programs have no sockets behind Landlock: it would not be told from them.
 */
static void begin_architecture(struct inject_filter *filter, enum inject_wall wall)
{
	emit_load(filter, offsetof(struct seccomp_data, arch));
	emit(filter, BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCH, 1, 0);
	emit_return(filter,
		    wall == INJECT_WALL_LANDLOCK ? SECCOMP_RET_ERRNO | ENOSYS : SECCOMP_RET_ALLOW);
	emit_load(filter, offsetof(struct seccomp_data, nr));
}

#endif

void inject_filter_make(enum inject_wall wall, bool listens, struct inject_filter *ret_filter)
{
	struct inject_filter filter = { .count = 0 };

	begin_architecture(&filter, wall);
	if (wall == INJECT_WALL_LANDLOCK) {
		stop_large_addresses(&filter, SYS_connect);
		stop_large_addresses(&filter, SYS_bind);
	} else {
		stop_inet_sizes(&filter, SYS_connect);
	}
	if (listens)
		stop(&filter, SYS_listen);
	stop(&filter, SYS_epoll_create1);
#ifdef SYS_epoll_create
	stop(&filter, SYS_epoll_create);
#endif
	stop(&filter, SYS_landlock_create_ruleset);
	deny_fastopen(&filter, SYS_sendto, 3);
	deny_fastopen(&filter, SYS_sendmsg, 2);
	deny_fastopen(&filter, SYS_sendmmsg, 3);
	deny_fastopen_options(&filter);
	deny(&filter, SYS_io_uring_setup, ENOSYS);
	emit_return(&filter, SECCOMP_RET_ALLOW);
	*ret_filter = filter;
}

static bool has_netns_cookie(int fd)
{
	uint64_t cookie = 0;
	socklen_t size = sizeof(cookie);

	return getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) == 0;
}

/* TCP_ULP "smc" makes an SMC socket of a TCP one, which Landlock does not know (net/smc). */
static bool has_smc(void)
{
	char text[256];
	auto_close int fd =
		open("/proc/sys/net/ipv4/tcp_available_ulp", O_RDONLY | O_CLOEXEC | O_NOCTTY);
	const ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		return false;
	text[n] = '\0';
	return strstr(text, "smc") != NULL;
}

enum inject_wall inject_wall_find(void)
{
	auto_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || !has_netns_cookie(fd))
		return INJECT_WALL_NONE;
	if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < 4)
		return INJECT_WALL_NONE;
	return has_smc() ? INJECT_WALL_NONE : INJECT_WALL_LANDLOCK;
}

#else

void inject_filter_make(enum inject_wall wall, bool listens, struct inject_filter *ret_filter)
{
	(void)wall;
	(void)listens;
	*ret_filter = (struct inject_filter){ .count = 0 };
}

enum inject_wall inject_wall_find(void)
{
	return INJECT_WALL_NONE;
}

#endif
