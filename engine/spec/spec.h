/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's specification: the request with every value checked, every default decided and
 * the image's own configuration merged in. It is what a container's record keeps; at each
 * start it is translated to an OCI spec together with what only the moment knows (users of the
 * image, namespaces of other containers, resolv.conf).
 *
 *     request.h ── spec_build() ──> container_spec ── spec_to_oci() ──> struct oci_spec
 *                                     │    ^
 *                       spec_to_json()v    │spec_from_json()      docs/formats/container.md
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/base/str.h"
#include "engine/spec/request.h"
#include "userns/idmap.h"

struct err;
struct image_config;
struct oci_spec;

/* Where a namespace comes from. */
enum spec_ns_kind {
	SPEC_NS_PRIVATE,   /* a new one */
	SPEC_NS_HOST,	   /* the caller's */
	SPEC_NS_CONTAINER, /* another container's; value: its full id */
	SPEC_NS_PATH,	   /* value: a path such as /proc/1/ns/net */
	SPEC_NS_NONE,	   /* network: a new one with lo alone; ipc: no /dev/shm */
};
struct spec_ns {
	enum spec_ns_kind kind;
	char *value;
};

enum spec_userns_kind {
	SPEC_USERNS_SHARED, /* the namespace of the holder (rootless), the host's (privileged) */
	SPEC_USERNS_KEEP_ID,
	SPEC_USERNS_NOMAP,
	SPEC_USERNS_AUTO,
	SPEC_USERNS_MAPS, /* --uidmap, --gidmap */
};

enum spec_mount_kind {
	SPEC_MOUNT_BIND,
	SPEC_MOUNT_VOLUME, /* source: the volume's name */
	SPEC_MOUNT_TMPFS,
	SPEC_MOUNT_DEVPTS,
	SPEC_MOUNT_MQUEUE,
	SPEC_MOUNT_IMAGE, /* source: the image's reference */
};
struct spec_mount {
	enum spec_mount_kind kind;
	char *source;
	char *destination;   /* clean and absolute */
	struct strv options; /* mount options as the runtime takes them: ro, nosuid, rbind, ... */
	bool anonymous;	     /* a volume that --rm takes along */
	bool no_copy;	     /* a volume that does not get the image's files */
	bool chown;	     /* U: owner changed to the container's user */
	bool relabel_shared, relabel_private; /* z, Z */
};

enum spec_restart {
	SPEC_RESTART_NO,
	SPEC_RESTART_ALWAYS,
	SPEC_RESTART_ON_FAILURE,
	SPEC_RESTART_UNLESS_STOPPED
};

struct container_spec {
	/* Identity */
	char *id;
	char *name;
	int64_t created;	    /* nanoseconds since 1970 */
	char *image_id;		    /* NULL with rootfs */
	char *image_name;	    /* as it is stored */
	char *raw_image;	    /* as it was typed */
	char *rootfs;		    /* absolute path of an unpacked root file system */
	struct strv layers;	    /* diff ids, lowest first */
	struct strv create_command; /* argv of the command that made it */
	struct strv labels;	    /* NAME=value, sorted */
	struct strv annotations;
	char *runtime;		   /* name or path as asked for; NULL: our own */
	char *runtime_path;	   /* the program; NULL: our own */
	struct strv runtime_flags; /* its global options: "--debug" */
	char *cidfile, *pidfile;

	/* Process */
	struct strv entrypoint, command; /* run one behind the other */
	struct strv env;
	char *workdir;
	bool workdir_from_image; /* made when missing */
	char *user;		 /* as given; resolved in the container's files at start */
	struct strv groups;	 /* names or numbers, "keep-groups" */
	bool tty, interactive;
	bool rm, rmi; /* removed at its end; its image too, unless others use it */
	bool init;
	char *init_path;
	int64_t umask;	     /* mode bits, -1: 0022 */
	struct strv ulimits; /* "nofile=1024:2048" checked; "host" */
	int64_t stop_signal;
	int64_t stop_timeout; /* seconds */
	int64_t timeout;      /* seconds it may run, 0: for ever */
	char *tz;
	bool has_oom_score_adj;
	int64_t oom_score_adj;
	char *personality;
	enum spec_restart restart;
	int64_t restart_retries; /* 0: no limit */

