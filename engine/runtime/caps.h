/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities (capabilities(7)): names, masks, and putting a process under its five sets. */
#pragma once

#include <stdint.h>

#include "engine/runtime/oci.h"

struct err;

#define CAPS_BIT(n) (UINT64_C(1) << (n))

/* "CAP_CHOWN", "cap_chown" and "CHOWN" give the number; unknown ones -EINVAL. */
int caps_from_name(const char *name, unsigned int *ret_cap);
/* "CAP_CHOWN"; NULL beyond those that this build knows. */
const char *caps_name(unsigned int cap);
/* All capabilities that this build knows by name. */
uint64_t caps_known(void);
/* All that the running kernel has (/proc/sys/kernel/cap_last_cap), among the known. */
uint64_t caps_kernel(void);

/*
 * Putting a process under its five sets takes three steps, so that the seccomp filter can be
 * installed by CAP_SYS_ADMIN between the last two and has to let through capset alone.
 *
 *   caps_apply_bounding()  before the change of ids: drops what is not in the bounding set,
 *                          and asks to keep the permitted set over setresuid
 *   caps_apply_ambient()   after it: inheritable and ambient sets
 *   caps_apply()           effective, permitted and inheritable, in one call; nothing can be
 *                          gained back after it
 *
 * All keep within what the process has: a container never gains. 0 or a negative errno.
 */
int caps_apply_bounding(const struct oci_caps *caps);
int caps_apply_ambient(const struct oci_caps *caps);
int caps_apply(const struct oci_caps *caps);
