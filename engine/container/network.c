/* SPDX-License-Identifier: Apache-2.0 */
/* What is done to the network of a container that runs. Runs in the command. */
#include <errno.h>

#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/container/internal.h"
#include "engine/monitor/attach.h"

static int explain(const struct container *c, int code, struct err *err)
{
	switch (code) {
	case -ECONNREFUSED:
	case -ENOENT:
	case -ECONNRESET:
		return err_say(err, ERR_STATE,
			       "cannot reload network unless container network has been "
			       "configured: container state improper");
	case -EADDRINUSE:
		return err_set(err, code, "a published port of container %s cannot be bound still",
			       c->state.name);
	default:
		return err_set(err, code, "cannot reload the network of container %s",
			       c->state.name);
	}
}

int container_reload_network(struct engine *engine, struct container *container, struct err *err)
{
	auto_close int control = -1;
	int r = container_load_spec(container, err);

	if (r < 0)
		return r;
	if (container->spec.net.kind != SPEC_NS_PRIVATE)
		return err_say(err, ERR_STATE,
			       "container %s network is not configured, refusing to reload: "
			       "container state improper",
			       container->id);
	if (!container_is_alive(container))
		return explain(container, -ECONNREFUSED, err);
	r = attach_connect(engine->run_fd, container->id, &control, NULL);
	if (r == 0)
		r = attach_reload_network(control);
	return r < 0 ? explain(container, r, err) : 0;
}
