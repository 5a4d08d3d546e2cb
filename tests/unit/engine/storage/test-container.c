/* SPDX-License-Identifier: Apache-2.0 */
/* Root file systems: made, mounted by each driver, written to, mounted again, removed. */
#include "tests/unit/engine/storage/store-fixture.h"

#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "engine/base/str.h"
#include "engine/storage/storage-internal.h"

static void two_layers(const struct storage *s, struct strv *layers)
{
	char id[STORAGE_DIGEST_SIZE];
	auto_close int low = fixture_layer(s, 'a', id);
	auto_close int high = -1;

	strv_add(layers, id);
	put_file(low, "kept", "low");
	put_file(low, "changed", "low");
	put_file(low, "gone", "low");
	CHECK(mkdirat(low, "dir", 0750) == 0);
	put_file(low, "dir/hidden", "low");
	CHECK(linkat(low, "kept", low, "kept2", 0) == 0);
	high = fixture_layer(s, 'b', id);
	strv_add(layers, id);
	put_file(high, "changed", "high");
	CHECK(mknodat(high, "gone", S_IFCHR, makedev(0, 0)) == 0);
	CHECK(mkdirat(high, "dir", 0700) == 0);
	put_file(high, "dir/new", "high");
	CHECK(setxattr(FD_PATH(high), "user.test", "1", 1, 0) == 0);
	{
		auto_close int dir = openat(high, "dir", O_RDONLY | O_DIRECTORY);

		CHECK(fsetxattr(dir, STORAGE_OPAQUE_XATTR, "y", 1, 0) == 0);
	}
}

static void check_view(int fd)
{
	struct stat a;
	struct stat b;

	CHECK(has_text(fd, "kept", "low"));
	CHECK(has_text(fd, "changed", "high"));
	CHECK(has_text(fd, "gone", NULL));
	CHECK(has_text(fd, "dir/new", "high"));
	CHECK(has_text(fd, "dir/hidden", NULL));
	CHECK(fstatat(fd, "kept", &a, 0) == 0 && fstatat(fd, "kept2", &b, 0) == 0);
	CHECK(a.st_ino == b.st_ino);
	CHECK(fstatat(fd, ".", &a, 0) == 0);
	CHECK((a.st_mode & 07777) == 0555); /* no layer said what / is like */
}

static int use_container(const struct storage *s, bool is_volatile)
{
	int fd = -1;

	OK(storage_mount(&(struct storage_mount_args){ .storage = s,
						       .id = "c1",
						       .is_volatile = is_volatile },
			 &fd, &err));
	return fd;
}

static void live_and_die(const char *root, enum storage_driver driver)
{
	struct storage s auto_done(storage) = STORAGE_INIT;
	struct strv layers auto_done(strv) = STRV_INIT;
	enum storage_driver found = STORAGE_AUTO;
	int fd = -1;

	OK(storage_open(&s, root, &err));
	two_layers(&s, &layers);
	CHECK(mkdirat(s.containers_fd, "c1", 0711) == 0);
	OK(storage_container_create(
		&s,
		&(struct storage_container_args){ .id = "c1", .layers = &layers, .driver = driver },
		&err));
	OK(storage_container_driver(&s, "c1", &found, &err));
	CHECK(found == (driver == STORAGE_AUTO ? STORAGE_OVERLAY : driver));
	fd = use_container(&s, true);
	check_view(fd);
	put_file(fd, "kept", "mine");
	(void)close(fd);
	fd = use_container(&s, false); /* after a volatile mount too */
	CHECK(has_text(fd, "kept", "mine"));
	(void)close(fd);
	OK(storage_container_remove(&s, "c1", &err));
	CHECK(faccessat(s.containers_fd, "c1/rootfs", F_OK, 0) < 0);
	OK(storage_container_remove(&s, "c1", &err)); /* twice is fine */
	{
		auto_close int trash = openat(s.root_fd, "trash", O_RDONLY | O_DIRECTORY);
		struct stat st;

		CHECK(fstat(trash, &st) == 0 && st.st_nlink == 2);
	}
}

