/* SPDX-License-Identifier: Apache-2.0 */
/* Records of bryo-runtime: see state.h. Runs in bryo-runtime alone; the engine has its own. */
#include "engine/runtime/cli/state.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/path.h"
#include "engine/base/proc.h"
#include "engine/cgroup/cgroup.h"

#define STATE_MAX (1U << 20)
#define CONFIG_MAX (16U << 20)
#define ID_MAX 1024

void rt_state_done(struct rt_state *state)
{
	free(state->id);
	free(state->bundle);
	free(state->rootfs);
	free(state->created);
	free(state->cgroup);
	free(state->cgroup_v1);
	fd_close(&state->folder);
	*state = STATE_INIT;
}

const char *rt_state_status_name(enum rt_state_status status)
{
	static const char *const names[] = { "creating", "created", "running", "paused",
					     "stopped" };

	return names[status];
}

bool rt_state_is_id(const char *id)
{
	if (!path_is_name(id) || strlen(id) > ID_MAX || *id == '.')
		return false;
	for (const char *p = id; *p; p++) {
		if (!isalnum((unsigned char)*p) && !strchr("_+-.", *p))
			return false;
	}
	return true;
}

char *rt_state_default_root(void)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");

	/* Root of a user namespace, as Podman calls us, cannot write the host's /run. */
	if (geteuid() == 0 && access("/run", W_OK) == 0)
		return xstrdup("/run/bryo-runtime");
	if (!str_empty(runtime))
		return xasprintf("%s/bryo-runtime", runtime);
	return xasprintf("/tmp/bryo-runtime-%u", (unsigned int)geteuid());
}

/* Whoever may write the root may start programs as us: it has to be ours alone. */
static int open_root(const char *root, bool make, int *ret_fd, struct err *err)
{
	auto_close int fd = -1;
	struct stat st;
	int r = make ? path_mkdir_all(root, 0700) : 0;

	if (r < 0)
		return err_set(err, r, "cannot make %s", root);
	fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, -errno, "cannot open %s", root);
	if (fstat(fd, &st) < 0)
		return err_set(err, -errno, "cannot look at %s", root);
	if (st.st_uid != geteuid() || ((st.st_mode & 022) && !(st.st_mode & S_ISVTX)))
		return err_say(err, ERR_USAGE, "%s belongs to another or can be written by others",
			       root);
	*ret_fd = fd_take(&fd);
	return 0;
}

