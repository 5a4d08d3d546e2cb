/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A shorter way into a compiled filter. libseccomp gives each system call a branch of its own for
 * each architecture, some 1400 instructions, which the kernel translates to machine code at each
 * start of a container and each exec: 0.4 ms. But for most calls the answer depends on the number
 * alone, and neighbours have the same. So the answers are read off the program itself, by following
 * it for each number that it compares with, and put in front as a search tree over ranges of
 * numbers. Of the program only what looks at a call's arguments stays, and is jumped into. What
 * comes out decides as the program does, for every number and architecture: tests/unit compares the
 * two.
 *
 * A program with instructions that libseccomp does not make today is left as it is.
 */
#include "engine/runtime/seccomp-internal.h"

#include <errno.h>
#include <linux/bpf_common.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"

#define ARCH_MAX 8
#define JUMP_MAX 255 /* jt and jf are bytes */

/* What the accumulator holds while only number and architecture have been looked at. */
enum holds { NOTHING, NUMBER, ARCH, KINDS };

/* How a call ends: with an answer, or in the part of the program that looks at arguments. */
struct outcome {
	bool known;
	uint32_t value; /* known: SECCOMP_RET_*; else the instruction to go on at */
};

struct range {
	uint32_t begin; /* to the begin of the next */
	struct outcome outcome;
};

struct index {
	const struct sock_filter *code;
	size_t count;
	uint32_t arch[ARCH_MAX];
	size_t arch_count;
	uint32_t *edges; /* numbers where an answer may change, sorted */
	size_t edge_count, edge_capacity;
	bool *kept;	 /* for each instruction: an outcome leads there */
	uint16_t *moved; /* for each kept one: its place behind the trees */
	struct sock_filter *out;
	size_t out_count;
	struct range *ranges; /* of the architecture at hand */
	size_t range_count;
};

static void index_done(struct index *x)
{
	free(x->edges);
	free(x->kept);
	free(x->moved);
	free(x->out);
	free(x->ranges);
}

static bool is_jump(const struct sock_filter *i)
{
	return i->code == (BPF_JMP | BPF_JEQ | BPF_K) || i->code == (BPF_JMP | BPF_JGT | BPF_K) ||
	       i->code == (BPF_JMP | BPF_JGE | BPF_K);
}

static bool jumps(const struct sock_filter *i, uint32_t a)
{
	return BPF_OP(i->code) == BPF_JEQ   ? a == i->k
	       : BPF_OP(i->code) == BPF_JGT ? a > i->k
					    : a >= i->k;
}

static bool is_load(const struct sock_filter *i)
{
	return i->code == (BPF_LD | BPF_W | BPF_ABS);
}

/* What a load takes: NUMBER, ARCH, or NOTHING for an argument. */
static enum holds loads(const struct sock_filter *i)
{
	return i->k == offsetof(struct seccomp_data, nr)     ? NUMBER
	       : i->k == offsetof(struct seccomp_data, arch) ? ARCH
							     : NOTHING;
}

/* ---- Reading the program ---- */

static void add_edge(struct index *x, uint32_t number)
{
	xgrow(x->edges, x->edge_count, x->edge_capacity);
	x->edges[x->edge_count++] = number;
}

static int add_arch(struct index *x, uint32_t arch)
{
	for (size_t i = 0; i < x->arch_count; i++)
		if (x->arch[i] == arch)
			return 0;
	if (x->arch_count == ARCH_MAX)
		return -ENOTSUP;
	x->arch[x->arch_count++] = arch;
	return 0;
}

/* One comparison: what it compares with is noted. */
static int note(struct index *x, const struct sock_filter *i, enum holds holds)
{
	if (holds == ARCH)
		return BPF_OP(i->code) == BPF_JEQ ? add_arch(x, i->k) : -ENOTSUP;
	if (holds != NUMBER)
		return -ENOTSUP;
	if (BPF_OP(i->code) != BPF_JGT)
		add_edge(x, i->k);
	if (BPF_OP(i->code) != BPF_JGE && i->k != UINT32_MAX)
		add_edge(x, i->k + 1);
	return 0;
}

/*
 * Visits each instruction once for each thing that the accumulator may hold there, up to the first
 * look at an argument. Jumps go forward only (bpf(2)), so one pass in order sees all.
 */
