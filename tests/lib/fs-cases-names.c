/* SPDX-License-Identifier: Apache-2.0 */
/* fs-cases: names that go or change. rename, rmdir, unlink. */
#include "tests/lib/fs-cases.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * In a sticky folder names go for the owner of the folder or of the file alone; in another for all
 * who may write the folder. The letters own folder and file, a asks. number: what it fails with.
 */
#define STICKY_ROWS(what, kind, run)                                                               \
	{ what ", sticky: both are the own", "e/:777 d/:1777@a d/x" kind "@a", run, 0 },           \
		{ what ", sticky: the folder is the own", "e/:777 d/:1777@a d/x" kind "@b", run,   \
		  0 },                                                                             \
		{ what ", sticky: the folder is the own, the other root's",                        \
		  "e/:777 d/:1777@a d/x" kind, run, 0 },                                           \
		{ what ", sticky: it is the own", "e/:777 d/:1777@b d/x" kind "@a", run, 0 },      \
		{ what ", sticky: it is the own, the folder root's",                               \
		  "e/:777 d/:1777 d/x" kind "@a", run, 0 },                                        \
		{ what ", sticky: both are another's", "e/:777 d/:1777@b d/x" kind "@b", run,      \
		  EPERM },                                                                         \
		{ what ", sticky: both are others'", "e/:777 d/:1777@b d/x" kind "@c", run,        \
		  EPERM },                                                                         \
		{ what ", sticky: both are root's", "e/:777 d/:1777 d/x" kind, run, EPERM },       \
		{ what ", sticky: both are of one's group", "e/:777 d/:1777@b.a d/x" kind "@b.a",  \
		  run, EPERM },                                                                    \
		{ what ", not sticky: both are the own", "e/:777 d/:777@a d/x" kind "@a", run,     \
		  0 },                                                                             \
		{ what ", not sticky: both are another's", "e/:777 d/:777@b d/x" kind "@b", run,   \
		  0 },                                                                             \
	{                                                                                          \
		what ", not sticky: both are root's", "e/:777 d/:777 d/x" kind, run, 0             \
	}

/* ---- unlink ---- */

static void unlink_removes(const struct fs_case *c)
{
	struct stat parent = AT("d");

	(void)c;
	OK(unlink("d/x"));
	GONE("d/x");
	TOUCHED("d", parent, CHANGED | MODIFIED);
	FAILS(ENOENT, unlink("d/x"));
}

static void unlink_leaves_links(const struct fs_case *c)
{
	struct stat was = AT("h");

	(void)c;
	OK(unlink("d/x"));
	IS(AT("h").st_nlink, 1);
	IS(AT("h").st_ino, was.st_ino);
	if (!links_untimed)
		TOUCHED("h", was, CHANGED);
	(void)OPEN("h", O_RDWR | O_NONBLOCK);
}

static void unlink_symlink(const struct fs_case *c)
{
	struct stat was = AT("f");

	(void)c;
	OK(unlink("l"));
	GONE("l");
	TOUCHED("f", was, 0);
	OK(unlink("l2"));
	GONE("l2");
}

static void unlink_folder(const struct fs_case *c)
{
	struct stat was = AT("d");
	struct stat parent = AT(".");

	(void)c;
	FAILS(EISDIR, unlink("d"));
	FAILS(EISDIR, unlink("."));
	FAILS(EISDIR, unlink(".."));
	FAILS(EISDIR, unlink("d/"));
	as('a');
	FAILS(EISDIR, unlink("d"));
	TOUCHED("d", was, 0);
	TOUCHED(".", parent, 0);
}

static void unlink_slash(const struct fs_case *c)
{
	(void)c;
	FAILS(ENOTDIR, unlink("f/"));
	FAILS(ENOENT, unlink("n/"));
	FAILS(ENOTDIR, unlink("l/"));
	(void)AT("f");
}

static void unlink_by(const struct fs_case *c)
{
	struct stat was = AT("d/x");
	struct stat parent = AT("d");

	as('a');
	expect_result(__FILE__, __LINE__, "unlink(d/x)", unlink("d/x"), (int)c->number);
	as('r');
	if (c->number == 0) {
		GONE("d/x");
		return;
	}
	TOUCHED("d/x", was, 0);
	TOUCHED("d", parent, 0);
}

