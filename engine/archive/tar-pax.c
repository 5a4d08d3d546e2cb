/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pax extended headers: records "LENGTH KEY=VALUE\n" (POSIX.1-2017, pax, "pax Extended Header").
 * Runs wherever archives are read; takes bytes from strangers. Records that we do not know are
 * checked for their form and left alone.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/archive/tar-internal.h"
#include "engine/base/alloc.h"
#include "engine/base/str.h"

struct record {
	char *key;
	char *value; /* a NUL stands behind it in place of the newline */
	size_t size;
};

void pax_reset(struct pax *pax)
{
	struct pax fresh = { .text = pax->text,
			     .xattrs = pax->xattrs,
			     .xattr_capacity = pax->xattr_capacity,
			     .runs = pax->runs,
			     .run_capacity = pax->run_capacity };

	fresh.text.size = 0;
	*pax = fresh;
}

void pax_done(struct pax *pax)
{
	buf_done(&pax->text);
	free(pax->xattrs);
	free(pax->runs);
	*pax = (struct pax){ 0 };
}

int pax_add_run(struct pax *pax, uint64_t offset, uint64_t size)
{
	if (pax->run_count >= TAR_RUNS_MAX)
		return -EINVAL;
	xgrow(pax->runs, pax->run_count, pax->run_capacity);
	pax->runs[pax->run_count++] = (struct tar_run){ .offset = offset, .size = size };
	return 0;
}

/* Signed seconds with an optional fraction of any length, cut to nanoseconds. */
static int parse_time(const char *s, int64_t *ret_seconds, uint32_t *ret_ns)
{
	auto_free char *whole = xstrdup(s);
	char *dot = strchr(whole, '.');
	int64_t seconds = 0;
	uint32_t ns = 0;
	uint32_t unit = 100000000;

	if (dot) {
		*dot++ = '\0';
		for (; *dot >= '0' && *dot <= '9'; dot++, unit /= 10)
			ns += unit * (uint32_t)(*dot - '0');
		if (*dot)
			return -EINVAL;
	}
	if (str_to_i64(whole, &seconds) < 0)
		return -EINVAL;
	if (whole[0] == '-' && ns > 0) { /* -1.5 is 0.5 s after -2 */
		if (seconds == INT64_MIN)
			return -EINVAL;
		seconds--;
		ns = 1000000000 - ns;
	}
	*ret_seconds = seconds;
	*ret_ns = ns;
	return 0;
}

