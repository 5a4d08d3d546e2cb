/* SPDX-License-Identifier: Apache-2.0 */
/* Layers in and out: every byte comes back, whatever wrote the archive. */
#include "tests/unit/engine/storage/layer-fixture.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layers_come_back_byte_for_byte),
		cmocka_unit_test(wrong_digests_leave_nothing),
		cmocka_unit_test(whiteouts_become_overlays),
		cmocka_unit_test(replaced_entries_come_back_too),
		cmocka_unit_test(owners_are_the_archives),
		cmocka_unit_test(gnu_tars_come_back_byte_for_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
