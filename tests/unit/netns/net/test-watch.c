/* SPDX-License-Identifier: Apache-2.0 */
/* The loop: order of timers, what happens to watches that go while others are told. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/fd.h"
#include "netns/net/watch.h"

static int64_t fake_now;

static int64_t fake_clock(void)
{
	return fake_now;
}

/* ---- Timers ---- */

enum { TIMERS = 500 };

struct alarm {
	struct watch_timer timer; /* first: the callback's argument is the whole */
	int64_t wanted;
	int64_t fired;
};

static struct watch_loop loop;

static void fire(struct watch_timer *timer)
{
	struct alarm *alarm = (struct alarm *)timer;

	assert_int_equal(alarm->fired, 0);
	alarm->fired = loop.now;
}

static void timers_fire_in_order_however_they_were_moved(void **state)
{
	static struct alarm alarms[TIMERS];

	(void)state;
	assert_int_equal(watch_loop_open(&loop), 0);
	loop.clock = fake_clock;
	loop.now = fake_now = 1;
	srandom(7);
	for (size_t i = 0; i < TIMERS; i++) {
		alarms[i].timer.expired = fire;
		alarms[i].wanted = 10 + random() % 1000;
		watch_timer_set(&loop, &alarms[i].timer, alarms[i].wanted);
	}
	for (size_t i = 0; i < TIMERS; i += 2) { /* earlier, later, never */
		alarms[i].wanted = i % 3 == 0 ? WATCH_NEVER : 10 + random() % 1000;
		if (i % 5 == 0)
			watch_timer_cancel(&loop, &alarms[i].timer);
		watch_timer_set(&loop, &alarms[i].timer, alarms[i].wanted);
	}
	for (fake_now = 2; fake_now < 1100; fake_now++)
		assert_true(watch_round(&loop, 0) >= 0);
	for (size_t i = 0; i < TIMERS; i++)
		assert_int_equal(alarms[i].fired,
				 alarms[i].wanted == WATCH_NEVER ? 0 : alarms[i].wanted);
	assert_null(loop.timers);
	watch_loop_close(&loop);
}

static void set_again(struct watch_timer *timer)
{
	watch_timer_set(&loop, timer, loop.now);
}

static void a_timer_that_sets_itself_at_once_lets_others_in(void **state)
{
	struct watch_timer timer = { .expired = set_again };

	(void)state;
	assert_int_equal(watch_loop_open(&loop), 0);
	watch_timer_set(&loop, &timer, loop.now);
	assert_true(watch_round(&loop, WATCH_NEVER) > 0);
	watch_timer_cancel(&loop, &timer);
	assert_int_equal(watch_round(&loop, 0), 0);
	watch_loop_close(&loop);
}

/* ---- Descriptors ---- */

struct end {
	struct watch watch;
	struct end *other;
	int told;
};

/* Whoever is told first takes the other out of the loop. */
static void remove_other(struct watch *watch, uint32_t events)
{
	struct end *end = (struct end *)watch;

	assert_true(events & EPOLLIN);
	end->told++;
	watch_remove(&loop, &end->other->watch);
}

static void a_removed_watch_is_not_told_what_was_on_its_way(void **state)
{
	int one[2], two[2];
	struct end a = { .watch.ready = remove_other }, b = { .watch.ready = remove_other };

	(void)state;
	assert_int_equal(watch_loop_open(&loop), 0);
	assert_int_equal(fd_pipe(one), 0);
	assert_int_equal(fd_pipe(two), 0);
	a.watch.fd = one[0];
	b.watch.fd = two[0];
	a.other = &b;
	b.other = &a;
	assert_int_equal(watch_add(&loop, &a.watch, EPOLLIN), 0);
	assert_int_equal(watch_add(&loop, &b.watch, EPOLLIN), 0);
	assert_int_equal(watch_add(&loop, &a.watch, EPOLLIN), -EEXIST);
	assert_int_equal(write(one[1], "x", 1), 1);
	assert_int_equal(write(two[1], "x", 1), 1);
	assert_int_equal(watch_round(&loop, WATCH_NEVER), 1);
	assert_int_equal(a.told + b.told, 1);
	for (int i = 0; i < 2; i++) {
		(void)close(one[i]);
		(void)close(two[i]);
	}
	watch_loop_close(&loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_fire_in_order_however_they_were_moved),
		cmocka_unit_test(a_timer_that_sets_itself_at_once_lets_others_in),
		cmocka_unit_test(a_removed_watch_is_not_told_what_was_on_its_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
