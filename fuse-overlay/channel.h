/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Channels to the kernel: one descriptor of /dev/fuse and one thread each (FUSE_DEV_IOC_CLONE), so
 * that nobody waits for another's answer. libfuse takes requests apart and answers them; what its
 * version lacks of the protocol (<linux/fuse.h>) is spoken here:
 *	INIT		HANDLE_KILLPRIV_V2, or each write(2) asks for security.capability
 *	SETXATTR	some releases around libfuse 3.14.0 cut the name's first 8 characters
 *	TMPFILE		since Linux 6.2
 *	STATX		birth times, since Linux 6.6
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;
struct fuse_req;
struct node;
struct overlay;

struct channels_args {
	struct overlay *ov;
	const int *fds; /* of /dev/fuse, mounted and cloned */
	size_t count;
	/* Called when the kernel has been answered its first request, before threads start. */
	int (*ready)(void *ctx, struct err *err);
	void *ctx;
};

/* Serves until the file system is unmounted everywhere. 0 or a negative errno with err set. */
int channels_run(const struct channels_args *args, struct err *err);

/* A further channel to the mount of fd; a negative errno. */
int channel_clone(int fd);

/* What a SETXATTR request asks for; points into its body. */
struct setxattr {
	const char *key;
	const char *value;
	size_t size;
	int flags;
};
/* Takes a SETXATTR request's body apart; -EINVAL. Here for the fuzzer. */
int channel_parse_setxattr(const char *body, size_t size, struct setxattr *ret);

/* ---- For operations, in a channel's thread ---- */

/* Memory for an answer of that size, good until the next request; NULL: too much. */
char *channel_buffer(size_t size);
/*
 * Answers the request that is being served with size bytes of the file fd from offset on, by
 * splice(2): the kernel takes them from the file's own pages, with one copy less. False: nothing
 * was answered, read(2) is needed (small answers, shorter files, no pipe to be had).
 */
bool channel_reply_pages(struct fuse_req *req, int fd, off_t offset, size_t size);
/* This request's caller must lose set-id bits and capabilities of the file it changes. */
bool channel_kills_ids(void);
/* The kernel shall ask for a node's attributes again. 0 or a negative errno. */
int channel_forget_attributes(uint64_t ino);
/* The kernel writes back later. */
bool channel_has_writeback(void);
/*
 * Answers lseek(2) for data and holes once the kernel has written back what it holds of the file:
 * by a thread of its own, since that needs requests served meanwhile.
 */
void channel_seek_later(struct fuse_req *req, struct node *node, off_t offset, int whence);
