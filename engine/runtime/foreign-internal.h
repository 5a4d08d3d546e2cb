/* SPDX-License-Identifier: Apache-2.0 */
/* One call of another runtime: its scratch folder, its words, its outcome. foreign-call.c. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/str.h"
#include "engine/runtime/foreign.h"

/* What appears in the scratch folder, in the call's mount namespace only. */
struct foreign_attachment {
	int fd;	    /* an unattached mount, or a namespace; the call's owner's */
	bool is_ns; /* a namespace: bound from its descriptor */
	bool owned; /* closed with the call */
	char name[32];
};

struct foreign_call {
	const struct foreign *foreign;
	const char *bundle; /* where the scratch folder is seen: foreign->bundle, or another */
	int scratch;	    /* tmpfs, attached there by the call alone */
	int console;	    /* listening socket "console" in it; -1: no terminal */
	struct strv args;   /* behind the global options */
	OCI_LIST(struct foreign_attachment) attachments;
	int stdio[3];
	const int *pass_fds;
	size_t pass_fd_count;
	bool no_cgroup; /* the runtime is to leave control groups alone, where it knows how */
};
#define FOREIGN_CALL_INIT                                                                          \
	((struct foreign_call){ .scratch = -1, .console = -1, .stdio = { -1, -1, -1 } })
void foreign_call_done(struct foreign_call *call);

/* Makes the scratch folder of an empty call. */
int foreign_call_open(const struct foreign *foreign, struct foreign_call *call, struct err *err);

/* Adds what will be visible as NAME in the scratch folder; owned: fd is closed with the call. */
int foreign_call_attach(struct foreign_call *call, int fd, const char *name, bool is_ns, bool owned,
			struct err *err);

/* Writes a file in the scratch folder. */
int foreign_call_write(struct foreign_call *call, const char *name, const char *text,
		       struct err *err);

/* "--pid-file", and with a terminal the socket and "--console-socket". */
int foreign_call_expect_process(struct foreign_call *call, bool terminal, struct err *err);

/* Path of NAME in the scratch folder as the runtime sees it; the caller's. */
char *foreign_call_path(const struct foreign_call *call, const char *name);

/* Runs it to its end. */
int foreign_call_run(struct foreign_call *call, struct err *err);

/* The process that it left to us, and its terminal. */
int foreign_call_take_process(struct foreign_call *call, struct runtime_container *ret_process,
			      struct err *err);