	/* Privilege */
	bool privileged;
	uint64_t caps;		       /* bit n: capability number n */
	struct strv cap_add, cap_drop; /* as given, for inspect */
	struct strv security_opt;      /* as given, for inspect */
	bool no_new_privileges;
	char *seccomp; /* NULL: the default; "unconfined"; else a file */
	bool label_disable;
	struct strv label_opts;		   /* "type:spc_t" and the like, of --security-opt label= */
	char *selinux_label, *mount_label; /* NULL without SELinux */
	char *apparmor;
	bool fake_ids;		      /* in a one-id namespace: chown and the like answer success */
	struct strv masked, unmasked; /* "mask=", "unmask=" of --security-opt */
	struct strv devices;	      /* host:container:rwm, checked */
	struct strv device_cgroup_rules;
	struct strv sysctls; /* NAME=value */

	/* Namespaces */
	enum spec_userns_kind userns;
	bool has_keep_uid, has_keep_gid;
	int64_t keep_uid, keep_gid;
	int64_t auto_size, auto_start; /* of --userns=auto: ids start to start+size-1 are its own */
	struct strv uidmap, gidmap;
	struct spec_ns pid, ipc, uts, cgroupns;
	char *hostname; /* NULL: the short id, or the host's with uts host */
	char *cgroup_parent;
	bool cgroups_disabled;
	int64_t shm_size;	/* bytes */
	int64_t storage_size;	/* quota of its own files in bytes; 0: none */
	int64_t storage_inodes; /* and in inodes */

	/* Network */
	struct spec_ns net; /* PRIVATE: bryo-net or, with net_bridge, the default bridge */
	bool net_bridge;
	char *ip, *ip6, *mac_address; /* asked for; only with net_bridge, checked */
	char *net_mode;		      /* as typed: "slirp4netns:mtu=1500", "none", ... */
	struct strv publish;	      /* values of -p, checked */
	struct strv expose;	      /* values of --expose and the image's, checked */
	bool publish_all;
	struct strv dns, dns_search, dns_options;
	struct strv add_hosts;
	bool no_hosts;
	char *host_gateway; /* address of the host for /etc/hosts; "none"; NULL: found */

	/* File systems */
	bool read_only;
	bool read_only_tmpfs;
	struct {
		struct spec_mount *v;
		size_t count, capacity;
	} mounts;
	struct strv volumes_from; /* full ids with options */

	/* Resources; 0 (-1 for pids): nothing asked */
	int64_t memory, memory_reservation, memory_swap, memory_swappiness;
	int64_t cpu_shares, cpu_period, cpu_quota;
	char *cpuset_cpus, *cpuset_mems;
	int64_t pids_limit;
	bool pids_limit_default; /* nobody asked: may be lost without a word */
	int64_t blkio_weight;
	struct strv cgroup_conf;

	/* Log */
	char *log_driver;
	struct strv log_opts;

	/* From the image, for inspect */
	struct strv exposed_ports;
	struct strv image_volumes;
};
/* Not all zero: see spec.c. */
void container_spec_init(struct container_spec *spec);
void container_spec_done(struct container_spec *spec);

/* What spec_build() has to know of the host and of other objects; plain values and look-ups. */
struct spec_host {
	const struct image_config *image; /* NULL with rootfs */
	struct idmap_set maps;		  /* of the namespace we stand in */
	bool one_id;
	bool rootless;
	uint32_t own_uid, own_gid; /* the caller's, outside */
	/* Full id of another container; may be NULL in tests. */
	int (*resolve_container)(void *data, const char *name, char **ret_id, struct err *err);
	void *data;
};

/*
 * Reads meaning into a request. 0, or ERR_USAGE / ERR_UNSUPPORTED with a sentence that names
 * flag and value. id must have 64 digits. ret_spec is initialised, and empty on error.
 */
int spec_build(const struct request *request, const struct spec_host *host, const char *id,
	       struct container_spec *ret_spec, struct err *err);

json_t *spec_to_json(const struct container_spec *spec);
int spec_from_json(const json_t *json, struct container_spec *ret_spec, struct err *err);

/* Is this a name that a container may have? */
int spec_name_check(const char *name, struct err *err);

/* "SIGTERM", "term", "15", "RTMIN+3": the number, or -EINVAL. */
int spec_signal_parse(const char *text);
