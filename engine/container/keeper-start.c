/* SPDX-License-Identifier: Apache-2.0 */
/* Starting a container: see keeper-internal.h. Runs in the keeper, again at each restart. */
#include "engine/container/keeper-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/fd.h"
#include "engine/base/json.h"
#include "engine/base/proc.h"
#include "engine/base/time.h"
#include "engine/container/foreign.h"
#include "engine/container/internal.h"
#include "engine/container/label.h"
#include "netns/netns.h"

enum { NETWORK_MS = 20000 };

/* Pipes between container and monitor: none with a terminal. */
static int open_pipes(struct keeper *k, struct err *err)
{
	bool wanted[3] = { k->container->spec.interactive, true, true };
	int r = 0;

	for (int i = 0; i < 3; i++)
		k->pipes[i][0] = k->pipes[i][1] = -1;
	for (int i = 0; i < 3 && !k->container->spec.tty; i++)
		if (wanted[i] && r == 0)
			r = label_pipe(k->container, k->pipes[i]);
	return r < 0 ? err_set(err, r, "cannot make a pipe") : 0;
}

static int open_root(void *data, int *ret_fd, struct err *err)
{
	int *root_fd = data;

	(void)err;
	*ret_fd = fd_take(root_fd);
	return 0;
}

static int start_bridge(struct keeper *k, struct preparation *p, struct strv *warnings,
			struct err *err)
{
	const struct bridge_network network = bridge_network_default();
	struct bridge_args args = { .run_fd = k->engine->run_fd,
				    .network = &network,
				    .wish = &p->wish,
				    .ports = &p->ports,
				    .id = k->container->id };
	auto_free char *note = NULL;
	int r = bridge_start(&args, &k->bridge, &note, err);

	if (r < 0)
		return r;
	p->address = k->bridge.address;
	if (note && warnings)
		strv_add(warnings, note);
	return 0;
}

static int start_network(struct keeper *k, struct preparation *p, struct strv *warnings,
			 struct err *err)
{
	const struct net_args args = { .options = &p->net_options,
				       .ports = &p->ports,
				       .host_ports = &p->host_ports,
				       .inherited = k->net_listen.fds,
				       .inherited_count = k->net_listen.count };

	if (p->has_bridge)
		return start_bridge(k, p, warnings, err);
	return p->has_net ? net_start(&args, &k->net, err) : 0;
}

/* Inherited sockets: bryo-net's are those that it would have to bind otherwise. */
static void share_listen_fds(struct keeper *k, const struct preparation *p)
{
	listen_fds_done(&k->net_listen);
	listen_fds_done(&k->pass);
	listen_fds_split(&k->listen, &p->ports, &k->net_listen, &k->pass);
}

static bool has_network(const struct keeper *k)
{
	return k->net.pid > 0 || k->bridge.number > 0;
}

/*
 * A nested user namespace's root is undumpable for a moment while it takes its ids, and its
 * /proc files are closed to us then (ptrace(2)): a few more looks are enough.
 */
static int open_netns(pid_t pid, int *ret_fd, struct err *err)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	int r = 0;

	for (int tries = 0; tries < 200; tries++) {
		r = netns_open(pid, ret_fd, err);
		if (r != -EACCES)
			return r;
		(void)nanosleep(&moment, NULL); /* cut short by a signal is fine */
	}
	return r;
}

static int attach_network(struct keeper *k, struct err *err)
{
	auto_close int netns = -1;
	int r = 0;

	if (!has_network(k))
		return 0;
	r = open_netns(k->process.pid, &netns, err);
	if (r < 0)
		return r;
	return k->net.pid > 0 ? net_attach(&k->net, netns, k->process.pidfd, err)
			      : bridge_attach(&k->bridge, netns, err);
}

/* A child that ended before we came to its namespace knows better why. */
static int attach_or_hear(struct keeper *k, bool foreign, struct err *err)
{
	struct err own = ERR_INIT;
	int r = attach_network(k, err);

	if (r == 0 || foreign || runtime_create_finish(&k->process, &own) == 0)
		return r;
	if (err)
		*err = own;
	return own.code;
}

static int wait_for_network(struct keeper *k, struct err *err)
{
	if (!has_network(k))
		return 0;
	return k->net.pid > 0 ? net_wait_ready(&k->net, NETWORK_MS, err)
			      : bridge_wait_ready(&k->bridge, NETWORK_MS, err);
}

