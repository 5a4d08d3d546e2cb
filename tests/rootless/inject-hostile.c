/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's program that tries to get connections which it must not have: with sockets of the
 * host in its hands (netns/net/inject) it races the injector and the kernel for addresses and
 * descriptors. Linked statically, run in a container with injection on.
 *
 *   inject-hostile OPEN-IP OPEN-PORT FORBIDDEN-IP FORBIDDEN-PORT SECONDS
 *
 * OPEN is a server that the container may reach, FORBIDDEN one on the host's loopback, where there
 * is also the abstract AF_UNIX socket "bryo-forbidden". Whoever runs this looks at what came to
 * these. Prints what was tried; the counts say that it was.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { RACE_FD = 100, HOST_FD = 101, UNIX_FD = 102 };

static struct sockaddr_in open_at;
static struct sockaddr_in forbidden;
static volatile union {
	struct sockaddr_in in;
	struct sockaddr_un un;
	struct sockaddr any;
	char room[128];
} shared;
static atomic_bool done;
static atomic_ulong tries[8];
static atomic_ulong injected;
static int to_child = -1; /* AF_UNIX, to the process that gets descriptors from us */

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static struct sockaddr_in address(const char *ip, const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };

	if (inet_pton(AF_INET, ip, &a.sin_addr) != 1)
		die(ip);
	return a;
}

/* Changes what the waiting call points to, between all that could be of use. */
static void *rewriter(void *data)
{
	(void)data;
	while (!atomic_load(&done)) {
		memcpy((void *)&shared, &forbidden, sizeof(forbidden));
		memcpy((void *)&shared, &open_at, sizeof(open_at));
		shared.any.sa_family = AF_UNIX;
		shared.any.sa_family = AF_UNSPEC;
		memcpy((void *)&shared, &open_at, sizeof(open_at));
	}
	return NULL;
}

/* Puts another socket under the number that the waiting call names. */
static void *swapper(void *data)
{
	(void)data;
	while (!atomic_load(&done)) {
		(void)dup2(HOST_FD, RACE_FD);
		(void)dup2(UNIX_FD, RACE_FD);
	}
	return NULL;
}

static void disconnect(int fd)
{
	const struct sockaddr none = { .sa_family = AF_UNSPEC };

	(void)connect(fd, &none, sizeof(none));
}

/* A socket of the host, disconnected, under HOST_FD. */
static void get_host_socket(void)
{
	struct sockaddr_in own;
	socklen_t size = sizeof(own);
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	(void)connect(fd, (const struct sockaddr *)&open_at, sizeof(open_at));
	/* One that was injected does not have the container's address. */
	if (getsockname(fd, (struct sockaddr *)&own, &size) == 0 &&
	    (ntohl(own.sin_addr.s_addr) >> 8) != 0x0a0002)
		atomic_fetch_add(&injected, 1);
	disconnect(fd);
	(void)dup2(fd, HOST_FD);
	(void)close(fd);
}

static void race_connect(void)
{
	(void)connect(RACE_FD, (const struct sockaddr *)&shared, sizeof(struct sockaddr_in));
	(void)connect(RACE_FD, (const struct sockaddr *)&shared, sizeof(struct sockaddr_un));
	atomic_fetch_add(&tries[0], 1);
}

static void plain_attempts(void)
{
	const int fd = HOST_FD;

	(void)connect(fd, (const struct sockaddr *)&forbidden, sizeof(forbidden));
	(void)sendto(fd, "x", 1, MSG_FASTOPEN, (const struct sockaddr *)&forbidden,
		     sizeof(forbidden));
	atomic_fetch_add(&tries[1], 1);
}

static void message_attempts(void)
{
	struct iovec part = { "x", 1 };
	struct msghdr message = { .msg_name = &forbidden,
				  .msg_namelen = sizeof(forbidden),
				  .msg_iov = &part,
				  .msg_iovlen = 1 };
	struct mmsghdr many = { .msg_hdr = message };

	(void)sendmsg(HOST_FD, &message, MSG_FASTOPEN);
	(void)sendmmsg(HOST_FD, &many, 1, MSG_FASTOPEN);
	atomic_fetch_add(&tries[2], 1);
}

#ifdef __x86_64__
/* The calls of 32 bits, which have numbers and rules of their own. Memory below 4 GB is needed. */
static long i386(long number, long a, long b)
{
	long r = number;

	__asm__ volatile("int $0x80"
			 : "+a"(r)
			 : "b"(a), "c"(b), "d"(0L), "S"(0L), "D"(0L)
			 : "memory", "r8", "r9", "r10", "r11");
	return (int)r;
}

static uint32_t low[8] __attribute__((aligned(16)));
static struct sockaddr_in low_address;
static char low_byte = 'x';

static void attempts_of_32_bits(void)
{
	low_address = forbidden;
	low[0] = HOST_FD;
	low[1] = (uint32_t)(uintptr_t)&low_address;
	low[2] = sizeof(low_address);
	(void)i386(102, 3, (long)(uintptr_t)low); /* socketcall: connect */
	low[1] = (uint32_t)(uintptr_t)&low_byte;
	low[2] = 1;
	low[3] = MSG_FASTOPEN;
	low[4] = (uint32_t)(uintptr_t)&low_address;
	low[5] = sizeof(low_address);
	(void)i386(102, 11, (long)(uintptr_t)low); /* socketcall: sendto */
	atomic_fetch_add(&tries[3], 1);
}
#else
static void attempts_of_32_bits(void)
{
}
#endif