static int survey(struct index *x)
{
	auto_free bool(*seen)[KINDS] = xcalloc(x->count + 1, sizeof(*seen));
	int r = 0;

	seen[0][NOTHING] = true;
	for (size_t pc = 0; pc < x->count && r == 0; pc++) {
		const struct sock_filter *i = &x->code[pc];

		for (enum holds holds = NOTHING; holds < KINDS && r == 0; holds++) {
			if (!seen[pc][holds] || i->code == (BPF_RET | BPF_K))
				continue;
			if (is_load(i)) {
				if (loads(i) != NOTHING)
					seen[pc + 1][loads(i)] = true;
			} else if (i->code == (BPF_JMP | BPF_JA)) {
				if (i->k >= x->count - pc)
					return -ENOTSUP;
				seen[pc + 1 + i->k][holds] = true;
			} else if (is_jump(i) && pc + 1 + i->jt < x->count &&
				   pc + 1 + i->jf < x->count) {
				seen[pc + 1 + i->jt][holds] = true;
				seen[pc + 1 + i->jf][holds] = true;
				r = note(x, i, holds);
			} else {
				r = -ENOTSUP;
			}
		}
	}
	return r;
}

/* After survey(): every instruction on the way is one of those known there. */
static struct outcome follow(const struct index *x, uint32_t arch, uint32_t number)
{
	uint32_t a = 0;

	for (size_t pc = 0;; pc++) {
		const struct sock_filter *i = &x->code[pc];

		if (i->code == (BPF_RET | BPF_K))
			return (struct outcome){ .known = true, .value = i->k };
		if (is_load(i) && loads(i) == NOTHING)
			return (struct outcome){ .value = (uint32_t)pc };
		if (is_load(i))
			a = loads(i) == NUMBER ? number : arch;
		else if (i->code == (BPF_JMP | BPF_JA))
			pc += i->k;
		else
			pc += jumps(i, a) ? i->jt : i->jf;
	}
}

static bool same(struct outcome a, struct outcome b)
{
	return a.known == b.known && a.value == b.value;
}

/* All numbers of one architecture as ranges with the same outcome. */
static void find_ranges(struct index *x, uint32_t arch)
{
	x->range_count = 0;
	for (size_t i = 0; i < x->edge_count; i++) {
		struct outcome outcome = follow(x, arch, x->edges[i]);

		if (!outcome.known)
			x->kept[outcome.value] = true;
		if (x->range_count == 0 || !same(x->ranges[x->range_count - 1].outcome, outcome))
			x->ranges[x->range_count++] = (struct range){ x->edges[i], outcome };
	}
}

/* ---- What stays of it ---- */

/* Marks what the kept ones lead to. Behind an argument's load nothing may ask what was held before.
 */
static int keep_all(struct index *x)
{
	for (size_t pc = 0; pc < x->count; pc++) {
		const struct sock_filter *i = &x->code[pc];

		if (!x->kept[pc] || i->code == (BPF_RET | BPF_K))
			continue;
		if (i->code == (BPF_JMP | BPF_JA)) {
			if (i->k >= x->count - pc - 1)
				return -ENOTSUP;
			x->kept[pc + 1 + i->k] = true;
		} else if (BPF_CLASS(i->code) == BPF_JMP) {
			if (pc + 1 + i->jt >= x->count || pc + 1 + i->jf >= x->count)
				return -ENOTSUP;
			x->kept[pc + 1 + i->jt] = x->kept[pc + 1 + i->jf] = true;
		} else if ((is_load(i) || i->code == (BPF_ALU | BPF_AND | BPF_K)) &&
			   pc + 1 < x->count) {
			x->kept[pc + 1] = true;
		} else {
			return -ENOTSUP; /* scratch memory, the index register: not libseccomp's */
		}
	}
	return 0;
}

/* Copies them behind the trees. Only what lay between was left out: no jump becomes longer. */
static void append_kept(struct index *x)
{
	size_t begin = x->out_count;

	for (size_t pc = 0; pc < x->count; pc++)
		if (x->kept[pc])
			x->moved[pc] = (uint16_t)x->out_count++;
	for (size_t pc = 0, at = begin; pc < x->count; pc++) {
		struct sock_filter i = x->code[pc];

		if (!x->kept[pc])
			continue;
		if (i.code == (BPF_JMP | BPF_JA)) {
			i.k = x->moved[pc + 1 + i.k] - x->moved[pc] - 1U;
		} else if (BPF_CLASS(i.code) == BPF_JMP) {
			i.jt = (uint8_t)(x->moved[pc + 1 + i.jt] - x->moved[pc] - 1);
			i.jf = (uint8_t)(x->moved[pc + 1 + i.jf] - x->moved[pc] - 1);
		}
		x->out[at++] = i;
	}
}

/* ---- The trees ---- */

