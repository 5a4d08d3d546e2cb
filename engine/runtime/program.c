/* SPDX-License-Identifier: Apache-2.0 */
/* Finds and executes the container's program; runs in the child, see process.c. */
#include "engine/runtime/program-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/runtime/plan-internal.h"

#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif

#define PASSWD_MAX (1U << 20)
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* The home field of uid's line in passwd(5) text; NULL where there is none. Cuts text up. */
static const char *find_home(char *text, uid_t uid)
{
	char *rest = text;

	for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
		char *fields[7] = { NULL };
		uint32_t number = 0;

		for (int i = 0; i < 7; i++)
			fields[i] = strsep(&line, ":");
		if (fields[5] && str_to_u32(fields[2], &number) == 0 && number == uid)
			return fields[5];
	}
	return NULL;
}

int program_home(struct process_plan *plan, struct err *err)
{
	auto_free char *text = NULL;
	size_t size = 0;
	const char *home = NULL;

	(void)err;
	strv_add_all(&plan->env, &plan->process->env);
	if (strv_env_get(&plan->env, "HOME"))
		return 0;
	/* Inside the container's root already: the path cannot leave it. */
	if (file_read_at(AT_FDCWD, "/etc/passwd", PASSWD_MAX, &text, &size) == 0)
		home = find_home(text, plan->process->user.uid);
	strv_addf(&plan->env, "HOME=%s", str_empty(home) ? "/" : home);
	return 0;
}

/* Gives an error its kind, which err_set() cannot know. */
static int with_kind(struct err *err, enum err_kind kind, int r)
{
	if (err)
		err->kind = kind;
	return r;
}

/* 0, -ENOENT, or -EACCES for what is there and cannot be executed. */
static int try_program(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno == ENOENT || errno == ENOTDIR ? -ENOENT : -EACCES;
	if (!S_ISREG(st.st_mode))
		return -EPERM;
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? -EACCES : 0;
}

static int judge(int r, const char *path, struct err *err)
{
	if (r == -EPERM)
		return with_kind(err, ERR_CANNOT_EXEC,
				 err_set(err, -EPERM, "the path `%s` is not a regular file", path));
	return with_kind(
		err, ERR_CANNOT_EXEC,
		err_set(err, -EPERM, "the path `%s` exists but it is not executable", path));
}

int program_find(struct process_plan *plan, struct err *err)
{
	const char *name = plan->process->args.count ? plan->process->args.v[0] : "";
	const char *path = strv_env_get(&plan->env, "PATH");
	auto_free char *list = xstrdup(str_empty(path) ? DEFAULT_PATH : path);
	char *rest = list;
	int worst = -ENOENT;

	if (*name == '\0')
		return err_say(err, ERR_USAGE, "process.args is empty: there is nothing to run");
	if (strchr(name, '/')) {
		worst = try_program(name);
		if (worst == -ENOENT)
			return with_kind(
				err, ERR_NO_COMMAND,
				err_set(err, -ENOENT, "executable file `%s` not found", name));
		if (worst < 0)
			return judge(worst, name, err);
		plan->program = xstrdup(name);
		return 0;
	}
	for (char *dir = strsep(&rest, ":"); dir; dir = strsep(&rest, ":")) {
		auto_free char *full = xasprintf("%s/%s", *dir ? dir : ".", name);
		int r = try_program(full);

		if (r == 0) {
			plan->program = take(full);
			return 0;
		}
		if (r == -EACCES)
			worst = r;
	}
	if (worst == -ENOENT)
		return with_kind(
			err, ERR_NO_COMMAND,
			err_set(err, -ENOENT, "executable file `%s` not found in $PATH", name));
	return judge(worst, name, err);
}

int program_protect(struct process_plan *plan, struct err *err)
{
	int stub = -1;
	int r = 0;

	if (plan->exe_fd < 0)
		return 0;
	/*
	 * Asked with the capabilities of the container's root, which every process of it has at
	 * most: the kernel itself says whether our file could be written through any of them. An
	 * owner without write permission could give it to himself, and is allowed here by
	 * CAP_DAC_OVERRIDE. SELinux' container domains cannot write what is not labelled as theirs,
	 * and its exec label must not be spent on the stub.
	 */
	if (!str_empty(plan->process->selinux_label) ||
	    syscall(SYS_faccessat2, plan->exe_fd, "", W_OK, AT_EMPTY_PATH | AT_EACCESS) < 0) {
		fd_close(&plan->exe_fd);
		return 0;
	}
	fd_close(&plan->exe_fd);
	r = stub_make(&stub);
	if (r < 0)
		return err_set(err, r,
			       "cannot keep the container from this program's own file: it is "
			       "writable there, and no sealed copy could be made");
	plan->exe_fd = stub; /* from here on: what is executed first */
	return 0;
}

static int exec_failed(const struct process_plan *plan, int code, struct err *err)
{
	return with_kind(err, code == -ENOENT ? ERR_NO_COMMAND : ERR_CANNOT_EXEC,
			 err_set(err, code, "cannot execute `%s`", plan->program));
}

int program_exec(struct process_plan *plan, struct err *err)
{
	const struct strv *args = &plan->process->args;
	char **argv = args->v;
	char number[16];
	int file = plan->init_fd >= 0 ? plan->init_fd : plan->exe_fd;
	size_t extra = 0;

	if (file < 0) {
		execve(plan->program, args->v, plan->env.v);
		return exec_failed(plan, -errno, err);
	}
	/* The reaper takes `INIT -- ARGS`, the stub `STATUS-FD PROGRAM ARGS`. */
	argv = xcalloc(args->count + 3, sizeof(*argv));
	snprintf(number, sizeof(number), "%d", plan->status_fd);
	argv[extra++] = plan->init_fd >= 0 ? (char *)"bryo-init" : number;
	argv[extra++] = plan->init_fd >= 0 ? (char *)"--" : plan->program;
	for (size_t i = 0; i < args->count; i++)
		argv[extra + i] = args->v[i];
	if (plan->init_fd < 0)
		(void)fcntl(plan->status_fd, F_SETFD, 0); /* the stub sets it again at once */
	syscall(SYS_execveat, file, "", argv, plan->env.v, AT_EMPTY_PATH);
	return exec_failed(plan, -errno, err);
}
