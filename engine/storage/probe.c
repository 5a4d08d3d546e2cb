/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which drivers work here, tried for real: see storage.h. Runs in `bryo doctor` and `info`, never
 * on the way of run. The answer is kept in probe-MACHINE.json: a store in an NFS home serves many
 * machines.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/proc.h"
#include "engine/storage/storage-internal.h"

enum { MOUNTINFO_MAX = 16 * 1024 * 1024, PROBE_MAX = 64 * 1024 };

/* The type in the line of mountinfo (proc(5)) that starts with this mount's id. */
static void find_type(char *mountinfo, unsigned long long id, char *type, size_t size)
{
	char *line = NULL;
	char *save = NULL;

	for (line = strtok_r(mountinfo, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *dash = strstr(line, " - ");

		if (strtoull(line, NULL, 10) != id || !dash)
			continue;
		dash += 3;
		dash[strcspn(dash, " ")] = '\0';
		(void)snprintf(type, size, "%s",
			       dash); /* types are short; a cut one does no harm */
		return;
	}
}

static void get_fs_type(const struct storage *s, char *type, size_t size)
{
	auto_free char *mountinfo = NULL;
	struct statx stx;

	(void)snprintf(type, size, "unknown");
	if (statx(s->root_fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &stx) == 0 &&
	    stx.stx_mask & STATX_MNT_ID &&
	    file_read_at(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &mountinfo, NULL) == 0)
		find_type(mountinfo, stx.stx_mnt_id, type, size);
}

static bool try_reflink(const struct scratch *scratch)
{
	auto_close int from = openat(scratch->fd, "from", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	auto_close int to = openat(scratch->fd, "to", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	return from >= 0 && to >= 0 && fd_write_all(from, "x", 1) == 0 &&
	       ioctl(to, FICLONE, from) == 0;
}

/* The copy itself is plain files; its folder must become a mount. */
static int try_copy(const struct storage *s, const struct scratch *scratch, struct err *err)
{
	auto_close int fd = -1;
	int folder = scratch->fd;

	return driver_copy.mount(
		&(struct driver_mount_args){
			.storage = s, .rootfs_fd = -1, .lower_fds = &folder, .lower_count = 1 },
		&fd, err);
}

/* Each in a folder of its own. */
static int try_driver(const struct storage *s, enum storage_driver driver, struct err *err)
{
	struct scratch scratch auto_done(scratch) = SCRATCH_INIT;
	int r = scratch_open(s, "probe-", &scratch, err);

	if (r < 0)
		return r;
	if (driver == STORAGE_COPY)
		return try_copy(s, &scratch, err);
	return overlay_try(driver == STORAGE_FUSE ? &driver_fuse : &driver_overlay, s, &scratch,
			   err);
}

static int probe_now(const struct storage *s, struct storage_probe *ret, struct err *err)
{
	struct storage_probe probe = { .best = STORAGE_AUTO };
	struct scratch scratch auto_done(scratch) = SCRATCH_INIT;
	int r = scratch_open(s, "probe-", &scratch, err);

	if (r < 0)
		return r;
	for (int d = STORAGE_OVERLAY; d < STORAGE_DRIVER_COUNT; d++) {
		struct err why = ERR_INIT;

		r = try_driver(s, (enum storage_driver)d, &why);
		probe.drivers[d].works = r == 0;
		(void)snprintf(probe.drivers[d].why_not, sizeof(probe.drivers[d].why_not), "%.255s",
			       why.text);
		if (r == 0 && probe.best == STORAGE_AUTO)
			probe.best = (enum storage_driver)d;
	}
	probe.reflinks = try_reflink(&scratch);
	get_fs_type(s, probe.fs_type, sizeof(probe.fs_type));
	*ret = probe;
	return 0;
}

/* ---- Memory ---- */

static void file_name(char name[64])
{
	char machine[33];

	proc_machine_id(machine);
	(void)snprintf(name, 64, "probe-%s.json", machine); /* fits */
}

/* What an answer depends on: another boot or kernel may allow other things. */
static int get_context(char text[512])
{
	struct utsname name;
	char boot_id[37];
	int r = proc_boot_id(boot_id);

	if (r < 0 || uname(&name) < 0)
		return r < 0 ? r : -errno;
	(void)snprintf(text, 512, "%s %s uid %u", boot_id, name.release, geteuid()); /* fits */
	return 0;
}

static bool recall(const struct storage *s, const char *context, struct storage_probe *ret)
{
	auto_json json_t *json = NULL;
	struct storage_probe probe = { 0 };
	char name[64];

	file_name(name);
	if (json_read_at(s->root_fd, name, PROBE_MAX, &json, NULL) < 0 ||
	    !str_eq(json_str(json, "context", ""), context) ||
	    storage_driver_parse(json_str(json, "best", ""), &probe.best) < 0)
		return false;
	for (int d = STORAGE_OVERLAY; d < STORAGE_DRIVER_COUNT; d++) {
		const char *why = json_str(json, storage_driver_name((enum storage_driver)d), NULL);

		probe.drivers[d].works = !why;
		(void)snprintf(probe.drivers[d].why_not, sizeof(probe.drivers[d].why_not), "%s",
			       str_or(why, ""));
	}
	probe.reflinks = json_bool(json, "reflinks", false);
	(void)snprintf(probe.fs_type, sizeof(probe.fs_type), "%s",
		       json_str(json, "fs_type", "unknown"));
	*ret = probe;
	return true;
}

static void remember(const struct storage *s, const char *context,
		     const struct storage_probe *probe)
{
	auto_json json_t *json = json_object();
	auto_free char *text = NULL;
	char name[64];

	json_set_str(json, "context", context);
	json_set_str(json, "best", storage_driver_name(probe->best));
	for (int d = STORAGE_OVERLAY; d < STORAGE_DRIVER_COUNT; d++)
		if (!probe->drivers[d].works)
			json_set_str(json, storage_driver_name((enum storage_driver)d),
				     probe->drivers[d].why_not);
	json_set_bool(json, "reflinks", probe->reflinks);
	json_set_str(json, "fs_type", probe->fs_type);
	text = json_text(json);
	file_name(name);
	/* Only a memory: where it cannot be kept, the next call tries again. */
	(void)file_replace_at(s->root_fd, name, text, strlen(text), 0644, FILE_NO_SYNC);
}

int storage_probe(const struct storage *s, bool again, struct storage_probe *ret_probe,
		  struct err *err)
{
	char context[512];
	int r = get_context(context);

	if (r < 0)
		return err_set(err, r, "cannot tell this boot and kernel");
	if (!again && recall(s, context, ret_probe))
		return 0;
	r = probe_now(s, ret_probe, err);
	if (r == 0)
		remember(s, context, ret_probe);
	return r;
}
