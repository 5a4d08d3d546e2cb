/* SPDX-License-Identifier: Apache-2.0 */
/* Signals by name and number, signal(7), as `kill` and --stop-signal take them. Pure. */
#include "engine/spec/spec.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <strings.h>

#include "engine/base/alloc.h"

static const struct {
	const char *name;
	int number;
} signals[] = {
	{ "ABRT", SIGABRT }, { "ALRM", SIGALRM }, { "BUS", SIGBUS },	   { "CHLD", SIGCHLD },
	{ "CLD", SIGCHLD },  { "CONT", SIGCONT }, { "FPE", SIGFPE },	   { "HUP", SIGHUP },
	{ "ILL", SIGILL },   { "INT", SIGINT },	  { "IO", SIGIO },	   { "IOT", SIGIOT },
	{ "KILL", SIGKILL }, { "PIPE", SIGPIPE }, { "POLL", SIGPOLL },	   { "PROF", SIGPROF },
	{ "PWR", SIGPWR },   { "QUIT", SIGQUIT }, { "SEGV", SIGSEGV },	   { "STKFLT", SIGSTKFLT },
	{ "STOP", SIGSTOP }, { "SYS", SIGSYS },	  { "TERM", SIGTERM },	   { "TRAP", SIGTRAP },
	{ "TSTP", SIGTSTP }, { "TTIN", SIGTTIN }, { "TTOU", SIGTTOU },	   { "URG", SIGURG },
	{ "USR1", SIGUSR1 }, { "USR2", SIGUSR2 }, { "VTALRM", SIGVTALRM }, { "WINCH", SIGWINCH },
	{ "XCPU", SIGXCPU }, { "XFSZ", SIGXFSZ },
};

/* Real-time signals count from the kernel's 34 in the container, whatever libc reserves here. */
static int parse_real_time(const char *name)
{
	enum { FIRST = 34, LAST = 64 };
	uint32_t n = 0;

	if (strcasecmp(name, "RTMIN") == 0)
		return FIRST;
	if (strcasecmp(name, "RTMAX") == 0)
		return LAST;
	if (strncasecmp(name, "RTMIN+", 6) == 0 && str_to_u32(name + 6, &n) == 0 &&
	    n <= LAST - FIRST)
		return FIRST + (int)n;
	if (strncasecmp(name, "RTMAX-", 6) == 0 && str_to_u32(name + 6, &n) == 0 &&
	    n <= LAST - FIRST)
		return LAST - (int)n;
	return -EINVAL;
}

int spec_signal_parse(const char *text)
{
	uint32_t number = 0;

	if (str_to_u32(text, &number) == 0)
		return number >= 1 && number <= 64 ? (int)number : -EINVAL;
	if (strncasecmp(text, "SIG", 3) == 0)
		text += 3;
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		if (strcasecmp(signals[i].name, text) == 0)
			return signals[i].number;
	return parse_real_time(text);
}
