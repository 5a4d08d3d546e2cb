/* SPDX-License-Identifier: Apache-2.0 */
/* fs-cases: attributes. chmod, chown, utimensat. */
#include "tests/lib/fs-cases.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

/* ---- chmod ---- */

static void chmod_sets(const struct fs_case *c)
{
	struct stat was = AT("x");

	OK(chmod("x", (mode_t)c->number));
	IS_MODE("x", (unsigned)c->number);
	IS(AT("x").st_mode & S_IFMT, was.st_mode & S_IFMT);
	TOUCHED("x", was, CHANGED);
}

static void fchmod_sets(const struct fs_case *c)
{
	struct stat was = AT("x");

	OK(fchmod(OPEN("x", O_RDONLY | O_NONBLOCK), (mode_t)c->number));
	IS_MODE("x", (unsigned)c->number);
	TOUCHED("x", was, CHANGED);
}

static void chmod_follows(const struct fs_case *c)
{
	struct stat was = AT("l");

	(void)c;
	OK(chmod("l", 0421));
	IS_MODE("x", 0421);
	IS_MODE("l", 0777);
	TOUCHED("l", was, 0);
}

/* lchmod(2): Linux gives symlinks no mode. */
static void chmod_symlink(const struct fs_case *c)
{
	struct stat was = AT("x");
	long r = 0;

	(void)c;
	FAILS(EOPNOTSUPP, fchmodat(AT_FDCWD, "l", 0421, AT_SYMLINK_NOFOLLOW));
	IS_MODE("l", 0777);
	TOUCHED("x", was, 0);
	OK(fchmodat(AT_FDCWD, "x", 0421, AT_SYMLINK_NOFOLLOW));
	IS_MODE("x", 0421);
	r = syscall(SYS_fchmodat2, AT_FDCWD, "l", 0600, AT_SYMLINK_NOFOLLOW);
	if (r < 0 && errno == ENOSYS) /* Linux 6.6 has it */
		return;
	expect_result(__FILE__, __LINE__, "fchmodat2(l)", r, EOPNOTSUPP);
	OK(syscall(SYS_fchmodat2, AT_FDCWD, "x", 0600, AT_SYMLINK_NOFOLLOW));
	IS_MODE("x", 0600);
}

static void chmod_by_owner(const struct fs_case *c)
{
	struct stat was = AT("x");

	as('a');
	OK(chmod("x", (mode_t)c->number));
	as('r');
	IS_MODE("x", (unsigned)c->number);
	TOUCHED("x", was, CHANGED);
}

static void chmod_refused(const struct fs_case *c)
{
	struct stat was = AT("x");

	(void)c;
	as('a');
	FAILS(EPERM, chmod("x", 0700));
	FAILS(EPERM, chmod("x", was.st_mode & 07777));
	IS_MODE("x", was.st_mode & 07777);
	TOUCHED("x", was, 0);
}

static void chmod_by_root(const struct fs_case *c)
{
	(void)c;
	OK(chmod("x", 06711));
	IS_MODE("x", 06711);
	IS_OWNED("x", 'a', 'b');
}

/* number: what 02755 becomes where who asks is of the group or not */
static void chmod_group_bit(const struct fs_case *c)
{
	as('a');
	OK(chmod("x", 02755));
	IS_MODE("x", (unsigned)c->number);
	OK(chmod("x", 06755));
	IS_MODE("x", (unsigned)c->number | 04000);
}

static void write_by(char user)
{
	int fd = -1;

	as(user);
	fd = OPEN("x", O_WRONLY);
	IS(write(fd, "x", 1), 1);
	OK(close(fd));
	as('r');
}

/* number: what is left of the mode. Linux takes the bits from the owner's own writes as well, and
 * leaves them at those of root of the first namespace alone. */
static void chmod_write_other(const struct fs_case *c)
{
	write_by('a');
	IS_MODE("x", (unsigned)c->number);
}

static void chmod_write_root(const struct fs_case *c)
{
	write_by('r');
	IS_MODE("x", (unsigned)c->number);
}

