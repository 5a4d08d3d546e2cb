/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device rules. On v1 they are lines for the devices hierarchy; on v2 a BPF program of type
 * BPF_PROG_TYPE_CGROUP_DEVICE that is attached to the group (bpf(2), cgroup-v2.rst "Device
 * controller"), which takes CAP_BPF or CAP_SYS_ADMIN in the first user namespace. A caller without
 * it cannot make device nodes either, and opens none that it could not open outside: for it the
 * rules are left out silently, as every rootless runtime does.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/str.h"
#include "engine/cgroup/cgroup-internal.h"

#define RULES_MAX 400
/* Instructions of one rule at most, and of the frame around them. */
#define RULE_SIZE 8
#define FRAME_SIZE 8

/*
 * What every container may use whatever its rules say, as runc and crun have it: nodes may be made
 * of anything (opening is another matter), and the default devices of the runtime specification
 * (config-linux.md), with terminals, can be opened.
 */
static const struct cgroup_device always[] = {
	{ .allow = true, .type = 'c', .major = -1, .minor = -1, .access = "m" },
	{ .allow = true, .type = 'b', .major = -1, .minor = -1, .access = "m" },
	{ .allow = true, .type = 'c', .major = 1, .minor = 3, .access = "rwm" },    /* null */
	{ .allow = true, .type = 'c', .major = 1, .minor = 5, .access = "rwm" },    /* zero */
	{ .allow = true, .type = 'c', .major = 1, .minor = 7, .access = "rwm" },    /* full */
	{ .allow = true, .type = 'c', .major = 1, .minor = 8, .access = "rwm" },    /* random */
	{ .allow = true, .type = 'c', .major = 1, .minor = 9, .access = "rwm" },    /* urandom */
	{ .allow = true, .type = 'c', .major = 5, .minor = 0, .access = "rwm" },    /* tty */
	{ .allow = true, .type = 'c', .major = 5, .minor = 1, .access = "rwm" },    /* console */
	{ .allow = true, .type = 'c', .major = 5, .minor = 2, .access = "rwm" },    /* ptmx */
	{ .allow = true, .type = 'c', .major = 136, .minor = -1, .access = "rwm" }, /* pts */
};

/* ---- v1 ---- */

static int apply_v1(int fd, const struct cgroup_device *rule, struct err *err)
{
	char numbers[2][16];
	char text[64];

	for (int i = 0; i < 2; i++) {
		int64_t n = i ? rule->minor : rule->major;

		if (n < 0)
			(void)snprintf(numbers[i], sizeof(numbers[i]), "*");
		else
			(void)snprintf(numbers[i], sizeof(numbers[i]), "%lld",
				       (long long)n & 0xffffffff);
	}
	/* "a" takes no numbers: it means everything (devices.rst). */
	if (rule->type == 'a' && rule->major < 0 && rule->minor < 0)
		(void)snprintf(text, sizeof(text), "a");
	else
		(void)snprintf(text, sizeof(text), "%c %s:%s %s", rule->type, numbers[0],
			       numbers[1], rule->access[0] ? rule->access : "rwm");
	return cgroup_write(fd, rule->allow ? "devices.allow" : "devices.deny", text, err);
}

/* ---- v2 ---- */

struct program {
	struct bpf_insn code[(RULES_MAX + ARRAY_SIZE(always)) * RULE_SIZE + FRAME_SIZE];
	int size;
};

static void emit(struct program *p, uint8_t code, uint8_t dst, uint8_t src, int16_t off,
		 int32_t imm)
{
	p->code[p->size++] = (struct bpf_insn){
		.code = code, .dst_reg = dst & 0xf, .src_reg = src & 0xf, .off = off, .imm = imm
	};
}

/* Jumps over the rest of the rule when reg is not value; the distance is filled in by patch(). */
static void unless_equal(struct program *p, uint8_t reg, int32_t value)
{
	emit(p, BPF_JMP32 | BPF_JNE | BPF_K, reg, 0, 0, value);
}

static void patch(struct program *p, int begin)
{
	for (int i = begin; i < p->size; i++)
		if (BPF_CLASS(p->code[i].code) == BPF_JMP32 && p->code[i].off == 0)
			p->code[i].off = (int16_t)(p->size - i - 1);
}

static int access_mask(const char *access)
{
	int mask = 0;

	for (; *access; access++)
		mask |= *access == 'm'	 ? BPF_DEVCG_ACC_MKNOD
			: *access == 'r' ? BPF_DEVCG_ACC_READ
			: *access == 'w' ? BPF_DEVCG_ACC_WRITE
					 : 0;
	return mask ? mask : BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE;
}

/*
 * One rule: registers 2 to 5 hold type, access, major, minor of the request. An "allow" serves only
 * requests that it covers wholly, a "deny" stops those that it touches at all.
 */
static void emit_rule(struct program *p, const struct cgroup_device *rule)
{
	const int all = BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE;
	int mask = access_mask(rule->access);
	int begin = p->size;

	if (rule->type != 'a')
		unless_equal(p, BPF_REG_2,
			     rule->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
	if (mask != all) {
		emit(p, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_1, BPF_REG_3, 0, 0);
		emit(p, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_1, 0, 0,
		     rule->allow ? all & ~mask : mask);
		if (rule->allow)
			unless_equal(p, BPF_REG_1, 0);
		else
			emit(p, BPF_JMP32 | BPF_JEQ | BPF_K, BPF_REG_1, 0, 0, 0);
	}
	if (rule->major >= 0)
		unless_equal(p, BPF_REG_4, (int32_t)rule->major);
	if (rule->minor >= 0)
		unless_equal(p, BPF_REG_5, (int32_t)rule->minor);
	emit(p, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, rule->allow);
	emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	patch(p, begin);
}

static void emit_all(struct program *p, const struct cgroup_device *rules, size_t count)
{
	const uint8_t load = BPF_LDX | BPF_MEM | BPF_W;

	/* struct bpf_cgroup_dev_ctx: access << 16 | type, major, minor. */
	emit(p, load, BPF_REG_2, BPF_REG_1, 0, 0);
	emit(p, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_3, BPF_REG_2, 0, 0);
	emit(p, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xffff);
	emit(p, BPF_ALU64 | BPF_RSH | BPF_K, BPF_REG_3, 0, 0, 16);
	emit(p, load, BPF_REG_4, BPF_REG_1, 4, 0);
	emit(p, load, BPF_REG_5, BPF_REG_1, 8, 0);
	for (size_t i = count; i-- > 0;) {
		emit_rule(p, &rules[i]);
		/* What comes before a rule for everything can never be reached; the verifier
		 * refuses unreachable code. */
		if (rules[i].type == 'a' && rules[i].major < 0 && rules[i].minor < 0 &&
		    access_mask(rules[i].access) == access_mask(""))
			return;
	}
	emit(p, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0);
	emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static int load(const struct program *p)
{
	union bpf_attr attr;
	long fd = 0;

	memset(&attr, 0, sizeof(attr)); /* padding counts: the kernel wants unknown fields zero */
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = (uint64_t)(uintptr_t)p->code;
	attr.insn_cnt = (uint32_t)p->size;
	attr.license = (uint64_t)(uintptr_t) "Apache-2.0";
	(void)snprintf(attr.prog_name, sizeof(attr.prog_name), "bryo_devices");
	fd = syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
	return fd < 0 ? -errno : (int)fd;
}

static int attach(int cgroup_fd, int program_fd)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)cgroup_fd;
	attr.attach_bpf_fd = (uint32_t)program_fd;
	attr.attach_type = BPF_CGROUP_DEVICE;
	/* Beside what systemd attached further up; a request must pass all of them. */
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	return syscall(SYS_bpf, BPF_PROG_ATTACH, &attr, sizeof(attr)) < 0 ? -errno : 0;
}

int cgroup_apply_devices(const struct cgroup_apply *a, struct err *err)
{
	const struct cgroup_limits *l = a->limits;
	int v1 = a->cgroup->v1_fds[__builtin_ctz(CGROUP_DEVICES)];
	auto_free struct program *program = NULL;
	auto_free struct cgroup_device *rules = NULL;
	auto_close int fd = -1;
	int r = 0;

	if (v1 >= 0) {
		for (size_t i = 0; i < l->device_count && r == 0; i++)
			r = apply_v1(v1, &l->devices[i], err);
		for (size_t i = 0; i < ARRAY_SIZE(always) && r == 0; i++)
			r = apply_v1(v1, &always[i], err);
		return r;
	}
	if (a->cgroup->fd < 0)
		return 0;
	if (l->device_count > RULES_MAX)
		return err_say(err, ERR_UNSUPPORTED, "more than %d device rules", RULES_MAX);
	program = xcalloc(1, sizeof(*program));
	rules = xcalloc(l->device_count + ARRAY_SIZE(always), sizeof(*rules));
	if (l->device_count)
		memcpy(rules, l->devices, l->device_count * sizeof(*rules));
	memcpy(rules + l->device_count, always, sizeof(always));
	emit_all(program, rules, l->device_count + ARRAY_SIZE(always));
	r = fd = load(program);
	if (r >= 0)
		r = attach(a->cgroup->fd, fd);
	if (r == -EPERM)
		return 0; /* see above */
	if (r == -ENOSYS || r == -EINVAL) {
		strv_add(a->ignored,
			 "device rules ignored: this kernel has no BPF device controller");
		return 0;
	}
	return r < 0 ? err_set(err, r, "cannot set the container's device rules") : 0;
}
