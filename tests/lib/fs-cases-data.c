/* SPDX-License-Identifier: Apache-2.0 */
/* fs-cases: files and what is in them. open, truncate, ftruncate, posix_fallocate. */
#include "tests/lib/fs-cases.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Reads all of a short file and compares. */
#define HOLDS(path, text, size) expect_data(__LINE__, path, text, size)
static void expect_data(int line, const char *path, const char *text, size_t size)
{
	char seen[64] = "";
	int fd = open_at(__FILE__, line, path, O_RDONLY);
	ssize_t n = read(fd, seen, sizeof(seen));

	expect_number(__FILE__, line, "bytes read", n, (long long)size);
	expect_number(__FILE__, line, "another text", memcmp(seen, text, size) != 0, 0);
	(void)close(fd);
}

/* ---- open ---- */

/* The modes of eight files; x7 is one that who is meant may read, write and execute. */
#define FILES(before, after, owner)                                                                \
	"x0:" before "0" after owner " x1:" before "1" after owner " x2:" before "2" after owner   \
	" x3:" before "3" after owner " x4:" before "4" after owner " x5:" before "5" after owner  \
	" x6:" before "6" after owner " x7:" before "7" after owner

static void open_permitted(const struct fs_case *c)
{
	static const struct {
		int flags;
		unsigned bits;
	} ways[] = { { O_RDONLY, 4 }, { O_WRONLY, 2 }, { O_RDWR, 6 }, { O_RDONLY | O_TRUNC, 6 } };

	as('a');
	for (unsigned i = 0; i < 8; i++) {
		char path[8];

		(void)snprintf(path, sizeof(path), "x%u", i);
		for (size_t k = 0; k < sizeof(ways) / sizeof(ways[0]); k++) {
			bool may = (i & ways[k].bits) == ways[k].bits;
			int fd = open(path, ways[k].flags | O_CLOEXEC | O_NONBLOCK);

			expect_result(__FILE__, __LINE__, path, fd, may ? 0 : EACCES);
			if (fd >= 0)
				(void)close(fd);
		}
		if (c->number)
			expect_result(__FILE__, __LINE__, path, access(path, X_OK), 0);
	}
}

static void open_creates_nothing(const struct fs_case *c)
{
	struct stat was = AT("d/f");
	struct stat parent = AT("d");

	(void)c;
	OK(open("d/f", O_RDWR | O_CREAT, 0600));
	TOUCHED("d/f", was, 0);
	TOUCHED("d", parent, 0);
	IS_MODE("d/f", 0644);
	HOLDS("d/f", "data", 4);
	as('a'); /* who may not make names may open by it all the same */
	OK(open("d/f", O_RDONLY | O_CREAT, 0600));
}

static void open_truncates(const struct fs_case *c)
{
	struct stat was = AT("f");
	struct stat parent = AT(".");

	(void)c;
	OK(open("f", O_WRONLY | O_TRUNC));
	IS(AT("f").st_size, 0);
	TOUCHED("f", was, CHANGED | MODIFIED);
	TOUCHED(".", parent, 0);
	HOLDS("f", "", 0);
}

static void open_trunc_refused(const struct fs_case *c)
{
	struct stat was = AT("f");

	(void)c;
	as('a');
	FAILS(EACCES, open("f", O_WRONLY | O_TRUNC));
	FAILS(EACCES, open("f", O_RDONLY | O_TRUNC));
	FAILS(EACCES, open("f", O_WRONLY | O_CREAT | O_TRUNC, 0777));
	TOUCHED("f", was, 0);
	IS(AT("f").st_size, 4);
}

static void open_appends(const struct fs_case *c)
{
	struct stat was = AT("f");
	int fd = OPEN("f", O_WRONLY | O_APPEND);

	(void)c;
	IS(write(fd, "more", 4), 4);
	IS(lseek(fd, 0, SEEK_SET), 0);
	IS(write(fd, "!", 1), 1);
	HOLDS("f", "datamore!", 9);
	TOUCHED("f", was, CHANGED | MODIFIED);
}

