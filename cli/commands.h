/* SPDX-License-Identifier: Apache-2.0 */
/* Every command there is; each is defined in the file of its name. */
#pragma once

struct cli_command;

extern const struct cli_command command_attach;
extern const struct cli_command command_container_exists;
extern const struct cli_command command_container_inspect;
extern const struct cli_command command_container_prune;
extern const struct cli_command command_create;
extern const struct cli_command command_exec;
extern const struct cli_command command_kill;
extern const struct cli_command command_logs;
extern const struct cli_command command_network_reload;
extern const struct cli_command command_pause;
extern const struct cli_command command_port;
extern const struct cli_command command_ps;
extern const struct cli_command command_rename;
extern const struct cli_command command_restart;
extern const struct cli_command command_rm;
extern const struct cli_command command_run;
extern const struct cli_command command_start;
extern const struct cli_command command_stop;
extern const struct cli_command command_top;
extern const struct cli_command command_unpause;
extern const struct cli_command command_wait;

extern const struct cli_command command_history;
extern const struct cli_command command_image_exists;
extern const struct cli_command command_image_inspect;
extern const struct cli_command command_images;
extern const struct cli_command command_import;
extern const struct cli_command command_load;
extern const struct cli_command command_pull;
extern const struct cli_command command_rmi;
extern const struct cli_command command_save;
extern const struct cli_command command_tag;
extern const struct cli_command command_untag;

extern const struct cli_command command_volume_create;
extern const struct cli_command command_volume_exists;
extern const struct cli_command command_volume_inspect;
extern const struct cli_command command_volume_ls;
extern const struct cli_command command_volume_prune;
extern const struct cli_command command_volume_rm;

extern const struct cli_command command_complete;
extern const struct cli_command command_completion;
extern const struct cli_command command_doctor;
extern const struct cli_command command_help;
extern const struct cli_command command_info;
extern const struct cli_command command_inspect;
extern const struct cli_command command_man;
extern const struct cli_command command_unshare;
extern const struct cli_command command_version;
