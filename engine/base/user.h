/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's user database by number. Not getpwuid(3): the command is linked statically, and
 * glibc's own look-up would load the modules of nsswitch.conf(5) into it. /etc/passwd is read
 * here; who stands elsewhere (LDAP, sssd, systemd-homed) is asked of getent(1).
 */
#pragma once

#include <sys/types.h>

struct user_entry {
	char *name;
	char *home;
};

#define USER_ENTRY_INIT ((struct user_entry){ 0 })

/*
 * The entry of a user id. 0, or -ENOENT where the host knows no such user or cannot tell: the
 * callers have something else to go by. *ret is written on success only; user_entry_done() it.
 */
int user_lookup(uid_t uid, struct user_entry *ret);

void user_entry_done(struct user_entry *entry);
