/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operations of another runtime, and the config.json that it gets: what we hold by
 * descriptor (root file system, mounts of images, namespaces of other containers) appears in
 * the bundle under names, since such a program takes only names.
 */
#include "engine/runtime/foreign.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/json.h"
#include "engine/base/path.h"
#include "engine/base/proc.h"
#include "engine/runtime/foreign-internal.h"
#include "engine/runtime/mount-internal.h"

/* ---- config.json ---- */

static bool has_option(const struct oci_mount *mount, const char *option)
{
	for (size_t i = 0; i < mount->options.count; i++)
		if (str_eq(mount->options.v[i], option))
			return true;
	return false;
}

/*
 * A user namespace of the container's own: its root is nobody on the way to our run folder or to
 * a source in the caller's home. So the bundle is shown where everybody may go, and all sources
 * in it. The call alone sees that, and the sources are open by then.
 */
static bool is_nested(const struct oci_spec *spec)
{
	return spec->linux_.namespaces[OCI_NS_USER].present;
}
#define OPEN_BUNDLE "/tmp"

/*
 * As source_clone() of mount.c: a descriptor that cannot be cloned is an unattached mount, taken
 * as it is.
 */
static int open_source(const struct oci_mount *mount, int *ret_fd)
{
	bool all = has_option(mount, "rbind");
	int r = 0;

	if (mount->source_fd <= 0)
		return mount_clone(AT_FDCWD, mount->source, all, true, ret_fd);
	r = mount_clone(mount->source_fd, "", all, true, ret_fd);
	if (r != -EINVAL)
		return r;
	*ret_fd = fcntl(mount->source_fd, F_DUPFD_CLOEXEC, 3);
	return *ret_fd < 0 ? -errno : 0;
}

static int name_mount(struct foreign_call *call, const struct oci_mount *mount, size_t i,
		      json_t *entry, struct err *err)
{
	auto_free char *path = NULL;
	char name[32];
	int fd = -1;
	int r = open_source(mount, &fd);

	if (r < 0)
		return err_set(err, r, "cannot open the mount source %s",
			       str_or(mount->source, mount->destination));
	(void)snprintf(name, sizeof(name), "mount-%zu", i);
	path = foreign_call_path(call, name);
	json_set_str(entry, "source", path);
	return foreign_call_attach(call, fd, name, false, true, err);
}

static int name_mounts(struct foreign_call *call, const struct oci_spec *spec, json_t *config,
		       struct err *err)
{
	json_t *list = json_object_get(config, "mounts");
	int r = 0;

	for (size_t i = 0; i < spec->mounts.count && r == 0; i++) {
		const struct oci_mount *mount = &spec->mounts.v[i];
		bool bind = str_eq(mount->type, "bind");

		if (mount->source_fd > 0 || (bind && is_nested(spec)))
			r = name_mount(call, mount, i, json_array_get(list, i), err);
	}
	return r;
}

static json_t *find_namespace(json_t *linux_, const char *type)
{
	json_t *list = json_object_get(linux_, "namespaces");

	for (size_t i = 0; i < json_array_size(list); i++)
		if (str_eq(json_str(json_array_get(list, i), "type", NULL), type))
			return json_array_get(list, i);
	return NULL;
}

static int name_namespaces(struct foreign_call *call, const struct oci_spec *spec, json_t *linux_,
			   struct err *err)
{
	int r = 0;

	for (int kind = 0; kind < OCI_NS_KINDS && r == 0; kind++) {
		const struct oci_namespace *ns = &spec->linux_.namespaces[kind];
		const char *type = oci_namespace_name((enum oci_namespace_kind)kind);
		auto_free char *path = NULL;
		char name[32];

		if (!ns->present || ns->fd <= 0)
			continue;
		(void)snprintf(name, sizeof(name), "ns-%s", type);
		path = foreign_call_path(call, name);
		json_set_str(find_namespace(linux_, type), "path", path);
		r = foreign_call_attach(call, ns->fd, name, true, false, err);
	}
	return r;
}

/* Device rules are kept: without them runc would make up its own. */
static void keep_device_rules(json_t *linux_)
{
	json_t *devices = json_object_get(json_object_get(linux_, "resources"), "devices");
	json_t *kept = json_object();

	if (devices)
		(void)json_object_set(kept, "devices", devices);
	(void)json_object_set_new(linux_, "resources", kept);
}

