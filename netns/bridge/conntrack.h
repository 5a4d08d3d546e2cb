/* SPDX-License-Identifier: Apache-2.0 */
/* Forgetting connections that were tracked before the rules changed. */
#pragma once

struct port_list;

/*
 * A client that keeps sending UDP keeps its connection's entry alive, and with it where packets
 * went before: to nobody, or to a container that is gone. Forgets every UDP entry whose first
 * packet was for a published port; the next packet meets the rules. TCP starts anew by itself.
 * Without UDP ports it does nothing. 0 or a negative errno.
 */
int conntrack_forget(const struct port_list *ports);
