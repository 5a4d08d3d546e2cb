/* SPDX-License-Identifier: Apache-2.0 */
/* Frames made by hand: what passes, what is refused, where DNS goes, what answers look like. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "netns/net/dns.h"
#include "netns/net/packet.h"
#include "netns/net/policy.h"
#include "netns/net/reply.h"

struct frame {
	uint8_t data[256];
	size_t size;
};

static void put16(uint8_t *p, unsigned int value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

/* One's complement sum, which is 0xffff over data that holds its own right checksum. */
static unsigned int sum(const uint8_t *data, size_t size, unsigned int start)
{
	unsigned int total = start;

	for (size_t i = 0; i < size; i++)
		total += i % 2 == 0 ? (unsigned int)data[i] << 8 : data[i];
	while (total >> 16)
		total = (total >> 16) + (total & 0xffff);
	return total;
}

static unsigned int transport_sum(const struct packet *p)
{
	const size_t size = p->size - p->transport;
	const size_t addresses = 2 * packet_address_size(p);

	return sum(p->frame + p->transport, size,
		   sum(p->frame + p->from, addresses, (unsigned int)size + p->proto));
}

/* A frame with right checksums; flags are TCP's. Ports 0 for ICMP. */
static struct frame make(const char *from, const char *to, uint8_t proto, uint16_t from_port,
			 uint16_t to_port, uint8_t flags)
{
	const bool six = strchr(to, ':') != NULL;
	const size_t header = six ? 40 : 20;
	const size_t size = proto == IPPROTO_TCP ? 20 : proto == IPPROTO_UDP ? 12 : 16;
	struct frame frame = { .size = PACKET_ETHERNET + header + size };
	uint8_t *ip = frame.data + PACKET_ETHERNET;
	uint8_t *transport = ip + header;
	struct packet packet;

	memcpy(frame.data, "\x52\x55\x0a\x00\x02\x02\x02\x00\x00\x00\x00\x01", 12);
	put16(frame.data + 12, six ? 0x86dd : 0x0800);
	if (six) {
		ip[0] = 0x60;
		put16(ip + 4, (unsigned int)size);
		ip[6] = proto;
		ip[7] = 64;
		assert_int_equal(inet_pton(AF_INET6, from, ip + 8), 1);
		assert_int_equal(inet_pton(AF_INET6, to, ip + 24), 1);
	} else {
		ip[0] = 0x45;
		put16(ip + 2, (unsigned int)(header + size));
		ip[8] = 64;
		ip[9] = proto;
		assert_int_equal(inet_pton(AF_INET, from, ip + 12), 1);
		assert_int_equal(inet_pton(AF_INET, to, ip + 16), 1);
		put16(ip + 10, ~sum(ip, header, 0) & 0xffff);
	}
	put16(transport, from_port);
	put16(transport + 2, to_port);
	if (proto == IPPROTO_TCP) {
		transport[12] = 0x50;
		transport[13] = flags;
	}
	assert_int_equal(packet_parse(frame.data, frame.size, &packet), 0);
	if (proto == IPPROTO_TCP)
		put16(transport + 16, ~transport_sum(&packet) & 0xffff);
	if (proto == IPPROTO_UDP) {
		put16(transport + 4, (unsigned int)size);
		put16(transport + 6, ~transport_sum(&packet) & 0xffff);
	}
	return frame;
}

static enum policy_verdict judge(const struct policy *policy, struct frame frame)
{
	struct packet packet;

	assert_int_equal(packet_parse(frame.data, frame.size, &packet), 0);
	return policy_judge(policy, &packet);
}

static enum policy_verdict tcp_to(const struct policy *policy, const char *to, uint16_t port)
{
	const char *from = strchr(to, ':') ? "fd62:7279:6f00::64" : "10.0.2.100";

	return judge(policy, make(from, to, IPPROTO_TCP, 40000, port, TH_SYN));
}

