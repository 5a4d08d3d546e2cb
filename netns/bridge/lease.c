/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who has which address: see lease.h. Runs in the monitor (taking one) and in bryo-bridge
 * (giving back, finding what is stale); must never wait for anything but the change lock, which
 * nobody holds for longer than a few netlink messages take.
 */
#include "netns/bridge/lease.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"

#define FILE_MAGIC "bryonet1"
#define LOCK6_BIT (1ULL << 62)
/* A /8 would be 16 million bytes to look through; nobody has so many containers. */
enum { NUMBER_MAX = 65534, FIRST_NUMBER = 2 };

struct header {
	char magic[8];
	uint32_t net4; /* in network order */
	uint32_t prefix4;
	uint32_t last; /* the number that was given last */
	uint32_t reserved[3];
};

/* ---- Locks ---- */

static int lock_byte(int fd, short type, uint64_t byte, bool wait)
{
	struct flock lock = {
		.l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)byte, .l_len = 1
	};
	int r = 0;

	do
		r = fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &lock);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

/* By another description than fd's. */
static bool is_held(int fd, uint64_t byte)
{
	struct flock lock = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)byte, .l_len = 1
	};

	/* Where it cannot be told, it is held: nothing of a living container may be taken away. */
	return fcntl(fd, F_OFD_GETLK, &lock) < 0 || lock.l_type != F_UNLCK;
}

int lease_lock(int fd)
{
	return lock_byte(fd, F_WRLCK, 0, true);
}

void lease_unlock(int fd)
{
	(void)lock_byte(fd, F_UNLCK, 0, false); /* cannot fail on an open file */
}

int lease_open(int run_fd, const char *network, int *ret_fd, struct err *err)
{
	auto_free char *path = NULL;
	struct stat st;
	int fd = -1;

	if (stat("/proc/self/ns/net", &st) < 0)
		return err_set(err, -errno, "cannot look at this process's network namespace");
	if (mkdirat(run_fd, "networks", 0700) < 0 && errno != EEXIST)
		return err_set(err, -errno, "cannot make the folder networks in the run folder");
	path = xasprintf("networks/%s.%llu", network, (unsigned long long)st.st_ino);
	fd = openat(run_fd, path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_set(err, -errno, "cannot open %s in the run folder", path);
	*ret_fd = fd;
	return 0;
}

/* ---- Content ---- */

static int write_at(int fd, const void *data, size_t size, off_t offset)
{
	ssize_t n = pwrite(fd, data, size, offset);

	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -ENOSPC;
}

static int set_byte(int fd, uint32_t number, uint8_t value)
{
	return write_at(fd, &value, 1, (off_t)(sizeof(struct header) + number));
}

static bool is_marked(int fd, uint32_t number)
{
	uint8_t mark = 0;

	return pread(fd, &mark, 1, (off_t)(sizeof(struct header) + number)) == 1 && mark;
}

bool lease_is_living(int fd, uint32_t number)
{
	return is_marked(fd, number) && is_held(fd, number);
}

int lease_clear(int fd, uint32_t number)
{
	return set_byte(fd, number, 0);
}

/* The header, or one of an unused network where there is none that we know. */
static int read_header(int fd, struct header *ret_header)
{
	ssize_t n = pread(fd, ret_header, sizeof(*ret_header), 0);

	if (n < 0)
		return -errno;
	if ((size_t)n != sizeof(*ret_header) || memcmp(ret_header->magic, FILE_MAGIC, 8) != 0) {
		*ret_header = (struct header){ .last = FIRST_NUMBER - 1 };
		memcpy(ret_header->magic, FILE_MAGIC, 8);
	}
	return 0;
}

/* All marks, byte n that of number n. The caller's; NULL when there are none. */
static int read_marks(int fd, uint8_t **ret_marks, uint32_t *ret_count)
{
	struct stat st;
	auto_free uint8_t *marks = NULL;
	size_t size = 0;
	ssize_t n = 0;

	*ret_marks = NULL;
	*ret_count = 0;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size <= (off_t)sizeof(struct header))
		return 0;
	size = (size_t)st.st_size - sizeof(struct header);
	if (size > NUMBER_MAX + 1)
		size = NUMBER_MAX + 1;
	marks = xmalloc(size);
	n = pread(fd, marks, size, sizeof(struct header));
	if (n < 0)
		return -errno;
	*ret_marks = take(marks);
	*ret_count = (uint32_t)n;
	return 0;
}

