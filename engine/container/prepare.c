/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a start needs before the clone: the root file system mounted (but attached nowhere),
 * the user looked up in it, volumes filled, ports chosen, other containers' namespaces open;
 * and out of all that the OCI spec. Runs in the keeper as root of our user namespace, in a
 * mount namespace of its own.
 */
#include "engine/container/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/path.h"
#include "engine/base/proc.h"
#include "engine/base/tree.h"
#include "engine/container/label.h"
#include "netns/aside.h"

#define USER_FILE_MAX (4 * 1024 * 1024)

void preparation_init(struct preparation *p)
{
	*p = (struct preparation){ .root_fd = -1, .shm_fd = -1 };
	for (int i = 0; i < OCI_NS_KINDS; i++)
		p->ns_fds[i] = -1;
}

void preparation_done(struct preparation *p)
{
	fd_close(&p->root_fd);
	fd_close(&p->shm_fd);
	oci_spec_done(&p->oci);
	spec_user_done(&p->user);
	port_list_done(&p->ports);
	port_list_done(&p->host_ports);
	free(take(p->hostname));
	for (size_t i = 0; i < p->mount_count; i++) {
		free(p->mount_sources[i]);
		if (p->mount_fds[i] >= 0)
			(void)close(p->mount_fds[i]);
	}
	free(take(p->mount_sources));
	free(take(p->mount_fds));
	p->mount_count = 0;
	for (int i = 0; i < OCI_NS_KINDS; i++)
		fd_close(&p->ns_fds[i]);
	for (size_t i = 0; i < ARRAY_SIZE(p->files); i++)
		free(take(p->files[i]));
}

/*
 * Descriptors of the former namespace's mounts can be neither cloned nor overlaid, and between
 * them and new ones nothing can be renamed (EXDEV): all are opened again.
 */
int container_private_mounts(struct engine *engine, struct container *container, struct err *err)
{
	int r = 0;

	/* In a user namespace below the host's this also makes shared mounts slaves. */
	if (unshare(CLONE_NEWNS) < 0)
		return err_set(err, -errno, "cannot make a mount namespace");
	engine_close_stores(engine);
	r = engine_open_stores(engine, err);
	if (r < 0)
		return r;
	fd_close(&container->fd);
	r = state_open_object(&engine->containers, container->id, &container->fd);
	return r < 0 ? err_set(err, r, "cannot open container %.12s again", container->id) : 0;
}

/* ---- Root file system ---- */

