/* SPDX-License-Identifier: Apache-2.0 */
/* A repository's inside: requests in registry.c, credentials and TLS in registry-auth.c. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/config/auth.h"

struct err;
struct http_client;
struct strv;

struct registry_repo {
	char *domain;
	char *path;
	bool insecure;
	bool plain;   /* http:// was found to be what it speaks */
	bool reached; /* some answer came already */
	int retries;
	int64_t retry_delay;
	void (*warn)(const char *text);
	struct http_client *client;
	struct auth auth;
	pthread_mutex_t lock; /* what follows */
	char *authorization;  /* header to send; NULL: none yet */
	int64_t expires;      /* of the token in it, by time_monotonic(); 0: never */
};

/* The header's value to send now, or NULL. The caller owns it. */
char *registry_authorization(struct registry_repo *repo);

/*
 * After a 401: gets ready what its challenges ask for. sent is what was refused (NULL: nothing).
 * -ENOENT when there is nothing (else) to offer.
 */
int registry_answer_challenge(struct registry_repo *repo, const struct strv *challenges,
			      const char *sent, struct err *err);

/* The HTTP client with this registry's certificates (containers-certs.d(5)). */
int registry_make_client(struct registry_repo *repo, const char *cert_dir, struct err *err);
