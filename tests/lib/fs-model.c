/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random operations on a file system and, beside it, on an ordinary folder as the model: both must
 * answer alike, and look alike whenever they are compared.
 *
 *   fs-model TESTED MODEL SEED COUNT [-t THREAD | -u USERS] [-r]
 *
 * Both folders hold the same to begin with. -t N keeps to names of its own, for several at once.
 * Folders' times are not compared then: the kernel may keep older ones that came with the listing
 * of the folder above (READDIRPLUS), which another reads meanwhile; a change does not outdate them.
 * -u N acts as N users in turn, root among them, with owners, sticky and set-id bits of all kinds.
 * What the tested one may refuse where the model does not: renaming a folder (EXDEV), as overlays
 * do; not with -r. The seed and the operations before a difference are printed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <grp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { HISTORY = 40, DATA = 20000, PATH_SIZE = 512, OPEN_MAX_ = 4, LIST = 4096 };

static const char *tested, *model, *prefix = "";
static unsigned long long state;
static char history[HISTORY][PATH_SIZE * 2];
static unsigned long step;
static unsigned users;
static int renames_all;

static unsigned pick(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)((state >> 20) % n);
}

static void note(const char *fmt, ...)
{
	va_list ap;

	int n = snprintf(history[step % HISTORY], sizeof(history[0]),
			 "%s%u: ", users ? "user " : "", geteuid());

	va_start(ap, fmt);
	(void)vsnprintf(history[step % HISTORY] + n, sizeof(history[0]) - (size_t)n, fmt, ap);
	va_end(ap);
}

static void fail(const char *fmt, ...)
{
	va_list ap;

	for (unsigned long i = step >= HISTORY ? step - HISTORY + 1 : 0; i <= step; i++)
		printf("%lu: %s\n", i, history[i % HISTORY]);
	printf("DIFFERENT: ");
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	exit(1);
}

/* A name below the top: up to three levels, few enough to meet again. */
static void random_path(char *path)
{
	static const char *const names[] = { "a", "b", "c", "d", "dir", "sub", "file", "link" };
	unsigned depth = 1 + pick(3);

	path[0] = '\0';
	for (unsigned i = 0; i < depth; i++) {
		strcat(path, i ? "/" : prefix);
		strcat(path, names[pick(8)]);
	}
}

static const char *join(const char *top, const char *path)
{
	static char buffers[4][PATH_SIZE * 2];
	static unsigned next;
	char *b = buffers[next++ % 4];

	(void)snprintf(b, sizeof(buffers[0]), "%s/%s", top, path);
	return b;
}

/* The same call on both; equal answers or the end. */
#define BOTH(what, call)                                                                           \
	do {                                                                                       \
		const char *top = tested;                                                          \
		long r1 = (call);                                                                  \
		int e1 = r1 < 0 ? errno : 0;                                                       \
		top = model;                                                                       \
		long r2 = (call);                                                                  \
		int e2 = r2 < 0 ? errno : 0;                                                       \
		if (e1 != e2)                                                                      \
			fail("%s: %s, the model: %s", what, e1 ? strerror(e1) : "done",            \
			     e2 ? strerror(e2) : "done");                                          \
	} while (0)

static char data[DATA];

static long write_at(const char *path, int flags, off_t offset, size_t size)
{
	int fd = open(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | flags, 0640);
	long r = 0;

	if (fd < 0)
		return -1;
	if (size)
		r = flags & O_APPEND ? write(fd, data, size) : pwrite(fd, data, size, offset);
	(void)close(fd);
	return r;
}

static long map_and_write(const char *path, off_t offset)
{
	struct stat st;
	int fd = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK);
	long r = -1;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > offset) {
		char *m = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

		if (m != MAP_FAILED) {
			m[offset] = 'm';
			(void)munmap(m, (size_t)st.st_size);
			r = 0;
		}
	} else {
		errno = ERANGE;
	}
	(void)close(fd);
	return r;
}

