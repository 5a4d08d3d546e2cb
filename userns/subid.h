/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Subordinate ids: which ranges of ids the administrator gave to a user, subuid(5) and
 * subgid(5). Where /etc/nsswitch.conf names another source ("subid: sss"), getsubids(1), the
 * front end of libsubid, is asked instead of the files: libsubid loads its plug-ins with
 * dlopen, which a command that starts containers in milliseconds must not carry.
 */
#pragma once

#include <sys/types.h>

#include "userns/idmap.h"

struct err;

enum subid_kind { SUBID_UID, SUBID_GID };

/*
 * Reads the ranges of user (name, may be NULL, and number). Only `outside` and `count` of
 * ret_ranges are set; an empty result is no error. 0 or a negative errno with err set.
 */
int subid_read(enum subid_kind kind, const char *name, uid_t uid, struct idmap *ret_ranges,
	       struct err *err);

/* The same from the text of such a file; lines that are no entries are passed over, as shadow does.
 */
void subid_parse(const char *text, const char *name, uid_t uid, struct idmap *ret_ranges);
