/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that no shell command makes, for suites of file systems: one line of result each.
 *
 *	tmpfile FOLDER NAME	a file by O_TMPFILE, given NAME by linkat(2)
 *	unlinked FILE		opened, unlinked, written, read: what fstat(2) and read(2) say
 *	seek FILE		where data and holes begin
 *	unsynced FILE		written in two places, not closed: where data is then
 *	rename FLAGS OLD NEW	renameat2(2)
 *	btime FILE		seconds of statx(2)'s birth time, or "none"
 *	map FILE		what is written through one mapping is read by another and by
 *read(2) grow-mapped FILE SIZE	a sparse file of that size is filled through a mapping locks FILE
 *flock, fcntl and OFD locks exclude each other's like churn FOLDER COUNT	readdir(3) beside a
 *process that makes and removes files: each of COUNT files that stay is seen once writers FILE
 *COUNT	so many processes append lines to one file
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int fail(const char *what)
{
	printf("%s: %s\n", what, strerror(errno));
	return 1;
}

static int do_tmpfile(char **argv)
{
	char path[64];
	int fd = open(argv[0], O_TMPFILE | O_RDWR, 0640);

	if (fd < 0)
		return fail("open");
	if (write(fd, "nameless\n", 9) != 9)
		return fail("write");
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, path, AT_FDCWD, argv[1], AT_SYMLINK_FOLLOW) < 0)
		return fail("linkat");
	return 0;
}

static int do_unlinked(char **argv)
{
	char data[100] = "";
	struct stat st;
	int fd = open(argv[0], O_RDWR);

	if (fd < 0 || unlink(argv[0]) < 0)
		return fail("open and unlink");
	/* Asked anew after a read, which has a time. */
	if (pread(fd, data, 1, 0) < 0 || fstat(fd, &st) < 0)
		return fail("read");
	if (st.st_nlink != 0)
		printf("%lu links after a read, ", (unsigned long)st.st_nlink);
	if (pwrite(fd, "NEW", 3, 0) != 3)
		return fail("write");
	if (pread(fd, data, sizeof(data) - 1, 0) < 0 || fstat(fd, &st) < 0)
		return fail("read");
	printf("%lu links: %s", (unsigned long)st.st_nlink, data);
	return 0;
}

static int show_seeks(int fd)
{
	off_t data = lseek(fd, 0, SEEK_DATA);
	off_t hole = lseek(fd, data, SEEK_HOLE);
	off_t next = lseek(fd, hole, SEEK_DATA);

	printf("data %lld hole %lld data %lld\n", (long long)data, (long long)hole,
	       (long long)next);
	return 0;
}

static int do_seek(char **argv)
{
	int fd = open(argv[0], O_RDONLY);

	return fd < 0 ? fail("open") : show_seeks(fd);
}

static int do_unsynced(char **argv)
{
	int fd = open(argv[0], O_RDWR | O_CREAT, 0644);

	if (fd < 0 || ftruncate(fd, 1 << 20) < 0)
		return fail("open");
	if (pwrite(fd, "a", 1, 0) != 1 || pwrite(fd, "b", 1, 512 * 1024) != 1)
		return fail("write");
	return show_seeks(fd);
}

static int do_rename(char **argv)
{
	if (renameat2(AT_FDCWD, argv[1], AT_FDCWD, argv[2], (unsigned)atoi(argv[0])) < 0)
		return fail("rename");
	return 0;
}

static int do_btime(char **argv)
{
	struct statx st;

	if (statx(AT_FDCWD, argv[0], 0, STATX_BTIME, &st) < 0)
		return fail("statx");
	if (st.stx_mask & STATX_BTIME)
		printf("%lld\n", (long long)st.stx_btime.tv_sec);
	else
		printf("none\n");
	return 0;
}

static int do_map(char **argv)
{
	char data[2] = "";
	int fd = open(argv[0], O_RDWR);
	int other = open(argv[0], O_RDONLY);
	char *a = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char *b = mmap(NULL, 4096, PROT_READ, MAP_SHARED, other, 0);
	char *c = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, other, 0);

	if (a == MAP_FAILED || b == MAP_FAILED || c == MAP_FAILED)
		return fail("mmap");
	c[0] = 'P';
	a[0] = 'S';
	if (pread(other, data, 1, 0) != 1)
		return fail("read");
	printf("shared %c, read %c, private %c\n", b[0], data[0], c[0]);
	return 0;
}