int lease_count(int fd, uint32_t own, struct lease_census *ret_census)
{
	struct lease_census census = { 0 };
	auto_free uint8_t *marks = NULL;
	uint32_t count = 0;
	int r = read_marks(fd, &marks, &count);

	if (r < 0)
		return r;
	for (uint32_t n = FIRST_NUMBER; n < count; n++) {
		if (!marks[n] || n == own)
			continue;
		if (is_held(fd, n))
			census.living++;
		else if (census.stale_count < LEASE_STALE_MAX)
			census.stale[census.stale_count++] = n;
	}
	*ret_census = census;
	return 0;
}

bool lease_has_stale(int fd)
{
	struct lease_census census;

	return lease_count(fd, 0, &census) == 0 && census.stale_count > 0;
}

/* ---- Addresses ---- */

static uint32_t host_mask(uint8_t prefix4)
{
	return prefix4 == 0 ? ~0U : (1U << (32 - prefix4)) - 1;
}

struct in_addr lease_address(const struct bridge_network *network, uint32_t number)
{
	return (struct in_addr){ htonl(ntohl(network->net4.s_addr) + number) };
}

static uint32_t last_number(uint8_t prefix4)
{
	const uint32_t last = host_mask(prefix4) - 1; /* the very last is for broadcasts */

	return last < NUMBER_MAX ? last : NUMBER_MAX;
}

uint32_t lease_number(const struct bridge_network *network, struct in_addr address)
{
	const uint32_t number = ntohl(address.s_addr) - ntohl(network->net4.s_addr);

	return number >= FIRST_NUMBER && number <= last_number(network->prefix4) ? number : 0;
}

/*
 * Nobody lives in the network, so it may lie anywhere. Others of the same size follow behind its
 * own, in 10/8 as Podman's pools: one in another private range could meet more of a site's.
 */
static int choose_subnet(const struct lease_args *args, struct bridge_network *network,
			 struct err *err)
{
	const uint32_t size = host_mask(network->prefix4) + 1;
	uint32_t net4 = ntohl(network->net4.s_addr);
	const uint32_t first = net4;

	for (int tries = 0; args->is_taken && tries < 256; tries++, net4 += size) {
		const struct in_addr candidate = { htonl(net4) };

		if (net4 >> 24 != first >> 24)
			break;
		if (!args->is_taken(args->data, candidate, network->prefix4)) {
			network->net4 = candidate;
			return 0;
		}
		if (!network->moves)
			break;
	}
	return args->is_taken ? err_say(err, ERR_UNSUPPORTED,
					"network %s: this host routes its subnet %s/%u elsewhere%s",
					network->name, inet_ntoa(network->net4), network->prefix4,
					network->moves ? ", and those behind it" : "")
			      : 0;
}

static int settle_subnet(const struct lease_args *args, struct header *header,
			 struct bridge_network *network, struct err *err)
{
	struct lease_census census;
	int r = lease_count(args->fd, 0, &census);

	if (r < 0)
		return err_set(err, r, "cannot read who is in network %s", network->name);
	if (census.living > 0 && header->prefix4 == network->prefix4) {
		network->net4.s_addr = header->net4;
		return 0;
	}
	r = choose_subnet(args, network, err);
	header->net4 = network->net4.s_addr;
	header->prefix4 = network->prefix4;
	return r;
}

/*
 * 0 when the number is ours now. -EAGAIN when it is another's, or was a killed one's whose remains
 * nobody has taken away yet: its published ports would lead to us.
 */
static int take_number(int fd, uint32_t number)
{
	int r = lock_byte(fd, F_WRLCK, number, false);

	if (r < 0)
		return r == -EACCES ? -EAGAIN : r;
	if (!is_marked(fd, number))
		return 0;
	(void)lock_byte(fd, F_UNLCK, number, false); /* cannot fail on an open file */
	return -EAGAIN;
}

static int next_free(int fd, const struct bridge_network *network, uint32_t last)
{
	const uint32_t end = last_number(network->prefix4);
	uint32_t number = last;

	for (uint32_t tries = FIRST_NUMBER; tries <= end; tries++) {
		int r = 0;

		number = number < FIRST_NUMBER - 1 || number >= end ? FIRST_NUMBER : number + 1;
		r = take_number(fd, number);
		if (r == 0)
			return (int)number;
		if (r != -EAGAIN)
			return r;
	}
	return -EADDRNOTAVAIL;
}

static int take4(const struct lease_args *args, const struct bridge_network *network,
		 struct header *header, struct err *err)
{
	const struct in_addr wanted = args->wish->ip4;
	uint32_t number = 0;
	int r = 0;

