/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on the whole: info and version, with Podman's field names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/json.h"
#include "engine/cgroup/cgroup.h"
#include "engine/ops/internal.h"
#include "engine/spec/runtime.h"

static void set(json_t *object, const char *key, json_t *value)
{
	(void)json_object_set_new(object, key, value);
}

/* Go's names of processors. */
static const char *go_arch(const char *machine)
{
	static const char *const names[][2] = { { "x86_64", "amd64" },	  { "aarch64", "arm64" },
						{ "i686", "386" },	  { "armv7l", "arm" },
						{ "ppc64le", "ppc64le" }, { "s390x", "s390x" },
						{ "riscv64", "riscv64" } };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_eq(names[i][0], machine))
			return names[i][1];
	return machine;
}

static json_t *map_array(const struct idmap *map)
{
	json_t *array = json_array();

	for (size_t i = 0; i < map->count; i++) {
		json_t *o = json_object();

		json_set_int(o, "container_id", map->ranges[i].inside);
		json_set_int(o, "host_id", map->ranges[i].outside);
		json_set_int(o, "size", map->ranges[i].count);
		(void)json_array_append_new(array, o);
	}
	return array;
}

static json_t *security_object(const struct ops *ops)
{
	json_t *o = json_object();

	json_set_bool(o, "apparmorEnabled", access("/sys/kernel/security/apparmor", F_OK) == 0);
	json_set_bool(o, "rootless", ops->engine.rootless);
	json_set_bool(o, "seccompEnabled", true);
	json_set_bool(o, "selinuxEnabled", access("/sys/fs/selinux/enforce", F_OK) == 0);
	return o;
}

/* The runtime that `run` would use: its path is empty where it cannot be found. */
static json_t *runtime_object(struct ops *ops)
{
	struct request request auto_done(request) = REQUEST_INIT;
	const json_t *conf = NULL;
	json_t *o = json_object();
	bool own = false;

	request.runtime = xstrdup(ops->runtime);
	(void)ops_conf(ops, &conf, NULL); /* one that cannot be read says nothing */
	own = spec_runtime_find(conf, &request, NULL) == 0 && !request.runtime_path;
	json_set_str(o, "name", str_or(request.runtime, "bryo-runtime"));
	if (own)
		json_set_str(o, "version", BRYO_VERSION);
	else
		json_set_str(o, "path", str_or(request.runtime_path, ""));
	return o;
}

static json_t *host_object(struct ops *ops)
{
	struct cgroup_host cgroups;
	struct sysinfo memory = { 0 };
	struct utsname name;
	json_t *o = json_object();
	json_t *maps = json_object();
	auto_free char *controllers = NULL;
	struct strv words auto_done(strv) = STRV_INIT;

	(void)uname(&name); /* cannot fail */
	(void)sysinfo(&memory);
	(void)cgroup_host_probe(ops->engine.rootless, &cgroups); /* no cgroups is no error */
	controllers = cgroup_controllers_text(cgroups.v2);
	if (*controllers)
		strv_split(&words, controllers, ',');
	json_set_str(o, "arch", go_arch(name.machine));
	json_set_str(o, "cgroupManager", cgroup_manager_name(cgroups.manager));
	json_set_str(o, "cgroupVersion", cgroups.layout == CGROUP_LAYOUT_V2 ? "v2" : "v1");
	set(o, "cgroupControllers", json_from_strv(&words));
	json_set_int(o, "cpus", sysconf(_SC_NPROCESSORS_ONLN));
	json_set_str(o, "eventLogger", "none");
	json_set_str(o, "hostname", name.nodename);
	set(maps, "gidmap", map_array(&ops->engine.maps.gid));
	set(maps, "uidmap", map_array(&ops->engine.maps.uid));
	set(o, "idMappings", maps);
	json_set_str(o, "kernel", name.release);
	json_set_str(o, "logDriver", "k8s-file");
	json_set_int(o, "memFree", (int64_t)memory.freeram * memory.mem_unit);
	json_set_int(o, "memTotal", (int64_t)memory.totalram * memory.mem_unit);
	json_set_str(o, "networkBackend", "bryo-net");
	set(o, "ociRuntime", runtime_object(ops));
	json_set_str(o, "os", "linux");
	json_set_str(o, "rootlessNetworkCmd", "bryo-net");
	json_set_bool(o, "serviceIsRemote", false);
	set(o, "security", security_object(ops));
	json_set_int(o, "swapFree", (int64_t)memory.freeswap * memory.mem_unit);
	json_set_int(o, "swapTotal", (int64_t)memory.totalswap * memory.mem_unit);
	json_set_int(o, "uptimeSeconds", memory.uptime);
	return o;
}

