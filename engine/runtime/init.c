/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a container's first process from clone3 to execve. Each stage says with what it
 * runs, what it must do, what it must not, and what the next one gains. The process is a fork
 * of the caller: it must never return into the caller's code, nor keep its descriptors.
 */
#include "engine/runtime/plan-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/proc.h"
#include "engine/runtime/hooks-internal.h"
#include "engine/runtime/label-internal.h"
#include "engine/runtime/mount-internal.h"
#include "engine/runtime/sync-internal.h"

#define CLONE_TIME 0x80 /* CLONE_NEWTIME */

/*
 * Stage: ids.
 * Runs with: new namespaces made by clone3, all capabilities in the user namespace, no id yet.
 * Must: wait until the caller wrote the id maps, then become root of the user namespace.
 * Must not: touch a file before (its owner would be nobody).
 * Gains: an id that files can belong to.
 */
static int stage_ids(const struct plan *plan, struct err *err)
{
	bool in_user_namespace = plan->spec->linux_.namespaces[OCI_NS_USER].present;
	int r = 0;

	/* With a go-between the caller has first to hear who we are. */
	if (plan->new_user || plan->joins)
		r = sync_expect(plan->sync_fd, SYNC_MAPPED, err);
	if (r < 0 || !in_user_namespace)
		return r;
	(void)setgroups(0, NULL); /* denied in a namespace with one id: there are none to drop */
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return err_set(err, -errno,
			       "cannot become root of the user namespace (linux.uidMappings and "
			       "gidMappings must map 0)");
	/*
	 * The change of ids made us undumpable, and our own files in /proc root's. In a pid
	 * namespace of our own nobody is there to look at us.
	 */
	if (!plan->process.shared_pids && prctl(PR_SET_DUMPABLE, 1) < 0)
		return err_set(err, -errno, "cannot use our own files in /proc");
	return 0;
}

static int offset_text(const char *clock, const struct oci_time_offset *offset, char *text,
		       size_t size)
{
	if (!offset->has)
		return 0;
	return snprintf(text, size, "%s %lld %u\n", clock, (long long)offset->secs,
			offset->nanosecs);
}

/*
 * clone3 with CLONE_NEWTIME would freeze the offsets before they are written
 * (time_namespaces(7)): the namespace is made for children, set, and then joined.
 */
