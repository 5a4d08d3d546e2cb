/* SPDX-License-Identifier: Apache-2.0 */
/*
 * -v, --mount, --tmpfs and the image's volumes. What is on the host is looked at only to tell
 * early that a bind mount's source is missing; the mount itself is made at start, by descriptor.
 */
#include "engine/spec/spec-internal.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/path.h"
#include "engine/image/config.h"

static bool is_volume_name(const char *name)
{
	if (!isalnum((unsigned char)name[0]))
		return false;
	for (const char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("_.-", *p))
			return false;
	return strlen(name) <= 255;
}

static int claim_destination(const struct container_spec *spec, const char *text, char **ret_clean,
			     struct err *err)
{
	auto_free char *clean = NULL;

	if (text[0] != '/')
		return err_say(err, ERR_USAGE,
			       "invalid container path \"%s\", must be an absolute path", text);
	clean = path_clean(text);
	if (str_eq(clean, "/"))
		return err_say(err, ERR_USAGE,
			       "invalid container path \"%s\": the root cannot be mounted over",
			       text);
	if (spec_mount_find(spec, clean))
		return err_say(err, ERR_USAGE, "%s: duplicate mount destination", clean);
	*ret_clean = take(clean);
	return 0;
}

/* Absolute form of a source on the host; it must be there. */
static int host_source(const char *text, char **ret_path, struct err *err)
{
	auto_free char *path = NULL;
	struct stat st;

	if (text[0] == '/') {
		path = path_clean(text);
	} else {
		auto_free char *here = getcwd(NULL, 0);
		auto_free char *joined = here ? path_join(here, text) : NULL;

		if (!here)
			return err_set(err, -errno,
				       "cannot tell the working folder for the path %s", text);
		path = path_clean(joined);
	}
	if (stat(path, &st) < 0)
		return err_say(err, ERR_USAGE, "statfs %s: %s", path, strerror(errno));
	*ret_path = take(path);
	return 0;
}

/* ---- Options behind the second colon of -v ---- */

static const char *const plain_options[] = {
	"ro",	      "rw",	     "exec",	   "noexec",	  "dev",      "nodev",	 "suid",
	"nosuid",     "bind",	     "rbind",	   "private",	  "rprivate", "shared",	 "rshared",
	"slave",      "rslave",	     "unbindable", "runbindable", "atime",    "noatime", "relatime",
	"norelatime", "strictatime", "sync",	   "async",	  "rro",
};

static bool is_plain(const char *option)
{
	for (size_t i = 0; i < ARRAY_SIZE(plain_options); i++)
		if (str_eq(plain_options[i], option))
			return true;
	return false;
}

/* The ones that are ours to act on; 1 when taken, 0 when not known here. */
static int take_flag(struct spec_mount *m, const char *option)
{
	if (str_eq(option, "U"))
		m->chown = true;
	else if (str_eq(option, "z"))
		m->relabel_shared = true;
	else if (str_eq(option, "Z"))
		m->relabel_private = true;
	else if (str_eq(option, "nocopy"))
		m->no_copy = true;
	else if (str_eq(option, "copy"))
		m->no_copy = false;
	else
		return 0;
	return 1;
}

static bool has_any(const struct strv *list, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strv_has(list, words[i]))
			return true;
	return false;
}

/* Podman's defaults for what nobody said; a bind mount keeps the host's own nosuid and nodev. */
static void default_options(struct spec_mount *m)
{
	static const char *const propagation[] = { "private",	 "rprivate",   "shared",
						   "rshared",	 "slave",      "rslave",
						   "unbindable", "runbindable" };
	static const char *const suid[] = { "suid", "nosuid" };
	static const char *const dev[] = { "dev", "nodev" };
	static const char *const bind[] = { "bind", "rbind" };

	if (m->kind != SPEC_MOUNT_BIND && !has_any(&m->options, suid, 2))
		strv_add(&m->options, "nosuid");
	if (m->kind != SPEC_MOUNT_BIND && !has_any(&m->options, dev, 2))
		strv_add(&m->options, "nodev");
	if (m->kind == SPEC_MOUNT_TMPFS) {
		if (!strv_has(&m->options, "notmpcopyup") && !strv_has(&m->options, "tmpcopyup"))
			strv_add(&m->options, "tmpcopyup");
		return;
	}
	if (m->kind != SPEC_MOUNT_BIND && m->kind != SPEC_MOUNT_VOLUME)
		return;
	if (!has_any(&m->options, bind, 2))
		strv_add(&m->options, "rbind");
	if (!has_any(&m->options, propagation, ARRAY_SIZE(propagation)))
		strv_add(&m->options, "rprivate");
}

