/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting and ending bryo-net, the user-mode network of one container. This is what the monitor
 * links: libc and jansson only; the TCP/IP stack lives in the program.
 *
 *     monitor                                   bryo-net
 *     net_start()          ── exec ──────────>  loads, reads the settings
 *     clone3() the container
 *     net_attach(netns, init) ── two fds ────>  tap in that namespace, ports bound, sandbox
 *     net_wait_ready()     <── 0 or an error ─
 *     ... container runs; net_process.fd reads end-of-file when bryo-net dies ...
 *     net_stop()           ── socket closes ─>  ends; its ports are free when net_stop() returns
 *
 * Lifetime: bryo-net ends by itself when the socket to the monitor closes (the monitor died), when
 * the container's init ends, or when the network namespace is gone. No descriptor of the caller
 * other than the socket reaches it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "netns/inject-filter.h"
#include "netns/options/options.h"
#include "netns/port/port.h"

struct bridge_address;
struct err;
struct strv;

struct net_args {
	const struct net_options *options;
	const struct port_list *ports; /* may be NULL; no entry may be without a host port */
	/*
	 * TCP ports of the host's loopback (host_port) that shall appear at the container's own
	 * (container_port, at host_ip); may be NULL.
	 */
	const struct port_list *host_ports;
	/*
	 * Sockets that the command inherited (sd_listen_fds(3)). One that is bound as a published
	 * port wants it serves that port: bryo-net does not bind it then. Stay the caller's.
	 */
	const int *inherited;
	size_t inherited_count; /* at most NET_INHERITED_MAX are passed on */
	const char *program;	/* path of bryo-net; NULL: net_program() */
};

struct net_process {
	pid_t pid; /* 0: none */
	int fd;	   /* socket; readable when there is a report, and at end of file when it died */
};
#define NET_PROCESS_INIT ((struct net_process){ .fd = -1 })

/*
 * Starts bryo-net. It does all that it can before it knows the namespace, so call this before the
 * container is cloned. The caller must stand in the host's network namespace (its sockets go out
 * there), and have CAP_SYS_ADMIN and CAP_NET_ADMIN over the user namespace that owns the
 * container's network. The child belongs to the caller: net_stop() waits for it.
 */
int net_start(const struct net_args *args, struct net_process *ret_net, struct err *err);

/*
 * Tells it the container's network namespace, and optionally (-1: none) a pidfd of the process with
 * whose end the network ends. The descriptors stay the caller's.
 */
int net_attach(struct net_process *net, int netns_fd, int init_pidfd, struct err *err);

/*
 * Waits (at most timeout_ms) until the network can be used: 0, or what bryo-net reported (a port in
 * use, no tap device), or -ETIMEDOUT. After an error call net_stop().
 */
int net_wait_ready(struct net_process *net, int timeout_ms, struct err *err);

/*
 * Hands over the listener of a filter (netns/inject-filter.h) that a process of the container has,
 * made for this wall: its connections are made by bryo-net from now on. The descriptor stays the
 * caller's. Without it, or when bryo-net is gone, the process's calls fail with ENOSYS once the
 * last copy is closed.
 */
int net_add_listener(struct net_process *net, int listener, enum inject_wall wall);

/*
 * Has a running bryo-net read the host's resolvers again and bind those published ports that it
 * could not bind before or that it lost. Waits for its answer (at most timeout_ms): 0, or what it
 * reported, such as the port that is still in use.
 */
int net_reload(struct net_process *net, int timeout_ms, struct err *err);

/*
 * No more of the container's connections are made on the host: others may change the routes of its
 * network from now on. Those that are there stay. 0 or a negative errno.
 */
int net_stop_injection(struct net_process *net);

/*
 * Ends bryo-net and waits until its ports are free. Accepts one that is dead or was never started.
 * It gets a moment to end by itself, then SIGKILL. Closing its interface may keep the process in
 * the kernel some 20 ms longer; net->pid is 0 after this if it is gone, else net_reap() waits.
 */
void net_stop(struct net_process *net);

/* Waits for the process to be gone. A caller that ends itself now may leave that to init. */
void net_reap(struct net_process *net);

/*
 * Path of bryo-net beside the running program: ../libexec/bryo/bryo-net, or the same folder (a
 * build tree). -ENOENT with the fix named. The caller owns *ret_path.
 */
int net_program(char **ret_path, struct err *err);

/* ---- Files of the container ---- */

/* Where the container's resolv.conf and hosts come from. Unset pointers mean: none. */
struct net_files_args {
	const struct net_options *options;   /* of bryo-net; NULL: another network, or none */
	const struct bridge_address *bridge; /* on a bridge; NULL: on none */
	bool host_network;	       /* --network=host: the host's files, --add-host added */
	const struct strv *dns;	       /* --dns; {"none"} alone: no resolv.conf is made */
	const struct strv *dns_search; /* --dns-search; {"."}: none */
	const struct strv *dns_option; /* --dns-option */
	const struct strv *add_host;   /* --add-host NAME[;NAME]:IP, IP may be host-gateway */
	const struct strv *names;      /* hostname, then container name: for the own address */
	const char *base_hosts;	       /* text that the file starts with: "image" or "none" case */
	const char *host_gateway; /* containers.conf host_containers_internal_ip; NULL: found */
};

/*
 * The bytes of the container's /etc/resolv.conf, in Podman's layout (search, nameserver lines,
 * options). Without --dns: the host's, whose loopback resolvers (systemd-resolved's stub, dnsmasq)
 * are unreachable from inside and are replaced by our forwarder; on a bridge by those behind the
 * stub or, as Podman does it where none is left, by public ones. The caller owns *ret_text; NULL
 * for --dns=none.
 */
int net_resolv_conf(const struct net_files_args *args, char **ret_text, struct err *err);

/*
 * The bytes of the container's /etc/hosts: base, --add-host, localhost, host.containers.internal
 * and host.docker.internal, the container's own names. The caller owns *ret_text.
 */
int net_hosts_file(const struct net_files_args *args, char **ret_text, struct err *err);

/* Each checks one value of --add-host, --dns, --dns-search as the flag is read. */
int net_add_host_check(const char *text, struct err *err);
int net_dns_check(const char *text, struct err *err);
int net_dns_search_check(const char *text, struct err *err);
