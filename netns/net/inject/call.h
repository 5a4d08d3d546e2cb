/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stopped system call, in the words of the socket calls whatever architecture made it: x86-64's
 * programs of 32 bits have numbers of their own, and socketcall(2).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "netns/inject-filter.h"
#include "netns/net/inject/notify.h"
#include "netns/net/inject/task.h"

enum call_kind { CALL_CONNECT, CALL_BIND, CALL_LISTEN, CALL_RULESET, CALL_EPOLL, CALL_OTHER };

/* Beside 0 and a negative errno, what a handler may want: the kernel carries the call out. */
enum { CALL_CONTINUE = 1 };

struct call {
	int listener;
	enum inject_wall wall; /* of the process that made it */
	struct seccomp_notif notif;
	enum call_kind kind;
	struct task *task; /* NULL: it cannot be looked at */
	uint64_t args[3];
};

/* Fills in all but listener, wall and notif, which are there. */
void call_decode(struct call *call, struct tasks *tasks);
