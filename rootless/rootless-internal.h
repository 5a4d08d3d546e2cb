/* SPDX-License-Identifier: Apache-2.0 */
/* What the launcher's own files share. */
#pragma once

#include "rootless/rootless.h"

/* Default folders: paths.c. Strings are the caller's; 0 or a negative errno with err set. */
int paths_data_root(enum rootless_mode mode, uid_t uid, char **ret_path, struct err *err);
int paths_run_root(enum rootless_mode mode, uid_t uid, const char *data_root, char **ret_path,
		   struct err *err);
/* Makes a folder of ours, or checks that the one that is there is ours alone. */
int paths_claim(const char *path, uid_t owner, struct err *err);

/* Joins the namespace that the recorded holder keeps, or makes both: holder.c. */
int holder_join(struct rootless *rootless, struct err *err);
