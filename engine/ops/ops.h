/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one door to the engine: one operation per user action. cli and api call only this; the
 * remote client fills the same table with operations that send the same structs elsewhere.
 *
 * Rules: arguments are plain structs that can be sent; no operation prints, exits or keeps
 * globals. Progress that belongs to a terminal is written by bryo-image to the descriptors it
 * inherits. Results that front ends show through --format are JSON with Podman's field names;
 * the caller owns every ret_ value (json_decref, strv_done, free). Each returns 0 or a negative
 * errno with err set; ERR_NOT_FOUND where a named object is missing.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/err.h"
#include "engine/base/json.h"
#include "engine/base/str.h"
#include "engine/spec/request.h"

struct ops; /* the engine, open on its folders; made by ops_open() */

/*
 * What an operation needs of the launcher (rootless.h) before it is called. main() reads it
 * from the command's table entry.
 */
enum ops_need {
	OPS_NEED_NOTHING,   /* version, completion, help */
	OPS_NEED_PATHS,	    /* reads records only: ps, images, inspect, logs */
	OPS_NEED_NAMESPACE, /* touches layers or processes: run, exec, rm, pull */
};

/* Plain settings that the launcher found; strings stay the caller's while ops is open. */
struct ops_config {
	const char *data_root;		 /* layers/, images/, containers/, volumes/ */
	const char *run_root;		 /* sockets and what a reboot makes worthless */
	const char *runtime;		 /* --runtime of the command line, NULL: our own */
	const char *storage_driver;	 /* NULL: probe */
	const struct strv *storage_opts; /* --storage-opt, "KEY=VALUE"; NULL: none */
	const char *cgroup_manager;	 /* NULL: probe */
	bool rootless;			 /* only shown (info), never asked below */
	bool one_id;			 /* the namespace holds a single id */
	bool fake_ids;			 /* one_id: answer chown and the like with success */
	uint32_t own_uid;		 /* the caller's ids outside */
	uint32_t own_gid;
	const void *id_maps; /* struct idmap_set of userns/idmap.h: the namespace's own maps */
};

int ops_open(const struct ops_config *config, struct ops **ret_ops, struct err *err);
void ops_close(struct ops *ops);

/* For rootless_options.find_namespace: the namespace of a container that outlived the holder. */
int ops_find_namespace(const char *data_root, int *ret_fd);

/* ---- Containers ---- */

/* Creates a container; containers.conf completes the request. *ret_id gets its 64 digits. */
int ops_container_create(struct ops *ops, struct request *request, char **ret_id, struct err *err);

/*
 * Creates and starts. Detached: returns once the container's process was executed, *ret_id is
 * set. In the foreground: relays the caller's descriptors 0-2 until the container ends;
 * *ret_status is its exit status, or 0 when the user detached. When the start itself fails the
 * error's kind tells 126 and 127 apart. *ret_warnings (may be NULL) gets sentences for the user:
 * limits that this host cannot keep, and the like.
 */
int ops_container_run(struct ops *ops, struct request *request, char **ret_id, int *ret_status,
		      struct strv *ret_warnings, struct err *err);

struct ops_start_args {
	bool attach;	  /* -a */
	bool interactive; /* -i */
	const char *detach_keys;
	bool sig_proxy;
};
int ops_container_start(struct ops *ops, const char *name, const struct ops_start_args *args,
			int *ret_status, struct err *err);

/* timeout: seconds, -1 for the container's own. */
int ops_container_stop(struct ops *ops, const char *name, int timeout, struct err *err);
int ops_container_restart(struct ops *ops, const char *name, int timeout, struct err *err);
/* signal: "KILL", "SIGTERM", "15". */
int ops_container_kill(struct ops *ops, const char *name, const char *signal, struct err *err);
/* `network reload`: see container_reload_network(). */
int ops_network_reload(struct ops *ops, const char *name, struct err *err);
/* Whether it has a network that can be reloaded. */
bool ops_network_is_user_mode(struct ops *ops, const char *name);
int ops_container_pause(struct ops *ops, const char *name, struct err *err);
int ops_container_unpause(struct ops *ops, const char *name, struct err *err);

