/* SPDX-License-Identifier: Apache-2.0 */
/* fs-cases: new names. mkdir, mkfifo, mknod, symlink, link, and what all that make names share. */
#include "tests/lib/fs-cases.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* ---- What all have in common: a table of makers by one of aspects ---- */

struct maker {
	const char *family;
	const char *name;
	int (*make)(const char *path, mode_t mode);
	bool has_mode;
};

static int make_folder(const char *path, mode_t mode)
{
	return mkdir(path, mode);
}

static int make_fifo(const char *path, mode_t mode)
{
	return mkfifo(path, mode);
}

static int make_fifo_node(const char *path, mode_t mode)
{
	return mknod(path, S_IFIFO | mode, 0);
}

static int make_socket(const char *path, mode_t mode)
{
	return mknod(path, S_IFSOCK | mode, 0);
}

static int make_file_node(const char *path, mode_t mode)
{
	return mknod(path, S_IFREG | mode, 0);
}

static int make_plain_node(const char *path, mode_t mode)
{
	return mknod(path, mode, 0); /* no type: a file */
}

static int make_file(const char *path, mode_t mode)
{
	int fd = open(path, O_CREAT | O_EXCL | O_RDONLY | O_CLOEXEC, mode);

	return fd < 0 ? fd : close(fd);
}

static int make_symlink(const char *path, mode_t mode)
{
	(void)mode;
	return symlink("target", path);
}

static const struct maker makers[] = {
	{ "mkdir", "mkdir", make_folder, true },
	{ "mkfifo", "mkfifo", make_fifo, true },
	{ "mknod", "mknod of a fifo", make_fifo_node, true },
	{ "mknod", "mknod of a socket", make_socket, true },
	{ "mknod", "mknod of a file", make_file_node, true },
	{ "mknod", "mknod without a type", make_plain_node, true },
	{ "open", "open with O_CREAT", make_file, true },
	{ "symlink", "symlink", make_symlink, false },
};

/* number: an index of makers */
static void makes_mode(const struct fs_case *c)
{
	static const struct {
		mode_t mode, mask, seen;
	} rows[] = { { 0755, 0, 0755 },	  { 0151, 0, 0151 },   { 0, 0, 0 },
		     { 0777, 022, 0755 }, { 0151, 077, 0100 }, { 0345, 070, 0305 },
		     { 0501, 0345, 0400 } };
	char path[16];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)snprintf(path, sizeof(path), "n%zu", i);
		(void)umask(rows[i].mask);
		OK(makers[c->number].make(path, rows[i].mode));
		IS_MODE(path, rows[i].seen);
	}
}

static void makes_own(const struct fs_case *c)
{
	as('a');
	OK(makers[c->number].make("n", 0644));
	IS_OWNED("n", 'a', 'a');
	as('b');
	OK(makers[c->number].make("n2", 0644));
	IS_OWNED("n2", 'b', 'b');
}

static void makes_in_group(const struct fs_case *c)
{
	as('a');
	OK(makers[c->number].make("d/n", 0644));
	IS_OWNED("d/n", 'a', 'b');
}

static void makes_times(const struct fs_case *c)
{
	struct stat was = AT("d");
	struct stat is = { 0 };

	OK(makers[c->number].make("d/n", 0644));
	TOUCHED("d", was, CHANGED | MODIFIED);
	is = AT("d/n");
	/* The new one's are later than what was there before, and all the same. */
	TOUCHED("d/n", was, CHANGED | MODIFIED);
	IS(is.st_atim.tv_sec > was.st_mtim.tv_sec || (is.st_atim.tv_sec == was.st_mtim.tv_sec &&
						      is.st_atim.tv_nsec > was.st_mtim.tv_nsec),
	   true);
}

static void makes_no_other(const struct fs_case *c)
{
	static const char *const there[] = { "f", "d", "l", "l2", "l3", "p", "s" };
	struct stat parent = AT(".");

	for (size_t i = 0; i < sizeof(there) / sizeof(there[0]); i++) {
		struct stat was = AT(there[i]);

		FAILS(EEXIST, makers[c->number].make(there[i], 0644));
		TOUCHED(there[i], was, 0);
		IS(AT(there[i]).st_ino, was.st_ino);
		as('a'); /* who may not make any says so first */
		FAILS(EEXIST, makers[c->number].make(there[i], 0644));
		as('r');
	}
	TOUCHED(".", parent, 0);
	GONE("none");
}

