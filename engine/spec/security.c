/* SPDX-License-Identifier: Apache-2.0 */
/* What a container may do: capabilities, --security-opt, --privileged, devices. Pure. */
#include "engine/spec/spec-internal.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/path.h"
#include "engine/runtime/caps.h"

/* containers.conf(5), default_capabilities. */
#define DEFAULT_CAPS                                                                               \
	(CAPS_BIT(CAP_CHOWN) | CAPS_BIT(CAP_DAC_OVERRIDE) | CAPS_BIT(CAP_FOWNER) |                 \
	 CAPS_BIT(CAP_FSETID) | CAPS_BIT(CAP_KILL) | CAPS_BIT(CAP_NET_BIND_SERVICE) |              \
	 CAPS_BIT(CAP_SETFCAP) | CAPS_BIT(CAP_SETGID) | CAPS_BIT(CAP_SETPCAP) |                    \
	 CAPS_BIT(CAP_SETUID) | CAPS_BIT(CAP_SYS_CHROOT))

/* A list of names as a mask; "all" gives every one and sets *ret_all. */
static int parse_caps(const struct strv *names, const char *flag, uint64_t *ret_mask, bool *ret_all,
		      struct err *err)
{
	uint64_t mask = 0;

	*ret_all = false;
	for (size_t i = 0; i < names->count; i++) {
		unsigned int cap = 0;

		if (strcasecmp(names->v[i], "all") == 0 ||
		    strcasecmp(names->v[i], "cap_all") == 0) {
			*ret_all = true;
			continue;
		}
		if (caps_from_name(names->v[i], &cap) < 0)
			return err_say(err, ERR_USAGE, "invalid capability \"%s\" for %s",
				       names->v[i], flag);
		mask |= CAPS_BIT(cap);
	}
	*ret_mask = mask;
	return 0;
}

/* containers/common's MergeCapabilities: a named one wins over "all" of the other list. */
static int build_caps(const struct request *q, struct container_spec *spec, struct err *err)
{
	uint64_t add = 0;
	uint64_t drop = 0;
	uint64_t base = 0;
	bool base_all = false;
	bool add_all = false;
	bool drop_all = false;
	int r = parse_caps(&q->cap_add, "--cap-add", &add, &add_all, err);

	if (r == 0)
		r = parse_caps(&q->cap_drop, "--cap-drop", &drop, &drop_all, err);
	if (r == 0)
		r = parse_caps(&q->default_caps, "default_capabilities", &base, &base_all, err);
	if (r < 0)
		return r;
	if (add_all && drop_all)
		return err_say(err, ERR_USAGE, "--cap-add and --cap-drop cannot both be all");
	for (unsigned int cap = 0; cap < 64; cap++)
		if (add & drop & CAPS_BIT(cap))
			return err_say(err, ERR_USAGE,
				       "capability \"%s\" cannot be dropped and added",
				       caps_name(cap));
	base = q->default_caps.count ? base : DEFAULT_CAPS;
	spec->caps = q->privileged || add_all ? caps_known() : drop_all ? 0 : base;
	spec->caps = (spec->caps | add) & ~drop;
	strv_add_all(&spec->cap_add, &q->cap_add);
	strv_add_all(&spec->cap_drop, &q->cap_drop);
	return 0;
}

static int refuse_opt(const char *opt, struct err *err)
{
	return err_say(
		err, ERR_USAGE,
		"invalid --security-opt \"%s\": want no-new-privileges, seccomp=FILE|unconfined, "
		"label=..., apparmor=PROFILE, mask=PATHS, unmask=PATHS|ALL or fake-ids=on|off",
		opt);
}

/* Whether the policy knows the value is found out where SELinux is (label_choose()). */
static int parse_label(const char *value, struct container_spec *spec, struct err *err)
{
	static const char *const keys[] = { "user:", "role:", "type:", "level:", "filetype:" };

	if (str_eq(value, "disable")) {
		spec->label_disable = true;
		return 0;
	}
	if (str_eq(value, "nested"))
		return err_say(err, ERR_UNSUPPORTED,
			       "--security-opt label=nested is not supported: a container cannot "
			       "change SELinux labels itself");
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (str_empty(str_after(value, keys[i])))
			continue;
		strv_add(&spec->label_opts, value);
		return 0;
	}
	return err_say(err, ERR_USAGE,
		       "bad label option \"%s\" in --security-opt, valid options 'disable' or "
		       "'user, role, level, type, filetype' followed by ':' and a value",
		       value);
}