static void the_outside_is_open(void **state)
{
	const struct net_options options = net_options_default();
	const struct policy policy = { .options = &options };

	(void)state;
	assert_int_equal(tcp_to(&policy, "192.0.2.1", 80), POLICY_PASS);
	assert_int_equal(tcp_to(&policy, "10.0.3.2", 80), POLICY_PASS);
	assert_int_equal(tcp_to(&policy, "169.254.1.1", 80), POLICY_PASS);
	assert_int_equal(tcp_to(&policy, "2001:db8::1", 80), POLICY_PASS);
	assert_int_equal(tcp_to(&policy, "10.0.2.3", 53), POLICY_PASS);
	assert_int_equal(tcp_to(&policy, "fd62:7279:6f00::3", 53), POLICY_PASS);
}

static void the_host_is_closed(void **state)
{
	static const char *const dropped[] = {
		"127.0.0.1",	   "127.255.255.254", "0.0.0.0", "0.1.2.3", "224.0.0.1",
		"255.255.255.255", "240.0.0.1",	      "::1",	 "::",	    "::ffff:127.0.0.1",
		"::ffff:10.0.2.2", "::127.0.0.1",     "ff02::1", "fe80::2"
	};
	static const char *const refused[] = { "10.0.2.2",	    "10.0.2.3",
					       "10.0.2.4",	    "10.0.2.255",
					       "169.254.169.254",   "fd62:7279:6f00::2",
					       "fd62:7279:6f00::3", "fd62:7279:6f00::ffff",
					       "fd00:ec2::254" };
	const struct net_options options = net_options_default();
	const struct policy policy = { .options = &options };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(dropped); i++)
		assert_int_equal(tcp_to(&policy, dropped[i], 80), POLICY_DROP);
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		assert_int_equal(tcp_to(&policy, refused[i], 80), POLICY_REFUSE);
}

static void options_open_what_they_name(void **state)
{
	struct net_options options = net_options_default();
	const struct policy policy = { .options = &options };

	(void)state;
	options.host_loopback = true;
	options.metadata = true;
	assert_int_equal(tcp_to(&policy, "10.0.2.2", 80), POLICY_PASS);
	assert_int_equal(tcp_to(&policy, "10.0.2.4", 80), POLICY_REFUSE);
	assert_int_equal(tcp_to(&policy, "127.0.0.1", 80), POLICY_DROP);
	assert_int_equal(tcp_to(&policy, "169.254.169.254", 80), POLICY_PASS);
	options.dns = false;
	assert_int_equal(tcp_to(&policy, "10.0.2.3", 53), POLICY_REFUSE);
	options.ipv6 = false;
	assert_int_equal(tcp_to(&policy, "2001:db8::1", 80), POLICY_DROP);
}

static void answers_go_back_to_loopback_clients(void **state)
{
	const struct net_options options = net_options_default();
	struct policy policy = { .options = &options };
	struct frame question = make("10.0.2.2", "10.0.2.100", IPPROTO_UDP, 5555, 53, 0);
	struct packet packet;

	(void)state;
	assert_int_equal(judge(&policy, make("10.0.2.100", "10.0.2.2", IPPROTO_TCP, 80, 5555,
					     TH_SYN | TH_ACK)),
			 POLICY_PASS);
	assert_int_equal(
		judge(&policy, make("10.0.2.100", "10.0.2.2", IPPROTO_TCP, 80, 5555, TH_SYN)),
		POLICY_REFUSE);
	assert_int_equal(judge(&policy, make("10.0.2.100", "10.0.2.2", IPPROTO_UDP, 53, 5555, 0)),
			 POLICY_REFUSE);
	assert_int_equal(packet_parse(question.data, question.size, &packet), 0);
	policy_saw(&policy, &packet);
	assert_int_equal(judge(&policy, make("10.0.2.100", "10.0.2.2", IPPROTO_UDP, 53, 5555, 0)),
			 POLICY_PASS);
	assert_int_equal(judge(&policy, make("10.0.2.100", "10.0.2.2", IPPROTO_UDP, 53, 5556, 0)),
			 POLICY_REFUSE);
	assert_int_equal(judge(&policy, make("10.0.2.100", "10.0.2.2", IPPROTO_UDP, 54, 5555, 0)),
			 POLICY_REFUSE);
}

