/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bryo-image load, and pull's transports for files: archives and folders in, images out. What a
 * payload is shows by what it holds, not by its name. Everything in it is a stranger's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/err.h"
#include "engine/base/fd.h"
#include "engine/base/json.h"
#include "engine/base/str.h"
#include "engine/image/copy.h"
#include "engine/image/folder.h"
#include "engine/image/load-internal.h"
#include "engine/image/manifest.h"
#include "engine/image/progress.h"
#include "engine/image/reference.h"
#include "engine/image/session.h"
#include "engine/image/source.h"

struct load {
	struct session *session;
	const struct platform *platform;
	const char *path;  /* for policy.json */
	struct strv names; /* what was loaded, as it is printed */
	struct strv ids;
};

static void load_done(struct load *load)
{
	strv_done(&load->names);
	strv_done(&load->ids);
}

/* Two cores unpack two layers; a disk gains nothing from more. */
static unsigned int parallel(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	return cores < 2 ? 2 : (unsigned int)cores;
}

/* Copies one image; what it is called afterwards goes to the lists. */
static int load_one(struct load *load, struct source *source, const struct strv *names,
		    struct err *err)
{
	struct progress *progress = progress_new(load->session->quiet);
	char id[IMAGE_ID_LEN + 1];
	int r = copy_in(&(struct copy_args){ .session = load->session,
					     .source = source,
					     .progress = progress,
					     .platform = load->platform,
					     .policy_scope = load->path,
					     .names = names,
					     .parallel = parallel() },
			id, err);

	progress_free(progress);
	if (r < 0)
		return r;
	strv_add(&load->ids, id);
	strv_add_all(&load->names, names);
	if (names->count == 0)
		strv_addf(&load->names, "sha256:%s", id);
	return 0;
}

/* ---- docker-archive ---- */

/* RepoTags are Docker's references: a short one means Docker Hub. */
static int docker_names(const struct strv *tags, struct strv *names, struct err *err)
{
	for (size_t i = 0; i < tags->count; i++) {
		struct reference ref auto_done(reference) = REFERENCE_INIT;
		int r = reference_parse(tags->v[i], &ref, err);

		if (r < 0)
			return err_prefix(err, "invalid tag in manifest.json");
		reference_normalize(&ref);
		reference_add_latest(&ref);
		strv_add_own(names, reference_text(&ref));
	}
	return 0;
}

/* The images of the archive; with only, the one of this name or number ("@1"). */
static int load_docker(struct load *load, struct folder *folder, const char *only, struct err *err)
{
	struct docker_archive *archive = NULL;
	bool found = false;
	int r = docker_archive_open(folder, &archive, err);

	for (size_t i = 0; r == 0 && i < docker_archive_count(archive); i++) {
		struct strv names auto_done(strv) = STRV_INIT;
		auto_free char *number = xasprintf("@%zu", i);
		struct source *source = NULL;

		r = docker_names(docker_archive_names(archive, i), &names, err);
		if (r < 0 || (only && !str_eq(only, number) && !strv_has(&names, only)))
			continue;
		found = true;
		r = source_docker_archive(archive, i, &source, err);
		if (r == 0)
			r = load_one(load, source, &names, err);
		source_close(source);
	}
	docker_archive_close(archive);
	if (r == 0 && !found)
		return err_say(err, ERR_NOT_FOUND, "tag \"%.200s\" not found in the archive", only);
	return r;
}

/* ---- oci, oci-archive, dir ---- */

/* Podman's NormalizeName: a short name is ours, localhost/. */
static int local_name(const char *text, struct strv *names, struct err *err)
{
	struct reference ref auto_done(reference) = REFERENCE_INIT;
	int r = reference_parse(text, &ref, err);

	if (r < 0)
		return r;
	if (!ref.domain)
		reference_set_domain(&ref, "localhost");
	reference_add_latest(&ref);
	strv_add_own(names, reference_text(&ref));
	return 0;
}

/* named: the name in the index is the image's (an archive's is; a folder's is not, as in Podman) */
static int load_oci(struct load *load, struct folder *folder, const char *only, bool named,
		    struct err *err)
{
	struct strv names auto_done(strv) = STRV_INIT;
	auto_free char *name = NULL;
	struct source *source = NULL;
	int r = source_oci(folder, only, &source, &name, err);

	if (r == 0 && (only || (named && name)))
		r = local_name(only ? only : name, &names, err);
	if (r == 0)
		r = load_one(load, source, &names, err);
	source_close(source);
	return r;
}

static int load_dir(struct load *load, struct folder *folder, struct err *err)
{
	struct strv none = STRV_INIT;
	struct source *source = NULL;
	int r = source_dir(folder, &source, err);

	if (r == 0)
		r = load_one(load, source, &none, err);
	source_close(source);
	return r;
}

static bool holds(struct folder *folder, const char *name)
{
	int64_t offset = 0;
	uint64_t size = 0;
	int fd = -1;

	return folder_locate(folder, name, &fd, &offset, &size, NULL) == 0;
}

