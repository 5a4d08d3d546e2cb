/* SPDX-License-Identifier: Apache-2.0 */
/* The program of a container: finding it, keeping ours out of its reach, executing it. */
#pragma once

struct err;
struct process_plan;

/* HOME from the container's /etc/passwd where the environment lacks it. Never fails for want of it.
 */
int program_home(struct process_plan *plan, struct err *err);

/* args[0] in PATH, as the process's user: ERR_NO_COMMAND or ERR_CANNOT_EXEC with crun's words. */
int program_find(struct process_plan *plan, struct err *err);

/* Execs, through the sealed stub where program_protect() made one. Returns only on failure. */
int program_exec(struct process_plan *plan, struct err *err);

/*
 * CVE-2019-5736: what a container can do with the program file that its first process runs
 * before exec, which is ours. Called with all capabilities of the container's user namespace:
 * where even these do not allow writing to the file, nothing is needed (docs/runtime-escapes.md
 * has the argument). Else a sealed stub is made, which runs between us and the program.
 */
int program_protect(struct process_plan *plan, struct err *err);

/* The stub as an ELF file in sealed memory; -EOPNOTSUPP on processors it is not written for. */
int stub_make(int *ret_fd);
/* Its argv[0] is the status descriptor's number, argv[1] the program's path, then its arguments. */