static int write_config(struct foreign_call *call, const struct foreign_create_args *args,
			struct err *err)
{
	auto_json json_t *config = oci_spec_to_json(args->spec);
	json_t *linux_ = json_object_get(config, "linux");
	auto_free char *root = foreign_call_path(call, "rootfs");
	auto_free char *text = NULL;
	int r = foreign_call_attach(call, args->root_fd, "rootfs", false, false, err);

	/* crun before 1.9 refuses a newer one, and others pass over what they do not know. */
	json_set_str(config, "ociVersion", "1.0.2");
	json_set_str(json_object_get(config, "root"), "path", root);
	keep_device_rules(linux_);
	json_set_str(linux_, "cgroupsPath", args->cgroup);
	if (r == 0)
		r = name_mounts(call, args->spec, config, err);
	if (r == 0)
		r = name_namespaces(call, args->spec, linux_, err);
	if (r < 0)
		return r;
	text = oci_json_text(config, 0);
	return foreign_call_write(call, "config.json", text, err);
}

/* ---- Operations ---- */

int foreign_create(const struct foreign_create_args *args, struct runtime_container *ret_process,
		   struct err *err)
{
	bool terminal = args->spec->process.terminal;
	struct foreign_call call auto_done(foreign_call) = FOREIGN_CALL_INIT;
	int r = foreign_call_open(args->foreign, &call, err);

	if (is_nested(args->spec))
		call.bundle = OPEN_BUNDLE;
	if (r == 0)
		r = write_config(&call, args, err);
	if (r < 0)
		return r;
	call.no_cgroup = !args->cgroup;
	for (int i = 0; i < 3 && !terminal; i++)
		call.stdio[i] = args->stdio[i];
	strv_add(&call.args, "create");
	strv_add(&call.args, "--bundle");
	strv_add(&call.args, call.bundle);
	r = foreign_call_expect_process(&call, terminal, err);
	if (r == 0)
		r = foreign_call_run(&call, err);
	if (r == 0)
		r = foreign_call_take_process(&call, ret_process, err);
	if (r < 0)
		(void)foreign_delete(args->foreign, NULL); /* a half-made record, if any */
	return r;
}

/* An operation without a bundle: COMMAND [OPTION] ID. */
static int simple_call(const struct foreign *foreign, const char *command, const char *option,
		       struct err *err)
{
	struct foreign_call call auto_done(foreign_call) = FOREIGN_CALL_INIT;
	int r = foreign_call_open(foreign, &call, err);

	if (r < 0)
		return r;
	strv_add(&call.args, command);
	if (option)
		strv_add(&call.args, option);
	return foreign_call_run(&call, err);
}

int foreign_start(const struct foreign *foreign, struct err *err)
{
	return simple_call(foreign, "start", NULL, err);
}

int foreign_delete(const struct foreign *foreign, struct err *err)
{
	auto_free char *record = path_join(foreign->state_root, foreign->id);

	/* Both keep a folder for each container; after a logout or a reboot it is gone. */
	if (access(record, F_OK) < 0)
		return 0;
	return simple_call(foreign, "delete", "--force", err);
}

int foreign_exec(const struct foreign_exec_args *args, struct runtime_container *ret_process,
		 struct err *err)
{
	struct foreign_call call auto_done(foreign_call) = FOREIGN_CALL_INIT;
	auto_json json_t *process = oci_process_to_json(args->process);
	auto_free char *text = oci_json_text(process, 0);
	int r = foreign_call_open(args->foreign, &call, err);

	if (r == 0)
		r = foreign_call_write(&call, "process.json", text, err);
	if (r == 0 && prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		r = err_set(err, -errno, "cannot become a subreaper");
	if (r < 0)
		return r;
	for (int i = 0; i < 3 && !args->process->terminal; i++)
		call.stdio[i] = args->stdio[i];
	call.pass_fds = args->pass_fds;
	call.pass_fd_count = args->pass_fd_count;
	strv_add(&call.args, "exec");
	strv_add(&call.args, "--detach");
	strv_add(&call.args, "--process");
	strv_add_own(&call.args, foreign_call_path(&call, "process.json"));
	if (args->pass_fd_count > 0)
		strv_addf(&call.args, "--preserve-fds=%zu", args->pass_fd_count);
	r = foreign_call_expect_process(&call, args->process->terminal, err);
	if (r == 0)
		r = foreign_call_run(&call, err);
	return r < 0 ? r : foreign_call_take_process(&call, ret_process, err);
}
