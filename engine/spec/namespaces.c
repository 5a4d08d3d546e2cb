/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which namespaces a container gets: --pid, --ipc, --uts, --cgroupns, --userns, --network, and
 * the ports and names that go with the network. Pure but for looking up other containers.
 */
#include "engine/spec/spec-internal.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/image/config.h"
#include "netns/bridge/bridge.h"
#include "netns/options/options.h"
#include "netns/net.h"
#include "netns/port/port.h"

/* host, private, container:NAME, ns:PATH. */
static int parse_ns(const char *text, const char *flag, const struct spec_host *host,
		    struct spec_ns *ret_ns, struct err *err)
{
	const char *other = text ? str_after(text, "container:") : NULL;
	const char *path = text ? str_after(text, "ns:") : NULL;

	if (str_empty(text) || str_eq(text, "private") || str_eq(text, "default")) {
		ret_ns->kind = SPEC_NS_PRIVATE;
	} else if (str_eq(text, "host")) {
		ret_ns->kind = SPEC_NS_HOST;
	} else if (other) {
		if (!host->resolve_container)
			return err_say(err, ERR_UNSUPPORTED, "--%s %s: no containers here", flag,
				       text);
		ret_ns->kind = SPEC_NS_CONTAINER;
		return host->resolve_container(host->data, other, &ret_ns->value, err);
	} else if (path && path[0] == '/') {
		ret_ns->kind = SPEC_NS_PATH;
		ret_ns->value = xstrdup(path);
	} else {
		return err_say(err, ERR_USAGE,
			       "invalid --%s \"%s\": want host, private, container:NAME or ns:PATH",
			       flag, text);
	}
	return 0;
}

static int build_ipc(const struct request *q, const struct spec_host *host,
		     struct container_spec *spec, struct err *err)
{
	if (str_eq(q->ipc, "none")) {
		spec->ipc.kind = SPEC_NS_NONE;
		return 0;
	}
	if (str_eq(q->ipc, "shareable"))
		return 0;
	return parse_ns(q->ipc, "ipc", host, &spec->ipc, err);
}

/* ---- User namespace ---- */

static int keep_id_option(const char *word, struct container_spec *spec, struct err *err)
{
	const char *uid = str_after(word, "uid=");
	const char *gid = str_after(word, "gid=");
	uint32_t id = 0;

	if ((!uid && !gid) || str_to_u32(uid ? uid : gid, &id) < 0)
		return err_say(err, ERR_USAGE,
			       "unknown option \"%s\" of --userns keep-id: want uid=N, gid=N",
			       word);
	*(uid ? &spec->keep_uid : &spec->keep_gid) = id;
	*(uid ? &spec->has_keep_uid : &spec->has_keep_gid) = true;
	return 0;
}

static int build_keep_id(const char *options, const struct spec_host *host,
			 struct container_spec *spec, struct err *err)
{
	struct strv words auto_done(strv) = STRV_INIT;
	int r = 0;

	if (!host->rootless)
		return err_say(err, ERR_USAGE, "keep-id is only supported in rootless mode");
	spec->userns = SPEC_USERNS_KEEP_ID;
	spec->keep_uid = host->own_uid;
	spec->keep_gid = host->own_gid;
	if (*options)
		strv_split(&words, options, ',');
	for (size_t i = 0; i < words.count && r == 0; i++)
		r = keep_id_option(words.v[i], spec, err);
	return r;
}

/* size=N; where the range lies is decided when the container is made. */
static int build_auto(const char *options, struct container_spec *spec, struct err *err)
{
	const char *size = str_after(options, "size=");
	uint32_t n = 0;

	spec->userns = SPEC_USERNS_AUTO;
	if (*options == '\0')
		return 0;
	if (!size || str_to_u32(size, &n) < 0 || n == 0)
		return err_say(err, ERR_UNSUPPORTED,
			       "--userns auto:%s is not supported: only auto:size=NUMBER is",
			       options);
	spec->auto_size = n;
	return 0;
}

static int build_userns(const struct request *q, const struct spec_host *host,
			struct container_spec *spec, struct err *err)
{
	const char *text = str_or(q->userns, "");
	const char *keep = str_after(text, "keep-id");