static int volume_options(struct spec_mount *m, const char *text, const char *whole,
			  struct err *err)
{
	struct strv words auto_done(strv) = STRV_INIT;

	strv_split(&words, text, ',');
	for (size_t i = 0; i < words.count; i++) {
		const char *word = words.v[i];

		if (*word == '\0' || take_flag(m, word))
			continue;
		if (str_eq(word, "O") || str_starts(word, "idmap") ||
		    str_starts(word, "upperdir=") || str_starts(word, "workdir="))
			return err_say(err, ERR_UNSUPPORTED,
				       "the option %s of --volume %s is not supported yet", word,
				       whole);
		if (!is_plain(word))
			return err_say(err, ERR_USAGE, "invalid mount option \"%s\" in --volume %s",
				       word, whole);
		strv_add(&m->options, word);
	}
	return 0;
}

/* [SOURCE:]DESTINATION[:OPTIONS] */
static int add_volume(const char *text, struct container_spec *spec, struct err *err)
{
	struct strv parts auto_done(strv) = STRV_INIT;
	auto_free char *destination = NULL;
	auto_free char *source = NULL;
	struct spec_mount *m = NULL;
	bool named = false;
	int r = 0;

	strv_split(&parts, text, ':');
	if (parts.count > 3)
		return err_say(err, ERR_USAGE,
			       "incorrect volume format \"%s\", should be "
			       "[host-dir|volume:]ctr-dir[:option]",
			       text);
	r = claim_destination(spec, parts.v[parts.count > 1 ? 1 : 0], &destination, err);
	if (r < 0)
		return r;
	if (parts.count > 1) {
		if (str_empty(parts.v[0]))
			return err_say(err, ERR_USAGE,
				       "host directory cannot be empty in --volume %s", text);
		named = parts.v[0][0] != '/' && parts.v[0][0] != '.';
		if (named && !is_volume_name(parts.v[0]))
			return err_say(err, ERR_USAGE,
				       "invalid volume name \"%s\": names must match "
				       "[a-zA-Z0-9][a-zA-Z0-9_.-]*",
				       parts.v[0]);
		r = named ? (source = xstrdup(parts.v[0]), 0)
			  : host_source(parts.v[0], &source, err);
		if (r < 0)
			return r;
	}
	m = spec_mount_add(spec, parts.count > 1 && !named ? SPEC_MOUNT_BIND : SPEC_MOUNT_VOLUME,
			   source, destination);
	m->anonymous = parts.count == 1;
	if (parts.count == 3)
		r = volume_options(m, parts.v[2], text, err);
	if (r == 0)
		default_options(m);
	return r;
}

/* ---- --mount type=...,key=value,... ---- */

struct mount_words {
	const char *type, *source, *destination;
};

/* Keys that mean the same for all types. 1 taken, 0 not one of these, or an error. */
static int mount_common(struct spec_mount *m, struct mount_words *w, const char *key,
			const char *value, struct err *err)
{
	if (str_eq(key, "type"))
		w->type = value;
	else if (str_eq(key, "source") || str_eq(key, "src"))
		w->source = value;
	else if (str_eq(key, "target") || str_eq(key, "dst") || str_eq(key, "destination"))
		w->destination = value;
	else if (str_eq(key, "ro") || str_eq(key, "readonly"))
		strv_add(&m->options, str_eq(value, "false") ? "rw" : "ro");
	else if (str_eq(key, "rw") || str_eq(key, "readwrite"))
		strv_add(&m->options, str_eq(value, "false") ? "ro" : "rw");
	else if (str_eq(key, "bind-propagation"))
		strv_add(&m->options, value);
	else if (str_eq(key, "bind-nonrecursive"))
		strv_add(&m->options, str_eq(value, "false") ? "rbind" : "bind");
	else if (str_eq(key, "U") || str_eq(key, "chown"))
		m->chown = !str_eq(value, "false");
	else if (str_eq(key, "z"))
		m->relabel_shared = true;
	else if (str_eq(key, "Z"))
		m->relabel_private = true;
	else if (str_eq(key, "relabel") && (str_eq(value, "shared") || str_eq(value, "private")))
		*(str_eq(value, "shared") ? &m->relabel_shared : &m->relabel_private) = true;
	else if (str_eq(key, "consistency"))
		return 1; /* Docker's hint for other platforms */
	else if (*value == '\0' && is_plain(key))
		strv_add(&m->options, key);
	else
		return 0;
	(void)err;
	return 1;
}

