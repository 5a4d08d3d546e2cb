/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seccomp profiles as files, in the form that --security-opt seccomp=FILE takes: containers-
 * common's and Docker's, a superset of the OCI one, whose rules hold only under conditions.
 */
#pragma once

#include "engine/runtime/oci.h"

struct err;

/*
 * Reads such a profile, or a plain OCI one, for a container with these capabilities (mask) on
 * this machine: rules are kept or dropped by their includes/excludes (caps, arches, minKernel),
 * archMap becomes the list of architectures. 0, or ERR_USAGE naming what is wrong. The caller
 * owns the result (oci_seccomp_done).
 */
int seccomp_profile_parse(const json_t *json, uint64_t caps, struct oci_seccomp *ret_profile,
			  struct err *err);
