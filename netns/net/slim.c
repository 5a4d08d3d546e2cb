/* SPDX-License-Identifier: Apache-2.0 */
/* See slim.h. Runs once in bryo-net, at its first pause. */
#include "netns/net/slim.h"

#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * Only segments without PF_W: in those no page was ever written (relocations of read-only data lie
 * in the writable segment), so dropping them loses nothing. madvise(2), MADV_DONTNEED.
 */
static int drop_segments(struct dl_phdr_info *object, size_t size, void *data)
{
	const uintptr_t page = *(const uintptr_t *)data;

	(void)size;
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
		const uintptr_t start = (object->dlpi_addr + segment->p_vaddr) & ~(page - 1);
		const uintptr_t end = object->dlpi_addr + segment->p_vaddr + segment->p_memsz;

		if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W))
			continue;
		(void)madvise((void *)start, (end - start + page - 1) & ~(page - 1), MADV_DONTNEED);
	}
	return 0;
}

void slim_down(void)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	(void)malloc_trim(0);
	(void)dl_iterate_phdr(drop_segments, (void *)(uintptr_t)&page);
}