static void unlink_open(const struct fs_case *c)
{
	int fd = OPEN("f", O_RDWR);
	struct stat was = AT("f");
	struct stat st;

	(void)c;
	OK(unlink("f"));
	OK(fstat(fd, &st));
	IS(st.st_nlink, 0);
	IS(st.st_ino, was.st_ino);
	if (!links_untimed)
		IS(st.st_ctim.tv_sec != was.st_ctim.tv_sec ||
			   st.st_ctim.tv_nsec != was.st_ctim.tv_nsec,
		   true);
	IS(write(fd, "other", 5), 5);
	OK(fstat(fd, &st));
	IS(st.st_size, 5);
	OK(fsync(fd));
}

static void unlink_busy(const struct fs_case *c)
{
	(void)c;
	mount_over("g", "f");
	FAILS(EBUSY, unlink("f"));
	OK(unlink("h"));
	(void)AT("f");
}

static void unlink_read_only_file(const struct fs_case *c)
{
	(void)c;
	as('a');
	OK(unlink("x"));
	OK(unlink("y"));
	GONE("x");
	GONE("y");
}

const struct fs_case unlink_cases[] = {
	{ "a file", "d/ d/x", unlink_removes },
	{ "a fifo", "d/ d/x|", unlink_removes },
	{ "a socket", "d/ d/x=", unlink_removes },
	{ "a symlink", "d/ d/x>none", unlink_removes },
	{ "one of a file's links", "d/ d/x h+d/x", unlink_leaves_links },
	{ "one of a fifo's links", "d/ d/x| h+d/x", unlink_leaves_links },
	{ "symlinks are not followed", "f l>f d/ l2>d", unlink_symlink },
	{ "a folder", "./:777 d/:777", unlink_folder },
	{ "a slash after the name", "f l>f", unlink_slash },
	STICKY_ROWS("a file", "", unlink_by),
	STICKY_ROWS("a fifo", "|", unlink_by),
	STICKY_ROWS("a symlink", ">none", unlink_by),
	STICKY_ROWS("a socket", "=", unlink_by),
	{ "a file that is open", "f", unlink_open },
	{ "a mount point", "f g h", unlink_busy },
	{ "another's file without permissions", "./:777 x:0@b y:400", unlink_read_only_file },
	{ 0 },
};

/* ---- rmdir ---- */

static void rmdir_removes(const struct fs_case *c)
{
	struct stat parent = AT("d");

	(void)c;
	OK(rmdir("d/x"));
	GONE("d/x");
	TOUCHED("d", parent, CHANGED | MODIFIED);
	if (!folders_uncounted)
		IS(AT("d").st_nlink, parent.st_nlink - 1);
	FAILS(ENOENT, rmdir("d/x"));
}

static void rmdir_slash(const struct fs_case *c)
{
	(void)c;
	OK(rmdir("d/"));
	GONE("d");
	OK(rmdir("e/sub//"));
	OK(rmdir("./e"));
	GONE("e");
}

static void rmdir_full(const struct fs_case *c)
{
	struct stat was = AT("x");
	struct stat parent = AT(".");

	(void)c;
	FAILS(ENOTEMPTY, rmdir("x"));
	TOUCHED("x", was, 0);
	TOUCHED(".", parent, 0);
	(void)AT("x/y");
}

static void rmdir_emptied(const struct fs_case *c)
{
	(void)c;
	FAILS(ENOTEMPTY, rmdir("x"));
	OK(unlink("x/f"));
	FAILS(ENOTEMPTY, rmdir("x"));
	OK(rmdir("x/d"));
	OK(rename("x/g", "g"));
	OK(rmdir("x"));
	GONE("x");
	OK(mkdir("x", 0755));
	GONE("x/f");
	OK(rmdir("x"));
}

