/* SPDX-License-Identifier: Apache-2.0 */
/* The log: what the writer is given in any pieces, the reader gives back. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/str.h"
#include "engine/base/time.h"
#include "engine/monitor/log.h"

struct place {
	char path[64];
	int dir_fd;
	int out_fd;
	int err_fd;
};

static int set_up(void **state)
{
	struct place *place = xcalloc(1, sizeof(*place));

	(void)snprintf(place->path, sizeof(place->path), "/tmp/bryo-test-log.XXXXXX");
	if (!mkdtemp(place->path))
		return -1;
	place->dir_fd = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	place->out_fd = openat(place->dir_fd, "out", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	place->err_fd = openat(place->dir_fd, "err", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	*state = place;
	return place->err_fd < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	struct place *place = *state;

	(void)close(place->dir_fd);
	(void)close(place->out_fd);
	(void)close(place->err_fd);
	(void)file_remove_tree(AT_FDCWD, place->path);
	free(place);
	return 0;
}

static struct log_writer *open_log(const struct place *place, int64_t max_size)
{
	struct log_writer *log = NULL;
	struct err err = ERR_INIT;
	struct log_config config = { .dir_fd = place->dir_fd, .max_size = max_size };

	assert_int_equal(log_writer_new(&config, &log, &err), 0);
	assert_non_null(log);
	return log;
}

static void add(struct log_writer *log, enum log_stream stream, const char *text)
{
	log_writer_add(log, stream, text, strlen(text));
}

/* What log_read() wrote to the two streams; both are owned by the caller. */
static void read_back(struct place *place, struct log_read_args args, char **ret_out,
		      char **ret_err)
{
	struct err err = ERR_INIT;

	assert_int_equal(ftruncate(place->out_fd, 0) | ftruncate(place->err_fd, 0), 0);
	(void)lseek(place->out_fd, 0, SEEK_SET);
	(void)lseek(place->err_fd, 0, SEEK_SET);
	args.dir_fd = place->dir_fd;
	args.out_fd = place->out_fd;
	args.err_fd = place->err_fd;
	assert_int_equal(log_read(&args, &err), 0);
	assert_int_equal(file_read_at(place->dir_fd, "out", 1 << 30, ret_out, NULL), 0);
	assert_int_equal(file_read_at(place->dir_fd, "err", 1 << 30, ret_err, NULL), 0);
}

static void check_out(struct place *place, struct log_read_args args, const char *expected)
{
	auto_free char *out = NULL;
	auto_free char *err = NULL;

	read_back(place, args, &out, &err);
	assert_string_equal(out, expected);
}

static void entries_look_as_conmon_writes_them(void **state)
{
	struct place *place = *state;
	struct log_writer *log = open_log(place, 0);
	auto_free char *text = NULL;
	struct log_entry entry;

	add(log, LOG_STDOUT, "abc");
	add(log, LOG_STDERR, "oops\n");
	log_writer_free(log);
	assert_int_equal(file_read_at(place->dir_fd, "ctr.log", 4096, &text, NULL), 0);
	assert_memory_equal(text + 35, " stdout P abc\n", 14);
	assert_memory_equal(text + 49 + 35, " stderr F oops\n", 16);
	assert_int_equal(log_entry_parse(text, 48, &entry), 0);
	assert_true(entry.partial);
	assert_int_equal(entry.stream, LOG_STDOUT);
	assert_int_equal(entry.text_size, 3);
	assert_int_equal(entry.time_size, 35);
}

static void lines_are_cut_at_8192(void **state)
{
	struct place *place = *state;
	struct log_writer *log = open_log(place, 0);
	auto_free char *text = NULL;
	auto_free char *line = xmalloc(20001);
	size_t sizes[4] = { 0 };
	char flags[5] = "";
	int n = 0;

	memset(line, 'x', 20000);
	line[20000] = '\n';
	log_writer_add(log, LOG_STDOUT, line, 20001);
	log_writer_add(log, LOG_STDOUT, line, 8192);
	log_writer_free(log);
	assert_int_equal(file_read_at(place->dir_fd, "ctr.log", 1 << 20, &text, NULL), 0);
	for (char *p = strtok(text, "\n"); p && n < 4; p = strtok(NULL, "\n"), n++) {
		struct log_entry entry;

		assert_int_equal(log_entry_parse(p, strlen(p), &entry), 0);
		sizes[n] = entry.text_size;
		flags[n] = entry.partial ? 'P' : 'F';
	}
	assert_string_equal(flags, "PPFP");
	assert_int_equal(sizes[0], 8192);
	assert_int_equal(sizes[2], 20000 - 2 * 8192);
	assert_int_equal(sizes[3], 8192);
}