static int enter_time_namespace(const struct plan *plan, struct err *err)
{
	const struct oci_linux *lx = &plan->spec->linux_;
	auto_close int fd = -1;
	char text[128];
	int n = 0;
	int r = 0;

	if (unshare(CLONE_TIME) < 0)
		return err_set(err, -errno, "cannot make a time namespace");
	n = offset_text("monotonic", &lx->monotonic_offset, text, sizeof(text));
	(void)offset_text("boottime", &lx->boottime_offset, text + n, sizeof(text) - (size_t)n);
	if (lx->monotonic_offset.has || lx->boottime_offset.has)
		r = proc_write(plan->process.proc_fd, "self/timens_offsets", text);
	if (r < 0)
		return err_set(err, r, "cannot set linux.timeOffsets");
	fd = openat(plan->process.proc_fd, "self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_TIME) < 0)
		return err_set(err, -errno, "cannot enter the time namespace");
	return 0;
}

/* Without it even 127.0.0.1 is unreachable in a new network namespace. */
static int raise_loopback(struct err *err)
{
	auto_close int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { .ifr_flags = IFF_UP | IFF_RUNNING };

	if (sock < 0)
		return 0; /* a kernel without IPv4 */
	strcpy(request.ifr_name, "lo");
	if (ioctl(sock, SIOCSIFFLAGS, &request) < 0)
		return err_set(err, -errno, "cannot raise the loopback interface");
	return 0;
}

static bool is_new(const struct plan *plan, enum oci_namespace_kind kind)
{
	const struct oci_namespace *ns = &plan->spec->linux_.namespaces[kind];

	return ns->present && !ns->path && ns->fd <= 0;
}

/*
 * Stage: namespaces.
 * Runs with: root and all capabilities of the user namespace; the caller's mounts still visible.
 * Must: set up what the new namespaces hold: names, loopback, clocks, sysctls.
 * Must not: write a sysctl or name of a namespace that is shared (validate.c saw to it).
 * Gains: nothing; only order (sysctls before the mounts may hide /proc).
 */
static int stage_namespaces(const struct plan *plan, struct err *err)
{
	const struct oci_spec *spec = plan->spec;
	int r = 0;

	if (is_new(plan, OCI_NS_TIME))
		r = enter_time_namespace(plan, err);
	if (r == 0 && is_new(plan, OCI_NS_NETWORK))
		r = raise_loopback(err);
	if (r < 0)
		return r;
	if (spec->hostname && sethostname(spec->hostname, strlen(spec->hostname)) < 0)
		return err_set(err, -errno, "cannot set the hostname %s", spec->hostname);
	if (spec->domainname && setdomainname(spec->domainname, strlen(spec->domainname)) < 0)
		return err_set(err, -errno, "cannot set the domainname %s", spec->domainname);
	return sysctl_apply(plan, err);
}

static int run_own_hooks(const struct plan *plan, enum oci_hook_stage stage, pid_t pid,
			 const char *status, struct err *err)
{
	struct hooks_state state = { .spec = plan->spec,
				     .id = plan->args->id,
				     .bundle = plan->args->bundle,
				     .pid = pid,
				     .status = status };

	return hooks_run(&state, stage, err);
}

/*
 * Stage: mounts.
 * Runs with: the caller's tree as root, cut off from it; the new root attached in it.
 * Must: build the whole tree beneath the new root's descriptor.
 * Must not: resolve a path of the container other than beneath that descriptor.
 * Gains: a complete root, devices and terminal included.
 */
static int stage_mounts(struct plan *plan, int *ret_master, struct err *err)
{
	int r = 0;

	(void)umask(0); /* modes are exact here; the process gets its own later */
	r = rootfs_attach(plan, err);
	if (r == 0)
		r = mount_all(plan, err);
	if (r == 0)
		r = devices_make(plan, err);
	if (r == 0 && plan->process.process->terminal)
		r = terminal_make(plan->root_fd, true, ret_master, &plan->process.slave_fd, err);
	return r;
}

/*
 * Stage: the caller's turn.
 * Runs with: as before.
 * Must: stop until the caller has moved us into our cgroup and its hooks have run.
 * Must not: make the cgroup namespace earlier: it would be rooted in the caller's cgroup.
 * Gains: cgroup namespace and cgroup mounts, masks over all of the tree.
 */
static int stage_turn(struct plan *plan, struct err *err)
{
	bool hooks = plan->spec->hooks[OCI_HOOK_PRESTART].count > 0 ||
		     plan->spec->hooks[OCI_HOOK_CREATE_RUNTIME].count > 0;
	int r = 0;

	if (hooks)
		r = sync_send(plan->sync_fd, SYNC_MOUNTED, 0, -1);
	if (r < 0)
		return err_set(err, r, "cannot report");
	r = sync_expect(plan->sync_fd, SYNC_GO, err);
	if (r < 0)
		return r;
	if (is_new(plan, OCI_NS_CGROUP) && unshare(CLONE_NEWCGROUP) < 0)
		return err_set(err, -errno, "cannot make a cgroup namespace");
	r = mount_cgroups(plan, err);
	if (r == 0)
		r = masks_apply(plan, err);
	return r;
}

/* The master goes to the console socket, as runc's protocol has it: one message, its name. */
static int send_master(const struct plan *plan, int master, struct err *err)
{
	static const char name[] = "/dev/ptmx";
	const struct oci_process *process = plan->process.process;
	int r = 0;

	if (process->has_console_size)
		r = terminal_resize(master, process->console_height, process->console_width);
	if (r < 0)
		return err_set(err, r, "cannot set process.consoleSize");
	if (plan->args->console_socket >= 0)
		r = fd_send(plan->args->console_socket, name, sizeof(name) - 1, &master, 1);
	else
		r = sync_send(plan->sync_fd, SYNC_CONSOLE, 0, master);
	return r < 0 ? err_set(err, r, "cannot hand over the terminal") : 0;
}

/*
 * Stage: the root.
 * Runs with: as before.
 * Must: run createContainer hooks while the caller's tree is visible, then leave it for good.
 * Must not: keep a descriptor of the old tree beyond process_prepare() (procfs, the null device).
 * Gains: paths mean the container's from here on.
 */
static int stage_root(struct plan *plan, struct err *err)
{
	int r = run_own_hooks(plan, OCI_HOOK_CREATE_CONTAINER, outer_pid(&plan->process),
			      "creating", err);

	if (r == 0)
		r = rootfs_enter(plan, err);
	fd_close(&plan->root_fd);
	return r;
}

/*
 * Nobody knows how long we shall wait for start: what of the caller's we still hold would be
 * held as long (a lock, a pipe's end, CVE-2024-21626's folder).
 */
static int drop_descriptors(struct plan *plan, struct err *err)
{
	struct process_plan *p = &plan->process;
	size_t count = p->pass_fd_count;
	auto_free int *keep = xcalloc(count + 8, sizeof(int));
	const int wanted[] = { plan->args->start_listener, p->status_fd, p->init_fd, p->exe_fd };
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; i < count; i++)
		keep[n++] = (int)i + 3;
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		if (wanted[i] >= 0)
			keep[n++] = wanted[i];
	}
	if (p->filter.notifies)
		keep[n++] = p->seccomp_socket;
	r = fd_close_all_but(keep, n);
	p->proc_fd = -1;
	p->null_fd = -1;
	return r < 0 ? err_set(err, r, "cannot close the caller's descriptors") : 0;
}

