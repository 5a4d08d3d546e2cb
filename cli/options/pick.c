/* SPDX-License-Identifier: Apache-2.0 */
/* Picks containers for a command and acts on them in turn: see pick.h. */
#include "cli/options/pick.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/file.h"

#define CIDFILE_MAX 4096

static int check(const struct cli *cli, const struct cli_pick *pick, struct err *err)
{
	const char *why = NULL;

	if (pick->all && pick->latest)
		why = "--all and --latest cannot be used together";
	else if ((pick->all || pick->latest) && pick->cidfiles.count)
		why = "--all, --latest, and --cidfile cannot be used together";
	else if (pick->all && cli->arg_count)
		why = "no arguments are needed with --all";
	else if (pick->latest && cli->arg_count)
		why = "--latest and containers cannot be used together";
	else if (pick->filters.count && cli->arg_count)
		why = "--filter takes no arguments";
	else if (!pick->all && !pick->latest && !pick->cidfiles.count && !pick->filters.count &&
		 cli->arg_count == 0)
		why = "you must provide at least one name or id";
	return why ? err_say(err, ERR_USAGE, "%s", why) : 0;
}

static int add_cidfiles(const struct cli_pick *pick, struct strv *names, struct err *err)
{
	for (size_t i = 0; i < pick->cidfiles.count; i++) {
		auto_free char *text = NULL;
		size_t size = 0;
		int r = file_read_at(AT_FDCWD, pick->cidfiles.v[i], CIDFILE_MAX, &text, &size);

		if (r == -ENOENT && pick->ignore)
			continue;
		if (r < 0)
			return err_set(err, r, "reading CIDFile %s", pick->cidfiles.v[i]);
		text[strcspn(text, "\r\n")] = '\0';
		strv_add(names, text);
	}
	return 0;
}

/*
 * Looks every name up before any is acted on, as Podman does: one that is missing stops the
 * command, or is left out with ignore; one that is named twice counts once.
 */
static int look_up(struct cli *cli, const struct cli_pick *pick, const struct strv *words,
		   struct strv *ret_names, struct err *err)
{
	struct strv ids auto_done(strv) = STRV_INIT;

	for (size_t i = 0; i < words->count; i++) {
		auto_free char *id = NULL;
		auto_free char *name = NULL;
		int r = ops_container_resolve(cli->ops, words->v[i], &id, &name, err);

		if (r < 0 && pick->ignore && err->kind == ERR_NOT_FOUND)
			continue;
		if (r < 0)
			return r;
		if (strv_has(&ids, id))
			continue;
		strv_add(&ids, id);
		strv_add(ret_names, words->v[i]);
	}
	return 0;
}

int cli_pick(struct cli *cli, const struct cli_pick *pick, enum ops_select all_means,
	     struct strv *ret_names, struct err *err)
{
	struct strv words auto_done(strv) = STRV_INIT;
	int r = check(cli, pick, err);

	if (r < 0)
		return r;
	if (pick->all || pick->latest || pick->filters.count)
		return ops_container_select(cli->ops,
					    pick->latest ? OPS_LATEST
					    : pick->all	 ? all_means
							 : OPS_ALL,
					    &pick->filters, ret_names, err);
	for (size_t i = 0; i < cli->arg_count; i++)
		strv_add(&words, cli->args[i]);
	r = add_cidfiles(pick, &words, err);
	if (r < 0)
		return r;
	/* A single one is looked up by what acts on it. */
	if (words.count > 1 || pick->ignore)
		return look_up(cli, pick, &words, ret_names, err);
	strv_add_all(ret_names, &words);
	return 0;
}

int cli_each(struct cli *cli, const struct strv *names, cli_action act, struct err *err)
{
	struct strv failures auto_done(strv) = STRV_INIT;
	struct err flush = ERR_INIT;
	int r = 0;

	for (size_t i = 0; i < names->count; i++) {
		struct err one = ERR_INIT;

		if (act(cli, names->v[i], &one) == 0) {
			(void)buf_addf(&cli->out, "%s\n", names->v[i]);
			continue;
		}
		if (r < 0)
			strv_add(&failures, err->text);
		*err = one;
		r = one.code;
	}
	if (r < 0 && cli_flush(cli, &flush) < 0)
		strv_add(&failures, flush.text);
	for (size_t i = 0; i < failures.count; i++)
		cli_print_error(failures.v[i]);
	return r;
}
