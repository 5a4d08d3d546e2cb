/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pages, asked for and given back.
 *
 * Page faults, saved: a process that is about to write much of its memory asks for it in a few
 * calls. A fault costs as much as ten system calls on virtual machines, and a fork makes each page
 * fault anew, in both processes (docs/performance.md). Nothing depends on success: a kernel before
 * 5.14, without MADV_POPULATE_WRITE (madvise(2)), faults as ever.
 */
#pragma once

/* At the start of a command: sets up the heap's first 64 kB. Call before the first allocation. */
void pages_own_heap(void);

/*
 * After fork(), in either process: makes variables, heap and the stack around the caller its own.
 * Costs a copy of each such page, so only where much of them is going to be written.
 */
void pages_own(void);

/*
 * For a process that is going to idle: gives back free heap, the stack below the caller, and the
 * code that starting up touched, in all objects. That stays in the page cache, shared by all; what
 * is needed again comes back with one fault each.
 */
void pages_give_back(void);