static void any_pieces_come_back_whole(void **state)
{
	struct place *place = *state;
	struct log_writer *log = open_log(place, 0);
	size_t size = 3 << 20;
	auto_free char *data = xmalloc(size + 1);
	auto_free char *out = NULL;
	auto_free char *err = NULL;
	struct stat st;

	srand(7);
	for (size_t i = 0; i < size; i++)
		data[i] = rand() % 60 == 0 || i == size - 1 ? '\n' : (char)(1 + rand() % 255);
	memset(data + 100000, 'l', 300000); /* a line of many entries */
	data[size] = '\0';
	for (size_t at = 0; at < size;) {
		size_t piece = (size_t)rand() % (rand() % 3 ? 100 : 65536) + 1;

		if (piece > size - at)
			piece = size - at;
		log_writer_add(log, LOG_STDOUT, data + at, piece);
		at += piece;
	}
	assert_int_equal(log_writer_error(log), 0);
	log_writer_free(log);
	read_back(place, (struct log_read_args){ .tail = LOG_ALL }, &out, &err);
	assert_int_equal(fstat(place->out_fd, &st), 0);
	assert_int_equal(st.st_size, size);
	assert_memory_equal(out, data, size);
}

static void streams_stay_apart(void **state)
{
	struct place *place = *state;
	struct log_writer *log = open_log(place, 0);
	auto_free char *out = NULL;
	auto_free char *err = NULL;

	add(log, LOG_STDOUT, "one\ntw");
	add(log, LOG_STDERR, "bad\n");
	add(log, LOG_STDOUT, "o\n\nend");
	log_writer_free(log);
	read_back(place, (struct log_read_args){ .tail = LOG_ALL, .prefix = "c " }, &out, &err);
	assert_string_equal(out, "c one\nc two\nc \nc end");
	assert_string_equal(err, "c bad\n");
}

static void tail_counts_lines_from_the_end(void **state)
{
	struct place *place = *state;
	struct log_writer *log = open_log(place, 0);
	auto_free char *expected = NULL;
	char line[64];

	/* Enough to make the search cross blocks at every possible offset. */
	for (int i = 0; i < 9000; i++) {
		(void)snprintf(line, sizeof(line), "%0*d\n", i % 23 + 1, i);
		add(log, LOG_STDOUT, line);
	}
	check_out(place, (struct log_read_args){ .tail = 0 }, "");
	expected = xasprintf("%0*d\n%0*d\n", 8998 % 23 + 1, 8998, 8999 % 23 + 1, 8999);
	check_out(place, (struct log_read_args){ .tail = 2 }, expected);
	for (int n = 1; n < 9002; n += 299) {
		auto_free char *out = NULL;
		auto_free char *err = NULL;
		int count = 0;

		read_back(place, (struct log_read_args){ .tail = n }, &out, &err);
		for (const char *p = out; (p = strchr(p, '\n')); p++)
			count++;
		assert_int_equal(count, n < 9000 ? n : 9000);
		if (n < 9000)
			assert_int_equal(atoi(out), 9000 - n);
	}
	add(log, LOG_STDOUT, "unfin");
	add(log, LOG_STDOUT, "ished");
	check_out(place, (struct log_read_args){ .tail = 1 }, "unfinished");
	log_writer_free(log);
}

