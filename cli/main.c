/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program bryo: hands its command line to cli/dispatch.h and tells it how to come by the
 * engine. The only file of the command line that knows the launcher (rootless.h).
 *
 * What stands here runs before every command: no locale, no standard streams, no allocation
 * that is not needed.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/dispatch.h"
#include "cli/launch.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/json.h"
#include "engine/base/pages.h"
#include "engine/base/proc.h"
#include "rootless/doctor.h"
#include "rootless/rootless.h"

static void tell_single_id(const char *lost)
{
	auto_free char *line =
		xasprintf("Containers see one id only (`bryo doctor` tells the fix): %s", lost);

	cli_print_line(line);
}

/* The caller's place on this host; enter: in the user namespace that containers live in. */
static int launch(const struct cli_global *global, bool enter, struct rootless *ret,
		  struct err *err)
{
	const struct rootless_options options = { .data_root = global->root,
						  .run_root = global->runroot,
						  .find_namespace = ops_find_namespace };
	int r = rootless_init(&options, ret, err);

	if (r == 0 && enter)
		r = rootless_enter(ret, err);
	/* Said once, by the command that made the namespace. */
	if (r == 0 && ret->made_holder && ret->lost)
		tell_single_id(ret->lost);
	return r;
}

/* Opens the engine from where launch() took the process. */
static int open_from(const struct rootless *rootless, bool entered, const struct cli_global *global,
		     struct ops **ret_ops, struct err *err)
{
	const struct ops_config config = {
		.data_root = rootless->data_root,
		.run_root = rootless->run_root,
		.runtime = global->runtime,
		.storage_driver =
			global->storage_driver ? global->storage_driver : getenv("STORAGE_DRIVER"),
		.storage_opts = &global->storage_opts,
		.cgroup_manager = global->cgroup_manager,
		.rootless = rootless->mode != ROOTLESS_PRIVILEGED,
		.one_id = rootless->one_id,
		.fake_ids = rootless->one_id,
		.own_uid = rootless->uid,
		.own_gid = rootless->gid,
		.id_maps =
			entered && rootless->mode != ROOTLESS_PRIVILEGED ? &rootless->maps : NULL,
	};

	return ops_open(&config, ret_ops, err);
}

static int open_engine(enum ops_need need, const struct cli_global *global, struct ops **ret_ops,
		       struct err *err)
{
	struct rootless rootless auto_done(rootless) = ROOTLESS_INIT;
	bool enter = need == OPS_NEED_NAMESPACE;
	int r = launch(global, enter, &rootless, err);

	return r < 0 ? r : open_from(&rootless, enter, global, ret_ops, err);
}

/*
 * bryo unshare. Stands in the user's mount namespace until the unshare(2): mounts that the
 * command makes are seen by nobody else and go with it.
 */
static int unshare_and_exec(const struct cli_global *global, char *const argv[], struct err *err)
{
	struct rootless rootless auto_done(rootless) = ROOTLESS_INIT;
	int r = launch(global, true, &rootless, err);

	if (r < 0)
		return r;
	if (rootless.mode == ROOTLESS_PRIVILEGED)
		return err_say(err, ERR_UNSUPPORTED, "please use unshare with rootless");
	if (unshare(CLONE_NEWNS) < 0)
		return err_set(err, -errno, "cannot make a mount namespace");
	(void)execvp(argv[0], argv);
	r = err_set(err, -errno, "cannot execute %s", argv[0]);
	err->kind = r == -ENOENT ? ERR_NO_COMMAND : ERR_CANNOT_EXEC;
	return r;
}

/*
 * bryo doctor. The launcher's findings first: they hold where the engine cannot even be opened.
 * The engine then looks from where a container's keeper stands, a mount namespace of its own.
 */
static void examine(const struct cli_global *global, json_t *findings)
{
	const struct rootless_options options = { .data_root = global->root,
						  .run_root = global->runroot,
						  .find_namespace = ops_find_namespace };
	struct rootless rootless auto_done(rootless) = ROOTLESS_INIT;
	struct ops *ops = NULL;
	struct err err = ERR_INIT;
	int r = 0;

	rootless_doctor(&options, findings);
	r = launch(global, true, &rootless, &err);
	if (r == 0 && unshare(CLONE_NEWNS) < 0)
		r = err_set(&err, -errno, "cannot make a mount namespace");
	if (r == 0)
		r = open_from(&rootless, true, global, &ops, &err);
	if (r == 0)
		r = ops_system_doctor(ops, findings, &err);
	if (r < 0)
		finding_add(findings, "engine", "opening it", "missing", err.text, NULL);
	ops_close(ops);
}

int main(int argc, char **argv)
{
	static const struct cli_launcher launcher = { .open = open_engine,
						      .unshare = unshare_and_exec,
						      .doctor = examine };

	pages_own_heap();
	json_init();
	proc_keep_argv(argc, argv);
	return cli_dispatch(argc, argv, &launcher);
}
