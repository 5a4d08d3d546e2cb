/* SPDX-License-Identifier: Apache-2.0 */
/* One container as `podman ps --format json` shows it, from the summary alone. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/json.h"
#include "engine/base/time.h"
#include "engine/container/internal.h"

#define SECOND 1000000000LL
#define GO_ZERO_TIME (-62135596800LL) /* seconds: Go's time.Time{} as a Unix time */

static char *status_text(const struct container_state *s)
{
	int64_t now = time_now();
	auto_free char *text = NULL;

	switch (s->status) {
	case CONTAINER_RUNNING:
		text = xasprintf("Up %s", time_human(now - s->started_at).text);
		break;
	case CONTAINER_PAUSED:
		return xstrdup("Paused");
	case CONTAINER_EXITED:
		return xasprintf("Exited (%lld) %s ago", (long long)s->exit_code,
				 time_human(now - s->finished_at).text);
	case CONTAINER_CREATED:
		return xstrdup("Created");
	case CONTAINER_STOPPING:
		return xstrdup("Stopping");
	case CONTAINER_REMOVING:
	case CONTAINER_STATUS_COUNT:
		return xstrdup("Removing");
	}
	/* A container of another machine that shares this home. */
	return s->foreign ? xasprintf("%s on %s", text, str_or(s->host, "another machine"))
			  : take(text);
}

static json_t *labels_object(const struct strv *labels)
{
	json_t *object = NULL;

	if (labels->count == 0)
		return json_null();
	object = json_object();
	for (size_t i = 0; i < labels->count; i++) {
		const char *equals = strchr(labels->v[i], '=');
		auto_free char *name =
			xstrndup(labels->v[i],
				 equals ? (size_t)(equals - labels->v[i]) : strlen(labels->v[i]));

		json_set_str(object, name, equals ? equals + 1 : "");
	}
	return object;
}

static json_t *sizes(struct engine *engine, const struct container *c)
{
	uint64_t written = 0;
	uint64_t all = 0;
	json_t *object = NULL;

	if (storage_container_size(&engine->storage, c->id, &written, &all, NULL) < 0)
		return json_null();
	object = json_object();
	json_set_int(object, "rootFsSize", (int64_t)all);
	json_set_int(object, "rwSize", (int64_t)written);
	return object;
}

static json_t *command_json(const struct container_state *s)
{
	return s->command.count ? json_from_strv(&s->command) : json_null();
}

static json_t *names_json(const struct container_state *s)
{
	json_t *names = json_array();

	(void)json_array_append_new(names, json_string(s->name));
	return names;
}

static json_t *networks_json(const struct container_state *s)
{
	json_t *array = json_array();

	if (str_eq(s->network, bridge_network_default().name))
		(void)json_array_append_new(array, json_string(s->network));
	return array;
}

static json_t *ports_json(const struct container_state *s)
{
	return s->ports ? json_incref(s->ports) : json_null();
}

json_t *container_ps_brief(const struct container *c)
{
	const struct container_state *s = &c->state;
	auto_free char *status = status_text(s);
	json_t *o = json_object();

	(void)json_object_set_new(o, "Command", command_json(s));
	json_set_str(o, "Id", c->id);
	json_set_str(o, "Image", str_or(s->image, ""));
	(void)json_object_set_new(o, "Names", names_json(s));
	(void)json_object_set_new(o, "Ports", ports_json(s));
	json_set_str(o, "Status", status);
	json_set_int(o, "Created", s->created / SECOND);
	return o;
}

json_t *container_ps_json(struct engine *engine, const struct container *c, bool size)
{
	const struct container_state *s = &c->state;
	auto_free char *status = status_text(s);
	auto_free char *ago = xasprintf("%s ago", time_human(time_now() - s->created).text);
	json_t *o = json_object();
	bool ended = s->status == CONTAINER_EXITED;

	json_set_bool(o, "AutoRemove", s->rm);
	(void)json_object_set_new(o, "Command", command_json(s));
	json_set_str(o, "CreatedAt", ago);
	json_set_str(o, "CIDFile", "");
	json_set_bool(o, "Exited", ended);
	json_set_int(o, "ExitedAt", s->finished_at ? s->finished_at / SECOND : GO_ZERO_TIME);
	json_set_int(o, "ExitCode", s->exit_code);
	(void)json_object_set_new(o, "ExposedPorts", json_null());
	json_set_str(o, "Id", c->id);
	json_set_str(o, "Image", str_or(s->image, ""));
	json_set_str(o, "ImageID", str_or(s->image_id, ""));
	json_set_bool(o, "IsInfra", false);
	(void)json_object_set_new(o, "Labels", labels_object(&s->labels));
	(void)json_object_set_new(o, "Mounts", json_from_strv(&s->mounts));
	(void)json_object_set_new(o, "Names", names_json(s));
	(void)json_object_set_new(o, "Namespaces", json_object());
	(void)json_object_set_new(o, "Networks", networks_json(s));
	json_set_int(o, "Pid", s->pid);
	json_set_str(o, "Pod", "");
	json_set_str(o, "PodName", "");
	(void)json_object_set_new(o, "Ports", ports_json(s));
	json_set_int(o, "Restarts", s->restarts);
	(void)json_object_set_new(o, "Size", size ? sizes(engine, c) : json_null());
	json_set_int(o, "StartedAt", s->started_at ? s->started_at / SECOND : GO_ZERO_TIME);
	json_set_str(o, "State", container_status_name(s->status));
	json_set_str(o, "Status", status);
	json_set_int(o, "Created", s->created / SECOND);
	return o;
}
