/* SPDX-License-Identifier: Apache-2.0 */
/* JSON helpers on jansson: see json.h. */
#include "engine/base/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/file.h"
#include "engine/base/hash.h"
#include "engine/base/str.h"

int json_parse(const char *data, size_t size, const char *what, json_t **ret_json, struct err *err)
{
	json_error_t where;
	json_t *json = json_loadb(data, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &where);

	if (!json)
		return err_say(err, ERR_USAGE, "%s is not valid JSON: line %d: %s", what,
			       where.line, where.text);
	*ret_json = json;
	return 0;
}

void json_init(void)
{
	const void *random = (const void *)getauxval(AT_RANDOM); /* 16 bytes, getauxval(3) */
	uint64_t seed = random ? hash_add(HASH_START, random, 16) : 0;

	json_object_seed((size_t)seed); /* 0: jansson chooses one */
}

/* ---- Memory ---- */

/* Asked for in one call, not page by page; the first ones small, for who reads few records. */
#define ARENA_FIRST ((size_t)32 * 1024)
#define ARENA_BLOCK ((size_t)256 * 1024)

static struct {
	char *at;
	size_t left;
	size_t block; /* the next block's size */
} arena = { .block = ARENA_FIRST };

static bool arena_grow(void)
{
	void *block = mmap(NULL, arena.block, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (block == MAP_FAILED)
		return false;
	arena.at = block;
	arena.left = arena.block;
	if (arena.block < ARENA_BLOCK)
		arena.block *= 2;
	return true;
}

static void *arena_get(size_t size)
{
	void *p = NULL;

	size = (size + 15) & ~(size_t)15;
	if (size > ARENA_FIRST / 4)
		return malloc(size);
	if (size > arena.left && !arena_grow())
		return NULL;
	p = arena.at;
	arena.at += size;
	arena.left -= size;
	return p;
}

static void arena_keep(void *p)
{
	(void)p;
}

void json_use_arena(void)
{
	json_set_alloc_funcs(arena_get, arena_keep);
}

int json_read_at(int dir_fd, const char *name, size_t max, json_t **ret_json, struct err *err)
{
	auto_free char *data = NULL;
	size_t size = 0;
	int r = file_read_at(dir_fd, name, max, &data, &size);

	if (r < 0)
		return err_set(err, r, "cannot read %s", name);
	return json_parse(data, size, name, ret_json, err);
}

static int wrong_type(const char *key, const char *wanted, struct err *err)
{
	return err_say(err, ERR_USAGE, "\"%s\" is not %s", key, wanted);
}

/* The value of key, or NULL where it is missing or null. */
static json_t *get(const json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);

	return json_is_null(value) ? NULL : value;
}

int json_get_str(const json_t *object, const char *key, const char **ret_value, struct err *err)
{
	const json_t *value = get(object, key);

	if (!value)
		return 0;
	/* A NUL inside would cut the text behind the check of whoever looks at it first. */
	if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
		return wrong_type(key, "a string", err);
	*ret_value = json_string_value(value);
	return 0;
}

int json_get_bool(const json_t *object, const char *key, bool *ret_value, struct err *err)
{
	const json_t *value = get(object, key);

	if (!value)
		return 0;
	if (!json_is_boolean(value))
		return wrong_type(key, "true or false", err);
	*ret_value = json_is_true(value);
	return 0;
}

int json_get_i64(const json_t *object, const char *key, int64_t *ret_value, struct err *err)
{
	const json_t *value = get(object, key);

	if (!value)
		return 0;
	if (!json_is_integer(value))
		return wrong_type(key, "a whole number", err);
	*ret_value = json_integer_value(value);
	return 0;
}

int json_get_u32(const json_t *object, const char *key, uint32_t *ret_value, struct err *err)
{
	int64_t wide = -1;
	int r = 0;

	if (!get(object, key))
		return 0;
	r = json_get_i64(object, key, &wide, err);
	if (r < 0)
		return r;
	if (wide < 0 || wide > UINT32_MAX)
		return wrong_type(key, "a number from 0 to 4294967295", err);
	*ret_value = (uint32_t)wide;
	return 0;
}

