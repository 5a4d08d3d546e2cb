/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log's reader: see log.h and docs/formats/log.md. Runs in `bryo logs`. The file is foreign: a
 * container chooses most of its bytes and another engine may have written it. Lines that are no
 * entries (torn by a full disk) are left out; nothing in a file can make this allocate more than
 * its fixed buffers.
 */
#include "engine/monitor/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/str.h"
#include "engine/base/time.h"
#include "engine/monitor/log-internal.h"

/* The longest line that is understood; longer ones are left out. CRI writers use 16 kB. */
#define IN_SIZE (256 * 1024)
#define OUT_SIZE 65536
/* How often a follower looks whether the container still runs, without being woken. */
#define LOOK_MS 1000

struct reader {
	const struct log_read_args *args;
	const char *name;
	int fd;
	int notify_fd;
	char *in;
	size_t in_size;
	off_t offset;		     /* of what was read so far */
	bool skipping;		     /* inside a line that is too long */
	bool past;		     /* an entry after `until` was seen */
	bool open_line[LOG_STREAMS]; /* the last entry was a part: no new prefix */

	char *out;
	size_t out_used;
	int out_fd; /* where the buffered output goes */

	/* The calendar is asked once a second of log, not once a line. */
	char known_second[19];
	char known_zone[8];
	int64_t known_ns;
};

/* ---- One entry ---- */

/* "2026-11-22T08:00:00" with any fraction and zone behind it; bounded by the first blank. */
int log_entry_parse(const char *line, size_t size, struct log_entry *ret_entry)
{
	const char *blank = memchr(line, ' ', size < 40 ? size : 40);
	size_t time_size = blank ? (size_t)(blank - line) : 0;
	const char *p = blank;
	size_t left = size - time_size;

	if (time_size < 20 || line[4] != '-' || line[10] != 'T' || line[13] != ':')
		return -EPROTO;
	if (left < 9 || memcmp(p, " std", 4) != 0)
		return -EPROTO;
	ret_entry->stream = memcmp(p + 4, "out ", 4) == 0 ? LOG_STDOUT : LOG_STDERR;
	if (ret_entry->stream == LOG_STDERR && memcmp(p + 4, "err ", 4) != 0)
		return -EPROTO;
	if (p[8] != 'F' && p[8] != 'P')
		return -EPROTO;
	ret_entry->partial = p[8] == 'P';
	ret_entry->time = line;
	ret_entry->time_size = time_size;
	/* An empty text may come with or without the blank before it. */
	p += 9;
	left -= 9;
	if (left > 0 && *p != ' ')
		return -EPROTO;
	ret_entry->text = left > 0 ? p + 1 : p;
	ret_entry->text_size = left > 0 ? left - 1 : 0;
	return 0;
}

/* Nanoseconds since 1970; what cannot be read counts as the entry before it. */
static int64_t entry_time(struct reader *reader, const struct log_entry *entry)
{
	char text[48];
	const char *fraction = entry->time + 19;
	size_t zone = 19;
	int64_t ns = 0;
	int64_t unit = 100000000;

	if (zone < entry->time_size && *fraction == '.')
		for (zone++; zone < entry->time_size && entry->time[zone] >= '0' &&
			     entry->time[zone] <= '9';
		     zone++, unit /= 10)
			ns += (entry->time[zone] - '0') * unit;
	if (entry->time_size - zone >= sizeof(reader->known_zone))
		return reader->known_ns;
	if (memcmp(reader->known_second, entry->time, 19) != 0 ||
	    strncmp(reader->known_zone, entry->time + zone, entry->time_size - zone) != 0) {
		int64_t seconds = 0;

		memcpy(text, entry->time, 19);
		memcpy(text + 19, entry->time + zone, entry->time_size - zone);
		text[19 + entry->time_size - zone] = '\0';
		if (time_parse(text, &seconds) < 0)
			return reader->known_ns;
		memcpy(reader->known_second, entry->time, 19);
		memset(reader->known_zone, 0, sizeof(reader->known_zone));
		memcpy(reader->known_zone, entry->time + zone, entry->time_size - zone);
		reader->known_ns = seconds;
	}
	return reader->known_ns + ns;
}

/* ---- Output: one buffer, sent before the stream changes so that the order is kept ---- */

static int write_out(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno == EAGAIN) {
			/* Somebody shares this file with us and made it non-blocking. */
			struct pollfd p = { .fd = fd, .events = POLLOUT };

			(void)poll(&p, 1, -1);
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		size -= (size_t)n;
	}
	return 0;
}

static int flush_out(struct reader *reader)
{
	size_t size = reader->out_used;

	reader->out_used = 0;
	return write_out(reader->out_fd, reader->out, size);
}

