/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container as `podman inspect` shows it: the same fields in the same order. Values that
 * belong to parts bryo does not have are Podman's empty ones.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/json.h"
#include "engine/base/proc.h"
#include "engine/base/time.h"
#include "engine/container/internal.h"
#include "engine/runtime/caps.h"

static void set(json_t *object, const char *key, json_t *value)
{
	(void)json_object_set_new_nocheck(object, key, value);
}

static json_t *list_or_null(const struct strv *list)
{
	return list->count ? json_from_strv(list) : json_null();
}

static const char *go_time(int64_t ns, struct time_text *buffer)
{
	if (ns == 0)
		return "0001-01-01T00:00:00Z";
	*buffer = time_utc(ns);
	return buffer->text;
}

static json_t *pairs_object(const struct strv *list)
{
	json_t *object = json_object();

	for (size_t i = 0; i < list->count; i++) {
		const char *equals = strchr(list->v[i], '=');
		auto_free char *name = xstrndup(list->v[i], equals ? (size_t)(equals - list->v[i])
								   : strlen(list->v[i]));

		json_set_str(object, name, equals ? equals + 1 : "");
	}
	return object;
}

static json_t *state_object(const struct container *c)
{
	const struct container_state *s = &c->state;
	json_t *o = json_object();
	struct time_text t;

	json_set_str(o, "OciVersion", OCI_VERSION);
	json_set_str(o, "Status", container_status_name(s->status));
	json_set_bool(o, "Running",
		      s->status == CONTAINER_RUNNING || s->status == CONTAINER_STOPPING);
	json_set_bool(o, "Paused", s->status == CONTAINER_PAUSED);
	json_set_bool(o, "Restarting", false);
	json_set_bool(o, "OOMKilled", s->oom);
	json_set_bool(o, "Dead", false);
	json_set_int(o, "Pid", s->pid);
	json_set_int(o, "ConmonPid", s->monitor_pid);
	json_set_int(o, "ExitCode", s->exit_code);
	json_set_str(o, "Error", str_or(s->error, ""));
	json_set_str(o, "StartedAt", go_time(s->started_at, &t));
	json_set_str(o, "FinishedAt", go_time(s->finished_at, &t));
	if (s->cgroup && *s->cgroup)
		json_set_str(o, "CgroupPath", s->cgroup);
	json_set_str(o, "CheckpointedAt", go_time(0, &t));
	json_set_str(o, "RestoredAt", go_time(0, &t));
	return o;
}

static json_t *caps_array(uint64_t caps)
{
	json_t *array = json_array();

	for (unsigned int cap = 0; cap < 64; cap++)
		if (caps & CAPS_BIT(cap) && caps_name(cap))
			(void)json_array_append_new(array, json_string(caps_name(cap)));
	return array;
}

static const char *const propagations[] = { "shared",  "rshared",  "slave",	 "rslave",
					    "private", "rprivate", "unbindable", "runbindable" };

static const char *propagation_of(const struct spec_mount *m)
{
	for (size_t i = 0; i < ARRAY_SIZE(propagations); i++)
		if (strv_has(&m->options, propagations[i]))
			return propagations[i];
	return m->kind == SPEC_MOUNT_TMPFS ? "" : "rprivate";
}

static bool is_propagation(const char *option)
{
	for (size_t i = 0; i < ARRAY_SIZE(propagations); i++)
		if (str_eq(propagations[i], option))
			return true;
	return false;
}

