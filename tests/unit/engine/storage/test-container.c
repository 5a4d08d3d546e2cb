/* SPDX-License-Identifier: Apache-2.0 */
/* Root file systems: made, mounted by each driver, written to, mounted again, removed. */
#include "tests/unit/engine/storage/store-fixture.h"

#include <sys/file.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "engine/base/buf.h"
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

static int add_line(void *ctx, enum storage_change change, const char *path)
{
	return buf_addf(ctx, "%c %s\n", (char)change, path);
}

/* What a container did, through each driver. */
static void changes(const char *root, enum storage_driver driver)
{
	struct storage s auto_done(storage) = STORAGE_INIT;
	struct strv layers auto_done(strv) = STRV_INIT;
	struct buf text auto_done(buf) = BUF_INIT;
	uint64_t written = 0;
	uint64_t all = 0;
	int fd = -1;

	OK(storage_open(&s, root, &err));
	two_layers(&s, &layers);
	for (size_t i = 0; i < layers.count; i++) {
		auto_close int layer_fd =
			openat(s.layers_fd, layers.v[i] + 7, O_RDONLY | O_DIRECTORY);
		struct storage_layer record = { .tar_size = 1000 };

		(void)snprintf(record.diff_id, sizeof(record.diff_id), "%s", layers.v[i]);
		OK(layer_record_write(layer_fd, &record, &err));
	}
	CHECK(mkdirat(s.containers_fd, "c1", 0711) == 0);
	OK(storage_container_create(
		&s,
		&(struct storage_container_args){ .id = "c1", .layers = &layers, .driver = driver },
		&err));
	fd = use_container(&s, true);
	OK(storage_container_diff(&s, "c1", add_line, &text, &err));
	CHECK(text.size == 0);
	put_file(fd, "new", "12345");
	CHECK(unlinkat(fd, "changed", 0) == 0);
	CHECK(fchmodat(fd, "kept", 0600, 0) == 0);
	put_file(fd, "dir/deep", "1");
	CHECK(mkdirat(fd, "e", 0755) == 0 && mkdirat(fd, "e/f", 0755) == 0);
	OK(storage_container_diff(&s, "c1", add_line, &text, &err));
	if (strcmp(text.data, "D /changed\nC /dir\nA /dir/deep\nA /e\nA /e/f\nC /kept\nA /new\n") !=
		    0 &&
	    strcmp(text.data,
		   "D /changed\nC /dir\nA /dir/deep\nA /e\nA /e/f\nC /kept\nC /kept2\nA /new\n") !=
		    0)
		fprintf(stderr, "%s", text.data), _exit(1); /* a copy keeps kept2 linked to kept */
	OK(storage_container_size(&s, "c1", &written, &all, &err));
	CHECK(written >= 9 && all == written + 2000);
	text.size = 0;
	CHECK(unlinkat(fd, "dir/new", 0) == 0 && unlinkat(fd, "dir/deep", 0) == 0);
	CHECK(unlinkat(fd, "dir", AT_REMOVEDIR) == 0 && mkdirat(fd, "dir", 0700) == 0);
	OK(storage_container_diff(&s, "c1", add_line, &text, &err));
	CHECK(strstr(text.data, "D /dir/new\n") && !strstr(text.data, "hidden"));
	(void)close(fd);
}

static void overlay_changes(const char *root)
{
	changes(root, STORAGE_AUTO);
}

static void copy_changes(const char *root)
{
	changes(root, STORAGE_COPY);
}

static void diff_tells_what_changed(void **state)
{
	(void)state;
	fixture_run(overlay_changes);
	fixture_run(copy_changes);
}

static void probe(const char *root)
{
	struct storage s auto_done(storage) = STORAGE_INIT;
	struct storage_probe first;
	struct storage_probe second;

	OK(storage_open(&s, root, &err));
	OK(storage_probe(&s, true, &first, &err));
	CHECK(first.drivers[STORAGE_COPY].works && first.best != STORAGE_AUTO);
	CHECK(first.drivers[STORAGE_OVERLAY].works == (first.best == STORAGE_OVERLAY));
	CHECK(first.drivers[STORAGE_OVERLAY].works || first.drivers[STORAGE_OVERLAY].why_not[0]);
	CHECK(first.fs_type[0] && strcmp(first.fs_type, "unknown") != 0);
	OK(storage_probe(&s, false, &second, &err));
	CHECK(second.best == first.best && strcmp(second.fs_type, first.fs_type) == 0);
	{
		auto_close int tmp = openat(s.root_fd, "tmp", O_RDONLY | O_DIRECTORY);
		struct stat st;

		CHECK(fstat(tmp, &st) == 0 && st.st_nlink == 2);
	}
}

static void probing_answers_and_remembers(void **state)
{
	(void)state;
	fixture_run(probe);
}

