/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tar reader: see tar.h. Runs in bryo-image, in the worker that unpacks, and takes bytes from
 * strangers: it keeps at most one pax header, two names and one sparse map, each bounded, and
 * must never read beyond what the source gave or believe a size before the bytes are there.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/archive/tar-internal.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/str.h"

struct tar_reader {
	struct tar_reader_args args;
	const uint8_t *at; /* what the source gave last and we did not use yet */
	size_t left;
	bool source_ended;
	uint64_t position;
	uint64_t next_number;

	struct tar_entry entry;
	uint64_t content_left; /* bytes of content in the stream */
	unsigned int padding;  /* bytes to the next block behind them */
	size_t run;	       /* sparse: where we are in the runs */
	uint64_t run_done;
	uint64_t offset; /* not sparse: where we are in the file */

	uint8_t block[TAR_BLOCK]; /* a block that lies across two runs of the source */
	struct buf path, link, user, group;
	struct buf long_path, long_link; /* GNU's */
	bool has_long_path, has_long_link;
	struct pax pax;
	bool has_pax;
	struct pax global; /* checked only */
};

struct tar_reader *tar_reader_new(const struct tar_reader_args *args)
{
	struct tar_reader *r = xcalloc(1, sizeof(*r));

	r->args = *args;
	if (!args->fill) {
		r->at = args->data;
		r->left = args->size;
		r->source_ended = true;
	}
	return r;
}

void tar_reader_free(struct tar_reader *r)
{
	if (!r)
		return;
	buf_done(&r->path);
	buf_done(&r->link);
	buf_done(&r->user);
	buf_done(&r->group);
	buf_done(&r->long_path);
	buf_done(&r->long_link);
	pax_done(&r->pax);
	pax_done(&r->global);
	free(r);
}

uint64_t tar_reader_position(const struct tar_reader *r)
{
	return r->position;
}

static int bad(const struct tar_reader *r, struct err *err, const char *why)
{
	return err_say(err, ERR_USAGE, "archive entry %llu (\"%.200s\") is not valid: %s",
		       (unsigned long long)r->next_number, r->path.data ? r->path.data : "", why);
}

/* ---- Bytes ---- */

/* Makes at least one byte available: 1, 0 at the end of the source, or its error. */
static int want(struct tar_reader *r)
{
	while (r->left == 0 && !r->source_ended) {
		const void *data = NULL;
		size_t size = 0;
		int e = r->args.fill(r->args.ctx, &data, &size);

		if (e < 0)
			return e;
		r->at = data;
		r->left = size;
		r->source_ended = size == 0;
	}
	return r->left > 0;
}

/* Uses up n bytes that are available; kept ones go to keep(). */
static int use(struct tar_reader *r, size_t n, bool kept)
{
	assert(n <= r->left);
	if (kept && r->args.keep && n > 0) {
		int e = r->args.keep(r->args.keep_ctx, r->at, n);

		if (e < 0)
			return e;
	}
	r->at += n;
	r->left -= n;
	r->position += n;
	return 0;
}

/*
 * The next block, kept: 1 with *ret_block (valid until the next call that reads), 0 at a clean
 * end, -ENODATA where the stream ends inside it.
 */
static int next_block(struct tar_reader *r, const uint8_t **ret_block)
{
	size_t have = 0;
	int e = want(r);

	if (e <= 0)
		return e;
	if (r->left >= TAR_BLOCK) {
		*ret_block = r->at;
		e = use(r, TAR_BLOCK, true);
		return e < 0 ? e : 1;
	}
	while (have < TAR_BLOCK) {
		size_t n = 0;

		e = want(r);
		if (e < 0)
			return e;
		if (e == 0)
			return -ENODATA;
		n = r->left < TAR_BLOCK - have ? r->left : TAR_BLOCK - have;
		memcpy(r->block + have, r->at, n);
		have += n;
		e = use(r, n, true);
		if (e < 0)
			return e;
	}
	*ret_block = r->block;
	return 1;
}

/* Passes over n bytes; -ENODATA where the stream ends before. */
static int skip(struct tar_reader *r, uint64_t n, bool kept)
{
	while (n > 0) {
		size_t part = 0;
		int e = want(r);

		if (e < 0)
			return e;
		if (e == 0)
			return -ENODATA;
		part = r->left < n ? r->left : (size_t)n;
		e = use(r, part, kept);
		if (e < 0)
			return e;
		n -= part;
	}
	return 0;
}

