/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bryo-runtime: the OCI runtime as a program, for conmon, Podman, containerd and tests. Single
 * threaded; all of it is in cli/ and in the library.
 */
#include "engine/base/proc.h"
#include "engine/runtime/cli/cli.h"

int main(int argc, char **argv)
{
	proc_keep_argv(argc, argv);
	return cli_main(argc, argv);
}
