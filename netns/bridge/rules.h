/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of a network: its maps of published ports, its chains and their rules, which never
 * change while the network lives. What they are, in nft(8)'s words, stands in docs/network.md.
 */
#pragma once

struct bridge_network;
struct nft_batch;

/* The maps. A key is [host address .] protocol . port, a value container address . port. */
#define RULES_PORTS4 "ports4"
#define RULES_PORTS4_AT "ports4_at"
#define RULES_PORTS6 "ports6"
#define RULES_PORTS6_AT "ports6_at"

/*
 * Adds to the batch all that makes the table, or what takes it away. comment: whose it is, for
 * nft_table_check(); at most 127 bytes.
 */
void rules_create(struct nft_batch *batch, const struct bridge_network *network,
		  const char *comment);
void rules_delete(struct nft_batch *batch, const struct bridge_network *network);