/* The kernel's second set of numbers for the same calls (x32), where it is built in. */
static void attempts_of_x32(void)
{
#ifdef __x86_64__
	(void)syscall(0x40000000 | SYS_connect, HOST_FD, &forbidden, sizeof(forbidden));
	(void)syscall(0x40000000 | SYS_sendto, HOST_FD, "x", 1, MSG_FASTOPEN, &forbidden,
		      sizeof(forbidden));
#endif
	(void)syscall(SYS_io_uring_setup, 1, NULL);
	atomic_fetch_add(&tries[4], 1);
}

static void bind_attempts(void)
{
	struct sockaddr_in own = forbidden;

	own.sin_addr.s_addr = INADDR_ANY;
	(void)bind(HOST_FD, (const struct sockaddr *)&own, sizeof(own));
	(void)bind(RACE_FD, (const struct sockaddr *)&shared, sizeof(struct sockaddr_in));
	atomic_fetch_add(&tries[5], 1);
}

/* ---- AF_UNIX ---- */

static socklen_t abstract_address(struct sockaddr_un *address)
{
	static const char name[] = "bryo-forbidden";

	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(address->sun_path + 1, name, sizeof(name) - 1);
	return offsetof(struct sockaddr_un, sun_path) + sizeof(name);
}

/* Its own sockets, the one that is exchanged meanwhile, and one of the host's. */
static void abstract_attempts(void)
{
	struct sockaddr_un address;
	const socklen_t size = abstract_address(&address);
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	(void)connect(fd, (const struct sockaddr *)&address, size);
	(void)connect(RACE_FD, (const struct sockaddr *)&address, size);
	(void)connect(HOST_FD, (const struct sockaddr *)&address, size);
	(void)close(fd);
	atomic_fetch_add(&tries[6], 1);
}

/* True when it was sent. A full queue is left alone. */
static bool pass_descriptor(int over, int fd)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { .room = { 0 } };
	struct iovec part = { "x", 1 };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = control.room,
				  .msg_controllen = sizeof(control.room) };
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	return sendmsg(over, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == 1;
}

static int receive_descriptor(int over)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	char byte = 0;
	struct iovec part = { &byte, 1 };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = control.room,
				  .msg_controllen = sizeof(control.room) };
	const struct cmsghdr *head = NULL;
	int fd = -1;

	if (recvmsg(over, &message, 0) <= 0)
		exit(0);
	head = CMSG_FIRSTHDR(&message);
	if (head && head->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(head), sizeof(fd));
	return fd;
}

/* Another process of the container, which was never given a socket itself. */
static _Noreturn void misuse_what_comes(int over)
{
	for (;;) {
		const int fd = receive_descriptor(over);

		disconnect(fd);
		(void)connect(fd, (const struct sockaddr *)&forbidden, sizeof(forbidden));
		(void)sendto(fd, "x", 1, MSG_FASTOPEN, (const struct sockaddr *)&forbidden,
			     sizeof(forbidden));
		(void)listen(fd, 1);
		disconnect(fd);
		(void)syscall(SYS_connect, fd, &forbidden, (long)sizeof(struct sockaddr_storage));
		(void)close(fd);
	}
}

/* The host's socket to the child, which disconnects it while it is being connected here as well. */
static void passing_attempts(void)
{
	if (pass_descriptor(to_child, HOST_FD))
		atomic_fetch_add(&tries[7], 1);
	(void)connect(HOST_FD, (const struct sockaddr *)&open_at, sizeof(open_at));
}

static pid_t start_child(void)
{
	int ends[2];
	pid_t pid = 0;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) < 0)
		die("socketpair");
	pid = fork();
	if (pid == 0) {
		(void)close(ends[0]);
		misuse_what_comes(ends[1]);
	}
	(void)close(ends[1]);
	to_child = ends[0];
	return pid;
}

int main(int argc, char **argv)
{
	pid_t child = 0;
	pthread_t threads[2];
	time_t end = 0;

	if (argc != 6)
		return 2;
	open_at = address(argv[1], argv[2]);
	forbidden = address(argv[3], argv[4]);
	end = time(NULL) + atoi(argv[5]);
	child = start_child();
	(void)dup2(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), UNIX_FD);
	(void)dup2(UNIX_FD, RACE_FD);
	get_host_socket();
	if (pthread_create(&threads[0], NULL, rewriter, NULL) != 0 ||
	    pthread_create(&threads[1], NULL, swapper, NULL) != 0)
		die("pthread_create");
	while (time(NULL) < end) {
		get_host_socket();
		for (int i = 0; i < 20; i++)
			race_connect();
		plain_attempts();
		message_attempts();
		attempts_of_32_bits();
		attempts_of_x32();
		bind_attempts();
		abstract_attempts();
		get_host_socket();
		passing_attempts();
	}
	atomic_store(&done, true);
	(void)pthread_join(threads[0], NULL);
	(void)pthread_join(threads[1], NULL);
	(void)close(to_child);
	(void)waitpid(child, NULL, 0);
	printf("injected %lu, races %lu, plain %lu, messages %lu, 32 bits %lu, x32 %lu, binds %lu, "
	       "abstract %lu, passed %lu\n",
	       atomic_load(&injected), atomic_load(&tries[0]), atomic_load(&tries[1]),
	       atomic_load(&tries[2]), atomic_load(&tries[3]), atomic_load(&tries[4]),
	       atomic_load(&tries[5]), atomic_load(&tries[6]), atomic_load(&tries[7]));
	return 0;
}
