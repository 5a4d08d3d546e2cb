/* SPDX-License-Identifier: Apache-2.0 */
/* Big-endian fields of packets, and the Internet checksum (RFC 1071). No bounds are checked here.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

static inline uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static inline void put16(uint8_t *p, uint32_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static inline void put32(uint8_t *p, uint32_t value)
{
	put16(p, value >> 16);
	put16(p + 2, value);
}

/*
 * Adds the 16-bit words of data (at most 64 kB) to a sum whose upper half is in use for carries
 * only; an odd last byte counts as the high half of a word.
 */
static inline uint32_t sum_add(uint32_t sum, const uint8_t *data, size_t size)
{
	uint64_t total = sum;

	for (size_t i = 0; i + 1 < size; i += 2)
		total += get16(data + i);
	if (size % 2 != 0)
		total += (uint32_t)data[size - 1] << 8;
	return (uint32_t)(total & 0xffff) + (uint32_t)(total >> 16);
}

/* The sum in 16 bits; a checksum field holds its complement. */
static inline uint16_t sum_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}
