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
 * Two steps around the change of ids. The first drops what is not in the bounding set and asks
 * to keep the permitted set over setresuid; the second sets the other four and drops the
 * request. Both keep the sets within what the process has (a container may not gain), and
 * the second checks that the result is what was asked. 0 or a negative errno.
 */
int caps_apply_bounding(const struct oci_caps *caps);
int caps_apply(const struct oci_caps *caps);
