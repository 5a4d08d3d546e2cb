/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a user sees of a transfer on standard error: a bar per layer on a terminal, one plain
 * line per step elsewhere (Podman's words), nothing when quiet.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress;

/* quiet: nothing is ever printed. Starts a thread where bars are to be drawn. */
struct progress *progress_new(bool quiet);
void progress_free(struct progress *progress); /* draws the last state; NULL is fine */

/* A line of its own. */
void progress_say(struct progress *progress, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* A transfer begins: "Copying KIND DIGEST". Returns its number. From any thread, as all below. */
size_t progress_add(struct progress *progress, const char *kind, const char *digest,
		    uint64_t total);
void progress_set(struct progress *progress, size_t number, uint64_t done);
void progress_done(struct progress *progress, size_t number);
void progress_skipped(struct progress *progress, size_t number);
