/* SPDX-License-Identifier: Apache-2.0 */
/* What the translation's files share. */
#pragma once

#include "engine/spec/oci.h"

/* oci-mounts.c: /proc, /dev and the like, the engine's files, the spec's own mounts, hidden paths.
 */
int spec_oci_mounts(const struct container_spec *spec, const struct spec_moment *moment,
		    struct oci_spec *oci, struct err *err);
/* oci-devices.c: --device and --privileged. */
int spec_oci_devices(const struct container_spec *spec, const struct spec_moment *moment,
		     struct oci_spec *oci, struct err *err);

/* Appends a mount; options end with NULL. */
struct oci_mount *spec_oci_add_mount(struct oci_spec *oci, const char *type, const char *source,
				     const char *destination, const char *const *options);
