/* SPDX-License-Identifier: Apache-2.0 */
/* Output of commands: one buffer for standard output, one write an error line. */
#include "cli/command.h"

#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/fd.h"

int cli_flush(struct cli *cli, struct err *err)
{
	int r = 0;

	if (cli->out.size == 0)
		return 0;
	r = fd_write_all(STDOUT_FILENO, cli->out.data, cli->out.size);
	buf_done(&cli->out);
	return r < 0 ? err_set(err, r, "cannot write to standard output") : 0;
}

void cli_print_line(const char *line)
{
	struct buf text auto_done(buf) = BUF_INIT;

	(void)buf_addf(&text, "%s\n", line);
	/* Nobody is left to tell when standard error itself fails. */
	(void)fd_write_all(STDERR_FILENO, text.data, text.size);
}

void cli_print_error(const char *sentence)
{
	struct buf text auto_done(buf) = BUF_INIT;

	(void)buf_addf(&text, "Error: %s", sentence);
	cli_print_line(text.data);
}