struct ops_rm_args {
	bool force;   /* a running one is killed first */
	bool volumes; /* anonymous volumes too */
	int timeout;  /* seconds before KILL with force, -1: the container's own */
	bool ignore;  /* a missing one is fine */
};
int ops_container_rm(struct ops *ops, const char *name, const struct ops_rm_args *args,
		     struct err *err);

struct ops_exec_args {
	struct strv command;
	bool interactive, tty, detach, privileged;
	struct strv env, env_files;
	const char *user, *workdir, *detach_keys;
	uint32_t preserve_fds; /* --preserve-fds N */
};
/* *ret_status: the command's; *ret_session: detached only, the session's id. */
int ops_container_exec(struct ops *ops, const char *name, const struct ops_exec_args *args,
		       int *ret_status, char **ret_session, struct err *err);

struct ops_attach_args {
	bool no_stdin;
	bool sig_proxy;
	const char *detach_keys;
};
int ops_container_attach(struct ops *ops, const char *name, const struct ops_attach_args *args,
			 int *ret_status, struct err *err);

struct ops_wait_args {
	struct strv conditions; /* "running", "exited", ... as Podman calls states; none: the end */
	uint32_t interval_ms;	/* how often to look at a record that nobody changes */
};
/*
 * Waits until one of the conditions holds; *ret_status is the exit code, or -1 where there is
 * none. A wrong word is ERR_USAGE before anything is waited for.
 */
int ops_container_wait(struct ops *ops, const char *name, const struct ops_wait_args *args,
		       int *ret_status, struct err *err);

/*
 * Processes of a running container: headings, then a line for each, cells parted by tabs.
 * descriptors as podman-top(1) has them; none: the usual ones.
 */
int ops_container_top(struct ops *ops, const char *name, const struct strv *descriptors,
		      struct strv *ret_lines, struct err *err);
/* Adds the names of all descriptors. */
void ops_container_top_descriptors(struct strv *ret_names);

struct ops_logs_args {
	bool follow, timestamps, names, color;
	const char *since, *until; /* as time_parse_point() takes them */
	int64_t tail;		   /* lines; -1: all */
};
/* Writes to descriptors 1 and 2. Several names are interleaved as Podman does. */
int ops_container_logs(struct ops *ops, const struct strv *names, const struct ops_logs_args *args,
		       struct err *err);

struct ops_ps_args {
	bool all;	     /* -a: not only running ones */
	bool size;	     /* -s */
	bool brief;	     /* Command, Created, Id, Image, Names, Ports and Status alone */
	bool sync;	     /* accepted; states are always fresh here */
	int64_t last;	     /* -n; 0: no limit */
	struct strv filters; /* key=value, Podman's keys */
};
/* An array of objects with the fields of `podman ps --format json`, newest first. */
int ops_container_ps(struct ops *ops, const struct ops_ps_args *args, json_t **ret_list,
		     struct err *err);

/* The object of `podman inspect --type container`. */
int ops_container_inspect(struct ops *ops, const char *name, bool size, json_t **ret_object,
			  struct err *err);
/* 0 with *ret_exists; only real failures are errors. */
int ops_container_exists(struct ops *ops, const char *name, bool *ret_exists, struct err *err);
int ops_container_rename(struct ops *ops, const char *name, const char *new_name, struct err *err);
/* Lines such as "80/tcp -> 0.0.0.0:8080"; port (may be NULL) selects "80" or "80/udp". */
int ops_container_port(struct ops *ops, const char *name, const char *port, struct strv *ret_lines,
		       struct err *err);
/* Full ids: all, or those that run, or the newest one; for -a and -l of many commands. */
enum ops_select { OPS_ALL, OPS_RUNNING, OPS_LATEST };
int ops_container_select(struct ops *ops, enum ops_select select, const struct strv *filters,
			 struct strv *ret_ids, struct err *err);
/* Full id and name of one container, for output after an action. */
int ops_container_resolve(struct ops *ops, const char *name, char **ret_id, char **ret_name,
			  struct err *err);

