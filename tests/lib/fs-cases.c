/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cases of what POSIX and Linux say of calls on files, as a file system must have them: effects,
 * times, link counts, permissions, errors.
 *
 *   fs-cases prepare FOLDER               makes the start of all cases
 *   fs-cases run FOLDER [OPTION...] [FAMILY...]   runs them, each once
 *   fs-cases list                         the number of cases by family
 *   fs-cases wait                         what a case runs as a program
 *
 * Between the two FOLDER may become a lower layer: run is given the mount then. An option names
 * what such a file system does otherwise on purpose: --folders-stay, --folders-uncounted,
 * --links-untimed.
 *
 * It runs as root of a user namespace with many ids. A failed case gives one line. The families
 * are those of FreeBSD's list but for chflags(2) and NFSv4's ACLs, which Linux has not.
 */
#include "tests/lib/fs-cases.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CASES_MAX = 2000, CASE_SECONDS = 20 };

bool folders_stay, folders_uncounted, links_untimed;
static struct fs_case all[CASES_MAX];
static size_t count;
static const struct fs_case *current;
static int program_fd = -1;

void cases_add(const char *family, const struct fs_case *c)
{
	if (count == CASES_MAX)
		abort();
	all[count] = *c;
	all[count++].family = family;
}

static void add_all(void)
{
	static const struct {
		const char *family;
		const struct fs_case *cases;
	} tables[] = { { "chmod", chmod_cases },
		       { "chown", chown_cases },
		       { "utimensat", utimensat_cases },
		       { "open", open_cases },
		       { "truncate", truncate_cases },
		       { "ftruncate", ftruncate_cases },
		       { "posix_fallocate", posix_fallocate_cases },
		       { "mkdir", mkdir_cases },
		       { "mkfifo", mkfifo_cases },
		       { "mknod", mknod_cases },
		       { "symlink", symlink_cases },
		       { "link", link_cases },
		       { "rename", rename_cases },
		       { "rmdir", rmdir_cases },
		       { "unlink", unlink_cases } };

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (const struct fs_case *c = tables[i].cases; c->name; c++)
			cases_add(tables[i].family, c);
	paths_add();
	makers_add();
}

/* ---- Users ---- */

unsigned id_of(char letter)
{
	switch (letter) {
	case 'r':
		return 0;
	case 'g':
		return 3001;
	default:
		return 1001 + (unsigned)(letter - 'a');
	}
}

/* Permissions are asked of the effective ids; root stays the one to come back to. */
void as(char user)
{
	const gid_t groups[] = { id_of(user), id_of('g') };

	if (seteuid(0) < 0 || setgroups(user == 'a' ? 2 : 1, groups) < 0 ||
	    setegid(id_of(user)) < 0 || seteuid(id_of(user)) < 0)
		failed(__FILE__, __LINE__, "cannot become %c: %s", user, strerror(errno));
}

/* ---- The start of a case ---- */

static void must(long r, const char *what)
{
	if (r >= 0)
		return;
	printf("cannot prepare \"%s: %s\", %s: %s\n", current->family, current->name, what,
	       strerror(errno));
	exit(1);
}

static void copy_program(const char *path)
{
	static char buffer[65536];
	int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int out = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	ssize_t n = 0;

	must(in, "open itself");
	must(out, path);
	while ((n = read(in, buffer, sizeof(buffer))) > 0)
		must(write(out, buffer, (size_t)n) == n ? 0 : -1, path);
	(void)close(in);
	(void)close(out);
}

static void make_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	must(fd, path);
	must(write(fd, "data", 4), path);
	(void)close(fd);
}

/* The name, which says by a character what it is; the mode that it has if nothing is said. */
static unsigned make_start(char *head)
{
	char *end = head + strlen(head) - 1;
	char *other = strpbrk(head, ">+");

	if (*end == '/') {
		if (strcmp(head, "./") != 0)
			must(mkdir(head, 0755), head);
		return 0755;
	}
	if (other) {
		char kind = *other;

		*other++ = '\0';
		must(kind == '>' ? symlink(other, head) : link(other, head), head);
	} else if (strchr("|=!", *end)) {
		char kind = *end;

		*end = '\0';
		if (kind == '!') {
			copy_program(head);
			return 0755;
		}
		must(mknod(head, kind == '|' ? S_IFIFO | 0644 : S_IFSOCK | 0644, 0), head);
	} else {
		make_file(head);
	}
	return 0644;
}

