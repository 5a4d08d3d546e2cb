/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of one network as JSON: see net-message.h. Runs in the monitor and in bryo-net. */
#include "netns/net-message.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/err.h"
#include "engine/base/json.h"
#include "engine/base/str.h"

static void set_address(json_t *object, const char *key, int family, const void *address)
{
	char text[INET6_ADDRSTRLEN];

	json_set_str(object, key, inet_ntop(family, address, text, sizeof(text)));
}

char *net_message_text(const struct net_options *options, const struct port_list *ports)
{
	auto_json json_t *message = json_object();
	json_t *object = json_object();

	(void)json_object_set_new(object, "ifname", json_string(options->ifname));
	(void)json_object_set_new(object, "mtu", json_integer(options->mtu));
	set_address(object, "net4", AF_INET, &options->net4);
	(void)json_object_set_new(object, "prefix4", json_integer(options->prefix4));
	(void)json_object_set_new(object, "ipv6", json_boolean(options->ipv6));
	set_address(object, "net6", AF_INET6, &options->net6);
	(void)json_object_set_new(object, "host_loopback", json_boolean(options->host_loopback));
	(void)json_object_set_new(object, "metadata", json_boolean(options->metadata));
	(void)json_object_set_new(object, "dns", json_boolean(options->dns));
	if (options->outbound4.s_addr != INADDR_ANY)
		set_address(object, "outbound4", AF_INET, &options->outbound4);
	if (options->has_outbound6)
		set_address(object, "outbound6", AF_INET6, &options->outbound6);
	(void)json_object_set_new(message, "version", json_integer(NET_MESSAGE_VERSION));
	(void)json_object_set_new(message, "options", object);
	(void)json_object_set_new(message, "ports",
				  ports ? port_list_to_json(ports) : json_array());
	return json_text(message);
}

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
	return 1;
}

static int get_options(const json_t *object, struct net_options *options, struct err *err)
{
	const char *ifname = options->ifname;
	uint32_t prefix = options->prefix4;
	int r = json_get_str(object, "ifname", &ifname, err);

	if (r == 0)
		r = json_get_u32(object, "mtu", &options->mtu, err);
	if (r == 0)
		r = json_get_u32(object, "prefix4", &prefix, err);
	if (r == 0)
		r = json_get_bool(object, "ipv6", &options->ipv6, err);
	if (r == 0)
		r = json_get_bool(object, "host_loopback", &options->host_loopback, err);
	if (r == 0)
		r = json_get_bool(object, "metadata", &options->metadata, err);
	if (r == 0)
		r = json_get_bool(object, "dns", &options->dns, err);
	if (r < 0)
		return r;
	if (strlen(ifname) >= sizeof(options->ifname) || prefix < 8 || prefix > 25 ||
	    options->mtu < 1280 || options->mtu > 65521)
		return err_say(err, ERR_USAGE, "network settings are out of range");
	if (ifname != options->ifname)
		(void)snprintf(options->ifname, sizeof(options->ifname), "%s", ifname);
	options->prefix4 = (uint8_t)prefix;
	return 0;
}

static int get_addresses(const json_t *object, struct net_options *options, struct err *err)
{
	int r = get_address(object, "net4", AF_INET, &options->net4, err);

	if (r >= 0)
		r = get_address(object, "net6", AF_INET6, &options->net6, err);
	if (r >= 0)
		r = get_address(object, "outbound4", AF_INET, &options->outbound4, err);
	if (r >= 0)
		r = get_address(object, "outbound6", AF_INET6, &options->outbound6, err);
	if (r < 0)
		return r;
	options->has_outbound6 = r == 1;
	/* Whatever came: the stack relies on network addresses without host bits. */
	options->net4.s_addr &= htonl(~0U << (32 - options->prefix4));
	memset(options->net6.s6_addr + 8, 0, 8);
	return 0;
}

int net_message_parse(const char *data, size_t size, struct net_options *ret_options,
		      struct port_list *ret_ports, struct err *err)
{
	auto_json json_t *message = NULL;
	struct net_options options = net_options_default();
	const json_t *object = NULL;
	const json_t *ports = NULL;
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
	if (r == 0 && object)
		r = get_addresses(object, &options, err);
	if (r == 0)
		r = json_get_array(message, "ports", &ports, err);
	if (r == 0 && ports)
		r = port_list_from_json(ret_ports, ports, err);
	if (r == 0)
		*ret_options = options;
	return r;
}
