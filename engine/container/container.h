/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers: the verbs behind the command line, one file per family. This is where spec,
 * storage, runtime, monitor, network and cgroup meet. docs/formats/container.md has the files.
 *
 * A command works in three steps: container_load() finds and repairs the record, a lock is
 * taken where it changes something, and what must outlive the command is done by the keeper
 * (keeper.c), the process that becomes the monitor.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/base/str.h"
#include "engine/image/image.h"
#include "engine/monitor/attach.h"
#include "engine/spec/spec.h"
#include "engine/state/state.h"
#include "engine/storage/storage.h"
#include "engine/volume/volume.h"

struct err;

/* The engine, open on one user's folders. Plain settings; below the launcher nobody asks who is
 * root. */
struct engine {
	char *data_root;
	char *run_root;
	int run_fd;
	bool rootless;
	bool one_id;
	uint32_t own_uid, own_gid;
	struct idmap_set maps;
	enum storage_driver driver;
	const char *mount_program; /* of the FUSE overlay, its opener's; NULL: bryo's own */
	struct state containers;
	struct storage storage;
	struct image_store images;
	struct volume_store volumes;
	char machine[33];
	char boot[37];
};
#define ENGINE_INIT                                                                                \
	((struct engine){ .run_fd = -1,                                                            \
			  .containers = STATE_INIT,                                                \
			  .storage = STORAGE_INIT,                                                 \
			  .images = IMAGE_STORE_INIT,                                              \
			  .volumes = VOLUME_STORE_INIT })

enum container_status {
	CONTAINER_CREATED,
	CONTAINER_RUNNING,
	CONTAINER_PAUSED,
	CONTAINER_STOPPING,
	CONTAINER_EXITED,
	CONTAINER_REMOVING,
	CONTAINER_STATUS_COUNT,
};
const char *container_status_name(enum container_status status); /* "created", "running", ... */

/* state.json: what changes, and what `ps` shows, in one small file. */
struct container_state {
	enum container_status status;
	int64_t pid, monitor_pid;
	uint64_t start_ticks; /* of pid, proc_start_time() */
	char boot[37], machine[33];
	char *host; /* name of that machine */
	int64_t exit_code;
	int64_t created, started_at, finished_at; /* nanoseconds since 1970, 0: never */
	bool oom, stopped_by_user, rm;
	bool of_run; /* made by `run`, which holds its change lock until it has started */
	int64_t restarts;
	char *error; /* why the last start failed */
	char *cgroup, *cgroup_v1;
	char *injection; /* how its TCP connections are made on the host: injection_name() */
	json_t *ports;	 /* as published: port_list_to_json() */
	json_t *address; /* on a bridge, while it runs: bridge_address_json() */
	/* The summary */
	char *name, *image, *image_id, *network;
	struct strv command, labels, mounts;
	bool foreign; /* not in the file: it lives on another machine */
};
#define CONTAINER_STATE_INIT ((struct container_state){ 0 })
void container_state_done(struct container_state *state);

struct container {
	char id[STATE_ID_SIZE];
	int fd; /* its folder */
	struct container_state state;
	struct container_spec spec; /* only after container_load_spec() */
	bool has_spec;
	int lock; /* STATE_LOCK_CHANGE, -1: not held */
};
#define CONTAINER_INIT ((struct container){ .fd = -1, .lock = -1 })
void container_done(struct container *container);

/* Opens everything below the two roots; strings in config are copied. */
int engine_open_stores(struct engine *engine, struct err *err);
void engine_close_stores(struct engine *engine);
void engine_done(struct engine *engine);

/* Finds by name or id and reads state.json; a record that lies about being alive is repaired. */
int container_find(struct engine *engine, const char *name, struct container *ret, struct err *err);
int container_load(struct engine *engine, const char *id, struct container *ret, struct err *err);
/*
 * The same for lists: the folder of a container that is not running stays closed (fd -1), until
 * container_open().
 */
int container_peek(struct engine *engine, const char *id, struct container *ret, struct err *err);
int container_open(struct engine *engine, struct container *container);
int container_load_spec(struct container *container, struct err *err);
/* The same, with the change lock, and the state read again under it. */
int container_find_locked(struct engine *engine, const char *name, struct container *ret,
			  struct err *err);
int container_save_state(const struct container *container, struct err *err);
/* True when its process runs, as far as this machine can tell. */
bool container_is_alive(const struct container *container);

int container_create(struct engine *engine, const struct request *request, struct container *ret,
		     struct err *err);

struct container_start_args {
	unsigned int streams;  /* ATTACH_* bits for a client in the foreground; 0: detached */
	struct strv *warnings; /* may be NULL */
};
/*
 * Starts a created or exited container, whose change lock is held. Returns when its program
 * runs; with streams ret_client is attached. The lock is released.
 */
