/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workers that unpack layers in processes of their own:
 *
 *	bryo-image ── starts, before any thread ──> layer server ── forks, per layer ──> worker
 *	    └── request: descriptors of the stream, the layer's folder and its lock ──────┘
 *
 * The server has one thread, no secret and no connection, so it may fork at any time. A worker
 * shuts itself in (engine/base/sandbox.h) before it reads the first byte of the stream, and ends
 * after one layer. Both die with bryo-image; the worker holds the layer's lock too, so that nobody
 * removes or remakes a folder in which it may still write.
 */
#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/proc.h"
#include "engine/base/sandbox.h"
#include "engine/storage/layer-internal.h"

enum { FD_CONTROL, FD_INPUT, FD_LAYER, FD_LOCK, FD_COUNT, FEED_CHUNK = 256 * 1024 };

struct layer_workers {
	int sock;
	pid_t pid;
};

/* Between processes of one program: plain structs will do. */
struct request {
	char digest[STORAGE_DIGEST_SIZE];
	char diff_id[STORAGE_DIGEST_SIZE];
	uint64_t max_size;
	int64_t offset;
	uint64_t size;
	bool one_id;
	bool keep_blob;
	bool wants_progress;
};

struct reply {
	bool is_progress;
	uint64_t bytes;
	int code;
	struct layer_result result;
	struct err err;
};

/* ---- The worker ---- */

static void tell_progress(void *ctx, uint64_t bytes)
{
	struct reply reply = { .is_progress = true, .bytes = bytes };

	(void)send(*(int *)ctx, &reply, sizeof(reply),
		   MSG_NOSIGNAL); /* nobody may be left to hear */
}

/* Ids and capabilities: the caller's, cut down to what unpacking as root of a user namespace needs.
 * Must: unpack one stream into one folder. Must not: do anything else; the filter sees to it. */
static void __attribute__((noreturn)) work(const struct request *q, const int fds[FD_COUNT])
{
	static const int kept[] = { CAP_CHOWN,	CAP_DAC_OVERRIDE, CAP_FOWNER,
				    CAP_FSETID, CAP_SETFCAP,	  CAP_MKNOD };
	struct fd_source from = {
		.fd = fds[FD_INPUT], .offset = q->offset, .left = q->size, .bounded = q->size > 0
	};
	int control = fds[FD_CONTROL];
	struct layer_job job = { .source = { fd_source_read, &from },
				 .layer_fd = fds[FD_LAYER],
				 .digest = *q->digest ? q->digest : NULL,
				 .diff_id = *q->diff_id ? q->diff_id : NULL,
				 .max_size = q->max_size,
				 .one_id = q->one_id,
				 .keep_blob = q->keep_blob,
				 .progress = q->wants_progress ? tell_progress : NULL,
				 .progress_ctx = &control };
	struct reply reply = { 0 };

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* the lock protects the rest if this fails */
	reply.code = sandbox_enter(&(struct sandbox_args){ .folder_fd = fds[FD_LAYER],
							   .capabilities = kept,
							   .capability_count = ARRAY_SIZE(kept) },
				   &reply.err);
	if (reply.code == 0)
		reply.code = layer_stream(&job, &reply.result, &reply.err);
	(void)send(control, &reply, sizeof(reply), MSG_NOSIGNAL);
	_exit(0);
}

/* ---- The server ---- */

/* One request; false when bryo-image has gone. */
static bool serve_one(int sock)
{
	struct request request;
	int fds[FD_COUNT] = { -1, -1, -1, -1 };
	size_t count = FD_COUNT;
	size_t size = 0;
	pid_t pid = 0;
	int r = fd_recv(sock, &request, sizeof(request), &size, fds, &count);

	if (r < 0)
		return false;
	if (size == sizeof(request) && count >= FD_LOCK) {
		pid = fork();
		if (pid == 0) {
			(void)close(sock);
			work(&request, fds);
		}
	}
	/* A failed fork shows as a control socket that closes without a word. */
	for (size_t i = 0; i < count; i++)
		fd_close(&fds[i]);
	return true;
}

static void __attribute__((noreturn)) serve(int sock)
{
	int keep[] = { sock, STDERR_FILENO };

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* the closed socket ends us as well */
	if (proc_stay(keep, ARRAY_SIZE(keep), "bryo-image: layers") < 0)
		_exit(1);
	(void)signal(SIGCHLD, SIG_IGN); /* workers need no wait */
	while (serve_one(sock))
		;
	_exit(0);
}