/* From another process (runtime_start_at): whoever can reach the socket in its private folder. */
static int accept_start(struct plan *plan, struct err *err)
{
	int sock = -1;
	int r = -1;

	fd_close(&plan->process.status_fd);
	while (r < 0) {
		struct err ignored = ERR_INIT;

		sock = accept4(plan->args->start_listener, NULL, NULL, SOCK_CLOEXEC);
		if (sock < 0 && errno != EINTR && errno != ECONNABORTED)
			return err_set(err, -errno, "cannot wait for start");
		if (sock < 0)
			continue;
		r = sync_expect(sock, SYNC_START, &ignored);
		if (r < 0)
			(void)close(sock); /* somebody looked in and went away */
	}
	plan->process.status_fd = sock;
	return 0;
}

static void describe_listener(struct plan *plan)
{
	struct hooks_state state = { .spec = plan->spec,
				     .id = plan->args->id,
				     .bundle = plan->args->bundle,
				     .pid = outer_pid(&plan->process),
				     .status = "creating" };
	auto_free char *text = plan->process.filter.notifies ? hooks_state_text(&state) : NULL;

	if (text)
		listener_describe(&plan->process, text);
}

/*
 * Stage: the door. See process.c for what process_prepare() and process_exec() run with.
 */
static int stage_door(struct plan *plan, int master, struct err *err)
{
	pid_t pid =
		plan->spec->hooks[OCI_HOOK_START_CONTAINER].count ? outer_pid(&plan->process) : 0;
	int r = 0;

	if (master >= 0)
		r = send_master(plan, master, err);
	if (r < 0)
		return r;
	describe_listener(plan);
	plan->process.status_fd = fd_take(&plan->sync_fd);
	r = process_prepare(&plan->process, err);
	if (r == 0)
		r = drop_descriptors(plan, err);
	if (r == 0 && !plan->args->at_once)
		r = sync_send(plan->process.status_fd, SYNC_READY, 0, -1);
	if (r < 0)
		return r;
	if (plan->args->start_listener >= 0)
		r = accept_start(plan, err);
	else
		r = sync_expect(plan->process.status_fd, SYNC_START, err);
	if (r == 0)
		r = run_own_hooks(plan, OCI_HOOK_START_CONTAINER, pid, "created", err);
	return r < 0 ? r : process_exec(&plan->process, err);
}

_Noreturn void init_main(struct plan *plan)
{
	struct err err = ERR_INIT;
	int master = -1;
	int r = 0;

	proc_reset_signals();
	r = stage_ids(plan, &err);
	if (r == 0)
		r = stage_namespaces(plan, &err);
	if (r == 0)
		r = stage_mounts(plan, &master, &err);
	if (r == 0)
		r = stage_turn(plan, &err);
	if (r == 0)
		r = stage_root(plan, &err);
	if (r == 0)
		r = stage_door(plan, master, &err);
	if (r < 0 && err.code == 0)
		(void)err_set(&err, r, "cannot set up the container");
	(void)sync_send_error(plan->sync_fd >= 0 ? plan->sync_fd : plan->process.status_fd, &err);
	_exit(err_exit_status(&err));
}