static int open_rootfs(const struct container_spec *spec, int *ret_fd, struct err *err)
{
	long fd = syscall(SYS_open_tree, AT_FDCWD, spec->rootfs,
			  OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

	if (fd < 0)
		return err_set(err, -errno, "cannot use the root file system %s", spec->rootfs);
	*ret_fd = (int)fd;
	return 0;
}

static int mount_root(struct engine *engine, const struct container *c, int *ret_fd,
		      struct err *err)
{
	struct storage_mount_args args = { .storage = &engine->storage,
					   .id = c->id,
					   .is_volatile = c->spec.rm,
					   .selinux_label = c->spec.mount_label };

	return c->spec.rootfs ? open_rootfs(&c->spec, ret_fd, err)
			      : storage_mount(&args, ret_fd, err);
}

static int find_user(const struct container_spec *spec, struct preparation *p, struct err *err)
{
	auto_free char *passwd = NULL;
	auto_free char *group = NULL;
	/* With keep-id the container's user is the caller, unless somebody said otherwise. */
	auto_free char *kept =
		xasprintf("%lld:%lld", (long long)spec->keep_uid, (long long)spec->keep_gid);
	bool keep = spec->userns == SPEC_USERNS_KEEP_ID && str_empty(spec->user);
	int r = container_read_file(p->root_fd, "/etc/passwd", USER_FILE_MAX, &passwd, err);

	if (r == 0)
		r = container_read_file(p->root_fd, "/etc/group", USER_FILE_MAX, &group, err);
	if (r < 0)
		return r;
	return spec_user_resolve(keep ? kept : spec->user, &spec->groups, passwd, group, &p->user,
				 err);
}

/* Does something that will be mounted hold this path? */
static bool is_mounted_over(const struct container_spec *spec, const char *path)
{
	for (size_t i = 0; i < spec->mounts.count; i++) {
		const char *rest = str_after(path, spec->mounts.v[i].destination);

		if (rest && (*rest == '/' || *rest == '\0'))
			return true;
	}
	return str_starts(path, "/dev") || str_starts(path, "/proc") || str_starts(path, "/sys");
}

static int make_workdir(const struct container_spec *spec, struct preparation *p, struct err *err)
{
	auto_close int fd = -1;

	if (str_eq(spec->workdir, "/"))
		return 0;
	fd = path_open_in_root(p->root_fd, spec->workdir, O_PATH | O_DIRECTORY, 0);
	if (fd == -ENOENT && spec->workdir_from_image) {
		fd = path_mkdir_in_root(p->root_fd, spec->workdir, 0755);
		if (fd >= 0 && (p->user.uid || p->user.gid) && !p->nested)
			/* One that could not be given away still serves. */
			(void)!fchownat(fd, "", p->user.uid, p->user.gid, AT_EMPTY_PATH);
	}
	if (fd == -ENOENT && !is_mounted_over(spec, spec->workdir))
		return err_say(err, ERR_CANNOT_EXEC,
			       "workdir \"%s\" does not exist on container %s", spec->workdir,
			       spec->id);
	/* Other failures are the runtime's to tell: a mount may still bring the folder. */
	return 0;
}

/* A mount point that the image does not have has nothing to copy, nor a mode to take over. */
static void trim_tmpfs(struct container_spec *spec, const struct preparation *p)
{
	for (size_t i = 0; i < spec->mounts.count; i++) {
		struct spec_mount *m = &spec->mounts.v[i];
		auto_close int fd = -1;

		if (m->kind != SPEC_MOUNT_TMPFS)
			continue;
		fd = path_open_in_root(p->root_fd, m->destination, O_PATH | O_DIRECTORY, 0);
		for (size_t j = m->options.count; fd < 0 && j-- > 0;)
			if (str_eq(m->options.v[j], "tmpcopyup"))
				strv_remove(&m->options, j);
	}
}

/* ---- Volumes ---- */

static int open_image_mount(struct engine *engine, const struct spec_mount *m, int *ret_fd,
			    struct err *err)
{
	struct image image auto_done(image) = IMAGE_INIT;
	int r = image_open(&engine->images, m->source, &image, err);
	struct storage_mount_args args = { .storage = &engine->storage,
					   .layers = &image.layers,
					   .shows_owners = !engine->one_id,
					   .read_only = true };

	return r < 0 ? r : storage_mount(&args, ret_fd, err);
}

static int fill_volume(struct engine *engine, const struct spec_mount *m, struct preparation *p,
		       size_t i, struct err *err)
{
	struct volume_args args = { .name = m->source, .ignore_existing = true };
	auto_free char *name = NULL;
	int r = volume_create(&engine->volumes, &args, &name, err);

	if (r < 0)
		return r;
	p->mount_sources[i] = volume_path(&engine->volumes, name);
	return m->no_copy ? 0
			  : volume_copy_up(&engine->volumes, name, p->root_fd, m->destination, err);
}

static int chown_source(const struct spec_mount *m, const struct preparation *p, const char *path,
			struct err *err)
{
	uint32_t uid = p->nested ? idmap_to_outside(&p->maps.uid, p->user.uid) : p->user.uid;
	uint32_t gid = p->nested ? idmap_to_outside(&p->maps.gid, p->user.gid) : p->user.gid;
	auto_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 ? -errno : tree_chown(fd, uid, gid);

	return r < 0 ? err_set(err, r, "cannot change the owner of %s (option U of %s)", path,
			       m->destination)
		     : 0;
}

static int prepare_mounts(struct engine *engine, const struct container_spec *spec,
			  struct preparation *p, struct err *err)
{
	int r = 0;

	p->mount_count = spec->mounts.count;
	p->mount_sources = xcalloc(spec->mounts.count, sizeof(*p->mount_sources));
	p->mount_fds = xmalloc(spec->mounts.count * sizeof(*p->mount_fds));
	for (size_t i = 0; i < spec->mounts.count; i++)
		p->mount_fds[i] = -1;
	for (size_t i = 0; i < spec->mounts.count && r == 0; i++) {
		const struct spec_mount *m = &spec->mounts.v[i];
		const char *path = NULL;

		if (m->kind == SPEC_MOUNT_VOLUME)
			r = fill_volume(engine, m, p, i, err);
		else if (m->kind == SPEC_MOUNT_IMAGE)
			r = open_image_mount(engine, m, &p->mount_fds[i], err);
		path = p->mount_sources[i] ? p->mount_sources[i] : m->source;
		if (r == 0 && m->chown)
			r = chown_source(m, p, path, err);
		if (r == 0)
			r = label_mount(spec, m, path, err);
	}
	return r;
}

/* ---- Network and names ---- */

int container_prepare_network(const struct container_spec *spec, struct preparation *p,
			      struct err *err)
{
	struct port_list exposed auto_done(port_list) = PORT_LIST_INIT;
	const struct net_option_ports option_ports = { .published = &p->ports,
						       .host = &p->host_ports };
	int r = 0;

	p->has_bridge = spec->net.kind == SPEC_NS_PRIVATE && spec->net_bridge;
	p->has_net = spec->net.kind == SPEC_NS_PRIVATE && !spec->net_bridge;
	p->net_options = net_options_default();
	if (!p->has_net && !p->has_bridge)
		return 0;
	if (p->has_bridge)
		r = bridge_wish_parse(spec->ip, spec->ip6, spec->mac_address, &p->wish, err);
	else
		r = net_options_parse(spec->net_mode, &p->net_options, &option_ports, err);
	if (r == 0 && p->has_net)
		aside_move(&p->net_options);
	for (size_t i = 0; i < spec->publish.count && r == 0; i++)
		r = port_parse(&p->ports, spec->publish.v[i], err);
	for (size_t i = 0; spec->publish_all && i < spec->expose.count && r == 0; i++)
		r = port_expose_parse(&exposed, spec->expose.v[i], err);
	for (size_t i = 0; spec->publish_all && i < spec->exposed_ports.count && r == 0; i++)
		r = port_expose_parse(&exposed, spec->exposed_ports.v[i], err);
	if (r < 0)
		return r;
	if (spec->publish_all)
		port_list_publish_all(&p->ports, &exposed);
	if (p->ports.count == 0)
		return 0;
	r = port_list_fill(&p->ports, err);
	return r < 0 ? r : port_list_finish(&p->ports, err);
}

static void prepare_hostname(const struct container_spec *spec, struct preparation *p)
{
	char host[65] = "";

	if (spec->uts.kind == SPEC_NS_PRIVATE && spec->net.kind != SPEC_NS_HOST) {
		p->hostname = spec->hostname ? xstrdup(spec->hostname) : xstrndup(spec->id, 12);
		return;
	}
	(void)gethostname(host, sizeof(host) - 1); /* a longer one is cut, and always ended */
	p->hostname = xstrdup(spec->hostname ? spec->hostname : host);
}

/* ---- Namespaces of other containers ---- */

/*
 * Its /dev/shm as a mount of nobody's: only in its own mount namespace can it be cloned, so a
 * fork goes there and hands it over. What the path means is the container's to say; it leads
 * nowhere but into the container.
 */
static int clone_shm(int mount_ns, int *ret_fd)
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

		if (setns(mount_ns, CLONE_NEWNS) == 0)
			fd = (int)syscall(SYS_open_tree, AT_FDCWD, "/dev/shm",
					  OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
		if (fd >= 0)
			(void)fd_send(ends[1], "m", 1, &fd, 1); /* the parent sees the end */
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

static int open_ns_file(pid_t pid, const char *name, int *ret_fd)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, name);
	*ret_fd = open(path, O_RDONLY | O_CLOEXEC);
	return *ret_fd < 0 ? -errno : 0;
}