static json_t *mount_object(const struct engine *engine, const struct spec_mount *m)
{
	static const char *const types[] = {
		[SPEC_MOUNT_BIND] = "bind",	[SPEC_MOUNT_VOLUME] = "volume",
		[SPEC_MOUNT_TMPFS] = "tmpfs",	[SPEC_MOUNT_DEVPTS] = "devpts",
		[SPEC_MOUNT_MQUEUE] = "mqueue", [SPEC_MOUNT_IMAGE] = "image"
	};
	json_t *o = json_object();
	json_t *options = json_array();

	json_set_str(o, "Type", types[m->kind]);
	if (m->kind == SPEC_MOUNT_VOLUME) {
		auto_free char *path = volume_path(&engine->volumes, str_or(m->source, ""));

		json_set_str(o, "Name", m->source);
		json_set_str(o, "Source", path);
	} else {
		json_set_str(o, "Source", str_or(m->source, ""));
	}
	json_set_str(o, "Destination", m->destination);
	json_set_str(o, "Driver", m->kind == SPEC_MOUNT_VOLUME ? "local" : "");
	json_set_str(o, "Mode", "");
	for (size_t i = 0; i < m->options.count; i++)
		if (!is_propagation(m->options.v[i]) && !str_eq(m->options.v[i], "ro") &&
		    !str_eq(m->options.v[i], "rw"))
			(void)json_array_append_new(options, json_string(m->options.v[i]));
	set(o, "Options", options);
	json_set_bool(o, "RW", !strv_has(&m->options, "ro"));
	json_set_str(o, "Propagation", propagation_of(m));
	return o;
}

static json_t *mounts_array(const struct engine *engine, const struct container_spec *spec)
{
	json_t *array = json_array();

	for (size_t i = 0; i < spec->mounts.count; i++)
		if (spec->mounts.v[i].kind != SPEC_MOUNT_TMPFS)
			(void)json_array_append_new(array,
						    mount_object(engine, &spec->mounts.v[i]));
	return array;
}

/* {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}]}; exposed ones with null. */
static json_t *ports_object(const struct container *c, bool with_exposed)
{
	struct port_list ports auto_done(port_list) = PORT_LIST_INIT;
	json_t *object = json_object();

	for (size_t i = 0; with_exposed && i < c->spec.exposed_ports.count; i++)
		set(object, c->spec.exposed_ports.v[i], json_null());
	if (c->state.ports)
		(void)port_list_from_json(&ports, c->state.ports, NULL); /* our own record */
	for (size_t i = 0; !c->state.ports && i < c->spec.publish.count; i++)
		(void)port_parse(&ports, c->spec.publish.v[i], NULL); /* checked when created */
	for (size_t i = 0; i < ports.count; i++)
		for (unsigned int n = 0; n < ports.maps[i].count; n++) {
			const struct port_map *m = &ports.maps[i];
			auto_free char *key = xasprintf("%u/%s", m->container_port + n,
							port_proto_name(m->proto));
			auto_free char *host =
				m->host_port ? xasprintf("%u", m->host_port + n) : xstrdup("");
			json_t *list = json_object_get(object, key);
			json_t *binding = json_object();

			json_set_str(binding, "HostIp", m->host_ip[0] ? m->host_ip : "0.0.0.0");
			json_set_str(binding, "HostPort", host);
			if (!json_is_array(list)) {
				list = json_array();
				set(object, key, list);
			}
			(void)json_array_append_new(list, binding);
		}
	return object;
}

static char *ns_text(const struct spec_ns *ns, const char *private_word)
{
	switch (ns->kind) {
	case SPEC_NS_HOST:
		return xstrdup("host");
	case SPEC_NS_CONTAINER:
		return xasprintf("container:%s", ns->value);
	case SPEC_NS_PATH:
		return xasprintf("ns:%s", ns->value);
	case SPEC_NS_NONE:
		return xstrdup("none");
	case SPEC_NS_PRIVATE:
		break;
	}
	return xstrdup(private_word);
}

/* "pasta" of "pasta:-4,-m,1500": Podman keeps the options apart. */
static char *network_mode(const struct container_spec *spec)
{
	auto_free char *mode = *spec->net_mode ? xstrdup(spec->net_mode) : xstrdup("slirp4netns");

	if (spec->net_bridge)
		return xstrdup("bridge");
	if (spec->net.kind == SPEC_NS_PRIVATE)
		mode[strcspn(mode, ":")] = '\0';
	return ns_text(&spec->net,
		       str_eq(mode, "private") || str_eq(mode, "default") ? "slirp4netns" : mode);
}

