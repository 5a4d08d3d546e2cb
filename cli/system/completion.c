/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bryo completion SHELL prints a script that asks the hidden bryo __complete for what fits; so
 * the scripts never change, and what they offer comes from the option tables.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/options/shorthand.h"
#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"

static const char bash_script[] =
	"# bash completion for bryo\n"
	"__bryo_complete() {\n"
	"\tlocal line directive= cur value cut\n"
	"\tlocal -a words\n"
	"\t# By blanks alone: bash takes \":\" and \"=\" for the ends of words, but replaces only "
	"what\n"
	"\t# stands behind the last of them.\n"
	"\tread -ra words <<<\"${COMP_LINE:0:COMP_POINT}\"\n"
	"\t[[ ${COMP_LINE:0:COMP_POINT} != *[[:space:]] ]] || words+=(\"\")\n"
	"\tcur=${words[-1]}\n"
	"\tvalue=${cur#--*=}\n"
	"\tcut=${value%\"${value##*:}\"}\n"
	"\tCOMPREPLY=()\n"
	"\twhile IFS= read -r line; do\n"
	"\t\tcase $line in\n"
	"\t\t:*) directive=${line#:} ;;\n"
	"\t\t*)\n"
	"\t\t\tline=${line%%$'\\t'*}\n"
	"\t\t\tCOMPREPLY+=(\"${line#\"$cut\"}\")\n"
	"\t\t\t;;\n"
	"\t\tesac\n"
	"\tdone < <(\"${words[0]}\" __complete \"${words[@]:1}\" 2>/dev/null)\n"
	"\tif [[ $directive == 0 ]]; then\n"
	"\t\tcompopt -o filenames 2>/dev/null\n"
	"\t\tmapfile -t -O \"${#COMPREPLY[@]}\" COMPREPLY < <(compgen -f -- \"$value\")\n"
	"\tfi\n"
	"\t[[ ${COMPREPLY-} != *= ]] || compopt -o nospace 2>/dev/null\n"
	"}\n"
	"complete -F __bryo_complete bryo\n";

static const char zsh_script[] =
	"#compdef bryo\n"
	"_bryo() {\n"
	"\tlocal line directive=4\n"
	"\tlocal -a found\n"
	"\twhile IFS= read -r line; do\n"
	"\t\tcase $line in\n"
	"\t\t:*) directive=${line#:} ;;\n"
	"\t\t*) found+=(\"${${line%%$'\\t'*}//:/\\\\:}${line#${line%%$'\\t'*}}\") ;;\n"
	"\t\tesac\n"
	"\tdone < <(\"${words[1]}\" __complete \"${(@)words[2,CURRENT]}\" 2>/dev/null)\n"
	"\tfound=(\"${found[@]//$'\\t'/:}\")\n"
	"\t_describe 'bryo' found\n"
	"\t[[ $directive != 0 ]] || _files\n"
	"}\n"
	"compdef _bryo bryo\n";

static const char fish_script[] =
	"# fish completion for bryo\n"
	"function __bryo_complete\n"
	"\tset -l words (commandline -opc) (commandline -ct)\n"
	"\tfor line in ($words[1] __complete $words[2..-1] 2>/dev/null)\n"
	"\t\tstring match -q ':0' -- $line; and __fish_complete_path (commandline -ct)\n"
	"\t\tstring match -q ':*' -- $line; or echo $line\n"
	"\tend\n"
	"end\n"
	"complete -c bryo -f -a '(__bryo_complete)'\n";

struct completion_options {
	const char *file;
	bool no_desc;
};

#define AT(field) offsetof(struct completion_options, field)
static const struct cli_option options[] = {
	{ .name = "file",
	  .letter = 'f',
	  .kind = CLI_STRING,
	  .complete = "file",
	  .help = "Output the completion to file rather than stdout.",
	  .offset = AT(file) },
	{ .name = "no-desc",
	  .kind = CLI_BOOL,
	  .help = "Don't include descriptions in the completion output.",
	  IGNORED },
};
static const struct cli_group group = CLI_GROUP_INIT(options, 0);
static const struct cli_group *const groups[] = { &group };

static int write_file(const char *path, const char *script, struct err *err)
{
	auto_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	int r = fd < 0 ? -errno : fd_write_all(fd, script, strlen(script));

	return r < 0 ? err_set(err, r, "cannot write %s", path) : 0;
}

static int run(struct cli *cli, struct err *err)
{
	static const struct {
		const char *shell, *script;
	} scripts[] = { { "bash", bash_script }, { "zsh", zsh_script }, { "fish", fish_script } };
	const struct completion_options *o = cli->options;

	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
		if (!str_eq(cli->args[0], scripts[i].shell))
			continue;
		if (o->file)
			return write_file(o->file, scripts[i].script, err);
		(void)buf_add_str(&cli->out, scripts[i].script);
		return 0;
	}
	return err_say(err, ERR_USAGE, "invalid argument \"%s\" for \"bryo completion\"",
		       cli->args[0]);
}

const struct cli_command command_completion = {
	.summary = "Generate shell autocompletions",
	.description = "Generate shell autocompletions.\n"
		       "Valid arguments are bash, zsh and fish.",
	.usage = "[options] {bash|zsh|fish}",
	.examples = "completion bash\n"
		    "completion zsh -f _bryo\n"
		    "completion fish",
	.complete = "bash,zsh,fish",
	.groups = groups,
	.group_count = ARRAY_SIZE(groups),
	.options_size = sizeof(struct completion_options),
	.args_min = 1,
	.args_max = 1,
	.need = OPS_NEED_NOTHING,
	.run = run,
};
