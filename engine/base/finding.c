/* SPDX-License-Identifier: Apache-2.0 */
/* Findings of `bryo doctor`: see finding.h. */
#include "engine/base/finding.h"

void finding_add(json_t *findings, const char *layer, const char *what, const char *state,
		 const char *how, const char *fix)
{
	json_t *o = json_object();

	json_set_str(o, "layer", layer);
	json_set_str(o, "what", what);
	json_set_str(o, "state", state);
	json_set_str(o, "how", how);
	json_set_str(o, "fix", fix);
	(void)json_array_append_new(findings, o);
}