/* The one network that is named after the mode: nothing of it is known here. */
static json_t *networks_object(const struct container_spec *spec)
{
	static const char *const texts[] = { "EndpointID",  "Gateway",		 "IPAddress",
					     "IPv6Gateway", "GlobalIPv6Address", "MacAddress" };
	static const char *const nulls[] = { "DriverOpts", "IPAMConfig", "Links" };
	auto_free char *mode = network_mode(spec);
	json_t *networks = json_object();
	json_t *o = json_object();

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		json_set_str(o, texts[i], "");
	json_set_int(o, "IPPrefixLen", 0);
	json_set_int(o, "GlobalIPv6PrefixLen", 0);
	json_set_str(o, "NetworkID", mode);
	for (size_t i = 0; i < ARRAY_SIZE(nulls); i++)
		set(o, nulls[i], json_null());
	set(networks, mode, o);
	return networks;
}

/* What a container has in a network of its own, or the empty values of one that has none. */
static void set_addresses(json_t *o, const json_t *address)
{
	const char *ip6 = json_str(address, "ip6", "");

	json_set_str(o, "EndpointID", "");
	json_set_str(o, "Gateway", json_str(address, "gateway", ""));
	json_set_str(o, "IPAddress", json_str(address, "ip", ""));
	json_set_int(o, "IPPrefixLen", json_int(address, "prefix", 0));
	json_set_str(o, "IPv6Gateway", json_str(address, "gateway6", ""));
	json_set_str(o, "GlobalIPv6Address", ip6);
	json_set_int(o, "GlobalIPv6PrefixLen", *ip6 ? 64 : 0);
	json_set_str(o, "MacAddress", json_str(address, "mac", ""));
}

/* {"podman": {...}}: of a container that does not run, without its addresses. */
static json_t *bridge_networks_object(const struct container *c)
{
	const struct bridge_network network = bridge_network_default();
	auto_free char *alias = xstrndup(c->id, 12);
	json_t *all = json_object();
	json_t *o = json_object();
	json_t *aliases = json_array();

	set_addresses(o, c->state.address);
	json_set_str(o, "NetworkID", json_str(c->state.address, "network_id", network.id));
	set(o, "DriverOpts", json_null());
	set(o, "IPAMConfig", json_null());
	set(o, "Links", json_null());
	(void)json_array_append_new(aliases, json_string(alias));
	set(o, "Aliases", aliases);
	set(all, json_str(c->state.address, "network", network.name), o);
	return all;
}

static json_t *network_object(const struct container *c)
{
	json_t *o = json_object();
	auto_free char *key = xasprintf("/proc/%lld/ns/net", (long long)c->state.pid);

	set_addresses(o, c->state.address);
	json_set_str(o, "Bridge", "");
	json_set_str(o, "SandboxID", "");
	json_set_bool(o, "HairpinMode", false);
	json_set_str(o, "LinkLocalIPv6Address", "");
	json_set_int(o, "LinkLocalIPv6PrefixLen", 0);
	set(o, "Ports", ports_object(c, true));
	/* Not Podman's: which of docs/network.md's tiers carries TCP. */
	if (c->state.pid > 0 && c->spec.net.kind == SPEC_NS_PRIVATE && !c->spec.net_bridge)
		json_set_str(o, "TcpInjection", str_or(c->state.injection, "off"));
	json_set_str(o, "SandboxKey",
		     c->state.pid > 0 && c->spec.net.kind != SPEC_NS_HOST &&
				     c->spec.net.kind != SPEC_NS_CONTAINER
			     ? key
			     : "");
	if (c->spec.net_bridge) {
		set(o, "Networks", bridge_networks_object(c));
		return o;
	}
	/* A user-mode network has no entry while it runs; what does not run shows its mode. */
	if (c->spec.net.kind == SPEC_NS_NONE || c->spec.net.kind == SPEC_NS_HOST ||
	    (c->spec.net.kind == SPEC_NS_PRIVATE && c->state.pid <= 0))
		set(o, "Networks", networks_object(&c->spec));
	return o;
}

