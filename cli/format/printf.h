/* SPDX-License-Identifier: Apache-2.0 */
/* fmt.Sprintf over template values. */
#pragma once

#include <stddef.h>

struct buf;
struct value;

/*
 * Verbs %v %s %d %q %x %X %o %b %c %f %e %g %t %T %%, with flags "-", "+", "0", "#", " ",
 * width and precision up to 4096. A value that does not suit its verb prints "%!d(string=x)", a
 * missing one "%!d(MISSING)", as in Go.
 */
void value_printf(struct buf *out, const char *format, const struct value *args, size_t count);
