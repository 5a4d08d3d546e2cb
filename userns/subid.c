/* SPDX-License-Identifier: Apache-2.0 */
/* Subordinate ids: see subid.h. Runs in the command before any namespace exists. */
#include "userns/subid.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/file.h"
#include "engine/base/proc.h"
#include "engine/base/str.h"

#define SUBID_FILE_MAX (4 * 1024 * 1024)

/* One line "user:start:count"; anything else, as shadow does, is no entry. */
static void parse_line(char *line, const char *name, const char *number, struct idmap *ranges)
{
	struct strv parts auto_done(strv) = STRV_INIT;
	uint32_t start = 0;
	uint32_t count = 0;

	strv_split(&parts, str_trim(line), ':');
	if (parts.count != 3 ||
	    (!str_eq(parts.v[0], number) && !(name && str_eq(parts.v[0], name))))
		return;
	if (str_to_u32(parts.v[1], &start) < 0 || str_to_u32(parts.v[2], &count) < 0)
		return;
	/* More ranges than we carry, or a wrapping one: the ids that fit are still good. */
	(void)idmap_add(ranges, 0, start, count);
}

void subid_parse(const char *text, const char *name, uid_t uid, struct idmap *ret_ranges)
{
	struct idmap ranges = { 0 };
	auto_free char *copy = xstrdup(text);
	char number[16];
	char *save = NULL;

	(void)snprintf(number, sizeof(number), "%u", uid);
	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		parse_line(line, name, number, &ranges);
	*ret_ranges = ranges;
}

/* True where nsswitch.conf(5) has a subid line that names more than files. */
static bool has_other_source(void)
{
	auto_free char *text = NULL;
	char *save = NULL;

	if (file_read_at(AT_FDCWD, "/etc/nsswitch.conf", 65536, &text, NULL) < 0)
		return false;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		const char *sources = str_after(str_trim(line), "subid:");

		if (sources)
			return !str_eq(sources + strspn(sources, " \t"), "files");
	}
	return false;
}

/* Lines of getsubids(1): "0: alice 100000 65536". */
static void parse_getsubids(char *text, struct idmap *ret_ranges)
{
	char *save = NULL;

	*ret_ranges = (struct idmap){ 0 };
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		unsigned int start = 0;
		unsigned int count = 0;

		if (sscanf(line, "%*u: %*s %u %u", &start, &count) == 2)
			(void)idmap_add(ret_ranges, 0, start, count); /* as above */
	}
}

static int ask_libsubid(enum subid_kind kind, const char *name, struct idmap *ret_ranges)
{
	char *argv[] = { (char *)"getsubids", NULL, NULL, NULL };
	auto_free char *text = NULL;
	int n = 1;
	int r = 0;

	if (!name)
		return -ENOENT;
	if (kind == SUBID_GID)
		argv[n++] = (char *)"-g";
	argv[n] = (char *)name;
	r = proc_run(argv, &text);
	if (r < 0)
		return r;
	parse_getsubids(text, ret_ranges);
	return 0;
}

int subid_read(enum subid_kind kind, const char *name, uid_t uid, struct idmap *ret_ranges,
	       struct err *err)
{
	const char *path = kind == SUBID_UID ? "/etc/subuid" : "/etc/subgid";
	auto_free char *text = NULL;
	int r = 0;

	if (has_other_source() && ask_libsubid(kind, name, ret_ranges) == 0)
		return 0;
	r = file_read_at(AT_FDCWD, path, SUBID_FILE_MAX, &text, NULL);
	if (r == -ENOENT) {
		*ret_ranges = (struct idmap){ 0 };
		return 0;
	}
	if (r < 0)
		return err_set(err, r, "cannot read %s", path);
	subid_parse(text, name, uid, ret_ranges);
	return 0;
}
