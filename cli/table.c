/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every name under which something can be called, in order: commands, families of commands, and
 * those of Podman's that bryo does not have yet (without a command), so that they are refused
 * by name and not as unknown.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "engine/base/alloc.h"

/* Sorted by strcmp: cli_lookup() halves it. */
const struct cli_entry cli_table[] = {
	{ .path = "__complete", .command = &command_complete },
	{ .path = "__man", .command = &command_man },
	{ .path = "artifact" },
	{ .path = "attach", .command = &command_attach },
	{ .path = "auto-update" },
	{ .path = "build" },
	{ .path = "commit" },
	{ .path = "completion", .command = &command_completion },
	{ .path = "compose" },
	{ .path = "container", .summary = "Manage containers", .description = "Manage containers" },
	{ .path = "container attach", .command = &command_attach },
	{ .path = "container checkpoint" },
	{ .path = "container cleanup" },
	{ .path = "container clone" },
	{ .path = "container commit" },
	{ .path = "container cp" },
	{ .path = "container create", .command = &command_create },
	{ .path = "container diff" },
	{ .path = "container exec", .command = &command_exec },
	{ .path = "container exists", .command = &command_container_exists },
	{ .path = "container export" },
	{ .path = "container init" },
	{ .path = "container inspect", .command = &command_container_inspect },
	{ .path = "container kill", .command = &command_kill },
	{ .path = "container list", .command = &command_ps },
	{ .path = "container logs", .command = &command_logs },
	{ .path = "container ls", .command = &command_ps, .alias_of = "container list" },
	{ .path = "container mount" },
	{ .path = "container pause", .command = &command_pause },
	{ .path = "container port", .command = &command_port },
	{ .path = "container prune", .command = &command_container_prune },
	{ .path = "container ps", .command = &command_ps },
	{ .path = "container rename", .command = &command_rename },
	{ .path = "container restart", .command = &command_restart },
	{ .path = "container restore" },
	{ .path = "container rm", .command = &command_rm },
	{ .path = "container run", .command = &command_run },
	{ .path = "container runlabel" },
	{ .path = "container start", .command = &command_start },
	{ .path = "container stats" },
	{ .path = "container stop", .command = &command_stop },
	{ .path = "container top", .command = &command_top },
	{ .path = "container unmount" },
	{ .path = "container unpause", .command = &command_unpause },
	{ .path = "container update" },
	{ .path = "container wait", .command = &command_wait },
	{ .path = "cp" },
	{ .path = "create", .command = &command_create },
	{ .path = "diff" },
	{ .path = "doctor", .command = &command_doctor },
	{ .path = "events" },
	{ .path = "exec", .command = &command_exec },
	{ .path = "export" },
	{ .path = "farm" },
	{ .path = "generate" },
	{ .path = "healthcheck" },
	{ .path = "help", .command = &command_help },
	{ .path = "history", .command = &command_history },
	{ .path = "image", .summary = "Manage images", .description = "Manage images" },
	{ .path = "image build" },
	{ .path = "image diff" },
	{ .path = "image exists", .command = &command_image_exists },
	{ .path = "image history", .command = &command_history },
	{ .path = "image import", .command = &command_import },
	{ .path = "image inspect", .command = &command_image_inspect },
	{ .path = "image list", .command = &command_images },
	{ .path = "image load", .command = &command_load },
	{ .path = "image ls", .command = &command_images, .alias_of = "image list" },
	{ .path = "image mount" },
	{ .path = "image prune" },
	{ .path = "image pull", .command = &command_pull },
	{ .path = "image push" },
	{ .path = "image remove", .command = &command_rmi, .alias_of = "image rm" },
	{ .path = "image rm", .command = &command_rmi },
	{ .path = "image save", .command = &command_save },
	{ .path = "image scp" },
	{ .path = "image search" },
	{ .path = "image sign" },
	{ .path = "image tag", .command = &command_tag },
	{ .path = "image tree" },
	{ .path = "image trust" },
	{ .path = "image unmount" },
	{ .path = "image untag", .command = &command_untag },
	{ .path = "images", .command = &command_images },
	{ .path = "import", .command = &command_import },
	{ .path = "info", .command = &command_info },
	{ .path = "init" },
	{ .path = "inspect", .command = &command_inspect },
	{ .path = "kill", .command = &command_kill },
	{ .path = "kube" },
	{ .path = "load", .command = &command_load },
	{ .path = "login" },
	{ .path = "logout" },
	{ .path = "logs", .command = &command_logs },
	{ .path = "machine" },
	{ .path = "manifest" },
	{ .path = "mount" },
	{ .path = "network",
	  .summary = "Manage networks",
	  .description = "Manage the networks of containers" },
	{ .path = "network reload", .command = &command_network_reload },
	{ .path = "pause", .command = &command_pause },
	{ .path = "pod" },
	{ .path = "port", .command = &command_port },
	{ .path = "ps", .command = &command_ps },
	{ .path = "pull", .command = &command_pull },
	{ .path = "push" },
	{ .path = "quadlet" },
	{ .path = "rename", .command = &command_rename },
	{ .path = "restart", .command = &command_restart },
	{ .path = "rm", .command = &command_rm },
	{ .path = "rmi", .command = &command_rmi },
	{ .path = "run", .command = &command_run },
	{ .path = "save", .command = &command_save },
	{ .path = "search" },
	{ .path = "secret" },
	{ .path = "start", .command = &command_start },
	{ .path = "stats" },
	{ .path = "stop", .command = &command_stop },
	{ .path = "system", .summary = "Manage bryo", .description = "Manage bryo" },
	{ .path = "system check" },
	{ .path = "system connection" },
	{ .path = "system df" },
	{ .path = "system events" },
	{ .path = "system info", .command = &command_info },
	{ .path = "system migrate" },
	{ .path = "system prune" },
	{ .path = "system renumber" },
	{ .path = "system reset" },
	{ .path = "system service" },
	{ .path = "tag", .command = &command_tag },
	{ .path = "top", .command = &command_top },
	{ .path = "unmount" },
	{ .path = "unpause", .command = &command_unpause },
	{ .path = "unshare", .command = &command_unshare },
	{ .path = "untag", .command = &command_untag },
	{ .path = "update" },
	{ .path = "version", .command = &command_version },
	{ .path = "volume",
	  .summary = "Manage volumes",
	  .description = "Volumes are created in and can be shared between containers" },
	{ .path = "volume create", .command = &command_volume_create },
	{ .path = "volume exists", .command = &command_volume_exists },
	{ .path = "volume export" },
	{ .path = "volume import" },
	{ .path = "volume inspect", .command = &command_volume_inspect },
	{ .path = "volume list", .command = &command_volume_ls, .alias_of = "volume ls" },
	{ .path = "volume ls", .command = &command_volume_ls },
	{ .path = "volume mount" },
	{ .path = "volume prune", .command = &command_volume_prune },
	{ .path = "volume reload" },
	{ .path = "volume remove", .command = &command_volume_rm, .alias_of = "volume rm" },
	{ .path = "volume rm", .command = &command_volume_rm },
	{ .path = "volume unmount" },
	{ .path = "wait", .command = &command_wait },
};
const size_t cli_table_count = ARRAY_SIZE(cli_table);

static int by_path(const void *key, const void *entry)
{
	return strcmp(key, ((const struct cli_entry *)entry)->path);
}

const struct cli_entry *cli_lookup(const char *path)
{
	return bsearch(path, cli_table, cli_table_count, sizeof(cli_table[0]), by_path);
}

bool cli_has_page(const struct cli_entry *entry)
{
	if (!entry->command || entry->alias_of || entry->path[0] == '_')
		return false;
	if (!strchr(entry->path, ' '))
		return true;
	/* "container run" is "run": the short one has the page. */
	for (size_t i = 0; i < cli_table_count; i++)
		if (cli_table[i].command == entry->command && !strchr(cli_table[i].path, ' '))
			return false;
	return true;
}
