/* SPDX-License-Identifier: Apache-2.0 */
/* A container's output, input, signals and end, as the monitor keeps them. */
#include "tests/unit/engine/monitor/monitor-rig.h"

static void output_and_status_arrive(void **state)
{
	struct rig *rig = *state;
	auto_close int out = open_in(rig, "out");
	auto_close int errors = open_in(rig, "err");
	struct attach_result r;
	struct monitor_exit exit;

	start(rig, RIG_LOG | RIG_FIRST, "echo one; echo two >&2; printf three; exit 3");
	r = relay(rig, -1, out, errors);
	assert_int_equal(r.end, ATTACH_EXITED);
	assert_int_equal(r.exit.status, 3);
	/* on_exit() ran before we were told. */
	assert_string_equal(slurp(rig, "on_exit"), "3");
	assert_string_equal(slurp(rig, "out"), "one\nthree");
	assert_string_equal(slurp(rig, "err"), "two\n");
	exit = result(rig);
	assert_int_equal(exit.exit.status, 3);
	assert_int_equal(exit.exit.signal, 0);
	assert_false(exit.on_exit_failed);
	assert_true(time_now() - exit.finished_at < 10000000000LL);
	assert_non_null(strstr(slurp(rig, "ctr.log"), " stdout P three\n"));
}

static void big_output(struct rig *rig, unsigned int flags)
{
	int ends[2];
	pid_t reader = 0;
	struct attach_result r;

	rig->run = write_big;
	start(rig, flags | RIG_FIRST, NULL);
	assert_int_equal(fd_pipe(ends), 0);
	reader = fork();
	if (reader == 0) {
		attach_peer_done(&rig->client);
		(void)close(ends[1]);
		_exit(proc_wait(start_comparing(ends[0])));
	}
	r = relay(rig, -1, ends[1], -1);
	(void)close(ends[1]);
	(void)close(ends[0]);
	assert_int_equal(r.end, ATTACH_EXITED);
	assert_int_equal(r.exit.status, 0);
	assert_int_equal(proc_wait(reader), 0);
	(void)result(rig);
}

static void two_hundred_megabytes_arrive_in_log_and_client(void **state)
{
	struct rig *rig = *state;
	struct log_read_args args = { .dir_fd = rig->dir_fd, .err_fd = -1, .tail = LOG_ALL };
	struct err err = ERR_INIT;
	int ends[2];
	pid_t reader = 0;

	big_output(rig, RIG_LOG);
	assert_int_equal(fd_pipe(ends), 0);
	reader = fork();
	if (reader == 0) {
		(void)close(ends[1]);
		_exit(proc_wait(start_comparing(ends[0])));
	}
	args.out_fd = ends[1];
	(void)close(ends[0]);
	assert_int_equal(log_read(&args, &err), 0);
	(void)close(ends[1]);
	assert_int_equal(proc_wait(reader), 0);
}

static void two_hundred_megabytes_arrive_without_a_log(void **state)
{
	big_output(*state, 0);
}

static void input_reaches_the_container(void **state)
{
	struct rig *rig = *state;
	auto_close int in = open_in(rig, "in");
	auto_close int out = open_in(rig, "out");
	size_t size = 20 << 20;
	auto_free char *data = xmalloc(size + 1);
	struct stat st;

	fill((unsigned char *)data, size, 5);
	assert_int_equal(fd_write_all(in, data, size), 0);
	(void)lseek(in, 0, SEEK_SET);
	/* The container ends because its input ends. */
	start(rig, RIG_FIRST | RIG_STDIN, "exec cat");
	assert_int_equal(relay(rig, in, out, -1).exit.status, 0);
	assert_int_equal(fstat(out, &st), 0);
	assert_int_equal(st.st_size, size);
	assert_memory_equal(slurp(rig, "out"), data, size);
	(void)result(rig);
}

static void input_may_be_left_unread(void **state)
{
	struct rig *rig = *state;
	auto_close int in = open_in(rig, "in");
	auto_close int out = open_in(rig, "out");

	assert_int_equal(ftruncate(in, 5 << 20), 0);
	start(rig, RIG_FIRST | RIG_STDIN, "exec <&-; sleep 0.1; echo done; exit 4");
	assert_int_equal(relay(rig, in, out, -1).exit.status, 4);
	assert_string_equal(slurp(rig, "out"), "done\n");
	(void)result(rig);
}

static void input_stays_open_when_asked(void **state)
{
	struct rig *rig = *state;
	auto_close int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	auto_close int out = open_in(rig, "out");
	struct err err = ERR_INIT;
	struct attach_result r;
	pid_t first = 0;

	start(rig, RIG_STDIN | RIG_STDIN_OPEN, "read line; echo got $line");
	first = fork();
	if (first == 0) {
		join(rig, ATTACH_STDIN | ATTACH_STDOUT);
		_exit(relay(rig, null, -1, -1).exit.status);
	}
	usleep(100000);
	join(rig, ATTACH_STDIN | ATTACH_STDOUT);
	assert_int_equal(write(rig->client.in, "hey\n", 4), 4);
	r = relay(rig, -1, out, -1);
	assert_int_equal(r.end, ATTACH_EXITED);
	assert_string_equal(slurp(rig, "out"), "got hey\n");
	assert_int_equal(proc_wait(first), 0);
	(void)err;
	(void)result(rig);
}
static void a_killed_monitor_is_noticed(void **state)
{
	struct rig *rig = *state;
	auto_close int out = open_in(rig, "out");
	struct attach_result r;

	start(rig, RIG_FIRST, "echo before; sleep 0.4");
	usleep(100000);
	assert_int_equal(kill(rig->monitor, SIGKILL), 0);
	r = relay(rig, -1, out, -1);
	assert_int_equal(r.end, ATTACH_LOST);
	assert_string_equal(slurp(rig, "out"), "before\n");
	assert_int_equal(proc_wait(rig->monitor), 137);
}

