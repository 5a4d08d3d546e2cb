/* SPDX-License-Identifier: Apache-2.0 */
/* Published ports as users write them. Words of the refusals are Podman 5.8's. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/json.h"
#include "engine/base/str.h"
#include "netns/port/port.h"

/* "IP HOST CONTAINER COUNT PROTO;" for each entry, or the error's sentence. */
static char *parse(const char *text)
{
	struct port_list list = PORT_LIST_INIT;
	struct buf out = BUF_INIT;
	struct err err = ERR_INIT;

	if (port_parse(&list, text, &err) < 0)
		(void)buf_add_str(&out, err.text);
	else
		for (size_t i = 0; i < list.count; i++)
			(void)buf_addf(&out, "%s %u %u %u %s;", list.maps[i].host_ip,
				       list.maps[i].host_port, list.maps[i].container_port,
				       list.maps[i].count, port_proto_name(list.maps[i].proto));
	port_list_done(&list);
	return buf_take(&out);
}

static void publish_takes_every_form(void **state)
{
	static const char *const cases[][2] = {
		{ "80", " 0 80 1 tcp;" },
		{ "8080:80", " 8080 80 1 tcp;" },
		{ ":80", " 0 80 1 tcp;" },
		{ "8080:80/udp", " 8080 80 1 udp;" },
		{ "8080:80/TCP", " 8080 80 1 tcp;" },
		{ "127.0.0.1:8080:80", "127.0.0.1 8080 80 1 tcp;" },
		{ "127.0.0.1::80", "127.0.0.1 0 80 1 tcp;" },
		{ "0.0.0.0:8080:80", "0.0.0.0 8080 80 1 tcp;" },
		{ "[::1]:8080:80", "::1 8080 80 1 tcp;" },
		{ "[0:0::1]:8080:80", "::1 8080 80 1 tcp;" },
		{ "[::]:8090:90", ":: 8090 90 1 tcp;" },
		{ "[::]::90", ":: 0 90 1 tcp;" },
		{ "8080-8082:80-82", " 8080 80 3 tcp;" },
		{ "80-82", " 0 80 3 tcp;" },
		{ "127.0.0.1:8081-8082:80-81/udp", "127.0.0.1 8081 80 2 udp;" },
		{ "8080:80,8081:81/udp", " 8080 80 1 tcp; 8081 81 1 udp;" },
		{ "65535:65535", " 65535 65535 1 tcp;" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_free char *got = parse(cases[i][0]);

		assert_string_equal(got, cases[i][1]);
	}
}

static void publish_refuses_with_the_reason(void **state)
{
	static const char *const cases[][2] = {
		{ "", "must provide a non-empty container port to publish" },
		{ "8080:", "must provide a non-empty container port to publish" },
		{ "1:2:3:4", "invalid port format - format is [[hostIP:]hostPort:]containerPort" },
		{ "::1:80:80",
		  "invalid port format - format is [[hostIP:]hostPort:]containerPort" },
		{ "::80", "must provide a non-empty container host IP to publish" },
		{ "[::1]", "invalid port format - format is [[hostIP:]hostPort:]containerPort" },
		{ "[::1]80:80", "invalid host address \"[::1]80\": an IPv6 address needs [ and ]" },
		{ "0:80", "parsing host port: port numbers must be between 1 and 65535 "
			  "(inclusive), got 0" },
		{ "70000:80", "parsing host port: port numbers must be between 1 and 65535 "
			      "(inclusive), got 70000" },
		{ "8080:0", "parsing container port: port numbers must be between 1 and 65535 "
			    "(inclusive), got 0" },
		{ "8080-8082:80-81",
		  "host and container port ranges have different lengths: 3 vs 2" },
		{ "8081-8080:1-2", "parsing host port: the end port of a range must be higher than "
				   "the start port - 8080 is not higher than 8081" },
		{ "a:80", "parsing host port: invalid port number \"a\"" },
		{ "+80", "parsing container port: invalid port number \"+80\"" },
		{ "1.2.3:80:80", "cannot parse \"1.2.3\" as an IP address" },
		{ "[1.2.3.4]:80:80", "cannot parse \"1.2.3.4\" as an IP address" },
		{ "8080:80/foo", "unrecognized protocol \"foo\" in port mapping" },
		{ "8080:80/sctp",
		  "cannot publish an sctp port: bryo's network carries tcp and udp only" },
		{ "99999999999999999999:80", "parsing host port: port numbers must be between 1 "
					     "and 65535 (inclusive), got 99999999999999999999" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		auto_free char *got = parse(cases[i][0]);

		assert_string_equal(got, cases[i][1]);
	}
}

static int finish(const char *text, struct err *err)
{
	struct port_list list = PORT_LIST_INIT;
	int r = port_parse(&list, text, err);

	if (r == 0)
		r = port_list_finish(&list, err);
	port_list_done(&list);
	return r;
}

static void conflicts_are_found(void **state)
{
	static const char *const bad[] = {
		"8080:80,8080:81",
		"8080-8085:80-85,8083:99",
		"127.0.0.1:8080:80,8080:81",
		"127.0.0.1:8080:80,0.0.0.0:8080:81",
		"[::]:8080:80,[::1]:8080:81",
		"[::1]:8080:80,8080:81",
	};
	static const char *const good[] = {
		"8080:80,8080:80",
		"8080:80,8080:80/udp",
		"127.0.0.1:8080:80,127.0.0.2:8080:80",
		"0.0.0.0:8080:80,[::]:8080:80",
		"8080-8082:80-82,8083:83",
		"80,80,81",
	};
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_true(finish(bad[i], &err) < 0);
		assert_non_null(strstr(err.text, "conflicting port mappings for host port 808"));
		assert_non_null(strstr(err.text, "(protocol tcp)"));
	}
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_int_equal(finish(good[i], &err), 0);
}

static void random_ports_are_free_and_different(void **state)
{
	struct port_list list = PORT_LIST_INIT;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(port_parse(&list, "80,81,82-84/udp,127.0.0.1::85", &err), 0);
	assert_int_equal(port_list_fill(&list, &err), 0);
	assert_int_equal(port_list_finish(&list, &err), 0);
	assert_int_equal(list.count, 4);
	for (size_t i = 0; i < list.count; i++)
		assert_true(list.maps[i].host_port >= 1024);
	port_list_done(&list);
}

static void publish_all_adds_what_is_missing(void **state)
{
	struct port_list list = PORT_LIST_INIT;
	struct port_list exposed = PORT_LIST_INIT;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(port_parse(&list, "8080:80", &err), 0);
	assert_int_equal(port_expose_parse(&exposed, "80-81", &err), 0);
	assert_int_equal(port_expose_parse(&exposed, "53/udp", &err), 0);
	assert_true(port_expose_parse(&exposed, "a", &err) < 0);
	assert_non_null(strstr(err.text, "invalid range format for --expose: a"));
	port_list_publish_all(&list, &exposed);
	assert_int_equal(list.count, 3);
	assert_int_equal(list.maps[1].container_port, 81);
	assert_int_equal(list.maps[2].container_port, 53);
	assert_int_equal(list.maps[2].proto, PORT_UDP);
	port_list_done(&list);
	port_list_done(&exposed);
}

static void text_is_podmans(void **state)
{
	struct port_list list = PORT_LIST_INIT;
	struct port_list exposed = PORT_LIST_INIT;
	struct buf lines = BUF_INIT;
	struct buf ps = BUF_INIT;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(
		port_parse(&list, "8081:81,8080:80,127.0.0.1:9000:90/udp,[::1]:9001:91", &err), 0);
	assert_int_equal(port_expose_parse(&exposed, "80", &err), 0);
	assert_int_equal(port_expose_parse(&exposed, "99", &err), 0);
	port_list_lines(&list, &lines);
	assert_string_equal(lines.data, "80/tcp -> 0.0.0.0:8080\n81/tcp -> 0.0.0.0:8081\n"
					"90/udp -> 127.0.0.1:9000\n91/tcp -> ::1:9001\n");
	port_list_ps(&list, &exposed, &ps);
	assert_string_equal(ps.data, "0.0.0.0:8080-8081->80-81/tcp, 127.0.0.1:9000->90/udp, "
				     "::1:9001->91/tcp, 99/tcp");
	buf_done(&lines);
	buf_done(&ps);
	port_list_done(&list);
	port_list_done(&exposed);
}

static void records_come_back_and_are_checked(void **state)
{
	static const char *const bad[] = {
		"{}",
		"[{\"container_port\":0}]",
		"[{\"container_port\":65535,\"range\":2}]",
		"[{\"container_port\":80,\"host_port\":65536}]",
		"[{\"container_port\":80,\"host_ip\":\"a\"}]",
		"[{\"container_port\":80,\"protocol\":\"sctp\"}]",
		"[{\"container_port\":80,\"range\":-1}]",
	};
	struct port_list list = PORT_LIST_INIT;
	struct port_list back = PORT_LIST_INIT;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(port_parse(&list, "8080-8081:80-81,[::1]:53:53/udp", &err), 0);
	{
		auto_json json_t *json = port_list_to_json(&list);

		assert_int_equal(port_list_from_json(&back, json, &err), 0);
	}
	assert_int_equal(back.count, 2);
	assert_memory_equal(back.maps, list.maps, 2 * sizeof(*list.maps));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		auto_json json_t *json = json_loads(bad[i], 0, NULL);

		assert_true(port_list_from_json(&back, json, &err) < 0);
	}
	port_list_done(&list);
	port_list_done(&back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(publish_takes_every_form),
		cmocka_unit_test(publish_refuses_with_the_reason),
		cmocka_unit_test(conflicts_are_found),
		cmocka_unit_test(random_ports_are_free_and_different),
		cmocka_unit_test(publish_all_adds_what_is_missing),
		cmocka_unit_test(text_is_podmans),
		cmocka_unit_test(records_come_back_and_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
