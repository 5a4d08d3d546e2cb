/* SPDX-License-Identifier: Apache-2.0 */
/* Routing by mark: see mark.h. Runs in a child of bryo-net that stands in the container's network.
 */
#include "netns/mark.h"

#include <fcntl.h>
#include <linux/fib_rules.h>
#include <stddef.h>
#include <sys/socket.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/file.h"
#include "netns/netlink-internal.h"

enum { LO_INDEX = 1, RULE_PRIORITY = 98 };

static void add_rule(struct nl_batch *batch, int family, uint32_t mark, uint8_t table)
{
	const struct fib_rule_hdr rule = {
		.family = (uint8_t)family,
		.table = table,
		.action = FR_ACT_TO_TBL,
	};

	nl_begin(batch, RTM_NEWRULE, NLM_F_CREATE, &rule, sizeof(rule));
	nl_attr_u32(batch, FRA_FWMARK, mark);
	nl_attr_u32(batch, FRA_FWMASK, ~0U);
	nl_attr_u32(batch, FRA_PRIORITY, RULE_PRIORITY);
}

static void add_local_route(struct nl_batch *batch, int family, uint8_t table)
{
	const struct rtmsg route = {
		.rtm_family = (uint8_t)family,
		.rtm_table = table,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = RT_SCOPE_HOST,
		.rtm_type = RTN_LOCAL,
	};

	nl_begin(batch, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &route, sizeof(route));
	nl_attr_u32(batch, RTA_OIF, LO_INDEX);
}

static int set_sysctls(bool ipv6, struct err *err)
{
	/* The first rules IPv6's sockets as well; refused connections answer by the other two. */
	static const char *const paths[] = { "/proc/sys/net/ipv4/tcp_fwmark_accept",
					     "/proc/sys/net/ipv4/fwmark_reflect",
					     "/proc/sys/net/ipv6/fwmark_reflect" };

	for (size_t i = 0; i < ARRAY_SIZE(paths) - !ipv6; i++) {
		int r = file_poke_at(AT_FDCWD, paths[i], "1");

		if (r < 0)
			return err_set(err, r, "cannot set %s", paths[i]);
	}
	return 0;
}

int mark_returns(uint32_t mark, uint8_t table, bool ipv6, struct err *err)
{
	struct nl_batch batch = { .size = 0 };
	int r = set_sysctls(ipv6, err);

	if (r < 0)
		return r;
	add_rule(&batch, AF_INET, mark, table);
	add_local_route(&batch, AF_INET, table);
	if (ipv6) {
		add_rule(&batch, AF_INET6, mark, table);
		add_local_route(&batch, AF_INET6, table);
	}
	r = nl_run(&batch, NULL);
	return r < 0 ? err_set(err, r, "cannot have marked packets come back to the container") : 0;
}
