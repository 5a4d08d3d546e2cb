/* SPDX-License-Identifier: Apache-2.0 */
/* Stopped calls, decoded: see call.h. Runs in the injector. */
#include "netns/net/inject/call.h"

#include <linux/audit.h>
#include <linux/net.h>
#include <sys/syscall.h>

#ifdef __x86_64__

enum { I386_SOCKETCALL = 102, I386_BIND = 361, I386_CONNECT = 362 };

/* socketcall(2): which one, and an array of its arguments in the caller's memory. */
static enum call_kind decode_socketcall(struct call *call)
{
	uint32_t words[3];
	const uint64_t which = call->notif.data.args[0];

	if (!call->task ||
	    task_copy(call->task, call->notif.data.args[1], words, sizeof(words)) < 0)
		return CALL_OTHER;
	for (int i = 0; i < 3; i++)
		call->args[i] = words[i];
	return which == SYS_CONNECT ? CALL_CONNECT : which == SYS_BIND ? CALL_BIND : CALL_OTHER;
}

static enum call_kind decode_i386(struct call *call)
{
	switch (call->notif.data.nr) {
	case I386_SOCKETCALL:
		return decode_socketcall(call);
	case I386_CONNECT:
		return CALL_CONNECT;
	case I386_BIND:
		return CALL_BIND;
	default:
		return CALL_OTHER;
	}
}

static bool is_i386(const struct call *call)
{
	return call->notif.data.arch == AUDIT_ARCH_I386;
}

#else

static enum call_kind decode_i386(struct call *call)
{
	(void)call;
	return CALL_OTHER;
}

static bool is_i386(const struct call *call)
{
	(void)call;
	return false;
}

#endif

static enum call_kind decode(const struct call *call)
{
	switch (call->notif.data.nr) {
	case SYS_connect:
		return CALL_CONNECT;
	case SYS_bind:
		return CALL_BIND;
	case SYS_listen:
		return CALL_LISTEN;
	case SYS_landlock_create_ruleset:
		return CALL_RULESET;
#ifdef SYS_epoll_create
	case SYS_epoll_create:
#endif
	case SYS_epoll_create1:
		return CALL_EPOLL;
	default:
		return CALL_OTHER;
	}
}

void call_decode(struct call *call, struct tasks *tasks)
{
	for (int i = 0; i < 3; i++)
		call->args[i] = call->notif.data.args[i];
	if (task_open(tasks, call->listener, &call->notif, &call->task) < 0)
		call->task = NULL;
	call->kind = is_i386(call) ? decode_i386(call) : decode(call);
}
