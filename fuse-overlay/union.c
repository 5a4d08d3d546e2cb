/* SPDX-License-Identifier: Apache-2.0 */
/* Lookups through the layers: see union.h. Runs in bryo-overlay, in every thread. */
#include "fuse-overlay/union.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "fuse-overlay/overlay.h"
#include "fuse-overlay/override.h"

void found_done(struct found *found)
{
	for (unsigned i = 0; found->folder && i < found->folder->part_count; i++)
		free(found->folder->parts[i].path);
	free(found->folder);
	found->folder = NULL;
}

/* Adds a part behind those that are there. There is always room for an upper part in front. */
static int add_part(struct node_folder **folder, unsigned layer)
{
	unsigned count = *folder ? (*folder)->part_count : 0;
	struct node_folder *bigger = *folder;

	/* Sizes 1, 2, 4, ... parts and the upper one: grown when a power of two is reached. */
	if ((count & (count - 1)) == 0) {
		size_t room = (count ? 2 * (size_t)count : 1) + 1;

		bigger = realloc(*folder, sizeof(**folder) + room * sizeof(struct node_part));
		if (!bigger)
			return -ENOMEM;
	}
	if (count == 0)
		*bigger = (struct node_folder){ 0 };
	bigger->parts[count] = (struct node_part){ .layer = (uint16_t)layer };
	bigger->part_count++;
	*folder = bigger;
	return 0;
}

uint64_t union_upper_number(struct overlay *ov, int dir_fd, const char *name, const struct stat *st)
{
	uint64_t kept = 0;

	if (S_ISREG(st->st_mode) && ov->has_numbers &&
	    xattr_get(dir_fd, name, XATTR_NUMBER, &kept, sizeof(kept)) == sizeof(kept) && kept)
		return kept;
	return layer_number(ov, UPPER, st->st_ino);
}

/* One layer's answer about a name in one of its folders. */
enum answer {
	ANSWER_NOTHING, /* look further down */
	ANSWER_HIDDEN,	/* and so are all below */
	ANSWER_FILE,
	ANSWER_FOLDER,
	ANSWER_LAST_FOLDER, /* an opaque one */
};

static int ask(struct overlay *ov, unsigned layer, int dir_fd, const char *name, bool is_last,
	       struct stat *ret_st, bool *ret_marked)
{
	const struct spot spot = { dir_fd, name };
	int r = 0;

