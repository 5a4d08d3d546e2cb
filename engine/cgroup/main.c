/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bryo-scope: asks systemd for a transient scope around one process, with Delegate=yes, and waits
 * until the process is in it (org.freedesktop.systemd1(5), StartTransientUnit). A program of its
 * own because libsystemd is needed nowhere else; the engine executes it in parallel with other
 * work.
 *
 *     bryo-scope root|UID CONTAINER-ID PID SLICE|""
 *
 * It has the caller's ids, perhaps inside the caller's user namespace. It prints nothing: a failure
 * is sent as one struct err through standard output, success is a closed pipe and status 0. It must
 * not outlive its answer.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/str.h"

#define MANAGER                                                                                    \
	"org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"
#define PATIENCE_USEC (25 * 1000000ULL)

static void bus_free(sd_bus **bus)
{
	(void)sd_bus_flush_close_unref(*bus);
}

static void message_free(sd_bus_message **message)
{
	(void)sd_bus_message_unref(*message);
}

struct wait {
	char job[128];	    /* "" until StartTransientUnit has answered */
	char early[8][128]; /* jobs that were done before we knew ours */
	char early_result[8][32];
	unsigned int early_count;
	bool done;
	char result[32];
};

/* JobRemoved(u id, o job, s unit, s result). */
static int on_job_removed(sd_bus_message *message, void *data, sd_bus_error *error)
{
	struct wait *wait = data;
	const char *job = NULL;
	const char *unit = NULL;
	const char *result = NULL;
	unsigned int id = 0;

	(void)error;
	if (sd_bus_message_read(message, "uoss", &id, &job, &unit, &result) < 0)
		return 0;
	if (wait->job[0] == '\0') {
		unsigned int i = wait->early_count++ % 8;

		(void)snprintf(wait->early[i], sizeof(wait->early[i]), "%s", job);
		(void)snprintf(wait->early_result[i], sizeof(wait->early_result[i]), "%s", result);
	} else if (str_eq(job, wait->job)) {
		wait->done = true;
		(void)snprintf(wait->result, sizeof(wait->result), "%s", result);
	}
	return 0;
}

/*
 * The manager's own socket, as systemctl uses it (one round trip less, and no D-Bus daemon is
 * needed), else the bus. uid is NULL for the machine's manager.
 */
static int connect_bus(const char *uid, sd_bus **ret_bus)
{
	const char *const places[] = {
		uid ? "unix:path=/run/user/%s/systemd/private" : "unix:path=/run/systemd/private",
		uid ? "unix:path=/run/user/%s/bus" : "unix:path=/run/dbus/system_bus_socket"
	};
	int r = -ENOENT;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		__attribute__((cleanup(bus_free))) sd_bus *bus = NULL;
		auto_free char *address = NULL;
		const char *hole = strchr(places[i], '%');

		address = hole ? xasprintf("%.*s%s%s", (int)(hole - places[i]), places[i], uid,
					   hole + 2)
			       : xstrdup(places[i]);
		r = sd_bus_new(&bus);
		if (r >= 0)
			r = sd_bus_set_address(bus, address);
		if (r >= 0 && i == 1)
			r = sd_bus_set_bus_client(bus, 1);
		if (r >= 0)
			r = sd_bus_start(bus);
		/* The first call would tell only much later that the socket does not serve us. */
		while (r >= 0 && (r = sd_bus_is_ready(bus)) == 0) {
			r = sd_bus_process(bus, NULL);
			if (r == 0)
				r = sd_bus_wait(bus, PATIENCE_USEC);
		}
		if (r >= 0) {
			*ret_bus = take(bus);
			return 0;
		}
	}
	return r;
}

