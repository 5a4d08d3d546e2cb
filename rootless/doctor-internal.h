/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the launcher's doctor share. */
#pragma once

#include "rootless/doctor.h"

/* doctor-net.c: the ways that a container's bytes can take here, ping, low ports. */
void doctor_look_at_network(json_t *findings);
