/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials: see auth.h. Runs in bryo-image before it starts a thread (credential helpers are
 * child processes). What it reads it must neither log nor put into an error message.
 */
#include "engine/config/auth.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/proc.h"
#include "engine/base/str.h"
#include "engine/config/files-internal.h"

extern char **environ;

enum { AUTH_FILE_MAX = 1024 * 1024, SECRET_MAX = 64 * 1024 };

static void wipe(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

void auth_done(struct auth *auth)
{
	wipe(auth->user);
	wipe(auth->password);
	wipe(auth->identity_token);
	*auth = AUTH_INIT;
}

int auth_parse_creds(const char *text, struct auth *ret_auth, struct err *err)
{
	const char *colon = strchr(text, ':');

	if (*text == '\0' || colon == text)
		return err_say(err, ERR_USAGE, "--creds: username can't be empty");
	if (!colon)
		return err_say(err, ERR_USAGE, "--creds: give USER:PASSWORD");
	*ret_auth = (struct auth){ .user = xstrndup(text, (size_t)(colon - text)),
				   .password = xstrdup(colon + 1) };
	return 0;
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Standard base64; NULL for anything else, or a NUL byte inside. */
static char *base64_decode(const char *text)
{
	size_t n = strlen(text);
	char *out = NULL;
	size_t used = 0;
	unsigned int bits = 0;
	unsigned int have = 0;

	if (n > SECRET_MAX)
		return NULL;
	while (n > 0 && text[n - 1] == '=')
		n--;
	out = xcalloc(n + 1, 1); /* always a string: wipe() measures it */
	for (size_t i = 0; i < n; i++) {
		int v = base64_value(text[i]);

		if (v < 0) {
			wipe(out);
			return NULL;
		}
		bits = (bits << 6) | (unsigned int)v;
		have += 6;
		if (have < 8)
			continue;
		have -= 8;
		out[used++] = (char)(bits >> have);
		bits &= (1u << have) - 1;
	}
	out[used] = '\0';
	if (strlen(out) != used) {
		wipe(out);
		return NULL;
	}
	return out;
}

/* One entry of "auths": {"auth": base64 of USER:PASSWORD} or {"identitytoken": ...}. */
static int read_entry(const json_t *entry, const char *what, const char *key, struct auth *ret_auth,
		      struct err *err)
{
	const char *encoded = json_str(entry, "auth", NULL);
	const char *token = json_str(entry, "identitytoken", NULL);
	char *plain = NULL;
	char *colon = NULL;

	if (!str_empty(encoded)) {
		plain = base64_decode(encoded);
		colon = plain ? strchr(plain, ':') : NULL;
		if (!colon) {
			wipe(plain);
			return err_say(
				err, ERR_USAGE,
				"%s: the \"auth\" of \"%.100s\" is not base64 of USER:PASSWORD",
				what, key);
		}
		*ret_auth = (struct auth){ .user = xstrndup(plain, (size_t)(colon - plain)),
					   .password = xstrdup(colon + 1) };
		wipe(plain);
	}
	if (!str_empty(token))
		ret_auth->identity_token = xstrdup(token);
	return 0;
}

/*
 * Docker writes whole URLs ("https://index.docker.io/v1/"); what counts is the host, and all
 * three spellings of the Hub are docker.io.
 */
static char *normal_key(const char *key)
{
	const char *host = str_after(key, "https://");
	auto_free char *copy = NULL;

	host = host ? host : str_after(key, "http://");
	if (host)
		copy = xstrndup(host, strcspn(host, "/"));
	else
		copy = xstrdup(key);
	if (str_eq(copy, "index.docker.io") || str_eq(copy, "registry-1.docker.io"))
		return xstrdup("docker.io");
	return take(copy);
}

static const json_t *find_key(const json_t *object, const char *want, const char **ret_key)
{
	const char *key = NULL;
	json_t *value = NULL;

	json_object_foreach ((json_t *)object, key, value) {
		auto_free char *normal = normal_key(key);

		if (!str_eq(normal, want))
			continue;
		*ret_key = key;
		return value;
	}
	return NULL;
}

int auth_find(const char *data, size_t size, const char *what, const char *repository,
	      struct auth *ret_auth, char **ret_helper, struct err *err)
{
	auto_json json_t *file = NULL;
	auto_free char *scope = xstrdup(repository);
	auto_free char *host = xstrndup(repository, strcspn(repository, "/"));
	const json_t *auths = NULL;
	const json_t *helpers = NULL;
	const json_t *entry = NULL;
	const char *key = NULL;
	int r = json_parse(data, size, what, &file, err);

	*ret_helper = NULL;
	if (r < 0)
		return r;
	if ((r = json_get_object(file, "auths", &auths, err)) < 0 ||
	    (r = json_get_object(file, "credHelpers", &helpers, err)) < 0)
		return err_prefix(err, "%s", what);
	entry = helpers ? find_key(helpers, host, &key) : NULL;
	if (json_is_string(entry)) {
		*ret_helper = xstrdup(json_string_value(entry));
		return 0;
	}
	/* From host/a/b to host: the most specific entry counts. */
	for (char *slash = scope; auths && slash;) {
		entry = find_key(auths, scope, &key);
		if (json_object_size(entry) > 0)
			return read_entry(entry, what, key, ret_auth, err);
		slash = strrchr(scope, '/');
		if (slash)
			*slash = '\0';
	}
	if (json_str(file, "credsStore", NULL))
		*ret_helper = xstrdup(json_str(file, "credsStore", ""));
	return 0;
}

/* ---- Credential helpers ---- */

/* Runs docker-credential-NAME get; the host goes to its standard input. */
static int ask(const char *program, const char *host, char **ret_text, struct err *err)
{
	char *const argv[] = { (char *)program, (char *)"get", NULL };
	posix_spawn_file_actions_t actions;
	int in[2] = { -1, -1 };
	int out[2] = { -1, -1 };
	size_t size = 0;
	pid_t pid = -1;
	int r = 0;

	if ((r = fd_pipe(in)) < 0 || (r = fd_pipe(out)) < 0) {
		fd_close(&in[0]);
		fd_close(&in[1]);
		return err_set(err, r, "cannot make a pipe to %s", program);
	}
	if (posix_spawn_file_actions_init(&actions) != 0)
		abort();					    /* out of memory */
	(void)posix_spawn_file_actions_adddup2(&actions, in[0], 0); /* fails with memory only */
	(void)posix_spawn_file_actions_adddup2(&actions, out[1], 1);
	r = -posix_spawnp(&pid, program, &actions, NULL, argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions); /* frees memory only */
	fd_close(&in[0]);
	fd_close(&out[1]);
	if (r == 0) {
		/* far less than a pipe holds: cannot block, and SIGPIPE is ignored in bryo-image */
		(void)fd_write_all(in[1], host, strlen(host));
		fd_close(&in[1]);
		r = fd_read_all(out[0], SECRET_MAX, ret_text, &size);
	}
	fd_close(&in[1]);
	fd_close(&out[0]);
	if (r < 0)
		return err_set(err, r, "cannot run the credential helper %s", program);
	return proc_wait(pid);
}

static int ask_helper(const char *name, const char *repository, struct auth *ret_auth,
		      struct err *err)
{
	auto_free char *program = xasprintf("docker-credential-%s", name);
	auto_free char *host = xstrndup(repository, strcspn(repository, "/"));
	auto_json json_t *answer = NULL;
	char *text = NULL;
	const char *user = NULL;
	int r = 0;

	if (strchr(name, '/') || *name == '\0')
		return err_say(err, ERR_USAGE, "\"%.60s\" is no name of a credential helper", name);
	r = ask(program, str_eq(host, "docker.io") ? "https://index.docker.io/v1/" : host, &text,
		err);
	if (r < 0)
		return r;
	/* "credentials not found in native keychain" comes with exit status 1: it knows none. */
	answer = r == 0 ? json_loads(text, 0, NULL) : NULL;
	wipe(text);
	if (r != 0)
		return 0;
	user = json_str(answer, "Username", NULL);
	if (!user || !json_str(answer, "Secret", NULL))
		return err_say(err, ERR_FAILED, "%s gave no Username and Secret for %s", program,
			       host);
	if (str_eq(user, "<token>"))
		ret_auth->identity_token = xstrdup(json_str(answer, "Secret", ""));
	else
		*ret_auth = (struct auth){ .user = xstrdup(user),
					   .password = xstrdup(json_str(answer, "Secret", "")) };
	return 0;
}

/* ---- Places ---- */

static int lookup_file(const char *path, bool must_exist, const char *repository,
		       struct auth *ret_auth, struct err *err)
{
	auto_free char *helper = NULL;
	char *data = NULL;
	size_t size = 0;
	int r = file_read_at(AT_FDCWD, path, AUTH_FILE_MAX, &data, &size);

	if ((r == -ENOENT || r == -EACCES || r == -ENOTDIR) && !must_exist)
		return 0;
	if (r < 0)
		return err_set(err, r, "cannot read the credentials in %s", path);
	r = size == 0 ? 0 : auth_find(data, size, path, repository, ret_auth, &helper, err);
	explicit_bzero(data, size);
	free(data);
	if (r == 0 && helper)
		r = ask_helper(helper, repository, ret_auth, err);
	return r;
}

/*
 * The caller's id outside of the user namespace that we run in: Podman keeps auth.json under it
 * where there is no XDG_RUNTIME_DIR.
 */
static unsigned int outer_uid(void)
{
	auto_free char *map = NULL;
	size_t size = 0;
	unsigned int inside = 0;
	unsigned int outside = 0;

	if (file_read_at(AT_FDCWD, "/proc/self/uid_map", 64 * 1024, &map, &size) == 0 &&
	    sscanf(map, "%u %u", &inside, &outside) == 2 && inside == 0)
		return outside;
	return getuid();
}

static void usual_places(struct strv *paths)
{
	const char *run = getenv("XDG_RUNTIME_DIR");
	const char *docker = getenv("DOCKER_CONFIG");
	const char *home = getenv("HOME");
	char *config = config_user_path("containers/auth.json");

	if (!str_empty(run))
		strv_addf(paths, "%s/containers/auth.json", run);
	strv_addf(paths, "/run/containers/%u/auth.json", outer_uid());
	if (config)
		strv_add_own(paths, config);
	if (!str_empty(docker))
		strv_addf(paths, "%s/config.json", docker);
	else if (!str_empty(home))
		strv_addf(paths, "%s/.docker/config.json", home);
}

int auth_lookup(const char *authfile, const char *repository, const struct strv *helpers,
		struct auth *ret_auth, struct err *err)
{
	struct strv paths auto_done(strv) = STRV_INIT;
	struct auth auth = AUTH_INIT;
	bool named = true;
	int r = 0;

	if (str_empty(authfile))
		authfile = getenv("REGISTRY_AUTH_FILE");
	if (!str_empty(authfile)) {
		strv_add(&paths, authfile);
	} else {
		named = false;
		usual_places(&paths);
	}
	for (size_t h = 0; helpers && h < helpers->count && !named; h++)
		if (!str_eq(helpers->v[h], "containers-auth.json") && r == 0 && !auth.user &&
		    !auth.identity_token)
			r = ask_helper(helpers->v[h], repository, &auth, err);
	for (size_t i = 0; r == 0 && i < paths.count && !auth.user && !auth.identity_token; i++)
		r = lookup_file(paths.v[i], named, repository, &auth, err);
	if (r < 0) {
		auth_done(&auth);
		return r;
	}
	*ret_auth = auth;
	return 0;
}