static void rmdir_dots(const struct fs_case *c)
{
	(void)c;
	FAILS(EINVAL, rmdir("."));
	FAILS(EINVAL, rmdir("d/."));
	FAILS(ENOTEMPTY, rmdir(".."));
	FAILS(ENOTEMPTY, rmdir("d/.."));
	(void)AT("d");
}

static void rmdir_no_folder(const struct fs_case *c)
{
	struct stat was = AT("x");

	(void)c;
	FAILS(ENOTDIR, rmdir("x"));
	FAILS(ENOTDIR, rmdir("x/"));
	TOUCHED("x", was, 0);
}

static void rmdir_by(const struct fs_case *c)
{
	struct stat was = AT("d/x");
	struct stat parent = AT("d");

	as('a');
	expect_result(__FILE__, __LINE__, "rmdir(d/x)", rmdir("d/x"), (int)c->number);
	as('r');
	if (c->number == 0) {
		GONE("d/x");
		return;
	}
	TOUCHED("d/x", was, 0);
	TOUCHED("d", parent, 0);
}

static void rmdir_busy(const struct fs_case *c)
{
	(void)c;
	mount_other("d");
	FAILS(EBUSY, rmdir("d"));
	(void)AT("d");
}

static void rmdir_current(const struct fs_case *c)
{
	struct stat st;

	(void)c;
	OK(chdir("d"));
	OK(rmdir("../d"));
	OK(stat(".", &st));
	IS(st.st_nlink, 0);
	FAILS(ENOENT, open("f", O_RDWR | O_CREAT, 0644));
	FAILS(ENOENT, stat("f", &st));
	GONE("../d");
}

const struct fs_case rmdir_cases[] = {
	{ "a folder", "d/ d/x/", rmdir_removes },
	{ "a folder without permissions", "d/ d/x/:0@b", rmdir_removes },
	{ "a slash after the name", "d/ e/ e/sub/", rmdir_slash },
	{ "a folder with a file", "x/ x/y", rmdir_full },
	{ "a folder with a folder", "x/ x/y/", rmdir_full },
	{ "a folder with a fifo", "x/ x/y|", rmdir_full },
	{ "a folder with a socket", "x/ x/y=", rmdir_full },
	{ "a folder with a symlink", "x/ x/y>none", rmdir_full },
	{ "a folder that was emptied", "x/ x/f x/g x/d/", rmdir_emptied },
	{ "dots as names", "d/ d/f", rmdir_dots },
	{ "a file", "x", rmdir_no_folder },
	{ "a fifo", "x|", rmdir_no_folder },
	{ "a socket", "x=", rmdir_no_folder },
	{ "a symlink to a folder", "d/ x>d", rmdir_no_folder },
	STICKY_ROWS("a folder", "/", rmdir_by),
	{ "a mount point", "d/", rmdir_busy },
	{ "the working directory", "d/", rmdir_current },
	{ 0 },
};

/* ---- rename ---- */

/* Where a folder of a lower layer has to stay, that is what is seen instead of the move. */
static bool stays(const char *path, const char *to)
{
	if (!folders_stay || !S_ISDIR(AT(path).st_mode))
		return false;
	FAILS(EXDEV, rename(path, to));
	return true;
}

static void rename_moves(const struct fs_case *c)
{
	struct stat was = AT("d/x");
	struct stat from = AT("d");
	struct stat to = AT("e");

	(void)c;
	if (stays("d/x", "e/y")) {
		TOUCHED("d/x", was, 0);
		return;
	}
	OK(rename("d/x", "e/y"));
	GONE("d/x");
	IS(AT("e/y").st_ino, was.st_ino);
	IS(AT("e/y").st_mode, was.st_mode);
	IS(AT("e/y").st_nlink, was.st_nlink);
	TOUCHED("e/y", was, CHANGED);
	TOUCHED("d", from, CHANGED | MODIFIED);
	TOUCHED("e", to, CHANGED | MODIFIED);
	OK(rename("e/y", "e/z")); /* in one folder */
	GONE("e/y");
	IS(AT("e/z").st_ino, was.st_ino);
}

