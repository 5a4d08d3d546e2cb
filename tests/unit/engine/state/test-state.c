/* SPDX-License-Identifier: Apache-2.0 */
/* Objects on disk: names, finding, locks, and what killed commands leave. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/state/state.h"

#define A "aaaa000000000000000000000000000000000000000000000000000000000000"
#define B "aaab000000000000000000000000000000000000000000000000000000000000"

static char top[64];
static struct state objects;

static int set_up(void **state)
{
	(void)state;
	strcpy(top, "/tmp/bryo-test-state-XXXXXX");
	objects = STATE_INIT;
	return mkdtemp(top) ? state_open(top, "things", "record", &objects, NULL) : -1;
}

static int tear_down(void **state)
{
	(void)state;
	state_done(&objects);
	return file_remove_tree(AT_FDCWD, top);
}

/* A whole object: folder, record, name. */
static void make(const char *id, const char *name)
{
	auto_close int fd = -1;
	auto_close int lock = -1;
	struct err err = ERR_INIT;

	assert_int_equal(state_create(&objects, id, &fd, &lock, &err), 0);
	assert_int_equal(mknodat(fd, "record", S_IFREG | 0600, 0), 0);
	if (name)
		assert_int_equal(state_claim_name(&objects, name, id, "thing", &err), 0);
}

static void objects_are_found_in_three_ways(void **state)
{
	struct strv ids auto_done(strv) = STRV_INIT;
	struct err err = ERR_INIT;
	char id[STATE_ID_SIZE];

	(void)state;
	make(A, "one");
	make(B, "aaaa");
	assert_int_equal(state_find(&objects, "one", "thing", id, &err), 0);
	assert_string_equal(id, A);
	assert_int_equal(state_find(&objects, B, "thing", id, &err), 0);
	assert_string_equal(id, B);
	assert_int_equal(state_find(&objects, "aaab", "thing", id, &err), 0);
	assert_string_equal(id, B);
	/* a name goes before a beginning of an id */
	assert_int_equal(state_find(&objects, "aaaa", "thing", id, &err), 0);
	assert_string_equal(id, B);
	assert_true(state_find(&objects, "aaa", "thing", id, &err) < 0);
	assert_non_null(strstr(err.text, "more than one"));
	err = ERR_INIT;
	assert_true(state_find(&objects, "none", "thing", id, &err) < 0);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_string_equal(err.text, "no thing with name or ID \"none\" found: no such thing");
	err = ERR_INIT;
	assert_true(state_find(&objects, "../names", "thing", id, &err) < 0);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
	assert_true(state_find(&objects, "", "thing", id, &err) < 0);
	assert_int_equal(state_list(&objects, &ids, &err), 0);
	assert_int_equal(ids.count, 2);
}

static void a_name_is_one_objects(void **state)
{
	struct err err = ERR_INIT;
	char id[STATE_ID_SIZE];

	(void)state;
	make(A, "name");
	make(B, NULL);
	assert_true(state_claim_name(&objects, "name", B, "thing", &err) < 0);
	assert_int_equal(err.kind, ERR_EXISTS);
	assert_non_null(strstr(err.text, "name"));
	state_release_name(&objects, "name", B); /* not B's */
	assert_int_equal(state_find(&objects, "name", "thing", id, NULL), 0);
	/* of an object that is gone it is taken over */
	assert_int_equal(file_remove_tree(objects.objects_fd, A), 0);
	assert_int_equal(state_claim_name(&objects, "name", B, "thing", &err), 0);
	assert_int_equal(state_find(&objects, "name", "thing", id, NULL), 0);
	assert_string_equal(id, B);
	state_release_name(&objects, "name", A); /* A's last word comes late */
	assert_int_equal(state_find(&objects, "name", "thing", id, NULL), 0);
	state_release_name(&objects, "name", B);
	assert_true(state_find(&objects, "name", "thing", id, NULL) < 0);
}

/* An end by _exit() is what a kill -9 comes to: the lock goes with the last descriptor. */
static void locks_end_with_their_holder(void **state)
{
	auto_close int fd = -1;
	auto_close int change = -1;
	auto_close int alive = -1;
	struct err err = ERR_INIT;
	pid_t pid = 0;
	int status = 0;

	(void)state;
	assert_int_equal(state_create(&objects, A, &fd, &change, &err), 0);
	assert_int_equal(state_is_locked(fd, STATE_LOCK_CHANGE), 1);
	assert_int_equal(state_is_locked(fd, STATE_LOCK_ALIVE), 0);
	pid = fork();
	if (pid == 0) {
		int mine = -1;
		int again = -1;

		close(change); /* the copy would keep it locked */
		_exit(state_lock(fd, STATE_LOCK_CHANGE, false, &again) == -EAGAIN &&
				      state_lock(fd, STATE_LOCK_ALIVE, false, &mine) == 0
			      ? 0
			      : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(state_is_locked(fd, STATE_LOCK_ALIVE), 0);
	assert_int_equal(state_lock(fd, STATE_LOCK_ALIVE, true, &alive), 0);
	assert_int_equal(state_is_locked(fd, STATE_LOCK_ALIVE), 1);
	fd_close(&change);
	assert_int_equal(state_is_locked(fd, STATE_LOCK_CHANGE), 0);
	assert_int_equal(state_is_locked(fd, STATE_LOCK_ALIVE), 1);
}

static int removed;

static void remove_object(void *data, const char *id)
{
	(void)data;
	removed++;
	assert_int_equal(file_remove_tree(objects.objects_fd, id), 0);
}

static void half_made_objects_are_swept(void **state)
{
	auto_close int fd = -1;
	auto_close int lock = -1;
	struct err err = ERR_INIT;
	char id[STATE_ID_SIZE];

	(void)state;
	removed = 0;
	make(A, "whole");
	assert_int_equal(state_create(&objects, B, &fd, &lock, &err), 0);
	assert_int_equal(state_claim_name(&objects, "half", B, "thing", &err), 0);
	state_sweep(&objects, remove_object, NULL);
	assert_int_equal(removed, 0); /* somebody is making it */
	fd_close(&lock);
	state_sweep(&objects, remove_object, NULL);
	assert_int_equal(removed, 1);
	state_sweep(&objects, remove_object, NULL);
	assert_int_equal(removed, 1);
	assert_int_equal(state_find(&objects, "whole", "thing", id, NULL), 0);
	assert_int_not_equal(faccessat(objects.names_fd, "half", F_OK, AT_SYMLINK_NOFOLLOW), 0);
}

static void what_lies_there_is_not_believed(void **state)
{
	struct strv ids auto_done(strv) = STRV_INIT;
	struct err err = ERR_INIT;
	char id[STATE_ID_SIZE];

	(void)state;
	make(A, "good");
	assert_int_equal(mkdirat(objects.objects_fd, "no-id", 0700), 0);
	assert_int_equal(symlinkat("../../etc", objects.names_fd, "evil"), 0);
	assert_int_equal(symlinkat(B, objects.names_fd, "gone"), 0);
	assert_true(state_find(&objects, "evil", "thing", id, &err) < 0);
	assert_true(state_find(&objects, "gone", "thing", id, &err) < 0);
	assert_int_equal(state_list(&objects, &ids, &err), 0);
	assert_int_equal(ids.count, 1);
	assert_string_equal(ids.v[0], A);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		IN_FOLDER(objects_are_found_in_three_ways), IN_FOLDER(a_name_is_one_objects),
		IN_FOLDER(locks_end_with_their_holder),	    IN_FOLDER(half_made_objects_are_swept),
		IN_FOLDER(what_lies_there_is_not_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
