/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --network=pasta:OPTION,VALUE,...: pasta's command line, with commas for blanks. See
 * options.h. Runs in the command; touches nothing.
 */
#include "netns/options/options.h"

#include <errno.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/str.h"
#include "netns/options/value.h"

/* What is being filled. */
struct pasta {
	struct net_options options;
	struct net_option_ports ports;
	bool netmask; /* -n was given, */
	bool bits;    /* or -a ADDRESS/BITS: pasta takes one of them */
};

enum pasta_kind {
	PASTA_FLAG,
	PASTA_VALUE,
	PASTA_IGNORE,	    /* a flag without meaning here */
	PASTA_IGNORE_VALUE, /* the same with a value */
	PASTA_REFUSE,	    /* known, and not to be had here; why is in the table */
};

/* value is NULL for a flag. */
typedef int pasta_set(struct pasta *pasta, const char *name, const char *value, struct err *err);

static int set_ipv4_only(struct pasta *pasta, const char *name, const char *value, struct err *err)
{
	(void)value;
	if (!pasta->options.ipv4)
		return err_say(err, ERR_USAGE, "option %s for pasta: --ipv6-only is given, too",
			       name);
	pasta->options.ipv6 = false;
	return 0;
}

static int set_ipv6_only(struct pasta *pasta, const char *name, const char *value, struct err *err)
{
	(void)value;
	if (!pasta->options.ipv6)
		return err_say(err, ERR_USAGE, "option %s for pasta: --ipv4-only is given, too",
			       name);
	pasta->options.ipv4 = false;
	return 0;
}

static int set_mtu(struct pasta *pasta, const char *name, const char *value, struct err *err)
{
	(void)name;
	return net_value_mtu(value, &pasta->options, err);
}

/* One of -a ADDRESS/BITS and -n, as pasta(1) has it. */
static int check_netmask(const struct pasta *pasta, const char *name, struct err *err)
{
	if (pasta->netmask && pasta->bits)
		return err_say(err, ERR_USAGE,
			       "option %s for pasta: -n and -a ADDRESS/BITS cannot be mixed", name);
	return 0;
}

static int set_address(struct pasta *pasta, const char *name, const char *value, struct err *err)
{
	int r = net_value_address(name, value, &pasta->options, err);

	if (strchr(value, '/') && !strchr(value, ':'))
		pasta->bits = true;
	return r < 0 ? r : check_netmask(pasta, name, err);
}

static int set_netmask(struct pasta *pasta, const char *name, const char *value, struct err *err)
{
	int r = net_value_netmask(value, &pasta->options, err);

	pasta->netmask = true;
	return r < 0 ? r : check_netmask(pasta, name, err);
}

static int set_gateway(struct pasta *pasta, const char *name, const char *value, struct err *err)
{
	struct net_options *options = &pasta->options;
	int r = net_value_either(name, value, &options->gateway4, &options->gateway6, err);

	return r < 0 ? r : 0;
}

static int set_ns_ifname(struct pasta *pasta, const char *name, const char *value, struct err *err)
{
	return net_value_ifname(name, value, pasta->options.ifname, err);
}

static int set_outbound(struct pasta *pasta, const char *name, const char *value, struct err *err)
{
	return net_value_outbound(name, value, &pasta->options, err);
}

static int set_outbound_if4(struct pasta *pasta, const char *name, const char *value,
			    struct err *err)
{
	return net_value_ifname(name, value, pasta->options.outbound_if4, err);
}

static int set_outbound_if6(struct pasta *pasta, const char *name, const char *value,
			    struct err *err)
{
	return net_value_ifname(name, value, pasta->options.outbound_if6, err);
}

/*
 * With pasta it chooses the interface whose addresses and routes are copied; here nothing is
 * copied, and what can be chosen is where connections leave.
 */
static int set_interface(struct pasta *pasta, const char *name, const char *value, struct err *err)
{
	int r = set_outbound_if4(pasta, name, value, err);

	return r < 0 ? r : set_outbound_if6(pasta, name, value, err);
}

