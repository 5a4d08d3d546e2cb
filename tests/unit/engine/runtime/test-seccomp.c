/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiled filters: decisions of the default profile, read off its BPF by a small interpreter,
 * with and without capabilities; and the cache.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/bpf_common.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/runtime/caps.h"
#include "engine/runtime/seccomp-internal.h"

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE AUDIT_ARCH_AARCH64
#else
#error "name this processor's AUDIT_ARCH"
#endif

static uint32_t alu(uint16_t code, uint32_t a, uint32_t k)
{
	return BPF_OP(code) == BPF_AND ? a & k : a;
}

static bool jump(uint16_t code, uint32_t a, uint32_t k)
{
	switch (BPF_OP(code)) {
	case BPF_JEQ:
		return a == k;
	case BPF_JGT:
		return a > k;
	case BPF_JGE:
		return a >= k;
	default:
		return a & k;
	}
}

/* What the filter answers to one call. */
static uint32_t answer(const struct seccomp_filter *filter, struct seccomp_data data)
{
	uint32_t a = 0;

	for (size_t pc = 0; pc < filter->count; pc++) {
		const struct sock_filter *i = &filter->code[pc];

		switch (BPF_CLASS(i->code)) {
		case BPF_LD:
			assert_true(i->k + 4 <= sizeof(data));
			memcpy(&a, (const char *)&data + i->k, 4);
			break;
		case BPF_ALU:
			a = alu(i->code, a, i->k);
			break;
		case BPF_JMP:
			if (BPF_OP(i->code) == BPF_JA)
				pc += i->k;
			else
				pc += jump(i->code, a, i->k) ? i->jt : i->jf;
			break;
		case BPF_RET:
			return i->k;
		default:
			fail_msg("unexpected instruction %x", i->code);
		}
	}
	fail_msg("ran off the end");
	return 0;
}

static uint32_t decide(const struct seccomp_filter *filter, long number, uint64_t a0, uint64_t a2)
{
	return answer(filter, (struct seccomp_data){
				      .nr = (int)number, .arch = NATIVE, .args = { a0, 0, a2 } });
}

static void make(uint64_t caps, struct seccomp_filter *filter)
{
	auto_done(oci_seccomp) struct oci_seccomp profile = { 0 };
	struct err err = ERR_INIT;

	seccomp_default_profile(caps, &profile);
	assert_int_equal(seccomp_compile(&profile, filter, &err), 0);
}

#define ERRNO(n) (SECCOMP_RET_ERRNO | (n))