/* Of its own network, or of that of the container that it is in. */
static int choose_injection(struct keeper *k, const struct preparation *p, struct err *err)
{
	const struct spec_ns *net = &k->container->spec.net;
	struct container other auto_done(container) = CONTAINER_INIT;
	int r = 0;

	k->injection.on = false;
	*k->injected_by = '\0';
	if (k->net.pid > 0 && !container_is_foreign(k->container))
		injection_choose(&p->net_options, &p->oci, &p->ports, &k->injection);
	if (net->kind != SPEC_NS_CONTAINER ||
	    container_find(k->engine, net->value, &other, NULL) < 0)
		return 0;
	memcpy(k->injected_by, other.id, sizeof(k->injected_by));
	if (!injection_join(&other, &p->oci, &k->injection)) {
		k->injection.on = k->injection.on && !container_is_foreign(k->container);
		return 0;
	}
	r = injection_stop(k->engine, &other);
	return r < 0 ? err_set(err, r, "cannot tell container %s that its routes may change",
			       other.state.name)
		     : 0;
}

/* What the user asked for although it opens a way: said at each start. */
static void warn_unguarded(const struct injection *injection, struct strv *warnings)
{
	if (warnings && injection->on && injection->wall == INJECT_WALL_NONE)
		strv_add(warnings,
			 "fast=on without Landlock's network rules: a "
			 "hostile program in the container can reach the host's loopback");
}

/*
 * Clone, network and set-up side by side; then the exec. What fails is undone by undo_start().
 */
static int create_and_start(struct keeper *k, struct preparation *p, struct strv *warnings,
			    struct err *err)
{
	struct runtime_create_args args = { RUNTIME_CREATE_ARGS_INIT, .spec = &p->oci,
					    .id = k->container->id, .open_root = open_root,
					    .open_root_data = &p->root_fd };
	bool foreign = container_is_foreign(k->container);
	int r = 0;

	r = choose_injection(k, p, err);
	if (r < 0)
		return r;
	warn_unguarded(&k->injection, warnings);
	args.notify_filter = k->injection.on ? &k->injection.program : NULL;
	args.no_own_tcp = k->injection.on && k->injection.wall == INJECT_WALL_LANDLOCK;
	/* A monitor that was killed has left a record, which would be in the way. */
	if (foreign)
		(void)container_foreign_delete(k->engine, k->container, NULL);
	r = keeper_cgroup_create(k->engine, k->container, &p->oci, &k->cgroup, warnings, err);
	if (r < 0)
		return r;
	args.cgroup_fd = k->cgroup.cgroup.fd;
	args.init_fd = k->init_fd;
	args.seccomp_cache_fd = k->seccomp_fd;
	/* With a network the child waits for that; what it fails in is to be heard first. */
	args.at_once = !has_network(k);
	args.pass_fds = k->pass.fds;
	args.pass_fd_count = k->pass.count;
	args.stdio[0] = k->pipes[0][0];
	args.stdio[1] = k->pipes[1][1];
	args.stdio[2] = k->pipes[2][1];
	/*
	 * The child inherits whether it is dumpable, and what it is decides whether we may open
	 * its namespaces. No program of a container runs before the end of this function, and one
	 * that shares our process ids could trace us only with all the capabilities that we have.
	 */
	(void)prctl(PR_SET_DUMPABLE, 1);
	r = foreign ? container_foreign_create(k->engine, k->container, p, &args,
					       k->cgroup.cgroup.path, &k->process, err)
		    : runtime_create_begin(&args, &k->process, err);
	if (r == 0)
		r = keeper_cgroup_enter(&k->cgroup, k->process.pid, err);
	if (r == 0)
		r = attach_or_hear(k, foreign, err);
	if (r == 0 && !foreign)
		r = args.at_once ? runtime_create_go(&k->process, err)
				 : runtime_create_finish(&k->process, err);
	(void)prctl(PR_SET_DUMPABLE, 0);
	/* While the child sets itself up. */
	if (r == 0)
		r = keeper_open_ends(k, err);
	if (r == 0)
		r = wait_for_network(k, err);
	if (r == 0)
		r = foreign ? container_foreign_start(k->engine, k->container, err)
			    : runtime_start(&k->process, err);
	/* It fails when bryo-net has ended, which it does with a container that had little to do.
	 */
	if (r == 0 && k->process.notify_fd >= 0)
		(void)keeper_pass_listener(k, k->process.notify_fd);
	fd_close(&k->process.notify_fd);
	return r;
}

