/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of the monitor: see control.h. Runs in bryo-net's sandbox; allocates nothing. */
#include "netns/net/control.h"

#include <errno.h>
#include <sys/socket.h>

#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "netns/net-message.h"

/* A monitor that does not read its answers has a full socket: it will hear nothing more. */
static bool answer(int fd, const struct err *err)
{
	return send(fd, err, sizeof(*err), MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof(*err);
}

static bool take_reload(int fd, const struct control *control)
{
	struct err err = ERR_INIT;

	if (control->reload(control->data, &err) == 0)
		err = ERR_INIT;
	return answer(fd, &err);
}

bool control_take(int fd, const struct control *control)
{
	uint8_t message[2] = { 0 };
	auto_close int passed = -1;
	size_t count = 1;
	size_t size = 0;
	const ssize_t waiting = recv(fd, message, 1, MSG_PEEK | MSG_DONTWAIT);

	if (waiting < 0)
		return errno == EAGAIN || errno == EINTR;
	if (waiting == 0 || fd_recv(fd, message, sizeof(message), &size, &passed, &count) < 0)
		return false;
	if (count == 0)
		passed = -1;
	switch (message[0]) {
	case NET_MESSAGE_RELOAD:
		return size == 1 && take_reload(fd, control);
	case NET_MESSAGE_LISTENER:
		if (size != 2 || passed < 0)
			return false;
		control->listener(control->data, passed, (enum inject_wall)message[1]);
		return true;
	case NET_MESSAGE_UNINJECT:
		control->uninject(control->data);
		return true;
	default:
		return false;
	}
}
