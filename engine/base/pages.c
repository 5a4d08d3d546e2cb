/* SPDX-License-Identifier: Apache-2.0 */
/* Pages asked for in advance: see pages.h. Runs in commands and the monitor; single-threaded. */
#include "engine/base/pages.h"

#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* since Linux 5.14 */
#endif

#define PAGE ((uintptr_t)4096)
/* How far a command's calls reach below and above the caller, and how much of the heap it uses. */
#define STACK_BELOW (8 * PAGE)
#define STACK_ABOVE (2 * PAGE)
#define HEAP_FIRST (16 * PAGE)
/* How far deep calls of the past may have reached. */
#define STACK_PAST (64 * PAGE)

/* Where malloc(3) began, or a little later; 0 until pages_own_heap(). */
static uintptr_t heap_start;

/* A range with a hole, or an old kernel: then pages come one by one, as ever. */
static void own(uintptr_t from, uintptr_t to)
{
	from &= ~(PAGE - 1);
	if (to > from)
		(void)madvise((void *)from, to - from, MADV_POPULATE_WRITE);
}

/* The first object is the program itself: its writable segment behind what is read-only by now. */
static int own_variables(struct dl_phdr_info *info, size_t size, void *data)
{
	uintptr_t from = 0;
	uintptr_t to = 0;
	uintptr_t relro_end = 0;

	(void)size;
	(void)data;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + p->p_vaddr;

		if (p->p_type == PT_GNU_RELRO)
			relro_end = start + p->p_memsz;
		if (p->p_type == PT_LOAD && (p->p_flags & PF_W)) {
			from = start;
			to = start + p->p_memsz;
		}
	}
	own(relro_end > from ? relro_end : from, to);
	return 1;
}

__attribute__((noinline)) static void own_stack(void)
{
	volatile char below[STACK_BELOW];
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);

	below[0] = 0; /* one fault, and the stack reaches to here */
	own((uintptr_t)below, here + STACK_ABOVE);
}

void pages_own_heap(void)
{
	void *volatile first = malloc(1); /* volatile: or the compiler takes the pair away */

	heap_start = (uintptr_t)first & ~(PAGE - 1);
	free(first);
	if ((uintptr_t)sbrk(0) >= heap_start + HEAP_FIRST)
		own(heap_start, heap_start + HEAP_FIRST);
}

void pages_own(void)
{
	own_stack();
	(void)dl_iterate_phdr(own_variables, NULL); /* gives back what own_variables() does */
	if (heap_start)
		own(heap_start, (uintptr_t)sbrk(0));
}

#define SEGMENTS_MAX 128

struct segments {
	struct {
		uintptr_t start;
		size_t size;
	} v[SEGMENTS_MAX];
	size_t count;
};

/*
 * Only segments without PF_W: in those no page was ever written (relocations of read-only data lie
 * in the writable segment), so dropping them loses nothing. madvise(2), MADV_DONTNEED.
 */
static int note_segments(struct dl_phdr_info *object, size_t size, void *data)
{
	struct segments *s = data;

	(void)size;
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
		const uintptr_t start = (object->dlpi_addr + segment->p_vaddr) & ~(PAGE - 1);
		const uintptr_t end = object->dlpi_addr + segment->p_vaddr + segment->p_memsz;

		if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W) ||
		    s->count == SEGMENTS_MAX)
			continue;
		s->v[s->count].start = start;
		s->v[s->count++].size = (end - start + PAGE - 1) & ~(PAGE - 1);
	}
	return 0;
}

/* All are found before the first is dropped: what is read after that stays, 64 kB for each place.
 */
__attribute__((noinline)) static void drop_segments(void)
{
	struct segments s = { .count = 0 };

	(void)dl_iterate_phdr(note_segments, &s);
	for (size_t i = 0; i < s.count; i++)
		(void)madvise((void *)s.v[i].start, s.v[i].size, MADV_DONTNEED);
}

/* Not all of the range need be mapped: that part gives ENOMEM, the rest is done. */
__attribute__((noinline)) static void drop_stack(void)
{
	const uintptr_t here = (uintptr_t)__builtin_frame_address(0) & ~(PAGE - 1);

	(void)madvise((void *)(here - PAGE - STACK_PAST), STACK_PAST, MADV_DONTNEED);
}

void pages_give_back(void)
{
	(void)malloc_trim(0);
	drop_segments();
	drop_stack();
}
