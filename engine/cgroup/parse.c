/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parsers of what the kernel says about control groups (cgroup-v2.rst, cgroups(7), proc(5)). Run in
 * every process that manages containers. Paths in these files are chosen by whoever made the
 * groups: lengths are checked, nothing is trusted.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/str.h"
#include "engine/cgroup/cgroup-internal.h"

/* The next line of *text (without its newline), or NULL at the end; *text moves on. */
static const char *next_line(const char **text, size_t *ret_size)
{
	const char *line = *text;
	size_t size = strcspn(line, "\n");

	if (*line == '\0')
		return NULL;
	*text = line + size + (line[size] == '\n');
	*ret_size = size;
	return line;
}

static int copy_path(const char *path, size_t size, char ret_path[CGROUP_PATH_MAX])
{
	if (size == 0 || path[0] != '/')
		return -EPROTO;
	if (size >= CGROUP_PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(ret_path, path, size);
	ret_path[size] = '\0';
	return 0;
}

/* "12:cpu,cpuacct:/path": the part between the colons, and the path. */
static bool split_line(const char *line, size_t size, const char **ret_names,
		       size_t *ret_names_size, const char **ret_path)
{
	const char *names = memchr(line, ':', size);
	const char *path = names ? memchr(names + 1, ':', size - (size_t)(names + 1 - line)) : NULL;

	if (!path)
		return false;
	*ret_names = names + 1;
	*ret_names_size = (size_t)(path - names - 1);
	*ret_path = path + 1;
	return true;
}

int cgroup_parse_own(const char *text, char ret_path[CGROUP_PATH_MAX])
{
	size_t size = 0;
	const char *line = NULL;

	while ((line = next_line(&text, &size))) {
		const char *path = size > 3 && memcmp(line, "0::", 3) == 0 ? line + 3 : NULL;

		if (path)
			return copy_path(path, size - 3, ret_path);
	}
	return -ENOENT;
}

/* Is name one of the comma-separated names? */
static bool listed(const char *names, size_t size, const char *name)
{
	size_t length = strlen(name);

	while (size > 0) {
		const char *comma = memchr(names, ',', size);
		size_t part = comma ? (size_t)(comma - names) : size;

		if (part == length && memcmp(names, name, length) == 0)
			return true;
		part += comma != NULL;
		names += part;
		size -= part;
	}
	return false;
}

int cgroup_parse_own_v1(const char *text, const char *controller, char ret_path[CGROUP_PATH_MAX])
{
	size_t size = 0;
	const char *line = NULL;

	while ((line = next_line(&text, &size))) {
		const char *names = NULL;
		const char *path = NULL;
		size_t names_size = 0;

		if (split_line(line, size, &names, &names_size, &path) &&
		    listed(names, names_size, controller))
			return copy_path(path, size - (size_t)(path - line), ret_path);
	}
	return -ENOENT;
}

/* The n-th (from 1) blank-separated field of a line; false when there are fewer. */
static bool field(const char *line, size_t size, int n, const char **ret_field, size_t *ret_size)
{
	for (;;) {
		const char *blank = memchr(line, ' ', size);
		size_t part = blank ? (size_t)(blank - line) : size;

		if (--n == 0) {
			*ret_field = line;
			*ret_size = part;
			return true;
		}
		if (!blank)
			return false;
		line = blank + 1;
		size -= part + 1;
	}
}

int cgroup_parse_mountinfo(const char *text, char *ret_path, size_t path_size)
{
	size_t size = 0;
	const char *line = NULL;

	while ((line = next_line(&text, &size))) {
		const char *type = memmem(line, size, " - cgroup2 ", 11);
		const char *root = NULL;
		const char *path = NULL;
		size_t root_size = 0;
		size_t n = 0;

		if (!type || !field(line, (size_t)(type - line), 4, &root, &root_size) ||
		    !field(line, (size_t)(type - line), 5, &path, &n))
			continue;
		/* A bound part of the tree would need its paths translated; escapes ("\040") too.
		 */
		if (root_size != 1 || *root != '/' || memchr(path, '\\', n) || n >= path_size)
			continue;
		memcpy(ret_path, path, n);
		ret_path[n] = '\0';
		return 0;
	}
	return -ENOENT;
}

static const char *const kind_names[CGROUP_KINDS] = { "cpu",	 "cpuset",  "memory",
						      "io",	 "pids",    "hugetlb",
						      "devices", "freezer", "cpuacct" };

const char *cgroup_kind_name(unsigned int kind, bool v1)
{
	if (kind >= CGROUP_KINDS)
		return "";
	return v1 && (1U << kind) == CGROUP_IO ? "blkio" : kind_names[kind];
}

unsigned int cgroup_parse_controllers(const char *text)
{
	unsigned int found = 0;

	while (*text != '\0') {
		size_t size = strcspn(text, " \n");

		for (unsigned int i = 0; i < 6; i++) /* the rest are v1's only */
			if (strlen(kind_names[i]) == size && memcmp(kind_names[i], text, size) == 0)
				found |= 1U << i;
		text += size;
		text += strspn(text, " \n");
	}
	return found;
}

int cgroup_parse_value(const char *text, uint64_t *ret_value)
{
	char *end = NULL;
	unsigned long long value = 0;

	if (strncmp(text, "max", 3) == 0 && (text[3] == '\0' || text[3] == '\n')) {
		*ret_value = UINT64_MAX;
		return 0;
	}
	if (*text < '0' || *text > '9')
		return -EPROTO;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno != 0 || (*end != '\0' && *end != '\n' && *end != ' '))
		return -EPROTO;
	*ret_value = value;
	return 0;
}

int cgroup_parse_flat(const char *text, const char *key, uint64_t *ret_value)
{
	size_t length = strlen(key);
	size_t size = 0;
	const char *line = NULL;

	while ((line = next_line(&text, &size)))
		if (size > length && memcmp(line, key, length) == 0 && line[length] == ' ')
			return cgroup_parse_value(line + length + 1, ret_value);
	return -ENOENT;
}

/* Adds the number behind key, when the line has it. A sum that would wrap stays at its maximum. */
static void add_after(const char *line, size_t size, const char *key, uint64_t *sum)
{
	const char *p = memmem(line, size, key, strlen(key));
	uint64_t value = 0;

	if (p && cgroup_parse_value(p + strlen(key), &value) == 0 &&
	    __builtin_add_overflow(*sum, value, sum))
		*sum = UINT64_MAX;
}

void cgroup_parse_io_stat(const char *text, uint64_t *ret_read, uint64_t *ret_written)
{
	size_t size = 0;
	const char *line = NULL;

	*ret_read = *ret_written = 0;
	while ((line = next_line(&text, &size))) {
		add_after(line, size, " rbytes=", ret_read);
		add_after(line, size, " wbytes=", ret_written);
	}
}

void cgroup_parse_blkio(const char *text, uint64_t *ret_read, uint64_t *ret_written)
{
	size_t size = 0;
	const char *line = NULL;

	*ret_read = *ret_written = 0;
	while ((line = next_line(&text, &size))) {
		add_after(line, size, " Read ", ret_read);
		add_after(line, size, " Write ", ret_written);
	}
}
