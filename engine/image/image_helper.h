/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heavy work on images, done by the program bryo-image: it links curl, OpenSSL and the
 * decompressors, runs threads, and parses foreign bytes without the capabilities it can do
 * without. Here is how bryo starts it and gets its answer. The child inherits descriptors 0-2
 * (progress goes to 2, a saved archive to 1, a loaded one may come from 0); the request goes
 * through descriptor 3 as JSON (never argv, which others can read: it may hold credentials),
 * the answer comes through descriptor 4. The protocol: docs/formats/image-helper.md.
 *
 * Functions return 0 or the negative errno of the failure that the helper told, in err.
 */
#pragma once

#include <stdbool.h>

#include "engine/base/str.h"

struct err;

/* What every call needs; from the launcher's settings. */
struct image_helper {
	const char *data_root;	    /* absolute */
	const char *storage_driver; /* NULL: probe */
	const char *program;	    /* path of bryo-image; NULL: beside this executable */
	bool one_id; /* the user namespace holds one id: all files become the user's */
};

enum image_pull_policy {
	IMAGE_PULL_ALWAYS, /* look at the registry each time; layers that are here are not fetched
			    */
	IMAGE_PULL_MISSING,
	IMAGE_PULL_NEWER, /* fetch when the registry's differs; its failure is fine if one is here
			   */
	IMAGE_PULL_NEVER,
};

/* "always", "missing" (also "true", "ifnotpresent", ""), "newer" (also "ifnewer"), "never". */
int image_pull_policy_parse(const char *text, enum image_pull_policy *ret_policy, struct err *err);

struct image_pull_args {
	const char *name; /* as the user typed it, a transport may stand before it */
	enum image_pull_policy policy;
	const char *platform; /* OS/ARCH[/VARIANT], NULL: this host's */
	const char *authfile; /* NULL: the usual places */
	const char *creds;    /* USER[:PASSWORD] */
	const char *cert_dir;
	const char *tls_verify;	      /* "true", "false", NULL: as registries.conf says */
	const char *signature_policy; /* NULL: the usual places */
	const char *retry_delay;      /* Go duration; NULL: grows from one second */
	int retry;		      /* -1: three times */
	bool quiet;		      /* no progress */
	bool all_tags;
};
/*
 * ret_ids gets the ids pulled, in order. `run` looks the image up itself first (image_open()) and
 * calls this only when its policy asks for it: that costs no process where the image is here.
 */
int image_pull(const struct image_helper *helper, const struct image_pull_args *args,
	       struct strv *ret_ids, struct err *err);

/* path NULL: standard input. ret_names: what "Loaded image: NAME" lists. */
int image_load(const struct image_helper *helper, const char *path, bool quiet,
	       struct strv *ret_names, struct err *err);

struct image_save_args {
	const struct strv *names;
	const char *output; /* NULL: standard output, which must not be a terminal */
	const char *format; /* docker-archive (NULL), oci-archive, oci-dir, docker-dir */
	bool quiet;
	bool multi;    /* --multi-image-archive: every name is an image, not a further tag */
	bool compress; /* docker-dir: gzip the layers */
};
int image_save(const struct image_helper *helper, const struct image_save_args *args,
	       struct err *err);

struct image_import_args {
	const char *source;    /* path, URL, or "-" for standard input */
	const char *reference; /* NULL: no name */
	const char *message;
	const struct strv *changes; /* NULL: none */
	const char *os, *arch, *variant;
	bool quiet;
};
int image_import(const struct image_helper *helper, const struct image_import_args *args,
		 char **ret_id, struct err *err);

/* Adds the image that is built into the program, where it is not there yet. */
int image_hello(const struct image_helper *helper, char **ret_id, struct err *err);
