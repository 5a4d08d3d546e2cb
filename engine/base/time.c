/* SPDX-License-Identifier: Apache-2.0 */
/* Time in the field's notations: see time.h. */
#include "engine/base/time.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND 1000000000LL

static int64_t now_of(clockid_t clock)
{
	struct timespec ts = { 0 };

	(void)clock_gettime(clock, &ts); /* cannot fail for these clocks */
	return ts.tv_sec * SECOND + ts.tv_nsec;
}

int64_t time_now(void)
{
	return now_of(CLOCK_REALTIME);
}

int64_t time_monotonic(void)
{
	return now_of(CLOCK_MONOTONIC);
}

/* Floor division, so that moments before 1970 keep a positive fraction. */
static void split(int64_t ns, time_t *ret_seconds, long *ret_fraction)
{
	int64_t fraction = ns % SECOND;

	if (fraction < 0)
		fraction += SECOND;
	*ret_seconds = (ns - fraction) / SECOND;
	*ret_fraction = (long)fraction;
}

/* Go trims trailing zeros of a fraction; nine digits or none look the same to our readers. */
static void add_fraction(char *text, size_t size, long fraction)
{
	size_t used = strlen(text);
	int digits = 9;

	if (fraction == 0)
		return;
	while (fraction % 10 == 0) {
		fraction /= 10;
		digits--;
	}
	(void)snprintf(text + used, size - used, ".%0*ld", digits, fraction);
}

struct time_text time_utc(int64_t ns)
{
	struct time_text out;
	time_t seconds = 0;
	long fraction = 0;
	struct tm tm;

	split(ns, &seconds, &fraction);
	gmtime_r(&seconds, &tm);
	(void)strftime(out.text, sizeof(out.text), "%Y-%m-%dT%H:%M:%S", &tm);
	add_fraction(out.text, sizeof(out.text), fraction);
	strcat(out.text, "Z");
	return out;
}

struct time_text time_local(int64_t ns)
{
	struct time_text out;
	time_t seconds = 0;
	long fraction = 0;
	struct tm tm;
	size_t used = 0;
	long offset = 0;

	split(ns, &seconds, &fraction);
	localtime_r(&seconds, &tm);
	(void)strftime(out.text, sizeof(out.text), "%Y-%m-%dT%H:%M:%S", &tm);
	/* Log lines keep all nine digits: readers of the k8s-file format count on the width. */
	used = strlen(out.text);
	offset = tm.tm_gmtoff / 60;
	(void)snprintf(out.text + used, sizeof(out.text) - used, ".%09ld%c%02ld:%02ld", fraction,
		       offset < 0 ? '-' : '+', labs(offset) / 60, labs(offset) % 60);
	return out;
}

struct time_text time_go(int64_t ns)
{
	struct time_text out;
	time_t seconds = 0;
	long fraction = 0;
	struct tm tm;
	size_t used = 0;

	split(ns, &seconds, &fraction);
	localtime_r(&seconds, &tm);
	(void)strftime(out.text, sizeof(out.text), "%Y-%m-%d %H:%M:%S", &tm);
	add_fraction(out.text, sizeof(out.text), fraction);
	used = strlen(out.text);
	(void)strftime(out.text + used, sizeof(out.text) - used, " %z %Z", &tm);
	return out;
}

struct time_text time_human(int64_t ns)
{
	struct time_text out;
	long long s = ns / SECOND;
	long long m = s / 60;
	long long h = (m + 30) / 60;
	char *t = out.text;
	size_t n = sizeof(out.text);

	if (s < 1)
		(void)snprintf(t, n, "Less than a second");
	else if (s == 1)
		(void)snprintf(t, n, "1 second");
	else if (s < 60)
		(void)snprintf(t, n, "%lld seconds", s);
	else if (m == 1)
		(void)snprintf(t, n, "About a minute");
	else if (m < 60)
		(void)snprintf(t, n, "%lld minutes", m);
	else if (h == 1)
		(void)snprintf(t, n, "About an hour");
	else if (h < 48)
		(void)snprintf(t, n, "%lld hours", h);
	else if (h < 24 * 7 * 2)
		(void)snprintf(t, n, "%lld days", h / 24);
	else if (h < 24 * 30 * 2)
		(void)snprintf(t, n, "%lld weeks", h / 24 / 7);
	else if (h < 24 * 365 * 2)
		(void)snprintf(t, n, "%lld months", h / 24 / 30);
	else
		(void)snprintf(t, n, "%lld years", h / 24 / 365);
	return out;
}

/* Reads ".123": as many digits as there are, nine of them counted. */
static const char *parse_fraction(const char *p, int64_t *ret_ns)
{
	int64_t unit = SECOND / 10;

	*ret_ns = 0;
	if (*p != '.')
		return p;
	for (p++; isdigit((unsigned char)*p); p++, unit /= 10)
		*ret_ns += (*p - '0') * unit;
	return p;
}

/* Years beyond 1677 to 2262 are more nanoseconds than fit: no moment that anybody means. */
static int join(int64_t seconds, int64_t fraction, int64_t *ret_nanoseconds)
{
	int64_t ns = 0;

	if (__builtin_mul_overflow(seconds, SECOND, &ns) ||
	    __builtin_add_overflow(ns, fraction, &ns))
		return -EINVAL;
	*ret_nanoseconds = ns;
	return 0;
}

