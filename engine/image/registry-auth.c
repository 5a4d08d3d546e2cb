/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How we show who we are: basic authentication, and Docker's bearer tokens
 * (distribution/docs/spec/auth/token.md, oauth.md). Runs in bryo-image, from several threads; a
 * token is renewed shortly before it expires, and by whoever meets a 401.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/json.h"
#include "engine/base/str.h"
#include "engine/base/time.h"
#include "engine/http/challenge.h"
#include "engine/http/http.h"
#include "engine/image/registry-internal.h"

enum {
	TOKEN_MAX = 1024 * 1024,
	TOKEN_SECONDS = 60, /* what a server means that does not say */
	TOKEN_SPARE_SECONDS = 5,
};

char *registry_authorization(struct registry_repo *repo)
{
	char *value = NULL;

	(void)pthread_mutex_lock(&repo->lock);
	if (repo->authorization && (!repo->expires || time_monotonic() < repo->expires))
		value = xstrdup(repo->authorization);
	(void)pthread_mutex_unlock(&repo->lock);
	return value;
}

/* Remembers what to send; takes value over. The lock is held. */
static void keep(struct registry_repo *repo, char *value, int64_t seconds)
{
	if (repo->authorization)
		explicit_bzero(repo->authorization, strlen(repo->authorization));
	free(repo->authorization);
	repo->authorization = value;
	repo->expires = 0;
	if (seconds <= 0)
		return;
	seconds = seconds > 2 * TOKEN_SPARE_SECONDS ? seconds - TOKEN_SPARE_SECONDS : seconds;
	repo->expires = time_monotonic() + seconds * 1000000000LL;
}

static void add_param(struct buf *buf, const char *separator, const char *name, const char *value)
{
	auto_free char *escaped = http_escape(value);

	(void)buf_addf(buf, "%s%s=%s", separator, name, escaped); /* no bound set */
}

/* GET realm?service=..&scope=..[&account=..], or a POST when we hold a refresh token. */
static void token_request(const struct registry_repo *repo, const struct http_challenge *challenge,
			  struct buf *url, struct buf *post)
{
	const char *service = strv_env_get(&challenge->params, "service");
	const char *realm = strv_env_get(&challenge->params, "realm");
	auto_free char *scope = xasprintf("repository:%s:pull", repo->path);
	const char *join = strchr(realm, '?') ? "&" : "?";

	(void)buf_add_str(url, realm); /* no bound set */
	if (repo->auth.identity_token) {
		add_param(post, "", "grant_type", "refresh_token");
		add_param(post, "&", "client_id", "bryo");
		add_param(post, "&", "scope", scope);
		if (service)
			add_param(post, "&", "service", service);
		add_param(post, "&", "refresh_token", repo->auth.identity_token);
		return;
	}
	if (repo->auth.user) {
		add_param(url, join, "account", repo->auth.user);
		join = "&";
	}
	add_param(url, join, "scope", scope);
	if (service)
		add_param(url, "&", "service", service);
}

static int read_token(struct registry_repo *repo, const char *data, size_t size, struct err *err)
{
	auto_json json_t *json = NULL;
	const char *token = NULL;
	int r = json_parse(data, size, "the token server's answer", &json, err);

	if (r < 0)
		return r;
	token = json_str(json, "token", NULL);
	if (str_empty(token))
		token = json_str(json, "access_token", NULL);
	if (str_empty(token) || strpbrk(token, "\r\n"))
		return err_say(err, ERR_AUTH, "the token server of %s gave no token", repo->domain);
	keep(repo, xasprintf("Bearer %s", token), json_int(json, "expires_in", TOKEN_SECONDS));
	return 0;
}

static int fetch_token(struct registry_repo *repo, const struct http_challenge *challenge,
		       struct err *err)
{
	struct http_response response auto_done(http_response) = HTTP_RESPONSE_INIT;
	struct buf url auto_done(buf) = BUF_INIT;
	struct buf post auto_done(buf) = BUF_INIT;
	const char *realm = strv_env_get(&challenge->params, "realm");
	auto_free char *basic = NULL;
	auto_free char *data = NULL;
	size_t size = 0;
	int r = 0;