int layer_workers_start(struct layer_workers **ret_workers, struct err *err)
{
	struct layer_workers *workers = NULL;
	int ends[2] = { -1, -1 };
	pid_t pid = 0;
	int r = fd_socketpair(SOCK_SEQPACKET, ends);

	if (r < 0)
		return err_set(err, r, "cannot start the process that unpacks layers");
	pid = fork();
	if (pid < 0) {
		r = err_set(err, -errno, "cannot start the process that unpacks layers");
		fd_close(&ends[0]);
		fd_close(&ends[1]);
		return r;
	}
	if (pid == 0) {
		(void)close(ends[0]);
		serve(ends[1]);
	}
	(void)close(ends[1]);
	workers = xcalloc(1, sizeof(*workers));
	*workers = (struct layer_workers){ .sock = ends[0], .pid = pid };
	*ret_workers = workers;
	return 0;
}

void layer_workers_stop(struct layer_workers *workers)
{
	if (!workers)
		return;
	fd_close(&workers->sock);
	(void)proc_wait(workers->pid); /* it ends by itself when the socket closes */
	free(workers);
}

/* ---- The caller ---- */

/* Feeds what the caller's read() gives into the worker's input; ends early when the worker does. */
static int feed(const struct layer_put_args *args, int input)
{
	auto_free char *chunk = xmalloc(FEED_CHUNK);
	uint64_t fed = 0;

	for (;;) {
		ssize_t n = args->read(args->ctx, chunk, FEED_CHUNK);

		if (n <= 0)
			return (int)n;
		for (ssize_t at = 0; at < n;) {
			ssize_t sent = send(input, chunk + at, (size_t)(n - at), MSG_NOSIGNAL);

			if (sent < 0 && errno == EINTR)
				continue;
			if (sent < 0)
				return 0; /* the worker has failed and will say why */
			at += sent;
		}
		fed += (uint64_t)n;
		if (args->progress)
			args->progress(args->progress_ctx, fed);
	}
}

static int await(const struct layer_put_args *args, int control, struct layer_result *ret,
		 struct err *err)
{
	for (;;) {
		struct reply reply;
		size_t size = 0;
		int r = fd_recv(control, &reply, sizeof(reply), &size, NULL, NULL);

		if (r < 0 || size != sizeof(reply))
			return err_say(err, ERR_FAILED,
				       "the process that unpacked the layer ended without a word");
		if (reply.is_progress) {
			if (args->progress)
				args->progress(args->progress_ctx, reply.bytes);
			continue;
		}
		if (reply.code < 0 && err)
			*err = reply.err;
		if (reply.code == 0)
			*ret = reply.result;
		return reply.code;
	}
}

static void fill_request(const struct layer_put_args *args, struct request *q)
{
	*q = (struct request){ .max_size = args->max_size ? args->max_size : LAYER_MAX_SIZE_DEFAULT,
			       .offset = args->read ? -1 : args->offset,
			       .size = args->read ? 0 : args->size,
			       .one_id = args->one_id,
			       .keep_blob = !args->drop_blob,
			       .wants_progress = args->progress && !args->read };
	if (args->digest)
		(void)snprintf(q->digest, sizeof(q->digest), "%s", args->digest); /* checked */
	if (args->diff_id)
		(void)snprintf(q->diff_id, sizeof(q->diff_id), "%s", args->diff_id);
}

int layer_workers_run(const struct layer_put_args *args, int layer_fd, int lock_fd,
		      struct layer_result *ret, struct err *err)
{
	struct request request;
	auto_close int control = -1;
	auto_close int input = -1;
	int control_ends[2] = { -1, -1 };
	int input_ends[2] = { -1, -1 };
	int fds[FD_COUNT] = { 0 };
	int fed = 0;
	int r = fd_socketpair(SOCK_SEQPACKET, control_ends);

	if (r == 0 && args->read)
		r = fd_socketpair(SOCK_STREAM, input_ends);
	if (r == 0) {
		fill_request(args, &request);
		fds[FD_CONTROL] = control_ends[1];
		fds[FD_INPUT] = args->read ? input_ends[1] : args->fd;
		fds[FD_LAYER] = layer_fd;
		fds[FD_LOCK] = lock_fd;
		r = fd_send(args->workers->sock, &request, sizeof(request), fds,
			    lock_fd >= 0 ? FD_COUNT : FD_LOCK);
	}
	control = control_ends[0];
	input = input_ends[0];
	fd_close(&control_ends[1]);
	fd_close(&input_ends[1]);
	if (r < 0)
		return err_set(err, r, "cannot reach the process that unpacks layers");
	if (args->read) {
		fed = feed(args, input);
		fd_close(&input);
	}
	r = await(args, control, ret, err);
	/* The stream broke off: whatever the worker made of the beginning does not count. */
	return fed < 0 ? err_set(err, fed, "cannot read the layer's stream") : r;
}
