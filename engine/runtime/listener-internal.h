/* SPDX-License-Identifier: Apache-2.0 */
/* Handing over a seccomp notification listener from a process that its own filter may stop. */
#pragma once

struct err;
struct process_plan;

/* Installs the filter and sends its listener; 0 or a negative errno (err is set by the caller). */
int listener_install(struct process_plan *plan, struct err *err);
