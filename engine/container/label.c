/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing a container's SELinux labels: see label.h. Runs in the command that makes it. */
#include "engine/container/label.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/str.h"

#define CONFIG_MAX ((size_t)64 * 1024)
#define CATEGORIES 1024 /* c0 to c1023: what policies with MCS have */
#define TRIES 1000

/* What label=disable leaves on files: the last two categories, which no container is given. */
#define UNCONFINED_LEVEL "s0:c1022,c1023"

bool label_enabled(void)
{
	struct statfs fs;

	return statfs("/sys/fs/selinux", &fs) == 0 && fs.f_type == SELINUX_MAGIC;
}

/* ---- Contexts ---- */

void label_context_done(struct label_context *context)
{
	free(context->user);
	free(context->role);
	free(context->type);
	free(context->level);
	*context = LABEL_CONTEXT_INIT;
}

int label_context_parse(const char *text, struct label_context *ret_context)
{
	struct label_context context auto_done(label_context) = LABEL_CONTEXT_INIT;
	char **const parts[] = { &context.user, &context.role, &context.type };

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		size_t n = strcspn(text, ":");

		if (n == 0 || (i < 2 && text[n] == '\0'))
			return -EINVAL;
		*parts[i] = xstrndup(text, n);
		text += n + (text[n] == ':');
	}
	/* The rest is the level, whose own parts colons separate too. */
	context.level = *text ? xstrdup(text) : NULL;
	*ret_context = context;
	context = LABEL_CONTEXT_INIT;
	return 0;
}

char *label_context_text(const struct label_context *context)
{
	return xasprintf("%s:%s:%s%s%s", context->user, context->role, context->type,
			 context->level ? ":" : "", str_or(context->level, ""));
}

static void replace(char **field, const char *value)
{
	free(*field);
	*field = xstrdup(value);
}

/* ---- The policy's files ---- */

char *label_setting(const char *text, const char *key)
{
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		const char *end = NULL;

		line += strspn(line, " \t\n");
		if (!str_starts(line, key))
			continue;
		line += strlen(key);
		line += strspn(line, " \t");
		if (*line != '=')
			continue;
		line++;
		line += strspn(line, " \t\"");
		end = line + strcspn(line, "\"\n");
		while (end > line && (end[-1] == ' ' || end[-1] == '\t'))
			end--;
		return xstrndup(line, (size_t)(end - line));
	}
	return NULL;
}

/* Contexts of process and files; *ret_found false where the policy knows no containers. */
static int read_contexts(struct label_context *ret_process, struct label_context *ret_file,
			 bool *ret_found, struct err *err)
{
	auto_free char *config = NULL;
	auto_free char *type = NULL;
	auto_free char *path = NULL;
	auto_free char *contexts = NULL;
	auto_free char *process = NULL;
	auto_free char *file = NULL;
	int r = file_read_at(AT_FDCWD, "/etc/selinux/config", CONFIG_MAX, &config, NULL);

	*ret_found = false;
	type = r == 0 ? label_setting(config, "SELINUXTYPE") : NULL;
	if (str_empty(type) || strchr(type, '/'))
		return 0;
	path = xasprintf("/etc/selinux/%s/contexts/lxc_contexts", type);
	r = file_read_at(AT_FDCWD, path, CONFIG_MAX, &contexts, NULL);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_set(err, r, "cannot read %s", path);
	process = label_setting(contexts, "process");
	file = label_setting(contexts, "file");
	if (!process || !file || label_context_parse(process, ret_process) < 0 ||
	    label_context_parse(file, ret_file) < 0)
		return err_say(err, ERR_USAGE,
			       "%s names no valid context for \"process\" and \"file\"", path);
	*ret_found = true;
	return 0;
}

/* The kernel says whether the policy knows a label (security_check_context(3)). */
static int check_label(const char *label, struct err *err)
{
	auto_close int fd = open("/sys/fs/selinux/context", O_RDWR | O_CLOEXEC);

	/* Who may not ask is told at the start of the container. */
	if (fd < 0 || write(fd, label, strlen(label) + 1) >= 0 || errno != EINVAL)
		return 0;
	return err_say(err, ERR_USAGE,
		       "--security-opt label: the SELinux policy of this host does not know %s",
		       label);
}

/* ---- Categories ---- */

static unsigned int random_category(void)
{
	uint16_t pick = 0;

	if (getrandom(&pick, sizeof(pick), 0) != (ssize_t)sizeof(pick))
		abort(); /* cannot fail for so few bytes: random(7) */
	return pick % (CATEGORIES - 2);
}