static void stopping_ends_in_sigkill(void **state)
{
	struct rig *rig = *state;
	auto_close int control = -1;
	struct attach_exit exit;
	struct err err = ERR_INIT;
	int64_t begin = 0;

	start(rig, 0, "trap '' TERM; while :; do sleep 0.05; done");
	usleep(100000);
	assert_int_equal(attach_connect(rig->dir_fd, "attach", &control, &err), 0);
	begin = time_monotonic();
	assert_int_equal(attach_stop(control, 0, 300), 0);
	assert_int_equal(attach_wait(control, 100, &exit), -ETIMEDOUT);
	assert_int_equal(attach_wait(control, 5000, &exit), 0);
	assert_in_range(time_monotonic() - begin, 290000000, 2000000000);
	assert_int_equal(exit.status, 137);
	assert_true(exit.stopped);
	assert_true(result(rig).exit.stopped);
}

static void a_signal_to_the_monitor_stops_the_container(void **state)
{
	struct rig *rig = *state;
	struct monitor_exit exit;

	start(rig, RIG_HOOK_FAILS, "trap 'exit 7' TERM; while :; do sleep 0.02; done");
	usleep(100000);
	assert_int_equal(kill(rig->monitor, SIGTERM), 0);
	exit = result(rig);
	assert_int_equal(exit.exit.status, 7);
	assert_true(exit.exit.stopped);
	assert_true(exit.on_exit_failed);
}

static void signals_are_passed_on(void **state)
{
	struct rig *rig = *state;
	pid_t client = 0;

	start(rig, RIG_FIRST, "trap 'exit 9' USR2; while :; do sleep 0.02; done");
	client = fork();
	if (client == 0) {
		struct attach_result r = { 0 };
		struct err err = ERR_INIT;
		struct attach_args args = { .peer = &rig->client,
					    .stdin_fd = -1,
					    .stdout_fd = 1,
					    .stderr_fd = 2,
					    .sig_proxy = true };

		(void)attach_client_run(&args, &r, &err);
		_exit(r.exit.status);
	}
	usleep(200000);
	assert_int_equal(kill(client, SIGUSR2), 0);
	assert_int_equal(proc_wait(client), 9);
	assert_int_equal(result(rig).exit.status, 9);
}

static void a_reader_that_goes_away_is_told(void **state)
{
	struct rig *rig = *state;
	int ends[2];

	start(rig, RIG_FIRST, "while echo y; do :; done 2>/dev/null; sleep 30");
	assert_int_equal(fd_pipe(ends), 0);
	(void)close(ends[0]);
	assert_int_equal(relay(rig, -1, ends[1], -1).end, ATTACH_BROKEN);
	(void)close(ends[1]);
	assert_int_equal(kill(rig->monitor, SIGTERM), 0);
	assert_int_equal(result(rig).exit.signal, SIGTERM);
}

static void a_pause_can_be_ended(void **state)
{
	struct rig *rig = *state;
	const struct monitor_exit last = { .exit = { .status = 42 } };
	struct monitor_args args = { .listen_fd = rig->listen_fd, .oom_fd = -1, .pid = -1 };
	struct attach_exit exit;
	struct err err = ERR_INIT;
	auto_close int control = -1;
	int64_t begin = time_monotonic();
	pid_t pid = fork();

	if (pid == 0) {
		if (monitor_prepare() < 0 || monitor_pause(&args, 100, &last) != 0)
			_exit(90);
		_exit(monitor_pause(&args, 60000, &last));
	}
	assert_int_equal(attach_connect(rig->dir_fd, "attach", &control, &err), 0);
	assert_int_equal(attach_kill(control, SIGTERM), -ESRCH);
	fd_close(&control);
	usleep(200000);
	assert_int_equal(attach_connect(rig->dir_fd, "attach", &control, &err), 0);
	assert_int_equal(attach_wait(control, 1000, &exit), 0);
	assert_int_equal(exit.status, 42);
	assert_int_equal(attach_stop(control, 0, 100), 0);
	assert_int_equal(proc_wait(pid), MONITOR_STOPPED);
	assert_in_range(time_monotonic() - begin, 100000000, 5000000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(output_and_status_arrive),
		TEST(two_hundred_megabytes_arrive_in_log_and_client),
		TEST(two_hundred_megabytes_arrive_without_a_log),
		TEST(input_reaches_the_container),
		TEST(input_may_be_left_unread),
		TEST(input_stays_open_when_asked),
		TEST(a_killed_monitor_is_noticed),
		TEST(stopping_ends_in_sigkill),
		TEST(a_signal_to_the_monitor_stops_the_container),
		TEST(signals_are_passed_on),
		TEST(a_reader_that_goes_away_is_told),
		TEST(a_pause_can_be_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