static unsigned int padding_of(uint64_t size)
{
	return (unsigned int)(-size & (TAR_BLOCK - 1));
}

/* Reads a header's payload of size bytes and its padding, all kept. */
static int read_special(struct tar_reader *r, int64_t size, struct buf *into)
{
	into->size = 0;
	if (size < 0 || size > TAR_SPECIAL_MAX)
		return -EFBIG;
	(void)buf_addc(into, '\0'); /* unbounded buffer: cannot fail; so that data is never NULL */
	into->size = 0;
	while (into->size < (size_t)size) {
		size_t n = 0;
		int e = want(r);

		if (e < 0)
			return e;
		if (e == 0)
			return -ENODATA;
		n = (size_t)size - into->size;
		if (n > r->left)
			n = r->left;
		(void)buf_add(into, r->at, n);
		e = use(r, n, true);
		if (e < 0)
			return e;
	}
	return skip(r, padding_of((uint64_t)size), true);
}

/* Words for the errors that the helpers above return. */
static int explain(const struct tar_reader *r, int e, struct err *err)
{
	if (e == -ENODATA)
		return err_say(err, ERR_USAGE,
			       "the archive is cut: it ends inside entry %llu (\"%.200s\")",
			       (unsigned long long)r->next_number,
			       r->path.data ? r->path.data : "");
	if (e == -EFBIG)
		return bad(r, err, "its extended header is larger than 1 MiB");
	return e;
}

/* ---- Headers ---- */

static void set_text(struct buf *buf, const char *text, size_t size)
{
	buf->size = 0;
	(void)buf_add(buf, text, size); /* unbounded buffers: cannot fail */
	(void)buf_addc(buf, '\0');
}

static void set_string(struct buf *buf, const char *text)
{
	set_text(buf, text, strlen(text));
}

/* The name of a ustar header: prefix, a slash, name. */
static void set_path(struct tar_reader *r, const struct tar_header *h, enum tar_format format)
{
	size_t prefix = format == TAR_USTAR ? tar_field_length(h->prefix, sizeof(h->prefix)) : 0;

	r->path.size = 0;
	if (prefix > 0) {
		(void)buf_add(&r->path, h->prefix, prefix); /* unbounded buffers: cannot fail */
		(void)buf_addc(&r->path, '/');
	}
	(void)buf_add(&r->path, h->name, tar_field_length(h->name, sizeof(h->name)));
	(void)buf_addc(&r->path, '\0');
}

static enum tar_kind kind_of(char type, const char *path)
{
	switch (type) {
	case '0':
	case '\0':
	case '7':
	case 'S':
		/* Archives older than the type flag mark folders so; GNU tar and Go honour it. */
		return type != 'S' && str_ends(path, "/") ? TAR_DIR : TAR_FILE;
	case '1':
		return TAR_HARDLINK;
	case '2':
		return TAR_SYMLINK;
	case '3':
		return TAR_CHAR;
	case '4':
		return TAR_BLOCKDEV;
	case '5':
		return TAR_DIR;
	case '6':
		return TAR_FIFO;
	default:
		return TAR_OTHER;
	}
}