static void make_word(char *word)
{
	char *owner = strchr(word, '@');
	char *mode = NULL;
	unsigned bits = 0;
	char user = 'r';
	char group = 'r';

	if (owner) {
		*owner++ = '\0';
		user = owner[0];
		group = owner[1] == '.' ? owner[2] : user;
	}
	mode = strchr(word, ':');
	if (mode)
		*mode++ = '\0';
	if (strchr(word, '+')) { /* owner and mode are those of the first link */
		(void)make_start(word);
		return;
	}
	bits = make_start(word);
	if (mode)
		bits = (unsigned)strtoul(mode, NULL, 8);
	must(lchown(word, id_of(user), id_of(group)), word);
	must(fchmodat(AT_FDCWD, word, bits, AT_SYMLINK_NOFOLLOW) < 0 && errno != EOPNOTSUPP ? -1
											    : 0,
	     word);
}

static void folder_of(size_t i, char name[16])
{
	(void)snprintf(name, 16, "%04zu", i);
}

static int prepare(void)
{
	for (size_t i = 0; i < count; i++) {
		char *start = strdup(all[i].start);
		char *rest = start;
		char *word = NULL;
		char name[16];

		current = &all[i];
		folder_of(i, name);
		must(mkdir(name, 0755), name);
		must(chdir(name), name);
		while ((word = strsep(&rest, " ")))
			if (*word)
				make_word(word);
		free(start);
		must(chdir(".."), "..");
	}
	return 0;
}

/* ---- Expectations ---- */

void failed(const char *file, int line, const char *fmt, ...)
{
	const char *base = strrchr(file, '/');
	va_list ap;

	printf("FAILED %s: %s: ", current->family, current->name);
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	printf(" (%s:%d)\n", base ? base + 1 : file, line);
	(void)fflush(stdout);
	_exit(1);
}

static const char *error_name(int e)
{
	return e ? strerrorname_np(e) : "success";
}

void expect_result(const char *file, int line, const char *text, long r, int expected)
{
	int seen = r < 0 ? errno : 0;

	if (seen != expected)
		failed(file, line, "%s: expected %s, seen %s", text, error_name(expected),
		       error_name(seen));
}

void expect_number(const char *file, int line, const char *text, long long seen, long long expected)
{
	if (seen != expected)
		failed(file, line, "%s: expected %lld, seen %lld", text, expected, seen);
}

struct stat look_at(const char *file, int line, const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		failed(file, line, "lstat(%s): expected success, seen %s", path, error_name(errno));
	return st;
}

void expect_mode(const char *file, int line, const char *path, unsigned expected)
{
	unsigned seen = look_at(file, line, path).st_mode & 07777;

	if (seen != expected)
		failed(file, line, "mode of %s: expected %04o, seen %04o", path, expected, seen);
}

void expect_owner(const char *file, int line, const char *path, char owner, char group)
{
	struct stat st = look_at(file, line, path);

	if (st.st_uid != id_of(owner) || st.st_gid != id_of(group))
		failed(file, line, "owner of %s: expected %u:%u, seen %u:%u", path, id_of(owner),
		       id_of(group), st.st_uid, st.st_gid);
}

void expect_gone(const char *file, int line, const char *path)
{
	struct stat st;
	int r = lstat(path, &st);

	if (r == 0 || errno != ENOENT)
		failed(file, line, "lstat(%s): expected ENOENT, seen %s", path,
		       error_name(r < 0 ? errno : 0));
}

static void expect_time(const char *file, int line, const char *what, struct timespec was,
			struct timespec is, bool later)
{
	bool is_later =
		is.tv_sec > was.tv_sec || (is.tv_sec == was.tv_sec && is.tv_nsec > was.tv_nsec);
	bool is_same = is.tv_sec == was.tv_sec && is.tv_nsec == was.tv_nsec;

	if (later ? !is_later : !is_same)
		failed(file, line, "%s: expected %s, seen %lld.%09ld after %lld.%09ld", what,
		       later ? "a later one" : "no change", (long long)is.tv_sec, is.tv_nsec,
		       (long long)was.tv_sec, was.tv_nsec);
}

void expect_times(const char *file, int line, const char *path, const struct stat *was, int which)
{
	struct stat is = look_at(file, line, path);
	char what[64];

	(void)snprintf(what, sizeof(what), "change time of %s", path);
	expect_time(file, line, what, was->st_ctim, is.st_ctim, which & CHANGED);
	(void)snprintf(what, sizeof(what), "modification time of %s", path);
	expect_time(file, line, what, was->st_mtim, is.st_mtim, which & MODIFIED);
}

int open_at(const char *file, int line, const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0)
		failed(file, line, "open(%s): expected success, seen %s", path, error_name(errno));
	return fd;
}

