/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bryo-image pull: from a name as the user typed it to images in the store. Decides which names
 * a short one may stand for, which places to try, and in which order; the copying is copy.c's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/json.h"
#include "engine/base/str.h"
#include "engine/base/time.h"
#include "engine/config/auth.h"
#include "engine/config/registries.h"
#include "engine/image/copy.h"
#include "engine/image/image_helper.h"
#include "engine/image/load-internal.h"
#include "engine/image/manifest.h"
#include "engine/image/progress.h"
#include "engine/image/reference.h"
#include "engine/image/registry.h"
#include "engine/image/session.h"
#include "engine/image/source.h"

enum { PULL_PARALLEL = 6, RETRIES = 3 };

struct pull {
	struct session *session;
	struct registries registries;
	struct platform platform;
	enum image_pull_policy policy;
	const char *known_id; /* the local image of this name; NULL: none */
	struct strv ids;
};

static void pull_done(struct pull *pull)
{
	registries_done(&pull->registries);
	platform_done(&pull->platform);
	strv_done(&pull->ids);
}

static const char *text_of(const struct pull *pull, const char *key)
{
	return json_str(pull->session->request, key, NULL);
}

static void warn(const char *text)
{
	fprintf(stderr, "time=\"%s\" level=warning msg=\"%s\"\n", time_utc(time_now()).text, text);
}

/* ---- Which names ---- */

/* On a terminal the user chooses among several; *ret_choice is the index. */
static int ask_which(const struct strv *candidates, size_t *ret_choice, struct err *err)
{
	char line[32];
	uint32_t number = 0;

	fprintf(stderr, "Please select an image:\n");
	for (size_t i = 0; i < candidates->count; i++)
		fprintf(stderr, "  %zu) %s\n", i + 1, candidates->v[i]);
	fprintf(stderr, "Number: ");
	if (!fgets(line, sizeof(line), stdin) || str_to_u32(str_trim(line), &number) < 0 ||
	    number < 1 || number > candidates->count)
		return err_say(err, ERR_USAGE, "no image was selected");
	*ret_choice = number - 1;
	return 0;
}

static void add_candidate(struct strv *candidates, const struct reference *shortname,
			  const char *domain)
{
	struct reference full auto_done(reference) = REFERENCE_INIT;

	reference_copy(shortname, &full);
	reference_set_domain(&full, domain);
	reference_add_latest(&full);
	strv_add_own(candidates, reference_text(&full));
}

static int add_alias(struct pull *pull, const struct reference *shortname, const char *target,
		     struct strv *candidates, struct err *err)
{
	struct reference full auto_done(reference) = REFERENCE_INIT;
	int r = reference_parse(target, &full, err);

	if (r < 0)
		return err_prefix(err, "alias \"%s\" in %s", shortname->path,
				  pull->registries.path);
	free(full.tag);
	full.tag = xstrdup(shortname->tag);
	full.digest = xstrdup(shortname->digest);
	reference_add_latest(&full);
	strv_add_own(candidates, reference_text(&full));
	if (!pull->session->quiet)
		fprintf(stderr, "Resolved \"%s\" as an alias (%s)\n", shortname->path,
			pull->registries.path);
	return 0;
}

/* containers-registries.conf(5), "Short-Name Resolution". */
static int resolve_short(struct pull *pull, const struct reference *shortname, const char *text,
			 struct strv *candidates, struct err *err)
{
	const struct registries *conf = &pull->registries;
	const char *alias = registries_alias(conf, shortname->path);
	size_t choice = 0;
	int r = 0;

	if (alias && conf->mode != REGISTRIES_DISABLED)
		return add_alias(pull, shortname, alias, candidates, err);
	if (conf->search.count == 0)
		return err_say(err, ERR_NOT_FOUND,
			       "short-name \"%.200s\" did not resolve to an alias and no "
			       "unqualified-search registries are defined in \"%s\"",
			       text, conf->path);
	for (size_t i = 0; i < conf->search.count; i++)
		add_candidate(candidates, shortname, conf->search.v[i]);
	if (!pull->session->quiet)
		fprintf(stderr, "Resolving \"%s\" using unqualified-search registries (%s)\n",
			shortname->path, conf->path);
	if (candidates->count < 2 || conf->mode == REGISTRIES_DISABLED)
		return 0;
	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
		if (conf->mode == REGISTRIES_PERMISSIVE)
			return 0;
		return err_say(err, ERR_USAGE,
			       "short-name resolution enforced but cannot prompt without a TTY");
	}
	r = ask_which(candidates, &choice, err);
	if (r < 0)
		return r;
	for (size_t i = candidates->count; i > 0; i--)
		if (i - 1 != choice)
			strv_remove(candidates, i - 1);
	return 0;
}

