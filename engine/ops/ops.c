/* SPDX-License-Identifier: Apache-2.0 */
/* Opening the engine from the launcher's settings. */
#include "engine/ops/ops.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/config/containers_conf.h"
#include "engine/ops/internal.h"

static int choose_driver(const struct ops_config *config, struct ops *ops, struct err *err)
{
	if (!config->storage_driver)
		return 0;
	if (storage_driver_parse(config->storage_driver, &ops->engine.driver) < 0)
		return err_say(err, ERR_USAGE,
			       "unknown storage driver \"%s\": want overlay, fuse-overlay or copy",
			       config->storage_driver);
	ops->storage_driver = xstrdup(config->storage_driver);
	return 0;
}

/* As in storage.conf(5). The "overlay." in front may be left out, as Podman has it. */
static int choose_storage_option(const char *text, struct ops *ops, struct err *err)
{
	const char *key = str_after(text, "overlay.") ? str_after(text, "overlay.") : text;
	const char *program = str_after(key, "mount_program=");

	if (str_starts(key, "size=") || str_starts(key, "inodes=")) {
		strv_add(&ops->storage_limits, key);
		return 0;
	}
	if (!program)
		return err_say(err, ERR_UNSUPPORTED, "--storage-opt %s is not supported yet", text);
	if (*program != '/' || access(program, X_OK) < 0)
		return err_say(err, ERR_USAGE, "--storage-opt %s: %s", text,
			       *program != '/' ? "the program's whole path is needed"
					       : strerror(errno));
	free(ops->mount_program);
	ops->mount_program = xstrdup(program);
	return 0;
}

static int choose_storage_options(const struct ops_config *config, struct ops *ops, struct err *err)
{
	const size_t count = config->storage_opts ? config->storage_opts->count : 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = choose_storage_option(config->storage_opts->v[i], ops, err);
	ops->engine.mount_program = ops->mount_program;
	return r;
}

int ops_open(const struct ops_config *config, struct ops **ret_ops, struct err *err)
{
	struct ops *ops = xcalloc(1, sizeof(*ops));
	int r = 0;

	ops->engine = ENGINE_INIT;
	ops->engine.data_root = xstrdup(config->data_root);
	ops->engine.run_root = xstrdup(config->run_root);
	ops->runtime = xstrdup(config->runtime);
	ops->engine.rootless = config->rootless;
	ops->engine.one_id = config->one_id;
	ops->engine.own_uid = config->own_uid;
	ops->engine.own_gid = config->own_gid;
	ops->cgroup_manager = xstrdup(config->cgroup_manager);
	if (config->id_maps)
		memcpy(&ops->engine.maps, config->id_maps, sizeof(ops->engine.maps));
	r = choose_driver(config, ops, err);
	if (r == 0)
		r = choose_storage_options(config, ops, err);
	if (r == 0)
		r = engine_open_stores(&ops->engine, err);
	if (r < 0) {
		ops_close(ops);
		return r;
	}
	*ret_ops = ops;
	return 0;
}

int ops_conf(struct ops *ops, const json_t **ret_conf, struct err *err)
{
	int r = ops->conf ? 0 : containers_conf_load(&ops->conf, err);

	if (r == 0)
		*ret_conf = ops->conf;
	return r;
}

void ops_close(struct ops *ops)
{
	if (!ops)
		return;
	engine_done(&ops->engine);
	free(ops->runtime);
	free(ops->storage_driver);
	strv_done(&ops->storage_limits);
	free(ops->mount_program);
	free(ops->cgroup_manager);
	json_decref(ops->conf);
	free(ops);
}

int ops_find_namespace(const char *data_root, int *ret_fd)
{
	return container_find_namespace(data_root, ret_fd);
}

struct image_helper ops_image_helper(const struct ops *ops)
{
	return (struct image_helper){ .data_root = ops->engine.data_root,
				      .storage_driver = ops->storage_driver,
				      .one_id = ops->engine.one_id };
}
