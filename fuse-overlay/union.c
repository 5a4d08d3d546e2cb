/* SPDX-License-Identifier: Apache-2.0 */
/* Lookups through the layers: see union.h. Runs in bryo-overlay, in every thread. */
#include "fuse-overlay/union.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/fd.h"
#include "fuse-overlay/overlay.h"
#include "fuse-overlay/override.h"
#include "fuse-overlay/redirect.h"

void found_done(struct found *found)
{
	for (unsigned i = 0; found->folder && i < found->folder->part_count; i++)
		free(found->folder->parts[i].path);
	free(found->folder);
	found->folder = NULL;
}

/* Adds a part behind those that are there; path: where a redirect has it, or "". There is always
 * room for an upper part in front. */
static int add_part(struct node_folder **folder, unsigned layer, const char *path,
		    enum part_whiteouts whiteouts)
{
	unsigned count = *folder ? (*folder)->part_count : 0;
	struct node_folder *bigger = *folder;
	char *copy = NULL;

	/* Sizes 1, 2, 4, ... parts and the upper one: grown when a power of two is reached. */
	if ((count & (count - 1)) == 0) {
		size_t room = (count ? 2 * (size_t)count : 1) + 1;

		bigger = realloc(*folder, sizeof(**folder) + room * sizeof(struct node_part));
		if (!bigger)
			return -ENOMEM;
		*folder = bigger;
	}
	if (count == 0)
		*bigger = (struct node_folder){ 0 };
	if (*path) {
		copy = strdup(path);
		if (!copy)
			return -ENOMEM;
	}
	bigger->parts[count] = (struct node_part){ .layer = (uint16_t)layer,
						   .whiteouts = (uint8_t)whiteouts,
						   .path = copy };
	bigger->part_count++;
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

/* ---- Asking layers ---- */

/* One layer's answer about a name in one of its folders. */
enum answer {
	ANSWER_NOTHING, /* look further down */
	ANSWER_HIDDEN,	/* and so are all below */
	ANSWER_FILE,
	ANSWER_FOLDER,
	ANSWER_MOVED_FOLDER, /* those below have it elsewhere: it bears a redirect */
	ANSWER_LAST_FOLDER,  /* an opaque one */
};

/* A name on its way down the layers. */
struct search {
	struct overlay *ov;
	struct node *parent; /* whose parts are asked; the root, once a redirect is a path */
	unsigned part;	     /* the one that is asked */
	unsigned seen;	     /* parts whose ".wh.NAME" were looked for */
	const char *name;
	char *path;	/* where redirects lead: a name in parent, or a path from a layer's root
			 * beginning with "/"; "" without any. Of PATH_MAX bytes */
	bool is_marked; /* what was asked last is a regular file, and stands for another */
	enum part_whiteouts whiteouts; /* or a folder, in which these are */
	struct found *found;
};

static unsigned layer_of(const struct search *s)
{
	return s->parent->folder->parts[s->part].layer;
}

/* What the layer remembers of it over what it is. */
static int look_over(struct search *s, int dir_fd, const char *name, struct stat *st)
{
	const struct spot spot = { dir_fd, name };
	const bool was_regular = S_ISREG(st->st_mode);
	int r = override_read(s->ov, layer_of(s), &spot, st);

	s->is_marked = was_regular && !S_ISREG(st->st_mode);
	return r;
}

static int is_whiteout(const struct search *s, int dir_fd, const char *name, const struct stat *st)
{
	/* On a path the folder is another. */
	struct node_part *part = *s->path == '/' ? NULL : &s->parent->folder->parts[s->part];

	return whiteout_is(s->ov, part, dir_fd, name, st);
}

static int ask(struct search *s, int dir_fd, const char *name, bool is_last, struct stat *ret_st)
{
	int marks = 0;
	int r = 0;

	if (fstatat(dir_fd, name, ret_st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? ANSWER_NOTHING : -errno;
	r = is_whiteout(s, dir_fd, name, ret_st);
	if (r != 0)
		return r < 0 ? r : ANSWER_HIDDEN;
	r = look_over(s, dir_fd, name, ret_st);
	if (r < 0)
		return r;
	if (!S_ISDIR(ret_st->st_mode))
		return ANSWER_FILE;
	/* Below the last there is nothing to hide. */
	marks = is_last ? FOLDER_OPAQUE : folder_marks(s->ov, dir_fd, name);
	if (marks < 0)
		return marks;
	s->whiteouts = is_last			  ? WHITEOUTS_UNKNOWN
		       : marks & FOLDER_WHITEOUTS ? WHITEOUTS_SOME
						  : WHITEOUTS_NONE;
	if (marks & FOLDER_OPAQUE)
		return ANSWER_LAST_FOLDER;
	if (!(marks & FOLDER_REDIRECT))
		return ANSWER_FOLDER;
	/* Not to be followed, so nobody can say what is in it: as the kernel has it. */
	return overlay_follows(s->ov) ? ANSWER_MOVED_FOLDER : -EPERM;
}

/*
 * One folder further on a path: *dir is then the one that was found, and below goes on to where the
 * next layers have it.
 */
static int ask_step(struct search *s, int *dir_fd, const char *name, bool is_last,
		    struct stat *ret_st, char below[PATH_MAX])
{
	char redirect[PATH_MAX];
	int answer = ask(s, *dir_fd, name, is_last, ret_st);
	int fd = -1;
	int r = 0;

	if (answer == ANSWER_NOTHING || answer == ANSWER_FOLDER) {
		r = whiteout_file(*dir_fd, name);
		if (r < 0)
			return r;
		/* This layer shows its own; a redirect leads past what the mark hides. */
		if (r)
			answer = answer == ANSWER_FOLDER ? ANSWER_LAST_FOLDER : ANSWER_HIDDEN;
		r = 0;
	}
	if (answer < ANSWER_FOLDER)
		return answer;
	if (answer == ANSWER_MOVED_FOLDER)
		r = redirect_read(s->ov, *dir_fd, name, redirect);
	if (r == 0)
		r = redirect_append(below, answer == ANSWER_MOVED_FOLDER ? redirect : name);
	if (r < 0)
		return r;
	if (answer == ANSWER_MOVED_FOLDER && *redirect != '/')
		answer = ANSWER_FOLDER;
	fd = openat(*dir_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	fd_close(dir_fd);
	*dir_fd = fd;
	return answer;
}

/*
 * Asks a layer about s->path, from its root: what hides or redirects a folder on the way counts as
 * well. below: the path in the next layers.
 */
static int ask_path(struct search *s, unsigned layer, bool is_last, struct stat *ret_st,
		    char below[PATH_MAX])
{
	char path[PATH_MAX];
	auto_close int dir_fd = openat(s->ov->layers[layer].fd, ".", O_PATH | O_CLOEXEC);
	char *rest = NULL;
	bool is_hidden = false; /* below, by an opaque folder */
	int answer = dir_fd < 0 ? -errno : ANSWER_FOLDER;

	(void)strcpy(path, s->path); /* both of PATH_MAX */
	for (char *name = strtok_r(path, "/", &rest); answer >= 0 && name;
	     name = strtok_r(NULL, "/", &rest)) {
		if (answer == ANSWER_FILE) /* and names below it */
			answer = ANSWER_HIDDEN;
		if (answer >= ANSWER_FOLDER) {
			answer = ask_step(s, &dir_fd, name, is_last, ret_st, below);
			if (answer == ANSWER_LAST_FOLDER)
				is_hidden = true;
			else if (answer == ANSWER_MOVED_FOLDER)
				is_hidden = false; /* a path does not come by there */
			if (answer < 0 || answer >= ANSWER_FOLDER)
				continue;
		}
		if (redirect_append(below, name) < 0)
			answer = -ENAMETOOLONG;
	}
	if (answer >= ANSWER_FOLDER)
		return is_hidden ? ANSWER_LAST_FOLDER : ANSWER_FOLDER;
	return answer == ANSWER_NOTHING && is_hidden ? ANSWER_HIDDEN : answer;
}

/* True where one of the layers above the part hides the name by a file: ".wh.NAME". Asked only when
 * there is something to hide. */
static int is_marked_above(const struct search *s)
{
	for (unsigned i = s->seen; i < s->part; i++) {
		struct handle *dir = NULL;
		int r = handle_folder_locked(s->ov, s->parent, s->parent->folder->parts[i].layer,
					     &dir);

		if (r < 0)
			return r;
		r = whiteout_file(dir->fd, s->name);
		handle_put(s->ov, dir);
		if (r != 0)
			return r;
	}
	return 0;
}

/* Asks about the name in the parent's part. below: where the next layers have it, if elsewhere. */
static int ask_name(struct search *s, int dir_fd, bool is_last, struct stat *ret_st,
		    char below[PATH_MAX])
{
	int answer = ask(s, dir_fd, s->name, is_last, ret_st);
	int r = 0;

	if (answer > ANSWER_HIDDEN && s->part > s->seen) {
		r = is_marked_above(s);
		s->seen = s->part;
		if (r != 0)
			return r < 0 ? r : ANSWER_HIDDEN;
	}
	if (answer == ANSWER_MOVED_FOLDER) {
		r = redirect_read(s->ov, dir_fd, s->name, below);
		s->seen = s->part + 1; /* it leads past what a mark beside it hides */
	}
	return r < 0 ? r : answer;
}

/* ---- Following them down ---- */

/* What one part adds to what was found. 0: look further down, 1: done. */
static int take_answer(const struct search *s, int answer, const struct stat *st, int dir_fd,
		       const char *below)
{
	struct found *found = s->found;
	const unsigned layer = layer_of(s);
	const char *path = layer == UPPER ? below : s->path;
	bool is_first = !found->folder;
	int r = 0;

	if (answer == ANSWER_HIDDEN || (answer == ANSWER_FILE && !is_first))
		return 1;
	if (answer != ANSWER_FILE) {
		r = add_part(&found->folder, layer, path, s->whiteouts);
		if (r < 0)
			return r;
	}
	if (is_first) {
		found->st = *st;
		found->layer = layer;
		found->is_marked = s->is_marked;
		found->ino = layer == UPPER ? union_upper_number(s->ov, dir_fd, s->name, st)
					    : layer_number(s->ov, layer, st->st_ino);
	} else if (found->folder->part_count == 2 && found->layer == UPPER) {
		/* A folder's number is that of its highest lower part: it stays at copy-up. */
		found->ino = layer_number(s->ov, layer, st->st_ino);
	}
	return answer == ANSWER_FOLDER || answer == ANSWER_MOVED_FOLDER ? 0 : 1;
}

/* The layers below are asked about what a redirect said. */
static void turn(struct search *s, const char *below)
{
	const unsigned layer = layer_of(s);

	(void)strcpy(s->path, below); /* both of PATH_MAX */
	s->name = s->path;
	if (*below != '/' || s->parent == s->ov->nodes.root)
		return;
	s->parent = s->ov->nodes.root;
	s->part = 0;
	while (s->parent->folder->parts[s->part].layer < layer)
		s->part++;
}

/* 0: look further down, 1: done. */
static int ask_part(struct search *s)
{
	const struct node_folder *folder = s->parent->folder;
	/* A redirect may lead to layers that have no part of the parent. */
	const struct node_folder *all = overlay_follows(s->ov) ? s->ov->nodes.root->folder : folder;
	const unsigned layer = folder->parts[s->part].layer;
	const bool is_last = layer == all->parts[all->part_count - 1].layer;
	char below[PATH_MAX];
	struct handle *dir = NULL;
	struct stat st;
	int r = handle_folder_locked(s->ov, s->parent, layer, &dir);

	if (r < 0)
		return r;
	below[0] = '\0';
	r = *s->path == '/' ? ask_path(s, layer, is_last, &st, below)
			    : ask_name(s, dir->fd, is_last, &st, below);
	if (r > ANSWER_NOTHING)
		r = take_answer(s, r, &st, dir->fd, below);
	handle_put(s->ov, dir);
	if (r == 0 && *below)
		turn(s, below);
	return r;
}

/* Parts number from and further. The tree is held. */
static int find_from(struct overlay *ov, struct node *parent, unsigned from, const char *name,
		     struct found *found)
{
	char path[PATH_MAX];
	struct search s = { .ov = ov,
			    .parent = parent,
			    .part = from,
			    .seen = from,
			    .name = name,
			    .path = path,
			    .found = found };
	int r = 0;

	path[0] = '\0';
	for (; r == 0 && s.part < s.parent->folder->part_count; s.part++)
		r = ask_part(&s);
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
