/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pasta's way to write ports (pasta(1) --tcp-ports): see value.h. Runs in the
 * command; touches nothing.
 */
#include "netns/options/value.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/str.h"
#include "netns/port/port.h"

enum { ALL_PORTS = 65536 };

/* One list of ports while it is read: to[p] is where port p goes, 0: it is not in the list. */
struct spec {
	const char *name; /* the option's */
	const char *text; /* all of it, for errors */
	uint16_t to[ALL_PORTS];
	bool left_out[ALL_PORTS];
	bool any;
};

static int bad(const struct spec *spec, const char *why, struct err *err)
{
	return err_say(err, ERR_USAGE, "option %s for pasta: \"%s\": %s", spec->name, spec->text,
		       why);
}

/* "FIRST[-LAST]"; text is cut up. */
static int parse_range(const struct spec *spec, char *text, uint32_t *ret_first, uint32_t *ret_last,
		       struct err *err)
{
	char *dash = strchr(text, '-');

	if (dash)
		*dash++ = '\0';
	if (str_to_u32(text, ret_first) < 0 || *ret_first < 1 || *ret_first > UINT16_MAX ||
	    (dash && (str_to_u32(dash, ret_last) < 0 || *ret_last > UINT16_MAX)))
		return bad(spec, "ports are numbers from 1 to 65535", err);
	if (!dash)
		*ret_last = *ret_first;
	if (*ret_last < *ret_first)
		return bad(spec, "a range ends before it starts", err);
	return 0;
}

static int leave_out(struct spec *spec, char *text, struct err *err)
{
	uint32_t first = 0;
	uint32_t last = 0;
	int r = parse_range(spec, text, &first, &last, err);

	for (uint32_t port = first; r == 0 && port <= last; port++)
		spec->left_out[port] = true;
	return r;
}

static int take_in(struct spec *spec, char *text, struct err *err)
{
	char *colon = strchr(text, ':');
	uint32_t first = 0, last = 0, to = 0, to_last = 0;
	int r = 0;

	if (str_starts(text, "auto"))
		return err_say(err, ERR_UNSUPPORTED,
			       "option %s for pasta: \"auto\" is not supported: name the ports",
			       spec->name);
	if (str_starts(text, "all"))
		return err_say(err, ERR_UNSUPPORTED,
			       "option %s for pasta: \"all\" is not supported: name the ports",
			       spec->name);
	if (colon)
		*colon++ = '\0';
	/* Podman and pasta 2026: an address behind the colon, for networks behind the container. */
	if (colon && strpbrk(colon, "./:[]"))
		return err_say(err, ERR_UNSUPPORTED,
			       "option %s for pasta: \"%s\": ports cannot lead to another address",
			       spec->name, spec->text);
	r = parse_range(spec, text, &first, &last, err);
	if (r == 0 && colon)
		r = parse_range(spec, colon, &to, &to_last, err);
	if (r < 0)
		return r;
	if (!colon)
		to = first;
	else if (to_last - to != last - first)
		return bad(spec, "the two ranges have different lengths", err);
	for (uint32_t port = first; port <= last; port++)
		spec->to[port] = (uint16_t)(to + port - first);
	spec->any = true;
	return 0;
}

/* Runs of ports that go to a run of ports become one entry. */
static void add_maps(const struct spec *spec, const char *address, enum port_proto proto,
		     bool from_container, struct port_list *list)
{
	struct port_map map = { .proto = proto };

	(void)snprintf(map.host_ip, sizeof(map.host_ip), "%s", address);
	for (uint32_t port = 1; port < ALL_PORTS; port++) {
		const uint16_t to = spec->to[port];

		if (to == 0 || spec->left_out[port])
			continue;
		/* What stands first is where it listens: on the host, or with -T in the container.
		 */
		map.host_port = from_container ? to : (uint16_t)port;
		map.container_port = from_container ? (uint16_t)port : to;
		map.count = 1;
		while (port + 1 < ALL_PORTS && !spec->left_out[port + 1] &&
		       spec->to[port + 1] == to + map.count) {
			map.count++;
			port++;
		}
		port_list_add(list, &map);
	}
}

/* Takes "ADDRESS/" or "[ADDRESS]/" from the front. */
static int take_address(const struct spec *spec, char **text, bool from_container,
			char ret[INET6_ADDRSTRLEN], struct err *err)
{
	char *slash = strchr(*text, '/');
	char *colon = strchr(*text, ':');
	char *address = *text;
	struct in_addr four;
	struct in6_addr six;

	ret[0] = '\0';
	/* "22:192.0.2.5/23": that slash belongs to the other side. IPv6 has several colons. */
	if (!slash || (colon && colon < slash && !strchr(colon + 1, ':') && (*text)[0] != '['))
		return 0;
	*slash = '\0';
	*text = slash + 1;
	if (strchr(address, '%'))
		return err_say(err, ERR_UNSUPPORTED,
			       "option %s for pasta: \"%s\": ports cannot be bound to an interface",
			       spec->name, spec->text);
	if (address[0] == '[' && str_ends(address, "]")) {
		address++;
		address[strlen(address) - 1] = '\0';
	}
	if (inet_pton(AF_INET, address, &four) == 1)
		(void)inet_ntop(AF_INET, &four, ret, INET6_ADDRSTRLEN);
	else if (inet_pton(AF_INET6, address, &six) == 1)
		(void)inet_ntop(AF_INET6, &six, ret, INET6_ADDRSTRLEN);
	else
		return bad(spec, "what stands before / is no address", err);
	if (from_container && !str_eq(ret, "127.0.0.1") && !str_eq(ret, "::1"))
		return err_say(err, ERR_UNSUPPORTED,
			       "option %s for pasta: \"%s\": the container's 127.0.0.1 and ::1 "
			       "are where the host's ports appear",
			       spec->name, spec->text);
	return 0;
}

static int parse_list(struct spec *spec, const char *text, struct err *err)
{
	struct strv entries auto_done(strv) = STRV_INIT;
	int r = 0;

	strv_split(&entries, text, ',');
	for (size_t i = 0; i < entries.count && r == 0; i++)
		r = entries.v[i][0] == '~' ? leave_out(spec, entries.v[i] + 1, err)
					   : take_in(spec, entries.v[i], err);
	if (r == 0 && !spec->any)
		r = bad(spec, "ports that are left out only mean all others: name the ports", err);
	return r;
}

int net_value_ports(const char *name, const char *text, bool udp, bool from_container,
		    struct port_list *list, struct err *err)
{
	auto_free struct spec *spec = NULL;
	auto_free char *copy = xstrdup(str_or(text, ""));
	char address[INET6_ADDRSTRLEN];
	char *ports = copy;
	int r = 0;

	if (str_eq(copy, "none"))
		return 0;
	spec = xcalloc(1, sizeof(*spec));
	spec->name = name;
	spec->text = str_or(text, "");
	r = take_address(spec, &ports, from_container, address, err);
	if (r == 0)
		r = parse_list(spec, ports, err);
	if (r == 0 && list)
		add_maps(spec, address, udp ? PORT_UDP : PORT_TCP, from_container, list);
	return r;
}
