/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Published ports: podman-run(1) --publish, --expose and --publish-all, from text to a list and
 * back. Parsers take text from users and from records and keep to their bounds; nothing here opens
 * a socket but port_list_fill().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;
struct strv;

enum port_proto { PORT_TCP, PORT_UDP };

/* One published range of ports. */
struct port_map {
	char host_ip[46];	 /* an address without brackets; "": all, IPv4 and IPv6 */
	uint16_t host_port;	 /* first one; 0: not chosen yet, see port_list_fill() */
	uint16_t container_port; /* first one, never 0 */
	uint16_t count;		 /* never 0; neither range passes 65535 */
	enum port_proto proto;
};

/* Owns its array. Entries keep the order in which they came until port_list_finish(). */
struct port_list {
	struct port_map *maps;
	size_t count;
	size_t capacity;
};
#define PORT_LIST_INIT ((struct port_list){ 0 })

void port_list_done(struct port_list *list);
void port_list_add(struct port_list *list, const struct port_map *map);
void port_list_add_all(struct port_list *list, const struct port_list *more);

/* "tcp" or "udp". */
const char *port_proto_name(enum port_proto proto);
/* "tcp", "udp", any case; sctp and others are refused by name. 0 or a negative errno. */
int port_proto_parse(const char *text, enum port_proto *ret_proto, struct err *err);

/*
 * One value of -p, or several with commas between: [[HOSTIP:][HOSTPORT]:]CONTAINERPORT[/PROTO],
 * HOSTIP an IPv4 address or an IPv6 one in brackets, ports single or FIRST-LAST (both ranges of one
 * length). An empty or missing HOSTPORT means: choose one. Adds to the list.
 */
int port_parse(struct port_list *list, const char *text, struct err *err);

/* One value of --expose, or a key of an image's ExposedPorts: PORT[-PORT][/PROTO]. host_port is 0.
 */
int port_expose_parse(struct port_list *list, const char *text, struct err *err);

/*
 * --publish-all: adds an entry with a host port to be chosen for each exposed port that the list
 * does not publish yet.
 */
void port_list_publish_all(struct port_list *list, const struct port_list *exposed);

/*
 * Sorts (by protocol, host address, host port, container port) and drops exact doubles. Two entries
 * that want the same host port (one protocol; all addresses overlap with each) are an error that
 * names the port, in Podman's words.
 */
int port_list_finish(struct port_list *list, struct err *err);

/*
 * Chooses a free host port, in this process's network namespace, for each entry that has none: a
 * whole range in a row where the entry is one. The choice is for the container's record: nothing
 * reserves the port until the network program binds it. Call port_list_finish() after.
 */
int port_list_fill(struct port_list *list, struct err *err);

/*
 * The sentence for a host port that could not be bound (code: the negative errno), in Podman's
 * words, with the fix for a privileged one. map is a single port. Returns code.
 */
int port_explain(const struct port_map *map, int code, struct err *err);

/* The socket address of an entry's address (no brackets; "": 0.0.0.0) and a port; its size. */
struct sockaddr_storage;
unsigned int port_address(const char *ip, uint16_t port, struct sockaddr_storage *ret);

/*
 * `bryo port` and PORTS of `bryo ps`: "80/tcp -> 0.0.0.0:8080" lines, or with PS
 * "0.0.0.0:8080-8081->80-81/tcp, ..." in one line. An entry for all addresses shows as 0.0.0.0, as
 * Podman has it.
 */
void port_list_lines(const struct port_list *list, struct buf *ret_text);
void port_list_ps(const struct port_list *list, const struct port_list *exposed,
		  struct buf *ret_text);

/*
 * Goes through the entries that publish one container port: *index starts at 0 and is moved on;
 * false when there is no further one. ret_map gets that single port.
 */
bool port_list_next(const struct port_list *list, uint16_t container_port, enum port_proto proto,
		    size_t *index, struct port_map *ret_map);

/*
 * Whether a socket that somebody else bound (socket activation) serves the range, or one of the
 * list: a listening stream socket for TCP, a datagram socket for UDP, at that address and one of
 * those ports. [::] without IPV6_V6ONLY is 0.0.0.0 as well. An entry for all addresses is served by
 * either of the two.
 */
bool port_map_has_socket(const struct port_map *map, int fd);
bool port_list_has_socket(const struct port_list *list, int fd);
/* The address that such a socket is bound to, as port_map.host_ip has it; "" for none. */
void port_socket_ip(int fd, char ret_ip[46]);

/*
 * The record's form, Podman's: [{"host_ip","container_port","host_port","range","protocol"}, ...].
 * port_list_from_json() checks everything again; it adds to the list.
 */
struct json_t;
struct json_t *port_list_to_json(const struct port_list *list);
int port_list_from_json(struct port_list *list, const struct json_t *json, struct err *err);
