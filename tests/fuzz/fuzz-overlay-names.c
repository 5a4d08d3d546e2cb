/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bryo-overlay without a mount: layers made from the bytes, with names, marks and attributes of all
 * kinds, then requests as the kernel would send them, and its rules kept (a name is looked up
 * before it is used, types fit). What must hold: what is listed is found and nothing else, marks
 * are never shown, what was made or removed is there or not, lower layers stay as they are, and all
 * is the same when it is opened again. On a tmpfs of its own; needs user namespaces, says so and
 * does without.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/str.h"
#include "fuse-overlay/attr.h"
#include "fuse-overlay/change.h"
#include "fuse-overlay/channel.h"
#include "fuse-overlay/copyup.h"
#include "fuse-overlay/listing.h"
#include "fuse-overlay/ops.h"
#include "fuse-overlay/overlay.h"
#include "fuse-overlay/union.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LAYERS = 3, ENTRIES = 14, STEPS = 40, HELD = 4096, DEPTH = 4, TEXT = 1 << 18 };

/* One of a few answers, all others are ours. */
static void expect(int line, const char *what, int r, bool is_right)
{
	if (is_right)
		return;
	fprintf(stderr, "line %d: %s gave %d (%s)\n", line, what, r, strerror(-r));
	abort();
}
#define answers(what, r, ...) expect(__LINE__, what, r, (r) == 0 || __VA_ARGS__)

#define must(x)                                                                                    \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			fprintf(stderr, "line %d: %s\n", __LINE__, #x);                            \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static int top_fd = -1;
static int old_fd = -1; /* the working folder: attributes are asked for from another */

/* ---- Bytes ---- */

struct input {
	const uint8_t *data;
	size_t size;
};

static unsigned draw(struct input *in)
{
	if (in->size == 0)
		return 0;
	in->size--;
	return *in->data++;
}

static char long_names[4][301]; /* 251 characters, which a ".wh." just fits; 252; 255; 300 */

static const char *take_name(struct input *in, char own[16])
{
	static const char *const names[] = { "a",	  "b",
					     "c",	  "d",
					     ".wh.",	  ".wh.a",
					     ".wh.b",	  ".wh..wh..opq",
					     "...",	  ".wh..wh..plnk",
					     ".wh..wh.a", "\xff\n" };
	unsigned b = draw(in);
	size_t n = 0;

	if (b < 128)
		return names[b % 4];
	if (b < 224)
		return names[b % ARRAY_SIZE(names)];
	if (b < 232)
		return long_names[b % 4];
	for (n = 0; n < 1 + b % 12; n++) {
		unsigned c = draw(in);

		own[n] = c == 0 || c == '/' ? 'x' : (char)c;
	}
	own[n] = '\0';
	return strcmp(own, ".") == 0 || strcmp(own, "..") == 0 ? "x" : own;
}

static const char *take_key(struct input *in)
{
	static const char
		*const keys[] = { "user.a",
				  "user.overlay.opaque",
				  "user.overlay.overlay.opaque",
				  "user.overlay.bryo.ino",
				  "user.overlay.origin", /* a redirect is refused: EPERM */
				  "user.overlay.",
				  "user.fuseoverlayfs.opaque",
				  "trusted.overlay.opaque",
				  "security.capability",
				  "system.posix_acl_access",
				  "user.overlay.metacopy",
				  "user.overlay.bryo.opaque",
				  "user.b" /* no remembered owners: override.h */ };

	return keys[draw(in) % ARRAY_SIZE(keys)];
}

/* ---- Layers ---- */

