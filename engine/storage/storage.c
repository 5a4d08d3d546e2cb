/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store's folders, its lock, its trash and its repair: see storage.h. Runs in every command, so
 * it does as few system calls as it can, and must never need more than libc and jansson.
 */
#include "engine/storage/storage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/path.h"
#include "engine/storage/storage-internal.h"

/* Searchable: the root of another id map walks in from a descriptor; strangers are kept out by the
 * data root itself. */
enum { FOLDER_MODE = 0711 };

static const char *const driver_names[STORAGE_DRIVER_COUNT] = {
	[STORAGE_AUTO] = "auto",
	[STORAGE_OVERLAY] = "overlay",
	[STORAGE_FUSE] = "fuse-overlay",
	[STORAGE_COPY] = "copy",
};

const char *storage_driver_name(enum storage_driver driver)
{
	return driver_names[driver];
}

int storage_driver_parse(const char *name, enum storage_driver *ret_driver)
{
	for (size_t i = 0; i < STORAGE_DRIVER_COUNT; i++)
		if (str_eq(name, driver_names[i])) {
			*ret_driver = (enum storage_driver)i;
			return 0;
		}
	return -EINVAL;
}

/* ---- Opening ---- */

/* With the store: on a disk that is full by then they could not be made, nor anything removed. */
static int make_folders(const struct storage *s)
{
	static const char *const names[] = { "layers", "containers", "tmp", "trash" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (mkdirat(s->root_fd, names[i], FOLDER_MODE) < 0 && errno != EEXIST)
			return -errno;
	return 0;
}

/* Reads the store's version; a new store gets ours. */
static int check_version(const struct storage *s, struct err *err)
{
	auto_free char *text = NULL;
	size_t size = 0;
	uint64_t version = 0;
	char ours[16];
	int r = file_read_at(s->root_fd, "version", 64, &text, &size);

	if (r == -ENOENT) {
		(void)snprintf(ours, sizeof(ours), "%d\n", STORAGE_VERSION); /* fits */
		r = make_folders(s);
		if (r == 0)
			r = file_replace_at(s->root_fd, "version", ours, strlen(ours), 0644,
					    FILE_NO_SYNC);
		return r < 0 ? err_set(err, r, "cannot write %s/version", s->path) : 0;
	}
	if (r < 0)
		return err_set(err, r, "cannot read %s/version", s->path);
	if (str_to_u64(str_trim(text), &version) < 0 || version == 0)
		return err_say(err, ERR_FAILED, "%s/version holds \"%.20s\", which is no version",
			       s->path, text);
	if (version > STORAGE_VERSION)
		return err_say(err, ERR_UNSUPPORTED,
			       "the store %s has format %llu, this program knows formats up to %d: "
			       "use the newer program that made it",
			       s->path, (unsigned long long)version, STORAGE_VERSION);
	return 0;
}

/* The folder exists in all calls but the first: open first, make only when that fails. */
static int open_folder(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd >= 0 || errno != ENOENT)
		return fd >= 0 ? fd : -errno;
	if (mkdirat(dir_fd, name, FOLDER_MODE) < 0 && errno != EEXIST)
		return -errno;
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd >= 0 ? fd : -errno;
}

int storage_folder(const struct storage *s, const char *name, int *ret_fd, struct err *err)
{
	int fd = open_folder(s->root_fd, name);

	if (fd < 0)
		return err_set(err, fd, "cannot open %s/%s", s->path, name);
	*ret_fd = fd;
	return 0;
}

