/* SPDX-License-Identifier: Apache-2.0 */
/* Memory given back when the set-up is done: bryo-net is one per container and idles mostly. */
#pragma once

/*
 * Gives free heap back, and lets go of the pages of code that starting up touched: they stay in the
 * page cache, shared by all, and those that are needed again come back with one fault each.
 */
void slim_down(void);
