/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry protocol: see registry.h. Runs in bryo-image. Everything that comes over the
 * wire is bounded here; digests are checked by whoever gets the bytes, small ones here.
 */
#include "engine/image/registry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/archive/sha256.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/json.h"
#include "engine/base/log.h"
#include "engine/base/str.h"
#include "engine/base/time.h"
#include "engine/http/http.h"
#include "engine/image/image.h"
#include "engine/image/manifest.h"
#include "engine/image/reference.h"
#include "engine/image/registry-internal.h"

enum { TAGS_BYTES_MAX = 16 * 1024 * 1024, TAG_PAGES_MAX = 1000, DELAY_MAX_SECONDS = 60 };

struct registry_blob {
	struct registry_repo *repo;
	char *digest;
	uint64_t size;
	uint64_t got;
	struct http_stream *stream;
	int tries; /* breaks since the last byte came */
	struct err err;
};

/* ---- Errors in words ---- */

/* {"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]} */
static char *error_message(const char *body, size_t size)
{
	auto_json json_t *json = json_loadb(body, size, 0, NULL);
	const json_t *first = json_array_get(json_object_get(json, "errors"), 0);
	const char *message = json_str(first, "message", NULL);
	const char *code = json_str(first, "code", NULL);
	char *text = NULL;

	if (!str_empty(message))
		text = xasprintf("%.200s", message);
	else if (!str_empty(code))
		text = xasprintf("%.60s", code);
	/* a registry's words go to a terminal: no control characters */
	for (char *p = text; p && *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
	return text;
}

/* The sentence for a response that is no success. */
static int tell_status(const struct registry_repo *repo, const char *what,
		       const struct http_response *response, const char *body, size_t size,
		       struct err *err)
{
	auto_free char *message = error_message(body, size);

	if (response->status == 401 || response->status == 403) {
		(void)err_say(err, ERR_AUTH, "%s in %s/%s: unauthorized: %s", what, repo->domain,
			      repo->path, str_or(message, "authentication required"));
		return err_hint(err, "Log in with `bryo login %s`, or give --creds USER:PASSWORD",
				repo->domain);
	}
	if (response->status == 404)
		return err_say(err, ERR_NOT_FOUND, "%s in %s/%s: %s", what, repo->domain,
			       repo->path, str_or(message, "not found"));
	if (response->status == 429)
		return err_say(err, ERR_FAILED, "%s in %s/%s: too many requests: %s", what,
			       repo->domain, repo->path,
			       str_or(message, "try again later, or log in"));
	return err_say(err, ERR_FAILED, "%s in %s/%s: the registry answered with status %ld%s%s",
		       what, repo->domain, repo->path, response->status, message ? ": " : "",
		       str_or(message, ""));
}

/* ---- Waiting between tries ---- */

static void wait_before(struct registry_repo *repo, int try, int64_t asked, const struct err *err)
{
	int64_t ns = repo->retry_delay ? repo->retry_delay : 1000000000LL << (try < 6 ? try : 6);
	struct timespec wait;

	if (asked > 0 && asked <= DELAY_MAX_SECONDS && ns < asked * 1000000000LL)
		ns = asked * 1000000000LL;
	if (repo->warn) {
		auto_free char *text = xasprintf(
			"Failed, retrying in %gs ... (%d/%d). Error: %s", (double)ns / 1e9, try + 1,
			repo->retries, err && err->text[0] ? err->text : "the registry is busy");

		repo->warn(text);
	}
	wait = (struct timespec){ ns / 1000000000LL, ns % 1000000000LL };
	(void)nanosleep(&wait, NULL); /* cut short by a signal: then we try sooner */
}

/* ---- Requests ---- */

static char *make_url(struct registry_repo *repo, const char *rest)
{
	const char *host =
		str_eq(repo->domain, "docker.io") ? "registry-1.docker.io" : repo->domain;

	return xasprintf("%s://%s/v2/%s/%s", repo->plain ? "http" : "https", host, repo->path,
			 rest);
}

/* What tells a server that speaks no TLS from one that is not there. */
static bool speaks_no_tls(int code)
{
	return code == -EPROTO || code == -ECONNREFUSED || code == -ECONNRESET;
}

/*
 * Opens REST below the repository, with whatever credentials are due: without at first, and once
 * more after a 401 told what is wanted. Gives the stream for any status but those.
 */
static int open_rest(struct registry_repo *repo, const char *rest, const struct strv *headers,
		     uint64_t offset, struct http_response *ret_response,
		     struct http_stream **ret_stream, struct err *err)
{
	for (int round = 0;; round++) {
		auto_free char *url = make_url(repo, rest);
		auto_free char *authorization = registry_authorization(repo);
		struct http_request request = {
			.url = url,
			.headers = headers,
			.authorization = authorization,
			.offset = offset,
		};
		int r = http_open(repo->client, &request, ret_response, ret_stream, err);

		if (r < 0 && repo->insecure && !repo->plain && speaks_no_tls(r) && !repo->reached) {
			auto_free char *first = xstrdup(err ? err->text : "");

			repo->plain = true;
			log_debug("%s speaks no TLS (%s): trying plain HTTP", repo->domain, first);
			continue;
		}
		if (r < 0)
			return err_prefix(err, "pinging container registry");
		repo->reached = true;
		if (ret_response->status != 401 || round > 1)
			return 0;
		r = registry_answer_challenge(repo, &ret_response->challenges, authorization, err);
		if (r == -ENOENT)
			return 0; /* nothing that we could offer: the caller words the 401 */
		http_close(*ret_stream);
		*ret_stream = NULL;
		http_response_done(ret_response);
		if (r < 0)
			return r;
	}
}

static int slurp(struct http_stream *stream, size_t max, char **ret_data, size_t *ret_size,
		 struct err *err)
{
	char *data = xmalloc(max + 2);
	size_t used = 0;

	for (;;) {
		ssize_t n = http_read(stream, data + used, max + 1 - used, err);

		if (n < 0) {
			free(data);
			return (int)n;
		}
		used += (size_t)n;
		if (n == 0)
			break;
		if (used > max) {
			free(data);
			return err_say(err, ERR_USAGE, "the answer is larger than %zu bytes", max);
		}
	}
	data[used] = '\0';
	*ret_data = data;
	*ret_size = used;
	return 0;
}

/* One try of a bounded GET below the repository. */
static int get_once(struct registry_repo *repo, const char *rest, const struct strv *headers,
		    size_t max, struct http_response *response, char **ret_data, size_t *ret_size,
		    struct err *err)
{
	struct http_stream *stream = NULL;
	int r = open_rest(repo, rest, headers, 0, response, &stream, err);

	if (r < 0)
		return r;
	if (response->status >= 400 && max < HTTP_ERROR_BODY_MAX)
		max = HTTP_ERROR_BODY_MAX;
	r = slurp(stream, max, ret_data, ret_size, err);
	http_close(stream);
	return r;
}

/* With retries. On success the status is 200; what names it in errors. */
static int get(struct registry_repo *repo, const char *what, const char *rest,
	       const struct strv *headers, size_t max, struct http_response *ret_response,
	       char **ret_data, size_t *ret_size, struct err *err)
{
	for (int try = 0;; try++) {
		struct http_response response auto_done(http_response) = HTTP_RESPONSE_INIT;
		auto_free char *data = NULL;
		size_t size = 0;
		int r = get_once(repo, rest, headers, max, &response, &data, &size, err);

		if (r == 0 && response.status == 200) {
			*ret_response = response;
			response = HTTP_RESPONSE_INIT;
			*ret_data = take(data);
			*ret_size = size;
			return 0;
		}
		if (r == 0)
			r = tell_status(repo, what, &response, data, size, err);
		if (try >= repo->retries ||
		    !http_may_retry(response.status ? 0 : r, response.status))
			return r;
		wait_before(repo, try, response.retry_after, err);
	}
}

static int check_digest(const char *what, const char *data, size_t size, const char *digest,
			struct err *err)
{
	char real[SHA256_TEXT_SIZE];

	sha256_text(data, size, real);
	if (str_eq(real, digest))
		return 0;
	return err_say(err, ERR_USAGE, "%s does not match its digest: wanted %s, got %s", what,
		       digest, real);
}

int registry_manifest(struct registry_repo *repo, const char *tag_or_digest, char **ret_data,
		      size_t *ret_size, char **ret_type, struct err *err)
{
	struct http_response response auto_done(http_response) = HTTP_RESPONSE_INIT;
	struct strv headers auto_done(strv) = STRV_INIT;
	auto_free char *rest = xasprintf("manifests/%s", tag_or_digest);
	auto_free char *what = xasprintf("reading manifest %s", tag_or_digest);
	auto_free char *data = NULL;
	size_t size = 0;
	int r = 0;

	strv_add(&headers,
		 "Accept: " MANIFEST_OCI ", " MANIFEST_OCI_INDEX ", " MANIFEST_DOCKER
		 ", " MANIFEST_DOCKER_LIST ", " MANIFEST_DOCKER_V1_SIGNED ", " MANIFEST_DOCKER_V1);
	r = get(repo, what, rest, &headers, IMAGE_MANIFEST_MAX, &response, &data, &size, err);
	if (r < 0)
		return r;
	if (strchr(tag_or_digest, ':')) {
		r = check_digest("the manifest", data, size, tag_or_digest, err);
		if (r < 0)
			return r;
	}
	*ret_data = take(data);
	*ret_size = size;
	*ret_type = take(response.content_type);
	return 0;
}

int registry_small_blob(struct registry_repo *repo, const char *digest, uint64_t size,
			char **ret_data, struct err *err)
{
	struct http_response response auto_done(http_response) = HTTP_RESPONSE_INIT;
	auto_free char *rest = xasprintf("blobs/%s", digest);
	auto_free char *what = xasprintf("reading blob %s", digest);
	auto_free char *data = NULL;
	size_t got = 0;
	int r = 0;

	if (size > IMAGE_CONFIG_MAX)
		return err_say(err, ERR_USAGE, "blob %s has %llu bytes, more than %d", digest,
			       (unsigned long long)size, IMAGE_CONFIG_MAX);
	r = get(repo, what, rest, NULL, (size_t)size, &response, &data, &got, err);
	if (r < 0)
		return r;
	if (got != size)
		return err_say(err, ERR_USAGE, "blob %s has %zu bytes instead of %llu", digest, got,
			       (unsigned long long)size);
	r = check_digest("the blob", data, got, digest, err);
	if (r < 0)
		return r;
	*ret_data = take(data);
	return 0;
}

/* ---- Tags ---- */

/* Link: </v2/x/tags/list?last=b&n=100>; rel="next": what follows "tags/list". */
static char *next_page(const char *link)
{
	const char *start = link ? strstr(link, "tags/list") : NULL;

	if (!start || !strstr(link, "next"))
		return NULL;
	return xstrndup(start, strcspn(start, ">"));
}

int registry_tags(struct registry_repo *repo, struct strv *ret_tags, struct err *err)
{
	auto_free char *rest = xstrdup("tags/list");

	for (int page = 0; rest && page < TAG_PAGES_MAX; page++) {
		struct http_response response auto_done(http_response) = HTTP_RESPONSE_INIT;
		struct strv tags auto_done(strv) = STRV_INIT;
		auto_free char *data = NULL;
		auto_json json_t *json = NULL;
		size_t size = 0;
		int r = get(repo, "listing tags", rest, NULL, TAGS_BYTES_MAX, &response, &data,
			    &size, err);

		if (r < 0 || (r = json_parse(data, size, "the list of tags", &json, err)) < 0 ||
		    (r = json_get_strv(json, "tags", &tags, err)) < 0)
			return r;
		for (size_t i = 0; i < tags.count; i++) {
			if (!reference_is_tag(tags.v[i]))
				return err_say(err, ERR_USAGE, "%s/%s has an invalid tag \"%.60s\"",
					       repo->domain, repo->path, tags.v[i]);
			strv_add(ret_tags, tags.v[i]);
		}
		free(rest);
		rest = next_page(response.link);
	}
	return 0;
}

/* ---- Blobs ---- */

struct registry_blob *registry_blob_new(struct registry_repo *repo, const char *digest,
					uint64_t size)
{
	struct registry_blob *blob = xcalloc(1, sizeof(*blob));

	blob->repo = repo;
	blob->digest = xstrdup(digest);
	blob->size = size;
	return blob;
}

void registry_blob_free(struct registry_blob *blob)
{
	if (!blob)
		return;
	http_close(blob->stream);
	free(blob->digest);
	free(blob);
}

const struct err *registry_blob_error(const struct registry_blob *blob)
{
	return &blob->err;
}

/* A server that ignores Range sends all from the start: what we have is read and dropped. */
static int skip_known(struct registry_blob *blob)
{
	char chunk[64 * 1024];
	uint64_t left = blob->got;

	while (left > 0) {
		ssize_t n = http_read(blob->stream, chunk,
				      left < sizeof(chunk) ? left : sizeof(chunk), &blob->err);

		if (n <= 0)
			return n < 0 ? (int)n : -ECONNRESET;
		left -= (size_t)n;
	}
	return 0;
}

/* Opens the stream where we stand. A positive value: the server is busy, try again. */
static int open_blob(struct registry_blob *blob, int64_t *ret_after)
{
	struct http_response response auto_done(http_response) = HTTP_RESPONSE_INIT;
	auto_free char *rest = xasprintf("blobs/%s", blob->digest);
	auto_free char *what = xasprintf("reading blob %s", blob->digest);
	auto_free char *body = NULL;
	struct http_stream *stream = NULL;
	size_t size = 0;
	int r = open_rest(blob->repo, rest, NULL, blob->got, &response, &stream, &blob->err);

	if (r < 0)
		return r;
	if (response.status == 206 || (response.status == 200 && blob->got == 0)) {
		blob->stream = stream;
		return 0;
	}
	if (response.status == 200) {
		blob->stream = stream;
		return skip_known(blob);
	}
	*ret_after = response.retry_after;
	/* the body is only for the message: it may as well not come */
	(void)slurp(stream, HTTP_ERROR_BODY_MAX, &body, &size, NULL);
	http_close(stream);
	r = tell_status(blob->repo, what, &response, str_or(body, ""), size, &blob->err);
	return http_may_retry(0, response.status) ? 1 : r;
}

/* The connection broke, or could not be made: wait, unless we have tried often enough. */
static int mend(struct registry_blob *blob, int r, int64_t after)
{
	http_close(blob->stream);
	blob->stream = NULL;
	if (blob->tries >= blob->repo->retries || (r < 0 && !http_may_retry(r, 0)))
		return r < 0 ? r : blob->err.code;
	wait_before(blob->repo, blob->tries++, after, &blob->err);
	blob->err = ERR_INIT;
	return 0;
}

ssize_t registry_blob_read(void *ctx, void *data, size_t size)
{
	struct registry_blob *blob = ctx;

	if (blob->err.code < 0)
		return blob->err.code;
	for (;;) {
		int64_t after = 0;
		ssize_t n = 0;
		int r = blob->stream ? 0 : open_blob(blob, &after);

		if (r == 0) {
			n = http_read(blob->stream, data, size, &blob->err);
			if (n == 0 && blob->got < blob->size) {
				(void)err_say(&blob->err, ERR_USAGE,
					      "blob %s ended after %llu of %llu bytes",
					      blob->digest, (unsigned long long)blob->got,
					      (unsigned long long)blob->size);
				blob->err.code = -ECONNRESET;
				n = -ECONNRESET;
			}
			if (n > 0 && (uint64_t)n > blob->size - blob->got) {
				(void)err_say(
					&blob->err, ERR_USAGE,
					"blob %s is larger than the %llu bytes its manifest says",
					blob->digest, (unsigned long long)blob->size);
				return blob->err.code;
			}
			if (n >= 0) {
				blob->got += (uint64_t)n;
				blob->tries = n > 0 ? 0 : blob->tries;
				return n;
			}
			r = (int)n;
		}
		r = mend(blob, r, after);
		if (r < 0)
			return r;
	}
}

/* ---- Opening ---- */

int registry_repo_open(const struct registry_repo_args *args, struct registry_repo **ret_repo,
		       struct err *err)
{
	struct registry_repo *repo = xcalloc(1, sizeof(*repo));
	int r = 0;

	repo->domain = xstrdup(args->domain);
	repo->path = xstrdup(args->path);
	repo->insecure = args->insecure;
	repo->retries = args->retries;
	repo->retry_delay = args->retry_delay;
	repo->warn = args->warn;
	(void)pthread_mutex_init(&repo->lock, NULL); /* cannot fail on Linux */
	if (args->auth)
		repo->auth = (struct auth){
			.user = xstrdup(args->auth->user),
			.password = xstrdup(args->auth->password),
			.identity_token = xstrdup(args->auth->identity_token),
		};
	r = registry_make_client(repo, args->cert_dir, err);
	if (r < 0) {
		registry_repo_close(repo);
		return r;
	}
	*ret_repo = repo;
	return 0;
}

void registry_repo_close(struct registry_repo *repo)
{
	if (!repo)
		return;
	http_client_free(repo->client);
	auth_done(&repo->auth);
	if (repo->authorization)
		explicit_bzero(repo->authorization, strlen(repo->authorization));
	free(repo->authorization);
	free(repo->domain);
	free(repo->path);
	(void)pthread_mutex_destroy(&repo->lock); /* nobody holds it */
	free(repo);
}