/* Keys of tmpfs and devpts, in the words of their file systems. 1 taken, 0 not. */
static int mount_special(struct spec_mount *m, const char *key, const char *value)
{
	if (str_eq(key, "tmpfs-size"))
		strv_addf(&m->options, "size=%s", value);
	else if (str_eq(key, "tmpfs-mode"))
		strv_addf(&m->options, "mode=%s", value);
	else if (str_eq(key, "tmpcopyup") || str_eq(key, "notmpcopyup"))
		strv_add(&m->options, key);
	else if (str_eq(key, "uid") || str_eq(key, "gid") || str_eq(key, "mode") ||
		 str_eq(key, "max"))
		strv_addf(&m->options, "%s=%s", key, value);
	else if (str_eq(key, "volume-nocopy"))
		m->no_copy = true;
	else
		return 0;
	return 1;
}

static int mount_kind(const char *type, enum spec_mount_kind *ret_kind, const char *text,
		      struct err *err)
{
	static const char *const types[] = {
		[SPEC_MOUNT_BIND] = "bind",	[SPEC_MOUNT_VOLUME] = "volume",
		[SPEC_MOUNT_TMPFS] = "tmpfs",	[SPEC_MOUNT_DEVPTS] = "devpts",
		[SPEC_MOUNT_MQUEUE] = "mqueue", [SPEC_MOUNT_IMAGE] = "image"
	};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (str_eq(types[i], type)) {
			*ret_kind = (enum spec_mount_kind)i;
			return 0;
		}
	if (str_eq(type, "ramfs")) {
		*ret_kind = SPEC_MOUNT_TMPFS;
		return 0;
	}
	if (str_eq(type, "glob") || str_eq(type, "artifact"))
		return err_say(err, ERR_UNSUPPORTED, "--mount type=%s is not supported yet", type);
	return err_say(err, ERR_USAGE, "invalid filesystem type \"%s\" in --mount %s", type, text);
}

static int finish_mount(struct spec_mount *m, const struct mount_words *w,
			struct container_spec *spec, const char *text, struct err *err)
{
	struct spec_mount *placed = NULL;
	auto_free char *destination = NULL;
	auto_free char *source = NULL;
	int r = mount_kind(w->type ? w->type : "volume", &m->kind, text, err);

	if (r < 0)
		return r;
	if (str_empty(w->destination))
		return err_say(err, ERR_USAGE, "must set volume destination in --mount %s", text);
	r = claim_destination(spec, w->destination, &destination, err);
	if (r < 0)
		return r;
	if (m->kind == SPEC_MOUNT_BIND && str_empty(w->source))
		return err_say(err, ERR_USAGE, "must set a source with type=bind in --mount %s",
			       text);
	if (m->kind == SPEC_MOUNT_IMAGE && str_empty(w->source))
		return err_say(err, ERR_USAGE,
			       "must set source and destination with type=image in --mount %s",
			       text);
	if (m->kind == SPEC_MOUNT_IMAGE && strv_has(&m->options, "rw"))
		return err_say(err, ERR_UNSUPPORTED,
			       "--mount type=image with rw is not supported yet: the image is "
			       "mounted read-only");
	if (m->kind == SPEC_MOUNT_BIND)
		r = host_source(w->source, &source, err);
	else if (m->kind == SPEC_MOUNT_VOLUME && w->source && !is_volume_name(w->source))
		r = err_say(err, ERR_USAGE, "invalid volume name \"%s\" in --mount %s", w->source,
			    text);
	else
		source = xstrdup(w->source);
	if (r < 0)
		return r;
	placed = spec_mount_add(spec, m->kind, source, destination);
	placed->anonymous = m->kind == SPEC_MOUNT_VOLUME && !source;
	placed->no_copy = m->no_copy;
	placed->chown = m->chown;
	placed->relabel_shared = m->relabel_shared;
	placed->relabel_private = m->relabel_private;
	placed->options = m->options;
	m->options = STRV_INIT;
	default_options(placed);
	return 0;
}

static int add_mount(const char *text, struct container_spec *spec, struct err *err)
{
	struct strv words auto_done(strv) = STRV_INIT;
	struct spec_mount m auto_done(spec_mount) = { 0 };
	struct mount_words w = { 0 };
	int r = 0;

	strv_split(&words, text, ',');
	for (size_t i = 0; i < words.count; i++) {
		char *value = strchr(words.v[i], '=');

		if (value)
			*value++ = '\0';
		else
			value = words.v[i] + strlen(words.v[i]);
		r = mount_common(&m, &w, words.v[i], value, err);
		if (r == 0)
			r = mount_special(&m, words.v[i], value);
		if (r < 0)
			return r;
		if (r == 0)
			return err_say(err, ERR_USAGE, "%s: invalid mount option in --mount %s",
				       words.v[i], text);
	}
	return finish_mount(&m, &w, spec, text, err);
}

