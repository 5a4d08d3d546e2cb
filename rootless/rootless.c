/* SPDX-License-Identifier: Apache-2.0 */
/* The launcher's two steps: see rootless.h. Runs in every command, first of all. */
#include "rootless/rootless.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/path.h"
#include "rootless/rootless-internal.h"

/* The one question. In the first user namespace the map covers every id there is. */
static enum rootless_mode find_mode(struct rootless *rootless)
{
	rootless->uid = geteuid();
	rootless->gid = getegid();
	if (rootless->uid != 0)
		return ROOTLESS_USER;
	if (idmap_read(0, "uid_map", &rootless->maps.uid) < 0 ||
	    idmap_read(0, "gid_map", &rootless->maps.gid) < 0)
		return ROOTLESS_INSIDE;
	if (idmap_size(&rootless->maps.uid) >= UINT32_MAX - 1)
		return ROOTLESS_PRIVILEGED;
	rootless->uid = idmap_to_outside(&rootless->maps.uid, 0);
	rootless->gid = idmap_to_outside(&rootless->maps.gid, 0);
	rootless->one_id = idmap_size(&rootless->maps.uid) == 1;
	return ROOTLESS_INSIDE;
}

static int absolute(const char *path, const char *flag, char **ret_path, struct err *err)
{
	auto_free char *here = NULL;

	if (path[0] == '\0')
		return err_say(err, ERR_USAGE, "%s wants a folder", flag);
	if (path[0] == '/') {
		*ret_path = path_clean(path);
		return 0;
	}
	here = getcwd(NULL, 0);
	if (!here)
		return err_say(err, ERR_USAGE,
			       "%s: the working folder is gone; give an absolute path", flag);
	*ret_path = path_join(here, path);
	return 0;
}

int rootless_init(const struct rootless_options *options, struct rootless *ret, struct err *err)
{
	struct rootless rootless auto_done(rootless) = ROOTLESS_INIT;
	uid_t owner = 0;
	int r = 0;

	rootless.mode = find_mode(&rootless);
	rootless.find_namespace = options->find_namespace;
	owner = geteuid();
	if (options->data_root)
		r = absolute(options->data_root, "--root", &rootless.data_root, err);
	else
		r = paths_data_root(rootless.mode, rootless.uid, &rootless.data_root, err);
	if (r == 0)
		r = paths_claim(rootless.data_root, owner, err);
	if (r < 0)
		return r;
	if (options->run_root) {
		r = absolute(options->run_root, "--runroot", &rootless.run_root, err);
		if (r == 0)
			r = paths_claim(rootless.run_root, owner, err);
	} else {
		/* Seen from inside a namespace the folders of the session are root's: ours. */
		r = paths_run_root(rootless.mode, rootless.uid, rootless.data_root,
				   &rootless.run_root, err);
		if (r == 0)
			r = paths_claim(rootless.run_root, owner, err);
	}
	if (r < 0)
		return r;
	*ret = rootless;
	rootless = ROOTLESS_INIT;
	return 0;
}

int rootless_enter(struct rootless *rootless, struct err *err)
{
	return rootless->mode == ROOTLESS_USER ? holder_join(rootless, err) : 0;
}

void rootless_done(struct rootless *rootless)
{
	free(take(rootless->data_root));
	free(take(rootless->run_root));
	free(take(rootless->lost));
}
