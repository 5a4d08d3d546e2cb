/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what a user types to an image id, in Podman's order (containers/common, libimage:
 * Runtime.LookupImage and shortnames.ResolveLocally). On the hot path of `run`: one read of the
 * names file answers nearly always; registries.conf is read only where a short name could mean
 * several images or is nobody's name.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/str.h"
#include "engine/config/registries.h"
#include "engine/image/image.h"
#include "engine/image/names-internal.h"
#include "engine/image/record-internal.h"
#include "engine/image/reference.h"
#include "engine/image/store-internal.h"

struct match {
	const char *id;
	const char *name; /* the stored name that matched; NULL: by id */
};

static bool is_hex_prefix(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n <= IMAGE_ID_LEN && str_is_hex(s, n);
}

/* The one image whose id begins so. 0 also when there is none or several. */
static int find_id(const struct image_store *store, const char *prefix,
		   char ret_id[IMAGE_ID_LEN + 1], bool *ret_found, struct err *err)
{
	struct strv ids auto_done(strv) = STRV_INIT;
	size_t hits = 0;
	int r = image_store_ids(store, &ids, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ids.count; i++) {
		if (!str_starts(ids.v[i], prefix))
			continue;
		hits++;
		snprintf(ret_id, IMAGE_ID_LEN + 1, "%s", ids.v[i]);
	}
	*ret_found = hits == 1;
	return 0;
}

static bool has_digest(const struct image_store *store, const char *id, const char *digest)
{
	struct image image auto_done(image) = IMAGE_INIT;

	/* An image that vanished or cannot be read is simply not the one that was asked for. */
	return image_record_read(store->fd, id, &image, NULL) == 0 &&
	       strv_has(&image.digests, digest);
}

/* Does a stored name mean what the complete reference asks for? */
static bool name_matches(const struct image_store *store, const struct image_name_entry *entry,
			 const struct reference *want)
{
	struct reference have auto_done(reference) = REFERENCE_INIT;

	if (reference_parse(entry->name, &have, NULL) < 0)
		return false;
	if (!str_eq(have.domain, want->domain) || !str_eq(have.path, want->path))
		return false;
	if (want->digest)
		return str_eq(have.digest, want->digest) ||
		       has_digest(store, entry->id, want->digest);
	return str_eq(have.tag, want->tag);
}

static bool find_complete(const struct image_store *store, const struct image_names *names,
			  const struct reference *want, struct match *ret_match)
{
	for (size_t i = names->count; i > 0; i--) {
		const struct image_name_entry *e = &names->v[i - 1];

		if (!name_matches(store, e, want))
			continue;
		*ret_match = (struct match){ e->id, e->name };
		return true;
	}
	return false;
}

/* Is this stored name one of "any registry, any folder, then /PATH"? */
static bool ends_in(const struct image_store *store, const struct image_name_entry *e,
		    const struct reference *want)
{
	struct reference have auto_done(reference) = REFERENCE_INIT;
	auto_free char *suffix = NULL;
	auto_free char *name = NULL;

	if (reference_parse(e->name, &have, NULL) < 0)
		return false;
	suffix = xasprintf("/%s", want->path);
	name = reference_name(&have);
	if (!str_ends(name, suffix))
		return false;
	if (want->digest)
		return str_eq(have.digest, want->digest) || has_digest(store, e->id, want->digest);
	return str_eq(have.tag, want->tag);
}

/* The newest stored name that ends so; *ret_sole tells whether all of them are one image. */
static bool find_suffix(const struct image_store *store, const struct image_names *names,
			const struct reference *want, struct match *ret_match, bool *ret_sole)
{
	bool found = false;

	*ret_sole = true;
	for (size_t i = names->count; i > 0; i--) {
		const struct image_name_entry *e = &names->v[i - 1];

		if (!ends_in(store, e, want))
			continue;
		if (found && !str_eq(ret_match->id, e->id))
			*ret_sole = false;
		if (!found)
			*ret_match = (struct match){ e->id, e->name };
		found = true;
	}
	return found;
}