static void moments_bound_what_is_shown(void **state)
{
	struct place *place = *state;
	static const char text[] = "2026-11-22T08:00:00.000000001+00:00 stdout F a\n"
				   "2026-11-22T09:00:00.5+01:00 stdout F b\n"
				   "not an entry\n"
				   "2026-11-22T08:00:02Z stdout F c\n";
	int64_t t = 0;

	/* A year whose nanoseconds do not fit, found by the fuzzer. */
	assert_int_equal(time_parse("4052-11-22T08:00:00Z", &t), -EINVAL);
	assert_int_equal(time_parse("2026-11-22T08:00:00Z", &t), 0);
	assert_int_equal(file_replace_at(place->dir_fd, "ctr.log", text, sizeof(text) - 1, 0600,
					 FILE_NO_SYNC),
			 0);
	check_out(place, (struct log_read_args){ .tail = LOG_ALL }, "a\nb\nc\n");
	check_out(place, (struct log_read_args){ .tail = LOG_ALL, .since = t + 2 }, "b\nc\n");
	check_out(place, (struct log_read_args){ .tail = LOG_ALL, .until = t + 500000000 },
		  "a\nb\n");
	check_out(place, (struct log_read_args){ .tail = 1, .timestamps = true },
		  "2026-11-22T08:00:02Z c\n");
	check_out(place,
		  (struct log_read_args){ .tail = LOG_ALL, .until = t + 1, .timestamps = true },
		  "2026-11-22T08:00:00.000000001Z a\n");
}

static void a_full_log_begins_anew(void **state)
{
	struct place *place = *state;
	struct log_writer *log = open_log(place, 2000);
	struct stat st;

	for (int i = 0; i < 100; i++) {
		add(log, LOG_STDOUT, "0123456789\n");
		assert_int_equal(fstatat(place->dir_fd, "ctr.log", &st, 0), 0);
		assert_true(st.st_size > 0 && st.st_size <= 2000);
	}
	log_writer_free(log);
	assert_int_equal(faccessat(place->dir_fd, "ctr.log.tmp", F_OK, 0), -1);
}

static void a_full_disk_costs_lines_only(void **state)
{
	struct place *place = *state;
	struct rlimit old;
	struct rlimit small;
	struct log_writer *log = open_log(place, 0);

	/* RLIMIT_FSIZE gives EFBIG where a full disk gives ENOSPC, in the middle of an entry. */
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = (struct rlimit){ 100, old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	for (int i = 0; i < 10; i++)
		add(log, LOG_STDOUT, "0123456789\n");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(log_writer_error(log), -EFBIG);
	add(log, LOG_STDOUT, "after\n");
	log_writer_free(log);
	check_out(place, (struct log_read_args){ .tail = 1 }, "after\n");
}

struct writer_child {
	int ready;
	pid_t pid;
};

static bool child_alive(void *data)
{
	struct writer_child *child = data;
	int status = 0;

	if (child->pid > 0 && waitpid(child->pid, &status, WNOHANG) == child->pid)
		child->pid = -1;
	return child->pid > 0;
}

static void following_sees_all_through_rotations(void **state)
{
	struct place *place = *state;
	struct writer_child child = { 0 };
	auto_free char *out = NULL;
	auto_free char *err = NULL;
	const char *p = NULL;
	int last = -1;

	child.pid = fork();
	if (child.pid == 0) {
		struct log_writer *log = open_log(place, 4000);
		char line[32];

		for (int i = 0; i < 400; i++) {
			(void)snprintf(line, sizeof(line), "line %d\n", i);
			add(log, LOG_STDOUT, line);
			usleep(1500);
		}
		_exit(0);
	}
	read_back(place,
		  (struct log_read_args){
			  .tail = LOG_ALL, .follow = true, .alive = child_alive, .data = &child },
		  &out, &err);
	for (p = out; (p = strstr(p, "line ")); p++) {
		int n = atoi(p + 5);

		/* A reader far behind may miss what a rotation threw away, never repeat or reorder.
		 */
		assert_true(n > last);
		last = n;
	}
	assert_int_equal(last, 399);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(entries_look_as_conmon_writes_them),
		TEST(lines_are_cut_at_8192),
		TEST(any_pieces_come_back_whole),
		TEST(streams_stay_apart),
		TEST(tail_counts_lines_from_the_end),
		TEST(moments_bound_what_is_shown),
		TEST(a_full_log_begins_anew),
		TEST(a_full_disk_costs_lines_only),
		TEST(following_sees_all_through_rotations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
