/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Id maps of /proc, of --uidmap, and subordinate ids: any bytes. A map that was read must come back
 * from its own text, and turn each id that it maps both ways.
 */
#include <stdint.h>
#include <stdlib.h>

#include "engine/base/alloc.h"
#include "engine/base/str.h"
#include "userns/idmap.h"
#include "userns/subid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void turn(const struct idmap *map)
{
	for (size_t i = 0; i < map->count; i++) {
		const struct idmap_range *r = &map->ranges[i];
		uint32_t last = r->inside + (r->count - 1);

		if (r->count == 0 || last < r->inside ||
		    idmap_to_inside(map, idmap_to_outside(map, r->inside)) != r->inside ||
		    idmap_to_inside(map, idmap_to_outside(map, last)) != last)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = xstrndup((const char *)data, size);
	struct idmap_range range;
	struct idmap map = { 0 };
	struct idmap again = { 0 };
	struct idmap ranges = { 0 };

	(void)idmap_parse_range(text, &range); /* must only not crash */
	subid_parse(text, "alice", 1000, &ranges);
	if (ranges.count > IDMAP_MAX)
		abort();
	if (idmap_parse(text, &map) == 0) {
		auto_free char *written = idmap_text(&map);

		if (idmap_parse(written, &again) < 0 || !idmap_equal(&map, &again))
			abort();
		if (idmap_is_sound(&map))
			turn(&map);
	}
	return 0;
}
