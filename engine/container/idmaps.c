/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The id map of a container's own user namespace, nested in the one we stand in. Pure.
 */
#include "engine/container/internal.h"

#include "engine/base/err.h"

/* All of our ids but id 0, which is the caller. */
static void no_caller(struct idmap *map, uint64_t size)
{
	*map = (struct idmap){ 0 };
	(void)idmap_add(map, 0, 1, (uint32_t)(size - 1)); /* the first range of an empty map */
}

static void auto_range(struct idmap *map, const struct container_spec *spec)
{
	*map = (struct idmap){ 0 };
	(void)idmap_add(map, 0, (uint32_t)spec->auto_start,
			(uint32_t)spec->auto_size); /* the first range */
}

static int parse_maps(const struct strv *texts, const char *flag, struct idmap *ret_map,
		      struct err *err)
{
	*ret_map = (struct idmap){ 0 };
	for (size_t i = 0; i < texts->count; i++) {
		struct idmap_range range;

		if (idmap_parse_range(texts->v[i], &range) < 0 ||
		    idmap_add(ret_map, range.inside, range.outside, range.count) < 0)
			return err_say(err, ERR_USAGE,
				       "invalid %s \"%s\": want CONTAINER-ID:FROM-ID:AMOUNT", flag,
				       texts->v[i]);
	}
	if (!idmap_is_sound(ret_map))
		return err_say(err, ERR_USAGE, "the ranges of %s overlap", flag);
	return 0;
}

/* Every id that a map speaks of must exist in the namespace we stand in. */
static int check_available(const struct idmap *map, uint64_t size, const char *what,
			   struct err *err)
{
	for (size_t i = 0; i < map->count; i++)
		if ((uint64_t)map->ranges[i].outside + map->ranges[i].count > size)
			return err_say(err, ERR_UNSUPPORTED,
				       "the %s map needs id %llu, but there are only %llu ids: see "
				       "subuid(5) and subgid(5)",
				       what,
				       (unsigned long long)map->ranges[i].outside +
					       map->ranges[i].count - 1,
				       (unsigned long long)size);
	return 0;
}

int container_idmaps(const struct engine *engine, const struct container_spec *spec,
		     bool *ret_nested, struct idmap_set *ret_maps, struct err *err)
{
	uint64_t uids = idmap_size(&engine->maps.uid);
	uint64_t gids = idmap_size(&engine->maps.gid);
	int r = 0;

	*ret_nested = spec->userns != SPEC_USERNS_SHARED;
	if (!*ret_nested)
		return 0;
	if ((uids < 2 || gids < 2) && spec->userns != SPEC_USERNS_KEEP_ID)
		return err_say(err, ERR_UNSUPPORTED,
			       "this --userns mode needs subordinate ids, and you have none: see "
			       "subuid(5)");
	switch (spec->userns) {
	case SPEC_USERNS_KEEP_ID:
		idmap_keep_id(&ret_maps->uid, (uint32_t)spec->keep_uid, uids);
		idmap_keep_id(&ret_maps->gid, (uint32_t)spec->keep_gid, gids);
		break;
	case SPEC_USERNS_NOMAP:
		no_caller(&ret_maps->uid, uids);
		no_caller(&ret_maps->gid, gids);
		break;
	case SPEC_USERNS_AUTO:
		auto_range(&ret_maps->uid, spec);
		auto_range(&ret_maps->gid, spec);
		break;
	case SPEC_USERNS_MAPS:
		r = parse_maps(&spec->uidmap, "--uidmap", &ret_maps->uid, err);
		if (r == 0)
			r = parse_maps(&spec->gidmap, "--gidmap", &ret_maps->gid, err);
		break;
	case SPEC_USERNS_SHARED:
		break;
	}
	if (r == 0)
		r = check_available(&ret_maps->uid, uids, "uid", err);
	return r < 0 ? r : check_available(&ret_maps->gid, gids, "gid", err);
}