static long punch(const char *path, off_t offset, off_t length)
{
	int fd = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK);
	long r = -1;

	if (fd < 0)
		return -1;
	r = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
	(void)close(fd);
	return r;
}

static long copy_range(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	int out = in < 0 ? -1 : open(to, O_WRONLY | O_NOFOLLOW | O_NONBLOCK);
	long r = -1;
	int e = errno;

	if (out >= 0) {
		r = copy_file_range(in, NULL, out, NULL, 3000, 0);
		e = errno;
	}
	if (in >= 0)
		(void)close(in);
	if (out >= 0)
		(void)close(out);
	errno = e;
	return r;
}

/* ---- Files that stay open while their names go ---- */

static struct {
	int fd[2];
} held[OPEN_MAX_];

static void hold(const char *path)
{
	unsigned i = pick(OPEN_MAX_);
	int fd[2] = { open(join(tested, path), O_RDWR | O_NOFOLLOW | O_NONBLOCK),
		      open(join(model, path), O_RDWR | O_NOFOLLOW | O_NONBLOCK) };

	if ((fd[0] < 0) != (fd[1] < 0))
		fail("open %s: %d, the model: %d", path, fd[0], fd[1]);
	for (int k = 0; k < 2; k++) {
		if (held[i].fd[k] > 0)
			(void)close(held[i].fd[k]);
		held[i].fd[k] = fd[k] < 0 ? 0 : fd[k];
	}
}

static void use_held(void)
{
	unsigned i = pick(OPEN_MAX_);
	off_t offset = pick(DATA);
	char seen[2][4096];
	ssize_t n[2] = { 0, 0 };
	struct stat st[2];

	if (held[i].fd[0] <= 0)
		return;
	for (int k = 0; k < 2; k++) {
		if (step % 2)
			(void)!pwrite(held[i].fd[k], data + offset % 100, 50, offset);
		n[k] = pread(held[i].fd[k], seen[k], sizeof(seen[k]), offset / 2);
		if (fstat(held[i].fd[k], &st[k]) < 0)
			fail("fstat of an open file: %s", strerror(errno));
	}
	if (n[0] != n[1] || (n[0] > 0 && memcmp(seen[0], seen[1], (size_t)n[0]) != 0))
		fail("an open file reads differently: %zd bytes, the model %zd", n[0], n[1]);
	if (st[0].st_size != st[1].st_size || st[0].st_mode != st[1].st_mode ||
	    st[0].st_nlink != st[1].st_nlink)
		fail("an open file looks different: size %lld mode %o links %lu, the model %lld %o "
		     "%lu",
		     (long long)st[0].st_size, st[0].st_mode, (unsigned long)st[0].st_nlink,
		     (long long)st[1].st_size, st[1].st_mode, (unsigned long)st[1].st_nlink);
}

/* ---- Comparing ---- */

