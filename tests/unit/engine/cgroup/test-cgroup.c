/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control groups: parsers, what a limit becomes (in folders that only look like groups), and, where
 * this caller may make groups of cgroup2, a real one.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/proc.h"
#include "engine/base/str.h"
#include "engine/cgroup/cgroup-internal.h"
#include "engine/cgroup/cgroup.h"

/* ---- Parsers ---- */

static void own_groups_are_found(void **state)
{
	static const char text[] = "12:cpu,cpuacct:/a\n9:name=systemd:/\n4:memory:/x:y/z\n"
				   "0::/user.slice/user-1000.slice/session-1.scope\n";
	char path[CGROUP_PATH_MAX];
	auto_free char *big = xmalloc(5000);

	(void)state;
	assert_int_equal(cgroup_parse_own(text, path), 0);
	assert_string_equal(path, "/user.slice/user-1000.slice/session-1.scope");
	assert_int_equal(cgroup_parse_own_v1(text, "cpuacct", path), 0);
	assert_string_equal(path, "/a");
	assert_int_equal(cgroup_parse_own_v1(text, "memory", path), 0);
	assert_string_equal(path, "/x:y/z");
	assert_int_equal(cgroup_parse_own_v1(text, "cpuac", path), -ENOENT);
	assert_int_equal(cgroup_parse_own("9:name=systemd:/\n", path), -ENOENT);
	assert_int_equal(cgroup_parse_own("0::\n", path), -ENOENT);
	assert_int_equal(cgroup_parse_own("0::x\n", path), -EPROTO);
	memset(big, 'a', 4999);
	memcpy(big, "0::/", 4);
	big[4999] = '\0';
	assert_int_equal(cgroup_parse_own(big, path), -ENAMETOOLONG);
}

static void mounts_and_figures_are_read(void **state)
{
	static const char mounts[] =
		"24 1 0:22 / /proc rw - proc proc rw\n"
		"30 24 0:26 /sub /mnt rw - cgroup2 cgroup2 rw\n"
		"31 24 0:27 / /a\\040b rw - cgroup2 cgroup2 rw\n"
		"32 24 0:28 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n";
	char path[64];
	uint64_t a = 0;
	uint64_t b = 0;

	(void)state;
	assert_int_equal(cgroup_parse_mountinfo(mounts, path, sizeof(path)), 0);
	assert_string_equal(path, "/sys/fs/cgroup");
	assert_int_equal(cgroup_parse_mountinfo("", path, sizeof(path)), -ENOENT);
	assert_int_equal(cgroup_parse_controllers("cpuset cpu io memory hugetlb pids rdma misc\n"),
			 0x3f);
	assert_int_equal(cgroup_parse_controllers(""), 0);
	assert_int_equal(cgroup_parse_flat("oom 1\noom_kill 7\n", "oom_kill", &a), 0);
	assert_int_equal(a, 7);
	assert_int_equal(cgroup_parse_flat("oom_kill_x 7\n", "oom_kill", &a), -ENOENT);
	assert_int_equal(cgroup_parse_value("max\n", &a), 0);
	assert_true(a == UINT64_MAX);
	assert_int_equal(cgroup_parse_value("-1\n", &a), -EPROTO);
	assert_int_equal(cgroup_parse_value("99999999999999999999\n", &a), -EPROTO);
	cgroup_parse_io_stat(
		"8:0 rbytes=10 wbytes=20 rios=1\n8:16 rbytes=5 wbytes=18446744073709551615\n", &a,
		&b);
	assert_int_equal(a, 15);
	assert_true(b == UINT64_MAX);
	cgroup_parse_blkio("8:0 Read 10\n8:0 Write 4\n8:0 Total 14\n8:1 Read 1\nTotal 15\n", &a,
			   &b);
	assert_int_equal(a, 11);
	assert_int_equal(b, 4);
}

static void shares_become_weights(void **state)
{
	(void)state;
	assert_int_equal(cgroup_weight_from_shares(0), 1);
	assert_int_equal(cgroup_weight_from_shares(2), 1);
	assert_int_equal(cgroup_weight_from_shares(1024), 100);
	assert_int_equal(cgroup_weight_from_shares(262144), 10000);
	assert_int_equal(cgroup_weight_from_shares(1ULL << 40), 10000);
	for (uint64_t shares = 3; shares < 262144; shares += 37) {
		double l = log2((double)shares);
		double exact = pow(10, (l * l + 125 * l) / 612.0 - 7.0 / 34.0);

		assert_true(fabs((double)cgroup_weight_from_shares(shares) - ceil(exact - 1e-5)) <
			    1e-9);
	}
}

