/* SPDX-License-Identifier: Apache-2.0 */
/*
 * User namespaces: making one for the calling user, with subordinate ids by the setuid helpers
 * newuidmap(1) and newgidmap(1) or with a single id, keeping it, joining it.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "userns/idmap.h"

struct err;

/*
 * Opens the user namespace of a process (user_namespaces(7)). The caller owns *ret_fd.
 * Needs PTRACE_MODE_READ on it: ptrace(2).
 */
int userns_open(pid_t pid, int *ret_fd, struct err *err);

/* The user namespace that owns namespace ns_fd (NS_GET_USERNS), or its parent (NS_GET_PARENT). */
int userns_of(int ns_fd, int *ret_fd, struct err *err);
int userns_parent(int ns_fd, int *ret_fd, struct err *err);

/* Who made it: the owner's uid (NS_GET_OWNER_UID, ioctl_ns(2)). 0 or a negative errno. */
int userns_owner(int ns_fd, uid_t *ret_uid);

/*
 * Joins a user namespace and becomes its root: setns, then ids 0 and no supplementary group
 * where the namespace allows that. The caller must have no threads. Nothing is changed when it
 * fails at setns.
 */
int userns_join(int ns_fd, struct err *err);

/*
 * Writes both maps of process pid, which has just made its namespace: directly where the
 * caller may (root of the parent namespace, or a single id of its own), else by newuidmap and
 * newgidmap. deny_setgroups must be true for a direct map by an unprivileged caller. -ENOENT
 * with err set when the helpers are needed and missing; -EPERM when they refused.
 */
int userns_write_maps(pid_t pid, const struct idmap_set *maps, bool use_helpers,
		      bool deny_setgroups, struct err *err);

/*
 * Plans the caller's own namespace: root is (uid, gid), then the subordinate ids from 1 on.
 * Both maps hold one id when there are no subordinate ids, no helpers, or fewer than asked;
 * *ret_lost then says in one sentence why (static text; NULL when nothing is lost).
 */
int userns_plan(uid_t uid, gid_t gid, struct idmap_set *ret_maps, const char **ret_lost,
		struct err *err);

/*
 * Forks a process that makes a user namespace with these maps and stays in it for ever, doing
 * nothing: it alone keeps the namespace. Returns its pid and a descriptor of the namespace.
 * It has no descriptor of the caller, its own session, and ends only by a signal.
 */
int userns_spawn_holder(const struct idmap_set *maps, pid_t *ret_pid, int *ret_fd, struct err *err);