int container_start(struct engine *engine, struct container *container,
		    const struct container_start_args *args, struct attach_peer *ret_client,
		    struct err *err);
/* Is this a --detach-keys value (NULL: the default)? To be asked before anything is started. */
int container_check_detach_keys(const char *text, struct err *err);
/* Relays the caller's descriptors until the end: *ret_status as `run` exits with it. */
int container_attach_client(struct engine *engine, struct container *container,
			    struct attach_peer *client, bool want_stdin, bool sig_proxy,
			    const char *detach_keys, int *ret_status, struct err *err);

/*
 * Has the user-mode network of a running container read the host's resolvers again and bind
 * published ports that it could not bind. In Podman's words where there is no such network.
 */
int container_reload_network(struct engine *engine, struct container *container, struct err *err);

int container_attach(struct engine *engine, struct container *container, bool no_stdin,
		     bool sig_proxy, const char *detach_keys, int *ret_status, struct err *err);

/* timeout in seconds; -1: the container's own. A container that does not run is fine. */
int container_stop(struct engine *engine, struct container *container, int timeout,
		   struct err *err);
int container_kill(struct engine *engine, struct container *container, int signal, struct err *err);
int container_pause(struct container *container, bool pause, struct err *err);
/* Waits for its end; *ret_status its exit code. */
int container_wait(struct engine *engine, struct container *container, int *ret_status,
		   struct err *err);

/*
 * Waits until its status is one of states (bit n: enum container_status n) and looks every
 * interval_ms besides. *ret_status: its exit code, -1 where it has none. ERR_NOT_FOUND when it
 * is removed meanwhile.
 */
int container_wait_for(struct engine *engine, const char *id, unsigned int states, int interval_ms,
		       int *ret_status, struct err *err);

struct container_remove_args {
	bool force;
	bool volumes;
	int timeout;
};
int container_remove(struct engine *engine, const char *name,
		     const struct container_remove_args *args, struct err *err);
/*
 * Takes away a container that is not running any more; the change lock is held. Its files are
 * set aside in one step, for storage_sweep() to delete when nobody is waiting. From then on its
 * name is free; the caller takes it away by state_release_name(), at leisure.
 */
int container_discard(struct engine *engine, struct container *container, bool volumes,
		      struct err *err);

struct container_exec_args {
	const struct strv *command, *env, *env_files;
	const char *user, *workdir, *detach_keys;
	bool interactive, tty, detach, privileged;
	uint32_t preserve_fds; /* the caller's descriptors 3 and up, so many, are the process's */
};
int container_exec(struct engine *engine, const char *name, const struct container_exec_args *args,
		   int *ret_status, char **ret_session, struct err *err);

int container_rename(struct engine *engine, const char *name, const char *new_name,
		     struct err *err);

/*
 * The processes of a running container: a line of headings, then one a process, cells parted by
 * tabs, nothing in them that does not print. args: descriptors of podman-top(1), each alone or
 * several with commas; none: the usual ones.
 */
int container_top(struct engine *engine, const char *name, const struct strv *args,
		  struct strv *ret_lines, struct err *err);
/* Adds the names of all descriptors. */
void container_top_descriptors(struct strv *ret_names);

struct container_logs_args {
	bool follow, timestamps, names, color;
	int64_t since, until, tail;
};
int container_logs(struct engine *engine, const struct strv *names,
		   const struct container_logs_args *args, struct err *err);

/* JSON as Podman's: ps.c and inspect.c. */
json_t *container_ps_json(struct engine *engine, const struct container *container, bool size);
json_t *container_ps_brief(const struct container *container); /* see ops_ps_args */
int container_inspect_json(struct engine *engine, struct container *container, bool size,
			   json_t **ret_object, struct err *err);

/* Ids of containers that were made from an image; or use a volume. */
int container_users_of_image(struct engine *engine, const char *image_id, struct strv *ret_ids,
			     struct err *err);
int container_users_of_volume(struct engine *engine, const char *volume, struct strv *ret_ids,
			      struct err *err);

/*
 * --rmi, when the container itself is gone: takes its image away, or the name that it was asked
 * for by where there are others, as `rmi` does. ERR_BUSY: other containers use it.
 */
int container_remove_image(struct engine *engine, const struct container_spec *spec,
			   struct err *err);

/* Removes what killed commands left behind. Cheap when there is nothing. */
void container_sweep(struct engine *engine);

/* The user namespace above a container that still runs, for rootless_options.find_namespace. */
int container_find_namespace(const char *data_root, int *ret_fd);
