/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of one network as JSON: see net-message.h. Runs in the monitor and in bryo-net. */
#include "netns/net-message.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <stddef.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/json.h"
#include "engine/base/str.h"
#include "netns/options/value.h"

static void set_address(json_t *object, const char *key, int family, const void *address)
{
	char text[INET6_ADDRSTRLEN];

	json_set_str(object, key, inet_ntop(family, address, text, sizeof(text)));
}

/* Members of struct net_options by the name that they travel under. */
#define AT(field) offsetof(struct net_options, field)
static const struct {
	const char *key;
	size_t at;
} booleans[] = {
	{ "ipv4", AT(ipv4) }, { "ipv6", AT(ipv6) },
	{ "dns", AT(dns) },   { "host_loopback", AT(host_loopback) },
	{ "tcp", AT(tcp) },   { "metadata", AT(metadata) },
	{ "udp", AT(udp) },   { "icmp", AT(icmp) },
};

/* An address of zeros is one that is not set: it is left out. */
static const struct {
	const char *key;
	int family;
	size_t at;
} addresses[] = {
	{ "net4", AF_INET, AT(net4) },
	{ "container4", AF_INET, AT(container4) },
	{ "gateway4", AF_INET, AT(gateway4) },
	{ "dns4", AF_INET, AT(dns4) },
	{ "map_host4", AF_INET, AT(map_host4) },
	{ "map_guest4", AF_INET, AT(map_guest4) },
	{ "outbound4", AF_INET, AT(outbound4) },
	{ "net6", AF_INET6, AT(net6) },
	{ "container6", AF_INET6, AT(container6) },
	{ "gateway6", AF_INET6, AT(gateway6) },
	{ "dns6", AF_INET6, AT(dns6) },
	{ "map_host6", AF_INET6, AT(map_host6) },
	{ "map_guest6", AF_INET6, AT(map_guest6) },
	{ "outbound6", AF_INET6, AT(outbound6) },
};

static const struct {
	const char *key;
	size_t at;
} interfaces[] = {
	{ "ifname", AT(ifname) },
	{ "outbound_if4", AT(outbound_if4) },
	{ "outbound_if6", AT(outbound_if6) },
};
#undef AT

static bool is_set(int family, const void *address)
{
	static const struct in6_addr zero = { 0 };

	return memcmp(address, &zero,
		      family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr)) != 0;
}

static json_t *options_object(const struct net_options *options)
{
	const char *const base = (const char *)options;
	json_t *object = json_object();

	for (size_t i = 0; i < ARRAY_SIZE(booleans); i++)
		json_set_bool(object, booleans[i].key,
			      *(const bool *)(const void *)(base + booleans[i].at));
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++)
		if (is_set(addresses[i].family, base + addresses[i].at))
			set_address(object, addresses[i].key, addresses[i].family,
				    base + addresses[i].at);
	for (size_t i = 0; i < ARRAY_SIZE(interfaces); i++)
		if (base[interfaces[i].at] != '\0')
			json_set_str(object, interfaces[i].key, base + interfaces[i].at);
	json_set_int(object, "mtu", options->mtu);
	json_set_int(object, "prefix4", options->prefix4);
	json_set_int(object, "prefix6", options->prefix6);
	json_set_int(object, "fast", (int64_t)options->fast);
	json_set_int(object, "handler", (int64_t)options->ports);
	return object;
}

char *net_message_text(const struct net_options *options, const struct port_list *ports,
		       const struct port_list *host_ports)
{
	auto_json json_t *message = json_object();

	json_set_int(message, "version", NET_MESSAGE_VERSION);
	(void)json_object_set_new(message, "options", options_object(options));
	(void)json_object_set_new(message, "ports",
				  ports ? port_list_to_json(ports) : json_array());
	(void)json_object_set_new(message, "host_ports",
				  host_ports ? port_list_to_json(host_ports) : json_array());
	return json_text(message);
}

/* Left as it is where it is not named. */
static int get_address(const json_t *object, const char *key, int family, void *ret_address,
		       struct err *err)
{
	const char *text = NULL;
	int r = json_get_str(object, key, &text, err);

