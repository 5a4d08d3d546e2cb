/* SPDX-License-Identifier: Apache-2.0 */
/* bryo-runtime's front: global options, the table of commands, and the one place that prints. */
#include "engine/runtime/cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/json.h"
#include "engine/base/log.h"
#include "engine/base/time.h"
#include "engine/runtime/cli/state.h"
#include "engine/runtime/oci.h"

static const struct cli_command *const commands[] = {
	&cli_create, &cli_start, &cli_run,    &cli_exec,   &cli_state, &cli_list,     &cli_kill,
	&cli_delete, &cli_pause, &cli_resume, &cli_update, &cli_ps,    &cli_features, &cli_spec,
};

int cli_operand(int argc, char **argv, int first, const char **ret_value, struct err *err)
{
	if (argc - first != 1)
		return err_say(err, ERR_USAGE, "%s needs one container id", argv[0]);
	*ret_value = argv[first];
	return 0;
}

static void print_help(void)
{
	printf("usage: bryo-runtime [--root DIR] [--log FILE] [--log-format text|json] "
	       "[--log-level LEVEL] [--systemd-cgroup] COMMAND\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
}

static void print_version(void)
{
	printf("bryo-runtime version %s\nspec: %s\n+SELINUX +APPARMOR +CAP +SECCOMP\n",
	       BRYO_VERSION, OCI_VERSION);
}

/* To the log in its format, and to standard error for whoever called us by hand. */
static void print_error(const struct cli *cli, const struct err *err)
{
	auto_close int fd = -1;
	auto_json json_t *json = NULL;
	auto_free char *line = NULL;
	auto_free char *text = NULL;

	fprintf(stderr, "bryo-runtime: %s\n", err->text);
	if (!cli->log)
		return;
	fd = open(cli->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	if (cli->log_json) {
		json = json_object();
		json_set_str(json, "msg", err->text);
		json_set_str(json, "level", "error");
		json_set_str(json, "time", time_utc(time_now()).text);
		text = json_text(json);
		line = xasprintf("%s\n", text);
	} else {
		line = xasprintf("%s: %s\n", time_utc(time_now()).text, err->text);
	}
	(void)fd_write_all(fd, line, strlen(line)); /* it went to standard error too */
}

static int take_option(struct cli *cli, int c, struct err *err)
{
	enum log_level level = LOG_ERROR;

	switch (c) {
	case 'r':
		cli->root = optarg;
		return 0;
	case 'l':
		cli->log = str_starts(optarg, "file:") ? optarg + 5 : optarg;
		return 0;
	case 'f':
		cli->log_json = str_eq(optarg, "json");
		return cli->log_json || str_eq(optarg, "text")
			       ? 0
			       : err_say(err, ERR_USAGE, "--log-format %s is not text or json",
					 optarg);
	case 'L':
		if (log_level_parse(optarg, &level) < 0)
			return err_say(err, ERR_USAGE, "--log-level %s is not a level", optarg);
		log_set_level(level);
		return 0;
	case 'd':
		log_set_level(LOG_DEBUG);
		return 0;
	case 's':
		cli->systemd_cgroup = true;
		return 0;
	case 'm': /* crun's name for the same */
		cli->systemd_cgroup = str_eq(optarg, "systemd");
		return 0;
	case 'i': /* --rootless: we find out by trying */
		return 0;
	default:
		return err_say(err, ERR_USAGE, "bad option; see bryo-runtime --help");
	}
}

/* 0 with the index of the command in *ret_first; 1: done already; or an error. */
static int parse_options(struct cli *cli, int argc, char **argv, struct err *err)
{
	static const struct option longs[] = {
		{ "root", required_argument, NULL, 'r' },
		{ "log", required_argument, NULL, 'l' },
		{ "log-format", required_argument, NULL, 'f' },
		{ "log-level", required_argument, NULL, 'L' },
		{ "debug", no_argument, NULL, 'd' },
		{ "systemd-cgroup", no_argument, NULL, 's' },
		{ "cgroup-manager", required_argument, NULL, 'm' },
		{ "rootless", required_argument, NULL, 'i' },
		{ "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int r = 0;

	opterr = 0;
	while (r == 0) {
		int c = getopt_long(argc, argv, "+vh", longs, NULL);

		if (c == -1)
			break;
		if (c == 'v')
			print_version();
		if (c == 'h')
			print_help();
		if (c == 'v' || c == 'h')
			return 1;
		r = take_option(cli, c, err);
	}
	return r;
}

int cli_main(int argc, char **argv)
{
	struct cli cli = { 0 };
	struct err err = ERR_INIT;
	const struct cli_command *command = NULL;
	int r = parse_options(&cli, argc, argv, &err);
	int first = optind;

	if (r > 0)
		return 0;
	if (r == 0 && first >= argc)
		r = err_say(&err, ERR_USAGE, "a command is needed; see bryo-runtime --help");
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(commands); i++) {
		if (str_eq(commands[i]->name, argv[first]))
			command = commands[i];
	}
	if (r == 0 && !command)
		r = err_say(&err, ERR_USAGE, "unknown command %s", argv[first]);
	if (r == 0 && first + 1 < argc &&
	    (str_eq(argv[first + 1], "--help") || str_eq(argv[first + 1], "-h"))) {
		printf("usage: bryo-runtime %s %s\n", command->name, command->usage);
		return 0;
	}
	if (r == 0 && !cli.root) {
		cli.own_root = rt_state_default_root();
		cli.root = cli.own_root;
	}
	if (r == 0)
		r = command->run(&cli, argc - first, argv + first, &err);
	free(cli.own_root);
	if (r >= 0)
		return r;
	if (err.code == 0)
		(void)err_set(&err, r, "%s failed", command ? command->name : "bryo-runtime");
	print_error(&cli, &err);
	return 1; /* crun's and runc's status for all errors of their own */
}
