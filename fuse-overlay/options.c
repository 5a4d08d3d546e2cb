/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: see options.h. Runs in bryo-overlay, before anything else. */
#include "fuse-overlay/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"

/* What the kernel was told stays true: nobody but us changes the layers. */
#define TIMEOUT_DEFAULT 1e9

enum { RANGES_MAX = 4096 };

/* The next part of text up to separator, with backslashes taken out; NULL at the end. */
static char *next_part(const char **text, char separator, bool keep_escapes)
{
	struct buf part = BUF_INIT;
	const char *s = *text;

	if (!s)
		return NULL;
	for (; *s && *s != separator; s++) {
		if (*s == '\\' && s[1]) {
			if (keep_escapes) /* unbounded buffer: cannot fail */
				(void)buf_add(&part, s, 1);
			s++;
		}
		(void)buf_add(&part, s, 1);
	}
	*text = *s ? s + 1 : NULL;
	return part.data ? part.data : xstrdup("");
}

/* ---- Values ---- */

static int parse_folders(struct strv *list, const char *value, struct err *err)
{
	const char *rest = value;
	char *part = NULL;

	strv_done(list);
	*list = STRV_INIT;
	while ((part = next_part(&rest, ':', false))) {
		if (str_starts(part, "//")) {
			int r = err_say(err, ERR_UNSUPPORTED,
					"lowerdir=%s: plugins are not supported", part);

			free(part);
			return r;
		}
		if (*part)
			strv_add_own(list, part);
		else
			free(part);
	}
	return list->count ? 0 : err_say(err, ERR_USAGE, "lowerdir= names no folder");
}

/* "HOST:CONTAINER:LEN[,:]..." as fuse-overlayfs takes it: numbers by threes. */
static int parse_ranges(const char *key, const char *value, struct id_range **ret_ranges,
			size_t *ret_count, struct err *err)
{
	struct id_range *ranges = NULL;
	size_t count = 0;
	size_t capacity = 0;
	uint32_t numbers[3];
	size_t n = 0;
	const char *s = value;

	s += *s == ':'; /* containers/storage begins so */
	while (*s) {
		char digits[16] = "";
		size_t length = strspn(s, "0123456789");

		if (length == 0 || length >= sizeof(digits))
			break;
		memcpy(digits, s, length);
		if (str_to_u32(digits, &numbers[n]) < 0)
			break;
		s += length;
		if (*s == ':' || *s == ',')
			s++;
		if (++n < 3)
			continue;
		n = 0;
		if (count == RANGES_MAX || numbers[2] == 0)
			break;
		xgrow(ranges, count, capacity);
		ranges[count++] = (struct id_range){ numbers[0], numbers[1], numbers[2] };
	}
	if (*s || n != 0 || count == 0) {
		free(ranges);
		return err_say(err, ERR_USAGE, "%s=%s: expected ID:ID:COUNT[:ID:ID:COUNT...]", key,
			       value);
	}
	free(*ret_ranges);
	*ret_ranges = ranges;
	*ret_count = count;
	return 0;
}

static int parse_u32(const char *key, const char *value, uint32_t *ret, struct err *err)
{
	if (str_to_u32(value, ret) < 0)
		return err_say(err, ERR_USAGE, "%s=%s: expected a number", key, value);
	return 0;
}

static int parse_timeout(const char *value, double *ret, struct err *err)
{
	char *end = NULL;
	double timeout = strtod(value, &end);

	if (end == value || *end || !(timeout >= 0) || timeout > TIMEOUT_DEFAULT)
		return err_say(err, ERR_USAGE, "timeout=%s: expected seconds", value);
	*ret = timeout;
	return 0;
}

static int check_redirect(const char *value, struct err *err)
{
	if (str_eq(value, "on"))
		return err_say(err, ERR_UNSUPPORTED, "redirect_dir=on is not supported");
	if (str_eq(value, "off") || str_eq(value, "nofollow") || str_eq(value, "follow"))
		return 0;
	return err_say(err, ERR_USAGE, "redirect_dir=%s: expected on or off", value);
}

/* Zero is no limit, as for who leaves it out. */
static int parse_limits(struct options *o, const char *key, const char *value, struct err *err)
{
	int64_t bytes = 0;

	if (str_eq(key, "inodes"))
		return str_to_u64(value, &o->inode_limit) < 0
			       ? err_say(err, ERR_USAGE, "inodes=%s: expected a number", value)
			       : 0;
	if (str_to_bytes(value, &bytes) < 0 || bytes < 0)
		return err_say(err, ERR_USAGE, "size=%s: expected bytes, such as 512m or 10g",
			       value);
	o->size_limit = (uint64_t)bytes;
	return 0;
}