int time_parse(const char *text, int64_t *ret_nanoseconds)
{
	struct tm tm = { 0 };
	const char *p = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	int64_t fraction = 0;
	long offset = 0;

	if (!p)
		return -EINVAL;
	p = parse_fraction(p, &fraction);
	if (*p == 'Z' || *p == 'z') {
		p++;
	} else {
		int hours = 0;
		int minutes = 0;
		int used = 0;
		char sign = *p;

		if ((sign != '+' && sign != '-') ||
		    sscanf(p + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2)
			return -EINVAL;
		offset = (hours * 60L + minutes) * 60 * (sign == '-' ? -1 : 1);
		p += 1 + used;
	}
	if (*p != '\0')
		return -EINVAL;
	return join(timegm(&tm) - offset, fraction, ret_nanoseconds);
}

int time_parse_duration(const char *text, int64_t *ret_nanoseconds)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = { { "ns", 1 },  { "us", 1e3 }, { "µs", 1e3 },  { "ms", 1e6 },
		      { "s", 1e9 }, { "m", 60e9 }, { "h", 3600e9 } };
	bool negative = *text == '-';
	double sum = 0;

	if (*text == '-' || *text == '+')
		text++;
	if (strcmp(text, "0") == 0) {
		*ret_nanoseconds = 0;
		return 0;
	}
	if (*text == '\0')
		return -EINVAL;
	while (*text) {
		char *end = NULL;
		double value = 0;
		size_t n = 0;
		size_t i = 0;

		if (!isdigit((unsigned char)*text) && *text != '.')
			return -EINVAL;
		if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
			return -EINVAL;
		value = strtod(text, &end);
		n = strcspn(end, "0123456789.");
		for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
			if (strlen(units[i].name) == n && strncmp(units[i].name, end, n) == 0)
				break;
		if (end == text || i == sizeof(units) / sizeof(units[0]))
			return -EINVAL;
		sum += value * units[i].ns;
		text = end + n;
	}
	if (!(sum < 9.2e18))
		return -EINVAL;
	*ret_nanoseconds = negative ? -(int64_t)sum : (int64_t)sum;
	return 0;
}

int time_parse_point(const char *text, int64_t *ret_nanoseconds)
{
	static const char *const local_forms[] = { "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M",
						   "%Y-%m-%d" };
	int64_t duration = 0;
	char *end = NULL;
	long long seconds = 0;

	if (time_parse(text, ret_nanoseconds) == 0)
		return 0;
	for (size_t i = 0; i < sizeof(local_forms) / sizeof(local_forms[0]); i++) {
		struct tm tm = { .tm_isdst = -1 };
		const char *p = strptime(text, local_forms[i], &tm);
		int64_t fraction = 0;

		if (!p)
			continue;
		p = parse_fraction(p, &fraction);
		if (*p != '\0')
			continue;
		return join(mktime(&tm), fraction, ret_nanoseconds);
	}
	if (isdigit((unsigned char)*text)) {
		int64_t fraction = 0;

		errno = 0;
		seconds = strtoll(text, &end, 10);
		if (errno == 0 && *parse_fraction(end, &fraction) == '\0') {
			return join(seconds, fraction, ret_nanoseconds);
		}
	}
	if (time_parse_duration(text, &duration) < 0)
		return -EINVAL;
	*ret_nanoseconds = time_now() - duration;
	return 0;
}

/* A number of nanoseconds in units of 10^digits, without zeros at its end. */
static void print_fraction(char *text, size_t size, uint64_t value, int digits, const char *unit)
{
	uint64_t whole = value;
	char part[16] = "";
	int n = digits;

	for (int i = 0; i < digits; i++)
		whole /= 10;
	for (int i = digits - 1; i >= 0; i--) {
		part[i] = (char)('0' + value % 10);
		value /= 10;
	}
	while (n > 0 && part[n - 1] == '0')
		n--;
	(void)snprintf(text, size, "%llu%s%.*s%s", (unsigned long long)whole, n ? "." : "", n, part,
		       unit);
}

struct time_text time_duration(int64_t nanoseconds)
{
	const uint64_t minute = 60000000000ULL;
	struct time_text t = { "0s" };
	uint64_t value = nanoseconds < 0 ? 0 - (uint64_t)nanoseconds : (uint64_t)nanoseconds;
	char rest[24];

	if (value == 0)
		return t;
	if (value < 1000)
		print_fraction(rest, sizeof(rest), value, 0, "ns");
	else if (value < 1000000)
		print_fraction(rest, sizeof(rest), value, 3, "\u00b5s");
	else if (value < 1000000000)
		print_fraction(rest, sizeof(rest), value, 6, "ms");
	else
		print_fraction(rest, sizeof(rest), value % minute, 9, "s");
	if (value >= 60 * minute)
		(void)snprintf(t.text, sizeof(t.text), "%s%lluh%llum%s", nanoseconds < 0 ? "-" : "",
			       (unsigned long long)(value / minute / 60),
			       (unsigned long long)(value / minute % 60), rest);
	else if (value >= minute)
		(void)snprintf(t.text, sizeof(t.text), "%s%llum%s", nanoseconds < 0 ? "-" : "",
			       (unsigned long long)(value / minute), rest);
	else
		(void)snprintf(t.text, sizeof(t.text), "%s%s", nanoseconds < 0 ? "-" : "", rest);
	return t;
}
