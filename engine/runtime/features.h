/* SPDX-License-Identifier: Apache-2.0 */
/* What this runtime understands, as the runtime-spec's features.md has it. */
#pragma once

#include <jansson.h>

/* The whole structure; the caller owns it. */
json_t *features_json(void);
