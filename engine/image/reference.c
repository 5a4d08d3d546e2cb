/* SPDX-License-Identifier: Apache-2.0 */
/* Image references as text: see reference.h. Runs in every process; must never touch a file. */
#include "engine/image/reference.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/str.h"

void reference_done(struct reference *ref)
{
	free(ref->domain);
	free(ref->path);
	free(ref->tag);
	free(ref->digest);
	*ref = REFERENCE_INIT;
}

void reference_copy(const struct reference *ref, struct reference *ret_ref)
{
	*ret_ref = (struct reference){
		.domain = xstrdup(ref->domain),
		.path = xstrdup(ref->path),
		.tag = xstrdup(ref->tag),
		.digest = xstrdup(ref->digest),
	};
}

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_low_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool reference_is_tag(const char *text)
{
	size_t n = strlen(text);

	if (n == 0 || n > REFERENCE_TAG_MAX || !(is_alnum(text[0]) || text[0] == '_'))
		return false;
	for (size_t i = 1; i < n; i++)
		if (!is_alnum(text[i]) && text[i] != '_' && text[i] != '.' && text[i] != '-')
			return false;
	return true;
}

bool reference_is_digest(const char *text)
{
	const char *hex = str_after(text, "sha256:");

	return hex && str_is_hex(hex, 64);
}

/* One path component: [a-z0-9]+ joined by ".", "_", "__" or any number of "-". */
static bool is_path_component(const char *s, size_t n)
{
	size_t i = 0;

	for (;;) {
		size_t start = i;
		size_t sep = 0;

		while (i < n && is_low_alnum(s[i]))
			i++;
		if (i == start)
			return false;
		if (i == n)
			return true;
		sep = i;
		while (i < n && s[i] == s[sep] && !is_low_alnum(s[i]))
			i++;
		if (s[sep] == '-')
			continue;
		if (!(s[sep] == '.' && i - sep == 1) && !(s[sep] == '_' && i - sep <= 2))
			return false;
	}
}

static bool is_path(const char *s)
{
	for (;;) {
		size_t n = strcspn(s, "/");

		if (!is_path_component(s, n))
			return false;
		if (s[n] == '\0')
			return true;
		s += n + 1;
	}
}

/* Host name labels joined by ".", or "[IPv6]"; then ":PORT" perhaps. */
static bool is_domain(const char *s)
{
	if (*s == '[') {
		size_t n = strspn(s + 1, "0123456789abcdefABCDEF:");

		if (n == 0 || s[1 + n] != ']')
			return false;
		s += n + 2;
	} else {
		for (;;) {
			size_t n = 0;

			while (is_alnum(s[n]) || (s[n] == '-' && n > 0))
				n++;
			if (n == 0 || s[n - 1] == '-')
				return false;
			s += n;
			if (*s != '.')
				break;
			s++;
		}
	}
	if (*s == ':') {
		size_t n = strspn(s + 1, "0123456789");

		if (n == 0)
			return false;
		s += 1 + n;
	}
	return *s == '\0';
}

/* Any algorithm of the grammar; which of them we can check is decided where it is used. */
static bool is_digest(const char *s)
{
	const char *colon = strchr(s, ':');

	if (!colon || !isalpha((unsigned char)s[0]) || !is_alnum(colon[-1]))
		return false;
	for (const char *p = s; p < colon; p++)
		if (!is_alnum(*p) && !strchr("+.-_", *p))
			return false;
	return strlen(colon + 1) >= 32 &&
	       colon[1 + strspn(colon + 1, "0123456789abcdefABCDEF")] == '\0';
}

/* Is the part before the first slash a registry? Docker's rule: a dot, a colon, or localhost. */
static bool names_a_domain(const char *s, size_t n)
{
	if (n == strlen("localhost") && strncmp(s, "localhost", n) == 0)
		return true;
	for (size_t i = 0; i < n; i++)
		if (s[i] == '.' || s[i] == ':' || (s[i] >= 'A' && s[i] <= 'Z'))
			return true;
	return false;
}

static int refuse(const char *text, struct err *err)
{
	return err_say(err, ERR_USAGE, "parsing reference \"%.200s\": invalid reference format",
		       text);
}

