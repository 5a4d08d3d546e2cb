/* SPDX-License-Identifier: Apache-2.0 */
/* The tar reader: what it understands, what it refuses, and that it gives every byte back. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>

#include "engine/archive/tar.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/str.h"
#include "tests/unit/engine/archive/archive-build.h"

static int keep(void *ctx, const void *data, size_t size)
{
	return buf_add(ctx, data, size);
}

/* A source that gives step bytes at a time: every boundary gets hit. */
struct dribble {
	const struct buf *all;
	size_t at;
	size_t step;
};

static int dribble_fill(void *ctx, const void **ret_data, size_t *ret_size)
{
	struct dribble *d = ctx;
	size_t n = d->all->size - d->at;

	*ret_size = n < d->step ? n : d->step;
	*ret_data = d->all->data + d->at;
	d->at += *ret_size;
	return 0;
}

/* Reads all; a line per entry goes to text. 0 or the error. */
static int list(const struct buf *tar, size_t step, struct buf *text, struct err *err)
{
	struct dribble d = { .all = tar, .step = step };
	struct buf kept auto_done(buf) = BUF_INIT;
	struct tar_reader_args args = {
		.fill = dribble_fill, .ctx = &d, .keep = keep, .keep_ctx = &kept
	};
	auto_tar_reader struct tar_reader *reader = tar_reader_new(&args);
	const struct tar_entry *e = NULL;
	uint64_t contents = 0;
	int r = 0;

	while ((r = tar_reader_next(reader, &e, err)) > 0) {
		const void *data = NULL;
		size_t size = 0;
		uint64_t offset = 0;
		uint64_t last = UINT64_MAX;

		(void)buf_addf(text, "%d %s>%s %o %llu:%llu %lld.%u %llu/%llu ", e->kind, e->path,
			       e->link, e->mode, (unsigned long long)e->uid,
			       (unsigned long long)e->gid, (long long)e->mtime, e->mtime_ns,
			       (unsigned long long)e->stored_size, (unsigned long long)e->size);
		for (size_t i = 0; i < e->xattr_count; i++)
			(void)buf_addf(text, "[%s=%.*s]", e->xattrs[i].name, (int)e->xattrs[i].size,
				       (const char *)e->xattrs[i].value);
		while ((r = tar_reader_data(reader, &data, &size, &offset, err)) > 0) {
			if (offset != last)
				(void)buf_addf(text, "@%llu:", (unsigned long long)offset);
			(void)buf_add(text, data, size);
			contents += size;
			last = offset + size;
		}
		if (r < 0)
			return r;
		(void)buf_addc(text, '\n');
	}
	if (r == 0) /* content and the rest are all there is */
		assert_int_equal(contents + kept.size, tar->size);
	return r;
}

/* However the stream is cut, the reading is the same. */
static void expect(const struct buf *tar, const char *wanted)
{
	static const size_t steps[] = { 1, 7, 511, 512, 513, 100000 };

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		struct buf text auto_done(buf) = BUF_INIT;
		struct err err = ERR_INIT;

		assert_int_equal(list(tar, steps[i], &text, &err), 0);
		assert_string_equal(text.data ? text.data : "", wanted);
	}
}

static void expect_refused(const struct buf *tar, const char *part)
{
	static const size_t steps[] = { 1, 513, 100000 };

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		struct buf text auto_done(buf) = BUF_INIT;
		struct err err = ERR_INIT;

		assert_int_equal(list(tar, steps[i], &text, &err), -EINVAL);
		if (!strstr(err.text, part))
			fail_msg("\"%s\" does not say \"%s\"", err.text, part);
		assert_int_equal(err.kind, ERR_USAGE);
	}
}

static void plain_entries(void **state)
{
	struct buf tar auto_done(buf) = BUF_INIT;
	struct tar_header h = build_header('0', "name", 3);

	(void)state;
	build_entry(&tar, '5', "d/", "");
	build_entry(&tar, '0', "d/f", "hello");
	build_entry(&tar, '1', "d/hard", "d/f");
	build_entry(&tar, '2', "d/soft", "../x");
	memcpy(h.prefix, "pre/fix", 7);
	build_raw(&tar, h, "abc", 3);
	build_end(&tar);
	(void)buf_add(&tar, "behind the end", 14);
	expect(&tar, "5 d/> 755 0:0 1000000000.0 0/0 \n"
		     "0 d/f> 644 0:0 1000000000.0 5/5 @0:hello\n"
		     "1 d/hard>d/f 644 0:0 1000000000.0 0/0 \n"
		     "2 d/soft>../x 644 0:0 1000000000.0 0/0 \n"
		     "0 pre/fix/name> 644 0:0 1000000000.0 3/3 @0:abc\n");
}