/* Bits that came after the file was opened go, too. */
static void chmod_while_open(const struct fs_case *c)
{
	int fd = -1;

	(void)c;
	as('a');
	fd = OPEN("x", O_WRONLY);
	IS(write(fd, "x", 1), 1);
	as('r');
	OK(chmod("x", 06777));
	IS_MODE("x", 06777);
	as('a');
	IS(write(fd, "x", 1), 1);
	as('r');
	IS_MODE("x", 0777);
}

static void chmod_takes_effect(const struct fs_case *c)
{
	int fd = -1;

	(void)c;
	as('a');
	fd = OPEN("x", O_RDWR);
	OK(close(fd));
	as('r');
	OK(chmod("x", 0600));
	as('a');
	FAILS(EACCES, open("x", O_RDONLY));
	as('r');
	OK(chmod("x", 0604));
	as('a');
	(void)OPEN("x", O_RDONLY);
	FAILS(EACCES, open("x", O_RDWR));
}

static void fchmod_removed(const struct fs_case *c)
{
	int fd = OPEN("x", O_RDONLY | O_NONBLOCK);
	struct stat st;

	OK(unlinkat(AT_FDCWD, "x", (int)c->number));
	OK(fchmod(fd, 0421));
	OK(fstat(fd, &st));
	IS(st.st_mode & 07777, 0421);
	IS(st.st_nlink, 0);
}

const struct fs_case chmod_cases[] = {
	{ "a file", "x", chmod_sets, 0111 },
	{ "a file, all bits", "x", chmod_sets, 07777 },
	{ "a file, no bit", "x", chmod_sets, 0 },
	{ "a folder", "x/", chmod_sets, 0111 },
	{ "a folder, all bits", "x/", chmod_sets, 07777 },
	{ "a folder with something in it", "x/ x/f", chmod_sets, 01700 },
	{ "a fifo", "x|", chmod_sets, 0111 },
	{ "a socket", "x=", chmod_sets, 04711 },
	{ "fchmod of a file", "x", fchmod_sets, 0111 },
	{ "fchmod of a folder", "x/", fchmod_sets, 03711 },
	{ "fchmod of a fifo", "x|", fchmod_sets, 0640 },
	{ "a symlink is followed", "x l>x", chmod_follows },
	{ "a symlink has no mode", "x l>x", chmod_symlink },
	{ "a file's owner may", "x@a", chmod_by_owner, 0421 },
	{ "a folder's owner may", "x/@a", chmod_by_owner, 0421 },
	{ "a fifo's owner may", "x|@a", chmod_by_owner, 0421 },
	{ "a socket's owner may", "x=@a", chmod_by_owner, 0421 },
	{ "a file's owner may without any permission", "x:0@a", chmod_by_owner, 0644 },
	{ "a file's owner may set the sticky bit", "x@a", chmod_by_owner, 01644 },
	{ "a file's owner may set set-user-id", "x@a", chmod_by_owner, 04755 },
	{ "another's file", "x:666@b", chmod_refused },
	{ "another's folder", "x/:777@b", chmod_refused },
	{ "another's fifo", "x|:666@b", chmod_refused },
	{ "another's socket", "x=:666@b", chmod_refused },
	{ "root's file", "x:666", chmod_refused },
	{ "a file of one's group", "x:666@b.a", chmod_refused },
	{ "root may what owners may", "x@a.b", chmod_by_root },
	{ "root may what folders' owners may", "x/@a.b", chmod_by_root },
	{ "set-group-id for one's group", "x@a.a", chmod_group_bit, 02755 },
	{ "set-group-id for one's further group", "x@a.g", chmod_group_bit, 02755 },
	{ "set-group-id for another group", "x@a.b", chmod_group_bit, 0755 },
	{ "set-group-id of a folder for one's group", "x/@a.g", chmod_group_bit, 02755 },
	{ "set-group-id of a folder for another group", "x/@a.b", chmod_group_bit, 0755 },
	{ "set-user-id ends by another's write", "x:4777", chmod_write_other, 0777 },
	{ "set-group-id ends by another's write", "x:2777", chmod_write_other, 0777 },
	{ "both set-id bits end by another's write", "x:6777", chmod_write_other, 0777 },
	{ "set-id bits end by the owner's write", "x:6755@a", chmod_write_other, 0755 },
	{ "the sticky bit stays at a write", "x:1777", chmod_write_other, 01777 },
	{ "set-group-id without execution stays in the group", "x:2767@r.g", chmod_write_other,
	  02767 },
	{ "set-id bits end by a namespace's root's write", "x:6777@a", chmod_write_root, 0777 },
	{ "set-id bits end though they came late", "x:777", chmod_while_open },
	{ "is obeyed at once", "x:606", chmod_takes_effect },
	{ "fchmod of a removed file", "x", fchmod_removed, 0 },
	{ "fchmod of a removed fifo", "x|", fchmod_removed, 0 },
	{ "fchmod of a removed folder", "x/", fchmod_removed, AT_REMOVEDIR },
	{ 0 },
};

