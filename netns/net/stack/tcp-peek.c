/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's socket of a TCP connection as a buffer: data is looked at where it stands (MSG_PEEK)
 * and taken out when the container has it. Where the kernel knows SO_PEEK_OFF for TCP (6.9) a peek
 * goes on behind the last one; elsewhere each one passes over what is in flight, to a place that
 * nobody reads. See tcp-internal.h. Runs in bryo-net's sandbox; allocates nothing.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "netns/net/stack/stack-internal.h"
#include "netns/net/stack/tcp-internal.h"

enum { SKIP_PIECES = 10 };

static ssize_t peek_at_offset(struct tcp_flow *tcp, void *data, size_t size)
{
	const int fd = tcp->flow.watch.fd;
	ssize_t n = 0;

	if (tcp->peek != tcp->next) {
		const int offset = (int)(tcp->next - tcp->base);

		if (setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &offset, sizeof(offset)) < 0)
			return -errno;
		tcp->peek = tcp->next;
	}
	n = recv(fd, data, size, MSG_PEEK | MSG_DONTWAIT);
	if (n < 0)
		return -errno;
	tcp->peek += (uint32_t)n;
	return n;
}

static ssize_t peek_past(struct tcp_flow *tcp, void *data, size_t size)
{
	struct iovec pieces[SKIP_PIECES];
	struct msghdr message = { .msg_iov = pieces };
	const size_t passed = tcp->next - tcp->base;
	ssize_t n = 0;

	for (size_t left = passed; left > 0 && message.msg_iovlen < SKIP_PIECES - 1;) {
		const size_t piece = left < STACK_SKIP ? left : STACK_SKIP;

		pieces[message.msg_iovlen++] =
			(struct iovec){ .iov_base = tcp->flow.stack->skip, .iov_len = piece };
		left -= piece;
	}
	pieces[message.msg_iovlen++] = (struct iovec){ .iov_base = data, .iov_len = size };
	n = recvmsg(tcp->flow.watch.fd, &message, MSG_PEEK | MSG_DONTWAIT);
	if (n < 0)
		return -errno;
	if ((size_t)n > passed)
		return n - (ssize_t)passed;
	/* All that is there is in flight already: is it the end? */
	return tcp->hung_up ? 0 : -EAGAIN;
}

ssize_t tcp_peek(struct tcp_flow *tcp, void *data, size_t size)
{
	const struct stack *const stack = tcp->flow.stack;

	if (tcp->flow.tuple.six ? stack->peek6 : stack->peek4)
		return peek_at_offset(tcp, data, size);
	return peek_past(tcp, data, size);
}

void tcp_consume(struct tcp_flow *tcp)
{
	const uint32_t end =
		tcp->fin_sent && seq_before(tcp->fin, tcp->acked) ? tcp->fin : tcp->acked;

	/* It stops at urgent data, hence the loop. MSG_TRUNC throws away: tcp(7). */
	while (seq_before(tcp->base, end)) {
		const ssize_t n =
			recv(tcp->flow.watch.fd, NULL, end - tcp->base, MSG_TRUNC | MSG_DONTWAIT);

		if (n <= 0)
			break;
		tcp->base += (uint32_t)n;
	}
}

/* ---- Data of the container ---- */

static ssize_t write_some(struct tcp_flow *tcp, const uint8_t *data, size_t size, int flags)
{
	const ssize_t n = send(tcp->flow.watch.fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL | flags);

	if (n >= 0)
		return n;
	return errno == EAGAIN || errno == EINTR || errno == ENOBUFS ? 0 : -errno;
}

void tcp_uncork(struct tcp_flow *tcp)
{
	static const int on = 1;

	/* Set again it sends what is held back: tcp(7). */
	if (tcp->corked)
		(void)setsockopt(tcp->flow.watch.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	tcp->corked = false;
}

ssize_t tcp_write(struct tcp_flow *tcp, const uint8_t *data, size_t size, bool more_follows)
{
	const uint32_t before = tcp->urgent - tcp->received;
	ssize_t n = 0;
	ssize_t more = 0;

	if (!tcp->urgent_out || before >= size) {
		tcp->corked = more_follows;
		return write_some(tcp, data, size, more_follows ? MSG_MORE : 0);
	}
	/* Alone: of a send with MSG_OOB that is cut short, the wrong byte would be urgent. */
	if (before > 0)
		n = write_some(tcp, data, before, 0);
	if (n == (ssize_t)before)
		more = write_some(tcp, data + before, 1, MSG_OOB);
	if (more <= 0)
		return more < 0 ? more : n;
	n += more;
	tcp->urgent_out = false;
	more = (size_t)n < size ? write_some(tcp, data + n, size - (size_t)n, 0) : 0;
	return more < 0 ? more : n + more;
}

int tcp_urgent_ahead(struct tcp_flow *tcp)
{
	struct pollfd look = { .fd = tcp->flow.watch.fd, .events = POLLPRI };
	int here = 0;

	/* Where the mark is can only be asked for the front of the queue; a peek stops before it.
	 */
	if (tcp->next != tcp->base)
		return -EAGAIN;
	if (ioctl(look.fd, SIOCATMARK, &here) == 0 && here) {
		tcp->urgent_in = false;
		return 1;
	}
	if (poll(&look, 1, 0) <= 0)
		tcp->urgent_in = false;
	return 0;
}
