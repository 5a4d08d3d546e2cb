/* SPDX-License-Identifier: Apache-2.0 */
/* bryo-runtime features (runtime-spec features.md) and spec. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/err.h"
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/runtime/caps.h"
#include "engine/runtime/cli/cli.h"
#include "engine/runtime/features.h"
#include "engine/runtime/oci.h"
#include "engine/runtime/seccomp.h"
#include "userns/userns.h"

static int run_features(const struct cli *cli, int argc, char **argv, struct err *err)
{
	auto_json json_t *json = NULL;
	auto_free char *text = NULL;

	(void)cli;
	if (argc > 1)
		return err_say(err, ERR_USAGE, "features: bad operand %s", argv[1]);
	json = features_json();
	text = json_text_pretty(json, 2);
	puts(text);
	return 0;
}

struct mount_line {
	const char *destination;
	const char *type;
	const char *source;
	const char *options;
};

static const struct mount_line mounts[] = {
	{ "/proc", "proc", "proc", "nosuid,noexec,nodev" },
	{ "/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k" },
	{ "/dev/pts", "devpts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620" },
	{ "/dev/shm", "tmpfs", "shm", "nosuid,noexec,nodev,mode=1777,size=65536k" },
	{ "/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev" },
	{ "/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,ro" },
	{ "/sys/fs/cgroup", "cgroup", "cgroup", "nosuid,noexec,nodev,relatime,ro" },
};

static const char masked[] = "/proc/acpi /proc/asound /proc/kcore /proc/keys /proc/latency_stats "
			     "/proc/timer_list /proc/timer_stats /proc/sched_debug /proc/scsi "
			     "/sys/firmware /sys/devices/virtual/powercap";
static const char readonly[] = "/proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger";

static int add_user_namespace(struct oci_spec *spec, struct err *err)
{
	struct idmap_set maps;
	const char *lost = NULL;
	int r = userns_plan(geteuid(), getegid(), &maps, &lost, err);

	if (r < 0)
		return r;
	spec->linux_.namespaces[OCI_NS_USER].present = true;
	for (size_t i = 0; i < maps.uid.count; i++)
		*OCI_ADD(&spec->linux_.uid_mappings) =
			(struct oci_id_map){ maps.uid.ranges[i].inside, maps.uid.ranges[i].outside,
					     maps.uid.ranges[i].count };
	for (size_t i = 0; i < maps.gid.count; i++)
		*OCI_ADD(&spec->linux_.gid_mappings) =
			(struct oci_id_map){ maps.gid.ranges[i].inside, maps.gid.ranges[i].outside,
					     maps.gid.ranges[i].count };
	return 0;
}

static void fill_spec(struct oci_spec *spec)
{
	static const enum oci_namespace_kind kinds[] = { OCI_NS_PID, OCI_NS_NETWORK, OCI_NS_IPC,
							 OCI_NS_UTS, OCI_NS_CGROUP,  OCI_NS_MOUNT };
	uint64_t caps = CAPS_BIT(29) | CAPS_BIT(5) | CAPS_BIT(10); /* AUDIT_WRITE, KILL, BIND */
	struct oci_rlimit *limit = NULL;

	spec->version = xstrdup(OCI_VERSION);
	spec->has_process = true;
	spec->process.terminal = true;
	strv_add(&spec->process.args, "sh");
	strv_add(&spec->process.env,
		 "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	strv_add(&spec->process.env, "TERM=xterm");
	spec->process.cwd = xstrdup("/");
	spec->process.has_capabilities = true;
	spec->process.capabilities =
		(struct oci_caps){ .bounding = caps, .effective = caps, .permitted = caps };
	limit = OCI_ADD(&spec->process.rlimits);
	*limit = (struct oci_rlimit){ .resource = 7 /* RLIMIT_NOFILE */,
				      .soft = 1024,
				      .hard = 1024 };
	spec->process.no_new_privileges = true;
	spec->root.path = xstrdup("rootfs");
	spec->root.readonly = true;
	spec->hostname = xstrdup("bryo");
	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++) {
		struct oci_mount *m = OCI_ADD(&spec->mounts);

		m->destination = xstrdup(mounts[i].destination);
		m->type = xstrdup(mounts[i].type);
		m->source = xstrdup(mounts[i].source);
		strv_split(&m->options, mounts[i].options, ',');
	}
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		spec->linux_.namespaces[kinds[i]].present = true;
	strv_split(&spec->linux_.masked_paths, masked, ' ');
	strv_split(&spec->linux_.readonly_paths, readonly, ' ');
	spec->linux_.seccomp = xcalloc(1, sizeof(*spec->linux_.seccomp));
	seccomp_default_profile(caps, spec->linux_.seccomp);
}

static int run_spec(const struct cli *cli, int argc, char **argv, struct err *err)
{
	auto_done(oci_spec) struct oci_spec spec = OCI_SPEC_INIT;
	auto_json json_t *json = NULL;
	auto_free char *text = NULL;
	const char *bundle = ".";
	bool rootless = geteuid() != 0;
	int dir = -1;
	int r = 0;

	(void)cli;
	for (int i = 1; i < argc; i++) {
		if (str_eq(argv[i], "--rootless"))
			rootless = true;
		else if ((str_eq(argv[i], "-b") || str_eq(argv[i], "--bundle")) && i + 1 < argc)
			bundle = argv[++i];
		else
			return err_say(err, ERR_USAGE, "spec: bad option %s", argv[i]);
	}
	fill_spec(&spec);
	r = rootless ? add_user_namespace(&spec, err) : 0;
	if (r < 0)
		return r;
	dir = open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_say(err, ERR_USAGE, "cannot open the bundle %s", bundle);
	if (faccessat(dir, "config.json", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		r = err_say(err, ERR_EXISTS, "config.json already exists");
	json = oci_spec_to_json(&spec);
	text = oci_json_text(json, 2);
	if (r == 0)
		r = file_replace_at(dir, "config.json", text, strlen(text), 0644, FILE_NO_SYNC);
	(void)close(dir); /* O_PATH: nothing to lose */
	return r < 0 && err->code == 0 ? err_set(err, r, "cannot write config.json") : r;
}

const struct cli_command cli_features = { "features", "", "tell what this runtime can do as JSON",
					  run_features };
const struct cli_command cli_spec = { "spec", "[--rootless] [--bundle DIR]",
				      "write a config.json to begin with", run_spec };
