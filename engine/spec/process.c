/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What runs and with which surroundings: command, environment, labels, signals, restart
 * policy. Reads files that the user named (--env-file, --label-file) and the caller's
 * environment where -e NAME asks for it; nothing of a container.
 */
#include "engine/spec/spec-internal.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/image/config.h"
#include "engine/spec/env.h"

#define FILE_MAX (1024 * 1024)

extern char **environ;

/* ---- Environment ---- */

/* "NAME=value", "NAME" (the caller's value, nothing when unset) or "PREFIX*". */
static int add_env(struct strv *env, const char *text, const char *flag, struct err *err)
{
	size_t n = strcspn(text, "=");

	if (n == 0)
		return err_say(err, ERR_USAGE, "invalid variable \"%s\" for %s: the name is empty",
			       text, flag);
	if (text[n] == '=') {
		strv_env_set(env, text);
		return 0;
	}
	for (char **e = environ; *e; e++) {
		size_t m = strcspn(*e, "=");
		bool match = text[n - 1] == '*' ? strncmp(*e, text, n - 1) == 0
						: m == n && strncmp(*e, text, n) == 0;

		if (match && (*e)[m] == '=')
			strv_env_set(env, *e);
	}
	return 0;
}

/* Calls take() for each line of a file that is neither empty nor a comment. */
static int each_line(const char *path, const char *flag,
		     int (*use)(struct strv *, const char *, const char *, struct err *),
		     struct strv *list, struct err *err)
{
	auto_free char *text = NULL;
	char *save = NULL;
	int r = file_read_at(AT_FDCWD, path, FILE_MAX, &text, NULL);

	if (r < 0)
		return err_set(err, r, "cannot read %s given with %s", path, flag);
	for (char *line = strtok_r(text, "\n", &save); line && r == 0;
	     line = strtok_r(NULL, "\n", &save)) {
		while (isspace((unsigned char)*line))
			line++;
		if (str_ends(line, "\r"))
			line[strlen(line) - 1] = '\0';
		if (*line && *line != '#')
			r = use(list, line, flag, err);
	}
	return r;
}

int spec_env_add(struct strv *env, const char *text, struct err *err)
{
	return add_env(env, text, "--env", err);
}

int spec_env_file(struct strv *env, const char *path, struct err *err)
{
	return each_line(path, "--env-file", add_env, env, err);
}

static int build_env(const struct request *q, const struct image_config *image,
		     struct container_spec *spec, struct err *err)
{
	struct strv *env = &spec->env;
	int r = 0;

	strv_add(env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	/* The word that tools look for to know that they are in a container: docs/decisions. */
	strv_add(env, "container=podman");
	if (q->tty)
		strv_add(env, "TERM=xterm");
	if (q->unsetenv_all)
		strv_done(env);
	for (size_t i = 0; image && !q->unsetenv_all && i < image->env.count; i++)
		strv_env_set(env, image->env.v[i]);
	for (size_t i = 0; i < q->unsetenv.count; i++)
		strv_env_unset(env, q->unsetenv.v[i]);
	for (char **e = environ; q->env_host && *e; e++)
		if (!str_starts(*e, "PATH=") && !str_starts(*e, "HOME=") &&
		    !str_starts(*e, "TMPDIR="))
			strv_env_set(env, *e);
	for (size_t i = 0; i < q->env_merge.count && r == 0; i++)
		r = spec_env_merge(env, q->env_merge.v[i], err);
	for (size_t i = 0; i < q->env_files.count && r == 0; i++)
		r = spec_env_file(env, q->env_files.v[i], err);
	for (size_t i = 0; i < q->env.count && r == 0; i++)
		r = spec_env_add(env, q->env.v[i], err);
	return r;
}

/* ---- Labels and annotations ---- */

static int add_label(struct strv *labels, const char *text, const char *flag, struct err *err)
{
	auto_free char *pair = strchr(text, '=') ? xstrdup(text) : xasprintf("%s=", text);

	if (pair[0] == '=')
		return err_say(err, ERR_USAGE, "invalid label \"%s\" for %s: the name is empty",
			       text, flag);
	strv_env_set(labels, pair);
	return 0;
}

static int build_labels(const struct request *q, const struct image_config *image,
			struct container_spec *spec, struct err *err)
{
	int r = 0;

