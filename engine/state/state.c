/* SPDX-License-Identifier: Apache-2.0 */
/* Objects on disk: see state.h. Runs in commands and in the monitor. */
#include "engine/state/state.h"

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
#include "engine/base/path.h"

static int open_folder(int dir_fd, const char *name, int *ret_fd)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 && errno == ENOENT) {
		if (mkdirat(dir_fd, name, 0700) < 0 && errno != EEXIST)
			return -errno;
		fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	}
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

int state_open(const char *root, const char *kind, const char *record, struct state *ret_state,
	       struct err *err)
{
	struct state state auto_done(state) = STATE_INIT;
	auto_close int names = -1;
	int r = 0;

	state.record = record;
	state.root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (state.root_fd < 0)
		return err_set(err, -errno, "cannot open %s", root);
	r = open_folder(state.root_fd, kind, &state.objects_fd);
	if (r == 0)
		r = open_folder(state.root_fd, "names", &names);
	if (r == 0)
		r = open_folder(names, kind, &state.names_fd);
	if (r < 0)
		return err_set(err, r, "cannot make the folder %s in %s", kind, root);
	*ret_state = state;
	state = STATE_INIT;
	return 0;
}

void state_done(struct state *state)
{
	fd_close(&state->root_fd);
	fd_close(&state->objects_fd);
	fd_close(&state->names_fd);
}

/* ---- Names ---- */

/* The id behind a name, or -ENOENT. */
static int read_name(const struct state *state, const char *name, char ret_id[STATE_ID_SIZE])
{
	char text[STATE_ID_SIZE + 1];
	ssize_t n = 0;

	if (!path_is_name(name))
		return -ENOENT;
	n = readlinkat(state->names_fd, name, text, sizeof(text));
	if (n != STATE_ID_SIZE - 1)
		return -ENOENT;
	memcpy(ret_id, text, STATE_ID_SIZE - 1);
	ret_id[STATE_ID_SIZE - 1] = '\0';
	return 0;
}