/* Podman leaves these to DHCP, which it has switched off; here they are what resolv.conf names. */
static int set_dns(struct pasta *pasta, const char *name, const char *value, struct err *err)
{
	struct net_options *options = &pasta->options;
	struct in_addr four;
	struct in6_addr six;
	int r = 0;

	options->own_resolvers = true;
	if (str_eq(value, "none") || *value == '\0') {
		options->resolver_count = 0;
		memset(options->resolvers, 0, sizeof(options->resolvers));
		return 0;
	}
	r = net_value_either(name, value, &four, &six, err);
	if (r < 0)
		return r;
	if (options->resolver_count == NET_RESOLVERS_MAX)
		return err_say(err, ERR_USAGE, "option %s for pasta: more than %d resolvers", name,
			       NET_RESOLVERS_MAX);
	/* It parsed as an address, so it is shorter than any. */
	memcpy(options->resolvers[options->resolver_count++], value, strlen(value) + 1);
	return 0;
}

static int set_dns_forward(struct pasta *pasta, const char *name, const char *value,
			   struct err *err)
{
	int r = net_value_either(name, value, &pasta->options.dns4, &pasta->options.dns6, err);

	pasta->options.dns = true;
	return r < 0 ? r : 0;
}

static int set_map_gw(struct pasta *pasta, const char *name, const char *value, struct err *err)
{
	(void)value;
	(void)err;
	pasta->options.host_loopback = str_eq(name, "--map-gw");
	return 0;
}

static int set_map_host(struct pasta *pasta, const char *name, const char *value, struct err *err)
{
	return net_value_map_host(name, value, &pasta->options, err);
}

static int set_map_guest(struct pasta *pasta, const char *name, const char *value, struct err *err)
{
	return net_value_map_guest(name, value, &pasta->options, err);
}

static int set_no_protocol(struct pasta *pasta, const char *name, const char *value,
			   struct err *err)
{
	(void)value;
	(void)err;
	if (str_eq(name, "--no-tcp"))
		pasta->options.tcp = false;
	else if (str_eq(name, "--no-udp"))
		pasta->options.udp = false;
	else
		pasta->options.icmp = false;
	return 0;
}

static int set_no_splice(struct pasta *pasta, const char *name, const char *value, struct err *err)
{
	(void)name;
	(void)value;
	(void)err;
	pasta->options.ports = NET_PORTS_STACK;
	return 0;
}

static int set_tcp_ports(struct pasta *pasta, const char *name, const char *value, struct err *err)
{
	return net_value_ports(name, value, false, false, pasta->ports.published, err);
}

static int set_udp_ports(struct pasta *pasta, const char *name, const char *value, struct err *err)
{
	return net_value_ports(name, value, true, false, pasta->ports.published, err);
}

static int set_tcp_ns(struct pasta *pasta, const char *name, const char *value, struct err *err)
{
	return net_value_ports(name, value, false, true, pasta->ports.host, err);
}

static int set_udp_ns(struct pasta *pasta, const char *name, const char *value, struct err *err)
{
	(void)pasta;
	if (str_eq(value, "none"))
		return 0;
	return err_say(err, ERR_UNSUPPORTED,
		       "option %s for pasta: UDP ports of the host's loopback cannot be brought "
		       "into a container's, only TCP ports (-T)",
		       name);
}

