/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times single calls on a file system, for overlay.py: one line "NAME NANOSECONDS" each, the median
 * of nine rounds.
 *
 *   overlay-calls FILE FOLDER    FILE is looked at and opened, files are made in FOLDER
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 9 };

static double now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static const char *file;
static const char *folder;

static void do_stat(int i)
{
	struct stat st;

	(void)i;
	if (stat(file, &st) < 0)
		exit(1);
}

static void do_open(int i)
{
	int fd = open(file, O_RDONLY);

	(void)i;
	if (fd < 0)
		exit(1);
	(void)close(fd);
}

static void do_read(int i)
{
	char data[4096];
	int fd = open(file, O_RDONLY);

	(void)i;
	if (fd < 0 || read(fd, data, sizeof(data)) < 0)
		exit(1);
	(void)close(fd);
}

static void do_make(int i)
{
	char path[4096];
	int fd = -1;

	(void)snprintf(path, sizeof(path), "%s/%d", folder, i);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
	if (fd < 0 || write(fd, "text", 4) != 4)
		exit(1);
	(void)close(fd);
	if (unlink(path) < 0)
		exit(1);
}

static void measure(const char *name, void (*run)(int), int count)
{
	double times[ROUNDS];

	for (int round = 0; round < ROUNDS; round++) {
		double start = now();

		for (int i = 0; i < count; i++)
			run(i);
		times[round] = (now() - start) / count;
	}
	qsort(times, ROUNDS, sizeof(times[0]), compare);
	printf("%s %.0f\n", name, times[ROUNDS / 2]);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	file = argv[1];
	folder = argv[2];
	measure("stat", do_stat, 20000);
	measure("open", do_open, 5000);
	measure("read", do_read, 5000);
	measure("make", do_make, 500);
	return 0;
}