/* ---- Folders that look like groups ---- */

struct fake {
	char path[64];
	struct cgroup cgroup;
	struct cgroup_host host;
	struct strv ignored;
};

static void touch(const struct fake *fake, const char *name)
{
	int fd = openat(fake->cgroup.fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	(void)close(fd);
}

static int fake_up(void **state)
{
	struct fake *fake = xcalloc(1, sizeof(*fake));

	fake->cgroup = CGROUP_INIT;
	(void)snprintf(fake->path, sizeof(fake->path), "/tmp/bryo-test-cgroup.XXXXXX");
	if (!mkdtemp(fake->path))
		return -1;
	fake->cgroup.fd = open(fake->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = fake;
	return fake->cgroup.fd < 0 ? -1 : 0;
}

static int fake_down(void **state)
{
	struct fake *fake = *state;

	cgroup_done(&fake->cgroup);
	strv_done(&fake->ignored);
	(void)file_remove_tree(AT_FDCWD, fake->path);
	free(fake);
	return 0;
}

static int apply(struct fake *fake, const struct cgroup_limits *limits, struct err *err)
{
	*err = ERR_INIT;
	return cgroup_apply(&fake->host, &fake->cgroup, limits, &fake->ignored, err);
}

static void check_file(const struct fake *fake, const char *name, const char *expected)
{
	auto_free char *path = xasprintf("%s/%s", fake->path, name);
	auto_free char *text = NULL;

	assert_int_equal(file_read_at(AT_FDCWD, path, 4096, &text, NULL), 0);
	assert_string_equal(text, expected);
}

static void limits_become_v2_files(void **state)
{
	static const char *const files[] = { "memory.max",	"memory.low", "memory.swap.max",
					     "cpu.weight",	"cpu.max",    "cpuset.cpus",
					     "pids.max",	"io.max",     "io.weight",
					     "hugetlb.2MB.max", "memory.high" };
	static const struct cgroup_device_rate rate = { 8, 0, 1048576 };
	static const struct cgroup_hugepage page = { "2MB", 4194304 };
	static const char *const unified[] = { "memory.high", "12345" };
	struct fake *fake = *state;
	struct cgroup_limits l = cgroup_limits_none;
	struct err err;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		touch(fake, files[i]);
	fake->cgroup.controllers = 0x3f;
	l.memory = 104857600;
	l.memory_swap = 209715200;
	l.memory_reservation = 5000;
	l.cpu_shares = 1024;
	l.cpu_quota = 150000;
	l.cpus = "0-1";
	l.pids = 100;
	l.io_weight = 1000;
	l.io_max[1] = &rate;
	l.io_max_count[1] = 1;
	l.hugepages = &page;
	l.hugepage_count = 1;
	l.unified = unified;
	l.unified_count = 1;
	assert_int_equal(apply(fake, &l, &err), 0);
	assert_string_equal(fake->ignored.count ? fake->ignored.v[0] : "", "");
	check_file(fake, "memory.max", "104857600");
	check_file(fake, "memory.swap.max", "104857600");
	check_file(fake, "memory.low", "5000");
	check_file(fake, "cpu.weight", "100");
	check_file(fake, "cpu.max", "150000 100000");
	check_file(fake, "cpuset.cpus", "0-1");
	check_file(fake, "pids.max", "100");
	check_file(fake, "io.weight", "10000");
	check_file(fake, "io.max", "8:0 wbps=1048576");
	check_file(fake, "hugetlb.2MB.max", "4194304");
	check_file(fake, "memory.high", "12345");
}

static void what_cannot_be_kept_is_said(void **state)
{
	struct fake *fake = *state;
	struct cgroup_limits l = cgroup_limits_none;
	struct err err;

	fd_close(&fake->cgroup.fd);
	(void)snprintf(fake->host.reason, sizeof(fake->host.reason),
		       "no cgroup v2 folder is delegated to this user");
	l.memory = 1 << 30;
	l.pids = 5;
	assert_int_equal(apply(fake, &l, &err), 0);
	assert_int_equal(fake->ignored.count, 2);
	assert_string_equal(fake->ignored.v[0],
			    "memory limit ignored: no cgroup v2 folder is delegated to this user");
	assert_string_equal(fake->ignored.v[1],
			    "pids limit ignored: no cgroup v2 folder is delegated to this user");
}

static void impossible_limits_are_refused(void **state)
{
	static const char *const escape[] = { "../memory.max", "1" };
	static const char *const procs[] = { "cgroup.procs", "1" };
	struct fake *fake = *state;
	struct cgroup_limits l = cgroup_limits_none;
	struct err err;

	l.memory_swap = 1 << 20;
	assert_int_equal(apply(fake, &l, &err), -EINVAL);
	l.memory = 2 << 20;
	assert_int_equal(apply(fake, &l, &err), -EINVAL);
	l = cgroup_limits_none;
	l.io_weight = 5;
	assert_int_equal(apply(fake, &l, &err), -EINVAL);
	l = cgroup_limits_none;
	l.unified = escape;
	l.unified_count = 1;
	fake->cgroup.controllers = CGROUP_MEMORY;
	assert_int_equal(apply(fake, &l, &err), -EINVAL);
	l.unified = procs;
	assert_int_equal(apply(fake, &l, &err), -EINVAL);
	assert_int_equal(err.kind, ERR_USAGE);
}

static void limits_become_v1_files(void **state)
{
	static const char *const files[] = { "memory.limit_in_bytes",
					     "memory.memsw.limit_in_bytes",
					     "cpu.shares",
					     "cpu.cfs_quota_us",
					     "cpu.cfs_period_us",
					     "pids.max",
					     "devices.allow",
					     "devices.deny" };
	static const struct cgroup_device rules[] = { { false, 'a', -1, -1, "rwm" },
						      { true, 'c', 1, -1, "rw" } };
	struct fake *fake = *state;
	struct cgroup_limits l = cgroup_limits_none;
	struct err err;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		touch(fake, files[i]);
	for (unsigned int i = 0; i < CGROUP_KINDS; i++)
		fake->cgroup.v1_fds[i] = dup(fake->cgroup.fd);
	fd_close(&fake->cgroup.fd);
	fake->cgroup.v1 = 0x1ff;
	l.memory = 4096000;
	l.memory_swap = 8192000;
	l.cpu_shares = 512;
	l.cpu_quota = 50000;
	l.cpu_period = 100000;
	l.pids = -1;
	l.devices = rules;
	l.device_count = 2;
	assert_int_equal(apply(fake, &l, &err), 0);
	check_file(fake, "memory.limit_in_bytes", "4096000");
	check_file(fake, "memory.memsw.limit_in_bytes", "8192000");
	check_file(fake, "cpu.shares", "512");
	check_file(fake, "pids.max", "max");
	check_file(fake, "devices.deny", "a");
	/* The last of those that every container may use; a file of this kind keeps one line. */
	check_file(fake, "devices.allow", "c 136:* rwm");
}

/* ---- A real one ---- */

static bool nobody(const char *id, void *data)
{
	(void)id;
	(void)data;
	return false;
}

static pid_t start_sleeper(const struct cgroup *cgroup)
{
	struct err err = ERR_INIT;
	pid_t pid = fork();

	if (pid == 0) {
		if (cgroup_enter(cgroup, getpid(), &err) < 0)
			_exit(1);
		for (;;)
			(void)pause();
	}
	return pid;
}

/* The host, when this caller may make cgroup2 groups without asking systemd; v1 is left alone. */
static struct cgroup_host usable_host(void)
{
	struct cgroup_host host;

	assert_int_equal(cgroup_host_probe(geteuid() != 0, &host), 0);
	if (!host.base[0]) {
		print_message("no cgroup2 folder is writable here (%s)\n", host.reason);
		skip();
	}
	host.v1 = 0;
	return host;
}

static void a_real_group_lives(void **state)
{
	struct cgroup_host host = usable_host();
	struct cgroup cgroup = CGROUP_INIT;
	struct cgroup again = CGROUP_INIT;
	struct cgroup_create_args args = { .wanted = CGROUP_MEMORY | CGROUP_PIDS };
	struct err err = ERR_INIT;
	struct cgroup_stats stats;
	char id[33];
	pid_t pid = 0;
	pid_t *pids = NULL;
	size_t count = 0;

	(void)state;
	str_random_hex(id, 32);
	args.id = id;
	assert_int_equal(cgroup_create(&host, &args, &cgroup, &err), 0);
	assert_true(cgroup.fd >= 0);
	assert_int_equal(mkdirat(cgroup.fd, "inner", 0755), 0);
	pid = start_sleeper(&cgroup);
	do
		assert_int_equal(cgroup_pids(&cgroup, &pids, &count), 0);
	while (count == 0);
	assert_int_equal(pids[0], pid);
	free(pids);
	assert_int_equal(cgroup_frozen(&cgroup), 0);
	assert_int_equal(cgroup_freeze(&cgroup, true, &err), 0);
	assert_int_equal(cgroup_frozen(&cgroup), 1);
	assert_int_equal(cgroup_freeze(&cgroup, false, &err), 0);
	assert_int_equal(cgroup_frozen(&cgroup), 0);
	assert_int_equal(cgroup_stats(&cgroup, &stats), 0);
	assert_true(stats.have & CGROUP_CPU);
	/* Found again by its record, as another command does. */
	assert_int_equal(cgroup_open(cgroup.path, "", &again, &err), 0);
	cgroup_sweep(&host, nobody, NULL);
	assert_int_equal(faccessat(again.fd, "cgroup.procs", F_OK, 0), 0); /* in use: left alone */
	assert_int_equal(cgroup_kill(&again), 0);
	assert_int_equal(proc_wait(pid), 137);
	assert_int_equal(cgroup_remove(&again), 0);
	assert_int_equal(cgroup_remove(&again), 0);
	cgroup_done(&again);
	assert_int_equal(cgroup_open(cgroup.path, "", &again, &err), -ENOENT);
	cgroup_done(&cgroup);
}

static void stale_groups_are_swept(void **state)
{
	struct cgroup_host host = usable_host();
	struct cgroup cgroup = CGROUP_INIT;
	struct cgroup_create_args args = { .id = "stale-test" };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(cgroup_create(&host, &args, &cgroup, &err), 0);
	cgroup_sweep(&host, nobody, NULL);
	assert_int_equal(faccessat(cgroup.fd, "cgroup.procs", F_OK, 0), -1);
	cgroup_done(&cgroup);
}

static void device_rules_hold(void **state)
{
	static const struct cgroup_device rules[] = {
		{ true, 'a', -1, -1, "rwm" }, /* unreachable behind the next one */
		{ false, 'a', -1, -1, "rwm" },
		{ true, 'c', 10, 229, "rw" }, /* fuse, to be closed for writing by the next one */
		{ false, 'c', 10, 229, "w" },
		{ true, 'b', 1, -1, "m" },
	};
	struct cgroup_host host = usable_host();
	struct cgroup cgroup = CGROUP_INIT;
	struct cgroup_create_args args = { .id = "devices-test" };
	struct cgroup_limits limits = cgroup_limits_none;
	struct strv ignored = STRV_INIT;
	struct err err = ERR_INIT;
	pid_t pid = 0;
	int status = 0;

	(void)state;
	if (geteuid() != 0) {
		print_message("loading BPF programs takes root\n");
		skip();
	}
	assert_int_equal(cgroup_create(&host, &args, &cgroup, &err), 0);
	limits.devices = rules;
	limits.device_count = ARRAY_SIZE(rules);
	assert_int_equal(cgroup_apply(&host, &cgroup, &limits, &ignored, &err), 0);
	if (ignored.count == 0) {
		pid = fork();
		if (pid == 0) {
			int bad = cgroup_enter(&cgroup, getpid(), &err) < 0 ? 64 : 0;

			bad |= open("/dev/null", O_RDWR) < 0 ? 1 : 0; /* without a rule */
			bad |= open("/dev/fuse", O_RDONLY) < 0 ? 2 : 0;
			bad |= open("/dev/fuse", O_RDWR) >= 0 ? 4 : 0;
			bad |= open("/dev/net/tun", O_RDONLY) >= 0 || errno != EPERM ? 8 : 0;
			_exit(bad);
		}
		status = proc_wait(pid);
	}
	assert_int_equal(cgroup_remove(&cgroup), 0);
	cgroup_done(&cgroup);
	if (ignored.count > 0) {
		print_message("%s\n", ignored.v[0]);
		strv_done(&ignored);
		skip();
	}
	if (status == 2 + 8 + 1)
		fail_msg("no device at all could be opened");
	assert_int_equal(status, 0);
}

/*
 * v1 hierarchies may hold other people's processes, and whoever runs this must say that groups may
 * be made in them (check-vm does, on hierarchies that it mounted).
 */
static void a_real_v1_group_lives(void **state)
{
	static const struct cgroup_device rules[] = { { false, 'a', -1, -1, "rwm" },
						      { true, 'c', 1, 3, "rwm" } };
	struct cgroup_host host;
	struct cgroup cgroup = CGROUP_INIT;
	struct cgroup again = CGROUP_INIT;
	struct cgroup_create_args args = { .id = "v1-test",
					   .wanted = CGROUP_DEVICES | CGROUP_FREEZER };
	struct cgroup_limits limits = cgroup_limits_none;
	struct strv ignored = STRV_INIT;
	struct err err = ERR_INIT;
	pid_t pid = 0;

	(void)state;
	assert_int_equal(cgroup_host_probe(false, &host), 0);
	if (!getenv("BRYO_TEST_CGROUP_V1") || !(host.v1 & CGROUP_FREEZER)) {
		print_message("no v1 hierarchy to make groups in, or not allowed "
			      "(BRYO_TEST_CGROUP_V1)\n");
		skip();
	}
	assert_int_not_equal(host.layout, CGROUP_LAYOUT_V2);
	host.base[0] = '\0'; /* v1 alone, as on a host without cgroup2 */
	assert_int_equal(cgroup_create(&host, &args, &cgroup, &err), 0);
	assert_int_equal(cgroup.fd, -1);
	limits.devices = rules;
	limits.device_count = ARRAY_SIZE(rules);
	limits.memory = 1 << 30;
	assert_int_equal(cgroup_apply(&host, &cgroup, &limits, &ignored, &err), 0);
	assert_int_equal(ignored.count, 1); /* no memory hierarchy was asked for */
	strv_done(&ignored);
	pid = fork();
	if (pid == 0) {
		int bad = cgroup_enter(&cgroup, getpid(), &err) < 0 ? 64 : 0;

		bad |= open("/dev/null", O_RDWR) < 0 ? 1 : 0;
		bad |= open("/dev/zero", O_RDONLY) >= 0 ? 2 : 0;
		_exit(bad);
	}
	assert_int_equal(proc_wait(pid), 0);
	assert_int_equal(cgroup_open("", cgroup.v1_path, &again, &err), 0);
	pid = start_sleeper(&again);
	usleep(100000);
	assert_int_equal(cgroup_freeze(&again, true, &err), 0);
	assert_int_equal(cgroup_frozen(&again), 1);
	assert_int_equal(cgroup_freeze(&again, false, &err), 0);
	assert_int_equal(cgroup_frozen(&again), 0);
	assert_int_equal(cgroup_freeze(&again, true, &err), 0);
	assert_int_equal(cgroup_kill(&again), 0); /* a frozen v1 process dies when it is thawed */
	assert_int_equal(proc_wait(pid), 137);
	assert_int_equal(cgroup_remove(&again), 0);
	cgroup_done(&again);
	assert_int_equal(cgroup_open("", cgroup.v1_path, &again, &err), -ENOENT);
	cgroup_done(&cgroup);
}

int main(void)
{
#define FAKE(f) cmocka_unit_test_setup_teardown(f, fake_up, fake_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_groups_are_found),
		cmocka_unit_test(mounts_and_figures_are_read),
		cmocka_unit_test(shares_become_weights),
		FAKE(limits_become_v2_files),
		FAKE(what_cannot_be_kept_is_said),
		FAKE(impossible_limits_are_refused),
		FAKE(limits_become_v1_files),
		cmocka_unit_test(a_real_group_lives),
		cmocka_unit_test(stale_groups_are_swept),
		cmocka_unit_test(device_rules_hold),
		cmocka_unit_test(a_real_v1_group_lives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
