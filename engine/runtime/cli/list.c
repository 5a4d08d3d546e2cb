/* SPDX-License-Identifier: Apache-2.0 */
/* bryo-runtime state, list and ps. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/json.h"
#include "engine/base/str.h"
#include "engine/base/user.h"
#include "engine/cgroup/cgroup.h"
#include "engine/runtime/cli/cli.h"
#include "engine/runtime/cli/state.h"

/* Whose the record is; the caller's to free. Looked up here only: `run` has no use for it. */
static char *owner_of(const struct rt_state *state)
{
	struct user_entry user auto_done(user_entry) = USER_ENTRY_INIT;
	struct stat st;

	if (fstat(state->folder, &st) < 0 || user_lookup(st.st_uid, &user) < 0)
		return xstrdup("");
	return take(user.name);
}

/* The state object of runtime.md, and what runc and crun add to it. */
static json_t *rt_state_object(const struct rt_state *state)
{
	enum rt_state_status status = rt_state_status(state);
	auto_free char *owner = owner_of(state);
	json_t *json = json_object();

	json_set_str(json, "ociVersion", OCI_VERSION);
	json_set_str(json, "id", state->id);
	json_set_int(json, "pid", status == STATE_STOPPED ? 0 : state->pid);
	json_set_str(json, "status", rt_state_status_name(status));
	json_set_str(json, "bundle", str_or(state->bundle, ""));
	json_set_str(json, "rootfs", str_or(state->rootfs, ""));
	json_set_str(json, "created", str_or(state->created, ""));
	json_set_str(json, "owner", owner);
	return json;
}

static void add_annotations(const struct rt_state *state, json_t *json)
{
	auto_done(oci_spec) struct oci_spec spec = OCI_SPEC_INIT;
	json_t *annotations = NULL;

	if (state->pid == 0 || rt_state_load_config(state, &spec, NULL) < 0 ||
	    spec.annotations.count == 0)
		return;
	annotations = json_object();
	for (size_t i = 0; i < spec.annotations.count; i++)
		json_set_str(annotations, spec.annotations.v[i].name, spec.annotations.v[i].value);
	json_object_set_new(json, "annotations", annotations);
}

static int run_state(const struct cli *cli, int argc, char **argv, struct err *err)
{
	auto_done(rt_state) struct rt_state state = STATE_INIT;
	auto_json json_t *json = NULL;
	auto_free char *text = NULL;
	const char *id = NULL;
	int r = cli_operand(argc, argv, 1, &id, err);

	if (r == 0)
		r = rt_state_load(cli->root, id, &state, err);
	if (r < 0)
		return r;
	json = rt_state_object(&state);
	add_annotations(&state, json);
	text = json_text_pretty(json, 2);
	puts(text);
	return 0;
}

static int print_json(const struct cli *cli, const struct strv *ids)
{
	auto_json json_t *list = json_array();
	auto_free char *text = NULL;

	for (size_t i = 0; i < ids->count; i++) {
		auto_done(rt_state) struct rt_state state = STATE_INIT;

		if (rt_state_load(cli->root, ids->v[i], &state, NULL) == 0)
			json_array_append_new(list, rt_state_object(&state));
	}
	text = json_text(list);
	puts(text);
	return 0;
}

static int print_table(const struct cli *cli, const struct strv *ids)
{
	printf("%-32s %-9s %-8s %-39s %-30s %s\n", "ID", "PID", "STATUS", "BUNDLE", "CREATED",
	       "OWNER");
	for (size_t i = 0; i < ids->count; i++) {
		auto_done(rt_state) struct rt_state state = STATE_INIT;
		enum rt_state_status status = STATE_STOPPED;
		auto_free char *owner = NULL;

		if (rt_state_load(cli->root, ids->v[i], &state, NULL) < 0)
			continue; /* removed meanwhile */
		status = rt_state_status(&state);
		owner = owner_of(&state);
		printf("%-32s %-9d %-8s %-39s %-30s %s\n", state.id,
		       status == STATE_STOPPED ? 0 : (int)state.pid, rt_state_status_name(status),
		       str_or(state.bundle, ""), str_or(state.created, ""), owner);
	}
	return 0;
}

static int run_list(const struct cli *cli, int argc, char **argv, struct err *err)
{
	auto_done(strv) struct strv ids = STRV_INIT;
	bool quiet = false;
	bool json = false;
	int r = 0;

	for (int i = 1; i < argc; i++) {
		const char *format = str_after(argv[i], "--format=");

		if (!format && (str_eq(argv[i], "-f") || str_eq(argv[i], "--format")) &&
		    i + 1 < argc)
			format = argv[++i];
		if (str_eq(argv[i], "-q") || str_eq(argv[i], "--quiet"))
			quiet = true;
		else if (str_eq(format, "json"))
			json = true;
		else if (!str_eq(format, "table"))
			return err_say(err, ERR_USAGE, "list: bad option %s", argv[i]);
	}
	r = rt_state_list(cli->root, &ids, err);
	if (r < 0)
		return r;
	for (size_t i = 0; quiet && i < ids.count; i++)
		puts(ids.v[i]);
	if (quiet)
		return 0;
	return json ? print_json(cli, &ids) : print_table(cli, &ids);
}

static int run_ps(const struct cli *cli, int argc, char **argv, struct err *err)
{
	auto_done(rt_state) struct rt_state state = STATE_INIT;
	struct cgroup cgroup = CGROUP_INIT;
	auto_free pid_t *pids = NULL;
	size_t count = 0;
	bool json = false;
	const char *id = NULL;
	int first = 1;
	int r = 0;

	if (argc > 2 && (str_eq(argv[1], "-f") || str_eq(argv[1], "--format"))) {
		json = str_eq(argv[2], "json");
		first = 3;
	} else if (argc > 1 && str_starts(argv[1], "--format=")) {
		json = str_eq(argv[1], "--format=json");
		first = 2;
	}
	r = cli_operand(argc, argv, first, &id, err);
	if (r == 0)
		r = rt_state_load(cli->root, id, &state, err);
	if (r < 0)
		return r;
	if (!state.cgroup && !state.cgroup_v1)
		return err_say(err, ERR_UNSUPPORTED,
			       "ps: container `%s` has no cgroup that lists its processes", id);
	r = cgroup_open(state.cgroup, state.cgroup_v1, &cgroup, err);
	if (r == 0)
		r = cgroup_pids(&cgroup, &pids, &count);
	cgroup_done(&cgroup);
	if (r < 0)
		return err_set(err, r, "cannot list the processes of container `%s`", id);
	puts(json ? "[" : "PID");
	for (size_t i = 0; i < count; i++)
		printf("%s%d%s\n", json ? "  " : "", (int)pids[i],
		       json && i + 1 < count ? "," : "");
	if (json)
		puts("]");
	return 0;
}

const struct cli_command cli_state = { "state", "ID", "tell a container's state as JSON",
				       run_state };
const struct cli_command cli_list = { "list", "[--quiet] [--format table|json]",
				      "list the containers", run_list };
const struct cli_command cli_ps = { "ps", "[--format table|json] ID",
				    "list the processes of a container", run_ps };