static void open_reads(const struct fs_case *c)
{
	struct stat was = AT("f");
	int fd = OPEN("f", O_RDWR);
	char text[8];

	(void)c;
	IS(read(fd, text, sizeof(text)), 4);
	OK(close(fd));
	TOUCHED("f", was, 0);
	fd = OPEN("f", O_RDONLY);
	FAILS(EBADF, write(fd, "x", 1));
	fd = OPEN("f", O_WRONLY);
	FAILS(EBADF, read(fd, text, 1));
}

static void open_folder(const struct fs_case *c)
{
	int fd = OPEN("d", O_RDONLY);
	char text[8];

	(void)c;
	FAILS(EISDIR, read(fd, text, 1));
	FAILS(EISDIR, open("d", O_WRONLY));
	FAILS(EISDIR, open("d", O_RDWR));
	FAILS(EISDIR, open("d", O_RDONLY | O_TRUNC));
	FAILS(EISDIR, open("d", O_RDONLY | O_CREAT, 0644));
	FAILS(EISDIR, open("l", O_WRONLY));
	FAILS(EEXIST, open("d", O_RDONLY | O_CREAT | O_EXCL, 0644));
}

static void open_no_folder(const struct fs_case *c)
{
	static const char *const others[] = { "f", "p", "s", "l" };

	(void)c;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		FAILS(ENOTDIR, open(others[i], O_RDONLY | O_DIRECTORY | O_NONBLOCK));
	FAILS(ENOTDIR, open("f/", O_RDONLY));
	FAILS(EISDIR, open("n/", O_RDWR | O_CREAT, 0644));
	GONE("n");
}

static void open_no_follow(const struct fs_case *c)
{
	int fd = -1;
	struct stat st;

	(void)c;
	FAILS(ELOOP, open("l", O_RDONLY | O_NOFOLLOW));
	FAILS(ELOOP, open("l2", O_RDWR | O_CREAT | O_NOFOLLOW, 0644));
	FAILS(ENOTDIR, open("l", O_RDONLY | O_NOFOLLOW | O_DIRECTORY));
	fd = OPEN("l", O_PATH | O_NOFOLLOW);
	OK(fstat(fd, &st));
	IS(S_ISLNK(st.st_mode), true);
	IS(st.st_ino, AT("l").st_ino);
	GONE("none");
}

static void open_through_symlink(const struct fs_case *c)
{
	(void)c;
	FAILS(EEXIST, open("l", O_RDWR | O_CREAT | O_EXCL, 0644));
	GONE("none");
	OK(open("l", O_RDWR | O_CREAT, 0640));
	IS_MODE("none", 0640);
	IS(S_ISLNK(AT("l").st_mode), true);
}

static void open_many_symlinks(const struct fs_case *c)
{
	char from[8] = "f";

	(void)c;
	for (int i = 1; i <= 41; i++) {
		char path[8];

		(void)snprintf(path, sizeof(path), "l%d", i);
		OK(symlink(from, path));
		(void)strcpy(from, path);
	}
	(void)OPEN("l40", O_RDONLY);
	FAILS(ELOOP, open("l41", O_RDONLY));
}

static void open_fifo(const struct fs_case *c)
{
	(void)c;
	FAILS(ENXIO, open("p", O_WRONLY | O_NONBLOCK));
	(void)OPEN("p", O_RDONLY | O_NONBLOCK);
	(void)OPEN("p", O_WRONLY | O_NONBLOCK);
	(void)OPEN("p", O_RDWR);
}

static void open_socket(const struct fs_case *c)
{
	(void)c;
	FAILS(ENXIO, open("s", O_RDONLY));
	FAILS(ENXIO, open("s", O_WRONLY));
	FAILS(ENXIO, open("s", O_RDWR | O_NONBLOCK));
	(void)OPEN("s", O_PATH);
}

static void open_running(const struct fs_case *c)
{
	(void)c;
	run_program();
	FAILS(ETXTBSY, open("x", O_WRONLY));
	FAILS(ETXTBSY, open("x", O_RDWR));
	FAILS(ETXTBSY, open("x", O_RDONLY | O_TRUNC));
	(void)OPEN("x", O_RDONLY);
	OK(chmod("x", 0700));
	OK(unlink("x"));
}

