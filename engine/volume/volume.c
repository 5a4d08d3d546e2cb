/* SPDX-License-Identifier: Apache-2.0 */
/* Volumes: see volume.h. Runs as root of the user namespace (files may belong to any of its ids).
 */
#include "engine/volume/volume.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/path.h"
#include "engine/base/time.h"
#include "engine/base/tree.h"

#define RECORD "volume.json"
#define RECORD_MAX (256 * 1024)

int volume_store_open(const char *data_root, struct volume_store *ret_store, struct err *err)
{
	auto_free char *path = path_join(data_root, "volumes");
	auto_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT) {
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return err_set(err, -errno, "cannot make the folder %s", path);
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd < 0)
		return err_set(err, -errno, "cannot open %s", path);
	ret_store->root = xstrdup(data_root);
	ret_store->fd = fd_take(&fd);
	return 0;
}

void volume_store_done(struct volume_store *store)
{
	free(take(store->root));
	fd_close(&store->fd);
}

static bool is_volume_name(const char *name)
{
	if (!isalnum((unsigned char)name[0]))
		return false;
	for (const char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("_.-", *p))
			return false;
	return strlen(name) <= 255;
}

static int write_record(int dir_fd, const char *name, const struct volume_args *args)
{
	auto_json json_t *record = json_object();
	auto_free char *text = NULL;

	json_set_str(record, "name", name);
	json_set_int(record, "created", time_now());
	json_set_bool(record, "anonymous", args->anonymous);
	if (args->labels)
		json_set_strv(record, "labels", args->labels);
	text = json_text(record);
	return file_replace_at(dir_fd, RECORD, text, strlen(text), 0600, FILE_SYNC);
}

/* A hidden name, until a volume gets its own or since it lost it. Nobody holds it but who works on
 * it. */
static char *hidden_name(const char *why)
{
	char unique[17];

	str_random_hex(unique, 16);
	return xasprintf(".%s-%s", why, unique);
}

/*
 * Held, shared, by whoever works on a hidden folder, so that nobody sweeps it. Where locks do not
 * work nobody sweeps either.
 */
