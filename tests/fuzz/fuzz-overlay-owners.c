/* SPDX-License-Identifier: Apache-2.0 */
/* Remembered owners in a layer's attributes: any bytes. What was taken is written and read alike.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuse-overlay/fuse-overlay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const mode_t types[] = { S_IFREG, S_IFDIR };
	char text[FUSE_OVERLAY_OWNER_MAX];

	for (int i = 0; i < 2; i++) {
		const struct stat own = { .st_mode = types[i] | 0600 };
		struct stat st = own;
		struct stat again = own;
		int r = fuse_overlay_owner_parse((const char *)data, size, &st);

		if (r < 0) {
			if (r != -EIO || memcmp(&st, &own, sizeof(st)) != 0)
				abort();
			continue;
		}
		if (S_ISDIR(own.st_mode) != S_ISDIR(st.st_mode))
			abort();
		fuse_overlay_owner(&st, text);
		if (fuse_overlay_owner_parse(text, strlen(text), &again) < 0 ||
		    again.st_uid != st.st_uid || again.st_gid != st.st_gid ||
		    again.st_mode != st.st_mode || again.st_rdev != st.st_rdev)
			abort();
	}
	return 0;
}
