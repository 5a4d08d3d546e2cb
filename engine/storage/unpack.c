/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unpacks a layer: see unpack.h. Runs in bryo-image's worker, in a process that holds only what
 * engine/base/sandbox.h leaves it, on archives made by strangers.
 *
 * Two rules keep it inside. No path is ever given to the kernel but by openat2(2) beneath the
 * layer's folder, and there the last component is never followed. And nobody else works in the
 * folder meanwhile: it is a private one in tmp/, so what was looked at stays so.
 *
 * Whiteouts (OCI image spec, layer.md, "Whiteouts") become overlay's: a 0/0 device, or the opaque
 * mark. An archive's own 0/0 devices and overlay attributes are left out, since they would forge
 * such marks; the tar record still has them.
 */
#include "engine/storage/unpack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/path.h"
#include "engine/base/str.h"
#include "engine/storage/owner.h"
#include "engine/storage/storage-internal.h"

enum { PARENTS = 8, DISK_BLOCK = 4096 };

/* The last folders that entries went to. */
struct parent {
	char *path;
	int fd;
	uint64_t used;
};

/* Times of folders are set last: making their entries changes them. */
struct folder_time {
	char *path;
	struct timespec mtime;
};

struct unpacker {
	const struct unpack_args *args;
	struct tar_reader *reader;
	int diff_fd;
	struct parent parents[PARENTS];
	uint64_t clock;
	struct folder_time *times;
	size_t time_count, time_capacity;
	struct buf kept_index;
	unsigned int kept_count;
	uid_t uid;
	gid_t gid;
	bool setgid; /* a folder passes its group on to what is made in it */
	struct unpack_result result;
	struct err *err;
};

/* One entry on its way to the disk. */
struct target {
	const struct tar_entry *entry;
	char *path;	  /* cleaned */
	int parent_fd;	  /* of the unpacker's cache */
	const char *name; /* the last component */
};

static int fail(const struct unpacker *u, const struct tar_entry *e, int code, const char *what)
{
	return err_set(u->err, code, "cannot %s \"%.200s\" of the layer", what, e->path);
}

static int refuse(const struct unpacker *u, const struct tar_entry *e, const char *why)
{
	return err_say(u->err, ERR_USAGE, "entry %llu of the layer, \"%.200s\", is refused: %s",
		       (unsigned long long)e->number, e->path, why);
}

/* ---- Names ---- */

int unpack_clean_path(const char *path, char ret_clean[UNPACK_PATH_MAX])
{
	size_t used = 0;

	while (*path) {
		size_t n = strcspn(path, "/");

		if (n == 2 && path[0] == '.' && path[1] == '.') {
			if (used == 0)
				return -EINVAL;
			while (used > 0 && ret_clean[--used] != '/')
				;
		} else if (n > 0 && !(n == 1 && path[0] == '.')) {
			if (used + n + 2 > UNPACK_PATH_MAX)
				return -ENAMETOOLONG;
			if (used > 0)
				ret_clean[used++] = '/';
			memcpy(ret_clean + used, path, n);
			used += n;
		}
		path += n;
		path += strspn(path, "/");
	}
	ret_clean[used] = '\0';
	return 0;
}