static int claim_level(struct engine *engine, const char *id, char **ret_level, struct err *err)
{
	for (int i = 0; i < TRIES; i++) {
		unsigned int a = random_category();
		unsigned int b = random_category();
		auto_free char *level = NULL;
		struct err said = ERR_INIT;

		if (a == b)
			continue;
		level = xasprintf("s0:c%u,c%u", a < b ? a : b, a < b ? b : a);
		/* A container's own name never holds a colon. */
		if (state_claim_name(&engine->containers, level, id, "container", &said) == 0) {
			*ret_level = take(level);
			return 0;
		}
		if (said.kind != ERR_EXISTS) {
			if (err)
				*err = said;
			return said.code;
		}
	}
	return err_say(err, ERR_FAILED, "no pair of SELinux categories is free");
}

/* ---- The choice ---- */

static bool has_option(const struct container_spec *spec, const char *key)
{
	for (size_t i = 0; i < spec->label_opts.count; i++)
		if (str_after(spec->label_opts.v[i], key))
			return true;
	return false;
}

/* "type:spc_t" and the like; checked by spec_build(). */
static void apply_options(const struct container_spec *spec, struct label_context *process,
			  struct label_context *file)
{
	for (size_t i = 0; i < spec->label_opts.count; i++) {
		const char *opt = spec->label_opts.v[i];
		const char *value = strchr(opt, ':') + 1;

		if (str_starts(opt, "filetype:")) {
			replace(&file->type, value);
		} else if (str_starts(opt, "type:")) {
			replace(&process->type, value);
		} else if (str_starts(opt, "role:")) {
			replace(&process->role, value);
		} else if (str_starts(opt, "user:")) {
			replace(&process->user, value);
			replace(&file->user, value);
		} else if (str_starts(opt, "level:")) {
			replace(&process->level, value);
			replace(&file->level, value);
		}
	}
}

/* pid or ipc shared with a container: the two must be able to see each other's. */
static int share_label(struct engine *engine, struct container_spec *spec, bool *ret_shared,
		       struct err *err)
{
	const struct spec_ns *const shared[] = { &spec->pid, &spec->ipc };

	*ret_shared = false;
	for (size_t i = 0; i < ARRAY_SIZE(shared); i++) {
		struct container other auto_done(container) = CONTAINER_INIT;
		int r = 0;

		if (shared[i]->kind != SPEC_NS_CONTAINER || spec->label_opts.count > 0)
			continue;
		r = container_load(engine, shared[i]->value, &other, err);
		if (r == 0)
			r = container_load_spec(&other, err);
		if (r < 0)
			return r;
		if (!other.spec.mount_label)
			continue;
		free(spec->selinux_label);
		free(spec->mount_label);
		spec->selinux_label =
			other.spec.label_disable ? NULL : xstrdup(other.spec.selinux_label);
		spec->mount_label = xstrdup(other.spec.mount_label);
		*ret_shared = true;
	}
	return 0;
}

int label_choose(struct engine *engine, struct container_spec *spec, struct err *err)
{
	struct label_context process auto_done(label_context) = LABEL_CONTEXT_INIT;
	struct label_context file auto_done(label_context) = LABEL_CONTEXT_INIT;
	bool found = false;
	int r = 0;

	if (!label_enabled())
		return 0;
	r = read_contexts(&process, &file, &found, err);
	if (r < 0 || !found)
		return r;
	/* A confined process could not do with the host's processes what it was let in for. */
	if (spec->pid.kind == SPEC_NS_HOST || spec->ipc.kind == SPEC_NS_HOST)
		spec->label_disable = true;
	if (spec->label_disable) {
		if (file.level)
			replace(&file.level, UNCONFINED_LEVEL);
		spec->mount_label = label_context_text(&file);
		return 0;
	}
	r = share_label(engine, spec, &found, err);
	if (r < 0 || found)
		return r;
	if (process.level && !has_option(spec, "level:")) {
		auto_free char *level = NULL;

		r = claim_level(engine, spec->id, &level, err);
		if (r < 0)
			return r;
		replace(&process.level, level);
		if (file.level)
			replace(&file.level, level);
	}
	apply_options(spec, &process, &file);
	spec->selinux_label = label_context_text(&process);
	spec->mount_label = label_context_text(&file);
	r = check_label(spec->selinux_label, err);
	return r < 0 ? r : check_label(spec->mount_label, err);
}