static const struct pasta_option {
	const char *name;
	const char *name2; /* or NULL */
	enum pasta_kind kind;
	pasta_set *set;
	const char *why;
} pasta_options[] = {
	{ "-4", "--ipv4-only", PASTA_FLAG, set_ipv4_only, NULL },
	{ "-6", "--ipv6-only", PASTA_FLAG, set_ipv6_only, NULL },
	{ "-m", "--mtu", PASTA_VALUE, set_mtu, NULL },
	{ "-a", "--address", PASTA_VALUE, set_address, NULL },
	{ "-n", "--netmask", PASTA_VALUE, set_netmask, NULL },
	{ "-g", "--gateway", PASTA_VALUE, set_gateway, NULL },
	{ "-I", "--ns-ifname", PASTA_VALUE, set_ns_ifname, NULL },
	{ "-i", "--interface", PASTA_VALUE, set_interface, NULL },
	{ "-o", "--outbound", PASTA_VALUE, set_outbound, NULL },
	{ "--outbound-if4", NULL, PASTA_VALUE, set_outbound_if4, NULL },
	{ "--outbound-if6", NULL, PASTA_VALUE, set_outbound_if6, NULL },
	{ "-D", "--dns", PASTA_VALUE, set_dns, NULL },
	{ "--dns-forward", NULL, PASTA_VALUE, set_dns_forward, NULL },
	{ "--map-gw", NULL, PASTA_FLAG, set_map_gw, NULL },
	{ "--no-map-gw", NULL, PASTA_FLAG, set_map_gw, NULL },
	{ "--map-host-loopback", NULL, PASTA_VALUE, set_map_host, NULL },
	{ "--map-guest-addr", NULL, PASTA_VALUE, set_map_guest, NULL },
	{ "--no-tcp", NULL, PASTA_FLAG, set_no_protocol, NULL },
	{ "--no-udp", NULL, PASTA_FLAG, set_no_protocol, NULL },
	{ "--no-icmp", NULL, PASTA_FLAG, set_no_protocol, NULL },
	{ "--no-splice", NULL, PASTA_FLAG, set_no_splice, NULL },
	{ "-t", "--tcp-ports", PASTA_VALUE, set_tcp_ports, NULL },
	{ "-u", "--udp-ports", PASTA_VALUE, set_udp_ports, NULL },
	{ "-T", "--tcp-ns", PASTA_VALUE, set_tcp_ns, NULL },
	{ "-U", "--udp-ns", PASTA_VALUE, set_udp_ns, NULL },
	/* What our stack does anyway, or has nothing of that could be switched off. */
	{ "--config-net", NULL, PASTA_IGNORE, NULL, NULL },
	{ "--no-copy-routes", NULL, PASTA_IGNORE, NULL, NULL },
	{ "--no-copy-addrs", NULL, PASTA_IGNORE, NULL, NULL },
	{ "--no-dhcp", NULL, PASTA_IGNORE, NULL, NULL },
	{ "--no-dhcpv6", NULL, PASTA_IGNORE, NULL, NULL },
	{ "--no-dhcp-dns", NULL, PASTA_IGNORE, NULL, NULL },
	{ "--no-dhcp-search", NULL, PASTA_IGNORE, NULL, NULL },
	{ "--no-ndp", NULL, PASTA_IGNORE, NULL, NULL },
	{ "--no-ra", NULL, PASTA_IGNORE, NULL, NULL },
	{ "--no-netns-quit", NULL, PASTA_IGNORE, NULL, NULL },
	{ "--no-pidns", NULL, PASTA_IGNORE, NULL, NULL },
	{ "--chroot-fallback", NULL, PASTA_IGNORE, NULL, NULL },
	{ "-q", "--quiet", PASTA_IGNORE, NULL, NULL },
	{ "-f", "--foreground", PASTA_IGNORE, NULL, NULL },
	{ "-e", "--stderr", PASTA_IGNORE, NULL, NULL },
	/* Only told to DHCP clients, of which Podman's containers are none either. */
	{ "-S", "--search", PASTA_IGNORE_VALUE, NULL, NULL },
	{ "-H", "--hostname", PASTA_IGNORE_VALUE, NULL, NULL },
	{ "--fqdn", NULL, PASTA_IGNORE_VALUE, NULL, NULL },
	{ "-l", "--log-file", PASTA_REFUSE, NULL, "bryo-net writes no log" },
	{ "--log-size", NULL, PASTA_REFUSE, NULL, "bryo-net writes no log" },
	{ "-d", "--debug", PASTA_REFUSE, NULL, "bryo-net writes no log" },
	{ "--trace", NULL, PASTA_REFUSE, NULL, "bryo-net writes no log" },
	{ "--stats", NULL, PASTA_REFUSE, NULL, "bryo-net writes no log" },
	{ "-p", "--pcap", PASTA_REFUSE, NULL, "packets are not recorded" },
	{ "-P", "--pid", PASTA_REFUSE, NULL, "bryo-net has no pid file" },
	{ "-c", "--conf-path", PASTA_REFUSE, NULL, "bryo-net obeys its monitor only" },
	{ "-F", "--fd", PASTA_REFUSE, NULL, "bryo-net makes its own tap device" },
	{ "--runas", NULL, PASTA_REFUSE, NULL, "bryo-net runs as the caller" },
	{ "--userns", NULL, PASTA_REFUSE, NULL, "bryo chooses the namespaces" },
	{ "--netns", NULL, PASTA_REFUSE, NULL, "bryo chooses the namespaces" },
	{ "--netns-only", NULL, PASTA_REFUSE, NULL, "bryo chooses the namespaces" },
	{ "-M", "--mac-addr", PASTA_REFUSE, NULL, "the gateway's MAC address cannot be chosen" },
	{ "--ns-mac-addr", NULL, PASTA_REFUSE, NULL, "the tap's MAC address cannot be chosen" },
	{ "--dns-host", NULL, PASTA_REFUSE, NULL, "the forwarder asks the host's resolvers" },
	{ "--dhcp-dns", NULL, PASTA_REFUSE, NULL, "there is no DHCP server" },
	{ "--dhcp-search", NULL, PASTA_REFUSE, NULL, "there is no DHCP server" },
	{ "--freebind", NULL, PASTA_REFUSE, NULL, "ports are bound at addresses of this host" },
	{ "--host-lo-to-ns-lo", NULL, PASTA_REFUSE, NULL,
	  "published ports lead to the container's own address" },
	{ "--splice-only", NULL, PASTA_REFUSE, NULL, "use --network=none" },
};

