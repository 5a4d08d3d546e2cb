/* SPDX-License-Identifier: Apache-2.0 */
/* Owners, stored and shown: see owner.h. Runs in bryo-overlay, in every thread. */
#include "fuse-overlay/owner.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/fsuid.h>
#include <unistd.h>

#include "fuse-overlay/overlay.h"

/* What an unmapped id is shown as: /proc/sys/kernel/overflowuid's default. */
enum { OVERFLOW_ID = 65534 };

/* Ranges as fuse-overlayfs has them: inside is what files bear on disk ("host"), outside what is
 * shown. */
static bool translate(const struct id_range *ranges, size_t count, uint32_t id, bool to_shown,
		      uint32_t *ret_id)
{
	for (size_t i = 0; i < count; i++) {
		uint32_t from = to_shown ? ranges[i].stored : ranges[i].shown;
		uint32_t to = to_shown ? ranges[i].shown : ranges[i].stored;

		if (id >= from && id - from < ranges[i].count) {
			*ret_id = to + (id - from);
			return true;
		}
	}
	return false;
}

void owner_show(const struct overlay *ov, struct stat *st)
{
	const struct options *o = &ov->options;

	if (o->uid_count && !translate(o->uids, o->uid_count, st->st_uid, true, &st->st_uid))
		st->st_uid = OVERFLOW_ID;
	if (o->gid_count && !translate(o->gids, o->gid_count, st->st_gid, true, &st->st_gid))
		st->st_gid = OVERFLOW_ID;
	if (o->squash_to_root)
		st->st_uid = st->st_gid = 0;
	if (o->squash_to_uid)
		st->st_uid = o->squashed_uid;
	if (o->squash_to_gid)
		st->st_gid = o->squashed_gid;
}

int owner_uid_stored(const struct overlay *ov, uid_t shown, uid_t *ret_stored)
{
	const struct options *o = &ov->options;

	*ret_stored = shown;
	if (o->uid_count && !translate(o->uids, o->uid_count, shown, false, ret_stored))
		return -EINVAL;
	return 0;
}

int owner_gid_stored(const struct overlay *ov, gid_t shown, gid_t *ret_stored)
{
	const struct options *o = &ov->options;

	*ret_stored = shown;
	if (o->gid_count && !translate(o->gids, o->gid_count, shown, false, ret_stored))
		return -EINVAL;
	return 0;
}

int owner_become(const struct overlay *ov, uid_t shown_uid, gid_t shown_gid, mode_t mask)
{
	static _Thread_local struct {
		bool is_set;
		uid_t uid;
		gid_t gid;
		mode_t mask;
	} now;
	uid_t uid = 0;
	gid_t gid = 0;

	/* An engine that makes files for its container may stand outside of the map: they are
	 * root's. */
	if (owner_uid_stored(ov, shown_uid, &uid) < 0)
		uid = 0;
	if (owner_gid_stored(ov, shown_gid, &gid) < 0)
		gid = 0;
	/* All that squashing shows is one id's: files are made as the daemon. */
	if (ov->options.squash_to_root || ov->options.squash_to_uid)
		uid = geteuid();
	if (ov->options.squash_to_root || ov->options.squash_to_gid)
		gid = getegid();
	if (!now.is_set || now.gid != gid) {
		(void)setfsgid(gid); /* tells nothing of failure: asked again below */
		if ((gid_t)setfsgid((gid_t)-1) != gid)
			return -EINVAL;
	}
	if (!now.is_set || now.uid != uid) {
		(void)setfsuid(uid);
		if ((uid_t)setfsuid((uid_t)-1) != uid) {
			now.is_set = false;
			return -EINVAL;
		}
	}
	if (!now.is_set || now.mask != mask)
		(void)umask(mask);
	now.is_set = true;
	now.uid = uid;
	now.gid = gid;
	now.mask = mask;
	return 0;
}