static void makes_one_link(const struct fs_case *c)
{
	struct stat st;

	OK(makers[c->number].make("n", 0644));
	st = AT("n");
	IS(st.st_nlink, S_ISDIR(st.st_mode) ? 2 : 1);
	IS(S_ISLNK(st.st_mode) || S_ISDIR(st.st_mode) ? 0 : st.st_size, 0);
}

/* As the last case, where the name has been somebody else's before. */
static void makes_again(const struct fs_case *c)
{
	OK(unlink("d/f"));
	OK(makers[c->number].make("d/f", 0640));
	IS_OWNED("d/f", 'r', 'r');
	IS(AT("d/f").st_nlink > 2, false);
	OK(rmdir("d/sub"));
	OK(makers[c->number].make("d/sub", 0640));
	if (makers[c->number].has_mode) {
		IS_MODE("d/f", 0640);
		IS_MODE("d/sub", 0640);
	}
}

void makers_add(void)
{
	static const struct fs_case aspects[] = {
		{ "has the mode less umask", "", makes_mode, 1 },
		{ "belongs to who asks", "./:777", makes_own, 0 },
		{ "takes the group of a set-group-id folder", "d/:2777@r.b", makes_in_group, 0 },
		{ "changes the folder's times", "d/", makes_times, 0 },
		{ "takes no name that is there", "f d/ l>d l2>none l3>l3 p| s=", makes_no_other,
		  0 },
		{ "has as many links", "", makes_one_link, 0 },
		{ "where another one was", "d/ d/f:777@a d/sub/:700@b", makes_again, 0 },
	};
	static char names[sizeof(makers) / sizeof(makers[0])][sizeof(aspects) / sizeof(aspects[0])]
			 [100];

	for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++) {
		for (size_t k = 0; k < sizeof(aspects) / sizeof(aspects[0]); k++) {
			struct fs_case c = aspects[k];

			if (c.number && !makers[i].has_mode)
				continue;
			(void)snprintf(names[i][k], sizeof(names[i][k]), "%s: %s", makers[i].name,
				       c.name);
			c.name = names[i][k];
			c.number = (long)i;
			cases_add(makers[i].family, &c);
		}
	}
}

/* ---- mkdir ---- */

static void mkdir_counts(const struct fs_case *c)
{
	nlink_t was = AT("d").st_nlink;

	(void)c;
	OK(mkdir("d/n", 0755));
	if (!folders_uncounted)
		IS(AT("d").st_nlink, was + 1);
	OK(mkdir("d/n/n2", 0755));
	IS(AT("d/n").st_nlink, 3);
}

static void mkdir_inherits_bit(const struct fs_case *c)
{
	(void)c;
	as('a');
	OK(mkdir("d/n", 0755));
	IS_MODE("d/n", 02755);
	IS_OWNED("d/n", 'a', 'b');
	OK(mkdir("d/n/n2", 0700));
	IS_MODE("d/n/n2", 02700);
	IS_OWNED("d/n/n2", 'a', 'b');
}

static void mkdir_bits(const struct fs_case *c)
{
	(void)c;
	OK(mkdir("n", 07777)); /* Linux: set-id bits are not for the asking */
	IS_MODE("n", 01777);
}

static void mkdir_slash(const struct fs_case *c)
{
	(void)c;
	OK(mkdir("n/", 0755));
	IS(S_ISDIR(AT("n").st_mode), true);
	FAILS(EEXIST, mkdir("n/", 0755));
	FAILS(EEXIST, mkdir("f/", 0755));
	FAILS(EEXIST, mkdir("l/", 0755));
}

static void mkdir_dots(const struct fs_case *c)
{
	(void)c;
	FAILS(EEXIST, mkdir(".", 0755));
	FAILS(EEXIST, mkdir("..", 0755));
	FAILS(EEXIST, mkdir("d/.", 0755));
	FAILS(EEXIST, mkdir("d/..", 0755));
	FAILS(ENOENT, mkdir("n/.", 0755));
}

