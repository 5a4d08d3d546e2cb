/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `top`: the processes of a running container in columns, by the descriptors of podman-top(1)
 * (containers/psgo). Pids, ids and names are those inside, but for the h* columns. Runs in the
 * command.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "engine/base/alloc.h"
#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/time.h"
#include "engine/container/internal.h"
#include "engine/container/task.h"
#include "engine/runtime/caps.h"
#include "userns/idmap.h"

#define FILE_MAX_SIZE (4U << 20)
#define SECOND 1000000000LL

/* What all rows share. */
struct view {
	const struct engine *engine;
	const struct task *tasks;
	size_t count;
	size_t level; /* which of a task's pids is the one inside */
	bool nested;  /* ids inside differ from ours, by these maps */
	struct idmap_set maps;
	char *passwd, *group; /* the container's own; NULL: none */
	int64_t boottime;     /* now, nanoseconds */
};

static void view_done(struct view *view)
{
	tasks_free((struct task *)view->tasks, view->count);
	free(view->passwd);
	free(view->group);
}

/* ---- Text ---- */

/* What a process calls itself goes to a terminal, and tabs part our columns. */
static void add_clean(struct buf *out, const char *text)
{
	for (; *text; text++)
		(void)buf_addc(out, iscntrl((unsigned char)*text) ? '?' : *text);
}

/* The name that stands with id in the third field of passwd(5) or group(5) text. */
static void add_name(struct buf *out, const char *text, uint32_t id)
{
	const char *line = str_or(text, "");

	while (*line) {
		const char *end = line + strcspn(line, "\n");
		auto_free char *copy = xstrndup(line, (size_t)(end - line));
		char *rest = copy;
		const char *name = strsep(&rest, ":");
		uint32_t number = 0;

		(void)strsep(&rest, ":");
		if (rest && *name && str_to_u32(strsep(&rest, ":"), &number) == 0 && number == id) {
			add_clean(out, name);
			return;
		}
		line = *end ? end + 1 : end;
	}
	(void)buf_addf(out, "%u", id);
}

static uint32_t inside(const struct view *v, const struct idmap *map, uint32_t id)
{
	return v->nested ? idmap_to_inside(map, id) : id;
}

static void add_user(const struct view *v, uint32_t id, struct buf *out)
{
	add_name(out, v->passwd, inside(v, &v->maps.uid, id));
}

static void add_group(const struct view *v, uint32_t id, struct buf *out)
{
	add_name(out, v->group, inside(v, &v->maps.gid, id));
}