static size_t emit(struct index *x, uint16_t code, uint8_t jt, uint8_t jf, uint32_t k)
{
	x->out[x->out_count] = (struct sock_filter){ code, jt, jf, k };
	return x->out_count++;
}

/* A jump to a kept instruction, whose new place is not known yet: k is the old one until then. */
#define JUMP_TO_KEPT 0xffff

static void emit_outcome(struct index *x, struct outcome outcome)
{
	(void)emit(x, outcome.known ? BPF_RET | BPF_K : JUMP_TO_KEPT, 0, 0, outcome.value);
}

/* Ranges first to last - 1: the lower half follows its comparison, the upper half comes after. */
static void emit_tree(struct index *x, size_t first, size_t last)
{
	size_t middle = first + (last - first) / 2;
	size_t compare = 0;
	size_t lower = 0;

	if (last - first == 1) {
		emit_outcome(x, x->ranges[first].outcome);
		return;
	}
	compare = emit(x, BPF_JMP | BPF_JGE | BPF_K, 0, 1, x->ranges[middle].begin);
	(void)emit(x, BPF_JMP | BPF_JA, 0, 0, 0);
	emit_tree(x, first, middle);
	lower = x->out_count - compare - 2;
	if (lower >= JUMP_MAX) {
		x->out[compare + 1].k = (uint32_t)lower;
	} else {
		/* Short enough for the comparison itself. */
		memmove(&x->out[compare + 1], &x->out[compare + 2], lower * sizeof(*x->out));
		x->out_count--;
		x->out[compare].jt = (uint8_t)lower;
		x->out[compare].jf = 0;
	}
	emit_tree(x, middle, last);
}

static void land_jumps(struct index *x, size_t end)
{
	for (size_t at = 0; at < end; at++)
		if (x->out[at].code == JUMP_TO_KEPT)
			x->out[at] =
				(struct sock_filter){ BPF_JMP | BPF_JA, 0, 0,
						      x->moved[x->out[at].k] - (uint32_t)at - 1U };
}

/* An architecture that the program does not name has one answer, whatever the number. */
static int emit_others(struct index *x)
{
	uint32_t other = 0;

	for (size_t i = 0; i < x->arch_count; i++)
		if (x->arch[i] == other)
			return -ENOTSUP;
	find_ranges(x, other);
	if (x->range_count != 1 || !x->ranges[0].outcome.known)
		return -ENOTSUP;
	emit_outcome(x, x->ranges[0].outcome);
	return 0;
}

static int emit_all(struct index *x)
{
	size_t heads[ARCH_MAX];
	size_t end = 0;
	int r = 0;

	(void)emit(x, BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, arch));
	for (size_t i = 0; i < x->arch_count; i++) {
		(void)emit(x, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, x->arch[i]);
		heads[i] = emit(x, BPF_JMP | BPF_JA, 0, 0, 0);
	}
	r = emit_others(x);
	for (size_t i = 0; i < x->arch_count && r == 0; i++) {
		x->out[heads[i]].k = (uint32_t)(x->out_count - heads[i] - 1);
		(void)emit(x, BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr));
		find_ranges(x, x->arch[i]);
		emit_tree(x, 0, x->range_count);
	}
	if (r == 0)
		r = keep_all(x);
	if (r < 0)
		return r;
	end = x->out_count;
	append_kept(x);
	land_jumps(x, end);
	return 0;
}

static int by_number(const void *a, const void *b)
{
	const uint32_t *x = a;
	const uint32_t *y = b;

	return (*x > *y) - (*x < *y);
}

int seccomp_index(struct seccomp_filter *filter)
{
	struct index x __attribute__((cleanup(index_done))) = { .code = filter->code,
								.count = filter->count };
	size_t room = 0;
	int r = survey(&x);

	if (r < 0)
		return r;
	add_edge(&x, 0);
	qsort(x.edges, x.edge_count, sizeof(*x.edges), by_number);
	/* Each range of each tree is one answer and at most two instructions that lead to it. */
	room = 1 + x.arch_count * (3 + 3 * x.edge_count) + 1 + x.count;
	x.kept = xcalloc(x.count + 1, sizeof(*x.kept));
	x.moved = xcalloc(x.count + 1, sizeof(*x.moved));
	x.out = xcalloc(room, sizeof(*x.out));
	x.ranges = xcalloc(x.edge_count, sizeof(*x.ranges));
	r = emit_all(&x);
	if (r < 0 || x.out_count >= filter->count)
		return r < 0 ? r : 0;
	free(filter->code);
	filter->code = xmemdup(x.out, x.out_count * sizeof(*x.out));
	filter->count = (uint16_t)x.out_count;
	return 0;
}
