/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The launcher's findings for `bryo doctor`: see doctor.h. Runs in the command before it joins
 * any namespace; tries things in forked children, which leave nothing behind.
 */
#include "rootless/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/proc.h"
#include "engine/base/str.h"
#include "rootless/doctor-internal.h"
#include "rootless/rootless-internal.h"
#include "userns/userns.h"

/* Runs try() in a child; 0 or its negative errno. */
static int try_apart(int (*try)(void))
{
	pid_t pid = fork();
	int status = 0;

	if (pid < 0)
		return -errno;
	if (pid == 0)
		_exit(-try());
	status = proc_wait(pid);
	return status < 0 ? status : -status;
}

static int try_user_namespace(void)
{
	return unshare(CLONE_NEWUSER) < 0 ? -errno : 0;
}

static int try_other_namespaces(void)
{
	int kinds = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;

	return unshare(CLONE_NEWUSER | kinds) < 0 ? -errno : 0;
}

static const char *sysctl_fix(void)
{
	if (access("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", F_OK) == 0)
		return "an administrator can allow it: sysctl -w "
		       "kernel.apparmor_restrict_unprivileged_userns=0";
	if (access("/proc/sys/kernel/unprivileged_userns_clone", F_OK) == 0)
		return "an administrator can allow it: sysctl -w "
		       "kernel.unprivileged_userns_clone=1";
	return "an administrator can allow it: sysctl -w user.max_user_namespaces=28633";
}

static void look_at_namespaces(json_t *findings)
{
	int r = try_apart(try_user_namespace);

	if (r < 0) {
		finding_add(findings, "userns", "user namespaces", "missing", strerror(-r),
			    sysctl_fix());
		return;
	}
	finding_add(findings, "userns", "user namespaces", "ok", "this user can make them", NULL);
	r = try_apart(try_other_namespaces);
	if (r < 0)
		finding_add(findings, "userns", "mount, pid, network namespaces", "missing",
			    strerror(-r), sysctl_fix());
}

static void look_at_ids(const struct rootless *rootless, json_t *findings)
{
	struct idmap_set maps;
	const char *lost = NULL;
	auto_free char *how = NULL;
	auto_free char *fix = NULL;
	struct err err = ERR_INIT;

	if (userns_plan(rootless->uid, rootless->gid, &maps, &lost, &err) < 0) {
		finding_add(findings, "userns", "subordinate ids", "missing", err.text, NULL);
		return;
	}
	if (!lost) {
		how = xasprintf("%llu uids, %llu gids by newuidmap and newgidmap",
				(unsigned long long)idmap_size(&maps.uid),
				(unsigned long long)idmap_size(&maps.gid));
		finding_add(findings, "userns", "subordinate ids", "ok", how, NULL);
		return;
	}
	how = xasprintf("%s: containers see a single id, chown and the like are answered without "
			"being done",
			lost);
	fix = str_starts(lost, "newuidmap")
		      ? xstrdup("an administrator can install it: apt-get install uidmap")
		      : xasprintf("an administrator can give some: usermod --add-subuids "
				  "100000-165535 "
				  "--add-subgids 100000-165535 USER (user id %u)",
				  rootless->uid);
	finding_add(findings, "userns", "subordinate ids", "limited", how, fix);
}

static void look_at_device(json_t *findings, const char *path, const char *layer,
			   const char *without, const char *state)
{
	auto_free char *fix = xasprintf("an administrator can allow it: chmod 666 %s", path);

	if (access(path, R_OK | W_OK) == 0)
		finding_add(findings, layer, path, "ok", "readable and writable", NULL);
	else
		finding_add(findings, layer, path, state, without,
			    errno == ENOENT ? "load its kernel module" : fix);
}

/* Homes on NFS: locks may not work, and overlay's upper folder never does. */
static void look_at_folder(json_t *findings, const char *what, const char *path)
{
	auto_free char *probe = xasprintf("%s/.doctor", path);
	int fd = open(probe, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fd < 0) {
		finding_add(findings, "storage", what, "missing", strerror(errno),
			    "choose a writable place with --root DIR or XDG_DATA_HOME");
		return;
	}
	if (fcntl(fd, F_OFD_SETLK, &lock) < 0)
		finding_add(findings, "storage", what, "limited", "file locks do not work here",
			    "use a local file system: --root DIR or XDG_DATA_HOME");
	else
		finding_add(findings, "storage", what, "ok", path, NULL);
	(void)close(fd);
	(void)unlink(probe);
}

void rootless_doctor(const struct rootless_options *options, json_t *findings)
{
	struct rootless rootless auto_done(rootless) = ROOTLESS_INIT;
	struct err err = ERR_INIT;
	int r = rootless_init(options, &rootless, &err);

	if (r < 0) {
		finding_add(findings, "rootless", "folders", "missing", err.text, NULL);
		rootless.uid = geteuid();
		rootless.gid = getegid();
	} else {
		static const char *const modes[] = {
			[ROOTLESS_PRIVILEGED] = "privileged: real root, no user namespace",
			[ROOTLESS_USER] = "rootless: an unprivileged user",
			[ROOTLESS_INSIDE] = "inside a user namespace already"
		};

		finding_add(findings, "rootless", "mode", "ok", modes[rootless.mode], NULL);
		look_at_folder(findings, "data folder", rootless.data_root);
		look_at_folder(findings, "run folder", rootless.run_root);
	}
	if (r < 0 || rootless.mode == ROOTLESS_USER) {
		look_at_namespaces(findings);
		look_at_ids(&rootless, findings);
	}
	look_at_device(findings, "/dev/net/tun", "netns",
		       "not usable: the network goes through a veth pair instead of a tap device",
		       "limited");
	doctor_look_at_network(findings);
	look_at_device(findings, "/dev/fuse", "fuse-overlay",
		       "not usable: only the kernel's overlay or copies", "limited");
}
