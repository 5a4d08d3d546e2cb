/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtnetlink(7) by hand. Runs in the container's init, in bryo-net's short-lived child, and in
 * vforked children: it must not allocate, lock or print.
 */
#include "netns/netlink-internal.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "engine/base/fd.h"

/* Room for size bytes at the end of the batch, zeroed, or NULL with the overflow noted. */
static void *room(struct nl_batch *batch, size_t size)
{
	char *p = batch->data + batch->size;

	if (batch->overflow < 0 || NLMSG_ALIGN(size) > sizeof(batch->data) - batch->size) {
		batch->overflow = -EMSGSIZE;
		return NULL;
	}
	memset(p, 0, NLMSG_ALIGN(size));
	batch->size += NLMSG_ALIGN(size);
	if (batch->last)
		batch->last->nlmsg_len += (uint32_t)NLMSG_ALIGN(size);
	return p;
}

void nl_begin(struct nl_batch *batch, uint16_t type, uint16_t flags, const void *fixed, size_t size)
{
	struct nlmsghdr *header = NULL;

	batch->last = NULL;
	header = room(batch, NLMSG_LENGTH(size));
	if (!header)
		return;
	header->nlmsg_len = (uint32_t)NLMSG_ALIGN(NLMSG_LENGTH(size));
	header->nlmsg_type = type;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	header->nlmsg_seq = ++batch->count;
	memcpy(NLMSG_DATA(header), fixed, size);
	batch->last = header;
}

void nl_attr(struct nl_batch *batch, uint16_t type, const void *data, size_t size)
{
	struct rtattr *attr = room(batch, RTA_LENGTH(size));

	if (!attr)
		return;
	attr->rta_type = type;
	attr->rta_len = (uint16_t)RTA_LENGTH(size);
	if (size > 0)
		memcpy(RTA_DATA(attr), data, size);
}

void nl_attr_u32(struct nl_batch *batch, uint16_t type, uint32_t value)
{
	nl_attr(batch, type, &value, sizeof(value));
}

void nl_fixed(struct nl_batch *batch, const void *data, size_t size)
{
	void *p = room(batch, size);

	if (p)
		memcpy(p, data, size);
}

struct rtattr *nl_nest(struct nl_batch *batch, uint16_t type)
{
	char *start = batch->data + batch->size;

	nl_attr(batch, type, NULL, 0);
	return batch->overflow < 0 ? NULL : (struct rtattr *)(void *)start;
}

void nl_nest_end(struct nl_batch *batch, struct rtattr *nest)
{
	if (nest)
		nest->rta_len = (uint16_t)(batch->data + batch->size - (char *)nest);
}

/* Takes the acknowledgements of one datagram; returns how many, or the first error found. */
static int take_answers(const char *data, size_t size, uint32_t *ret_failed)
{
	int seen = 0;

	for (const struct nlmsghdr *h = (const void *)data; NLMSG_OK(h, size);
	     h = NLMSG_NEXT(h, size)) {
		const struct nlmsgerr *answer = NLMSG_DATA(h);

		if (h->nlmsg_type != NLMSG_ERROR || h->nlmsg_len < NLMSG_LENGTH(sizeof(*answer)))
			continue;
		seen++;
		if (answer->error == 0)
			continue;
		if (ret_failed)
			*ret_failed = h->nlmsg_seq;
		return answer->error;
	}
	return seen;
}

int nl_run(struct nl_batch *batch, uint32_t *ret_failed)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	auto_close int fd = -1;
	_Alignas(NLMSG_ALIGNTO) char answers[8192];
	uint32_t seen = 0;

	if (ret_failed)
		*ret_failed = 0;
	if (batch->overflow < 0)
		return batch->overflow;
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0)
		return -errno;
	/* The answer to a failed request carries no copy of it then, so one read suffices. */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &(int){ 1 }, sizeof(int));
	if (sendto(fd, batch->data, batch->size, 0, (const struct sockaddr *)&kernel,
		   sizeof(kernel)) < 0)
		return -errno;
	while (seen < batch->count) {
		ssize_t n = recv(fd, answers, sizeof(answers), 0);
		int r = 0;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		r = take_answers(answers, (size_t)n, ret_failed);
		if (r < 0)
			return r;
		seen += (uint32_t)r;
	}
	return 0;
}
