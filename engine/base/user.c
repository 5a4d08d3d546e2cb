/* SPDX-License-Identifier: Apache-2.0 */
/* Names and homes of the host's users: see user.h. Runs in commands; may run getent(1). */
#include "engine/base/user.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/proc.h"
#include "engine/base/str.h"

/* Lines that are none, as compat entries ("+::::::"), are passed over by fgetpwent(3). */
static int find_in(FILE *stream, uid_t uid, struct user_entry *ret)
{
	const struct passwd *entry = NULL;

	while ((entry = fgetpwent(stream)) != NULL)
		if (entry->pw_uid == uid) {
			ret->name = xstrdup(entry->pw_name);
			ret->home = xstrdup(str_or(entry->pw_dir, ""));
			return 0;
		}
	return -ENOENT;
}

static int ask_getent(uid_t uid, struct user_entry *ret)
{
	char number[16];
	char *argv[] = { "getent", "passwd", number, NULL };
	auto_free char *text = NULL;
	FILE *stream = NULL;
	int r = 0;

	(void)snprintf(number, sizeof(number), "%u", uid);
	if (proc_run(argv, &text) != 0 || str_empty(text))
		return -ENOENT;
	stream = fmemopen(text, strlen(text), "re");
	if (!stream)
		return -ENOENT;
	r = find_in(stream, uid, ret);
	(void)fclose(stream); /* only read */
	return r;
}

int user_lookup(uid_t uid, struct user_entry *ret)
{
	FILE *stream = fopen("/etc/passwd", "re");
	int r = -ENOENT;

	if (stream) {
		r = find_in(stream, uid, ret);
		(void)fclose(stream); /* only read */
	}
	return r == 0 ? 0 : ask_getent(uid, ret);
}

void user_entry_done(struct user_entry *entry)
{
	free(take(entry->name));
	free(take(entry->home));
}
