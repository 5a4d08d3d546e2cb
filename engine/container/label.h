/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SELinux labels of a container: which it gets when it is made, and what z and Z do to a mount's
 * files when it starts. Does nothing where SELinux is not enabled. Semantics are those of
 * github.com/opencontainers/selinux, which Podman uses: the policy's own file lxc_contexts
 * names the types (selinux_lxc_contexts_path(3)), two random categories keep containers apart.
 */
#pragma once

#include "engine/container/container.h"

/* Is SELinux there and has a policy? selinuxfs is mounted then (is_selinux_enabled(3)). */
bool label_enabled(void);

/*
 * Chooses spec->selinux_label and spec->mount_label from spec->label_opts. The pair of categories
 * is claimed among the names of containers, so no two living ones have the same; the claim ends
 * with the container. 0, or ERR_USAGE where the policy does not know the label that was asked for.
 */
int label_choose(struct engine *engine, struct container_spec *spec, struct err *err);

/*
 * z, Z: gives the files at path, and all below, the container's mount label; with z without its
 * categories, so that all containers can use them. A volume that no container has used yet gets
 * the label as with z; other kinds of mounts have no files of the host. Folders that the system or
 * the whole home needs are refused, as Podman does. Follows no symlink. A file system without
 * labels is left.
 */
int label_mount(const struct container_spec *spec, const struct spec_mount *mount, const char *path,
		struct err *err);

/* Gives one open file the container's mount label, if it has one: 0 or a negative errno. */
int label_file(const struct container_spec *spec, int fd);

/*
 * A pipe for a standard stream of a container's process (fd_pipe()). It carries the container's
 * mount label: one that has the caller's, the kernel would replace by a null device at the exec,
 * without a word (security/selinux/hooks.c, flush_unauthorized_files()).
 */
int label_pipe(const struct container *container, int ret_read_write[2]);

/* The parts, for unit tests. */
struct label_context {
	char *user, *role, *type, *level; /* level NULL: a policy without levels */
};
void label_context_done(struct label_context *context);
#define LABEL_CONTEXT_INIT ((struct label_context){ 0 })
/* "user:role:type[:level]"; -EINVAL for anything else. */
int label_context_parse(const char *text, struct label_context *ret_context);
char *label_context_text(const struct label_context *context); /* the caller's */
/* The value of a line `key = "value"`, or NULL; the caller's. */
char *label_setting(const char *text, const char *key);
