/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers that come back to a socket bound to somebody else's address (IP_TRANSPARENT, ip(7)):
 * packets with a mark are taken for this host's own, whatever their destination, and TCP answers
 * bear the mark of the question (tcp_fwmark_accept, fwmark_reflect:
 * Documentation/networking/ip-sysctl.rst).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct err;

/*
 * In the caller's own network namespace, in which it needs CAP_NET_ADMIN: the rule "fwmark MARK
 * lookup TABLE", a route "local default dev lo" in that table, and the sysctls; ipv6 for that
 * family too. lo must be up. Seen from inside by `ip rule` and `ip route show table TABLE`.
 */
int mark_returns(uint32_t mark, uint8_t table, bool ipv6, struct err *err);
