/* SPDX-License-Identifier: Apache-2.0 */
/* Images from files: shared by load and pull. */
#pragma once

struct err;
struct platform;
struct session;
struct strv;

/*
 * `pull TRANSPORT:PATH[:NAME]` for docker-archive, oci-archive, oci and dir: adds the ids.
 * -ENOENT without err being set: the name begins with no transport. Others of Podman's are
 * refused by name.
 */
int load_by_transport(struct session *session, const char *text, const struct platform *platform,
		      struct strv *ret_ids, struct err *err);
