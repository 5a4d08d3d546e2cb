/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the tar reader share. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/archive/tar.h"
#include "engine/base/buf.h"

struct err;

enum {
	/* Most bytes of one pax header or GNU long name (Go's maxSpecialFileSize). */
	TAR_SPECIAL_MAX = 1024 * 1024,
	/* Most runs of one sparse file (Go's maxSparseFileEntries). */
	TAR_RUNS_MAX = 1024 * 1024,
	/* Most extended attributes of one entry. */
	TAR_XATTRS_MAX = 1024,
};

/* One header block as POSIX and GNU lay it out; all fields are raw bytes. */
struct tar_header {
	char name[100];
	char mode[8];
	char uid[8];
	char gid[8];
	char size[12];
	char mtime[12];
	char checksum[8];
	char type;
	char link[100];
	char magic[8]; /* "ustar\0" "00" or "ustar  " */
	char user[32];
	char group[32];
	char dev_major[8];
	char dev_minor[8];
	union {
		char prefix[155];
		struct {
			char atime[12];
			char ctime[12];
			char offset[12];
			char longnames[4];
			char unused[1];
			char sparse[4][24];
			char extended;
			char real_size[12];
		} gnu;
	};
	char end[12];
};
_Static_assert(sizeof(struct tar_header) == TAR_BLOCK, "a header is one block");

enum tar_format { TAR_V7, TAR_USTAR, TAR_GNU };

/* Octal or base-256; -EINVAL for all else. Blanks give 0. */
int tar_number(const char *field, size_t size, int64_t *ret_value);
/* True when the checksum is right, by signed or unsigned bytes. */
bool tar_checksum_ok(const struct tar_header *header);
enum tar_format tar_format_of(const struct tar_header *header);
/* Length of a text field that may fill its room without a NUL. */
size_t tar_field_length(const char *field, size_t size);

/* What a pax header says; texts point into its buffer. */
struct pax {
	struct buf text;
	const char *path;
	const char *link;
	const char *user;
	const char *group;
	bool has_uid, has_gid, has_size, has_mtime, has_atime;
	uint64_t uid;
	uint64_t gid;
	uint64_t size;
	int64_t mtime;
	uint32_t mtime_ns;
	int64_t atime;
	uint32_t atime_ns;
	struct tar_xattr *xattrs;
	size_t xattr_count, xattr_capacity;
	/* GNU.sparse.*, up to what the data area holds (1.0) */
	bool sparse;
	bool sparse_in_data;
	const char *sparse_path;
	uint64_t sparse_size;
	bool has_sparse_size;
	struct tar_run *runs;
	size_t run_count, run_capacity;
	bool run_open; /* 0.0: an offset without its length */
};

void pax_reset(struct pax *pax); /* ready for the next header, memory kept */
void pax_done(struct pax *pax);
/* Parses pax->text in place. 0, or -EINVAL with *ret_why. */
int pax_parse(struct pax *pax, const char **ret_why);
/* Adds a run; -EINVAL beyond TAR_RUNS_MAX. */
int pax_add_run(struct pax *pax, uint64_t offset, uint64_t size);
/* True when the runs rise, do not overlap, lie inside size and sum up to stored. */
bool tar_runs_valid(const struct tar_run *runs, size_t count, uint64_t size, uint64_t stored);
