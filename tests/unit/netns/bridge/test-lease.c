/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of a network: one each, none twice, back with their holder, and what a killed one
 * leaves. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "netns/bridge/lease.h"

struct place {
	char path[64];
	int fd;
};

static int set_up(void **state)
{
	struct place *place = xcalloc(1, sizeof(*place));

	(void)snprintf(place->path, sizeof(place->path), "/tmp/bryo-lease.XXXXXX");
	if (!mkdtemp(place->path))
		return -1;
	place->fd = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = place;
	return place->fd < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	struct place *place = *state;

	fd_close(&place->fd);
	(void)file_remove_tree(AT_FDCWD, place->path);
	free(place);
	return 0;
}

static struct bridge_network small_network(uint8_t prefix4)
{
	struct bridge_network network = bridge_network_default();

	network.prefix4 = prefix4;
	return network;
}

static int open_lease(const struct place *place)
{
	int fd = -1;

	assert_int_equal(lease_open(place->fd, "test", &fd, NULL), 0);
	return fd;
}

/* Takes an address with a description of its own, *ret_fd; its number or an error. */
static int take_one(const struct place *place, struct bridge_network *network,
		    const struct bridge_wish *wish, int *ret_fd, struct err *err)
{
	static const struct bridge_wish nothing;
	struct bridge_address address = { 0 };
	struct lease_args args = { .wish = wish ? wish : &nothing, .ipv6 = network->ipv6 };

	args.fd = *ret_fd = open_lease(place);
	return lease_take(&args, network, &address, err);
}

static void each_has_its_own(void **state)
{
	struct bridge_network network = small_network(29);
	int fds[6] = { 0 };
	int more = -1;
	struct err err = ERR_INIT;

	/* 10.88.0.0/29: .0 and .7 stand for all, .1 is the gateway. */
	for (int i = 0; i < 5; i++)
		assert_int_equal(take_one(*state, &network, NULL, &fds[i], NULL), i + 2);
	assert_true(take_one(*state, &network, NULL, &more, &err) < 0);
	assert_string_equal(err.text, "network podman has no free address left");
	fd_close(&more);
	for (int i = 0; i < 5; i++)
		fd_close(&fds[i]);
}

static void one_given_back_comes_last(void **state)
{
	struct bridge_network network = small_network(24);
	int a = -1;
	int b = -1;

	assert_int_equal(take_one(*state, &network, NULL, &a, NULL), 2);
	assert_int_equal(lease_clear(a, 2), 0);
	fd_close(&a);
	assert_int_equal(take_one(*state, &network, NULL, &b, NULL), 3);
	fd_close(&b);
}

static void addresses_follow_the_number(void **state)
{
	struct bridge_network network = bridge_network_default();
	static const struct bridge_wish nothing;
	struct bridge_address address = { 0 };
	char text[INET6_ADDRSTRLEN];
	struct lease_args args = { .wish = &nothing, .ipv6 = true };

	args.fd = open_lease(*state);
	assert_int_equal(lease_take(&args, &network, &address, NULL), 2);
	assert_string_equal(inet_ntop(AF_INET, &address.ip4, text, sizeof(text)), "10.88.0.2");
	assert_string_equal(inet_ntop(AF_INET, &address.gateway4, text, sizeof(text)), "10.88.0.1");
	assert_true(address.has6);
	assert_string_equal(inet_ntop(AF_INET6, &address.ip6, text, sizeof(text)),
			    "fd62:7279:6f01::2");
	assert_string_equal(inet_ntop(AF_INET6, &address.gateway6, text, sizeof(text)),
			    "fd62:7279:6f01::1");
	assert_memory_equal(address.mac, "\x62\x72\x0a\x58\x00\x02", 6);
	assert_int_equal(lease_number(&network, address.ip4), 2);
	fd_close(&args.fd);
}

static void wishes_are_met_once(void **state)
{
	struct bridge_network network = bridge_network_default();
	struct bridge_wish wish = { 0 };
	struct err err = ERR_INIT;
	int a = -1;
	int b = -1;

	assert_int_equal(bridge_wish_parse("10.88.7.7", "fd62:7279:6f01::77", NULL, &wish, NULL),
			 0);
	assert_int_equal(take_one(*state, &network, &wish, &a, NULL), 7 * 256 + 7);
	assert_true(take_one(*state, &network, &wish, &b, &err) < 0);
	assert_string_equal(err.text,
			    "IPAM error: requested ip address 10.88.7.7 is already allocated");
	fd_close(&b);
	/* The IPv6 address of another number is one of its own too. */
	wish.ip4.s_addr = htonl(0x0a580707 + 1);
	assert_true(take_one(*state, &network, &wish, &b, &err) < 0);
	assert_string_equal(
		err.text,
		"IPAM error: requested ip address fd62:7279:6f01::77 is already allocated");
	fd_close(&b);
	fd_close(&a);
}

static void wishes_outside_are_refused(void **state)
{
	static const char *const ips[] = { "10.89.0.2", "10.88.0.0", "10.88.0.1", "10.88.255.255",
					   "0.0.0.1" };
	struct bridge_network network = bridge_network_default();

	for (size_t i = 0; i < ARRAY_SIZE(ips); i++) {
		struct bridge_wish wish = { 0 };
		struct err err = ERR_INIT;
		int fd = -1;

		assert_int_equal(bridge_wish_parse(ips[i], NULL, NULL, &wish, NULL), 0);
		assert_true(take_one(*state, &network, &wish, &fd, &err) < 0);
		assert_non_null(strstr(err.text, "not in any subnet on network podman"));
		fd_close(&fd);
	}
}

