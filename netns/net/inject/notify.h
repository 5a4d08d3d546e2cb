/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's side of stopped system calls: seccomp_unotify(2) in functions. A listener is the
 * descriptor that came with a container's filter (netns/inject-filter.h).
 *
 * All but notify_receive() may fail with -ENOENT when the call is over meanwhile: its thread was
 * killed, or a signal came before the answer. That is nobody's fault; the caller forgets the call.
 */
#pragma once

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * -EOPNOTSUPP where the kernel's messages are larger than those that this program was built with.
 * Once, before the first listener; allowed in no lockdown.
 */
int notify_init(void);

/*
 * For a new listener: caller and injector take turns on one processor, where the kernel can
 * (Linux 6.6); waking another one takes longer than all that is done here.
 */
void notify_tune(int listener);

/* Waits for a stopped call. 0; -ENOENT: there was one, it is over; other errors end the listener.
 */
int notify_receive(int listener, struct seccomp_notif *ret_call);

/* True while the thread that made the call still waits for its answer: what was read is its own. */
bool notify_valid(int listener, uint64_t id);

/* The kernel carries the call out as if nobody had looked. */
int notify_continue(int listener, uint64_t id);

/* The call returns 0, or -1 with this error (negative). */
int notify_answer(int listener, uint64_t id, int error);

/*
 * Puts a duplicate of fd in place of the caller's descriptor `number`, as dup3(2) would. The call
 * still waits after that.
 */
int notify_replace(int listener, uint64_t id, int fd, int number, bool cloexec);
