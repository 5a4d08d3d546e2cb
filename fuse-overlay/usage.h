/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the quota has in use, from one mount to the next: kept in a file "usage" of the work
 * folder, beside the upper one. It is taken away at the mount and written at the end, so that after
 * an end without one, or after another overlay's mount (which clears that folder, too), all is
 * counted anew.
 */
#pragma once

struct err;
struct overlay;

/* Takes the file's word, or counts: before the work folder work_fd ("work" of it is ours) is
 * cleared. */
int usage_load(struct overlay *ov, int work_fd, struct err *err);

/* At the end, when no request comes any more. */
void usage_save(struct overlay *ov);
