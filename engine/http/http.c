/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP client: see http.h. Runs in bryo-image.
 *
 * Each open stream drives a curl multi handle of its own from the thread that reads it: no event
 * loop, no callback from elsewhere. The handles, with their open connections and TLS sessions,
 * go back to a pool when the stream is closed.
 */
#include "engine/http/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/file.h"
#include "engine/base/log.h"

enum {
	CURL_CHUNK = 256 * 1024, /* bytes curl reads at once: fewer system calls for big layers */
	POLL_MS = 1000,
	CA_FILE_MAX = 16 * 1024 * 1024,
};

struct http_client {
	bool insecure;
	struct buf ca; /* system's and our own PEM texts; empty: curl's default */
	char *cert_file;
	char *key_file;
	pthread_mutex_t lock;
	CURLM **idle;
	size_t idle_count;
	size_t idle_capacity;
};

struct http_stream {
	struct http_client *client;
	CURLM *multi;
	CURL *easy;
	struct curl_slist *headers;
	struct buf body; /* what came and was not read yet, from body_used on */
	size_t body_used;
	struct http_response response;
	bool headers_done;
	bool done;
	CURLcode result;
	char error[CURL_ERROR_SIZE];
	char *host; /* for messages */
};

void http_response_done(struct http_response *response)
{
	free(response->content_type);
	free(response->digest);
	free(response->link);
	strv_done(&response->challenges);
	*response = HTTP_RESPONSE_INIT;
}

static int add_pem(struct buf *ca, const char *path, struct err *err)
{
	auto_free char *data = NULL;
	size_t size = 0;
	int r = file_read_at(AT_FDCWD, path, CA_FILE_MAX, &data, &size);

	if (r < 0)
		return err_set(err, r, "cannot read the certificates in %s", path);
	(void)buf_add(ca, data, size); /* no bound set, as below */
	(void)buf_addc(ca, '\n');
	return 0;
}

int http_client_new(const struct http_client_args *args, struct http_client **ret_client,
		    struct err *err)
{
	struct http_client *client = xcalloc(1, sizeof(*client));
	const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
	int r = 0;

	client->insecure = args->insecure;
	client->cert_file = xstrdup(args->cert_file);
	client->key_file = xstrdup(args->key_file);
	(void)pthread_mutex_init(&client->lock, NULL); /* cannot fail on Linux */
	if (args->ca_files && args->ca_files->count > 0 && info->cainfo &&
	    add_pem(&client->ca, info->cainfo, NULL) < 0)
		log_debug("no certificates in %s", info->cainfo);
	for (size_t i = 0; args->ca_files && r == 0 && i < args->ca_files->count; i++)
		r = add_pem(&client->ca, args->ca_files->v[i], err);
	if (r < 0) {
		http_client_free(client);
		return r;
	}
	*ret_client = client;
	return 0;
}

void http_client_free(struct http_client *client)
{
	if (!client)
		return;
	for (size_t i = 0; i < client->idle_count; i++)
		(void)curl_multi_cleanup(client->idle[i]);
	free(client->idle);
	buf_done(&client->ca);
	free(client->cert_file);
	free(client->key_file);
	(void)pthread_mutex_destroy(&client->lock); /* nobody holds it */
	free(client);
}

static CURLM *take_multi(struct http_client *client)
{
	CURLM *multi = NULL;

	(void)pthread_mutex_lock(&client->lock);
	if (client->idle_count > 0)
		multi = client->idle[--client->idle_count];
	(void)pthread_mutex_unlock(&client->lock);
	multi = multi ? multi : curl_multi_init();
	if (!multi)
		abort(); /* out of memory */
	return multi;
}

static void give_multi(struct http_client *client, CURLM *multi)
{
	(void)pthread_mutex_lock(&client->lock);
	xgrow(client->idle, client->idle_count, client->idle_capacity);
	client->idle[client->idle_count++] = multi;
	(void)pthread_mutex_unlock(&client->lock);
}

