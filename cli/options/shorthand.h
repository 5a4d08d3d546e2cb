/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Short forms for option tables. A table's file defines AT(field), the offset of a field in its
 * group's struct, and may undefine nothing: these are for .c files that hold tables only.
 */
#pragma once

#include "cli/options/option.h"

/* A flag of Podman's that bryo lacks / that changes nothing here. */
#define REFUSED .support = CLI_REFUSED, .offset = CLI_NO_FIELD
#define IGNORED .support = CLI_IGNORED, .offset = CLI_NO_FIELD
/* A value kept as it was typed (char *), a boolean with a third state (enum request_bool). */
#define TEXT(field) .store = CLI_TEXT, .offset = AT(field)
#define TRISTATE(field) .store = CLI_TRISTATE, .offset = AT(field)