static const char *signal_name(int64_t number, char buffer[16])
{
	static const char *const names[] = {
		[1] = "SIGHUP",	  [2] = "SIGINT",   [3] = "SIGQUIT",  [9] = "SIGKILL",
		[10] = "SIGUSR1", [12] = "SIGUSR2", [15] = "SIGTERM", [28] = "SIGWINCH"
	};

	if (number > 0 && (size_t)number < ARRAY_SIZE(names) && names[number])
		return names[number];
	if (number == 37)
		return "SIGRTMIN+3";
	(void)snprintf(buffer, 16, "%d", (int)number); /* always fits */
	return buffer;
}

static json_t *exposed_object(const struct container *c)
{
	json_t *ports = ports_object(c, true);
	const char *key = NULL;
	json_t *value = NULL;
	json_t *object = NULL;

	if (json_object_size(ports) > 0) {
		object = json_object();
		json_object_foreach (ports, key, value)
			set(object, key, json_object());
	}
	json_decref(ports);
	return object;
}

static json_t *volumes_object(const struct container_spec *spec)
{
	json_t *object = NULL;

	if (spec->image_volumes.count == 0)
		return json_null();
	object = json_object();
	for (size_t i = 0; i < spec->image_volumes.count; i++)
		set(object, spec->image_volumes.v[i], json_object());
	return object;
}

static json_t *config_object(const struct container *c)
{
	const struct container_spec *spec = &c->spec;
	auto_free char *hostname =
		spec->hostname ? xstrdup(spec->hostname) : xstrndup(spec->id, 12);
	auto_free char *umask =
		xasprintf("%04o", (unsigned int)(spec->umask < 0 ? 0022 : spec->umask));
	struct strv env auto_done(strv) = STRV_INIT;
	json_t *o = json_object();
	json_t *exposed = exposed_object(c);
	char number[16];

	strv_add_all(&env, &spec->env);
	if (c->state.started_at && !strv_env_get(&env, "HOSTNAME"))
		strv_addf(&env, "HOSTNAME=%s", hostname);
	if (c->state.started_at && !strv_env_get(&env, "HOME") && str_empty(spec->user))
		strv_add(&env, "HOME=/root");
	json_set_str(o, "Hostname", hostname);
	json_set_str(o, "Domainname", "");
	json_set_str(o, "User", str_or(spec->user, ""));
	json_set_bool(o, "AttachStdin", false);
	json_set_bool(o, "AttachStdout", false);
	json_set_bool(o, "AttachStderr", false);
	json_set_bool(o, "Tty", spec->tty);
	json_set_bool(o, "OpenStdin", spec->interactive);
	json_set_bool(o, "StdinOnce", false);
	set(o, "Env", json_from_strv(&env));
	set(o, "Cmd", list_or_null(&spec->command));
	json_set_str(o, "Image", str_or(spec->image_name, ""));
	set(o, "Volumes", volumes_object(spec));
	json_set_str(o, "WorkingDir", spec->workdir);
	set(o, "Entrypoint", list_or_null(&spec->entrypoint));
	set(o, "OnBuild", json_null());
	set(o, "Labels", spec->labels.count ? pairs_object(&spec->labels) : json_null());
	set(o, "Annotations", pairs_object(&spec->annotations));
	json_set_str(o, "StopSignal", signal_name(spec->stop_signal, number));
	json_set_str(o, "HealthcheckOnFailureAction", "none");
	set(o, "CreateCommand", json_from_strv(&spec->create_command));
	if (spec->tz)
		json_set_str(o, "Timezone", spec->tz);
	json_set_str(o, "Umask", umask);
	json_set_int(o, "Timeout", spec->timeout);
	json_set_int(o, "StopTimeout", spec->stop_timeout);
	json_set_bool(o, "Passwd", true);
	json_set_str(o, "sdNotifyMode", "container");
	if (exposed)
		set(o, "ExposedPorts", exposed);
	return o;
}

