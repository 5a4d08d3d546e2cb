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
	(void)pthread_cond_init(&p->changed, NULL);
	p->memory = xmalloc((size_t)PIPELINE_SLOTS * PIPELINE_SLOT_SIZE);
}

void pipeline_done(struct pipeline *p)
{
	(void)pthread_mutex_destroy(&p->lock); /* nobody holds it any more */
	(void)pthread_cond_destroy(&p->changed);
	free(p->memory);
	p->memory = NULL;
}

static uint8_t *slot(const struct pipeline *p, uint64_t number)
{
	return p->memory + (number % PIPELINE_SLOTS) * PIPELINE_SLOT_SIZE;
}

static bool is_full(const struct pipeline *p)
{
	for (unsigned int i = 0; i < PIPELINE_READERS; i++)
		if (p->written - p->read[i] >= PIPELINE_SLOTS)
			return true;
	return false;
}

void *pipeline_room(struct pipeline *p)
{
	bool failed = false;

	(void)pthread_mutex_lock(&p->lock); /* fails only for a thread that holds it */
	while (is_full(p) && !p->failed)
		(void)pthread_cond_wait(&p->changed, &p->lock);
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
	(void)pthread_cond_broadcast(&p->changed);
	(void)pthread_mutex_unlock(&p->lock);
}

void pipeline_end(struct pipeline *p)
{
	(void)pthread_mutex_lock(&p->lock);
	p->ended = true;
	(void)pthread_cond_broadcast(&p->changed);
	(void)pthread_mutex_unlock(&p->lock);
}

bool pipeline_fail(struct pipeline *p)
{
	bool first = false;

	(void)pthread_mutex_lock(&p->lock);
	first = !p->failed;
	p->failed = true;
	(void)pthread_cond_broadcast(&p->changed);
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
		(void)pthread_cond_broadcast(&p->changed);
	}
	while (p->read[reader] == p->written && !p->ended && !p->failed)
		(void)pthread_cond_wait(&p->changed, &p->lock);
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
