/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The container's network interface, and a descriptor on which bryo-net reads and writes its
 * ethernet frames: a tap device, or, where /dev/net/tun cannot be used, one end of a veth pair and
 * a packet socket on the other end. Both give and take each frame behind a struct virtio_net_hdr of
 * 10 bytes (tun.rst: IFF_VNET_HDR; packet(7): PACKET_VNET_HDR), with checksums left open and TCP
 * segments of up to 64 kB.
 */
#pragma once

#include "netns/options/options.h"

struct err;

enum tap_kind { TAP_TUN, TAP_VETH };

struct tap {
	int marker; /* a TCP socket made there, which tells that namespace from others; or -1 */
	int fd;
	enum tap_kind kind;
	uint8_t mac[6]; /* of the interface */
	bool udp_gso;	/* several UDP datagrams in one frame, too (Linux 6.2) */
	/*
	 * Bytes that wait for us at most, with what the kernel adds (SO_RCVBUF, socket(7)); what is
	 * above is lost. 0: frames are counted, not bytes, and there is room for a thousand.
	 */
	int queue;
};

/*
 * Makes the interface in the network namespace of netns_fd, up, with addresses and routes as the
 * options have it. The work is done by a vforked child that enters the namespace; the caller stays
 * in its own. ret_tap->fd is non-blocking and close-on-exec. try_tun false: straight to veth
 * (tests).
 */
int tap_open(int netns_fd, const struct net_options *options, bool try_tun, struct tap *ret_tap,
	     struct err *err);
