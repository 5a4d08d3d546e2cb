/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Talking to nf_tables: a batch of requests that the kernel carries out as one or not at all
 * (nfnetlink batches, kernel 3.13), and a dump. libmnl and libnftnl lay the bytes out.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct nlmsghdr;

/* A transaction. Memory is the heap's: this program lives for a moment. */
struct nft_batch {
	char *data;
	size_t size, capacity;
	uint32_t seq;	/* of the last message */
	uint32_t count; /* requests between begin and end */
	uint16_t family;
};

/* Begins one, for tables of the family inet (IPv4 and IPv6). */
void nft_batch_init(struct nft_batch *batch);
void nft_batch_done(struct nft_batch *batch);

/*
 * Begins a request (NFT_MSG_*); attributes are put behind the header that it returns, at most 64 kB
 * of them, before the next call. flags: NLM_F_*.
 */
struct nlmsghdr *nft_batch_add(struct nft_batch *batch, uint16_t type, uint16_t flags);

/* Has the kernel carry it out. 0 or the first error that it tells; without a request 0. */
int nft_batch_commit(struct nft_batch *batch);

/*
 * Is there a table, and does it bear this comment? 1: yes, 0: there is no table, -EEXIST: it bears
 * another or none, or another negative errno.
 */
int nft_table_check(const char *table, const char *comment);

/*
 * Sends one request of nfnetlink to the kernel and hands every message of its answer to
 * on_message(). 0 or a negative errno. request must have NLM_F_ACK or NLM_F_DUMP.
 */
int nft_ask(const struct nlmsghdr *request,
	    int (*on_message)(const struct nlmsghdr *message, void *data), void *data);
