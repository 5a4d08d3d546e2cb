/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `bryo rmi`, by the rules of podman rmi (containers/common, libimage: Image.remove). An image
 * goes in this order, so that a kill in between leaves a consistent store: its names, its folder
 * (one rename to a scratch name), the scratch folder, the layers. Runs in bryo.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/str.h"
#include "engine/image/image.h"
#include "engine/image/names-internal.h"
#include "engine/image/store-internal.h"

void image_removed_done(struct image_removed *removed)
{
	strv_done(&removed->untagged);
	strv_done(&removed->deleted);
}

/* What rmi means for this image. */
struct plan {
	char id[IMAGE_ID_LEN + 1];
	char *name; /* the stored name the user meant; NULL: an id */
	bool untag; /* take only this name away */
};

static void plan_done(struct plan *plan)
{
	free(plan->name);
}

static int refuse_many(const struct plan *plan, const struct strv *names, struct err *err)
{
	auto_free char *list = strv_join(names, " ");

	return err_say(err, ERR_FAILED,
		       "unable to delete image \"%s\" by ID with more than one tag ([%.250s]): "
		       "please force removal",
		       plan->id, list);
}

/* Containers made from the image: with force they go first, else they forbid it. */
static int release(const struct plan *plan, const struct image_remove_args *args, struct err *err)
{
	struct strv containers auto_done(strv) = STRV_INIT;
	int r = 0;

	if (!args->users || !args->users->list)
		return 0;
	r = args->users->list(args->users->data, plan->id, &containers, err);
	if (r < 0 || containers.count == 0)
		return r;
	if (!args->force || !args->users->remove)
		return err_say(err, ERR_BUSY,
			       "image used by %s: image is in use by a container: consider listing "
			       "external containers and force-removing image",
			       containers.v[0]);
	for (size_t i = 0; i < containers.count; i++) {
		r = args->users->remove(args->users->data, containers.v[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Takes names away, and the folder too unless only a name was meant. Under both locks. */
static int take_away(const struct image_store *store, const struct plan *plan,
		     const struct strv *gone, struct image_names *names, char ret_scratch[24],
		     struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < gone->count; i++)
		(void)image_names_unset(names, gone->v[i]); /* they come from this very map */
	if (gone->count > 0 && (r = image_names_save(store->fd, names, err)) < 0)
		return r;
	if (plan->untag)
		return 0;
	image_store_scratch_name(ret_scratch);
	if (renameat(store->fd, plan->id, store->fd, ret_scratch) < 0)
		return err_set(err, -errno, "cannot remove image %.12s", plan->id);
	if (fsync(store->fd) < 0 && errno != EINVAL)
		return err_set(err, -errno, "cannot remove image %.12s", plan->id);
	return 0;
}

static int remove_planned(const struct image_store *store, const struct plan *plan,
			  const struct strv *gone, struct image_removed *ret_removed,
			  struct err *err)
{
	struct image_names names auto_done(image_names) = IMAGE_NAMES_INIT;
	auto_close int lock = image_names_lock(store->fd, err);
	char scratch[24] = "";
	int r = lock;

	if (r < 0 || (r = image_names_load(store->fd, &names, err)) < 0)
		return r;
	image_store_sweep(store);
	r = take_away(store, plan, gone, &names, scratch, err);
	if (r < 0)
		return r;
	fd_close(&lock);
	strv_add_all(&ret_removed->untagged, gone);
	if (plan->untag)
		return 0;
	strv_add(&ret_removed->deleted, plan->id);
	r = file_remove_tree(store->fd, scratch);
	if (r < 0)
		return err_set(err, r, "cannot remove the files of image %.12s", plan->id);
	return image_store_collect_layers(store, err);
}

int image_remove(const struct image_store *store, const char *name,
		 const struct image_remove_args *args, struct image_removed *ret_removed,
		 struct err *err)
{
	struct plan plan auto_done(plan) = { .name = NULL };
	struct image_names names auto_done(image_names) = IMAGE_NAMES_INIT;
	struct strv gone auto_done(strv) = STRV_INIT;
	auto_close int image_lock = -1;
	int r = image_resolve(store, name, plan.id, &plan.name, err);

	if (r < 0)
		return r;
	image_lock = image_store_lock_image(store, plan.id, true, err);
	if (image_lock < 0)
		return image_lock;
	if ((r = image_names_load(store->fd, &names, err)) < 0)
		return r;
	image_names_of(&names, plan.id, &gone);
	if (gone.count > 1 && plan.name) {
		plan.untag = true;
		strv_done(&gone);
		strv_add(&gone, plan.name);
	} else if (gone.count > 1 && !args->force) {
		return refuse_many(&plan, &gone, err);
	}
	if (!plan.untag && (r = release(&plan, args, err)) < 0)
		return r;
	return remove_planned(store, &plan, &gone, ret_removed, err);
}