static int add_out(struct reader *reader, const char *data, size_t size)
{
	int r = 0;

	if (reader->out_used + size > OUT_SIZE)
		r = flush_out(reader);
	if (r < 0)
		return r;
	if (size > OUT_SIZE)
		return write_out(reader->out_fd, data, size);
	memcpy(reader->out + reader->out_used, data, size);
	reader->out_used += size;
	return 0;
}

/* What stands before a line: the name, and the time as Go writes it ("Z" for no offset). */
static int add_prefix(struct reader *reader, const struct log_entry *entry)
{
	const struct log_read_args *args = reader->args;
	size_t size = entry->time_size;
	int r = 0;

	if (args->prefix)
		r = add_out(reader, args->prefix, strlen(args->prefix));
	if (r < 0 || !args->timestamps)
		return r;
	if (size > 6 && memcmp(entry->time + size - 6, "+00:00", 6) == 0) {
		r = add_out(reader, entry->time, size - 6);
		return r < 0 ? r : add_out(reader, "Z ", 2);
	}
	r = add_out(reader, entry->time, size);
	return r < 0 ? r : add_out(reader, " ", 1);
}

static int show_entry(struct reader *reader, const struct log_entry *entry)
{
	const struct log_read_args *args = reader->args;
	int fd = entry->stream == LOG_STDOUT ? args->out_fd : args->err_fd;
	int r = 0;

	if (args->since || args->until) {
		int64_t when = entry_time(reader, entry);

		if (args->since && when < args->since)
			return 0;
		if (args->until && when > args->until) {
			reader->past = true;
			return 0;
		}
	}
	if (fd < 0)
		return 0;
	if (fd != reader->out_fd) {
		r = flush_out(reader);
		reader->out_fd = fd;
	}
	if (r == 0 && !reader->open_line[entry->stream])
		r = add_prefix(reader, entry);
	if (r == 0)
		r = add_out(reader, entry->text, entry->text_size);
	if (r == 0 && !entry->partial)
		r = add_out(reader, "\n", 1);
	reader->open_line[entry->stream] = entry->partial;
	return r;
}

/* ---- The file, forwards ---- */

/* Shows the whole lines in the buffer and moves the rest to its beginning. */
static int show_lines(struct reader *reader)
{
	char *p = reader->in;
	char *end = reader->in + reader->in_size;
	int r = 0;

	while (r == 0 && p < end && !reader->past) {
		char *newline = memchr(p, '\n', (size_t)(end - p));
		struct log_entry entry;

		if (!newline)
			break;
		if (!reader->skipping && log_entry_parse(p, (size_t)(newline - p), &entry) == 0)
			r = show_entry(reader, &entry);
		reader->skipping = false;
		p = newline + 1;
	}
	reader->in_size = (size_t)(end - p);
	memmove(reader->in, p, reader->in_size);
	if (reader->in_size == IN_SIZE) {
		reader->skipping = true;
		reader->in_size = 0;
	}
	return r;
}

/* Reads and shows to the end of the file as it is now. */
static int read_on(struct reader *reader)
{
	while (reader->fd >= 0 && !reader->past) {
		ssize_t n =
			read(reader->fd, reader->in + reader->in_size, IN_SIZE - reader->in_size);
		int r = 0;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		reader->in_size += (size_t)n;
		reader->offset += n;
		r = show_lines(reader);
		if (r < 0)
			return r;
	}
	return flush_out(reader);
}

/* ---- The file, backwards: where the last `tail` lines begin ---- */

#define TAIL_BLOCK 65536
/* Enough of a line to see its stream and flag, even where it begins at a block's end. */
#define TAIL_HEAD 64

struct tail_scan {
	int64_t wanted;
	int64_t seen;
	bool any;   /* a line was seen at all */
	off_t next; /* where the line after the one looked at begins */
};

/* Returns true when the line at `start` is the first that is too many: the tail begins after it. */
static bool scan_line(struct tail_scan *scan, const char *line, size_t size, off_t start)
{
	struct log_entry entry;

	if (log_entry_parse(line, size, &entry) < 0)
		return false;
	/* A line ends with its F; parts at the very end are a line as well. */
	if (!entry.partial || !scan->any)
		scan->seen++;
	scan->any = true;
	if (scan->seen > scan->wanted)
		return true;
	scan->next = start;
	return false;
}

/*
 * Looks at the lines that begin in the block [start, start+size) of the file, or right behind it,
 * from the last to the first; reader->in holds the block and up to `more` bytes behind it. Returns
 * true when the tail's beginning was found.
 */
static bool scan_block(const struct reader *reader, struct tail_scan *scan, off_t start,
		       size_t size, size_t more)
{
	size_t before = size;

	for (;;) {
		const char *newline = memrchr(reader->in, '\n', before);
		size_t begin = newline ? (size_t)(newline - reader->in) + 1 : 0;
		size_t room = size + more - begin;
		const char *end = NULL;

		if (!newline && start > 0)
			return false; /* it begins in the block before */
		if (room > TAIL_HEAD)
			room = TAIL_HEAD;
		end = memchr(reader->in + begin, '\n', room);
		if (end)
			room = (size_t)(end - reader->in) - begin;
		if (room > 0 && scan_line(scan, reader->in + begin, room, start + (off_t)begin))
			return true;
		if (!newline)
			return false;
		before = begin - 1;
	}
}