static void rename_links(const struct fs_case *c)
{
	struct stat was = AT("h");

	(void)c;
	OK(rename("x", "d/y"));
	IS(AT("d/y").st_ino, was.st_ino);
	IS(AT("h").st_ino, was.st_ino);
	IS(AT("h").st_nlink, 2);
	OK(unlink("h"));
	IS(AT("d/y").st_nlink, 1);
}

static void rename_over(const struct fs_case *c)
{
	struct stat was = AT("x");
	struct stat other = AT("h");

	(void)c;
	OK(rename("x", "y"));
	GONE("x");
	IS(AT("y").st_ino, was.st_ino);
	IS(AT("y").st_mode, was.st_mode);
	IS(AT("h").st_nlink, 1);
	IS(AT("h").st_ino, other.st_ino);
	if (!links_untimed)
		TOUCHED("h", other, CHANGED);
}

static void rename_over_open(const struct fs_case *c)
{
	int fd = OPEN("y", O_RDWR);
	char text[8] = "";
	struct stat st;

	(void)c;
	OK(truncate("y", 2));
	OK(rename("x", "y"));
	OK(fstat(fd, &st));
	IS(st.st_nlink, 0);
	IS(pwrite(fd, "o", 1, 0), 1);
	IS(pread(fd, text, 8, 0), 2);
	IS(strcmp(text, "oa"), 0);
	IS(AT("y").st_size, 4);
}

static void rename_folder_over(const struct fs_case *c)
{
	struct stat was = AT("x");

	(void)c;
	if (stays("x", "y"))
		return;
	OK(rename("x", "y"));
	GONE("x");
	IS(AT("y").st_ino, was.st_ino);
	(void)AT("y/f");
}

/* number: what it fails with */
static void rename_not_over(const struct fs_case *c)
{
	struct stat was = AT("x");
	struct stat other = AT("y");
	struct stat parent = AT(".");

	if (folders_stay && c->number == ENOTEMPTY) { /* either says the truth */
		IS(rename("x", "y") < 0 && (errno == EXDEV || errno == ENOTEMPTY), true);
	} else {
		FAILS((int)c->number, rename("x", "y"));
	}
	TOUCHED("x", was, 0);
	TOUCHED("y", other, 0);
	TOUCHED(".", parent, 0);
	IS(AT("y").st_ino, other.st_ino);
}

static void rename_same(const struct fs_case *c)
{
	struct stat was = AT("x");

	OK(rename("x", "x"));
	TOUCHED("x", was, 0);
	if (c->number == 0)
		return;
	OK(rename("x", "h")); /* the same file: nothing happens */
	IS(AT("x").st_nlink, 2);
	IS(AT("h").st_ino, was.st_ino);
	TOUCHED("x", was, 0);
}

static void rename_below_itself(const struct fs_case *c)
{
	(void)c;
	FAILS(EINVAL, rename("d", "d/e/n"));
	FAILS(EINVAL, rename("d", "d/n"));
	FAILS(EINVAL, rename("d", "d/e"));
	FAILS(ENOTEMPTY, rename("d/e/f", "d"));
	FAILS(ENOTEMPTY, rename("d/e", "d"));
}

static void rename_dots(const struct fs_case *c)
{
	(void)c;
	FAILS(EBUSY, rename("d/.", "n"));
	FAILS(EBUSY, rename("d/..", "n"));
	FAILS(EBUSY, rename(".", "n"));
	FAILS(EBUSY, rename("e", "d/."));
	FAILS(EBUSY, rename("e", "d/.."));
	(void)AT("d");
}

static void rename_slash(const struct fs_case *c)
{
	(void)c;
	FAILS(ENOTDIR, rename("f/", "n"));
	FAILS(ENOTDIR, rename("f", "n/"));
	FAILS(ENOTDIR, rename("f", "g/"));
	FAILS(ENOTDIR, rename("l/", "n"));
	(void)AT("f");
	if (stays("d/", "n/"))
		return;
	OK(rename("d/", "n/"));
	(void)AT("n/sub");
}