static void router_advertisements_are_dropped(void **state)
{
	const struct net_options options = net_options_default();
	const struct policy policy = { .options = &options };
	struct frame frame = make("fe80::1", "ff02::1", IPPROTO_ICMPV6, 0, 0, 0);

	(void)state;
	frame.data[PACKET_ETHERNET + 40] = 135; /* neighbour solicitation */
	assert_int_equal(judge(&policy, frame), POLICY_PASS);
	frame.data[PACKET_ETHERNET + 40] = 134; /* router advertisement */
	assert_int_equal(judge(&policy, frame), POLICY_DROP);
	frame.data[PACKET_ETHERNET + 40] = 137; /* redirect */
	assert_int_equal(judge(&policy, frame), POLICY_DROP);
}

static void fragments_do_not_slip_past_ports(void **state)
{
	const struct net_options options = net_options_default();
	const struct policy policy = { .options = &options };
	struct frame frame = make("10.0.2.100", "10.0.2.3", IPPROTO_UDP, 40000, 53, 0);

	(void)state;
	frame.data[PACKET_ETHERNET + 6] = 0x20; /* more fragments */
	assert_int_equal(judge(&policy, frame), POLICY_REFUSE);
}

static void cut_frames_are_bad(void **state)
{
	struct frame frame = make("10.0.2.100", "192.0.2.1", IPPROTO_TCP, 40000, 53, 0);
	struct frame six = make("2001:db8::1", "2001:db8::2", IPPROTO_UDP, 40000, 53, 0);
	struct packet packet;

	(void)state;
	for (size_t size = 0; size < frame.size; size++)
		assert_int_equal(packet_parse(frame.data, size, &packet), -EBADMSG);
	for (size_t size = 0; size < six.size; size++)
		assert_int_equal(packet_parse(six.data, size, &packet), -EBADMSG);
	frame.data[PACKET_ETHERNET] = 0x4f; /* options beyond the length */
	assert_int_equal(packet_parse(frame.data, frame.size, &packet), -EBADMSG);
}

static struct tuple tuple_to(const char *to, uint8_t proto, uint16_t port)
{
	struct tuple tuple = { .proto = proto,
			       .six = strchr(to, ':') != NULL,
			       .remote_port = port,
			       .container_port = 40000 };

	assert_int_equal(inet_pton(tuple_family(&tuple), to, tuple.remote), 1);
	return tuple;
}

static void set_resolvers(struct dns *dns, const char *text)
{
	struct resolv resolv;

	resolv_parse(text, strlen(text), &resolv);
	dns_set_servers(dns, &resolv);
}

static void dns_goes_to_the_resolver_of_its_family(void **state)
{
	const struct net_options options = net_options_default();
	struct dns dns = { .options = &options };
	struct tuple four = tuple_to("10.0.2.3", IPPROTO_TCP, 53);
	struct tuple six = tuple_to("fd62:7279:6f00::3", IPPROTO_UDP, 53);
	struct sockaddr_in from = { .sin_family = AF_INET, .sin_port = htons(53) };
	uint8_t address[16];

	(void)state;
	assert_int_equal(dns_resolver(&dns, &four, address), 0);
	set_resolvers(&dns, "nameserver 127.0.0.53\nnameserver ::1\n");
	assert_true(dns_is_forwarder(&dns, &four));
	assert_true(dns_is_forwarder(&dns, &six));
	assert_int_equal(dns_resolver(&dns, &four, address), 1);
	assert_memory_equal(address, "\x7f\0\0\x35", 4);
	assert_int_equal(dns_resolver(&dns, &six, address), 1);
	assert_memory_equal(address, &in6addr_loopback, 16);
	from.sin_addr.s_addr = htonl(0x7f000035);
	assert_true(dns_is_resolver(&dns, 1, (struct sockaddr *)&from));
	assert_false(dns_is_resolver(&dns, 0, (struct sockaddr *)&from));
	assert_false(dns_is_resolver(&dns, 2, (struct sockaddr *)&from));
	from.sin_port = htons(54);
	assert_false(dns_is_resolver(&dns, 1, (struct sockaddr *)&from));
}

