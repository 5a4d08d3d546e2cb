/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiles the OCI seccomp format to BPF with libseccomp, in the monitor or bryo-runtime before
 * the container's first process is cloned, and installs the result in that process. The
 * profile may come from the user: what libseccomp does not know is refused by name, but for
 * system calls of newer kernels, which no program of this machine's kernel can be denied more
 * than by the default action.
 */
#include "engine/runtime/seccomp-internal.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

static const struct {
	const char *name;
	uint32_t token;
} architectures[] = {
	{ "SCMP_ARCH_X86", SCMP_ARCH_X86 },
	{ "SCMP_ARCH_X86_64", SCMP_ARCH_X86_64 },
	{ "SCMP_ARCH_X32", SCMP_ARCH_X32 },
	{ "SCMP_ARCH_ARM", SCMP_ARCH_ARM },
	{ "SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64 },
	{ "SCMP_ARCH_MIPS", SCMP_ARCH_MIPS },
	{ "SCMP_ARCH_MIPS64", SCMP_ARCH_MIPS64 },
	{ "SCMP_ARCH_MIPS64N32", SCMP_ARCH_MIPS64N32 },
	{ "SCMP_ARCH_MIPSEL", SCMP_ARCH_MIPSEL },
	{ "SCMP_ARCH_MIPSEL64", SCMP_ARCH_MIPSEL64 },
	{ "SCMP_ARCH_MIPSEL64N32", SCMP_ARCH_MIPSEL64N32 },
	{ "SCMP_ARCH_PPC", SCMP_ARCH_PPC },
	{ "SCMP_ARCH_PPC64", SCMP_ARCH_PPC64 },
	{ "SCMP_ARCH_PPC64LE", SCMP_ARCH_PPC64LE },
	{ "SCMP_ARCH_S390", SCMP_ARCH_S390 },
	{ "SCMP_ARCH_S390X", SCMP_ARCH_S390X },
	{ "SCMP_ARCH_PARISC", SCMP_ARCH_PARISC },
	{ "SCMP_ARCH_PARISC64", SCMP_ARCH_PARISC64 },
	{ "SCMP_ARCH_RISCV64", SCMP_ARCH_RISCV64 },
#ifdef SCMP_ARCH_LOONGARCH64
	{ "SCMP_ARCH_LOONGARCH64", SCMP_ARCH_LOONGARCH64 },
#endif
#ifdef SCMP_ARCH_M68K
	{ "SCMP_ARCH_M68K", SCMP_ARCH_M68K },
#endif
#ifdef SCMP_ARCH_SH
	{ "SCMP_ARCH_SH", SCMP_ARCH_SH },
	{ "SCMP_ARCH_SHEB", SCMP_ARCH_SHEB },
#endif
};

static const struct {
	const char *name;
	uint32_t flag;
} flag_names[] = {
	{ "SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC },
	{ "SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG },
	{ "SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
	{ "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV },
};

static const enum scmp_compare ops[] = {
	[OCI_SECCOMP_NE] = SCMP_CMP_NE,
	[OCI_SECCOMP_LT] = SCMP_CMP_LT,
	[OCI_SECCOMP_LE] = SCMP_CMP_LE,
	[OCI_SECCOMP_EQ] = SCMP_CMP_EQ,
	[OCI_SECCOMP_GE] = SCMP_CMP_GE,
	[OCI_SECCOMP_GT] = SCMP_CMP_GT,
	[OCI_SECCOMP_MASKED_EQ] = SCMP_CMP_MASKED_EQ,
};

void seccomp_filter_done(struct seccomp_filter *filter)
{
	free(filter->code);
	*filter = SECCOMP_FILTER_INIT;
}

static void release_p(scmp_filter_ctx *ctx)
{
	if (*ctx)
		seccomp_release(*ctx);
}

static uint32_t action_value(enum oci_seccomp_action action, const struct oci_u64 *errno_ret)
{
	uint64_t data = errno_ret->has ? errno_ret->value : EPERM;

	switch (action) {
	case OCI_SECCOMP_KILL_THREAD:
		return SCMP_ACT_KILL_THREAD;
	case OCI_SECCOMP_KILL_PROCESS:
		return SCMP_ACT_KILL_PROCESS;
	case OCI_SECCOMP_TRAP:
		return SCMP_ACT_TRAP;
	case OCI_SECCOMP_ERRNO:
		return SCMP_ACT_ERRNO(data & 0xffff);
	case OCI_SECCOMP_NOTIFY:
		return SCMP_ACT_NOTIFY;
	case OCI_SECCOMP_TRACE:
		return SCMP_ACT_TRACE(data & 0xffff);
	case OCI_SECCOMP_LOG:
		return SCMP_ACT_LOG;
	case OCI_SECCOMP_ALLOW:
		return SCMP_ACT_ALLOW;
	}
	return SCMP_ACT_KILL_PROCESS;
}

static int add_architectures(scmp_filter_ctx ctx, const struct strv *names, struct err *err)
{
	for (size_t i = 0; i < names->count; i++) {
		uint32_t token = 0;
		int r = 0;

		for (size_t a = 0; a < ARRAY_SIZE(architectures); a++) {
			if (str_eq(architectures[a].name, names->v[i]))
				token = architectures[a].token;
		}
		if (!token)
			return err_say(err, ERR_USAGE,
				       "seccomp.architectures: %s is not supported by this runtime",
				       names->v[i]);
		r = seccomp_arch_add(ctx, token);
		if (r < 0 && r != -EEXIST)
			return err_set(err, r, "seccomp.architectures: cannot add %s", names->v[i]);
	}
	return 0;
}

static int parse_flags(const struct strv *names, uint32_t *ret_flags, struct err *err)
{
	uint32_t flags = 0;

	for (size_t i = 0; i < names->count; i++) {
		bool known = false;

		for (size_t f = 0; f < ARRAY_SIZE(flag_names); f++) {
			if (!str_eq(flag_names[f].name, names->v[i]))
				continue;
			flags |= flag_names[f].flag;
			known = true;
		}
		if (!known)
			return err_say(err, ERR_USAGE,
				       "seccomp.flags: %s is not supported by this runtime",
				       names->v[i]);
	}
	*ret_flags = flags;
	return 0;
}

/*
 * One name of one rule. A rule whose arguments name one index twice cannot be one libseccomp
 * rule; runc adds one rule for each argument then (they are joined by "or"), and so do we.
 */
static int add_name(scmp_filter_ctx ctx, const struct oci_seccomp_rule *rule, int number)
{
	struct scmp_arg_cmp args[6];
	uint32_t action = action_value(rule->action, &rule->errno_ret);
	bool twice = false;
	unsigned int seen = 0;
	int r = 0;

	for (size_t i = 0; i < rule->args.count; i++) {
		twice |= seen & (1U << rule->args.v[i].index);
		seen |= 1U << rule->args.v[i].index;
	}
	for (size_t i = 0; i < rule->args.count; i++) {
		const struct oci_seccomp_arg *a = &rule->args.v[i];
		size_t slot = twice ? 0 : i;

		args[slot] = (struct scmp_arg_cmp){ a->index, ops[a->op], a->value, a->value_two };
		if (!twice)
			continue;
		r = seccomp_rule_add_array(ctx, action, number, 1, args);
		if (r < 0 && r != -EEXIST)
			return r;
	}
	if (twice)
		return 0;
	r = seccomp_rule_add_array(ctx, action, number, (unsigned int)rule->args.count, args);
	return r == -EEXIST ? 0 : r;
}

static int add_rule(scmp_filter_ctx ctx, const struct oci_seccomp *profile,
		    const struct oci_seccomp_rule *rule, struct err *err)
{
	if (rule->args.count > 6)
		return err_say(err, ERR_USAGE, "seccomp: more than six arguments for %s",
			       rule->names.count ? rule->names.v[0] : "a rule");
	for (size_t i = 0; i < rule->args.count; i++) {
		if (rule->args.v[i].index > 5)
			return err_say(err, ERR_USAGE, "seccomp: argument index %u is not 0 to 5",
				       rule->args.v[i].index);
	}
	/* libseccomp refuses rules whose action is the default one: they say nothing new. */
	if (action_value(rule->action, &rule->errno_ret) ==
	    action_value(profile->default_action, &profile->default_errno_ret))
		return 0;
	for (size_t i = 0; i < rule->names.count; i++) {
		int number = seccomp_syscall_resolve_name(rule->names.v[i]);
		int r = 0;

		if (number == __NR_SCMP_ERROR)
			continue; /* newer than this libseccomp: the default action holds */
		r = add_name(ctx, rule, number);
		if (r < 0)
			return err_set(err, r, "seccomp: cannot add a rule for %s",
				       rule->names.v[i]);
	}
	return 0;
}

/* libseccomp writes BPF to a descriptor only. */
static int export_code(scmp_filter_ctx ctx, struct seccomp_filter *filter, struct err *err)
{
	auto_close int fd = (int)syscall(SYS_memfd_create, "seccomp", 1U /* MFD_CLOEXEC */);
	auto_free char *data = NULL;
	size_t size = 0;
	int r = 0;

	if (fd < 0)
		return err_set(err, -errno, "cannot make a memory file");
	r = seccomp_export_bpf(ctx, fd);
	if (r < 0)
		return err_set(err, r, "cannot compile the seccomp profile");
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_set(err, -errno, "cannot read the seccomp filter");
	r = fd_read_all(fd, sizeof(struct sock_filter) * UINT16_MAX, &data, &size);
	if (r < 0)
		return err_set(err, r, "cannot read the seccomp filter");
	filter->count = (uint16_t)(size / sizeof(struct sock_filter));
	filter->code = xmemdup(data, size);
	return 0;
}

int seccomp_translate(const struct oci_seccomp *profile, struct seccomp_filter *ret_filter,
		      struct err *err)
{
	__attribute__((cleanup(release_p))) scmp_filter_ctx ctx = NULL;
	auto_done(seccomp_filter) struct seccomp_filter filter = SECCOMP_FILTER_INIT;
	int r = parse_flags(&profile->flags, &filter.flags, err);

	if (r < 0)
		return r;
	filter.notifies = profile->default_action == OCI_SECCOMP_NOTIFY;
	ctx = seccomp_init(action_value(profile->default_action, &profile->default_errno_ret));
	if (!ctx)
		return err_say(err, ERR_FAILED, "cannot prepare a seccomp filter");
	/* No rule of the profile has to let no_new_privs be set: exec would ask for it. */
	(void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0);
#if SCMP_VER_MAJOR > 2 || SCMP_VER_MINOR >= 5
	/* A binary tree: some 10 comparisons a system call in place of some 200. */
	(void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
#endif
	r = add_architectures(ctx, &profile->architectures, err);
	for (size_t i = 0; r == 0 && i < profile->rules.count; i++) {
		filter.notifies |= profile->rules.v[i].action == OCI_SECCOMP_NOTIFY;
		r = add_rule(ctx, profile, &profile->rules.v[i], err);
	}
	if (r == 0)
		r = export_code(ctx, &filter, err);
	if (r < 0)
		return r;
	*ret_filter = filter;
	filter = SECCOMP_FILTER_INIT;
	return 0;
}

int seccomp_compile(const struct oci_seccomp *profile, struct seccomp_filter *ret_filter,
		    struct err *err)
{
	int r = seccomp_translate(profile, ret_filter, err);

	if (r == 0)
		(void)seccomp_index(ret_filter); /* without it, it is only longer */
	return r;
}

int seccomp_filter_install(const struct seccomp_filter *filter, int *ret_listener)
{
	struct sock_fprog program = { .len = filter->count, .filter = filter->code };
	unsigned long flags = filter->flags;
	long r = 0;

	if (filter->count == 0) {
		*ret_listener = -1;
		return 0;
	}
	if (filter->notifies)
		flags = (flags & ~SECCOMP_FILTER_FLAG_TSYNC) | SECCOMP_FILTER_FLAG_NEW_LISTENER;
	r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
	if (r < 0)
		return -errno;
	*ret_listener = filter->notifies ? (int)r : -1;
	return 0;
}
