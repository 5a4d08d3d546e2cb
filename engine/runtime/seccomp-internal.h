/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of seccomp share. */
#pragma once

#include "engine/runtime/seccomp.h"

/* seccomp_compile() as libseccomp makes it. */
int seccomp_translate(const struct oci_seccomp *profile, struct seccomp_filter *ret_filter,
		      struct err *err);

/*
 * Makes a compiled filter shorter without changing what it decides: seccomp-index.c. 0, or
 * -ENOTSUP for a program of a shape that it does not know; the filter is as it was then.
 */
int seccomp_index(struct seccomp_filter *filter);
