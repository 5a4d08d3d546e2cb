/* SPDX-License-Identifier: Apache-2.0 */
/* Who is attached: terminals, clients that are slow, deaf or killed, exec sessions. */
#include "tests/unit/engine/monitor/monitor-rig.h"

/* What was read from a terminal's master and not looked at yet. */
struct screen {
	int fd;
	char seen[8192];
	size_t used;
};

/* Reads until text was seen, for at most 10 s; what comes behind it stays for the next call. */
static bool expect(struct screen *screen, const char *text)
{
	for (;;) {
		struct pollfd p = { .fd = screen->fd, .events = POLLIN };
		char *found = NULL;
		ssize_t n = 0;

		screen->seen[screen->used] = '\0';
		found = strstr(screen->seen, text);
		if (found) {
			found += strlen(text);
			screen->used -= (size_t)(found - screen->seen);
			memmove(screen->seen, found, screen->used);
			return true;
		}
		if (screen->used >= sizeof(screen->seen) - 1 || poll(&p, 1, 10000) <= 0)
			return false;
		n = read(screen->fd, screen->seen + screen->used,
			 sizeof(screen->seen) - 1 - screen->used);
		if (n <= 0)
			return false;
		screen->used += (size_t)n;
	}
}

static void a_terminal_is_a_terminal(void **state)
{
	struct rig *rig = *state;
	struct winsize size = { .ws_row = 33, .ws_col = 77 };
	struct detach_keys keys;
	struct termios before;
	struct termios after;
	struct screen screen = { .fd = -1 };
	int master = -1;
	int slave = -1;
	pid_t client = 0;
	struct attach_exit exit;
	auto_close int control = -1;
	struct err err = ERR_INIT;

	assert_int_equal(openpty(&master, &slave, NULL, NULL, &size), 0);
	(void)fcntl(master, F_SETFD, FD_CLOEXEC);
	screen.fd = master;
	assert_int_equal(detach_keys_parse("ctrl-p,ctrl-q", &keys, &err), 0);
	start(rig, RIG_TTY | RIG_STDIN | RIG_LOG,
	      "trap 'stty size' WINCH; trap 'echo int' INT; until [ \"$(stty size)\" = '33 77' ]; "
	      "do sleep 0.05; done; stty size; tty >/dev/null "
	      "&& echo is-tty; "
	      "while ! read l; do :; done; echo got-$l; while :; do sleep 0.05; done");
	assert_int_equal(tcgetattr(slave, &before), 0);
	join(rig, ATTACH_STDIN | ATTACH_STDOUT);
	client = fork();
	if (client == 0) {
		struct attach_result r = { 0 };
		struct attach_args args = { .peer = &rig->client,
					    .stdin_fd = slave,
					    .stdout_fd = slave,
					    .stderr_fd = -1,
					    .tty = true,
					    .keys = &keys };

		(void)login_tty(slave);
		args.stdin_fd = args.stdout_fd = 0;
		(void)attach_client_run(&args, &r, &err);
		_exit((int)r.end);
	}
	attach_peer_done(&rig->client);
	assert_true(expect(&screen, "33 77"));
	assert_true(expect(&screen, "is-tty"));
	assert_int_equal(write(master, "\x03", 1),
			 1); /* raw: the container's terminal makes SIGINT of it */
	assert_true(expect(&screen, "int"));
	assert_int_equal(write(master, "abc\r", 4), 4);
	assert_true(expect(&screen, "got-abc"));
	size.ws_row = 44;
	assert_int_equal(ioctl(master, TIOCSWINSZ, &size), 0);
	assert_true(expect(&screen, "44 77"));
	assert_int_equal(write(master, "\x10\x11", 2), 2);
	assert_int_equal(proc_wait(client), ATTACH_DETACHED);
	/* The terminal is as it was, and the container goes on. */
	assert_int_equal(tcgetattr(slave, &after), 0);
	assert_int_equal(after.c_lflag, before.c_lflag);
	assert_int_equal(after.c_iflag, before.c_iflag);
	assert_int_equal(attach_connect(rig->dir_fd, "attach", &control, &err), 0);
	assert_int_equal(attach_kill(control, SIGKILL), 0);
	assert_int_equal(attach_wait(control, 5000, &exit), 0);
	assert_int_equal(exit.status, 137);
	assert_int_equal(exit.signal, 9);
	(void)close(master);
	(void)close(slave);
	(void)result(rig);
}

static void the_last_words_of_a_terminal_arrive(void **state)
{
	struct rig *rig = *state;
	auto_close int out = open_in(rig, "out");
	auto_close int joined = open_in(rig, "joined");
	struct log_read_args read_args = {
		.dir_fd = rig->dir_fd, .out_fd = joined, .err_fd = -1, .tail = LOG_ALL
	};
	struct stat st;

	start(rig, RIG_TTY | RIG_FIRST | RIG_LOG,
	      "i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done");
	assert_int_equal(relay(rig, -1, out, -1).end, ATTACH_EXITED);
	assert_int_equal(fstat(out, &st), 0);
	assert_non_null(strstr(slurp(rig, "out"), "line 1999\r\n"));
	(void)result(rig);
	/* A read may have cut the line in two entries: the log's reader joins them. */
	assert_int_equal(log_read(&read_args, NULL), 0);
	assert_non_null(strstr(slurp(rig, "joined"), "line 1999\r\n"));
}

