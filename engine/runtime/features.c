/* SPDX-License-Identifier: Apache-2.0 */
/* The features structure (runtime-spec features.md, features-linux.md), from the tables. */
#include "engine/runtime/features.h"

#include <seccomp.h>
#include <stdio.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/runtime/caps.h"
#include "engine/runtime/mount-options.h"
#include "engine/runtime/oci.h"

static void add_words(json_t *object, const char *key, const char *const *words)
{
	json_t *list = json_array();

	for (; *words; words++)
		json_array_append_new(list, json_string(*words));
	json_object_set_new(object, key, list);
}

static json_t *enabled(bool on)
{
	return json_pack("{s:b}", "enabled", on);
}

static json_t *seccomp_features(void)
{
	static const char *const actions[] = { "SCMP_ACT_ALLOW",       "SCMP_ACT_ERRNO",
					       "SCMP_ACT_KILL",	       "SCMP_ACT_KILL_PROCESS",
					       "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG",
					       "SCMP_ACT_NOTIFY",      "SCMP_ACT_TRACE",
					       "SCMP_ACT_TRAP",	       NULL };
	static const char *const ops[] = { "SCMP_CMP_NE",	 "SCMP_CMP_LT", "SCMP_CMP_LE",
					   "SCMP_CMP_EQ",	 "SCMP_CMP_GE", "SCMP_CMP_GT",
					   "SCMP_CMP_MASKED_EQ", NULL };
	static const char *const archs[] = {
		"SCMP_ARCH_AARCH64",  "SCMP_ARCH_ARM",	       "SCMP_ARCH_MIPS",
		"SCMP_ARCH_MIPS64",   "SCMP_ARCH_MIPS64N32",   "SCMP_ARCH_MIPSEL",
		"SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PPC",
		"SCMP_ARCH_PPC64",    "SCMP_ARCH_PPC64LE",     "SCMP_ARCH_RISCV64",
		"SCMP_ARCH_S390",     "SCMP_ARCH_S390X",       "SCMP_ARCH_X32",
		"SCMP_ARCH_X86",      "SCMP_ARCH_X86_64",      NULL
	};
	static const char *const flags[] = { "SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG",
					     "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
					     "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", NULL };
	json_t *json = enabled(true);

	add_words(json, "actions", actions);
	add_words(json, "operators", ops);
	add_words(json, "archs", archs);
	add_words(json, "knownFlags", flags);
	add_words(json, "supportedFlags", flags);
	return json;
}

static json_t *linux_features(void)
{
	json_t *json = json_object();
	json_t *namespaces = json_array();
	json_t *caps = json_array();

	for (int i = 0; i < OCI_NS_KINDS; i++)
		json_array_append_new(namespaces,
				      json_string(oci_namespace_name((enum oci_namespace_kind)i)));
	for (unsigned int i = 0; caps_name(i); i++)
		json_array_append_new(caps, json_string(caps_name(i)));
	json_object_set_new(json, "namespaces", namespaces);
	json_object_set_new(json, "capabilities", caps);
	json_object_set_new(
		json, "cgroup",
		json_pack("{s:b,s:b,s:b,s:b}", "v1", 1, "v2", 1, "systemd", 0, "systemdUser", 0));
	json_object_set_new(json, "seccomp", seccomp_features());
	json_object_set_new(json, "apparmor", enabled(true));
	json_object_set_new(json, "selinux", enabled(true));
	json_object_set_new(json, "intelRdt", enabled(false));
	json_object_set_new(json, "netDevices", enabled(false));
	json_object_set_new(json, "mountExtensions", json_pack("{s:{s:b}}", "idmap", "enabled", 1));
	return json;
}

json_t *features_json(void)
{
	const struct scmp_version *version = seccomp_version();
	json_t *json = json_object();
	json_t *hooks = json_array();
	json_t *options = json_array();
	char text[64];

	for (int i = 0; i < OCI_HOOK_STAGES; i++)
		json_array_append_new(hooks,
				      json_string(oci_hook_stage_name((enum oci_hook_stage)i)));
	for (size_t i = 0; mount_option_name(i); i++)
		json_array_append_new(options, json_string(mount_option_name(i)));
	json_object_set_new(json, "ociVersionMin", json_string("1.0.0"));
	json_object_set_new(json, "ociVersionMax", json_string(OCI_VERSION));
	json_object_set_new(json, "hooks", hooks);
	json_object_set_new(json, "mountOptions", options);
	json_object_set_new(json, "linux", linux_features());
	snprintf(text, sizeof(text), "%u.%u.%u", version->major, version->minor, version->micro);
	json_object_set_new(json, "annotations",
			    json_pack("{s:s,s:s}", "io.github.seccomp.libseccomp.version", text,
				      "io.github.bryo.version", BRYO_VERSION));
	return json;
}
