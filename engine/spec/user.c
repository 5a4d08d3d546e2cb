/* SPDX-License-Identifier: Apache-2.0 */
/* Users of a container: see user.h. Parses foreign text, allocates in proportion to it. */
#include "engine/spec/user.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"

void spec_user_done(struct spec_user *user)
{
	free(user->gids);
	free(user->home);
	free(user->name);
	*user = SPEC_USER_INIT;
}

/* One line cut into its fields; the parts point into the caller's copy. */
struct line {
	char *fields[8];
	size_t count;
};

static struct line cut(char *text)
{
	struct line line = { 0 };
	char *p = text;

	while (p && line.count < ARRAY_SIZE(line.fields)) {
		char *colon = strchr(p, ':');

		line.fields[line.count++] = p;
		if (colon)
			*colon++ = '\0';
		p = colon;
	}
	return line;
}

/* Calls match() on each line until it says true; the line's copy is then in ret_copy. */
static bool find_line(const char *text, bool (*match)(const struct line *, const void *),
		      const void *what, char **ret_copy, struct line *ret_line)
{
	while (text && *text) {
		size_t n = strcspn(text, "\n");
		auto_free char *copy = xstrndup(text, n);
		struct line line = cut(copy);

		if (match(&line, what)) {
			*ret_line = line;
			*ret_copy = take(copy);
			return true;
		}
		text += n + (text[n] == '\n');
	}
	return false;
}

/* passwd: name:password:uid:gid:comment:home:shell; group: name:password:gid:members */
static bool has_name(const struct line *line, const void *what)
{
	uint32_t id = 0;

	return line->count >= 3 && str_eq(line->fields[0], what) &&
	       str_to_u32(line->fields[2], &id) == 0;
}

static bool has_id(const struct line *line, const void *what)
{
	uint32_t id = 0;

	return line->count >= 3 && str_to_u32(line->fields[2], &id) == 0 &&
	       id == *(const uint32_t *)what;
}

static void add_gid(struct spec_user *user, uint32_t gid)
{
	for (size_t i = 0; i < user->gid_count; i++)
		if (user->gids[i] == gid)
			return;
	if (user->gid_count == SPEC_USER_GROUPS_MAX)
		return;
	xgrow(user->gids, user->gid_count, user->gid_capacity);
	user->gids[user->gid_count++] = gid;
}

bool spec_group_listed(const char *group, uint32_t gid)
{
	auto_free char *copy = NULL;
	struct line line = { 0 };

	return find_line(group, has_id, &gid, &copy, &line);
}

static bool lists_member(const char *members, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = members; p && *p; p += strcspn(p, ",")) {
		p += *p == ',';
		if (strncmp(p, name, n) == 0 && (p[n] == ',' || p[n] == '\0'))
			return true;
	}
	return false;
}

static void add_memberships(struct spec_user *user, const char *group)
{
	while (group && *group) {
		size_t n = strcspn(group, "\n");
		auto_free char *copy = xstrndup(group, n);
		struct line line = cut(copy);
		uint32_t gid = 0;

		if (line.count >= 4 && str_to_u32(line.fields[2], &gid) == 0 &&
		    lists_member(line.fields[3], user->name))
			add_gid(user, gid);
		group += n + (group[n] == '\n');
	}
}

/* What the runtime spec and the kernel's maps leave for ids; Podman's words. */
#define ID_MAX INT32_MAX

static bool is_number(const char *text)
{
	return *text && text[strspn(text, "0123456789")] == '\0';
}

static int refuse_range(struct err *err)
{
	return err_say(err, ERR_CANNOT_EXEC, "uids and gids must be in range 0-%d", ID_MAX);
}

static int find_user(const char *who, const char *passwd, struct spec_user *user, struct err *err)
{
	auto_free char *copy = NULL;
	struct line line = { 0 };
	uint32_t uid = 0;
	bool numeric = str_to_u32(who, &uid) == 0;
	bool found = find_line(passwd, has_name, who, &copy, &line);

	if (!found && numeric)
		found = find_line(passwd, has_id, &uid, &copy, &line);
	if (!found && is_number(who) && (!numeric || uid > ID_MAX))
		return refuse_range(err);
	if (!found && !numeric)
		return err_say(err, ERR_CANNOT_EXEC,
			       "unable to find user %s: no matching entries in passwd file", who);
	user->uid = uid;
	if (!found)
		return 0;
	user->listed = true;
	user->name = xstrdup(line.fields[0]);
	(void)str_to_u32(line.fields[2], &user->uid); /* checked by the match */
	if (line.count > 3)
		(void)str_to_u32(line.fields[3], &user->gid); /* a broken one leaves group 0 */
	if (line.count > 5 && line.fields[5][0] == '/')
		user->home = xstrdup(line.fields[5]);
	return 0;
}

static int find_group(const char *who, const char *group, uint32_t *ret_gid, struct err *err)
{
	auto_free char *copy = NULL;
	struct line line = { 0 };

	if (find_line(group, has_name, who, &copy, &line))
		return str_to_u32(line.fields[2], ret_gid);
	if (str_to_u32(who, ret_gid) == 0 && *ret_gid <= ID_MAX)
		return 0;
	if (is_number(who))
		return refuse_range(err);
	return err_say(err, ERR_CANNOT_EXEC,
		       "unable to find group %s: no matching entries in group file", who);
}

int spec_user_resolve(const char *who, const struct strv *groups, const char *passwd,
		      const char *group, struct spec_user *ret_user, struct err *err)
{
	struct spec_user user auto_done(spec_user) = SPEC_USER_INIT;
	auto_free char *name = xstrdup(str_or(who, ""));
	char *colon = strchr(name, ':');
	uint32_t gid = 0;
	int r = 0;

	if (colon)
		*colon++ = '\0';
	r = find_user(*name ? name : "0", passwd, &user, err);
	if (r == 0 && !str_empty(colon))
		r = find_group(colon, group, &user.gid, err);
	else if (r == 0 && user.name)
		add_memberships(&user, group);
	for (size_t i = 0; groups && i < groups->count && r == 0; i++) {
		if (str_eq(groups->v[i], "keep-groups"))
			continue;
		r = find_group(groups->v[i], group, &gid, err);
		if (r == 0)
			add_gid(&user, gid);
	}
	if (r < 0)
		return r;
	/* As login programs do: what a group may not is asked of all groups alike. */
	if (user.uid != 0)
		add_gid(&user, user.gid);
	if (!user.home)
		user.home = xstrdup("/");
	*ret_user = user;
	user = SPEC_USER_INIT;
	return 0;
}