static void open_blocks_running(const struct fs_case *c)
{
	char *const args[] = { "x", "wait", NULL };
	int fd = OPEN("x", O_WRONLY);
	char *const none[] = { NULL };

	(void)c;
	FAILS(ETXTBSY, execve("./x", args, none));
	OK(close(fd));
	run_program();
}

static void open_then_modeless(const struct fs_case *c)
{
	char text[8] = "";
	int fd = -1;

	(void)c;
	as('a');
	fd = open("n", O_RDWR | O_CREAT, 0);
	OK(fd);
	IS(write(fd, "text", 4), 4);
	IS(pread(fd, text, 8, 0), 4);
	OK(ftruncate(fd, 2));
	IS(AT("n").st_size, 2);
	FAILS(EACCES, open("n", O_RDONLY));
	FAILS(EACCES, open("n", O_WRONLY));
}

static void open_group_bit(const struct fs_case *c)
{
	(void)c;
	as('a');
	OK(open("d/n", O_RDWR | O_CREAT, 02755)); /* not of the group that it gets */
	IS_MODE("d/n", 0755);
	OK(open("n", O_RDWR | O_CREAT, 06755));
	IS_MODE("n", 06755);
	OK(open("n2", O_RDWR | O_CREAT, 01644));
	IS_MODE("n2", 01644);
}

static void open_nameless(const struct fs_case *c)
{
	int fd = open(".", O_TMPFILE | O_RDWR, 0640);
	char path[32];
	struct stat st;

	(void)c;
	OK(fd);
	OK(fstat(fd, &st));
	IS(st.st_nlink, 0);
	IS(st.st_mode & 07777, 0640);
	IS(write(fd, "text", 4), 4);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	OK(linkat(AT_FDCWD, path, AT_FDCWD, "n", AT_SYMLINK_FOLLOW));
	IS(AT("n").st_nlink, 1);
	HOLDS("n", "text", 4);
	fd = open(".", O_TMPFILE | O_EXCL | O_RDWR, 0640);
	OK(fd);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	FAILS(ENOENT, linkat(AT_FDCWD, path, AT_FDCWD, "n2", AT_SYMLINK_FOLLOW));
	FAILS(EINVAL, open(".", O_TMPFILE | O_RDONLY, 0640));
	as('a');
	FAILS(EACCES, open(".", O_TMPFILE | O_RDWR, 0640));
}

static void open_removed(const struct fs_case *c)
{
	int fd = OPEN("f", O_RDWR);
	struct stat st;
	char text[8] = "";

	(void)c;
	OK(unlink("f"));
	OK(fstat(fd, &st));
	IS(st.st_nlink, 0);
	IS(st.st_size, 4);
	IS(pwrite(fd, "TA", 2, 2), 2);
	IS(pread(fd, text, 8, 0), 4);
	IS(strcmp(text, "daTA"), 0);
	OK(open("f", O_RDWR | O_CREAT | O_EXCL, 0600)); /* another file now */
	IS(AT("f").st_size, 0);
	OK(fstat(fd, &st));
	IS(st.st_size, 4);
}

static void open_removed_folder(const struct fs_case *c)
{
	int fd = OPEN("d", O_RDONLY);

	(void)c;
	OK(rmdir("d"));
	FAILS(ENOENT, openat(fd, "n", O_RDWR | O_CREAT, 0644));
	FAILS(ENOENT, mkdirat(fd, "n", 0755));
	FAILS(ENOENT, symlinkat("n", fd, "n"));
	FAILS(ENOENT, linkat(AT_FDCWD, "f", fd, "n", 0));
	FAILS(ENOENT, renameat(AT_FDCWD, "f", fd, "n"));
	FAILS(ENOENT, openat(fd, "n", O_RDONLY));
	IS(AT("f").st_nlink, 1);
}

static void open_trunc_clears(const struct fs_case *c)
{
	as('a');
	OK(open("x", O_WRONLY | O_TRUNC));
	IS_MODE("x", (unsigned)c->number);
}