/* The host's number for one of ours. */
static void add_host_id(const struct view *v, const struct idmap *map, uint32_t id, struct buf *out)
{
	(void)buf_addf(out, "%u", v->engine->rootless ? idmap_to_outside(map, id) : id);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_caps(struct buf *out, uint64_t mask)
{
	struct strv names auto_done(strv) = STRV_INIT;
	auto_free char *joined = NULL;

	if (mask == 0 || mask == caps_kernel()) {
		(void)buf_add_str(out, mask ? "full" : "none");
		return;
	}
	for (unsigned int cap = 0; cap < 64; cap++)
		if ((mask & CAPS_BIT(cap)) && caps_name(cap))
			strv_add(&names, caps_name(cap) + strlen("CAP_"));
	if (names.count > 1)
		qsort(names.v, names.count, sizeof(*names.v), by_text);
	joined = strv_join(&names, ",");
	(void)buf_add_str(out, joined);
}

static pid_t pid_inside(const struct view *v, const struct task *t)
{
	return v->level < t->levels ? t->pids[v->level] : 0;
}

/* ---- Columns ---- */

typedef void (*column)(const struct view *v, const struct task *t, struct buf *out);

static void c_args(const struct view *v, const struct task *t, struct buf *out)
{
	(void)v;
	if (*t->args) {
		add_clean(out, t->args);
		return;
	}
	/* A process that has ended, or says nothing. */
	(void)buf_addc(out, '[');
	add_clean(out, t->comm);
	(void)buf_addc(out, ']');
}

static void c_comm(const struct view *v, const struct task *t, struct buf *out)
{
	(void)v;
	add_clean(out, t->comm);
}

static void c_capamb(const struct view *v, const struct task *t, struct buf *out)
{
	(void)v;
	add_caps(out, t->caps.ambient);
}

static void c_capbnd(const struct view *v, const struct task *t, struct buf *out)
{
	(void)v;
	add_caps(out, t->caps.bounding);
}

static void c_capeff(const struct view *v, const struct task *t, struct buf *out)
{
	(void)v;
	add_caps(out, t->caps.effective);
}

static void c_capinh(const struct view *v, const struct task *t, struct buf *out)
{
	(void)v;
	add_caps(out, t->caps.inheritable);
}

static void c_capprm(const struct view *v, const struct task *t, struct buf *out)
{
	(void)v;
	add_caps(out, t->caps.permitted);
}

static void c_etime(const struct view *v, const struct task *t, struct buf *out)
{
	(void)buf_add_str(out, time_duration(v->boottime - t->start_ns).text);
}

static void c_group(const struct view *v, const struct task *t, struct buf *out)
{
	add_group(v, t->gid.effective, out);
}

static void c_groups(const struct view *v, const struct task *t, struct buf *out)
{
	for (size_t i = 0; i < t->group_count; i++) {
		(void)buf_add_str(out, i ? "," : "");
		add_group(v, t->groups[i], out);
	}
}

static void c_hgroup(const struct view *v, const struct task *t, struct buf *out)
{
	add_host_id(v, &v->engine->maps.gid, t->gid.effective, out);
}

static void c_hgroups(const struct view *v, const struct task *t, struct buf *out)
{
	for (size_t i = 0; i < t->group_count; i++) {
		(void)buf_add_str(out, i ? "," : "");
		add_host_id(v, &v->engine->maps.gid, t->groups[i], out);
	}
}

static void c_hpid(const struct view *v, const struct task *t, struct buf *out)
{
	(void)v;
	(void)buf_addf(out, "%d", (int)t->pid);
}

static void c_huser(const struct view *v, const struct task *t, struct buf *out)
{
	add_host_id(v, &v->engine->maps.uid, t->uid.effective, out);
}

static void c_label(const struct view *v, const struct task *t, struct buf *out)
{
	(void)v;
	add_clean(out, *t->label ? t->label : "?");
}

static void c_nice(const struct view *v, const struct task *t, struct buf *out)
{
	(void)v;
	(void)buf_addf(out, "%lld", (long long)t->nice);
}

static void c_pcpu(const struct view *v, const struct task *t, struct buf *out)
{
	int64_t age = v->boottime - t->start_ns;

	(void)buf_addf(out, "%.3f", age > 0 ? 100.0 * (double)t->cpu_ns / (double)age : 0.0);
}

static void c_pgid(const struct view *v, const struct task *t, struct buf *out)
{
	(void)buf_addf(out, "%d", v->level < t->levels ? (int)t->pgids[v->level] : 0);
}

static void c_pid(const struct view *v, const struct task *t, struct buf *out)
{
	(void)buf_addf(out, "%d", (int)pid_inside(v, t));
}

/* A parent outside the container has no number in it. */
static void c_ppid(const struct view *v, const struct task *t, struct buf *out)
{
	pid_t parent = 0;

	for (size_t i = 0; i < v->count; i++)
		if (v->tasks[i].pid == t->parent)
			parent = pid_inside(v, &v->tasks[i]);
	(void)buf_addf(out, "%d", (int)parent);
}

static void c_rgroup(const struct view *v, const struct task *t, struct buf *out)
{
	add_group(v, t->gid.real, out);
}

static void c_rss(const struct view *v, const struct task *t, struct buf *out)
{
	(void)v;
	(void)buf_addf(out, "%llu", (unsigned long long)(t->rss / 1024));
}

static void c_ruser(const struct view *v, const struct task *t, struct buf *out)
{
	add_user(v, t->uid.real, out);
}

static void c_seccomp(const struct view *v, const struct task *t, struct buf *out)
{
	static const char *const modes[] = { "disabled", "strict", "filter" };

	(void)v;
	(void)buf_add_str(out, t->seccomp < (int64_t)ARRAY_SIZE(modes) ? modes[t->seccomp] : "?");
}

static void c_state(const struct view *v, const struct task *t, struct buf *out)
{
	(void)v;
	(void)buf_addc(out, t->state);
}

static void c_stime(const struct view *v, const struct task *t, struct buf *out)
{
	int64_t at = time_now() - (v->boottime - t->start_ns);

	(void)buf_add_str(out, time_go(at / SECOND * SECOND).text);
}

static void c_time(const struct view *v, const struct task *t, struct buf *out)
{
	(void)v;
	(void)buf_add_str(out, time_duration(t->cpu_ns / SECOND * SECOND).text);
}

/* Unix98 terminals have the majors 136 to 143 (devices.txt of the kernel). */
static void c_tty(const struct view *v, const struct task *t, struct buf *out)
{
	unsigned int number = minor(t->tty);
	unsigned int kind = major(t->tty);

	(void)v;
	if (kind >= 136 && kind <= 143)
		(void)buf_addf(out, "pts/%u", (kind - 136) * 256 + number);
	else if (kind == 4)
		(void)buf_addf(out, "tty%u", number);
	else
		(void)buf_add_str(out, "?");
}

static void c_user(const struct view *v, const struct task *t, struct buf *out)
{
	add_user(v, t->uid.effective, out);
}

static void c_vsz(const struct view *v, const struct task *t, struct buf *out)
{
	(void)v;
	(void)buf_addf(out, "%llu", (unsigned long long)(t->vsize / 1024));
}

static const struct descriptor {
	const char *name;
	const char *code; /* the AIX format descriptor for it; NULL: none */
	const char *heading;
	column print;
} descriptors[] = {
	{ "args", "%a", "COMMAND", c_args },
	{ "capamb", NULL, "AMBIENT CAPS", c_capamb },
	{ "capbnd", NULL, "BOUNDING CAPS", c_capbnd },
	{ "capeff", NULL, "EFFECTIVE CAPS", c_capeff },
	{ "capinh", NULL, "INHERITED CAPS", c_capinh },
	{ "capprm", NULL, "PERMITTED CAPS", c_capprm },
	{ "comm", "%c", "COMMAND", c_comm },
	{ "etime", "%t", "ELAPSED", c_etime },
	{ "group", "%G", "GROUP", c_group },
	{ "groups", NULL, "GROUPS", c_groups },
	{ "hgroup", NULL, "HGROUP", c_hgroup },
	{ "hgroups", NULL, "HGROUPS", c_hgroups },
	{ "hpid", NULL, "HPID", c_hpid },
	{ "huser", NULL, "HUSER", c_huser },
	{ "label", NULL, "LABEL", c_label },
	{ "nice", "%n", "NI", c_nice },
	{ "pcpu", "%C", "%CPU", c_pcpu },
	{ "pgid", "%r", "PGID", c_pgid },
	{ "pid", "%p", "PID", c_pid },
	{ "ppid", "%P", "PPID", c_ppid },
	{ "rgroup", "%g", "RGROUP", c_rgroup },
	{ "rss", NULL, "RSS", c_rss },
	{ "ruser", "%u", "RUSER", c_ruser },
	{ "seccomp", NULL, "SECCOMP", c_seccomp },
	{ "state", NULL, "STATE", c_state },
	{ "stime", NULL, "STIME", c_stime },
	{ "time", "%x", "TIME", c_time },
	{ "tty", "%y", "TTY", c_tty },
	{ "user", "%U", "USER", c_user },
	{ "vsz", "%z", "VSZ", c_vsz },
};

void container_top_descriptors(struct strv *ret_names)
{
	for (size_t i = 0; i < ARRAY_SIZE(descriptors); i++)
		strv_add(ret_names, descriptors[i].name);
}

/* ---- What is asked for ---- */

static const struct descriptor *find_descriptor(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(descriptors); i++)
		if (str_eq(descriptors[i].name, word) ||
		    (descriptors[i].code && str_eq(descriptors[i].code, word)))
			return &descriptors[i];
	return NULL;
}

