/* SPDX-License-Identifier: Apache-2.0 */
/* What a container changed, where the FUSE overlay wrote it: marks of all kinds, made by hand. */
#include "tests/unit/engine/storage/store-fixture.h"

#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "engine/base/buf.h"
#include "engine/base/str.h"
#include "engine/storage/storage-internal.h"
#include "fuse-overlay/fuse-overlay.h"

static int add_line(void *ctx, enum storage_change change, const char *path)
{
	return buf_addf(ctx, "%c %s\n", (char)change, path);
}

static void expect_diff(const struct storage *s, const char *expected)
{
	struct buf text auto_done(buf) = BUF_INIT;

	OK(storage_container_diff(s, "c1", add_line, &text, &err));
	if (str_eq(text.size ? text.data : "", expected))
		return;
	fprintf(stderr, "got:\n%s\nexpected:\n%s", text.data, expected);
	_exit(1);
}

/* A container of one layer on the FUSE overlay; nothing is mounted. */
static void begin(struct storage *s, const char *root, int *ret_low, int *ret_upper)
{
	struct strv layers auto_done(strv) = STRV_INIT;
	char id[STORAGE_DIGEST_SIZE];

	OK(storage_open(s, root, &err));
	*ret_low = fixture_layer(s, 'a', id);
	strv_add(&layers, id);
	CHECK(mkdirat(s->containers_fd, "c1", 0711) == 0);
	OK(storage_container_create(s,
				    &(struct storage_container_args){ .id = "c1",
								      .layers = &layers,
								      .driver = STORAGE_FUSE,
								      .shows_owners = true },
				    &err));
	put_file(s->containers_fd, "c1/rootfs/on-fuse", "");
	*ret_upper = openat(s->containers_fd, "c1/rootfs/upper", O_RDONLY | O_DIRECTORY);
	CHECK(*ret_upper >= 0);
}

static void say(int dir_fd, const char *name, const char *key, const char *value)
{
	char path[200];

	(void)snprintf(path, sizeof(path), "%s/%s", FD_PATH(dir_fd), name);
	CHECK(lsetxattr(path, key, value, strlen(value), 0) == 0);
}

static void folder(int dir_fd, const char *name)
{
	CHECK(mkdirat(dir_fd, name, 0755) == 0);
}

static void white(int dir_fd, const char *name)
{
	put_file(dir_fd, name, "");
	say(dir_fd, name, "user.overlay.whiteout", "y");
}

static void deletions(const char *root)
{
	struct storage s auto_done(storage) = STORAGE_INIT;
	auto_close int low = -1;
	auto_close int up = -1;

	begin(&s, root, &low, &up);
	put_file(low, "by-name", "1");
	put_file(low, "by-device", "1");
	put_file(low, "both", "1");
	for (const char *const *f = (const char *const[]){ "x", "y", "o", "p", "q", "both2", NULL };
	     *f; f++) {
		char path[100];

		folder(low, *f);
		(void)snprintf(path, sizeof(path), "%s/a", *f);
		put_file(low, path, "a");
		(void)snprintf(path, sizeof(path), "%s/b", *f);
		put_file(low, path, "b");
		folder(up, *f);
	}
	expect_diff(&s, "");
	put_file(up, ".wh.by-name", "");
	put_file(up, ".wh.never", "");
	CHECK(mknodat(up, "by-device", S_IFCHR, makedev(0, 0)) == 0);
	put_file(up, ".wh.both", ""); /* a kill left both: the file is seen */
	put_file(up, "both", "more");
	put_file(up, ".wh.both2", "");
	put_file(up, "both2/own", "");
	say(up, "x", "user.overlay.opaque", "x");
	white(up, "x/a");
	white(up, "x/never");
	put_file(up, "x/new", "");
	white(up, "y/new"); /* its folder does not say so */
	put_file(up, "o/.wh..wh..opq", "");
	put_file(up, "o/b", "new text");
	say(up, "p", "user.fuseoverlayfs.opaque", "y");
	say(up, "q", "user.overlay.opaque", "x");
	say(up, "q", "user.overlay.bryo.opaque", "y");
	white(up, "q/a");
	put_file(up, "q/c", "");
	expect_diff(&s, "C /both\nC /both2\nD /both2/a\nD /both2/b\nA /both2/own\n"
			"D /by-device\nD /by-name\nC /o\nD /o/a\nC /o/b\nC /p\nD /p/a\nD /p/b\n"
			"C /q\nD /q/a\nD /q/b\nA /q/c\nC /x\nD /x/a\nA /x/new\nC /y\nA /y/new\n");
	/* To the kernel's overlay such names are files like others. */
	CHECK(unlinkat(s.containers_fd, "c1/rootfs/on-fuse", 0) == 0);
	CHECK(unlinkat(up, "both", 0) == 0 && unlinkat(up, "o/b", 0) == 0);
	expect_diff(&s,
		    "A /.wh.both\nA /.wh.both2\nA /.wh.by-name\nA /.wh.never\nC /both2\n"
		    "A /both2/own\nD /by-device\nC /o\nA /o/.wh..wh..opq\nC /p\nD /p/a\nD /p/b\n"
		    "C /q\nD /q/a\nD /q/b\nA /q/c\nC /x\nD /x/a\nA /x/new\nC /y\nA /y/new\n");
}