static void default_profile_decides(void **state)
{
	auto_done(seccomp_filter) struct seccomp_filter filter = SECCOMP_FILTER_INIT;

	(void)state;
	make(0, &filter);
	assert_int_equal(decide(&filter, SYS_read, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(decide(&filter, SYS_clone3, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(decide(&filter, SYS_sethostname, 0, 0), ERRNO(EPERM));
	assert_int_equal(decide(&filter, SYS_bpf, 0, 0), ERRNO(EPERM));
	assert_int_equal(decide(&filter, SYS_kexec_load, 0, 0), ERRNO(EPERM));
	assert_int_equal(decide(&filter, SYS_io_uring_setup, 0, 0), ERRNO(ENOSYS));
	assert_int_equal(decide(&filter, 9999, 0, 0), ERRNO(ENOSYS));
	assert_int_equal(decide(&filter, SYS_personality, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(decide(&filter, SYS_personality, 0x40000, 0), ERRNO(ENOSYS));
	assert_int_equal(decide(&filter, SYS_socket, 2, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(decide(&filter, SYS_socket, 40, 0), ERRNO(EPERM));
	assert_int_equal(decide(&filter, SYS_socket, 16, 9), ERRNO(EINVAL));
	assert_int_equal(decide(&filter, SYS_socket, 16, 0), SECCOMP_RET_ALLOW);
}

static void capabilities_open_calls(void **state)
{
	auto_done(seccomp_filter) struct seccomp_filter filter = SECCOMP_FILTER_INIT;

	(void)state;
	make(CAPS_BIT(CAP_SYS_ADMIN) | CAPS_BIT(CAP_AUDIT_WRITE) | CAPS_BIT(CAP_SYS_CHROOT),
	     &filter);
	assert_int_equal(decide(&filter, SYS_sethostname, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(decide(&filter, SYS_bpf, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(decide(&filter, SYS_chroot, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(decide(&filter, SYS_socket, 16, 9), SECCOMP_RET_ALLOW);
	assert_int_equal(decide(&filter, SYS_socket, 40, 0), ERRNO(EPERM));
	assert_int_equal(decide(&filter, SYS_init_module, 0, 0), ERRNO(EPERM));
}

static void small(struct oci_seccomp *profile, const char *name, uint64_t number)
{
	struct oci_seccomp_rule *rule = NULL;

	*profile = (struct oci_seccomp){ .default_action = OCI_SECCOMP_ALLOW };
	rule = OCI_ADD(&profile->rules);
	rule->action = OCI_SECCOMP_ERRNO;
	rule->errno_ret = (struct oci_u64){ true, number };
	strv_add(&rule->names, name);
}

static void cache_compares_all(void **state)
{
	char folder[] = "/tmp/bryo-seccomp-XXXXXX";
	auto_close int fd = -1;
	auto_done(oci_seccomp) struct oci_seccomp one = { 0 };
	auto_done(oci_seccomp) struct oci_seccomp two = { 0 };
	auto_done(seccomp_filter) struct seccomp_filter a = SECCOMP_FILTER_INIT;
	auto_done(seccomp_filter) struct seccomp_filter b = SECCOMP_FILTER_INIT;
	auto_done(seccomp_filter) struct seccomp_filter c = SECCOMP_FILTER_INIT;
	auto_free char *first = NULL;
	auto_free char *second = NULL;
	auto_free char *data = NULL;
	size_t size = 0;
	struct err err = ERR_INIT;
	struct dirent *entry = NULL;
	DIR *dir = NULL;

	(void)state;
	assert_non_null(mkdtemp(folder));
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	small(&one, "mkdirat", 28);
	small(&two, "mkdirat", 29);
	assert_int_equal(seccomp_load_or_compile(&one, fd, &a, &err), 0);
	dir = opendir(folder);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] != '.')
			first = xstrdup(entry->d_name);
	}
	(void)closedir(dir);
	assert_non_null(first);
	assert_int_equal(seccomp_load_or_compile(&two, fd, &b, &err), 0);
	dir = opendir(folder);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] != '.' && !str_eq(entry->d_name, first))
			second = xstrdup(entry->d_name);
	}
	(void)closedir(dir);
	assert_non_null(second);
	/* The first one's filter under the second one's name: found by hash, refused by content. */
	assert_int_equal(file_read_at(fd, first, 1 << 20, &data, &size), 0);
	assert_int_equal(file_replace_at(fd, second, data, size, 0600, FILE_NO_SYNC), 0);
	assert_int_equal(seccomp_load_or_compile(&two, fd, &c, &err), 0);
	assert_int_equal(decide(&a, SYS_mkdirat, 0, 0), ERRNO(28));
	assert_int_equal(decide(&c, SYS_mkdirat, 0, 0), ERRNO(29));
	/* Cut short: compiled anew. */
	assert_int_equal(file_replace_at(fd, first, data, size - 3, 0600, FILE_NO_SYNC), 0);
	seccomp_filter_done(&c);
	assert_int_equal(seccomp_load_or_compile(&one, fd, &c, &err), 0);
	assert_int_equal(decide(&c, SYS_mkdirat, 0, 0), ERRNO(28));
	assert_int_equal(file_remove_tree(AT_FDCWD, folder), 0);
}

/* Arguments that rules of the default profile look at, and others. */
static void compare_calls(const struct seccomp_filter *a, const struct seccomp_filter *b,
			  uint32_t arch, uint32_t number)
{
	static const uint64_t args[] = { 0,	     1,		 8,	     40,
					 0x20000,    0x20008,	 0xffffffff, 1 << 28,
					 0x7e020000, 0x10000000, ~0ULL };

	for (size_t i = 0; i < sizeof(args) / sizeof(*args); i++) {
		struct seccomp_data data = { .nr = (int)number,
					     .arch = arch,
					     .args = { args[i], args[i], args[i], 16, 1, 2 } };

		if (answer(a, data) != answer(b, data))
			fail_msg("arch %x, call %u, arguments %llx: %x is not %x", arch, number,
				 (unsigned long long)args[i], answer(b, data), answer(a, data));
	}
}

static void the_index_decides_alike(void **state)
{
	static const uint64_t caps[] = { 0, CAPS_BIT(CAP_SYS_ADMIN), CAPS_BIT(CAP_SYS_PTRACE),
					 ~0ULL };
	static const uint32_t arches[] = {
		AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM, 0, ~0U
	};
	static const uint32_t blocks[] = { 0, 0x40000000, 0x7ffffe00, 0x80000000, 0xfffffc00 };

	(void)state;
	for (size_t i = 0; i < sizeof(caps) / sizeof(*caps); i++) {
		struct oci_seccomp profile;
		auto_done(seccomp_filter) struct seccomp_filter plain = SECCOMP_FILTER_INIT;
		auto_done(seccomp_filter) struct seccomp_filter indexed = SECCOMP_FILTER_INIT;

		seccomp_default_profile(caps[i], &profile);
		assert_int_equal(seccomp_translate(&profile, &plain, NULL), 0);
		assert_int_equal(seccomp_compile(&profile, &indexed, NULL), 0);
		oci_seccomp_done(&profile);
		assert_true(indexed.count * 2 < plain.count);
		for (size_t a = 0; a < sizeof(arches) / sizeof(*arches); a++)
			for (size_t b = 0; b < sizeof(blocks) / sizeof(*blocks); b++)
				for (uint32_t n = 0; n < 1024; n++)
					compare_calls(&plain, &indexed, arches[a], blocks[b] + n);
	}
}

/* Scratch memory is nothing that libseccomp uses today: such a program stays as it is. */
static void an_unknown_program_is_left(void **state)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_STMT(BPF_ST, 0),
		BPF_STMT(BPF_LD | BPF_MEM, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct seccomp_filter filter = { .code = code, .count = 6 };

	(void)state;
	assert_int_equal(seccomp_index(&filter), -ENOTSUP);
	assert_ptr_equal(filter.code, code);
	assert_int_equal(filter.count, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(default_profile_decides),
		cmocka_unit_test(capabilities_open_calls),
		cmocka_unit_test(the_index_decides_alike),
		cmocka_unit_test(an_unknown_program_is_left),
		cmocka_unit_test(cache_compares_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