static json_t *containers_object(struct ops *ops)
{
	struct strv ids auto_done(strv) = STRV_INIT;
	int64_t counts[CONTAINER_STATUS_COUNT] = { 0 };
	int64_t number = 0;
	json_t *o = json_object();

	(void)state_list(&ops->engine.containers, &ids, NULL); /* none, if it cannot be read */
	for (size_t i = 0; i < ids.count; i++) {
		struct container c auto_done(container) = CONTAINER_INIT;

		if (container_peek(&ops->engine, ids.v[i], &c, NULL) < 0)
			continue; /* removed this moment */
		counts[c.state.status]++;
		number++;
	}
	json_set_int(o, "number", number);
	json_set_int(o, "paused", counts[CONTAINER_PAUSED]);
	json_set_int(o, "running", counts[CONTAINER_RUNNING]);
	json_set_int(o, "stopped", counts[CONTAINER_EXITED] + counts[CONTAINER_CREATED]);
	return o;
}

static json_t *store_object(struct ops *ops)
{
	struct image_list images auto_done(image_list) = IMAGE_LIST_INIT;
	auto_free char *volumes = xasprintf("%s/volumes", ops->engine.data_root);
	struct statvfs fs = { 0 };
	json_t *o = json_object();
	json_t *store = json_object();

	(void)image_list(&ops->engine.images, &images, NULL); /* none, if it cannot be read */
	(void)statvfs(ops->engine.data_root, &fs);
	set(o, "containerStore", containers_object(ops));
	json_set_str(o, "graphDriverName", str_or(ops->storage_driver, "overlay"));
	set(o, "graphOptions", json_object());
	json_set_str(o, "graphRoot", ops->engine.data_root);
	json_set_int(o, "graphRootAllocated", (int64_t)(fs.f_blocks * fs.f_frsize));
	json_set_int(o, "graphRootUsed", (int64_t)((fs.f_blocks - fs.f_bfree) * fs.f_frsize));
	json_set_int(store, "number", (int64_t)images.count);
	set(o, "imageStore", store);
	json_set_str(o, "runRoot", ops->engine.run_root);
	json_set_str(o, "volumePath", volumes);
	return o;
}

int ops_system_version(json_t **ret_object)
{
	struct utsname name;
	auto_free char *os_arch = NULL;
	json_t *client = json_object();
	json_t *o = json_object();

	(void)uname(&name); /* cannot fail */
	os_arch = xasprintf("linux/%s", go_arch(name.machine));
	json_set_str(client, "APIVersion", BRYO_VERSION);
	json_set_str(client, "Version", BRYO_VERSION);
	json_set_str(client, "GoVersion", "none: bryo is written in C");
	json_set_str(client, "GitCommit", "");
	json_set_str(client, "BuiltTime", "");
	json_set_int(client, "Built", 0);
	json_set_str(client, "OsArch", os_arch);
	json_set_str(client, "Os", "linux");
	set(o, "Client", client);
	*ret_object = o;
	return 0;
}

int ops_system_info(struct ops *ops, json_t **ret_object, struct err *err)
{
	auto_json json_t *version = NULL;
	json_t *o = json_object();

	(void)err;
	set(o, "host", host_object(ops));
	set(o, "store", store_object(ops));
	set(o, "registries", json_object());
	(void)ops_system_version(&version); /* only builds an object */
	(void)json_object_set(o, "version", json_object_get(version, "Client"));
	*ret_object = o;
	return 0;
}