static void make_entry(struct input *in, int dir_fd, int *ret_dir)
{
	char own[16];
	char value[8];
	char path[64];
	const char *name = take_name(in, own);
	unsigned kind = draw(in);
	const char *key = NULL;
	char said = 0;
	int fd = -1;

	/* What cannot be made is left out. */
	switch (kind % 10) {
	case 0:
	case 1:
		(void)mkdirat(dir_fd, name, 0755);
		fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0)
			*ret_dir = fd;
		break;
	case 2:
		(void)mknodat(dir_fd, name, S_IFCHR, makedev(0, 0));
		break;
	case 3:
		(void)symlinkat("a", dir_fd, name);
		break;
	case 4:
		(void)mknodat(dir_fd, name, S_IFIFO | 0644, 0);
		break;
	case 5: /* a mark of the folder itself */
		for (size_t i = 0; i < sizeof(value); i++)
			value[i] = kind & 0x80 ? (char)draw(in) : kind & 0x20 ? 'x' : 'y';
		key = take_key(in);
		/* Whiteouts that are in it already stay such. */
		if (fgetxattr(dir_fd, key, &said, 1) != 1 || said != 'x')
			(void)fsetxattr(dir_fd, key, value, 1 + draw(in) % sizeof(value), 0);
		break;
	case 6: /* a second name */
		(void)linkat(dir_fd, "a", dir_fd, name, 0);
		break;
	case 7: /* a whiteout by attribute; in folders that do not say so it is none */
		if (fgetxattr(dir_fd, "user.overlay.opaque", &said, 1) == 1 && said != 'x')
			break;
		fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
		if (fd >= 0) {
			(void)fsetxattr(dir_fd, "user.overlay.opaque", "x", 1, 0);
			(void)fsetxattr(fd, "user.overlay.whiteout", "y", 1, 0);
		}
		fd_close(&fd);
		break;
	default:
		(void)mknodat(dir_fd, name, S_IFREG | 0644, 0);
		fd = openat(dir_fd, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (fd >= 0 && kind & 0x80)
			(void)!write(fd, path, (size_t)snprintf(path, sizeof(path), "%u", kind));
		for (size_t i = 0; i < sizeof(value); i++)
			value[i] = (char)draw(in);
		if (fd >= 0 && kind & 0x40)
			(void)fsetxattr(fd, take_key(in), value, sizeof(value), 0);
		fd_close(&fd);
	}
}

