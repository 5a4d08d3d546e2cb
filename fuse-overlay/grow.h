/* SPDX-License-Identifier: Apache-2.0 */
/* Growing arrays for a process that must not end where memory does (xgrow() of base aborts). */
#pragma once

#include <stdint.h>
#include <stdlib.h>

/* Makes room for one element more. False: no memory, and nothing has changed. */
#define GROW(array, count, capacity)                                                               \
	({                                                                                         \
		void *grown_ = (count) < (capacity)                                                \
				       ? (array)                                                   \
				       : grown_array((array), &(capacity), sizeof(*(array)));      \
                                                                                                   \
		if (grown_)                                                                        \
			(array) = grown_;                                                          \
		grown_ != NULL;                                                                    \
	})

static inline void *grown_array(void *array, size_t *capacity, size_t element)
{
	size_t more = *capacity ? 2 * *capacity : 16;
	void *grown = more > SIZE_MAX / element ? NULL : realloc(array, more * element);

	if (grown)
		*capacity = more;
	return grown;
}