static void set_ns(json_t *o, const char *key, const struct spec_ns *ns, const char *private_word)
{
	auto_free char *text = ns_text(ns, private_word);

	json_set_str(o, key, text);
}

static json_t *restart_object(const struct container_spec *spec)
{
	static const char *const names[] = { [SPEC_RESTART_NO] = "no",
					     [SPEC_RESTART_ALWAYS] = "always",
					     [SPEC_RESTART_ON_FAILURE] = "on-failure",
					     [SPEC_RESTART_UNLESS_STOPPED] = "unless-stopped" };
	json_t *o = json_object();

	json_set_str(o, "Name", names[spec->restart]);
	json_set_int(o, "MaximumRetryCount", spec->restart_retries);
	return o;
}

static json_t *log_object(const struct engine *engine, const struct container_spec *spec)
{
	const char *given = strv_env_get(&spec->log_opts, "path");
	auto_free char *path =
		given ? xstrdup(given)
		      : xasprintf("%s/containers/%s/ctr.log", engine->data_root, spec->id);
	json_t *o = json_object();

	json_set_str(o, "Type", spec->log_driver);
	set(o, "Config", json_null());
	json_set_str(o, "Path", str_eq(spec->log_driver, "k8s-file") ? path : "");
	json_set_str(o, "Tag", str_or(strv_env_get(&spec->log_opts, "tag"), ""));
	json_set_str(o, "Size", str_or(strv_env_get(&spec->log_opts, "max-size"), "-1B"));
	return o;
}

static json_t *binds_array(const struct container_spec *spec)
{
	json_t *array = json_array();

	for (size_t i = 0; i < spec->mounts.count; i++) {
		const struct spec_mount *m = &spec->mounts.v[i];
		auto_free char *options = strv_join(&m->options, ",");
		auto_free char *text =
			xasprintf("%s:%s:%s", str_or(m->source, ""), m->destination, options);

		if (m->kind == SPEC_MOUNT_BIND || m->kind == SPEC_MOUNT_VOLUME)
			(void)json_array_append_new(array, json_string(text));
	}
	return array;
}

static json_t *tmpfs_object(const struct container_spec *spec)
{
	json_t *object = json_object();

	for (size_t i = 0; i < spec->mounts.count; i++) {
		auto_free char *options = strv_join(&spec->mounts.v[i].options, ",");

		if (spec->mounts.v[i].kind == SPEC_MOUNT_TMPFS)
			json_set_str(object, spec->mounts.v[i].destination, options);
	}
	return object;
}

static json_t *devices_array(const struct container_spec *spec)
{
	json_t *array = json_array();

	for (size_t i = 0; i < spec->devices.count; i++) {
		struct strv parts auto_done(strv) = STRV_INIT;
		json_t *o = json_object();

		strv_split(&parts, spec->devices.v[i], ':');
		json_set_str(o, "PathOnHost", parts.v[0]);
		json_set_str(o, "PathInContainer", parts.count > 1 ? parts.v[1] : parts.v[0]);
		json_set_str(o, "CgroupPermissions", parts.count > 2 ? parts.v[2] : "rwm");
		(void)json_array_append_new(array, o);
	}
	return array;
}