static void redirects(const char *root)
{
	struct storage s auto_done(storage) = STORAGE_INIT;
	auto_close int low = -1;
	auto_close int up = -1;
	static const char *const bad[] = {
		"", "/", "..", "/../x", "old/sub", "/old//sub", "/old/."
	};
	char name[20];
	char last[300];

	begin(&s, root, &low, &up);
	folder(low, "old");
	put_file(low, "old/f", "f");
	put_file(low, "old/g", "g");
	folder(low, "old/sub");
	put_file(low, "old/sub/deep", "d");
	folder(low, "to");
	put_file(low, "to/t", "t");
	folder(low, "empty");
	CHECK(mknodat(up, "old", S_IFCHR, makedev(0, 0)) == 0);
	folder(up, "moved");
	say(up, "moved", "user.overlay.redirect", "old");
	put_file(up, ".wh.x", "");
	put_file(up, "moved/.wh.f", "");
	put_file(up, "moved/new", "");
	folder(up, "empty");
	folder(up, "empty/in");
	say(up, "empty/in", "user.overlay.redirect", "/old/sub");
	folder(up, "to"); /* what was there is gone, another is here */
	say(up, "to", "user.overlay.redirect", "/empty");
	expect_diff(&s, "C /empty\nA /empty/in\nA /empty/in/deep\nA /moved\nA /moved/g\n"
			"A /moved/new\nA /moved/sub\nA /moved/sub/deep\nD /old\nC /to\nD /to/t\n");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		(void)snprintf(name, sizeof(name), "z%zu", i);
		folder(up, name);
		say(up, name, "user.overlay.redirect", bad[i]);
	}
	memset(last, 'x', sizeof(last));
	last[sizeof(last) - 1] = '\0';
	say(up, "z0", "user.overlay.redirect", last);
	expect_diff(&s, "C /empty\nA /empty/in\nA /empty/in/deep\nA /moved\nA /moved/g\n"
			"A /moved/new\nA /moved/sub\nA /moved/sub/deep\nD /old\nC /to\nD /to/t\n"
			"A /z0\nA /z1\nA /z2\nA /z3\nA /z4\nA /z5\nA /z6\n");
}

/* All times the same, so that owners and kinds alone tell. */
static void date(int dir_fd, const char *name)
{
	const struct timespec times[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };

	CHECK(utimensat(dir_fd, name, times, AT_SYMLINK_NOFOLLOW) == 0);
}

static void file(int dir_fd, const char *name, const char *text, const char *owner)
{
	put_file(dir_fd, name, text);
	if (owner)
		say(dir_fd, name, "user.containers.override_stat", owner);
	date(dir_fd, name);
}

static void owners(const char *root)
{
	struct storage s auto_done(storage) = STORAGE_INIT;
	auto_close int low = -1;
	auto_close int up = -1;
	struct fuse_overlay_link_owner link;
	const struct stat st = { .st_uid = 33, .st_gid = 44 };

	begin(&s, root, &low, &up);
	file(low, "same", "1", "33:44:0640:file");
	file(low, "other", "1", "33:44:0640:file");
	file(low, "plain", "1", NULL);
	folder(low, "d");
	say(low, "d", "user.containers.override_stat", "33:44:0750:dir");
	CHECK(symlinkat("to", low, "link") == 0);
	date(low, "link");
	fuse_overlay_link_owner(&st, "link", &link);
	say(low, ".", link.key, link.value);
	say(low, ".", "user.containers.override_stat", "0:0:0755:dir");
	file(up, "same", "1", "33:44:0640:file");
	file(up, "other", "1", "33:45:0640:file");
	file(up, "plain", "1", "0:0:0644:file");
	file(up, "link", "to", "33:44:0777:symlink");
	file(up, "device", "", "0:0:0600:char-1-3");
	file(up, "forged", "", "0:0:0600:nothing");
	folder(up, "d");
	say(up, "d", "user.containers.override_stat", "33:44:0750:dir");
	say(up, ".", "user.containers.override_stat", "0:0:0755:dir");
	expect_diff(&s, "A /device\nA /forged\nC /other\n");
}

#define TEST(name)                                                                                 \
	static void test_##name(void **state)                                                      \
	{                                                                                          \
		(void)state;                                                                       \
		fixture_run(name);                                                                 \
	}
TEST(deletions)
TEST(redirects)
TEST(owners)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deletions),
		cmocka_unit_test(test_redirects),
		cmocka_unit_test(test_owners),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
