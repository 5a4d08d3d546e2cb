/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tar writer: see tar.h. Runs in bryo-image (save, export, commit). It writes ustar headers
 * and, only where those cannot hold an entry, a pax header before them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/archive/tar-internal.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/str.h"

static bool is_ascii(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s >= 0x80)
			return false;
	return true;
}

/* Records are found by binary formats' readers in any order; sorted, so that equal entries give
 * equal bytes. */
struct records {
	char **texts;
	size_t *sizes;
	size_t count, capacity, size_capacity;
};

static void records_done(struct records *records)
{
	for (size_t i = 0; i < records->count; i++)
		free(records->texts[i]);
	free(records->texts);
	free(records->sizes);
}

/* Adds "LENGTH key=value\n"; LENGTH counts itself. */
static void add_record(struct records *records, const char *key, const void *value, size_t size)
{
	size_t body = strlen(key) + size + 3; /* blank, equals sign, newline */
	size_t total = body + 1;
	int digits = 0;
	char *text = NULL;
	size_t used = 0;

	while ((digits = snprintf(NULL, 0, "%zu", total)) + body != total)
		total = (size_t)digits + body;
	text = xmalloc(total + 1);
	used = (size_t)snprintf(text, total + 1, "%zu %s=", total, key);
	if (size > 0)
		memcpy(text + used, value, size);
	text[total - 1] = '\n';
	xgrow(records->texts, records->count, records->capacity);
	if (records->size_capacity < records->capacity) {
		records->size_capacity = records->capacity;
		records->sizes = xrealloc(records->sizes, records->capacity * sizeof(size_t));
	}
	records->texts[records->count] = text;
	records->sizes[records->count++] = total;
}

static void add_text(struct records *records, const char *key, const char *value)
{
	add_record(records, key, value, strlen(value));
}

static void add_number(struct records *records, const char *key, uint64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)value); /* fits */
	add_text(records, key, text);
}

static void add_time(struct records *records, const char *key, int64_t seconds, uint32_t ns)
{
	char text[48];
	int n = 0;

	if (ns > 0 && seconds < 0) { /* 0.5 s after -2 is -1.5 */
		int64_t whole = seconds + 1;

		n = snprintf(text, sizeof(text), "%s%lld.%09u", whole == 0 ? "-" : "",
			     (long long)whole, 1000000000 - ns);
	} else if (ns > 0) {
		n = snprintf(text, sizeof(text), "%lld.%09u", (long long)seconds, ns);
	} else {
		n = snprintf(text, sizeof(text), "%lld", (long long)seconds);
	}
	while (ns > 0 && text[n - 1] == '0')
		text[--n] = '\0';
	add_text(records, key, text);
}

/* Sorts by what follows the length. */
static void sort_records(struct records *records)
{
	for (size_t i = 1; i < records->count; i++)
		for (size_t j = i; j > 0; j--) {
			char *a = records->texts[j - 1];
			char *b = records->texts[j];
			size_t size = records->sizes[j];

			if (strcmp(strchr(a, ' '), strchr(b, ' ')) <= 0)
				break;
			records->texts[j] = a;
			records->texts[j - 1] = b;
			records->sizes[j] = records->sizes[j - 1];
			records->sizes[j - 1] = size;
		}
}

/* Octal with a NUL behind it; false when it does not fit. */
static bool put_octal(char *field, size_t size, uint64_t value)
{
	for (size_t i = size - 1; i-- > 0; value >>= 3)
		field[i] = (char)('0' + (value & 7));
	field[size - 1] = '\0';
	return value == 0;
}

/* A text that fills its field needs no NUL; false when it does not fit. */
static bool put_text(char *field, size_t size, const char *text)
{
	size_t n = strlen(text);

	memcpy(field, text, n < size ? n : size);
	return n <= size;
}

/* Splits at a slash into prefix and name; false when ustar cannot hold it. */
static bool put_path(struct tar_header *h, const char *path)
{
	size_t n = strlen(path);
	const char *slash = NULL;

	if (n <= sizeof(h->name))
		return put_text(h->name, sizeof(h->name), path);
	for (const char *p = path + 1; p < path + n && p <= path + sizeof(h->prefix); p++)
		if (*p == '/' && p[1] != '\0' && (size_t)(path + n - p - 1) <= sizeof(h->name)) {
			slash = p;
			break;
		}
	if (slash) {
		memcpy(h->prefix, path, (size_t)(slash - path));
		memcpy(h->name, slash + 1, strlen(slash + 1));
		return true;
	}
	memcpy(h->name, path, sizeof(h->name)); /* something for readers without pax */
	return false;
}

static void finish_header(struct tar_header *h)
{
	const unsigned char *p = (const unsigned char *)h;
	unsigned int sum = 0;

	memcpy(h->magic, "ustar\00000", 8);
	memset(h->checksum, ' ', sizeof(h->checksum));
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += p[i];
	(void)put_octal(h->checksum, 7, sum); /* at most 512 * 255: fits */
}

static int write_padding(struct tar_writer *w, uint64_t size)
{
	static const char zeros[TAR_BLOCK];
	size_t n = (size_t)(-size & (TAR_BLOCK - 1));

	return n > 0 ? w->write(w->ctx, zeros, n) : 0;
}

