/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where bryo keeps its data and what a reboot makes worthless. The run folder is chosen per
 * user and machine, never by what happens to be in the environment: ssh, cron and su must see
 * the same containers. Runs in the command, before it joins any namespace.
 */
#include "rootless/rootless-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/path.h"
#include "engine/base/proc.h"
#include "engine/base/str.h"
#include "engine/base/user.h"

/* HOME where it is an absolute path, else what the user database says. */
static int home_of(uid_t uid, char **ret_home, struct err *err)
{
	struct user_entry entry auto_done(user_entry) = USER_ENTRY_INIT;
	const char *home = getenv("HOME");

	if ((!home || home[0] != '/') && user_lookup(uid, &entry) == 0)
		home = entry.home;
	if (!home || home[0] != '/')
		return err_say(
			err, ERR_UNSUPPORTED,
			"no home folder: HOME is not set and user %u is not in the user database. "
			"Set HOME or use --root DIR",
			uid);
	*ret_home = xstrdup(home);
	return 0;
}

int paths_data_root(enum rootless_mode mode, uid_t uid, char **ret_path, struct err *err)
{
	const char *xdg = getenv("XDG_DATA_HOME");
	auto_free char *home = NULL;
	int r = 0;

	if (mode == ROOTLESS_PRIVILEGED) {
		*ret_path = xstrdup("/var/lib/bryo");
		return 0;
	}
	if (xdg && xdg[0] == '/') {
		*ret_path = xasprintf("%s/bryo", xdg);
		return 0;
	}
	r = home_of(uid, &home, err);
	if (r < 0)
		return r;
	*ret_path = xasprintf("%s/.local/share/bryo", home);
	return 0;
}

int paths_claim(const char *path, uid_t owner, struct err *err)
{
	struct stat st;
	int r = path_mkdir_all(path, 0700);

	if (r < 0) {
		err_set(err, r, "cannot make the folder %s", path);
		if (r == -EACCES || r == -EROFS || r == -EPERM)
			err_hint(err, "Choose a writable place with --root DIR or XDG_DATA_HOME");
		return r;
	}
	if (lstat(path, &st) < 0)
		return err_set(err, -errno, "cannot look at %s", path);
	if (!S_ISDIR(st.st_mode) || st.st_uid != owner || (st.st_mode & 0022))
		return err_say(
			err, ERR_UNSUPPORTED,
			"%s is not a folder that only user %u can write; remove it or choose "
			"another with --runroot DIR",
			path, owner);
	return 0;
}

/*
 * True for a folder of the caller's own that nobody else can enter or write. Inside a user
 * namespace the caller is its root, whatever its number outside.
 */
static bool is_private(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
	       (st.st_mode & 0077) == 0;
}

/* The choice of this boot, recorded by machine: "BOOT PATH\n". */
static char *recorded_choice(const char *data_root, const char *record, const char *boot)
{
	auto_free char *path = xasprintf("%s/%s", data_root, record);
	auto_free char *text = NULL;
	char *rest = NULL;

	if (file_read_at(AT_FDCWD, path, 4096, &text, NULL) < 0)
		return NULL;
	rest = strchr(text, ' ');
	if (!rest)
		return NULL;
	*rest++ = '\0';
	rest = str_trim(rest);
	return str_eq(text, boot) && is_private(rest) ? xstrdup(rest) : NULL;
}

/*
 * /run/user/UID when logind made it, else a folder in /tmp. A name in /tmp that somebody else
 * took first makes us take a random one, which the record then tells to later commands.
 */
static int choose_run_root(uid_t uid, char **ret_path, struct err *err)
{
	auto_free char *session = xasprintf("/run/user/%u", uid);
	auto_free char *path = NULL;
	char unique[13];

	if (is_private(session) && access(session, W_OK) == 0) {
		*ret_path = xasprintf("%s/bryo", session);
		return 0;
	}
	path = xasprintf("/tmp/bryo-%u", uid);
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_set(err, -errno, "cannot make the run folder %s", path);
	if (!is_private(path)) {
		free(path);
		str_random_hex(unique, 12);
		path = xasprintf("/tmp/bryo-%u-%s", uid, unique);
		if (mkdir(path, 0700) < 0)
			return err_set(err, -errno, "cannot make the run folder %s", path);
	}
	*ret_path = take(path);
	return 0;
}

int paths_run_root(enum rootless_mode mode, uid_t uid, const char *data_root, char **ret_path,
		   struct err *err)
{
	auto_free char *record = NULL;
	auto_free char *path = NULL;
	char machine[33];
	char boot[37] = "";
	int r = 0;

	if (mode == ROOTLESS_PRIVILEGED) {
		*ret_path = xstrdup("/run/bryo");
		return 0;
	}
	proc_machine_id(machine);
	record = xasprintf("run-root.%s", machine);
	if (proc_boot_id(boot) == 0) {
		*ret_path = recorded_choice(data_root, record, boot);
		if (*ret_path)
			return 0;
	}
	r = choose_run_root(uid, &path, err);
	/* The analyzer does not know that a failure has an errno. */
	if (r == 0 && path)
		r = paths_claim(path, geteuid(), err);
	if (r < 0)
		return r;
	if (*boot) {
		auto_close int fd = open(data_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		auto_free char *line = xasprintf("%s %s\n", boot, path);

		/* A home that cannot be written still has its default, found again each time. */
		if (fd >= 0)
			(void)file_replace_at(fd, record, line, strlen(line), 0600, FILE_NO_SYNC);
	}
	*ret_path = take(path);
	return 0;
}