int rt_state_create(const char *root, const char *id, struct rt_state *ret_state, struct err *err)
{
	auto_close int root_fd = -1;
	int r = 0;

	if (!rt_state_is_id(id))
		return err_say(err, ERR_USAGE, "the container id `%s` has an invalid character",
			       id);
	r = open_root(root, true, &root_fd, err);
	if (r < 0)
		return r;
	if (mkdirat(root_fd, id, 0700) < 0) {
		if (errno == EEXIST)
			return err_say(err, ERR_EXISTS, "container `%s` already exists", id);
		return err_set(err, -errno, "cannot make the record of container `%s`", id);
	}
	*ret_state = STATE_INIT;
	ret_state->folder = openat(root_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (ret_state->folder < 0)
		return err_set(err, -errno, "cannot open the record of container `%s`", id);
	ret_state->id = xstrdup(id);
	return 0;
}

int rt_state_save(const struct rt_state *state, struct err *err)
{
	auto_json json_t *json = json_object();
	auto_free char *text = NULL;
	int r = 0;

	json_set_int(json, "version", 1);
	json_set_str(json, "id", state->id);
	json_set_int(json, "pid", state->pid);
	json_set_int(json, "startTime", (int64_t)state->start_time);
	json_set_str(json, "bootId", state->boot_id);
	json_set_str(json, "bundle", state->bundle);
	json_set_str(json, "rootfs", state->rootfs);
	json_set_str(json, "created", state->created);
	json_set_str(json, "cgroup", state->cgroup);
	json_set_str(json, "cgroupV1", state->cgroup_v1);
	text = json_text(json);
	r = file_replace_at(state->folder, "state.json", text, strlen(text), 0600, FILE_NO_SYNC);
	return r < 0 ? err_set(err, r, "cannot write the record of container `%s`", state->id) : 0;
}

int rt_state_save_config(const struct rt_state *state, const struct oci_spec *spec, struct err *err)
{
	auto_json json_t *json = oci_spec_to_json(spec);
	auto_free char *text = oci_json_text(json, 0);
	int r = file_replace_at(state->folder, "config.json", text, strlen(text), 0600,
				FILE_NO_SYNC);

	return r < 0 ? err_set(err, r, "cannot write the config of container `%s`", state->id) : 0;
}

static char *copy_str(const json_t *json, const char *key)
{
	return xstrdup(json_str(json, key, NULL));
}

int rt_state_load(const char *root, const char *id, struct rt_state *ret_state, struct err *err)
{
	auto_close int root_fd = -1;
	auto_done(rt_state) struct rt_state state = STATE_INIT;
	auto_json json_t *json = NULL;
	int r = 0;

	if (!rt_state_is_id(id))
		return err_say(err, ERR_USAGE, "the container id `%s` has an invalid character",
			       id);
	if (access(root, F_OK) < 0 || open_root(root, false, &root_fd, err) < 0)
		return err && err->code
			       ? err->code
			       : err_say(err, ERR_NOT_FOUND, "container `%s` does not exist", id);
	state.folder = openat(root_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (state.folder < 0)
		return err_say(err, ERR_NOT_FOUND, "container `%s` does not exist", id);
	state.id = xstrdup(id);
	if (faccessat(state.folder, "state.json", F_OK, 0) == 0) {
		r = json_read_at(state.folder, "state.json", STATE_MAX, &json, err);
		if (r < 0)
			return r;
	}
	/* Without it the container is being made, or its maker was killed. */
	state.pid = (pid_t)json_int(json, "pid", 0);
	state.start_time = (uint64_t)json_int(json, "startTime", 0);
	snprintf(state.boot_id, sizeof(state.boot_id), "%s", json_str(json, "bootId", ""));
	state.bundle = copy_str(json, "bundle");
	state.rootfs = copy_str(json, "rootfs");
	state.created = copy_str(json, "created");
	state.cgroup = copy_str(json, "cgroup");
	state.cgroup_v1 = copy_str(json, "cgroupV1");
	*ret_state = state;
	state = STATE_INIT;
	return 0;
}

int rt_state_load_config(const struct rt_state *state, struct oci_spec *ret_spec, struct err *err)
{
	auto_json json_t *json = NULL;
	auto_free char *text = NULL;
	size_t size = 0;
	int r = file_read_at(state->folder, "config.json", CONFIG_MAX, &text, &size);

	if (r < 0)
		return err_set(err, r, "cannot read the config of container `%s`", state->id);
	r = oci_json_parse(text, size, "config.json", &json, err);
	return r < 0 ? r : oci_spec_parse(json, ret_spec, err);
}

int rt_state_remove(const char *root, const struct rt_state *state, struct err *err)
{
	auto_close int root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = root_fd < 0 ? -errno : file_remove_tree(root_fd, state->id);

	return r < 0 ? err_set(err, r, "cannot remove the record of container `%s`", state->id) : 0;
}

/* 'Z' or 'X' for one that has ended and waits to be reaped; 0 when there is none. */
static char process_state(pid_t pid)
{
	auto_free char *text = NULL;
	char path[32];
	size_t size = 0;
	const char *end = NULL;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (file_read_at(AT_FDCWD, path, 4096, &text, &size) < 0)
		return 0;
	end = strrchr(text, ')'); /* the name before it may hold anything */
	return end && end[1] == ' ' ? end[2] : 0;
}

static bool is_alive(const struct rt_state *state)
{
	uint64_t start_time = 0;
	char boot_id[37];
	char letter = 0;

	if (state->pid <= 0 || proc_boot_id(boot_id) < 0 || !str_eq(boot_id, state->boot_id))
		return false;
	if (proc_start_time(state->pid, &start_time) < 0 || start_time != state->start_time)
		return false;
	letter = process_state(state->pid);
	return letter && letter != 'Z' && letter != 'X';
}

static bool is_frozen(const struct rt_state *state)
{
	struct cgroup cgroup = CGROUP_INIT;
	bool frozen = false;

	if (!state->cgroup && !state->cgroup_v1)
		return false;
	if (cgroup_open(state->cgroup, state->cgroup_v1, &cgroup, NULL) < 0)
		return false;
	frozen = cgroup_frozen(&cgroup) == 1;
	cgroup_done(&cgroup);
	return frozen;
}

enum rt_state_status rt_state_status(const struct rt_state *state)
{
	if (state->pid == 0)
		return STATE_CREATING;
	if (!is_alive(state))
		return STATE_STOPPED;
	if (faccessat(state->folder, "start", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return STATE_CREATED;
	return is_frozen(state) ? STATE_PAUSED : STATE_RUNNING;
}

/* Looked at again once it is held: only then the pid cannot pass to another. */
int rt_state_pidfd(const struct rt_state *state, int *ret_pidfd, struct err *err)
{
	auto_close int fd = is_alive(state) ? proc_pidfd(state->pid) : -1;

	if (fd < 0 || !is_alive(state))
		return err_say(err, ERR_STATE, "container `%s` is not running", state->id);
	*ret_pidfd = fd_take(&fd);
	return 0;
}

int rt_state_list(const char *root, struct strv *ret_ids, struct err *err)
{
	DIR *dir = opendir(root);

	if (!dir)
		return errno == ENOENT ? 0 : err_set(err, -errno, "cannot open %s", root);
	for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
		if (rt_state_is_id(e->d_name))
			strv_add(ret_ids, e->d_name);
	}
	(void)closedir(dir); /* only read */
	strv_sort(ret_ids);
	return 0;
}

int rt_state_seccomp_cache(const char *root)
{
	auto_close int root_fd = -1;

	if (open_root(root, true, &root_fd, NULL) < 0)
		return -1;
	if (mkdirat(root_fd, ".seccomp", 0700) < 0 && errno != EEXIST)
		return -1;
	return openat(root_fd, ".seccomp", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}