int storage_open(struct storage *ret_storage, const char *data_root, struct err *err)
{
	struct storage s auto_done(storage) = STORAGE_INIT;
	int r = 0;

	s.path = xstrdup(data_root);
	s.root_fd = open(data_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s.root_fd < 0 && errno == ENOENT) {
		r = path_mkdir_all(data_root, 0700);
		if (r < 0)
			return err_set(err, r, "cannot make the store %s", data_root);
		s.root_fd = open(data_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (s.root_fd < 0)
		return err_set(err, -errno, "cannot open the store %s", data_root);
	r = check_version(&s, err);
	if (r < 0)
		return r;
	r = storage_folder(&s, "layers", &s.layers_fd, err);
	if (r == 0)
		r = storage_folder(&s, "containers", &s.containers_fd, err);
	if (r < 0)
		return r;
	*ret_storage = s;
	s = STORAGE_INIT;
	return 0;
}

void storage_done(struct storage *s)
{
	fd_close(&s->root_fd);
	fd_close(&s->layers_fd);
	fd_close(&s->containers_fd);
	free(s->path);
	s->path = NULL;
}

int storage_lock(const struct storage *s, bool exclusive, int *ret_fd, struct err *err)
{
	auto_close int fd =
		openat(s->root_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r = 0;

	if (fd < 0)
		return err_set(err, -errno, "cannot open %s/lock", s->path);
	do
		r = flock(fd, exclusive ? LOCK_EX : LOCK_SH);
	while (r < 0 && errno == EINTR);
	if (r < 0 && errno != ENOLCK && errno != EOPNOTSUPP)
		return err_set(err, -errno, "cannot lock %s/lock", s->path);
	*ret_fd = r < 0 ? -1 : fd_take(&fd);
	return 0;
}

/* ---- Names ---- */

bool storage_digest_valid(const char *digest)
{
	const char *hex = str_after(digest, "sha256:");

	return hex && str_is_hex(hex, 64);
}

struct layer_path layer_path(const char *diff_id, const char *name)
{
	struct layer_path path;

	/* The caller has checked diff_id; names are ours and short. */
	(void)snprintf(path.text, sizeof(path.text), "%s%s%s", diff_id + strlen("sha256:"),
		       *name ? "/" : "", name);
	return path;
}

struct scratch_name scratch_name(const char *prefix)
{
	struct scratch_name name;
	char unique[17];

	str_random_hex(unique, 16);
	(void)snprintf(name.text, sizeof(name.text), "%s%s", prefix, unique); /* short prefixes */
	return name;
}

int idmap_outside(const struct storage_range *ranges, size_t count, uint32_t inside,
		  uint32_t *ret_outside)
{
	for (size_t i = 0; i < count; i++)
		if (inside >= ranges[i].inside && inside - ranges[i].inside < ranges[i].count) {
			*ret_outside = ranges[i].outside + (inside - ranges[i].inside);
			return 0;
		}
	return -EINVAL;
}

/* ---- Scratch folders ---- */

static void lock_name_of(const struct scratch *scratch, char text[64])
{
	(void)snprintf(text, 64, "%s.lock", scratch->name.text); /* names are short */
}

/* The lock first: a sweeper who finds the folder must find its lock held. */
static int make_scratch(struct scratch *scratch)
{
	char lock[64];

	lock_name_of(scratch, lock);
	scratch->lock_fd = openat(scratch->tmp_fd, lock,
				  O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (scratch->lock_fd < 0 || flock(scratch->lock_fd, LOCK_EX | LOCK_NB) < 0 ||
	    mkdirat(scratch->tmp_fd, scratch->name.text, 0755) < 0)
		return -errno;
	scratch->fd = openat(scratch->tmp_fd, scratch->name.text,
			     O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return scratch->fd < 0 ? -errno : 0;
}

int storage_tmp(const struct storage *s, int *ret_fd, struct err *err)
{
	int flags = 0;
	int r = storage_folder(s, "tmp", ret_fd, err);

	/*
	 * What lies in tmp/ are trees that have nothing to do with each other: ext4 may put each
	 * into another part of the disk (chattr(1), T). Without the hint it fills the part that
	 * the last removed layer left, and without a journal it then passes over each of that one's
	 * inodes for every new file: five seconds in place of one for 10,000 files. Other file
	 * systems say no, which is as well.
	 */
	if (r == 0 && ioctl(*ret_fd, FS_IOC_GETFLAGS, &flags) == 0 && !(flags & FS_TOPDIR_FL)) {
		flags |= FS_TOPDIR_FL;
		(void)ioctl(*ret_fd, FS_IOC_SETFLAGS, &flags);
	}
	return r;
}

int scratch_open(const struct storage *s, const char *prefix, struct scratch *ret_scratch,
		 struct err *err)
{
	struct scratch scratch auto_done(scratch) = SCRATCH_INIT;
	int r = storage_tmp(s, &scratch.tmp_fd, err);

	if (r < 0)
		return r;
	scratch.name = scratch_name(prefix);
	r = make_scratch(&scratch);
	if (r < 0)
		return err_set(err, r, "cannot make a folder in %s/tmp", s->path);
	*ret_scratch = scratch;
	scratch = SCRATCH_INIT;
	return 0;
}

void scratch_done(struct scratch *scratch)
{
	char lock[64];

	fd_close(&scratch->fd);
	if (scratch->lock_fd >= 0) {
		lock_name_of(scratch, lock);
		(void)file_remove_tree(scratch->tmp_fd, scratch->name.text); /* else swept later */
		(void)unlinkat(scratch->tmp_fd, lock, 0);
	}
	fd_close(&scratch->lock_fd);
	fd_close(&scratch->tmp_fd);
}

/* ---- Trash and repair ---- */

/* 1 when name is in trash/ now as unique, 0 when there was none. */
static int move_to_trash(const struct storage *s, int dir_fd, const char *name, int *ret_trash_fd,
			 struct scratch_name *ret_unique, struct err *err)
{
	int r = storage_folder(s, "trash", ret_trash_fd, err);

	if (r < 0)
		return r;
	*ret_unique = scratch_name("");
	if (renameat(dir_fd, name, *ret_trash_fd, ret_unique->text) == 0)
		return 1;
	return errno == ENOENT ? 0 : err_set(err, -errno, "cannot remove %s", name);
}

int storage_set_aside(const struct storage *s, int dir_fd, const char *name, struct err *err)
{
	auto_close int trash_fd = -1;
	struct scratch_name unique;
	int r = move_to_trash(s, dir_fd, name, &trash_fd, &unique, err);

	return r < 0 ? r : 0;
}

/*
 * Deletes an entry of trash/, unless somebody else is at it: then it is theirs, and two that delete
 * the same tree would only trip over each other (ENOENT, ENOTEMPTY). The lock lies on the folder
 * itself and goes with its last descriptor, so whatever a killed remover left is free again.
 */
static int empty_trash_entry(const struct storage *s, int trash_fd, const char *name,
			     struct err *err)
{
	auto_close int fd = openat(trash_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int r = 0;

	if (fd < 0 && errno == ENOENT)
		return 0;
	/* Where no lock can be had (a plain file, mode 0, a file system without) it goes unlocked.
	 */
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return 0;
	r = file_remove_tree(trash_fd, name);
	return r < 0 && r != -ENOENT ? err_set(err, r, "cannot delete %s/trash/%s", s->path, name)
				     : 0;
}

int storage_discard(const struct storage *s, int dir_fd, const char *name, struct err *err)
{
	auto_close int trash_fd = -1;
	struct scratch_name unique;
	int r = move_to_trash(s, dir_fd, name, &trash_fd, &unique, err);

	return r <= 0 ? r : empty_trash_entry(s, trash_fd, unique.text, err);
}

/*
 * A maker holds a lock on NAME.lock for as long as it works on NAME. True when there is none, with
 * the lock taken over (*ret_fd), so that nobody else sweeps or starts meanwhile.
 */
static bool is_abandoned(int tmp_fd, const char *lock_name, int *ret_fd)
{
	auto_close int fd = openat(tmp_fd, lock_name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return errno == ENOENT;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return false; /* held, or no locks here: then nothing can be known */
	*ret_fd = fd_take(&fd);
	return true;
}

static int sweep_tmp_entry(const struct storage *s, int tmp_fd, const char *entry, struct err *err)
{
	auto_free char *lock =
		str_ends(entry, ".lock") ? xstrdup(entry) : xasprintf("%s.lock", entry);
	auto_free char *name = xstrndup(lock, strlen(lock) - strlen(".lock"));
	auto_close int lock_fd = -1;
	int r = 0;

	if (!is_abandoned(tmp_fd, lock, &lock_fd))
		return 0;
	r = storage_discard(s, tmp_fd, name, err);
	if (r == 0 && unlinkat(tmp_fd, lock, 0) < 0 && errno != ENOENT)
		r = err_set(err, -errno, "cannot remove %s/tmp/%s", s->path, lock);
	return r;
}

static int sweep_folder(const struct storage *s, const char *folder,
			int (*sweep)(const struct storage *, int, const char *, struct err *),
			struct err *err)
{
	int fd = openat(s->root_fd, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *dir = NULL;
	struct dirent *e = NULL;
	int first = 0;

	if (fd < 0)
		return errno == ENOENT ? 0
				       : err_set(err, -errno, "cannot open %s/%s", s->path, folder);
	dir = fdopendir(fd);
	if (!dir) {
		(void)close(fd);
		return err_set(err, -ENOMEM, "cannot read %s/%s", s->path, folder);
	}
	while ((e = readdir(dir))) {
		struct err one = ERR_INIT;

		if (e->d_name[0] == '.' || sweep(s, dirfd(dir), e->d_name, &one) == 0)
			continue;
		if (first == 0) {
			first = one.code;
			if (err)
				*err = one;
		}
	}
	(void)closedir(dir); /* reading only */
	return first;
}

int storage_sweep(const struct storage *s, struct err *err)
{
	struct err second = ERR_INIT;
	int r = sweep_folder(s, "tmp", sweep_tmp_entry, err);
	int r2 = sweep_folder(s, "trash", empty_trash_entry, &second);

	if (r == 0 && r2 < 0 && err)
		*err = second;
	return r < 0 ? r : r2;
}
