/* SPDX-License-Identifier: Apache-2.0 */
/* Options of bryo's own: before the command, and most of them behind it too. */
#include <stddef.h>

#include "cli/command.h"
#include "cli/options/shorthand.h"
#include "engine/base/alloc.h"

#define AT(field) offsetof(struct cli_global, field)

static const struct cli_option options[] = {
	{ .name = "cdi-spec-dir", .kind = CLI_ARRAY, .hidden = true, REFUSED },
	{ .name = "cgroup-manager",
	  .kind = CLI_CHOICE,
	  .choices = "cgroupfs,systemd",
	  .metavar = "string",
	  .complete = "cgroupfs,systemd",
	  .help = "Cgroup manager to use (\"cgroupfs\"|\"systemd\")",
	  .offset = AT(cgroup_manager) },
	{ .name = "config", .kind = CLI_STRING, .hidden = true, REFUSED },
	{ .name = "conmon", .kind = CLI_STRING, .hidden = true, IGNORED },
	{ .name = "connection", .letter = 'c', .kind = CLI_STRING, .hidden = true, REFUSED },
	{ .name = "events-backend", .kind = CLI_STRING, .hidden = true, .fine = "none", REFUSED },
	{ .name = "hooks-dir", .kind = CLI_ARRAY, .hidden = true, REFUSED },
	{ .name = "identity", .kind = CLI_STRING, .hidden = true, REFUSED },
	{ .name = "imagestore", .kind = CLI_STRING, .hidden = true, REFUSED },
	{ .name = "log-level",
	  .kind = CLI_STRING,
	  .preset = "warn",
	  .complete = "trace,debug,info,warn,error",
	  .help = "Log messages above specified level (trace, debug, info, warn, warning, error, "
		  "fatal, panic)",
	  .offset = AT(log_level) },
	{ .name = "module", .kind = CLI_ARRAY, .hidden = true, REFUSED },
	{ .name = "network-cmd-path", .kind = CLI_STRING, .hidden = true, IGNORED },
	{ .name = "network-config-dir", .kind = CLI_STRING, .hidden = true, REFUSED },
	{ .name = "out",
	  .kind = CLI_STRING,
	  .complete = "file",
	  .help = "Send output (stdout) from bryo to a file",
	  .offset = AT(out) },
	{ .name = "remote", .letter = 'r', .kind = CLI_BOOL, .hidden = true, REFUSED },
	{ .name = "root",
	  .kind = CLI_STRING,
	  .complete = "dir",
	  .help = "Path to the root directory where images, containers, etc. are stored",
	  .offset = AT(root) },
	{ .name = "runroot",
	  .kind = CLI_STRING,
	  .complete = "dir",
	  .help = "Path to the 'run directory' where all state information is stored",
	  .offset = AT(runroot) },
	{ .name = "runtime",
	  .kind = CLI_STRING,
	  .complete = "file",
	  .help = "Name or path of the OCI runtime (crun, runc) used to run containers instead of "
		  "the built-in one",
	  .offset = AT(runtime) },
	{ .name = "runtime-flag",
	  .kind = CLI_ARRAY,
	  .help = "Add global flags for that runtime, without their dashes",
	  .offset = AT(runtime_flags) },
	{ .name = "ssh", .kind = CLI_STRING, .hidden = true, REFUSED },
	{ .name = "storage-driver",
	  .kind = CLI_STRING,
	  .complete = "overlay,fuse-overlay,copy",
	  .help = "Select which storage driver is used to manage storage of images and containers",
	  .offset = AT(storage_driver) },
	{ .name = "storage-opt",
	  .kind = CLI_ARRAY,
	  .help = "Set a storage driver option: size=BYTES, inodes=NUMBER, "
		  "overlay.mount_program=PROGRAM",
	  .offset = AT(storage_opts) },
	{ .name = "syslog", .kind = CLI_BOOL, .hidden = true, REFUSED },
	{ .name = "tls-ca", .kind = CLI_STRING, .hidden = true, REFUSED },
	{ .name = "tls-cert", .kind = CLI_STRING, .hidden = true, REFUSED },
	{ .name = "tls-key", .kind = CLI_STRING, .hidden = true, REFUSED },
	{ .name = "tmpdir", .kind = CLI_STRING, .hidden = true, IGNORED },
	{ .name = "transient-store", .kind = CLI_BOOL, .hidden = true, REFUSED },
	{ .name = "url", .kind = CLI_STRING, .hidden = true, REFUSED },
	{ .name = "volumepath", .kind = CLI_STRING, .hidden = true, REFUSED },
};
const struct cli_group cli_global_group = CLI_GROUP_INIT(options, 0);

static const struct cli_option top_options[] = {
	{ .name = "help", .kind = CLI_BOOL, .help = "Help for bryo", .offset = AT(help) },
	{ .name = "version",
	  .letter = 'v',
	  .kind = CLI_BOOL,
	  .help = "Version for bryo",
	  .offset = AT(version) },
};
const struct cli_group cli_top_group = CLI_GROUP_INIT(top_options, 0);
