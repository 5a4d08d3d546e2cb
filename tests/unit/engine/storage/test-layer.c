/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layers in and out: every byte comes back, nothing gets out of the folder, and a maker killed at
 * any of its system calls leaves a store that works.
 */
#include "tests/unit/engine/storage/store-fixture.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "engine/archive/sha256.h"
#include "engine/base/buf.h"
#include "engine/base/path.h"
#include "engine/base/str.h"
#include "engine/storage/layer.h"
#include "engine/storage/storage-internal.h"
#include "tests/unit/engine/archive/archive-build.h"

struct from {
	const struct buf *buf;
	size_t at;
};

static ssize_t from_buf(void *ctx, void *data, size_t size)
{
	struct from *f = ctx;
	size_t n = f->buf->size - f->at;

	n = n < size ? n : size;
	n = n < 10000 ? n : 10000;
	if (n > 0)
		memcpy(data, f->buf->data + f->at, n);
	f->at += n;
	return (ssize_t)n;
}

static int into_buf(void *ctx, const void *data, size_t size)
{
	return buf_add(ctx, data, size);
}

static int put(const struct storage *s, const struct buf *stream, struct layer_info *info,
	       struct err *err)
{
	struct from from = { stream, 0 };
	struct layer_put_args args = {
		.storage = s, .read = from_buf, .ctx = &from, .one_id = true
	};

	return layer_put(&args, info, err);
}

/* Puts it, and wants the same bytes back. Returns the unpacked folder. */
static int put_and_get(const struct storage *s, const struct buf *tar, struct layer_info *info)
{
	struct buf out auto_done(buf) = BUF_INIT;
	char path[200];
	int fd = -1;

	OK(put(s, tar, info, &err));
	OK(layer_get(s, info->diff_id, (struct codec_sink){ into_buf, &out }, &err));
	CHECK(out.size == tar->size);
	CHECK(out.size == 0 || memcmp(out.data, tar->data, out.size) == 0);
	(void)snprintf(path, sizeof(path), "%s/diff", info->diff_id + 7);
	fd = openat(s->layers_fd, path, O_RDONLY | O_DIRECTORY);
	CHECK(fd >= 0);
	return fd;
}

static bool tmp_is_empty(const struct storage *s)
{
	auto_close int tmp = openat(s->root_fd, "tmp", O_RDONLY | O_DIRECTORY);
	uint64_t bytes = 0;
	uint64_t entries = 0;

	CHECK(file_tree_usage(tmp, ".", &bytes, &entries) == 0);
	return entries == 1;
}

static void compress(enum codec codec, const struct buf *plain, struct buf *out)
{
	auto_encoder struct encoder *e = NULL;

	OK(encoder_new(codec, CODEC_LEVEL_DEFAULT, (struct codec_sink){ into_buf, out }, &e, &err));
	CHECK(encoder_write(e, plain->data, plain->size) == 0 && encoder_finish(e) == 0);
}

/* ---- Good layers ---- */

static void sample(struct buf *tar)
{
	struct tar_header h = build_header('0', "usr/setuid", 4);

	build_entry(tar, '5', "./", "");
	build_entry(tar, '5', "usr/", "");
	build_entry(tar, '0', "usr/file", "content");
	build_entry(tar, '1', "usr/hard", "usr/file");
	build_entry(tar, '2', "usr/soft", "/etc/passwd");
	memcpy(h.mode, "0004755", 7);
	build_raw(tar, h, "suid", 4);
	build_pax(tar, 'x', "SCHILY.xattr.user.mine", "yes");
	build_entry(tar, '0', "usr/attr", "a");
	build_pax(tar, 'x', "SCHILY.xattr.user.overlay.opaque", "y");
	build_entry(tar, '5', "usr/forged", "");
	build_entry(tar, '3', "usr/null", "");
	build_entry(tar, '6', "usr/fifo", "");
	build_entry(tar, '0', "no/entry/for/parents", "x");
	build_end(tar);
	(void)buf_add(tar, "tail", 4);
}

