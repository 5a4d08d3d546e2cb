/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of engine/container share. */
#pragma once

#include "engine/container/container.h"
#include "engine/runtime/oci.h"
#include "engine/spec/oci.h"
#include "netns/bridge/bridge.h"
#include "netns/options/options.h"
#include "netns/port/port.h"

/* A name nobody has: names.c. */
char *container_random_name(void);

/*
 * state.json and back: record.c. What is read goes into an empty state; a part of it may be filled
 * in when it fails.
 */
json_t *container_state_to_json(const struct container_state *state);
int container_state_from_json(const json_t *json, struct container_state *state, struct err *err);

/* It is out of its network. */
void container_forget_address(struct container_state *state);

/*
 * All that a start needs and that must be ready before the clone: prepare.c. Made in the
 * keeper, in its own mount namespace.
 */
struct preparation {
	int root_fd; /* detached mount of the root file system */
	struct oci_spec oci;
	struct spec_user user;
	char *hostname;
	bool has_net;	 /* bryo-net is wanted */
	bool has_bridge; /* a bridged network is */
	struct net_options net_options;
	struct bridge_wish wish;
	struct bridge_address address; /* on the bridge, once the keeper has one for it */
	struct port_list ports;
	struct port_list host_ports; /* of the host's loopback, for the container's own */
	char **mount_sources;
	int *mount_fds;
	size_t mount_count;
	int ns_fds[OCI_NS_KINDS];
	int shm_fd;
	bool nested;
	struct idmap_set maps;
	char *files[8]; /* paths of the engine's files, in the order of files.c */
};
void preparation_init(struct preparation *preparation);
void preparation_done(struct preparation *preparation);
/*
 * The part that needs nothing but the spec, to be called before container_prepare(): which kind
 * of network, its options or wishes, and ports. Chosen ports are not bound yet.
 */
int container_prepare_network(const struct container_spec *spec, struct preparation *ret,
			      struct err *err);
int container_prepare(struct engine *engine, struct container *container, struct preparation *ret,
		      struct err *err);

/*
 * Protection from the OOM killer (a negative oom_score_adj of ours, as services have it) is not for
 * a container that did not ask for it: with -1000 the kernel would have nobody to kill at its
 * memory limit, and it would hang there. Raising the score needs no privilege
 * (proc_pid_oom_score_adj(5)).
 */
void container_no_oom_protection(struct oci_process *process);

/* The container's own id map, if it has one: idmaps.c. *ret_nested false: the namespace we stand
 * in. */
int container_idmaps(const struct engine *engine, const struct container_spec *spec,
		     bool *ret_nested, struct idmap_set *ret_maps, struct err *err);

/* Files that the engine gives the container (hosts, resolv.conf, ...): files.c. */
enum container_file {
	FILE_HOSTS,
	FILE_RESOLV,
	FILE_HOSTNAME,
	FILE_CONTAINERENV,
	FILE_PASSWD,
	FILE_GROUP,
	FILE_TZ
};
int container_make_files(struct engine *engine, struct container *container, struct preparation *p,
			 struct err *err);

/* Reads a file of the container as it sees it: regular, at most max bytes; NULL when missing. */
int container_read_file(int root_fd, const char *path, size_t max, char **ret_text,
			struct err *err);

/* Opens a namespace of a running container. */
int container_open_ns(struct engine *engine, const char *id, enum oci_namespace_kind kind,
		      int *ret_fd, struct err *err);
/* pidfd of its first process, checked against the record. */
int container_pidfd(const struct container *container, int *ret_fd, struct err *err);

/* Its root as its first process sees it, O_PATH; for a running one: exec.c. */
int container_open_root(const struct container *container, int *ret_fd, struct err *err);

/* Absolute path of its folder; the caller's. */
char *container_path(const struct engine *engine, const char *id);

/*
 * Makes this process's mount namespace its own: mounts made here are seen by nobody. Opens the
 * stores and the container's folder anew in it.
 */
int container_private_mounts(struct engine *engine, struct container *container, struct err *err);