	for (size_t i = 0; image && i < image->labels.count; i++)
		strv_env_set(&spec->labels, image->labels.v[i]);
	for (size_t i = 0; i < q->label_files.count && r == 0; i++)
		r = each_line(q->label_files.v[i], "--label-file", add_label, &spec->labels, err);
	for (size_t i = 0; i < q->labels.count && r == 0; i++)
		r = add_label(&spec->labels, q->labels.v[i], "--label", err);
	for (size_t i = 0; i < q->annotations.count && r == 0; i++) {
		if (!strchr(q->annotations.v[i], '='))
			r = err_say(err, ERR_USAGE,
				    "annotations must be formatted KEY=VALUE: \"%s\"",
				    q->annotations.v[i]);
		else
			r = add_label(&spec->annotations, q->annotations.v[i], "--annotation", err);
	}
	strv_sort(&spec->labels);
	return r;
}

/* ---- Command ---- */

/* One word, or a JSON array of words. */
static int parse_entrypoint(const char *text, struct strv *ret_words)
{
	auto_json json_t *array = NULL;
	size_t i = 0;
	json_t *word = NULL;

	if (text[0] == '[' && json_parse(text, strlen(text), "--entrypoint", &array, NULL) == 0 &&
	    json_is_array(array)) {
		json_array_foreach (array, i, word) {
			if (!json_is_string(word))
				return -EINVAL;
			strv_add(ret_words, json_string_value(word));
		}
		return 0;
	}
	if (*text)
		strv_add(ret_words, text);
	return 0;
}

static int build_command(const struct request *q, const struct image_config *image,
			 struct container_spec *spec, struct err *err)
{
	if (q->entrypoint) {
		if (parse_entrypoint(q->entrypoint, &spec->entrypoint) < 0)
			return err_say(err, ERR_USAGE, "--entrypoint %s is not an array of words",
				       q->entrypoint);
	} else if (image) {
		strv_add_all(&spec->entrypoint, &image->entrypoint);
	}
	/* An entrypoint of the user's does not get the image's arguments. */
	if (q->command.count > 0)
		strv_add_all(&spec->command, &q->command);
	else if (image && !q->entrypoint)
		strv_add_all(&spec->command, &image->cmd);
	if (spec->entrypoint.count + spec->command.count == 0)
		return err_say(
			err, ERR_USAGE,
			"no command or entrypoint provided, and no CMD or ENTRYPOINT from image");
	return 0;
}

/* ---- Signals, time-outs, restart ---- */

static int parse_number(const char *text, const char *flag, int64_t least, int64_t *ret_value,
			struct err *err)
{
	if (str_to_i64(text, ret_value) < 0 || *ret_value < least)
		return err_say(err, ERR_USAGE,
			       "invalid argument \"%s\" for \"%s\" flag: want a whole number", text,
			       flag);
	return 0;
}

static int build_stop(const struct request *q, const struct image_config *image,
		      struct container_spec *spec, struct err *err)
{
	const char *name = q->stop_signal ? q->stop_signal : image ? image->stop_signal : NULL;
	int r = 0;

	if (!str_empty(name)) {
		spec->stop_signal = spec_signal_parse(name);
		if (spec->stop_signal < 0)
			return err_say(err, ERR_USAGE, "invalid signal for --stop-signal: %s",
				       name);
	}
	if (q->stop_timeout)
		r = parse_number(q->stop_timeout, "--stop-timeout", -1, &spec->stop_timeout, err);
	else if (image && image->stop_timeout >= 0)
		spec->stop_timeout = image->stop_timeout;
	if (r == 0 && q->timeout)
		r = parse_number(q->timeout, "--timeout", 0, &spec->timeout, err);
	if (r == 0 && q->oom_score_adj) {
		r = parse_number(q->oom_score_adj, "--oom-score-adj", -1000, &spec->oom_score_adj,
				 err);
		spec->has_oom_score_adj = true;
		if (r == 0 && spec->oom_score_adj > 1000)
			r = err_say(err, ERR_USAGE,
				    "--oom-score-adj %s is not between -1000 and 1000",
				    q->oom_score_adj);
	}
	return r;
}

static int build_restart(const struct request *q, struct container_spec *spec, struct err *err)
{
	const char *retries = NULL;

	if (!q->restart || str_eq(q->restart, "") || str_eq(q->restart, "no"))
		return 0;
	if (q->rm)
		return err_say(err, ERR_USAGE,
			       "the --rm option conflicts with --restart, when the restartPolicy "
			       "is not \"\" "
			       "and \"no\"");
	retries = str_after(q->restart, "on-failure:");
	if (str_eq(q->restart, "always"))
		spec->restart = SPEC_RESTART_ALWAYS;
	else if (str_eq(q->restart, "unless-stopped"))
		spec->restart = SPEC_RESTART_UNLESS_STOPPED;
	else if (str_eq(q->restart, "on-failure") || retries)
		spec->restart = SPEC_RESTART_ON_FAILURE;
	else
		return err_say(err, ERR_USAGE,
			       "restart policy \"%s\" is not one of no, always, on-failure[:N], "
			       "unless-stopped",
			       q->restart);
	return retries ? parse_number(retries, "--restart", 0, &spec->restart_retries, err) : 0;
}

static int build_user(const struct request *q, const struct image_config *image,
		      struct container_spec *spec, struct err *err)
{
	uint32_t bits = 0;

	spec->user = xstrdup(q->user ? q->user : image ? image->user : NULL);
	strv_add_all(&spec->groups, &q->groups);
	if (q->umask) {
		if (str_to_mode(q->umask, 0777, &bits) < 0)
			return err_say(err, ERR_USAGE,
				       "invalid --umask %s: want octal digits such as 0022",
				       q->umask);
		spec->umask = bits;
	}
	spec->workdir = xstrdup(q->workdir ? q->workdir : image ? image->workdir : NULL);
	spec->workdir_from_image = !q->workdir;
	if (spec->workdir && spec->workdir[0] != '/' && q->workdir)
		return err_say(
			err, ERR_USAGE,
			"the working directory \"%s\" is invalid, it needs to be an absolute path",
			spec->workdir);
	if (str_empty(spec->workdir)) {
		free(spec->workdir);
		spec->workdir = xstrdup("/");
	}
	return 0;
}

int spec_build_process(const struct request *q, const struct spec_host *host,
		       struct container_spec *spec, struct err *err)
{
	const struct image_config *image = host->image;
	int r = build_command(q, image, spec, err);

	if (r == 0)
		r = build_env(q, image, spec, err);
	if (r == 0)
		r = build_labels(q, image, spec, err);
	if (r == 0)
		r = build_stop(q, image, spec, err);
	if (r == 0)
		r = build_restart(q, spec, err);
	if (r == 0)
		r = build_user(q, image, spec, err);
	if (r < 0)
		return r;
	spec->tty = q->tty;
	spec->interactive = q->interactive;
	spec->rm = q->rm;
	spec->rmi = q->rmi;
	spec->init = q->init == REQUEST_TRUE;
	spec->tz = xstrdup(q->tz);
	spec->personality = xstrdup(q->personality);
	return 0;
}
