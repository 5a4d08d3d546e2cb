/* SPDX-License-Identifier: Apache-2.0 */
/* Moments and durations as the field writes them. */
#pragma once

#include <stdint.h>
#include <time.h>

/* Nanoseconds since 1970 (CLOCK_REALTIME) and since boot (CLOCK_MONOTONIC). */
int64_t time_now(void);
int64_t time_monotonic(void);

struct time_text {
	char text[48];
};
/* "2026-11-22T08:00:00.123456789Z", with the local offset instead of Z for time_local(). */
struct time_text time_utc(int64_t nanoseconds);
struct time_text time_local(int64_t nanoseconds);
/* Go's time.String(): "2026-11-22 08:00:00.123456789 +0100 CET", as inspect and ps print it. */
struct time_text time_go(int64_t nanoseconds);
/* "3 minutes", "About an hour", "2 weeks": go-units' HumanDuration. */
struct time_text time_human(int64_t nanoseconds);

/* "1h2m3.5s", "22.078329654s", "1.5ms", "0s": Go's time.Duration.String(). */
struct time_text time_duration(int64_t nanoseconds);

/* RFC 3339 with any fraction and offset; 0 or -EINVAL. */
int time_parse(const char *text, int64_t *ret_nanoseconds);
/*
 * What --since and --until take: RFC 3339, "2026-11-22[T08:00[:00]]", seconds since 1970 with a
 * fraction, or a Go duration before now. 0 or -EINVAL.
 */
int time_parse_point(const char *text, int64_t *ret_nanoseconds);
/* Go's time.ParseDuration: "1h30m", "-1.5s", "100ms", "0". 0 or -EINVAL. */
int time_parse_duration(const char *text, int64_t *ret_nanoseconds);
