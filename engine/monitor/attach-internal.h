/* SPDX-License-Identifier: Apache-2.0 */
/* The attach protocol's messages (docs/formats/attach.md), for its two ends and the fuzzer. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define ATTACH_MAGIC 0x62727961U /* "brya": an end of another version is refused, not misread */

enum attach_type {
	/* Requests; each but WAIT is answered by one REPLY. */
	ATTACH_JOIN =
		1, /* a: ATTACH_* streams; their pipe ends come along, in the order in, out, err */
	ATTACH_RESIZE = 2, /* a: rows, b: columns */
	ATTACH_KILL = 3,   /* a: signal */
	ATTACH_STOP = 4,   /* a: signal or 0, b: milliseconds or -1 */
	ATTACH_REOPEN = 5,
	ATTACH_WAIT = 6,     /* answered by EXIT */
	ATTACH_RELOAD = 7,   /* the container's network */
	ATTACH_LISTENER = 8, /* for it; a: of which kind, with a descriptor */
	ATTACH_UNINJECT = 9, /* for it: others may change its routes */
	/* From the monitor. */
	ATTACH_REPLY = 64, /* a: 0 or a negative errno */
	ATTACH_EXIT = 65,  /* a: status, b: signal | ATTACH_EXIT_* bits */
};
#define ATTACH_EXIT_OOM 0x10000
#define ATTACH_EXIT_STOPPED 0x20000

struct attach_message {
	uint32_t magic;
	uint32_t type;
	int64_t a;
	int64_t b;
};

struct attach_exit;

/* Checks what came from a socket: size, magic, a known type, ranges. 0 or -EPROTO. */
int attach_message_check(const void *data, size_t size, struct attach_message *ret_message);
/* Sends one, with descriptors. 0 or a negative errno. */
int attach_message_send(int control, enum attach_type type, int64_t a, int64_t b);
/* Translates an EXIT message. */
void attach_exit_from(const struct attach_message *message, struct attach_exit *ret_exit);
int attach_exit_send(int control, const struct attach_exit *exit);
