/* SPDX-License-Identifier: Apache-2.0 */
/* Security module labels of the program to be executed, and procfs as we trust it. */
#pragma once

#include <stddef.h>

struct err;
struct process_plan;

/* SELinux label and AppArmor profile for the next exec of this thread. */
int label_apply(const struct process_plan *plan, struct err *err);

/* Opens the caller's /proc and checks that it is procfs itself, nothing mounted over it. */
int proc_open(int *ret_fd);

/*
 * Writes text to a file beneath proc_fd, crossing no mount and no magic link: what looks like
 * a file of procfs is one (CVE-2025-52881). 0 or a negative errno.
 */
int proc_write(int proc_fd, const char *path, const char *text);
