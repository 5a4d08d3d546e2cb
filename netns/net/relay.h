/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop of bryo-net: frames from the container through policy and DNS into the stack, and back.
 */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "netns/net-options.h"
#include "netns/net/control.h"
#include "netns/net/dns.h"
#include "netns/net/ping6.h"
#include "netns/net/policy.h"
#include "netns/net/stack/stack.h"
#include "netns/net/tap.h"

enum {
	RELAY_FRAME_MAX = 65536,
	RELAY_POLL_MAX = 65536, /* descriptors that can be waited for at once */
	RELAY_PATH_MAX = 4096,
	RELAY_IDLE_MS = 200, /* the first pause that is called idle; each later one lasts longer, */
	RELAY_IDLE_MAX_MS = 10000, /* up to this */
};

struct watch_loop;

struct relay {
	struct net_options options;
	const struct stack_ops *ops;
	struct stack *stack;
	struct stack_link link;
	struct policy policy;
	struct dns dns;
	struct ping6 ping6;
	int tap;
	enum tap_kind tap_kind;
	int init_pidfd;
	int inotify;
	struct watch_loop *loop; /* further descriptors: those of splice; NULL: none */
	struct control control;
	char resolv_folder[RELAY_PATH_MAX]; /* of the real file behind /etc/resolv.conf */
	const char *folders[4];		    /* that may still be read, for lockdown_enter() */
	void (*on_idle)(void); /* called when a pause after some work lasts idle_ms; may be NULL */
	int idle_ms;
	bool worked; /* since on_idle() */
	uint8_t frame[RELAY_FRAME_MAX];
	struct pollfd fds[RELAY_POLL_MAX];
};

/* Sets all descriptors to "none". */
void relay_init(struct relay *relay);

/* Starts the stack for relay->options; ports are those that listen_open() will get. */
int relay_open(struct relay *relay, const struct stack_ops *ops, const struct port_list *ports,
	       struct err *err);

/* Reads the host's resolvers and begins to follow their file. */
int relay_watch_resolvers(struct relay *relay, struct err *err);

/* Reads the host's resolvers again. */
void relay_reload(struct relay *relay);

/* Carries frames until there is no more reason to; see the cases at should_end() in relay.c. */
void relay_run(struct relay *relay);
