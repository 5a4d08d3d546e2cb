/* SPDX-License-Identifier: Apache-2.0 */
/* Files of control groups and of /proc that name them, with any content. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cgroup/cgroup-internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	char path[CGROUP_PATH_MAX];
	uint64_t a = 0;
	uint64_t b = 0;

	if (!text)
		return 0;
	if (cgroup_parse_own(text, path) == 0 && path[0] != '/')
		abort();
	if (cgroup_parse_own_v1(text, "memory", path) == 0 && path[0] != '/')
		abort();
	(void)cgroup_parse_mountinfo(text, path, 16);
	(void)cgroup_parse_controllers(text);
	(void)cgroup_parse_value(text, &a);
	(void)cgroup_parse_flat(text, "oom_kill", &a);
	cgroup_parse_io_stat(text, &a, &b);
	cgroup_parse_blkio(text, &a, &b);
	free(text);
	return 0;
}