/* The fixed fields. 0, or -EINVAL with *why. */
static int read_fields(struct tar_reader *r, const struct tar_header *h, const char **why)
{
	struct tar_entry *e = &r->entry;
	enum tar_format format = tar_format_of(h);
	int64_t mode = 0;
	int64_t uid = 0;
	int64_t gid = 0;
	int64_t size = 0;

	*why = "a number in its header is not valid";
	set_path(r, h, format);
	if (tar_number(h->mode, sizeof(h->mode), &mode) < 0 ||
	    tar_number(h->uid, sizeof(h->uid), &uid) < 0 ||
	    tar_number(h->gid, sizeof(h->gid), &gid) < 0 ||
	    tar_number(h->size, sizeof(h->size), &size) < 0 ||
	    tar_number(h->mtime, sizeof(h->mtime), &e->mtime) < 0)
		return -EINVAL;
	if (uid < 0 || gid < 0 || size < 0)
		return -EINVAL;
	set_text(&r->link, h->link, tar_field_length(h->link, sizeof(h->link)));
	set_string(&r->user, "");
	set_string(&r->group, "");
	if (format != TAR_V7) {
		set_text(&r->user, h->user, tar_field_length(h->user, sizeof(h->user)));
		set_text(&r->group, h->group, tar_field_length(h->group, sizeof(h->group)));
	}
	if (format != TAR_V7 && (h->type == '3' || h->type == '4')) {
		int64_t major = 0;
		int64_t minor = 0;

		if (tar_number(h->dev_major, sizeof(h->dev_major), &major) < 0 ||
		    tar_number(h->dev_minor, sizeof(h->dev_minor), &minor) < 0 || major < 0 ||
		    minor < 0 || major > UINT32_MAX || minor > UINT32_MAX)
			return -EINVAL;
		e->dev_major = (uint32_t)major;
		e->dev_minor = (uint32_t)minor;
	}
	e->type = h->type;
	e->mode = (uint32_t)mode & 07777;
	e->uid = (uint64_t)uid;
	e->gid = (uint64_t)gid;
	e->stored_size = (uint64_t)size;
	return 0;
}

/* What the pax header and GNU's long names say instead. */
static void apply_extended(struct tar_reader *r)
{
	struct tar_entry *e = &r->entry;
	const struct pax *pax = &r->pax;

	if (r->has_pax) {
		if (pax->path)
			set_string(&r->path, pax->path);
		if (pax->link)
			set_string(&r->link, pax->link);
		if (pax->user)
			set_string(&r->user, pax->user);
		if (pax->group)
			set_string(&r->group, pax->group);
		e->uid = pax->has_uid ? pax->uid : e->uid;
		e->gid = pax->has_gid ? pax->gid : e->gid;
		e->stored_size = pax->has_size ? pax->size : e->stored_size;
		if (pax->has_mtime) {
			e->mtime = pax->mtime;
			e->mtime_ns = pax->mtime_ns;
		}
		e->has_atime = pax->has_atime;
		e->atime = pax->atime;
		e->atime_ns = pax->atime_ns;
		e->xattrs = pax->xattrs;
		e->xattr_count = pax->xattr_count;
	}
	if (r->has_long_path)
		set_string(&r->path, r->long_path.data);
	if (r->has_long_link)
		set_string(&r->link, r->long_link.data);
}

/* ---- Sparse maps ---- */

/* Adds the pairs of a GNU header or extension; a NUL ends them. False: not valid. */
static bool add_gnu_runs(struct pax *pax, const char (*pairs)[24], size_t count)
{
	for (size_t i = 0; i < count && pairs[i][0] != '\0'; i++) {
		int64_t offset = 0;
		int64_t size = 0;

		if (tar_number(pairs[i], 12, &offset) < 0 ||
		    tar_number(pairs[i] + 12, 12, &size) < 0 || offset < 0 || size < 0 ||
		    pax_add_run(pax, (uint64_t)offset, (uint64_t)size) < 0)
			return false;
	}
	return true;
}

/* Old GNU format: the map stands in the header and in blocks behind it. */
static int read_gnu_sparse(struct tar_reader *r, const struct tar_header *header, struct err *err)
{
	struct tar_header first = *header; /* the block it lies in is given back by next_block() */
	bool more = first.gnu.extended != 0;
	int64_t real = 0;

	r->pax.run_count = 0;
	if (tar_number(first.gnu.real_size, sizeof(first.gnu.real_size), &real) < 0 || real < 0 ||
	    !add_gnu_runs(&r->pax, first.gnu.sparse, 4))
		return bad(r, err, "its sparse map is not valid");
	while (more) {
		const uint8_t *block = NULL;
		int e = next_block(r, &block);

		if (e <= 0)
			return explain(r, e == 0 ? -ENODATA : e, err);
		more = block[504] != 0;
		if (!add_gnu_runs(&r->pax, (const char(*)[24])block, 21))
			return bad(r, err, "its sparse map is not valid");
	}
	r->entry.sparse = true;
	r->entry.size = (uint64_t)real;
	return 0;
}

/* Reads numbers, one a line, from the blocks before the content (pax 1.0). */
struct map_lines {
	const uint8_t *block;
	size_t used;
	uint64_t room; /* of the stored size, for further blocks */
};

