/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store in a fresh folder of /tmp, and a way to run a test as root of a user namespace with a
 * mount namespace of its own, as storage wants it. Works for real root and for anybody else.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/storage/storage.h"

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: not true: %s (errno %d)\n", __FILE__, __LINE__,    \
				#condition, errno);                                                \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

/* A call that must give 0, with its error shown. */
#define OK(call)                                                                                   \
	do {                                                                                       \
		struct err err = ERR_INIT;                                                         \
		int ok_r_ = (call);                                                                \
		if (ok_r_ != 0) {                                                                  \
			fprintf(stderr, "%s:%d: %s gave %d: %s\n", __FILE__, __LINE__, #call,      \
				ok_r_, err.text);                                                  \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

static inline void fixture_map(const char *file, unsigned int id)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "0 %u 1", id);
	CHECK(file_poke_at(AT_FDCWD, file, text) == 0);
}

/* Runs test(root) in a child with one id mapped; skips where the host has no user namespaces. */
static inline void fixture_run(void (*test)(const char *root))
{
	char root[] = "/tmp/bryo-test-store-XXXXXX";
	unsigned int uid = geteuid();
	unsigned int gid = getegid();
	int status = 0;
	pid_t pid = 0;

	assert_non_null(mkdtemp(root));
	pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
			_exit(77);
		CHECK(file_poke_at(AT_FDCWD, "/proc/self/setgroups", "deny") == 0);
		fixture_map("/proc/self/uid_map", uid);
		fixture_map("/proc/self/gid_map", gid);
		umask(022);
		test(root);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	(void)file_remove_tree(AT_FDCWD, root);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		print_message("no user namespaces on this host\n");
		skip();
	}
	assert_int_equal(status, 0);
}

/* A layer made by hand: id is one digit that fills the diff id. Returns its diff folder. */
static inline int fixture_layer(const struct storage *s, char digit,
				char diff_id[STORAGE_DIGEST_SIZE])
{
	char path[100];
	int fd = -1;

	memcpy(diff_id, "sha256:", 7);
	memset(diff_id + 7, digit, 64);
	diff_id[71] = '\0';
	CHECK(mkdirat(s->layers_fd, diff_id + 7, 0755) == 0);
	(void)snprintf(path, sizeof(path), "%s/diff", diff_id + 7);
	CHECK(mkdirat(s->layers_fd, path, 0755) == 0);
	fd = openat(s->layers_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(fd >= 0);
	return fd;
}

static inline void put_file(int dir_fd, const char *name, const char *text)
{
	CHECK(file_replace_at(dir_fd, name, text, strlen(text), 0644, FILE_NO_SYNC) == 0);
}

static inline bool has_text(int dir_fd, const char *name, const char *text)
{
	auto_free char *data = NULL;
	int r = file_read_at(dir_fd, name, 1 << 20, &data, NULL);

	return text ? r == 0 && strcmp(data, text) == 0 : r == -ENOENT;
}
