/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bryo inspect, container inspect, image inspect, volume inspect: the records of objects as
 * JSON or through a template. What was found is printed before what is missing is named.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/format/report.h"
#include "cli/options/shorthand.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"

enum what { CONTAINER = 1, IMAGE = 2, VOLUME = 4, ANY = 7 };

struct inspect_options {
	const char *format;
	const char *type;
	bool latest, size, all;
};

#define AT(field) offsetof(struct inspect_options, field)
#define FORMAT_OPTION                                                                              \
	{                                                                                          \
		.name = "format", .letter = 'f', .kind = CLI_STRING, .preset = "json",             \
		.complete = "json", .help = "Format the output to a Go template or json",          \
		.offset = AT(format)                                                               \
	}
#define CONTAINER_OPTIONS                                                                          \
	{ .name = "latest",                                                                        \
	  .letter = 'l',                                                                           \
	  .kind = CLI_BOOL,                                                                        \
	  .help = "Act on the latest container bryo is aware of",                                  \
	  .offset = AT(latest) },                                                                  \
	{                                                                                          \
		.name = "size", .letter = 's', .kind = CLI_BOOL,                                   \
		.help = "Display total file size", .offset = AT(size)                              \
	}
static const struct cli_option all_options[] = {
	FORMAT_OPTION,
	CONTAINER_OPTIONS,
	{ .name = "type",
	  .letter = 't',
	  .kind = CLI_STRING,
	  .preset = "all",
	  .complete = "all,container,image,volume",
	  .help = "Specify inspect-object type",
	  .offset = AT(type) },
};
static const struct cli_option container_options[] = { FORMAT_OPTION, CONTAINER_OPTIONS };
static const struct cli_option image_options[] = { FORMAT_OPTION };
static const struct cli_option volume_options[] = {
	{ .name = "all",
	  .letter = 'a',
	  .kind = CLI_BOOL,
	  .help = "Inspect all volumes",
	  .offset = AT(all) },
	FORMAT_OPTION,
};
static const struct cli_group all_group = CLI_GROUP_INIT(all_options, 0);
static const struct cli_group container_group = CLI_GROUP_INIT(container_options, 0);
static const struct cli_group image_group = CLI_GROUP_INIT(image_options, 0);
static const struct cli_group volume_group = CLI_GROUP_INIT(volume_options, 0);
static const struct cli_group *const all_groups[] = { &all_group };
static const struct cli_group *const container_groups[] = { &container_group };
static const struct cli_group *const image_groups[] = { &image_group };
static const struct cli_group *const volume_groups[] = { &volume_group };

static const struct template_types types = {
	.root = "interface {}",
	.maps = "Labels,Annotations,Ports,Networks,PortBindings,Sysctls,Options,Volumes,Tmpfs,Data,"
		"Config.Volumes,ExposedPorts,DriverOpts,Status,Storage",
	.times = "Created,CreatedAt,StartedAt,FinishedAt,CheckpointedAt,RestoredAt",
};

/* Looks among what may be meant, containers first, as Podman does. */
static int find(struct cli *cli, enum what what, const char *name, json_t **ret, struct err *err)
{
	const struct inspect_options *o = cli->options;
	int r = -ENOENT;

	if (what & CONTAINER)
		r = ops_container_inspect(cli->ops, name, o->size, ret, err);
	if (r < 0 && (what & IMAGE) && (what == IMAGE || err->kind == ERR_NOT_FOUND))
		r = ops_image_inspect(cli->ops, name, ret, err);
	if (r < 0 && (what & VOLUME) && (what == VOLUME || err->kind == ERR_NOT_FOUND))
		r = ops_volume_inspect(cli->ops, name, ret, err);
	if (r < 0 && what == ANY && err->kind == ERR_NOT_FOUND)
		return err_say(err, ERR_NOT_FOUND, "no such object: \"%s\"", name);
	return r;
}

static int print(struct cli *cli, const json_t *objects, struct err *err)
{
	const struct inspect_options *o = cli->options;
	const struct report report = { .name = "inspect", .format = o->format, .types = &types };

	if (!report_wants_json(o->format))
		return report_rows(&cli->out, &report, objects, err);
	report_json(&cli->out, objects, 5);
	return 0;
}

static int inspect(struct cli *cli, enum what what, const struct strv *names, struct err *err)
{
	auto_json json_t *objects = json_array();
	struct strv failures auto_done(strv) = STRV_INIT;
	struct err flush = ERR_INIT;
	int failed = 0;
	int r = 0;

	for (size_t i = 0; i < names->count; i++) {
		json_t *object = NULL;
		struct err one = ERR_INIT;

		r = find(cli, what, names->v[i], &object, &one);
		if (r == 0) {
			json_array_append_new(objects, object);
			continue;
		}
		if (failed)
			strv_add(&failures, err->text);
		*err = one;
		failed = r;
	}
	r = print(cli, objects, failed ? &flush : err);
	if (!failed)
		return r;
	(void)cli_flush(cli, &flush);
	for (size_t i = 0; i < failures.count; i++)
		cli_print_error(failures.v[i]);
	return failed;
}

static int names_of_args(struct cli *cli, struct strv *names, struct err *err)
{
	const struct inspect_options *o = cli->options;
	const struct strv none = STRV_INIT;

	if (o->latest && cli->arg_count)
		return err_say(err, ERR_USAGE, "--latest and arguments cannot be used together");
	if (o->latest)
		return ops_container_select(cli->ops, OPS_LATEST, &none, names, err);
	if (cli->arg_count == 0)
		return err_say(err, ERR_USAGE, "no names or ids specified");
	for (size_t i = 0; i < cli->arg_count; i++)
		strv_add(names, cli->args[i]);
	return 0;
}

