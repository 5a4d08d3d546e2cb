/* SPDX-License-Identifier: Apache-2.0 */
/* The options that run and create share, and how they become a request. */
#pragma once

#include <stdbool.h>

#include "cli/options/option.h"
#include "engine/spec/request.h"

struct cli;
struct err;

/* The first member of the options of run and create. */
struct cli_create {
	struct request request;
	const char *arch, *os, *variant;
	bool rootfs;
	enum request_bool rm; /* --rmi=true implies it, and contradicts --rm=false */
};

/* Options into a struct cli_create. */
extern const struct cli_group cli_create_group;

/*
 * Completes the request with what is no option's own value: image (or root file system) and
 * command from the positionals, the platform from its parts, settings of bryo's own options. 0
 * or -EINVAL with err.
 */
int cli_create_finish(const struct cli *cli, struct cli_create *create, struct err *err);

/*
 * create-network.c: refuses --dns and the like where the container gets no resolv.conf, and says on
 * standard error that -p publishes nothing where the network is not the container's own.
 */
int cli_create_check_network(const struct request *request, struct err *err);
