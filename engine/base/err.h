/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One error as it travels from the failing place to the front end that prints it.
 *
 * Contract, for all of bryo: functions return 0 or a negative errno; a positive value is a
 * named case of the function's own header. The failing place writes the sentence with
 * err_set() (a system call failed) or err_say() (a rule of ours said no); callers above add at
 * most one prefix. Library code never prints. The struct is a plain value: it crosses a pipe
 * from a forked child in one write (it is smaller than PIPE_BUF).
 */
#pragma once

#include <stddef.h>

/* What kind of failure, for the exit status and the HTTP status. Values cross process borders. */
enum err_kind {
	ERR_NONE = 0,
	ERR_FAILED = 1,	     /* anything else: 125 */
	ERR_USAGE = 2,	     /* a flag, name, archive or file that we refuse: 125 */
	ERR_NOT_FOUND = 3,   /* no such container, image, volume: 125 (1 for the "exists" family) */
	ERR_EXISTS = 4,	     /* the name is in use: 125 */
	ERR_STATE = 5,	     /* wrong state for the request (not running, already paused): 125 */
	ERR_UNSUPPORTED = 6, /* this host or this build cannot do it: 125 */
	ERR_CANNOT_EXEC = 7, /* the container's command exists but cannot be executed: 126 */
	ERR_NO_COMMAND = 8,  /* the container's command does not exist: 127 */
	ERR_AUTH = 9,	     /* a registry wants other credentials: 125 */
	ERR_BUSY = 10,	     /* in use by something else (an image by a container): 125, rmi: 2 */
};

struct err {
	int code;	    /* negative errno, 0 when empty */
	enum err_kind kind; /* never ERR_NONE when code is set */
	char text[480];	    /* one line, no trailing newline, cut with "..." when too long */
};

#define ERR_INIT ((struct err){ 0 })

/*
 * Records "SENTENCE: strerror(-code)" and returns code, so that callers can write
 * "return err_set(err, -errno, ...)". code must be negative. err may be NULL: only the code is
 * returned then. The kind is guessed from the code (ENOENT gives ERR_FAILED, not
 * ERR_NOT_FOUND: only our own lookups know that a named object is missing).
 */
int err_set(struct err *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/*
 * Records SENTENCE alone, with its kind; for what no system call said. Returns the errno that
 * suits the kind (-EINVAL for ERR_USAGE, -ENOENT for ERR_NOT_FOUND, ...).
 */
int err_say(struct err *err, enum err_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "PREFIX: " before the sentence that is there; returns err->code. */
int err_prefix(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Puts ". HINT" (what the user can do about it) behind the sentence; returns err->code. */
int err_hint(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Exit status of the command that failed with this (Podman's: 125, 126, 127). */
int err_exit_status(const struct err *err);

/* HTTP status of the API request that failed with this. */
int err_http_status(const struct err *err);

/*
 * Sends err through fd in one write (a child's last act). Failures are ignored: the parent
 * sees end of file then and knows that the child died without a word.
 */
void err_send(int fd, const struct err *err);

/*
 * Receives what err_send() sent. Returns 0 when the pipe closed without a word (success by
 * convention: the child's end closes on exec), else the code of the error, stored in ret_err.
 * A short or ill-formed message gives -EPROTO with a sentence that says so.
 */
int err_recv(int fd, struct err *ret_err);
