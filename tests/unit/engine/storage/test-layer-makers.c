/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who makes a layer: workers, several at once, one that finds it there already; and one killed at
 * any of its system calls leaves a store that works.
 */
#include "tests/unit/engine/storage/layer-fixture.h"

#include <signal.h>
#include <sys/ptrace.h>

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
		cmocka_unit_test(a_file_that_is_there_is_not_unpacked),
		cmocka_unit_test(workers_do_the_same),
		cmocka_unit_test(makers_of_one_layer_agree),
		cmocka_unit_test(changed_files_are_noticed),
		cmocka_unit_test(a_killed_maker_leaves_a_good_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
