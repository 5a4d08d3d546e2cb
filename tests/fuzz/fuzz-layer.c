/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unpacking a layer: any bytes, into a folder on a tmpfs of its own, beside a file and a folder
 * that must stay as they are. Needs user namespaces; says so and does nothing without.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/archive/tar.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/storage/unpack.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int top_fd = -1;

static void map_self(const char *file, unsigned int id)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "0 %u 1", id);
	if (file_poke_at(AT_FDCWD, file, text) < 0)
		exit(1);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	unsigned int uid = geteuid();
	unsigned int gid = getegid();

	(void)argc;
	(void)argv;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) {
		fprintf(stderr, "fuzz-layer: no user namespaces here, nothing is tried\n");
		return 0;
	}
	(void)file_poke_at(AT_FDCWD, "/proc/self/setgroups", "deny");
	map_self("/proc/self/uid_map", uid);
	map_self("/proc/self/gid_map", gid);
	/* Corpus and crash files are named relative to the working folder, which stays. */
	if (mount("tmpfs", "/mnt", "tmpfs", 0, "size=64m,nr_inodes=20000") < 0)
		return 0;
	top_fd = open("/mnt", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (file_replace_at(top_fd, "victim", "untouched", 9, 0600, FILE_NO_SYNC) < 0 ||
	    mkdirat(top_fd, "folder", 0700) < 0)
		exit(1);
	return 0;
}

static void check_outside(void)
{
	auto_free char *text = NULL;
	uint64_t bytes = 0;
	uint64_t entries = 0;
	struct stat st;

	if (file_read_at(top_fd, "victim", 100, &text, NULL) < 0 || strcmp(text, "untouched") != 0)
		abort();
	if (fstatat(top_fd, "victim", &st, 0) < 0 || st.st_nlink != 1 ||
	    (st.st_mode & 07777) != 0600)
		abort();
	if (fstatat(top_fd, "folder", &st, 0) < 0 || (st.st_mode & 07777) != 0700)
		abort();
	if (file_tree_usage(top_fd, ".", &bytes, &entries) < 0 || entries != 3)
		abort(); /* something new lies beside the layer's folder */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tar_reader_args args = { .data = data, .size = size };
	auto_tar_reader struct tar_reader *reader = NULL;
	struct unpack_result result;
	struct err err = ERR_INIT;
	auto_close int layer_fd = -1;

	if (top_fd < 0)
		return 0;
	if (mkdirat(top_fd, "layer", 0755) < 0 || mkdirat(top_fd, "layer/diff", 0755) < 0)
		abort();
	layer_fd = openat(top_fd, "layer", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	reader = tar_reader_new(&args);
	if (unpack(reader, &(struct unpack_args){ .layer_fd = layer_fd, .one_id = true }, &result,
		   &err) < 0 &&
	    err.code == 0)
		abort();
	if (file_remove_tree(top_fd, "layer") < 0)
		abort();
	check_outside();
	return 0;
}