static void check_sample(int fd)
{
	struct stat a;
	struct stat b;
	char value[8];

	CHECK(has_text(fd, "usr/file", "content"));
	CHECK(fstatat(fd, "usr/file", &a, 0) == 0 && fstatat(fd, "usr/hard", &b, 0) == 0);
	CHECK(a.st_ino == b.st_ino && a.st_mtim.tv_sec == 1000000000);
	CHECK(fstatat(fd, "usr", &a, 0) == 0 && a.st_mtim.tv_sec == 1000000000);
	CHECK(fstatat(fd, "usr/soft", &a, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(a.st_mode));
	CHECK(fstatat(fd, "usr/setuid", &a, 0) == 0 && (a.st_mode & 07777) == 04755);
	{
		auto_close int attr = openat(fd, "usr/attr", O_RDONLY);
		auto_close int forged = openat(fd, "usr/forged", O_RDONLY);

		CHECK(fgetxattr(attr, "user.mine", value, sizeof(value)) == 3);
		CHECK(fgetxattr(forged, STORAGE_OPAQUE_XATTR, value, sizeof(value)) < 0);
	}
	CHECK(faccessat(fd, "usr/null", F_OK, AT_SYMLINK_NOFOLLOW) < 0); /* 0/0 would hide */
	CHECK(fstatat(fd, "usr/fifo", &a, 0) == 0 && S_ISFIFO(a.st_mode));
	CHECK(has_text(fd, "no/entry/for/parents", "x"));
}

static void in_and_out(const char *root)
{
	static const enum codec codecs[] = { CODEC_NONE, CODEC_GZIP, CODEC_ZSTD };
	struct buf tar auto_done(buf) = BUF_INIT;

	sample(&tar);
	for (size_t i = 0; i < ARRAY_SIZE(codecs); i++) {
		struct storage s auto_done(storage) = STORAGE_INIT;
		struct buf packed auto_done(buf) = BUF_INIT;
		struct buf out auto_done(buf) = BUF_INIT;
		auto_free char *place = xasprintf("%s/%zu", root, i);
		struct layer_info info = { 0 };
		struct storage_layer record;
		char digest[SHA256_TEXT_SIZE];
		auto_close int blob = -1;
		auto_close int fd = -1;
		auto_free char *data = NULL;
		char path[200];
		uint64_t size = 0;

		OK(storage_open(&s, place, &err));
		compress(codecs[i], &tar, &packed);
		OK(put(&s, &packed, &info, &err));
		CHECK(!info.reused && info.codec == codecs[i] && info.size == packed.size);
		CHECK(info.tar_size == tar.size);
		sha256_text(packed.data, packed.size, digest);
		CHECK(strcmp(digest, info.digest) == 0);
		(void)snprintf(path, sizeof(path), "%s/diff", info.diff_id + 7);
		fd = openat(s.layers_fd, path, O_RDONLY | O_DIRECTORY);
		check_sample(fd);
		OK(layer_get(&s, info.diff_id, (struct codec_sink){ into_buf, &out }, &err));
		CHECK(out.size == tar.size && memcmp(out.data, tar.data, tar.size) == 0);
		OK(storage_layer_stat(&s, info.diff_id, &record, &err));
		CHECK(record.has_root && record.one_id && record.tar_size == tar.size);
		if (codecs[i] == CODEC_NONE) {
			CHECK(layer_get_blob(&s, info.diff_id, digest, &blob, &size) == -ENOENT);
		} else {
			CHECK(layer_get_blob(&s, info.diff_id, digest, &blob, &size) == 0);
			CHECK(size == packed.size && fd_read_all(blob, size, &data, NULL) == 0);
			CHECK(memcmp(data, packed.data, size) == 0);
		}
		CHECK(tmp_is_empty(&s));
		OK(put(&s, &packed, &info, &err)); /* unpacked again, found to be there */
		CHECK(info.reused && tmp_is_empty(&s));
	}
}

static void layers_come_back_byte_for_byte(void **state)
{
	(void)state;
	fixture_run(in_and_out);
}

/* A file on disk, as import gives it; only one that is not there is unpacked. */
static void put_path(const struct storage *s, const struct buf *content, struct layer_info *info)
{
	auto_close int fd = openat(s->root_fd, "archive", O_RDWR | O_CREAT | O_TRUNC, 0600);

	CHECK(fd_write_all(fd, content->data, content->size) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	*info = (struct layer_info){ 0 };
	OK(layer_put(
		&(struct layer_put_args){ .storage = s, .fd = fd, .offset = -1, .one_id = true },
		info, &err));
}

static void twins(const char *root)
{
	static const enum codec codecs[] = { CODEC_NONE, CODEC_GZIP };
	struct storage s auto_done(storage) = STORAGE_INIT;
	struct buf tar auto_done(buf) = BUF_INIT;

	OK(storage_open(&s, root, &err));
	sample(&tar);
	for (size_t i = 0; i < ARRAY_SIZE(codecs); i++) {
		struct buf packed auto_done(buf) = BUF_INIT;
		struct layer_info first;
		struct layer_info again;

		/* The last byte behind the archive's end makes another layer of the same size. */
		tar.data[tar.size - 1] = (char)('a' + i);
		compress(codecs[i], &tar, &packed);
		put_path(&s, &packed, &first);
		CHECK(!first.reused);
		put_path(&s, &packed, &again);
		CHECK(again.reused && again.codec == codecs[i] && again.size == packed.size);
		CHECK(again.tar_size == tar.size && tmp_is_empty(&s));
		CHECK(strcmp(first.diff_id, again.diff_id) == 0);
		CHECK(strcmp(first.digest, again.digest) == 0);
	}
	/* The plain form of what came compressed. */
	{
		struct layer_info plain;

		put_path(&s, &tar, &plain);
		CHECK(plain.reused && plain.codec == CODEC_NONE && plain.size == tar.size);
		CHECK(strcmp(plain.digest, plain.diff_id) == 0);
	}
}

static void a_file_that_is_there_is_not_unpacked(void **state)
{
	(void)state;
	fixture_run(twins);
}

static void wrong_digests(const char *root)
{
	struct storage s auto_done(storage) = STORAGE_INIT;
	struct buf tar auto_done(buf) = BUF_INIT;
	struct buf packed auto_done(buf) = BUF_INIT;
	struct strv ids auto_done(strv) = STRV_INIT;
	struct layer_info info = { 0 };
	char wrong[STORAGE_DIGEST_SIZE];
	struct err said = ERR_INIT;

	sample(&tar);
	compress(CODEC_GZIP, &tar, &packed);
	(void)snprintf(wrong, sizeof(wrong), "sha256:%064d", 1);
	OK(storage_open(&s, root, &err));
	for (int i = 0; i < 3; i++) {
		struct from from = { &packed, 0 };
		struct layer_put_args args = { .storage = &s,
					       .read = from_buf,
					       .ctx = &from,
					       .one_id = true,
					       .digest = i == 0 ? wrong : NULL,
					       .diff_id = i == 1 ? wrong : NULL,
					       .max_size = i == 2 ? tar.size - 1 : 0 };

		CHECK(layer_put(&args, &info, &said) < 0);
		CHECK(strstr(said.text, i == 2 ? "more than" : wrong));
		CHECK(said.kind == ERR_USAGE);
	}
	CHECK(tmp_is_empty(&s));
	OK(storage_layer_list(&s, &ids, &err));
	CHECK(ids.count == 0);
}

static void wrong_digests_leave_nothing(void **state)
{
	(void)state;
	fixture_run(wrong_digests);
}

/* Whiteouts before and after what this layer itself brings. */
static void whiteouts(const char *root)
{
	struct storage s auto_done(storage) = STORAGE_INIT;
	struct buf tar auto_done(buf) = BUF_INIT;
	struct layer_info info = { 0 };
	auto_close int fd = -1;
	struct stat st;
	char y = 0;

	OK(storage_open(&s, root, &err));
	build_entry(&tar, '0', "a/.wh.gone", "even with content");
	build_entry(&tar, '0', "b/.wh..wh..opq", "");
	build_entry(&tar, '0', ".wh.dir", "");
	build_entry(&tar, '0', "dir/inside", "x"); /* a new folder where the old one went */
	build_entry(&tar, '5', "later/", "");
	build_entry(&tar, '0', ".wh.later", "");
	build_entry(&tar, '0', "stays", "here");
	build_entry(&tar, '0', ".wh.stays", "");
	build_entry(&tar, '0', ".wh.file", "");
	build_entry(&tar, '0', "file", "new");
	build_entry(&tar, '0', ".wh..wh.plnk/x", "aufs");
	build_end(&tar);
	fd = put_and_get(&s, &tar, &info);
	CHECK(fstatat(fd, "a/gone", &st, AT_SYMLINK_NOFOLLOW) == 0 && is_whiteout(&st));
	CHECK(has_text(fd, "stays", "here") && has_text(fd, "file", "new"));
	CHECK(has_text(fd, "dir/inside", "x"));
	for (const char *const *name = (const char *const[]){ "b", "dir", "later", NULL }; *name;
	     name++) {
		auto_close int folder = openat(fd, *name, O_RDONLY | O_DIRECTORY);

		CHECK(fgetxattr(folder, STORAGE_OPAQUE_XATTR, &y, 1) == 1 && y == 'y');
	}
	CHECK(faccessat(fd, ".wh..wh.plnk", F_OK, AT_SYMLINK_NOFOLLOW) < 0);
}

static void whiteouts_become_overlays(void **state)
{
	(void)state;
	fixture_run(whiteouts);
}

/* Entries that replace each other: the last one shows, all of them come back. */
static void replaced(const char *root)
{
	struct storage s auto_done(storage) = STORAGE_INIT;
	struct buf tar auto_done(buf) = BUF_INIT;
	struct layer_info info = { 0 };
	auto_close int fd = -1;

	OK(storage_open(&s, root, &err));
	build_entry(&tar, '0', "f", "first");
	build_entry(&tar, '0', "f", "second, longer");
	build_entry(&tar, '0', "d/x", "in the folder");
	build_entry(&tar, '0', "d/y/z", "deeper");
	build_entry(&tar, '0', "d", "a file now");
	build_entry(&tar, '5', "d/", "");
	build_entry(&tar, '0', "d/x", "again");
	build_entry(&tar, '2', "s", "f");
	build_entry(&tar, '0', "s", "over a symlink");
	build_entry(&tar, '0', "./f", "third");
	build_entry(&tar, '5', "real", "");
	build_entry(&tar, '2', "link", "real");
	build_entry(&tar, '0', "link/through", "inside");
	build_end(&tar);
	fd = put_and_get(&s, &tar, &info);
	CHECK(has_text(fd, "f", "third") && has_text(fd, "d/x", "again"));
	CHECK(has_text(fd, "d/y/z", NULL) && has_text(fd, "s", "over a symlink"));
	CHECK(has_text(fd, "real/through", "inside"));
}

static void replaced_entries_come_back_too(void **state)
{
	(void)state;
	fixture_run(replaced);
}

/* Owners and devices, which only a process with many ids can set: real root. */
static void owners_are_the_archives(void **state)
{
	char root[] = "/tmp/bryo-test-store-XXXXXX";
	struct storage s auto_done(storage) = STORAGE_INIT;
	struct buf tar auto_done(buf) = BUF_INIT;
	struct tar_header h = build_header('5', "shared/", 0);
	struct from from = { &tar, 0 };
	struct layer_put_args args = { .storage = &s, .read = from_buf, .ctx = &from };
	struct layer_info info = { 0 };
	struct err err = ERR_INIT;
	char path[200];
	auto_close int fd = -1;
	struct stat st;

	(void)state;
	if (geteuid() != 0) {
		print_message("needs real root\n");
		skip();
	}
	memcpy(h.mode, "0002775", 7);
	memcpy(h.gid, "0000054", 7);
	build_raw(&tar, h, "", 0);
	build_entry(&tar, '0', "shared/file", "of root's group all the same");
	build_entry(&tar, '0', "shared/unnamed/file", "");
	h = build_header('0', "theirs", 1);
	memcpy(h.uid, "0000041", 7);
	memcpy(h.gid, "0000054", 7);
	memcpy(h.mode, "0006755", 7);
	build_raw(&tar, h, "x", 1);
	build_end(&tar);
	assert_non_null(mkdtemp(root));
	assert_int_equal(storage_open(&s, root, &err), 0);
	assert_int_equal(layer_put(&args, &info, &err), 0);
	(void)snprintf(path, sizeof(path), "%s/diff", info.diff_id + 7);
	fd = openat(s.layers_fd, path, O_RDONLY | O_DIRECTORY);
	assert_int_equal(fstatat(fd, "shared", &st, 0), 0);
	assert_int_equal(st.st_gid, 44);
	assert_int_equal(st.st_mode & 07777, 02775);
	assert_int_equal(fstatat(fd, "shared/file", &st, 0), 0);
	assert_int_equal(st.st_gid, 0);
	assert_int_equal(fstatat(fd, "shared/unnamed", &st, 0), 0);
	assert_int_equal(st.st_gid, 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(fstatat(fd, "theirs", &st, 0), 0);
	assert_int_equal(st.st_uid, 33);
	assert_int_equal(st.st_mode & 07777, 06755);
	assert_int_equal(file_remove_tree(AT_FDCWD, root), 0);
}

/* ---- Hostile layers ---- */

static void refused(const struct storage *s, const struct buf *tar, const char *part)
{
	struct strv ids auto_done(strv) = STRV_INIT;
	struct layer_info info = { 0 };
	struct err said = ERR_INIT;

	CHECK(put(s, tar, &info, &said) < 0);
	if (!strstr(said.text, part)) {
		fprintf(stderr, "\"%s\" does not say \"%s\"\n", said.text, part);
		_exit(1);
	}
	CHECK(tmp_is_empty(s));
	OK(storage_layer_list(s, &ids, &err));
	CHECK(ids.count == 0);
}

static void hostile_entries(const char *root)
{
	static const struct {
		char type;
		const char *name;
		const char *more;
		const char *part;
	} cases[] = {
		{ '0', "../outside", "x", "leads outside" },
		{ '0', "a/../../outside", "x", "leads outside" },
		{ '0', "..", "x", "leads outside" },
		{ '1', "h", "../../secret", "outside the layer" },
		{ '1', "h", "/etc/passwd", "does not hold" },
		{ '1', "h", "h", "to itself" },
		{ '1', "h", "", "to itself or to the root" },
		{ '2', "empty", "", "without a target" },
		{ '0', ".", "x", "the root is a folder" },
		{ '0', ".wh.", "", "whiteout of no name" },
		{ '0', ".wh..", "", "whiteout of no name" },
		{ '0', "a/.wh...", "", "whiteout of no name" },
		{ 'V', "label", "", "entries of this type" },
		{ 'Z', "x", "", "entries of this type" },
	};
	struct storage s auto_done(storage) = STORAGE_INIT;

	OK(storage_open(&s, root, &err));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buf tar auto_done(buf) = BUF_INIT;

		build_entry(&tar, cases[i].type, cases[i].name, cases[i].more);
		build_end(&tar);
		refused(&s, &tar, cases[i].part);
	}
}

static void hostile_entries_are_refused(void **state)
{
	(void)state;
	fixture_run(hostile_entries);
}

/* A symlink to outside, and all ways to write, link or delete through it. */
static void hostile_links(const char *root)
{
	struct storage s auto_done(storage) = STORAGE_INIT;
	auto_free char *target = xasprintf("%s/victim", root);
	auto_free char *store = xasprintf("%s/store", root);
	static const char *const targets[] = { "ABSOLUTE", "../../../../victim", "/", "../../.." };
	auto_close int victim = -1;
	size_t made = 0;

	OK(storage_open(&s, store, &err));
	CHECK(mkdir(target, 0755) == 0);
	victim = open(target, O_RDONLY | O_DIRECTORY);
	put_file(victim, "precious", "untouched");
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		struct buf tar auto_done(buf) = BUF_INIT;
		struct layer_info info = { 0 };
		struct err said = ERR_INIT;
		uint64_t bytes = 0;
		uint64_t entries = 0;

		build_entry(&tar, '2', "out", i == 0 ? target : targets[i]);
		build_entry(&tar, '5', "out/sub", "");
		build_entry(&tar, '0', "out/precious", "overwritten");
		build_entry(&tar, '0', "out/.wh.precious", "");
		build_entry(&tar, '0', "out/.wh..wh..opq", "");
		build_entry(&tar, '1', "out/linked", "out/precious");
		build_end(&tar);
		made += put(&s, &tar, &info, &said) == 0;
		CHECK(has_text(victim, "precious", "untouched"));
		CHECK(file_tree_usage(victim, ".", &bytes, &entries) == 0 && entries == 2);
		CHECK(faccessat(s.root_fd, "sub", F_OK, 0) < 0);
		CHECK(tmp_is_empty(&s));
	}
	CHECK(made >= 2); /* "/" and ".." lead to the layer's own root, as in the container */
}

static void symlinks_lead_nowhere_else(void **state)
{
	(void)state;
	fixture_run(hostile_links);
}

static void hostile_sizes(const char *root)
{
	struct storage s auto_done(storage) = STORAGE_INIT;
	struct buf tar auto_done(buf) = BUF_INIT;
	struct buf name auto_done(buf) = BUF_INIT;
	struct layer_info info = { 0 };
	auto_close int fd = -1;

	OK(storage_open(&s, root, &err));
	for (int i = 0; i < 300; i++)
		(void)buf_addc(&name, 'n');
	build_pax(&tar, 'x', "path", name.data);
	build_entry(&tar, '0', "x", "");
	refused(&s, &tar, "File name too long");
	tar.size = 0;
	build_raw(&tar, build_header('0', "lies", 1000000), "short", 5);
	refused(&s, &tar, "cut");
	tar.size = 0;
	(void)buf_add(&tar, "\x1f\x8b\x08 no gzip at all", 18);
	refused(&s, &tar, "gzip stream");
	/* deep nesting, up to what a path can name, is fine */
	tar.size = 0;
	name.size = 0;
	for (int i = 0; i < 1900; i++)
		(void)buf_addf(&name, "d/");
	(void)buf_addf(&name, "f");
	build_pax(&tar, 'x', "path", name.data);
	build_entry(&tar, '0', "x", "deep");
	build_end(&tar);
	fd = put_and_get(&s, &tar, &info);
	CHECK(fd >= 0);
}

static void sizes_are_not_believed(void **state)
{
	(void)state;
	fixture_run(hostile_sizes);
}

/* ---- Streams by GNU tar ---- */

static void gnu_tar(const char *root)
{
	static const char *const formats[] = { "v7",
					       "ustar",
					       "oldgnu",
					       "gnu",
					       "posix",
					       "posix --sparse-version=0.0 -S",
					       "posix --sparse-version=0.1 -S",
					       "posix --sparse-version=1.0 -S",
					       "gnu -S",
					       "posix --xattrs" };
	auto_free char *make = xasprintf(
		"mkdir -p %s/t/sub && cd %s/t && echo hello >a && ln a b && ln -s a sub/c && "
		"head -c 70000 /dev/zero | tr '\\0' x >big && truncate -s 100k holes && echo end "
		">>holes && "
		"dd if=/dev/zero of=holes bs=1 seek=50000 count=1 conv=notrunc 2>/dev/null",
		root, root);

	CHECK(system(make) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		struct storage s auto_done(storage) = STORAGE_INIT;
		auto_free char *place = xasprintf("%s/s%zu", root, i);
		auto_free char *command =
			xasprintf("tar -C %s/t -c --format=%s .", root, formats[i]);
		struct buf tar auto_done(buf) = BUF_INIT;
		struct layer_info info = { 0 };
		auto_close int fd = -1;
		FILE *p = popen(command, "r");
		char chunk[4096];
		size_t n = 0;
		struct stat st;

		while ((n = fread(chunk, 1, sizeof(chunk), p)) > 0)
			(void)buf_add(&tar, chunk, n);
		CHECK(pclose(p) == 0 && tar.size > 70000);
		OK(storage_open(&s, place, &err));
		fd = put_and_get(&s, &tar, &info);
		CHECK(has_text(fd, "a", "hello\n") && has_text(fd, "b", "hello\n"));
		CHECK(fstatat(fd, "holes", &st, 0) == 0 && st.st_size == 102404);
		CHECK(!strstr(formats[i], "-S") || st.st_blocks < 100);
	}
}

static void gnu_tars_come_back_byte_for_byte(void **state)
{
	(void)state;
	fixture_run(gnu_tar);
}

/* ---- Workers, others, and death ---- */

static void by_worker(const char *root)
{
	struct storage s auto_done(storage) = STORAGE_INIT;
	struct layer_workers *workers = NULL;
	struct buf tar auto_done(buf) = BUF_INIT;
	struct buf packed auto_done(buf) = BUF_INIT;
	auto_free char *file = xasprintf("%s/file", root);
	struct layer_info info = { 0 };
	struct err said = ERR_INIT;
	struct from from = { &packed, 0 };
	struct layer_put_args args = { .storage = &s, .one_id = true };
	char path[200];

	OK(storage_open(&s, root, &err));
	OK(layer_workers_start(&workers, &err));
	args.workers = workers;
	sample(&tar);
	compress(CODEC_GZIP, &tar, &packed);
	/* from the middle of a file */
	args.fd = open(file, O_RDWR | O_CREAT, 0600);
	CHECK(pwrite(args.fd, packed.data, packed.size, 1000) == (ssize_t)packed.size);
	CHECK(pwrite(args.fd, "more", 4, 1000 + (off_t)packed.size) == 4);
	args.offset = 1000;
	args.size = packed.size;
	OK(layer_put(&args, &info, &err));
	(void)close(args.fd);
	(void)snprintf(path, sizeof(path), "%s/diff", info.diff_id + 7);
	{
		auto_close int fd = openat(s.layers_fd, path, O_RDONLY | O_DIRECTORY);

		check_sample(fd);
	}
	/* fed by a function, and wrong */
	tar.size = 0;
	build_entry(&tar, '0', "../x", "");
	packed.size = 0;
	compress(CODEC_ZSTD, &tar, &packed);
	args.read = from_buf;
	args.ctx = &from;
	CHECK(layer_put(&args, &info, &said) < 0);
	CHECK(strstr(said.text, "leads outside"));
	CHECK(tmp_is_empty(&s));
	layer_workers_stop(workers);
}

static void workers_do_the_same(void **state)
{
	(void)state;
	fixture_run(by_worker);
}

/* Many at once make the same layer: one makes it, all are content. */
static void race(const char *root)
{
	struct storage s auto_done(storage) = STORAGE_INIT;
	struct buf tar auto_done(buf) = BUF_INIT;
	char diff_id[STORAGE_DIGEST_SIZE];

	OK(storage_open(&s, root, &err));
	sample(&tar);
	sha256_text(tar.data, tar.size, diff_id);
	for (int i = 0; i < 6; i++)
		if (fork() == 0) {
			struct from from = { &tar, 0 };
			struct layer_put_args args = { .storage = &s,
						       .read = from_buf,
						       .ctx = &from,
						       .one_id = true,
						       .diff_id = i % 3 ? diff_id : NULL };
			struct layer_info info = { 0 };

			OK(layer_put(&args, &info, &err));
			CHECK(strcmp(info.diff_id, diff_id) == 0);
			_exit(0);
		}
	for (int i = 0; i < 6; i++) {
		int status = 0;

		CHECK(wait(&status) > 0 && status == 0);
	}
	CHECK(storage_layer_exists(&s, diff_id) && tmp_is_empty(&s));
}

static void makers_of_one_layer_agree(void **state)
{
	(void)state;
	fixture_run(race);
}

/* Runs the child's main thread to its n-th system call and kills it there. False: it ended. */
static bool kill_at(pid_t pid, int n)
{
	int status = 0;

	CHECK(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status));
	for (int stops = 0; stops < 2 * n; stops++) {
		CHECK(ptrace(PTRACE_SYSCALL, pid, NULL, NULL) == 0);
		CHECK(waitpid(pid, &status, 0) == pid);
		if (WIFEXITED(status)) {
			CHECK(WEXITSTATUS(status) == 0);
			return false;
		}
	}
	CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid);
	return true;
}