static int append_properties(sd_bus_message *m, const char *id, unsigned int pid, const char *slice)
{
	auto_free char *description = xasprintf("bryo container %.12s", id);
	int r = sd_bus_message_open_container(m, 'a', "(sv)");

	if (r >= 0)
		r = sd_bus_message_append(m, "(sv)", "Description", "s", description);
	if (r >= 0)
		r = sd_bus_message_append(m, "(sv)", "PIDs", "au", 1, pid);
	if (r >= 0)
		r = sd_bus_message_append(m, "(sv)", "Delegate", "b", 1);
	/* A scope whose processes failed must not stay to be reset by hand. */
	if (r >= 0)
		r = sd_bus_message_append(m, "(sv)", "CollectMode", "s", "inactive-or-failed");
	if (r >= 0)
		r = sd_bus_message_append(m, "(sv)", "DefaultDependencies", "b", 0);
	if (r >= 0 && slice[0])
		r = sd_bus_message_append(m, "(sv)", "Slice", "s", slice);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

static int start_scope(sd_bus *bus, struct wait *wait, sd_bus_message *request, struct err *err)
{
	__attribute__((cleanup(message_free))) sd_bus_message *reply = NULL;
	sd_bus_error error = SD_BUS_ERROR_NULL;
	const char *job = NULL;
	int r = sd_bus_call(bus, request, PATIENCE_USEC, &error, &reply);

	if (r < 0)
		(void)err_say(err, ERR_FAILED, "systemd refuses a scope for the container: %s",
			      error.message ? error.message : strerror(-r));
	sd_bus_error_free(&error);
	if (r >= 0)
		r = sd_bus_message_read(reply, "o", &job);
	if (r < 0)
		return err->code ? err->code : err_set(err, r, "cannot read systemd's answer");
	(void)snprintf(wait->job, sizeof(wait->job), "%s", job);
	for (unsigned int i = 0; i < wait->early_count && i < 8; i++)
		if (str_eq(wait->early[i], wait->job)) {
			wait->done = true;
			(void)snprintf(wait->result, sizeof(wait->result), "%s",
				       wait->early_result[i]);
		}
	return 0;
}

static int run(const char *uid, const char *id, unsigned int pid, const char *slice,
	       struct err *err)
{
	__attribute__((cleanup(bus_free))) sd_bus *bus = NULL;
	__attribute__((cleanup(message_free))) sd_bus_message *m = NULL;
	auto_free char *unit = xasprintf("bryo-%s.scope", id);
	struct wait wait = { 0 };
	int r = connect_bus(uid, &bus);

	if (r < 0)
		return err_set(err, r, "cannot reach %s", uid ? "the user's systemd" : "systemd");
	r = sd_bus_match_signal_async(bus, NULL, NULL, "/org/freedesktop/systemd1",
				      "org.freedesktop.systemd1.Manager", "JobRemoved",
				      on_job_removed, NULL, &wait);
	/* On a bus the manager sends signals only to those who asked for them. */
	if (r >= 0)
		r = sd_bus_call_method_async(bus, NULL, MANAGER, "Subscribe", NULL, NULL, NULL);
	if (r >= 0)
		r = sd_bus_message_new_method_call(bus, &m, MANAGER, "StartTransientUnit");
	if (r >= 0)
		r = sd_bus_message_append(m, "ss", unit, "fail");
	if (r >= 0)
		r = append_properties(m, id, pid, slice);
	if (r >= 0)
		r = sd_bus_message_append(m, "a(sa(sv))", 0);
	if (r < 0)
		return err_set(err, r, "cannot ask systemd for a scope");
	r = start_scope(bus, &wait, m, err);
	while (r >= 0 && !wait.done) {
		r = sd_bus_process(bus, NULL);
		if (r == 0 && !wait.done)
			r = sd_bus_wait(bus, PATIENCE_USEC);
		if (r < 0)
			return err_set(err, r, "cannot wait for systemd");
	}
	if (r < 0)
		return r;
	if (!str_eq(wait.result, "done"))
		return err_say(err, ERR_FAILED, "systemd's scope for the container: %s",
			       wait.result);
	return 0;
}

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;
	uint32_t pid = 0;
	uint32_t uid = 0;

	if (argc != 5 || str_to_u32(argv[3], &pid) < 0 ||
	    (strcmp(argv[1], "root") != 0 && str_to_u32(argv[1], &uid) < 0)) {
		(void)err_say(&err, ERR_USAGE, "bryo-scope is executed by bryo, not by hand");
		err_send(STDOUT_FILENO, &err);
		return 2;
	}
	if (run(strcmp(argv[1], "root") == 0 ? NULL : argv[1], argv[2], pid, argv[4], &err) < 0) {
		err_send(STDOUT_FILENO, &err);
		return 1;
	}
	return 0;
}
