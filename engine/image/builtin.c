/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes that the Makefile links in, see builtin.h. The symbols are weak: a bryo-image without
 * them is whole but for the verb hello.
 */
#include "engine/image/builtin.h"

#include <stdint.h>

/* What `ld -r -b binary` calls the bytes of a file named bryo-hello. */
extern const char _binary_bryo_hello_start[] __attribute__((weak));
extern const char _binary_bryo_hello_end[] __attribute__((weak));

const void *builtin_image_bytes(size_t *ret_size)
{
	uintptr_t start = (uintptr_t)_binary_bryo_hello_start;
	uintptr_t end = (uintptr_t)_binary_bryo_hello_end;

	if (start == 0 || end <= start)
		return NULL;
	*ret_size = (size_t)(end - start);
	return _binary_bryo_hello_start;
}