static void mkdir_dotdot(const struct fs_case *c)
{
	(void)c;
	OK(mkdir("d/n", 0755));
	IS(AT("d/n/..").st_ino, AT("d").st_ino);
	IS(AT("d/n/.").st_ino, AT("d/n").st_ino);
}

const struct fs_case mkdir_cases[] = {
	{ "counts as a link of the folder above", "d/", mkdir_counts },
	{ "a set-group-id folder hands the bit down", "d/:2777@r.b", mkdir_inherits_bit },
	{ "the sticky bit is taken, set-id bits are not", "", mkdir_bits },
	{ "a slash after the name", "f l>none", mkdir_slash },
	{ "dots as names", "d/", mkdir_dots },
	{ "leads up again", "d/", mkdir_dotdot },
	{ 0 },
};

/* ---- mkfifo, mknod ---- */

static void fifo_passes(const struct fs_case *c)
{
	char text[8] = "";
	int in = -1;
	int out = -1;

	if (c->number)
		OK(mkfifo("p", 0644));
	in = OPEN("p", O_RDONLY | O_NONBLOCK);
	out = OPEN("p", O_WRONLY | O_NONBLOCK);
	IS(write(out, "hello", 5), 5);
	IS(read(in, text, sizeof(text)), 5);
	IS(strcmp(text, "hello"), 0);
	IS(AT("p").st_size, 0);
}

static void fifo_slash(const struct fs_case *c)
{
	(void)c;
	FAILS(ENOENT, mkfifo("n/", 0644));
	FAILS(EEXIST, mkfifo("d/", 0644));
	GONE("n");
}

const struct fs_case mkfifo_cases[] = {
	{ "passes data", "", fifo_passes, 1 },
	{ "passes data, made before", "p|", fifo_passes, 0 },
	{ "a slash after the name", "d/", fifo_slash },
	{ 0 },
};

/* number: what it fails with */
static void mknod_folder(const struct fs_case *c)
{
	(void)c;
	FAILS(EPERM, mknod("n", S_IFDIR | 0755, 0));
	FAILS(EINVAL, mknod("n", S_IFLNK | 0755, 0));
	FAILS(EINVAL, mknod("n", S_IFMT, 0));
	GONE("n");
}

static void mknod_device(const struct fs_case *c)
{
	(void)c;
	as('a');
	FAILS(EPERM, mknod("n", S_IFCHR | 0644, makedev(1, 3)));
	FAILS(EPERM, mknod("n", S_IFBLK | 0644, makedev(7, 0)));
	as('r'); /* of its namespace alone */
	FAILS(EPERM, mknod("n", S_IFCHR | 0644, makedev(1, 3)));
	FAILS(EPERM, mknod("n", S_IFBLK | 0644, makedev(7, 0)));
	GONE("n");
}

static void mknod_by_user(const struct fs_case *c)
{
	(void)c;
	as('a');
	OK(mknod("n1", S_IFIFO | 0644, 0));
	OK(mknod("n2", S_IFSOCK | 0644, 0));
	OK(mknod("n3", S_IFREG | 0644, 0));
	IS(S_ISFIFO(AT("n1").st_mode), true);
	IS(S_ISSOCK(AT("n2").st_mode), true);
	IS(S_ISREG(AT("n3").st_mode), true);
}

static void mknod_slash(const struct fs_case *c)
{
	(void)c;
	FAILS(ENOENT, mknod("n/", S_IFREG | 0644, 0));
	GONE("n");
}

const struct fs_case mknod_cases[] = {
	{ "what is no type of node", "", mknod_folder },
	{ "devices are for root of the first namespace", "./:777", mknod_device },
	{ "all other types are for everybody", "./:777", mknod_by_user },
	{ "a slash after the name", "", mknod_slash },
	{ 0 },
};

/* ---- symlink ---- */

static void expect_target(const char *path, const char *expected)
{
	static char text[PATH_MAX + 1];
	ssize_t n = readlink(path, text, PATH_MAX);

	OK(n);
	text[n] = '\0';
	if (strcmp(text, expected) != 0)
		failed(__FILE__, __LINE__, "readlink(%s): expected %.20s, seen %.20s", path,
		       expected, text);
	IS(AT(path).st_size, (long long)strlen(expected));
}

