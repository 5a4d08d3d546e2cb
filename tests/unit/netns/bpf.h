/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An interpreter for the classic BPF that netns/ writes: system call filters and filters on sockets
 * are tried on made-up calls and packets, whatever this kernel lets its users attach.
 */
#pragma once

#include <assert.h>
#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

struct bpf_input {
	const uint8_t *data; /* offset 0 */
	size_t size;
	const uint8_t *net; /* SKF_NET_OFF; NULL: none */
	size_t net_size;
	int swap; /* network byte order: packets */
};

static inline int bpf_load(const struct bpf_input *input, uint32_t k, size_t size, uint32_t *ret)
{
	const int net = (int32_t)k < 0;
	const uint8_t *data = net ? input->net : input->data;
	const size_t limit = net ? input->net_size : input->size;
	const size_t at = net ? (size_t)((int64_t)(int32_t)k - SKF_NET_OFF) : k;
	uint32_t value = 0;

	if (at + size > limit)
		return -1;
	for (size_t i = 0; i < size; i++)
		value |= (uint32_t)data[at + i] << (input->swap ? 8 * (size - 1 - i) : 8 * i);
	*ret = value;
	return 0;
}

static inline uint32_t bpf_run(const struct sock_filter *code, size_t count,
			       const struct bpf_input *input)
{
	uint32_t a = 0;

	for (size_t pc = 0; pc < count; pc++) {
		const struct sock_filter *s = &code[pc];
		const size_t size = BPF_SIZE(s->code) == BPF_W	 ? 4
				    : BPF_SIZE(s->code) == BPF_H ? 2
								 : 1;
		int taken = 0;

		switch (BPF_CLASS(s->code)) {
		case BPF_LD:
			if (bpf_load(input, s->k, size, &a) < 0)
				return 0; /* as the kernel: a load outside drops the packet */
			break;
		case BPF_ALU:
			assert(BPF_SRC(s->code) == BPF_K);
			a = BPF_OP(s->code) == BPF_AND	 ? a & s->k
			    : BPF_OP(s->code) == BPF_XOR ? a ^ s->k
							 : a >> s->k;
			break;
		case BPF_JMP:
			taken = BPF_OP(s->code) == BPF_JEQ   ? a == s->k
				: BPF_OP(s->code) == BPF_JGE ? a >= s->k
				: BPF_OP(s->code) == BPF_JGT ? a > s->k
							     : (a & s->k) != 0;
			pc += taken ? s->jt : s->jf;
			break;
		case BPF_RET:
			return s->k;
		default:
			assert(!"an instruction that is not known here");
		}
	}
	assert(!"ran off the end");
	return 0;
}