static int map_number(struct tar_reader *r, struct map_lines *lines, uint64_t *ret_value)
{
	uint64_t value = 0;

	for (unsigned int digits = 0; digits <= 19; digits++) {
		uint8_t c = 0;

		if (!lines->block || lines->used == TAR_BLOCK) {
			int e = 0;

			if (lines->room < TAR_BLOCK)
				return -EINVAL;
			e = next_block(r, &lines->block);
			if (e <= 0)
				return e == 0 ? -ENODATA : e;
			lines->room -= TAR_BLOCK;
			lines->used = 0;
		}
		c = lines->block[lines->used++];
		if (c == '\n' && digits > 0) {
			*ret_value = value;
			return value > INT64_MAX ? -EINVAL : 0;
		}
		if (c < '0' || c > '9')
			return -EINVAL;
		value = value * 10 + (c - '0');
	}
	return -EINVAL;
}

static int read_data_map(struct tar_reader *r, struct err *err)
{
	struct map_lines lines = { .room = r->entry.stored_size };
	uint64_t count = 0;
	int e = map_number(r, &lines, &count);

	r->pax.run_count = 0;
	if (e == 0 && count > TAR_RUNS_MAX)
		e = -EINVAL;
	for (uint64_t i = 0; e == 0 && i < count; i++) {
		uint64_t offset = 0;
		uint64_t size = 0;

		e = map_number(r, &lines, &offset);
		if (e == 0)
			e = map_number(r, &lines, &size);
		if (e == 0)
			e = pax_add_run(&r->pax, offset, size);
	}
	if (e == -EINVAL)
		return bad(r, err, "its sparse map is not valid");
	if (e < 0)
		return explain(r, e, err);
	r->entry.stored_size = lines.room;
	return 0;
}

static int read_sparse(struct tar_reader *r, const struct tar_header *header, struct err *err)
{
	struct tar_entry *e = &r->entry;
	int rc = 0;

	if (header->type == 'S') {
		rc = read_gnu_sparse(r, header, err);
	} else if (r->has_pax && r->pax.sparse && e->kind == TAR_FILE) {
		if (!r->pax.has_sparse_size)
			return bad(r, err, "its sparse map has no size");
		if (r->pax.sparse_path)
			set_string(&r->path, r->pax.sparse_path);
		e->sparse = true;
		e->size = r->pax.sparse_size;
		if (r->pax.sparse_in_data)
			rc = read_data_map(r, err);
	}
	if (rc < 0 || !e->sparse)
		return rc;
	if (!tar_runs_valid(r->pax.runs, r->pax.run_count, e->size, e->stored_size))
		return bad(r, err, "its sparse map is not valid");
	e->runs = r->pax.runs;
	e->run_count = r->pax.run_count;
	return 0;
}

/* ---- Entries ---- */

/* A header that only speaks of the next one: 1 when it was one, 0 when not. */
static int read_extension(struct tar_reader *r, const struct tar_header *header, struct err *err)
{
	char type = header->type;
	int64_t size = 0;
	const char *why = NULL;
	struct buf *into = NULL;
	int e = 0;

	switch (type) {
	case 'x':
		pax_reset(&r->pax);
		into = &r->pax.text;
		break;
	case 'g':
		pax_reset(&r->global);
		into = &r->global.text;
		break;
	case 'L':
		into = &r->long_path;
		break;
	case 'K':
		into = &r->long_link;
		break;
	default:
		return 0;
	}
	if (tar_number(header->size, sizeof(header->size), &size) < 0)
		return bad(r, err, "a number in its header is not valid");
	e = read_special(r, size, into);
	if (e < 0)
		return explain(r, e, err);
	if (type == 'x' || type == 'g') {
		if (pax_parse(type == 'x' ? &r->pax : &r->global, &why) < 0)
			return bad(r, err, why);
		r->has_pax |= type == 'x';
	}
	r->has_long_path |= type == 'L';
	r->has_long_link |= type == 'K';
	return 1;
}

