/* SPDX-License-Identifier: Apache-2.0 */
/* Options of sockets: see sockopt.h. Runs in bryo-net's injector; allocates nothing. */
#include "netns/net/inject/sockopt.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "engine/base/alloc.h"
#include "engine/base/fd.h"

#ifndef SO_BUF_LOCK
#define SO_BUF_LOCK 72 /* Linux 5.14 */
#endif
#ifndef SOCK_SNDBUF_LOCK
#define SOCK_SNDBUF_LOCK 1
#define SOCK_RCVBUF_LOCK 2
#endif
#ifndef SO_MAX_PACING_RATE
#define SO_MAX_PACING_RATE 47
#endif

enum kind {
	KIND_PLAIN,
	KIND_BUFFER, /* read twice as large as set, to leave room for the kernel's bookkeeping */
	KIND_PATH,   /* a connection leaves there what its path came to */
};

/* SIZE_MAX of any value below. */
enum { VALUE_MAX = 16 };

static const struct option {
	int level;
	int name;
	int family; /* 0: both */
	enum kind kind;
} options[] = {
	{ SOL_SOCKET, SO_KEEPALIVE, 0, KIND_PLAIN },
	{ SOL_SOCKET, SO_LINGER, 0, KIND_PLAIN },
	{ SOL_SOCKET, SO_OOBINLINE, 0, KIND_PLAIN },
	{ SOL_SOCKET, SO_RCVTIMEO, 0, KIND_PLAIN },
	{ SOL_SOCKET, SO_SNDTIMEO, 0, KIND_PLAIN },
	{ SOL_SOCKET, SO_RCVLOWAT, 0, KIND_PLAIN },
	{ SOL_SOCKET, SO_PRIORITY, 0, KIND_PLAIN },
	{ SOL_SOCKET, SO_REUSEADDR, 0, KIND_PLAIN },
	{ SOL_SOCKET, SO_ZEROCOPY, 0, KIND_PLAIN },
	{ SOL_SOCKET, SO_MAX_PACING_RATE, 0, KIND_PLAIN },
	{ SOL_SOCKET, SO_RCVBUF, 0, KIND_BUFFER },
	{ SOL_SOCKET, SO_SNDBUF, 0, KIND_BUFFER },
	{ IPPROTO_TCP, TCP_NODELAY, 0, KIND_PLAIN },
	{ IPPROTO_TCP, TCP_CORK, 0, KIND_PLAIN },
	{ IPPROTO_TCP, TCP_MAXSEG, 0, KIND_PATH },
	{ IPPROTO_TCP, TCP_KEEPIDLE, 0, KIND_PLAIN },
	{ IPPROTO_TCP, TCP_KEEPINTVL, 0, KIND_PLAIN },
	{ IPPROTO_TCP, TCP_KEEPCNT, 0, KIND_PLAIN },
	{ IPPROTO_TCP, TCP_SYNCNT, 0, KIND_PLAIN },
	{ IPPROTO_TCP, TCP_LINGER2, 0, KIND_PLAIN },
	{ IPPROTO_TCP, TCP_DEFER_ACCEPT, 0, KIND_PLAIN },
	{ IPPROTO_TCP, TCP_WINDOW_CLAMP, 0, KIND_PATH },
	{ IPPROTO_TCP, TCP_CONGESTION, 0, KIND_PLAIN },
	{ IPPROTO_TCP, TCP_USER_TIMEOUT, 0, KIND_PLAIN },
	{ IPPROTO_TCP, TCP_NOTSENT_LOWAT, 0, KIND_PLAIN },
	{ IPPROTO_IP, IP_TOS, 0, KIND_PLAIN },
	{ IPPROTO_IP, IP_TTL, 0, KIND_PLAIN },
	{ IPPROTO_IP, IP_MTU_DISCOVER, 0, KIND_PLAIN },
	{ IPPROTO_IP, IP_RECVERR, 0, KIND_PLAIN },
	{ IPPROTO_IPV6, IPV6_V6ONLY, AF_INET6, KIND_PLAIN },
	{ IPPROTO_IPV6, IPV6_TCLASS, AF_INET6, KIND_PLAIN },
	{ IPPROTO_IPV6, IPV6_UNICAST_HOPS, AF_INET6, KIND_PLAIN },
	{ IPPROTO_IPV6, IPV6_MTU_DISCOVER, AF_INET6, KIND_PLAIN },
	{ IPPROTO_IPV6, IPV6_RECVERR, AF_INET6, KIND_PLAIN },
};

struct value {
	char bytes[VALUE_MAX];
	socklen_t size; /* 0: this kernel has no such option */
};

/* Of a new socket of the host, by family. */
static struct value defaults[2][ARRAY_SIZE(options)];

static int get_int(int fd, int level, int name)
{
	int value = 0;
	socklen_t size = sizeof(value);

	return getsockopt(fd, level, name, &value, &size) < 0 ? 0 : value;
}

static struct value get(int fd, const struct option *option)
{
	struct value value = { .size = VALUE_MAX };

	memset(value.bytes, 0, sizeof(value.bytes));
	if (getsockopt(fd, option->level, option->name, value.bytes, &value.size) < 0)
		value.size = 0;
	return value;
}

static bool is_of(const struct option *option, int family)
{
	return option->family == 0 || option->family == family;
}

static int learn(int family)
{
	auto_close int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (is_of(&options[i], family))
			defaults[family == AF_INET6][i] = get(fd, &options[i]);
	return 0;
}

int sockopt_init(void)
{
	int r = learn(AF_INET);

	if (r == 0)
		(void)learn(AF_INET6); /* a host without IPv6 makes no such connections */
	return r;
}

static int set(int fd, const struct option *option, const struct value *value)
{
	int half = 0;

	if (option->kind != KIND_BUFFER)
		return setsockopt(fd, option->level, option->name, value->bytes, value->size) < 0
			       ? -errno
			       : 0;
	memcpy(&half, value->bytes, sizeof(half));
	half /= 2;
	return setsockopt(fd, option->level, option->name, &half, sizeof(half)) < 0 ? -errno : 0;
}

/* The value is the kernel's: it sizes buffers itself where the program did not. */
static bool is_kernels(int fd, const struct option *option, bool used)
{
	const int lock = option->name == SO_RCVBUF ? SOCK_RCVBUF_LOCK : SOCK_SNDBUF_LOCK;

	if (option->kind == KIND_BUFFER)
		return used && !(get_int(fd, SOL_SOCKET, SO_BUF_LOCK) & lock);
	return used && option->kind == KIND_PATH;
}

int sockopt_copy(int family, int from, int to, bool used)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		const struct option *option = &options[i];
		const struct value *usual = &defaults[family == AF_INET6][i];
		struct value value = { .size = 0 };
		int r = 0;

		if (!is_of(option, family) || usual->size == 0)
			continue;
		value = get(from, option);
		if (value.size == 0 ||
		    memcmp(value.bytes, usual->bytes, sizeof(value.bytes)) == 0 ||
		    is_kernels(from, option, used))
			continue;
		r = set(to, option, &value);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool has_filter(int fd)
{
	socklen_t steps = 0;

	return getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, NULL, &steps) == 0 && steps > 0;
}

static bool has_device(int fd)
{
	char name[16];
	socklen_t size = sizeof(name);

	return getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &size) == 0 && size > 0;
}

bool sockopt_is_special(int fd)
{
	return has_filter(fd) || has_device(fd) || get_int(fd, SOL_SOCKET, SO_MARK) != 0;
}