/* ---- Images: the heavy work runs in bryo-image, which inherits descriptors 0-2 ---- */

struct ops_pull_args {
	const char *policy;   /* --policy/--pull: always by default */
	const char *platform; /* os/arch[/variant] */
	const char *authfile, *creds, *cert_dir;
	const char *tls_verify; /* "true", "false", NULL */
	bool quiet, all_tags;
	int retry;		 /* -1: default */
	const char *retry_delay; /* NULL: default */
	const char *signature_policy;
};
int ops_image_pull(struct ops *ops, const char *name, const struct ops_pull_args *args,
		   struct strv *ret_ids, struct err *err);

/* path NULL: standard input. *ret_names: what "Loaded image: NAME" lists. */
int ops_image_load(struct ops *ops, const char *path, bool quiet, struct strv *ret_names,
		   struct err *err);

struct ops_save_args {
	const char *output; /* NULL: standard output */
	const char *format; /* docker-archive, oci-archive, oci-dir, docker-dir */
	bool quiet, multi, compress, uncompressed;
};
int ops_image_save(struct ops *ops, const struct strv *names, const struct ops_save_args *args,
		   struct err *err);

struct ops_import_args {
	const char *source; /* path, URL, or "-" */
	const char *reference;
	const char *message;
	struct strv changes;
	const char *os, *arch, *variant;
	bool quiet;
};
int ops_image_import(struct ops *ops, const struct ops_import_args *args, char **ret_id,
		     struct err *err);

struct ops_images_args {
	bool all;	     /* -a */
	struct strv filters; /* dangling=, label=, reference=, before=, since=, until=, id=, ... */
	const char *reference; /* positional: only images of this name */
};
/* An array with the fields of `podman images --format json`. */
int ops_image_list(struct ops *ops, const struct ops_images_args *args, json_t **ret_list,
		   struct err *err);
int ops_image_inspect(struct ops *ops, const char *name, json_t **ret_object, struct err *err);
/* Fields of `podman history --format json`. */
int ops_image_history(struct ops *ops, const char *name, json_t **ret_list, struct err *err);
int ops_image_tag(struct ops *ops, const char *name, const struct strv *new_names, struct err *err);
int ops_image_untag(struct ops *ops, const char *name, const struct strv *names, struct err *err);
struct ops_rmi_args {
	bool force, no_prune, ignore;
};
/* *ret_lines gets "Untagged: ..." and "Deleted: ...". ERR_BUSY: a container uses it. */
int ops_image_rm(struct ops *ops, const char *name, const struct ops_rmi_args *args,
		 struct strv *ret_lines, struct err *err);
/* Full ids (for rmi --all). */
int ops_image_ids(struct ops *ops, struct strv *ret_ids, struct err *err);
int ops_image_exists(struct ops *ops, const char *name, bool *ret_exists, struct err *err);

/* ---- Volumes ---- */

struct ops_volume_create_args {
	const char *name; /* NULL: a random one */
	const char *driver;
	struct strv labels, options;
	bool ignore; /* an existing one is fine */
};
int ops_volume_create(struct ops *ops, const struct ops_volume_create_args *args, char **ret_name,
		      struct err *err);
int ops_volume_list(struct ops *ops, const struct strv *filters, json_t **ret_list,
		    struct err *err);
int ops_volume_inspect(struct ops *ops, const char *name, json_t **ret_object, struct err *err);
int ops_volume_exists(struct ops *ops, const char *name, bool *ret_exists, struct err *err);
/* force: containers that use it are removed too. */
int ops_volume_rm(struct ops *ops, const char *name, bool force, struct err *err);
int ops_volume_prune(struct ops *ops, const struct strv *filters, struct strv *ret_names,
		     struct err *err);

/* ---- System ---- */

/* The object of `podman info --format json`; `podman version --format json`. */
int ops_system_info(struct ops *ops, json_t **ret_object, struct err *err);
int ops_system_version(json_t **ret_object);
/*
 * Appends the engine's findings to an array that the launcher's part began (rootless/doctor.h
 * has the form of one finding).
 */
int ops_system_doctor(struct ops *ops, json_t *findings, struct err *err);
