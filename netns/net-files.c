/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a container's /etc/resolv.conf and /etc/hosts, in Podman's layout. Runs in the
 * command, in the host's mount and network namespaces; reads the host's two files and asks the
 * kernel for this host's address, changes nothing.
 */
#include "netns/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/file.h"
#include "engine/base/str.h"
#include "netns/bridge/bridge.h"
#include "netns/resolv.h"

enum { HOSTS_MAX = 1 << 20 };

static bool is_ip(const char *text)
{
	struct in6_addr address;

	return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

static bool has_any(const struct strv *list)
{
	return list && list->count > 0;
}

/* ---- resolv.conf ---- */

int net_dns_check(const char *text, struct err *err)
{
	if (!str_eq(text, "none") && !is_ip(text))
		return err_say(err, ERR_USAGE, "%s is not an ip address", text);
	return 0;
}

int net_dns_search_check(const char *text, struct err *err)
{
	const size_t length = strlen(text);

	if (str_eq(text, "."))
		return 0;
	if (length == 0 || length > 253 ||
	    text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_")])
		return err_say(err, ERR_USAGE, "%s is not a valid domain", text);
	return 0;
}

static void add_server(struct buf *out, const char *server)
{
	(void)buf_addf(out, "nameserver %s\n", server);
}

/*
 * What pasta's -D named. Else the forwarder first: it follows the host's resolvers as they change.
 * The host's own addresses behind it, as Podman has it, where the container can reach them.
 */
static void add_forwarder(struct buf *out, const struct net_options *options)
{
	char dns[INET6_ADDRSTRLEN] = "";
	const struct in_addr dns4 = net_dns4(options);
	const struct in6_addr dns6 = net_dns6(options);

	for (size_t i = 0; i < options->resolver_count; i++)
		add_server(out, options->resolvers[i]);
	if (options->own_resolvers)
		return;
	if (options->dns)
		add_server(out, inet_ntop(options->ipv4 ? AF_INET : AF_INET6,
					  options->ipv4 ? (const void *)&dns4 : &dns6, dns,
					  sizeof(dns)));
}

/* Those that a container can reach; how many. */
static size_t add_host_servers(struct buf *out, bool ipv4, bool ipv6, const struct resolv *resolv)
{
	size_t count = 0;

	for (size_t i = 0; i < resolv->server_count; i++) {
		const char *server = resolv->servers[i];
		const bool six = strchr(server, ':') != NULL;

		if (resolv_is_loopback(server) || (six ? !ipv6 : !ipv4) || strchr(server, '%') ||
		    strncasecmp(server, "fe80:", 5) == 0)
			continue;
		add_server(out, server);
		count++;
	}
	return count;
}

static void add_bridge_servers(struct buf *out, const struct bridge_address *bridge,
			       const struct resolv *resolv)
{
	if (add_host_servers(out, true, bridge->has6, resolv) > 0)
		return;
	add_server(out, "8.8.8.8");
	add_server(out, "8.8.4.4");
}

static void add_search(struct buf *out, const struct strv *wanted, const char *host)
{
	auto_free char *joined = NULL;

	if (has_any(wanted) && !strv_has(wanted, "."))
		joined = strv_join(wanted, " ");
	else if (!has_any(wanted) && *host != '\0')
		joined = xstrdup(host);
	if (joined)
		(void)buf_addf(out, "search %s\n", joined);
}

int net_resolv_conf(const struct net_files_args *args, char **ret_text, struct err *err)
{
	struct buf out = BUF_INIT;
	struct resolv resolv = { 0 };
	auto_free char *option_text = NULL;
	int r = 0;

	*ret_text = NULL;
	if (has_any(args->dns) && strv_has(args->dns, "none"))
		return 0;
	/* Without a network Podman makes no file, unless it is told what to put there. */
	if (!args->options && !args->bridge && !args->host_network && !has_any(args->dns) &&
	    !has_any(args->dns_search) && !has_any(args->dns_option))
		return 0;
	if (args->options || args->bridge || args->host_network)
		r = resolv_read_host(!args->host_network, &resolv);
	if (r < 0)
		return err_set(err, r, "cannot read /etc/resolv.conf");

	add_search(&out, args->dns_search, resolv.search);
	if (has_any(args->dns)) {
		for (size_t i = 0; i < args->dns->count; i++)
			add_server(&out, args->dns->v[i]);
	} else if (args->options) {
		add_forwarder(&out, args->options);
		if (!args->options->own_resolvers)
			(void)add_host_servers(&out, args->options->ipv4, args->options->ipv6,
					       &resolv); /* none is fine */
	} else if (args->bridge) {
		add_bridge_servers(&out, args->bridge, &resolv);
	} else {
		for (size_t i = 0; i < resolv.server_count; i++)
			add_server(&out, resolv.servers[i]);
	}
	if (has_any(args->dns_option))
		option_text = strv_join(args->dns_option, " ");
	else if (resolv.options[0] != '\0')
		option_text = xstrdup(resolv.options);
	if (option_text)
		(void)buf_addf(&out, "options %s\n", option_text);
	*ret_text = buf_take(&out);
	return 0;
}

/* ---- hosts ---- */

/* NAME[;NAME...]:IP. Cuts text at the first colon: an IPv6 address holds more of them. */
static int split_add_host(char *text, char **ret_ip, struct err *err)
{
	char *colon = strchr(text, ':');

	if (!colon || colon == text)
		return err_say(err, ERR_USAGE, "bad format for add-host: \"%s\"", text);
	*colon++ = '\0';
	if (*colon == '[' && str_ends(colon, "]")) {
		colon++;
		colon[strlen(colon) - 1] = '\0';
	}
	if (!str_eq(colon, "host-gateway") && !is_ip(colon))
		return err_say(err, ERR_USAGE, "invalid IP address in add-host: \"%s\"", colon);
	if (text[strcspn(text, " \t\n#")])
		return err_say(err, ERR_USAGE, "host name \"%s\" in add-host holds a blank or #",
			       text);
	for (char *p = text; *p != '\0'; p++)
		if (*p == ';')
			*p = ' ';
	*ret_ip = colon;
	return 0;
}

int net_add_host_check(const char *text, struct err *err)
{
	auto_free char *copy = xstrdup(text);
	char *ip = NULL;

	return split_add_host(copy, &ip, err);
}

/* What was written so far, with the names that are taken by it. */
struct hosts {
	struct buf out;
	struct strv names;
};

/* names: blanks between; all are written, whether they are taken or not. */
static void hosts_add(struct hosts *hosts, const char *ip, const char *names)
{
	auto_done(strv) struct strv list = STRV_INIT;

	(void)buf_addf(&hosts->out, "%s\t%s\n", ip, names);
	strv_split(&list, names, ' ');
	strv_add_all(&hosts->names, &list);
}

/* Writes those of the names that are not taken yet; they stay free for lines that follow. */
static void hosts_add_free(struct hosts *hosts, const char *ip, const struct strv *names)
{
	auto_done(strv) struct strv left = STRV_INIT;
	auto_free char *joined = NULL;

	for (size_t i = 0; i < names->count; i++)
		if (*names->v[i] != '\0' && !strv_has(&hosts->names, names->v[i]) &&
		    !strv_has(&left, names->v[i]))
			strv_add(&left, names->v[i]);
	if (left.count == 0)
		return;
	joined = strv_join(&left, " ");
	(void)buf_addf(&hosts->out, "%s\t%s\n", ip, joined);
}

/* The lines of a hosts file, without comments, fields with one blank between. */
static void hosts_add_file(struct hosts *hosts, char *text)
{
	char *lines = NULL;

	for (char *line = strtok_r(text, "\n", &lines); line; line = strtok_r(NULL, "\n", &lines)) {
		auto_done(strv) struct strv words = STRV_INIT;
		auto_free char *names = NULL;
		char *fields = NULL;
		char *ip = NULL;

		line[strcspn(line, "#")] = '\0';
		ip = strtok_r(line, " \t\r", &fields);
		for (char *name = ip ? strtok_r(NULL, " \t\r", &fields) : NULL; name;
		     name = strtok_r(NULL, " \t\r", &fields))
			strv_add(&words, name);
		if (words.count == 0)
			continue;
		names = strv_join(&words, " ");
		hosts_add(hosts, ip, names);
	}
}

static int hosts_add_base(struct hosts *hosts, const char *base, struct err *err)
{
	auto_free char *text = base ? xstrdup(base) : NULL;
	int r = base ? 0 : file_read_at(AT_FDCWD, "/etc/hosts", HOSTS_MAX, &text, NULL);

	if (r < 0 && r != -ENOENT)
		return err_set(err, r, "cannot read /etc/hosts");
	if (text)
		hosts_add_file(hosts, text);
	return 0;
}

static int hosts_add_extra(struct hosts *hosts, const struct strv *add_host, const char *gateway,
			   struct err *err)
{
	for (size_t i = 0; add_host && i < add_host->count; i++) {
		auto_free char *names = xstrdup(add_host->v[i]);
		char *ip = NULL;
		int r = split_add_host(names, &ip, err);

		if (r < 0)
			return r;
		if (str_eq(ip, "host-gateway") && *gateway == '\0')
			return err_say(err, ERR_UNSUPPORTED,
				       "host-gateway of add-host \"%s\": this host has no address "
				       "but loopback",
				       add_host->v[i]);
		hosts_add(hosts, str_eq(ip, "host-gateway") ? gateway : ip, names);
	}
	return 0;
}

/* This host's address on the way out: connect(2) on a datagram socket sends nothing. */
static bool outgoing_address(struct in_addr *ret)
{
	/* Any global address finds the default route; this one is for documentation (RFC 5737). */
	const struct sockaddr_in far = { .sin_family = AF_INET,
					 .sin_port = htons(9),
					 .sin_addr = { htonl(0xcb007101) } };
	auto_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in own = { 0 };
	socklen_t size = sizeof(own);

	if (fd < 0 || connect(fd, (const struct sockaddr *)&far, sizeof(far)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&own, &size) < 0)
		return false;
	*ret = own.sin_addr;
	return ntohl(own.sin_addr.s_addr) >> 24 != 127;
}

/* Without a default route: the first address that is not loopback. */
static bool any_address(struct in_addr *ret)
{
	struct ifaddrs *list = NULL;
	bool found = false;

	if (getifaddrs(&list) < 0)
		return false;
	for (struct ifaddrs *a = list; a && !found; a = a->ifa_next) {
		const struct sockaddr_in *four = (const void *)a->ifa_addr;

		if (!four || four->sin_family != AF_INET ||
		    ntohl(four->sin_addr.s_addr) >> 24 == 127)
			continue;
		*ret = four->sin_addr;
		found = true;
	}
	freeifaddrs(list);
	return found;
}

/* What host.containers.internal means; "" when this host has no such address. */
static void host_address(const struct net_files_args *args, char *out, size_t size)
{
	struct in_addr address;

	*out = '\0';
	if (args->host_gateway) {
		/* containers.conf(5): "none" keeps the name out of the file. */
		if (!str_eq(args->host_gateway, "none"))
			(void)snprintf(out, size, "%s", args->host_gateway);
		return;
	}
	/* Podman's answer, too, where pasta maps an address to the host's own. */
	if (args->options && args->options->map_guest4.s_addr != INADDR_ANY) {
		(void)inet_ntop(AF_INET, &args->options->map_guest4, out, (socklen_t)size);
		return;
	}
	if (args->bridge)
		(void)inet_ntop(AF_INET, &args->bridge->gateway4, out, (socklen_t)size);
	else if (outgoing_address(&address) || any_address(&address))
		(void)inet_ntop(AF_INET, &address, out, (socklen_t)size);
}

static void hosts_add_own(struct hosts *hosts, const struct net_files_args *args)
{
	char own[INET6_ADDRSTRLEN] = "127.0.0.1";

	if (args->host_network || !has_any(args->names))
		return;
	if (args->options) {
		const struct in_addr four = net_container4(args->options);
		const struct in6_addr six = net_container6(args->options);

		(void)inet_ntop(args->options->ipv4 ? AF_INET : AF_INET6,
				args->options->ipv4 ? (const void *)&four : &six, own, sizeof(own));
	}
	if (args->bridge)
		(void)inet_ntop(AF_INET, &args->bridge->ip4, own, sizeof(own));
	hosts_add_free(hosts, own, args->names);
	if (!args->bridge || !args->bridge->has6)
		return;
	(void)inet_ntop(AF_INET6, &args->bridge->ip6, own, sizeof(own));
	hosts_add_free(hosts, own, args->names);
}

int net_hosts_file(const struct net_files_args *args, char **ret_text, struct err *err)
{
	char *const local_names[] = { "localhost", NULL };
	char *const host_names[] = { "host.containers.internal", "host.docker.internal", NULL };
	const struct strv local = { .v = (char **)local_names, .count = 1 };
	const struct strv host = { .v = (char **)host_names, .count = 2 };
	struct hosts hosts = { 0 };
	char gateway[INET6_ADDRSTRLEN];
	int r = 0;

	host_address(args, gateway, sizeof(gateway));
	r = hosts_add_extra(&hosts, args->add_host, gateway, err);
	if (r == 0)
		r = hosts_add_base(&hosts, args->base_hosts, err);
	if (r == 0) {
		hosts_add_free(&hosts, "127.0.0.1", &local);
		hosts_add_free(&hosts, "::1", &local);
		if (*gateway != '\0')
			hosts_add_free(&hosts, gateway, &host);
		hosts_add_own(&hosts, args);
		*ret_text = buf_take(&hosts.out);
	}
	strv_done(&hosts.names);
	buf_done(&hosts.out);
	return r;
}