/* ---- chown ---- */

static void chown_sets(const struct fs_case *c)
{
	struct stat was = AT("x");

	(void)c;
	OK(lchown("x", id_of('a'), id_of('b')));
	IS_OWNED("x", 'a', 'b');
	TOUCHED("x", was, CHANGED);
	OK(lchown("x", id_of('c'), (gid_t)-1));
	IS_OWNED("x", 'c', 'b');
	OK(lchown("x", (uid_t)-1, id_of('g')));
	IS_OWNED("x", 'c', 'g');
	OK(lchown("x", (uid_t)-1, (gid_t)-1));
	IS_OWNED("x", 'c', 'g');
}

static void chown_of_links(const struct fs_case *c)
{
	(void)c;
	OK(lchown("x", id_of('a'), id_of('b')));
	IS_OWNED("h", 'a', 'b');
	IS(AT("h").st_ino, AT("x").st_ino);
	IS(AT("h").st_nlink, 2);
}

static void fchown_sets(const struct fs_case *c)
{
	struct stat was = AT("x");

	(void)c;
	OK(fchown(OPEN("x", O_RDONLY | O_NONBLOCK), id_of('a'), id_of('b')));
	IS_OWNED("x", 'a', 'b');
	TOUCHED("x", was, CHANGED);
}

static void chown_follows(const struct fs_case *c)
{
	struct stat was = AT("l");

	(void)c;
	OK(chown("l", id_of('a'), id_of('b')));
	IS_OWNED("x", 'a', 'b');
	IS_OWNED("l", 'r', 'r');
	TOUCHED("l", was, 0);
	was = AT("x");
	OK(lchown("l", id_of('b'), id_of('c')));
	IS_OWNED("x", 'a', 'b');
	IS_OWNED("l", 'b', 'c');
	TOUCHED("x", was, 0);
}

static void chown_group_by_owner(const struct fs_case *c)
{
	struct stat was = AT("x");

	(void)c;
	as('a');
	OK(lchown("x", id_of('a'), id_of('g')));
	as('r');
	IS_OWNED("x", 'a', 'g');
	TOUCHED("x", was, CHANGED);
	as('a');
	OK(lchown("x", (uid_t)-1, id_of('a')));
	as('r');
	IS_OWNED("x", 'a', 'a');
}

static void chown_refused_to_owner(const struct fs_case *c)
{
	struct stat was = AT("x");

	(void)c;
	as('a');
	FAILS(EPERM, lchown("x", id_of('b'), (gid_t)-1));
	FAILS(EPERM, lchown("x", 0, 0));
	FAILS(EPERM, lchown("x", (uid_t)-1, id_of('b')));
	FAILS(EPERM, lchown("x", id_of('a'), id_of('b')));
	FAILS(EPERM, lchown("x", id_of('b'), id_of('a')));
	TOUCHED("x", was, 0);
	IS_OWNED("x", 'a', 'a');
}

static void chown_refused(const struct fs_case *c)
{
	struct stat was = AT("x");

	(void)c;
	as('a');
	FAILS(EPERM, lchown("x", id_of('a'), id_of('a')));
	FAILS(EPERM, lchown("x", id_of('a'), (gid_t)-1));
	FAILS(EPERM, lchown("x", (uid_t)-1, id_of('g')));
	FAILS(EPERM, lchown("x", was.st_uid, was.st_gid));
	TOUCHED("x", was, 0);
}

