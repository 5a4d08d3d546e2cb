/* SPDX-License-Identifier: Apache-2.0 */
/* The host's own addresses: see own-address.h. Runs in bryo-net before its sandbox. */
#include "netns/net/own-address.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include "engine/base/err.h"
#include "engine/base/fd.h"

/* connect(2) on a datagram socket sends nothing, and chooses the address to leave from. */
static bool leaves_from(const struct sockaddr *far, socklen_t size, struct sockaddr *ret_own)
{
	auto_close int fd = socket(far->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd >= 0 && connect(fd, far, size) == 0 && getsockname(fd, ret_own, &size) == 0;
}

int own_address_find(struct net_options *options, struct err *err)
{
	/* For documentation (RFC 5737, RFC 3849): behind the default route, if there is one. */
	const struct sockaddr_in far4 = { .sin_family = AF_INET,
					  .sin_port = htons(9),
					  .sin_addr = { htonl(0xcb007101) } };
	const struct sockaddr_in6 far6 = { .sin6_family = AF_INET6,
					   .sin6_port = htons(9),
					   .sin6_addr = { { { 0x20, 0x01, 0x0d, 0xb8, 0xff } } } };
	struct sockaddr_in own4 = { 0 };
	struct sockaddr_in6 own6 = { 0 };

	if (options->map_guest4.s_addr != INADDR_ANY &&
	    !leaves_from((const void *)&far4, sizeof(far4), (void *)&own4))
		return err_say(
			err, ERR_FAILED,
			"this host has no IPv4 address to the outside that %s could stand for",
			inet_ntoa(options->map_guest4));
	if (!IN6_IS_ADDR_UNSPECIFIED(&options->map_guest6) &&
	    !leaves_from((const void *)&far6, sizeof(far6), (void *)&own6))
		return err_say(err, ERR_FAILED,
			       "this host has no IPv6 address to the outside that another could "
			       "stand for");
	options->own4 = own4.sin_addr;
	options->own6 = own6.sin6_addr;
	return 0;
}
