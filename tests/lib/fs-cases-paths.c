/* SPDX-License-Identifier: Apache-2.0 */
/* fs-cases: what every call that takes a path says of bad paths: a table of calls by one of
 * problems. */
#include "tests/lib/fs-cases.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- Calls ---- */

enum {
	MAKES = 1,   /* the name must not be there */
	REMOVES = 2, /* it is not there afterwards */
	FOLDER = 4,  /* it must be a folder */
	FOLLOWS = 8, /* a symlink stands for its target */
	READS = 16,  /* works on a read-only file system */
	OF_TWO = 32, /* the other path is elsewhere, which counts before read-only does */
	LISTED = 64, /* makes or removes a name in the folder */
	MOVES = 128, /* moves a folder */
};

struct path_call {
	const char *family;
	const char *name;
	long (*call)(const char *path);
	int flags;
	const char *start; /* what it needs besides */
};

static long closed(int fd)
{
	return fd < 0 ? fd : close(fd);
}

static long call_chmod(const char *path)
{
	return chmod(path, 0600);
}

static long call_chmod_nofollow(const char *path)
{
	return fchmodat(AT_FDCWD, path, 0600, AT_SYMLINK_NOFOLLOW);
}

static long call_chown(const char *path)
{
	return chown(path, (uid_t)-1, id_of('g'));
}

static long call_lchown(const char *path)
{
	return lchown(path, (uid_t)-1, id_of('g'));
}

static long call_utimensat(const char *path)
{
	return utimensat(AT_FDCWD, path, NULL, 0);
}

static long call_utimensat_nofollow(const char *path)
{
	return utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW);
}

static long call_open(const char *path)
{
	return closed(open(path, O_RDONLY | O_CLOEXEC));
}

