/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.json, containers-policy.json(5): which images may come in. insecureAcceptAnything and
 * reject are honoured per transport and scope; kinds that want signatures are refused by name
 * until engine/trust checks them, so that a policy is never weaker than its author meant.
 */
#pragma once

#include <stddef.h>

struct err;

/*
 * May an image come from this transport ("docker", "oci-archive", "dir", ...) and scope
 * ("DOMAIN/PATH:TAG" for docker, an absolute path for those of folders, "" for none)? Reads the
 * file named, else the user's, else /etc/containers/policy.json; where there is none everything may
 * come. 0, or ERR_UNSUPPORTED/ERR_USAGE naming requirement and scope.
 */
int policy_check(const char *file, const char *transport, const char *scope, struct err *err);

/* The same with the file's bytes. */
int policy_check_bytes(const char *data, size_t size, const char *transport, const char *scope,
		       struct err *err);
