/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON by jansson, with bounds and with errors that name the place. Getters take the object,
 * the key and the kind they want: a missing key gives the fallback, another type an error, so
 * that a reader cannot mistake "wrong" for "absent".
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct strv;

static inline void json_unref_p(json_t **json)
{
	json_decref(*json);
}
#define auto_json __attribute__((cleanup(json_unref_p)))

/*
 * Chooses the seed of hash tables; call once, first. jansson itself would open /dev/urandom for it,
 * in every command.
 */
void json_init(void);

/*
 * From now on memory for JSON comes from blocks and is never given back, which makes it half as
 * dear: for a command that reads many records, prints, and ends. Not for what stays or forks what
 * does.
 */
void json_use_arena(void);

/* Parses bytes; what is named in the error sentence. Duplicate keys are refused. Caller owns. */
int json_parse(const char *data, size_t size, const char *what, json_t **ret_json, struct err *err);

/* Reads and parses a file of at most max bytes. A missing file is -ENOENT with err set. */
int json_read_at(int dir_fd, const char *name, size_t max, json_t **ret_json, struct err *err);

/* Getters: 0 or a negative errno with err set, naming the key. ret_ is written on success only. */
int json_get_str(const json_t *object, const char *key, const char **ret_value, struct err *err);
int json_get_bool(const json_t *object, const char *key, bool *ret_value, struct err *err);
int json_get_i64(const json_t *object, const char *key, int64_t *ret_value, struct err *err);
int json_get_u32(const json_t *object, const char *key, uint32_t *ret_value, struct err *err);
int json_get_object(const json_t *object, const char *key, const json_t **ret_value,
		    struct err *err);
int json_get_array(const json_t *object, const char *key, const json_t **ret_value,
		   struct err *err);
int json_get_strv(const json_t *object, const char *key, struct strv *ret_list, struct err *err);

/* Shorthands for records of our own: the value or the fallback, whatever is there. */
const char *json_str(const json_t *object, const char *key, const char *otherwise);
int64_t json_int(const json_t *object, const char *key, int64_t otherwise);
bool json_bool(const json_t *object, const char *key, bool otherwise);

/* Setters that drop what is empty; set_strv writes an array. */
void json_set_str(json_t *object, const char *key, const char *value); /* NULL: not written */
void json_set_int(json_t *object, const char *key, int64_t value);
void json_set_bool(json_t *object, const char *key, bool value);
void json_set_strv(json_t *object, const char *key, const struct strv *list);
json_t *json_from_strv(const struct strv *list);

/* Compact text / text indented by indent; the caller owns it. */
char *json_text(const json_t *json);
/* With flags of json_dumps(3), whose place it takes; NULL where jansson refuses. free() it. */
char *json_text_flags(const json_t *json, size_t flags);
char *json_text_pretty(const json_t *json, int indent);