int keeper_pass_listener(struct keeper *k, int listener)
{
	if (*k->injected_by != '\0')
		return injection_pass(k->engine, k->injected_by, &k->injection, listener);
	return k->net.fd < 0 ? -EOPNOTSUPP : net_add_listener(&k->net, listener, k->injection.wall);
}

static void close_container_ends(struct keeper *k)
{
	fd_close(&k->pipes[0][0]);
	fd_close(&k->pipes[1][1]);
	fd_close(&k->pipes[2][1]);
}

static void undo_start(struct keeper *k)
{
	/* The failing step may have reaped it: then there is nothing to wait for. */
	if (k->process.pidfd >= 0 && proc_kill(k->process.pidfd, SIGKILL) == 0)
		(void)proc_wait(k->process.pid);
	runtime_container_done(&k->process);
	if (container_is_foreign(k->container))
		(void)container_foreign_delete(k->engine, k->container, NULL);
	net_stop(&k->net);
	bridge_stop(&k->bridge);
	bridge_reap(&k->bridge);
	keeper_cgroup_remove(&k->cgroup);
	for (int i = 0; i < 3; i++) {
		fd_close(&k->pipes[i][0]);
		fd_close(&k->pipes[i][1]);
	}
}

static void record_running(struct keeper *k, const struct preparation *p)
{
	struct container_state *s = &k->container->state;
	char host[65] = "";

	s->status = CONTAINER_RUNNING;
	s->pid = k->process.pid;
	s->monitor_pid = getpid();
	(void)proc_start_time(k->process.pid, &s->start_ticks); /* 0 when it has ended already */
	memcpy(s->boot, k->engine->boot, sizeof(s->boot));
	memcpy(s->machine, k->engine->machine, sizeof(s->machine));
	(void)gethostname(host, sizeof(host) - 1);
	free(s->host);
	s->host = xstrdup(host);
	s->started_at = time_now();
	s->finished_at = 0;
	s->exit_code = 0;
	s->oom = false;
	s->stopped_by_user = false;
	free(take(s->error));
	free(s->cgroup);
	free(s->cgroup_v1);
	s->cgroup = xstrdup(k->cgroup.cgroup.path);
	s->cgroup_v1 = xstrdup(k->cgroup.cgroup.v1_path);
	free(s->injection);
	s->injection = xstrdup(injection_name(&k->injection));
	json_decref(s->ports);
	s->ports = p->ports.count ? port_list_to_json(&p->ports) : NULL;
	json_decref(s->address);
	s->address = k->bridge.number > 0
			     ? bridge_address_json(&k->bridge.network, &k->bridge.address)
			     : NULL;
}

static int write_pidfile(const struct keeper *k, struct err *err)
{
	const char *path = k->container->spec.pidfile;
	auto_close int fd = -1;

	if (!path)
		return 0;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || dprintf(fd, "%d", (int)k->process.pid) < 0)
		return err_set(err, -errno, "cannot write the pid file %s", path);
	return 0;
}

int keeper_start(struct keeper *k, struct strv *warnings, struct err *err)
{
	struct preparation p auto_done(preparation);
	int r = 0;

	preparation_init(&p);
	/* First of all: it comes up on another processor while the rest is prepared. */
	r = container_prepare_network(&k->container->spec, &p, err);
	if (r == 0) {
		share_listen_fds(k, &p);
		r = start_network(k, &p, warnings, err);
	}
	if (r == 0)
		r = container_prepare(k->engine, k->container, &p, err);
	if (r == 0)
		listen_fds_env(&k->pass, &p.oci.process.env);
	if (r == 0)
		r = open_pipes(k, err);
	if (r == 0)
		r = create_and_start(k, &p, warnings, err);
	close_container_ends(k);
	if (r == 0) {
		record_running(k, &p);
		r = container_save_state(k->container, err);
	}
	if (r == 0)
		r = write_pidfile(k, err);
	if (r < 0)
		undo_start(k);
	return r;
}