	if (!realm || !(str_starts(realm, "https://") || str_starts(realm, "http://")))
		return err_say(err, ERR_AUTH, "%s asks for a token, but names no server for it",
			       repo->domain);
	/* Our password does not go over the wire in the clear because a server said so. */
	if (str_starts(realm, "http://") && !repo->plain && !repo->insecure)
		return err_say(err, ERR_AUTH, "%s sends us to a token server without TLS: %.200s",
			       repo->domain, realm);
	token_request(repo, challenge, &url, &post);
	if (repo->auth.user && !repo->auth.identity_token)
		basic = http_basic(repo->auth.user, str_or(repo->auth.password, ""));
	r = http_fetch(repo->client,
		       &(struct http_request){
			       .url = url.data, .authorization = basic, .post = post.data },
		       TOKEN_MAX, &response, &data, &size, err);
	if (post.data)
		explicit_bzero(post.data, post.size);
	if (r < 0)
		return err_prefix(err, "asking for a token for %s", repo->domain);
	if (response.status == 401 || response.status == 403 || response.status == 400) {
		(void)err_say(err, ERR_AUTH,
			      "unable to retrieve auth token: invalid username/password: "
			      "unauthorized: %s did not accept the credentials",
			      repo->domain);
		return err_hint(err, "Log in with `bryo login %s`, or give --creds USER:PASSWORD",
				repo->domain);
	}
	if (response.status != 200)
		return err_say(err, ERR_FAILED, "the token server of %s answered with status %ld",
			       repo->domain, response.status);
	r = read_token(repo, data, size, err);
	explicit_bzero(data, size);
	return r;
}

static int answer(struct registry_repo *repo, const struct strv *challenges, const char *sent,
		  struct err *err)
{
	if (repo->authorization && !str_eq(repo->authorization, sent) &&
	    (!repo->expires || time_monotonic() < repo->expires))
		return 0; /* another thread was here meanwhile */
	for (size_t i = 0; i < challenges->count; i++) {
		struct http_challenge one auto_done(http_challenge) = HTTP_CHALLENGE_INIT;

		if (http_challenge_find(challenges->v[i], "bearer", &one) == 0)
			return fetch_token(repo, &one, err);
	}
	for (size_t i = 0; i < challenges->count; i++) {
		struct http_challenge one auto_done(http_challenge) = HTTP_CHALLENGE_INIT;

		if (http_challenge_find(challenges->v[i], "basic", &one) < 0)
			continue;
		if (!repo->auth.user || sent) /* refused once is refused */
			return -ENOENT;
		keep(repo, http_basic(repo->auth.user, str_or(repo->auth.password, "")), 0);
		return 0;
	}
	return -ENOENT;
}

int registry_answer_challenge(struct registry_repo *repo, const struct strv *challenges,
			      const char *sent, struct err *err)
{
	int r = 0;

	(void)pthread_mutex_lock(&repo->lock);
	r = answer(repo, challenges, sent, err);
	(void)pthread_mutex_unlock(&repo->lock);
	return r;
}

/* ---- Certificates ---- */

struct certs {
	struct strv ca;
	char *cert;
	char *key;
};

static void certs_done(struct certs *certs)
{
	strv_done(&certs->ca);
	free(certs->cert);
	free(certs->key);
}

/* DIR/x.crt: authorities; DIR/x.cert with x.key: our own. */
static int read_cert_dir(const char *path, bool must_exist, struct certs *certs, struct err *err)
{
	DIR *dir = opendir(path);
	struct dirent *e = NULL;

	if (!dir)
		return must_exist ? err_set(err, -errno, "cannot read the certificates in %s", path)
				  : 0;
	while ((e = readdir(dir))) {
		if (str_ends(e->d_name, ".crt"))
			strv_addf(&certs->ca, "%s/%s", path, e->d_name);
		if (!str_ends(e->d_name, ".cert") || certs->cert)
			continue;
		certs->cert = xasprintf("%s/%s", path, e->d_name);
		certs->key = xasprintf("%s/%.*s.key", path, (int)strlen(e->d_name) - 5, e->d_name);
	}
	(void)closedir(dir); /* reading only */
	if (certs->key && access(certs->key, R_OK) < 0)
		return err_set(err, -errno, "missing key %s for client certificate %s", certs->key,
			       path);
	return 0;
}

int registry_make_client(struct registry_repo *repo, const char *cert_dir, struct err *err)
{
	struct certs certs auto_done(certs) = { .ca = STRV_INIT };
	struct strv places auto_done(strv) = STRV_INIT;
	const char *home = getenv("HOME");
	int r = 0;

	if (cert_dir) {
		strv_add(&places, cert_dir);
	} else {
		if (!str_empty(home))
			strv_addf(&places, "%s/.config/containers/certs.d/%s", home, repo->domain);
		strv_addf(&places, "/etc/containers/certs.d/%s", repo->domain);
		strv_addf(&places, "/etc/docker/certs.d/%s", repo->domain);
	}
	for (size_t i = 0; i < places.count; i++) {
		r = read_cert_dir(places.v[i], cert_dir != NULL, &certs, err);
		if (r < 0)
			return r;
		if (certs.ca.count > 0 || certs.cert)
			break; /* the first folder that holds something counts */
	}
	return http_client_new(&(struct http_client_args){ .insecure = repo->insecure,
							   .ca_files = &certs.ca,
							   .cert_file = certs.cert,
							   .key_file = certs.key },
			       &repo->client, err);
}
