/* SPDX-License-Identifier: Apache-2.0 */
/* auth.json and policy.json: any bytes. */
#include <stdint.h>

#include "engine/base/alloc.h"
#include "engine/config/auth.h"
#include "engine/config/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct auth auth auto_done(auth) = AUTH_INIT;
	auto_free char *helper = NULL;

	/* must only not crash */
	(void)auth_find((const char *)data, size, "fuzz", "quay.io/team/x", &auth, &helper, NULL);
	(void)policy_check_bytes((const char *)data, size, "docker", "quay.io/team/x:1", NULL);
	return 0;
}