static void a_client_that_never_reads_holds_nobody_up_at_the_end(void **state)
{
	struct rig *rig = *state;
	auto_close int out = open_in(rig, "out");
	struct attach_result r;
	struct stat st;

	/* 64 kB in the client's pipe, 40 kB behind it. */
	start(rig, RIG_FIRST | RIG_LOG, "head -c 106496 /dev/zero | tr '\\0' x; exit 5");
	assert_int_equal(result(rig).exit.status, 5);
	assert_string_equal(slurp(rig, "on_exit"), "5");
	/* The monitor has gone; what the client had not read is still given to it, and the status.
	 */
	r = relay(rig, -1, out, -1);
	assert_int_equal(r.end, ATTACH_EXITED);
	assert_int_equal(r.exit.status, 5);
	assert_int_equal(fstat(out, &st), 0);
	assert_int_equal(st.st_size, 106496);
}

static void a_slow_client_slows_the_container(void **state)
{
	struct rig *rig = *state;
	auto_close int out = open_in(rig, "out");
	const char *log = NULL;
	struct stat st;

	start(rig, RIG_FIRST | RIG_LOG, "head -c 1000000 /dev/zero | tr '\\0' '\\n'");
	usleep(300000);
	log = slurp(rig, "ctr.log");
	/* The pipes and one chunk, at 46 bytes of log a byte. */
	assert_true(strlen(log) < 46 * (65536 * 3));
	assert_int_equal(relay(rig, -1, out, -1).end, ATTACH_EXITED);
	assert_int_equal(fstat(out, &st), 0);
	assert_int_equal(st.st_size, 1000000);
	(void)result(rig);
}

static void a_killed_client_is_dropped(void **state)
{
	struct rig *rig = *state;
	pid_t client = 0;

	start(rig, RIG_LOG,
	      "sleep 0.3; head -c 1000000 /dev/zero | tr '\\0' x; echo; echo end; exit 6");
	client = fork();
	if (client == 0) {
		join(rig, ATTACH_STDOUT | ATTACH_STDERR);
		pause();
		_exit(0);
	}
	usleep(600000);
	assert_int_equal(kill(client, SIGKILL), 0);
	assert_int_equal(proc_wait(client), 137);
	assert_int_equal(result(rig).exit.status, 6);
	assert_non_null(strstr(slurp(rig, "ctr.log"), " stdout F end\n"));
}

static void exec_sessions_are_relayed(void **state)
{
	struct rig *rig = *state;
	auto_close int in = open_in(rig, "in");
	auto_close int out = open_in(rig, "out");
	struct relay_args args = {
		.tty_fd = -1, .stdin_fd = in, .stdout_fd = out, .stderr_fd = -1
	};
	struct relay_result r = { 0 };
	struct err err = ERR_INIT;
	size_t size = 10 << 20;
	auto_free char *data = xmalloc(size + 1);
	int to[2];
	int from[2];
	int errors[2];
	struct stat st;

	fill((unsigned char *)data, size, 3);
	assert_int_equal(fd_write_all(in, data, size), 0);
	(void)lseek(in, 0, SEEK_SET);
	assert_int_equal(fd_pipe(to) | fd_pipe(from) | fd_pipe(errors), 0);
	/* A descendant that keeps the pipes open must not hold the session up. */
	args.pid = start_container(rig, "cat; sleep 20 & exit 11",
				   (int[3]){ to[0], from[1], errors[1] }, -1);
	args.pidfd = proc_pidfd(args.pid);
	(void)close(to[0]);
	(void)close(from[1]);
	(void)close(errors[1]);
	(void)close(errors[0]);
	args.in_fd = to[1];
	args.out_fd = from[0];
	args.err_fd = -1;
	assert_int_equal(exec_relay_run(&args, &r, &err), 0);
	assert_int_equal(r.end, RELAY_EXITED);
	assert_int_equal(r.exit_status, 11);
	assert_int_equal(fstat(out, &st), 0);
	assert_int_equal(st.st_size, size);
	assert_memory_equal(slurp(rig, "out"), data, size);
	(void)close(args.pidfd);
	assert_int_equal(fcntl(to[1], F_GETFD), -1);
	assert_int_equal(fcntl(from[0], F_GETFD), -1);
}

static void exec_sessions_have_terminals(void **state)
{
	struct rig *rig = *state;
	auto_close int out = open_in(rig, "out");
	struct relay_args args = { .in_fd = -1,
				   .out_fd = -1,
				   .err_fd = -1,
				   .stdin_fd = -1,
				   .stdout_fd = out,
				   .stderr_fd = -1 };
	struct relay_result r = { 0 };
	struct err err = ERR_INIT;
	int slave = -1;

	assert_int_equal(openpty(&args.tty_fd, &slave, NULL, NULL, NULL), 0);
	args.pid =
		start_container(rig, "tty -s && seq 3000; exit 12", (int[3]){ -1, -1, -1 }, slave);
	args.pidfd = proc_pidfd(args.pid);
	(void)close(slave);
	assert_int_equal(exec_relay_run(&args, &r, &err), 0);
	assert_int_equal(r.exit_status, 12);
	assert_non_null(strstr(slurp(rig, "out"), "\r\n3000\r\n"));
	(void)close(args.pidfd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_terminal_is_a_terminal),
		TEST(the_last_words_of_a_terminal_arrive),
		TEST(a_client_that_never_reads_holds_nobody_up_at_the_end),
		TEST(a_slow_client_slows_the_container),
		TEST(a_killed_client_is_dropped),
		TEST(exec_sessions_are_relayed),
		TEST(exec_sessions_have_terminals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