static int open_folder(int dir_fd, const char *path, uint64_t resolve)
{
	struct open_how how = { .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
				.resolve = resolve | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV };
	long fd = syscall(SYS_openat2, dir_fd, *path ? path : ".", &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

/* Cuts the path into parent and name, in place; the parent of "x" is "". */
static const char *split(char *clean, const char **ret_parent)
{
	char *slash = strrchr(clean, '/');

	if (!slash) {
		*ret_parent = "";
		return clean;
	}
	*slash = '\0';
	*ret_parent = clean;
	return slash + 1;
}

static void unsplit(char *clean, const char *name)
{
	if (name != clean)
		clean[name - clean - 1] = '/';
}

static int open_as_inside(int diff_fd, const char *path)
{
	int fd = open_folder(diff_fd, path, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);

	return fd == -ELOOP ? open_folder(diff_fd, path, RESOLVE_IN_ROOT) : fd;
}

int unpack_open_parent(int diff_fd, char *clean, const char **ret_name)
{
	const char *parent = NULL;
	const char *name = split(clean, &parent);
	int fd = open_as_inside(diff_fd, parent);

	unsplit(clean, name);
	*ret_name = name;
	return fd;
}

/* ---- Parents ---- */

/* Everything remembered may be wrong after a folder or symlink was replaced. */
static void forget_parents(struct unpacker *u)
{
	for (size_t i = 0; i < PARENTS; i++) {
		free(u->parents[i].path);
		u->parents[i].path = NULL;
		fd_close(&u->parents[i].fd);
	}
}

/* A folder that no entry describes yet: root's, 0755. */
static int make_plain_folder(const struct unpacker *u, int parent_fd, const char *name)
{
	if (mkdirat(parent_fd, name, 0755) < 0)
		return -errno;
	if (u->setgid && !u->args->one_id &&
	    fchownat(parent_fd, name, u->uid, u->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return fchmodat(parent_fd, name, 0755, 0) < 0 ? -errno : 0;
}

/* A folder that takes the place of a whiteout must go on hiding what is below. */
static int whiteout_to_folder(const struct unpacker *u, int parent_fd, const char *name)
{
	auto_close int fd = -1;
	int r = unlinkat(parent_fd, name, 0) < 0 ? -errno : make_plain_folder(u, parent_fd, name);

	if (r < 0)
		return r;
	fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : marks_set_opaque(fd);
}

/* Makes one missing folder that no entry of the archive described. */
static int make_parent(struct unpacker *u, const char *path)
{
	auto_free char *copy = xstrdup(path);
	const char *name = NULL;
	auto_close int fd = unpack_open_parent(u->diff_fd, copy, &name);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return marks_whiteout_at(fd, name, &st) ? whiteout_to_folder(u, fd, name)
							: -ENOTDIR;
	return make_plain_folder(u, fd, name);
}

/* Makes the folders of path that are missing, from the top. */
static int make_parents(struct unpacker *u, const char *path)
{
	auto_free char *copy = xstrdup(path);

	for (char *slash = copy; slash;) {
		int fd = -1;

		slash = strchr(slash, '/');
		if (slash)
			*slash = '\0';
		fd = open_as_inside(u->diff_fd, copy);
		if (fd >= 0) {
			(void)close(fd);
		} else if (fd == -ENOENT || fd == -ENOTDIR) {
			int r = make_parent(u, copy);

			if (r < 0)
				return r;
		} else {
			return fd;
		}
		if (slash)
			*slash++ = '/';
	}
	return 0;
}

/* The descriptor of a folder, from the cache or opened, made where it is missing. */
static int get_parent(struct unpacker *u, const char *path)
{
	struct parent *oldest = &u->parents[0];
	int fd = -1;

	for (size_t i = 0; i < PARENTS; i++) {
		struct parent *p = &u->parents[i];

		if (p->path && str_eq(p->path, path)) {
			p->used = ++u->clock;
			return p->fd;
		}
		if (p->used < oldest->used)
			oldest = p;
	}
	fd = open_as_inside(u->diff_fd, path);
	if (fd == -ENOENT || fd == -ENOTDIR) {
		int r = make_parents(u, path);

		if (r < 0)
			return r;
		fd = open_as_inside(u->diff_fd, path);
	}
	if (fd < 0)
		return fd;
	free(oldest->path);
	fd_close(&oldest->fd);
	*oldest = (struct parent){ .path = xstrdup(path), .fd = fd, .used = ++u->clock };
	return fd;
}

/* ---- What the unpacked files will not hold ---- */

static int open_kept(struct unpacker *u, struct scratch_name *ret_name)
{
	int fd = -1;

	if (u->kept_count == 0 && mkdirat(u->args->layer_fd, KEPT_FOLDER, 0700) < 0)
		return -errno;
	fd = openat(u->args->layer_fd, KEPT_FOLDER,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	(void)snprintf(ret_name->text, sizeof(ret_name->text), "%u", u->kept_count); /* fits */
	u->kept_count++;
	return fd < 0 ? -errno : fd;
}

/* Stores the content of an entry that becomes no file. */
static int keep_content(struct unpacker *u, const struct tar_entry *e)
{
	struct scratch_name name;
	auto_close int dir_fd = -1;
	auto_close int fd = -1;
	const void *data = NULL;
	size_t size = 0;
	uint64_t offset = 0;
	int r = 0;

	if (e->stored_size == 0)
		return 0;
	dir_fd = open_kept(u, &name);
	if (dir_fd < 0)
		return fail(u, e, dir_fd, "keep the content of");
	fd = openat(dir_fd, name.text, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(u, e, -errno, "keep the content of");
	while ((r = tar_reader_data(u->reader, &data, &size, &offset, u->err)) > 0) {
		r = fd_write_all(fd, data, size);
		if (r < 0)
			return fail(u, e, r, "keep the content of");
	}
	(void)buf_addf(&u->kept_index, "c %llu %s", (unsigned long long)e->number, name.text);
	(void)buf_addc(&u->kept_index, '\0'); /* unbounded buffer: neither can fail */
	return r;
}

/* Takes away what stands where an entry goes; what the tar record needs of it is kept. */
static int displace(struct unpacker *u, const struct target *t, const struct stat *st)
{
	struct scratch_name name;
	auto_close int dir_fd = -1;

	forget_parents(u); /* t->parent_fd is our caller's copy, see place() */
	if (!S_ISDIR(st->st_mode) && (!S_ISREG(st->st_mode) || st->st_size == 0))
		return unlinkat(t->parent_fd, t->name, 0) < 0 ? fail(u, t->entry, -errno, "replace")
							      : 0;
	dir_fd = open_kept(u, &name);
	if (dir_fd < 0)
		return fail(u, t->entry, dir_fd, "replace");
	if (renameat(t->parent_fd, t->name, dir_fd, name.text) < 0)
		return fail(u, t->entry, -errno, "replace");
	(void)buf_addf(&u->kept_index, "r %llu %s %s", (unsigned long long)t->entry->number,
		       name.text, t->path);
	(void)buf_addc(&u->kept_index, '\0'); /* unbounded buffer: neither can fail */
	return 0;
}

/* ---- Attributes ---- */

static bool wants_xattr(const char *name)
{
	return !str_starts(name, "user.overlay.") && !str_starts(name, "trusted.overlay.") &&
	       !str_starts(name, "user.containers.override_") && /* owners are the entries' */
	       !str_eq(name, "security.selinux"); /* the container's label comes from its mount */
}

static int set_xattrs(struct unpacker *u, const struct tar_entry *e, int fd)
{
	for (size_t i = 0; i < e->xattr_count; i++) {
		const struct tar_xattr *x = &e->xattrs[i];

		if (!wants_xattr(x->name) || fsetxattr(fd, x->name, x->value, x->size, 0) == 0)
			continue;
		/* What neither this namespace nor its file system has is of no use in the container
		 * either; containers/storage goes on, too. */
		if (errno != EPERM && errno != EOPNOTSUPP &&
		    !(errno == EINVAL && !str_starts(x->name, "user.")))
			return fail(u, e, -errno, "set the attributes of");
	}
	return 0;
}

/* With a single id: in an attribute of the file, for the FUSE overlay. */
static int remember_owner(struct unpacker *u, const struct tar_entry *e, int fd, const char *name)
{
	int r = e->uid == u->uid && e->gid == u->gid ? 0 : owner_remember(fd, name, e);

	if (r < 0)
		return fail(u, e, r, "keep the owner of");
	u->result.has_owners |= r == 1;
	return 0;
}

static int set_owner(struct unpacker *u, const struct tar_entry *e, int fd, const char *name)
{
	if (!u->args->one_id && !u->setgid && e->uid == u->uid && e->gid == u->gid)
		return 0;
	/* -1 would mean "leave it" to the kernel. */
	if (e->uid >= UINT32_MAX || e->gid >= UINT32_MAX)
		return refuse(u, e, "its owner is not possible on Linux");
	if (u->args->one_id)
		return remember_owner(u, e, fd, name);
	if (fchownat(fd, name, (uid_t)e->uid, (gid_t)e->gid, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) ==
	    0)
		return 0;
	if (errno != EINVAL)
		return fail(u, e, -errno, "set the owner of");
	(void)err_say(
		u->err, ERR_FAILED,
		"\"%.200s\" of the layer belongs to %llu:%llu, ids that this user namespace lacks",
		e->path, (unsigned long long)e->uid, (unsigned long long)e->gid);
	return err_hint(u->err, "Give the user more ids in /etc/subuid and /etc/subgid");
}

/* Sentinel times: nanoseconds beyond a second mean other things to utimensat(2). */
static void get_times(const struct tar_entry *e, struct timespec times[2])
{
	times[1] = (struct timespec){ .tv_sec = e->mtime, .tv_nsec = e->mtime_ns };
	times[0] = e->has_atime ? (struct timespec){ .tv_sec = e->atime, .tv_nsec = e->atime_ns }
				: times[1];
}

static int set_times(struct unpacker *u, const struct tar_entry *e, int fd, const char *name)
{
	struct timespec times[2];

	get_times(e, times);
	if ((name ? utimensat(fd, name, times, AT_SYMLINK_NOFOLLOW) : futimens(fd, times)) < 0)
		return fail(u, e, -errno, "set the times of");
	return 0;
}

static void remember_time(struct unpacker *u, const struct target *t)
{
	struct timespec times[2];

	get_times(t->entry, times);
	xgrow(u->times, u->time_count, u->time_capacity);
	u->times[u->time_count++] =
		(struct folder_time){ .path = xstrdup(t->path), .mtime = times[1] };
}

/* Later entries may have replaced a folder: then its time no longer matters. */
static void set_folder_times(struct unpacker *u)
{
	for (size_t i = 0; i < u->time_count; i++) {
		const struct timespec times[2] = { u->times[i].mtime, u->times[i].mtime };
		auto_close int fd =
			path_open_beneath(u->diff_fd, *u->times[i].path ? u->times[i].path : ".",
					  O_RDONLY | O_DIRECTORY, 0);

		if (fd >= 0)
			(void)futimens(fd, times); /* our own folder; a wrong time harms nobody */
	}
}

/* ---- Kinds of entries ---- */

/* Files from here on are worth a request of their own to the disk. */
#define EARLY_WRITE_MIN ((uint64_t)64 * 1024)

/*
 * Begins to write a file's data to disk, so that the wait for all of it at the end is short
 * (sync_file_range(2): only begins, waits for nothing). An error is that last wait's to tell.
 */
static void write_early(const struct tar_entry *e, int fd)
{
	if (e->size >= EARLY_WRITE_MIN)
		(void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

static int write_content(struct unpacker *u, const struct tar_entry *e, int fd)
{
	const void *data = NULL;
	size_t size = 0;
	uint64_t offset = 0;
	int r = 0;

	while ((r = tar_reader_data(u->reader, &data, &size, &offset, u->err)) > 0) {
		if (e->sparse && lseek(fd, (off_t)offset, SEEK_SET) < 0)
			return fail(u, e, -errno, "write");
		r = fd_write_all(fd, data, size);
		if (r < 0)
			return fail(u, e, r, "write");
	}
	if (r == 0 && e->sparse && ftruncate(fd, (off_t)e->size) < 0)
		return fail(u, e, -errno, "write");
	if (r == 0)
		write_early(e, fd);
	return r;
}

/* Owner before mode and attributes: changing it clears set-id bits and capabilities. */
static int make_file(struct unpacker *u, const struct target *t)
{
	const struct tar_entry *e = t->entry;
	auto_close int fd = openat(t->parent_fd, t->name,
				   O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = 0;

	if (fd < 0)
		return errno == EEXIST ? -EEXIST : fail(u, e, -errno, "make");
	r = write_content(u, e, fd);
	if (r == 0)
		r = set_owner(u, e, fd, "");
	if (r == 0 && fchmod(fd, e->mode) < 0)
		r = fail(u, e, -errno, "set the mode of");
	if (r == 0)
		r = set_xattrs(u, e, fd);
	if (r == 0)
		r = set_times(u, e, fd, NULL);
	u->result.disk_size += (e->stored_size + DISK_BLOCK - 1) / DISK_BLOCK * DISK_BLOCK;
	return r;
}

static int describe_folder(struct unpacker *u, const struct target *t)
{
	const struct tar_entry *e = t->entry;
	int r = set_owner(u, e, t->parent_fd, t->name);

	u->setgid = u->setgid || e->mode & S_ISGID;
	if (r == 0 && fchmodat(t->parent_fd, *t->name ? t->name : ".", e->mode, 0) < 0)
		r = fail(u, e, -errno, "set the mode of");
	if (r == 0 && e->xattr_count > 0) {
		auto_close int fd = openat(t->parent_fd, *t->name ? t->name : ".",
					   O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		r = fd < 0 ? fail(u, e, -errno, "open") : set_xattrs(u, e, fd);
	}
	if (r == 0)
		remember_time(u, t);
	return r;
}

/* A folder that is there already is the same folder: it gets this entry's attributes. */
static int make_folder(struct unpacker *u, const struct target *t)
{
	struct stat st;

	if (mkdirat(t->parent_fd, t->name, 0700) < 0) {
		int code = errno;

		if (code != EEXIST || fstatat(t->parent_fd, t->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return fail(u, t->entry, -code, "make");
		if (marks_whiteout_at(t->parent_fd, t->name, &st)) {
			int r = whiteout_to_folder(u, t->parent_fd, t->name);

			if (r < 0)
				return fail(u, t->entry, r, "make");
		} else if (!S_ISDIR(st.st_mode)) {
			return -EEXIST;
		}
	}
	u->result.disk_size += DISK_BLOCK;
	return describe_folder(u, t);
}

static int make_symlink(struct unpacker *u, const struct target *t)
{
	const struct tar_entry *e = t->entry;
	int r = 0;

	if (*e->link == '\0')
		return refuse(u, e, "a symbolic link without a target");
	if (symlinkat(e->link, t->parent_fd, t->name) < 0)
		return errno == EEXIST ? -EEXIST : fail(u, e, -errno, "make");
	r = set_owner(u, e, t->parent_fd, t->name);
	return r < 0 ? r : set_times(u, e, t->parent_fd, t->name);
}

/* The target must be a file that this layer made: whiteouts and folders are none. */
static int make_hardlink(struct unpacker *u, const struct target *t)
{
	const struct tar_entry *e = t->entry;
	char clean[UNPACK_PATH_MAX];
	const char *name = NULL;
	auto_close int fd = -1;
	struct stat st;

	if (unpack_clean_path(e->link, clean) < 0)
		return refuse(u, e, "a hard link to outside the layer");
	if (*clean == '\0' || str_eq(clean, t->path))
		return refuse(u, e, "a hard link to itself or to the root");
	fd = unpack_open_parent(u->diff_fd, clean, &name);
	if (fd < 0 || fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return refuse(u, e, "a hard link to what the layer does not hold");
	if (S_ISDIR(st.st_mode) || marks_whiteout_at(fd, name, &st))
		return refuse(u, e, "a hard link to a folder or a whiteout");
	if (linkat(fd, name, t->parent_fd, t->name, 0) < 0)
		return errno == EEXIST ? -EEXIST : fail(u, e, -errno, "link");
	return 0;
}

/* Devices need rights in the first user namespace: without them they become nothing, as in
 * rootless Podman. A 0/0 character device would be a whiteout: never. */
static int make_node(struct unpacker *u, const struct target *t)
{
	const struct tar_entry *e = t->entry;
	mode_t type = e->kind == TAR_FIFO ? S_IFIFO : e->kind == TAR_CHAR ? S_IFCHR : S_IFBLK;
	int r = 0;

	if (e->kind != TAR_FIFO && e->dev_major == 0 && e->dev_minor == 0)
		return 0;
	if (mknodat(t->parent_fd, t->name, type | 0600, makedev(e->dev_major, e->dev_minor)) < 0) {
		if (errno == EEXIST)
			return -EEXIST;
		return errno == EPERM && e->kind != TAR_FIFO ? 0 : fail(u, e, -errno, "make");
	}
	r = set_owner(u, e, t->parent_fd, t->name);
	if (r == 0 && fchmodat(t->parent_fd, t->name, e->mode, 0) < 0)
		r = fail(u, e, -errno, "set the mode of");
	return r < 0 ? r : set_times(u, e, t->parent_fd, t->name);
}

static int make(struct unpacker *u, const struct target *t)
{
	switch (t->entry->kind) {
	case TAR_FILE:
		return make_file(u, t);
	case TAR_DIR:
		return make_folder(u, t);
	case TAR_SYMLINK:
		return make_symlink(u, t);
	case TAR_HARDLINK:
		return make_hardlink(u, t);
	default:
		return make_node(u, t);
	}
}

/* Makes the entry, in place of what an earlier one put there. */
static int place(struct unpacker *u, struct target *t)
{
	auto_close int parent_fd = -1;
	struct stat st;
	int r = make(u, t);

	if (r != -EEXIST)
		return r;
	parent_fd = fcntl(t->parent_fd, F_DUPFD_CLOEXEC, 3);
	if (parent_fd < 0 || fstatat(parent_fd, t->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(u, t->entry, -errno, "look at");
	t->parent_fd = parent_fd;
	r = displace(u, t, &st);
	if (r == 0)
		r = make(u, t);
	return r == -EEXIST ? fail(u, t->entry, r, "replace") : r;
}

/* ---- Whiteouts ---- */

#define WHITEOUT ".wh."
#define WHITEOUT_META ".wh..wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"

/* aufs' own book-keeping, in old images; Docker leaves it out, too. */
static bool is_aufs_meta(const char *path)
{
	for (const char *p = path; p; p = strchr(p, '/')) {
		p += *p == '/';
		if (str_starts(p, WHITEOUT_META) && !str_eq(p, WHITEOUT_OPAQUE))
			return true;
	}
	return false;
}

static int hide_all(struct unpacker *u, const struct target *t)
{
	auto_close int fd = openat(t->parent_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 ? -errno : marks_set_opaque(fd);

	return r < 0 ? fail(u, t->entry, r, "hide what is below") : 0;
}

/*
 * A whiteout hides what lower layers have; what this layer itself put there stays (layer.md,
 * "Whiteouts"), and hides it better.
 */
static int hide_one(struct unpacker *u, const struct target *t)
{
	const char *name = t->name + strlen(WHITEOUT);
	struct stat st;
	int r = 0;

	if (!path_is_name(name))
		return refuse(u, t->entry, "a whiteout of no name");
	r = marks_make_whiteout(t->parent_fd, name);
	if (r == -EEXIST && fstatat(t->parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		r = -errno;
	if (r != -EEXIST)
		return r < 0 ? fail(u, t->entry, r, "make the whiteout") : 0;
	if (S_ISDIR(st.st_mode)) {
		auto_close int fd =
			openat(t->parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		r = fd < 0 ? -errno : marks_set_opaque(fd);
		return r < 0 ? fail(u, t->entry, r, "make the whiteout") : 0;
	}
	return 0;
}

/* ---- Entries ---- */

/* "./": what the root of the container is like. */
static int describe_root(struct unpacker *u, const struct tar_entry *e)
{
	char empty[] = "";
	struct target t = { .entry = e, .path = empty, .parent_fd = u->diff_fd, .name = "" };

	if (e->kind != TAR_DIR)
		return refuse(u, e, "the root is a folder");
	u->result.has_root = true;
	return describe_folder(u, &t);
}

static int unpack_entry(struct unpacker *u, const struct tar_entry *e)
{
	char clean[UNPACK_PATH_MAX];
	struct target t = { .entry = e, .path = clean };
	const char *parent = NULL;
	int r = unpack_clean_path(e->path, clean);

	if (r < 0)
		return refuse(u, e,
			      r == -EINVAL ? "it leads outside the layer" : "its name is too long");
	if (e->kind == TAR_OTHER)
		return refuse(u, e, "no layer may hold entries of this type");
	if (*clean == '\0')
		return describe_root(u, e);
	if (is_aufs_meta(clean))
		return keep_content(u, e);
	t.name = split(clean, &parent);
	t.parent_fd = get_parent(u, parent);
	unsplit(clean, t.name);
	if (t.parent_fd == -ENOTDIR)
		return refuse(u, e, "it lies in what is no folder");
	if (t.parent_fd < 0)
		return fail(u, e, t.parent_fd, "make the folder of");
	u->result.files++;
	if (!str_starts(t.name, WHITEOUT))
		return place(u, &t);
	r = str_eq(t.name, WHITEOUT_OPAQUE) ? hide_all(u, &t) : hide_one(u, &t);
	return r < 0 ? r : keep_content(u, e);
}

static int write_kept_index(struct unpacker *u)
{
	int r = 0;

	if (u->kept_index.size == 0)
		return 0;
	r = file_replace_at(u->args->layer_fd, KEPT_INDEX, u->kept_index.data, u->kept_index.size,
			    0600, FILE_NO_SYNC);
	return r < 0 ? err_set(u->err, r, "cannot write the layer's list of kept contents") : 0;
}

static void unpacker_done(struct unpacker *u)
{
	forget_parents(u);
	for (size_t i = 0; i < u->time_count; i++)
		free(u->times[i].path);
	free(u->times);
	buf_done(&u->kept_index);
	fd_close(&u->diff_fd);
}

int unpack(struct tar_reader *reader, const struct unpack_args *args, struct unpack_result *ret,
	   struct err *err)
{
	struct unpacker u auto_done(unpacker) = {
		.args = args, .reader = reader, .uid = geteuid(), .gid = getegid(), .err = err
	};
	const struct tar_entry *e = NULL;
	int r = 0;

	for (size_t i = 0; i < PARENTS; i++)
		u.parents[i].fd = -1;
	u.diff_fd = openat(args->layer_fd, "diff", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (u.diff_fd < 0)
		return err_set(err, -errno, "cannot open the layer's folder");
	while ((r = tar_reader_next(reader, &e, err)) > 0) {
		r = unpack_entry(&u, e);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	r = u.result.has_owners ? owner_mark_root(u.diff_fd) : 0;
	if (r < 0)
		return err_set(err, r, "cannot keep the owners of the layer's files");
	set_folder_times(&u);
	r = write_kept_index(&u);
	if (r == 0)
		*ret = u.result;
	return r;
}
