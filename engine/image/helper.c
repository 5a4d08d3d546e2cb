/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs bryo-image as a child: see image_helper.h. Runs in bryo, whose threads are none; the
 * child is started with posix_spawn (no copy of our memory), its request written to an
 * anonymous file so that neither side can block on the other.
 */
#include "engine/image/image_helper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/json.h"
#include "engine/base/log.h"
#include "engine/base/proc.h"
#include "engine/storage/storage.h"

extern char **environ;

enum { REQUEST_FD = 3, ANSWER_FD = 4, ANSWER_MAX = 16 * 1024 * 1024 };

/* bryo-image where `make install` puts it, or beside us in the build folder. */
static char *find_program(void)
{
	char *path = NULL;

	/* No program of ours beside us: a name that execution refuses, never one found elsewhere.
	 */
	return proc_libexec("bryo-image", &path) == 0 ? path : xstrdup("/nonexistent/bryo-image");
}

static int make_request(const json_t *request, int *ret_fd, struct err *err)
{
	auto_close int fd = memfd_create("bryo-image request", MFD_CLOEXEC);
	auto_free char *text = json_text(request);
	int r = 0;

	if (fd < 0)
		return err_set(err, -errno, "cannot make the request to bryo-image");
	r = fd_write_all(fd, text, strlen(text));
	if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = -errno;
	if (r < 0)
		return err_set(err, r, "cannot write the request to bryo-image");
	*ret_fd = fd_take(&fd);
	return 0;
}

/*
 * dup2 in the child clears close-on-exec only where source and target differ; the descriptors
 * are moved above the targets first.
 */
static int raise_fd(int *fd)
{
	int up = fcntl(*fd, F_DUPFD_CLOEXEC, 10);

	if (up < 0)
		return -errno;
	fd_close(fd);
	*fd = up;
	return 0;
}

static int start(const char *program, const char *verb, int request_fd, int answer_fd,
		 pid_t *ret_pid)
{
	char *const argv[] = { (char *)"bryo-image", (char *)verb, NULL };
	posix_spawn_file_actions_t actions;
	int r = 0;

	if (posix_spawn_file_actions_init(&actions) != 0)
		return -ENOMEM;
	r = posix_spawn_file_actions_adddup2(&actions, request_fd, REQUEST_FD);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&actions, answer_fd, ANSWER_FD);
	if (r == 0)
		r = posix_spawnp(ret_pid, program, &actions, NULL, argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions); /* frees memory only */
	return -r;
}

/* The error the helper told, or that it died without a word. */
static int read_answer(const char *data, size_t size, int status, json_t **ret_answer,
		       struct err *err)
{
	auto_json json_t *answer = NULL;
	const json_t *failure = NULL;

	if (size == 0)
		return err_say(err, ERR_FAILED, "bryo-image ended without an answer (%s %d)",
			       status > 128 ? "signal" : "exit status",
			       status > 128 ? status - 128 : status);
	if (json_parse(data, size, "bryo-image's answer", &answer, err) < 0)
		return err->code;
	failure = json_object_get(answer, "error");
	if (failure) {
		err->code = (int)json_int(failure, "code", -EIO);
		err->kind = (enum err_kind)json_int(failure, "kind", ERR_FAILED);
		snprintf(err->text, sizeof(err->text), "%s", json_str(failure, "text", ""));
		return err->code < 0 ? err->code : (err->code = -EIO);
	}
	*ret_answer = take(answer);
	return 0;
}

/*
 * What a helper that failed or was killed left half-made. It let its capabilities go before it read
 * a stranger's byte, so it cannot remove files of other ids: we can.
 */
static void clean_up(const struct image_helper *helper)
{
	struct storage storage auto_done(storage) = STORAGE_INIT;

	if (storage_open(&storage, helper->data_root, NULL) == 0)
		(void)storage_sweep(&storage,
				    NULL); /* best effort: each later command does it too */
}

/* One call: the verb, the request; the answer's JSON belongs to the caller. */
static int call(const struct image_helper *helper, const char *verb, json_t *request,
		json_t **ret_answer, struct err *err)
{
	struct err unused = ERR_INIT;
	auto_free char *program = helper->program ? xstrdup(helper->program) : find_program();
	auto_free char *data = NULL;
	auto_close int request_fd = -1;
	auto_close int answer_read = -1;
	auto_close int answer_write = -1;
	size_t size = 0;
	int ends[2];
	pid_t pid = -1;
	int status = 0;
	int r = 0;

	err = err ? err : &unused;
	json_set_str(request, "root", helper->data_root);
	json_set_str(request, "driver", helper->storage_driver);
	json_set_bool(request, "one_id", helper->one_id);
	json_set_int(request, "log_level", log_get_level());
	r = make_request(request, &request_fd, err);
	if (r < 0)
		return r;
	r = fd_pipe(ends);
	if (r < 0)
		return err_set(err, r, "cannot make a pipe to bryo-image");
	answer_read = ends[0];
	answer_write = ends[1];
	if ((r = raise_fd(&request_fd)) < 0 || (r = raise_fd(&answer_write)) < 0)
		return err_set(err, r, "cannot start %s", program);
	r = start(program, verb, request_fd, answer_write, &pid);
	if (r < 0)
		return err_set(err, r, "cannot start %s", program);
	fd_close(&answer_write);
	r = fd_read_all(answer_read, ANSWER_MAX, &data, &size);
	status = proc_wait(pid);
	if (r < 0)
		return err_set(err, r, "cannot read bryo-image's answer");
	r = read_answer(data, size, status, ret_answer, err);
	if (r < 0)
		clean_up(helper);
	return r;
}

