/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's system call filter: the default profile, a file, or none; and, where the user
 * namespace holds one id only, the rules that answer chown and the like with success without
 * doing them, so that package managers work (Charliecloud's way).
 */
#include "engine/spec/oci-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/file.h"
#include "engine/base/hash.h"
#include "engine/base/json.h"
#include "engine/runtime/seccomp-profile.h"
#include "engine/runtime/seccomp.h"

#define PROFILE_MAX (1024 * 1024)

/* Calls that only change ids or owners; with one id each could only fail. */
static const char *const fake_calls[] = {
	"chown",       "chown32",    "fchown",	   "fchown32",	  "fchownat",
	"lchown",      "lchown32",   "setgroups",  "setgroups32", "setgid",
	"setgid32",    "setuid",     "setuid32",   "setregid",	  "setregid32",
	"setreuid",    "setreuid32", "setresgid",  "setresgid32", "setresuid",
	"setresuid32", "setfsuid",   "setfsuid32", "setfsgid",	  "setfsgid32",
};
/* mknod makes files and pipes too: those are left to the kernel. */
static const struct {
	const char *name;
	uint32_t mode_index;
} fake_nodes[] = { { "mknod", 1 }, { "mknodat", 2 } };

static bool is_faked(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(fake_calls); i++)
		if (str_eq(fake_calls[i], name))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(fake_nodes); i++)
		if (str_eq(fake_nodes[i].name, name))
			return true;
	return false;
}

/* One call may stand in one rule without conditions only: take it out of the others. */
static void remove_faked(struct oci_seccomp *s)
{
	for (size_t i = 0; i < s->rules.count; i++)
		for (size_t j = s->rules.v[i].names.count; j-- > 0;)
			if (is_faked(s->rules.v[i].names.v[j]))
				strv_remove(&s->rules.v[i].names, j);
}

static void add_node_rule(struct oci_seccomp *s, size_t which, uint64_t type, bool fake)
{
	struct oci_seccomp_rule *rule = OCI_ADD(&s->rules);

	strv_add(&rule->names, fake_nodes[which].name);
	rule->action = fake ? OCI_SECCOMP_ERRNO : OCI_SECCOMP_ALLOW;
	rule->errno_ret = (struct oci_u64){ fake, 0 };
	*OCI_ADD(&rule->args) = (struct oci_seccomp_arg){ .index = fake_nodes[which].mode_index,
							  .value = S_IFMT,
							  .value_two = type,
							  .op = OCI_SECCOMP_MASKED_EQ };
}

static void fake_ids(struct oci_seccomp *s)
{
	struct oci_seccomp_rule *rule = NULL;

	remove_faked(s);
	rule = OCI_ADD(&s->rules);
	rule->action = OCI_SECCOMP_ERRNO;
	rule->errno_ret = (struct oci_u64){ true, 0 };
	for (size_t i = 0; i < ARRAY_SIZE(fake_calls); i++)
		strv_add(&rule->names, fake_calls[i]);
	for (size_t i = 0; i < ARRAY_SIZE(fake_nodes); i++) {
		add_node_rule(s, i, S_IFCHR, true);
		add_node_rule(s, i, S_IFBLK, true);
		if (s->default_action == OCI_SECCOMP_ALLOW)
			continue;
		add_node_rule(s, i, 0, false);
		add_node_rule(s, i, S_IFREG, false);
		add_node_rule(s, i, S_IFIFO, false);
		add_node_rule(s, i, S_IFSOCK, false);
	}
}

static void make_default(const struct oci_seccomp_preset *preset, struct oci_seccomp *ret)
{
	seccomp_default_profile(preset->caps, ret);
	if (preset->fake_ids)
		fake_ids(ret);
}

static struct oci_seccomp_preset default_preset(uint64_t caps, bool fake)
{
	struct oci_seccomp_preset preset = { .make = make_default,
					     .caps = caps,
					     .fake_ids = fake,
					     .version = seccomp_default_version() };

	for (size_t i = 0; fake && i < ARRAY_SIZE(fake_calls); i++)
		preset.version = hash_add(preset.version, fake_calls[i], strlen(fake_calls[i]));
	return preset;
}

static int read_profile(const struct container_spec *spec, struct oci_seccomp *ret, struct err *err)
{
	auto_json json_t *json = NULL;
	int r = json_read_at(AT_FDCWD, spec->seccomp, PROFILE_MAX, &json, err);

	if (r == 0)
		r = seccomp_profile_parse(json, spec->caps, ret, err);
	if (r < 0)
		return err_prefix(err, "cannot use the seccomp profile %s", spec->seccomp);
	return 0;
}

int spec_seccomp(const struct container_spec *spec, bool one_id, struct oci_seccomp **ret_seccomp,
		 struct err *err)
{
	bool unconfined = str_eq(spec->seccomp, "unconfined");
	bool fake = one_id && spec->fake_ids;
	struct oci_seccomp *s = NULL;
	int r = 0;

	*ret_seccomp = NULL;
	if (unconfined && !fake)
		return 0;
	s = xcalloc(1, sizeof(*s));
	if (unconfined)
		s->default_action = OCI_SECCOMP_ALLOW;
	else if (spec->seccomp)
		r = read_profile(spec, s, err);
	else
		s->preset = default_preset(spec->caps, fake);
	if (r < 0) {
		oci_seccomp_done(s);
		free(s);
		return r;
	}
	if (fake && !s->preset.make)
		fake_ids(s);
	*ret_seccomp = s;
	return 0;
}