static int open_shm(pid_t pid, int *ret_fd)
{
	auto_close int mount_ns = -1;
	int r = open_ns_file(pid, "mnt", &mount_ns);

	return r < 0 ? r : clone_shm(mount_ns, ret_fd);
}

int container_open_ns(struct engine *engine, const char *id, enum oci_namespace_kind kind,
		      int *ret_fd, struct err *err)
{
	struct container other auto_done(container) = CONTAINER_INIT;
	auto_close int pidfd = -1;
	pid_t pid = 0;
	int r = container_load(engine, id, &other, err);

	if (r == 0)
		r = container_pidfd(&other, &pidfd, err);
	if (r < 0)
		return r;
	pid = (pid_t)other.state.pid;
	r = kind == OCI_NS_KINDS ? open_shm(pid, ret_fd)
				 : open_ns_file(pid, oci_namespace_file(kind), ret_fd);
	if (r < 0)
		return err_set(err, r, "cannot open a namespace of container %s", other.state.name);
	/* The pidfd still stands for it: then what was opened is its. */
	return container_is_alive(&other)
		       ? 0
		       : err_say(err, ERR_STATE, "container %.12s has ended", id);
}

static int open_other_namespaces(struct engine *engine, const struct container_spec *spec,
				 struct preparation *p, struct err *err)
{
	const struct {
		enum oci_namespace_kind kind;
		const struct spec_ns *ns;
	} all[] = { { OCI_NS_PID, &spec->pid },
		    { OCI_NS_IPC, &spec->ipc },
		    { OCI_NS_UTS, &spec->uts },
		    { OCI_NS_NETWORK, &spec->net },
		    { OCI_NS_CGROUP, &spec->cgroupns } };
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(all) && r == 0; i++)
		if (all[i].ns->kind == SPEC_NS_CONTAINER)
			r = container_open_ns(engine, all[i].ns->value, all[i].kind,
					      &p->ns_fds[all[i].kind], err);
	/* System V memory and POSIX memory belong together: its /dev/shm comes along. */
	if (r == 0 && spec->ipc.kind == SPEC_NS_CONTAINER)
		r = container_open_ns(engine, spec->ipc.value, OCI_NS_KINDS, &p->shm_fd, err);
	return r;
}