static void chown_nothing(const struct fs_case *c)
{
	(void)c;
	as('a');
	OK(lchown("x", (uid_t)-1, (gid_t)-1));
	IS_OWNED("x", 'b', 'b');
}

/* number: what is left of the mode */
static void chown_clears_root(const struct fs_case *c)
{
	OK(chown("x", id_of('b'), id_of('c')));
	IS_MODE("x", (unsigned)c->number);
}

static void chown_clears_group(const struct fs_case *c)
{
	OK(chown("x", (uid_t)-1, id_of('c')));
	IS_MODE("x", (unsigned)c->number);
}

static void chown_clears_owner(const struct fs_case *c)
{
	as('a');
	OK(chown("x", (uid_t)-1, id_of('g')));
	IS_MODE("x", (unsigned)c->number);
}

static void fchown_clears_owner(const struct fs_case *c)
{
	as('a');
	OK(fchown(OPEN("x", O_RDONLY | O_NONBLOCK), id_of('a'), id_of('g')));
	IS_MODE("x", (unsigned)c->number);
}

static void chown_refused_keeps(const struct fs_case *c)
{
	(void)c;
	as('a');
	FAILS(EPERM, chown("x", id_of('b'), (gid_t)-1));
	IS_MODE("x", 06755);
}

static void chown_takes_effect(const struct fs_case *c)
{
	(void)c;
	as('a');
	(void)OPEN("x", O_RDWR);
	as('r');
	OK(chown("x", id_of('b'), id_of('b')));
	as('a');
	FAILS(EACCES, open("x", O_RDONLY));
	FAILS(EPERM, chmod("x", 0666));
	as('b');
	(void)OPEN("x", O_RDWR);
	OK(chmod("x", 0666));
}

static void chown_unmapped(const struct fs_case *c)
{
	(void)c;
	FAILS(EINVAL, chown("x", 4000000000U, (gid_t)-1));
	FAILS(EINVAL, chown("x", (uid_t)-1, 4000000000U));
	IS_OWNED("x", 'r', 'r');
}

const struct fs_case chown_cases[] = {
	{ "a file", "x", chown_sets },
	{ "a folder", "x/", chown_sets },
	{ "a folder with something in it", "x/ x/f", chown_sets },
	{ "a fifo", "x|", chown_sets },
	{ "a socket", "x=", chown_sets },
	{ "a symlink", "x>none", chown_sets },
	{ "a file of two names", "x h+x", chown_of_links },
	{ "a fifo of two names", "x| h+x", chown_of_links },
	{ "a socket of two names", "x= h+x", chown_of_links },
	{ "a symlink of two names", "x>none h+x", chown_of_links },
	{ "fchown of a file", "x", fchown_sets },
	{ "fchown of a folder", "x/", fchown_sets },
	{ "fchown of a fifo", "x|", fchown_sets },
	{ "a symlink is followed by chown, not by lchown", "x l>x", chown_follows },
	{ "a file's owner may give it another of the own groups", "x@a", chown_group_by_owner },
	{ "a folder's owner may give it another of the own groups", "x/@a", chown_group_by_owner },
	{ "a fifo's owner may give it another of the own groups", "x|@a", chown_group_by_owner },
	{ "a symlink's owner may give it another of the own groups", "x>y@a",
	  chown_group_by_owner },
	{ "a file without permissions can be given to a group", "x:0@a", chown_group_by_owner },
	{ "a file cannot be given away", "x@a", chown_refused_to_owner },
	{ "a folder cannot be given away", "x/@a", chown_refused_to_owner },
	{ "a fifo cannot be given away", "x|@a", chown_refused_to_owner },
	{ "a symlink cannot be given away", "x>y@a", chown_refused_to_owner },
	{ "another's file", "x:666@b", chown_refused },
	{ "another's folder", "x/:777@b", chown_refused },
	{ "another's fifo", "x|:666@b", chown_refused },
	{ "another's symlink", "x>y@b", chown_refused },
	{ "root's file", "x:666", chown_refused },
	{ "another's file of one's group", "x:666@b.a", chown_refused },
	{ "no change is for everybody", "x@b", chown_nothing },
	{ "root clears set-id bits", "x:6755@a", chown_clears_root, 0755 },
	{ "root clears set-user-id", "x:4755@a", chown_clears_root, 0755 },
	{ "root clears set-id bits by the group alone", "x:6755@a", chown_clears_group, 0755 },
	{ "root leaves the sticky bit", "x:1755@a", chown_clears_root, 01755 },
	{ "root leaves set-group-id without execution", "x:2745@a", chown_clears_root, 02745 },
	{ "root leaves a folder's set-id bits", "x/:7755@a", chown_clears_root, 07755 },
	{ "the owner clears set-id bits", "x:6755@a", chown_clears_owner, 0755 },
	{ "the owner clears set-user-id", "x:4711@a", chown_clears_owner, 0711 },
	{ "the owner clears set-group-id", "x:2711@a", chown_clears_owner, 0711 },
	{ "the owner leaves a folder's set-id bits", "x/:7755@a.g", chown_clears_owner, 07755 },
	{ "fchown by the owner clears set-id bits", "x:6755@a", fchown_clears_owner, 0755 },
	{ "a refusal leaves set-id bits", "x:6755@a", chown_refused_keeps },
	{ "is obeyed at once", "x:600@a", chown_takes_effect },
	{ "ids that are not mapped", "x", chown_unmapped },
	{ 0 },
};

