/* SPDX-License-Identifier: Apache-2.0 */
/* Text: small questions about strings, numbers in them, and lists of strings. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool str_eq(const char *a, const char *b); /* NULL equals only NULL */
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
/* The rest of s behind prefix, or NULL where s does not start with it. */
const char *str_after(const char *s, const char *prefix);
static inline bool str_empty(const char *s)
{
	return !s || *s == '\0';
}
static inline const char *str_or(const char *s, const char *otherwise)
{
	return s ? s : otherwise;
}

/*
 * Whole decimal numbers: no sign for the unsigned one, no blanks, nothing behind. 0, -EINVAL or
 * -ERANGE.
 */
int str_to_u64(const char *s, uint64_t *ret_value);
int str_to_i64(const char *s, int64_t *ret_value);
int str_to_u32(const char *s, uint32_t *ret_value);
/* Octal digits, at most max. */
int str_to_mode(const char *s, uint32_t max, uint32_t *ret_value);
/* "512", "64k", "1.5g", "2gb", "1GiB": bytes, by powers of 1024 as docker/go-units' RAMInBytes. */
int str_to_bytes(const char *s, int64_t *ret_bytes);

/* "2.31 MB" by powers of 1000, four digits at most, as go-units' HumanSize prints it. */
struct str_size {
	char text[32];
};
struct str_size str_human_size(uint64_t bytes);

/* Removes white space at both ends, in place; returns the new start. */
char *str_trim(char *s);
/* Hexadecimal, lower case, 2*size digits and a NUL written to out. */
void str_hex(const void *data, size_t size, char *out);
bool str_is_hex(const char *s, size_t digits); /* exactly so many lower-case digits */
/* A random lower-case hexadecimal name of digits (even) digits and a NUL, from getrandom(2). */
void str_random_hex(char *out, size_t digits);

/* A NULL-terminated list of strings that owns them; v is NULL while it is empty. */
struct strv {
	char **v;
	size_t count;
	size_t capacity;
};
#define STRV_INIT ((struct strv){ 0 })

void strv_done(struct strv *list);
void strv_add(struct strv *list, const char *s); /* copies */
void strv_add_own(struct strv *list, char *s);	 /* takes ownership */
void strv_addf(struct strv *list, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strv_add_all(struct strv *list, const struct strv *more);
void strv_remove(struct strv *list, size_t index);
bool strv_has(const struct strv *list, const char *s);
void strv_sort(struct strv *list);
/* Splits at each separator; empty parts are kept. "" gives one empty part. */
void strv_split(struct strv *list, const char *s, char separator);
char *strv_join(const struct strv *list, const char *separator); /* caller owns */
/* "NAME=value" lists: the value of NAME or NULL; set replaces or appends. */
const char *strv_env_get(const struct strv *list, const char *name);
void strv_env_set(struct strv *list, const char *name_value);
void strv_env_unset(struct strv *list, const char *name);
