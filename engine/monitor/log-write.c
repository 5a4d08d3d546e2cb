/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log's writer: see log.h and docs/formats/log.md. Runs in the monitor. It must never block for
 * long, never end the monitor, and never allocate after log_writer_new(): a full disk or a
 * stuck journal costs log lines, not the container.
 *
 * Entries are copied into one buffer and leave in writes of up to 64 kB: with short lines a writev
 * of two segments a line costs more in the kernel than the copy does here.
 */
#include "engine/monitor/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/str.h"
#include "engine/monitor/log-internal.h"

#define OUT_SIZE 65536
#define JOURNAL_SOCKET "/run/systemd/journal/socket"

struct log_writer {
	enum log_driver driver;
	int dir_fd;
	int fd; /* the file, or the journal's datagram socket */
	char *name;
	int64_t max_size;
	int64_t file_size;
	int error;
	bool torn; /* the file may end in the middle of an entry */

	char *out; /* mapped: entries not yet written; journald: one unfinished line a stream */
	size_t used;
	size_t held[LOG_STREAMS]; /* journald: bytes of the unfinished lines */

	time_t second; /* the moment that `stamp` and `zone` stand for */
	char stamp[20];
	char zone[7];
	char *fields; /* journald: the fields that never change */
	size_t fields_size;
};

static const char *const stream_names[LOG_STREAMS] = { "stdout", "stderr" };

int log_driver_parse(const char *name, enum log_driver *ret_driver, struct err *err)
{
	static const struct {
		const char *name;
		enum log_driver driver;
	} drivers[] = {
		{ "", LOG_DRIVER_K8S_FILE },
		{ "k8s-file", LOG_DRIVER_K8S_FILE },
		{ "json-file", LOG_DRIVER_K8S_FILE },
		{ "none", LOG_DRIVER_NONE },
		{ "passthrough", LOG_DRIVER_PASSTHROUGH },
		{ "journald", LOG_DRIVER_JOURNALD },
	};

	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
		if (str_eq(name, drivers[i].name)) {
			*ret_driver = drivers[i].driver;
			return 0;
		}
	}
	return err_say(err, ERR_USAGE,
		       "log driver \"%s\" is not known: use k8s-file, json-file, journald, none or "
		       "passthrough",
		       name);
}

const char *log_driver_name(enum log_driver driver)
{
	switch (driver) {
	case LOG_DRIVER_K8S_FILE:
		return "k8s-file";
	case LOG_DRIVER_NONE:
		return "none";
	case LOG_DRIVER_PASSTHROUGH:
		return "passthrough";
	case LOG_DRIVER_JOURNALD:
		return "journald";
	}
	return "";
}

/* ---- The file ---- */

static void remember_error(struct log_writer *log, int code)
{
	if (log->error == 0)
		log->error = code;
}