static int run_kind(struct cli *cli, enum what what, struct err *err)
{
	struct strv names auto_done(strv) = STRV_INIT;
	int r = names_of_args(cli, &names, err);

	return r < 0 ? r : inspect(cli, what, &names, err);
}

static int run_any(struct cli *cli, struct err *err)
{
	static const struct {
		const char *name;
		enum what what;
	} kinds[] = {
		{ "all", ANY }, { "container", CONTAINER }, { "image", IMAGE }, { "volume", VOLUME }
	};
	const struct inspect_options *o = cli->options;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (str_eq(o->type, kinds[i].name))
			return run_kind(cli, o->latest ? CONTAINER : kinds[i].what, err);
	if (str_eq(o->type, "pod") || str_eq(o->type, "network") || str_eq(o->type, "artifact"))
		return err_say(err, ERR_UNSUPPORTED, "--type %s is not supported yet", o->type);
	return err_say(
		err, ERR_USAGE,
		"invalid type \"%s\": must be \"image\", \"container\", \"pod\", \"network\", "
		"\"volume\", \"artifact\", or \"all\"",
		o->type);
}

static int run_container(struct cli *cli, struct err *err)
{
	return run_kind(cli, CONTAINER, err);
}

static int run_image(struct cli *cli, struct err *err)
{
	return run_kind(cli, IMAGE, err);
}

static int run_volume(struct cli *cli, struct err *err)
{
	const struct inspect_options *o = cli->options;
	const struct strv none = STRV_INIT;
	struct strv names auto_done(strv) = STRV_INIT;
	auto_json json_t *list = NULL;
	int r = 0;

	if ((cli->arg_count > 0) == o->all)
		return err_say(err, ERR_USAGE, "provide one or more volume names or use --all");
	if (!o->all)
		return run_kind(cli, VOLUME, err);
	r = ops_volume_list(cli->ops, &none, &list, err);
	for (size_t i = 0; r == 0 && i < json_array_size(list); i++)
		strv_add(&names, json_str(json_array_get(list, i), "Name", ""));
	return r < 0 ? r : inspect(cli, VOLUME, &names, err);
}

static void defaults(void *state)
{
	struct inspect_options *o = state;

	o->format = "json";
	o->type = "all";
}

const struct cli_command command_inspect = {
	.summary = "Display the configuration of object denoted by ID",
	.description = "Displays the low-level information on an object identified by name or ID.\n"
		       "For more inspection options, see:\n\n"
		       "    bryo container inspect\n"
		       "    bryo image inspect\n"
		       "    bryo volume inspect",
	.usage = "[options] {CONTAINER|IMAGE|VOLUME} [...]",
	.examples = "inspect fedora\n"
		    "inspect --type image fedora\n"
		    "inspect CtrID ImgID\n"
		    "inspect --format \"imageId: {{.Id}} size: {{.Size}}\" fedora",
	.complete = "container",
	.groups = all_groups,
	.group_count = ARRAY_SIZE(all_groups),
	.options_size = sizeof(struct inspect_options),
	.defaults = defaults,
	.args_max = CLI_ANY,
	.need = OPS_NEED_PATHS,
	.run = run_any,
};

const struct cli_command command_container_inspect = {
	.summary = "Display the configuration of a container",
	.description =
		"Displays the low-level information on a container identified by name or ID.",
	.usage = "[options] CONTAINER [CONTAINER...]",
	.examples = "container inspect myCtr\n"
		    "container inspect -l --format '{{.Id}} {{.Config.Labels}}'",
	.complete = "container",
	.groups = container_groups,
	.group_count = ARRAY_SIZE(container_groups),
	.options_size = sizeof(struct inspect_options),
	.defaults = defaults,
	.args_max = CLI_ANY,
	.need = OPS_NEED_PATHS,
	.run = run_container,
};

const struct cli_command command_image_inspect = {
	.summary = "Display the configuration of an image",
	.description = "Displays the low-level information of an image identified by name or ID.",
	.usage = "[options] IMAGE [IMAGE...]",
	.examples = "image inspect alpine\n"
		    "image inspect --format \"imageId: {{.Id}} size: {{.Size}}\" alpine",
	.complete = "image",
	.groups = image_groups,
	.group_count = ARRAY_SIZE(image_groups),
	.options_size = sizeof(struct inspect_options),
	.defaults = defaults,
	.args_max = CLI_ANY,
	.need = OPS_NEED_PATHS,
	.run = run_image,
};

const struct cli_command command_volume_inspect = {
	.summary = "Display detailed information on one or more volumes",
	.description = "Display detailed information on one or more volumes.\n\n"
		       "Use a Go template to change the format from JSON.",
	.usage = "[options] VOLUME [VOLUME...]",
	.examples = "volume inspect myvol\n"
		    "volume inspect --all\n"
		    "volume inspect --format \"{{.Driver}} {{.Scope}}\" myvol",
	.complete = "volume",
	.groups = volume_groups,
	.group_count = ARRAY_SIZE(volume_groups),
	.options_size = sizeof(struct inspect_options),
	.defaults = defaults,
	.args_max = CLI_ANY,
	.need = OPS_NEED_PATHS,
	.run = run_volume,
};