static const struct pasta_option *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(pasta_options); i++)
		if (str_eq(name, pasta_options[i].name) || str_eq(name, pasta_options[i].name2))
			return &pasta_options[i];
	return NULL;
}

static bool wants_value(const struct pasta_option *option)
{
	return option->kind == PASTA_VALUE || option->kind == PASTA_IGNORE_VALUE;
}

/* "--mtu=1500" has its value in itself, "-m" in the next word. */
static int set_one(struct pasta *pasta, const struct strv *words, size_t *i, struct err *err)
{
	auto_free char *name = xstrdup(words->v[*i]);
	char *value = str_starts(name, "--") ? strchr(name, '=') : NULL;
	const struct pasta_option *option = NULL;

	if (value)
		*value++ = '\0';
	option = find(name);
	if (!option)
		return err_say(err, ERR_USAGE, "unknown option for pasta: \"%s\"", words->v[*i]);
	if (option->kind == PASTA_REFUSE)
		return err_say(err, ERR_UNSUPPORTED, "option %s for pasta is not supported: %s",
			       name, option->why);
	if (!wants_value(option) && value)
		return err_say(err, ERR_USAGE, "option %s for pasta takes no value", name);
	if (wants_value(option) && !value) {
		if (++*i >= words->count)
			return err_say(err, ERR_USAGE, "option %s for pasta needs a value", name);
		value = words->v[*i];
	}
	return option->set ? option->set(pasta, name, value, err) : 0;
}

int net_options_pasta(const char *text, struct net_options *ret_options,
		      const struct net_option_ports *ports, struct err *err)
{
	struct pasta pasta = { .options = net_options_open() };
	struct strv words auto_done(strv) = STRV_INIT;
	int r = 0;

	if (ports)
		pasta.ports = *ports;
	if (!str_empty(text))
		strv_split(&words, text, ',');
	for (size_t i = 0; i < words.count && r == 0; i++)
		r = set_one(&pasta, &words, &i, err);
	if (r == 0)
		r = net_options_finish(&pasta.options, err);
	if (r == 0)
		*ret_options = pasta.options;
	return r;
}
