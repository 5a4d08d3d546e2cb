/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scripts for the translator's TCP: what the container sends, what it gets, what a server on the
 * host's loopback does, and when. Sequence numbers are relative to each side's first.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>

#include "tests/unit/netns/net/stack/bench.h"

enum { F = TH_FIN, S = TH_SYN, R = TH_RST, P = TH_PUSH, A = TH_ACK, U = TH_URG };
enum { PORT = 7777, CONTAINER_FIRST = 0xfffffff0, BIG = 400000 }; /* numbers wrap soon */

/* A step says what matters to it; the rest is zero. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

enum what {
	END,
	IN,	   /* the container sends a segment */
	OUT,	   /* and gets one */
	UNREACHED, /* it gets ICMP "unreachable", code in .seq */
	SILENCE,   /* it gets nothing more */
	TIME,	   /* seq milliseconds pass */
	LISTEN,	   /* the server */
	ACCEPT,
	WRITES, /* text */
	READS,
	SHUTS,	/* no more to send */
	RESETS, /* closes with a reset */
	READS_END,
	READS_RESET,
	WRITES_URGENT, /* last byte of the text is */
	READS_TO_MARK, /* text, and there is the mark */
};

struct step {
	enum what what;
	uint8_t flags;
	uint32_t seq, ack;
	const char *text;
	int window; /* 0: 1000; -1: closed */
	uint16_t urgent;
};

#define OPENED                                                                                     \
	{ LISTEN }, { IN, S, 0, 0 }, { OUT, S | A, 0, 1 }, { IN, A, 1, 1 },                        \
	{                                                                                          \
		ACCEPT                                                                             \
	}

static int listener = -1;
static int server = -1;
static uint32_t our_first;

static void listen_now(void)
{
	const struct sockaddr_in address = { .sin_family = AF_INET,
					     .sin_port = htons(PORT),
					     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)),
			 0);
	assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 100), 0);
}

static void send_in(const struct step *step, const char *to)
{
	static uint8_t frame[BENCH_FRAME];
	const size_t text = step->text ? strlen(step->text) : 0;
	uint8_t *const tcp = frame + PACKET_ETHERNET + 20;
	const size_t size = bench_put_ip4(frame, to, IPPROTO_TCP, 20 + text);

	put16(tcp, 40000);
	put16(tcp + 2, PORT);
	put32(tcp + 4, CONTAINER_FIRST + step->seq);
	put32(tcp + 8, step->flags & A ? our_first + step->ack : 0);
	tcp[12] = 0x50;
	tcp[13] = step->flags;
	put16(tcp + 14, step->window < 0 ? 0 : step->window > 0 ? (uint32_t)step->window : 1000);
	put32(tcp + 16, step->urgent);
	if (text > 0)
		memcpy(tcp + 20, step->text, text);
	bench_input(frame, size);
}

static void expect_out(const struct step *step)
{
	size_t size = 0;
	const uint8_t *const frame = bench_frame(&size);
	const uint8_t *const ip = frame + FRAME_IP;
	const uint8_t *const tcp = ip + 20;
	const size_t header = frame ? (size_t)(tcp[12] >> 4) * 4 : 0;

	assert_non_null(frame);
	assert_int_equal(ip[9], IPPROTO_TCP);
	assert_int_equal(get16(ip + 2), size - FRAME_IP);
	assert_int_equal(tcp[13] & ~P, step->flags & ~P);
	if (tcp[13] == (S | A))
		our_first = get32(tcp + 4);
	if (step->flags & A || !(step->flags & R) || step->seq)
		assert_int_equal(get32(tcp + 4) - (step->flags == (R | A) && get32(tcp + 4) == 0
							   ? 0
							   : our_first),
				 step->seq);
	if (step->flags & A)
		assert_int_equal(get32(tcp + 8) - CONTAINER_FIRST, step->ack);
	assert_int_equal(size - FRAME_IP - 20 - header, step->text ? strlen(step->text) : 0);
	if (step->text)
		assert_memory_equal(tcp + header, step->text, strlen(step->text));
	if (step->window < 0)
		assert_int_equal(get16(tcp + 14), 0);
	assert_int_equal(get16(tcp + 18), step->urgent);
}