static int write_pax(struct tar_writer *w, struct records *records)
{
	struct tar_header h = { 0 };
	uint64_t size = 0;
	int r = 0;

	sort_records(records);
	for (size_t i = 0; i < records->count; i++)
		size += records->sizes[i];
	(void)put_text(h.name, sizeof(h.name), "PaxHeaders.0/entry"); /* a short constant */
	(void)put_octal(h.mode, sizeof(h.mode), 0644);
	(void)put_octal(h.uid, sizeof(h.uid), 0);
	(void)put_octal(h.gid, sizeof(h.gid), 0);
	(void)put_octal(h.mtime, sizeof(h.mtime), 0);
	if (!put_octal(h.size, sizeof(h.size), size))
		return -EFBIG;
	h.type = 'x';
	finish_header(&h);
	r = w->write(w->ctx, &h, sizeof(h));
	for (size_t i = 0; r == 0 && i < records->count; i++)
		r = w->write(w->ctx, records->texts[i], records->sizes[i]);
	return r == 0 ? write_padding(w, size) : r;
}

static char type_of(enum tar_kind kind)
{
	static const char types[] = {
		[TAR_FILE] = '0',     [TAR_HARDLINK] = '1', [TAR_SYMLINK] = '2', [TAR_CHAR] = '3',
		[TAR_BLOCKDEV] = '4', [TAR_DIR] = '5',	    [TAR_FIFO] = '6'
	};

	return kind < TAR_OTHER ? types[kind] : '\0';
}

/* Fills in h; what does not fit goes to records. */
static void fill_header(struct tar_header *h, const struct tar_entry *e, struct records *records)
{
	h->type = type_of(e->kind);
	if (!put_path(h, e->path) || !is_ascii(e->path))
		add_text(records, "path", e->path);
	if (!put_text(h->link, sizeof(h->link), e->link ? e->link : "") ||
	    (e->link && !is_ascii(e->link)))
		add_text(records, "linkpath", e->link);
	if (e->user && (!put_text(h->user, sizeof(h->user) - 1, e->user) || !is_ascii(e->user)))
		add_text(records, "uname", e->user);
	if (e->group &&
	    (!put_text(h->group, sizeof(h->group) - 1, e->group) || !is_ascii(e->group)))
		add_text(records, "gname", e->group);
	(void)put_octal(h->mode, sizeof(h->mode), e->mode & 07777); /* four digits */
	if (!put_octal(h->uid, sizeof(h->uid), e->uid))
		add_number(records, "uid", e->uid);
	if (!put_octal(h->gid, sizeof(h->gid), e->gid))
		add_number(records, "gid", e->gid);
	if (!put_octal(h->size, sizeof(h->size), e->stored_size))
		add_number(records, "size", e->stored_size);
	if (!put_octal(h->mtime, sizeof(h->mtime), e->mtime < 0 ? 0 : (uint64_t)e->mtime) ||
	    e->mtime < 0 || e->mtime_ns > 0)
		add_time(records, "mtime", e->mtime, e->mtime_ns);
	if (e->has_atime)
		add_time(records, "atime", e->atime, e->atime_ns);
	(void)put_octal(h->dev_major, sizeof(h->dev_major), e->dev_major); /* below, checked */
	(void)put_octal(h->dev_minor, sizeof(h->dev_minor), e->dev_minor);
	for (size_t i = 0; i < e->xattr_count; i++) {
		auto_free char *key = xasprintf("SCHILY.xattr.%s", e->xattrs[i].name);

		add_record(records, key, e->xattrs[i].value, e->xattrs[i].size);
	}
}

int tar_writer_entry(struct tar_writer *w, const struct tar_entry *e, struct err *err)
{
	struct records records auto_done(records) = { 0 };
	struct tar_header h = { 0 };
	int r = 0;

	if (w->left > 0)
		return err_say(err, ERR_FAILED, "the entry before \"%s\" is not complete", e->path);
	if (e->kind == TAR_OTHER || e->sparse)
		return err_say(err, ERR_UNSUPPORTED, "cannot write \"%s\": its kind is not known",
			       e->path);
	if (e->dev_major > 07777777 || e->dev_minor > 07777777)
		return err_say(err, ERR_UNSUPPORTED,
			       "cannot write \"%s\": its device number is too large", e->path);
	fill_header(&h, e, &records);
	if (records.count > 0)
		r = write_pax(w, &records);
	if (r == 0) {
		finish_header(&h);
		r = w->write(w->ctx, &h, sizeof(h));
	}
	if (r < 0)
		return err_set(err, r, "cannot write the archive");
	w->left = e->stored_size;
	w->padding = (unsigned int)(-e->stored_size & (TAR_BLOCK - 1));
	return 0;
}

int tar_writer_data(struct tar_writer *w, const void *data, size_t size)
{
	int r = 0;

	if (size > w->left)
		return -EFBIG;
	if (size == 0)
		return 0;
	r = w->write(w->ctx, data, size);
	if (r < 0)
		return r;
	w->left -= size;
	if (w->left == 0) {
		r = write_padding(w, TAR_BLOCK - w->padding);
		w->padding = 0;
	}
	return r;
}

int tar_writer_end(struct tar_writer *w)
{
	static const char zeros[2 * TAR_BLOCK];

	if (w->left > 0)
		return -EPROTO;
	return w->write(w->ctx, zeros, sizeof(zeros));
}