static void a_killed_holder_is_found(void **state)
{
	struct bridge_network network = small_network(24);
	struct lease_census census;
	int a = -1;
	int b = -1;
	int c = -1;

	assert_int_equal(take_one(*state, &network, NULL, &a, NULL), 2);
	assert_int_equal(take_one(*state, &network, NULL, &b, NULL), 3);
	c = open_lease(*state);
	assert_false(lease_has_stale(c));
	assert_true(lease_is_living(c, 2));
	assert_false(lease_is_living(c, 4));
	fd_close(&a); /* as the end of its process does */
	assert_true(lease_has_stale(c));
	assert_false(lease_is_living(c, 2));
	assert_int_equal(lease_count(c, 0, &census), 0);
	assert_int_equal(census.living, 1);
	assert_int_equal(census.stale_count, 1);
	assert_int_equal(census.stale[0], 2);
	/* Its own number is not counted. */
	assert_int_equal(lease_count(c, 3, &census), 0);
	assert_int_equal(census.living, 0);
	/* Nobody gets its address while its ports may still lead there. */
	{
		struct bridge_wish wish = { .ip4 = lease_address(&network, 2) };
		int d = -1;

		assert_true(take_one(*state, &network, &wish, &d, NULL) < 0);
		fd_close(&d);
		assert_int_equal(lease_clear(c, 2), 0);
		assert_int_equal(take_one(*state, &network, &wish, &d, NULL), 2);
		fd_close(&d);
	}
	fd_close(&b);
	fd_close(&c);
}

static bool first_two_taken(void *data, struct in_addr net4, uint8_t prefix4)
{
	int *asked = data;

	(void)prefix4;
	(*asked)++;
	return ntohl(net4.s_addr) == 0x0a580000 || ntohl(net4.s_addr) == 0x0a590000;
}

static void a_taken_subnet_moves(void **state)
{
	static const struct bridge_wish nothing;
	struct bridge_network network = bridge_network_default();
	struct bridge_network other = bridge_network_default();
	struct bridge_network fixed = bridge_network_default();
	struct bridge_address address = { 0 };
	int asked = 0;
	struct err err = ERR_INIT;
	struct lease_args args = { .wish = &nothing, .is_taken = first_two_taken, .data = &asked };
	struct lease_args more = args;

	fixed.moves = false;
	more.fd = open_lease(*state);
	assert_true(lease_take(&more, &fixed, &address, &err) < 0);
	assert_string_equal(err.text,
			    "network podman: this host routes its subnet 10.88.0.0/16 elsewhere");
	fd_close(&more.fd);
	asked = 0;
	args.fd = open_lease(*state);
	assert_int_equal(lease_take(&args, &network, &address, NULL), 2);
	assert_int_equal(ntohl(network.net4.s_addr), 0x0a5a0000);
	assert_int_equal(asked, 3);
	/* With somebody there it is not asked again: the route is the network's own by now. */
	more.fd = open_lease(*state);
	assert_int_equal(lease_take(&more, &other, &address, NULL), 3);
	assert_int_equal(ntohl(other.net4.s_addr), 0x0a5a0000);
	assert_int_equal(asked, 3);
	fd_close(&more.fd);
	fd_close(&args.fd);
}

/* Each process takes one and tells its number over the pipe; it holds it until the test has all. */
static void many_at_once_have_different_ones(void **state)
{
	enum { PROCESSES = 40 };
	bool seen[256] = { false };
	pid_t pids[PROCESSES];
	int out[2];
	int hold[2];

	assert_int_equal(fd_pipe(out), 0);
	assert_int_equal(fd_pipe(hold), 0);
	for (int i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			struct bridge_network network = small_network(24);
			char byte = 0;
			int fd = -1;
			uint8_t number = (uint8_t)take_one(*state, &network, NULL, &fd, NULL);

			(void)!write(out[1], &number, 1);
			(void)close(hold[1]);
			(void)!read(hold[0], &byte, 1);
			_exit(0);
		}
		assert_true(pids[i] > 0);
	}
	for (int i = 0; i < PROCESSES; i++) {
		uint8_t number = 0;

		assert_int_equal(read(out[0], &number, 1), 1);
		assert_true(number >= 2);
		assert_false(seen[number]);
		seen[number] = true;
	}
	(void)close(hold[1]);
	for (int i = 0; i < PROCESSES; i++)
		assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);
	(void)close(hold[0]);
	(void)close(out[0]);
	(void)close(out[1]);
}

static void a_broken_file_starts_anew(void **state)
{
	struct bridge_network network = small_network(24);
	int fd = open_lease(*state);

	assert_int_equal(pwrite(fd, "what is this? nothing of bryo's, for certain.", 45, 0), 45);
	fd_close(&fd);
	assert_true(take_one(*state, &network, NULL, &fd, NULL) >= 2);
	fd_close(&fd);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(each_has_its_own),
		TEST(one_given_back_comes_last),
		TEST(addresses_follow_the_number),
		TEST(wishes_are_met_once),
		TEST(wishes_outside_are_refused),
		TEST(a_killed_holder_is_found),
		TEST(a_taken_subnet_moves),
		TEST(many_at_once_have_different_ones),
		TEST(a_broken_file_starts_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
