/* SPDX-License-Identifier: Apache-2.0 */
/* Text helpers: see str.h. */
#include "engine/base/str.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "engine/base/alloc.h"

bool str_eq(const char *a, const char *b)
{
	if (!a || !b)
		return a == b;
	return strcmp(a, b) == 0;
}

const char *str_after(const char *s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s && strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

bool str_starts(const char *s, const char *prefix)
{
	return str_after(s, prefix) != NULL;
}

bool str_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s);
	size_t m = strlen(suffix);

	return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

int str_to_u64(const char *s, uint64_t *ret_value)
{
	char *end = NULL;
	unsigned long long value = 0;

	if (!s || !isdigit((unsigned char)*s))
		return -EINVAL; /* strtoull takes blanks and signs, we do not */
	errno = 0;
	value = strtoull(s, &end, 10);
	if (errno)
		return -errno;
	if (*end != '\0')
		return -EINVAL;
	*ret_value = value;
	return 0;
}

int str_to_i64(const char *s, int64_t *ret_value)
{
	char *end = NULL;
	long long value = 0;

	if (!s || !(isdigit((unsigned char)*s) || (*s == '-' && isdigit((unsigned char)s[1]))))
		return -EINVAL;
	errno = 0;
	value = strtoll(s, &end, 10);
	if (errno)
		return -errno;
	if (*end != '\0')
		return -EINVAL;
	*ret_value = value;
	return 0;
}

int str_to_u32(const char *s, uint32_t *ret_value)
{
	uint64_t value = 0;
	int r = str_to_u64(s, &value);

	if (r < 0)
		return r;
	if (value > UINT32_MAX)
		return -ERANGE;
	*ret_value = (uint32_t)value;
	return 0;
}

int str_to_mode(const char *s, uint32_t max, uint32_t *ret_value)
{
	uint32_t value = 0;

	if (str_empty(s) || strlen(s) > 8)
		return -EINVAL;
	for (; *s; s++) {
		if (*s < '0' || *s > '7')
			return -EINVAL;
		value = value * 8 + (uint32_t)(*s - '0');
	}
	if (value > max)
		return -ERANGE;
	*ret_value = value;
	return 0;
}

int str_to_bytes(const char *s, int64_t *ret_bytes)
{
	static const char units[] = "bkmgtp";
	char *end = NULL;
	double value = 0;
	int power = 0;

	if (!s || !isdigit((unsigned char)*s))
		return -EINVAL;
	for (const char *p = s; isalnum((unsigned char)*p) || *p == '.'; p++)
		if (*p == 'x' || *p == 'X')
			return -EINVAL; /* strtod would read hexadecimal */
	value = strtod(s, &end);
	while (*end == ' ')
		end++;
	if (*end != '\0') {
		const char *unit = strchr(units, tolower((unsigned char)*end));

		if (!unit)
			return -EINVAL;
		power = (int)(unit - units);
		end++;
		if (power > 0 && (*end == 'i' || *end == 'I'))
			end++;
		if (power > 0 && (*end == 'b' || *end == 'B'))
			end++;
		if (*end != '\0')
			return -EINVAL;
	}
	while (power-- > 0)
		value *= 1024;
	if (!(value < 9.2e18))
		return -ERANGE;
	*ret_bytes = (int64_t)value;
	return 0;
}

struct str_size str_human_size(uint64_t bytes)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	struct str_size size;
	double value = (double)bytes;
	size_t i = 0;

	while (value >= 1000.0 && i < ARRAY_SIZE(units) - 1) {
		value /= 1000.0;
		i++;
	}
	(void)snprintf(size.text, sizeof(size.text), "%.4g%s", value, units[i]); /* always fits */
	return size;
}

char *str_trim(char *s)
{
	size_t n = 0;

	while (isspace((unsigned char)*s))
		s++;
	n = strlen(s);
	while (n > 0 && isspace((unsigned char)s[n - 1]))
		s[--n] = '\0';
	return s;
}

void str_hex(const void *data, size_t size, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = data;

	for (size_t i = 0; i < size; i++) {
		*out++ = digits[p[i] >> 4];
		*out++ = digits[p[i] & 15];
	}
	*out = '\0';
}

