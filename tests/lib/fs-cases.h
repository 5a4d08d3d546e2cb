/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of fs-cases share: cases, and the words that they are written in.
 *
 * Each case has a folder of its own, made by "prepare" and filled by its start; it runs in there,
 * in a process of its own, as root. The first expectation that is not met ends it.
 */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

/* Rows of tables leave out what is zero. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

struct path_call;
struct path_problem;

struct fs_case {
	const char *name;
	/*
	 * What lies in its folder: words of NAME[:MODE][@OWNER[.GROUP]], a file if nothing else is
	 * said. "d/" is a folder, "./" the case's own, "l>to" a symlink, "p|" a fifo, "s=" a
	 * socket, "h+f" a further link of f, "x!" a program that runs until its input ends. Owner
	 * and group are letters, see id_of(); without a group it is the owner's own.
	 */
	const char *start;
	void (*run)(const struct fs_case *c);
	long number; /* of a row in a table: an errno to see, a mode to give */
	/* Of cases that are products of two tables. */
	const struct path_call *call;
	const struct path_problem *problem;
	const char *family;
};

/* A table ends with a row without a name. */
extern const struct fs_case chmod_cases[], chown_cases[], utimensat_cases[];
extern const struct fs_case open_cases[], truncate_cases[], ftruncate_cases[];
extern const struct fs_case posix_fallocate_cases[];
extern const struct fs_case mkdir_cases[], mkfifo_cases[], mknod_cases[], symlink_cases[];
extern const struct fs_case link_cases[];
extern const struct fs_case rename_cases[], rmdir_cases[], unlink_cases[];
void cases_add(const char *family, const struct fs_case *c);
void paths_add(void);
void makers_add(void);

/*
 * Where file systems of layers may differ on purpose, as the kernel's overlay does: given on the
 * command line. A folder cannot move without all that lower layers have in it; nobody counts the
 * folders of all layers; and a file is not copied up for a change time alone, when another of its
 * names goes.
 */
extern bool folders_stay;      /* renaming a folder of a lower layer fails with EXDEV */
extern bool folders_uncounted; /* a folder's link count says nothing of its folders */
extern bool links_untimed;     /* a name that goes leaves the change time of a lower layer's file */

/* 'r' is root; a, b and c are users with groups of their own; g is a group that a is in, too. */
unsigned id_of(char letter);
/* Who makes the calls that follow. */
void as(char user);

/* The case ends as failed. */
void failed(const char *file, int line, const char *fmt, ...)
	__attribute__((noreturn, format(printf, 3, 4)));

void expect_result(const char *file, int line, const char *text, long r, int expected);
#define OK(call) expect_result(__FILE__, __LINE__, #call, (call), 0)
#define FAILS(err, call) expect_result(__FILE__, __LINE__, #call, (call), err)

void expect_number(const char *file, int line, const char *text, long long seen,
		   long long expected);
#define IS(seen, expected) expect_number(__FILE__, __LINE__, #seen, seen, expected)
#define IS_MODE(path, expected) expect_mode(__FILE__, __LINE__, path, expected)
void expect_mode(const char *file, int line, const char *path, unsigned expected);
#define IS_OWNED(path, owner, group) expect_owner(__FILE__, __LINE__, path, owner, group)
void expect_owner(const char *file, int line, const char *path, char owner, char group);
#define GONE(path) expect_gone(__FILE__, __LINE__, path)
void expect_gone(const char *file, int line, const char *path);

/* lstat(2), which has to work. */
#define AT(path) look_at(__FILE__, __LINE__, path)
struct stat look_at(const char *file, int line, const char *path);

/* Exactly these of the two times are later than they were. */
enum { CHANGED = 1, MODIFIED = 2 };
#define TOUCHED(path, was, which) expect_times(__FILE__, __LINE__, path, &(was), which)
void expect_times(const char *file, int line, const char *path, const struct stat *was, int which);

/* open(2), which has to work. */
#define OPEN(path, flags) open_at(__FILE__, __LINE__, path, flags)
int open_at(const char *file, int line, const char *path, int flags);

/* The folder becomes a mount point of itself, read-only, for this case alone. */
void mount_read_only(const char *path);
/* Another file system there, for this case alone. */
void mount_other(const char *path);
void mount_over(const char *from, const char *path);
/* Runs the program "x" of the start until the case ends. */
void run_program(void);

/* A text of so many characters, which is a path of FILE if there is one: "./././FILE". */
const char *path_of_length(size_t length, const char *file);

#define NAME_50 "a-name-of-50-characters-----------------------50th"
#define NAME_255 NAME_50 NAME_50 NAME_50 NAME_50 NAME_50 "-255t"