static void killed(const char *root)
{
	struct buf tar auto_done(buf) = BUF_INIT;
	char diff_id[STORAGE_DIGEST_SIZE];
	bool alive = true;

	sample(&tar);
	sha256_text(tar.data, tar.size, diff_id);
	for (int n = 1; alive; n += 1 + n / 8) {
		struct storage s auto_done(storage) = STORAGE_INIT;
		auto_free char *place = xasprintf("%s/n%d", root, n);
		struct layer_info info = { 0 };
		struct from from = { &tar, 0 };
		struct layer_put_args args = { .storage = &s,
					       .read = from_buf,
					       .ctx = &from,
					       .one_id = true,
					       .diff_id = n % 2 ? diff_id : NULL };
		struct buf out auto_done(buf) = BUF_INIT;
		pid_t pid = 0;

		OK(storage_open(&s, place, &err));
		pid = fork();
		if (pid == 0) {
			CHECK(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0);
			(void)raise(SIGSTOP);
			OK(layer_put(&args, &info, &err));
			_exit(0);
		}
		alive = kill_at(pid, n);
		OK(storage_sweep(&s, &err));
		CHECK(tmp_is_empty(&s) || n < 4); /* tmp/ itself may not be there yet */
		args.diff_id = diff_id;
		OK(layer_put(&args, &info, &err));
		OK(layer_get(&s, diff_id, (struct codec_sink){ into_buf, &out }, &err));
		CHECK(out.size == tar.size);
	}
}

