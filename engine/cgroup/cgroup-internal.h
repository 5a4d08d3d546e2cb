/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of engine/cgroup share: parsers of kernel files, and small file helpers. */
#pragma once

#include "engine/cgroup/cgroup.h"

/* ---- Parsers: take bytes (NUL-terminated), bounded, fuzzed ---- */

/* The path behind "0::" in /proc/PID/cgroup. 0, -ENOENT (no cgroup2), -ENAMETOOLONG, -EPROTO. */
int cgroup_parse_own(const char *text, char ret_path[CGROUP_PATH_MAX]);
/* The path of a v1 controller's hierarchy in the same file. */
int cgroup_parse_own_v1(const char *text, const char *controller, char ret_path[CGROUP_PATH_MAX]);
/* Where mountinfo (proc(5)) has a cgroup2 whose root is the hierarchy's: 0 or -ENOENT. */
int cgroup_parse_mountinfo(const char *text, char *ret_path, size_t size);
/* "cpu memory pids": the controllers known here. */
unsigned int cgroup_parse_controllers(const char *text);
/* "key value" lines: the value of key, or -ENOENT. */
int cgroup_parse_flat(const char *text, const char *key, uint64_t *ret_value);
/* "max" gives UINT64_MAX. */
int cgroup_parse_value(const char *text, uint64_t *ret_value);
/* io.stat: sums rbytes= and wbytes= of all devices. */
void cgroup_parse_io_stat(const char *text, uint64_t *ret_read, uint64_t *ret_written);
/* v1's blkio.throttle.io_service_bytes: "8:0 Read 4096" lines. */
void cgroup_parse_blkio(const char *text, uint64_t *ret_read, uint64_t *ret_written);

/* ---- Files of a group ---- */

#define CGROUP_FILE_MAX (1 << 20)

/* Name of a controller by its bit number; v1 says blkio for io. */
const char *cgroup_kind_name(unsigned int kind, bool v1);
/* Writes text into the group's file; an error names file and text. */
int cgroup_write(int dir_fd, const char *file, const char *text, struct err *err);
int cgroup_write_i64(int dir_fd, const char *file, int64_t value, struct err *err);
/* One number from the group's file; "max" is UINT64_MAX. 0 or a negative errno. */
int cgroup_read_value(int dir_fd, const char *file, uint64_t *ret_value);
int cgroup_read_flat(int dir_fd, const char *file, const char *key, uint64_t *ret_value);
bool cgroup_has_file(int dir_fd, const char *file);
/* Where the cgroup2 hierarchy is mounted; "" and -ENOENT for nowhere. */
int cgroup_find_mount(char *ret_path, size_t size, enum cgroup_layout *ret_layout);
/* Opens a folder of groups beneath a mounted hierarchy; path begins with "/". fd or a negative
 * errno. */
int cgroup_open_path(const char *mount, const char *path);
/* The user's id as the first user namespace knows it: names /run/user/UID and user-UID.slice. */
unsigned int cgroup_outer_uid(void);

/* cgroup-v2.c, cgroup-v1.c, cgroup-devices.c: parts of cgroup_apply(). */
struct cgroup_apply {
	const struct cgroup_host *host;
	const struct cgroup *cgroup;
	const struct cgroup_limits *limits;
	struct strv *ignored;
};
int cgroup_apply_v2(const struct cgroup_apply *a, unsigned int kinds, struct err *err);
int cgroup_apply_v1(const struct cgroup_apply *a, unsigned int kinds, struct err *err);
int cgroup_apply_devices(const struct cgroup_apply *a, struct err *err);
uint64_t cgroup_weight_from_shares(uint64_t shares);
