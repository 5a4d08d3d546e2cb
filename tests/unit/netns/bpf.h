/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An interpreter for the classic BPF that netns/ writes: system call filters are tried on made-up
 * calls.
 */
#pragma once

#include <assert.h>
#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bpf_input {
	const uint8_t *data;
	size_t size;
};

static inline uint32_t bpf_load(const struct bpf_input *input, uint32_t k)
{
	uint32_t value = 0;

	assert(k + sizeof(value) <= input->size);
	memcpy(&value, input->data + k, sizeof(value));
	return value;
}

static inline uint32_t bpf_run(const struct sock_filter *code, size_t count,
			       const struct bpf_input *input)
{
	uint32_t a = 0;

	for (size_t pc = 0; pc < count; pc++) {
		const struct sock_filter *s = &code[pc];
		int taken = 0;

		switch (BPF_CLASS(s->code)) {
		case BPF_LD:
			assert(s->code == (BPF_LD | BPF_W | BPF_ABS));
			a = bpf_load(input, s->k);
			break;
		case BPF_ALU:
			assert(BPF_SRC(s->code) == BPF_K);
			assert(BPF_OP(s->code) == BPF_AND);
			a &= s->k;
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