void container_no_oom_protection(struct oci_process *process)
{
	auto_free char *text = NULL;

	if (process->oom_score_adj.has ||
	    file_read_at(AT_FDCWD, "/proc/self/oom_score_adj", 16, &text, NULL) < 0)
		return;
	process->oom_score_adj.has = text[0] == '-';
	process->oom_score_adj.value = 0;
}

static int translate(const struct engine *engine, struct container *c, struct preparation *p,
		     struct err *err)
{
	struct spec_moment moment = {
		.user = &p->user,
		.hostname = p->hostname,
		.hosts_path = p->files[FILE_HOSTS],
		.resolv_path = p->files[FILE_RESOLV],
		.hostname_path = p->files[FILE_HOSTNAME],
		.containerenv_path = p->files[FILE_CONTAINERENV],
		.passwd_path = p->files[FILE_PASSWD],
		.group_path = p->files[FILE_GROUP],
		.tz_path = p->files[FILE_TZ],
		.mount_sources = p->mount_sources,
		.mount_fds = p->mount_fds,
		.shm_fd = p->shm_fd,
		.nested = p->nested,
		.maps = p->maps,
		.in_userns = engine->rootless || p->nested,
		.one_id = engine->one_id,
	};

	int r = 0;

	memcpy(moment.ns_fds, p->ns_fds, sizeof(moment.ns_fds));
	if (c->spec.uts.kind != SPEC_NS_PRIVATE)
		moment.hostname = NULL;
	r = spec_to_oci(&c->spec, &moment, &p->oci, err);
	if (r == 0)
		container_no_oom_protection(&p->oci.process);
	return r;
}

int container_prepare(struct engine *engine, struct container *c, struct preparation *p,
		      struct err *err)
{
	const struct container_spec *spec = &c->spec;
	int r = container_private_mounts(engine, c, err);

	if (r == 0)
		r = container_idmaps(engine, spec, &p->nested, &p->maps, err);
	if (r == 0)
		r = mount_root(engine, c, &p->root_fd, err);
	if (r == 0)
		r = find_user(spec, p, err);
	if (r == 0)
		r = make_workdir(spec, p, err);
	if (r == 0)
		trim_tmpfs(&c->spec, p);
	if (r == 0)
		r = prepare_mounts(engine, spec, p, err);
	if (r == 0)
		r = open_other_namespaces(engine, spec, p, err);
	if (r < 0)
		return r;
	prepare_hostname(spec, p);
	r = container_make_files(engine, c, p, err);
	return r < 0 ? r : translate(engine, c, p, err);
}