	*ret_marked = false;
	if (fstatat(dir_fd, name, ret_st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? ANSWER_NOTHING : -errno;
	if (whiteout_device(ret_st))
		return ANSWER_HIDDEN;
	if (ov->layers[layer].override_key) {
		bool was_regular = S_ISREG(ret_st->st_mode);

		r = override_read(ov, layer, &spot, ret_st);
		if (r < 0)
			return r;
		*ret_marked = was_regular && !S_ISREG(ret_st->st_mode);
	}
	if (!S_ISDIR(ret_st->st_mode))
		return ANSWER_FILE;
	/* Below the last there is nothing to hide. */
	r = is_last ? 1 : opaque_folder(ov, dir_fd, name);
	return r < 0 ? r : r ? ANSWER_LAST_FOLDER : ANSWER_FOLDER;
}

/* True where one of the layers above part number end hides name by a file: ".wh.NAME". Asked only
 * when there is something to hide. */
static int is_marked_above(struct overlay *ov, struct node *parent, unsigned from, unsigned end,
			   const char *name)
{
	for (unsigned i = from; i < end; i++) {
		struct handle *dir = NULL;
		int r = handle_folder_locked(ov, parent, parent->folder->parts[i].layer, &dir);

		if (r < 0)
			return r;
		r = whiteout_file(dir->fd, name);
		handle_put(ov, dir);
		if (r != 0)
			return r;
	}
	return 0;
}

/* What one part adds to what was found. 0: look further down, 1: done. */
static int take_answer(struct overlay *ov, struct found *found, int answer, unsigned layer,
		       const struct stat *st, int dir_fd, const char *name)
{
	bool is_first = !found->folder;
	int r = 0;

	if (answer == ANSWER_HIDDEN || (answer == ANSWER_FILE && !is_first))
		return 1;
	if (answer != ANSWER_FILE) {
		r = add_part(&found->folder, layer);
		if (r < 0)
			return r;
	}
	if (is_first) {
		found->st = *st;
		found->layer = layer;
		found->ino = layer == UPPER ? union_upper_number(ov, dir_fd, name, st)
					    : layer_number(ov, layer, st->st_ino);
	} else if (found->folder->part_count == 2 && found->layer == UPPER) {
		/* A folder's number is that of its highest lower part: it stays at copy-up. */
		found->ino = layer_number(ov, layer, st->st_ino);
	}
	return answer == ANSWER_FOLDER ? 0 : 1;
}

/* Parts number from and further. The tree is held. */
static int find_from(struct overlay *ov, struct node *parent, unsigned from, const char *name,
		     struct found *found)
{
	const struct node_folder *folder = parent->folder;
	unsigned seen = from; /* parts whose ".wh.NAME" were looked for */
	int r = 0;

	for (unsigned i = from; r == 0 && i < folder->part_count; i++) {
		struct handle *dir = NULL;
		bool is_marked = false;
		struct stat st;
		int answer = handle_folder_locked(ov, parent, folder->parts[i].layer, &dir);

		if (answer < 0)
			return answer;
		answer = ask(ov, folder->parts[i].layer, dir->fd, name, i + 1 == folder->part_count,
			     &st, &is_marked);
		if (answer > ANSWER_HIDDEN && i > seen) {
			int hidden = is_marked_above(ov, parent, seen, i, name);

			seen = i;
			answer = hidden < 0 ? hidden : hidden ? ANSWER_HIDDEN : answer;
		}
		r = answer <= 0 ? answer
				: take_answer(ov, found, answer, folder->parts[i].layer, &st,
					      dir->fd, name);
		if (answer == ANSWER_FILE && r >= 0 && !found->folder)
			found->is_marked = is_marked;
		handle_put(ov, dir);
	}
	if (r < 0)
		return r;
	return found->st.st_mode ? 0 : -ENOENT;
}

/*
 * Attributes of users are refused on symlinks, fifos and the like, so their numbers cannot be kept
 * with the copy. A lower one of that name and type is what it was copied from, or was replaced.
 */
static int find_number(struct overlay *ov, struct node *parent, const char *name,
		       struct found *found)
{
	struct found below = { 0 };
	int r = 0;

	if (found->layer != UPPER || S_ISREG(found->st.st_mode) || S_ISDIR(found->st.st_mode) ||
	    !node_is_merged(parent))
		return 0;
	r = find_from(ov, parent, 1, name, &below);
	if (r == 0 && ((below.st.st_mode ^ found->st.st_mode) & S_IFMT) == 0)
		found->ino = below.ino;
	found_done(&below);
	return r == -ENOENT ? 0 : r;
}

int union_find(struct overlay *ov, struct node *parent, const char *name, struct found *ret_found)
{
	struct found found = { .copies = ov->copies };
	int r = -ENOENT;

	if (!parent->folder)
		return -ENOTDIR;
	if (whiteout_name(name))
		return -ENOENT;
	pthread_rwlock_rdlock(&ov->tree);
	r = find_from(ov, parent, 0, name, &found);
	if (r == 0)
		r = find_number(ov, parent, name, &found);
	pthread_rwlock_unlock(&ov->tree);
	if (r < 0)
		found_done(&found);
	else
		*ret_found = found;
	return r;
}

int union_find_below(struct overlay *ov, struct node *parent, const char *name, struct stat *ret_st,
		     unsigned *ret_layer)
{
	struct found found = { 0 };
	int r = 0;

	pthread_rwlock_rdlock(&ov->tree);
	if (node_is_merged(parent)) {
		unsigned from = parent->folder->parts[0].layer == UPPER ? 1 : 0;

		r = find_from(ov, parent, from, name, &found);
		r = r == -ENOENT ? 0 : r < 0 ? r : 1;
	}
	pthread_rwlock_unlock(&ov->tree);
	if (r == 1) {
		if (ret_st)
			*ret_st = found.st;
		if (ret_layer)
			*ret_layer = found.layer;
	}
	found_done(&found);
	return r;
}

int union_below(struct overlay *ov, struct node *parent, const char *name)
{
	return union_find_below(ov, parent, name, NULL, NULL);
}
