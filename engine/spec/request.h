/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a user asks of `run` and `create`, as it was typed: every front end (cli, api) fills
 * this plain struct, and engine/spec alone reads meaning into it. So a wrong value gives the
 * same sentence whichever way it came, and the struct can be sent elsewhere as it is.
 *
 * Strings are NULL where the user said nothing. Flags that can be given more than once are
 * lists in the order given. Empty request: REQUEST_INIT; free with request_done().
 */
#pragma once

#include <stdbool.h>

#include "engine/base/str.h"

/* A flag that can be left out, set true, or set false (--init, --no-hosts=false, ...). */
enum request_bool { REQUEST_UNSET = 0, REQUEST_FALSE, REQUEST_TRUE };

struct request {
	/* What to run */
	char *image;	     /* reference or id; NULL with rootfs */
	char *rootfs;	     /* --rootfs DIR: an unpacked root file system instead of an image */
	struct strv command; /* what follows the image */
	char *entrypoint;    /* --entrypoint: a word, or a JSON array of words; "" empties it */
	char *pull;	     /* --pull: always, missing, newer, never; NULL: missing */
	char *platform;	     /* --platform os/arch[/variant], or built of --os, --arch, --variant */
	char *authfile;
	char *tls_verify; /* "true"/"false" */
	bool quiet;	  /* -q: no pull progress */

	/* Who it is */
	char *name;
	bool replace;  /* --replace */
	char *cidfile; /* --cidfile PATH */
	char *pidfile;
	struct strv labels;	 /* -l k=v */
	struct strv label_files; /* --label-file */
	struct strv annotations; /* --annotation k=v */
	char *hostname;
	char *runtime;		   /* --runtime NAME or PATH: crun or runc instead of our own */
	char *runtime_path;	   /* where it is: spec_runtime_find() */
	struct strv runtime_flags; /* --runtime-flag: without the dashes */

	/* How it is attached */
	bool interactive;   /* -i */
	bool tty;	    /* -t */
	bool detach;	    /* -d */
	bool rm;	    /* --rm */
	bool rmi;	    /* --rmi */
	bool run;	    /* it is to run at once: with --rm, it goes should that never happen */
	struct strv attach; /* -a stdin, stdout, stderr */
	char *detach_keys;
	enum request_bool sig_proxy;

	/* Process */
	struct strv env;       /* -e K=V, or K alone: from the caller's environment */
	struct strv env_files; /* --env-file */
	struct strv env_merge; /* --env-merge */
	bool env_host;
	struct strv unsetenv;
	bool unsetenv_all;
	char *workdir;	     /* -w */
	char *user;	     /* -u user[:group] */
	struct strv groups;  /* --group-add */
	char *umask;	     /* --umask 0022 */
	struct strv ulimits; /* --ulimit name=soft[:hard] */
	enum request_bool init;
	char *init_path;
	char *stop_signal;
	char *stop_timeout; /* seconds */
	char *timeout;	    /* --timeout seconds the container may run */
	char *restart;	    /* --restart no|always|on-failure[:n]|unless-stopped */
	char *tz;	    /* --tz */
	char *oom_score_adj;
	char *personality;

	/* Privilege */
	bool privileged;
	struct strv default_caps; /* of containers.conf; empty: the built-in set */
	struct strv cap_add;
	struct strv cap_drop;
	struct strv security_opt;
	struct strv devices; /* --device host[:container[:rwm]] */
	struct strv device_cgroup_rules;
	struct strv sysctls;

	/* Namespaces */
	char *userns; /* keep-id, keep-id:uid=,gid=, host, nomap, auto */
	struct strv uidmap;
	struct strv gidmap;
	char *subuidname;
	char *subgidname;
	char *pid; /* host, private, container:ID, ns:PATH */
	char *ipc;
	char *uts;
	char *cgroupns;
	char *cgroups; /* enabled, disabled, no-conmon, split */
	char *cgroup_parent;
	char *shm_size;

	/* Network */
	struct strv network; /* --network, more than once */
	struct strv publish; /* -p */
	bool publish_all;    /* -P */
	struct strv expose;
	struct strv dns;
	struct strv dns_search;
	struct strv dns_options;
	struct strv add_hosts; /* --add-host name:ip */
	enum request_bool no_hosts;
	char *host_gateway; /* containers.conf host_containers_internal_ip */
	char *ip;
	char *ip6;
	char *mac_address;
	struct strv network_aliases;

	/* File systems */
	bool read_only;
	enum request_bool read_only_tmpfs; /* default true: /run, /tmp, /var/tmp stay writable */
	struct strv tmpfs;		   /* --tmpfs /path[:options] */
	struct strv volumes;		   /* -v [src:]dest[:options] */
	struct strv mounts;		   /* --mount type=...,... */
	struct strv volumes_from;
	char *image_volume; /* --image-volume anonymous|bind, tmpfs, ignore */
	struct strv storage_opts;

	/* Resources */
	char *memory;
	char *memory_reservation;
	char *memory_swap;
	char *memory_swappiness;
	char *cpus;
	char *cpu_shares;
	char *cpu_period;
	char *cpu_quota;
	char *cpuset_cpus;
	char *cpuset_mems;
	char *pids_limit;
	char *blkio_weight;
	struct strv cgroup_conf; /* --cgroup-conf key=value: raw v2 files */
	bool oom_kill_disable;

	/* Log */
	char *log_driver;
	struct strv log_opts;
};
#define REQUEST_INIT ((struct request){ 0 })

void request_done(struct request *request);
