/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One call of another runtime. Runs in the keeper or in a command, which must be single-threaded
 * and may mount; the runtime itself runs in a fork, in a mount namespace of its own:
 *
 *     caller ── fsmount: a tmpfs attached nowhere; files are written into it by descriptor
 *       └─ child: unshare, tmpfs on the bundle folder, root file system in it, execve
 *
 * The runtime is trusted as we are. Its sentences are not: they quote names of the container, so
 * what does not print is taken out.
 */
#include "engine/runtime/foreign-internal.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/path.h"
#include "engine/base/proc.h"
#include "engine/runtime/mount-internal.h"

#define LOG_MAX (1U << 20)

void foreign_call_done(struct foreign_call *call)
{
	for (size_t i = 0; i < call->attachments.count; i++)
		if (call->attachments.v[i].owned)
			fd_close(&call->attachments.v[i].fd);
	free(take(call->attachments.v));
	call->attachments.count = 0;
	strv_done(&call->args);
	fd_close(&call->scratch);
	fd_close(&call->console);
}

/* ---- Before the call ---- */

static int make_tmpfs(int *ret_fd)
{
	static const char *const data[] = { "mode=0711" };
	const struct fs_args fs = { .type = "tmpfs",
				    .source = "bundle",
				    .data = data,
				    .data_count = ARRAY_SIZE(data),
				    .attrs = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV };

	return mount_fs_open(&fs, ret_fd);
}

/*
 * A command stands in its user's mount namespace, where its rights do not reach (fsopen(2) asks
 * for CAP_SYS_ADMIN over that): a fork makes the tmpfs in a namespace of its own and hands it
 * over. So the command's other descriptors stay good for renames.
 */
static int make_tmpfs_aside(int *ret_fd)
{
	auto_close int near = -1;
	auto_close int far = -1;
	int ends[2];
	char word = 0;
	size_t size = 0;
	size_t count = 1;
	int r = fd_socketpair(SOCK_SEQPACKET, ends);
	pid_t pid = r < 0 ? -1 : fork();

	if (pid == 0) {
		int fd = -1;

		if (unshare(CLONE_NEWNS) == 0 && make_tmpfs(&fd) == 0)
			(void)fd_send(ends[1], "t", 1, &fd, 1); /* the parent sees the end */
		_exit(0);
	}
	if (r < 0)
		return r;
	near = ends[0];
	far = ends[1];
	if (pid < 0)
		return -EAGAIN;
	fd_close(&far);
	r = fd_recv(near, &word, sizeof(word), &size, ret_fd, &count);
	(void)proc_wait(pid);
	return r < 0 || count != 1 ? -EPERM : 0;
}

int foreign_call_open(const struct foreign *foreign, struct foreign_call *call, struct err *err)
{
	int r = 0;

	call->foreign = foreign;
	call->bundle = foreign->bundle;
	r = path_mkdir_all(foreign->bundle, 0700);
	if (r < 0)
		return err_set(err, r, "cannot make the folder %s", foreign->bundle);
	r = path_mkdir_all(foreign->state_root, 0700);
	if (r < 0)
		return err_set(err, r, "cannot make the folder %s", foreign->state_root);
	r = make_tmpfs(&call->scratch);
	if (r == -EPERM)
		r = make_tmpfs_aside(&call->scratch);
	/* runc changes to it even for exec, where nothing lies in it. */
	if (r == 0 && mkdirat(call->scratch, "rootfs", 0755) < 0)
		r = -errno;
	return r < 0 ? err_set(err, r, "cannot make a folder for %s", path_name(foreign->program))
		     : 0;
}

int foreign_call_attach(struct foreign_call *call, int fd, const char *name, bool is_ns, bool owned,
			struct err *err)
{
	struct foreign_attachment *a = OCI_ADD(&call->attachments);
	auto_close int made = -1;
	struct stat st;

