/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditional seccomp profiles: see seccomp-profile.h. Turns them into the OCI form, which
 * oci_seccomp_parse() then checks. Runs in the command; the file is the user's own.
 */
#include "engine/runtime/seccomp-profile.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "engine/base/err.h"
#include "engine/base/json.h"
#include "engine/runtime/caps.h"

/* Go's and libseccomp's names of the processor that this was built for. */
#if defined(__x86_64__)
#define GO_ARCH "amd64"
#define SCMP_ARCH "SCMP_ARCH_X86_64"
#elif defined(__aarch64__)
#define GO_ARCH "arm64"
#define SCMP_ARCH "SCMP_ARCH_AARCH64"
#elif defined(__riscv)
#define GO_ARCH "riscv64"
#define SCMP_ARCH "SCMP_ARCH_RISCV64"
#elif defined(__s390x__)
#define GO_ARCH "s390x"
#define SCMP_ARCH "SCMP_ARCH_S390X"
#elif defined(__powerpc64__)
#define GO_ARCH "ppc64le"
#define SCMP_ARCH "SCMP_ARCH_PPC64LE"
#else
#define GO_ARCH "unknown"
#define SCMP_ARCH ""
#endif

/* "4.8" against the running kernel. */
static bool kernel_at_least(const char *version)
{
	unsigned int want[2] = { 0, 0 };
	unsigned int have[2] = { 0, 0 };
	struct utsname name;

	if (uname(&name) < 0 || sscanf(version, "%u.%u", &want[0], &want[1]) < 1 ||
	    sscanf(name.release, "%u.%u", &have[0], &have[1]) < 2)
		return false;
	return have[0] != want[0] ? have[0] > want[0] : have[1] >= want[1];
}

static bool has_cap(const json_t *name, uint64_t caps)
{
	unsigned int cap = 0;

	return json_is_string(name) && caps_from_name(json_string_value(name), &cap) == 0 &&
	       (caps & CAPS_BIT(cap));
}

static bool lists_arch(const json_t *arches)
{
	size_t i = 0;
	const json_t *arch = NULL;

	json_array_foreach (arches, i, arch) {
		if (json_is_string(arch) && strcmp(json_string_value(arch), GO_ARCH) == 0)
			return true;
	}
	return false;
}

/* Every listed capability is there. */
static bool has_all_caps(const json_t *names, uint64_t caps)
{
	size_t i = 0;
	const json_t *name = NULL;

	json_array_foreach (names, i, name) {
		if (!has_cap(name, caps))
			return false;
	}
	return true;
}

static bool has_any_cap(const json_t *names, uint64_t caps)
{
	size_t i = 0;
	const json_t *name = NULL;

	json_array_foreach (names, i, name) {
		if (has_cap(name, caps))
			return true;
	}
	return false;
}

/* containers/common, pkg/seccomp: all of includes must hold, none of excludes. */
static bool rule_holds(const json_t *rule, uint64_t caps)
{
	const json_t *in = json_object_get(rule, "includes");
	const json_t *ex = json_object_get(rule, "excludes");
	const char *kernel = json_str(in, "minKernel", NULL);

	if (json_array_size(json_object_get(in, "arches")) > 0 &&
	    !lists_arch(json_object_get(in, "arches")))
		return false;
	if (!has_all_caps(json_object_get(in, "caps"), caps) ||
	    (kernel && !kernel_at_least(kernel)))
		return false;
	if (lists_arch(json_object_get(ex, "arches")) ||
	    has_any_cap(json_object_get(ex, "caps"), caps))
		return false;
	kernel = json_str(ex, "minKernel", NULL);
	return !kernel || !kernel_at_least(kernel);
}

static void copy(json_t *to, const json_t *from, const char *key)
{
	json_t *value = json_object_get(from, key);

	if (value && !json_is_null(value))
		(void)json_object_set(to, key, value);
}

static json_t *plain_rule(const json_t *rule)
{
	static const char *const keys[] = { "names", "action", "args", "errnoRet" };
	const char *single = json_str(rule, "name", NULL);
	json_t *out = json_object();

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		copy(out, rule, keys[i]);
	if (single && !json_object_get(out, "names"))
		(void)json_object_set_new(out, "names", json_pack("[s]", single));
	return out;
}

static json_t *architectures(const json_t *json)
{
	const json_t *map = json_object_get(json, "archMap");
	json_t *out = json_array();
	const json_t *entry = NULL;
	size_t i = 0;

	json_array_foreach (map, i, entry) {
		if (!str_eq(json_str(entry, "architecture", ""), SCMP_ARCH))
			continue;
		(void)json_array_append(out, json_object_get(entry, "architecture"));
		(void)json_array_extend(out, json_object_get(entry, "subArchitectures"));
	}
	return out;
}

int seccomp_profile_parse(const json_t *json, uint64_t caps, struct oci_seccomp *ret_profile,
			  struct err *err)
{
	static const char *const keys[] = {
		"defaultAction", "defaultErrnoRet", "architectures",
		"flags",	 "listenerPath",    "listenerMetadata"
	};
	auto_json json_t *plain = json_object();
	json_t *rules = json_array();
	const json_t *rule = NULL;
	size_t i = 0;

	if (!json_is_object(json)) {
		json_decref(rules);
		return err_say(err, ERR_USAGE, "a seccomp profile is an object");
	}
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		copy(plain, json, keys[i]);
	if (json_object_get(json, "archMap"))
		(void)json_object_set_new(plain, "architectures", architectures(json));
	json_array_foreach (json_object_get(json, "syscalls"), i, rule) {
		if (rule_holds(rule, caps))
			(void)json_array_append_new(rules, plain_rule(rule));
	}
	(void)json_object_set_new(plain, "syscalls", rules);
	return oci_seccomp_parse(plain, ret_profile, err);
}