/* Fills in r->entry from a header that names a real entry. */
static int read_entry(struct tar_reader *r, const struct tar_header *header, struct err *err)
{
	struct tar_header copy = *header; /* reading a sparse map takes its block away */
	struct tar_entry *e = &r->entry;
	const char *why = NULL;
	int rc = 0;

	*e = (struct tar_entry){ .number = r->next_number };
	if (read_fields(r, &copy, &why) < 0)
		return bad(r, err, why);
	apply_extended(r);
	e->kind = kind_of(e->type, r->path.data);
	/* These have no content, whatever the size field says: Go's reader goes on at once. */
	if (e->kind != TAR_FILE && e->kind != TAR_OTHER)
		e->stored_size = 0;
	if (e->stored_size > INT64_MAX - TAR_BLOCK)
		return bad(r, err, "its size is not possible");
	r->padding = padding_of(e->stored_size);
	e->size = e->stored_size;
	rc = read_sparse(r, &copy, err);
	if (rc < 0)
		return rc;
	if (e->size > INT64_MAX)
		return bad(r, err, "its size is not possible");
	r->content_left = e->stored_size;
	e->path = r->path.data;
	e->link = r->link.data;
	e->user = r->user.data;
	e->group = r->group.data;
	r->run = 0;
	r->run_done = 0;
	r->offset = 0;
	r->next_number++;
	return 1;
}

/* Behind the end mark anything may stand; it belongs to the stream and to its digest. */
static int drain(struct tar_reader *r)
{
	int e = want(r);

	while (e > 0) {
		e = use(r, r->left, true);
		if (e == 0)
			e = want(r);
	}
	return e;
}

static bool all_zero(const uint8_t *block)
{
	return block[0] == 0 && memcmp(block, block + 1, TAR_BLOCK - 1) == 0;
}

/* After one block of zeros: a second, or the end of the stream, ends the archive. */
static int end_mark(struct tar_reader *r, struct err *err)
{
	const uint8_t *block = NULL;
	int e = next_block(r, &block);

	if (e < 0)
		return explain(r, e, err);
	if (e > 0 && !all_zero(block))
		return bad(r, err, "it follows a lone block of zeros");
	return drain(r);
}

int tar_reader_next(struct tar_reader *r, const struct tar_entry **ret_entry, struct err *err)
{
	int e = r->args.without_content ? 0 : skip(r, r->content_left, false);

	r->content_left = 0;
	if (e == 0)
		e = skip(r, r->padding, true);
	r->padding = 0;
	if (e < 0)
		return explain(r, e, err);
	r->path.size = 0;
	if (r->path.data)
		r->path.data[0] = '\0';
	r->has_pax = false;
	r->has_long_path = false;
	r->has_long_link = false;
	for (;;) {
		const uint8_t *block = NULL;

		e = next_block(r, &block);
		if (e < 0)
			return explain(r, e, err);
		if (e == 0 && (r->has_pax || r->has_long_path || r->has_long_link))
			return explain(r, -ENODATA, err);
		if (e == 0)
			return 0;
		if (all_zero(block))
			return end_mark(r, err);
		if (!tar_checksum_ok((const struct tar_header *)block))
			return bad(r, err,
				   r->next_number == 0 ? "no tar header stands there"
						       : "the checksum of its header is wrong");
		e = read_extension(r, (const struct tar_header *)block, err);
		if (e < 0)
			return e;
		if (e > 0)
			continue;
		e = read_entry(r, (const struct tar_header *)block, err);
		if (e > 0)
			*ret_entry = &r->entry;
		return e;
	}
}

int tar_reader_data(struct tar_reader *r, const void **ret_data, size_t *ret_size,
		    uint64_t *ret_offset, struct err *err)
{
	const struct tar_entry *entry = &r->entry;
	uint64_t n = r->content_left;
	uint64_t offset = r->offset;
	int e = 0;

	if (n == 0 || r->args.without_content)
		return 0;
	e = want(r);
	if (e <= 0)
		return explain(r, e == 0 ? -ENODATA : e, err);
	if (entry->sparse) {
		while (r->run_done == entry->runs[r->run].size) { /* runs of no bytes are legal */
			r->run++;
			r->run_done = 0;
		}
		offset = entry->runs[r->run].offset + r->run_done;
		n = entry->runs[r->run].size - r->run_done;
	}
	if (n > r->left)
		n = r->left;
	*ret_data = r->at;
	*ret_size = (size_t)n;
	*ret_offset = offset;
	r->content_left -= n;
	r->run_done += n;
	r->offset += n;
	return use(r, (size_t)n, false) < 0 ? -EIO : 1;
}
