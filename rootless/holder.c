/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The namespace holder: made at first use, found again by later commands.
 *
 * The record in the run folder names boot, process, its start time, and the inode of its user
 * namespace. A command opens the namespace first and checks all of them after: a reused pid
 * has another start time, another boot another id, and a namespace must be the caller's own.
 * So a wrong, old or forged record can only lead to a new holder, never into a foreign
 * namespace. No socket is asked: joining costs no wake-up of the holder.
 *
 * Two commands that start at once are kept apart by a lock file; whoever comes second finds
 * the first one's record.
 */
#include "rootless/rootless-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/proc.h"
#include "engine/base/str.h"
#include "userns/userns.h"

#define RECORD "holder"
#define RECORD_MAX 8192

struct holder {
	char boot[37];
	long pid;
	unsigned long long start;
	unsigned long long inode;
	struct idmap_set maps;
	char *lost;
};

static void holder_done(struct holder *holder)
{
	free(take(holder->lost));
}

/*
 * The record's text: a first line of fields, the reason for a single id (or "-"), then both
 * maps as the kernel writes them with an empty line between.
 */
static int parse_record(char *text, struct holder *ret)
{
	char *reason = strchr(text, '\n');
	char *uids = reason ? strchr(reason + 1, '\n') : NULL;
	char *gids = uids ? strstr(uids, "\n\n") : NULL;

	if (!gids)
		return -EINVAL;
	*reason++ = '\0';
	*uids++ = '\0';
	*gids = '\0';
	if (sscanf(text, "1 %36s %ld %llu %llu", ret->boot, &ret->pid, &ret->start, &ret->inode) !=
	    4)
		return -EINVAL;
	if (idmap_parse(uids, &ret->maps.uid) < 0 || idmap_parse(gids + 2, &ret->maps.gid) < 0)
		return -EINVAL;
	ret->lost = str_eq(reason, "-") ? NULL : xstrdup(reason);
	return 0;
}

static int read_record(int run_fd, struct holder *ret)
{
	auto_free char *text = NULL;
	int r = file_read_at(run_fd, RECORD, RECORD_MAX, &text, NULL);

	return r < 0 ? r : parse_record(text, ret);
}

static int write_record(int run_fd, const struct holder *holder)
{
	struct buf text auto_done(buf) = BUF_INIT;
	auto_free char *uids = idmap_text(&holder->maps.uid);
	auto_free char *gids = idmap_text(&holder->maps.gid);

	(void)buf_addf(&text, "1 %s %ld %llu %llu\n%s\n%s\n\n%s", holder->boot, holder->pid,
		       holder->start, holder->inode, str_or(holder->lost, "-"), uids, gids);
	return file_replace_at(run_fd, RECORD, text.data, text.size, 0600, FILE_NO_SYNC);
}

/* Opens the recorded namespace if it is still the same one and the caller's. */
static int open_recorded(const struct holder *holder, uid_t uid, int *ret_fd)
{
	auto_close int fd = -1;
	char boot[37] = "";
	uint64_t start = 0;
	struct stat st;
	uid_t owner = 0;

	if (proc_boot_id(boot) < 0 || !str_eq(boot, holder->boot))
		return -ESTALE;
	if (userns_open((pid_t)holder->pid, &fd, NULL) < 0 || fstat(fd, &st) < 0)
		return -ESTALE;
	if (st.st_ino != holder->inode || userns_owner(fd, &owner) < 0 || owner != uid)
		return -ESTALE;
	/* Alive since before the record was written: so it also was when we opened it. */
	if (proc_start_time((pid_t)holder->pid, &start) < 0 || start != holder->start)
		return -ESTALE;
	*ret_fd = fd_take(&fd);
	return 0;
}