static void the_end_as_go_sees_it(void **state)
{
	struct buf tar auto_done(buf) = BUF_INIT;
	static const char zeros[TAR_BLOCK];

	(void)state;
	expect(&tar, "");
	build_entry(&tar, '0', "f", "");
	expect(&tar, "0 f> 644 0:0 1000000000.0 0/0 \n");
	(void)buf_add(&tar, zeros, TAR_BLOCK);
	expect(&tar, "0 f> 644 0:0 1000000000.0 0/0 \n");
	build_entry(&tar, '0', "g", "");
	expect_refused(&tar, "lone block of zeros");
}

static void extended_headers(void **state)
{
	struct buf tar auto_done(buf) = BUF_INIT;

	(void)state;
	build_pax(&tar, 'g', "mtime", "5");
	build_pax(&tar, 'x', "path", "long/name");
	build_entry(&tar, '0', "short", "x");
	build_pax(&tar, 'x', "mtime", "-1.25");
	build_entry(&tar, '0', "t", "");
	build_pax(&tar, 'x', "SCHILY.xattr.user.a", "1=2");
	build_entry(&tar, '0', "x", "");
	build_pax(&tar, 'x', "LIBARCHIVE.xattr.user.%61b", "aGVsbG8");
	build_entry(&tar, '0', "y", "");
	build_pax(&tar, 'x', "uid", "4000000000");
	build_entry(&tar, '0', "u", "");
	build_pax(&tar, 'x', "size", "2");
	build_raw(&tar, build_header('0', "s", 0), "ab", 2);
	build_raw(&tar, build_header('L', "././@LongLink", 5), "gnu/n", 5);
	build_raw(&tar, build_header('K', "././@LongLink", 3), "tgt", 3);
	build_entry(&tar, '2', "cut", "cut");
	expect(&tar, "0 long/name> 644 0:0 1000000000.0 1/1 @0:x\n"
		     "0 t> 644 0:0 -2.750000000 0/0 \n"
		     "0 x> 644 0:0 1000000000.0 0/0 [user.a=1=2]\n"
		     "0 y> 644 0:0 1000000000.0 0/0 [user.ab=hello]\n"
		     "0 u> 644 4000000000:0 1000000000.0 0/0 \n"
		     "0 s> 644 0:0 1000000000.0 2/2 @0:ab\n"
		     "2 gnu/n>tgt 644 0:0 1000000000.0 0/0 \n");
}