/* The store's ids 0 and 0 become others: here 0 again, all that one id allows, but by a map. */
static void shifted(const char *root)
{
	static const struct storage_range range = { .inside = 0, .outside = 0, .count = 1 };
	static const struct storage_range none = { .inside = 5, .outside = 0, .count = 1 };
	struct storage_idmap map = { &range, 1, &range, 1 };
	struct storage s auto_done(storage) = STORAGE_INIT;
	struct strv layers auto_done(strv) = STRV_INIT;
	struct err said = ERR_INIT;
	int fd = -1;

	OK(storage_open(&s, root, &err));
	two_layers(&s, &layers);
	CHECK(mkdirat(s.containers_fd, "c1", 0711) == 0 &&
	      mkdirat(s.containers_fd, "c2", 0711) == 0);
	OK(storage_container_create(
		&s,
		&(struct storage_container_args){ .id = "c1", .layers = &layers, .idmap = &map },
		&err));
	fd = use_container(&s, true);
	check_view(fd);
	(void)close(fd);
	map.uids = &none;
	CHECK(storage_container_create(&s,
				       &(struct storage_container_args){
					       .id = "c2", .layers = &layers, .idmap = &map },
				       &said) < 0);
	CHECK(strstr(said.text, "id map lacks"));
}

static void shifted_layers_look_the_same(void **state)
{
	(void)state;
	fixture_run(shifted);
}

static void sweep_and_prune(const char *root)
{
	struct storage s auto_done(storage) = STORAGE_INIT;
	struct strv layers auto_done(strv) = STRV_INIT;
	struct strv one auto_done(strv) = STRV_INIT;
	struct strv removed auto_done(strv) = STRV_INIT;
	struct strv keep auto_done(strv) = STRV_INIT;
	struct scratch living auto_done(scratch) = SCRATCH_INIT;
	char id[STORAGE_DIGEST_SIZE];

	OK(storage_open(&s, root, &err));
	two_layers(&s, &layers);
	(void)close(fixture_layer(&s, 'c', id));
	strv_add(&one, layers.v[0]);
	CHECK(mkdirat(s.containers_fd, "c1", 0711) == 0);
	OK(storage_container_create(
		&s, &(struct storage_container_args){ .id = "c1", .layers = &one }, &err));
	strv_add(&keep, layers.v[1]);
	OK(storage_layers_prune(&s, NULL, &keep, &removed, &err));
	CHECK(removed.count == 1 && strcmp(removed.v[0], id) == 0);
	CHECK(storage_layer_exists(&s, layers.v[0]) && storage_layer_exists(&s, layers.v[1]));
	/* killed commands' remains go, a living maker's folder stays */
	OK(scratch_open(&s, "x-", &living, &err));
	CHECK(mkdirat(living.tmp_fd, "dead", 0700) == 0 &&
	      mkdirat(living.tmp_fd, "dead/a", 0) == 0);
	put_file(living.tmp_fd, "old.lock", "");
	{
		auto_close int trash = -1;
		struct stat st;

		CHECK(mkdirat(s.root_fd, "trash", 0711) == 0 || errno == EEXIST);
		trash = openat(s.root_fd, "trash", O_RDONLY | O_DIRECTORY);
		CHECK(mkdirat(s.root_fd, "aside", 0700) == 0 &&
		      mkdirat(s.root_fd, "aside/deep", 0) == 0);
		OK(storage_set_aside(&s, s.root_fd, "aside", &err));
		CHECK(faccessat(s.root_fd, "aside", F_OK, 0) < 0);
		OK(storage_set_aside(&s, s.root_fd, "aside", &err));
		CHECK(mkdirat(trash, "junk", 0700) == 0 && mkdirat(trash, "junk/deep", 0) == 0);
		OK(storage_sweep(&s, &err));
		CHECK(faccessat(trash, "junk", F_OK, 0) < 0);
		CHECK(fstat(trash, &st) == 0 && st.st_nlink == 2);
	}
	CHECK(faccessat(living.tmp_fd, "dead", F_OK, 0) < 0);
	CHECK(faccessat(living.tmp_fd, "old.lock", F_OK, 0) < 0);
	CHECK(faccessat(living.tmp_fd, living.name.text, F_OK, 0) == 0);
}

static void remains_go_and_what_is_used_stays(void **state)
{
	(void)state;
	fixture_run(sweep_and_prune);
}

/* Two that remove the same folder would trip over each other: the second leaves it to the first. */
static void swept_by_two(const char *root)
{
	struct storage s auto_done(storage) = STORAGE_INIT;
	auto_close int trash = -1;
	auto_close int other = -1;

	OK(storage_open(&s, root, &err));
	CHECK(mkdirat(s.root_fd, "trash", 0711) == 0 || errno == EEXIST);
	trash = openat(s.root_fd, "trash", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(mkdirat(trash, "busy", 0700) == 0 && mkdirat(trash, "busy/deep", 0) == 0);
	other = openat(trash, "busy", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(other >= 0 && flock(other, LOCK_EX) == 0);
	OK(storage_sweep(&s, &err));
	CHECK(faccessat(trash, "busy/deep", F_OK, 0) == 0);
	fd_close(&other); /* as when it is killed */
	OK(storage_sweep(&s, &err));
	CHECK(faccessat(trash, "busy", F_OK, 0) < 0 && errno == ENOENT);
}

static void what_another_deletes_is_left_to_it(void **state)
{
	(void)state;
	fixture_run(swept_by_two);
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
		cmocka_unit_test(diff_tells_what_changed),
		cmocka_unit_test(probing_answers_and_remembers),
		cmocka_unit_test(shifted_layers_look_the_same),
		cmocka_unit_test(remains_go_and_what_is_used_stays),
		cmocka_unit_test(what_another_deletes_is_left_to_it),
		cmocka_unit_test(what_is_missing_or_newer_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
