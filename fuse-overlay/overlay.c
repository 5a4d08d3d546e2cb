/* SPDX-License-Identifier: Apache-2.0 */
/* An overlay's beginning and end: see overlay.h. Runs in bryo-overlay, before and after its
 * threads. */
#include "fuse-overlay/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "fuse-overlay/fuse-overlay.h"
#include "fuse-overlay/links.h"
#include "fuse-overlay/listing.h"
#include "fuse-overlay/override.h"
#include "fuse-overlay/union.h"
#include "fuse-overlay/usage.h"
#include "fuse-overlay/whiteout.h"

enum { HANDLES_IDLE = 512 };

/* From now on the upper folder remembers owners; it has done so before if its root says so. */
static int remember(struct overlay *ov, struct err *err)
{
	struct layer *upper = &ov->layers[UPPER];
	int r = ov->options.remembers_owners ? override_begin(upper->fd) : 0;

	if (r < 0)
		return err_set(err, r, "cannot keep owners in attributes of %s", ov->options.upper);
	if (upper->override_key && strcmp(upper->override_key, FUSE_OVERLAY_OWNER_XATTR) != 0)
		return err_say(err, ERR_UNSUPPORTED,
			       "%s keeps owners in %s, which can only be read (as a lower folder)",
			       ov->options.upper, upper->override_key);
	if (ov->options.remembers_owners)
		upper->override_key = FUSE_OVERLAY_OWNER_XATTR;
	ov->remembers = upper->override_key != NULL;
	ov->has_overrides |= ov->remembers;
	return 0;
}

static int open_work_folder(const struct overlay *ov, int *ret_fd, struct err *err)
{
	auto_close int fd = open(ov->options.work, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, -errno, "cannot open the work folder %s", ov->options.work);
	if (st.st_dev != ov->layers[UPPER].device)
		return err_say(err, ERR_USAGE,
			       "the work folder %s is on another file system than the upper one",
			       ov->options.work);
	*ret_fd = fd_take(&fd);
	return 0;
}

/* The kernel's overlay keeps half made files in "work" of the work folder, and clears it when it
 * mounts. So do we, in the same place: either may come after the other. */
static int clear_work(struct overlay *ov, int fd, struct err *err)
{
	int r = file_remove_tree(fd, "work");

	if (r < 0 || mkdirat(fd, "work", 0700) < 0)
		return err_set(err, r < 0 ? r : -errno, "cannot clear the work folder %s",
			       ov->options.work);
	ov->work_fd = openat(fd, "work", O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (ov->work_fd < 0)
		return err_set(err, -errno, "cannot open the work folder %s", ov->options.work);
	return 0;
}

static int prepare_work(struct overlay *ov, int fd, struct err *err)
{
	int r = usage_load(ov, fd, err);

	if (r == 0)
		r = clear_work(ov, fd, err);
	if (r < 0)
		return r;
	ov->proc_fd = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC); /* or -1 */
	whiteout_init(ov);
	/* The kernel's overlay would show what is deleted from now on, or other owners. */
	if ((ov->whiteouts != WHITEOUT_DEVICE || ov->options.remembers_owners) &&
	    mknodat(fd, FUSE_OVERLAY_MARK, S_IFREG | 0600, 0) < 0 && errno != EEXIST)
		return err_set(err, -errno, "cannot mark the work folder %s", ov->options.work);
	if (ov->options.redirect == REDIRECT_ON) {
		ov->mark_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		if (ov->mark_fd < 0)
			return err_set(err, -errno, "cannot keep %s open", ov->options.work);
	}
	return remember(ov, err);
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
		struct node_part *part = &found.folder->parts[found.folder->part_count++];

		r = folder_marks(ov, ov->layers[i].fd, ".");
		part->layer = (uint16_t)i;
		part->whiteouts = r >= 0 && r & FOLDER_WHITEOUTS ? WHITEOUTS_SOME : WHITEOUTS_NONE;
		if (r >= 0)
			r &= FOLDER_OPAQUE;
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
	auto_close int work_fd = -1;
	int r = layers_open(ov, err);

	if (r == 0 && ov->options.upper)
		r = open_work_folder(ov, &work_fd, err);
	if (r < 0)
		return r;
	layers_learn_owners(ov);
	ov->has_trusted = is_real_root();
	r = quota_init(ov);
	if (r < 0)
		return err_set(err, r, "cannot begin");
	if (ov->options.upper)
		r = prepare_work(ov, work_fd, err);
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
	fd_close(&ov->mark_fd);
	fd_close(&ov->proc_fd);
	options_done(&ov->options);
}