/* Grown while it is open for that, so that what is written has no blocks before. */
static int do_grow_mapped(char **argv)
{
	off_t size = strtoll(argv[1], NULL, 10);
	int fd = open(argv[0], O_RDWR | O_CREAT, 0644);
	char *map = NULL;

	if (fd < 0)
		return fail("open");
	if (ftruncate(fd, size) < 0)
		return fail("ftruncate");
	map = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return fail("mmap");
	for (off_t at = 0; at < size; at += 4096)
		map[at] = 'm';
	if (munmap(map, (size_t)size) < 0 || fsync(fd) < 0 || close(fd) < 0)
		return fail("write back");
	printf("mapped\n");
	return 0;
}

static int do_locks(char **argv)
{
	struct flock whole = { .l_type = F_WRLCK };
	int a = open(argv[0], O_RDWR);
	int b = open(argv[0], O_RDWR);
	int status = 0;

	if (flock(a, LOCK_EX | LOCK_NB) < 0 || flock(b, LOCK_EX | LOCK_NB) == 0)
		return fail("flock");
	if (fcntl(a, F_OFD_SETLK, &whole) < 0 || fcntl(b, F_OFD_SETLK, &whole) == 0)
		return fail("F_OFD_SETLK");
	whole.l_type = F_UNLCK;
	(void)fcntl(a, F_OFD_SETLK, &whole);
	whole.l_type = F_WRLCK;
	if (fcntl(a, F_SETLK, &whole) < 0)
		return fail("F_SETLK");
	if (fork() == 0)
		_exit(fcntl(b, F_SETLK, &whole) == 0);
	(void)wait(&status);
	printf("%s\n", status ? "not excluded" : "excluded");
	return status != 0;
}

static void churn(const char *folder)
{
	char path[4096];

	for (unsigned i = 0;; i++) {
		int fd = 0;

		(void)snprintf(path, sizeof(path), "%s/churn-%u", folder, i % 50);
		fd = open(path, O_CREAT | O_WRONLY, 0644);
		if (fd >= 0)
			(void)close(fd);
		(void)snprintf(path, sizeof(path), "%s/churn-%u", folder, (i + 25) % 50);
		(void)unlink(path);
	}
}

static int look_once(const char *folder, int count, char *seen)
{
	DIR *dir = opendir(folder);
	struct dirent *e = NULL;
	int n = 0;

	memset(seen, 0, (size_t)count);
	if (!dir)
		return fail("opendir");
	while ((e = readdir(dir))) {
		if (strncmp(e->d_name, "stays-", 6) != 0)
			continue;
		if (seen[atoi(e->d_name + 6)]++) {
			printf("twice: %s\n", e->d_name);
			return 1;
		}
		n++;
	}
	(void)closedir(dir);
	if (n != count)
		printf("%d of %d seen\n", n, count);
	return n != count;
}

static int do_churn(char **argv)
{
	int count = atoi(argv[1]);
	char *seen = malloc((size_t)count);
	pid_t pid = fork();
	int r = 0;

	if (pid == 0)
		churn(argv[0]);
	for (int i = 0; r == 0 && i < 100; i++)
		r = look_once(argv[0], count, seen);
	(void)kill(pid, SIGKILL);
	(void)wait(NULL);
	free(seen);
	return r;
}

static int do_writers(char **argv)
{
	int count = atoi(argv[1]);
	int bad = 0;

	for (int i = 0; i < count; i++) {
		if (fork() == 0) {
			int fd = open(argv[0], O_WRONLY | O_CREAT | O_APPEND, 0644);
			char line[100];

			memset(line, 'a' + i, sizeof(line));
			line[99] = '\n';
			for (int k = 0; k < 500; k++)
				if (write(fd, line, sizeof(line)) != sizeof(line))
					_exit(1);
			_exit(close(fd) != 0);
		}
	}
	for (int i = 0; i < count; i++) {
		int status = 0;

		(void)wait(&status);
		bad += status != 0;
	}
	return bad;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int args;
		int (*run)(char **argv);
	} all[] = { { "tmpfile", 2, do_tmpfile }, { "unlinked", 1, do_unlinked },
		    { "seek", 1, do_seek },	  { "unsynced", 1, do_unsynced },
		    { "rename", 3, do_rename },	  { "btime", 1, do_btime },
		    { "map", 1, do_map },	  { "grow-mapped", 2, do_grow_mapped },
		    { "locks", 1, do_locks },	  { "churn", 2, do_churn },
		    { "writers", 2, do_writers } };

	for (size_t i = 0; argc > 1 && i < sizeof(all) / sizeof(all[0]); i++)
		if (strcmp(argv[1], all[i].name) == 0 && argc == all[i].args + 2)
			return all[i].run(argv + 2);
	return 2;
}
