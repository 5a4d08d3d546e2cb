/* SPDX-License-Identifier: Apache-2.0 */
/* Labelling files for a container: see label.h. Runs in the keeper, by descriptors. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/log.h"
#include "engine/base/str.h"
#include "engine/base/tree.h"
#include "engine/container/label.h"

#define XATTR "security.selinux"

/* opencontainers/selinux, Chcon(): a container's label on these would lock the host out. */
static const char *const protected[] = {
	"/",	       "/bin",	"/boot",    "/dev",	"/etc",	  "/etc/passwd", "/etc/pki",
	"/etc/shadow", "/home", "/lib",	    "/lib64",	"/media", "/opt",	 "/proc",
	"/root",       "/run",	"/sbin",    "/srv",	"/sys",	  "/system",	 "/tmp",
	"/usr",	       "/var",	"/var/lib", "/var/log",
};

/* Also of what cannot be opened for reading or writing, such as a symlink or a socket (O_PATH). */
static int set_label(int fd, const char *label)
{
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return setxattr(path, XATTR, label, strlen(label) + 1, 0) < 0 ? -errno : 0;
}

static int label_one(int fd, void *data)
{
	return set_label(fd, data);
}

/* The path that the kernel has for it: no symlink hides what it is. */
static bool is_protected(int fd)
{
	char link[32];
	char path[PATH_MAX];
	const char *home = getenv("HOME");
	ssize_t n = 0;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return true;
	path[n] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(protected); i++)
		if (str_eq(path, protected[i]))
			return true;
	return home && str_eq(path, home);
}

/* Has nobody given these files a container's label yet? */
static bool is_new(const char *path, const struct label_context *wanted)
{
	struct label_context context auto_done(label_context) = LABEL_CONTEXT_INIT;
	char text[512];
	ssize_t n = getxattr(path, XATTR, text, sizeof(text) - 1);

	if (n < 0)
		return false; /* a file system without labels */
	text[n] = '\0';
	return label_context_parse(text, &context) == 0 && !str_eq(context.type, wanted->type);
}

static int label_path(const char *path, char *label, struct err *err)
{
	auto_close int fd = open(path, O_PATH | O_CLOEXEC);
	auto_close int folder = -1;
	int r = 0;

	if (fd < 0)
		return err_set(err, -errno, "cannot relabel %s", path);
	if (is_protected(fd))
		return err_say(err, ERR_USAGE, "SELinux relabeling of %s is not allowed", path);
	folder = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder >= 0)
		r = tree_walk(folder, label_one, label);
	else
		r = errno == ENOTDIR ? set_label(fd, label) : -errno;
	return r < 0 && r != -ENOTSUP ? err_set(err, r, "cannot relabel %s to %s", path, label) : 0;
}

int label_mount(const struct container_spec *spec, const struct spec_mount *mount, const char *path,
		struct err *err)
{
	struct label_context context auto_done(label_context) = LABEL_CONTEXT_INIT;
	bool asked = mount->relabel_shared || mount->relabel_private;
	auto_free char *label = NULL;

	/* An image's name or no source at all would be taken for a path. */
	if (mount->kind != SPEC_MOUNT_VOLUME && (mount->kind != SPEC_MOUNT_BIND || !asked))
		return 0;
	if (str_empty(spec->mount_label) || !label_enabled())
		return 0;
	if (label_context_parse(spec->mount_label, &context) < 0)
		return err_say(err, ERR_FAILED, "the label %s in the container's record is broken",
			       spec->mount_label);
	if (!mount->relabel_private && context.level) {
		free(context.level);
		context.level = xstrdup("s0");
	}
	if (!asked && !is_new(path, &context))
		return 0;
	label = label_context_text(&context);
	return label_path(path, label, err);
}

int label_file(const struct container_spec *spec, int fd)
{
	int r = 0;

	if (str_empty(spec->mount_label) || !label_enabled())
		return 0;
	r = set_label(fd, spec->mount_label);
	return r == -ENOTSUP ? 0 : r;
}

/* A pipe with a name for as long as it takes to label it, for such have labels that may change. */
static int labelled_fifo(const struct container *c, int ret_read_write[2])
{
	auto_free char *name = NULL;
	char random[17];
	auto_close int reader = -1;
	auto_close int writer = -1;
	int r = 0;

	str_random_hex(random, sizeof(random) - 1);
	name = xasprintf(".fifo-%s", random);
	if (mkfifoat(c->fd, name, 0600) < 0)
		return -errno;
	reader = openat(c->fd, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (reader < 0)
		r = -errno;
	if (r == 0)
		r = set_label(reader, c->spec.mount_label);
	if (r == 0)
		writer = openat(c->fd, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	if (r == 0 && writer < 0)
		r = -errno;
	(void)unlinkat(c->fd, name, 0);
	if (r == 0)
		r = fd_set_nonblock(reader, false);
	if (r < 0)
		return r;
	ret_read_write[0] = fd_take(&reader);
	ret_read_write[1] = fd_take(&writer);
	return 0;
}

int label_pipe(const struct container *c, int ret_read_write[2])
{
	int r = 0;

	if (str_empty(c->spec.mount_label) || !label_enabled())
		return fd_pipe(ret_read_write);
	r = labelled_fifo(c, ret_read_write);
	if (r == 0)
		return 0;
	/* A policy that forbids us this may allow the container a pipe as it is. */
	log_debug("cannot label a pipe: %s", strerror(-r));
	return fd_pipe(ret_read_write);
}
