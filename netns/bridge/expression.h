/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules, put together word by word as nft(8) would read them: each call adds one expression
 * (libnftnl/expr.h; their meaning: nf_tables.h of the kernel). Registers are chosen by the callers:
 * EXPRESSION_REG(n) is the n-th of 16 registers of 4 bytes.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct nft_batch;
struct nftnl_rule;

#define EXPRESSION_REG(n) (8U + (n)) /* NFT_REG32_00 + n */

struct nftnl_rule *rule_new(const char *table, const char *chain);
/* Adds the rule to the batch and frees it. */
void rule_add(struct nft_batch *batch, struct nftnl_rule *rule);

/* Loads. */
void rule_meta(struct nftnl_rule *rule, uint32_t key, uint32_t reg);
void rule_payload(struct nftnl_rule *rule, uint32_t base, uint32_t offset, uint32_t size,
		  uint32_t reg);
void rule_ct(struct nftnl_rule *rule, uint32_t key, uint32_t reg);
/* The kind of the destination address: RTN_LOCAL and others. */
void rule_fib_daddr_type(struct nftnl_rule *rule, uint32_t reg);

/* Tests: the rule ends where one fails. op: NFT_CMP_*. */
void rule_cmp(struct nftnl_rule *rule, uint32_t reg, uint32_t op, const void *data, size_t size);
void rule_mask(struct nftnl_rule *rule, uint32_t reg, const void *mask, size_t size);
/* Looks up what stands from key_reg on; the value goes to value_reg and on. */
void rule_map(struct nftnl_rule *rule, const char *map, uint32_t key_reg, uint32_t value_reg);

/* Ends. */
void rule_verdict(struct nftnl_rule *rule, int verdict, const char *chain);
void rule_dnat(struct nftnl_rule *rule, uint32_t family, uint32_t address_reg, uint32_t port_reg);
void rule_masquerade(struct nftnl_rule *rule);
