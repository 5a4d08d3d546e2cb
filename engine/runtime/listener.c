/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The listener of a seccomp filter with SCMP_ACT_NOTIFY comes into being in the very process
 * that the filter stops: were it to call sendmsg() to give the listener away, and the profile
 * notifies sendmsg, it would wait for ever. So a thread without the filter (seccomp(2) without
 * TSYNC binds the calling thread alone) sends it, while the filtered one waits in a loop that
 * makes no system call. execve ends the thread, if it has not ended itself.
 */
#include "engine/runtime/listener-internal.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/json.h"
#include "engine/runtime/plan-internal.h"

#define THREAD_STACK (256UL << 10)

struct hand_over {
	_Atomic int listener; /* -1 until there is one, -2: give up */
	_Atomic int done;     /* 1 sent, or a negative errno */
	int socket;
	const char *state;
};

/*
 * The thread. It shares everything with the other one, errno included: the other makes no
 * call meanwhile. sched_yield keeps a single processor from standing still.
 */
static int send_listener(void *data)
{
	struct hand_over *hand = data;
	int fd = -1;
	int r = 0;

	for (fd = atomic_load(&hand->listener); fd == -1; fd = atomic_load(&hand->listener))
		(void)sched_yield();
	if (fd >= 0)
		r = fd_send(hand->socket, hand->state, strlen(hand->state), &fd, 1);
	atomic_store(&hand->done, r < 0 ? r : 1);
	syscall(SYS_exit, 0);
	return 0;
}

int listener_install(struct process_plan *plan, struct err *err)
{
	struct hand_over hand = { .listener = -1,
				  .socket = plan->seccomp_socket,
				  .state = plan->listener_state };
	char *stack = malloc(THREAD_STACK);
	int listener = -1;
	int r = 0;

	(void)err;
	if (!stack)
		return -ENOMEM;
	r = clone(send_listener, stack + THREAD_STACK,
		  CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM,
		  &hand);
	if (r < 0) {
		r = -errno;
		free(stack);
		return r;
	}
	r = seccomp_filter_install(&plan->filter, &listener);
	atomic_store(&hand.listener, r < 0 ? -2 : listener);
	while (atomic_load(&hand.done) == 0)
		__asm__ volatile("" ::: "memory");
	if (r == 0 && atomic_load(&hand.done) < 0)
		r = atomic_load(&hand.done);
	return r; /* the stack stays: the thread may still be on it, exec frees all */
}

pid_t outer_pid(const struct process_plan *plan)
{
	char text[24] = { 0 };

	return readlinkat(plan->proc_fd, "self", text, sizeof(text) - 1) > 0
		       ? (pid_t)strtol(text, NULL, 10)
		       : 0;
}

/* The container process state of config-linux.md, "containerprocessstate". */
void listener_describe(struct process_plan *plan, const char *state_text)
{
	auto_json json_t *json = json_object();
	json_t *fds = json_array();

	json_set_str(json, "ociVersion", OCI_VERSION);
	json_array_append_new(fds, json_string("seccompFd"));
	json_object_set_new(json, "fds", fds);
	json_set_int(json, "pid", outer_pid(plan));
	json_set_str(json, "metadata", plan->listener_metadata);
	if (state_text)
		json_object_set_new(json, "state", json_loads(state_text, 0, NULL));
	free(plan->listener_state);
	plan->listener_state = json_text(json);
}

int listener_open(struct process_plan *plan, const struct oci_seccomp *seccomp, struct err *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	auto_close int fd = -1;

	if (plan->seccomp_socket >= 0)
		return 0;
	if (str_empty(seccomp->listener_path))
		return err_say(err, ERR_USAGE,
			       "linux.seccomp has SCMP_ACT_NOTIFY and no listenerPath");
	if (strlen(seccomp->listener_path) >= sizeof(address.sun_path))
		return err_say(err, ERR_USAGE, "linux.seccomp.listenerPath is too long");
	strcpy(address.sun_path, seccomp->listener_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return err_set(err, -errno, "cannot connect to linux.seccomp.listenerPath %s",
			       seccomp->listener_path);
	plan->seccomp_socket = fd_take(&fd);
	plan->own_seccomp_socket = true;
	return 0;
}
