/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times layer_put() and layer_get(): bench-layer STORE [-w] [-b] [-1] FILE... Each FILE is a layer,
 * plain or compressed. -w: in a worker; -b: keep no blob; -1: one id. Run it as root of a user
 * namespace (unshare -r) or as real root; it makes STORE and leaves it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/archive/codec.h"
#include "engine/base/err.h"
#include "engine/base/str.h"
#include "engine/base/time.h"
#include "engine/storage/layer.h"

static int count_bytes(void *ctx, const void *data, size_t size)
{
	(void)data;
	*(uint64_t *)ctx += size;
	return 0;
}

static int fail(const char *what, const struct err *err)
{
	fprintf(stderr, "bench-layer: %s: %s\n", what, err->text);
	return 1;
}

static int bench_one(const struct layer_put_args *how, const char *file)
{
	struct layer_put_args args = *how;
	struct layer_info info = { 0 };
	struct err err = ERR_INIT;
	uint64_t bytes = 0;
	int64_t start = time_monotonic();

	args.fd = open(file, O_RDONLY | O_CLOEXEC);
	if (args.fd < 0 || layer_put(&args, &info, &err) < 0)
		return fail(file, &err);
	printf("put %6.3f s %s%s %s", (double)(time_monotonic() - start) / 1e9, file,
	       info.reused ? " (reused)" : "", info.diff_id);
	start = time_monotonic();
	if (layer_get(args.storage, info.diff_id, (struct codec_sink){ count_bytes, &bytes },
		      &err) < 0)
		return fail(file, &err);
	printf(" get %6.3f s, %.1f MB\n", (double)(time_monotonic() - start) / 1e9,
	       (double)bytes / 1e6);
	return close(args.fd);
}

int main(int argc, char **argv)
{
	struct storage storage = STORAGE_INIT;
	struct layer_put_args args = { .storage = &storage };
	struct err err = ERR_INIT;
	int i = 2;

	for (; i < argc && argv[i][0] == '-'; i++) {
		if (str_eq(argv[i], "-w") && layer_workers_start(&args.workers, &err) < 0)
			return fail("worker", &err);
		args.drop_blob |= str_eq(argv[i], "-b");
		args.one_id |= str_eq(argv[i], "-1");
	}
	if (i >= argc) {
		fprintf(stderr, "usage: bench-layer STORE [-w] [-b] [-1] FILE...\n");
		return 2;
	}
	if (storage_open(&storage, argv[1], &err) < 0)
		return fail(argv[1], &err);
	for (; i < argc; i++)
		if (bench_one(&args, argv[i]))
			return 1;
	layer_workers_stop(args.workers);
	storage_done(&storage);
	return 0;
}