/* ---- What cases need around them ---- */

static void own_mounts(void)
{
	if (unshare(CLONE_NEWNS) < 0)
		failed(__FILE__, __LINE__, "unshare: %s", strerror(errno));
}

void mount_over(const char *from, const char *path)
{
	own_mounts();
	if (mount(from, path, NULL, MS_BIND, NULL) < 0)
		failed(__FILE__, __LINE__, "mount: %s", strerror(errno));
}

void mount_read_only(const char *path)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };

	mount_over(path, path);
	if (mount_setattr(AT_FDCWD, path, 0, &attr, sizeof(attr)) < 0)
		failed(__FILE__, __LINE__, "mount_setattr: %s", strerror(errno));
}

void mount_other(const char *path)
{
	own_mounts();
	if (mount("tmpfs", path, "tmpfs", 0, "mode=777") < 0)
		failed(__FILE__, __LINE__, "mount: %s", strerror(errno));
}

void run_program(void)
{
	int input[2];
	int told[2];
	char c = 0;

	if (pipe2(input, O_CLOEXEC) < 0 || pipe2(told, O_CLOEXEC) < 0)
		failed(__FILE__, __LINE__, "pipe: %s", strerror(errno));
	if (fork() == 0) {
		(void)dup2(input[0], 0);
		(void)execl("./x", "x", "wait", NULL);
		(void)!write(told[1], "x", 1);
		_exit(1);
	}
	(void)close(told[1]);
	program_fd = input[1]; /* closed when the case ends: its end, too */
	if (read(told[0], &c, 1) != 0)
		failed(__FILE__, __LINE__, "cannot run ./x");
}

const char *path_of_length(size_t length, const char *file)
{
	static char path[8192];
	size_t own = strlen(file);
	size_t at = 0;

	for (; at + 2 + own <= length; at += 2)
		(void)strcpy(path + at, "./");
	if (at + own < length) { /* one more: "//" is as good as "/" */
		path[at++] = '/';
	}
	(void)strcpy(path + at, file);
	return path;
}

/* ---- Running ---- */

static int run_one(size_t i)
{
	char name[16];
	int status = 0;
	pid_t pid = 0;

	current = &all[i];
	folder_of(i, name);
	pid = fork();
	if (pid < 0)
		return 1;
	if (pid == 0) {
		(void)alarm(CASE_SECONDS);
		if (chdir(name) < 0)
			failed(__FILE__, __LINE__, "no folder %s: prepare first", name);
		all[i].run(&all[i]);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 1;
	if (WIFSIGNALED(status))
		printf("FAILED %s: %s: killed by signal %d\n", current->family, current->name,
		       WTERMSIG(status));
	return status != 0;
}

static bool is_wanted(const char *family, char **families)
{
	bool any = false;

	for (; *families; families++) {
		if (strcmp(*families, "--folders-stay") == 0)
			folders_stay = true;
		else if (strcmp(*families, "--folders-uncounted") == 0)
			folders_uncounted = true;
		else if (strcmp(*families, "--links-untimed") == 0)
			links_untimed = true;
		else if (strcmp(*families, family) == 0)
			return true;
		else
			any = true;
	}
	return !any;
}

static int run_all(char **families)
{
	unsigned bad = 0;
	unsigned done = 0;

	for (size_t i = 0; i < count; i++) {
		if (!is_wanted(all[i].family, families))
			continue;
		done++;
		bad += run_one(i) != 0;
	}
	printf("fs-cases: %u passed, %u failed\n", done - bad, bad);
	return bad != 0 || done == 0;
}

static int list(void)
{
	for (size_t i = 0; i < count; i++) {
		size_t n = 0;

		for (size_t k = 0; k < count; k++)
			if (strcmp(all[k].family, all[i].family) == 0 && (n++, k < i))
				n = count + 1; /* told already */
		if (n <= count)
			printf("%s %zu\n", all[i].family, n);
	}
	printf("all %zu\n", count);
	return 0;
}

int main(int argc, char **argv)
{
	char c;

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	(void)umask(0);
	if (argc == 2 && strcmp(argv[1], "wait") == 0)
		return read(0, &c, 1) != 0;
	add_all();
	if (argc == 2 && strcmp(argv[1], "list") == 0)
		return list();
	if (argc < 3 || chdir(argv[2]) < 0)
		return 2;
	if (strcmp(argv[1], "prepare") == 0)
		return prepare();
	return strcmp(argv[1], "run") == 0 ? run_all(argv + 3) : 2;
}
