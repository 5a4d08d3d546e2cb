/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fields of a tar header block. Runs wherever archives are read; takes bytes from strangers,
 * allocates nothing.
 */
#include <errno.h>
#include <string.h>

#include "engine/archive/tar-internal.h"

/* Big-endian two's complement behind a flag bit (GNU tar manual, "Extensions to ..."). */
static int base256(const unsigned char *p, size_t size, int64_t *ret_value)
{
	unsigned char invert = p[0] & 0x40 ? 0xff : 0x00;
	uint64_t value = 0;

	for (size_t i = 0; i < size; i++) {
		unsigned char c = p[i] ^ invert;

		if (i == 0)
			c &= 0x7f;
		if (value >> 56)
			return -EINVAL;
		value = value << 8 | c;
	}
	if (value >> 63)
		return -EINVAL;
	*ret_value = invert ? (int64_t)~value : (int64_t)value;
	return 0;
}

int tar_number(const char *field, size_t size, int64_t *ret_value)
{
	const unsigned char *p = (const unsigned char *)field;
	size_t i = 0;
	int64_t value = 0;

	if (p[0] & 0x80)
		return base256(p, size, ret_value);
	while (i < size && (p[i] == ' ' || p[i] == '\0'))
		i++;
	/* At most 12 digits of 3 bits: cannot overflow. */
	for (; i < size && p[i] >= '0' && p[i] <= '7'; i++)
		value = value << 3 | (p[i] - '0');
	for (; i < size && p[i] != '\0'; i++)
		if (p[i] != ' ')
			return -EINVAL;
	*ret_value = value;
	return 0;
}

bool tar_checksum_ok(const struct tar_header *header)
{
	const unsigned char *p = (const unsigned char *)header;
	size_t from = offsetof(struct tar_header, checksum);
	int64_t plain = 0;
	int64_t with_sign = 0;
	int64_t wanted = 0;

	if (tar_number(header->checksum, sizeof(header->checksum), &wanted) < 0)
		return false;
	for (size_t i = 0; i < TAR_BLOCK; i++) {
		unsigned char c = i >= from && i < from + sizeof(header->checksum) ? ' ' : p[i];

		plain += c;
		with_sign += (signed char)c;
	}
	return wanted == plain || wanted == with_sign;
}

enum tar_format tar_format_of(const struct tar_header *header)
{
	if (memcmp(header->magic, "ustar ", 6) == 0)
		return TAR_GNU;
	return memcmp(header->magic, "ustar", 6) == 0 ? TAR_USTAR : TAR_V7;
}

size_t tar_field_length(const char *field, size_t size)
{
	return strnlen(field, size);
}

bool tar_runs_valid(const struct tar_run *runs, size_t count, uint64_t size, uint64_t stored)
{
	uint64_t end = 0;
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++) {
		if (runs[i].offset < end || runs[i].offset > size ||
		    runs[i].size > size - runs[i].offset)
			return false;
		end = runs[i].offset + runs[i].size;
		sum += runs[i].size;
	}
	return sum == stored;
}
