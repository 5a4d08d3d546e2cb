/* SPDX-License-Identifier: Apache-2.0 */
/* Socket injection of one container: see injection.h. */
#include "engine/container/injection.h"

#include <linux/capability.h>
#include <string.h>

#include "engine/base/fd.h"
#include "engine/base/str.h"
#include "engine/container/internal.h"
#include "engine/monitor/attach.h"

static bool has_tcp(const struct port_list *ports)
{
	for (size_t i = 0; i < ports->count; i++)
		if (ports->maps[i].proto == PORT_TCP)
			return true;
	return false;
}

static void make(struct injection *injection, bool listens)
{
	inject_filter_make(injection->wall, listens, &injection->filter);
	injection->program = (struct sock_fprog){ .len = injection->filter.count,
						  .filter = injection->filter.code };
	injection->on = injection->filter.count > 0;
}

static bool has(const struct oci_spec *oci, int capability)
{
	return oci->process.capabilities.bounding & (1ULL << capability);
}

void injection_choose(const struct net_options *options, const struct oci_spec *oci,
		      const struct port_list *ports, struct injection *ret_injection)
{
	ret_injection->on = false;
	if (options->fast == NET_FAST_OFF || !oci->linux_.seccomp)
		return;
	ret_injection->wall = inject_wall_find();
	if (options->fast != NET_FAST_ON) {
		if (ret_injection->wall == INJECT_WALL_NONE || has(oci, CAP_NET_ADMIN))
			return;
		if (ret_injection->wall == INJECT_WALL_LANDLOCK && has(oci, CAP_SYS_PTRACE))
			return;
	}
	make(ret_injection, has_tcp(ports));
}

static const char *const names[] = {
	[INJECT_WALL_NONE] = "unguarded", [INJECT_WALL_LANDLOCK] = "landlock"
};

const char *injection_name(const struct injection *injection)
{
	return injection->on ? names[injection->wall] : NULL;
}

void injection_from_record(const struct container *container, struct injection *ret_injection)
{
	const char *name = container->state.injection;

	ret_injection->on = false;
	for (size_t i = 0; i < ARRAY_SIZE(names) && name; i++) {
		if (!str_eq(name, names[i]))
			continue;
		ret_injection->wall = (enum inject_wall)i;
		make(ret_injection, container->state.ports != NULL);
	}
}

bool injection_join(const struct container *net, const struct oci_spec *oci,
		    struct injection *ret_injection)
{
	ret_injection->on = false;
	if (has(oci, CAP_NET_ADMIN))
		return net->state.injection != NULL;
	if (oci->linux_.seccomp)
		injection_from_record(net, ret_injection);
	return false;
}

int injection_stop(const struct engine *engine, const struct container *net)
{
	auto_close int control = -1;
	int r = attach_connect(engine->run_fd, net->id, &control, NULL);

	return r < 0 ? r : attach_stop_injection(control);
}

int injection_pass(const struct engine *engine, const char *id, const struct injection *injection,
		   int listener)
{
	auto_close int control = -1;
	int r = attach_connect(engine->run_fd, id, &control, NULL);

	return r < 0 ? r : attach_pass_listener(control, listener, (int)injection->wall);
}
