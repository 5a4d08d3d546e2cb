/* SPDX-License-Identifier: Apache-2.0 */
/* From request to specification: the order of the parts, names, logs. */
#include "engine/spec/spec-internal.h"

#include <ctype.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/path.h"
#include "engine/base/time.h"

int spec_name_check(const char *name, struct err *err)
{
	bool good = isalnum((unsigned char)name[0]) && strlen(name) <= 255;

	for (const char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("_.-", *p))
			good = false;
	if (!good)
		return err_say(
			err, ERR_USAGE,
			"names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument \"%s\"",
			name);
	return 0;
}

static int build_name(const struct request *q, struct container_spec *spec, struct err *err)
{
	int r = q->name ? spec_name_check(q->name, err) : 0;

	if (r == 0)
		spec->name = xstrdup(q->name);
	return r;
}

/* What is opened later is opened by the keeper, whose working folder is "/". */
static int absolute(const char *path, const char *flag, char **ret_path, struct err *err)
{
	auto_free char *here = NULL;

	if (!path || path[0] == '/') {
		*ret_path = xstrdup(path);
		return 0;
	}
	here = getcwd(NULL, 0);
	if (!here)
		return err_say(err, ERR_USAGE,
			       "%s %s: the working folder is gone, give an absolute path", flag,
			       path);
	*ret_path = path_join(here, path);
	return 0;
}

static int build_log(const struct request *q, struct container_spec *spec, struct err *err)
{
	static const char *const drivers[] = { "k8s-file",    "json-file",	 "none",
					       "passthrough", "passthrough-tty", "journald" };
	const char *driver = str_or(q->log_driver, "k8s-file");
	bool known = false;

	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
		known = known || str_eq(drivers[i], driver);
	if (!known)
		return err_say(err, ERR_USAGE,
			       "invalid --log-driver \"%s\": want k8s-file, json-file, journald, "
			       "passthrough or none",
			       driver);
	for (size_t i = 0; i < q->log_opts.count; i++) {
		const char *opt = q->log_opts.v[i];

		if (!str_starts(opt, "path=") && !str_starts(opt, "max-size=") &&
		    !str_starts(opt, "tag=") && !str_starts(opt, "label="))
			return err_say(
				err, ERR_USAGE,
				"invalid --log-opt \"%s\": want path=, max-size= or tag=", opt);
	}
	/* Podman keeps k8s-file's format under both names. */
	spec->log_driver = xstrdup(str_eq(driver, "json-file") ? "k8s-file" : driver);
	for (size_t i = 0; i < q->log_opts.count; i++) {
		const char *path = str_after(q->log_opts.v[i], "path=");
		auto_free char *full = NULL;

		if (path && absolute(path, "--log-opt path", &full, err) < 0)
			return err->code;
		if (path)
			strv_addf(&spec->log_opts, "path=%s", full);
		else
			strv_add(&spec->log_opts, q->log_opts.v[i]);
	}
	return 0;
}

static int build_paths(const struct request *q, struct container_spec *spec, struct err *err)
{
	int r = absolute(q->cidfile, "--cidfile", &spec->cidfile, err);

	if (r == 0)
		r = absolute(q->pidfile, "--pidfile", &spec->pidfile, err);
	if (r == 0)
		r = absolute(q->init_path, "--init-path", &spec->init_path, err);
	return r;
}

static void build_runtime(const struct request *q, struct container_spec *spec)
{
	spec->runtime = xstrdup(q->runtime);
	spec->runtime_path = xstrdup(q->runtime_path);
	for (size_t i = 0; q->runtime_path && i < q->runtime_flags.count; i++)
		strv_addf(&spec->runtime_flags, "--%s", q->runtime_flags.v[i]);
}

int spec_build(const struct request *q, const struct spec_host *host, const char *id,
	       struct container_spec *ret_spec, struct err *err)
{
	struct container_spec spec auto_done(container_spec);
	int r = 0;

	container_spec_init(&spec);
	spec.id = xstrdup(id);
	spec.created = time_now();
	r = build_name(q, &spec, err);
	if (r == 0)
		r = spec_build_process(q, host, &spec, err);
	if (r == 0)
		r = spec_build_security(q, host, &spec, err);
	if (r == 0)
		r = spec_build_resources(q, &spec, err);
	if (r == 0)
		r = spec_build_namespaces(q, host, &spec, err);
	if (r == 0)
		r = spec_build_mounts(q, host, &spec, err);
	if (r == 0)
		r = build_log(q, &spec, err);
	if (r == 0)
		r = build_paths(q, &spec, err);
	if (r < 0)
		return r;
	build_runtime(q, &spec);
	*ret_spec = spec;
	memset(&spec, 0, sizeof(spec));
	return 0;
}
