/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers' root file systems: made, mounted, removed. See storage.h. Runs in run, create, start
 * and rm; every system call here is in the way of a user who waits.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/path.h"
#include "engine/storage/storage-internal.h"

/* Overlay's own limit (fs/overlayfs, OVL_MAX_STACK), and more than any registry takes. */
enum { LAYERS_MAX = 500, MADE_OF_MAX = 1024 * 1024 };

static const struct driver *const drivers[STORAGE_DRIVER_COUNT] = {
	[STORAGE_OVERLAY] = &driver_overlay,
	[STORAGE_FUSE] = &driver_fuse,
	[STORAGE_COPY] = &driver_copy,
};

/* ---- made-of: one fact a line ---- */

void made_of_done(struct made_of *made)
{
	strv_done(&made->layers);
	free(made->uids);
	free(made->gids);
	*made = (struct made_of){ 0 };
}

bool made_of_idmap(const struct made_of *made, struct storage_idmap *ret_map)
{
	*ret_map = (struct storage_idmap){ .uids = made->uids,
					   .uid_count = made->uid_count,
					   .gids = made->gids,
					   .gid_count = made->gid_count };
	return made->uid_count > 0 || made->gid_count > 0;
}

const struct storage_idmap *made_of_shift(const struct made_of *made, struct storage_idmap *map)
{
	return made->driver != STORAGE_FUSE && made_of_idmap(made, map) ? map : NULL;
}

static void add_ranges(struct buf *text, const char *what, const struct storage_range *ranges,
		       size_t count)
{
	for (size_t i = 0; i < count; i++) /* unbounded buffer: cannot fail */
		(void)buf_addf(text, "%s %u %u %u\n", what, ranges[i].inside, ranges[i].outside,
			       ranges[i].count);
}