static bool find_below(const struct image_store *store, const struct image_names *names,
		       const struct reference *want, const char *domain, struct match *ret_match)
{
	struct reference full auto_done(reference) = REFERENCE_INIT;

	reference_copy(want, &full);
	reference_set_domain(&full, domain);
	return find_complete(store, names, &full, ret_match);
}

static int not_known(const char *name, struct err *err)
{
	return err_say(err, ERR_NOT_FOUND, "%.200s: image not known", name);
}

static int give(const struct match *match, char ret_id[IMAGE_ID_LEN + 1], char **ret_name)
{
	snprintf(ret_id, IMAGE_ID_LEN + 1, "%s", match->id);
	if (ret_name)
		*ret_name = xstrdup(match->name);
	return 0;
}

/* The registries a short name may stand for, in order: alias, localhost/, search list, Docker Hub.
 */
static int find_configured(const struct image_store *store, const struct image_names *names,
			   const struct reference *want, struct match *ret_match, bool *ret_found,
			   struct err *err)
{
	struct registries registries auto_done(registries) = REGISTRIES_INIT;
	struct reference target auto_done(reference) = REFERENCE_INIT;
	const char *alias = NULL;
	int r = registries_load(&registries, err);

	if (r < 0)
		return r;
	alias = registries.mode == REGISTRIES_DISABLED ? NULL
						       : registries_alias(&registries, want->path);
	*ret_found = true;
	if (alias && reference_parse(alias, &target, NULL) == 0 && target.domain) {
		target.tag = xstrdup(want->tag);
		target.digest = xstrdup(want->digest);
		if (find_complete(store, names, &target, ret_match))
			return 0;
	}
	if (find_below(store, names, want, "localhost", ret_match))
		return 0;
	for (size_t i = 0; i < registries.search.count; i++)
		if (find_below(store, names, want, registries.search.v[i], ret_match))
			return 0;
	*ret_found = find_below(store, names, want, "docker.io", ret_match);
	return 0;
}

/* A name without a registry. */
static int resolve_short(const struct image_store *store, const struct image_names *names,
			 const struct reference *want, const char *text, struct match *ret_match,
			 char id[IMAGE_ID_LEN + 1], struct err *err)
{
	struct match suffix = { NULL, NULL };
	bool sole = false;
	bool found = false;
	bool ends = find_suffix(store, names, want, &suffix, &sole);
	int r = 0;

	/* One image, and called so by us or by Docker: no file of configuration is read. */
	if (ends && sole &&
	    (find_below(store, names, want, "localhost", ret_match) ||
	     find_below(store, names, want, "docker.io", ret_match)))
		return 0;
	r = find_configured(store, names, want, ret_match, &found, err);
	if (r < 0 || found)
		return r;
	if (is_hex_prefix(text)) {
		r = find_id(store, text, id, &found, err);
		if (r < 0)
			return r;
	}
	if (found)
		*ret_match = (struct match){ id, NULL };
	else if (ends)
		*ret_match = suffix;
	else
		return not_known(text, err);
	return 0;
}

int image_resolve(const struct image_store *store, const char *name, char ret_id[IMAGE_ID_LEN + 1],
		  char **ret_name, struct err *err)
{
	struct reference want auto_done(reference) = REFERENCE_INIT;
	struct image_names names auto_done(image_names) = IMAGE_NAMES_INIT;
	struct match match = { NULL, NULL };
	const char *id = str_after(name, "sha256:");
	char found_id[IMAGE_ID_LEN + 1];
	bool found = false;
	int r = 0;

	if (id || str_is_hex(name, IMAGE_ID_LEN)) {
		id = id ? id : name;
		if (is_hex_prefix(id) && (r = find_id(store, id, found_id, &found, err)) < 0)
			return r;
		if (!found)
			return not_known(name, err);
		match.id = found_id;
		return give(&match, ret_id, ret_name);
	}
	if ((r = reference_parse(name, &want, err)) < 0 ||
	    (r = image_names_load(store->fd, &names, err)) < 0)
		return r;
	reference_add_latest(&want);
	if (!want.domain)
		r = resolve_short(store, &names, &want, name, &match, found_id, err);
	else if (!find_complete(store, &names, &want, &match))
		r = not_known(name, err);
	return r < 0 ? r : give(&match, ret_id, ret_name);
}