static void set_limits(json_t *o, const struct container_spec *spec)
{
	int64_t nano = spec->cpu_period > 0 ? spec->cpu_quota * 1000000000 / spec->cpu_period : 0;

	json_set_int(o, "CpuShares", spec->cpu_shares);
	json_set_int(o, "Memory", spec->memory);
	json_set_int(o, "NanoCpus", nano);
	json_set_str(o, "CgroupParent", str_or(spec->cgroup_parent, ""));
	json_set_int(o, "BlkioWeight", spec->blkio_weight);
	json_set_int(o, "CpuPeriod", spec->cpu_period);
	json_set_int(o, "CpuQuota", spec->cpu_quota);
	json_set_str(o, "CpusetCpus", str_or(spec->cpuset_cpus, ""));
	json_set_str(o, "CpusetMems", str_or(spec->cpuset_mems, ""));
	set(o, "Devices", devices_array(spec));
	json_set_int(o, "DiskQuota", 0);
	json_set_int(o, "KernelMemory", 0);
	json_set_int(o, "MemoryReservation", spec->memory_reservation);
	json_set_int(o, "MemorySwap", spec->memory_swap);
	json_set_int(o, "MemorySwappiness",
		     spec->memory_swappiness < 0 ? 0 : spec->memory_swappiness);
	json_set_bool(o, "OomKillDisable", false);
	json_set_int(o, "PidsLimit", spec->pids_limit_default ? 0 : spec->pids_limit);
	set(o, "Ulimits", json_from_strv(&spec->ulimits));
}

static json_t *host_config_object(const struct engine *engine, const struct container *c)
{
	static const char *const userns[] = { [SPEC_USERNS_SHARED] = "",
					      [SPEC_USERNS_KEEP_ID] = "keep-id",
					      [SPEC_USERNS_NOMAP] = "nomap",
					      [SPEC_USERNS_AUTO] = "auto",
					      [SPEC_USERNS_MAPS] = "private" };
	const struct container_spec *spec = &c->spec;
	json_t *o = json_object();
	auto_free char *mode = network_mode(spec);

	set(o, "Binds", binds_array(spec));
	json_set_str(o, "CgroupMode", spec->cgroupns.kind == SPEC_NS_HOST ? "host" : "private");
	json_set_str(o, "ContainerIDFile", str_or(spec->cidfile, ""));
	set(o, "LogConfig", log_object(engine, spec));
	json_set_str(o, "NetworkMode", mode);
	set(o, "PortBindings", ports_object(c, false));
	set(o, "RestartPolicy", restart_object(spec));
	json_set_bool(o, "AutoRemove", spec->rm);
	set(o, "Annotations", pairs_object(&spec->annotations));
	json_set_str(o, "VolumeDriver", "");
	set(o, "VolumesFrom", list_or_null(&spec->volumes_from));
	set(o, "CapAdd", json_from_strv(&spec->cap_add));
	set(o, "CapDrop", json_from_strv(&spec->cap_drop));
	set(o, "Dns", json_from_strv(&spec->dns));
	set(o, "DnsOptions", json_from_strv(&spec->dns_options));
	set(o, "DnsSearch", json_from_strv(&spec->dns_search));
	set(o, "ExtraHosts", json_from_strv(&spec->add_hosts));
	set(o, "GroupAdd", json_from_strv(&spec->groups));
	set_ns(o, "IpcMode", &spec->ipc, "shareable");
	json_set_str(o, "Cgroup", "");
	json_set_str(o, "Cgroups", spec->cgroups_disabled ? "disabled" : "default");
	set(o, "Links", json_null());
	json_set_int(o, "OomScoreAdj", spec->oom_score_adj);
	set_ns(o, "PidMode", &spec->pid, "private");
	json_set_bool(o, "Privileged", spec->privileged);
	json_set_bool(o, "PublishAllPorts", spec->publish_all);
	json_set_bool(o, "ReadonlyRootfs", spec->read_only);
	set(o, "SecurityOpt", json_from_strv(&spec->security_opt));
	set(o, "Tmpfs", tmpfs_object(spec));
	set_ns(o, "UTSMode", &spec->uts, "private");
	json_set_str(o, "UsernsMode", userns[spec->userns]);
	json_set_int(o, "ShmSize", spec->shm_size);
	json_set_str(o, "Runtime", "oci");
	set_limits(o, spec);
	return o;
}