static int not_an_image(const char *path, const char *what, struct err *err)
{
	auto_free char *why = err->text[0] ? xasprintf(": %.200s", err->text) : xstrdup("");

	return err_say(err, ERR_USAGE,
		       "payload does not match any of the supported image formats: %.100s is %s%s",
		       path, what, why);
}

static int load_folder(struct load *load, struct folder *folder, bool archive, const char *path,
		       struct err *err)
{
	if (holds(folder, "index.json") && holds(folder, "oci-layout") &&
	    !(archive && holds(folder, "manifest.json")))
		return load_oci(load, folder, NULL, archive, err);
	/* Docker's own archives since version 25 are both; manifest.json names all images. */
	if (archive && holds(folder, "manifest.json"))
		return load_docker(load, folder, NULL, err);
	if (!archive && holds(folder, "manifest.json"))
		return load_dir(load, folder, err);
	return not_an_image(
		path,
		archive ? "an archive without manifest.json (docker-archive) or index.json "
			  "(oci-archive)"
			: "a folder without index.json (oci) or manifest.json (dir)",
		err);
}

/* Opens path (NULL: standard input) as whatever it is. */
static int open_payload(struct session *session, const char *path, struct folder **ret_folder,
			bool *ret_archive, struct err *err)
{
	auto_close int fd = -1;
	struct stat st;
	int r = 0;

	fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
		  : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return err_set(err, -errno, "cannot open %s", str_or(path, "standard input"));
	if (fstat(fd, &st) < 0)
		return err_set(err, -errno, "cannot look at %s", str_or(path, "standard input"));
	session_lock_up(false);
	*ret_archive = !S_ISDIR(st.st_mode);
	if (!*ret_archive)
		return folder_open_dir(path, ret_folder, err);
	r = folder_open_archive(fd_take(&fd), session->scratch, ret_folder, err);
	if (r < 0 && err->kind == ERR_USAGE)
		return not_an_image(str_or(path, "standard input"), "no tar archive", err);
	return r;
}

static int load_payload(struct load *load, const char *path, struct err *err)
{
	struct folder *folder = NULL;
	bool archive = false;
	int r = open_payload(load->session, path, &folder, &archive, err);

	if (r == 0)
		r = load_folder(load, folder, archive, str_or(path, "standard input"), err);
	folder_close(folder);
	return r;
}

int verb_load(struct session *session, json_t *answer, struct err *err)
{
	struct load load auto_done(load) = { .session = session };
	struct platform platform auto_done(platform) = PLATFORM_INIT;
	const char *path = json_str(session->request, "path", NULL);
	int r = platform_parse(NULL, &platform, err);

	if (r < 0)
		return r;
	load.platform = &platform;
	load.path = str_or(path, "");
	if (!path && isatty(STDIN_FILENO))
		return err_say(err, ERR_USAGE,
			       "cannot read from terminal, use command-line redirection or the "
			       "--input flag");
	r = load_payload(&load, path, err);
	if (r == 0) {
		json_set_strv(answer, "names", &load.names);
		json_set_strv(answer, "ids", &load.ids);
	}
	return r;
}

/* ---- pull TRANSPORT:PATH ---- */

static int load_at(struct load *load, const char *transport, const char *path, const char *only,
		   struct err *err)
{
	struct folder *folder = NULL;
	bool archive = false;
	int r = open_payload(load->session, path, &folder, &archive, err);

	if (r < 0)
		return r;
	if (str_eq(transport, "docker-archive"))
		r = load_docker(load, folder, only, err);
	else if (str_eq(transport, "dir"))
		r = load_dir(load, folder, err);
	else
		r = load_oci(load, folder, only, archive, err);
	folder_close(folder);
	return r;
}

int load_by_transport(struct session *session, const char *text, const struct platform *platform,
		      struct strv *ret_ids, struct err *err)
{
	static const char *const known[] = { "docker-archive", "oci-archive", "oci", "dir" };
	static const char *const refused[] = { "containers-storage", "docker-daemon", "ostree",
					       "sif", "tarball" };
	struct load load auto_done(load) = { .session = session, .platform = platform };
	size_t n = strcspn(text, ":/");
	auto_free char *transport = xstrndup(text, n);
	auto_free char *path = NULL;
	char *only = NULL;
	int r = 0;

	if (text[n] != ':')
		return -ENOENT;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		if (str_eq(transport, refused[i]))
			return err_say(err, ERR_UNSUPPORTED, "transport %s: is not supported",
				       transport);
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (!str_eq(transport, known[i]))
			continue;
		path = xstrdup(text + n + 1);
		only = str_eq(transport, "dir") ? NULL : strchr(path, ':');
		if (only)
			*only++ = '\0';
		load.path = path;
		r = load_at(&load, transport, path, str_empty(only) ? NULL : only, err);
		if (r == 0)
			strv_add_all(ret_ids, &load.ids);
		return r;
	}
	return -ENOENT;
}
