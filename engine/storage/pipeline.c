/* SPDX-License-Identifier: Apache-2.0 */
/* The ring between a layer's stages: see pipeline.h. Runs in bryo-image's threads. */
#include "engine/storage/pipeline.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "engine/base/alloc.h"

void pipeline_init(struct pipeline *p)
{
	*p = (struct pipeline){ 0 };
	/* With default attributes neither can fail on Linux. */
	(void)pthread_mutex_init(&p->lock, NULL);
	(void)pthread_cond_init(&p->room, NULL);
	for (unsigned int i = 0; i < PIPELINE_READERS; i++)
		(void)pthread_cond_init(&p->data[i], NULL);
	p->memory = xmalloc((size_t)PIPELINE_SLOTS * PIPELINE_SLOT_SIZE);
}

void pipeline_done(struct pipeline *p)
{
	(void)pthread_mutex_destroy(&p->lock); /* nobody holds it any more */
	(void)pthread_cond_destroy(&p->room);
	for (unsigned int i = 0; i < PIPELINE_READERS; i++)
		(void)pthread_cond_destroy(&p->data[i]);
	free(p->memory);
	p->memory = NULL;
}

static uint8_t *slot(const struct pipeline *p, uint64_t number)
{
	return p->memory + (number % PIPELINE_SLOTS) * PIPELINE_SLOT_SIZE;
}

static unsigned int free_slots(const struct pipeline *p)
{
	uint64_t slowest = p->read[0];

	for (unsigned int i = 1; i < PIPELINE_READERS; i++)
		slowest = p->read[i] < slowest ? p->read[i] : slowest;
	return PIPELINE_SLOTS - (unsigned int)(p->written - slowest);
}

static void wake_readers(struct pipeline *p)
{
	for (unsigned int i = 0; i < PIPELINE_READERS; i++)
		if (p->reader_waits[i])
			(void)pthread_cond_signal(&p->data[i]);
}

/* A writer that found the ring full sleeps until half of it is free: to wake for each slot would
 * cost two switches of thread a slot. */
static bool may_write(const struct pipeline *p)
{
	return free_slots(p) >= (p->writer_waits ? PIPELINE_SLOTS / 2 : 1);
}

void *pipeline_room(struct pipeline *p)
{
	bool failed = false;

	(void)pthread_mutex_lock(&p->lock); /* fails only for a thread that holds it */
	while (!may_write(p) && !p->failed) {
		p->writer_waits = true;
		(void)pthread_cond_wait(&p->room, &p->lock);
	}
	p->writer_waits = false;
	failed = p->failed;
	(void)pthread_mutex_unlock(&p->lock);
	return failed ? NULL : slot(p, p->written);
}

void pipeline_push(struct pipeline *p, size_t size)
{
	assert(size > 0 && size <= PIPELINE_SLOT_SIZE);
	(void)pthread_mutex_lock(&p->lock);
	p->sizes[p->written % PIPELINE_SLOTS] = size;
	p->written++;
	wake_readers(p);
	(void)pthread_mutex_unlock(&p->lock);
}

void pipeline_end(struct pipeline *p)
{
	(void)pthread_mutex_lock(&p->lock);
	p->ended = true;
	wake_readers(p);
	(void)pthread_mutex_unlock(&p->lock);
}

bool pipeline_fail(struct pipeline *p)
{
	bool first = false;

	(void)pthread_mutex_lock(&p->lock);
	first = !p->failed;
	p->failed = true;
	wake_readers(p);
	(void)pthread_cond_signal(&p->room);
	(void)pthread_mutex_unlock(&p->lock);
	return first;
}

int pipeline_next(struct pipeline *p, unsigned int reader, const void **ret_data, size_t *ret_size)
{
	int r = 0;

	(void)pthread_mutex_lock(&p->lock);
	if (p->holds[reader]) {
		p->read[reader]++;
		p->holds[reader] = false;
		if (p->writer_waits && may_write(p))
			(void)pthread_cond_signal(&p->room);
	}
	p->reader_waits[reader] = true;
	while (p->read[reader] == p->written && !p->ended && !p->failed)
		(void)pthread_cond_wait(&p->data[reader], &p->lock);
	p->reader_waits[reader] = false;
	*ret_size = 0;
	if (p->failed) {
		r = -ECANCELED;
	} else if (p->read[reader] < p->written) {
		*ret_data = slot(p, p->read[reader]);
		*ret_size = p->sizes[p->read[reader] % PIPELINE_SLOTS];
		p->holds[reader] = true;
	}
	(void)pthread_mutex_unlock(&p->lock);
	return r;
}