/* ---- utimensat ---- */

static const struct timespec ago[2] = { { .tv_sec = 1000000001, .tv_nsec = 123456789 },
					{ .tv_sec = 1200000002, .tv_nsec = 987654321 } };

static void expect_ago(const char *path, bool atime, bool mtime)
{
	struct stat st = AT(path);

	IS(st.st_atim.tv_sec == ago[0].tv_sec && st.st_atim.tv_nsec == ago[0].tv_nsec, atime);
	IS(st.st_mtim.tv_sec == ago[1].tv_sec && st.st_mtim.tv_nsec == ago[1].tv_nsec, mtime);
}

static void utimens_sets(const struct fs_case *c)
{
	struct stat was = AT("x");
	struct stat is;

	(void)c;
	OK(utimensat(AT_FDCWD, "x", ago, AT_SYMLINK_NOFOLLOW));
	expect_ago("x", true, true);
	is = AT("x");
	was.st_mtim = is.st_mtim;
	TOUCHED("x", was, CHANGED);
}

static void futimens_sets(const struct fs_case *c)
{
	struct stat was = AT("x");

	(void)c;
	OK(futimens(OPEN("x", O_RDONLY | O_NONBLOCK), ago));
	expect_ago("x", true, true);
	was.st_mtim = AT("x").st_mtim;
	TOUCHED("x", was, CHANGED);
}

static void utimens_follows(const struct fs_case *c)
{
	(void)c;
	OK(utimensat(AT_FDCWD, "l", ago, 0));
	expect_ago("x", true, true);
	expect_ago("l", false, false);
	OK(utimensat(AT_FDCWD, "dangling", ago, AT_SYMLINK_NOFOLLOW));
	expect_ago("dangling", true, true);
}

static void utimens_now(const struct fs_case *c)
{
	const struct timespec now[2] = { { .tv_nsec = UTIME_NOW }, { .tv_nsec = UTIME_NOW } };
	struct stat was = AT("x");

	OK(utimensat(AT_FDCWD, "x", c->number ? now : NULL, AT_SYMLINK_NOFOLLOW));
	TOUCHED("x", was, CHANGED | MODIFIED);
	IS(AT("x").st_atim.tv_sec >= was.st_atim.tv_sec, true);
	IS(AT("x").st_atim.tv_sec - AT("x").st_mtim.tv_sec, 0);
}