static json_t *graph_driver(struct engine *engine, const struct container *c)
{
	enum storage_driver driver = STORAGE_AUTO;
	json_t *o = json_object();
	json_t *data = json_object();
	auto_free char *upper =
		xasprintf("%s/containers/%s/rootfs/upper", engine->data_root, c->id);
	auto_free char *work = xasprintf("%s/containers/%s/rootfs/work", engine->data_root, c->id);

	(void)storage_container_driver(&engine->storage, c->id, &driver,
				       NULL); /* auto, if unknown */
	json_set_str(o, "Name", storage_driver_name(driver));
	if (driver == STORAGE_OVERLAY || driver == STORAGE_FUSE) {
		json_set_str(data, "UpperDir", upper);
		json_set_str(data, "WorkDir", work);
	}
	set(o, "Data", data);
	return o;
}

static void set_paths(const struct engine *engine, const struct container *c, json_t *o)
{
	static const struct {
		const char *key, *file;
	} files[] = { { "ResolvConfPath", "resolv.conf" },
		      { "HostnamePath", "hostname" },
		      { "HostsPath", "hosts" } };
	auto_free char *folder = container_path(engine, c->id);

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		auto_free char *path = xasprintf("%s/%s", folder, files[i].file);

		json_set_str(o, files[i].key, c->state.started_at ? path : "");
	}
	json_set_str(o, "StaticDir", folder);
}

static void set_sizes(struct engine *engine, const struct container *c, json_t *o)
{
	uint64_t written = 0;
	uint64_t all = 0;

	if (storage_container_size(&engine->storage, c->id, &written, &all, NULL) < 0)
		return;
	json_set_int(o, "SizeRw", (int64_t)written);
	json_set_int(o, "SizeRootFs", (int64_t)all);
}

int container_inspect_json(struct engine *engine, struct container *c, bool size,
			   json_t **ret_object, struct err *err)
{
	const struct container_spec *spec = &c->spec;
	struct strv words auto_done(strv) = STRV_INIT;
	json_t *o = NULL;
	int r = container_load_spec(c, err);

	if (r < 0)
		return r;
	strv_add_all(&words, &spec->entrypoint);
	strv_add_all(&words, &spec->command);
	o = json_object();
	json_set_str(o, "Id", c->id);
	json_set_str(o, "Created", time_utc(spec->created).text);
	json_set_str(o, "Path", words.count ? words.v[0] : "");
	if (words.count)
		strv_remove(&words, 0);
	set(o, "Args", json_from_strv(&words));
	set(o, "State", state_object(c));
	json_set_str(o, "Image", str_or(spec->image_id, ""));
	json_set_str(o, "ImageName", str_or(spec->image_name, ""));
	json_set_str(o, "Rootfs", str_or(spec->rootfs, ""));
	json_set_str(o, "Pod", "");
	set_paths(engine, c, o);
	json_set_str(o, "OCIRuntime", str_or(spec->runtime, "bryo-runtime"));
	json_set_str(o, "PidFile", str_or(spec->pidfile, ""));
	json_set_str(o, "Name", c->state.name);
	json_set_int(o, "RestartCount", c->state.restarts);
	json_set_str(o, "Driver", "overlay");
	json_set_str(o, "MountLabel", str_or(spec->mount_label, ""));
	json_set_str(o, "ProcessLabel", str_or(spec->selinux_label, ""));
	json_set_str(o, "AppArmorProfile", str_or(spec->apparmor, ""));
	set(o, "EffectiveCaps", caps_array(spec->caps));
	set(o, "BoundingCaps", caps_array(spec->caps));
	set(o, "ExecIDs", json_array());
	set(o, "GraphDriver", graph_driver(engine, c));
	if (size)
		set_sizes(engine, c, o);
	set(o, "Mounts", mounts_array(engine, spec));
	set(o, "Dependencies", json_array());
	set(o, "NetworkSettings", network_object(c));
	json_set_str(o, "Namespace", "");
	json_set_bool(o, "IsInfra", false);
	json_set_bool(o, "IsService", false);
	set(o, "Config", config_object(c));
	set(o, "HostConfig", host_config_object(engine, c));
	*ret_object = o;
	return 0;
}