	*a = (struct foreign_attachment){ .fd = fd, .is_ns = is_ns, .owned = owned };
	(void)snprintf(a->name, sizeof(a->name), "%s", name); /* names of ours are short */
	if (fstat(fd, &st) < 0)
		return err_set(err, -errno, "cannot look at %s", name);
	if (S_ISDIR(st.st_mode)) {
		if (mkdirat(call->scratch, a->name, 0755) < 0 && errno != EEXIST)
			return err_set(err, -errno, "cannot make a mount point");
		return 0;
	}
	made = openat(call->scratch, a->name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	return made < 0 ? err_set(err, -errno, "cannot make a mount point") : 0;
}

int foreign_call_write(struct foreign_call *call, const char *name, const char *text,
		       struct err *err)
{
	auto_close int fd =
		openat(call->scratch, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : fd_write_all(fd, text, strlen(text));

	return r < 0 ? err_set(err, r, "cannot write %s for %s", name,
			       path_name(call->foreign->program))
		     : 0;
}

char *foreign_call_path(const struct foreign_call *call, const char *name)
{
	return path_join(call->bundle, name);
}

int foreign_call_expect_process(struct foreign_call *call, bool terminal, struct err *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	strv_add(&call->args, "--pid-file");
	strv_add_own(&call->args, foreign_call_path(call, "pid"));
	if (!terminal)
		return 0;
	strv_add(&call->args, "--console-socket");
	strv_add_own(&call->args, foreign_call_path(call, "console"));
	call->console = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (call->console < 0)
		return err_set(err, -errno, "cannot make a socket");
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/console",
		       FD_PATH(call->scratch)); /* fits: two short names */
	if (bind(call->console, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(call->console, 1) < 0)
		return err_set(err, -errno, "cannot listen for the terminal");
	return 0;
}

/* ---- In the child ---- */

static int attach(const struct foreign_call *call, const struct foreign_attachment *a)
{
	auto_free char *path = foreign_call_path(call, a->name);
	auto_close int target = -1;

	/* A namespace's file is on no mount that could be moved. */
	if (a->is_ns)
		return mount(FD_PATH(a->fd), path, NULL, MS_BIND, NULL) < 0 ? -errno : 0;
	target = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return target < 0 ? -errno : mount_attach(a->fd, target);
}

/*
 * Namespaces: the caller's, and from here on a mount namespace of its own, whose mounts nobody
 * else sees. Ids and capabilities: the caller's. Must show the bundle; must not change a mount
 * outside it. The runtime gains nothing that the caller has not.
 */
static int show_bundle(const struct foreign_call *call, struct err *err)
{
	auto_close int target = -1;
	int r = 0;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
		return err_set(err, -errno, "cannot make a mount namespace");
	target = open(call->bundle, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	r = target < 0 ? -errno : mount_attach(call->scratch, target);
	for (size_t i = 0; i < call->attachments.count && r == 0; i++)
		r = attach(call, &call->attachments.v[i]);
	return r < 0 ? err_set(err, r, "cannot make the bundle in %s", call->bundle) : 0;
}

/* Descriptors 0 to 2, then 3 and up for pass_fds; all others are close-on-exec. */
static int place_descriptors(const struct foreign_call *call, int *keep_fd)
{
	auto_close int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int first_free = 3 + (int)call->pass_fd_count;
	int from[3];

	/* First all out of the way of the numbers that are given away. */
	*keep_fd = fcntl(*keep_fd, F_DUPFD_CLOEXEC, first_free);
	if (*keep_fd < 0 || null < 0)
		return -errno;
	for (int i = 0; i < 3; i++) {
		from[i] = fcntl(call->stdio[i] >= 0 ? call->stdio[i] : null, F_DUPFD_CLOEXEC,
				first_free);
		if (from[i] < 0)
			return -errno;
	}
	for (int i = 0; i < 3; i++)
		if (dup2(from[i], i) < 0)
			return -errno;
	for (size_t i = 0; i < call->pass_fd_count; i++) {
		int to = 3 + (int)i;

		if (call->pass_fds[i] == to ? fd_set_cloexec(to, false) < 0
					    : dup2(call->pass_fds[i], to) < 0)
			return -errno;
	}
	return 0;
}

/*
 * Nothing of the caller's environment that a runtime would act upon (LISTEN_FDS, NOTIFY_SOCKET,
 * DBUS_SESSION_BUS_ADDRESS): those meant the command.
 */
static void fill_environment(struct strv *env)
{
	static const char *const names[] = { "HOME", "XDG_RUNTIME_DIR", "TMPDIR" };
	const char *path = getenv("PATH");

	strv_addf(env, "PATH=%s",
		  str_or(path, "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (getenv(names[i]))
			strv_addf(env, "%s=%s", names[i], getenv(names[i]));
}

static _Noreturn void run_child(const struct foreign_call *call, const struct strv *argv,
				int report_fd)
{
	struct strv env auto_done(strv) = STRV_INIT;
	struct err err = ERR_INIT;
	int r = 0;

	proc_reset_signals();
	fill_environment(&env);
	r = show_bundle(call, &err);
	if (r == 0) {
		r = place_descriptors(call, &report_fd);
		if (r < 0)
			(void)err_set(&err, r, "cannot place descriptors");
	}
	if (r == 0) {
		(void)execve(call->foreign->program, argv->v, env.v);
		(void)err_set(&err, -errno, "cannot execute the runtime %s",
			      call->foreign->program);
	}
	err_send(report_fd, &err);
	_exit(1);
}

/* ---- The outcome ---- */

/* One line of what prints, from text that may quote the container. */
static char *clean(const char *text)
{
	char *line = xstrdup(text);

	for (char *p = line; *p; p++)
		if (iscntrl((unsigned char)*p))
			*p = ' ';
	memmove(line, str_trim(line), strlen(str_trim(line)) + 1);
	return line;
}

/* The last error of a log in JSON lines; NULL where there is none. The caller's. */
static char *last_error(char *log)
{
	char *rest = log;
	char *found = NULL;

	for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
		auto_json json_t *entry = NULL;
		const char *level = NULL;
		const char *message = NULL;

		if (!*line || json_parse(line, strlen(line), "log", &entry, NULL) < 0)
			continue;
		level = json_str(entry, "level", "error");
		message = json_str(entry, "msg", "");
		if (!*message || str_eq(level, "debug") || str_eq(level, "info") ||
		    str_starts(level, "warn"))
			continue;
		free(found);
		found = clean(message);
	}
	return found;
}

/* What lies in a pipe of the process that never ran; through proc(5) it can be read by us. */
static void read_pipe(int fd, char *text, size_t size)
{
	auto_close int reader = open(FD_PATH(fd), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ssize_t n = reader < 0 ? -1 : read(reader, text, size - 1);

	text[n < 0 ? 0 : n] = '\0';
}

static char *last_words(const struct foreign_call *call)
{
	auto_free char *log = NULL;
	auto_free char *said = NULL;
	char piped[1024] = "";
	size_t size = 0;
	char *found = NULL;

	if (file_read_at(call->scratch, "log", LOG_MAX, &log, &size) == 0)
		found = last_error(log);
	if (found)
		return found;
	/* What was said before the log was open: an unknown option, a missing library. */
	if (call->stdio[2] >= 0)
		read_pipe(call->stdio[2], piped, sizeof(piped));
	else
		(void)file_read_at(call->scratch, "stderr", LOG_MAX, &said, &size);
	found = clean(said ? said : piped);
	if (!*found)
		free(take(found));
	return found;
}

/* Only the sentence tells what kind of failure it was: by Podman's own patterns. */
static enum err_kind kind_of(const char *sentence)
{
	static const char *const missing[] = { "executable file", "no such file or directory" };
	static const char *const forbidden[] = { "permission denied", "operation not permitted" };

	for (size_t i = 0; i < ARRAY_SIZE(forbidden); i++)
		if (strcasestr(sentence, forbidden[i]))
			return ERR_CANNOT_EXEC;
	for (size_t i = 0; i < ARRAY_SIZE(missing); i++)
		if (strcasestr(sentence, missing[i]))
			return ERR_NO_COMMAND;
	return ERR_FAILED;
}

static int tell(const struct foreign_call *call, int status, struct err *err)
{
	auto_free char *words = last_words(call);
	const char *name = path_name(call->foreign->program);

	if (!words)
		return err_say(err, ERR_FAILED, "%s %s failed with exit status %d", name,
			       call->args.v[0], status);
	return err_say(err, kind_of(words), "%s: %s", name, words);
}

/* ---- The call ---- */

/* Only crun can be told to leave control groups alone (crun(1)); others find out. */
static bool is_crun(const struct foreign *foreign)
{
	return str_starts(path_name(foreign->program), "crun");
}

static void build_argv(const struct foreign_call *call, struct strv *argv)
{
	strv_add(argv, call->foreign->program);
	strv_add(argv, "--root");
	strv_add(argv, call->foreign->state_root);
	strv_add(argv, "--log");
	strv_add_own(argv, foreign_call_path(call, "log"));
	strv_add(argv, "--log-format=json");
	if (call->no_cgroup && is_crun(call->foreign))
		strv_add(argv, "--cgroup-manager=disabled");
	if (call->foreign->flags)
		strv_add_all(argv, call->foreign->flags);
	strv_add_all(argv, &call->args);
	strv_add(argv, call->foreign->id);
}

int foreign_call_run(struct foreign_call *call, struct err *err)
{
	struct strv argv auto_done(strv) = STRV_INIT;
	auto_close int words = -1;
	auto_close int reader = -1;
	int ends[2];
	pid_t pid = -1;
	int r = fd_pipe(ends);

	if (r < 0)
		return err_set(err, r, "cannot make a pipe");
	reader = ends[0];
	build_argv(call, &argv);
	if (call->stdio[2] < 0) {
		words = openat(call->scratch, "stderr", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
		call->stdio[2] = words;
	}
	pid = fork();
	if (pid == 0)
		run_child(call, &argv, ends[1]);
	(void)close(ends[1]);
	if (words >= 0)
		call->stdio[2] = -1;
	if (pid < 0)
		return err_set(err, -errno, "cannot fork");
	r = err_recv(reader, err);
	if (r < 0) {
		(void)proc_wait(pid);
		return r;
	}
	r = proc_wait(pid);
	if (r < 0)
		return err_set(err, r, "cannot wait for %s", path_name(call->foreign->program));
	return r == 0 ? 0 : tell(call, r, err);
}

/* ---- The process that it left ---- */

static int take_terminal(const struct foreign_call *call, int *ret_fd, struct err *err)
{
	const char *name = path_name(call->foreign->program);
	auto_close int peer = accept4(call->console, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	auto_close int master = -1;
	char data[4096]; /* runc sends the terminal's name along */
	size_t size = 0;
	size_t count = 1;
	int r = peer < 0 ? -errno : fd_recv(peer, data, sizeof(data), &size, &master, &count);

	if (r < 0)
		return err_set(err, r, "%s sent no terminal", name);
	if (count != 1 || !isatty(master))
		return err_say(err, ERR_FAILED, "%s sent something else than a terminal", name);
	*ret_fd = fd_take(&master);
	return 0;
}

static int read_pid(const struct foreign_call *call, pid_t *ret_pid)
{
	auto_free char *text = NULL;
	size_t size = 0;
	uint32_t pid = 0;
	int r = file_read_at(call->scratch, "pid", 32, &text, &size);

	if (r == 0)
		r = str_to_u32(str_trim(text), &pid);
	if (r == 0 && (pid == 0 || pid > INT32_MAX))
		r = -ERANGE;
	if (r == 0)
		*ret_pid = (pid_t)pid;
	return r;
}

int foreign_call_take_process(struct foreign_call *call, struct runtime_container *ret_process,
			      struct err *err)
{
	const char *name = path_name(call->foreign->program);
	struct runtime_container process = RUNTIME_CONTAINER_INIT;
	siginfo_t info;
	int r = read_pid(call, &process.pid);

	if (r < 0)
		return err_set(err, r, "%s wrote no process id", name);
	process.pidfd = proc_pidfd(process.pid);
	if (process.pidfd < 0)
		return err_set(err, process.pidfd, "the process that %s started has ended", name);
	/* An orphan of the runtime's is ours now, and its number cannot be another's. */
	if (waitid(P_PIDFD, (id_t)process.pidfd, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
		r = err_set(err, -errno, "%s left process %d to somebody else", name,
			    (int)process.pid);
	if (r == 0 && call->console >= 0)
		r = take_terminal(call, &process.console_fd, err);
	if (r < 0) {
		runtime_container_done(&process);
		return r;
	}
	*ret_process = process;
	return 0;
}