/* ---- Callbacks: in the thread that reads the stream ---- */

static size_t on_body(char *data, size_t one, size_t size, void *ctx)
{
	struct http_stream *s = ctx;

	(void)one; /* always 1 */
	s->headers_done = true;
	if (s->body_used == s->body.size) {
		s->body.size = 0;
		s->body_used = 0;
	}
	(void)buf_add(&s->body, data, size); /* one chunk: read away before curl runs again */
	return size;
}

static void set_header(char **field, const char *value, size_t n)
{
	free(*field);
	*field = xstrndup(value, n);
}

/* Is this header's name NAME? Then its value, blanks around it cut off. */
static const char *header_value(const char *line, size_t size, const char *name, size_t *ret_size)
{
	size_t n = strlen(name);

	if (size <= n || strncasecmp(line, name, n) != 0 || line[n] != ':')
		return NULL;
	line += n + 1;
	size -= n + 1;
	while (size > 0 && strchr(" \t", *line)) {
		line++;
		size--;
	}
	while (size > 0 && strchr(" \t\r\n", line[size - 1]))
		size--;
	*ret_size = size;
	return line;
}

static size_t on_header(char *line, size_t one, size_t size, void *ctx)
{
	struct http_stream *s = ctx;
	struct http_response *response = &s->response;
	const char *value = NULL;
	size_t n = 0;

	(void)one; /* always 1 */
	if (memchr(line, '\0', size))
		return 0; /* no header of ours: curl ends the transfer with an error */
	if (size >= 5 && strncmp(line, "HTTP/", 5) == 0)
		http_response_done(response); /* a redirect's headers are not the answer's */
	else if ((value = header_value(line, size, "Content-Type", &n)))
		set_header(&response->content_type, value,
			   memchr(value, ';', n)
				   ? (size_t)((const char *)memchr(value, ';', n) - value)
				   : n);
	else if ((value = header_value(line, size, "Docker-Content-Digest", &n)))
		set_header(&response->digest, value, n);
	else if ((value = header_value(line, size, "Link", &n)))
		set_header(&response->link, value, n);
	else if ((value = header_value(line, size, "Retry-After", &n)))
		response->retry_after = strtol(value, NULL, 10);
	else if ((value = header_value(line, size, "WWW-Authenticate", &n)) &&
		 response->challenges.count < 16)
		strv_addf(&response->challenges, "%.*s", (int)n, value);
	return size;
}

/* ---- Opening ---- */

static void set_tls(CURL *easy, struct http_client *client, const char *url)
{
	bool https = strncasecmp(url, "https:", 6) == 0;

	if (client->insecure) {
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (client->ca.size > 0) {
		struct curl_blob blob = { client->ca.data, client->ca.size, CURL_BLOB_NOCOPY };

		curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob);
	}
	if (client->cert_file)
		curl_easy_setopt(easy, CURLOPT_SSLCERT, client->cert_file);
	if (client->key_file)
		curl_easy_setopt(easy, CURLOPT_SSLKEY, client->key_file);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	/* Who began under TLS is not sent on in the clear. */
	curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR,
			 https && !client->insecure ? "https" : "http,https");
}

static void set_headers(struct http_stream *s, const struct http_request *request)
{
	char user_agent[] = "User-Agent: bryo/" BRYO_VERSION;

	s->headers = curl_slist_append(s->headers, user_agent);
	for (size_t i = 0; request->headers && i < request->headers->count; i++)
		s->headers = curl_slist_append(s->headers, request->headers->v[i]);
	if (request->authorization) {
		/* curl keeps a header of this name from other hosts that it is redirected to */
		auto_free char *line = xasprintf("Authorization: %s", request->authorization);

		s->headers = curl_slist_append(s->headers, line);
		explicit_bzero(line, strlen(line));
	}
	if (!s->headers)
		abort(); /* out of memory */
	curl_easy_setopt(s->easy, CURLOPT_HTTPHEADER, s->headers);
}

