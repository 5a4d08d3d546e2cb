/* SPDX-License-Identifier: Apache-2.0 */
/*
 * User namespaces: see userns.h. Runs in the command (which joins) and, for the holder, in one
 * forked child that execs nothing and parses nothing.
 */
#include "userns/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/pages.h"
#include "engine/base/proc.h"
#include "engine/base/str.h"
#include "engine/base/user.h"
#include "userns/subid.h"

int userns_open(pid_t pid, int *ret_fd, struct err *err)
{
	auto_close int fd = -1;
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, -errno, "cannot open the user namespace of process %d",
			       (int)pid);

	*ret_fd = fd_take(&fd);
	return 0;
}

int userns_of(int ns_fd, int *ret_fd, struct err *err)
{
	int fd = ioctl(ns_fd, NS_GET_USERNS);

	if (fd < 0)
		return err_set(err, -errno, "cannot find the user namespace that owns a namespace");
	*ret_fd = fd;
	return 0;
}

int userns_parent(int ns_fd, int *ret_fd, struct err *err)
{
	int fd = ioctl(ns_fd, NS_GET_PARENT);

	if (fd < 0)
		return err_set(err, -errno, "cannot find the parent of a user namespace");
	*ret_fd = fd;
	return 0;
}

int userns_owner(int ns_fd, uid_t *ret_uid)
{
	return ioctl(ns_fd, NS_GET_OWNER_UID, ret_uid) < 0 ? -errno : 0;
}

/* Drops the caller's supplementary groups where the namespace lets us; one-id maps deny it. */
static int become_root(struct err *err)
{
	if (setresgid(0, 0, 0) < 0)
		return err_set(err, -errno, "cannot become group 0 of the user namespace");
	if (setgroups(0, NULL) < 0 && errno != EPERM)
		return err_set(err, -errno, "cannot drop supplementary groups");
	if (setresuid(0, 0, 0) < 0)
		return err_set(err, -errno, "cannot become root of the user namespace");
	return 0;
}

int userns_join(int ns_fd, struct err *err)
{
	if (setns(ns_fd, CLONE_NEWUSER) < 0)
		return err_set(err, -errno, "cannot join the user namespace");
	return become_root(err);
}

/* ---- Maps ---- */

static int write_proc(pid_t pid, const char *file, const char *text, struct err *err)
{
	char path[64];
	int r = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	r = file_poke_at(AT_FDCWD, path, text);
	return r < 0 ? err_set(err, r, "cannot write %s", path) : 0;
}

static int write_directly(pid_t pid, const struct idmap_set *maps, bool deny_setgroups,
			  struct err *err)
{
	auto_free char *uid_text = idmap_text(&maps->uid);
	auto_free char *gid_text = idmap_text(&maps->gid);
	int r = 0;

	/* user_namespaces(7): an unprivileged gid map is only taken after this. */
	if (deny_setgroups)
		r = write_proc(pid, "setgroups", "deny", err);
	if (r == 0)
		r = write_proc(pid, "gid_map", gid_text, err);
	if (r == 0)
		r = write_proc(pid, "uid_map", uid_text, err);
	return r;
}

static int run_map_helper(const char *program, pid_t pid, const struct idmap *map, struct err *err)
{
	struct strv argv auto_done(strv) = STRV_INIT;
	auto_free char *said = NULL;
	int r = 0;

	strv_add(&argv, program);
	strv_addf(&argv, "%d", (int)pid);
	for (size_t i = 0; i < map->count; i++) {
		strv_addf(&argv, "%u", map->ranges[i].inside);
		strv_addf(&argv, "%u", map->ranges[i].outside);
		strv_addf(&argv, "%u", map->ranges[i].count);
	}
	r = proc_run(argv.v, &said);
	if (r < 0)
		return err_set(err, r, "cannot run %s", program);
	if (r > 0) {
		err_say(err, ERR_UNSUPPORTED, "%s refused to map ids: %s", program,
			*str_trim(said) ? str_trim(said) : "no reason given");
		return -EPERM;
	}
	return 0;
}

int userns_write_maps(pid_t pid, const struct idmap_set *maps, bool use_helpers,
		      bool deny_setgroups, struct err *err)
{
	int r = 0;

	if (!use_helpers)
		return write_directly(pid, maps, deny_setgroups, err);
	r = run_map_helper("newuidmap", pid, &maps->uid, err);
	return r < 0 ? r : run_map_helper("newgidmap", pid, &maps->gid, err);
}

/* ---- Planning the caller's own namespace ---- */

/* Works as execvp does: an executable of that name somewhere in PATH. */
static bool in_path(const char *program)
{
	const char *path = getenv("PATH");
	struct strv folders auto_done(strv) = STRV_INIT;

	strv_split(&folders, str_or(path, "/usr/bin:/bin"), ':');
	for (size_t i = 0; i < folders.count; i++) {
		auto_free char *full = xasprintf("%s/%s", folders.v[i], program);

		if (access(full, X_OK) == 0)
			return true;
	}
	return false;
}

/* Root is the caller, ids from 1 on are the subordinate ranges in their order. */
static void plan_map(struct idmap *map, uint32_t own, const struct idmap *ranges)
{
	uint32_t next = 1;

	*map = (struct idmap){ 0 };
	(void)idmap_add(map, 0, own, 1); /* the first range of an empty map */
	for (size_t i = 0; ranges && i < ranges->count && map->count < IDMAP_MAX; i++) {
		if (idmap_add(map, next, ranges->ranges[i].outside, ranges->ranges[i].count) == 0)
			next += ranges->ranges[i].count;
	}
}

