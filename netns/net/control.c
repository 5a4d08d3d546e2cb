/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of the monitor: see control.h. Runs in bryo-net's sandbox; allocates nothing. */
#include "netns/net/control.h"

#include <errno.h>
#include <sys/socket.h>

#include "engine/base/err.h"
#include "netns/net-message.h"

/* A monitor that does not read its answers has a full socket: it will hear nothing more. */
static bool answer(int fd, const struct err *err)
{
	return send(fd, err, sizeof(*err), MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof(*err);
}

bool control_take(int fd, const struct control *control)
{
	struct err err = ERR_INIT;
	char message[2] = { 0 };
	const ssize_t n = recv(fd, message, sizeof(message), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n != 1 || message[0] != NET_MESSAGE_RELOAD)
		return false;
	if (control->reload(control->data, &err) == 0)
		err = ERR_INIT;
	return answer(fd, &err);
}
