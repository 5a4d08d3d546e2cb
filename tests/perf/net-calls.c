/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What network.py cannot time by iperf3: how long a connection takes to set up, and a question of
 * one byte to be answered. Linked statically, so that it runs in any container.
 *
 *   net-calls serve ADDRESS PORT            answers each byte with one, connections side by side
 *   net-calls connect ADDRESS PORT COUNT    microseconds for socket, connect, close; median
 *   net-calls ask ADDRESS PORT COUNT        microseconds for a byte there and back; median
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS = 512 };

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a - *(const double *)b;

	return x < 0 ? -1 : x > 0;
}

static void report(double *times, int count)
{
	qsort(times, (size_t)count, sizeof(*times), compare);
	printf("%.1f\n", times[count / 2]);
}

static int serve(const struct sockaddr_in *at)
{
	static struct pollfd fds[CLIENTS];
	int count = 1;
	const int on = 1;

	fds[0] = (struct pollfd){ .fd = socket(AF_INET, SOCK_STREAM, 0), .events = POLLIN };
	(void)setsockopt(fds[0].fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fds[0].fd, (const struct sockaddr *)at, sizeof(*at)) < 0 ||
	    listen(fds[0].fd, 1024) < 0)
		die("cannot serve");
	puts("ready");
	fflush(stdout);
	while (poll(fds, (nfds_t)count, -1) >= 0) {
		char byte = 0;

		if (fds[0].revents && count < CLIENTS) {
			fds[count] = (struct pollfd){ .fd = accept(fds[0].fd, NULL, NULL),
						      .events = POLLIN };
			(void)setsockopt(fds[count].fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
			count++;
		}
		for (int i = count - 1; i > 0; i--) {
			if (!fds[i].revents ||
			    (read(fds[i].fd, &byte, 1) == 1 && write(fds[i].fd, &byte, 1) == 1))
				continue;
			(void)close(fds[i].fd);
			fds[i] = fds[--count];
		}
	}
	return 1;
}

static int dial(const struct sockaddr_in *at)
{
	const int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)at, sizeof(*at)) < 0)
		die("cannot connect");
	return fd;
}

static void time_connect(const struct sockaddr_in *at, double *times, int count)
{
	/* A reset leaves no connection waiting for its end: ports would run out. */
	const struct linger reset = { 1, 0 };

	for (int i = 0; i < count; i++) {
		const double start = now_us();
		const int fd = dial(at);

		(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		(void)close(fd);
		times[i] = now_us() - start;
	}
}

static void time_ask(const struct sockaddr_in *at, double *times, int count)
{
	const int fd = dial(at);
	const int on = 1;
	char byte = 'x';

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	for (int i = 0; i < count; i++) {
		const double start = now_us();

		if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1)
			die("no answer");
		times[i] = now_us() - start;
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	const int count = argc > 4 ? atoi(argv[4]) : 0;
	double *times = calloc((size_t)count + 1, sizeof(*times));

	if (argc < 4 || inet_pton(AF_INET, argv[2], &at.sin_addr) != 1 || !times)
		return 2;
	at.sin_port = htons((in_port_t)atoi(argv[3]));
	if (strcmp(argv[1], "serve") == 0)
		return serve(&at);
	if (strcmp(argv[1], "connect") == 0)
		time_connect(&at, times, count);
	else if (strcmp(argv[1], "ask") == 0)
		time_ask(&at, times, count);
	else
		return 2;
	report(times, count);
	return 0;
}
