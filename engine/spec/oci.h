/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From specification to the OCI spec that the runtime executes: done at each start, with what
 * only that moment knows.
 */
#pragma once

#include "engine/runtime/oci.h"
#include "engine/spec/spec.h"
#include "engine/spec/user.h"

struct err;

/* What the engine found out for this start. Paths and lists stay the caller's. */
struct spec_moment {
	const struct spec_user *user;
	const char *hostname;	/* what sethostname gets; NULL with a shared UTS namespace */
	const char *hosts_path; /* files to bind over /etc/hosts, ...; NULL: none */
	const char *resolv_path;
	const char *hostname_path;
	const char *containerenv_path;
	const char *passwd_path;
	const char *group_path;
	const char *tz_path;
	/* One for each of spec->mounts: the folder of a volume; NULL: the mount's own source. */
	char *const *mount_sources;
	int const *mount_fds;	  /* one for each: an open source (images); -1: none */
	int ns_fds[OCI_NS_KINDS]; /* of other containers; -1: as the spec says */
	int shm_fd;		  /* /dev/shm of another container (ipc container:ID); -1: none */
	bool nested;		  /* a user namespace of the container's own, with these maps */
	struct idmap_set maps;	  /* inside: the container; outside: the namespace we stand in */
	bool in_userns;		  /* we stand in a user namespace: devices are bound, not made */
	bool one_id;
};

/* Fills ret_spec (freed by the caller with oci_spec_done). 0, or an error naming what is wrong. */
int spec_to_oci(const struct container_spec *spec, const struct spec_moment *moment,
		struct oci_spec *ret_spec, struct err *err);

/* The process of `exec`, with the container's own settings where the request says nothing. */
struct spec_exec {
	const struct strv *command;
	const struct strv *env; /* complete */
	const struct spec_user *user;
	const char *workdir; /* NULL: the container's */
	bool tty;
	bool privileged;
};
void spec_exec_to_oci(const struct container_spec *spec, const struct spec_exec *exec,
		      struct oci_process *ret_process);

/* The container's filter, NULL in *ret_seccomp for none. The caller frees it (oci_seccomp_done,
 * free). */
int spec_seccomp(const struct container_spec *spec, bool one_id, struct oci_seccomp **ret_seccomp,
		 struct err *err);