static void rename_symlink(const struct fs_case *c)
{
	char text[8] = "";

	(void)c;
	OK(rename("l", "n"));
	GONE("l");
	IS(readlink("n", text, 7), 1);
	IS(strcmp(text, "f"), 0);
	(void)AT("f");
	OK(rename("g", "n"));
	IS(S_ISREG(AT("n").st_mode), true);
	OK(rename("n", "l2")); /* onto a symlink, not its target */
	IS(S_ISREG(AT("l2").st_mode), true);
	GONE("none");
}

static void rename_counts(const struct fs_case *c)
{
	nlink_t from = AT("d").st_nlink;
	nlink_t to = AT("e").st_nlink;

	(void)c;
	if (stays("d/x", "e/x"))
		return;
	OK(rename("d/x", "e/x"));
	IS(AT("e/x/..").st_ino, AT("e").st_ino);
	if (folders_uncounted)
		return;
	IS(AT("d").st_nlink, from - 1);
	IS(AT("e").st_nlink, to + 1);
	OK(rename("e/x", "e/y")); /* over an empty one */
	IS(AT("e").st_nlink, to);
}

static void rename_elsewhere(const struct fs_case *c)
{
	struct stat was = AT("f");

	(void)c;
	mount_other("d");
	FAILS(EXDEV, rename("f", "d/n"));
	FAILS(EXDEV, rename("e", "d/n"));
	FAILS(EBUSY, rename("d", "n"));
	FAILS(EBUSY, rename("e", "d") < 0 && errno == EXDEV ? (errno = EBUSY, -1) : -1);
	TOUCHED("f", was, 0);
}

static void rename_read_only(const struct fs_case *c)
{
	(void)c;
	mount_read_only("d");
	FAILS(EROFS, rename("d/x", "d/y"));
	FAILS(EXDEV, rename("d/x", "y"));
	FAILS(EXDEV, rename("f", "d/y"));
	(void)AT("d/x");
}

/* The name goes from d. */
static void rename_from(const struct fs_case *c)
{
	struct stat was = AT("d/x");
	struct stat parent = AT("d");

	as('a');
	if (c->number == 0 && stays("d/x", "e/x"))
		return;
	expect_result(__FILE__, __LINE__, "rename(d/x, e/x)", rename("d/x", "e/x"), (int)c->number);
	as('r');
	if (c->number == 0) {
		GONE("d/x");
		IS(AT("e/x").st_ino, was.st_ino);
		return;
	}
	TOUCHED("d/x", was, 0);
	TOUCHED("d", parent, 0);
}

/* The name in d is replaced; what comes is a's. */
static void rename_to(const struct fs_case *c)
{
	struct stat was = AT("d/x");
	bool folder = S_ISDIR(was.st_mode);

	as('a');
	if (folder)
		OK(mkdir("e/x", 0777));
	else
		OK(mknod("e/x", S_IFREG | 0666, 0));
	expect_result(__FILE__, __LINE__, "rename(e/x, d/x)", rename("e/x", "d/x"), (int)c->number);
	as('r');
	IS(AT("d/x").st_ino == was.st_ino, c->number != 0);
	if (c->number)
		TOUCHED("d/x", was, 0);
	else
		GONE("e/x");
}

/* Within one sticky folder. */
static void rename_within(const struct fs_case *c)
{
	as('a');
	if (c->number == 0 && stays("d/x", "d/y"))
		return;
	expect_result(__FILE__, __LINE__, "rename(d/x, d/y)", rename("d/x", "d/y"), (int)c->number);
}

/* A folder that gets another above is changed itself: its "..". */
static void rename_unwritable(const struct fs_case *c)
{
	(void)c;
	as('a');
	FAILS(EACCES, rename("d/x", "e/x"));
	as('r');
	(void)AT("d/x");
	as('a');
	if (stays("d/x", "d/y"))
		return;
	OK(rename("d/x", "d/y"));
}

static void rename_refused(const struct fs_case *c)
{
	struct stat from = AT("d");
	struct stat to = AT("e");

	(void)c;
	as('a');
	FAILS(EACCES, rename("d/x", "e/x"));
	as('r');
	(void)AT("d/x");
	TOUCHED("d", from, 0);
	TOUCHED("e", to, 0);
}

