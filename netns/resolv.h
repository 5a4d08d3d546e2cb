/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolv.conf(5), read: bounded and without a heap, for the command that writes a container's
 * file and for bryo-net, which reads the host's again whenever it changes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define RESOLV_MAX_SERVERS 8
#define RESOLV_MAX_FILE 65536

struct resolv {
	char servers[RESOLV_MAX_SERVERS][64]; /* addresses, IPv6 ones maybe with %zone */
	size_t server_count;
	char search[1024]; /* of the last "search" or "domain" line, blanks between */
	char options[512]; /* of all "options" lines */
};

/* Parses bytes; what is no valid line is skipped, as the C library does, and what is too long cut.
 */
void resolv_parse(const char *data, size_t size, struct resolv *ret_resolv);

/*
 * Reads /etc/resolv.conf. With behind_stub, a file that names only loopback resolvers while
 * systemd-resolved is there gives that program's own list, /run/systemd/resolve/resolv.conf. A
 * missing file gives an empty list and 0.
 */
int resolv_read_host(bool behind_stub, struct resolv *ret_resolv);

/* 127.0.0.0/8, ::1 and the like: a resolver only the host itself can reach. */
bool resolv_is_loopback(const char *server);