static void symlink_leads(const struct fs_case *c)
{
	struct stat st;

	(void)c;
	OK(symlink("f", "n"));
	IS(S_ISLNK(AT("n").st_mode), true);
	IS_MODE("n", 0777);
	expect_target("n", "f");
	OK(stat("n", &st));
	IS(st.st_ino, AT("f").st_ino);
	OK(symlink("d", "n2"));
	(void)AT("n2/f");
	OK(unlink("n"));
	(void)AT("f");
}

static void symlink_targets(const struct fs_case *c)
{
	(void)c;
	OK(symlink("none", "n1"));
	expect_target("n1", "none");
	OK(symlink("/", "n2"));
	expect_target("n2", "/");
	OK(symlink("a b//../\xff", "n3"));
	expect_target("n3", "a b//../\xff");
	FAILS(ENOENT, symlink("", "n4"));
	FAILS(EFAULT, symlink((const char *)1, "n4"));
	GONE("n4");
}

static void symlink_long(const struct fs_case *c)
{
	(void)c;
	FAILS(ENAMETOOLONG, symlink(path_of_length(PATH_MAX, "f"), "n"));
	OK(symlink(path_of_length(PATH_MAX - 1, "f"), "n"));
	expect_target("n", path_of_length(PATH_MAX - 1, "f"));
}

static void symlink_slash(const struct fs_case *c)
{
	(void)c;
	FAILS(ENOENT, symlink("f", "n/"));
	FAILS(EEXIST, symlink("f", "d/"));
	GONE("n");
}

static void symlink_short_read(const struct fs_case *c)
{
	char text[4] = "";

	(void)c;
	IS(readlink("l", text, 3), 3);
	IS(strcmp(text, "tar"), 0);
	FAILS(EINVAL, readlink("f", text, 3));
	FAILS(EINVAL, readlink("d", text, 3));
	FAILS(EINVAL, readlink("l", text, 0));
}

const struct fs_case symlink_cases[] = {
	{ "leads to its target", "f d/ d/f", symlink_leads },
	{ "targets of all kinds", "", symlink_targets },
	{ "targets of 4095 and 4096 characters", "f", symlink_long },
	{ "a slash after the name", "d/", symlink_slash },
	{ "is read as far as there is room", "f d/ l>target", symlink_short_read },
	{ 0 },
};

/* ---- link ---- */

/* number: how often it is one inode before */
static void link_one_inode(const struct fs_case *c)
{
	struct stat was = AT("x");
	struct stat parent = AT("d");

	OK(link("x", "d/n"));
	TOUCHED("x", was, CHANGED);
	TOUCHED("d", parent, CHANGED | MODIFIED);
	IS(AT("x").st_nlink, c->number + 1);
	IS(AT("d/n").st_nlink, c->number + 1);
	IS(AT("d/n").st_ino, was.st_ino);
	IS(AT("x").st_mode, was.st_mode);
	OK(link("d/n", "n2"));
	IS(AT("x").st_nlink, c->number + 2);
	OK(lchown("n2", id_of('a'), id_of('b')));
	IS_OWNED("x", 'a', 'b');
	OK(unlink("x"));
	GONE("x");
	IS(AT("d/n").st_nlink, c->number + 1);
	OK(unlink("d/n"));
	IS(AT("n2").st_nlink, c->number);
	IS_OWNED("n2", 'a', 'b');
}

static void link_shares(const struct fs_case *c)
{
	char text[8] = "";
	int fd = -1;

	(void)c;
	OK(link("f", "n"));
	OK(chmod("n", 0600));
	IS_MODE("f", 0600);
	IS_MODE("h", 0600);
	fd = OPEN("h", O_RDWR);
	IS(write(fd, "DATAS", 5), 5);
	IS(AT("n").st_size, 5);
	IS(AT("f").st_size, 5);
	OK(close(fd));
	fd = OPEN("n", O_RDONLY);
	IS(read(fd, text, 7), 5);
	IS(strcmp(text, "DATAS"), 0);
}

