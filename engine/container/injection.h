/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the TCP connections of a container's processes are made on sockets of the host
 * (docs/network.md, "Tier 1"), and what their start needs for it. Runs in the keeper and in exec.
 */
#pragma once

#include <stdbool.h>

#include "netns/inject-filter.h"
#include "netns/options/options.h"

struct container;
struct engine;
struct err;
struct oci_spec;
struct port_list;

struct injection {
	bool on;
	enum inject_wall wall; /* INJECT_WALL_NONE with `on`: the user wants it without one */
	struct inject_filter filter;
	struct sock_fprog program; /* of filter */
};

/*
 * For a container on the user-mode network. Off where it could do harm: with CAP_NET_ADMIN it may
 * have routes and interfaces of its own (a VPN), which a socket of the host goes around; behind
 * Landlock one with CAP_SYS_PTRACE could not trace from an exec; who wants no system call filter
 * gets none. fast=on overrules all but the last.
 */
void injection_choose(const struct net_options *options, const struct oci_spec *oci,
		      const struct port_list *ports, struct injection *ret_injection);

/*
 * For a container in the network of another one, `net`, which runs: the same as that one has, so
 * that it finds its servers, which may be on the host. Off without a system call filter, and with
 * CAP_NET_ADMIN, which is an end of it for `net` as well: true then, and injection_stop() is due.
 */
bool injection_join(const struct container *net, const struct oci_spec *oci,
		    struct injection *ret_injection);

/* What the record keeps ("landlock", "unguarded", NULL: off), and back. */
const char *injection_name(const struct injection *injection);

/* For an exec in a running container, from its record. The same as its first process has. */
void injection_from_record(const struct container *container, struct injection *ret_injection);

/*
 * Tells the monitor of `net`, in whose network a container with CAP_NET_ADMIN is about to start:
 * its routes may lead elsewhere then (a VPN), and nothing may go around them. 0 or a negative
 * errno.
 */
int injection_stop(const struct engine *engine, const struct container *net);

/*
 * The listener of a process, to bryo-net by the monitor of the container with this id. 0 or a
 * negative errno.
 */
int injection_pass(const struct engine *engine, const char *id, const struct injection *injection,
		   int listener);
