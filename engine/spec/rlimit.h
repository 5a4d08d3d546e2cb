/* SPDX-License-Identifier: Apache-2.0 */
/* Resource limits as --ulimit names them, getrlimit(2). */
#pragma once

#include <stdint.h>

struct spec_rlimit {
	int resource; /* RLIMIT_* */
	uint64_t soft;
	uint64_t hard; /* RLIM_INFINITY: unlimited */
};

/* "nofile=1024[:2048]", "-1" or "unlimited" for no limit. 0 or -EINVAL. */
int spec_rlimit_parse(const char *text, struct spec_rlimit *ret_limit);