static int find(int run_fd, uid_t uid, struct holder *ret_holder, int *ret_fd)
{
	struct holder holder auto_done(holder) = { 0 };
	int r = read_record(run_fd, &holder);

	if (r == 0)
		r = open_recorded(&holder, uid, ret_fd);
	if (r < 0)
		return r;
	*ret_holder = holder;
	holder.lost = NULL;
	return 0;
}

static int make(struct rootless *rootless, int run_fd, struct holder *ret_holder, int *ret_fd,
		struct err *err)
{
	struct holder holder auto_done(holder) = { 0 };
	auto_close int ns = -1;
	const char *lost = NULL;
	uint64_t start = 0;
	struct stat st = { 0 };
	pid_t pid = -1;
	int r = userns_plan(rootless->uid, rootless->gid, &holder.maps, &lost, err);

	if (r < 0)
		return r;
	r = userns_spawn_holder(&holder.maps, &pid, &ns, err);
	if (r == -EPERM && !lost) {
		/* The helpers are there and refuse (no setuid bit, nosuid mount, a policy). */
		holder.lost = xstrdup(err->text);
		idmap_one(&holder.maps, rootless->uid, rootless->gid);
		r = userns_spawn_holder(&holder.maps, &pid, &ns, err);
	} else if (lost) {
		holder.lost = xstrdup(lost);
	}
	if (r < 0)
		return r;
	r = proc_boot_id(holder.boot);
	if (r == 0)
		r = proc_start_time(pid, &start);
	if (r == 0 && fstat(ns, &st) < 0)
		r = -errno;
	if (r < 0)
		return err_set(err, r, "cannot look at the new user namespace");
	holder.pid = pid;
	holder.start = start;
	holder.inode = st.st_ino;
	r = write_record(run_fd, &holder);
	if (r < 0)
		return err_set(err, r, "cannot record the user namespace in %s",
			       rootless->run_root);
	rootless->made_holder = true;
	*ret_holder = holder;
	holder.lost = NULL;
	*ret_fd = fd_take(&ns);
	return 0;
}

/* The namespace of a container that outlived the holder serves as well, and is kept in use. */
static int adopt(const struct rootless *rootless, int *ret_fd)
{
	if (!rootless->find_namespace)
		return -ENOENT;
	return rootless->find_namespace(rootless->data_root, ret_fd);
}

static int find_or_make(struct rootless *rootless, int run_fd, struct holder *ret_holder,
			int *ret_fd, struct err *err)
{
	auto_close int lock = -1;

	if (find(run_fd, rootless->uid, ret_holder, ret_fd) == 0)
		return 0;
	lock = openat(run_fd, "holder.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (lock < 0)
		return err_set(err, -errno, "cannot open %s/holder.lock", rootless->run_root);
	while (flock(lock, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_set(err, -errno, "cannot lock %s/holder.lock",
				       rootless->run_root);
	if (find(run_fd, rootless->uid, ret_holder, ret_fd) == 0)
		return 0;
	if (adopt(rootless, ret_fd) == 0)
		return 0;
	return make(rootless, run_fd, ret_holder, ret_fd, err);
}

int holder_join(struct rootless *rootless, struct err *err)
{
	struct holder holder auto_done(holder) = { 0 };
	auto_close int run_fd = open(rootless->run_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_close int ns = -1;
	int r = 0;

	if (run_fd < 0)
		return err_set(err, -errno, "cannot open the run folder %s", rootless->run_root);
	r = find_or_make(rootless, run_fd, &holder, &ns, err);
	if (r == 0)
		r = userns_join(ns, err);
	if (r < 0)
		return r;
	if (holder.maps.uid.count == 0) {
		r = idmap_read(0, "uid_map", &holder.maps.uid);
		if (r == 0)
			r = idmap_read(0, "gid_map", &holder.maps.gid);
		if (r < 0)
			return err_set(err, r, "cannot read the user namespace's id maps");
	}
	rootless->maps = holder.maps;
	rootless->lost = take(holder.lost);
	rootless->one_id = idmap_size(&rootless->maps.uid) == 1;
	return 0;
}