static void set_up(struct http_stream *s, const struct http_request *request)
{
	CURL *easy = s->easy;

	curl_easy_setopt(easy, CURLOPT_URL, request->url);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, s->error);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)HTTP_REDIRECTS_MAX);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, 30L);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)HTTP_STALL_SECONDS);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)CURL_CHUNK);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, s);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, s);
	if (request->head)
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	if (request->post)
		curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, request->post);
	if (request->offset > 0) {
		auto_free char *range = xasprintf("%llu-", (unsigned long long)request->offset);

		curl_easy_setopt(easy, CURLOPT_RANGE, range);
	}
	set_tls(easy, s->client, request->url);
	set_headers(s, request);
}

static int to_errno(CURLcode code)
{
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return -EHOSTUNREACH;
	case CURLE_COULDNT_CONNECT:
		return -ECONNREFUSED;
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
		return -EPERM;
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return -EINVAL;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_TOO_MANY_REDIRECTS:
	case CURLE_WEIRD_SERVER_REPLY:
		return -EPROTO;
	default:
		return -ECONNRESET;
	}
}

static int tell(struct http_stream *s, struct err *err)
{
	int code = to_errno(s->result);
	const char *why = s->error[0] ? s->error : curl_easy_strerror(s->result);

	if (!err)
		return code;
	(void)err_say(err, ERR_FAILED, "%s: %s", s->host, why);
	err->code = code;
	if (code == -EPERM)
		(void)err_hint(err, "Install the registry's CA certificate (--cert-dir, certs.d), "
				    "or skip the check with --tls-verify=false");
	return code;
}

/* Lets curl work until it has headers (and first bytes), more bytes, or is finished. */
static void run(struct http_stream *s)
{
	int running = 0;

	while (!s->done) {
		CURLMsg *message = NULL;
		int left = 0;

		if (curl_multi_perform(s->multi, &running) != CURLM_OK)
			abort(); /* a mistake of ours, or out of memory */
		while ((message = curl_multi_info_read(s->multi, &left))) {
			if (message->msg != CURLMSG_DONE)
				continue;
			s->done = true;
			s->headers_done = true;
			s->result = message->data.result;
		}
		if (s->body_used < s->body.size)
			return;
		if (!s->done)
			(void)curl_multi_poll(s->multi, NULL, 0, POLL_MS,
					      NULL); /* then we look again */
	}
}

static void read_info(struct http_stream *s)
{
	curl_off_t length = -1;

	curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &s->response.status);
	curl_easy_getinfo(s->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	s->response.length = length;
}

static char *host_of(const char *url)
{
	const char *host = strstr(url, "://");

	host = host ? host + 3 : url;
	return xstrndup(host, strcspn(host, "/?"));
}

int http_open(struct http_client *client, const struct http_request *request,
	      struct http_response *ret_response, struct http_stream **ret_stream, struct err *err)
{
	struct http_stream *s = xcalloc(1, sizeof(*s));
	int r = 0;

	s->client = client;
	s->response = HTTP_RESPONSE_INIT;
	s->host = host_of(request->url);
	s->multi = take_multi(client);
	s->easy = curl_easy_init();
	if (!s->easy)
		abort(); /* out of memory */
	set_up(s, request);
	if (curl_multi_add_handle(s->multi, s->easy) != CURLM_OK)
		abort(); /* a mistake of ours */
	run(s);
	/* A body that breaks off right behind its headers is for http_read() to tell. */
	read_info(s);
	if (s->done && s->result != CURLE_OK && s->response.status == 0) {
		r = tell(s, err);
		http_close(s);
		return r;
	}
	if (s->done && (s->result == CURLE_TOO_MANY_REDIRECTS ||
			s->result == CURLE_UNSUPPORTED_PROTOCOL || s->response.status / 100 == 3)) {
		s->result = s->result == CURLE_OK ? CURLE_WEIRD_SERVER_REPLY : s->result;
		r = tell(s, err);
		http_close(s);
		return r;
	}
	*ret_response = s->response;
	s->response = HTTP_RESPONSE_INIT;
	*ret_stream = s;
	return 0;
}