static void utimens_omit(const struct fs_case *c)
{
	struct timespec times[2] = { ago[0], { .tv_nsec = UTIME_OMIT } };
	struct stat was = AT("x");

	(void)c;
	OK(utimensat(AT_FDCWD, "x", times, AT_SYMLINK_NOFOLLOW));
	expect_ago("x", true, false);
	TOUCHED("x", was, CHANGED);
	times[0].tv_nsec = UTIME_OMIT;
	times[1] = ago[1];
	OK(utimensat(AT_FDCWD, "x", times, AT_SYMLINK_NOFOLLOW));
	expect_ago("x", true, true);
}

static void utimens_omit_both(const struct fs_case *c)
{
	const struct timespec none[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_nsec = UTIME_OMIT } };
	struct stat was = AT("x");

	(void)c;
	OK(utimensat(AT_FDCWD, "x", none, 0));
	as('a');
	OK(utimensat(AT_FDCWD, "x", none, 0));
	TOUCHED("x", was, 0);
	IS(AT("x").st_atim.tv_nsec, was.st_atim.tv_nsec);
}

static void utimens_one_now(const struct fs_case *c)
{
	struct timespec times[2] = { ago[0], { .tv_nsec = UTIME_NOW } };
	struct stat was = AT("x");

	(void)c;
	OK(utimensat(AT_FDCWD, "x", times, 0));
	expect_ago("x", true, false);
	TOUCHED("x", was, CHANGED | MODIFIED);
}

static void utimens_range(const struct fs_case *c)
{
	struct timespec times[2] = { { .tv_sec = c->number, .tv_nsec = 1 },
				     { .tv_sec = c->number, .tv_nsec = 999999999 } };
	struct stat st;

	OK(utimensat(AT_FDCWD, "x", times, 0));
	st = AT("x");
	IS(st.st_atim.tv_sec, c->number);
	IS(st.st_mtim.tv_sec, c->number);
	IS(st.st_atim.tv_nsec, 1);
	IS(st.st_mtim.tv_nsec, 999999999);
}

static void utimens_bad(const struct fs_case *c)
{
	struct timespec times[2] = { ago[0], { .tv_nsec = 1000000000 } };
	struct stat was = AT("x");

	(void)c;
	FAILS(EINVAL, utimensat(AT_FDCWD, "x", times, 0));
	times[1].tv_nsec = -1;
	FAILS(EINVAL, utimensat(AT_FDCWD, "x", times, 0));
	FAILS(EINVAL, utimensat(AT_FDCWD, "x", ago, 0x40000000));
	TOUCHED("x", was, 0);
}

static void utimens_by(const struct fs_case *c)
{
	(void)c;
	as('a');
	OK(utimensat(AT_FDCWD, "x", ago, AT_SYMLINK_NOFOLLOW));
	as('r');
	expect_ago("x", true, true);
}

static void utimens_now_by(const struct fs_case *c)
{
	const struct timespec now[2] = { { .tv_nsec = UTIME_NOW }, { .tv_nsec = UTIME_NOW } };
	struct stat was = AT("x");

	as('a');
	if (c->number) {
		FAILS((int)c->number, utimensat(AT_FDCWD, "x", NULL, 0));
		FAILS((int)c->number, utimensat(AT_FDCWD, "x", now, 0));
		TOUCHED("x", was, 0);
	} else {
		OK(utimensat(AT_FDCWD, "x", NULL, 0));
		OK(utimensat(AT_FDCWD, "x", now, 0));
		TOUCHED("x", was, CHANGED | MODIFIED);
	}
}

static void utimens_refused(const struct fs_case *c)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_NOW }, { .tv_nsec = UTIME_OMIT } };
	struct stat was = AT("x");

	(void)c;
	as('a');
	FAILS(EPERM, utimensat(AT_FDCWD, "x", ago, 0));
	FAILS(EPERM, utimensat(AT_FDCWD, "x", times, 0));
	times[0].tv_nsec = UTIME_OMIT;
	times[1].tv_nsec = UTIME_NOW;
	FAILS(EPERM, utimensat(AT_FDCWD, "x", times, 0));
	times[0] = ago[0];
	FAILS(EPERM, utimensat(AT_FDCWD, "x", times, 0));
	TOUCHED("x", was, 0);
}

