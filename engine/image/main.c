/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bryo-image: the program for the heavy work on images, started by bryo for one request
 * (engine/image/image_helper.h; the protocol: docs/formats/image-helper.md). The request is JSON on
 * descriptor 3, the answer JSON on descriptor 4, progress goes to standard error.
 *
 * Runs as root of the user namespace that owns the store (or as real root). In this order: starts
 * the process that unpacks layers in locked-up forks, before any thread; opens what the user
 * named; drops every capability it can do without (session_lock_up); only then reads bytes
 * of strangers. Must never start another program after it has threads.
 */
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/json.h"
#include "engine/base/log.h"
#include "engine/base/path.h"
#include "engine/base/str.h"
#include "engine/image/session.h"
#include "engine/storage/layer.h"

enum { REQUEST_FD = 3, ANSWER_FD = 4, REQUEST_MAX = 1024 * 1024 };

struct verb {
	const char *name;
	int (*run)(struct session *session, json_t *answer, struct err *err);
	bool takes_layers;
};

static const struct verb verbs[] = {
	{ "pull", verb_pull, true },   { "load", verb_load, true },
	{ "save", verb_save, false },  { "import", verb_import, true },
	{ "hello", verb_hello, true },
};

void session_lock_up(bool may_read_all)
{
	static const cap_value_t read_all[] = { CAP_DAC_READ_SEARCH };
	cap_t none = cap_init();

	if (!none)
		abort(); /* out of memory */
	if (may_read_all && (cap_set_flag(none, CAP_PERMITTED, 1, read_all, CAP_SET) < 0 ||
			     cap_set_flag(none, CAP_EFFECTIVE, 1, read_all, CAP_SET) < 0))
		abort(); /* a mistake of ours */
	/*
	 * Where we have no capabilities at all (one-id mode without them) asking for one fails:
	 * then there is nothing to drop either.
	 */
	if (cap_set_proc(none) < 0)
		(void)cap_clear(none), (void)cap_set_proc(none);
	(void)cap_free(none); /* frees memory only */
}

static void session_done(struct session *session)
{
	layer_workers_stop(session->workers);
	fd_close(&session->layers_lock);
	storage_done(&session->storage);
	image_store_done(&session->store);
	free(session->scratch);
}

static int session_open(struct session *session, const struct verb *verb, struct err *err)
{
	const char *root = json_str(session->request, "root", NULL);
	int r = 0;

	if (!root || *root != '/')
		return err_say(err, ERR_USAGE, "the request has no absolute \"root\"");
	session->one_id = json_bool(session->request, "one_id", false);
	session->quiet = json_bool(session->request, "quiet", false);
	session->scratch = xasprintf("%s/tmp", root);
	if ((r = image_store_open(root, &session->store, err)) < 0 ||
	    (r = storage_open(&session->storage, root, err)) < 0)
		return r;
	r = path_mkdir_all(session->scratch, 0700);
	if (r < 0)
		return err_set(err, r, "cannot make %s", session->scratch);
	if (!verb->takes_layers)
		return 0;
	session->layers_lock = image_lock_layers(&session->store, err);
	if (session->layers_lock < 0)
		return session->layers_lock;
	if ((r = storage_sweep(&session->storage, err)) < 0)
		return r;
	return layer_workers_start(&session->workers, err);
}

static int run(const struct verb *verb, json_t *answer, struct err *err)
{
	struct session session auto_done(session) = { .storage = STORAGE_INIT,
						      .store = IMAGE_STORE_INIT,
						      .layers_lock = -1 };
	auto_json json_t *request = NULL;
	auto_free char *text = NULL;
	size_t size = 0;
	int r = fd_read_all(REQUEST_FD, REQUEST_MAX, &text, &size);

	if (r < 0)
		return err_set(err, r, "cannot read the request from descriptor %d", REQUEST_FD);
	(void)close(REQUEST_FD);
	r = json_parse(text, size, "the request", &request, err);
	explicit_bzero(text, size); /* it may hold a password */
	if (r < 0)
		return r;
	session.request = request;
	log_set_level((enum log_level)json_int(request, "log_level", LOG_WARN));
	r = session_open(&session, verb, err);
	return r < 0 ? r : verb->run(&session, answer, err);
}

static int answer_with(json_t *answer, int r, const struct err *err)
{
	auto_free char *text = NULL;

	if (r < 0) {
		json_t *failure = json_object();

		json_set_int(failure, "code", r);
		json_set_int(failure, "kind", err->kind == ERR_NONE ? ERR_FAILED : err->kind);
		json_set_str(failure, "text", err->text);
		(void)json_object_clear(answer);
		(void)json_object_set_new(answer, "error", failure); /* fails with memory only */
	}
	text = json_text(answer);
	return fd_write_all(ANSWER_FD, text, strlen(text)) < 0 || r < 0 ? 125 : 0;
}

int main(int argc, char **argv)
{
	auto_json json_t *answer = json_object();
	struct err err = ERR_INIT;
	const struct verb *verb = NULL;
	int r = 0;

	for (size_t i = 0; argc == 2 && i < ARRAY_SIZE(verbs); i++)
		if (str_eq(argv[1], verbs[i].name))
			verb = &verbs[i];
	if (!verb || fcntl(REQUEST_FD, F_SETFD, FD_CLOEXEC) < 0 ||
	    fcntl(ANSWER_FD, F_SETFD, FD_CLOEXEC) < 0) {
		fprintf(stderr,
			"bryo-image is started by bryo: bryo-image pull|load|save|import|hello, "
			"a request on descriptor 3, the answer on descriptor 4\n");
		return 125;
	}
	(void)signal(SIGPIPE,
		     SIG_IGN); /* an archive's reader that goes away is an error, not our death */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return 125;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return 125;
	r = run(verb, answer, &err);
	return answer_with(answer, r, &err);
}
