/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shifted layers: copies whose owners fit another id map (keep-id, auto). Made once per layer and
 * map, in layers/HEX/shift-HASH, and found again by the next container with that map. Runs in the
 * process that makes a container, with CAP_CHOWN over both ranges of ids.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/hash.h"
#include "engine/storage/storage-internal.h"

struct scratch_name shift_name(const struct storage_idmap *idmap)
{
	struct scratch_name name;
	uint64_t hash = HASH_START;

	/* Ranges are three 32-bit numbers: no padding. A clash needs two maps of one user that he
	 * chose for it, and gives him only his own files with other owners. */
	hash = hash_add(hash, &idmap->uid_count, sizeof(idmap->uid_count));
	hash = hash_add(hash, idmap->uids, idmap->uid_count * sizeof(*idmap->uids));
	hash = hash_add(hash, idmap->gids, idmap->gid_count * sizeof(*idmap->gids));
	(void)snprintf(name.text, sizeof(name.text), "shift-%016llx",
		       (unsigned long long)hash); /* fits */
	return name;
}

/* Makes the copy in tmp/ under a lock, as layers are, and renames it to its place. */
static int make_shifted(const struct storage *s, const char *diff_id,
			const struct storage_idmap *idmap, const char *place, struct err *err)
{
	struct scratch scratch auto_done(scratch) = SCRATCH_INIT;
	struct layer_path path = layer_path(diff_id, "diff");
	auto_close int from_fd =
		openat(s->layers_fd, path.text, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int r = 0;

	if (from_fd < 0)
		return errno == ENOENT ? err_say(err, ERR_NOT_FOUND,
						 "the layer %s is not in the store", diff_id)
				       : err_set(err, -errno, "cannot open layer %s", diff_id);
	r = scratch_open(s, "shift-", &scratch, err);
	if (r == 0)
		r = tree_copy(&(struct tree_copy_args){ .from_fd = from_fd,
							.to_fd = scratch.fd,
							.idmap = idmap },
			      err);
	/* It survives as long as its layer, so it must be as durable. */
	if (r == 0 && syncfs(scratch.fd) < 0)
		r = err_set(err, -errno, "cannot sync a shifted copy of layer %s", diff_id);
	if (r == 0 && renameat(scratch.tmp_fd, scratch.name.text, s->layers_fd, place) < 0 &&
	    errno != EEXIST && errno != ENOTEMPTY) /* these two: somebody else was as fast */
		r = err_set(err, -errno, "cannot publish a shifted copy of layer %s", diff_id);
	return r;
}

int storage_layer_shift(const struct storage *s, const char *diff_id,
			const struct storage_idmap *idmap, struct err *err)
{
	struct layer_path path = layer_path(diff_id, shift_name(idmap).text);

	if (faccessat(s->layers_fd, path.text, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	return make_shifted(s, diff_id, idmap, path.text, err);
}
