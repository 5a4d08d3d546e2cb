/* SPDX-License-Identifier: Apache-2.0 */
/* Progress on standard error: see progress.h. Runs in bryo-image; must never fail a transfer. */
#include "engine/image/progress.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/fd.h"
#include "engine/base/str.h"
#include "engine/base/time.h"

enum { DRAW_MS = 100, BAR_WIDTH = 30, LABEL_DIGITS = 12 };

enum row_state { ROW_RUNNING, ROW_DONE, ROW_SKIPPED };

struct row {
	char label[64];
	uint64_t total;
	uint64_t done;
	int64_t started;
	enum row_state state;
};

struct progress {
	bool quiet;
	bool bars;
	pthread_mutex_t lock; /* all below */
	pthread_cond_t stop;
	pthread_t drawer;
	bool stopping;
	struct row *v;
	size_t count;
	size_t capacity;
	size_t first; /* rows before it are finished and drawn for good */
	size_t drawn; /* lines that the next drawing overwrites */
};

static void out(const char *text, size_t size)
{
	(void)fd_write_all(STDERR_FILENO, text, size); /* nobody may be there to read it */
}

static void add_row(struct buf *text, const struct row *row)
{
	struct str_size done = str_human_size(row->done);
	struct str_size total = str_human_size(row->total);
	double share = row->total ? (double)row->done / (double)row->total : 0;
	int full = (int)(share * BAR_WIDTH);
	int64_t spent = time_monotonic() - row->started;
	struct str_size speed =
		str_human_size(spent > 0 ? (uint64_t)((double)row->done * 1e9 / (double)spent) : 0);

	/* no bound set on the buffer: adding to it cannot fail */
	if (row->state == ROW_SKIPPED) {
		(void)buf_addf(text, "%s skipped: already exists\033[K\n", row->label);
		return;
	}
	if (row->state == ROW_DONE) {
		(void)buf_addf(text, "%s done %s\033[K\n", row->label, total.text);
		return;
	}
	full = full > BAR_WIDTH ? BAR_WIDTH : full;
	(void)buf_addf(text, "%s [%.*s%s%.*s] %s / %s | %s/s\033[K\n", row->label, full,
		       "==============================", full < BAR_WIDTH ? ">" : "",
		       BAR_WIDTH - full - (full < BAR_WIDTH), "------------------------------",
		       done.text, total.text, speed.text);
}

/* The lock is held. More rows than the screen has lines would scroll away: only the last ones. */
static void draw(struct progress *p)
{
	struct buf text auto_done(buf) = BUF_INIT;
	struct winsize size = { .ws_row = 24 };
	size_t from = 0;

	(void)ioctl(STDERR_FILENO, TIOCGWINSZ, &size); /* 24 lines then */
	if (p->drawn > 0)
		(void)buf_addf(&text, "\033[%zuA", p->drawn);
	while (p->first < p->count && p->v[p->first].state != ROW_RUNNING)
		add_row(&text, &p->v[p->first++]);
	from = p->first;
	if (size.ws_row > 2 && p->count - from > (size_t)size.ws_row - 2)
		from = p->count - ((size_t)size.ws_row - 2);
	p->drawn = p->count - from;
	for (size_t i = from; i < p->count; i++)
		add_row(&text, &p->v[i]);
	(void)buf_add_str(&text, "\033[J");
	out(text.data, text.size);
}

static void *draw_now_and_then(void *ctx)
{
	struct progress *p = ctx;

	(void)pthread_mutex_lock(&p->lock);
	while (!p->stopping) {
		int64_t until = time_now() + DRAW_MS * 1000000LL;
		struct timespec at = { until / 1000000000LL, until % 1000000000LL };

		if (p->count > p->first)
			draw(p);
		(void)pthread_cond_timedwait(&p->stop, &p->lock, &at);
	}
	(void)pthread_mutex_unlock(&p->lock);
	return NULL;
}

struct progress *progress_new(bool quiet)
{
	struct progress *p = xcalloc(1, sizeof(*p));

	p->quiet = quiet;
	(void)pthread_mutex_init(&p->lock, NULL); /* neither fails on Linux */
	(void)pthread_cond_init(&p->stop, NULL);
	p->bars = !quiet && isatty(STDERR_FILENO);
	if (p->bars && pthread_create(&p->drawer, NULL, draw_now_and_then, p) != 0)
		p->bars = false;
	return p;
}

void progress_free(struct progress *p)
{
	if (!p)
		return;
	if (p->bars) {
		(void)pthread_mutex_lock(&p->lock);
		p->stopping = true;
		(void)pthread_cond_signal(&p->stop);
		(void)pthread_mutex_unlock(&p->lock);
		(void)pthread_join(p->drawer, NULL);
		if (p->count > p->first || p->drawn > 0)
			draw(p);
	}
	(void)pthread_mutex_destroy(&p->lock);
	(void)pthread_cond_destroy(&p->stop);
	free(p->v);
	free(p);
}

void progress_say(struct progress *p, const char *fmt, ...)
{
	auto_free char *text = NULL;
	auto_free char *line = NULL;
	va_list ap;

	if (p->quiet)
		return;
	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	(void)pthread_mutex_lock(&p->lock);
	if (p->bars && p->count > p->first)
		draw(p); /* finished rows stay where they are, the line goes beneath them */
	if (p->drawn > 0)
		line = xasprintf("\033[%zuA\033[J%s\n", p->drawn, text);
	else
		line = xasprintf("%s\n", text);
	p->drawn = 0;
	out(line, strlen(line));
	(void)pthread_mutex_unlock(&p->lock);
}

size_t progress_add(struct progress *p, const char *kind, const char *digest, uint64_t total)
{
	const char *hex = str_after(digest, "sha256:");
	size_t number = 0;
	struct row *row = NULL;

	(void)pthread_mutex_lock(&p->lock);
	xgrow(p->v, p->count, p->capacity);
	number = p->count++;
	row = &p->v[number];
	*row = (struct row){ .total = total, .started = time_monotonic() };
	snprintf(row->label, sizeof(row->label), "Copying %s %.*s", kind, LABEL_DIGITS,
		 hex ? hex : digest);
	if (!p->bars)
		p->first = p->count;
	(void)pthread_mutex_unlock(&p->lock);
	if (!p->bars)
		progress_say(p, "Copying %s %s", kind, digest);
	return number;
}

void progress_set(struct progress *p, size_t number, uint64_t done)
{
	(void)pthread_mutex_lock(&p->lock);
	p->v[number].done = done;
	(void)pthread_mutex_unlock(&p->lock);
}

static void set_state(struct progress *p, size_t number, enum row_state state)
{
	(void)pthread_mutex_lock(&p->lock);
	p->v[number].state = state;
	p->v[number].done = p->v[number].total;
	(void)pthread_mutex_unlock(&p->lock);
}

void progress_done(struct progress *p, size_t number)
{
	set_state(p, number, ROW_DONE);
}

void progress_skipped(struct progress *p, size_t number)
{
	set_state(p, number, ROW_SKIPPED);
}