ssize_t http_read(struct http_stream *stream, void *data, size_t size, struct err *err)
{
	size_t have = 0;

	if (stream->body_used == stream->body.size)
		run(stream);
	have = stream->body.size - stream->body_used;
	if (have == 0)
		return stream->result == CURLE_OK ? 0 : tell(stream, err);
	if (size > have)
		size = have;
	memcpy(data, stream->body.data + stream->body_used, size);
	stream->body_used += size;
	return (ssize_t)size;
}

void http_close(struct http_stream *stream)
{
	if (!stream)
		return;
	(void)curl_multi_remove_handle(stream->multi, stream->easy);
	curl_easy_cleanup(stream->easy);
	curl_slist_free_all(stream->headers);
	give_multi(stream->client, stream->multi);
	http_response_done(&stream->response);
	buf_done(&stream->body);
	free(stream->host);
	free(stream);
}

static int read_all(struct http_stream *stream, bool failed, size_t max, struct buf *body,
		    struct err *err)
{
	char chunk[16 * 1024];

	for (;;) {
		ssize_t n = http_read(stream, chunk, sizeof(chunk), err);

		if (n <= 0)
			return (int)n;
		if (body->size + (size_t)n > max) {
			if (failed)
				return 0; /* enough for a message */
			return err_say(err, ERR_USAGE, "%s: the answer is larger than %zu bytes",
				       stream->host, max);
		}
		(void)buf_add(body, chunk, (size_t)n); /* checked above */
	}
}

int http_fetch(struct http_client *client, const struct http_request *request, size_t max,
	       struct http_response *ret_response, char **ret_data, size_t *ret_size,
	       struct err *err)
{
	struct http_response response auto_done(http_response) = HTTP_RESPONSE_INIT;
	struct http_stream *stream = NULL;
	struct buf body auto_done(buf) = BUF_INIT;
	bool failed = false;
	int r = http_open(client, request, &response, &stream, err);

	if (r < 0)
		return r;
	failed = response.status >= 400;
	r = read_all(stream, failed, failed ? HTTP_ERROR_BODY_MAX : max, &body, err);
	http_close(stream);
	if (r < 0)
		return r;
	*ret_size = body.size;
	*ret_data = buf_take(&body);
	*ret_response = response;
	response = HTTP_RESPONSE_INIT;
	return 0;
}

bool http_may_retry(int code, long status)
{
	if (code == -ECONNRESET || code == -ETIMEDOUT || code == -ECONNREFUSED)
		return true;
	return code == 0 && (status == 429 || status == 408 || status >= 500);
}

char *http_escape(const char *text)
{
	char *escaped = curl_easy_escape(NULL, text, 0);
	char *copy = xstrdup(escaped);

	curl_free(escaped);
	return copy;
}

char *http_basic(const char *user, const char *password)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	auto_free char *plain = xasprintf("%s:%s", user, password);
	struct buf out = BUF_INIT;
	size_t n = strlen(plain);

	(void)buf_add_str(&out, "Basic "); /* no bound set, as below */
	for (size_t i = 0; i < n; i += 3) {
		const unsigned char *p = (const unsigned char *)plain + i;
		unsigned int bits = (unsigned int)p[0] << 16;

		bits |= i + 1 < n ? (unsigned int)p[1] << 8 : 0;
		bits |= i + 2 < n ? p[2] : 0;
		(void)buf_addc(&out, digits[bits >> 18]);
		(void)buf_addc(&out, digits[(bits >> 12) & 63]);
		(void)buf_addc(&out, i + 1 < n ? digits[(bits >> 6) & 63] : '=');
		(void)buf_addc(&out, i + 2 < n ? digits[bits & 63] : '=');
	}
	explicit_bzero(plain, n);
	return buf_take(&out);
}
