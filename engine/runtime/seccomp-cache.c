/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiled seccomp filters, kept in a private folder: one file a profile, named by a fast hash
 * of the profile, holding the whole profile, or what a preset is made of, beside the code
 * (docs/formats/seccomp-cache.md).
 * Runs in the monitor and in bryo-runtime. It must never hand out code for another profile
 * than the asked one: the hash only finds the file, equality of all bytes decides.
 */
#include "engine/runtime/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/hash.h"
#include "engine/base/log.h"

#define CACHE_MAGIC "bryobpf2"
#define CACHE_MAX (2U << 20)

struct cache_header {
	char magic[8];
	uint32_t key_size;
	uint32_t count; /* instructions */
	uint32_t flags;
	uint32_t notifies;
};

static void key_number(struct buf *key, uint64_t number)
{
	(void)buf_add(key, &number, sizeof(number));
}

/* With its length, so that no two lists of strings give the same bytes. */
static void key_text(struct buf *key, const char *text)
{
	key_number(key, text ? strlen(text) : UINT64_MAX);
	if (text)
		(void)buf_add_str(key, text);
}

static void key_list(struct buf *key, const struct strv *list)
{
	key_number(key, list->count);
	for (size_t i = 0; i < list->count; i++)
		key_text(key, list->v[i]);
}

static void key_opt(struct buf *key, const struct oci_u64 *opt)
{
	key_number(key, opt->has);
	key_number(key, opt->has ? opt->value : 0);
}

/* All that decides the code: the profile, this machine's architecture, libseccomp itself. */
static void make_key(const struct oci_seccomp *profile, struct buf *key)
{
	const struct scmp_version *version = seccomp_version();

	key_number(key, seccomp_arch_native());
	key_number(key, version->major);
	key_number(key, version->minor);
	key_number(key, version->micro);
	key_text(key, BRYO_VERSION);
	key_number(key, profile->preset.make != NULL);
	if (profile->preset.make) {
		key_number(key, profile->preset.version);
		key_number(key, profile->preset.caps);
		key_number(key, profile->preset.fake_ids);
		return;
	}
	key_number(key, profile->default_action);
	key_opt(key, &profile->default_errno_ret);
	key_list(key, &profile->architectures);
	key_list(key, &profile->flags);
	for (size_t i = 0; i < profile->rules.count; i++) {
		const struct oci_seccomp_rule *rule = &profile->rules.v[i];

		key_list(key, &rule->names);
		key_number(key, rule->action);
		key_opt(key, &rule->errno_ret);
		key_number(key, rule->args.count);
		for (size_t a = 0; a < rule->args.count; a++) {
			key_number(key, rule->args.v[a].index);
			key_number(key, rule->args.v[a].op);
			key_number(key, rule->args.v[a].value);
			key_number(key, rule->args.v[a].value_two);
		}
	}
}

/* 0, or -ENOENT for anything that is not this profile's filter, whole. */
static int cache_take(const char *data, size_t size, const struct buf *key,
		      struct seccomp_filter *ret_filter)
{
	struct cache_header header;
	size_t code_size = 0;

	if (size < sizeof(header))
		return -ENOENT;
	memcpy(&header, data, sizeof(header));
	code_size = header.count * sizeof(struct sock_filter);
	if (memcmp(header.magic, CACHE_MAGIC, sizeof(header.magic)) != 0 ||
	    header.key_size != key->size || header.count == 0 || header.count > UINT16_MAX ||
	    size != sizeof(header) + key->size + code_size ||
	    memcmp(data + sizeof(header), key->data, key->size) != 0)
		return -ENOENT;
	*ret_filter = (struct seccomp_filter){
		.code = xmemdup(data + sizeof(header) + key->size, code_size),
		.count = (uint16_t)header.count,
		.flags = header.flags,
		.notifies = header.notifies != 0,
	};
	return 0;
}

/*
 * Only a file that nobody else could have written is looked at: in a shared folder another
 * user's "filter" would be a way into our containers.
 */
static int cache_load(int cache_fd, const char *name, const struct buf *key,
		      struct seccomp_filter *ret_filter)
{
	auto_close int fd = openat(cache_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	auto_free char *data = NULL;
	struct stat st;
	ssize_t n = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    (st.st_mode & 022) || st.st_size > CACHE_MAX)
		return -ENOENT;
	data = xmalloc((size_t)st.st_size + 1);
	n = fd_read_full(fd, data, (size_t)st.st_size);
	return n < 0 ? (int)n : cache_take(data, (size_t)n, key, ret_filter);
}

static void cache_store(int cache_fd, const char *name, const struct buf *key,
			const struct seccomp_filter *filter)
{
	struct cache_header header = { .key_size = (uint32_t)key->size,
				       .count = filter->count,
				       .flags = filter->flags,
				       .notifies = filter->notifies };
	struct buf out = BUF_INIT;
	int r = 0;

	memcpy(header.magic, CACHE_MAGIC, sizeof(header.magic));
	(void)buf_add(&out, &header, sizeof(header));
	(void)buf_add(&out, key->data, key->size);
	(void)buf_add(&out, filter->code, filter->count * sizeof(struct sock_filter));
	r = file_replace_at(cache_fd, name, out.data, out.size, 0600, FILE_NO_SYNC);
	if (r < 0) /* the container runs all the same, only the next one starts as slowly */
		log_debug("cannot keep the compiled seccomp filter: %s", strerror(-r));
	buf_done(&out);
}

static int compile(const struct oci_seccomp *profile, struct seccomp_filter *ret_filter,
		   struct err *err)
{
	struct oci_seccomp made auto_done(oci_seccomp) = { 0 };

	if (!profile->preset.make)
		return seccomp_compile(profile, ret_filter, err);
	profile->preset.make(&profile->preset, &made);
	return seccomp_compile(&made, ret_filter, err);
}

int seccomp_load_or_compile(const struct oci_seccomp *profile, int cache_fd,
			    struct seccomp_filter *ret_filter, struct err *err)
{
	struct buf key = BUF_INIT;
	char name[32];
	int r = 0;

	if (cache_fd < 0)
		return compile(profile, ret_filter, err);
	make_key(profile, &key);
	snprintf(name, sizeof(name), "%016llx.bpf",
		 (unsigned long long)hash_add(HASH_START, key.data, key.size));
	r = cache_load(cache_fd, name, &key, ret_filter);
	if (r < 0) {
		r = compile(profile, ret_filter, err);
		if (r == 0)
			cache_store(cache_fd, name, &key, ret_filter);
	}
	buf_done(&key);
	return r;
}
