/* SPDX-License-Identifier: Apache-2.0 */
/* Redirects of folders: see redirect.h. Runs in bryo-overlay, in every thread. */
#include "fuse-overlay/redirect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuse-overlay/fuse-overlay.h"
#include "fuse-overlay/overlay.h"

/* ---- Reading ---- */

int redirect_read(const struct overlay *ov, int dir_fd, const char *name, char value[PATH_MAX])
{
	ssize_t n = xattr_get(dir_fd, name, XATTR_REDIRECT, value, PATH_MAX - 1);

	if (n == -ENODATA && ov->has_trusted)
		n = xattr_get(dir_fd, name, XATTR_TRUSTED_REDIRECT, value, PATH_MAX - 1);
	if (n < 0)
		return n == -ERANGE ? -EINVAL : (int)n;
	value[n] = '\0';
	return fuse_overlay_redirect_is_valid(value, (size_t)n) ? 0 : -EINVAL;
}

int redirect_append(char path[PATH_MAX], const char *value)
{
	const bool is_whole = *value == '/';
	size_t at = is_whole ? 0 : strlen(path);
	size_t size = strlen(value) + 1;

	if (at + !is_whole + size > PATH_MAX)
		return -ENAMETOOLONG;
	if (!is_whole)
		path[at++] = '/';
	memcpy(path + at, value, size);
	return 0;
}

/* ---- Making ---- */

/* Whether a name says it, or the whole path is needed. */
static int place_of(const struct overlay *ov, const struct node *node, unsigned layer, bool stays,
		    char path[PATH_MAX])
{
	if (!stays)
		return node_path(ov, node, layer, path);
	(void)strcpy(path, node->names->text); /* a name: it fits */
	return 0;
}

static bool is_said(const char *path, bool stays)
{
	return path && (stays || *path == '/');
}

static int say(struct node_part *part, const char *path)
{
	char *copy = strdup(path);

	if (!copy)
		return -ENOMEM;
	free(part->path);
	part->path = copy;
	return 0;
}

/* The kernel's overlay does not follow redirects with "userxattr": it shall not be mounted here. */
static int mark(const struct overlay *ov)
{
	return mknodat(ov->mark_fd, FUSE_OVERLAY_MARK, S_IFREG | 0600, 0) < 0 && errno != EEXIST
		       ? -errno
		       : 0;
}

int redirect_set(struct overlay *ov, struct node *node, int dir_fd, bool stays)
{
	struct node_folder *folder = node->folder;
	char path[PATH_MAX];
	int r = 0;

	for (unsigned i = 1; r == 0 && i < folder->part_count; i++) {
		if (is_said(folder->parts[i].path, stays))
			continue;
		r = place_of(ov, node, folder->parts[i].layer, stays, path);
		if (r == 0)
			r = say(&folder->parts[i], path);
	}
	if (r == 0 && !is_said(folder->parts[0].path, stays)) {
		r = place_of(ov, node, UPPER, stays, path);
		if (r == 0)
			r = mark(ov);
		if (r == 0)
			r = xattr_set(dir_fd, node->names->text, XATTR_REDIRECT, path, strlen(path),
				      0);
		if (r == 0)
			r = say(&folder->parts[0], path);
	}
	return r < 0 && r != -ENOMEM ? -EXDEV : r;
}
