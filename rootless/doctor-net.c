/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this host allows the network of containers to be, for `bryo doctor`: see doctor-internal.h.
 * Runs in the command; reads three files of /proc and the kernel's release.
 */
#include "rootless/doctor-internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/file.h"
#include "engine/base/str.h"
#include "netns/inject-filter.h"

enum { GROUPS_MAX = 1024 };

/* "6.1.0-13-amd64" as 6001. */
static unsigned int kernel_release(void)
{
	struct utsname name;
	unsigned int major = 0;
	unsigned int minor = 0;

	if (uname(&name) < 0 || sscanf(name.release, "%u.%u", &major, &minor) != 2)
		return 0;
	return major * 1000 + minor;
}

/* The ways that bytes can take (docs/network.md), and what each wants of the host. */
static const struct {
	const char *what;
	unsigned int since; /* kernel release; 0: any */
	const char *ok;
	const char *without;
} ways[] = {
	{ "user-mode network", 6002, "with batches of UDP datagrams",
	  "one UDP datagram at a time: Linux 6.2 takes batches" },
	{ "host ports in containers", 0, "pasta:-T, by splice", NULL },
	{ "port_handler=splice", 5017, "published TCP ports by splice, with the client's address",
	  "needs Linux 5.17: published ports go through the user-mode network" },
};

static void look_at_ways(json_t *findings)
{
	const unsigned int release = kernel_release();

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		const bool ok = release >= ways[i].since;

		finding_add(findings, "netns", ways[i].what, ok ? "ok" : "limited",
			    ok ? ways[i].ok : ways[i].without, ok ? NULL : "use a newer kernel");
	}
}

/* "Tier 1": whether it is used for a container also depends on that one's capabilities. */
static void look_at_injection(json_t *findings)
{
	static const char what[] = "socket injection";

	switch (inject_wall_find()) {
	case INJECT_WALL_LANDLOCK:
		finding_add(findings, "netns", what, "ok",
			    "TCP at the host's speed, kept in by Landlock", NULL);
		return;
	case INJECT_WALL_NONE:
		finding_add(findings, "netns", what, "limited",
			    "TCP goes through the user-mode network: this kernel has no Landlock "
			    "for TCP",
			    "use Linux 6.7 or newer, started with landlock among lsm=");
	}
}

/* icmp(7): one of the process' groups must be in the range; "1 0" is nobody's. */
static bool may_ping(unsigned long first, unsigned long last)
{
	gid_t groups[GROUPS_MAX];
	const int count = getgroups(GROUPS_MAX, groups);

	if (getegid() >= first && getegid() <= last)
		return true;
	for (int i = 0; i < count; i++)
		if (groups[i] >= first && groups[i] <= last)
			return true;
	return false;
}

static void look_at_ping(json_t *findings)
{
	auto_free char *text = NULL;
	unsigned long first = 1;
	unsigned long last = 0;

	if (file_read_at(AT_FDCWD, "/proc/sys/net/ipv4/ping_group_range", 64, &text, NULL) < 0 ||
	    sscanf(text, "%lu %lu", &first, &last) != 2)
		return;
	if (may_ping(first, last))
		finding_add(findings, "netns", "ping out of containers", "ok",
			    "this user's group is in net.ipv4.ping_group_range", NULL);
	else
		finding_add(findings, "netns", "ping out of containers", "limited",
			    "no group of this user is in net.ipv4.ping_group_range: no echo "
			    "leaves this host",
			    "an administrator can allow it: sysctl -w "
			    "net.ipv4.ping_group_range=\"0 2147483647\"");
}

static void look_at_low_ports(json_t *findings)
{
	auto_free char *text = NULL;
	auto_free char *how = NULL;
	unsigned long start = 0;

	if (file_read_at(AT_FDCWD, "/proc/sys/net/ipv4/ip_unprivileged_port_start", 16, &text,
			 NULL) < 0 ||
	    sscanf(text, "%lu", &start) != 1)
		return;
	/* What every distribution has is no fault; who wants port 80 learns what to change. */
	how = xasprintf("ports from %lu on can be published (net.ipv4.ip_unprivileged_port_start)",
			start);
	finding_add(findings, "netns", "published ports", "ok", how, NULL);
}

void doctor_look_at_network(json_t *findings)
{
	look_at_injection(findings);
	look_at_ways(findings);
	look_at_ping(findings);
	look_at_low_ports(findings);
}
