/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of engine/ops share. */
#pragma once

#include "engine/container/container.h"
#include "engine/image/image_helper.h"
#include "engine/ops/ops.h"

struct ops {
	struct engine engine;
	char *runtime; /* --runtime of the command line; NULL: as configured */
	char *mount_program;
	struct strv storage_limits; /* --storage-opt size and inodes, of containers made now */
	char *storage_driver;	    /* as given, for bryo-image; NULL: probe */
	char *cgroup_manager;
	json_t *conf; /* containers.conf, merged; NULL: not read yet */
};

/* containers.conf, read at first use: most commands decide nothing by it. Stays the ops'. */
int ops_conf(struct ops *ops, const json_t **ret_conf, struct err *err);

/* Settings for bryo-image. */
struct image_helper ops_image_helper(const struct ops *ops);

/* Does a container pass all filters? filters.c. *ret_pass on success. */
int ops_filter_container(struct ops *ops, const struct strv *filters,
			 const struct container *container, bool *ret_pass, struct err *err);
/* Checks keys and values before anything is listed. */
int ops_filters_check(const struct strv *filters, struct err *err);

/* Makes sure that the image of a request is here, by its pull policy: image.c. */
int ops_ensure_image(struct ops *ops, const struct request *request, struct err *err);
