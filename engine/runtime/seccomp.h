/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seccomp: the OCI profile format compiled to BPF by libseccomp, kept by content in a folder,
 * and the default profile of containers-common's semantics.
 */
#pragma once

#include <linux/filter.h>
#include <stdint.h>

#include "engine/runtime/oci.h"

struct err;

/* A compiled filter. */
struct seccomp_filter {
	struct sock_filter *code; /* owned */
	uint16_t count;		  /* instructions; 0: no filter */
	uint32_t flags;		  /* SECCOMP_FILTER_FLAG_* for seccomp(2) */
	bool notifies;		  /* it has SECCOMP_RET_USER_NOTIF: a listener is needed */
};
#define SECCOMP_FILTER_INIT ((struct seccomp_filter){ 0 })
void seccomp_filter_done(struct seccomp_filter *filter);

/* Compiles with libseccomp (some 10 ms for the default profile). 0 or an error naming the field. */
int seccomp_compile(const struct oci_seccomp *profile, struct seccomp_filter *ret_filter,
		    struct err *err);

/*
 * The same, looked up in cache_fd first and stored there after. A cached filter is used only
 * when the whole profile stored beside it is equal, byte by byte, to this one; so a collision
 * of hashes costs time and nothing else. The folder must be writable by its user alone.
 */
int seccomp_load_or_compile(const struct oci_seccomp *profile, int cache_fd,
			    struct seccomp_filter *ret_filter, struct err *err);

/*
 * Installs the filter in the calling thread (no_new_privs or CAP_SYS_ADMIN is needed). With
 * notifies, *ret_listener gets the listener, else -1. 0 or a negative errno.
 */
int seccomp_filter_install(const struct seccomp_filter *filter, int *ret_listener);

/*
 * The default profile (containers-common's seccomp.json) for a container that may have these
 * capabilities (a mask: the bounding set) on this machine's architecture. The caller owns it.
 */
void seccomp_default_profile(uint64_t caps, struct oci_seccomp *ret_profile);
/* A number that differs between programs whose default profiles differ. */
uint64_t seccomp_default_version(void);