/* Each argument holds one or several, with commas. */
static int parse_descriptors(const struct strv *args, struct strv *words, struct err *err)
{
	if (args->count == 0)
		strv_split(words, "user,pid,ppid,pcpu,etime,tty,time,args", ',');
	for (size_t i = 0; i < args->count; i++)
		strv_split(words, args->v[i], ',');
	for (size_t i = 0; i < words->count; i++) {
		if (find_descriptor(words->v[i]))
			continue;
		if (words->v[i][0] == '-')
			return err_say(err, ERR_UNSUPPORTED,
				       "options of ps, such as %s, are not supported yet: see "
				       "`bryo top --list-descriptors`",
				       words->v[i]);
		return err_say(err, ERR_USAGE,
			       "unknown descriptor \"%s\": see `bryo top --list-descriptors`",
			       words->v[i]);
	}
	return 0;
}

/* ---- The listing ---- */

static int read_maps(const struct container *c, struct view *view)
{
	int pid = (int)c->state.pid;
	int r = 0;

	/* In our own user namespace the file tells of the one above (user_namespaces(7)). */
	view->nested = c->spec.userns != SPEC_USERNS_SHARED;
	if (view->nested)
		r = idmap_read(pid, "uid_map", &view->maps.uid);
	return r < 0 || !view->nested ? r : idmap_read(pid, "gid_map", &view->maps.gid);
}