	if (wanted.s_addr == INADDR_ANY) {
		r = next_free(args->fd, network, header->last);
		if (r == -EADDRNOTAVAIL)
			return err_say(err, ERR_FAILED, "network %s has no free address left",
				       network->name);
		if (r < 0)
			return err_set(err, r, "cannot take an address of network %s",
				       network->name);
		header->last = (uint32_t)r;
		return r;
	}
	number = lease_number(network, wanted);
	if (number == 0)
		return err_say(err, ERR_USAGE,
			       "requested static ip %s not in any subnet on network %s",
			       inet_ntoa(wanted), network->name);
	r = take_number(args->fd, number);
	if (r == -EAGAIN)
		return err_say(err, ERR_BUSY,
			       "IPAM error: requested ip address %s is already allocated",
			       inet_ntoa(wanted));
	return r < 0 ? err_set(err, r, "cannot take the address %s", inet_ntoa(wanted))
		     : (int)number;
}

static uint64_t host_part(const struct in6_addr *address)
{
	uint64_t part = 0;

	for (int i = 8; i < 16; i++)
		part = part << 8 | address->s6_addr[i];
	return part;
}

static void add_number(struct in6_addr *address, uint32_t number)
{
	const uint32_t part = htonl(number);

	memcpy(address->s6_addr + 12, &part, sizeof(part));
}

static int take6(const struct lease_args *args, const struct bridge_network *network,
		 uint32_t number, struct bridge_address *address, struct err *err)
{
	char text[INET6_ADDRSTRLEN];
	int r = 0;

	address->gateway6 = network->net6;
	add_number(&address->gateway6, 1);
	address->ip6 = network->net6;
	add_number(&address->ip6, number);
	if (args->wish->has6)
		address->ip6 = args->wish->ip6;
	(void)inet_ntop(AF_INET6, &address->ip6, text, sizeof(text));
	if (memcmp(&address->ip6, &network->net6, 8) != 0 || host_part(&address->ip6) < 2)
		return err_say(err, ERR_USAGE,
			       "requested static ip %s not in any subnet on network %s", text,
			       network->name);
	r = lock_byte(args->fd, F_WRLCK, LOCK6_BIT | (host_part(&address->ip6) & (LOCK6_BIT - 1)),
		      false);
	if (r < 0)
		return err_say(err, ERR_BUSY,
			       "IPAM error: requested ip address %s is already allocated", text);
	address->has6 = true;
	return 0;
}

/*
 * Made of the address, as Docker does it: whoever gets the address next has the same one, so that
 * no neighbour has to unlearn anything. Local and unicast by the two low bits of 0x62; "br".
 */
static void make_mac(const struct bridge_wish *wish, struct bridge_address *address)
{
	address->mac[0] = 0x62;
	address->mac[1] = 0x72;
	memcpy(address->mac + 2, &address->ip4, 4);
	if (wish->has_mac)
		memcpy(address->mac, wish->mac, sizeof(address->mac));
}

static int take_locked(const struct lease_args *args, struct bridge_network *network,
		       struct bridge_address *address, struct err *err)
{
	struct header header;
	int number = 0;
	int r = read_header(args->fd, &header);

	if (r < 0)
		return err_set(err, r, "cannot read the addresses of network %s", network->name);
	r = settle_subnet(args, &header, network, err);
	if (r < 0)
		return r;
	number = take4(args, network, &header, err);
	if (number < 0)
		return number;
	address->ip4 = lease_address(network, (uint32_t)number);
	address->gateway4 = lease_address(network, 1);
	address->prefix4 = network->prefix4;
	make_mac(args->wish, address);
	if (args->ipv6)
		r = take6(args, network, (uint32_t)number, address, err);
	if (r < 0)
		return r;
	r = write_at(args->fd, &header, sizeof(header), 0);
	if (r == 0)
		r = set_byte(args->fd, (uint32_t)number, 1);
	return r < 0 ? err_set(err, r, "cannot record the address of a container") : number;
}

int lease_take(const struct lease_args *args, struct bridge_network *network,
	       struct bridge_address *ret_address, struct err *err)
{
	struct bridge_address address = { 0 };
	int r = lease_lock(args->fd);

	if (r < 0)
		return err_set(err, r, "cannot lock the addresses of network %s", network->name);
	r = take_locked(args, network, &address, err);
	lease_unlock(args->fd);
	if (r > 0)
		*ret_address = address;
	return r;
}
