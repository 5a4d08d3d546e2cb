/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A specification's life, and its JSON form. One table names each plain field once, with its
 * key and kind; init, done, writing and reading all walk it, so none can forget a field.
 */
#include "engine/spec/spec.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/json.h"
#include "engine/spec/spec-internal.h"

enum field_kind { FIELD_STR, FIELD_STRV, FIELD_BOOL, FIELD_I64, FIELD_ENUM, FIELD_NS };

static const struct field {
	const char *key;
	size_t offset;
	enum field_kind kind;
	int64_t initial; /* and left out of the JSON form when equal */
	int64_t last;	 /* FIELD_ENUM: highest value */
} fields[] = {
#define STR(name)                                                                                  \
	{                                                                                          \
#name, offsetof(struct container_spec, name), FIELD_STR, 0, 0                      \
	}
#define STRV(name)                                                                                 \
	{                                                                                          \
#name, offsetof(struct container_spec, name), FIELD_STRV, 0, 0                     \
	}
#define BOOL(name)                                                                                 \
	{                                                                                          \
#name, offsetof(struct container_spec, name), FIELD_BOOL, 0, 0                     \
	}
#define I64(name, initial)                                                                         \
	{                                                                                          \
#name, offsetof(struct container_spec, name), FIELD_I64, initial, 0                \
	}
#define ENUM(name, last)                                                                           \
	{                                                                                          \
#name, offsetof(struct container_spec, name), FIELD_ENUM, 0, last                  \
	}
#define NS(name)                                                                                   \
	{                                                                                          \
#name, offsetof(struct container_spec, name), FIELD_NS, 0, 0                       \
	}
	STR(id),
	STR(name),
	I64(created, 0),
	STR(image_id),
	STR(image_name),
	STR(raw_image),
	STR(rootfs),
	STRV(layers),
	STRV(create_command),
	STRV(labels),
	STRV(annotations),
	STR(runtime),
	STR(runtime_path),
	STRV(runtime_flags),
	STR(cidfile),
	STR(pidfile),
	STRV(entrypoint),
	STRV(command),
	STRV(env),
	STR(workdir),
	BOOL(workdir_from_image),
	STR(user),
	STRV(groups),
	BOOL(tty),
	BOOL(interactive),
	BOOL(rm),
	BOOL(rmi),
	BOOL(init),
	STR(init_path),
	I64(umask, -1),
	STRV(ulimits),
	I64(stop_signal, 15),
	I64(stop_timeout, 10),
	I64(timeout, 0),
	STR(tz),
	BOOL(has_oom_score_adj),
	I64(oom_score_adj, 0),
	STR(personality),
	ENUM(restart, SPEC_RESTART_UNLESS_STOPPED),
	I64(restart_retries, 0),
	BOOL(privileged),
	I64(caps, 0),
	STRV(cap_add),
	STRV(cap_drop),
	STRV(security_opt),
	BOOL(no_new_privileges),
	STR(seccomp),
	BOOL(label_disable),
	STRV(label_opts),
	STR(selinux_label),
	STR(mount_label),
	STR(apparmor),
	BOOL(fake_ids),
	STRV(masked),
	STRV(unmasked),
	STRV(devices),
	STRV(device_cgroup_rules),
	STRV(sysctls),
	ENUM(userns, SPEC_USERNS_MAPS),
	BOOL(has_keep_uid),
	BOOL(has_keep_gid),
	I64(keep_uid, 0),
	I64(keep_gid, 0),
	I64(auto_size, 1024),
	I64(auto_start, 0),
	STRV(uidmap),
	STRV(gidmap),
	NS(pid),
	NS(ipc),
	NS(uts),
	NS(cgroupns),
	STR(hostname),
	STR(cgroup_parent),
	BOOL(cgroups_disabled),
	I64(shm_size, 65536000),
	NS(net),
	STR(net_mode),
	BOOL(net_bridge),
	STR(ip),
	STR(ip6),
	STR(mac_address),
	STRV(publish),
	STRV(expose),
	BOOL(publish_all),
	STRV(dns),
	STRV(dns_search),
	STRV(dns_options),
	STRV(add_hosts),
	BOOL(no_hosts),
	STR(host_gateway),
	I64(storage_size, 0),
	I64(storage_inodes, 0),
	BOOL(read_only),
	BOOL(read_only_tmpfs),
	STRV(volumes_from),
	I64(memory, 0),
	I64(memory_reservation, 0),
	I64(memory_swap, 0),
	I64(memory_swappiness, -1),
	I64(cpu_shares, 0),
	I64(cpu_period, 0),
	I64(cpu_quota, 0),
	STR(cpuset_cpus),
	STR(cpuset_mems),
	I64(pids_limit, 0),
	BOOL(pids_limit_default),
	I64(blkio_weight, 0),
	STRV(cgroup_conf),
	STR(log_driver),
	STRV(log_opts),
	STRV(exposed_ports),
	STRV(image_volumes),
#undef STR
#undef STRV
#undef BOOL
#undef I64
#undef ENUM
#undef NS
};