/* fuse-overlayfs' numbers; its 1 is for attributes that only real root may set. */
static int parse_permissions(struct options *o, const char *value, struct err *err)
{
	if (str_eq(value, "1"))
		return err_say(err, ERR_UNSUPPORTED,
			       "xattr_permissions=1 is not supported (2 is, for everybody)");
	if (!str_eq(value, "0") && !str_eq(value, "2"))
		return err_say(err, ERR_USAGE, "xattr_permissions=%s: expected 0 or 2", value);
	o->ignores_owners = *value == '0';
	o->remembers_owners = *value == '2';
	return 0;
}

/* ---- Options ---- */

static int set_folders(struct options *o, const char *key, const char *value, struct err *err)
{
	if (str_eq(key, "lowerdir"))
		return parse_folders(&o->lower, value, err);
	free(str_eq(key, "upperdir") ? o->upper : o->work);
	*(str_eq(key, "upperdir") ? &o->upper : &o->work) = next_part(&value, '\0', false);
	return 0;
}

/* 1: it is none of these. */
static int set_value(struct options *o, const char *key, const char *value, struct err *err)
{
	uint32_t number = 0;

	if (str_eq(key, "lowerdir") || str_eq(key, "upperdir") || str_eq(key, "workdir"))
		return set_folders(o, key, value, err);
	if (str_eq(key, "uidmapping"))
		return parse_ranges(key, value, &o->uids, &o->uid_count, err);
	if (str_eq(key, "gidmapping"))
		return parse_ranges(key, value, &o->gids, &o->gid_count, err);
	if (str_eq(key, "squash_to_uid")) {
		o->squash_to_uid = true;
		return parse_u32(key, value, &o->squashed_uid, err);
	}
	if (str_eq(key, "squash_to_gid")) {
		o->squash_to_gid = true;
		return parse_u32(key, value, &o->squashed_gid, err);
	}
	if (str_eq(key, "xattr_permissions"))
		return parse_permissions(o, value, err);
	if (str_eq(key, "size") || str_eq(key, "inodes"))
		return parse_limits(o, key, value, err);
	if (str_eq(key, "timeout"))
		return parse_timeout(value, &o->timeout, err);
	if (str_eq(key, "threads"))
		return parse_u32(key, value, &o->threads, err);
	if (str_eq(key, "redirect_dir"))
		return check_redirect(value, err);
	if (str_eq(key, "fd") || str_eq(key, "ready")) {
		int r = parse_u32(key, value, &number, err);

		if (r == 0 && number > INT32_MAX)
			r = err_say(err, ERR_USAGE, "%s=%s: expected a descriptor", key, value);
		if (r == 0)
			*(*key == 'f' ? &o->device_fd : &o->ready_fd) = (int)number;
		return r;
	}
	if (str_eq(key, "fsync")) { /* fuse-overlayfs: fsync=0 is its "volatile" */
		o->is_volatile = str_eq(value, "0");
		return 0;
	}
	if (str_eq(key, "context") || str_eq(key, "max_read")) {
		strv_addf(&o->mount, "%s=%s", key, value);
		return 0;
	}
	return 1;
}

static int set_flag(struct options *o, const char *key)
{
	/* For the mount itself, mount(8). */
	static const char *const mount_flags[] = { "nosuid",  "suid",	"nodev",
						   "dev",     "noexec", "exec",
						   "noatime", "atime",	"nodiratime" };

	for (size_t i = 0; i < ARRAY_SIZE(mount_flags); i++)
		if (str_eq(key, mount_flags[i])) {
			strv_add(&o->mount, key);
			return 0;
		}
	if (str_eq(key, "ro"))
		o->read_only = true;
	else if (str_eq(key, "rw"))
		o->read_only = false;
	else if (str_eq(key, "volatile"))
		o->is_volatile = true;
	else if (str_eq(key, "noacl"))
		o->no_acl = true;
	else if (str_eq(key, "static_nlink"))
		o->static_nlink = true;
	else if (str_eq(key, "squash_to_root"))
		o->squash_to_root = true;
	else if (str_eq(key, "nowriteback"))
		o->no_writeback = true;
	else if (str_eq(key, "debug"))
		o->debug = o->foreground = true;
	else
		return 1;
	return 0;
}

