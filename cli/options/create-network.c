/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What run and create say about options that do not go with the network that was asked for, in
 * Podman's words. Only options of the command line: defaults of containers.conf yield silently.
 */
#include "cli/options/create.h"

#include <string.h>

#include "cli/command.h"
#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/str.h"

/* Podman's word for a network that is not the container's own; NULL where it is. */
static const char *shared_mode(const struct request *request)
{
	static const char *const modes[] = { "none", "host", "container", "ns" };
	const char *text = request->network.count == 1 ? request->network.v[0] : "";

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		const char *rest = str_after(text, modes[i]);

		if (rest && (*rest == '\0' || *rest == ':'))
			return str_eq(modes[i], "ns") ? "path" : modes[i];
	}
	return NULL;
}

int cli_create_check_network(const struct request *request, struct err *err)
{
	const char *mode = shared_mode(request);
	const bool no_file = str_eq(mode, "none") || str_eq(mode, "container");
	struct buf line auto_done(buf) = BUF_INIT;

	if (no_file &&
	    request->dns.count + request->dns_search.count + request->dns_options.count > 0)
		return err_say(err, ERR_USAGE, "conflicting options: dns and the network mode: %s",
			       mode);
	if (!mode || request->publish.count == 0)
		return 0;
	(void)buf_addf(&line,
		       "Port mappings have been discarded because \"%s\" network namespace mode "
		       "does not support them",
		       mode);
	cli_print_line(line.data);
	return 0;
}
