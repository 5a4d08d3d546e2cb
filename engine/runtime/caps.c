/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capabilities by bare system calls (capabilities(7)): runs in the container's first process
 * between the set-up and exec. It must never leave a set larger than asked.
 */
#include "engine/runtime/caps.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/base/alloc.h"
#include "engine/base/str.h"

/* By number, capability.h's order. */
static const char *const names[] = {
	"CAP_CHOWN",
	"CAP_DAC_OVERRIDE",
	"CAP_DAC_READ_SEARCH",
	"CAP_FOWNER",
	"CAP_FSETID",
	"CAP_KILL",
	"CAP_SETGID",
	"CAP_SETUID",
	"CAP_SETPCAP",
	"CAP_LINUX_IMMUTABLE",
	"CAP_NET_BIND_SERVICE",
	"CAP_NET_BROADCAST",
	"CAP_NET_ADMIN",
	"CAP_NET_RAW",
	"CAP_IPC_LOCK",
	"CAP_IPC_OWNER",
	"CAP_SYS_MODULE",
	"CAP_SYS_RAWIO",
	"CAP_SYS_CHROOT",
	"CAP_SYS_PTRACE",
	"CAP_SYS_PACCT",
	"CAP_SYS_ADMIN",
	"CAP_SYS_BOOT",
	"CAP_SYS_NICE",
	"CAP_SYS_RESOURCE",
	"CAP_SYS_TIME",
	"CAP_SYS_TTY_CONFIG",
	"CAP_MKNOD",
	"CAP_LEASE",
	"CAP_AUDIT_WRITE",
	"CAP_AUDIT_CONTROL",
	"CAP_SETFCAP",
	"CAP_MAC_OVERRIDE",
	"CAP_MAC_ADMIN",
	"CAP_SYSLOG",
	"CAP_WAKE_ALARM",
	"CAP_BLOCK_SUSPEND",
	"CAP_AUDIT_READ",
	"CAP_PERFMON",
	"CAP_BPF",
	"CAP_CHECKPOINT_RESTORE",
};

int caps_from_name(const char *name, unsigned int *ret_cap)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcasecmp(name, names[i]) == 0 || strcasecmp(name, names[i] + 4) == 0) {
			*ret_cap = i;
			return 0;
		}
	}
	return -EINVAL;
}

const char *caps_name(unsigned int cap)
{
	return cap < ARRAY_SIZE(names) ? names[cap] : NULL;
}

uint64_t caps_known(void)
{
	return CAPS_BIT(ARRAY_SIZE(names)) - 1;
}

uint64_t caps_kernel(void)
{
	uint64_t mask = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		if (prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0)
			mask |= CAPS_BIT(i);
	}
	return mask;
}

static int caps_get(uint64_t *ret_effective, uint64_t *ret_permitted, uint64_t *ret_inheritable)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	*ret_effective = data[0].effective | (uint64_t)data[1].effective << 32;
	*ret_permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
	*ret_inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
	return 0;
}

static int caps_set(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {
		{ (uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable },
		{ (uint32_t)(effective >> 32), (uint32_t)(permitted >> 32),
		  (uint32_t)(inheritable >> 32) },
	};

	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

/*
 * Dropping one by one is 41 system calls at most. Reading first would double that; a drop of
 * what is not there succeeds, and a number beyond the kernel's last gives EINVAL: the end.
 */
int caps_apply_bounding(const struct oci_caps *caps)
{
	for (unsigned int i = 0; i < 64; i++) {
		if (caps->bounding & CAPS_BIT(i))
			continue;
		if (prctl(PR_CAPBSET_DROP, i, 0, 0, 0) == 0)
			continue;
		if (errno == EINVAL)
			break;
		return -errno;
	}
	return prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

int caps_apply_ambient(const struct oci_caps *caps)
{
	uint64_t effective = 0;
	uint64_t permitted = 0;
	uint64_t inheritable = 0;
	uint64_t ambient = 0;
	int r = caps_get(&effective, &permitted, &inheritable);

	if (r < 0)
		return r;
	/* After a change of ids the effective set is empty; the permitted one was kept. */
	r = caps_set(permitted, permitted, caps->inheritable & (permitted | inheritable));
	if (r < 0)
		return r;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return -errno;
	/* Ambient asks for permitted and inheritable (capabilities(7)); the rest cannot be had. */
	ambient = caps->ambient & caps->inheritable & caps->permitted & permitted;
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		if (!(ambient & CAPS_BIT(i)))
			continue;
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) < 0)
			return -errno;
	}
	return prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0 ? -errno : 0;
}

int caps_apply(const struct oci_caps *caps)
{
	uint64_t effective = 0;
	uint64_t permitted = 0;
	uint64_t inheritable = 0;
	int r = caps_get(&effective, &permitted, &inheritable);

	if (r < 0)
		return r;
	permitted &= caps->permitted;
	return caps_set(caps->effective & permitted, permitted, caps->inheritable & inheritable);
}