int json_get_object(const json_t *object, const char *key, const json_t **ret_value,
		    struct err *err)
{
	const json_t *value = get(object, key);

	if (!value)
		return 0;
	if (!json_is_object(value))
		return wrong_type(key, "an object", err);
	*ret_value = value;
	return 0;
}

int json_get_array(const json_t *object, const char *key, const json_t **ret_value, struct err *err)
{
	const json_t *value = get(object, key);

	if (!value)
		return 0;
	if (!json_is_array(value))
		return wrong_type(key, "an array", err);
	*ret_value = value;
	return 0;
}

int json_get_strv(const json_t *object, const char *key, struct strv *ret_list, struct err *err)
{
	const json_t *array = NULL;
	struct strv list __attribute__((cleanup(strv_done))) = STRV_INIT;
	size_t i = 0;
	json_t *value = NULL;
	int r = json_get_array(object, key, &array, err);

	if (r < 0 || !array)
		return r;
	json_array_foreach (array, i, value) {
		if (!json_is_string(value) ||
		    strlen(json_string_value(value)) != json_string_length(value))
			return wrong_type(key, "an array of strings", err);
		strv_add(&list, json_string_value(value));
	}
	strv_done(ret_list);
	*ret_list = list;
	list = STRV_INIT;
	return 0;
}

const char *json_str(const json_t *object, const char *key, const char *otherwise)
{
	const json_t *value = json_object_get(object, key);

	return json_is_string(value) ? json_string_value(value) : otherwise;
}

int64_t json_int(const json_t *object, const char *key, int64_t otherwise)
{
	const json_t *value = json_object_get(object, key);

	return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

bool json_bool(const json_t *object, const char *key, bool otherwise)
{
	const json_t *value = json_object_get(object, key);

	return json_is_boolean(value) ? json_is_true(value) : otherwise;
}

void json_set_str(json_t *object, const char *key, const char *value)
{
	if (value) /* bytes that are not UTF-8 (an environment may hold them) are kept as they are
		    */
		(void)json_object_set_new_nocheck(object, key, json_string_nocheck(value));
}

void json_set_int(json_t *object, const char *key, int64_t value)
{
	(void)json_object_set_new_nocheck(object, key, json_integer(value));
}

void json_set_bool(json_t *object, const char *key, bool value)
{
	(void)json_object_set_new_nocheck(object, key, json_boolean(value));
}

json_t *json_from_strv(const struct strv *list)
{
	json_t *array = json_array();

	for (size_t i = 0; i < list->count; i++)
		(void)json_array_append_new(array, json_string_nocheck(list->v[i]));
	return array;
}

void json_set_strv(json_t *object, const char *key, const struct strv *list)
{
	if (list->count > 0)
		(void)json_object_set_new_nocheck(object, key, json_from_strv(list));
}

static int add_text(const char *text, size_t size, void *data)
{
	return buf_add(data, text, size) < 0 ? -1 : 0;
}

/* Not json_dumps(): its memory is jansson's, which may be the arena's (json_use_arena()). */
char *json_text_flags(const json_t *json, size_t flags)
{
	struct buf out auto_done(buf) = BUF_INIT;

	if (json_dump_callback(json, add_text, &out, flags) < 0 || buf_addc(&out, '\0') < 0)
		return NULL;
	return take(out.data);
}

static char *dump(const json_t *json, size_t flags)
{
	char *text = json_text_flags(json, flags | JSON_ENCODE_ANY);

	/* Only memory or text that is not UTF-8 can fail here; neither may pass for an answer. */
	return text ? text : xstrdup("null");
}

char *json_text(const json_t *json)
{
	return dump(json, JSON_COMPACT);
}

char *json_text_pretty(const json_t *json, int indent)
{
	return dump(json, JSON_INDENT(indent));
}