static int find_candidates(struct pull *pull, const char *text, struct strv *candidates,
			   struct err *err)
{
	struct reference ref auto_done(reference) = REFERENCE_INIT;
	int r = reference_parse(text, &ref, err);

	if (r < 0)
		return r;
	if (!ref.domain)
		return resolve_short(pull, &ref, text, candidates, err);
	reference_add_latest(&ref);
	strv_add_own(candidates, reference_text(&ref));
	return 0;
}

/* ---- One place ---- */

static int make_repo_args(struct pull *pull, const struct reference *ref, bool insecure,
			  struct auth *auth, struct registry_repo_args *ret_args, struct err *err)
{
	const char *tls = text_of(pull, "tls_verify");
	const char *creds = text_of(pull, "creds");
	const char *delay = text_of(pull, "retry_delay");
	auto_free char *name = reference_name(ref);
	int64_t retries = json_int(pull->session->request, "retry", -1);
	int64_t ns = 0;
	int r = 0;

	if (creds)
		r = auth_parse_creds(creds, auth, err);
	else
		r = auth_lookup(text_of(pull, "authfile"), name,
				&pull->registries.credential_helpers, auth, err);
	if (r < 0)
		return r;
	if (delay && time_parse_duration(delay, &ns) < 0)
		return err_say(err, ERR_USAGE, "--retry-delay: \"%.60s\" is not a duration", delay);
	*ret_args = (struct registry_repo_args){
		.domain = ref->domain,
		.path = ref->path,
		.auth = auth,
		.cert_dir = text_of(pull, "cert_dir"),
		.insecure = tls ? str_eq(tls, "false") : insecure,
		.retries = retries < 0 ? RETRIES : (int)retries,
		.retry_delay = ns,
		.warn = pull->session->quiet ? NULL : warn,
	};
	return 0;
}

static int copy_from(struct pull *pull, const struct registry_source *place, const char *name,
		     struct err *err)
{
	struct reference ref auto_done(reference) = REFERENCE_INIT;
	struct auth auth auto_done(auth) = AUTH_INIT;
	struct registry_repo_args repo;
	struct strv names auto_done(strv) = STRV_INIT;
	struct progress *progress = NULL;
	struct source *source = NULL;
	char id[IMAGE_ID_LEN + 1];
	int r = reference_parse(place->reference, &ref, err);

	if (r < 0 || (r = make_repo_args(pull, &ref, place->insecure, &auth, &repo, err)) < 0 ||
	    (r = source_docker(&repo, ref.digest ? ref.digest : ref.tag, &source, err)) < 0)
		return r;
	strv_add(&names, name);
	progress = progress_new(pull->session->quiet);
	r = copy_in(&(struct copy_args){ .session = pull->session,
					 .source = source,
					 .progress = progress,
					 .platform = &pull->platform,
					 .policy_scope = name,
					 .policy_file = text_of(pull, "signature_policy"),
					 .names = &names,
					 .known_id = pull->policy == IMAGE_PULL_NEWER
							     ? pull->known_id
							     : NULL,
					 .parallel = PULL_PARALLEL },
		    id, err);
	progress_free(progress);
	source_close(source);
	if (r == 0)
		strv_add(&pull->ids, id);
	return r;
}

/* A complete name: its mirrors, then itself. */
static int pull_name(struct pull *pull, const char *name, struct err *err)
{
	struct registry_sources places auto_done(registry_sources) = REGISTRY_SOURCES_INIT;
	int r = registries_sources(&pull->registries, name, &places, err);

	if (r < 0)
		return err_prefix(err, "initializing source docker://%s", name);
	if (!pull->session->quiet)
		fprintf(stderr, "Trying to pull %s...\n", name);
	for (size_t i = 0; i < places.count; i++) {
		if (err)
			*err = ERR_INIT;
		r = copy_from(pull, &places.v[i], name, err);
		if (r == 0 || (err && (err->kind == ERR_UNSUPPORTED || err->code == -ENOSPC)))
			break;
		if (i + 1 < places.count && !pull->session->quiet && err)
			warn(err->text); /* a mirror that fails is no failure yet */
	}
	if (r < 0)
		return err_prefix(err, "unable to copy from source docker://%s", name);
	return 0;
}

/* ---- All tags ---- */

static int list_tags(struct pull *pull, const char *name, struct strv *tags, struct err *err)
{
	struct registry_sources places auto_done(registry_sources) = REGISTRY_SOURCES_INIT;
	struct reference ref auto_done(reference) = REFERENCE_INIT;
	struct auth auth auto_done(auth) = AUTH_INIT;
	struct registry_repo_args args;
	struct registry_repo *repo = NULL;
	const struct registry_source *last = NULL;
	int r = registries_sources(&pull->registries, name, &places, err);

	if (r < 0)
		return r;
	last = &places.v[places.count -
			 1]; /* a mirror need not have all: ask the registry itself */
	if ((r = reference_parse(last->reference, &ref, err)) < 0 ||
	    (r = make_repo_args(pull, &ref, last->insecure, &auth, &args, err)) < 0 ||
	    (r = registry_repo_open(&args, &repo, err)) < 0)
		return r;
	r = registry_tags(repo, tags, err);
	registry_repo_close(repo);
	return r;
}