/* What was written before stays at the time that is set. */
static void utimens_after_write(const struct fs_case *c)
{
	int fd = OPEN("x", O_RDWR);

	(void)c;
	IS(write(fd, "more data", 9), 9);
	OK(futimens(fd, ago));
	expect_ago("x", true, true);
	OK(fsync(fd));
	OK(close(fd));
	expect_ago("x", true, true);
	OK(chmod("x", 0600));
	expect_ago("x", true, true);
	IS(AT("x").st_size, 9);
}

static void futimens_removed(const struct fs_case *c)
{
	int fd = OPEN("x", O_RDONLY | O_NONBLOCK);
	struct stat st;

	OK(unlinkat(AT_FDCWD, "x", (int)c->number));
	OK(futimens(fd, ago));
	OK(fstat(fd, &st));
	IS(st.st_mtim.tv_sec, ago[1].tv_sec);
}

const struct fs_case utimensat_cases[] = {
	{ "a file", "x", utimens_sets },
	{ "a folder", "x/", utimens_sets },
	{ "a folder with something in it", "x/ x/f", utimens_sets },
	{ "a fifo", "x|", utimens_sets },
	{ "a socket", "x=", utimens_sets },
	{ "a symlink", "x>none", utimens_sets },
	{ "a file of two names", "x h+x", utimens_sets },
	{ "by a file's descriptor", "x", futimens_sets },
	{ "by a folder's descriptor", "x/", futimens_sets },
	{ "by a fifo's descriptor", "x|", futimens_sets },
	{ "a symlink is followed on demand", "x l>x dangling>none", utimens_follows },
	{ "now, by NULL", "x", utimens_now, 0 },
	{ "now, by UTIME_NOW", "x", utimens_now, 1 },
	{ "now, a folder", "x/", utimens_now, 0 },
	{ "now, a symlink", "x>none", utimens_now, 1 },
	{ "one of both", "x", utimens_omit },
	{ "one of a folder's both", "x/", utimens_omit },
	{ "none of both", "x", utimens_omit_both },
	{ "none of a folder's both", "x/", utimens_omit_both },
	{ "now for one of both", "x", utimens_one_now },
	{ "the epoch", "x", utimens_range, 0 },
	{ "before the epoch", "x", utimens_range, -1000000000 },
	{ "one second before the epoch", "x", utimens_range, -1 },
	{ "the last of 31 bits", "x", utimens_range, 2147483647 },
	{ "more than 31 bits", "x", utimens_range, 2147483648 },
	{ "more than 32 bits", "x", utimens_range, 4294967297 },
	{ "a folder, more than 32 bits", "x/", utimens_range, 4294967297 },
	{ "no time, no flag", "x", utimens_bad },
	{ "a file's owner may, without permissions", "x:0@a", utimens_by },
	{ "a folder's owner may, without permissions", "x/:0@a", utimens_by },
	{ "a symlink's owner may", "x>none@a", utimens_by },
	{ "now: a file's owner may, without permissions", "x:0@a", utimens_now_by, 0 },
	{ "now: who may write may", "x:646@b", utimens_now_by, 0 },
	{ "now: who may write a folder may", "x/:737@r.g", utimens_now_by, 0 },
	{ "now: others' permissions are not for the group", "x:606@r.g", utimens_now_by, EACCES },
	{ "now: who is of a group that may write may", "x:660@b.g", utimens_now_by, 0 },
	{ "now: who may not write may not", "x:644@b", utimens_now_by, EACCES },
	{ "now: who may not write a folder may not", "x/:755@b", utimens_now_by, EACCES },
	{ "another's file that may be written", "x:666@b", utimens_refused },
	{ "another's file that may not be written", "x:644@b", utimens_refused },
	{ "another's folder", "x/:777@b", utimens_refused },
	{ "after a write", "x", utimens_after_write },
	{ "of a removed file", "x", futimens_removed, 0 },
	{ "of a removed fifo", "x|", futimens_removed, 0 },
	{ "of a removed folder", "x/", futimens_removed, AT_REMOVEDIR },
	{ 0 },
};
