/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bzip2 and xz by libarchive's filters, with its "raw" format, so that the tar inside is still
 * read by our reader. Runs in bryo-image only, for load and import.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>

#include "engine/archive/codec-internal.h"
#include "engine/base/err.h"

static la_ssize_t give(struct archive *a, void *ctx, const void **ret_data)
{
	struct codec_input *in = ctx;
	int more = codec_input_want(in);
	size_t n = in->left;

	if (more < 0) {
		archive_set_error(a, -more, "read error");
		return -1;
	}
	*ret_data = in->at;
	in->at += n;
	in->left = 0;
	return more ? (la_ssize_t)n : 0;
}

static void close_state(void *p)
{
	(void)archive_read_free(p); /* reading only */
}

static int open_decoder(void **ret_state, struct codec_input *in, struct err *err)
{
	struct archive *a = archive_read_new();
	struct archive_entry *entry = NULL;

	if (!a)
		return err_set(err, -ENOMEM, "cannot start libarchive");
	if (archive_read_support_filter_bzip2(a) < ARCHIVE_WARN ||
	    archive_read_support_filter_xz(a) < ARCHIVE_WARN ||
	    archive_read_support_format_raw(a) < ARCHIVE_WARN ||
	    archive_read_open(a, in, NULL, give, NULL) != ARCHIVE_OK ||
	    archive_read_next_header(a, &entry) != ARCHIVE_OK) {
		(void)err_say(err, ERR_USAGE, "the compressed stream is damaged: %s",
			      archive_error_string(a) ? archive_error_string(a) : "empty");
		close_state(a);
		return -EBADMSG;
	}
	*ret_state = a;
	return 0;
}

static ssize_t decode(void *p, struct codec_input *in, void *data, size_t size)
{
	la_ssize_t n = archive_read_data(p, data, size);

	(void)in;
	return n < 0 ? -EBADMSG : (ssize_t)n;
}

const struct decoder_ops codec_foreign_decoder = { .open = open_decoder,
						   .read = decode,
						   .close = close_state };