bool str_is_hex(const char *s, size_t digits)
{
	size_t n = 0;

	for (; s[n]; n++)
		if (!isdigit((unsigned char)s[n]) && !(s[n] >= 'a' && s[n] <= 'f'))
			return false;
	return n == digits;
}

void str_random_hex(char *out, size_t digits)
{
	unsigned char bytes[64];
	size_t n = digits / 2 < sizeof(bytes) ? digits / 2 : sizeof(bytes);

	/* Up to 256 bytes this neither fails nor comes short once the pool is seeded: random(7). */
	if (getrandom(bytes, n, 0) != (ssize_t)n)
		abort();
	str_hex(bytes, n, out);
}

void strv_done(struct strv *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->v[i]);
	free(list->v);
	*list = STRV_INIT;
}

void strv_add_own(struct strv *list, char *s)
{
	/* One slot more than counted: the list always ends with NULL, ready for execve. */
	if (list->count + 1 >= list->capacity) {
		list->capacity = list->capacity ? list->capacity * 2 : 8;
		list->v = xrealloc(list->v, list->capacity * sizeof(*list->v));
	}
	list->v[list->count++] = s;
	list->v[list->count] = NULL;
}

void strv_add(struct strv *list, const char *s)
{
	strv_add_own(list, xstrdup(s));
}

void strv_addf(struct strv *list, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strv_add_own(list, xvasprintf(fmt, ap));
	va_end(ap);
}

void strv_add_all(struct strv *list, const struct strv *more)
{
	for (size_t i = 0; i < more->count; i++)
		strv_add(list, more->v[i]);
}

void strv_remove(struct strv *list, size_t index)
{
	free(list->v[index]);
	memmove(list->v + index, list->v + index + 1, (list->count - index) * sizeof(*list->v));
	list->count--;
}

bool strv_has(const struct strv *list, const char *s)
{
	for (size_t i = 0; i < list->count; i++)
		if (str_eq(list->v[i], s))
			return true;
	return false;
}

static int compare_str(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void strv_sort(struct strv *list)
{
	if (list->count > 1)
		qsort(list->v, list->count, sizeof(*list->v), compare_str);
}

void strv_split(struct strv *list, const char *s, char separator)
{
	for (;;) {
		const char *end = strchr(s, separator);

		if (!end) {
			strv_add(list, s);
			return;
		}
		strv_add_own(list, xstrndup(s, (size_t)(end - s)));
		s = end + 1;
	}
}

char *strv_join(const struct strv *list, const char *separator)
{
	size_t size = 1;
	size_t between = strlen(separator);
	char *joined = NULL;
	char *p = NULL;

	for (size_t i = 0; i < list->count; i++)
		size += strlen(list->v[i]) + between;
	p = joined = xmalloc(size);
	for (size_t i = 0; i < list->count; i++) {
		if (i > 0)
			p = stpcpy(p, separator);
		p = stpcpy(p, list->v[i]);
	}
	*p = '\0';
	return joined;
}

/* Index of NAME=... in the list, or count. Compares up to and without the '='. */
static size_t env_find(const struct strv *list, const char *name, size_t n)
{
	size_t i = 0;

	for (; i < list->count; i++)
		if (strncmp(list->v[i], name, n) == 0 &&
		    (list->v[i][n] == '=' || list->v[i][n] == '\0'))
			break;
	return i;
}

const char *strv_env_get(const struct strv *list, const char *name)
{
	size_t n = strlen(name);
	size_t i = env_find(list, name, n);

	return i < list->count && list->v[i][n] == '=' ? list->v[i] + n + 1 : NULL;
}

void strv_env_set(struct strv *list, const char *name_value)
{
	size_t i = env_find(list, name_value, strcspn(name_value, "="));

	if (i == list->count) {
		strv_add(list, name_value);
		return;
	}
	free(list->v[i]);
	list->v[i] = xstrdup(name_value);
}

void strv_env_unset(struct strv *list, const char *name)
{
	size_t i = env_find(list, name, strlen(name));

	if (i < list->count)
		strv_remove(list, i);
}
