/* SPDX-License-Identifier: Apache-2.0 */
/* What monitor and bryo-bridge say to each other, and the flags behind it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <jansson.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/json.h"
#include "netns/bridge/lease.h"
#include "netns/bridge/message.h"

static struct bridge_message sample(void)
{
	struct bridge_message message = { .task = BRIDGE_UP,
					  .network = bridge_network_default(),
					  .number = 5 };
	message.address = (struct bridge_address){ .ip4 = lease_address(&message.network, 5),
						   .gateway4 = lease_address(&message.network, 1),
						   .prefix4 = 16,
						   .has6 = true,
						   .ip6 = message.network.net6,
						   .gateway6 = message.network.net6,
						   .mac = { 2, 0, 0, 0, 0, 5 } };
	message.address.ip6.s6_addr[15] = 5;
	message.address.gateway6.s6_addr[15] = 1;
	(void)strcpy(message.id, "0123456789abcdef");
	(void)strcpy(message.veth, "veth0a0b0c0d");
	assert_int_equal(port_parse(&message.ports, "8080:80,9000-9001:90-91/udp", NULL), 0);
	return message;
}

static void there_and_back(void **state)
{
	struct bridge_message message auto_done(bridge_message) = sample();
	struct bridge_message back auto_done(bridge_message) = BRIDGE_MESSAGE_INIT;
	auto_free char *text = bridge_message_text(&message);
	auto_free char *again = NULL;

	(void)state;
	assert_int_equal(bridge_message_parse(text, strlen(text), &back, NULL), 0);
	assert_int_equal(back.task, BRIDGE_UP);
	assert_string_equal(back.network.bridge, "bryo0");
	assert_memory_equal(&back.address, &message.address, sizeof(back.address));
	assert_int_equal(back.number, 5);
	assert_int_equal(back.ports.count, 2);
	/* Its id is for records alone. */
	memcpy(back.network.id, message.network.id, sizeof(back.network.id));
	again = bridge_message_text(&back);
	assert_string_equal(again, text);
}

/* The message with one member set to another value (of the object "in", or of itself). */
static void refuses(const char *in, const char *key, json_t *value, const char *words)
{
	struct bridge_message message auto_done(bridge_message) = sample();
	struct bridge_message back = BRIDGE_MESSAGE_INIT;
	auto_free char *text = bridge_message_text(&message);
	auto_free char *changed = NULL;
	auto_json json_t *json = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(json_parse(text, strlen(text), "", &json, NULL), 0);
	(void)json_object_set_new(in ? json_object_get(json, in) : json, key, value);
	changed = json_text(json);
	assert_true(bridge_message_parse(changed, strlen(changed), &back, &err) < 0);
	if (!strstr(err.text, words))
		fail_msg("%s: \"%s\" does not say %s", key, err.text, words);
}

static void what_is_out_of_range_is_named(void **state)
{
	(void)state;
	refuses(NULL, "version", json_integer(2), "another version");
	refuses(NULL, "task", json_string("remove"), "task");
	refuses("network", "name", json_string("../x"), "name");
	refuses("network", "name", json_string(""), "name");
	refuses("network", "bridge", json_string("a-name-of-16-byt"), "bridge");
	refuses("network", "bridge", json_string("a/b"), "bridge");
	refuses("network", "table", json_string("a b"), "table");
	refuses("network", "prefix4", json_integer(30), "prefix4");
	refuses("network", "prefix4", json_integer(0), "prefix4");
	refuses("network", "mtu", json_integer(-1), "mtu");
	refuses("network", "net4", json_string("10.88"), "net4");
	refuses("network", "net4", json_string("10.88.0.1"), "net4");
	refuses("network", "net6", json_string("10.88.0.0"), "net6");
	refuses("address", "ip", json_string("10.88.0.1"), "ip");
	refuses("address", "ip", json_string("10.99.0.2"), "ip");
	refuses("address", "mac", json_string("02:00:00:00:00"), "mac");
	refuses("address", "gateway6", json_null(), "ip6");
	refuses(NULL, "number", json_integer(6), "number");
	refuses(NULL, "id", json_string("x/y"), "id");
	refuses(NULL, "veth", json_null(), "veth");
}

static void repair_needs_no_container(void **state)
{
	const struct bridge_message message = { .task = BRIDGE_REPAIR,
						.network = bridge_network_default() };
	auto_free char *text = bridge_message_text(&message);
	struct bridge_message back = BRIDGE_MESSAGE_INIT;

	(void)state;
	assert_int_equal(bridge_message_parse(text, strlen(text), &back, NULL), 0);
	assert_int_equal(back.task, BRIDGE_REPAIR);
}

static void flags_are_read(void **state)
{
	static const char *const bad_macs[] = { "02:00:00:00:00",
						"02:00:00:00:00:0g",
						"02:00:00:00:00:001",
						"01:00:5e:00:00:01",
						"00:00:00:00:00:00",
						"02:00-00:00:00:01",
						"" };
	struct bridge_wish wish;

	(void)state;
	assert_int_equal(bridge_wish_parse(NULL, NULL, "02:AA:bb:00:00:01", &wish, NULL), 0);
	assert_true(wish.has_mac && !wish.has6 && wish.ip4.s_addr == 0);
	assert_memory_equal(wish.mac, "\x02\xaa\xbb\x00\x00\x01", 6);
	assert_int_equal(bridge_wish_parse(NULL, NULL, "02-aa-bb-00-00-01", &wish, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad_macs); i++)
		assert_true(bridge_wish_parse(NULL, NULL, bad_macs[i], &wish, NULL) < 0);
	assert_true(bridge_wish_parse("10.88.0.300", NULL, NULL, &wish, NULL) < 0);
	assert_true(bridge_wish_parse("fd00::1", NULL, NULL, &wish, NULL) < 0);
	assert_true(bridge_wish_parse(NULL, "10.88.0.3", NULL, &wish, NULL) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(what_is_out_of_range_is_named),
		cmocka_unit_test(repair_needs_no_container),
		cmocka_unit_test(flags_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