static void expect_unreached(const struct step *step)
{
	size_t size = 0;
	const uint8_t *const frame = bench_frame(&size);
	const uint8_t *const icmp = frame + FRAME_IP + 20;

	assert_non_null(frame);
	assert_int_equal(frame[FRAME_IP + 9], IPPROTO_ICMP);
	assert_int_equal(icmp[0], 3);
	assert_int_equal(icmp[1], step->seq);
	assert_int_equal(get16(icmp + 8 + 20), 40000);
	assert_int_equal(get32(icmp + 8 + 20 + 4), CONTAINER_FIRST);
}

static void read_text(const char *text)
{
	struct pollfd look = { .fd = server, .events = POLLIN };
	char got[256];
	size_t have = 0;

	while (have < strlen(text)) {
		ssize_t n = 0;

		assert_int_equal(poll(&look, 1, 1000), 1);
		n = recv(server, got + have, strlen(text) - have, 0);
		assert_true(n > 0);
		have += (size_t)n;
	}
	assert_memory_equal(got, text, strlen(text));
}

static void read_nothing(ssize_t wanted, int code)
{
	struct pollfd look = { .fd = server, .events = POLLIN };
	char byte = 0;

	assert_int_equal(poll(&look, 1, 1000), 1);
	errno = 0;
	assert_int_equal(recv(server, &byte, 1, 0), wanted);
	assert_int_equal(errno, code);
}