/* ---- renameat2 ---- */

static long rename2(const char *from, const char *to, unsigned flags)
{
	return renameat2(AT_FDCWD, from, AT_FDCWD, to, flags);
}

static void rename_no_replace(const struct fs_case *c)
{
	static const char *const there[] = { "f", "d", "l", "p", "x" };
	struct stat was = AT("x");

	(void)c;
	for (size_t i = 0; i < sizeof(there) / sizeof(there[0]); i++)
		FAILS(EEXIST, rename2("x", there[i], RENAME_NOREPLACE));
	TOUCHED("x", was, 0);
	OK(rename2("x", "n", RENAME_NOREPLACE));
	GONE("x");
	IS(AT("n").st_ino, was.st_ino);
	FAILS(ENOENT, rename2("x", "n", RENAME_NOREPLACE));
}

static void rename_exchange(const struct fs_case *c)
{
	struct stat x = AT("d/x");
	struct stat y = AT("e/y");
	struct stat d = AT("d");
	struct stat e = AT("e");

	(void)c;
	if (folders_stay && (S_ISDIR(x.st_mode) || S_ISDIR(y.st_mode))) {
		FAILS(EXDEV, rename2("d/x", "e/y", RENAME_EXCHANGE));
		return;
	}
	OK(rename2("d/x", "e/y", RENAME_EXCHANGE));
	IS(AT("d/x").st_ino, y.st_ino);
	IS(AT("e/y").st_ino, x.st_ino);
	IS(AT("d/x").st_mode, y.st_mode);
	IS(AT("e/y").st_mode, x.st_mode);
	TOUCHED("d/x", y, CHANGED);
	TOUCHED("e/y", x, CHANGED);
	TOUCHED("d", d, CHANGED | MODIFIED);
	TOUCHED("e", e, CHANGED | MODIFIED);
}

static void rename_bad_flags(const struct fs_case *c)
{
	(void)c;
	FAILS(ENOENT, rename2("x", "n", RENAME_EXCHANGE));
	FAILS(ENOENT, rename2("n", "x", RENAME_EXCHANGE));
	FAILS(EINVAL, rename2("x", "n", RENAME_EXCHANGE | RENAME_NOREPLACE));
	FAILS(EINVAL, rename2("x", "n", 0x40000000));
	FAILS(EINVAL, rename2("d", "d/f", RENAME_EXCHANGE));
	FAILS(EINVAL, rename2("d/f", "d", RENAME_EXCHANGE));
	(void)AT("x");
}

static void rename_exchange_sticky(const struct fs_case *c)
{
	struct stat was = AT("d/x");

	as('a');
	expect_result(__FILE__, __LINE__, "exchange(f, d/x)", rename2("f", "d/x", RENAME_EXCHANGE),
		      (int)c->number);
	as('r');
	IS(AT("d/x").st_ino == was.st_ino, c->number != 0);
}