int userns_plan(uid_t uid, gid_t gid, struct idmap_set *ret_maps, const char **ret_lost,
		struct err *err)
{
	struct user_entry entry auto_done(user_entry) = USER_ENTRY_INIT;
	struct idmap uids = { 0 };
	struct idmap gids = { 0 };
	const char *lost = NULL;
	int r = 0;

	(void)user_lookup(uid, &entry); /* without a name only entries by number are ours */
	r = subid_read(SUBID_UID, entry.name, uid, &uids, err);
	if (r == 0)
		r = subid_read(SUBID_GID, entry.name, uid, &gids, err);
	if (r < 0)
		return r;
	if (uids.count == 0)
		lost = "no subordinate uids for you in /etc/subuid";
	else if (gids.count == 0)
		lost = "no subordinate gids for you in /etc/subgid";
	else if (!in_path("newuidmap") || !in_path("newgidmap"))
		lost = "newuidmap and newgidmap (package uidmap) are not installed";
	plan_map(&ret_maps->uid, uid, lost ? NULL : &uids);
	plan_map(&ret_maps->gid, gid, lost ? NULL : &gids);
	*ret_lost = lost;
	return 0;
}

/* ---- The holder ---- */

/*
 * The holder's whole life. Runs with the caller's ids, then as root of the new namespace with
 * all its capabilities: a container that shares the host's process ids must have at least
 * those to trace it. Must open nothing and answer
 * nothing. Stays dumpable: later commands open /proc/PID/ns/user, which needs that (ptrace(2)).
 */
static void __attribute__((noreturn)) holder_main(int sync_fd)
{
	struct err err = ERR_INIT;
	char go = 0;

	if (unshare(CLONE_NEWUSER) < 0) {
		int code = -errno;

		err_set(&err, code, "cannot create a user namespace");
		if (code == -ENOSPC || code == -EUSERS)
			err_hint(&err,
				 "The limit user.max_user_namespaces (sysctl) is reached or 0");
		if (code == -EPERM)
			err_hint(&err, "An administrator can allow it with sysctl "
				       "kernel.unprivileged_userns_clone=1 or, on Ubuntu, "
				       "kernel.apparmor_restrict_unprivileged_userns=0");
		err_send(sync_fd, &err);
		_exit(1);
	}
	if (fd_write_all(sync_fd, "u", 1) < 0 || read(sync_fd, &go, 1) != 1)
		_exit(1);
	if (become_root(&err) < 0) {
		err_send(sync_fd, &err);
		_exit(1);
	}
	if (proc_stay(&sync_fd, 1, "bryo-holder") < 0 || prctl(PR_SET_DUMPABLE, 1) < 0)
		_exit(1);
	pages_give_back(); /* for years of waiting */
	/* Its end tells the parent that we stay, and that our namespace can be opened. */
	(void)close(sync_fd);
	for (;;)
		(void)pause();
}

/* Parent's half: waits for the namespace, writes the maps, lets the child go on. */
static int set_up_holder(pid_t pid, int sync_fd, const struct idmap_set *maps, struct err *err)
{
	bool single = idmap_size(&maps->uid) == 1 && idmap_size(&maps->gid) == 1;
	struct err from_child = ERR_INIT;
	char ready[sizeof(struct err)];
	ssize_t n = read(sync_fd, ready, sizeof(ready));
	int r = 0;

	if (n == (ssize_t)sizeof(struct err)) {
		memcpy(err, ready, sizeof(*err));
		return err->code < 0 ? err->code : -EPROTO;
	}
	if (n != 1)
		return err_say(err, ERR_FAILED,
			       "the process that was to keep the user namespace died");
	r = userns_write_maps(pid, maps, !single, single, err);
	if (r < 0)
		return r;
	if (fd_write_all(sync_fd, "g", 1) < 0)
		return err_say(err, ERR_FAILED,
			       "the process that was to keep the user namespace died");
	r = err_recv(sync_fd, &from_child);
	if (r < 0)
		*err = from_child;
	return r;
}

int userns_spawn_holder(const struct idmap_set *maps, pid_t *ret_pid, int *ret_fd, struct err *err)
{
	auto_close int ours = -1;
	auto_close int ns = -1;
	int ends[2];
	pid_t pid = -1;
	int r = fd_socketpair(SOCK_SEQPACKET, ends);

	if (r < 0)
		return err_set(err, r, "cannot make a socket pair");
	ours = ends[0];
	pid = fork();
	if (pid == 0) {
		(void)close(ends[0]);
		holder_main(ends[1]);
	}
	(void)close(ends[1]);
	if (pid < 0)
		return err_set(err, -errno, "cannot fork");
	r = set_up_holder(pid, ours, maps, err);
	if (r == 0)
		r = userns_open(pid, &ns, err);
	if (r < 0) {
		(void)kill(pid,
			   SIGKILL); /* our own child, not yet waited for: the pid is still its */
		(void)proc_wait(pid);
		return r;
	}
	*ret_pid = pid;
	*ret_fd = fd_take(&ns);
	return 0;
}
