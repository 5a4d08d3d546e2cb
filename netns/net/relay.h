/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What bryo-net carries: frames from the container past the policy into the translator, and back.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "netns/options/options.h"
#include "netns/net/control.h"
#include "netns/net/dns.h"
#include "netns/net/listen.h"
#include "netns/net/policy.h"
#include "netns/net/stack/fragment.h"
#include "netns/net/stack/stack.h"
#include "netns/net/tap.h"
#include "netns/net/watch.h"

enum {
	RELAY_FRAME_MAX = 65536 + 4096, /* 64 kB of IPv6 payload behind all headers, in pages */
	RELAY_PATH_MAX = 4096,
	RELAY_IDLE_MS = 200, /* the first pause that is called idle; each later one lasts longer, */
	RELAY_IDLE_MAX_MS = 10000, /* up to this */
};

struct splice;

struct relay {
	struct net_options options;
	struct watch_loop loop;
	struct stack *stack;
	struct policy policy;
	struct dns dns;
	struct listener *listeners; /* on the heap, made before the sandbox */
	size_t listener_count;
	struct tap tap;
	struct watch tap_watch; /* these four are told only to relay.c */
	struct watch monitor;
	struct watch init; /* pidfd of the container's init */
	struct watch inotify;
	struct watch injector;	/* the socket to it; its descriptor is -1 where there is none */
	struct control control; /* what the monitor may ask for */
	struct splice *splice;	/* streams beside the translator; open from set-up to the end */
	char resolv_folder[RELAY_PATH_MAX]; /* of the real file behind /etc/resolv.conf */
	const char *folders[4];		    /* that may still be read, for lockdown_enter() */
	void (*on_idle)(void); /* called when a pause after some work lasts idle_ms; may be NULL */
	int idle_ms;
	bool worked; /* since on_idle() */
	struct fragments fragments;
	_Alignas(4096) uint8_t frame[RELAY_FRAME_MAX];
};

/* Sets all descriptors to "none". */
void relay_init(struct relay *relay);

/* Starts loop and translator for relay->options. */
int relay_open(struct relay *relay, struct err *err);

/* Reads the host's resolvers and begins to follow their file. */
int relay_watch_resolvers(struct relay *relay, struct err *err);

/* Puts all descriptors into the loop; listeners begin to accept. */
int relay_start(struct relay *relay, struct err *err);

/* Reads the host's resolvers again, and binds ports that could not be bound. */
int relay_reload(struct relay *relay, struct err *err);

/* Carries frames until there is no more reason to; see the cases at "Ends" in relay.c. */
void relay_run(struct relay *relay);