/* Cuts "@DIGEST" and ":TAG" off work and keeps them in ref. */
static int cut_tail(char *work, struct reference *ref)
{
	char *at = strchr(work, '@');
	char *colon = NULL;

	if (at) {
		*at = '\0';
		if (!is_digest(at + 1))
			return -1;
		ref->digest = xstrdup(at + 1);
	}
	colon = strrchr(work, ':');
	if (colon && !strchr(colon, '/')) {
		*colon = '\0';
		if (!reference_is_tag(colon + 1))
			return -1;
		ref->tag = xstrdup(colon + 1);
	}
	return 0;
}

static void add_library(struct reference *ref)
{
	if (str_eq(ref->domain, "docker.io") && !strchr(ref->path, '/')) {
		char *path = xasprintf("library/%s", ref->path);

		free(ref->path);
		ref->path = path;
	}
}

static bool has_upper(const char *s)
{
	for (; *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			return true;
	return false;
}

int reference_parse(const char *text, struct reference *ret_ref, struct err *err)
{
	struct reference ref auto_done(reference) = REFERENCE_INIT;
	auto_free char *work = NULL;
	const char *path = NULL;
	size_t first = 0;

	if (strlen(text) > REFERENCE_TEXT_MAX)
		return err_say(err, ERR_USAGE,
			       "parsing reference \"%.40s...\": invalid reference format: longer "
			       "than %d bytes",
			       text, REFERENCE_TEXT_MAX);
	work = xstrdup(text);
	if (cut_tail(work, &ref) < 0)
		return refuse(text, err);
	path = work;
	first = strcspn(work, "/");
	if (work[first] == '/' && names_a_domain(work, first)) {
		work[first] = '\0';
		path = work + first + 1;
		if (!is_domain(work))
			return refuse(text, err);
		ref.domain = xstrdup(str_eq(work, "index.docker.io") ? "docker.io" : work);
	}
	if (has_upper(path))
		return err_say(err, ERR_USAGE,
			       "parsing reference \"%.200s\": invalid reference format: repository "
			       "name must be lowercase",
			       text);
	if (!is_path(path))
		return refuse(text, err);
	if (!ref.domain && str_is_hex(path, 64))
		return err_say(err, ERR_USAGE,
			       "invalid repository name (%.64s), cannot specify 64-byte "
			       "hexadecimal strings",
			       path);
	if ((ref.domain ? strlen(ref.domain) + 1 : 0) + strlen(path) > REFERENCE_NAME_MAX)
		return err_say(err, ERR_USAGE,
			       "parsing reference \"%.40s...\": repository name must not be more "
			       "than %d characters",
			       text, REFERENCE_NAME_MAX);
	ref.path = xstrdup(path);
	add_library(&ref);
	*ret_ref = ref;
	ref = REFERENCE_INIT;
	return 0;
}

void reference_normalize(struct reference *ref)
{
	if (ref->domain)
		return;
	ref->domain = xstrdup("docker.io");
	add_library(ref);
}

void reference_set_domain(struct reference *ref, const char *domain)
{
	const char *slash = strchr(domain, '/');

	free(ref->domain);
	if (slash) {
		char *path = xasprintf("%s/%s", slash + 1, ref->path);

		free(ref->path);
		ref->path = path;
		ref->domain = xstrndup(domain, (size_t)(slash - domain));
	} else {
		ref->domain = xstrdup(domain);
	}
	add_library(ref);
}

void reference_add_latest(struct reference *ref)
{
	if (!ref->tag && !ref->digest)
		ref->tag = xstrdup("latest");
}

char *reference_name(const struct reference *ref)
{
	return ref->domain ? xasprintf("%s/%s", ref->domain, ref->path) : xstrdup(ref->path);
}

char *reference_text(const struct reference *ref)
{
	auto_free char *name = reference_name(ref);

	return xasprintf("%s%s%s%s%s", name, ref->tag ? ":" : "", str_or(ref->tag, ""),
			 ref->digest ? "@" : "", str_or(ref->digest, ""));
}
