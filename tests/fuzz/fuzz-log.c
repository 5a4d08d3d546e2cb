/* SPDX-License-Identifier: Apache-2.0 */
/* A log file of any bytes: read whole, from its end (first byte: how many lines), within moments.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/base/fd.h"
#include "engine/monitor/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int null = -1;
	static int dir = -1;
	static char name[64];
	struct log_read_args args = { .tail = LOG_ALL };
	struct log_entry entry;
	int file = -1;

	if (size == 0)
		return 0;
	if (null < 0) {
		null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		dir = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		(void)snprintf(name, sizeof(name), "bryo-fuzz-log.%d", (int)getpid());
	}
	(void)log_entry_parse((const char *)data, size, &entry);
	file = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (file < 0 || fd_write_all(file, data + 1, size - 1) < 0)
		abort();
	(void)close(file);
	args.dir_fd = dir;
	args.name = name;
	args.out_fd = args.err_fd = null;
	args.timestamps = data[0] & 1;
	if (log_read(&args, NULL) < 0)
		abort();
	args.tail = data[0];
	args.since = 1;
	args.until = INT64_MAX;
	if (log_read(&args, NULL) < 0)
		abort();
	(void)unlinkat(dir, name, 0);
	return 0;
}
