/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many short TCP connections, for tests of the network layer.
 *
 *   net-flood serve HOST PORT                       answers each with one byte and closes; prints
 * "ready" net-flood HOST PORT COUNT AT-ONCE [A-SECOND]    makes them; prints "COUNT in N ms"
 *
 * Every fourth connection ends with a reset, the others in order. Whoever cannot connect or gets
 * no byte fails with a line on standard error.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SLOTS_MAX = 512 };

struct target {
	struct sockaddr_storage address;
	socklen_t size;
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int64_t now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static struct target find(const char *host, const char *port)
{
	struct target target = { .size = 0 };
	struct sockaddr_in *four = (void *)&target.address;
	struct sockaddr_in6 *six = (void *)&target.address;

	if (inet_pton(AF_INET, host, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons((uint16_t)atoi(port));
		target.size = sizeof(*four);
	} else if (inet_pton(AF_INET6, host, &six->sin6_addr) == 1) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons((uint16_t)atoi(port));
		target.size = sizeof(*six);
	} else {
		fprintf(stderr, "no address: %s\n", host);
		exit(2);
	}
	return target;
}

/* ---- Server ---- */

static void serve(const struct target *at)
{
	const int listener = socket(at->address.ss_family, SOCK_STREAM, 0);

	(void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	if (bind(listener, (const struct sockaddr *)&at->address, at->size) < 0 ||
	    listen(listener, 4096) < 0)
		die("cannot listen");
	printf("ready\n");
	(void)fflush(stdout);
	for (;;) {
		const int fd = accept(listener, NULL, NULL);

		if (fd < 0 && errno != ECONNABORTED)
			die("accept");
		if (fd < 0)
			continue;
		(void)send(fd, "x", 1, MSG_NOSIGNAL);
		(void)close(fd);
	}
}

/* ---- Client ---- */

static int begin(const struct target *to)
{
	const int fd = socket(to->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd < 0)
		die("socket");
	if (connect(fd, (const struct sockaddr *)&to->address, to->size) < 0 &&
	    errno != EINPROGRESS)
		die("connect");
	return fd;
}

/* True: this one is done. */
static bool go_on(int fd, bool *got, bool reset)
{
	char byte = 0;
	const ssize_t n = recv(fd, &byte, 1, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n < 0)
		die("recv");
	if (n > 0)
		*got = true;
	else if (!*got) {
		fprintf(stderr, "closed without a byte\n");
		exit(1);
	}
	if (n > 0)
		return false;
	if (reset) {
		const struct linger linger = { .l_onoff = 1 };

		(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	}
	(void)close(fd);
	return true;
}

static void flood(const struct target *to, long count, long at_once, long a_second)
{
	struct pollfd slots[SLOTS_MAX];
	bool got[SLOTS_MAX] = { false };
	const int64_t began = now_us();
	long begun = 0, done = 0;

	for (long i = 0; i < at_once; i++)
		slots[i] = (struct pollfd){ .fd = -1, .events = POLLIN };
	while (done < count) {
		for (long i = 0; i < at_once && begun < count; i++) {
			if (slots[i].fd >= 0)
				continue;
			if (a_second > 0 && begun * 1000000 / a_second > now_us() - began)
				break;
			slots[i].fd = begin(to);
			got[i] = false;
			begun++;
		}
		if (poll(slots, (nfds_t)at_once, a_second > 0 ? 1 : 10000) < 0)
			die("poll");
		for (long i = 0; i < at_once; i++) {
			if (slots[i].fd >= 0 && slots[i].revents != 0 &&
			    go_on(slots[i].fd, &got[i], done % 4 == 0)) {
				slots[i].fd = -1;
				done++;
			}
		}
		if (now_us() - began > 300 * 1000000LL) {
			fprintf(stderr, "stuck after %ld\n", done);
			exit(1);
		}
	}
	printf("%ld in %ld ms\n", done, (long)((now_us() - began) / 1000));
}

int main(int argc, char **argv)
{
	struct target target;

	if (argc == 4 && strcmp(argv[1], "serve") == 0) {
		target = find(argv[2], argv[3]);
		serve(&target);
	}
	if (argc < 5 || atol(argv[4]) < 1 || atol(argv[4]) > SLOTS_MAX)
		return 2;
	target = find(argv[1], argv[2]);
	flood(&target, atol(argv[3]), atol(argv[4]), argc > 5 ? atol(argv[5]) : 0);
	return 0;
}
