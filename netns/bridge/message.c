/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The settings of one container on a bridge as JSON: see message.h. Runs in the monitor and
 * in bryo-bridge.
 */
#include "netns/bridge/message.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/err.h"
#include "engine/base/json.h"
#include "engine/base/str.h"
#include "netns/bridge/lease.h"

static const char *const task_names[] = {
	[BRIDGE_UP] = "up",
	[BRIDGE_DOWN] = "down",
	[BRIDGE_REPAIR] = "repair",
};
enum { TASK_COUNT = sizeof(task_names) / sizeof(task_names[0]), MAC_SIZE = 18 };

void bridge_message_done(struct bridge_message *message)
{
	port_list_done(&message->ports);
}

/* ---- To text ---- */

static void set_address(json_t *object, const char *key, int family, const void *address)
{
	char text[INET6_ADDRSTRLEN];

	json_set_str(object, key, inet_ntop(family, address, text, sizeof(text)));
}

static void set_mac(json_t *object, const uint8_t mac[6])
{
	char text[MAC_SIZE];

	(void)snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		       mac[3], mac[4], mac[5]);
	json_set_str(object, "mac", text);
}

json_t *bridge_address_json(const struct bridge_network *network,
			    const struct bridge_address *address)
{
	json_t *object = json_object();

	json_set_str(object, "network", network->name);
	json_set_str(object, "network_id", network->id);
	set_address(object, "ip", AF_INET, &address->ip4);
	json_set_int(object, "prefix", address->prefix4);
	set_address(object, "gateway", AF_INET, &address->gateway4);
	set_mac(object, address->mac);
	if (address->has6) {
		set_address(object, "ip6", AF_INET6, &address->ip6);
		set_address(object, "gateway6", AF_INET6, &address->gateway6);
	}
	return object;
}

static json_t *network_json(const struct bridge_network *network)
{
	json_t *object = json_object();

	json_set_str(object, "name", network->name);
	json_set_str(object, "bridge", network->bridge);
	json_set_str(object, "table", network->table);
	json_set_str(object, "ifname", network->ifname);
	json_set_int(object, "mtu", network->mtu);
	set_address(object, "net4", AF_INET, &network->net4);
	json_set_int(object, "prefix4", network->prefix4);
	if (network->ipv6)
		set_address(object, "net6", AF_INET6, &network->net6);
	return object;
}

char *bridge_message_text(const struct bridge_message *message)
{
	auto_json json_t *object = json_object();

	json_set_int(object, "version", BRIDGE_MESSAGE_VERSION);
	json_set_str(object, "task", task_names[message->task]);
	(void)json_object_set_new(object, "network", network_json(&message->network));
	if (message->task == BRIDGE_REPAIR)
		return json_text(object);
	(void)json_object_set_new(object, "address",
				  bridge_address_json(&message->network, &message->address));
	json_set_int(object, "number", message->number);
	json_set_str(object, "id", message->id);
	json_set_str(object, "veth", message->veth);
	(void)json_object_set_new(object, "ports", port_list_to_json(&message->ports));
	return json_text(object);
}

/* ---- From text ---- */

static int bad(const char *key, struct err *err)
{
	return err_say(err, ERR_USAGE, "network setting %s is missing or out of range", key);
}

/* A name that may go into a file name, an interface name, a table's name. */
static int get_name(const json_t *object, const char *key, char *out, size_t size, struct err *err)
{
	const char *text = json_str(object, key, "");
	const size_t length = strlen(text);

	if (length == 0 || length >= size || text[0] == '.' ||
	    text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
			      "-_.")])
		return bad(key, err);
	memcpy(out, text, length + 1);
	return 0;
}

/* 1: there is one. */
static int get_address(const json_t *object, const char *key, int family, void *out,
		       struct err *err)
{
	const char *text = json_str(object, key, NULL);

	if (!text)
		return 0;
	return inet_pton(family, text, out) == 1 ? 1 : bad(key, err);
}

static int need4(const json_t *object, const char *key, struct in_addr *out, struct err *err)
{
	int r = get_address(object, key, AF_INET, out, err);

	return r == 0 ? bad(key, err) : r < 0 ? r : 0;
}

static int get_u32(const json_t *object, const char *key, uint32_t least, uint32_t most,
		   uint32_t *out, struct err *err)
{
	const int64_t value = json_int(object, key, 0);

	if (value < least || value > most)
		return bad(key, err);
	*out = (uint32_t)value;
	return 0;
}

static int get_network(const json_t *object, struct bridge_network *network, struct err *err)
{
	uint32_t prefix = 0;
	int r = get_name(object, "name", network->name, sizeof(network->name), err);

	if (r == 0)
		r = get_name(object, "bridge", network->bridge, sizeof(network->bridge), err);
	if (r == 0)
		r = get_name(object, "table", network->table, sizeof(network->table), err);
	if (r == 0)
		r = get_name(object, "ifname", network->ifname, sizeof(network->ifname), err);
	if (r == 0)
		r = get_u32(object, "mtu", 0, 65535, &network->mtu, err);
	if (r == 0)
		r = need4(object, "net4", &network->net4, err);
	if (r == 0)
		r = get_u32(object, "prefix4", 8, 29, &prefix, err);
	if (r < 0)
		return r;
	network->prefix4 = (uint8_t)prefix;
	/* Host bits would move all that is counted from here. */
	if ((ntohl(network->net4.s_addr) & ((1ULL << (32 - prefix)) - 1)) != 0)
		return bad("net4", err);
	r = get_address(object, "net6", AF_INET6, &network->net6, err);
	network->ipv6 = r == 1;
	return r < 0 ? r : 0;
}