static int parse_opt(const char *opt, struct container_spec *spec, struct err *err)
{
	size_t n = strcspn(opt, "=:");
	const char *value = opt[n] ? opt + n + 1 : NULL;
	auto_free char *key = xstrndup(opt, n);

	if (str_eq(key, "no-new-privileges")) {
		if (value && !str_eq(value, "true") && !str_eq(value, "false"))
			return refuse_opt(opt, err);
		spec->no_new_privileges = !str_eq(value, "false");
		return 0;
	}
	if (str_empty(value))
		return refuse_opt(opt, err);
	if (str_eq(key, "seccomp")) {
		free(spec->seccomp);
		spec->seccomp =
			str_eq(value, "unconfined") ? xstrdup(value) : realpath(value, NULL);
		if (!spec->seccomp)
			return err_set(err, -errno, "cannot read the seccomp profile %s", value);
	} else if (str_eq(key, "label")) {
		return parse_label(value, spec, err);
	} else if (str_eq(key, "apparmor")) {
		free(spec->apparmor);
		spec->apparmor = xstrdup(value);
	} else if (str_eq(key, "mask")) {
		strv_split(&spec->masked, value, ':');
	} else if (str_eq(key, "unmask")) {
		strv_split(&spec->unmasked, value, ':');
	} else if (str_eq(key, "systempaths") && str_eq(value, "unconfined")) {
		strv_add(&spec->unmasked, "ALL");
	} else if (str_eq(key, "fake-ids") && (str_eq(value, "on") || str_eq(value, "off"))) {
		spec->fake_ids = str_eq(value, "on");
	} else {
		return refuse_opt(opt, err);
	}
	return 0;
}

/* HOST[:CONTAINER[:rwm]], all three written out in the record. */
static int add_device(const char *text, struct container_spec *spec, struct err *err)
{
	struct strv parts auto_done(strv) = STRV_INIT;
	const char *inside = NULL;
	const char *access = "rwm";

	strv_split(&parts, text, ':');
	if (text[0] != '/' && strchr(text, '='))
		return err_say(err, ERR_UNSUPPORTED,
			       "--device %s: CDI device names are not supported yet", text);
	if (parts.count > 3 || parts.v[0][0] != '/')
		return err_say(err, ERR_USAGE,
			       "invalid --device \"%s\": want HOST-PATH[:CONTAINER-PATH][:rwm]",
			       text);
	inside = parts.v[0];
	if (parts.count == 2 && parts.v[1][0] != '/')
		access = parts.v[1];
	else if (parts.count >= 2)
		inside = parts.v[1];
	if (parts.count == 3)
		access = parts.v[2];
	if (inside[0] != '/' || *access == '\0' || access[strspn(access, "rwm")] != '\0')
		return err_say(err, ERR_USAGE,
			       "invalid --device \"%s\": want HOST-PATH[:CONTAINER-PATH][:rwm]",
			       text);
	strv_addf(&spec->devices, "%s:%s:%s", parts.v[0], inside, access);
	return 0;
}

int spec_build_security(const struct request *q, const struct spec_host *host,
			struct container_spec *spec, struct err *err)
{
	int r = build_caps(q, spec, err);

	spec->privileged = q->privileged;
	spec->fake_ids = host->one_id;
	for (size_t i = 0; i < q->security_opt.count && r == 0; i++)
		r = parse_opt(q->security_opt.v[i], spec, err);
	for (size_t i = 0; i < q->devices.count && r == 0; i++)
		r = add_device(q->devices.v[i], spec, err);
	if (r == 0 && q->device_cgroup_rules.count > 0 && host->rootless)
		r = err_say(err, ERR_UNSUPPORTED,
			    "device cgroup rules are not supported in rootless mode");
	if (r < 0)
		return r;
	strv_add_all(&spec->security_opt, &q->security_opt);
	strv_add_all(&spec->device_cgroup_rules, &q->device_cgroup_rules);
	if (q->privileged) {
		if (!spec->seccomp)
			spec->seccomp = xstrdup("unconfined");
		spec->label_disable = true;
		strv_add(&spec->unmasked, "ALL");
	}
	return 0;
}
