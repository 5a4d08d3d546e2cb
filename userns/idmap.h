/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Id maps of user namespaces (user_namespaces(7)): which ids inside stand for which ids of the
 * namespace outside. A plain value; the kernel takes at most 340 ranges, subordinate ids never
 * come near that here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

#define IDMAP_MAX 32

struct idmap_range {
	uint32_t inside;
	uint32_t outside;
	uint32_t count;
};

struct idmap {
	struct idmap_range ranges[IDMAP_MAX];
	size_t count;
};

/* Both maps of one namespace. */
struct idmap_set {
	struct idmap uid;
	struct idmap gid;
};

#define IDMAP_NONE UINT32_MAX /* the id that stands for "not mapped" */

/* Appends a range. 0, -E2BIG when full, -EINVAL for an empty or wrapping range. */
int idmap_add(struct idmap *map, uint32_t inside, uint32_t outside, uint32_t count);

/* Parses "inside:outside:count" (Podman's --uidmap). 0 or -EINVAL. */
int idmap_parse_range(const char *text, struct idmap_range *ret_range);

/* Parses the kernel's form, /proc/PID/uid_map: three numbers a line. 0, -EINVAL or -E2BIG. */
int idmap_parse(const char *text, struct idmap *ret_map);

/* The kernel's form of a map, for writing to uid_map. The caller owns it. */
char *idmap_text(const struct idmap *map);

/* The id outside that stands behind an id inside, and back; IDMAP_NONE where there is none. */
uint32_t idmap_to_outside(const struct idmap *map, uint32_t inside);
uint32_t idmap_to_inside(const struct idmap *map, uint32_t outside);

/* How many ids are mapped. */
uint64_t idmap_size(const struct idmap *map);

/* True when no id inside, and no id outside, stands in two ranges. */
bool idmap_is_sound(const struct idmap *map);

/* Same ranges in the same order. */
bool idmap_equal(const struct idmap *a, const struct idmap *b);

/*
 * The map of a namespace nested in one whose own inside ids are 0..size-1: id `own` inside is
 * the parent's id 0 (the caller), all others fill the rest in order (Podman's keep-id: 0..own-1
 * to 1..own, own to 0, the rest to itself).
 */
void idmap_keep_id(struct idmap *ret_map, uint32_t own, uint64_t size);

/* Both maps with one id: the caller is root inside, and nothing else is mapped. */
void idmap_one(struct idmap_set *ret_maps, uint32_t uid, uint32_t gid);

/* Reads the map of a process (0: our own); which: "uid_map" or "gid_map". 0 or a negative errno. */
int idmap_read(int pid, const char *which, struct idmap *ret_map);
