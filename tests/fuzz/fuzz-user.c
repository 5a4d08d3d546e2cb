/* SPDX-License-Identifier: Apache-2.0 */
/* passwd and group of an image, and who is asked for: three parts of any bytes, split at NULs. */
#include <stdint.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/str.h"
#include "engine/spec/user.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *who = xstrndup((const char *)data, size);
	size_t first = strlen(who) < size ? strlen(who) + 1 : size;
	auto_free char *passwd = xstrndup((const char *)data + first, size - first);
	size_t second = first + strlen(passwd) < size ? first + strlen(passwd) + 1 : size;
	auto_free char *group = xstrndup((const char *)data + second, size - second);
	struct spec_user user auto_done(spec_user) = SPEC_USER_INIT;
	struct strv groups auto_done(strv) = STRV_INIT;

	strv_add(&groups, "staff");
	strv_add(&groups, "7");
	if (spec_user_resolve(who, &groups, passwd, group, &user, NULL) == 0 && user.home[0] != '/')
		__builtin_trap(); /* what HOME becomes */
	return 0;
}
