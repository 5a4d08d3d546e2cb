/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An HTTP/1.1 client over plain TCP and TLS: the seam before libcurl, for bryo-image only.
 * Bodies are pulled by the caller (http_read), so that a slow unpacker slows the socket and
 * nothing piles up in memory. Redirects are followed to http(s) only, at most ten; credentials
 * are sent to the host they were meant for and to no other. Streams may be used from different
 * threads at the same time, each from one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "engine/base/str.h"

struct err;
struct http_client;
struct http_stream;

enum {
	HTTP_ERROR_BODY_MAX = 64 * 1024, /* of a failed request's body kept for the message */
	HTTP_REDIRECTS_MAX = 10,
	HTTP_STALL_SECONDS = 60, /* a transfer without a byte for so long is broken */
};

struct http_client_args {
	bool insecure; /* no certificate checks, and plain http may be redirected to */
	const struct strv *ca_files; /* PEM files trusted besides the system's; NULL: none */
	const char *cert_file;	     /* our own certificate and key, PEM; NULL: none */
	const char *key_file;
};

/* Never fails but for unreadable files. */
int http_client_new(const struct http_client_args *args, struct http_client **ret_client,
		    struct err *err);
void http_client_free(struct http_client *client);

struct http_request {
	const char *url;
	const struct strv *headers; /* "Name: value"; NULL: none */
	const char *authorization;  /* value of the Authorization header; NULL: none */
	const char *post;	    /* body of a POST (x-www-form-urlencoded); NULL: GET */
	uint64_t offset;	    /* ask for the body from here on (Range) */
	bool head;
};

struct http_response {
	long status;
	char *content_type; /* without parameters; NULL: none, as for the others */
	char *digest;	    /* Docker-Content-Digest */
	char *link;
	struct strv challenges; /* each WWW-Authenticate header */
	int64_t length;		/* of the body that follows; -1: not told */
	int64_t retry_after;	/* seconds; 0: not told */
};
#define HTTP_RESPONSE_INIT ((struct http_response){ .length = -1 })
void http_response_done(struct http_response *response);

/*
 * Sends the request and waits for the final response's headers. A response is a success of
 * this function whatever its status says. Errors are what kept a response from coming:
 * -ECONNREFUSED, -EHOSTUNREACH (also unknown names), -ETIMEDOUT, -EPROTO, -ECONNRESET, -EPERM
 * (TLS: the certificate was not accepted) and their like.
 */
int http_open(struct http_client *client, const struct http_request *request,
	      struct http_response *ret_response, struct http_stream **ret_stream, struct err *err);

/*
 * The next bytes of the body: their count, 0 at its end, -ECONNRESET or -ETIMEDOUT where it
 * breaks off (ask again with offset), or another negative errno.
 */
ssize_t http_read(struct http_stream *stream, void *data, size_t size, struct err *err);
void http_close(struct http_stream *stream); /* NULL is fine; keeps the connection for others */

/*
 * Both in one: a body of at most max bytes (else -EFBIG), NUL-terminated, owned by the caller. A
 * body beyond HTTP_ERROR_BODY_MAX is cut for a status of 400 and more.
 */
int http_fetch(struct http_client *client, const struct http_request *request, size_t max,
	       struct http_response *ret_response, char **ret_data, size_t *ret_size,
	       struct err *err);

/* True when the request may be tried again: the connection broke or the server is busy. */
bool http_may_retry(int code, long status);

/* Percent-encodes for a query. The caller owns the text. */
char *http_escape(const char *text);
/* "Basic base64(USER:PASSWORD)". The caller owns the text. */
char *http_basic(const char *user, const char *password);