	if (q->uidmap.count + q->gidmap.count > 0) {
		if (*text)
			return err_say(err, ERR_USAGE,
				       "--userns and --uidmap or --gidmap cannot be set together");
		spec->userns = SPEC_USERNS_MAPS;
		strv_add_all(&spec->uidmap, q->uidmap.count ? &q->uidmap : &q->gidmap);
		strv_add_all(&spec->gidmap, q->gidmap.count ? &q->gidmap : &q->uidmap);
		return 0;
	}
	if (q->subuidname || q->subgidname)
		return err_say(err, ERR_UNSUPPORTED,
			       "--subuidname and --subgidname are not supported yet");
	if (*text == '\0' || str_eq(text, "host") || str_eq(text, "private"))
		return 0;
	if (keep && (*keep == '\0' || *keep == ':'))
		return build_keep_id(*keep ? keep + 1 : keep, host, spec, err);
	if (str_eq(text, "nomap")) {
		if (!host->rootless)
			return err_say(err, ERR_USAGE, "nomap is only supported in rootless mode");
		spec->userns = SPEC_USERNS_NOMAP;
		return 0;
	}
	if (str_eq(text, "auto") || str_starts(text, "auto:"))
		return build_auto(text[4] ? text + 5 : "", spec, err);
	if (str_starts(text, "container:") || str_starts(text, "ns:"))
		return err_say(err, ERR_UNSUPPORTED, "--userns %s is not supported yet", text);
	return err_say(
		err, ERR_USAGE,
		"unrecognized namespace mode %s for --userns: want host, keep-id, nomap or auto",
		text);
}

/* ---- Network ---- */

static bool is_mode(const char *text, const char *mode)
{
	const char *rest = str_after(text, mode);

	return rest && (*rest == '\0' || *rest == ':');
}

/* Modes that stand alone. */
static bool is_single(const char *text)
{
	return net_options_is_mode(text) || str_eq(text, "none") || str_eq(text, "host") ||
	       str_eq(text, "private") || is_mode(text, "container") || is_mode(text, "ns");
}

/* What names the network that every container of root is in; "podman" is Podman's name for it. */
static bool is_default_bridge(const char *text)
{
	return *text == '\0' || str_eq(text, "private") || str_eq(text, "default") ||
	       str_eq(text, "bridge") || str_eq(text, "podman");
}

static int build_network(const struct request *q, const struct spec_host *host,
			 struct container_spec *spec, struct err *err)
{
	const char *text = q->network.count ? q->network.v[0] : "";
	struct net_options options;

	if (q->network.count > 1 && is_single(text))
		return err_say(err, ERR_USAGE,
			       "cannot set multiple networks without bridge network mode, selected "
			       "mode %.*s: invalid argument",
			       (int)strcspn(text, ":"), text);
	if (q->network.count > 1)
		return err_say(err, ERR_UNSUPPORTED,
			       "more than one --network is not supported yet");
	spec->net_mode = xstrdup(text);
	if (net_options_is_mode(text))
		return net_options_parse(text, &options, NULL, err);
	if (str_eq(text, "none")) {
		spec->net.kind = SPEC_NS_NONE;
		return 0;
	}
	if (is_mode(text, "bridge") && host->rootless)
		return err_say(err, ERR_UNSUPPORTED,
			       "network mode \"bridge\" needs privilege on the host: without it "
			       "use the default network, slirp4netns or pasta");
	spec->net_bridge = !host->rootless && is_default_bridge(text);
	if (spec->net_bridge)
		return 0;
	if (*text == '\0' || str_eq(text, "host") || str_eq(text, "private") ||
	    str_eq(text, "default") || is_mode(text, "container") || is_mode(text, "ns"))
		return parse_ns(text, "network", host, &spec->net, err);
	if (!host->rootless && is_mode(text, "bridge"))
		return err_say(err, ERR_UNSUPPORTED,
			       "network \"%s\": options of a network are not supported yet; use "
			       "--ip, --ip6, --mac-address",
			       text);
	return err_say(
		err, ERR_UNSUPPORTED,
		"network \"%s\": named networks are not supported yet; use none, host, private, "
		"slirp, slirp4netns, pasta, container:NAME or ns:PATH",
		text);
}

static int build_ports(const struct request *q, const struct image_config *image,
		       struct container_spec *spec, struct err *err)
{
	struct port_list ports auto_done(port_list) = PORT_LIST_INIT;
	struct port_list exposed auto_done(port_list) = PORT_LIST_INIT;
	int r = 0;

	for (size_t i = 0; i < q->publish.count && r == 0; i++)
		if ((r = port_parse(&ports, q->publish.v[i], err)) < 0)
			(void)err_prefix(err, "--publish %s", q->publish.v[i]);
	for (size_t i = 0; i < q->expose.count && r == 0; i++)
		r = port_expose_parse(&exposed, q->expose.v[i], err);
	for (size_t i = 0; image && i < image->ports.count && r == 0; i++)
		r = port_expose_parse(&exposed, image->ports.v[i], err);
	if (r == 0)
		r = port_list_finish(&ports, err);
	if (r < 0)
		return r;
	if (image)
		strv_add_all(&spec->exposed_ports, &image->ports);
	/* A network that is not the container's own has nothing to publish: Podman drops them. */
	if (spec->net.kind != SPEC_NS_PRIVATE)
		return 0;
	strv_add_all(&spec->publish, &q->publish);
	strv_add_all(&spec->expose, &q->expose);
	spec->publish_all = q->publish_all;
	return 0;
}

