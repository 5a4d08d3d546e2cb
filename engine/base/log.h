/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Diagnostics for developers and bug reports, on standard error. Silent unless --log-level
 * asks. User-facing errors do not come through here: they travel in struct err.
 */
#pragma once

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_TRACE };

void log_set_level(enum log_level level);
enum log_level log_get_level(void);
/* "debug", "info", "warn"/"warning", "error", "fatal"/"panic", "trace"; 0 or -EINVAL. */
int log_level_parse(const char *name, enum log_level *ret_level);

/* One line with the process id; keeps errno. */
void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_warn(...) log_line(LOG_WARN, __VA_ARGS__)
