/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading and writing tar streams. The reader takes bytes from strangers: it bounds all that it
 * keeps, trusts no size, and never looks at the file system. It reads V7, ustar (POSIX.1-1988),
 * pax (POSIX.1-2001, "pax Interchange Format") and GNU archives: long names and links, base-256
 * numbers, sparse files (old GNU, pax 0.0, 0.1 and 1.0 as in "Sparse Formats" of the GNU tar
 * manual), extended attributes (SCHILY.xattr.*, LIBARCHIVE.xattr.*). Where readers differ it
 * sides with Go's archive/tar, by which Docker and Podman unpack.
 *
 * Needs nothing but libc: usable in every program.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum { TAR_BLOCK = 512 };

enum tar_kind {
	TAR_FILE,
	TAR_HARDLINK,
	TAR_SYMLINK,
	TAR_CHAR,
	TAR_BLOCKDEV,
	TAR_DIR,
	TAR_FIFO,
	TAR_OTHER, /* volume labels, dump folders and what vendors made up: see type */
};

struct tar_xattr {
	const char *name; /* "user.x", "security.capability"; never empty */
	const void *value;
	size_t size;
};

/* One run of real data in a sparse file; what lies between is a hole. */
struct tar_run {
	uint64_t offset;
	uint64_t size;
};

struct tar_entry {
	enum tar_kind kind;
	char type;	  /* the type flag as it stands in the archive */
	uint64_t number;  /* 0 for the first entry of the archive */
	const char *path; /* as stored: may be absolute, hold "..", end in "/"; never holds a NUL */
	const char *link; /* target of a hard or symbolic link, else "" */
	uint32_t mode;	  /* 07777 at most */
	uint64_t uid;
	uint64_t gid;
	const char *user; /* names; "" where there are none */
	const char *group;
	int64_t mtime;	   /* seconds since 1970 */
	uint32_t mtime_ns; /* 0 to 999999999 */
	bool has_atime;
	int64_t atime;
	uint32_t atime_ns;
	uint32_t dev_major;
	uint32_t dev_minor;
	uint64_t size;	      /* bytes of the file, holes counted */
	uint64_t stored_size; /* bytes of content in the stream: size, or the sum of the runs */
	bool sparse;
	const struct tar_run *runs; /* in rising order, inside size, not overlapping */
	size_t run_count;
	const struct tar_xattr *xattrs;
	size_t xattr_count;
};

/* ---- Reading ---- */

struct tar_reader;

struct tar_reader_args {
	/*
	 * Gives the next run of the stream: *ret_size 0 means its end. The bytes stay valid until
	 * the next call. A negative errno ends the reading with it; the source words the error.
	 */
	int (*fill)(void *ctx, const void **ret_data, size_t *ret_size);
	void *ctx;
	/* Or all of it in memory, when fill is NULL. */
	const void *data;
	size_t size;
	/*
	 * Gets every byte of the stream that is not file content, in order: headers, padding, and
	 * what follows the end mark. May be NULL. A negative errno ends the reading with it.
	 */
	int (*keep)(void *keep_ctx, const void *data, size_t size);
	void *keep_ctx;
	/* The stream is what keep() got earlier: contents are left out, all else is there. */
	bool without_content;
};

/* The reader; the caller frees it. Never NULL. args are copied. */
struct tar_reader *tar_reader_new(const struct tar_reader_args *args);
void tar_reader_free(struct tar_reader *reader); /* NULL is fine */

static inline void tar_reader_free_p(struct tar_reader **reader)
{
	tar_reader_free(*reader);
}
#define auto_tar_reader __attribute__((cleanup(tar_reader_free_p)))

/*
 * Goes to the next entry, past what is left of this one's content. Returns 1 with *ret_entry
 * (owned by the reader, valid until the next call), 0 at the end of the archive (the stream
 * was then read to its end too), or a negative errno: -EINVAL with err set for what is not a
 * valid archive (ERR_USAGE, names the entry), else fill()'s or keep()'s, for which the caller has
 * the words. After an error only tar_reader_free() is allowed. Global pax headers are read,
 * checked and kept, but like Go (so like Docker and Podman) not applied.
 */
int tar_reader_next(struct tar_reader *reader, const struct tar_entry **ret_entry, struct err *err);

/*
 * The next run of this entry's content, without copying: 1 with bytes that belong at *ret_offset
 * of the file (holes are skipped), 0 when there is no more, or a negative errno as above. The
 * bytes are valid until the next call.
 */
int tar_reader_data(struct tar_reader *reader, const void **ret_data, size_t *ret_size,
		    uint64_t *ret_offset, struct err *err);

/* Bytes of the stream used up to now. */
uint64_t tar_reader_position(const struct tar_reader *reader);

/* ---- Writing ---- */

/*
 * The same entries in the same order give the same bytes: a pax header stands only before an
 * entry that ustar cannot hold (long or non-ASCII names, big numbers, attributes, parts of a
 * second where mtime_ns is not 0), its records sorted.
 */
struct tar_writer {
	int (*write)(void *ctx, const void *data, size_t size); /* 0 or a negative errno */
	void *ctx;
	uint64_t left; /* content bytes that the entry still wants */
	unsigned int padding;
};

/* Writes the header; stored_size bytes of content must follow. runs are not written: give whole
 * files. 0 or a negative errno with err set. */
int tar_writer_entry(struct tar_writer *writer, const struct tar_entry *entry, struct err *err);
/* Content: 0, -EFBIG beyond what the header promised, or write()'s error. */
int tar_writer_data(struct tar_writer *writer, const void *data, size_t size);
/* Ends the archive: -EPROTO when content is missing. */
int tar_writer_end(struct tar_writer *writer);
