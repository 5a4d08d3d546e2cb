/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the injector's parts share: inject.c (life), subject.c (the socket of a call), outgoing.c
 * (connect, on the host), local.c (connect and bind, on the container's own network), incoming.c
 * (listen), pending.c (who waits).
 */
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "netns/net/inject/call.h"
#include "netns/net/inject/inject.h"

enum { INJECT_PENDING_MAX = 1024 };

union address {
	struct sockaddr any;
	struct sockaddr_in four;
	struct sockaddr_in6 six;
	struct sockaddr_storage storage;
};

/* The socket that a stopped call is about. */
struct subject {
	int number; /* the container's descriptor */
	int fd;	    /* our copy */
	int family; /* AF_INET or AF_INET6 */
	bool host;  /* a socket of the host already */
	bool own;   /* of the container's own network; neither: of a third one */
	ino_t inode;
};

/* A connect(2) of a program that waits for it. */
struct pending {
	int listener;
	uint64_t id;
	pid_t tid;
	int fd;	    /* the socket that connects */
	int number; /* >= 0: where it is to be put, with these flags; -1: it is there already */
	int flags;
	int64_t due; /* CLOCK_MONOTONIC, of SO_SNDTIMEO; INT64_MAX: none */
	union address to;
	socklen_t size;
};

struct injector {
	const struct inject_args *args;
	struct tasks tasks;
	int control;
	int diag;	   /* NETLINK_SOCK_DIAG */
	uint64_t host_net; /* SO_NETNS_COOKIE of the two namespaces */
	uint64_t container_net;
	bool off;		     /* a program of the container restricts itself: see inject.c */
	bool lent[INJECT_PORTS_MAX]; /* by the port's index: the container got a listener */
	struct {
		int fd;
		enum inject_wall wall;
	} listeners[INJECT_LISTENERS_MAX];
	size_t listener_count;
	struct pending pending[INJECT_PENDING_MAX];
	size_t pending_count;
};

/*
 * Takes the call's socket. 0 when it is a TCP socket, whosever; else a negative errno: the call is
 * none of ours. The caller closes fd.
 */
int subject_take(const struct injector *injector, struct call *call, struct subject *ret_subject);

/*
 * The flags of its descriptor (task_fd_flags()) when another socket can take its place, or a
 * negative errno: somebody else holds it, or wants signals from it.
 */
int subject_flags(struct injector *injector, const struct call *call,
		  const struct subject *subject);

/*
 * Puts fd, a socket that does not block, in the place of the container's, with these flags, and
 * into the event sets that it is in. 0 or a negative errno: then all is as it was.
 */
int subject_replace(const struct injector *injector, const struct call *call,
		    const struct subject *subject, int fd, int flags);

/* Of which network namespace a socket is (SO_NETNS_COOKIE, Linux 5.14). 0 or a negative errno. */
int subject_net(int fd, uint64_t *ret_cookie);

/* State of a TCP socket (TCP_CLOSE, TCP_LISTEN, ...), or a negative errno. */
int subject_state(const struct subject *subject);

/* The address in a connect's or bind's arguments. 0: of IPv4 or IPv6; else a negative errno. */
int call_read_address(const struct call *call, union address *ret_address, socklen_t *ret_size);

/*
 * connect(2) on a socket of the host. 0 or a negative errno is the call's result, CALL_CONTINUE:
 * not to be made there. With ret_pending the call waits: pending_add() is the caller's.
 */
int outgoing_connect(struct injector *injector, const struct call *call,
		     const struct subject *subject, const union address *to, socklen_t size,
		     struct pending *ret_pending);

/* The same on the container's own socket, which behind Landlock it may not connect or bind itself.
 */
int local_connect(const struct call *call, const struct subject *subject, const union address *to,
		  socklen_t size, struct pending *ret_pending);
int local_bind(const struct injector *injector, const struct call *call,
	       const struct subject *subject, const union address *to, socklen_t size);

/* listen(2). 0 or a negative errno is the call's result, or CALL_CONTINUE. */
int incoming_listen(struct injector *injector, struct call *call);

/*
 * Where a client inside the container finds the server that listens on a published port of its own,
 * when that was injected: ret_host is then an address of the host. False: nobody, or not injected.
 */
bool incoming_find(struct injector *injector, int family, uint16_t container_port,
		   union address *ret_host);

/* Result of a handler of connect that has filled in its pending call. */
enum { CALL_WAITS = 2 };

/* When a connect(2) that blocks gives up by itself: socket(7), SO_SNDTIMEO. As pending's due. */
int64_t pending_due(int fd);
/*
 * Keeps the call until its socket is connected. Takes pending->fd over. When there is no room the
 * call fails with EAGAIN.
 */
void pending_add(struct injector *injector, const struct pending *pending);
/* Adds what is waited for to a table for poll(2); *timeout_ms is lowered where needed. */
size_t pending_fill(const struct injector *injector, struct pollfd *fds, int *timeout_ms);
/* After poll(2): answers those that are connected, have failed or were given up. */
void pending_run(struct injector *injector, const struct pollfd *fds, size_t count);

/* diag.c: whether somebody listens at this address of the host. */
bool diag_listens(int netlink, const union address *address);
