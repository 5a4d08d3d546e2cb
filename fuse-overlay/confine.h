/* SPDX-License-Identifier: Apache-2.0 */
/* What bryo-overlay gives up before it serves: capabilities, system calls, files. */
#pragma once

struct err;
struct overlay;

/*
 * Everything but the layers: Landlock where the kernel has it, a few capabilities over their
 * files, an allow-list of system calls. For the process, before its first thread. Files that are
 * open stay usable. 0, or a negative errno with err set: the process must end then.
 */
int confine(const struct overlay *ov, struct err *err);
