/* SPDX-License-Identifier: Apache-2.0 */
/* What writer and reader of a log share. */
#pragma once

#define LOG_FILE_NAME "ctr.log"
/* "2026-11-22T08:00:00.123456789+00:00 stdout F " */
#define LOG_HEADER_SIZE 45
#define LOG_TIME_SIZE 35