/* The table says where; the casts are safe because it also says what. */
static void *at(const struct container_spec *spec, const struct field *f)
{
	return (char *)(uintptr_t)spec + f->offset;
}

void container_spec_init(struct container_spec *spec)
{
	memset(spec, 0, sizeof(*spec));
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (fields[i].kind == FIELD_I64)
			*(int64_t *)at(spec, &fields[i]) = fields[i].initial;
}

void container_spec_done(struct container_spec *spec)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		void *p = at(spec, &fields[i]);

		if (fields[i].kind == FIELD_STR)
			free(*(char **)p);
		else if (fields[i].kind == FIELD_STRV)
			strv_done(p);
		else if (fields[i].kind == FIELD_NS)
			free(((struct spec_ns *)p)->value);
	}
	for (size_t i = 0; i < spec->mounts.count; i++)
		spec_mount_done(&spec->mounts.v[i]);
	free(spec->mounts.v);
	memset(spec, 0, sizeof(*spec));
}

void spec_mount_done(struct spec_mount *mount)
{
	free(mount->source);
	free(mount->destination);
	strv_done(&mount->options);
	*mount = (struct spec_mount){ 0 };
}

struct spec_mount *spec_mount_add(struct container_spec *spec, enum spec_mount_kind kind,
				  const char *source, const char *destination)
{
	struct spec_mount *mount = NULL;

	xgrow(spec->mounts.v, spec->mounts.count, spec->mounts.capacity);
	mount = &spec->mounts.v[spec->mounts.count++];
	*mount = (struct spec_mount){ .kind = kind,
				      .source = xstrdup(source),
				      .destination = xstrdup(destination) };
	return mount;
}

struct spec_mount *spec_mount_find(const struct container_spec *spec, const char *destination)
{
	for (size_t i = 0; i < spec->mounts.count; i++)
		if (str_eq(spec->mounts.v[i].destination, destination))
			return &spec->mounts.v[i];
	return NULL;
}

/* ---- JSON ---- */

static void field_to_json(json_t *object, const struct container_spec *spec, const struct field *f)
{
	const void *p = at(spec, f);
	const struct spec_ns *ns = p;

	switch (f->kind) {
	case FIELD_STR:
		json_set_str(object, f->key, *(char *const *)p);
		break;
	case FIELD_STRV:
		json_set_strv(object, f->key, p);
		break;
	case FIELD_BOOL:
		if (*(const bool *)p)
			json_set_bool(object, f->key, true);
		break;
	case FIELD_I64:
		if (*(const int64_t *)p != f->initial)
			json_set_int(object, f->key, *(const int64_t *)p);
		break;
	case FIELD_ENUM:
		if (*(const int *)p != 0)
			json_set_int(object, f->key, *(const int *)p);
		break;
	case FIELD_NS:
		if (ns->kind == SPEC_NS_PRIVATE)
			break;
		json_set_int(object, f->key, ns->kind);
		if (ns->value) {
			auto_free char *key = xasprintf("%s_value", f->key);

			json_set_str(object, key, ns->value);
		}
		break;
	}
}

static int enum_from_json(const json_t *object, const char *key, int64_t last, int *ret_value,
			  struct err *err)
{
	int64_t value = 0;
	int r = json_get_i64(object, key, &value, err);

