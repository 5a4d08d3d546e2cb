/* SPDX-License-Identifier: Apache-2.0 */
/* --ulimit values: see rlimit.h. Pure. */
#include "engine/spec/rlimit.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "engine/base/alloc.h"
#include "engine/base/str.h"

static const struct {
	const char *name;
	int resource;
} names[] = {
	{ "as", RLIMIT_AS },
	{ "core", RLIMIT_CORE },
	{ "cpu", RLIMIT_CPU },
	{ "data", RLIMIT_DATA },
	{ "fsize", RLIMIT_FSIZE },
	{ "locks", RLIMIT_LOCKS },
	{ "memlock", RLIMIT_MEMLOCK },
	{ "msgqueue", RLIMIT_MSGQUEUE },
	{ "nice", RLIMIT_NICE },
	{ "nofile", RLIMIT_NOFILE },
	{ "nproc", RLIMIT_NPROC },
	{ "rss", RLIMIT_RSS },
	{ "rtprio", RLIMIT_RTPRIO },
	{ "rttime", RLIMIT_RTTIME },
	{ "sigpending", RLIMIT_SIGPENDING },
	{ "stack", RLIMIT_STACK },
};

static int parse_value(const char *text, uint64_t *ret_value)
{
	if (str_eq(text, "-1") || str_eq(text, "unlimited")) {
		*ret_value = RLIM_INFINITY;
		return 0;
	}
	return str_to_u64(text, ret_value);
}

int spec_rlimit_parse(const char *text, struct spec_rlimit *ret_limit)
{
	const char *equals = strchr(text, '=');
	auto_free char *values = xstrdup(equals ? equals + 1 : "");
	char *colon = strchr(values, ':');
	size_t i = 0;

	if (!equals)
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (strlen(names[i].name) == (size_t)(equals - text) &&
		    strncmp(names[i].name, text, (size_t)(equals - text)) == 0)
			break;
	if (i == ARRAY_SIZE(names))
		return -EINVAL;
	ret_limit->resource = names[i].resource;
	if (colon)
		*colon++ = '\0';
	if (parse_value(values, &ret_limit->soft) < 0)
		return -EINVAL;
	ret_limit->hard = ret_limit->soft;
	if (colon && parse_value(colon, &ret_limit->hard) < 0)
		return -EINVAL;
	return ret_limit->soft > ret_limit->hard ? -EINVAL : 0;
}