static void only_port_53_of_the_forwarder_is_dns(void **state)
{
	struct net_options options = net_options_default();
	struct dns dns = { .options = &options };
	struct tuple other = tuple_to("10.0.2.3", IPPROTO_UDP, 54);
	struct tuple gateway = tuple_to("10.0.2.2", IPPROTO_UDP, 53);
	struct tuple four = tuple_to("10.0.2.3", IPPROTO_UDP, 53);

	(void)state;
	assert_false(dns_is_forwarder(&dns, &other));
	assert_false(dns_is_forwarder(&dns, &gateway));
	options.dns = false;
	assert_false(dns_is_forwarder(&dns, &four));
}

/* Three queries without an answer, the third of them 1.5 s after the first. */
static void a_silent_resolver_gives_way(void **state)
{
	const struct net_options options = net_options_default();
	struct dns dns = { .options = &options };
	struct tuple query = tuple_to("10.0.2.3", IPPROTO_UDP, 53);
	uint8_t address[16];

	(void)state;
	set_resolvers(&dns, "nameserver 192.0.2.1\nnameserver 192.0.2.2\n");
	for (int i = 0; i < 5; i++)
		assert_int_equal(dns_resolver(&dns, &query, address), 1);
	dns.four.since -= 2000000000LL;
	assert_int_equal(dns_resolver(&dns, &query, address), 2);
	dns_answered(&dns, false);
	dns.four.since -= 2000000000LL;
	for (int i = 0; i < 2; i++)
		assert_int_equal(dns_resolver(&dns, &query, address), 2);
}

static void refusals_have_right_checksums(void **state)
{
	struct frame four = make("10.0.2.100", "10.0.2.2", IPPROTO_TCP, 40000, 80, TH_SYN);
	struct frame six = make("2001:db8::1", "2001:db8::2", IPPROTO_UDP, 40000, 80, 0);
	struct frame ping = make("10.0.2.100", "10.0.2.4", IPPROTO_ICMP, 0, 0, 0);
	uint8_t out[REPLY_MAX];
	struct packet packet;
	size_t size = 0;

	(void)state;
	assert_int_equal(packet_parse(four.data, four.size, &packet), 0);
	size = reply_prohibited(&packet, out);
	assert_int_equal(packet_parse(out, size, &packet), 0);
	assert_int_equal(packet.proto, IPPROTO_ICMP);
	assert_int_equal(sum(out + PACKET_ETHERNET, 20, 0), 0xffff);
	assert_int_equal(sum(out + packet.transport, size - packet.transport, 0), 0xffff);
	assert_memory_equal(out, four.data + 6, 6);

	assert_int_equal(packet_parse(six.data, six.size, &packet), 0);
	size = reply_prohibited(&packet, out);
	assert_int_equal(packet_parse(out, size, &packet), 0);
	assert_int_equal(packet.proto, IPPROTO_ICMPV6);
	assert_int_equal(transport_sum(&packet), 0xffff);

	assert_int_equal(packet_parse(ping.data, ping.size, &packet), 0);
	assert_int_equal(reply_prohibited(&packet, out), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_outside_is_open),
		cmocka_unit_test(the_host_is_closed),
		cmocka_unit_test(options_open_what_they_name),
		cmocka_unit_test(answers_go_back_to_loopback_clients),
		cmocka_unit_test(router_advertisements_are_dropped),
		cmocka_unit_test(fragments_do_not_slip_past_ports),
		cmocka_unit_test(cut_frames_are_bad),
		cmocka_unit_test(dns_goes_to_the_resolver_of_its_family),
		cmocka_unit_test(only_port_53_of_the_forwarder_is_dns),
		cmocka_unit_test(a_silent_resolver_gives_way),
		cmocka_unit_test(refusals_have_right_checksums),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