static void write_limit(const struct fs_case *c)
{
	const struct rlimit limit = { 100, 100 };
	int fd = OPEN("f", O_RDWR);

	(void)c;
	(void)signal(SIGXFSZ, SIG_IGN);
	OK(setrlimit(RLIMIT_FSIZE, &limit));
	FAILS(EFBIG, pwrite(fd, "x", 1, 100));
	IS(pwrite(fd, "xyz", 3, 98), 2);
	IS(AT("f").st_size, 100);
}

static void write_far(const struct fs_case *c)
{
	int fd = OPEN("f", O_RDWR);

	(void)c;
	FAILS(EINVAL, pwrite(fd, "x", 1, -1));
	IS(AT("f").st_size, 4);
	if (pwrite(fd, "x", 1, LLONG_MAX - 1) == 1) /* tmpfs */
		return;
	FAILS(EFBIG, pwrite(fd, "x", 1, LLONG_MAX - 1));
	IS(AT("f").st_size, 4);
}

const struct fs_case open_cases[] = {
	{ "the owner's permissions count for the owner", FILES("", "77", "@a"), open_permitted },
	{ "the group's permissions count for its members", FILES("7", "7", "@b.a"),
	  open_permitted },
	{ "the group's permissions count for further members", FILES("7", "7", "@b.g"),
	  open_permitted },
	{ "the others' permissions count for others", FILES("77", "", "@b"), open_permitted },
	{ "O_CREAT of what is there", "d/ d/f", open_creates_nothing },
	{ "O_TRUNC", "f", open_truncates },
	{ "O_TRUNC of what may not be written", "f:444@a", open_trunc_refused },
	{ "O_APPEND", "f", open_appends },
	{ "reading changes nothing", "f", open_reads },
	{ "folders are not written", "d/ l>d", open_folder },
	{ "folders alone are folders", "f p| s= l>f", open_no_folder },
	{ "O_NOFOLLOW", "d/ l>d l2>none", open_no_follow },
	{ "O_CREAT through a symlink", "l>none", open_through_symlink },
	{ "40 symlinks, and 41", "f", open_many_symlinks },
	{ "a fifo without a reader", "p|", open_fifo },
	{ "a socket", "s=", open_socket },
	{ "a program that runs", "x!", open_running },
	{ "a program that is written", "x!", open_blocks_running },
	{ "who makes a file may use it whatever its mode", "./:777", open_then_modeless },
	{ "set-group-id is not for other groups", "./:777 d/:2777@r.b", open_group_bit },
	{ "O_TMPFILE", "", open_nameless },
	{ "a removed file", "f", open_removed },
	{ "in a removed folder", "d/ f", open_removed_folder },
	{ "O_TRUNC by another clears set-id bits", "x:6777", open_trunc_clears, 0777 },
	{ "O_TRUNC by the owner clears set-id bits", "x:6755@a", open_trunc_clears, 0755 },
	{ "writing past RLIMIT_FSIZE", "f", write_limit },
	{ "writing past what can be", "f", write_far },
	{ 0 },
};

/* ---- truncate, ftruncate ---- */

static int by_path(const char *path, off_t size)
{
	return truncate(path, size);
}

static int by_descriptor(const char *path, off_t size)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int r = fd < 0 ? fd : ftruncate(fd, size);
	int e = errno;

	if (fd >= 0)
		(void)close(fd);
	errno = e;
	return r;
}

/* number: what resizes, in the cases that both have. */
enum { PATH, DESCRIPTOR };
static int (*const resize[])(const char *, off_t) = { by_path, by_descriptor };

static void size_grows(const struct fs_case *c)
{
	struct stat was = AT("f");
	struct stat parent = AT(".");

	OK(resize[c->number]("f", 8));
	IS(AT("f").st_size, 8);
	TOUCHED("f", was, CHANGED | MODIFIED);
	TOUCHED(".", parent, 0);
	HOLDS("f", "data\0\0\0\0", 8);
	OK(resize[c->number]("f", 1234567));
	IS(AT("f").st_size, 1234567);
	IS_MODE("f", 0644);
}

static void size_shrinks(const struct fs_case *c)
{
	struct stat was = AT("f");

	OK(resize[c->number]("f", 2));
	IS(AT("f").st_size, 2);
	TOUCHED("f", was, CHANGED | MODIFIED);
	HOLDS("f", "da", 2);
	OK(resize[c->number]("f", 4)); /* what was there does not come back */
	HOLDS("f", "da\0\0", 4);
	OK(resize[c->number]("f", 0));
	HOLDS("f", "", 0);
}

