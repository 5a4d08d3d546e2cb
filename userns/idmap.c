/* SPDX-License-Identifier: Apache-2.0 */
/* Id maps: see idmap.h. Pure computation but for idmap_read(). */
#include "userns/idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/file.h"
#include "engine/base/str.h"

int idmap_add(struct idmap *map, uint32_t inside, uint32_t outside, uint32_t count)
{
	/* IDMAP_NONE itself, (uid_t)-1, is no id: user_namespaces(7). */
	if (count == 0 || count > UINT32_MAX - inside || count > UINT32_MAX - outside)
		return -EINVAL;
	if (map->count == IDMAP_MAX)
		return -E2BIG;
	map->ranges[map->count++] = (struct idmap_range){ inside, outside, count };
	return 0;
}

int idmap_parse_range(const char *text, struct idmap_range *ret_range)
{
	struct strv parts auto_done(strv) = STRV_INIT;
	struct idmap_range range = { .count = 1 };

	strv_split(&parts, text, ':');
	if (parts.count < 2 || parts.count > 3)
		return -EINVAL;
	if (str_to_u32(parts.v[0], &range.inside) < 0 || str_to_u32(parts.v[1], &range.outside) < 0)
		return -EINVAL;
	if (parts.count == 3 && str_to_u32(parts.v[2], &range.count) < 0)
		return -EINVAL;
	*ret_range = range;
	return 0;
}

int idmap_parse(const char *text, struct idmap *ret_map)
{
	struct idmap map = { 0 };

	while (*text) {
		unsigned long long n[3];
		int used = 0;
		int r = 0;

		if (sscanf(text, "%llu %llu %llu%n", &n[0], &n[1], &n[2], &used) != 3)
			return text[strspn(text, " \t\n")] == '\0' ? (*ret_map = map, 0) : -EINVAL;
		if (n[0] > UINT32_MAX || n[1] > UINT32_MAX || n[2] > UINT32_MAX)
			return -EINVAL;
		/* The first namespace maps everything, one id more than a range of ours can say. */
		if (n[2] == UINT32_MAX && n[0] == 0 && n[1] == 0)
			n[2]--;
		r = idmap_add(&map, (uint32_t)n[0], (uint32_t)n[1], (uint32_t)n[2]);
		if (r < 0)
			return r;
		text += used;
		text += strspn(text, " \t\n");
	}
	*ret_map = map;
	return 0;
}

char *idmap_text(const struct idmap *map)
{
	struct buf text auto_done(buf) = BUF_INIT;

	for (size_t i = 0; i < map->count; i++)
		(void)buf_addf(&text, "%u %u %u\n", map->ranges[i].inside, map->ranges[i].outside,
			       map->ranges[i].count); /* no bound set: cannot fail */
	return buf_take(&text);
}

uint32_t idmap_to_outside(const struct idmap *map, uint32_t inside)
{
	for (size_t i = 0; i < map->count; i++)
		if (inside >= map->ranges[i].inside &&
		    inside - map->ranges[i].inside < map->ranges[i].count)
			return map->ranges[i].outside + (inside - map->ranges[i].inside);
	return IDMAP_NONE;
}

uint32_t idmap_to_inside(const struct idmap *map, uint32_t outside)
{
	for (size_t i = 0; i < map->count; i++)
		if (outside >= map->ranges[i].outside &&
		    outside - map->ranges[i].outside < map->ranges[i].count)
			return map->ranges[i].inside + (outside - map->ranges[i].outside);
	return IDMAP_NONE;
}

uint64_t idmap_size(const struct idmap *map)
{
	uint64_t size = 0;

	for (size_t i = 0; i < map->count; i++)
		size += map->ranges[i].count;
	return size;
}

static bool overlaps(uint32_t a, uint32_t a_count, uint32_t b, uint32_t b_count)
{
	return a < (uint64_t)b + b_count && b < (uint64_t)a + a_count;
}

bool idmap_is_sound(const struct idmap *map)
{
	for (size_t i = 0; i < map->count; i++)
		for (size_t j = i + 1; j < map->count; j++) {
			const struct idmap_range *a = &map->ranges[i];
			const struct idmap_range *b = &map->ranges[j];

			if (overlaps(a->inside, a->count, b->inside, b->count) ||
			    overlaps(a->outside, a->count, b->outside, b->count))
				return false;
		}
	return true;
}

bool idmap_equal(const struct idmap *a, const struct idmap *b)
{
	return a->count == b->count &&
	       memcmp(a->ranges, b->ranges, a->count * sizeof(a->ranges[0])) == 0;
}

void idmap_keep_id(struct idmap *ret_map, uint32_t own, uint64_t size)
{
	uint32_t below = own;

	*ret_map = (struct idmap){ 0 };
	/* With fewer ids than the own number, what lies between stays unmapped. */
	if (below > size - 1)
		below = (uint32_t)(size - 1);
	if (below > 0)
		(void)idmap_add(ret_map, 0, 1, below); /* three ranges always fit */
	(void)idmap_add(ret_map, own, 0, 1);
	if (size > (uint64_t)below + 1)
		(void)idmap_add(ret_map, own + 1, below + 1, (uint32_t)(size - below - 1));
}

void idmap_one(struct idmap_set *ret_maps, uint32_t uid, uint32_t gid)
{
	*ret_maps = (struct idmap_set){ 0 };
	(void)idmap_add(&ret_maps->uid, 0, uid, 1); /* the first range of an empty map */
	(void)idmap_add(&ret_maps->gid, 0, gid, 1);
}

int idmap_read(int pid, const char *which, struct idmap *ret_map)
{
	auto_free char *text = NULL;
	char path[64];
	int r = 0;

	if (pid == 0)
		(void)snprintf(path, sizeof(path), "/proc/self/%s", which);
	else
		(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, which);
	r = file_read_at(AT_FDCWD, path, 65536, &text, NULL);
	return r < 0 ? r : idmap_parse(text, ret_map);
}
