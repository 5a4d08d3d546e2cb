/* SPDX-License-Identifier: Apache-2.0 */
/* Sorts mount options by a table; runs in the process that makes the plan. Pure: no system call. */
#include "engine/runtime/mount-options.h"

#include <stdlib.h>
#include <sys/mount.h>

#include "engine/base/alloc.h"

enum verb {
	SET,   /* an attribute on; for atime kinds the others go off */
	CLEAR, /* an attribute off */
	PROPAGATION,
	BIND,
	BIND_ALL,
	REMOUNT,
	COPY_UP,
	IDMAP,
	IDMAP_ALL,
	SOURCE_NOFOLLOW,
	TARGET_NOFOLLOW,
	COPY_SYMLINK,
	DATA,	/* a flag of the whole file system: goes to it by name */
	IGNORE, /* says what is so anyway */
};

struct option {
	const char *name;
	enum verb verb;
	uint64_t value;
	bool all; /* the r* form */
};

/* Each attribute has four names: on and off, for the mount and for the tree. */
#define ATTRIBUTE(on, off, bit)                                                                    \
	{ on, SET, bit, false }, { off, CLEAR, bit, false }, { "r" on, SET, bit, true },           \
	{                                                                                          \
		"r" off, CLEAR, bit, true                                                          \
	}

static const struct option table[] = {
	ATTRIBUTE("ro", "rw", MOUNT_ATTR_RDONLY),
	ATTRIBUTE("nosuid", "suid", MOUNT_ATTR_NOSUID),
	ATTRIBUTE("nodev", "dev", MOUNT_ATTR_NODEV),
	ATTRIBUTE("noexec", "exec", MOUNT_ATTR_NOEXEC),
	ATTRIBUTE("nodiratime", "diratime", MOUNT_ATTR_NODIRATIME),
	ATTRIBUTE("nosymfollow", "symfollow", MOUNT_ATTR_NOSYMFOLLOW),
	ATTRIBUTE("noatime", "atime", MOUNT_ATTR_NOATIME),
	ATTRIBUTE("strictatime", "nostrictatime", MOUNT_ATTR_STRICTATIME),
	ATTRIBUTE("relatime", "norelatime", MOUNT_ATTR_RELATIME),
	{ "shared", PROPAGATION, MS_SHARED, false },
	{ "rshared", PROPAGATION, MS_SHARED, true },
	{ "slave", PROPAGATION, MS_SLAVE, false },
	{ "rslave", PROPAGATION, MS_SLAVE, true },
	{ "private", PROPAGATION, MS_PRIVATE, false },
	{ "rprivate", PROPAGATION, MS_PRIVATE, true },
	{ "unbindable", PROPAGATION, MS_UNBINDABLE, false },
	{ "runbindable", PROPAGATION, MS_UNBINDABLE, true },
	{ "bind", BIND, 0, false },
	{ "rbind", BIND_ALL, 0, false },
	{ "remount", REMOUNT, 0, false },
	{ "tmpcopyup", COPY_UP, 0, false },
	{ "idmap", IDMAP, 0, false },
	{ "ridmap", IDMAP_ALL, 0, false },
	{ "src-nofollow", SOURCE_NOFOLLOW, 0, false },
	{ "dest-nofollow", TARGET_NOFOLLOW, 0, false },
	{ "copy-symlink", COPY_SYMLINK, 0, false },
	{ "sync", DATA, 0, false },
	{ "dirsync", DATA, 0, false },
	{ "lazytime", DATA, 0, false },
	{ "defaults", IGNORE, 0, false },
	{ "async", IGNORE, 0, false },
	{ "nolazytime", IGNORE, 0, false },
	{ "mand", IGNORE, 0, false }, /* the kernel has no mandatory locks since 5.15 */
	{ "nomand", IGNORE, 0, false },
	{ "loud", IGNORE, 0, false },
	{ "silent", IGNORE, 0, false },
	{ "iversion", IGNORE, 0, false }, /* not a matter of the mount since 6.x; never tmpfs' */
	{ "noiversion", IGNORE, 0, false },
};

const char *mount_option_name(size_t index)
{
	return index < ARRAY_SIZE(table) ? table[index].name : NULL;
}

void mount_options_done(struct mount_options *options)
{
	free(options->data);
	*options = (struct mount_options){ 0 };
}

static bool is_atime(const struct option *option)
{
	return str_ends(option->name, "atime") && !str_ends(option->name, "diratime");
}

/* The last option about one attribute wins, as with mount(8). */
static void set_attribute(struct mount_options *o, const struct option *option)
{
	uint64_t *set = option->all ? &o->set_all : &o->set;
	uint64_t *clear = option->all ? &o->clear_all : &o->clear;
	/* The atime kinds are one field of the mount: changing it means clearing it whole. */
	uint64_t field = is_atime(option) ? MOUNT_ATTR__ATIME : option->value;

	*set &= ~field;
	*clear &= ~field;
	if (option->verb == SET)
		*set |= option->value;
	if (option->verb == CLEAR || field == MOUNT_ATTR__ATIME)
		*clear |= field;
}

static void apply(struct mount_options *o, const struct option *option)
{
	switch (option->verb) {
	case SET:
	case CLEAR:
		set_attribute(o, option);
		break;
	case PROPAGATION:
		o->propagation = option->value;
		o->propagation_all = option->all;
		break;
	case BIND_ALL:
		o->bind_all = true;
		o->bind = true;
		break;
	case BIND:
		o->bind = true;
		break;
	case REMOUNT:
		o->remount = true;
		break;
	case COPY_UP:
		o->copy_up = true;
		break;
	case IDMAP_ALL:
		o->idmap_all = true;
		o->idmap = true;
		break;
	case IDMAP:
		o->idmap = true;
		break;
	case SOURCE_NOFOLLOW:
		o->source_nofollow = true;
		break;
	case TARGET_NOFOLLOW:
		o->target_nofollow = true;
		break;
	case COPY_SYMLINK:
		o->copy_symlink = true;
		break;
	case DATA:
	case IGNORE:
		break;
	}
}

void mount_options_parse(const struct strv *list, struct mount_options *ret_options)
{
	struct mount_options o = { 0 };

	if (list->count > 0)
		o.data = xcalloc(list->count, sizeof(*o.data));
	for (size_t i = 0; i < list->count; i++) {
		const struct option *found = NULL;

		for (size_t t = 0; t < ARRAY_SIZE(table) && !found; t++) {
			if (str_eq(table[t].name, list->v[i]))
				found = &table[t];
		}
		if (found)
			apply(&o, found);
		if (!found || found->verb == DATA)
			o.data[o.data_count++] = list->v[i];
	}
	*ret_options = o;
}

unsigned long mount_propagation_flags(const char *name)
{
	for (size_t t = 0; t < ARRAY_SIZE(table); t++) {
		if (table[t].verb == PROPAGATION && str_eq(table[t].name, name))
			return table[t].value | (table[t].all ? MS_REC : 0);
	}
	return 0;
}