static void as_overlay(const char *root)
{
	live_and_die(root, STORAGE_AUTO);
}

static void as_copy(const char *root)
{
	live_and_die(root, STORAGE_COPY);
}

static void overlay_lives(void **state)
{
	(void)state;
	fixture_run(as_overlay);
}

static void copy_lives(void **state)
{
	(void)state;
	fixture_run(as_copy);
}

/* 130 layers: more than one fsconfig value holds, and more than a page for the classic way. */
static void many(const char *root)
{
	struct storage s auto_done(storage) = STORAGE_INIT;
	struct strv layers auto_done(strv) = STRV_INIT;
	int fds[130];
	int fd = -1;

	OK(storage_open(&s, root, &err));
	for (int i = 0; i < 130; i++) {
		char id[STORAGE_DIGEST_SIZE];
		char path[128];
		char name[16];

		(void)snprintf(id, sizeof(id), "sha256:%064x", i);
		(void)snprintf(path, sizeof(path), "%s/diff", id + 7);
		CHECK(mkdirat(s.layers_fd, id + 7, 0755) == 0 &&
		      mkdirat(s.layers_fd, path, 0755) == 0);
		fds[i] = openat(s.layers_fd, path, O_RDONLY | O_DIRECTORY);
		(void)snprintf(name, sizeof(name), "f%d", i);
		put_file(fds[i], name, name);
		put_file(fds[i], "same", name);
		strv_add(&layers, id);
	}
	OK(storage_mount(&(struct storage_mount_args){ .storage = &s, .layers = &layers }, &fd,
			 &err));
	CHECK(has_text(fd, "f0", "f0") && has_text(fd, "f129", "f129") &&
	      has_text(fd, "same", "f129"));
	CHECK(openat(fd, "x", O_CREAT | O_WRONLY, 0600) < 0 && errno == EROFS);
	(void)close(fd);
	CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	{
		struct driver_mount_args args = { .storage = &s,
						  .rootfs_fd = -1,
						  .lower_fds = fds,
						  .lower_count = 130,
						  .read_only = true };

		OK(overlay_mount_classic(&args, &fd, &err));
		CHECK(has_text(fd, "f0", "f0") &&
		      has_text(fd, "same", "f0")); /* fds: lowest first */
		(void)close(fd);
	}
}

static void many_layers_fit(void **state)
{
	(void)state;
	fixture_run(many);
}

static void refuse(const char *root)
{
	struct storage s auto_done(storage) = STORAGE_INIT;
	struct storage again auto_done(storage) = STORAGE_INIT;
	struct strv layers auto_done(strv) = STRV_INIT;
	struct err said = ERR_INIT;

	OK(storage_open(&s, root, &err));
	strv_addf(&layers, "sha256:%064d", 0);
	CHECK(mkdirat(s.containers_fd, "c1", 0711) == 0);
	CHECK(storage_container_create(
		      &s, &(struct storage_container_args){ .id = "c1", .layers = &layers },
		      &said) == -ENOENT);
	CHECK(strstr(said.text, "is not in the store"));
	CHECK(storage_container_create(
		      &s, &(struct storage_container_args){ .id = "../x", .layers = &layers },
		      &said) < 0);
	CHECK(faccessat(s.containers_fd, "c1/rootfs", F_OK, 0) < 0);
	put_file(s.root_fd, "version", "2\n");
	CHECK(storage_open(&again, root, &said) < 0 && said.kind == ERR_UNSUPPORTED);
	CHECK(strstr(said.text, "has format 2"));
}

static void what_is_missing_or_newer_is_named(void **state)
{
	(void)state;
	fixture_run(refuse);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(overlay_lives),
		cmocka_unit_test(copy_lives),
		cmocka_unit_test(many_layers_fit),
		cmocka_unit_test(what_is_missing_or_newer_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
