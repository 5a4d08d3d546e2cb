/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the program of --runtime: see runtime.h. Runs in the command; looks, executes nothing. */
#include "engine/spec/runtime.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/json.h"
#include "engine/base/path.h"

#define OWN "bryo-runtime"

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* The first program of the list NAME in [engine.runtimes]; NULL in *ret_path: not listed. */
static int find_listed(const json_t *engine, const char *name, char **ret_path, struct err *err)
{
	const json_t *runtimes = NULL;
	struct strv paths auto_done(strv) = STRV_INIT;
	int r = engine ? json_get_object(engine, "runtimes", &runtimes, err) : 0;

	if (r == 0 && runtimes)
		r = json_get_strv(runtimes, name, &paths, err);
	if (r < 0)
		return err_prefix(err, "containers.conf");
	for (size_t i = 0; i < paths.count; i++)
		if (paths.v[i][0] == '/' && is_program(paths.v[i])) {
			*ret_path = xstrdup(paths.v[i]);
			return 0;
		}
	return 0;
}

static char *find_in_path(const char *name)
{
	auto_free char *list = xasprintf("%s:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin",
					 str_or(getenv("PATH"), ""));
	char *rest = list;

	for (char *dir = strsep(&rest, ":"); dir; dir = strsep(&rest, ":")) {
		auto_free char *path = *dir == '/' ? path_join(dir, name) : NULL;

		if (path && is_program(path))
			return take(path);
	}
	return NULL;
}

static int find_by_path(struct request *request, struct err *err)
{
	auto_free char *path = realpath(request->runtime, NULL);

	if (!path || !is_program(path))
		return err_say(err, ERR_USAGE,
			       "no valid executable found for OCI runtime %s: invalid argument",
			       request->runtime);
	/* Kept as it was named: through a link it may stand for what an upgrade puts there. */
	request->runtime_path = request->runtime[0] == '/' ? xstrdup(request->runtime) : take(path);
	return 0;
}

int spec_runtime_find(const json_t *conf, struct request *request, struct err *err)
{
	const json_t *engine = conf ? json_object_get(conf, "engine") : NULL;
	const char *usual = NULL;
	int r = engine ? json_get_str(engine, "runtime", &usual, err) : 0;

	if (r < 0)
		return err_prefix(err, "containers.conf");
	if (!request->runtime && !str_empty(usual))
		request->runtime = xstrdup(usual);
	if (!request->runtime || str_eq(path_name(request->runtime), OWN))
		return 0;
	if (strchr(request->runtime, '/'))
		return find_by_path(request, err);
	r = find_listed(engine, request->runtime, &request->runtime_path, err);
	if (r == 0 && !request->runtime_path)
		request->runtime_path = find_in_path(request->runtime);
	if (r == 0 && !request->runtime_path)
		r = err_say(err, ERR_USAGE,
			    "OCI runtime \"%s\" not found: install it, or give its path in "
			    "[engine.runtimes] of containers.conf",
			    request->runtime);
	return r;
}
