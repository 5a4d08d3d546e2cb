/* SPDX-License-Identifier: Apache-2.0 */
/* The containers of `ps` as the fields that its templates name. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/json.h"

struct buf;

#define PS_SORTS "command,created,id,image,names,runningfor,size,status"
#define PS_COLUMNS                                                                                 \
	"table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.CreatedHuman}}\t{{.Status}}\t{{.Ports}}\t"    \
	"{{.Names}}"

#define PS_FIELDS_MAX 48

/* The fields that a template names: only these are made, for each of many containers. */
struct ps_fields {
	const char *names[PS_FIELDS_MAX];
	size_t count;
	bool whole; /* it takes the row as a whole */
};
struct ps_fields ps_fields(const char *format);

/*
 * Do these fields, sorted by one of PS_SORTS (NULL: created), need no more than what is in a brief
 * list (ops_ps_args)?
 */
bool ps_is_brief(const struct ps_fields *fields, const char *by);

/*
 * One row of the engine's list (Podman's JSON) as an object with these fields. truncate: ids of
 * twelve digits, commands of twenty signs.
 */
json_t *ps_row(const json_t *container, const struct ps_fields *fields, bool truncate);

/* A new list in order of one of PS_SORTS; "created" is oldest first. */
json_t *ps_sort(const json_t *list, const char *by);

/* "0.0.0.0:8080->80/tcp, 443/tcp" */
void ps_ports(struct buf *out, const json_t *ports, const json_t *exposed);