	if (r < 0)
		return r;
	if (value < 0 || value > last)
		return err_say(err, ERR_USAGE, "\"%s\" has an unknown value", key);
	*ret_value = (int)value;
	return 0;
}

static int field_from_json(const json_t *object, struct container_spec *spec, const struct field *f,
			   struct err *err)
{
	void *p = at(spec, f);
	struct spec_ns *ns = p;
	auto_free char *key = NULL;
	const char *text = NULL;
	int value = 0;
	int r = 0;

	switch (f->kind) {
	case FIELD_STR:
		r = json_get_str(object, f->key, &text, err);
		if (r == 0)
			*(char **)p = xstrdup(text);
		return r;
	case FIELD_STRV:
		return json_get_strv(object, f->key, p, err);
	case FIELD_BOOL:
		return json_get_bool(object, f->key, p, err);
	case FIELD_I64:
		return json_get_i64(object, f->key, p, err);
	case FIELD_ENUM:
		return enum_from_json(object, f->key, f->last, p, err);
	case FIELD_NS:
		r = enum_from_json(object, f->key, SPEC_NS_NONE, &value, err);
		key = xasprintf("%s_value", f->key);
		if (r == 0)
			r = json_get_str(object, key, &text, err);
		if (r < 0)
			return r;
		ns->kind = (enum spec_ns_kind)value;
		ns->value = xstrdup(text);
		return 0;
	}
	return -EINVAL;
}

static json_t *mount_to_json(const struct spec_mount *m)
{
	json_t *object = json_object();

	json_set_int(object, "kind", m->kind);
	json_set_str(object, "source", m->source);
	json_set_str(object, "destination", m->destination);
	json_set_strv(object, "options", &m->options);
	if (m->anonymous)
		json_set_bool(object, "anonymous", true);
	if (m->no_copy)
		json_set_bool(object, "no_copy", true);
	if (m->chown)
		json_set_bool(object, "chown", true);
	if (m->relabel_shared)
		json_set_bool(object, "relabel_shared", true);
	if (m->relabel_private)
		json_set_bool(object, "relabel_private", true);
	return object;
}

static int mount_from_json(const json_t *object, struct container_spec *spec, struct err *err)
{
	const char *destination = json_str(object, "destination", NULL);
	struct spec_mount *m = NULL;
	int kind = 0;
	int r = enum_from_json(object, "kind", SPEC_MOUNT_IMAGE, &kind, err);

	if (r < 0)
		return r;
	if (!destination)
		return err_say(err, ERR_USAGE, "a mount has no destination");
	m = spec_mount_add(spec, (enum spec_mount_kind)kind, json_str(object, "source", NULL),
			   destination);
	m->anonymous = json_bool(object, "anonymous", false);
	m->no_copy = json_bool(object, "no_copy", false);
	m->chown = json_bool(object, "chown", false);
	m->relabel_shared = json_bool(object, "relabel_shared", false);
	m->relabel_private = json_bool(object, "relabel_private", false);
	return json_get_strv(object, "options", &m->options, err);
}

json_t *spec_to_json(const struct container_spec *spec)
{
	json_t *object = json_object();
	json_t *mounts = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		field_to_json(object, spec, &fields[i]);
	for (size_t i = 0; i < spec->mounts.count; i++)
		(void)json_array_append_new(mounts, mount_to_json(&spec->mounts.v[i]));
	(void)json_object_set_new(object, "mounts", mounts);
	return object;
}

int spec_from_json(const json_t *json, struct container_spec *ret_spec, struct err *err)
{
	struct container_spec spec auto_done(container_spec);
	const json_t *mounts = NULL;
	const json_t *mount = NULL;
	size_t i = 0;
	int r = 0;

	container_spec_init(&spec);
	for (i = 0; i < ARRAY_SIZE(fields) && r == 0; i++)
		r = field_from_json(json, &spec, &fields[i], err);
	if (r == 0)
		r = json_get_array(json, "mounts", &mounts, err);
	for (i = 0; r == 0 && i < json_array_size(mounts); i++) {
		mount = json_array_get(mounts, i);
		r = mount_from_json(mount, &spec, err);
	}
	if (r < 0)
		return r;
	*ret_spec = spec;
	memset(&spec, 0, sizeof(spec));
	return 0;
}
