/* SPDX-License-Identifier: Apache-2.0 */
/* An overlay's beginning and end: see overlay.h. Runs in bryo-overlay, before and after its
 * threads. */
#include "fuse-overlay/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "fuse-overlay/fuse-overlay.h"
#include "fuse-overlay/links.h"
#include "fuse-overlay/listing.h"
#include "fuse-overlay/union.h"
#include "fuse-overlay/whiteout.h"

enum { HANDLES_IDLE = 512 };

/* The kernel's overlay keeps half made files in "work" of the work folder, and clears it when it
 * mounts. So do we, in the same place: either may come after the other. */
static int open_work(struct overlay *ov, struct err *err)
{
	auto_close int fd = open(ov->options.work, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	int r = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, -errno, "cannot open the work folder %s", ov->options.work);
	if (st.st_dev != ov->layers[UPPER].device)
		return err_say(err, ERR_USAGE,
			       "the work folder %s is on another file system than the upper one",
			       ov->options.work);
	r = file_remove_tree(fd, "work");
	if (r < 0 || mkdirat(fd, "work", 0700) < 0)
		return err_set(err, r < 0 ? r : -errno, "cannot clear the work folder %s",
			       ov->options.work);
	ov->work_fd = openat(fd, "work", O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (ov->work_fd < 0)
		return err_set(err, -errno, "cannot open the work folder %s", ov->options.work);
	ov->proc_fd = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC); /* or -1 */
	whiteout_init(ov);
	if (!ov->has_devices) /* what is deleted from now on the kernel's overlay would show */
		r = mknodat(fd, FUSE_OVERLAY_MARK, S_IFREG | 0600, 0) < 0 && errno != EEXIST
			    ? -errno
			    : 0;
	return r < 0 ? err_set(err, r, "cannot mark the work folder %s", ov->options.work) : 0;
}

/* All layers' roots, but what an opaque one hides. */
static int make_root(struct overlay *ov)
{
	struct found found = { 0 };
	unsigned first = overlay_writable(ov) ? UPPER : 1;
	int r = 0;

	found.folder =
		xcalloc(1, sizeof(*found.folder) + ov->layer_count * sizeof(struct node_part));
	for (unsigned i = first; r == 0 && i < ov->layer_count; i++) {
		found.folder->parts[found.folder->part_count++].layer = (uint16_t)i;
		r = opaque_folder(ov, ov->layers[i].fd, ".");
	}
	if (r >= 0)
		r = fstat(ov->layers[first].fd, &found.st) < 0 ? -errno : 0;
	if (r < 0) {
		found_done(&found);
		return r;
	}
	found.layer = first;
	found.ino = layer_number(ov, first, found.st.st_ino);
	r = node_intern(ov, NULL, "", &found, &ov->nodes.root);
	found_done(&found);
	return r;
}

/* trusted.* attributes are for root of the first user namespace, which maps all ids. */
static bool is_real_root(void)
{
	auto_free char *map = NULL;
	unsigned long long count = 0;

	return geteuid() == 0 &&
	       file_read_at(AT_FDCWD, "/proc/self/uid_map", 4096, &map, NULL) == 0 &&
	       sscanf(map, " 0 0 %llu", &count) == 1 && count == UINT32_MAX;
}

int overlay_open(struct overlay *ov, struct err *err)
{
	int r = layers_open(ov, err);

	ov->has_trusted = is_real_root();
	if (r == 0 && ov->options.upper)
		r = open_work(ov, err);
	if (r < 0)
		return r;
	ov->has_numbers = true;
	r = nodes_init(&ov->nodes);
	if (r == 0)
		r = handles_init(&ov->handles, HANDLES_IDLE);
	if (r == 0)
		r = listings_init(ov);
	for (int i = 0; r == 0 && i < COPY_LOCKS; i++)
		r = -pthread_mutex_init(&ov->copy_locks[i], NULL);
	if (r == 0)
		r = -pthread_mutex_init(&ov->links_lock, NULL);
	if (r == 0)
		r = -pthread_rwlock_init(&ov->tree, NULL);
	if (r == 0)
		r = make_root(ov);
	return r < 0 ? err_set(err, r, "cannot begin") : 0;
}

void overlay_done(struct overlay *ov)
{
	if (ov->handles.buckets)
		handles_done(ov);
	if (ov->nodes.buckets)
		nodes_done(ov);
	listings_done(ov);
	links_done(ov);
	layers_close(ov);
	fd_close(&ov->work_fd);
	fd_close(&ov->proc_fd);
	options_done(&ov->options);
}