static int build_addresses(const struct request *q, struct container_spec *spec, struct err *err)
{
	struct bridge_wish wish;
	const char *flag = q->ip	    ? "--ip"
			   : q->ip6	    ? "--ip6"
			   : q->mac_address ? "--mac-address"
					    : NULL;

	if (q->network_aliases.count)
		return err_say(err, ERR_UNSUPPORTED,
			       "--network-alias wants a named network, which is not supported yet");
	if (!flag)
		return 0;
	if (!spec->net_bridge)
		return err_say(
			err, ERR_UNSUPPORTED,
			"%s wants a bridged network: root's default one, or a named one, which "
			"is not supported yet",
			flag);
	spec->ip = xstrdup(q->ip);
	spec->ip6 = xstrdup(q->ip6);
	spec->mac_address = xstrdup(q->mac_address);
	return bridge_wish_parse(q->ip, q->ip6, q->mac_address, &wish, err);
}

static int build_names(const struct request *q, struct container_spec *spec, struct err *err)
{
	int r = build_addresses(q, spec, err);

	for (size_t i = 0; i < q->dns.count && r == 0; i++)
		if ((r = net_dns_check(q->dns.v[i], err)) < 0)
			(void)err_prefix(err, "--dns %s", q->dns.v[i]);
	for (size_t i = 0; i < q->add_hosts.count && r == 0; i++)
		if ((r = net_add_host_check(q->add_hosts.v[i], err)) < 0)
			(void)err_prefix(err, "--add-host %s", q->add_hosts.v[i]);
	if (r < 0)
		return r;
	if (q->no_hosts == REQUEST_TRUE && q->add_hosts.count)
		return err_say(err, ERR_USAGE, "--no-hosts and --add-host cannot be set together");
	if (spec->net.kind == SPEC_NS_CONTAINER && q->add_hosts.count)
		return err_say(err, ERR_USAGE,
			       "cannot set extra host entries when the container is joined to "
			       "another containers network namespace: invalid configuration");
	spec->host_gateway = xstrdup(q->host_gateway);
	strv_add_all(&spec->dns, &q->dns);
	strv_add_all(&spec->dns_search, &q->dns_search);
	strv_add_all(&spec->dns_options, &q->dns_options);
	strv_add_all(&spec->add_hosts, &q->add_hosts);
	spec->no_hosts = q->no_hosts == REQUEST_TRUE;
	return 0;
}

/* sethostname(2) takes 64 bytes; more than a host name's letters would end up in /etc/hosts. */
static int build_hostname(const struct request *q, struct container_spec *spec, struct err *err)
{
	if (!q->hostname)
		return 0;
	if (strlen(q->hostname) > 64 || *q->hostname == '\0')
		return err_say(err, ERR_USAGE, "the hostname \"%s\" is not 1 to 64 bytes long",
			       q->hostname);
	for (const char *p = q->hostname; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("-._", *p))
			return err_say(
				err, ERR_USAGE,
				"the hostname \"%s\" may hold letters, digits, - . and _ only",
				q->hostname);
	if (spec->uts.kind != SPEC_NS_PRIVATE)
		return err_say(err, ERR_USAGE,
			       "cannot set hostname when not creating a private UTS namespace");
	spec->hostname = xstrdup(q->hostname);
	return 0;
}

int spec_build_namespaces(const struct request *q, const struct spec_host *host,
			  struct container_spec *spec, struct err *err)
{
	int r = parse_ns(q->pid, "pid", host, &spec->pid, err);

	if (r == 0)
		r = build_ipc(q, host, spec, err);
	if (r == 0)
		r = parse_ns(q->uts, "uts", host, &spec->uts, err);
	if (r == 0)
		r = parse_ns(q->cgroupns, "cgroupns", host, &spec->cgroupns, err);
	if (r == 0)
		r = build_userns(q, host, spec, err);
	if (r == 0)
		r = build_network(q, host, spec, err);
	if (r == 0)
		r = build_ports(q, host->image, spec, err);
	if (r == 0)
		r = build_names(q, spec, err);
	if (r == 0)
		r = build_hostname(q, spec, err);
	if (r < 0)
		return r;
	if (spec->shm_size != 65536000 && spec->ipc.kind == SPEC_NS_HOST)
		return err_say(err, ERR_USAGE,
			       "cannot set shmsize when running in the {host } IPC Namespace");
	if (q->cgroups && str_eq(q->cgroups, "disabled"))
		spec->cgroups_disabled = true;
	else if (q->cgroups && !str_eq(q->cgroups, "enabled") && !str_eq(q->cgroups, "no-conmon") &&
		 !str_eq(q->cgroups, "split"))
		return err_say(err, ERR_USAGE,
			       "--cgroups %s is not one of enabled, disabled, no-conmon, split",
			       q->cgroups);
	spec->cgroup_parent = xstrdup(q->cgroup_parent);
	return 0;
}
