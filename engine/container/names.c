/* SPDX-License-Identifier: Apache-2.0 */
/* Names for containers that were given none: an adjective and a moss or whoever studied them. */
#include <sys/random.h>

#include "engine/base/alloc.h"
#include "engine/container/internal.h"

static const char *const adjectives[] = {
	"agile",   "amber",  "ancient", "arctic", "bold",    "brave",  "bright", "calm",
	"clever",  "cool",   "cosmic",	"crisp",  "curious", "damp",   "dapper", "deft",
	"eager",   "early",  "emerald", "fair",	  "fleet",   "fluffy", "fresh",	 "gentle",
	"glad",	   "golden", "green",	"hardy",  "humble",  "jolly",  "keen",	 "kind",
	"lively",  "lucid",  "lush",	"mellow", "merry",   "mild",   "misty",	 "modest",
	"nimble",  "noble",  "patient", "plucky", "polite",  "proud",  "quick",	 "quiet",
	"rapid",   "ready",  "rustic",	"serene", "sharp",   "shy",    "silent", "silver",
	"sleek",   "small",  "smooth",	"snug",	  "soft",    "spry",   "steady", "still",
	"sturdy",  "subtle", "sunny",	"swift",  "tender",  "tidy",   "tiny",	 "upbeat",
	"verdant", "vivid",  "warm",	"wild",	  "wise",    "witty",  "young",	 "zesty",
};
static const char *const nouns[] = {
	"andreaea",	"anomodon",	 "anthoceros",	"aulacomnium", "barbula",    "bartramia",
	"bazzania",	"brachythecium", "braithwaite", "bridel",      "britton",    "brotherus",
	"bryum",	"buxbaumia",	 "calliergon",	"campylopus",  "ceratodon",  "cinclidotus",
	"climacium",	"conocephalum",	 "crum",	"dicranum",    "didymodon",  "dillenius",
	"distichium",	"ditrichum",	 "encalypta",	"entodon",     "fissidens",  "fontinalis",
	"frullania",	"funaria",	 "gametophyte", "grimmia",     "grout",	     "hedwig",
	"herzogia",	"hookeria",	 "hylocomium",	"hypnum",      "isothecium", "jubula",
	"kindbergia",	"leucobryum",	 "leucodon",	"lindberg",    "lophocolea", "lunularia",
	"marchantia",	"metzgeria",	 "mitten",	"mnium",       "neckera",    "nitobe",
	"orthotrichum", "pellia",	 "philonotis",	"plagiomnium", "pleurozium", "pogonatum",
	"pohlia",	"polytrichum",	 "porella",	"protonema",   "ptilium",    "racomitrium",
	"rhizoid",	"riccia",	 "schimper",	"schistidium", "schuster",   "scorpidium",
	"seta",		"sphagnum",	 "sporophyte",	"takakia",     "tetraphis",  "thuidium",
	"tortula",	"ulota",	 "weissia",	"zygodon",
};

char *container_random_name(void)
{
	unsigned int pick[2];

	if (getrandom(pick, sizeof(pick), 0) != (ssize_t)sizeof(pick))
		abort(); /* cannot fail for so few bytes: random(7) */
	return xasprintf("%s_%s", adjectives[pick[0] % ARRAY_SIZE(adjectives)],
			 nouns[pick[1] % ARRAY_SIZE(nouns)]);
}