int made_of_write(int rootfs_fd, const struct storage_container_args *args, struct err *err)
{
	struct buf text auto_done(buf) = BUF_INIT;
	auto_close int fd = -1;
	int r = 0;

	if (args->driver != STORAGE_AUTO)
		(void)buf_addf(&text, "driver %s\n", storage_driver_name(args->driver));
	for (size_t i = 0; i < args->layers->count; i++)
		(void)buf_addf(&text, "layer %s\n", args->layers->v[i]);
	if (args->idmap) {
		add_ranges(&text, "uid", args->idmap->uids, args->idmap->uid_count);
		add_ranges(&text, "gid", args->idmap->gids, args->idmap->gid_count);
	}
	if (args->size_limit)
		(void)buf_addf(&text, "size %llu\n", (unsigned long long)args->size_limit);
	if (args->inode_limit)
		(void)buf_addf(&text, "inodes %llu\n", (unsigned long long)args->inode_limit);
	if (args->shows_owners)
		(void)buf_addf(&text, "owners shown\n");
	(void)buf_addf(&text, "end\n"); /* a file cut by a full disk lacks it */
	fd = openat(rootfs_fd, "made-of", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	r = fd < 0 ? -errno : fd_write_all(fd, text.data, text.size);
	return r < 0 ? err_set(err, r, "cannot write what container %s is made of", args->id) : 0;
}

static int parse_range(const char *text, struct storage_range *ret)
{
	return sscanf(text, "%u %u %u", &ret->inside, &ret->outside, &ret->count) == 3 ? 0
										       : -EINVAL;
}

/* One line; 1 for "end". */
static int parse_line(struct made_of *made, const char *line)
{
	const char *rest = NULL;

	if (str_eq(line, "end"))
		return 1;
	if ((rest = str_after(line, "layer "))) {
		strv_add(&made->layers, rest);
		return storage_digest_valid(rest) ? 0 : -EINVAL;
	}
	if ((rest = str_after(line, "driver ")))
		return storage_driver_parse(rest, &made->driver);
	if (str_eq(line, "owners shown")) {
		made->shows_owners = true;
		return 0;
	}
	if ((rest = str_after(line, "size ")))
		return str_to_u64(rest, &made->size_limit);
	if ((rest = str_after(line, "inodes ")))
		return str_to_u64(rest, &made->inode_limit);
	if ((rest = str_after(line, "uid "))) {
		xgrow(made->uids, made->uid_count, made->uid_capacity);
		return parse_range(rest, &made->uids[made->uid_count++]);
	}
	if ((rest = str_after(line, "gid "))) {
		xgrow(made->gids, made->gid_count, made->gid_capacity);
		return parse_range(rest, &made->gids[made->gid_count++]);
	}
	return -EINVAL;
}

int made_of_read(int rootfs_fd, const char *id, struct made_of *ret_made, struct err *err)
{
	struct made_of made auto_done(made_of) = { 0 };
	auto_free char *text = NULL;
	size_t size = 0;
	int r = file_read_at(rootfs_fd, "made-of", MADE_OF_MAX, &text, &size);
	char *line = text;

	if (r == -ENOENT) /* killed while it was made */
		return err_say(err, ERR_NOT_FOUND, "container %s has no root file system", id);
	if (r < 0)
		return err_set(err, r, "cannot read what container %s is made of", id);
	while (r == 0 && line && *line) {
		char *end = strchr(line, '\n');

		if (end)
			*end++ = '\0';
		r = parse_line(&made, line);
		line = end;
	}
	if (r != 1)
		return err_say(err, ERR_FAILED, "%s/rootfs/made-of is damaged", id);
	*ret_made = made;
	made = (struct made_of){ 0 };
	return 0;
}

/* ---- Opening ---- */

int storage_rootfs_open(const struct storage *s, const char *id, int *ret_fd, struct err *err)
{
	char path[300];
	int fd = -1;

	if (!path_is_name(id))
		return err_say(err, ERR_USAGE, "\"%s\" is no id of a container", id);
	(void)snprintf(path, sizeof(path), "%s/rootfs", id); /* a name is at most 255 bytes */
	fd = openat(s->containers_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		return err_say(err, ERR_NOT_FOUND, "container %s has no root file system", id);
	if (fd < 0)
		return err_set(err, -errno, "cannot open the root file system of container %s", id);
	*ret_fd = fd;
	return 0;
}

static void close_all(int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		fd_close(&fds[i]);
}

static int open_layer(const struct storage *s, const char *diff_id,
		      const struct storage_idmap *idmap, int *ret_fd, struct err *err)
{
	struct scratch_name name = { "diff" };
	struct layer_path path;

	if (!storage_digest_valid(diff_id))
		return err_say(err, ERR_USAGE, "\"%s\" is no diff id of a layer", diff_id);
	if (idmap) {
		int r = storage_layer_shift(s, diff_id, idmap, err);

		if (r < 0)
			return r;
		name = shift_name(idmap);
	}
	path = layer_path(diff_id, name.text);
	*ret_fd = openat(s->layers_fd, path.text, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (*ret_fd < 0 && errno == ENOENT)
		return err_say(err, ERR_NOT_FOUND, "the layer %s is not in the store", diff_id);
	return *ret_fd < 0 ? err_set(err, -errno, "cannot open layer %s", diff_id) : 0;
}

int storage_layers_open(const struct storage *s, const struct strv *layers,
			const struct storage_idmap *idmap, int *ret_fds, struct err *err)
{
	if (layers->count == 0 || layers->count > LAYERS_MAX)
		return err_say(err, ERR_USAGE,
			       "a root file system is made of 1 to %d layers, not %zu", LAYERS_MAX,
			       layers->count);
	for (size_t i = 0; i < layers->count; i++) {
		int r = open_layer(s, layers->v[layers->count - 1 - i], idmap, &ret_fds[i], err);

		if (r < 0) {
			close_all(ret_fds, i);
			return r;
		}
	}
	return 0;
}

/* ---- Making ---- */

int storage_root_attributes(const struct driver_mount_args *args, int root_fd, struct err *err)
{
	/*
	 * Podman's, whatever the layers' archives say of "./": many were made in a private folder,
	 * and no user but root could enter a root of mode 0700.
	 */
	struct stat st = { .st_mode = 0555 };
	struct stat now;
	struct storage_idmap map;

	if (made_of_idmap(args->made, &map)) {
		(void)idmap_outside(map.uids, map.uid_count, 0, &st.st_uid); /* unmapped: ours */
		(void)idmap_outside(map.gids, map.gid_count, 0, &st.st_gid);
	}
	if (fstat(root_fd, &now) < 0 ||
	    ((now.st_uid != st.st_uid || now.st_gid != st.st_gid) &&
	     fchownat(root_fd, "", st.st_uid, st.st_gid, AT_EMPTY_PATH) < 0) ||
	    ((now.st_mode ^ st.st_mode) & 07777 && fchmod(root_fd, st.st_mode & 07777) < 0))
		return err_set(err, -errno, "cannot set the owner and mode of /");
	return 0;
}

/* A quota is our own overlay's: it must not be passed over in silence. */
static int check_quota(const struct storage *s, const struct storage_container_args *args,
		       struct err *err)
{
	if (s->mount_program)
		return err_say(
			err, ERR_UNSUPPORTED,
			"--storage-opt size and inodes: %s (overlay.mount_program) has no quota",
			s->mount_program);
	if (args->driver != STORAGE_AUTO && args->driver != STORAGE_FUSE)
		return err_say(err, ERR_UNSUPPORTED,
			       "--storage-opt size and inodes: the storage driver %s has no quota "
			       "(fuse-overlay has one)",
			       storage_driver_name(args->driver));
	if (!fuse_is_there())
		return err_say(
			err, ERR_UNSUPPORTED,
			"--storage-opt size and inodes need the FUSE overlay, and there is no "
			"/dev/fuse for us, or no bryo-overlay");
	return 0;
}

static bool remembers_owners(const struct storage *s, const struct strv *layers)
{
	for (size_t i = 0; i < layers->count; i++) {
		struct layer_path path;

		if (!storage_digest_valid(layers->v[i]))
			continue; /* refused when it is opened */
		path = layer_path(layers->v[i], LAYER_OWNERS);
		if (faccessat(s->layers_fd, path.text, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			return true;
	}
	return false;
}

/* Ids are shifted by the FUSE overlay where there is one, without a copy of any layer; and it alone
 * shows owners that files do not bear. */
static bool wants_fuse(const struct storage *s, const struct storage_container_args *args)
{
	if (s->mount_program)
		return true;
	return (args->idmap || (args->shows_owners && remembers_owners(s, args->layers))) &&
	       fuse_is_there();
}

static int choose_driver(const struct storage *s, const struct storage_container_args *args,
			 enum storage_driver *ret_driver, struct err *err)
{
	const bool has_quota = args->size_limit || args->inode_limit;
	int r = has_quota ? check_quota(s, args, err) : 0;

	*ret_driver = args->driver;
	if (has_quota || (args->driver == STORAGE_AUTO && wants_fuse(s, args)))
		*ret_driver = STORAGE_FUSE;
	return r;
}

static int create_in(const struct storage_container_args *args,
		     const struct driver_mount_args *mount, struct err *err)
{
	enum storage_driver driver = args->driver == STORAGE_AUTO ? STORAGE_OVERLAY : args->driver;
	struct made_of made = { .layers = *args->layers, /* borrowed */
				.size_limit = args->size_limit,
				.inode_limit = args->inode_limit,
				.shows_owners = args->shows_owners };
	struct driver_mount_args here = *mount;
	int r = 0;

	if (args->idmap) {
		made.uids = (struct storage_range *)args->idmap->uids;
		made.uid_count = args->idmap->uid_count;
		made.gids = (struct storage_range *)args->idmap->gids;
		made.gid_count = args->idmap->gid_count;
	}
	here.made = &made;
	r = made_of_write(here.rootfs_fd, args, err);
	return r < 0 ? r : drivers[driver]->create(&here, err);
}

int storage_container_create(const struct storage *s, const struct storage_container_args *asked,
			     struct err *err)
{
	struct storage_container_args chosen = *asked;
	const struct storage_container_args *args = &chosen;
	struct driver_mount_args mount = { .storage = s, .lower_count = args->layers->count };
	int fds[LAYERS_MAX];
	auto_close int rootfs_fd = -1;
	auto_close int lock_fd = -1;
	char path[300];
	int r = 0;

	if (!path_is_name(args->id))
		return err_say(err, ERR_USAGE, "\"%s\" is no id of a container", args->id);
	r = choose_driver(s, asked, &chosen.driver, err);
	if (r < 0)
		return r;
	/* From the look at the layers until made-of names them, nobody may remove one. */
	r = storage_lock(s, false, &lock_fd, err);
	if (r < 0)
		return r;
	r = storage_layers_open(s, args->layers, args->driver == STORAGE_FUSE ? NULL : args->idmap,
				fds, err);
	if (r < 0)
		return r;
	(void)snprintf(path, sizeof(path), "%s/rootfs", args->id); /* a name is at most 255 bytes */
	if (mkdirat(s->containers_fd, path, 0711) < 0) {
		r = errno == EEXIST
			    ? err_say(err, ERR_EXISTS,
				      "container %s has a root file system already", args->id)
			    : err_set(err, -errno,
				      "cannot make the root file system of container %s", args->id);
	} else {
		r = storage_rootfs_open(s, args->id, &rootfs_fd, err);
	}
	if (r == 0) {
		mount.rootfs_fd = rootfs_fd;
		mount.lower_fds = fds;
		r = create_in(args, &mount, err);
	}
	close_all(fds, args->layers->count);
	return r;
}

/* ---- Mounting ---- */

/* Empty; the last mount was the FUSE overlay's. */
static const char fuse_name[] = "on-fuse";

static bool is_there(int rootfs_fd, const char *name)
{
	return faccessat(rootfs_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* The copy is renamed to its place when it is whole. */
static enum storage_driver driver_in(int rootfs_fd)
{
	if (is_there(rootfs_fd, "root"))
		return STORAGE_COPY;
	return is_there(rootfs_fd, fuse_name) ? STORAGE_FUSE : STORAGE_OVERLAY;
}

/* For inspect: what cannot be noted is only told wrongly there. */
static void note_driver(int rootfs_fd, enum storage_driver driver)
{
	if (driver == STORAGE_FUSE && !is_there(rootfs_fd, fuse_name))
		(void)mknodat(rootfs_fd, fuse_name, S_IFREG | 0600, 0);
	else if (driver == STORAGE_OVERLAY && is_there(rootfs_fd, fuse_name))
		(void)unlinkat(rootfs_fd, fuse_name, 0);
}

static int try_overlay(const struct driver_mount_args *args, enum storage_driver driver,
		       int *ret_fd, struct err *err)
{
	int r = 0;

	if (driver == STORAGE_OVERLAY && args->rootfs_fd >= 0 && fuse_only(args->rootfs_fd))
		return err_say(err, ERR_UNSUPPORTED,
			       "the kernel's overlay cannot show what the FUSE overlay has written "
			       "here (use --storage-driver=fuse-overlay)");
	r = drivers[driver]->mount(args, ret_fd, err);
	if (r == 0 && args->rootfs_fd >= 0)
		note_driver(args->rootfs_fd, driver);
	return r;
}

/* The kernel's overlay, where it refuses ours, and where that cannot be either a copy. */
static int mount_any(const struct driver_mount_args *args, int *ret_fd, struct err *err)
{
	struct err first = ERR_INIT;
	struct storage_idmap map;
	int r = try_overlay(args, STORAGE_OVERLAY, ret_fd, &first);

	/* Not where layers have been shifted: it would shift them again. */
	if (r == -EOPNOTSUPP && !(args->made && made_of_idmap(args->made, &map)))
		r = try_overlay(args, STORAGE_FUSE, ret_fd, &first);
	if (r == -EOPNOTSUPP && args->rootfs_fd >= 0 && !fuse_only(args->rootfs_fd)) {
		r = driver_copy.create(args, err);
		return r < 0 ? r : driver_copy.mount(args, ret_fd, err);
	}
	if (r < 0 && err)
		*err = first;
	return r;
}

static int mount_with(const struct driver_mount_args *args, int *ret_fd, struct err *err)
{
	enum storage_driver driver = args->made->driver;

	if (is_there(args->rootfs_fd, "root"))
		return driver_copy.mount(args, ret_fd, err);
	return driver == STORAGE_AUTO ? mount_any(args, ret_fd, err)
				      : try_overlay(args, driver, ret_fd, err);
}

static int mount_container(const struct storage_mount_args *args, int *ret_fd, struct err *err)
{
	auto_close int rootfs_fd = -1;
	struct made_of made auto_done(made_of) = { 0 };
	struct storage_idmap map;
	int fds[LAYERS_MAX];
	int r = storage_rootfs_open(args->storage, args->id, &rootfs_fd, err);

	if (r == 0)
		r = made_of_read(rootfs_fd, args->id, &made, err);
	if (r == 0)
		r = storage_layers_open(args->storage, &made.layers, made_of_shift(&made, &map),
					fds, err);
	if (r < 0)
		return r;
	r = mount_with(&(struct driver_mount_args){ .storage = args->storage,
						    .rootfs_fd = rootfs_fd,
						    .lower_fds = fds,
						    .lower_count = made.layers.count,
						    .read_only = args->read_only,
						    .is_volatile = args->is_volatile,
						    .selinux_label = args->selinux_label,
						    .made = &made },
		       ret_fd, err);
	close_all(fds, made.layers.count);
	return r < 0 ? err_prefix(err, "container %s", args->id) : 0;
}

/* fuse: how the FUSE overlay shall show them, which shifts ids by itself; NULL: any driver. */
static int mount_layers_by(const struct storage_mount_args *args, const struct made_of *fuse,
			   int *ret_fd, struct err *err)
{
	int fds[LAYERS_MAX];
	const struct driver_mount_args mount = { .storage = args->storage,
						 .rootfs_fd = -1,
						 .lower_fds = fds,
						 .lower_count = args->layers->count,
						 .read_only = true,
						 .selinux_label = args->selinux_label,
						 .made = fuse };
	int r = storage_layers_open(args->storage, args->layers, fuse ? NULL : args->idmap, fds,
				    err);

	if (r < 0)
		return r;
	r = fuse ? driver_fuse.mount(&mount, ret_fd, err) : mount_any(&mount, ret_fd, err);
	close_all(fds, args->layers->count);
	return r;
}

static int mount_layers(const struct storage_mount_args *args, int *ret_fd, struct err *err)
{
	struct made_of fuse = { .shows_owners = true };
	int r = -EOPNOTSUPP;

	if (args->idmap) { /* borrowed */
		fuse.uids = (struct storage_range *)args->idmap->uids;
		fuse.uid_count = args->idmap->uid_count;
		fuse.gids = (struct storage_range *)args->idmap->gids;
		fuse.gid_count = args->idmap->gid_count;
	}
	/* Owners that files do not bear are shown by that one alone. */
	if (args->shows_owners && remembers_owners(args->storage, args->layers) && fuse_is_there())
		r = mount_layers_by(args, &fuse, ret_fd, err);
	return r == -EOPNOTSUPP ? mount_layers_by(args, NULL, ret_fd, err) : r;
}

int storage_mount(const struct storage_mount_args *args, int *ret_mount_fd, struct err *err)
{
	return args->layers ? mount_layers(args, ret_mount_fd, err)
			    : mount_container(args, ret_mount_fd, err);
}

int storage_mount_at(const struct storage_mount_args *args, const char *path, struct err *err)
{
	auto_close int fd = -1;
	int r = storage_mount(args, &fd, err);

	if (r < 0)
		return r;
	if (syscall(SYS_move_mount, fd, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_set(err, -errno, "cannot mount the root file system at %s", path);
	return 0;
}

/* ---- Asking and removing ---- */

int storage_container_driver(const struct storage *s, const char *id,
			     enum storage_driver *ret_driver, struct err *err)
{
	auto_close int rootfs_fd = -1;
	int r = storage_rootfs_open(s, id, &rootfs_fd, err);

	if (r == 0)
		*ret_driver = driver_in(rootfs_fd);
	return r;
}

int storage_container_layers(const struct storage *s, const char *id, struct strv *ret_layers,
			     struct err *err)
{
	auto_close int rootfs_fd = -1;
	struct made_of made auto_done(made_of) = { 0 };
	int r = storage_rootfs_open(s, id, &rootfs_fd, err);

	if (r == 0)
		r = made_of_read(rootfs_fd, id, &made, err);
	if (r == 0)
		strv_add_all(ret_layers, &made.layers);
	return r;
}

int storage_container_remove(const struct storage *s, const char *id, struct err *err)
{
	char path[300];
	int r = 0;

	if (!path_is_name(id))
		return err_say(err, ERR_USAGE, "\"%s\" is no id of a container", id);
	(void)snprintf(path, sizeof(path), "%s/rootfs", id); /* a name is at most 255 bytes */
	r = storage_discard(s, s->containers_fd, path, err);
	return r < 0 ? err_prefix(err, "container %s", id) : 0;
}
