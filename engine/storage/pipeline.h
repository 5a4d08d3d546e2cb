/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ring of buffers between one thread that writes and two that read it, all of it, each at its
 * own pace: the uncompressed stream on its way to the hash and to the disk. For bryo-image.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PIPELINE_READERS = 2,
	PIPELINE_SLOTS = 16,
	PIPELINE_SLOT_SIZE = 256 * 1024, /* a few fit the second-level cache */
};

struct pipeline {
	pthread_mutex_t lock;
	pthread_cond_t room;		       /* the writer waits here */
	pthread_cond_t data[PIPELINE_READERS]; /* the readers here */
	bool writer_waits;
	bool reader_waits[PIPELINE_READERS];
	uint8_t *memory;
	size_t sizes[PIPELINE_SLOTS];
	uint64_t written;		 /* slots filled so far */
	uint64_t read[PIPELINE_READERS]; /* slots given back so far */
	bool holds[PIPELINE_READERS];	 /* the reader has one in use */
	bool ended;
	bool failed;
};

void pipeline_init(struct pipeline *p);
void pipeline_done(struct pipeline *p);

/* Room for PIPELINE_SLOT_SIZE bytes, once there is some; NULL when a reader has failed. */
void *pipeline_room(struct pipeline *p);
/* Hands the room with size bytes (not 0) in it to the readers. */
void pipeline_push(struct pipeline *p, size_t size);
/* No more will come. */
void pipeline_end(struct pipeline *p);

/* The next bytes for this reader, valid until its next call; *ret_size 0 at the end. 0, or
 * -ECANCELED when another part has failed. */
int pipeline_next(struct pipeline *p, unsigned int reader, const void **ret_data, size_t *ret_size);

/* Wakes all with failure. True for the first who fails: his error is the one to tell. */
bool pipeline_fail(struct pipeline *p);
