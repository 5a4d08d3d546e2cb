/* SPDX-License-Identifier: Apache-2.0 */
/* Asks yes or no: see confirm.h. */
#include "cli/options/confirm.h"

#include <unistd.h>

#include "cli/command.h"

int cli_confirm(struct cli *cli, const char *warning, bool *ret_yes, struct err *err)
{
	char first = '\0';
	char c = '\0';
	int r = 0;

	(void)buf_addf(&cli->out, "%s\nAre you sure you want to continue? [y/N] ", warning);
	r = cli_flush(cli, err);
	if (r < 0)
		return r;
	/* By bytes: what follows the line is not ours. End of file means no. */
	while (read(STDIN_FILENO, &c, 1) == 1 && c != '\n')
		first = first ? first : c;
	*ret_yes = first == 'y' || first == 'Y';
	return 0;
}