static void size_of_links(const struct fs_case *c)
{
	OK(resize[c->number]("h", 2));
	IS(AT("f").st_size, 2);
	HOLDS("f", "da", 2);
}

static void size_negative(const struct fs_case *c)
{
	struct stat was = AT("f");

	FAILS(EINVAL, resize[c->number]("f", -1));
	FAILS(EINVAL, resize[c->number]("f", LLONG_MIN));
	IS(AT("f").st_size, 4);
	TOUCHED("f", was, 0);
}

static void size_too_big(const struct fs_case *c)
{
	/* tmpfs and some others can have that. */
	if (resize[c->number]("f", LLONG_MAX) == 0) {
		IS(AT("f").st_size, LLONG_MAX);
		return;
	}
	FAILS(EFBIG, resize[c->number]("f", LLONG_MAX));
	IS(AT("f").st_size, 4);
	HOLDS("f", "data", 4);
}

static void size_limit(const struct fs_case *c)
{
	const struct rlimit limit = { 100, 100 };

	(void)signal(SIGXFSZ, SIG_IGN);
	OK(setrlimit(RLIMIT_FSIZE, &limit));
	FAILS(EFBIG, resize[c->number]("f", 101));
	IS(AT("f").st_size, 4);
	OK(resize[c->number]("f", 100));
	IS(AT("f").st_size, 100);
}

static void size_by_other(const struct fs_case *c)
{
	as('a');
	OK(resize[c->number]("f", 2));
	IS(AT("f").st_size, 2);
}

static void size_refused(const struct fs_case *c)
{
	struct stat was = AT("f");

	as('a');
	FAILS(EACCES, resize[c->number]("f", 2));
	FAILS(EACCES, resize[c->number]("f", 4));
	IS(AT("f").st_size, 4);
	TOUCHED("f", was, 0);
}

static void size_clears_ids(const struct fs_case *c)
{
	as('a');
	OK(resize[c->number]("f", 2));
	IS_MODE("f", 0777);
}

static void size_by_root_clears(const struct fs_case *c)
{
	OK(resize[c->number]("f", 2));
	IS_MODE("f", 0777);
}

static void size_of_folder(const struct fs_case *c)
{
	FAILS(EISDIR, resize[c->number]("d", 2));
	FAILS(EISDIR, resize[c->number]("l", 2));
	as('a');
	FAILS(EISDIR, resize[c->number]("d", 2));
}

static void size_of_running(const struct fs_case *c)
{
	struct stat was = AT("x");

	run_program();
	FAILS(ETXTBSY, resize[c->number]("x", 2));
	IS(AT("x").st_size, was.st_size);
}

static void truncate_special(const struct fs_case *c)
{
	(void)c;
	FAILS(EINVAL, truncate("p", 2));
	FAILS(EINVAL, truncate("s", 2));
}

static void truncate_follows(const struct fs_case *c)
{
	struct stat was = AT("l");

	(void)c;
	OK(truncate("l", 2));
	IS(AT("f").st_size, 2);
	TOUCHED("l", was, 0);
}

const struct fs_case truncate_cases[] = {
	{ "grows by zeros", "f", size_grows, PATH },
	{ "shrinks", "f", size_shrinks, PATH },
	{ "all links", "f h+f", size_of_links, PATH },
	{ "below zero", "f", size_negative, PATH },
	{ "more than can be", "f", size_too_big, PATH },
	{ "past RLIMIT_FSIZE", "f", size_limit, PATH },
	{ "another's file that may be written", "f:622@b", size_by_other, PATH },
	{ "another's file that may not be written", "f:755@b", size_refused, PATH },
	{ "the own file that may not be written", "f:577@a", size_refused, PATH },
	{ "clears set-id bits", "f:6777", size_clears_ids, PATH },
	{ "by the owner clears set-id bits", "f:6777@a", size_clears_ids, PATH },
	{ "by a namespace's root clears set-id bits", "f:6777@a", size_by_root_clears, PATH },
	{ "a folder", "d/:777 l>d", size_of_folder, PATH },
	{ "a program that runs", "x!", size_of_running, PATH },
	{ "fifos and sockets", "p| s=", truncate_special },
	{ "a symlink", "f l>f", truncate_follows },
	{ 0 },
};