static void link_exists(const struct fs_case *c)
{
	static const char *const there[] = { "f", "d", "l", "l2", "p", "s", "x" };
	struct stat was = AT("x");

	(void)c;
	for (size_t i = 0; i < sizeof(there) / sizeof(there[0]); i++)
		FAILS(EEXIST, link("x", there[i]));
	TOUCHED("x", was, 0);
	IS(AT("x").st_nlink, 1);
}

static void link_folder(const struct fs_case *c)
{
	struct stat was = AT("d");

	(void)c;
	FAILS(EPERM, link("d", "n"));
	FAILS(EPERM, link(".", "n"));
	FAILS(EPERM, link("d/..", "n"));
	as('a');
	FAILS(EPERM, link("d", "n"));
	TOUCHED("d", was, 0);
	GONE("n");
}

static void link_symlink(const struct fs_case *c)
{
	(void)c;
	OK(link("l", "n")); /* of itself */
	IS(S_ISLNK(AT("n").st_mode), true);
	IS(AT("n").st_ino, AT("l").st_ino);
	IS(AT("f").st_nlink, 1);
	OK(linkat(AT_FDCWD, "l", AT_FDCWD, "n2", AT_SYMLINK_FOLLOW));
	IS(AT("n2").st_ino, AT("f").st_ino);
	IS(AT("f").st_nlink, 2);
	FAILS(EINVAL, linkat(AT_FDCWD, "l", AT_FDCWD, "n3", 0x40000000));
}

static bool hardlinks_protected(void)
{
	FILE *f = fopen("/proc/sys/fs/protected_hardlinks", "re");
	int c = f ? fgetc(f) : '0';

	if (f)
		(void)fclose(f);
	return c != '0';
}

static void link_of_others(const struct fs_case *c)
{
	const int refusal = hardlinks_protected() ? EPERM : 0;

	(void)c;
	as('a');
	OK(link("mine", "n1"));
	OK(link("for-all", "n2"));
	expect_result(__FILE__, __LINE__, "link(readable)", link("readable", "n3"), refusal);
	expect_result(__FILE__, __LINE__, "link(suid)", link("suid", "n4"), refusal);
}

static void link_read_only(const struct fs_case *c)
{
	(void)c;
	mount_read_only("d");
	FAILS(EROFS, link("d/x", "d/n"));
	FAILS(EXDEV, link("d/x", "n"));
	FAILS(EROFS, link("f", "d/n"));
}

static void link_elsewhere(const struct fs_case *c)
{
	(void)c;
	mount_other("d");
	FAILS(EXDEV, link("f", "d/n"));
	IS(AT("f").st_nlink, 1);
}

static void link_slash(const struct fs_case *c)
{
	(void)c;
	FAILS(ENOENT, link("f", "n/"));
	FAILS(ENOTDIR, link("f/", "n"));
	GONE("n");
}

static void link_removed(const struct fs_case *c)
{
	int fd = OPEN("f", O_RDONLY);
	char path[32];

	(void)c;
	OK(unlink("f"));
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	FAILS(ENOENT, linkat(AT_FDCWD, path, AT_FDCWD, "n", AT_SYMLINK_FOLLOW));
	GONE("n");
}

const struct fs_case link_cases[] = {
	{ "a file has one more", "d/ x", link_one_inode, 1 },
	{ "a file of two names has one more", "d/ x h+x", link_one_inode, 2 },
	{ "a fifo has one more", "d/ x|", link_one_inode, 1 },
	{ "a socket has one more", "d/ x=", link_one_inode, 1 },
	{ "a symlink has one more", "d/ x>d", link_one_inode, 1 },
	{ "shares mode and data", "f h+f", link_shares },
	{ "takes no name that is there", "x f d/ l>f l2>none p| s=", link_exists },
	{ "folders have none", "./:777 d/:777", link_folder },
	{ "symlinks are followed on demand", "f l>f", link_symlink },
	{ "others' files", "./:777 mine:0@a for-all:666@b readable:644@b suid:4777@b",
	  link_of_others },
	{ "a read-only file system", "d/ d/x f", link_read_only },
	{ "another file system", "d/ f", link_elsewhere },
	{ "a slash after the name", "f", link_slash },
	{ "a removed file does not come back", "f", link_removed },
	{ 0 },
};