static void close_with_reset(void)
{
	const struct linger at_once = { .l_onoff = 1 };

	assert_int_equal(setsockopt(server, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
	assert_int_equal(close(server), 0);
	server = -1;
	bench_run();
}

static void host_step(const struct step *step)
{
	int mark = 0;

	if (step->what == LISTEN) {
		listen_now();
	} else if (step->what == ACCEPT) {
		server = accept(listener, NULL, NULL);
		assert_true(server >= 0);
		assert_int_equal(
			setsockopt(server, SOL_SOCKET, SO_OOBINLINE, &(int){ 1 }, sizeof(int)), 0);
	} else if (step->what == WRITES || step->what == WRITES_URGENT) {
		assert_int_equal(send(server, step->text, strlen(step->text),
				      step->what == WRITES ? 0 : MSG_OOB),
				 strlen(step->text));
		bench_run();
	} else if (step->what == READS || step->what == READS_TO_MARK) {
		read_text(step->text);
		bench_run();
		if (step->what == READS_TO_MARK) {
			assert_int_equal(ioctl(server, SIOCATMARK, &mark), 0);
			assert_int_equal(mark, 1);
		}
	} else if (step->what == SHUTS) {
		assert_int_equal(shutdown(server, SHUT_WR), 0);
		bench_run();
	} else if (step->what == RESETS) {
		close_with_reset();
	} else if (step->what == READS_END) {
		read_nothing(0, 0);
	} else {
		assert_int_equal(step->what, READS_RESET);
		read_nothing(-1, ECONNRESET);
	}
}

static void run(const struct step *script, const char *to, bool old_kernel)
{
	bench_open(old_kernel);
	our_first = 0;
	for (const struct step *step = script; step->what != END; step++) {
		if (step->what == IN) {
			send_in(step, to);
		} else if (step->what == OUT) {
			expect_out(step);
		} else if (step->what == UNREACHED) {
			expect_unreached(step);
		} else if (step->what == SILENCE) {
			assert_int_equal(bench.count, 0);
		} else if (step->what == TIME) {
			bench_now += step->seq * 1000000LL;
			bench_run();
		} else {
			host_step(step);
		}
	}
	bench_close();
	if (server >= 0)
		(void)close(server);
	if (listener >= 0)
		(void)close(listener);
	server = listener = -1;
}

/* ---- Scripts ---- */

static const struct step data_both_ways[] = {
	OPENED,
	{ IN, P | A, 1, 1, "hello" },
	{ OUT, A, 1, 6 },
	{ READS, .text = "hello" },
	{ WRITES, .text = "welcome" },
	{ OUT, P | A, 1, 6, "welcome" },
	{ IN, A, 6, 8 },
	{ SILENCE },
	{ WRITES, .text = "again" },
	{ OUT, P | A, 8, 6, "again" },
	{ IN, P | A, 6, 13, "bye" },
	{ OUT, A, 13, 9 },
	{ READS, .text = "bye" },
	{ END },
};

static const struct step refused[] = {
	{ IN, S, 0, 0 }, { OUT, R | A, 0, 1 }, { IN, A, 1, 1 }, { OUT, R, 1, 0 }, { END },
};

static const struct step unreachable[] = {
	{ IN, S, 0, 0 },
	{ UNREACHED, .seq = 0 },
	{ SILENCE },
	{ END },
};

static const struct step repeats_by_timer[] = {
	OPENED,
	{ WRITES, .text = "one" },
	{ OUT, P | A, 1, 1, "one" },
	{ WRITES, .text = "two" },
	{ OUT, P | A, 4, 1, "two" },
	{ TIME, .seq = 900 },
	{ SILENCE },
	{ TIME, .seq = 101 },
	{ OUT, P | A, 1, 1, "onetwo" },
	{ TIME, .seq = 1500 },
	{ SILENCE },
	{ TIME, .seq = 501 }, /* twice as long */
	{ OUT, P | A, 1, 1, "onetwo" },
	{ IN, A, 1, 4 },
	{ SILENCE },
	{ TIME, .seq = 1001 },
	{ OUT, P | A, 4, 1, "two" },
	{ IN, A, 1, 7 },
	{ TIME, .seq = 60000 },
	{ SILENCE },
	{ END },
};

static const struct step repeats_at_once_after_three_duplicates[] = {
	OPENED,
	{ WRITES, .text = "one" },
	{ OUT, P | A, 1, 1, "one" },
	{ WRITES, .text = "two" },
	{ OUT, P | A, 4, 1, "two" },
	{ IN, A, 1, 1 },
	{ IN, A, 1, 1 },
	{ SILENCE },
	{ IN, A, 1, 1 },
	{ OUT, P | A, 1, 1, "onetwo" },
	{ IN, A, 1, 1 }, /* those of the repetition do not start it again */
	{ IN, A, 1, 1 },
	{ IN, A, 1, 1 },
	{ SILENCE },
	{ IN, A, 1, 7 },
	{ WRITES, .text = "end" },
	{ OUT, P | A, 7, 1, "end" },
	{ END },
};

static const struct step closed_window_is_probed[] = {
	OPENED,
	{ WRITES, .text = "one" },
	{ OUT, P | A, 1, 1, "one" },
	{ IN, A, 1, 4, .window = -1 },
	{ WRITES, .text = "two" },
	{ SILENCE },
	{ TIME, .seq = 1001 },
	{ OUT, A, 3, 1 },
	{ IN, A, 1, 4, .window = -1 },
	{ TIME, .seq = 1001 },
	{ SILENCE }, /* longer each time */
	{ TIME, .seq = 1001 },
	{ OUT, A, 3, 1 },
	{ IN, A, 1, 4, .window = 2 },
	{ OUT, A, 4, 1, "tw" },
	{ IN, A, 1, 6, .window = 100 },
	{ OUT, P | A, 6, 1, "o" },
	{ END },
};

static const struct step container_ends_first[] = {
	OPENED,
	{ IN, F | P | A, 1, 1, "last" },
	{ OUT, A, 1, 6 },
	{ READS, .text = "last" },
	{ READS_END },
	{ WRITES, .text = "still here" },
	{ OUT, P | A, 1, 6, "still here" },
	{ IN, A, 6, 11 },
	{ IN, F | P | A, 1, 11, "last" }, /* again: acknowledged again */
	{ OUT, A, 11, 6 },
	{ SHUTS },
	{ OUT, F | A, 11, 6 },
	{ IN, A, 6, 12 },
	{ IN, A, 6, 12 }, /* nothing is left of it */
	{ OUT, R, 12, 0 },
	{ END },
};

static const struct step host_ends_first[] = {
	OPENED,
	{ WRITES, .text = "last" },
	{ OUT, P | A, 1, 1, "last" },
	{ SHUTS },
	{ OUT, F | A, 5, 1 },
	{ TIME, .seq = 1001 },
	{ OUT, P | A, 1, 1, "last" }, /* both again */
	{ OUT, F | A, 5, 1 },
	{ IN, A, 1, 6 },
	{ IN, P | A, 1, 6, "more" },
	{ OUT, A, 6, 5 },
	{ READS, .text = "more" },
	{ IN, F | A, 5, 6 },
	{ OUT, A, 6, 6 },
	{ READS_END },
	{ END },
};

static const struct step reset_by_container[] = {
	OPENED, { IN, R, 1, 0 }, { SILENCE }, { READS_RESET }, { END },
};

static const struct step reset_by_host[] = {
	OPENED,
	{ RESETS },
	{ OUT, R | A, 1, 1 },
	{ END },
};

static const struct step forged_segments_change_nothing[] = {
	OPENED,		  { IN, R, 2, 0 }, /* in the window, but not the next: challenged */
	{ OUT, A, 1, 1 }, { IN, R, 0x40000000, 0 },
	{ SILENCE },	  { IN, R, 0, 0 },
	{ SILENCE },	  { IN, S, 5, 0 },
	{ OUT, A, 1, 1 }, { IN, S | A, 5, 1 },
	{ OUT, A, 1, 1 }, { IN, P | A, 1, 77, "acknowledges what was never sent" },
	{ OUT, A, 1, 1 }, { IN, P | A, 1, 0x90000000, "or was long ago" },
	{ OUT, A, 1, 1 }, { IN, P, 1, 0, "no ACK at all" },
	{ SILENCE },	  { IN, P | A, 0x40000000, 1, "far outside" },
	{ OUT, A, 1, 1 }, { IN, P | A, 1, 1, "right" },
	{ OUT, A, 1, 6 }, { READS, .text = "right" },
	{ END },
};

static const struct step overlaps_and_gaps[] = {
	OPENED,
	{ IN, P | A, 1, 1, "abcd" },
	{ OUT, A, 1, 5 },
	{ IN, P | A, 1, 1, "abcd" }, /* all old */
	{ OUT, A, 1, 5 },
	{ IN, P | A, 3, 1, "cdef" }, /* half old */
	{ OUT, A, 1, 7 },
	{ IN, P | A, 9, 1, "ij" }, /* early: kept */
	{ OUT, A, 1, 7 },
	{ IN, P | A, 10, 1, "jkl" },
	{ OUT, A, 1, 7 },
	{ IN, P | A, 7, 1, "gh" },
	{ OUT, A, 1, 13 },
	{ READS, .text = "abcdefghijkl" },
	{ IN, A, 12, 1 }, /* keepalive: one before what is next */
	{ OUT, A, 1, 13 },
	{ END },
};

static const struct step urgent_from_container[] = {
	OPENED,
	{ IN, U | P | A, 1, 1, "abc!def", .urgent = 4 },
	{ OUT, A, 1, 8 },
	{ READS_TO_MARK, .text = "abc" },
	{ READS, .text = "!def" },
	{ IN, U | P | A, 8, 1, "ab", .urgent = 4 }, /* the byte is in the next one */
	{ OUT, A, 1, 10 },
	{ IN, P | A, 10, 1, "c!d" },
	{ OUT, A, 1, 13 },
	{ READS_TO_MARK, .text = "abc" },
	{ READS, .text = "!d" },
	{ END },
};

static const struct step urgent_from_host[] = {
	OPENED,
	{ WRITES_URGENT, .text = "abc!" },
	{ WRITES, .text = "def" },
	{ OUT, P | A, 1, 1, "abc" },
	{ SILENCE },
	{ IN, A, 1, 4 },
	{ OUT, U | P | A, 4, 1, "!def", .urgent = 1 },
	{ IN, A, 1, 8 },
	{ WRITES, .text = "more" },
	{ OUT, P | A, 8, 1, "more" },
	{ END },
};

static const struct step silence_is_asked_about[] = {
	OPENED,		  { IN, F | A, 1, 1 },
	{ OUT, A, 1, 2 }, { TIME, .seq = 119000 },
	{ SILENCE },	  { TIME, .seq = 1001 },
	{ OUT, A, 0, 2 }, { IN, R, 2, 0 }, /* the container's kernel has forgotten it */
	{ READS_END },	  { IN, A, 2, 1 },
	{ OUT, R, 1, 0 }, { END },
};

static const struct {
	const char *name;
	const struct step *script;
	const char *to;
} scripts[] = {
	{ "data both ways", data_both_ways, "10.0.2.2" },
	{ "refused", refused, "10.0.2.2" },
	{ "unreachable", unreachable, "192.0.2.1" },
	{ "repeats by timer", repeats_by_timer, "10.0.2.2" },
	{ "three duplicates", repeats_at_once_after_three_duplicates, "10.0.2.2" },
	{ "closed window", closed_window_is_probed, "10.0.2.2" },
	{ "container ends first", container_ends_first, "10.0.2.2" },
	{ "host ends first", host_ends_first, "10.0.2.2" },
	{ "reset by container", reset_by_container, "10.0.2.2" },
	{ "reset by host", reset_by_host, "10.0.2.2" },
	{ "forged segments", forged_segments_change_nothing, "10.0.2.2" },
	{ "overlaps and gaps", overlaps_and_gaps, "10.0.2.2" },
	{ "urgent from container", urgent_from_container, "10.0.2.2" },
	{ "urgent from host", urgent_from_host, "10.0.2.2" },
	{ "silence is asked about", silence_is_asked_about, "10.0.2.2" },
};

static void scripts_play(void **state)
{
	(void)state;
	for (int old = 0; old < 2; old++) {
		for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
			print_message("%s%s\n", scripts[i].name, old ? ", old kernel" : "");
			run(scripts[i].script, scripts[i].to, old != 0);
		}
	}
}

/* ---- What does not fit a script ---- */

static void handshake(void)
{
	const struct step syn = { IN, S, 0, 0 };
	const struct step syn_ack = { OUT, S | A, 0, 1 };
	const struct step ack = { IN, A, 1, 1, .window = 60000 };

	listen_now();
	send_in(&syn, "10.0.2.2");
	expect_out(&syn_ack);
	send_in(&ack, "10.0.2.2");
	server = accept(listener, NULL, NULL);
	assert_true(server >= 0);
}

static void hang_up(void)
{
	bench_close();
	(void)close(server);
	(void)close(listener);
	server = listener = -1;
}

static void a_lost_syn_ack_is_repeated_and_the_neighbour_asked(void **state)
{
	const struct step syn = { IN, S, 0, 0 };
	const struct step syn_ack = { OUT, S | A, 0, 1 };
	const uint8_t *frame = NULL;
	size_t size = 0;

	(void)state;
	bench_open(false);
	listen_now();
	send_in(&syn, "10.0.2.2");
	expect_out(&syn_ack);
	bench_now += 1001000000;
	bench_run();
	frame = bench_frame(&size);
	assert_non_null(frame);
	assert_memory_equal(frame + FRAME_VNET + 12, "\x08\x06", 2);
	expect_out(&syn_ack);
	bench_close();
	(void)close(listener);
	listener = -1;
}

/* The server does not read: the window closes, nothing is lost, and it opens again. */
/* All that the host's socket has to tell comes at once then, and an end is told once only. */
static void a_server_may_end_before_it_is_heard_of(void **state)
{
	const struct step syn = { IN, S, 0, 0 };
	const struct step syn_ack = { OUT, S | A, 0, 1 };
	const struct step ack = { IN, A, 1, 1 };
	const struct step data = { OUT, P | A, 1, 1, "x" };
	const struct step fin = { OUT, F | A, 2, 1 };

	(void)state;
	bench_open(false);
	listen_now();
	bench_asleep = true;
	send_in(&syn, "10.0.2.2");
	server = accept(listener, NULL, NULL);
	assert_int_equal(send(server, "x", 1, 0), 1);
	assert_int_equal(close(server), 0);
	bench_asleep = false;
	expect_out(&syn_ack);
	send_in(&ack, "10.0.2.2");
	expect_out(&data);
	expect_out(&fin);
	bench_close();
	(void)close(listener);
	server = listener = -1;
}

static void a_full_socket_closes_the_window(void **state)
{
	static uint8_t frame[BENCH_FRAME];
	static char buffer[1 << 16];
	uint32_t sent = 1;
	uint32_t acked = 1;
	uint16_t window = 1;
	size_t size = 0;
	size_t got = 0;

	(void)state;
	bench_open(false);
	handshake();
	for (int i = 0; i < 20000 && window > 0; i++) {
		uint8_t *const tcp = frame + PACKET_ETHERNET + 20;
		const uint8_t *out = NULL;

		size = bench_put_ip4(frame, "10.0.2.2", IPPROTO_TCP, 20 + 1460);
		memset(tcp, 0, 20);
		put16(tcp, 40000);
		put16(tcp + 2, PORT);
		put32(tcp + 4, CONTAINER_FIRST + sent);
		put32(tcp + 8, our_first + 1);
		tcp[12] = 0x50;
		tcp[13] = A;
		put16(tcp + 14, 60000);
		memset(tcp + 20, (int)(sent / 1460), 1460);
		sent += 1460;
		bench_input(frame, size);
		while (bench.count > 0) {
			out = bench_frame(&size) + FRAME_IP + 20;
			acked = get32(out + 8) - CONTAINER_FIRST;
			window = get16(out + 14);
		}
	}
	assert_int_equal(window, 0);
	assert_true(acked > 10000);
	while (got + 1 < acked) {
		const ssize_t n = recv(server, buffer, sizeof(buffer), MSG_DONTWAIT);

		assert_true(n > 0);
		got += (size_t)n;
		bench_run();
	}
	while (bench.count > 0)
		window = get16(bench_frame(&size) + FRAME_IP + 20 + 14);
	assert_true(window > 0);
	hang_up();
}

/* Above the container's window and above one frame: all comes, in segments it can take. */
static void much_data_comes_in_large_frames(void **state)
{
	static char data[BIG];
	static uint8_t got[BIG];
	size_t have = 0;

	for (size_t i = 0; i < BIG; i++)
		data[i] = (char)(i * 7 / 3);
	bench_open(*state != NULL);
	handshake();
	assert_int_equal(fcntl(server, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(send(server, data, BIG, 0), BIG);
	while (have < BIG) {
		size_t size = 0;
		const uint8_t *const frame = bench_frame(&size);
		const uint8_t *const tcp = frame + FRAME_IP + 20;
		const size_t text = size - FRAME_IP - 40;
		struct step ack = { IN, A, 1, 0, .window = 60000 };

		assert_non_null(frame);
		assert_int_equal(get32(tcp + 4) - our_first, have + 1);
		assert_true(text > 0 && text <= 60000);
		/* 536 where no MSS is asked for: gso_size of the header */
		if (text > 536)
			assert_int_equal(frame[4] | frame[5] << 8, 536);
		memcpy(got + have, tcp + 20, text);
		have += text;
		ack.ack = (uint32_t)have + 1;
		send_in(&ack, "10.0.2.2");
	}
	assert_memory_equal(got, data, BIG);
	hang_up();
}

static void a_full_table_refuses(void **state)
{
	struct rlimit before;
	size_t answers = 0;
	size_t refusals = 0;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 40, before.rlim_max }), 0);
	bench_open(false);
	listen_now();
	for (uint32_t i = 0; i < 100; i++) {
		uint8_t frame[64] = { 0 };
		uint8_t *const tcp = frame + PACKET_ETHERNET + 20;
		const size_t size = bench_put_ip4(frame, "10.0.2.2", IPPROTO_TCP, 20);

		put16(tcp, 1000 + i);
		put16(tcp + 2, PORT);
		tcp[12] = 0x50;
		tcp[13] = S;
		bench_input(frame, size);
	}
	for (size_t size = 0; bench.count > 0;) {
		const uint8_t flags = bench_frame(&size)[FRAME_IP + 20 + 13];

		answers += flags == (S | A);
		refusals += flags == (R | A);
	}
	assert_int_equal(answers, 8); /* 40 but for the 32 that are kept */
	assert_int_equal(refusals, 92);
	hang_up();
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scripts_play),
		cmocka_unit_test(a_lost_syn_ack_is_repeated_and_the_neighbour_asked),
		cmocka_unit_test(a_server_may_end_before_it_is_heard_of),
		cmocka_unit_test(a_full_socket_closes_the_window),
		cmocka_unit_test(much_data_comes_in_large_frames),
		cmocka_unit_test_prestate(much_data_comes_in_large_frames, &listener),
		cmocka_unit_test(a_full_table_refuses),
	};

	if (!bench_enter()) {
		puts("skipped: this host lets nobody make a network namespace");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