static int parse_u63(const char *s, uint64_t *ret_value)
{
	int64_t value = 0;

	if (str_to_i64(s, &value) < 0 || value < 0)
		return -EINVAL;
	*ret_value = (uint64_t)value;
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undoes %XX in place, for LIBARCHIVE.xattr's names. */
static void url_decode(char *s)
{
	char *out = s;

	while (*s) {
		int high = s[0] == '%' ? hex_digit(s[1]) : -1;
		int low = high >= 0 ? hex_digit(s[2]) : -1;

		if (low >= 0) {
			*out++ = (char)(high * 16 + low);
			s += 3;
		} else {
			*out++ = *s++;
		}
	}
	*out = '\0';
}

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Decodes in place (the result is shorter); libarchive writes no padding and no breaks. */
static int base64_decode(char *s, size_t *size)
{
	unsigned char *out = (unsigned char *)s;
	size_t written = 0;
	uint32_t bits = 0;
	unsigned int have = 0;

	for (size_t i = 0; i < *size && s[i] != '='; i++) {
		int digit = base64_digit(s[i]);

		if (digit < 0)
			return -EINVAL;
		bits = bits << 6 | (uint32_t)digit;
		have += 6;
		if (have < 8)
			continue;
		have -= 8;
		out[written++] = (unsigned char)(bits >> have);
	}
	*size = written;
	return 0;
}

/* An attribute that both prefixes give is taken from SCHILY.xattr. */
static int add_xattr(struct pax *pax, const char *name, const struct record *record, bool weaker)
{
	/* The kernel's limit for a name (xattr(7)); a bound on the count, since we compare all. */
	if (*name == '\0' || strlen(name) > 255 || pax->xattr_count >= TAR_XATTRS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < pax->xattr_count; i++) {
		if (!str_eq(pax->xattrs[i].name, name))
			continue;
		if (!weaker) {
			pax->xattrs[i].value = record->value;
			pax->xattrs[i].size = record->size;
		}
		return 0;
	}
	xgrow(pax->xattrs, pax->xattr_count, pax->xattr_capacity);
	pax->xattrs[pax->xattr_count++] =
		(struct tar_xattr){ .name = name, .value = record->value, .size = record->size };
	return 0;
}

/* 0.1: "offset,size,offset,size" */
static int parse_sparse_map(struct pax *pax, char *value)
{
	uint64_t pair[2] = { 0, 0 };
	int have = 0;

	pax->run_count = 0;
	if (*value == '\0')
		return 0;
	for (char *p = value; p;) {
		char *comma = strchr(p, ',');

		if (comma)
			*comma++ = '\0';
		if (parse_u63(p, &pair[have++]) < 0)
			return -EINVAL;
		if (have == 2) {
			have = 0;
			if (pax_add_run(pax, pair[0], pair[1]) < 0)
				return -EINVAL;
		}
		p = comma;
	}
	return have == 0 ? 0 : -EINVAL;
}

static int parse_sparse(struct pax *pax, const char *key, struct record *record)
{
	uint64_t number = 0;

	if (str_eq(key, "name")) {
		pax->sparse_path = record->value;
		return 0;
	}
	if (str_eq(key, "map")) {
		pax->sparse = true;
		return parse_sparse_map(pax, record->value);
	}
	if (parse_u63(record->value, &number) < 0)
		return -EINVAL;
	if (str_eq(key, "size") || str_eq(key, "realsize")) {
		pax->sparse_size = number;
		pax->has_sparse_size = true;
	} else if (str_eq(key, "major")) {
		pax->sparse_in_data = number == 1;
		return number <= 1 ? 0 : -EINVAL;
	} else if (str_eq(key, "minor")) {
		return number <= 1 ? 0 : -EINVAL;
	} else if (str_eq(key, "numblocks")) {
		pax->sparse = true;
	} else if (str_eq(key, "offset")) {
		if (pax->run_open)
			return -EINVAL;
		pax->run_open = true;
		return pax_add_run(pax, number, 0);
	} else if (str_eq(key, "numbytes")) {
		if (!pax->run_open)
			return -EINVAL;
		pax->run_open = false;
		pax->runs[pax->run_count - 1].size = number;
	}
	return 0;
}

/* One number or time; 1 when the key is none of these. */
static int parse_number(struct pax *pax, const struct record *record)
{
	const char *key = record->key;
	const char *value = record->value;

	if (str_eq(key, "uid")) {
		pax->has_uid = true;
		return parse_u63(value, &pax->uid);
	}
	if (str_eq(key, "gid")) {
		pax->has_gid = true;
		return parse_u63(value, &pax->gid);
	}
	if (str_eq(key, "size")) {
		pax->has_size = true;
		return parse_u63(value, &pax->size);
	}
	if (str_eq(key, "mtime")) {
		pax->has_mtime = true;
		return parse_time(value, &pax->mtime, &pax->mtime_ns);
	}
	if (str_eq(key, "atime")) {
		pax->has_atime = true;
		return parse_time(value, &pax->atime, &pax->atime_ns);
	}
	return 1;
}

static int use_record(struct pax *pax, struct record *record)
{
	static const char schily[] = "SCHILY.xattr.";
	static const char libarchive[] = "LIBARCHIVE.xattr.";
	static const char sparse[] = "GNU.sparse.";
	char *key = record->key;
	const char **text = str_eq(key, "path")	      ? &pax->path
			    : str_eq(key, "linkpath") ? &pax->link
			    : str_eq(key, "uname")    ? &pax->user
			    : str_eq(key, "gname")    ? &pax->group
						      : NULL;
	int r = 0;

	if (str_starts(key, schily))
		return add_xattr(pax, key + sizeof(schily) - 1, record, false);
	if (str_starts(key, libarchive)) {
		key += sizeof(libarchive) - 1;
		url_decode(key);
		if (base64_decode(record->value, &record->size) < 0)
			return -EINVAL;
		return add_xattr(pax, key, record, true);
	}
	/* A NUL would show one text to a check and another to the kernel. */
	if (memchr(record->value, '\0', record->size))
		return -EINVAL;
	if (text) {
		*text = record->size > 0 ? record->value : NULL;
		return 0;
	}
	/* An empty value takes back what a global header said; we apply none of those. */
	if (record->size == 0 && !str_starts(key, sparse))
		return 0;
	if (str_starts(key, sparse))
		return parse_sparse(pax, key + sizeof(sparse) - 1, record);
	r = parse_number(pax, record);
	return r == 1 ? 0 : r;
}

/* Takes the record at *at apart; 0 or -EINVAL. */
static int next_record(char **at, const char *end, struct record *ret)
{
	char *p = *at;
	size_t length = 0;
	char *equals = NULL;

	while (p < end && *p >= '0' && *p <= '9' && length <= TAR_SPECIAL_MAX)
		length = length * 10 + (size_t)(*p++ - '0');
	if (p == *at || p >= end || *p != ' ')
		return -EINVAL;
	p++;
	if (length > (size_t)(end - *at) || length < (size_t)(p - *at) + 3)
		return -EINVAL;
	end = *at + length;
	if (end[-1] != '\n')
		return -EINVAL;
	equals = memchr(p, '=', (size_t)(end - p));
	if (!equals || equals == p || memchr(p, '\0', (size_t)(equals - p)))
		return -EINVAL;
	*equals = '\0';
	(*at)[length - 1] = '\0';
	*ret = (struct record){ .key = p,
				.value = equals + 1,
				.size = (size_t)(end - 1 - (equals + 1)) };
	*at += length;
	return 0;
}

int pax_parse(struct pax *pax, const char **ret_why)
{
	char *at = pax->text.data;
	const char *end = at + pax->text.size;

	while (at < end) {
		struct record record;

		if (next_record(&at, end, &record) < 0) {
			*ret_why = "its pax header is damaged";
			return -EINVAL;
		}
		if (use_record(pax, &record) < 0) {
			*ret_why = "a value in its pax header is not valid";
			return -EINVAL;
		}
	}
	if (pax->run_open) {
		*ret_why = "its sparse map is cut";
		return -EINVAL;
	}
	if (pax->sparse_in_data)
		pax->sparse = true;
	return 0;
}