static int parse_mac(const char *text, uint8_t ret_mac[6])
{
	unsigned int v[6];
	int end = 0;

	if (strlen(text) != MAC_SIZE - 1 ||
	    text[strspn(text, "0123456789abcdefABCDEF:-")] != '\0' ||
	    (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5],
		    &end) != 6 &&
	     sscanf(text, "%2x-%2x-%2x-%2x-%2x-%2x%n", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5],
		    &end) != 6) ||
	    end != MAC_SIZE - 1)
		return -EINVAL;
	for (int i = 0; i < 6; i++)
		ret_mac[i] = (uint8_t)v[i];
	return 0;
}

static int get_own(const json_t *object, const struct bridge_network *network,
		   struct bridge_address *address, struct err *err)
{
	int r = need4(object, "ip", &address->ip4, err);

	if (r == 0)
		r = need4(object, "gateway", &address->gateway4, err);
	if (r < 0)
		return r;
	address->prefix4 = network->prefix4;
	if (lease_number(network, address->ip4) == 0)
		return bad("ip", err);
	if (parse_mac(json_str(object, "mac", ""), address->mac) < 0)
		return bad("mac", err);
	r = get_address(object, "ip6", AF_INET6, &address->ip6, err);
	address->has6 = r == 1;
	if (r == 1)
		r = get_address(object, "gateway6", AF_INET6, &address->gateway6, err);
	if (r >= 0 && address->has6 && (r == 0 || !network->ipv6))
		return bad("ip6", err);
	return r < 0 ? r : 0;
}

static int get_container(const json_t *object, struct bridge_message *message, struct err *err)
{
	const json_t *address = NULL;
	const json_t *ports = NULL;
	int r = json_get_object(object, "address", &address, err);

	if (r == 0 && !address)
		r = bad("address", err);
	if (r == 0)
		r = get_own(address, &message->network, &message->address, err);
	if (r == 0)
		r = get_u32(object, "number", 1, UINT32_MAX, &message->number, err);
	if (r == 0 && message->number != lease_number(&message->network, message->address.ip4))
		r = bad("number", err);
	if (r == 0)
		r = get_name(object, "id", message->id, sizeof(message->id), err);
	if (r == 0)
		r = get_name(object, "veth", message->veth, sizeof(message->veth), err);
	if (r == 0)
		r = json_get_array(object, "ports", &ports, err);
	if (r == 0 && ports)
		r = port_list_from_json(&message->ports, ports, err);
	return r;
}

static int get_task(const json_t *object, enum bridge_task *ret_task, struct err *err)
{
	const char *name = json_str(object, "task", "");

	for (int i = 0; i < TASK_COUNT; i++)
		if (str_eq(task_names[i], name)) {
			*ret_task = (enum bridge_task)i;
			return 0;
		}
	return bad("task", err);
}

int bridge_message_parse(const char *data, size_t size, struct bridge_message *ret_message,
			 struct err *err)
{
	auto_json json_t *object = NULL;
	struct bridge_message message = BRIDGE_MESSAGE_INIT;
	const json_t *network = NULL;
	int r = json_parse(data, size, "network settings", &object, err);

	if (r == 0 && json_int(object, "version", 0) != BRIDGE_MESSAGE_VERSION)
		r = err_say(err, ERR_FAILED, "network settings are of another version of bryo");
	if (r == 0)
		r = get_task(object, &message.task, err);
	if (r == 0)
		r = json_get_object(object, "network", &network, err);
	if (r == 0 && !network)
		r = bad("network", err);
	if (r == 0)
		r = get_network(network, &message.network, err);
	if (r == 0 && message.task != BRIDGE_REPAIR)
		r = get_container(object, &message, err);
	if (r < 0) {
		bridge_message_done(&message);
		return r;
	}
	*ret_message = message;
	return 0;
}

/* ---- Flags ---- */

static int wish_address(const char *flag, const char *text, int family, void *out, struct err *err)
{
	struct in6_addr other;

	if (inet_pton(family, text, out) == 1)
		return 0;
	if (inet_pton(family == AF_INET ? AF_INET6 : AF_INET, text, &other) != 1)
		return err_say(err, ERR_USAGE, "\"%s\" is not an ip address", text);
	return err_say(err, ERR_USAGE, "--%s: \"%s\" is not an %s address", flag, text,
		       family == AF_INET ? "IPv4" : "IPv6");
}

int bridge_wish_parse(const char *ip, const char *ip6, const char *mac,
		      struct bridge_wish *ret_wish, struct err *err)
{
	struct bridge_wish wish = { .has6 = ip6 != NULL, .has_mac = mac != NULL };
	int r = ip ? wish_address("ip", ip, AF_INET, &wish.ip4, err) : 0;

	if (r == 0 && ip6)
		r = wish_address("ip6", ip6, AF_INET6, &wish.ip6, err);
	if (r < 0)
		return r;
	if (mac && parse_mac(mac, wish.mac) < 0)
		return err_say(err, ERR_USAGE, "address %s: invalid MAC address", mac);
	/* One that stands for many, or for nobody, the kernel refuses for an interface. */
	if (mac && ((wish.mac[0] & 1) || memcmp(wish.mac, "\0\0\0\0\0\0", 6) == 0))
		return err_say(err, ERR_USAGE,
			       "--mac-address: \"%s\" is not the hardware address of one interface",
			       mac);
	*ret_wish = wish;
	return 0;
}
