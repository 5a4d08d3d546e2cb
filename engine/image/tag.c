/* SPDX-License-Identifier: Apache-2.0 */
/* Names given and taken away: `bryo tag` and `bryo untag`. Runs in bryo and bryo-image. */
#include <errno.h>
#include <stdlib.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/str.h"
#include "engine/image/image.h"
#include "engine/image/names-internal.h"
#include "engine/image/reference.h"
#include "engine/image/store-internal.h"

int image_name_for_tag(const char *text, char **ret_name, struct err *err)
{
	struct reference ref auto_done(reference) = REFERENCE_INIT;
	int r = reference_parse(text, &ref, err);

	if (r < 0)
		return r;
	if (ref.digest)
		return err_say(err, ERR_USAGE, "%.200s: tag by digest not supported", text);
	if (!ref.domain)
		reference_set_domain(&ref, "localhost");
	reference_add_latest(&ref);
	*ret_name = reference_text(&ref);
	return 0;
}

/* One change of the names file under its lock, while the image is kept from vanishing. */
static int add_names(const struct image_store *store, const char *id, const struct strv *list,
		     struct err *err)
{
	struct image_names names auto_done(image_names) = IMAGE_NAMES_INIT;
	auto_close int image_lock = image_store_lock_image(store, id, false, err);
	auto_close int lock = -1;
	int r = image_lock;

	if (r < 0)
		return r;
	lock = image_names_lock(store->fd, err);
	if (lock < 0)
		return lock;
	r = image_names_load(store->fd, &names, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < list->count; i++)
		image_names_set(&names, id, list->v[i]);
	return image_names_save(store->fd, &names, err);
}

int image_add_name(const struct image_store *store, const char *id, const char *name,
		   struct err *err)
{
	struct strv one auto_done(strv) = STRV_INIT;

	strv_add(&one, name);
	return add_names(store, id, &one, err);
}

int image_tag(const struct image_store *store, const char *source, const struct strv *names,
	      struct err *err)
{
	struct strv full auto_done(strv) = STRV_INIT;
	char id[IMAGE_ID_LEN + 1];
	int r = image_resolve(store, source, id, NULL, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < names->count; i++) {
		char *name = NULL;

		r = image_name_for_tag(names->v[i], &name, err);
		if (r < 0)
			return r;
		strv_add_own(&full, name);
	}
	return add_names(store, id, &full, err);
}

int image_untag(const struct image_store *store, const char *source, const struct strv *names,
		struct err *err)
{
	struct image_names map auto_done(image_names) = IMAGE_NAMES_INIT;
	struct strv gone auto_done(strv) = STRV_INIT;
	auto_close int lock = -1;
	char id[IMAGE_ID_LEN + 1];
	int r = image_resolve(store, source, id, NULL, err);

	if (r < 0)
		return r;
	lock = image_names_lock(store->fd, err);
	if (lock < 0)
		return lock;
	r = image_names_load(store->fd, &map, err);
	if (r < 0)
		return r;
	if (names->count == 0)
		image_names_of(&map, id, &gone);
	for (size_t i = 0; i < names->count; i++) {
		char *name = NULL;

		r = image_name_for_tag(names->v[i], &name, err);
		if (r < 0)
			return r;
		strv_add_own(&gone, name);
		if (!str_eq(image_names_find(&map, name), id))
			return err_say(err, ERR_NOT_FOUND, "%.200s: tag not known", names->v[i]);
	}
	for (size_t i = 0; i < gone.count; i++)
		(void)image_names_unset(
			&map, gone.v[i]); /* looked up above; twice the same name is fine */
	return image_names_save(store->fd, &map, err);
}