static int read_names(const struct container *c, struct view *view, struct err *err)
{
	auto_close int root = -1;
	int r = container_open_root(c, &root, err);

	if (r == 0)
		r = container_read_file(root, "/etc/passwd", FILE_MAX_SIZE, &view->passwd, err);
	if (r == 0)
		r = container_read_file(root, "/etc/group", FILE_MAX_SIZE, &view->group, err);
	return r;
}

static int open_view(const struct engine *engine, const struct container *c, struct view *view,
		     struct err *err)
{
	struct timespec now = { 0 };
	struct task *tasks = NULL;
	int r = tasks_of_container((pid_t)c->state.pid, &tasks, &view->count);

	view->engine = engine;
	view->tasks = tasks;
	for (size_t i = 0; i < view->count; i++)
		if (tasks[i].pid == (pid_t)c->state.pid)
			view->level = tasks[i].levels - 1;
	if (r == 0)
		r = read_maps(c, view);
	if (r < 0)
		return err_set(err, r, "cannot read the processes of container %s", c->state.name);
	(void)clock_gettime(CLOCK_BOOTTIME, &now); /* cannot fail */
	view->boottime = now.tv_sec * SECOND + now.tv_nsec;
	return read_names(c, view, err);
}

static void print_row(const struct view *view, const struct task *task, const struct strv *words,
		      struct strv *lines)
{
	struct buf line auto_done(buf) = BUF_INIT;

	for (size_t i = 0; i < words->count; i++) {
		const struct descriptor *d = find_descriptor(words->v[i]);

		(void)buf_add_str(&line, i ? "\t" : "");
		if (task)
			d->print(view, task, &line);
		else
			(void)buf_add_str(&line, d->heading);
	}
	strv_add_own(lines, buf_take(&line));
}

int container_top(struct engine *engine, const char *name, const struct strv *args,
		  struct strv *ret_lines, struct err *err)
{
	struct container c auto_done(container) = CONTAINER_INIT;
	struct view view auto_done(view) = { 0 };
	struct strv words auto_done(strv) = STRV_INIT;
	auto_close int pidfd = -1;
	int r = parse_descriptors(args, &words, err);

	if (r == 0)
		r = container_find(engine, name, &c, err);
	if (r == 0 && c.state.status != CONTAINER_RUNNING)
		r = err_say(err, ERR_STATE, "top can only be used on running containers");
	if (r == 0)
		r = container_load_spec(&c, err);
	if (r == 0)
		r = container_pidfd(&c, &pidfd, err);
	if (r == 0)
		r = open_view(engine, &c, &view, err);
	if (r < 0)
		return r;
	print_row(&view, NULL, &words, ret_lines);
	for (size_t i = 0; i < view.count; i++)
		print_row(&view, &view.tasks[i], &words, ret_lines);
	return 0;
}