static bool folder_exists(const struct state *state, const char *id)
{
	struct stat st;

	return fstatat(state->objects_fd, id, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool has_record(const struct state *state, const char *id)
{
	char path[STATE_ID_SIZE + 64];
	struct stat st;

	(void)stpcpy(stpcpy(stpcpy(path, id), "/"), state->record); /* record names are short */
	return fstatat(state->objects_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Has no record, and nobody is making it: its maker was killed. */
static bool is_abandoned(const struct state *state, const char *id)
{
	auto_close int fd = -1;
	auto_close int lock = -1;

	if (has_record(state, id) || state_open_object(state, id, &fd) < 0)
		return false;
	return state_lock(fd, STATE_LOCK_CHANGE, false, &lock) != -EAGAIN && !has_record(state, id);
}

/*
 * Removes a name whose object is gone or was never finished. Two commands may find it at once, and
 * the second must not remove what the first has put in its place: so both look again under a lock.
 */
static void drop_dangling(const struct state *state, const char *name, const char *id)
{
	char owner[STATE_ID_SIZE];
	auto_close int lock =
		openat(state->names_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (lock < 0)
		return;
	while (flock(lock, LOCK_EX) < 0 && errno == EINTR)
		; /* where folders cannot be locked, the second look alone must do */
	if (read_name(state, name, owner) == 0 && str_eq(owner, id) &&
	    (!folder_exists(state, owner) || is_abandoned(state, owner)))
		(void)unlinkat(state->names_fd, name, 0); /* gone already is fine */
}

int state_claim_name(const struct state *state, const char *name, const char *id, const char *what,
		     struct err *err)
{
	char owner[STATE_ID_SIZE];

	for (int tries = 0; tries < 16; tries++) {
		if (symlinkat(id, state->names_fd, name) == 0)
			return 0;
		if (errno != EEXIST)
			return err_set(err, -errno, "cannot record the name \"%s\"", name);
		if (read_name(state, name, owner) < 0)
			continue; /* released this moment */
		if (folder_exists(state, owner) && !is_abandoned(state, owner))
			return err_say(
				err, ERR_EXISTS,
				"the %s name \"%s\" is already in use by %s. You have to remove "
				"that "
				"%s to be able to reuse that name: that name is already in use",
				what, name, owner, what);
		/* Its object has just been removed, or whoever removed or made it was killed. */
		drop_dangling(state, name, owner);
	}
	return err_say(err, ERR_EXISTS, "the %s name \"%s\" is being taken by others all the time",
		       what, name);
}

void state_release_name(const struct state *state, const char *name, const char *id)
{
	char owner[STATE_ID_SIZE];

	if (!name || read_name(state, name, owner) < 0 || !str_eq(owner, id))
		return;
	if (folder_exists(state, id))
		(void)unlinkat(state->names_fd, name, 0); /* nobody else may take it from us */
	else
		drop_dangling(state, name, id);
}

/* ---- Finding ---- */

/* Calls use() with each entry but . and .. of a folder. Stops at a non-zero answer. */
static int each_entry(int folder_fd, int (*use)(const char *name, void *data), void *data)
{
	int fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e = NULL;
	int r = 0;

	if (!dir) {
		r = -errno;
		if (fd >= 0)
			(void)close(fd);
		return r;
	}
	while (r == 0 && (e = readdir(dir)))
		if (path_is_name(e->d_name))
			r = use(e->d_name, data);
	(void)closedir(dir); /* reading only */
	return r;
}

static bool is_object(const char *name)
{
	return str_is_hex(name, STATE_ID_SIZE - 1);
}

struct prefix_search {
	const struct state *state;
	const char *prefix;
	char found[STATE_ID_SIZE];
	int count;
};

static int match_prefix(const char *id, void *data)
{
	struct prefix_search *search = data;

	if (!is_object(id) || !str_starts(id, search->prefix) || !has_record(search->state, id))
		return 0;
	memcpy(search->found, id, STATE_ID_SIZE);
	return ++search->count > 1;
}

int state_find(const struct state *state, const char *text, const char *what,
	       char ret_id[STATE_ID_SIZE], struct err *err)
{
	struct prefix_search search = { .state = state, .prefix = text };
	size_t n = strlen(text);

	if (n == STATE_ID_SIZE - 1 && str_is_hex(text, n) && has_record(state, text)) {
		memcpy(ret_id, text, STATE_ID_SIZE);
		return 0;
	}
	if (read_name(state, text, ret_id) == 0 && has_record(state, ret_id))
		return 0;
	if (n > 0 && n < STATE_ID_SIZE - 1 && str_is_hex(text, n))
		(void)each_entry(state->objects_fd, match_prefix,
				 &search); /* an unreadable folder has no objects */
	if (search.count > 1)
		return err_say(err, ERR_USAGE,
			       "more than one result for %s ID %s: %s already exists", what, text,
			       what);
	if (search.count == 0)
		return err_say(err, ERR_NOT_FOUND, "no %s with name or ID \"%s\" found: no such %s",
			       what, text, what);
	memcpy(ret_id, search.found, STATE_ID_SIZE);
	return 0;
}

static int add_to_list(const char *id, void *data)
{
	if (is_object(id))
		strv_add(data, id);
	return 0;
}

int state_list(const struct state *state, struct strv *ret_ids, struct err *err)
{
	int r = each_entry(state->objects_fd, add_to_list, ret_ids);

	return r < 0 ? err_set(err, r, "cannot list the store") : 0;
}

/* ---- Folders and locks ---- */

/* -ENOENT: somebody swept the folder away before it was locked. */
static int make_locked(const struct state *state, const char *id, int *ret_fd, int *ret_lock)
{
	auto_close int fd = -1;
	auto_close int lock = -1;
	auto_close int lock_file = -1;
	struct stat ours, there;
	int r = 0;

	if (mkdirat(state->objects_fd, id, 0700) < 0)
		return -errno;
	fd = openat(state->objects_fd, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0)
		lock_file = openat(fd, "lock", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
				   0600);
	if (fd < 0 || lock_file < 0)
		return -errno;
	r = state_lock(fd, STATE_LOCK_CHANGE, true, &lock);
	if (r < 0)
		return r;
	if (fstat(fd, &ours) < 0 || fstatat(state->objects_fd, id, &there, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (ours.st_ino != there.st_ino)
		return -ENOENT;
	*ret_fd = fd_take(&fd);
	*ret_lock = fd_take(&lock);
	return 0;
}

int state_create(const struct state *state, const char *id, int *ret_fd, int *ret_lock,
		 struct err *err)
{
	int r = -ENOENT;

	/* A sweeper may come in between mkdir and lock, and take it for garbage. */
	for (int tries = 0; tries < 16 && r == -ENOENT; tries++)
		r = make_locked(state, id, ret_fd, ret_lock);
	return r < 0 ? err_set(err, r, "cannot make the folder of %s", id) : 0;
}

int state_open_object(const struct state *state, const char *id, int *ret_fd)
{
	int fd = openat(state->objects_fd, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

int state_lock(int object_fd, enum state_lock which, bool wait, int *ret_fd)
{
	auto_close int fd = openat(object_fd, "lock", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	struct flock range = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = which, .l_len = 1
	};

	if (fd < 0)
		return -errno;
	while (fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &range) < 0) {
		if (errno == EINTR)
			continue;
		return errno == EACCES ? -EAGAIN : -errno;
	}
	*ret_fd = fd_take(&fd);
	return 0;
}

int state_is_locked(int object_fd, enum state_lock which)
{
	auto_close int fd = openat(object_fd, "lock", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	struct flock range = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = which, .l_len = 1
	};

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fcntl(fd, F_OFD_GETLK, &range) < 0)
		return -errno;
	return range.l_type != F_UNLCK;
}

struct sweep {
	const struct state *state;
	void (*remove)(void *data, const char *id);
	void *data;
	size_t objects;
	size_t names;
};

static int sweep_object(const char *id, void *data)
{
	struct sweep *sweep = data;
	auto_close int fd = -1;
	auto_close int lock = -1;

	if (!is_object(id))
		return 0;
	sweep->objects++;
	if (has_record(sweep->state, id) || state_open_object(sweep->state, id, &fd) < 0)
		return 0;
	/* Its maker holds this lock from the start; -ENOENT: killed before the file was made. */
	if (state_lock(fd, STATE_LOCK_CHANGE, false, &lock) == -EAGAIN)
		return 0;
	if (!has_record(sweep->state, id))
		sweep->remove(sweep->data, id);
	return 0;
}

static int count_name(const char *name, void *data)
{
	struct sweep *sweep = data;

	(void)name;
	sweep->names++;
	return 0;
}

static int sweep_name(const char *name, void *data)
{
	const struct sweep *sweep = data;
	char owner[STATE_ID_SIZE];

	if (read_name(sweep->state, name, owner) == 0 && !folder_exists(sweep->state, owner))
		drop_dangling(sweep->state, name, owner);
	return 0;
}

void state_sweep(const struct state *state, void (*remove)(void *data, const char *id), void *data)
{
	struct sweep sweep = { .state = state, .remove = remove, .data = data };

	/* What cannot be swept now is swept next time. Names are looked at one by one only where
	 * there are more of them than objects. */
	(void)each_entry(state->objects_fd, sweep_object, &sweep);
	(void)each_entry(state->names_fd, count_name, &sweep);
	if (sweep.names > sweep.objects)
		(void)each_entry(state->names_fd, sweep_name, &sweep);
}