static off_t find_tail(struct reader *reader, off_t file_size)
{
	struct tail_scan scan = { .wanted = reader->args->tail, .next = file_size };
	off_t at = file_size;

	while (at > 0) {
		off_t start = at > TAIL_BLOCK ? at - TAIL_BLOCK : 0;
		size_t size = (size_t)(at - start);
		ssize_t n = pread(reader->fd, reader->in, size + TAIL_HEAD, start);

		if (n < (ssize_t)size)
			return 0; /* it shrank meanwhile: show what there is */
		if (start + n > file_size)
			n = (ssize_t)(file_size - start); /* it grew meanwhile */
		if (scan_block(reader, &scan, start, size, (size_t)n - size))
			return scan.next;
		at = start;
	}
	return 0;
}

/* ---- Opening, following ---- */

static int open_file(struct reader *reader)
{
	int fd = openat(reader->args->dir_fd, reader->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	fd_close(&reader->fd);
	reader->fd = fd;
	reader->offset = 0;
	reader->in_size = 0;
	reader->skipping = false;
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	return 0;
}

/* The writer puts a new file in the old one's place when it is full, or empties it. */
static int reopen_if_replaced(struct reader *reader)
{
	struct stat now;
	struct stat ours;
	int r = 0;

	if (fstatat(reader->args->dir_fd, reader->name, &now, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (reader->fd >= 0 && fstat(reader->fd, &ours) == 0 && ours.st_ino == now.st_ino &&
	    ours.st_dev == now.st_dev) {
		if (ours.st_size >= reader->offset)
			return 0;
		reader->offset = lseek(reader->fd, 0, SEEK_SET);
		reader->in_size = 0;
		return read_on(reader);
	}
	r = read_on(reader); /* what the old one got at the last moment */
	if (r == 0)
		r = open_file(reader);
	return r < 0 ? r : read_on(reader);
}

static int watch(struct reader *reader)
{
	struct fd_path dir = fd_path(reader->args->dir_fd);

	reader->notify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (reader->notify_fd < 0)
		return -errno;
	/* The folder: it tells of changes to the file and of a new one in its place alike. */
	if (inotify_add_watch(reader->notify_fd, dir.text,
			      IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) < 0)
		return -errno;
	return 0;
}

static void wait_for_news(struct reader *reader)
{
	const struct log_read_args *args = reader->args;
	char events[4096];
	struct pollfd p = { .fd = reader->notify_fd, .events = POLLIN };
	int64_t ms = LOOK_MS;

	if (args->until) {
		int64_t left = (args->until - time_now()) / 1000000 + 1;

		if (left < ms)
			ms = left > 0 ? left : 0;
	}
	if (poll(&p, 1, (int)ms) > 0)
		while (read(reader->notify_fd, events, sizeof(events)) > 0)
			;
}

static int follow(struct reader *reader)
{
	const struct log_read_args *args = reader->args;
	bool alive = true;
	int r = 0;

	while (r == 0 && alive && !reader->past && !(args->until && time_now() > args->until)) {
		/* Asked before the last look: what was written before it ended is then there. */
		alive = args->alive(args->data);
		r = read_on(reader);
		if (r == 0)
			r = reopen_if_replaced(reader);
		if (r == 0 && alive)
			wait_for_news(reader);
	}
	return r;
}

static void reader_done(struct reader *reader)
{
	fd_close(&reader->fd);
	fd_close(&reader->notify_fd);
	free(reader->in);
	free(reader->out);
}

int log_read(const struct log_read_args *args, struct err *err)
{
	struct reader reader auto_done(reader) = {
		.args = args, .name = str_or(args->name, LOG_FILE_NAME), .fd = -1, .notify_fd = -1
	};
	int r = 0;

	reader.in = xmalloc(IN_SIZE);
	reader.out = xmalloc(OUT_SIZE);
	reader.out_fd = args->out_fd >= 0 ? args->out_fd : args->err_fd;
	r = open_file(&reader);
	if (r < 0)
		return err_set(err, r, "cannot open the log file %s", reader.name);
	if (args->tail >= 0 && reader.fd >= 0) {
		struct stat st;

		if (fstat(reader.fd, &st) == 0)
			reader.offset = lseek(reader.fd, find_tail(&reader, st.st_size), SEEK_SET);
	}
	if (args->follow)
		r = watch(&reader);
	if (r < 0)
		return err_set(err, r, "cannot watch the log file %s", reader.name);
	r = args->follow ? follow(&reader) : read_on(&reader);
	if (r < 0 && r != -EPIPE)
		return err_set(err, r, "cannot show the log file %s", reader.name);
	return r;
}