static void make_layer(struct input *in, const char *name)
{
	int dirs[ENTRIES + 1];
	unsigned count = 1;

	must(mkdirat(top_fd, name, 0755) == 0);
	dirs[0] = openat(top_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(dirs[0] >= 0);
	for (unsigned i = draw(in) % ENTRIES; i > 0; i--) {
		int dir = -1;

		make_entry(in, dirs[draw(in) % count], &dir);
		if (dir >= 0)
			dirs[count++] = dir;
	}
	while (count > 0)
		(void)close(dirs[--count]);
}

/* ---- A union ---- */

struct world {
	struct overlay ov;
	struct node *held[HELD]; /* lookups, as the kernel counts them */
	size_t held_count;
	enum whiteout_kind whiteouts; /* that it makes */
	bool is_fresh;		      /* nothing was asked for yet */
};

static void open_world(struct world *w)
{
	struct err err = ERR_INIT;
	struct options *o = &w->ov.options;

	w->ov = (struct overlay){ .work_fd = -1, .proc_fd = -1 };
	*o = (struct options){ .device_fd = -1, .ready_fd = -1, .timeout = 1 };
	o->upper = xstrdup("/mnt/t/up");
	o->work = xstrdup("/mnt/t/work");
	strv_add(&o->lower, "/mnt/t/l1");
	strv_add(&o->lower, "/mnt/t/l2");
	if (overlay_open(&w->ov, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		abort();
	}
	w->ov.whiteouts = w->whiteouts;
	if (w->whiteouts == WHITEOUT_XATTR) /* the device that they would be links of */
		must(unlinkat(w->ov.work_fd, "whiteout", 0) == 0);
	w->is_fresh = true;
}

static void forget_all(struct world *w)
{
	while (w->held_count > 0)
		node_forget(&w->ov, w->held[--w->held_count], 1);
	must(w->ov.nodes.count == 1); /* the root */
	for (size_t i = 0; i < w->ov.handles.bucket_count; i++)
		for (struct handle *h = w->ov.handles.buckets[i]; h; h = h->hash_next)
			must(h->node == w->ov.nodes.root && h->refs == 0);
}

static void close_world(struct world *w)
{
	forget_all(w);
	overlay_done(&w->ov);
}

static void hold(struct world *w, struct node *node)
{
	must(w->held_count < HELD);
	w->held[w->held_count++] = node;
}

/* A lookup; NULL where nothing is there. */
static struct node *look(struct world *w, struct node *parent, const char *name,
			 struct fuse_entry_param *entry)
{
	int r = entry_find(&w->ov, parent, name, entry);

	answers("lookup", r, r == -ENOENT || (r == -ENAMETOOLONG && strlen(name) > 255));
	if (r < 0)
		return NULL;
	must(!whiteout_name(name));
	must(!(S_ISCHR(entry->attr.st_mode) && entry->attr.st_rdev == 0));
	hold(w, (struct node *)(uintptr_t)entry->ino);
	return (struct node *)(uintptr_t)entry->ino;
}

/* ---- What is seen ---- */

static size_t text_used;
static char text[2][TEXT];

static void say(int which, const char *path, const char *name, const struct stat *st)
{
	int n = snprintf(text[which] + text_used, TEXT - text_used, "%s/%s %o %lld %lu\n", path,
			 name, st->st_mode, S_ISDIR(st->st_mode) ? 0 : (long long)st->st_size,
			 S_ISREG(st->st_mode) ? (unsigned long)st->st_ino : 0);

	must(n > 0 && (size_t)n < TEXT - text_used);
	text_used += (size_t)n;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Listed names in order, and that each is found as listed. */
static void check_folder(struct world *w, struct node *folder, const char *path, int which,
			 unsigned depth)
{
	static const char *const others[] = { "a", "b", "c", "d", ".wh.a", ".wh.", "..." };
	struct listing *listing = NULL;
	const char **names = NULL;
	uint64_t last = 2;
	size_t count = 0;

	must(listing_get(&w->ov, folder, 0, &listing) == 0);
	names = xcalloc(listing->count + 1, sizeof(*names));
	for (size_t i = 0; i < listing->count; i++) {
		const struct listing_entry *e = &listing->entries[i];
		struct fuse_entry_param entry;

		names[count++] = listing->names + e->name;
		must(!whiteout_name(names[i]) && *names[i]);
		must(e->offset > last);
		last = e->offset;
		must(listing_seek(listing, e->offset) == i + 1);
		must(look(w, folder, names[i], &entry));
		must(e->type == IFTODT(entry.attr.st_mode));
		/* A node keeps its number when it is renamed; then a new lookup may give another,
		 * and of symlinks and the like so may one by another link, or beside a mark. */
		must(!w->is_fresh || e->ino == entry.attr.st_ino ||
		     (e->type != DT_REG && e->type != DT_DIR));
	}
	qsort(names, count, sizeof(*names), compare_names);
	for (size_t i = 1; i < count; i++)
		must(strcmp(names[i - 1], names[i]) != 0);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		struct fuse_entry_param entry;
		bool is_listed = false;

		for (size_t k = 0; k < count; k++)
			is_listed = is_listed || strcmp(names[k], others[i]) == 0;
		must(is_listed == (look(w, folder, others[i], &entry) != NULL));
	}
	for (size_t i = 0; i < count; i++) {
		struct fuse_entry_param entry;
		struct node *node = look(w, folder, names[i], &entry);
		auto_free char *below = xasprintf("%s/%s", path, names[i]);

		say(which, path, names[i], &entry.attr);
		if (node_is_folder(node) && depth < 64)
			check_folder(w, node, below, which, depth + 1);
	}
	must(listing_is_empty(&w->ov, folder) == (count ? -ENOTEMPTY : 0));
	listing_put(&w->ov, folder, listing, 1);
	free(names);
}

static void see(struct world *w, int which)
{
	text_used = 0;
	text[which][0] = '\0';
	check_folder(w, w->ov.nodes.root, "", which, 0);
	forget_all(w);
}

/* ---- Requests ---- */

/* FUZZ_SHOW=1: what is asked for, to understand a crash. */
static void show(const char *what, const struct node *folder, const char *name, const char *more,
		 int r)
{
	if (getenv("FUZZ_SHOW"))
		fprintf(stderr, "%s %s in %s %s: %s\n", what, name,
			folder->names ? folder->names->text : "/", more, strerror(-r));
}

static struct node *take_folder(struct world *w, struct input *in)
{
	struct node *at = w->ov.nodes.root;

	for (unsigned depth = draw(in) % DEPTH; depth > 0; depth--) {
		char own[16];
		struct fuse_entry_param entry;
		struct node *next = look(w, at, take_name(in, own), &entry);

		if (!next || !node_is_folder(next))
			break;
		at = next;
	}
	return at;
}

static bool is_above(const struct node *folder, const struct node *below)
{
	while (below && below != folder)
		below = below->names ? below->names->parent : NULL;
	return below == folder;
}

static void step_make(struct world *w, struct node *parent, const char *name, unsigned kind)
{
	static const mode_t modes[] = { S_IFREG | 0644, S_IFDIR | 0755, S_IFLNK | 0777,
					S_IFIFO | 0600, S_IFCHR | 0600, S_IFDIR | 02755 };
	struct make_args args = { .mode = modes[kind % ARRAY_SIZE(modes)], .target = "to" };
	struct found found;
	struct fuse_entry_param entry;
	int r = 0;

	if (look(w, parent, name, &entry))
		return; /* the kernel says EEXIST */
	r = make_name(&w->ov, parent, name, &args, &found);
	show("make", parent, name, S_ISDIR(args.mode) ? "a folder" : "", r);
	answers("make", r, r == -EINVAL || r == -EPERM || r == -ENAMETOOLONG);
	if (r < 0) {
		must(whiteout_name(name) || S_ISCHR(args.mode) || strlen(name) > 255);
		return;
	}
	must(!whiteout_name(name) && !S_ISCHR(args.mode));
	found_done(&found);
	must(look(w, parent, name, &entry));
	must(((entry.attr.st_mode ^ args.mode) & S_IFMT) == 0);
	if (S_ISDIR(args.mode))
		must(listing_is_empty(&w->ov, (struct node *)(uintptr_t)entry.ino) == 0);
}

static void step_remove(struct world *w, struct node *parent, const char *name)
{
	struct fuse_entry_param entry;
	struct node *node = look(w, parent, name, &entry);
	bool is_empty = false;
	int r = 0;

	if (!node)
		return;
	is_empty = node_is_folder(node) && listing_is_empty(&w->ov, node) == 0;
	r = node_is_folder(node) ? remove_folder(&w->ov, parent, name)
				 : remove_file(&w->ov, parent, name);
	show("remove", parent, name, "", r);
	answers("remove", r,
		(r == -ENOTEMPTY && !is_empty) ||
			(r == -ENAMETOOLONG && w->ov.whiteouts == WHITEOUT_MARK &&
			 strlen(name) > 251));
	must((look(w, parent, name, &entry) == NULL) == (r == 0));
}

static void step_rename(struct world *w, struct node *parent, const char *name,
			struct node *new_parent, const char *new_name, unsigned kind)
{
	static const unsigned all[] = { 0, RENAME_NOREPLACE, RENAME_EXCHANGE, 0 };
	unsigned flags = all[kind % ARRAY_SIZE(all)];
	struct fuse_entry_param entry;
	struct node *from = look(w, parent, name, &entry);
	struct node *to = look(w, new_parent, new_name, &entry);
	int r = 0;

	/* The kernel's own answers. */
	if (!from || (flags == RENAME_NOREPLACE && to) || (flags == RENAME_EXCHANGE && !to) ||
	    from == to || (node_is_folder(from) && is_above(from, new_parent)) ||
	    (to && node_is_folder(to) && is_above(to, parent)) ||
	    (to && flags != RENAME_EXCHANGE && node_is_folder(from) != node_is_folder(to)))
		return;
	r = rename_name(&w->ov, parent, name, new_parent, new_name, flags);
	show("rename", parent, name, "", r);
	show("to", new_parent, new_name, flags & RENAME_EXCHANGE ? "exchanged" : "", r);
	answers("rename", r, r == -EXDEV || r == -ENOTEMPTY || r == -EINVAL || r == -ENAMETOOLONG);
	if (r == -EINVAL)
		must(whiteout_name(new_name));
	if (r < 0) {
		/* It failed, and all is as before. */
		expect(__LINE__, "rename", r, look(w, parent, name, &entry) == from);
		must(look(w, new_parent, new_name, &entry) == to);
		return;
	}
	must(!whiteout_name(new_name));
	must(look(w, new_parent, new_name, &entry) == from);
	must(look(w, parent, name, &entry) == (flags == RENAME_EXCHANGE ? to : NULL));
}

static void step_link(struct world *w, struct node *node, struct node *parent, const char *name)
{
	struct fuse_entry_param entry;
	int r = 0;

	if (!node || node_is_folder(node) || look(w, parent, name, &entry))
		return;
	r = link_name(&w->ov, node, parent, name);
	show("link", parent, name, "", r);
	answers("link", r,
		(r == -EINVAL && whiteout_name(name)) ||
			(r == -ENAMETOOLONG && strlen(name) > 255));
	must(look(w, parent, name, &entry) == (r == 0 ? node : NULL));
}

/* A request's body, in memory of exactly its size. */
static void step_setxattr(struct world *w, struct node *node, struct input *in)
{
	const char *key = take_key(in);
	struct fuse_setxattr_in args = { .size = 1 + draw(in) % 8, .flags = draw(in) % 3 };
	size_t size = FUSE_COMPAT_SETXATTR_IN_SIZE + strlen(key) + 1 + args.size;
	auto_free char *body = xmalloc(size);
	struct setxattr set;

	memcpy(body, &args, FUSE_COMPAT_SETXATTR_IN_SIZE);
	memcpy(body + FUSE_COMPAT_SETXATTR_IN_SIZE, key, strlen(key) + 1);
	memset(body + size - args.size, 'y', args.size);
	must(channel_parse_setxattr(body, size, &set) == 0);
	must(strcmp(set.key, key) == 0 && set.size == args.size);
	show("setxattr", node, set.key, "",
	     op_setxattr(&w->ov, node, set.key, set.value, set.size, set.flags));
}

static void step(struct world *w, struct input *in)
{
	char own[2][16];
	unsigned what = draw(in);
	struct node *folder = take_folder(w, in);
	const char *name = take_name(in, own[0]);
	struct fuse_entry_param entry;
	struct node *node = look(w, folder, name, &entry);
	struct node *other = NULL;
	mode_t mode = 0700;
	off_t size = 5;

	switch (what % 9) {
	case 0:
	case 1:
		step_make(w, folder, name, what / 9);
		break;
	case 2:
		step_remove(w, folder, name);
		break;
	case 3:
	case 4:
		other = take_folder(w, in);
		step_rename(w, folder, name, other, take_name(in, own[1]), what / 9);
		break;
	case 5:
		other = take_folder(w, in);
		step_link(w, node, other, take_name(in, own[1]));
		break;
	case 6:
		step_setxattr(w, node ? node : folder, in);
		break;
	case 7:
		must(node_copy_up(&w->ov, node ? node : folder, COPY_ALL) == 0);
		break;
	default:
		if (!node || node->type == S_IFLNK >> 12)
			break;
		must(attr_set(&w->ov, node,
			      &(struct attr_change){
				      .mode = &mode,
				      .size = node->type == S_IFREG >> 12 ? &size : NULL }) == 0);
	}
	if (what & 0x80)
		forget_all(w);
}

/* ---- Bytes alone ---- */

static void parse(const uint8_t *data, size_t size)
{
	auto_free char *body = xmalloc(size + 1);
	auto_free char *list = xmalloc(size + 1);
	char stored[KEY_MAX + 1];
	struct setxattr set;
	size_t shown = 0;

	if (size && channel_parse_setxattr(memcpy(body, data, size), size, &set) == 0) {
		must(set.key >= body && set.value > set.key);
		must(set.value + set.size <= body + size);
		if (xattr_key_stored(set.key, stored) == 0)
			must(!is_overlay_xattr(stored) || str_starts(stored, "trusted.") ||
			     str_starts(stored, "user.fuseoverlayfs.") ||
			     str_starts(stored, "user.overlay.overlay."));
	}
	/* Names in a list are at most 255 characters long: the kernel's promise. */
	memcpy(list, data, size);
	list[size] = '\0';
	for (size_t i = 0, n = 0; i < size; i++) {
		n = list[i] ? n + 1 : 0;
		if (n > KEY_MAX)
			list[i] = '\0', n = 0;
	}
	shown = xattr_list_shown(&(const struct overlay){ 0 }, list, size + 1);
	must(shown <= size + 1);
	for (size_t at = 0; at < shown; at += strlen(list + at) + 1) {
		must(memchr(list + at, '\0', shown - at));
		must(!str_starts(list + at, "trusted.overlay."));
		must(!str_starts(list + at, "user.fuseoverlayfs."));
		must(xattr_key_stored(list + at, stored) == 0);
	}
}

/* ---- libFuzzer ---- */

static void map_self(const char *file, unsigned int id)
{
	char line[64];

	(void)snprintf(line, sizeof(line), "0 %u 1", id);
	if (file_poke_at(AT_FDCWD, file, line) < 0)
		exit(1);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	unsigned int uid = geteuid();
	unsigned int gid = getegid();

	(void)argc;
	(void)argv;
	for (size_t i = 0; i < ARRAY_SIZE(long_names); i++)
		memset(long_names[i], 'l', (size_t[]){ 251, 252, 255, 300 }[i]);
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) {
		fprintf(stderr, "fuzz-overlay-names: no user namespaces, only parsers are tried\n");
		return 0;
	}
	(void)file_poke_at(AT_FDCWD, "/proc/self/setgroups", "deny");
	map_self("/proc/self/uid_map", uid);
	map_self("/proc/self/gid_map", gid);
	old_fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mount("tmpfs", "/mnt", "tmpfs", 0, "size=64m,nr_inodes=20000") < 0)
		return 0;
	top_fd = open("/mnt", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return 0;
}

static void drive(struct input *in)
{
	static struct world w;
	uint64_t bytes[2] = { 0, 0 };
	uint64_t entries[2] = { 0, 0 };
	unsigned flags = draw(in);

	make_layer(in, "t/l1");
	make_layer(in, "t/l2");
	make_layer(in, "t/up");
	must(mkdirat(top_fd, "t/work", 0700) == 0);
	w.whiteouts = flags & 1 ? WHITEOUT_MARK : flags & 2 ? WHITEOUT_XATTR : WHITEOUT_DEVICE;
	must(file_tree_usage(top_fd, "t/l1", &bytes[0], &entries[0]) == 0);
	open_world(&w);
	see(&w, 0);
	w.is_fresh = false;
	for (unsigned i = 0; i < STEPS && in->size > 0; i++)
		step(&w, in);
	see(&w, 0);
	close_world(&w);
	open_world(&w);
	see(&w, 1);
	close_world(&w);
	if (strcmp(text[0], text[1]) != 0) {
		fprintf(stderr, "before:\n%s\nopened again:\n%s\n", text[0], text[1]);
		abort();
	}
	must(file_tree_usage(top_fd, "t/l1", &bytes[1], &entries[1]) == 0);
	must(bytes[0] == bytes[1] && entries[0] == entries[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };

	parse(data, size);
	if (top_fd < 0)
		return 0;
	must(mkdirat(top_fd, "t", 0755) == 0);
	drive(&in);
	must(file_remove_tree(top_fd, "t") == 0);
	must(fchdir(old_fd) == 0);
	return 0;
}