static int lock_hidden(const struct volume_store *store, int how)
{
	auto_close int fd = openat(store->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 && flock(fd, how) == 0 ? fd_take(&fd) : -1;
}

/* A hidden folder is filled and then gets its name: nobody sees half a volume. */
static int publish(const struct volume_store *store, const char *name,
		   const struct volume_args *args)
{
	auto_close __attribute__((unused)) int lock = lock_hidden(store, LOCK_SH);
	auto_free char *temporary = hidden_name("new");
	auto_close int fd = -1;
	int r = 0;

	if (mkdirat(store->fd, temporary, 0700) < 0)
		return -errno;
	fd = openat(store->fd, temporary, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || mkdirat(fd, "_data", 0755) < 0)
		r = -errno;
	if (r == 0)
		r = write_record(fd, name, args);
	if (r == 0 && renameat2(store->fd, temporary, store->fd, name, RENAME_NOREPLACE) < 0)
		r = -errno;
	if (r < 0)
		(void)file_remove_tree(store->fd,
				       temporary); /* the first error is the one to tell */
	return r;
}

int volume_create(const struct volume_store *store, const struct volume_args *args, char **ret_name,
		  struct err *err)
{
	auto_free char *name = NULL;
	char random[65];
	int r = 0;

	if (args->name && !is_volume_name(args->name))
		return err_say(err, ERR_USAGE,
			       "running volume create option: names must match "
			       "[a-zA-Z0-9][a-zA-Z0-9_.-]*: "
			       "invalid argument \"%s\"",
			       args->name);
	if (args->options && args->options->count > 0)
		return err_say(err, ERR_UNSUPPORTED, "volume option %s is not supported yet",
			       args->options->v[0]);
	str_random_hex(random, 64);
	name = xstrdup(args->name ? args->name : random);
	r = publish(store, name, args);
	if (r == -EEXIST && !args->ignore_existing)
		return err_say(err, ERR_EXISTS,
			       "volume with name %s already exists: volume already exists", name);
	if (r < 0 && r != -EEXIST)
		return err_set(err, r, "cannot make the volume %s", name);
	*ret_name = take(name);
	return 0;
}

int volume_list(const struct volume_store *store, struct strv *ret_names, struct err *err)
{
	int fd = openat(store->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e = NULL;

	if (!dir) {
		int r = -errno;

		if (fd >= 0)
			(void)close(fd);
		return err_set(err, r, "cannot list the volumes");
	}
	while ((e = readdir(dir)))
		if (is_volume_name(e->d_name))
			strv_add(ret_names, e->d_name);
	(void)closedir(dir); /* reading only */
	strv_sort(ret_names);
	return 0;
}

int volume_find(const struct volume_store *store, const char *text, char **ret_name,
		struct err *err)
{
	struct strv names auto_done(strv) = STRV_INIT;
	const char *found = NULL;
	struct stat st;
	int r = 0;

	if (is_volume_name(text) && fstatat(store->fd, text, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		*ret_name = xstrdup(text);
		return 0;
	}
	r = volume_list(store, &names, err);
	for (size_t i = 0; i < names.count && *text && r == 0; i++) {
		if (!str_starts(names.v[i], text))
			continue;
		if (found)
			return err_say(
				err, ERR_USAGE,
				"more than one result for volume name %s: volume already exists",
				text);
		found = names.v[i];
	}
	if (r < 0)
		return r;
	if (!found)
		return err_say(err, ERR_NOT_FOUND,
			       "no volume with name \"%s\" found: no such volume", text);
	*ret_name = xstrdup(found);
	return 0;
}

char *volume_path(const struct volume_store *store, const char *name)
{
	return xasprintf("%s/volumes/%s/_data", store->root, name);
}

static int read_record(const struct volume_store *store, const char *name, json_t **ret_record,
		       struct err *err)
{
	auto_free char *path = xasprintf("%s/" RECORD, name);

	return json_read_at(store->fd, path, RECORD_MAX, ret_record, err);
}

bool volume_is_anonymous(const struct volume_store *store, const char *name)
{
	auto_json json_t *record = NULL;

	return read_record(store, name, &record, NULL) == 0 &&
	       json_bool(record, "anonymous", false);
}

static json_t *labels_object(const json_t *record)
{
	struct strv labels auto_done(strv) = STRV_INIT;
	json_t *object = json_object();

	(void)json_get_strv(record, "labels", &labels, NULL); /* a broken record has no labels */
	for (size_t i = 0; i < labels.count; i++) {
		char *equals = strchr(labels.v[i], '=');

		if (equals)
			*equals = '\0';
		json_set_str(object, labels.v[i], equals ? equals + 1 : "");
	}
	return object;
}

int volume_inspect(const struct volume_store *store, const char *name, json_t **ret_object,
		   struct err *err)
{
	auto_json json_t *record = NULL;
	auto_free char *mount = volume_path(store, name);
	json_t *object = NULL;
	int r = read_record(store, name, &record, err);

	if (r < 0)
		return r;
	object = json_object();
	json_set_str(object, "Name", name);
	json_set_str(object, "Driver", "local");
	json_set_str(object, "Mountpoint", mount);
	json_set_str(object, "CreatedAt", time_local(json_int(record, "created", 0)).text);
	(void)json_object_set_new(object, "Labels", labels_object(record));
	json_set_str(object, "Scope", "local");
	(void)json_object_set_new(object, "Options", json_object());
	if (json_bool(record, "anonymous", false))
		json_set_bool(object, "Anonymous", true);
	json_set_int(object, "MountCount", 0);
	json_set_bool(object, "NeedsCopyUp", !json_bool(record, "filled", false));
	json_set_int(object, "LockNumber", 0);
	*ret_object = object;
	return 0;
}

int volume_remove(const struct volume_store *store, const char *name, struct err *err)
{
	auto_close __attribute__((unused)) int lock = lock_hidden(store, LOCK_SH);
	auto_free char *gone = hidden_name("gone");
	int r = 0;

	if (renameat(store->fd, name, store->fd, gone) < 0)
		return err_set(err, -errno, "cannot remove the volume %s", name);
	r = file_remove_tree(store->fd, gone);
	return r < 0 ? err_set(err, r, "cannot remove all files of the volume %s", name) : 0;
}

static void collect_hidden(const struct volume_store *store, struct strv *names)
{
	int fd = openat(store->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e = NULL;

	if (!dir) {
		fd_close(&fd);
		return;
	}
	while ((e = readdir(dir)))
		if (str_starts(e->d_name, ".new-") || str_starts(e->d_name, ".gone-"))
			strv_add(names, e->d_name);
	(void)closedir(dir); /* reading only */
}

void volume_sweep(const struct volume_store *store)
{
	struct strv names auto_done(strv) = STRV_INIT;
	auto_close int lock = -1;

	collect_hidden(store, &names);
	if (names.count == 0)
		return;
	/* Of those seen before the lock: nobody works on them now, and none of them comes back. */
	lock = lock_hidden(store, LOCK_EX | LOCK_NB);
	for (size_t i = 0; i < names.count && lock >= 0; i++)
		(void)file_remove_tree(store->fd, names.v[i]); /* what is left is swept next time */
}

/* ---- Copy-up ---- */

static bool is_empty(int data_fd)
{
	int fd = openat(data_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e = NULL;
	bool empty = dir != NULL;

	if (!dir && fd >= 0)
		(void)close(fd);
	while (dir && empty && (e = readdir(dir)))
		empty = str_eq(e->d_name, ".") || str_eq(e->d_name, "..");
	if (dir)
		(void)closedir(dir); /* reading only */
	return empty;
}

static int mark_filled(int volume_fd, json_t *record)
{
	auto_free char *text = NULL;

	json_set_bool(record, "filled", true);
	text = json_text(record);
	return file_replace_at(volume_fd, RECORD, text, strlen(text), 0600, FILE_NO_SYNC);
}

int volume_copy_up(const struct volume_store *store, const char *name, int root_fd,
		   const char *path, struct err *err)
{
	auto_close int volume =
		openat(store->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	auto_close int data = -1;
	auto_close int from = -1;
	auto_json json_t *record = NULL;
	int r = 0;

	if (volume < 0)
		return err_set(err, -errno, "cannot open the volume %s", name);
	/* Whoever comes second waits here and then finds the volume filled. */
	if (flock(volume, LOCK_EX) < 0)
		return err_set(err, -errno, "cannot lock the volume %s", name);
	r = json_read_at(volume, RECORD, RECORD_MAX, &record, err);
	if (r < 0 || json_bool(record, "filled", false))
		return r;
	data = openat(volume, "_data", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (data < 0)
		return err_set(err, -errno, "cannot open the volume %s", name);
	from = path_open_in_root(root_fd, path, O_RDONLY | O_DIRECTORY, 0);
	if (from >= 0 && is_empty(data))
		r = tree_clone(from, data);
	if (r < 0)
		return err_set(err, r, "cannot copy %s of the image into the volume %s", path,
			       name);
	r = mark_filled(volume, record);
	return r < 0 ? err_set(err, r, "cannot record that the volume %s is filled", name) : 0;
}