const struct fs_case rename_cases[] = {
	{ "a file", "d/ e/ d/x", rename_moves },
	{ "a folder", "d/ e/ d/x/", rename_moves },
	{ "a folder with something in it", "d/ e/ d/x/ d/x/f", rename_moves },
	{ "a fifo", "d/ e/ d/x|", rename_moves },
	{ "a socket", "d/ e/ d/x=", rename_moves },
	{ "a symlink", "d/ e/ d/x>none", rename_moves },
	{ "a file of two names", "x h+x d/", rename_links },
	{ "a file over a file of two names", "x:600 y h+y", rename_over },
	{ "a file over a fifo of two names", "x:600 y| h+y", rename_over },
	{ "a fifo over a file of two names", "x| y h+y", rename_over },
	{ "a symlink over a file of two names", "x>none y h+y", rename_over },
	{ "a socket over a file of two names", "x= y h+y", rename_over },
	{ "a file over one that is open", "x y", rename_over_open },
	{ "a folder over an empty one", "x/ x/f y/", rename_folder_over },
	{ "a folder over one with a file", "x/ y/ y/f", rename_not_over, ENOTEMPTY },
	{ "a folder over one with a folder", "x/ y/ y/d/", rename_not_over, ENOTEMPTY },
	{ "a folder over a file", "x/ y", rename_not_over, ENOTDIR },
	{ "a folder over a fifo", "x/ y|", rename_not_over, ENOTDIR },
	{ "a folder over a socket", "x/ y=", rename_not_over, ENOTDIR },
	{ "a folder over a symlink", "x/ y>z z/", rename_not_over, ENOTDIR },
	{ "a file over a folder", "x y/", rename_not_over, EISDIR },
	{ "a fifo over a folder", "x| y/", rename_not_over, EISDIR },
	{ "a socket over a folder", "x= y/", rename_not_over, EISDIR },
	{ "a symlink over a folder", "x>y y/", rename_not_over, EISDIR },
	{ "a file to itself", "x h+x", rename_same, 1 },
	{ "a fifo to itself", "x| h+x", rename_same, 1 },
	{ "a folder to itself", "x/", rename_same, 0 },
	{ "a folder below itself", "d/ d/e/ d/e/f", rename_below_itself },
	{ "dots as names", "d/ e/", rename_dots },
	{ "a slash after the name", "f g d/ d/sub l>d", rename_slash },
	{ "symlinks are not followed", "f g l>f l2>none", rename_symlink },
	{ "counts as a link of the folder above", "d/ e/ d/x/ e/y/", rename_counts },
	{ "another file system", "f d/ e/", rename_elsewhere },
	{ "a read-only file system", "f d/ d/x", rename_read_only },
	STICKY_ROWS("from a folder: a file", "", rename_from),
	STICKY_ROWS("from a folder: a fifo", "|", rename_from),
	STICKY_ROWS("from a folder: a symlink", ">none", rename_from),
	STICKY_ROWS("from a folder: a folder", "/:777", rename_from),
	STICKY_ROWS("over a file", "", rename_to),
	STICKY_ROWS("over a symlink", ">none", rename_to),
	STICKY_ROWS("over a folder", "/", rename_to),
	STICKY_ROWS("within a folder: a file", "", rename_within),
	STICKY_ROWS("within a folder: a folder", "/", rename_within),
	{ "another's folder leaves its folder if it may be written", "d/:777 e/:777 d/x/:755@b",
	  rename_unwritable },
	{ "the own folder leaves its folder if it may be written", "d/:777 e/:777 d/x/:577@a",
	  rename_unwritable },
	{ "from a folder that may not be written", "d/:775 e/:777 d/x@a", rename_refused },
	{ "to a folder that may not be written", "d/:777 e/:775 d/x@a", rename_refused },
	{ "over a name in a folder that may not be written", "d/:777 e/:775 d/x@a e/x@a",
	  rename_refused },
	{ "from a folder that may not be searched", "d/:776 e/:777 d/x@a", rename_refused },
	{ "to a folder that may not be searched", "d/:777 e/:776 d/x@a", rename_refused },
	{ "RENAME_NOREPLACE", "x f d/ l>none p|", rename_no_replace },
	{ "RENAME_EXCHANGE of files", "d/ e/ d/x e/y:600@a", rename_exchange },
	{ "RENAME_EXCHANGE of a file and a symlink", "d/ e/ d/x e/y>none", rename_exchange },
	{ "RENAME_EXCHANGE of a fifo and a socket", "d/ e/ d/x| e/y=:600", rename_exchange },
	{ "RENAME_EXCHANGE of folders", "d/ e/ d/x/ e/y/:700 e/y/f", rename_exchange },
	{ "RENAME_EXCHANGE of a file and a folder", "d/ e/ d/x e/y/", rename_exchange },
	{ "flags and names that do not go together", "x d/ d/f", rename_bad_flags },
	{ "RENAME_EXCHANGE in a sticky folder: another's", "./:777 f@a d/:1777@b d/x@b",
	  rename_exchange_sticky, EPERM },
	{ "RENAME_EXCHANGE in a sticky folder: the own", "./:777 f@a d/:1777@b d/x@a",
	  rename_exchange_sticky, 0 },
	{ 0 },
};