static void ftruncate_read_only(const struct fs_case *c)
{
	int fd = OPEN("f", O_RDONLY);
	int folder = OPEN("d", O_RDONLY);
	int fifo = OPEN("p", O_RDWR);

	(void)c;
	FAILS(EINVAL, ftruncate(fd, 2));
	FAILS(EINVAL, ftruncate(folder, 2));
	FAILS(EINVAL, ftruncate(fifo, 2));
	OK(close(fd));
	FAILS(EBADF, ftruncate(fd, 2));
	IS(AT("f").st_size, 4);
}

static void ftruncate_keeps_right(const struct fs_case *c)
{
	int fd = -1;

	(void)c;
	as('a');
	fd = OPEN("f", O_RDWR);
	as('r');
	OK(chmod("f", 0));
	as('a');
	OK(ftruncate(fd, 2));
	IS(AT("f").st_size, 2);
	FAILS(EACCES, truncate("f", 1));
}

static void ftruncate_removed(const struct fs_case *c)
{
	int fd = OPEN("f", O_RDWR);
	struct stat st;

	(void)c;
	OK(unlink("f"));
	OK(ftruncate(fd, 100));
	OK(fstat(fd, &st));
	IS(st.st_size, 100);
	OK(ftruncate(fd, 1));
	OK(fstat(fd, &st));
	IS(st.st_size, 1);
}

static void ftruncate_position(const struct fs_case *c)
{
	int fd = OPEN("f", O_RDWR);

	(void)c;
	IS(lseek(fd, 3, SEEK_SET), 3);
	OK(ftruncate(fd, 1));
	IS(lseek(fd, 0, SEEK_CUR), 3);
	IS(write(fd, "x", 1), 1);
	HOLDS("f", "d\0\0x", 4);
}

static void ftruncate_seen(const struct fs_case *c)
{
	int fd = OPEN("f", O_RDWR);
	int other = OPEN("f", O_RDONLY);
	char text[8];

	(void)c;
	IS(pread(other, text, 8, 0), 4);
	OK(ftruncate(fd, 2));
	IS(pread(other, text, 8, 0), 2);
	OK(ftruncate(fd, 6));
	IS(pread(other, text, 8, 0), 6);
	IS(memcmp(text, "da\0\0\0\0", 6), 0);
}

const struct fs_case ftruncate_cases[] = {
	{ "grows by zeros", "f", size_grows, DESCRIPTOR },
	{ "shrinks", "f", size_shrinks, DESCRIPTOR },
	{ "all links", "f h+f", size_of_links, DESCRIPTOR },
	{ "below zero", "f", size_negative, DESCRIPTOR },
	{ "more than can be", "f", size_too_big, DESCRIPTOR },
	{ "past RLIMIT_FSIZE", "f", size_limit, DESCRIPTOR },
	{ "another's file that may be written", "f:622@b", size_by_other, DESCRIPTOR },
	{ "another's file that may not be written", "f:755@b", size_refused, DESCRIPTOR },
	{ "the own file that may not be written", "f:577@a", size_refused, DESCRIPTOR },
	{ "clears set-id bits", "f:6777", size_clears_ids, DESCRIPTOR },
	{ "by the owner clears set-id bits", "f:6777@a", size_clears_ids, DESCRIPTOR },
	{ "by a namespace's root clears set-id bits", "f:6777@a", size_by_root_clears, DESCRIPTOR },
	{ "a folder", "d/:777 l>d", size_of_folder, DESCRIPTOR },
	{ "a program that runs", "x!", size_of_running, DESCRIPTOR },
	{ "what was not opened for writing", "f d/ p|", ftruncate_read_only },
	{ "what was opened can be cut whatever comes", "f:666@b", ftruncate_keeps_right },
	{ "a removed file", "f", ftruncate_removed },
	{ "leaves the position", "f", ftruncate_position },
	{ "is seen by others at once", "f", ftruncate_seen },
	{ 0 },
};