static void a_killed_maker_leaves_a_good_store(void **state)
{
	(void)state;
	fixture_run(killed);
}

static void damaged(const char *root)
{
	struct storage s auto_done(storage) = STORAGE_INIT;
	struct buf tar auto_done(buf) = BUF_INIT;
	struct buf out auto_done(buf) = BUF_INIT;
	struct layer_info info = { 0 };
	struct err said = ERR_INIT;
	auto_close int fd = -1;

	OK(storage_open(&s, root, &err));
	sample(&tar);
	fd = put_and_get(&s, &tar, &info);
	put_file(fd, "usr/attr", "b");
	CHECK(layer_get(&s, info.diff_id, (struct codec_sink){ into_buf, &out }, &said) ==
	      -EBADMSG);
	CHECK(strstr(said.text, "damaged"));
	CHECK(unlinkat(fd, "usr/attr", 0) == 0);
	CHECK(layer_get(&s, info.diff_id, (struct codec_sink){ into_buf, &out }, &said) ==
	      -EBADMSG);
}

static void changed_files_are_noticed(void **state)
{
	(void)state;
	fixture_run(damaged);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layers_come_back_byte_for_byte),
		cmocka_unit_test(a_file_that_is_there_is_not_unpacked),
		cmocka_unit_test(wrong_digests_leave_nothing),
		cmocka_unit_test(whiteouts_become_overlays),
		cmocka_unit_test(replaced_entries_come_back_too),
		cmocka_unit_test(owners_are_the_archives),
		cmocka_unit_test(hostile_entries_are_refused),
		cmocka_unit_test(symlinks_lead_nowhere_else),
		cmocka_unit_test(sizes_are_not_believed),
		cmocka_unit_test(gnu_tars_come_back_byte_for_byte),
		cmocka_unit_test(workers_do_the_same),
		cmocka_unit_test(makers_of_one_layer_agree),
		cmocka_unit_test(changed_files_are_noticed),
		cmocka_unit_test(a_killed_maker_leaves_a_good_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
