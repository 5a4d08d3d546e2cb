/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The launcher: the only place that asks "am I root?". It asks once, at start, and turns the
 * answer into plain settings; whatever runs below believes that it is root of the namespace
 * it stands in.
 *
 *   rootless_init()   who calls, where data and run folders are; makes and checks them
 *   rootless_enter()  joins the caller's user namespace, which a holder process keeps; makes
 *                     holder and namespace when there is none. Real root: does nothing.
 *
 * Single-threaded callers only, once per process, in this order.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "userns/idmap.h"

struct err;

enum rootless_mode {
	ROOTLESS_PRIVILEGED, /* real root of the first namespace: the three layers are skipped */
	ROOTLESS_USER,	     /* an unprivileged user, before or after rootless_enter() */
	ROOTLESS_INSIDE,     /* root of a user namespace already (bryo unshare, a container) */
};

struct rootless_options {
	const char *data_root; /* --root, NULL: the default */
	const char *run_root;  /* --runroot, NULL: the default */
	/*
	 * Finds the user namespace of a container that still runs, for when the holder was
	 * killed: 0 with *ret_fd (the caller's), or -ENOENT. May be NULL.
	 */
	int (*find_namespace)(const char *data_root, int *ret_fd);
};

struct rootless {
	enum rootless_mode mode;
	uid_t uid; /* the caller's ids outside */
	gid_t gid;
	char *data_root;
	char *run_root;
	struct idmap_set maps; /* of the namespace that rootless_enter() joined */
	bool one_id;	       /* it maps a single id */
	bool made_holder;      /* by this command: the moment to tell what is lost */
	char *lost;	       /* one sentence why there is only one id; NULL: nothing is lost */
	int (*find_namespace)(const char *data_root, int *ret_fd);
};
#define ROOTLESS_INIT ((struct rootless){ 0 })

int rootless_init(const struct rootless_options *options, struct rootless *ret, struct err *err);
int rootless_enter(struct rootless *rootless, struct err *err);
void rootless_done(struct rootless *rootless);