/* True for what others take and what is so here anyway, or has no meaning. */
static bool is_given(const char *key)
{
	static const char *const given[] = { "allow_other", "allow_root", "default_permissions",
					     "userxattr",   "defaults",	  "fast_ino",
					     "threaded",    "metacopy",	  "index",
					     "nfs_export",  "xino",	  "lazytime",
					     "uuid",	    "auto",	  "noauto",
					     "relatime",    "fsname",	  "subtype" };

	for (size_t i = 0; i < ARRAY_SIZE(given); i++)
		if (str_eq(key, given[i]))
			return true;
	return false;
}

static int parse_option(struct options *o, char *text, struct strv *ret_ignored, struct err *err)
{
	char *equals = strchr(text, '=');
	int r = 1;

	if (equals)
		*equals = '\0';
	r = equals ? set_value(o, text, equals + 1, err) : set_flag(o, text);
	if (r == 1 && !is_given(text))
		strv_add(ret_ignored, text);
	return r < 0 ? r : 0;
}

int options_parse_list(struct options *o, const char *list, struct strv *ret_ignored,
		       struct err *err)
{
	const char *rest = list;
	char *part = NULL;
	bool in_ranges = false;
	int r = 0;

	/* fuse-overlayfs' ranges may hold commas: "uidmapping=0:1:2,3:4:5". */
	while (r == 0 && (part = next_part(&rest, ',', true))) {
		in_ranges = str_starts(part, "uidmapping=") || str_starts(part, "gidmapping=");
		while (in_ranges && rest && rest[strspn(rest, "0123456789")] == ':' &&
		       strspn(rest, "0123456789") > 0) {
			char *more = next_part(&rest, ',', true);
			char *both = xasprintf("%s,%s", part, more);

			free(part);
			free(more);
			part = both;
		}
		if (*part)
			r = parse_option(o, part, ret_ignored, err);
		free(part);
	}
	return r;
}

static int check(const struct options *o, struct err *err)
{
	if (o->want_help || o->want_version)
		return 0;
	if (!o->lower.count)
		return err_say(err, ERR_USAGE, "no lower folder: give -o lowerdir=FOLDER");
	if (o->device_fd < 0 && !o->mountpoint)
		return err_say(err, ERR_USAGE, "no mount point given");
	if (o->upper && !o->work)
		return err_say(err, ERR_USAGE, "upperdir needs a workdir on the same file system");
	return 0;
}

int options_parse(struct options *ret_options, int argc, char **argv, struct strv *ret_ignored,
		  struct err *err)
{
	struct options o = { .timeout = TIMEOUT_DEFAULT, .device_fd = -1, .ready_fd = -1 };
	int r = 0;

	for (int i = 1; r == 0 && i < argc; i++) {
		const char *arg = argv[i];

		if (str_eq(arg, "-o") && i + 1 < argc)
			r = options_parse_list(&o, argv[++i], ret_ignored, err);
		else if (str_starts(arg, "-o") && arg[2])
			r = options_parse_list(&o, arg + 2, ret_ignored, err);
		else if (str_eq(arg, "-f"))
			o.foreground = true;
		else if (str_eq(arg, "-d") || str_eq(arg, "--debug"))
			o.debug = o.foreground = true;
		else if (str_eq(arg, "-h") || str_eq(arg, "--help"))
			o.want_help = true;
		else if (str_eq(arg, "-V") || str_eq(arg, "--version"))
			o.want_version = true;
		else if (*arg == '-' && arg[1])
			r = err_say(err, ERR_USAGE, "unknown option %s", arg);
		else if (o.mountpoint)
			r = err_say(err, ERR_USAGE, "one mount point is enough: %s", arg);
		else
			o.mountpoint = xstrdup(arg);
	}
	if (r == 0)
		r = check(&o, err);
	if (r < 0) {
		options_done(&o);
		return r;
	}
	*ret_options = o;
	return 0;
}

void options_done(struct options *o)
{
	free(o->mountpoint);
	strv_done(&o->lower);
	free(o->upper);
	free(o->work);
	free(o->uids);
	free(o->gids);
	strv_done(&o->mount);
	*o = (struct options){ .device_fd = -1, .ready_fd = -1 };
}