/* ---- posix_fallocate ---- */

/* As other calls: -1, and errno. */
static int allocate(int fd, off_t offset, off_t length)
{
	errno = posix_fallocate(fd, offset, length);
	return errno ? -1 : 0;
}

static void allocate_grows(const struct fs_case *c)
{
	struct stat was = AT("f");

	(void)c;
	OK(allocate(OPEN("f", O_RDWR), 2, 20));
	IS(AT("f").st_size, 22);
	TOUCHED("f", was, CHANGED | MODIFIED);
	HOLDS("f", "data\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22);
}

static void allocate_keeps(const struct fs_case *c)
{
	(void)c;
	OK(allocate(OPEN("f", O_RDWR), 0, 2));
	HOLDS("f", "data", 4);
	OK(allocate(OPEN("f", O_WRONLY), 0, 100000));
	IS(AT("f").st_size, 100000);
	IS(AT("f").st_blocks * 512 >= 100000, true);
	OK(truncate("f", 3));
	HOLDS("f", "dat", 3);
}

static void allocate_bad(const struct fs_case *c)
{
	int fd = OPEN("f", O_RDWR);

	(void)c;
	FAILS(EINVAL, allocate(fd, 0, 0));
	FAILS(EINVAL, allocate(fd, 0, -1));
	FAILS(EINVAL, allocate(fd, -1, 10));
	FAILS(EFBIG, allocate(fd, LLONG_MAX - 10, 20));
	FAILS(EBADF, allocate(OPEN("f", O_RDONLY), 0, 10));
	FAILS(EBADF, allocate(1000, 0, 10));
	FAILS(ESPIPE, allocate(OPEN("p", O_RDWR), 0, 10));
	FAILS(EBADF, allocate(OPEN("d", O_RDONLY), 0, 10));
	IS(AT("f").st_size, 4);
}

static void allocate_limit(const struct fs_case *c)
{
	const struct rlimit limit = { 100, 100 };
	int fd = OPEN("f", O_RDWR);

	(void)c;
	(void)signal(SIGXFSZ, SIG_IGN);
	OK(setrlimit(RLIMIT_FSIZE, &limit));
	FAILS(EFBIG, allocate(fd, 0, 101));
	IS(AT("f").st_size, 4);
	OK(allocate(fd, 0, 100));
	IS(AT("f").st_size, 100);
}

static void allocate_clears_ids(const struct fs_case *c)
{
	as('a');
	OK(allocate(OPEN("f", O_RDWR), 0, 10));
	IS_MODE("f", (unsigned)c->number);
}

static void allocate_by_root(const struct fs_case *c)
{
	OK(allocate(OPEN("f", O_RDWR), 0, 10));
	IS_MODE("f", (unsigned)c->number);
}

static void allocate_new(const struct fs_case *c)
{
	int fd = -1;

	(void)c;
	as('a');
	fd = open("n", O_RDWR | O_CREAT, 0);
	OK(fd);
	OK(allocate(fd, 100, 100));
	IS(AT("n").st_size, 200);
	IS_MODE("n", 0);
}

static void allocate_removed(const struct fs_case *c)
{
	int fd = OPEN("f", O_RDWR);
	struct stat st;

	(void)c;
	OK(unlink("f"));
	OK(allocate(fd, 0, 100));
	OK(fstat(fd, &st));
	IS(st.st_size, 100);
}

const struct fs_case posix_fallocate_cases[] = {
	{ "grows by zeros", "f", allocate_grows },
	{ "does not shrink", "f", allocate_keeps },
	{ "ranges and files that cannot be", "f p| d/", allocate_bad },
	{ "past RLIMIT_FSIZE", "f", allocate_limit },
	{ "clears set-id bits", "f:6777", allocate_clears_ids, 0777 },
	{ "by the owner clears set-id bits", "f:6755@a", allocate_clears_ids, 0755 },
	{ "by a namespace's root clears set-id bits", "f:6777@a", allocate_by_root, 0777 },
	{ "a file that was just made without permissions", "./:777", allocate_new },
	{ "a removed file", "f", allocate_removed },
	{ 0 },
};
