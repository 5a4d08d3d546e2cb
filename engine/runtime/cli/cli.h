/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bryo-runtime's command line: what crun and runc offer to conmon, Podman and containerd, on top of
 * runtime.h. One file per family of commands; state.h keeps the records. Only cli_main() prints
 * errors.
 */
#pragma once

#include <stdbool.h>

#include "engine/base/str.h"

struct err;

/* The global options. */
struct cli {
	const char *root;    /* --root, or the default */
	const char *log;     /* --log: a file that errors are appended to; NULL: standard error */
	bool log_json;	     /* --log-format json */
	bool systemd_cgroup; /* --systemd-cgroup */
	char *own_root;	     /* storage of the default root */
};

struct cli_command {
	const char *name;
	const char *usage; /* what follows the name */
	const char *summary;
	/* Returns the exit status, or a negative errno with err set. argv[0] is the name. */
	int (*run)(const struct cli *cli, int argc, char **argv, struct err *err);
};

extern const struct cli_command cli_create;
extern const struct cli_command cli_run;
extern const struct cli_command cli_start;
extern const struct cli_command cli_state;
extern const struct cli_command cli_kill;
extern const struct cli_command cli_delete;
extern const struct cli_command cli_exec;
extern const struct cli_command cli_list;
extern const struct cli_command cli_ps;
extern const struct cli_command cli_pause;
extern const struct cli_command cli_resume;
extern const struct cli_command cli_update;
extern const struct cli_command cli_features;
extern const struct cli_command cli_spec;

/* All of the program. */
int cli_main(int argc, char **argv);

/* The one operand of most commands. 0 or ERR_USAGE. */
int cli_operand(int argc, char **argv, int first, const char **ret_value, struct err *err);
