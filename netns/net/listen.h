/* SPDX-License-Identifier: Apache-2.0 */
/* Published ports, bound on the host before the container starts. */
#pragma once

struct err;
struct port_list;
struct port_map;
struct relay;

/*
 * Listens on every port of the list: an entry for all addresses on 0.0.0.0 and [::]. The error is
 * in Podman's words and names the port and the fix.
 */
int listen_open(struct relay *relay, const struct port_list *ports, struct err *err);

/*
 * Why the port of map (one, at one address) cannot be bound: code is bind(2)'s negative errno, and
 * what is returned.
 */
int listen_explain(const struct port_map *map, int code, struct err *err);

/* Closes them all: they can be bound by others when this returns. */
void listen_close(struct relay *relay, const struct port_list *ports);
