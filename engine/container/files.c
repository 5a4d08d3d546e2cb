/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that the engine gives a container: hosts, resolv.conf, hostname, .containerenv, and a
 * passwd and group with the container's user where the image does not know it. They lie in
 * the container's folder and are bound over the image's. What is read of the image is foreign:
 * regular files only, bounded, resolved beneath its root.
 */
#include "engine/container/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/path.h"
#include "engine/base/user.h"
#include "engine/container/label.h"
#include "netns/net.h"

#define USER_FILE_MAX (4 * 1024 * 1024)

static const char *const names[] = {
	[FILE_HOSTS] = "hosts",	      [FILE_RESOLV] = "resolv.conf",
	[FILE_HOSTNAME] = "hostname", [FILE_CONTAINERENV] = ".containerenv",
	[FILE_PASSWD] = "passwd",     [FILE_GROUP] = "group",
	[FILE_TZ] = "localtime",
};

int container_read_file(int root_fd, const char *path, size_t max, char **ret_text, struct err *err)
{
	auto_close int fd = path_open_in_root(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	struct stat st;
	int r = 0;

	*ret_text = NULL;
	if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
		return 0;
	if (fd < 0)
		return err_set(err, fd, "cannot open %s of the container", path);
	/* A pipe or a device there is the image's trick, or nothing of use. */
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	r = fd_read_all(fd, max, ret_text, NULL);
	return r < 0 ? err_set(err, r, "cannot read %s of the container", path) : 0;
}

static int put(const struct engine *engine, struct container *c, struct preparation *p,
	       enum container_file which, const char *text, struct err *err)
{
	int fd = openat(c->fd, names[which], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
			0644);
	int r = fd < 0 ? -errno : fd_write_all(fd, text, strlen(text));

	if (fd >= 0) {
		/* The mode counts in the container, whatever the caller's umask. */
		if (r == 0 && fchmod(fd, 0644) < 0)
			r = -errno;
		if (r == 0)
			r = label_file(&c->spec, fd);
		(void)close(fd);
	}
	if (r < 0)
		return err_set(err, r, "cannot write %s for container %.12s", names[which], c->id);
	p->files[which] = xasprintf("%s/containers/%s/%s", engine->data_root, c->id, names[which]);
	return 0;
}

/* hosts and resolv.conf of the container whose network is shared are shared too. */
static int share_network_files(const struct engine *engine, const struct container_spec *spec,
			       struct preparation *p)
{
	static const enum container_file shared[] = { FILE_HOSTS, FILE_RESOLV };

	for (size_t i = 0; i < ARRAY_SIZE(shared); i++) {
		auto_free char *path = xasprintf("%s/containers/%s/%s", engine->data_root,
						 spec->net.value, names[shared[i]]);

		if (access(path, R_OK) == 0)
			p->files[shared[i]] = take(path);
	}
	return 0;
}

static int network_files(struct engine *engine, struct container *c, struct preparation *p,
			 struct err *err)
{
	const struct container_spec *spec = &c->spec;
	struct strv own auto_done(strv) = STRV_INIT;
	struct net_files_args args = { .options = p->has_net ? &p->net_options : NULL,
				       .bridge = p->has_bridge ? &p->address : NULL,
				       .host_network = spec->net.kind == SPEC_NS_HOST,
				       .dns = &spec->dns,
				       .dns_search = &spec->dns_search,
				       .dns_option = &spec->dns_options,
				       .add_host = &spec->add_hosts,
				       .host_gateway = spec->host_gateway,
				       .names = &own };
	auto_free char *text = NULL;
	int r = 0;

	if (spec->net.kind == SPEC_NS_CONTAINER)
		return share_network_files(engine, spec, p);
	if (p->hostname)
		strv_add(&own, p->hostname);
	strv_add(&own, spec->name);
	r = net_resolv_conf(&args, &text, err);
	if (r == 0 && text)
		r = put(engine, c, p, FILE_RESOLV, text, err);
	if (r < 0 || spec->no_hosts)
		return r;
	free(take(text));
	r = net_hosts_file(&args, &text, err);
	return r < 0 ? r : put(engine, c, p, FILE_HOSTS, text, err);
}

/* An image that does not know the container's user gets a line for it, as Podman does it. */
static int user_files(struct engine *engine, struct container *c, struct preparation *p,
		      struct err *err)
{
	auto_free char *passwd = NULL;
	auto_free char *text = NULL;
	struct user_entry entry auto_done(user_entry) = USER_ENTRY_INIT;
	bool known = false;
	char number[16];
	bool keep = c->spec.userns == SPEC_USERNS_KEEP_ID;
	const char *newline = "";
	int r = 0;

	if (p->user.listed || p->user.uid == 0)
		return 0;
	r = container_read_file(p->root_fd, "/etc/passwd", USER_FILE_MAX, &passwd, err);
	if (r < 0 || !passwd)
		return r;
	if (*passwd && !str_ends(passwd, "\n"))
		newline = "\n";
	/* The host's name for that id is the one its user knows; the caller's own with keep-id. */
	known = user_lookup(keep && !c->spec.has_keep_uid ? engine->own_uid : p->user.uid,
			    &entry) == 0;
	(void)snprintf(number, sizeof(number), "%u", p->user.uid);
	text = xasprintf("%s%s%s:*:%u:%u:%s:%s:/bin/sh\n", passwd, newline,
			 known ? entry.name : number, p->user.uid, p->user.gid,
			 keep && known ? "" : "container user", c->spec.workdir);
	return put(engine, c, p, FILE_PASSWD, text, err);
}

/* The same for its group. */
static int group_file(struct engine *engine, struct container *c, struct preparation *p,
		      struct err *err)
{
	auto_free char *group = NULL;
	auto_free char *text = NULL;
	const char *newline = "";
	int r = 0;

	if (p->user.uid == 0 && p->user.gid == 0)
		return 0;
	r = container_read_file(p->root_fd, "/etc/group", USER_FILE_MAX, &group, err);
	if (r < 0 || !group || spec_group_listed(group, p->user.gid))
		return r;
	if (*group && !str_ends(group, "\n"))
		newline = "\n";
	text = xasprintf("%s%s%u:x:%u:\n", group, newline, p->user.gid, p->user.gid);
	return put(engine, c, p, FILE_GROUP, text, err);
}

static int zone_file(const struct container_spec *spec, struct preparation *p, struct err *err)
{
	auto_free char *path = NULL;

	if (!spec->tz)
		return 0;
	if (str_eq(spec->tz, "local")) {
		path = xstrdup("/etc/localtime");
	} else {
		if (spec->tz[0] == '/' || strstr(spec->tz, ".."))
			return err_say(err, ERR_USAGE, "finding timezone: invalid time zone \"%s\"",
				       spec->tz);
		path = xasprintf("/usr/share/zoneinfo/%s", spec->tz);
	}
	if (access(path, R_OK) < 0)
		return err_say(err, ERR_USAGE, "finding timezone: stat %s: %s", path,
			       strerror(errno));
	p->files[FILE_TZ] = take(path);
	return 0;
}

int container_make_files(struct engine *engine, struct container *c, struct preparation *p,
			 struct err *err)
{
	const struct container_spec *spec = &c->spec;
	struct buf env auto_done(buf) = BUF_INIT;
	auto_free char *line = NULL;
	int r = network_files(engine, c, p, err);

	if (r == 0 && p->hostname && spec->uts.kind == SPEC_NS_PRIVATE) {
		line = xasprintf("%s\n", p->hostname);
		r = put(engine, c, p, FILE_HOSTNAME, line, err);
	}
	if (r == 0 && spec->privileged)
		(void)buf_addf(
			&env,
			"engine=\"bryo-%s\"\nname=\"%s\"\nid=\"%s\"\nimage=\"%s\"\nimageid=\"%s\"\n"
			"rootless=%d\n",
			BRYO_VERSION, spec->name, spec->id, str_or(spec->image_name, ""),
			str_or(spec->image_id, ""), engine->rootless); /* no bound: cannot fail */
	if (r == 0)
		r = put(engine, c, p, FILE_CONTAINERENV, str_or(env.data, ""), err);
	if (r == 0)
		r = user_files(engine, c, p, err);
	if (r == 0)
		r = group_file(engine, c, p, err);
	return r < 0 ? r : zone_file(spec, p, err);
}
