/* SPDX-License-Identifier: Apache-2.0 */
/* What create, run and exec share: bundles, pid files, sockets, cgroups, waiting. */
#pragma once

#include <sys/types.h>

#include "engine/cgroup/cgroup.h"
#include "engine/runtime/oci.h"

struct err;
struct runtime_container;

/* Opens the bundle and reads its config (config.json unless another is named). */
int bundle_open(const char *path, const char *config, char **ret_path, int *ret_fd,
		struct oci_spec *ret_spec, struct err *err);

/* Maps for a user namespace without any, for a caller who is not root: its subordinate ids. */
int bundle_default_maps(struct oci_spec *spec, struct err *err);

/* Resources that this host cannot keep are told on standard error, one line each. */
int bundle_cgroup(const struct oci_spec *spec, const char *id, struct cgroup *ret_cgroup,
		  struct err *err);

int bundle_write_pid(const char *path, pid_t pid, struct err *err);
int bundle_connect(const char *path, int *ret_fd, struct err *err);

/*
 * Descriptors 3.. that the program gets: --preserve-fds and those of socket activation
 * (LISTEN_FDS, sd_listen_fds(3)), which env is told. The caller owns the list.
 */
int *bundle_pass_fds(unsigned int preserve, struct oci_process *process, size_t *ret_count);

/*
 * Stays in front of the process until it ends: forwards signals, and the terminal where there is
 * one (process->console_fd). Returns its exit status.
 */
int bundle_wait(struct runtime_container *process, struct err *err);
