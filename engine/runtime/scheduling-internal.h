/* SPDX-License-Identifier: Apache-2.0 */
/* How the kernel treats the process: out-of-memory score, scheduler, I/O, memory, personality. */
#pragma once

struct err;
struct oci_spec;
struct process_plan;

int scheduling_apply(const struct process_plan *plan, struct err *err);
/* Names only: refuses unknown policies, classes, flags and lists before anything is made. */
int scheduling_validate(const struct oci_spec *spec, struct err *err);