static long call_open_folder(const char *path)
{
	return closed(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static long call_open_write(const char *path)
{
	return closed(open(path, O_WRONLY | O_CLOEXEC));
}

static long call_open_trunc(const char *path)
{
	return closed(open(path, O_RDWR | O_TRUNC | O_CLOEXEC));
}

static long call_create(const char *path)
{
	return closed(open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
}

static long call_tmpfile(const char *path)
{
	return closed(open(path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0644));
}

static long call_truncate(const char *path)
{
	return truncate(path, 2);
}

static long call_mkdir(const char *path)
{
	return mkdir(path, 0755);
}

static long call_mkfifo(const char *path)
{
	return mkfifo(path, 0644);
}

static long call_mknod_fifo(const char *path)
{
	return mknod(path, S_IFIFO | 0644, 0);
}

static long call_mknod_socket(const char *path)
{
	return mknod(path, S_IFSOCK | 0644, 0);
}

static long call_mknod_file(const char *path)
{
	return mknod(path, S_IFREG | 0644, 0);
}

static long call_symlink(const char *path)
{
	return symlink("target", path);
}

static long call_link_old(const char *path)
{
	return link(path, "result");
}

static long call_link_new(const char *path)
{
	return link("other", path);
}

static long call_rename_old(const char *path)
{
	return rename(path, "result");
}

static long call_rename_folder(const char *path)
{
	return rename(path, "result/sub");
}

static long call_rename_new(const char *path)
{
	return rename("other", path);
}

static long call_rmdir(const char *path)
{
	return rmdir(path);
}

static long call_unlink(const char *path)
{
	return unlink(path);
}

static const struct path_call calls[] = {
	{ "chmod", "chmod", call_chmod, FOLLOWS },
	{ "chmod", "fchmodat nofollow", call_chmod_nofollow, 0 },
	{ "chown", "chown", call_chown, FOLLOWS },
	{ "chown", "lchown", call_lchown, 0 },
	{ "utimensat", "utimensat", call_utimensat, FOLLOWS },
	{ "utimensat", "utimensat nofollow", call_utimensat_nofollow, 0 },
	{ "open", "open to read", call_open, FOLLOWS | READS },
	{ "open", "open a folder", call_open_folder, FOLLOWS | READS | FOLDER },
	{ "open", "open to write", call_open_write, FOLLOWS },
	{ "open", "open with O_TRUNC", call_open_trunc, FOLLOWS },
	{ "open", "open with O_CREAT", call_create, MAKES | LISTED },
	{ "open", "open with O_TMPFILE", call_tmpfile, FOLDER | FOLLOWS },
	{ "truncate", "truncate", call_truncate, FOLLOWS },
	{ "mkdir", "mkdir", call_mkdir, MAKES | LISTED },
	{ "mkfifo", "mkfifo", call_mkfifo, MAKES | LISTED },
	{ "mknod", "mknod of a fifo", call_mknod_fifo, MAKES | LISTED },
	{ "mknod", "mknod of a socket", call_mknod_socket, MAKES | LISTED },
	{ "mknod", "mknod of a file", call_mknod_file, MAKES | LISTED },
	{ "symlink", "symlink", call_symlink, MAKES | LISTED },
	{ "link", "link, old name", call_link_old, OF_TWO },
	{ "link", "link, new name", call_link_new, MAKES | LISTED | OF_TWO, "other@a" },
	{ "rename", "rename, old name", call_rename_old, REMOVES | LISTED | OF_TWO },
	{ "rename", "rename, new name", call_rename_new, MAKES | LISTED | OF_TWO, "other@a" },
	{ "rename", "rename of a folder", call_rename_folder,
	  REMOVES | FOLDER | LISTED | OF_TWO | MOVES, "result/:777" },
	{ "rmdir", "rmdir", call_rmdir, REMOVES | FOLDER | LISTED },
	{ "unlink", "unlink", call_unlink, REMOVES | LISTED },
};

/* ---- Problems ---- */

struct path_problem {
	const char *name;
	const char *folder; /* what the start needs, before the name "x" in it; or NULL: as it is */
	const char *start;
	const char *path; /* NULL: from make */
	const char *(*make)(void);
	int error;
	char user;
	int only; /* for calls with one of these flags */
	int not ; /* for calls with none of these */
};

static const char *no_pointer(void)
{
	return (const char *)1;
}

static const char *longest_path(void)
{
	return path_of_length(PATH_MAX - 1, "x");
}

static const char *too_long_path(void)
{
	return path_of_length(PATH_MAX, "x");
}

static const char *longest_all_through(void)
{
	static char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/x", NAME_255);
	return path;
}

static const char *read_only(void)
{
	mount_read_only("d");
	return "d/x";
}

static const struct path_problem problems[] = {
	{ .name = "a name of 255", .folder = "", .path = NAME_255 },
	{ .name = "a name of 256", .path = NAME_255 "6", .error = ENAMETOOLONG },
	{ .name = "a folder's name of 255",
	  .folder = NAME_255 "/",
	  .start = NAME_255 "/:777",
	  .make = longest_all_through },
	{ .name = "a folder's name of 256", .path = NAME_255 "6/x", .error = ENAMETOOLONG },
	{ .name = "a path of 4095", .folder = "", .make = longest_path },
	{ .name = "a path of 4096", .folder = "", .make = too_long_path, .error = ENAMETOOLONG },
	{ .name = "a path below a file", .start = "f@a", .path = "f/x", .error = ENOTDIR },
	{ .name = "a path below a fifo", .start = "p|", .path = "p/x", .error = ENOTDIR },
	{ .name = "a path below a symlink to a file",
	  .start = "f@a l>f",
	  .path = "l/x",
	  .error = ENOTDIR },
	{ .name = "a path below nothing", .path = "none/x", .error = ENOENT },
	{ .name = "a path below a symlink to nothing",
	  .start = "l>none",
	  .path = "l/x",
	  .error = ENOENT },
	{ .name = "a path through a symlink",
	  .folder = "d/",
	  .start = "d/:777 l>d",
	  .path = "l/x" },
	{ .name = "no such name", .path = "none", .error = ENOENT, .not = MAKES },
	{ .name = "an empty path", .path = "", .error = ENOENT },
	{ .name = "a symlink to nothing",
	  .start = "l>none",
	  .path = "l",
	  .error = ENOENT,
	  .only = FOLLOWS },
	{ .name = "a path below a loop", .start = "l>l2 l2>l", .path = "l/x", .error = ELOOP },
	{ .name = "a loop", .start = "l>l2 l2>l", .path = "l", .error = ELOOP, .only = FOLLOWS },
	{ .name = "a folder that others may not search",
	  .folder = "d/",
	  .start = "d/:766",
	  .path = "d/x",
	  .user = 'a',
	  .error = EACCES },
	{ .name = "a folder that its owner may not search",
	  .folder = "d/",
	  .start = "d/:677@a",
	  .path = "d/x",
	  .user = 'a',
	  .error = EACCES },
	{ .name = "a folder far above that others may not search",
	  .folder = "d/e/",
	  .start = "d/:766 d/e/:777",
	  .path = "d/e/x",
	  .user = 'a',
	  .error = EACCES },
	{ .name = "a folder that may only be searched",
	  .folder = "d/",
	  .start = "d/:771@b",
	  .path = "d/x",
	  .user = 'a',
	  .not = LISTED },
	{ .name = "a folder that others may not write",
	  .folder = "d/",
	  .start = "d/:775",
	  .path = "d/x",
	  .user = 'a',
	  .error = EACCES,
	  .only = LISTED },
	{ .name = "a folder that its owner may not write",
	  .folder = "d/",
	  .start = "d/:577@a",
	  .path = "d/x",
	  .user = 'a',
	  .error = EACCES,
	  .only = LISTED },
	{ .name = "a folder that its group may not write",
	  .folder = "d/",
	  .start = "d/:757@r.g",
	  .path = "d/x",
	  .user = 'a',
	  .error = EACCES,
	  .only = LISTED },
	{ .name = "a folder that its group may write",
	  .folder = "d/",
	  .start = "d/:730@r.g",
	  .path = "d/x",
	  .user = 'a',
	  .only = LISTED },
	{ .name = "what root may not search", .folder = "d/", .start = "d/:0@a", .path = "d/x" },
	{ .name = "a bad pointer", .make = no_pointer, .error = EFAULT },
	{ .name = "a read-only file system",
	  .folder = "d/",
	  .start = "d/:777",
	  .make = read_only,
	  .error = EROFS,
	  .not = READS | OF_TWO },
	{ .name = "reading a read-only file system",
	  .folder = "d/",
	  .start = "d/:777",
	  .make = read_only,
	  .only = READS },
};

static void run_path(const struct fs_case *c)
{
	const struct path_call *call = c->call;
	const struct path_problem *problem = c->problem;
	const char *path = problem->path ? problem->path : problem->make();
	const char *volatile hidden = path; /* from compilers that see through bad pointers */
	struct stat was = AT(".");
	int error = problem->error;
	long r = 0;

	as(problem->user ? problem->user : 'r');
	if (!error && call->flags & MOVES && folders_stay)
		error = EXDEV;
	r = call->call(hidden);
	expect_result(__FILE__, __LINE__, call->name, r, error);
	as('r');
	if (error) {
		if (problem->make != read_only && error != EXDEV)
			TOUCHED(".", was, 0);
	} else if (call->flags & REMOVES) {
		GONE(path);
	} else {
		(void)AT(path);
	}
}

/* The name that is not the tested one; and the tested one, if it must be there. */
static void path_add(const struct path_call *call, const struct path_problem *problem)
{
	/* As long as the program runs: the cases point there. */
	static char starts[2000][600];
	static char names[2000][100];
	static size_t next;
	char *start = starts[next];
	char *name = names[next++];
	const char *leaf = problem->path && *problem->path && !strchr(problem->path, '/') &&
					   problem->folder && !*problem->folder
				   ? problem->path
				   : "x";

	(void)snprintf(name, sizeof(names[0]), "%s: %s", call->name, problem->name);
	(void)snprintf(start, sizeof(starts[0]), "./:777 %s %s", call->start ? call->start : "",
		       problem->start ? problem->start : "");
	if (problem->folder && !(call->flags & MAKES))
		(void)snprintf(start + strlen(start), sizeof(starts[0]) - strlen(start), " %s%s%s",
			       problem->folder, leaf, call->flags & FOLDER ? "/:777@a" : ":666@a");
	cases_add(call->family, &(struct fs_case){ .name = name,
						   .start = start,
						   .run = run_path,
						   .call = call,
						   .problem = problem });
}

void paths_add(void)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		for (size_t k = 0; k < sizeof(problems) / sizeof(problems[0]); k++) {
			const struct path_problem *p = &problems[k];

			if ((!p->only || calls[i].flags & p->only) && !(calls[i].flags & p->not ))
				path_add(&calls[i], p);
		}
	}
}