static void numbers_in_base_256(void **state)
{
	struct buf tar auto_done(buf) = BUF_INIT;
	struct tar_header h = build_header('0', "big", 0);

	(void)state;
	memcpy(h.uid, "\x80\0\0\0\0\x01\0\0", 8);
	memcpy(h.mtime, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe", 12);
	build_raw(&tar, h, "", 0);
	expect(&tar, "0 big> 644 65536:0 -2.0 0/0 \n");
	tar.size = 0;
	memcpy(h.size, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe", 12);
	build_raw(&tar, h, "", 0);
	expect_refused(&tar, "number");
	tar.size = 0;
	memcpy(h.size, "\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", 12);
	build_raw(&tar, h, "", 0);
	expect_refused(&tar, "size is not possible");
	tar.size = 0;
	memcpy(h.size, "\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", 12);
	build_raw(&tar, h, "", 0);
	expect_refused(&tar, "number");
}

static void sparse_files(void **state)
{
	struct buf tar auto_done(buf) = BUF_INIT;
	struct tar_header h = build_header('S', "old", 4);
	static const char map[] = "2\n1000\n2\n3000\n2\n";
	static const char records[] = "22 GNU.sparse.major=1\n"
				      "22 GNU.sparse.minor=0\n"
				      "26 GNU.sparse.name=sp/one\n"
				      "28 GNU.sparse.realsize=5000\n";
	char data[TAR_BLOCK + 4] = { 0 };

	(void)state;
	memcpy(h.magic, "ustar  ", 8);
	memset(h.prefix, 0, sizeof(h.prefix));
	memcpy(h.gnu.sparse[0], "00000000144\00000000000002", 24);
	memcpy(h.gnu.sparse[1], "00000000310\00000000000002", 24);
	memcpy(h.gnu.real_size, "00000001000", 12);
	build_raw(&tar, h, "abcd", 4);
	build_pax(&tar, 'x', "GNU.sparse.map", "10,2,20,2");
	expect_refused(&tar, "cut");
	tar.size -= 2 * TAR_BLOCK;
	build_raw(&tar, build_header('x', "pax", sizeof(records) - 1), records,
		  sizeof(records) - 1);
	memcpy(data, map, sizeof(map) - 1);
	memcpy(data + TAR_BLOCK, "wxyz", 4);
	build_raw(&tar, build_header('0', "GNUSparseFile.1/one", sizeof(data)), data, sizeof(data));
	build_entry(&tar, '0', "after", "!");
	expect(&tar, "0 old> 644 0:0 1000000000.0 4/512 @100:ab@200:cd\n"
		     "0 sp/one> 644 0:0 1000000000.0 4/5000 @1000:wx@3000:yz\n"
		     "0 after> 644 0:0 1000000000.0 1/1 @0:!\n");
}

static void lying_sparse_maps_are_refused(void **state)
{
	static const char *const maps[] = { "1\n10\n5\n",
					    "2\n10\n2\n5\n2\n",
					    "1\n4999\n4\n",
					    "99999999\n1\n1\n",
					    "1\n-5\n4\n",
					    "1\n10\n18446744073709551615\n",
					    "1\n18446744073709551612\n4\n" };
	static const char records[] = "22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n"
				      "28 GNU.sparse.realsize=5000\n";

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		struct buf tar auto_done(buf) = BUF_INIT;
		char data[TAR_BLOCK + 4] = { 0 };

		memcpy(data, maps[i], strlen(maps[i]));
		build_raw(&tar, build_header('x', "pax", sizeof(records) - 1), records,
			  sizeof(records) - 1);
		build_raw(&tar, build_header('0', "f", sizeof(data)), data, sizeof(data));
		expect_refused(&tar, "sparse map");
	}
}

static void damaged_archives_are_refused(void **state)
{
	struct buf tar auto_done(buf) = BUF_INIT;
	static const char *const records[] = { "5 a=b\n",     "100 a=b\n",     "6 =bc\n",
					       "6a=bcd\n",    "0 a=b\n",       "6 abcd\n",
					       "8 a=bcdef\n", "12 path=a\0b\n" };
	static const size_t sizes[] = { 6, 8, 6, 7, 6, 7, 10, 11 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(records); i++) {
		tar.size = 0;
		build_raw(&tar, build_header('x', "pax", sizes[i]), records[i], sizes[i]);
		build_entry(&tar, '0', "f", "");
		expect_refused(&tar, "pax header");
	}
	tar.size = 0;
	build_entry(&tar, '0', "f", "content");
	tar.data[0] ^= 1;
	expect_refused(&tar, "no tar header");
	tar.data[0] ^= 1;
	tar.size -= 100;
	tar.size -= 412;
	expect_refused(&tar, "cut");
	tar.size = 300;
	expect_refused(&tar, "cut");
	tar.size = 0;
	build_raw(&tar, build_header('x', "pax", 1024 * 1024 + 1), "", 0);
	expect_refused(&tar, "larger than 1 MiB");
	tar.size = 0;
	build_raw(&tar, build_header('L', "x", UINT32_MAX), "", 0);
	expect_refused(&tar, "larger than 1 MiB");
}

/* The bytes kept, read again, name the same entries and give the same bytes out. */
static void the_record_alone_tells_the_entries(void **state)
{
	struct buf tar auto_done(buf) = BUF_INIT;
	struct buf kept auto_done(buf) = BUF_INIT;
	struct buf again auto_done(buf) = BUF_INIT;
	struct tar_reader_args args = { .keep = keep, .keep_ctx = &kept };
	auto_tar_reader struct tar_reader *reader = NULL;
	auto_tar_reader struct tar_reader *second = NULL;
	const struct tar_entry *e = NULL;
	struct err err = ERR_INIT;
	int count = 0;

	(void)state;
	build_entry(&tar, '5', "d/", "");
	build_entry(&tar, '0', "d/f", "some content");
	build_pax(&tar, 'x', "path", "x");
	build_entry(&tar, '0', "d/g", "more");
	build_end(&tar);
	args.data = tar.data;
	args.size = tar.size;
	reader = tar_reader_new(&args);
	while (tar_reader_next(reader, &e, &err) > 0)
		;
	assert_int_equal(kept.size, tar.size - 16);
	args = (struct tar_reader_args){ .data = kept.data,
					 .size = kept.size,
					 .keep = keep,
					 .keep_ctx = &again,
					 .without_content = true };
	second = tar_reader_new(&args);
	while (tar_reader_next(second, &e, &err) > 0) {
		static const char *const contents[] = { "", "some content", "more" };

		assert_int_equal(strlen(contents[count]), e->stored_size);
		(void)buf_add(&again, contents[count], e->stored_size);
		count++;
	}
	assert_int_equal(count, 3);
	assert_int_equal(again.size, tar.size);
	assert_memory_equal(again.data, tar.data, tar.size);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_entries),
		cmocka_unit_test(the_end_as_go_sees_it),
		cmocka_unit_test(extended_headers),
		cmocka_unit_test(numbers_in_base_256),
		cmocka_unit_test(sparse_files),
		cmocka_unit_test(lying_sparse_maps_are_refused),
		cmocka_unit_test(damaged_archives_are_refused),
		cmocka_unit_test(the_record_alone_tells_the_entries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
