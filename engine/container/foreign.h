/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container whose record names another OCI runtime (spec.runtime_path): the steps of its life
 * in the shape of engine/runtime/runtime.h, so that callers choose at each step by
 * container_is_foreign() and go on alike.
 */
#pragma once

#include <stdbool.h>

#include "engine/container/internal.h"
#include "engine/runtime/runtime.h"

/* True when it runs with another runtime than our own. Its spec must be loaded. */
bool container_is_foreign(const struct container *container);

/*
 * In the keeper, in place of runtime_create_begin() and _finish(): args as for those. The
 * runtime puts the process into the group cgroup_path (below the cgroup2 mount; NULL or "":
 * none) itself; on hosts with cgroup v1 the caller moves it afterwards.
 */
int container_foreign_create(const struct engine *engine, const struct container *container,
			     struct preparation *preparation,
			     const struct runtime_create_args *args, const char *cgroup_path,
			     struct runtime_container *ret_process, struct err *err);
int container_foreign_start(const struct engine *engine, const struct container *container,
			    struct err *err);
/* After the end, or before a start: what the runtime keeps of it goes. Nothing kept is fine. */
int container_foreign_delete(const struct engine *engine, const struct container *container,
			     struct err *err);

/* In place of runtime_exec(). */
int container_foreign_exec(const struct engine *engine, const struct container *container,
			   const struct runtime_exec_args *args,
			   struct runtime_container *ret_process, struct err *err);
