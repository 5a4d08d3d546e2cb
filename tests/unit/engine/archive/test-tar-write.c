/* SPDX-License-Identifier: Apache-2.0 */
/* What the writer writes, our reader and GNU tar read back the same. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/archive/tar.h"
#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"

static int into_buf(void *ctx, const void *data, size_t size)
{
	return buf_add(ctx, data, size);
}

static char *long_name(size_t parts)
{
	struct buf name = BUF_INIT;

	for (size_t i = 0; i < parts; i++)
		(void)buf_addf(&name, "%sfolder-%03zu", i ? "/" : "", i);
	return buf_take(&name);
}

static void write_samples(struct buf *tar, const char *longish, const char *longer)
{
	static const struct tar_xattr xattrs[] = { { "user.z", "\0\1", 2 }, { "user.a", "v", 1 } };
	const struct tar_entry entries[] = {
		{ .kind = TAR_DIR, .path = "d/", .link = "", .mode = 0755, .mtime = 1000 },
		{ .kind = TAR_FILE,
		  .path = "d/plain",
		  .link = "",
		  .mode = 04755,
		  .stored_size = 5,
		  .size = 5 },
		{ .kind = TAR_FILE, .path = longish, .link = "", .mode = 0644, .uid = 1 },
		{ .kind = TAR_SYMLINK, .path = longer, .link = longer, .mode = 0777 },
		{ .kind = TAR_FILE,
		  .path = "d/\xc3\xa4",
		  .link = "",
		  .mtime = -2,
		  .mtime_ns = 500000000,
		  .uid = 3000000,
		  .xattrs = xattrs,
		  .xattr_count = 2,
		  .stored_size = 0 },
		{ .kind = TAR_CHAR, .path = "null", .link = "", .dev_major = 1, .dev_minor = 3 },
	};
	struct tar_writer w = { .write = into_buf, .ctx = tar };
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
		assert_int_equal(tar_writer_entry(&w, &entries[i], &err), 0);
		if (entries[i].stored_size) {
			assert_int_equal(tar_writer_data(&w, "he", 2), 0);
			assert_int_not_equal(tar_writer_entry(&w, &entries[i], &err), 0);
			assert_int_equal(tar_writer_data(&w, "llo!", 4), -EFBIG);
			assert_int_equal(tar_writer_data(&w, "llo", 3), 0);
		}
	}
	assert_int_equal(tar_writer_end(&w), 0);
	assert_int_equal(tar->size % TAR_BLOCK, 0);
}

static void our_reader_reads_it_back(void **state)
{
	struct buf tar auto_done(buf) = BUF_INIT;
	auto_free char *longish = long_name(12); /* fits prefix and name */
	auto_free char *longer = long_name(40);
	struct tar_reader_args args = { 0 };
	auto_tar_reader struct tar_reader *r = NULL;
	const struct tar_entry *e = NULL;
	struct err err = ERR_INIT;

	(void)state;
	write_samples(&tar, longish, longer);
	args = (struct tar_reader_args){ .data = tar.data, .size = tar.size };
	r = tar_reader_new(&args);
	assert_int_equal(tar_reader_next(r, &e, &err), 1);
	assert_string_equal(e->path, "d/");
	assert_int_equal(e->mtime, 1000);
	assert_int_equal(tar_reader_next(r, &e, &err), 1);
	assert_int_equal(e->mode, 04755);
	assert_int_equal(tar_reader_next(r, &e, &err), 1);
	assert_string_equal(e->path, longish);
	assert_int_equal(tar_reader_next(r, &e, &err), 1);
	assert_string_equal(e->path, longer);
	assert_string_equal(e->link, longer);
	assert_int_equal(tar_reader_next(r, &e, &err), 1);
	assert_string_equal(e->path, "d/\xc3\xa4");
	assert_int_equal(e->mtime, -2);
	assert_int_equal(e->mtime_ns, 500000000);
	assert_int_equal(e->uid, 3000000);
	assert_int_equal(e->xattr_count, 2);
	assert_string_equal(e->xattrs[0].name, "user.a");
	assert_int_equal(e->xattrs[1].size, 2);
	assert_memory_equal(e->xattrs[1].value, "\0\1", 2);
	assert_int_equal(tar_reader_next(r, &e, &err), 1);
	assert_int_equal(e->kind, TAR_CHAR);
	assert_int_equal(e->dev_minor, 3);
	assert_int_equal(tar_reader_next(r, &e, &err), 0);
}

static void gnu_tar_reads_it_too(void **state)
{
	struct buf tar auto_done(buf) = BUF_INIT;
	auto_free char *longish = long_name(12);
	auto_free char *longer = long_name(40);
	char file[] = "/tmp/bryo-test-tar-XXXXXX";
	auto_free char *command = NULL;
	struct buf wanted auto_done(buf) = BUF_INIT;
	char listed[8192] = "";
	FILE *out = NULL;
	int fd = mkstemp(file);

	(void)state;
	assert_true(fd >= 0);
	write_samples(&tar, longish, longer);
	assert_int_equal(write(fd, tar.data, tar.size), tar.size);
	(void)close(fd);
	command = xasprintf("tar tf %s --quoting-style=literal 2>&1", file);
	out = popen(command, "r");
	listed[fread(listed, 1, sizeof(listed) - 1, out)] = '\0';
	assert_int_equal(pclose(out), 0);
	(void)unlink(file);
	(void)buf_addf(&wanted, "d/\nd/plain\n%s\n%s\nd/\xc3\xa4\nnull\n", longish, longer);
	assert_string_equal(listed, wanted.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(our_reader_reads_it_back),
		cmocka_unit_test(gnu_tar_reads_it_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
