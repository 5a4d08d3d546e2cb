/* SPDX-License-Identifier: Apache-2.0 */
/* Shared parts of bryo-runtime's create, run and exec: see bundle.h. */
#include "engine/runtime/cli/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/path.h"
#include "engine/base/proc.h"
#include "engine/runtime/runtime.h"
#include "userns/userns.h"

#define CONFIG_MAX (16U << 20)

int bundle_open(const char *path, const char *config, char **ret_path, int *ret_fd,
		struct oci_spec *ret_spec, struct err *err)
{
	auto_free char *full = realpath(path, NULL);
	auto_close int fd = full ? open(full, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	auto_json json_t *json = NULL;
	auto_free char *text = NULL;
	size_t size = 0;
	int r = 0;

	if (fd < 0)
		return err_set(err, -errno, "cannot open the bundle %s", path);
	r = file_read_at(fd, config, CONFIG_MAX, &text, &size);
	if (r < 0)
		return err_set(err, r, "cannot read %s of the bundle %s", config, path);
	r = oci_json_parse(text, size, config, &json, err);
	if (r == 0)
		r = oci_spec_parse(json, ret_spec, err);
	if (r < 0)
		return r;
	*ret_path = take(full);
	*ret_fd = fd_take(&fd);
	return 0;
}

static void add_maps(struct oci_id_maps *list, const struct idmap *map)
{
	for (size_t i = 0; i < map->count; i++)
		*OCI_ADD(list) = (struct oci_id_map){ .container_id = map->ranges[i].inside,
						      .host_id = map->ranges[i].outside,
						      .size = map->ranges[i].count };
}

int bundle_default_maps(struct oci_spec *spec, struct err *err)
{
	const struct oci_namespace *user = &spec->linux_.namespaces[OCI_NS_USER];
	struct idmap_set maps;
	const char *lost = NULL;
	int r = 0;

	if (!user->present || user->path || spec->linux_.uid_mappings.count > 0 ||
	    spec->linux_.gid_mappings.count > 0 || geteuid() == 0)
		return 0;
	r = userns_plan(geteuid(), getegid(), &maps, &lost, err);
	if (r < 0)
		return r;
	add_maps(&spec->linux_.uid_mappings, &maps.uid);
	add_maps(&spec->linux_.gid_mappings, &maps.gid);
	return 0;
}

int bundle_write_pid(const char *path, pid_t pid, struct err *err)
{
	auto_free char *copy = xstrdup(path);
	auto_close int dir = AT_FDCWD;
	char *slash = strrchr(copy, '/');
	char text[16];
	int r = 0;

	snprintf(text, sizeof(text), "%d", (int)pid);
	if (slash) {
		*slash = '\0';
		dir = open(*copy ? copy : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (dir < 0)
			return err_set(err, -errno, "cannot open the folder of %s", path);
	}
	r = file_replace_at(dir, path_name(path), text, strlen(text), 0644, FILE_NO_SYNC);
	return r < 0 ? err_set(err, r, "cannot write the pid file %s", path) : 0;
}

int bundle_connect(const char *path, int *ret_fd, struct err *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(address.sun_path))
		return err_say(err, ERR_USAGE, "the path of the socket %s is too long", path);
	strcpy(address.sun_path, path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return err_set(err, -errno, "cannot connect to %s", path);
	*ret_fd = fd_take(&fd);
	return 0;
}

int *bundle_pass_fds(unsigned int preserve, struct oci_process *process, size_t *ret_count)
{
	uint32_t listen = 0;
	size_t count = preserve;
	int *fds = NULL;

	if (getenv("LISTEN_FDS") && str_to_u32(getenv("LISTEN_FDS"), &listen) == 0 &&
	    listen < 1024) {
		count += listen;
		strv_addf(&process->env, "LISTEN_FDS=%u", listen);
		strv_add(&process->env, "LISTEN_PID=1");
	}
	fds = xcalloc(count + 1, sizeof(*fds));
	for (size_t i = 0; i < count; i++)
		fds[i] = (int)i + 3;
	*ret_count = count;
	return fds;
}

/* ---- Waiting in front ---- */

/* The caller's terminal, and what it was like before. */
struct raw_terminal {
	bool raw;
	struct termios before;
};

static void raw_terminal_done(struct raw_terminal *raw)
{
	if (raw->raw)
		(void)tcsetattr(0, TCSANOW, &raw->before); /* nothing to be done if it is gone */
}

static void make_raw(struct raw_terminal *raw, int console)
{
	struct termios mode;
	struct winsize size;

	if (console < 0 || tcgetattr(0, &raw->before) < 0)
		return;
	mode = raw->before;
	cfmakeraw(&mode);
	raw->raw = tcsetattr(0, TCSANOW, &mode) == 0;
	if (ioctl(0, TIOCGWINSZ, &size) == 0)
		(void)ioctl(console, TIOCSWINSZ, &size);
}

/* False at end of file. */
static bool copy_some(int from, int to)
{
	char data[8192];
	ssize_t n = read(from, data, sizeof(data));

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	return n > 0 && fd_write_all(to, data, (size_t)n) == 0;
}

static void handle_signal(int signals, const struct runtime_container *process)
{
	struct signalfd_siginfo info;
	struct winsize size;

	if (read(signals, &info, sizeof(info)) != sizeof(info) || info.ssi_signo == SIGCHLD)
		return;
	if (info.ssi_signo == SIGWINCH && process->console_fd >= 0) {
		if (ioctl(0, TIOCGWINSZ, &size) == 0)
			(void)ioctl(process->console_fd, TIOCSWINSZ, &size);
		return;
	}
	(void)proc_kill(process->pidfd, (int)info.ssi_signo); /* it may have ended just now */
}

int bundle_wait(struct runtime_container *process, struct err *err)
{
	__attribute__((cleanup(raw_terminal_done))) struct raw_terminal raw = { 0 };
	struct pollfd polls[4] = { { .fd = process->pidfd, .events = POLLIN },
				   { .fd = -1, .events = POLLIN },
				   { .fd = process->console_fd, .events = POLLIN },
				   { .fd = process->console_fd >= 0 ? 0 : -1, .events = POLLIN } };
	auto_close int signals = -1;
	sigset_t all;
	int r = 0;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals < 0)
		return err_set(err, -errno, "cannot listen for signals");
	polls[1].fd = signals;
	make_raw(&raw, process->console_fd);
	while (!(polls[0].revents & POLLIN)) {
		if (poll(polls, 4, -1) < 0 && errno != EINTR)
			return err_set(err, -errno, "cannot wait");
		if (polls[1].revents & POLLIN)
			handle_signal(signals, process);
		if ((polls[2].revents & (POLLIN | POLLHUP)) && !copy_some(polls[2].fd, 1))
			polls[2].fd = -1;
		if ((polls[3].revents & (POLLIN | POLLHUP)) && !copy_some(0, process->console_fd))
			polls[3].fd = -1;
	}
	/* What it wrote last. */
	while (polls[2].fd >= 0 && poll(&polls[2], 1, 0) > 0 && copy_some(polls[2].fd, 1))
		;
	r = proc_wait(process->pid);
	return r < 0 ? err_set(err, r, "cannot wait for the process") : r;
}
