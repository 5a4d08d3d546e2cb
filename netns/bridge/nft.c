/* SPDX-License-Identifier: Apache-2.0 */
/* Batches and dumps: see nft.h. Runs in bryo-bridge. */
#include "netns/bridge/nft.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/batch.h>
#include <libnftnl/common.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "engine/base/alloc.h"

/* One request's attributes, at most: a nested attribute's length has 16 bits. */
enum { REQUEST_ROOM = 80 << 10, BATCH_START = 256 << 10, ANSWER_SIZE = 64 << 10 };

static void make_room(struct nft_batch *batch)
{
	if (batch->capacity - batch->size >= REQUEST_ROOM)
		return;
	batch->capacity *= 2;
	batch->data = xrealloc(batch->data, batch->capacity);
}

/* What the request before this one has got since is known from its header. */
static void settle(struct nft_batch *batch)
{
	const struct nlmsghdr *last = (const void *)(batch->data + batch->size);

	if (batch->count > 0)
		batch->size += MNL_ALIGN(last->nlmsg_len);
}

void nft_batch_init(struct nft_batch *batch)
{
	*batch = (struct nft_batch){ .capacity = BATCH_START, .seq = 1, .family = NFPROTO_INET };
	batch->data = xmalloc(batch->capacity);
	batch->size = MNL_ALIGN(nftnl_batch_begin(batch->data, batch->seq)->nlmsg_len);
}

void nft_batch_done(struct nft_batch *batch)
{
	free(take(batch->data));
}

struct nlmsghdr *nft_batch_add(struct nft_batch *batch, uint16_t type, uint16_t flags)
{
	settle(batch);
	make_room(batch);
	batch->count++;
	/*
	 * Each is acknowledged: a batch that went well is otherwise answered by nothing at all, and
	 * one that failed by its errors alone.
	 */
	return nftnl_nlmsg_build_hdr(batch->data + batch->size, type, batch->family,
				     (uint16_t)(flags | NLM_F_ACK), ++batch->seq);
}

/* ---- Sockets ---- */

/*
 * None of these is closed but by the end of the process: closing one makes the kernel wait until
 * what the last transaction took away is freed (nft_rcv_nl_event() of nf_tables_api.c), 10 to 40 ms
 * that the container's start or end would take longer.
 */
static int open_socket(size_t size, struct mnl_socket **ret_socket)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	const int room = (int)size + 65536;
	int fd = -1;

	if (!nl)
		return -errno;
	fd = mnl_socket_get_fd(nl);
	/* A batch is one datagram, and its acknowledgements queue up behind it. */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &(int){ 8 * room }, sizeof(int));
	/* An error's answer then carries no copy of the request. */
	(void)mnl_socket_setsockopt(nl, NETLINK_CAP_ACK, &(int){ 1 }, sizeof(int));
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0) {
		const int code = -errno;

		(void)mnl_socket_close(nl);
		return code;
	}
	*ret_socket = nl;
	return 0;
}

/* The first error among the acknowledgements, and how many there were. */
static int take_acks(const char *answer, size_t size, uint32_t *seen)
{
	int left = (int)size;

	for (const struct nlmsghdr *h = (const void *)answer; mnl_nlmsg_ok(h, left);
	     h = mnl_nlmsg_next(h, &left)) {
		const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);

		if (h->nlmsg_type != NLMSG_ERROR || h->nlmsg_len < NLMSG_LENGTH(sizeof(*e)))
			continue;
		if (e->error < 0)
			return e->error;
		(*seen)++;
	}
	return 0;
}

static int exchange(struct mnl_socket *nl, const struct nft_batch *batch)
{
	auto_free char *answer = xmalloc(ANSWER_SIZE);
	uint32_t seen = 0;

	if (mnl_socket_sendto(nl, batch->data, batch->size) < 0)
		return -errno;
	while (seen < batch->count) {
		ssize_t n = mnl_socket_recvfrom(nl, answer, ANSWER_SIZE);
		int r = 0;

		if (n < 0 && errno == EINTR)
			continue;
		r = n < 0 ? -errno : take_acks(answer, (size_t)n, &seen);
		if (r < 0)
			return r;
	}
	return 0;
}

int nft_batch_commit(struct nft_batch *batch)
{
	struct mnl_socket *nl = NULL;
	int r = 0;

	if (batch->count == 0)
		return 0;
	settle(batch);
	make_room(batch);
	batch->size +=
		MNL_ALIGN(nftnl_batch_end(batch->data + batch->size, ++batch->seq)->nlmsg_len);
	r = open_socket(batch->size, &nl);
	return r < 0 ? r : exchange(nl, batch);
}

/* ---- Questions ---- */

struct listener {
	int (*on_message)(const struct nlmsghdr *message, void *data);
	void *data;
	int result;
};

static int hear(const struct nlmsghdr *message, void *data)
{
	struct listener *listener = data;

	listener->result = listener->on_message ? listener->on_message(message, listener->data) : 0;
	return listener->result < 0 ? MNL_CB_ERROR : MNL_CB_OK;
}

int nft_ask(const struct nlmsghdr *request,
	    int (*on_message)(const struct nlmsghdr *message, void *data), void *data)
{
	auto_free char *answer = xmalloc(ANSWER_SIZE);
	struct listener listener = { .on_message = on_message, .data = data };
	struct mnl_socket *nl = NULL;
	int r = open_socket(request->nlmsg_len, &nl);
	int more = MNL_CB_OK;

	if (r < 0)
		return r;
	if (mnl_socket_sendto(nl, request, request->nlmsg_len) < 0)
		r = -errno;
	while (r == 0 && more > MNL_CB_STOP) {
		ssize_t n = mnl_socket_recvfrom(nl, answer, ANSWER_SIZE);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			r = -errno;
			break;
		}
		more = mnl_cb_run(answer, (size_t)n, request->nlmsg_seq, mnl_socket_get_portid(nl),
				  hear, &listener);
		if (more < 0)
			r = listener.result < 0 ? listener.result : -errno;
	}
	return r;
}

struct table_question {
	const char *comment;
	bool matches;
};

static int look_at_comment(const struct nftnl_udata *attr, void *data)
{
	struct table_question *question = data;
	const char *text = nftnl_udata_get(attr);

	if (nftnl_udata_type(attr) == NFTNL_UDATA_TABLE_COMMENT &&
	    nftnl_udata_len(attr) == strlen(question->comment) + 1)
		question->matches = memcmp(text, question->comment, nftnl_udata_len(attr)) == 0;
	return 0;
}

static int look_at_table(const struct nlmsghdr *message, void *data)
{
	struct nftnl_table *table = nftnl_table_alloc();
	const void *userdata = NULL;
	uint32_t size = 0;
	int r = !table ? -ENOMEM : nftnl_table_nlmsg_parse(message, table) < 0 ? -EPROTO : 0;

	if (r == 0)
		userdata = nftnl_table_get_data(table, NFTNL_TABLE_USERDATA, &size);
	if (userdata)
		(void)nftnl_udata_parse(userdata, size, look_at_comment, data);
	nftnl_table_free(table);
	return r;
}

int nft_table_check(const char *table, const char *comment)
{
	_Alignas(NLMSG_ALIGNTO) char data[512];
	struct nlmsghdr *request =
		nftnl_nlmsg_build_hdr(data, NFT_MSG_GETTABLE, NFPROTO_INET, NLM_F_ACK, 1);
	struct table_question question = { .comment = comment };
	int r = 0;

	mnl_attr_put_strz(request, NFTA_TABLE_NAME, table);
	r = nft_ask(request, look_at_table, &question);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return question.matches ? 1 : -EEXIST;
}
