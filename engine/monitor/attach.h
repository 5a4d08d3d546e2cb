/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Talking to a container's monitor: attaching to its standard streams, and small requests.
 * docs/formats/attach.md has the protocol: a SOCK_SEQPACKET socket carries messages of one
 * fixed size; the streams themselves are pipes that the client made and handed over with the
 * attach request (SCM_RIGHTS), so that data is neither framed nor copied more than needed, and a
 * full pipe is the back-pressure. A terminal's descriptor is never handed over.
 *
 * Back-pressure: an attached client that does not read slows the container down, as with conmon;
 * a client that has gone (closed, killed) is dropped at once. Stop, kill and the exit status
 * never wait for a slow client.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

/* One side of an attachment: descriptors that are -1 where a stream is not attached. */
struct attach_peer {
	int control; /* SOCK_SEQPACKET */
	int in;	     /* towards the container's standard input */
	int out;
	int err; /* -1 with a terminal: all output is on out */
};
#define ATTACH_PEER_INIT ((struct attach_peer){ -1, -1, -1, -1 })
void attach_peer_done(struct attach_peer *peer); /* closes all */

enum attach_streams {
	ATTACH_STDIN = 1,
	ATTACH_STDOUT = 2,
	ATTACH_STDERR = 4,
};

/*
 * Both sides of an attachment without a socket name, for a foreground `run`: made before the
 * monitor is forked, so that no byte of output can be missed. The monitor's side goes into
 * monitor_args.first. streams are ATTACH_* bits. The caller owns both.
 */
int attach_pair(unsigned int streams, struct attach_peer *ret_client,
		struct attach_peer *ret_monitor, struct err *err);

/*
 * The socket by which later commands find the monitor, name beneath dir_fd (bound through
 * /proc/self/fd, so that the length of the folder's path does not matter; mode 0600, an old socket
 * of that name is replaced). The caller owns the listening descriptor.
 */
int attach_listen(int dir_fd, const char *name, int *ret_fd, struct err *err);

/* Connects to it. -ECONNREFUSED or -ENOENT: no monitor (it was killed, or has ended). */
int attach_connect(int dir_fd, const char *name, int *ret_control, struct err *err);

/*
 * Makes pipes and asks the monitor behind control to attach them. control is taken over into
 * ret_peer->control (also on failure it is closed).
 */
int attach_join(int control, unsigned int streams, struct attach_peer *ret_peer, struct err *err);

/* How a container's first process ended. */
struct attach_exit {
	int status;   /* 0-255; 128+n where signal n ended it */
	int signal;   /* that signal, or 0 */
	bool oom;     /* the kernel killed something in the container for want of memory */
	bool stopped; /* somebody had asked for the stop: no restart */
};

/*
 * Requests on a connected control socket. Each waits for the answer: 0, or the monitor's negative
 * errno, or -ECONNRESET when the monitor has gone.
 */
int attach_resize(int control, unsigned int rows, unsigned int columns);
int attach_kill(int control, int signal);
/*
 * Sends signal (0: the container's stop signal) and, after timeout_ms (-1: the container's stop
 * timeout), SIGKILL. Answers at once: follow with attach_wait(). The monitor keeps the timer, so
 * it goes off even if the caller dies. Sets attach_exit.stopped.
 */
int attach_stop(int control, int signal, int64_t timeout_ms);
int attach_reopen_log(int control);
/* Has the network read the host's resolvers again and bind what could not be bound. */
int attach_reload_network(int control);
/*
 * Gives the network the listener of a system call filter, of this kind (monitor_hooks.on_listener).
 * The descriptor stays the caller's.
 */
int attach_pass_listener(int control, int listener, int kind);
/* From now on the network makes no connections on the host for its container. */
int attach_stop_injection(int control);
/*
 * Waits until the container has ended and everything that belongs to its end was done (on_exit:
 * unmounted, --rm, recorded). timeout_ms -1: for ever; -ETIMEDOUT. -ECONNRESET: the monitor died
 * without a word, its record tells the rest.
 */
int attach_wait(int control, int64_t timeout_ms, struct attach_exit *ret_exit);

/* ---- Detach keys ---- */

#define DETACH_KEYS_MAX 32
#define DETACH_KEYS_DEFAULT "ctrl-p,ctrl-q"

struct detach_keys {
	unsigned char keys[DETACH_KEYS_MAX];
	size_t count;	/* 0: off */
	size_t matched; /* how many of them the input ended with so far */
};
/*
 * "ctrl-p,ctrl-q", "a,ctrl-[": single characters and ctrl- with one of a-z @ [ \ ] ^ _,
 * separated by commas, as Podman's --detach-keys takes them; "" is off. 0, or -EINVAL with a
 * sentence.
 */
int detach_keys_parse(const char *text, struct detach_keys *ret_keys, struct err *err);
/*
 * Passes input through: copies to out (room for size + DETACH_KEYS_MAX) what the container shall
 * see, holding back a begun sequence until it is complete or broken. Returns true when it is
 * complete: the rest of the input is dropped.
 */
bool detach_keys_filter(struct detach_keys *keys, const char *in, size_t size, char *out,
			size_t *ret_size);

/* ---- The client: bryo run in the foreground, bryo attach, bryo start -a ---- */

enum attach_end {
	ATTACH_EXITED = 1,   /* the container ended; exit is filled in */
	ATTACH_DETACHED = 2, /* detach keys: it goes on without us */
	ATTACH_LOST = 3,     /* the monitor ended without a word: read the container's record */
	ATTACH_BROKEN =
		4, /* whoever read our standard output has gone (Podman dies of SIGPIPE here) */
};

struct attach_args {
	struct attach_peer *peer; /* taken over, closed at the end */
	int stdin_fd;		  /* the caller's streams, -1 where not attached */
	int stdout_fd;
	int stderr_fd;
	bool tty; /* the container has a terminal: stdin_fd goes raw if it is one too */
	const struct detach_keys *keys; /* NULL or empty: none, and input is spliced unseen */
	bool sig_proxy; /* every catchable signal but CHLD, PIPE, URG, WINCH goes to the container
			 */
};

struct attach_result {
	enum attach_end end;
	struct attach_exit exit;
};

/*
 * Relays until the end; all output is written before it returns. The terminal's modes are put
 * back in every case that can be caught. Prints nothing. While it runs it has the signals
 * blocked that it proxies (signalfd), and puts the mask back. 0, or a negative errno with a
 * sentence.
 */
int attach_client_run(const struct attach_args *args, struct attach_result *ret_result,
		      struct err *err);