/* PATH[:OPTIONS], the options the file system's own. */
static int add_tmpfs(const char *text, struct container_spec *spec, struct err *err)
{
	const char *colon = strchr(text, ':');
	auto_free char *path = colon ? xstrndup(text, (size_t)(colon - text)) : xstrdup(text);
	auto_free char *destination = NULL;
	struct strv words auto_done(strv) = STRV_INIT;
	struct spec_mount *m = NULL;
	int r = claim_destination(spec, path, &destination, err);

	if (r < 0)
		return r;
	m = spec_mount_add(spec, SPEC_MOUNT_TMPFS, NULL, destination);
	if (colon)
		strv_split(&words, colon + 1, ',');
	for (size_t i = 0; i < words.count; i++) {
		const char *word = words.v[i];
		bool known = is_plain(word) || str_starts(word, "size=") ||
			     str_starts(word, "mode=") || str_starts(word, "uid=") ||
			     str_starts(word, "gid=") || str_starts(word, "nr_inodes=") ||
			     str_starts(word, "huge=") || str_eq(word, "tmpcopyup") ||
			     str_eq(word, "notmpcopyup") || str_eq(word, "noswap");

		if (!known)
			return err_say(err, ERR_USAGE, "%s: invalid mount option in --tmpfs %s",
				       word, text);
		strv_add(&m->options, word);
	}
	default_options(m);
	return 0;
}

/* The image's own volumes become anonymous ones, or tmpfs, where nothing else is mounted. */
static int add_image_volumes(const struct request *q, const struct image_config *image,
			     struct container_spec *spec, struct err *err)
{
	const char *mode = str_or(q->image_volume, "anonymous");

	if (str_eq(mode, "ignore"))
		return 0;
	if (!str_eq(mode, "anonymous") && !str_eq(mode, "bind") && !str_eq(mode, "tmpfs"))
		return err_say(err, ERR_USAGE,
			       "--image-volume %s is not one of anonymous, bind, tmpfs, ignore",
			       mode);
	for (size_t i = 0; i < image->volumes.count; i++) {
		auto_free char *path = path_clean(image->volumes.v[i]);
		struct spec_mount *m = NULL;

		if (path[0] != '/' || str_eq(path, "/"))
			return err_say(err, ERR_USAGE,
				       "the image's volume \"%s\" is not an absolute path",
				       image->volumes.v[i]);
		strv_add(&spec->image_volumes, path);
		if (spec_mount_find(spec, path))
			continue;
		m = spec_mount_add(spec,
				   str_eq(mode, "tmpfs") ? SPEC_MOUNT_TMPFS : SPEC_MOUNT_VOLUME,
				   NULL, path);
		m->anonymous = m->kind == SPEC_MOUNT_VOLUME;
		default_options(m);
	}
	return 0;
}

/* A mount must come after the one it lies in: /a before /a/b. */
static int by_depth(const void *a, const void *b)
{
	const struct spec_mount *x = a;
	const struct spec_mount *y = b;
	int depth_x = 0;
	int depth_y = 0;

	for (const char *p = x->destination; *p; p++)
		depth_x += *p == '/';
	for (const char *p = y->destination; *p; p++)
		depth_y += *p == '/';
	return depth_x != depth_y ? depth_x - depth_y : strcmp(x->destination, y->destination);
}

int spec_build_mounts(const struct request *q, const struct spec_host *host,
		      struct container_spec *spec, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < q->volumes.count && r == 0; i++)
		r = add_volume(q->volumes.v[i], spec, err);
	for (size_t i = 0; i < q->mounts.count && r == 0; i++)
		r = add_mount(q->mounts.v[i], spec, err);
	for (size_t i = 0; i < q->tmpfs.count && r == 0; i++)
		if ((r = add_tmpfs(q->tmpfs.v[i], spec, err)) < 0)
			(void)err_prefix(err, "--tmpfs %s", q->tmpfs.v[i]);
	if (r == 0 && host->image)
		r = add_image_volumes(q, host->image, spec, err);
	if (r < 0)
		return r;
	if (spec->mounts.count > 1)
		qsort(spec->mounts.v, spec->mounts.count, sizeof(spec->mounts.v[0]), by_depth);
	strv_add_all(&spec->volumes_from, &q->volumes_from);
	spec->read_only = q->read_only;
	spec->read_only_tmpfs = q->read_only_tmpfs != REQUEST_FALSE;
	return 0;
}