static int open_file(struct log_writer *log)
{
	auto_close int fd = openat(log->dir_fd, log->name,
				   O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	fd_close(&log->fd);
	log->fd = fd_take(&fd);
	log->file_size = st.st_size;
	return 0;
}

/* Puts an empty file in the place of the full one; readers that follow notice the new inode. */
static int rotate(struct log_writer *log)
{
	char temporary[256];
	auto_close int fd = -1;

	(void)snprintf(temporary, sizeof(temporary), "%s.tmp", log->name);
	fd = openat(log->dir_fd, temporary,
		    O_WRONLY | O_APPEND | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || renameat(log->dir_fd, temporary, log->dir_fd, log->name) < 0) {
		/* No room for a second file: begin the old one anew, which readers notice by its
		 * size. */
		if (ftruncate(log->fd, 0) < 0)
			return -errno;
	} else {
		fd_close(&log->fd);
		log->fd = fd_take(&fd);
	}
	log->file_size = 0;
	log->torn = false;
	return 0;
}

/* Writes out what is buffered. What a full disk refuses is lost; the place is marked by a newline.
 */
static void flush_out(struct log_writer *log)
{
	const char *p = log->out;
	size_t left = log->used;

	log->used = 0;
	if (left > 0 && log->torn) {
		if (write(log->fd, "\n", 1) != 1)
			return;
		log->torn = false;
		log->file_size++;
	}
	while (left > 0) {
		ssize_t n = write(log->fd, p, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			remember_error(log, -errno);
			log->torn = p > log->out && p[-1] != '\n';
			return;
		}
		p += n;
		left -= (size_t)n;
		log->file_size += n;
	}
}

/* The calendar part changes once a second: only nine digits are made for each call. */
static void write_header(struct log_writer *log, enum log_stream stream, char *header)
{
	struct timespec now = { 0 };
	long fraction = 0;

	(void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail */
	if (now.tv_sec != log->second || log->stamp[0] == '\0') {
		struct tm tm;
		long offset = 0;

		(void)localtime_r(&now.tv_sec, &tm);
		offset = tm.tm_gmtoff / 60;
		(void)strftime(log->stamp, sizeof(log->stamp), "%Y-%m-%dT%H:%M:%S", &tm);
		(void)snprintf(log->zone, sizeof(log->zone), "%c%02u:%02u", offset < 0 ? '-' : '+',
			       (unsigned int)(labs(offset) / 60) % 100,
			       (unsigned int)(labs(offset) % 60));
		log->second = now.tv_sec;
	}
	memcpy(header, log->stamp, 19);
	header[19] = '.';
	fraction = now.tv_nsec;
	for (int i = 28; i > 19; i--, fraction /= 10)
		header[i] = (char)('0' + fraction % 10);
	memcpy(header + 29, log->zone, 6);
	header[35] = ' ';
	memcpy(header + 36, stream_names[stream], 6);
	header[42] = header[44] = ' ';
	header[43] = 'F';
}

static void add_entry(struct log_writer *log, const char *header, bool partial, const char *text,
		      size_t size)
{
	size_t need = LOG_HEADER_SIZE + size + 1;
	char *p = NULL;

	if (log->max_size > 0 && log->file_size + (int64_t)(log->used + need) > log->max_size) {
		flush_out(log);
		/* A bound smaller than one entry keeps the newest entry all the same. */
		if (log->file_size > 0)
			remember_error(log, rotate(log));
	}
	if (log->used + need > OUT_SIZE)
		flush_out(log);
	p = log->out + log->used;
	memcpy(p, header, LOG_HEADER_SIZE);
	if (partial)
		p[43] = 'P';
	memcpy(p + LOG_HEADER_SIZE, text, size);
	p[need - 1] = '\n';
	log->used += need;
}

static void add_to_file(struct log_writer *log, enum log_stream stream, const char *data,
			size_t size)
{
	char header[LOG_HEADER_SIZE];

	write_header(log, stream, header);
	while (size > 0) {
		size_t reach = size < LOG_ENTRY_MAX + 1 ? size : LOG_ENTRY_MAX + 1;
		const char *end = memchr(data, '\n', reach);
		size_t text = end ? (size_t)(end - data)
				  : (reach > LOG_ENTRY_MAX ? LOG_ENTRY_MAX : reach);
		size_t taken = end ? text + 1 : text;

		add_entry(log, header, !end, data, text);
		data += taken;
		size -= taken;
	}
	flush_out(log);
}

/* ---- The journal: https://systemd.io/JOURNAL_NATIVE_PROTOCOL, one datagram an entry ---- */

static void send_journal(struct log_writer *log, enum log_stream stream, bool partial,
			 const char *text, size_t size)
{
	static const char partial_field[] = "CONTAINER_PARTIAL_MESSAGE=true\n";
	const char *priority = stream == LOG_STDOUT ? "PRIORITY=6\n" : "PRIORITY=3\n";
	char *held = log->out + (size_t)stream * LOG_ENTRY_MAX;
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = JOURNAL_SOCKET };
	struct iovec parts[] = {
		{ log->fields, log->fields_size },
		{ (void *)priority, strlen(priority) },
		{ (void *)partial_field, partial ? sizeof(partial_field) - 1 : 0 },
		{ (void *)"MESSAGE=", 8 },
		{ held, log->held[stream] },
		{ (void *)text, size },
		{ (void *)"\n", 1 },
	};
	struct msghdr message = { .msg_name = &address,
				  .msg_namelen = sizeof(address),
				  .msg_iov = parts,
				  .msg_iovlen = ARRAY_SIZE(parts) };

	/* By address each time: the journal may be restarted under a running container. */
	if (sendmsg(log->fd, &message, MSG_NOSIGNAL) < 0)
		remember_error(log, -errno);
	log->held[stream] = 0;
}

static void add_to_journal(struct log_writer *log, enum log_stream stream, const char *data,
			   size_t size)
{
	char *held = log->out + (size_t)stream * LOG_ENTRY_MAX;

	while (size > 0) {
		size_t room = LOG_ENTRY_MAX - log->held[stream];
		const char *end = memchr(data, '\n', size < room + 1 ? size : room + 1);

		if (end) {
			size_t text = (size_t)(end - data);

			send_journal(log, stream, false, data, text);
			data += text + 1;
			size -= text + 1;
		} else if (size <= room) {
			memcpy(held + log->held[stream], data, size);
			log->held[stream] += size;
			size = 0;
		} else {
			send_journal(log, stream, true, data, room);
			data += room;
			size -= room;
		}
	}
}

static int open_journal(struct log_writer *log, const struct log_config *config, struct err *err)
{
	/* A journal that hangs may hold the container up for so long an entry, not for ever. */
	const struct timeval patience = { .tv_sec = 1 };
	const char *identifier = config->tag ? config->tag : config->ctr_name;

	if (access(JOURNAL_SOCKET, W_OK) < 0)
		return err_set(err, -errno, "cannot log to systemd's journal at " JOURNAL_SOCKET);
	if (strpbrk(str_or(config->tag, ""), "\n") || strpbrk(str_or(config->ctr_name, ""), "\n"))
		return err_say(err, ERR_USAGE, "a log tag must not hold a newline");
	log->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (log->fd < 0 ||
	    setsockopt(log->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0)
		return err_set(err, -errno, "cannot make a socket for systemd's journal");
	log->fields = xasprintf("CONTAINER_ID_FULL=%s\nCONTAINER_ID=%.12s\nCONTAINER_NAME=%s\n"
				"SYSLOG_IDENTIFIER=%s\n%s%s%s",
				config->id, config->id, str_or(config->ctr_name, ""),
				str_or(identifier, config->id), config->tag ? "CONTAINER_TAG=" : "",
				str_or(config->tag, ""), config->tag ? "\n" : "");
	log->fields_size = strlen(log->fields);
	return 0;
}

/* ---- Life ---- */

void log_writer_free(struct log_writer *log)
{
	if (!log)
		return;
	if (log->out)
		(void)munmap(log->out, OUT_SIZE);
	fd_close(&log->fd);
	fd_close(&log->dir_fd);
	free(log->name);
	free(log->fields);
	free(log);
}

int log_writer_new(const struct log_config *config, struct log_writer **ret_log, struct err *err)
{
	__attribute__((cleanup(log_writer_free_p))) struct log_writer *log = NULL;
	int r = 0;

	if (config->driver == LOG_DRIVER_NONE || config->driver == LOG_DRIVER_PASSTHROUGH) {
		*ret_log = NULL;
		return 0;
	}
	log = xcalloc(1, sizeof(*log));
	log->driver = config->driver;
	log->fd = log->dir_fd = -1;
	log->max_size = config->max_size;
	log->name = xstrdup(str_or(config->name, LOG_FILE_NAME));
	log->out = mmap(NULL, OUT_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (log->out == MAP_FAILED) {
		log->out = NULL;
		return err_set(err, -errno, "cannot get memory for the log");
	}
	if (log->driver == LOG_DRIVER_JOURNALD) {
		r = open_journal(log, config, err);
	} else if (strlen(log->name) > 250) {
		r = err_say(err, ERR_USAGE, "the log file's name is too long: %.40s...", log->name);
	} else {
		log->dir_fd = fcntl(config->dir_fd, F_DUPFD_CLOEXEC, 3);
		r = log->dir_fd < 0 ? -errno : open_file(log);
		if (r < 0)
			return err_set(err, r, "cannot open the log file %s", log->name);
	}
	if (r == 0)
		*ret_log = take(log);
	return r;
}

void log_writer_add(struct log_writer *log, enum log_stream stream, const char *data, size_t size)
{
	if (!log || size == 0)
		return;
	if (log->driver == LOG_DRIVER_JOURNALD)
		add_to_journal(log, stream, data, size);
	else
		add_to_file(log, stream, data, size);
}

void log_writer_flush(struct log_writer *log, enum log_stream stream)
{
	if (log && log->driver == LOG_DRIVER_JOURNALD && log->held[stream] > 0)
		send_journal(log, stream, true, "", 0);
}

int log_writer_reopen(struct log_writer *log)
{
	if (!log || log->driver == LOG_DRIVER_JOURNALD)
		return 0;
	log->torn = false;
	return open_file(log);
}

void log_writer_trim(struct log_writer *log)
{
	/* The journal's unfinished lines live in the buffer: leave them. */
	if (log && log->held[0] + log->held[1] == 0)
		(void)madvise(log->out, OUT_SIZE, MADV_DONTNEED);
}

int log_writer_error(const struct log_writer *log)
{
	return log ? log->error : 0;
}
