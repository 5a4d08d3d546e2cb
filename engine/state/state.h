/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects on disk: a folder each, found by id, by name or by a part of the id; locks on them.
 * Knows no record's meaning. There is no database and no global lock:
 *
 *     ROOT/KIND/ID/           the object; whoever made it decides what lies in it
 *     ROOT/KIND/ID/lock       never renamed, never replaced; see enum state_lock
 *     ROOT/names/KIND/NAME    a symlink whose text is the id: made and removed in one step
 *
 * An object counts once its `record` (the file that state_open() is told) is there; what a
 * killed command left before that is garbage to everybody (state_sweep()).
 */
#pragma once

#include <stdbool.h>

#include "engine/base/str.h"

struct err;

#define STATE_ID_SIZE 65 /* 64 hexadecimal digits and a NUL */

struct state {
	int root_fd;
	int objects_fd; /* ROOT/KIND */
	int names_fd;	/* ROOT/names/KIND */
	const char *record;
};
#define STATE_INIT ((struct state){ .root_fd = -1, .objects_fd = -1, .names_fd = -1 })

/* Opens (and makes) the folders of a kind. kind and record must outlive the struct. */
int state_open(const char *root, const char *kind, const char *record, struct state *ret_state,
	       struct err *err);
void state_done(struct state *state);

/*
 * Gives name to id. ERR_EXISTS where a living object has it; a name whose object is gone is
 * taken over. what ("container") is for the sentence.
 */
int state_claim_name(const struct state *state, const char *name, const char *id, const char *what,
		     struct err *err);
/*
 * Takes the name away if it is still this id's, whether the object is still there or gone: a name
 * without an object is free already, and only clutter.
 */
void state_release_name(const struct state *state, const char *name, const char *id);

/*
 * Finds an object by full id, name, or unambiguous beginning of its id. ERR_NOT_FOUND in
 * Podman's words ("no container with name or ID \"x\" found: no such container").
 */
int state_find(const struct state *state, const char *text, const char *what,
	       char ret_id[STATE_ID_SIZE], struct err *err);

/*
 * Full ids of all folders, unsorted. One without a record is being made or removed this moment:
 * who loads it finds out, and a look at each for that alone would double the cost of a list.
 */
int state_list(const struct state *state, struct strv *ret_ids, struct err *err);

/*
 * Makes the folder of a new object (mode 0700) with its lock file; *ret_fd is the folder, *ret_lock
 * its change lock, by which nobody takes it for garbage before its record is written.
 */
int state_create(const struct state *state, const char *id, int *ret_fd, int *ret_lock,
		 struct err *err);
/* Opens the folder of an object; -ENOENT without a sentence when it is gone. */
int state_open_object(const struct state *state, const char *id, int *ret_fd);

/* Byte ranges of the lock file, each a lock of its own (OFD locks, fcntl(2): they work on NFS). */
enum state_lock {
	STATE_LOCK_ALIVE,  /* held by the monitor for as long as the container lives */
	STATE_LOCK_CHANGE, /* held by a command while it changes the object */
};

/*
 * Takes a lock; *ret_fd holds it until it is closed (or the process, and all that inherited
 * the descriptor, end). wait false: -EAGAIN where somebody else has it.
 */
int state_lock(int object_fd, enum state_lock which, bool wait, int *ret_fd);
/* Is it held by anybody? Takes nothing. Locks that do not work (some NFS) give -ENOLCK. */
int state_is_locked(int object_fd, enum state_lock which);

/*
 * Calls remove() for each folder without a record that nobody is making: its change lock is
 * free. Takes away names whose object is gone. For commands that write.
 */
void state_sweep(const struct state *state, void (*remove)(void *data, const char *id), void *data);