static void compare_data(const char *path)
{
	static char a[65536], b[65536];
	int fa = open(join(tested, path), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	int fb = open(join(model, path), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n = 0;
	ssize_t m = 0;

	if (fa < 0 || fb < 0)
		fail("open %s: %s", path, strerror(errno));
	do {
		n = read(fa, a, sizeof(a));
		m = read(fb, b, sizeof(b));
		if (n != m || (n > 0 && memcmp(a, b, (size_t)n) != 0))
			fail("%s reads differently: %zd bytes, the model %zd", path, n, m);
	} while (n > 0);
	(void)close(fa);
	(void)close(fb);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* At the top only this thread's own. */
static size_t read_names(const char *path, char **names, int at_top)
{
	DIR *dir = opendir(path);
	struct dirent *e = NULL;
	size_t n = 0;

	if (!dir)
		fail("opendir %s: %s", path, strerror(errno));
	while ((e = readdir(dir)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 && n < LIST &&
		    (!at_top || strncmp(e->d_name, prefix, strlen(prefix)) == 0))
			names[n++] = strdup(e->d_name);
	(void)closedir(dir);
	qsort(names, n, sizeof(names[0]), by_name);
	return n;
}

static void compare_xattrs(const char *path)
{
	char a[1000];
	char b[1000];
	ssize_t n = lgetxattr(join(tested, path), "user.test", a, sizeof(a));
	ssize_t m = lgetxattr(join(model, path), "user.test", b, sizeof(b));

	if (n != m || (n > 0 && memcmp(a, b, (size_t)n) != 0))
		fail("%s: attribute of %zd bytes, the model's %zd", path, n, m);
}

static void compare_tree(const char *path);

static void compare_one(const char *path)
{
	struct stat a;
	struct stat b;
	char ta[PATH_SIZE] = "";
	char tb[PATH_SIZE] = "";

	if (lstat(join(tested, path), &a) < 0 || lstat(join(model, path), &b) < 0)
		fail("lstat %s: %s", path, strerror(errno));
	if (a.st_mode != b.st_mode || a.st_uid != b.st_uid || a.st_gid != b.st_gid)
		fail("%s: mode %o owner %u:%u, the model %o %u:%u", path, a.st_mode, a.st_uid,
		     a.st_gid, b.st_mode, b.st_uid, b.st_gid);
	if (!S_ISDIR(a.st_mode) && (a.st_size != b.st_size || a.st_nlink != b.st_nlink))
		fail("%s: size %lld links %lu, the model %lld %lu", path, (long long)a.st_size,
		     (unsigned long)a.st_nlink, (long long)b.st_size, (unsigned long)b.st_nlink);
	if (S_ISDIR(a.st_mode) && *prefix)
		; /* see above */
	else if (a.st_mtim.tv_nsec == 123456789 || b.st_mtim.tv_nsec == 123456789)
		if (memcmp(&a.st_mtim, &b.st_mtim, sizeof(a.st_mtim)) != 0)
			fail("%s: modified at %lld.%ld, the model %lld.%ld", path,
			     (long long)a.st_mtim.tv_sec, a.st_mtim.tv_nsec,
			     (long long)b.st_mtim.tv_sec, b.st_mtim.tv_nsec);
	if (!S_ISLNK(a.st_mode))
		compare_xattrs(path);
	if (S_ISREG(a.st_mode)) {
		compare_data(path);
	} else if (S_ISDIR(a.st_mode)) {
		compare_tree(path);
	} else if (S_ISLNK(a.st_mode)) {
		if (readlink(join(tested, path), ta, PATH_SIZE - 1) < 0 ||
		    readlink(join(model, path), tb, PATH_SIZE - 1) < 0 || strcmp(ta, tb) != 0)
			fail("%s leads to %s, the model to %s", path, ta, tb);
	}
}

static void compare_tree(const char *path)
{
	char **a = calloc(LIST, sizeof(char *));
	char **b = calloc(LIST, sizeof(char *));
	size_t n = read_names(join(tested, path), a, !*path);
	size_t m = read_names(join(model, path), b, !*path);

	for (size_t i = 0; i < n || i < m; i++) {
		char below[PATH_SIZE];

		if (i >= n || i >= m || strcmp(a[i], b[i]) != 0)
			fail("in %s: %s, the model %s", path, i < n ? a[i] : "nothing",
			     i < m ? b[i] : "nothing");
		(void)snprintf(below, sizeof(below), "%s%s%s", path, *path ? "/" : "", a[i]);
		compare_one(below);
	}
	for (size_t i = 0; i < n; i++)
		free(a[i]);
	for (size_t i = 0; i < m; i++)
		free(b[i]);
	free(a);
	free(b);
}

/* ---- Users ---- */

/* Into one of the users, or back to root: permissions are asked of the effective ids. */
static void become(unsigned user)
{
	static const gid_t groups[] = { 0, 33, 34, 40 };

	if (!users)
		return;
	if (seteuid(0) < 0 || setgroups(1, &groups[3]) < 0 || setegid(groups[user % 3]) < 0 ||
	    (user && seteuid(32 + user) < 0))
		fail("cannot become user %u: %s", user, strerror(errno));
}

static mode_t random_mode(void)
{
	static const mode_t modes[] = { 0777,  0755, 0700,  0750,  0666,  0640, 0000, 01777,
					02775, 0711, 04755, 02755, 06777, 0555, 0333 };

	return modes[pick(sizeof(modes) / sizeof(modes[0]))];
}

/* What several users meet in: owners and modes of all kinds. */
static void one_of_users(const char *p, const char *q)
{
	static const uid_t ids[] = { 0, 33, 34, 40, (uid_t)-1 };
	static char longest[256];
	static char too_long[257];
	uid_t uid = ids[pick(5)];
	gid_t gid = ids[pick(5)];
	mode_t mode = random_mode();
	int how = (int)pick(8);

	memset(longest, 'l', 255);
	memset(too_long, 'l', 256);
	switch (pick(9)) {
	case 0:
	case 1:
		note("chmod %s to %o", p, mode);
		BOTH("chmod", fchmodat(AT_FDCWD, join(top, p), mode, 0));
		break;
	case 2:
	case 3:
		/* Of nothing: FUSE says done where a set-id bit that would go makes ext4 refuse. */
		if (uid == (uid_t)-1 && gid == (gid_t)-1)
			uid = 0;
		note("chown %s to %d:%d", p, (int)uid, (int)gid);
		BOTH("chown", fchownat(AT_FDCWD, join(top, p), uid, gid, AT_SYMLINK_NOFOLLOW));
		break;
	case 4:
		note("mkdir %s with %o", p, mode);
		BOTH("mkdir", mkdir(join(top, p), mode));
		break;
	case 5:
		note("mkfifo %s", p);
		BOTH("mkfifo", mkfifo(join(top, p), mode));
		break;
	case 6:
		note("access %s, %d", p, how);
		BOTH("access", faccessat(AT_FDCWD, join(top, p), how, AT_EACCESS));
		break;
	case 7:
		note("a device %s", p);
		BOTH("mknod", mknod(join(top, p), S_IFCHR | 0666, 0x103));
		break;
	default:
		note("long names, and %s below itself", q);
		BOTH("mkdir", mkdir(join(top, longest), 0755));
		BOTH("mkdir", mkdir(join(top, too_long), 0755));
		BOTH("rmdir", rmdir(join(top, longest)));
		BOTH("readlink", readlink(join(top, q), too_long, sizeof(too_long)));
	}
}

/* ---- Operations ---- */

static void do_rename(const char *p, const char *q)
{
	static const unsigned all[] = { 0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE };
	unsigned flags = all[pick(4)];
	long r1 = 0;
	long r2 = 0;
	int e1 = 0;
	int e2 = 0;

	note("rename %s %s flags %u", p, q, flags);
	r1 = renameat2(AT_FDCWD, join(tested, p), AT_FDCWD, join(tested, q), flags);
	e1 = r1 < 0 ? errno : 0;
	if (e1 == EXDEV && !renames_all)
		return; /* a folder of lower layers */
	r2 = renameat2(AT_FDCWD, join(model, p), AT_FDCWD, join(model, q), flags);
	e2 = r2 < 0 ? errno : 0;
	if (e1 != e2)
		fail("rename: %s, the model: %s", strerror(e1), strerror(e2));
}

static void one_step(void)
{
	static const struct timespec times[2] = { { .tv_sec = 1, .tv_nsec = 5 },
						  { .tv_sec = 1700000000, .tv_nsec = 123456789 } };
	char p[PATH_SIZE];
	char q[PATH_SIZE];
	off_t offset = pick(DATA);
	size_t size = pick(3000);
	unsigned n = pick(1000);

	random_path(p);
	random_path(q);
	if (users && pick(3) == 0) {
		one_of_users(p, q);
		return;
	}
	switch (pick(20)) {
	case 0:
		note("create %s", p);
		BOTH("create", write_at(join(top, p), O_CREAT | O_EXCL, 0, size));
		break;
	case 1:
	case 2:
		note("write %s at %lld, %zu bytes", p, (long long)offset, size);
		BOTH("write", write_at(join(top, p), O_CREAT, offset, size));
		break;
	case 3:
		note("append %s, %zu bytes", p, size);
		BOTH("append", write_at(join(top, p), O_APPEND, 0, size));
		break;
	case 4:
		note("truncate %s to %lld", p, (long long)offset);
		BOTH("truncate", truncate(join(top, p), offset));
		break;
	case 5:
		note("open %s with O_TRUNC", p);
		BOTH("open", write_at(join(top, p), O_TRUNC, 0, size / 2));
		break;
	case 6:
	case 7:
		note("mkdir %s", p);
		BOTH("mkdir", mkdir(join(top, p), 0755));
		break;
	case 8:
		note("rmdir %s", p);
		BOTH("rmdir", rmdir(join(top, p)));
		break;
	case 9:
		note("unlink %s", p);
		BOTH("unlink", unlink(join(top, p)));
		break;
	case 10:
	case 11:
		do_rename(p, q);
		break;
	case 12:
		note("link %s %s", p, q);
		BOTH("link", link(join(top, p), join(top, q)));
		break;
	case 13:
		note("symlink %s", p);
		BOTH("symlink", symlink(q, join(top, p)));
		break;
	case 14:
		note("chmod %s to %o", p, 0600 + n % 0100);
		BOTH("chmod", fchmodat(AT_FDCWD, join(top, p), 0600 + n % 0100, 0));
		break;
	case 15:
		note("utimens %s", p);
		BOTH("utimens", utimensat(AT_FDCWD, join(top, p), times, AT_SYMLINK_NOFOLLOW));
		break;
	case 16:
		note("setxattr %s, %u bytes", p, n);
		if (n % 3)
			BOTH("setxattr", lsetxattr(join(top, p), "user.test", data, n, 0));
		else
			BOTH("removexattr", lremovexattr(join(top, p), "user.test"));
		break;
	case 17:
		note("hold %s", p);
		hold(p);
		break;
	case 18:
		note("use a held one");
		use_held();
		break;
	default:
		if (n % 3 == 0 && users) {
			return; /* FUSE clears set-id bits at this kind of write too */
		} else if (n % 3 == 0) {
			note("map %s at %lld", p, (long long)offset);
			BOTH("mmap", map_and_write(join(top, p), offset));
		} else if (n % 3 == 1) {
			note("punch %s at %lld", p, (long long)offset);
			BOTH("fallocate", punch(join(top, p), offset, 5000));
		} else {
			note("copy_file_range %s %s", p, q);
			BOTH("copy_file_range", copy_range(join(top, p), join(top, q)));
		}
	}
}

int main(int argc, char **argv)
{
	static char own[32];
	unsigned long count = 0;

	if (argc < 5)
		return 2;
	tested = argv[1];
	model = argv[2];
	state = strtoull(argv[3], NULL, 10) * 2654435761U + 88172645463325252ULL;
	count = strtoul(argv[4], NULL, 10);
	for (int option = 0; (option = getopt(argc - 4, argv + 4, "t:u:r")) >= 0;) {
		if (option == 'u') {
			users = (unsigned)strtoul(optarg, NULL, 10);
		} else if (option == 't') {
			(void)snprintf(own, sizeof(own), "t%s-", optarg);
			prefix = own;
		} else if (option == 'r') {
			renames_all = 1;
		} else {
			return 2;
		}
	}
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	(void)umask(022);
	for (size_t i = 0; i < DATA; i++)
		data[i] = (char)('a' + i % 26);
	for (step = 0; step < count; step++) {
		become(users ? pick(users) : 0);
		one_step();
		become(0);
		if (step % 200 == 199)
			compare_tree("");
	}
	step--;
	compare_tree("");
	printf("%lu operations, seed %s: alike\n", count, argv[3]);
	return 0;
}
