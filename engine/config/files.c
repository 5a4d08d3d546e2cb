/* SPDX-License-Identifier: Apache-2.0 */
/* Where configuration lies: see files-internal.h. Reads only what an administrator or the user
 * wrote. */
#include "engine/config/files-internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/file.h"
#include "engine/base/path.h"
#include "engine/config/toml.h"

char *config_user_path(const char *name)
{
	const char *config = getenv("XDG_CONFIG_HOME");
	const char *home = getenv("HOME");

	if (!str_empty(config) && *config == '/')
		return path_join(config, name);
	if (str_empty(home))
		return NULL;
	return xasprintf("%s/.config/%s", home, name);
}

void config_add_drop_ins(const char *dir, struct strv *paths)
{
	struct strv found auto_done(strv) = STRV_INIT;
	DIR *d = opendir(dir);
	struct dirent *e = NULL;

	if (!d)
		return;
	while ((e = readdir(d)))
		if (str_ends(e->d_name, ".conf"))
			strv_addf(&found, "%s/%s", dir, e->d_name);
	(void)closedir(d); /* reading only */
	strv_sort(&found);
	strv_add_all(paths, &found);
}

int config_read_toml(const char *path, json_t **ret_json, struct err *err)
{
	auto_free char *data = NULL;
	size_t size = 0;
	int r = file_read_at(AT_FDCWD, path, TOML_SIZE_MAX, &data, &size);

	if (r == -ENOENT)
		return r;
	if (r < 0)
		return err_set(err, r, "cannot read %s", path);
	return toml_parse(data, size, path, ret_json, err);
}
