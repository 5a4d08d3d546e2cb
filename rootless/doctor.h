/* SPDX-License-Identifier: Apache-2.0 */
/* The launcher's findings for `bryo doctor`. */
#pragma once

#include "engine/base/finding.h"

struct rootless_options;

/*
 * The launcher's part: folders, user namespace, subordinate ids and their helpers, devices.
 * Works where nothing else does; makes nothing that stays.
 */
void rootless_doctor(const struct rootless_options *options, json_t *findings);