static int pull_all_tags(struct pull *pull, const char *text, struct err *err)
{
	struct strv candidates auto_done(strv) = STRV_INIT;
	struct strv tags auto_done(strv) = STRV_INIT;
	struct reference ref auto_done(reference) = REFERENCE_INIT;
	auto_free char *repository = NULL;
	int r = reference_parse(text, &ref, err);

	if (r < 0)
		return r;
	if (ref.tag || ref.digest)
		return err_say(err, ERR_USAGE,
			       "cannot use --all-tags with a reference that has a tag or digest");
	if ((r = find_candidates(pull, text, &candidates, err)) < 0)
		return r;
	reference_done(&ref);
	if ((r = reference_parse(candidates.v[0], &ref, err)) < 0 ||
	    (r = list_tags(pull, candidates.v[0], &tags, err)) < 0)
		return r;
	repository = reference_name(&ref);
	for (size_t i = 0; i < tags.count; i++) {
		auto_free char *name = xasprintf("%s:%s", repository, tags.v[i]);

		r = pull_name(pull, name, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- The verb ---- */

/* Has the local image the platform that was asked for? */
static bool fits_platform(struct pull *pull, const char *id)
{
	struct image image auto_done(image) = IMAGE_INIT;

	if (!text_of(pull, "platform"))
		return true;
	return image_open(&pull->session->store, id, &image, NULL) == 0 &&
	       str_eq(image.os, pull->platform.os) &&
	       str_eq(image.architecture, pull->platform.architecture) &&
	       (!pull->platform.variant || str_eq(image.variant, pull->platform.variant));
}

static int pull_from_registry(struct pull *pull, const char *text, struct err *err)
{
	struct strv candidates auto_done(strv) = STRV_INIT;
	struct err first = ERR_INIT;
	int r = 0;

	if (json_bool(pull->session->request, "all_tags", false))
		return pull_all_tags(pull, text, err);
	r = find_candidates(pull, text, &candidates, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < candidates.count; i++) {
		*err = ERR_INIT;
		r = pull_name(pull, candidates.v[i], err);
		if (r == 0)
			return 0;
		if (first.code == 0)
			first = *err;
	}
	if (candidates.count > 1) {
		*err = first;
		(void)err_prefix(err, "%zu errors occurred while pulling, the first",
				 candidates.count);
	}
	return r;
}

static int pull_by_policy(struct pull *pull, const char *text, struct err *err)
{
	char id[IMAGE_ID_LEN + 1];
	int r = 0;

	if (image_resolve(&pull->session->store, text, id, NULL, err) == 0 &&
	    fits_platform(pull, id))
		pull->known_id = id;
	else if (err->kind != ERR_NOT_FOUND && err->code < 0)
		return err->code;
	*err = ERR_INIT;
	if (pull->policy == IMAGE_PULL_NEVER && !pull->known_id)
		return err_say(err, ERR_NOT_FOUND, "%.200s: image not known", text);
	if (pull->known_id &&
	    (pull->policy == IMAGE_PULL_NEVER || pull->policy == IMAGE_PULL_MISSING)) {
		strv_add(&pull->ids, id);
		return 0;
	}
	r = pull_from_registry(pull, text, err);
	if (r < 0 && pull->known_id && pull->policy == IMAGE_PULL_NEWER) {
		if (!pull->session->quiet)
			warn(err->text);
		strv_add(&pull->ids, id);
		*err = ERR_INIT;
		r = 0;
	}
	pull->known_id = NULL;
	return r;
}

int verb_pull(struct session *session, json_t *answer, struct err *err)
{
	struct pull pull auto_done(pull) = { .session = session };
	const char *name = json_str(session->request, "name", "");
	const char *docker = str_after(name, "docker://");
	int r = 0;

	if ((r = image_pull_policy_parse(json_str(session->request, "policy", "always"),
					 &pull.policy, err)) < 0 ||
	    (r = platform_parse(json_str(session->request, "platform", NULL), &pull.platform,
				err)) < 0)
		return r;
	session_lock_up(false);
	r = docker ? -ENOENT : load_by_transport(session, name, &pull.platform, &pull.ids, err);
	if (r == -ENOENT && err->code == 0) {
		r = registries_load(&pull.registries, err);
		if (r == 0)
			r = pull_by_policy(&pull, docker ? docker : name, err);
	}
	if (r == 0)
		json_set_strv(answer, "ids", &pull.ids);
	return r;
}