	if (r < 0 || !text)
		return r;
	if (inet_pton(family, text, ret_address) != 1)
		return err_say(err, ERR_USAGE, "network setting %s: \"%s\" is no address", key,
			       text);
	return 0;
}

static int get_interface(const json_t *object, const char *key, char ret[IFNAMSIZ], struct err *err)
{
	const char *text = NULL;
	int r = json_get_str(object, key, &text, err);

	return r < 0 || !text ? r : net_value_ifname(key, text, ret, err);
}

static int get_tables(const json_t *object, struct net_options *options, struct err *err)
{
	char *const base = (char *)options;
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(booleans) && r == 0; i++)
		r = json_get_bool(object, booleans[i].key, (bool *)(void *)(base + booleans[i].at),
				  err);
	for (size_t i = 0; i < ARRAY_SIZE(addresses) && r == 0; i++)
		r = get_address(object, addresses[i].key, addresses[i].family,
				base + addresses[i].at, err);
	for (size_t i = 0; i < ARRAY_SIZE(interfaces) && r == 0; i++)
		r = get_interface(object, interfaces[i].key, base + interfaces[i].at, err);
	options->has_outbound6 = is_set(AF_INET6, &options->outbound6);
	return r;
}

static int get_numbers(const json_t *object, struct net_options *options, struct err *err)
{
	uint32_t prefix4 = options->prefix4;
	uint32_t prefix6 = options->prefix6;
	uint32_t fast = NET_FAST_AUTO;
	uint32_t handler = NET_PORTS_STACK;
	int r = json_get_u32(object, "mtu", &options->mtu, err);

	if (r == 0)
		r = json_get_u32(object, "prefix4", &prefix4, err);
	if (r == 0)
		r = json_get_u32(object, "prefix6", &prefix6, err);
	if (r == 0)
		r = json_get_u32(object, "fast", &fast, err);
	if (r == 0)
		r = json_get_u32(object, "handler", &handler, err);
	if (r < 0)
		return r;
	if (prefix4 > UINT8_MAX || prefix6 > UINT8_MAX || fast > NET_FAST_OFF ||
	    handler > NET_PORTS_SPLICE)
		return err_say(err, ERR_USAGE, "network settings are out of range");
	options->prefix4 = (uint8_t)prefix4;
	options->prefix6 = (uint8_t)prefix6;
	options->fast = (enum net_fast)fast;
	options->ports = (enum net_port_handler)handler;
	return 0;
}

static int get_options(const json_t *object, struct net_options *options, struct err *err)
{
	int r = get_numbers(object, options, err);

	return r < 0 ? r : get_tables(object, options, err);
}

static int get_ports(const json_t *message, const char *key, struct port_list *ret, struct err *err)
{
	struct port_list unwanted auto_done(port_list) = PORT_LIST_INIT;
	const json_t *ports = NULL;
	int r = json_get_array(message, key, &ports, err);

	return r < 0 || !ports ? r : port_list_from_json(ret ? ret : &unwanted, ports, err);
}

int net_message_parse(const char *data, size_t size, struct net_options *ret_options,
		      struct port_list *ret_ports, struct port_list *ret_host_ports,
		      struct err *err)
{
	auto_json json_t *message = NULL;
	struct net_options options = net_options_open();
	const json_t *object = NULL;
	int64_t version = 0;
	int r = json_parse(data, size, "network settings", &message, err);

	if (r == 0)
		r = json_get_i64(message, "version", &version, err);
	if (r == 0 && version != NET_MESSAGE_VERSION)
		r = err_say(err, ERR_FAILED, "network settings are of another version of bryo");
	if (r == 0)
		r = json_get_object(message, "options", &object, err);
	if (r == 0 && object)
		r = get_options(object, &options, err);
	/* Whatever came: the stack relies on addresses that fit together. */
	if (r == 0)
		r = net_options_finish(&options, err);
	if (r == 0)
		r = get_ports(message, "ports", ret_ports, err);
	if (r == 0)
		r = get_ports(message, "host_ports", ret_host_ports, err);
	if (r == 0)
		*ret_options = options;
	return r;
}
