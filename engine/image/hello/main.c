/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bryo-hello: the one program of the image that is built into bryo. It runs as a container's
 * first process and tells what was set up around it, all read from inside. Static, includes
 * nothing of ours: it stands in an empty root file system. A test compares its lines with what
 * was planned, so they are "name: value" and keep their words.
 */
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define LINE 4096

/* The first len bytes of a file, or nothing. */
static size_t read_file(const char *path, char *text, size_t size)
{
	FILE *f = fopen(path, "re");
	size_t n = 0;

	if (f) {
		n = fread(text, 1, size - 1, f);
		fclose(f);
	}
	text[n] = '\0';
	return n;
}

/* uid_map's lines, "inside outside count", as "0=1000 1-65536=100000-165535". */
static void tell_ids(const char *label, const char *path)
{
	char text[LINE];
	const char *p = text;
	unsigned long inside = 0;
	unsigned long outside = 0;
	unsigned long count = 0;
	int used = 0;

	(void)read_file(path, text, sizeof(text));
	printf("%s:", label);
	while (sscanf(p, "%lu %lu %lu%n", &inside, &outside, &count, &used) == 3) {
		if (count == 1)
			printf(" %lu=%lu", inside, outside);
		else
			printf(" %lu-%lu=%lu-%lu", inside, inside + count - 1, outside,
			       outside + count - 1);
		p += used;
	}
	printf("\n");
}

/* The file system type and options of the mount at point: mountinfo's fields behind " - ". */
static void tell_root(void)
{
	char *text = malloc(65536);
	char *save = NULL;
	int mounts = 0;

	if (!text)
		return;
	(void)read_file("/proc/self/mountinfo", text, 65536);
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char point[LINE];
		char type[64];
		const char *dash = strstr(line, " - ");

		mounts++;
		if (!dash || sscanf(line, "%*s %*s %*s %*s %4095s", point) != 1 ||
		    strcmp(point, "/") != 0)
			continue;
		if (sscanf(dash, " - %63s", type) == 1)
			printf("root file system: %s%s\n", type,
			       strstr(dash, "userxattr") ? ", mounted in the user namespace" : "");
	}
	printf("mounts: %d\n", mounts);
	free(text);
}

static void tell_network(void)
{
	struct if_nameindex *links = if_nameindex();

	printf("network:");
	for (struct if_nameindex *l = links; l && l->if_index != 0; l++)
		printf(" %s", l->if_name);
	printf("\n");
	if (links)
		if_freenameindex(links);
}

/* One field of /proc/self/status. */
static void tell_status(const char *label, const char *field)
{
	char text[LINE];
	const char *p = NULL;

	(void)read_file("/proc/self/status", text, sizeof(text));
	p = strstr(text, field);
	if (p)
		printf("%s: %.*s\n", label, (int)strcspn(p + strlen(field), "\n"),
		       p + strlen(field));
}

int main(void)
{
	struct utsname name;

	printf("Hello from bryo: a container, rootless-first, at the speed of a bare sandbox.\n\n");
	printf("process: %d, user %u, group %u\n", (int)getpid(), getuid(), getgid());
	tell_ids("user ids", "/proc/self/uid_map");
	tell_ids("group ids", "/proc/self/gid_map");
	tell_root();
	tell_network();
	if (uname(&name) == 0)
		printf("host name: %s\n", name.nodename);
	tell_status("system call filter", "Seccomp:\t");
	tell_status("capabilities", "CapEff:\t");
	return fflush(stdout) == 0 ? 0 : 1;
}
