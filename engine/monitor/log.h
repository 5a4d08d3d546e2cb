/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container wrote, kept: the writer that the monitor feeds, and the reader behind `bryo
 * logs`. The file format is docs/formats/log.md: one entry a line,
 *
 *     2026-11-22T08:00:00.123456789+00:00 stdout F text
 *
 * as the Kubernetes CRI logging format has it and conmon(8) writes it for --log-driver k8s-file.
 * "F" ends a line of the container's, "P" is a part of one whose rest follows.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;

enum log_driver {
	LOG_DRIVER_K8S_FILE, /* the default; "json-file" is another name for it, as in Podman */
	LOG_DRIVER_NONE,
	LOG_DRIVER_PASSTHROUGH, /* the container has the caller's own descriptors: no pipe at all */
	LOG_DRIVER_JOURNALD,	/* systemd's journal by its native protocol */
};
/* The driver's name in --log-driver, "" for the default. 0, or -EINVAL with a sentence. */
int log_driver_parse(const char *name, enum log_driver *ret_driver, struct err *err);
const char *log_driver_name(enum log_driver driver);

enum log_stream {
	LOG_STDOUT,
	LOG_STDERR,
};
#define LOG_STREAMS 2

/* ---- Writing: in the monitor ---- */

/* The text of one entry is at most so long; longer lines become several "P" entries and an "F". */
#define LOG_ENTRY_MAX 8192

struct log_config {
	enum log_driver driver;
	int dir_fd;	  /* k8s-file: the folder and the file's name in it; dir_fd is duplicated */
	const char *name; /* k8s-file: default "ctr.log" when NULL */
	int64_t max_size; /* k8s-file: bytes, 0 for no bound; the file is begun anew before it would
			     pass */
	const char *id;	  /* journald: CONTAINER_ID_FULL and, cut to 12, CONTAINER_ID */
	const char *ctr_name; /* journald: CONTAINER_NAME */
	const char *tag;      /* journald: CONTAINER_TAG, may be NULL */
};

struct log_writer; /* opaque: about 200 bytes of heap, and two buffers that are given back when idle
		    */

/*
 * Opens the log; *ret_log is NULL for none and passthrough (every function here takes NULL). The
 * file is made with mode 0600 and appended to. Allocates all that the writer will ever need.
 */
int log_writer_new(const struct log_config *config, struct log_writer **ret_log, struct err *err);
void log_writer_free(struct log_writer *log);
static inline void log_writer_free_p(struct log_writer **log)
{
	log_writer_free(*log);
}

/*
 * Adds what one read() of a stream gave: any bytes, lines and parts of lines. Entries of one
 * call bear one moment. A full disk loses entries, never blocks and never ends the container:
 * the first error is kept for log_writer_error().
 */
void log_writer_add(struct log_writer *log, enum log_stream stream, const char *data, size_t size);

/* Journald only: sends what is left of an unfinished line. Called when a stream ends. */
void log_writer_flush(struct log_writer *log, enum log_stream stream);

/* Opens the file by its name again (after somebody rotated it). 0 or a negative errno. */
int log_writer_reopen(struct log_writer *log);

/* Gives the pages of its buffers back to the kernel; the next add takes them again. */
void log_writer_trim(struct log_writer *log);

/* 0, or the first negative errno met while writing. */
int log_writer_error(const struct log_writer *log);

/* ---- One entry, parsed: bounded, takes bytes ---- */

struct log_entry {
	const char *time; /* points into the line; not NUL-terminated */
	size_t time_size;
	enum log_stream stream;
	bool partial;
	const char *text; /* without the newline that ends the entry */
	size_t text_size;
};
/* line is one line without its newline. 0, or -EPROTO for what is no entry. */
int log_entry_parse(const char *line, size_t size, struct log_entry *ret_entry);

/* ---- Reading: in `bryo logs` ---- */

#define LOG_ALL (-1)

/* Asked while following: is more to come? Called after inotify wakes it and every second. */
typedef bool (*log_alive)(void *data);

struct log_read_args {
	int dir_fd;
	const char *name; /* NULL: "ctr.log" */
	int out_fd;	  /* standard output's entries go here, -1: left out */
	int err_fd;	  /* standard error's */
	int64_t tail;	  /* last so many lines (of the file's entries), LOG_ALL for all */
	int64_t since;	  /* nanoseconds since 1970, inclusive; 0: from the beginning */
	int64_t until;	  /* nanoseconds since 1970; 0: no end. Following ends when it has passed */
	bool timestamps;  /* "2026-11-22T08:00:00.123456789Z " (or the offset) before each line */
	const char
		*prefix; /* put before each line as it is ("NAME ", with colours), NULL for none */
	bool follow;	 /* go on until alive() says no, then read what is left and return */
	log_alive alive; /* needed with follow */
	void *data;
};

/*
 * Writes a container's output as `podman logs` does: parts of a line joined, each stream to its
 * descriptor, order kept. A missing file is an empty log. 0, or a negative errno with a sentence
 * (-EPIPE without one: the reader of out_fd has gone).
 */
int log_read(const struct log_read_args *args, struct err *err);