int image_pull_policy_parse(const char *text, enum image_pull_policy *ret_policy, struct err *err)
{
	static const struct {
		const char *name;
		enum image_pull_policy policy;
	} names[] = {
		{ "always", IMAGE_PULL_ALWAYS },     { "missing", IMAGE_PULL_MISSING },
		{ "never", IMAGE_PULL_NEVER },	     { "newer", IMAGE_PULL_NEWER },
		{ "ifmissing", IMAGE_PULL_MISSING }, { "ifnotpresent", IMAGE_PULL_MISSING },
		{ "ifnewer", IMAGE_PULL_NEWER },     { "true", IMAGE_PULL_ALWAYS },
		{ "false", IMAGE_PULL_MISSING },     { "", IMAGE_PULL_MISSING },
		{ "1", IMAGE_PULL_ALWAYS },	     { "0", IMAGE_PULL_MISSING },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcasecmp(text, names[i].name) != 0)
			continue;
		*ret_policy = names[i].policy;
		return 0;
	}
	return err_say(err, ERR_USAGE, "unsupported pull policy \"%.60s\"", text);
}

static const char *policy_name(enum image_pull_policy policy)
{
	static const char *const names[] = {
		[IMAGE_PULL_ALWAYS] = "always",
		[IMAGE_PULL_MISSING] = "missing",
		[IMAGE_PULL_NEWER] = "newer",
		[IMAGE_PULL_NEVER] = "never",
	};

	return names[policy];
}

int image_pull(const struct image_helper *helper, const struct image_pull_args *args,
	       struct strv *ret_ids, struct err *err)
{
	auto_json json_t *request = json_object();
	auto_json json_t *answer = NULL;
	int r = 0;

	json_set_str(request, "name", args->name);
	json_set_str(request, "policy", policy_name(args->policy));
	json_set_str(request, "platform", args->platform);
	json_set_str(request, "authfile", args->authfile);
	json_set_str(request, "creds", args->creds);
	json_set_str(request, "cert_dir", args->cert_dir);
	json_set_str(request, "tls_verify", args->tls_verify);
	json_set_str(request, "signature_policy", args->signature_policy);
	json_set_str(request, "retry_delay", args->retry_delay);
	json_set_int(request, "retry", args->retry);
	json_set_bool(request, "quiet", args->quiet);
	json_set_bool(request, "all_tags", args->all_tags);
	r = call(helper, "pull", request, &answer, err);
	return r < 0 ? r : json_get_strv(answer, "ids", ret_ids, err);
}

int image_load(const struct image_helper *helper, const char *path, bool quiet,
	       struct strv *ret_names, struct err *err)
{
	auto_json json_t *request = json_object();
	auto_json json_t *answer = NULL;
	int r = 0;

	json_set_str(request, "path", path);
	json_set_bool(request, "quiet", quiet);
	r = call(helper, "load", request, &answer, err);
	return r < 0 ? r : json_get_strv(answer, "names", ret_names, err);
}

int image_save(const struct image_helper *helper, const struct image_save_args *args,
	       struct err *err)
{
	auto_json json_t *request = json_object();
	auto_json json_t *answer = NULL;

	if (!args->output && isatty(STDOUT_FILENO))
		return err_say(err, ERR_USAGE,
			       "refusing to save to terminal. Use -o flag or redirect");
	json_set_strv(request, "names", args->names);
	json_set_str(request, "output", args->output);
	json_set_str(request, "format", args->format);
	json_set_bool(request, "quiet", args->quiet);
	json_set_bool(request, "multi", args->multi);
	json_set_bool(request, "compress", args->compress);
	return call(helper, "save", request, &answer, err);
}

int image_import(const struct image_helper *helper, const struct image_import_args *args,
		 char **ret_id, struct err *err)
{
	auto_json json_t *request = json_object();
	auto_json json_t *answer = NULL;
	int r = 0;

	json_set_str(request, "source", args->source);
	json_set_str(request, "reference", args->reference);
	json_set_str(request, "message", args->message);
	if (args->changes)
		json_set_strv(request, "changes", args->changes);
	json_set_str(request, "os", args->os);
	json_set_str(request, "arch", args->arch);
	json_set_str(request, "variant", args->variant);
	json_set_bool(request, "quiet", args->quiet);
	r = call(helper, "import", request, &answer, err);
	if (r == 0)
		*ret_id = xstrdup(json_str(answer, "id", ""));
	return r;
}

int image_hello(const struct image_helper *helper, char **ret_id, struct err *err)
{
	auto_json json_t *request = json_object();
	auto_json json_t *answer = NULL;
	int r = call(helper, "hello", request, &answer, err);

	if (r == 0)
		*ret_id = xstrdup(json_str(answer, "id", ""));
	return r;
}
