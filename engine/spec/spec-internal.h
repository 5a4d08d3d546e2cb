/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of engine/spec share. */
#pragma once

#include "engine/spec/spec.h"

/* mounts.c: -v, --mount, --tmpfs and the image's volumes into spec->mounts. */
int spec_build_mounts(const struct request *request, const struct spec_host *host,
		      struct container_spec *spec, struct err *err);
/* security.c: capabilities, --security-opt, --privileged, devices. */
int spec_build_security(const struct request *request, const struct spec_host *host,
			struct container_spec *spec, struct err *err);
/* namespaces.c: --pid, --ipc, --uts, --cgroupns, --userns, --network and the ports. */
int spec_build_namespaces(const struct request *request, const struct spec_host *host,
			  struct container_spec *spec, struct err *err);
/* resources.c: limits, ulimits, sysctls. */
int spec_build_resources(const struct request *request, struct container_spec *spec,
			 struct err *err);
/* process.c: command, environment, labels, signals, restart. */
int spec_build_process(const struct request *request, const struct spec_host *host,
		       struct container_spec *spec, struct err *err);

void spec_mount_done(struct spec_mount *mount);
/* Appends a mount for destination, which must be free; the result stays the spec's. */
struct spec_mount *spec_mount_add(struct container_spec *spec, enum spec_mount_kind kind,
				  const char *source, const char *destination);
struct spec_mount *spec_mount_find(const struct container_spec *spec, const char *destination);
