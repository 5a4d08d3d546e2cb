/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stands in for the monitor in tests of the network layer: makes a user namespace with one id and a
 * network namespace, gives it bryo-net as the engine would, and runs a command in there.
 *
 *   net-driver [-p PORT]... [-n NETWORK] [-b BRYO-NET] [-m MSEC] [-t] [--] COMMAND...
 *     -n  slirp:OPTIONS, slirp4netns:OPTIONS or pasta:OPTIONS
 *     -t  prints how long each step took, in microseconds, on standard error
 *     -k  kills bryo-net with SIGKILL once the command runs, and goes on
 *
 * Exit status: the command's; 125 with a line on standard error when the network cannot be had.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/proc.h"
#include "engine/base/str.h"
#include "engine/base/time.h"
#include "netns/net.h"
#include "netns/netns.h"

static int fail(const struct err *err)
{
	fprintf(stderr, "Error: %s\n", err->text);
	return 125;
}

static int enter_user_namespace(void)
{
	const unsigned int uid = geteuid();
	const unsigned int gid = getegid();
	char map[64];

	if (unshare(CLONE_NEWUSER) < 0)
		return -errno;
	(void)snprintf(map, sizeof(map), "0 %u 1", uid);
	if (file_poke_at(AT_FDCWD, "/proc/self/uid_map", map) < 0 ||
	    file_poke_at(AT_FDCWD, "/proc/self/setgroups", "deny") < 0)
		return -EPERM;
	(void)snprintf(map, sizeof(map), "0 %u 1", gid);
	return file_poke_at(AT_FDCWD, "/proc/self/gid_map", map);
}

/* The "container": waits for its network, then becomes the command. */
static pid_t start_command(char **argv, int ready[2], int go[2])
{
	char byte = 0;
	const pid_t pid = fork();

	if (pid != 0)
		return pid;
	(void)close(ready[0]);
	(void)close(go[1]);
	if (unshare(CLONE_NEWNET) < 0 || write(ready[1], "r", 1) != 1 || read(go[0], &byte, 1) != 1)
		_exit(125);
	execvp(argv[0], argv);
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

int main(int argc, char **argv)
{
	struct net_options options = net_options_default();
	struct port_list ports = PORT_LIST_INIT;
	struct net_process net = NET_PROCESS_INIT;
	struct port_list host_ports = PORT_LIST_INIT;
	const struct net_option_ports option_ports = { .published = &ports, .host = &host_ports };
	struct net_args args = { .options = &options, .ports = &ports, .host_ports = &host_ports };
	struct err err = ERR_INIT;
	int64_t t[7] = { 0 };
	int ready[2], go[2], netns = -1, pidfd = -1, status = 0, option = 0, timeout = 10000;
	bool times = false, kill_it = false;
	char byte = 0;
	pid_t pid = 0;

	while ((option = getopt(argc, argv, "+p:n:b:m:tk")) >= 0) {
		int r = 0;

		if (option == 'p')
			r = port_parse(&ports, optarg, &err);
		else if (option == 'n' && net_options_is_mode(optarg))
			r = net_options_parse(optarg, &options, &option_ports, &err);
		else if (option == 'b')
			args.program = optarg;
		else if (option == 'm')
			timeout = atoi(optarg);
		else if (option == 't')
			times = true;
		else if (option == 'k')
			kill_it = true;
		else
			return 125;
		if (r < 0)
			return fail(&err);
	}
	if (port_list_fill(&ports, &err) < 0 || port_list_finish(&ports, &err) < 0)
		return fail(&err);
	if (enter_user_namespace() < 0) {
		fprintf(stderr, "cannot make a user namespace\n");
		return 125;
	}
	if (fd_pipe(ready) < 0 || fd_pipe(go) < 0)
		return 125;
	t[0] = time_monotonic();
	if (net_start(&args, &net, &err) < 0)
		return fail(&err);
	t[1] = time_monotonic();
	pid = start_command(argv + optind, ready, go);
	if (read(ready[0], &byte, 1) != 1 || netns_open(pid, &netns, &err) < 0)
		return 125;
	pidfd = proc_pidfd(pid);
	t[2] = time_monotonic();
	if (net_attach(&net, netns, pidfd, &err) < 0)
		return fail(&err);
	if (net_wait_ready(&net, timeout, &err) < 0) {
		net_stop(&net);
		return fail(&err);
	}
	t[3] = time_monotonic();
	(void)close(netns);
	(void)close(pidfd);
	if (write(go[1], "g", 1) != 1)
		return 125;
	if (kill_it)
		(void)kill(net.pid, SIGKILL);
	(void)waitpid(pid, &status, 0);
	t[4] = time_monotonic();
	net_stop(&net);
	t[5] = time_monotonic();
	if (times)
		fprintf(stderr, "start %ld clone %ld ready %ld command %ld stop %ld\n",
			(t[1] - t[0]) / 1000, (t[2] - t[1]) / 1000, (t[3] - t[2]) / 1000,
			(t[4] - t[3]) / 1000, (t[5] - t[4]) / 1000);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
