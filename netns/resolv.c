/* SPDX-License-Identifier: Apache-2.0 */
/* resolv.conf(5): see resolv.h. Runs in the command and in bryo-net; parsing touches no heap. */
#include "netns/resolv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/file.h"
#include "engine/base/str.h"

static const char blanks[] = " \t\r\f\v";

/* Takes the next word from *text (of *size bytes); its length, 0 at the end of the line. */
static size_t next_word(const char **text, size_t *size, const char **ret_word)
{
	size_t length = 0;

	while (*size > 0 && memchr(blanks, **text, sizeof(blanks) - 1)) {
		(*text)++;
		(*size)--;
	}
	*ret_word = *text;
	while (length < *size && !memchr(blanks, (*text)[length], sizeof(blanks) - 1))
		length++;
	*text += length;
	*size -= length;
	return length;
}

/* Adds a word behind those that are there; one that does not fit is left out whole. */
static void add_word(char *out, size_t out_size, const char *word, size_t length)
{
	const size_t used = strlen(out);
	const size_t blank = used > 0;

	if (length + blank >= out_size - used)
		return;
	if (blank)
		out[used] = ' ';
	memcpy(out + used + blank, word, length);
	out[used + blank + length] = '\0';
}

static bool is_address(const char *text)
{
	struct in6_addr address;
	char copy[64];
	char *zone = NULL;

	(void)memcpy(copy, text, strlen(text) + 1);
	zone = strchr(copy, '%');
	if (zone)
		*zone = '\0';
	return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, copy, &address) == 1;
}

static void add_server(struct resolv *resolv, const char *word, size_t length)
{
	char *server = NULL;

	if (resolv->server_count >= RESOLV_MAX_SERVERS || length >= sizeof(resolv->servers[0]))
		return;
	server = resolv->servers[resolv->server_count];
	memcpy(server, word, length);
	server[length] = '\0';
	if (is_address(server))
		resolv->server_count++;
	else
		server[0] = '\0';
}

static bool word_is(const char *word, size_t length, const char *name)
{
	return length == strlen(name) && memcmp(word, name, length) == 0;
}

static void parse_line(const char *line, size_t size, struct resolv *resolv)
{
	const char *key = NULL;
	const char *word = NULL;
	const size_t key_length = next_word(&line, &size, &key);
	size_t length = 0;

	/* Both characters begin a comment, but only at the start of a line (resolv.conf(5)). */
	if (key_length == 0 || key[0] == '#' || key[0] == ';')
		return;
	if (word_is(key, key_length, "nameserver")) {
		length = next_word(&line, &size, &word);
		add_server(resolv, word, length);
	} else if (word_is(key, key_length, "search") || word_is(key, key_length, "domain")) {
		resolv->search[0] = '\0';
		while ((length = next_word(&line, &size, &word)) > 0)
			add_word(resolv->search, sizeof(resolv->search), word, length);
	} else if (word_is(key, key_length, "options")) {
		while ((length = next_word(&line, &size, &word)) > 0)
			add_word(resolv->options, sizeof(resolv->options), word, length);
	}
}

void resolv_parse(const char *data, size_t size, struct resolv *ret_resolv)
{
	*ret_resolv = (struct resolv){ 0 };
	while (size > 0) {
		const char *newline = memchr(data, '\n', size);
		const size_t length = newline ? (size_t)(newline - data) : size;

		/* A line with a NUL in it would end early in every C reader: skip it. */
		if (!memchr(data, '\0', length))
			parse_line(data, length, ret_resolv);
		data += length + (newline != NULL);
		size -= length + (newline != NULL);
	}
}

bool resolv_is_loopback(const char *server)
{
	struct in6_addr six;
	struct in_addr four;

	if (inet_pton(AF_INET, server, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127 || four.s_addr == INADDR_ANY;
	if (inet_pton(AF_INET6, server, &six) != 1)
		return false;
	return IN6_IS_ADDR_LOOPBACK(&six) || IN6_IS_ADDR_UNSPECIFIED(&six) ||
	       (IN6_IS_ADDR_V4MAPPED(&six) && six.s6_addr[12] == 127);
}

static int read_file(const char *path, struct resolv *ret_resolv)
{
	auto_free char *text = NULL;
	size_t size = 0;
	int r = file_read_at(AT_FDCWD, path, RESOLV_MAX_FILE, &text, &size);

	if (r == 0)
		resolv_parse(text, size, ret_resolv);
	return r;
}

int resolv_read_host(bool behind_stub, struct resolv *ret_resolv)
{
	struct resolv own = { 0 };
	struct resolv real = { 0 };
	int r = read_file("/etc/resolv.conf", &own);

	if (r < 0 && r != -ENOENT)
		return r;
	*ret_resolv = own;
	if (!behind_stub || own.server_count == 0)
		return 0;
	for (size_t i = 0; i < own.server_count; i++)
		if (!resolv_is_loopback(own.servers[i]))
			return 0;
	if (read_file("/run/systemd/resolve/resolv.conf", &real) == 0 && real.server_count > 0)
		*ret_resolv = real;
	return 0;
}
