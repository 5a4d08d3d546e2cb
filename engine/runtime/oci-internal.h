/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of oci-*.c: config.json described as data. One table of fields per object serves the
 * reader, the writer and the destructor, so that none of the three can forget a field.
 */
#pragma once

#include <stddef.h>

#include "engine/runtime/oci.h"

enum oci_kind {
	OCI_STR,  /* char * */
	OCI_BOOL, /* bool */
	OCI_CHAR, /* char: a string of one letter */
	OCI_ENUM, /* int or enum: a string out of type->names */
	OCI_U16,  /* plain numbers */
	OCI_U32,
	OCI_I32,
	OCI_I64,
	OCI_U64,
	OCI_OPT_I64,	/* struct oci_i64 */
	OCI_OPT_U64,	/* struct oci_u64 */
	OCI_OPT_BOOL,	/* struct oci_u64 with value 0 or 1 */
	OCI_STRV,	/* struct strv */
	OCI_U32S,	/* OCI_LIST(uint32_t) */
	OCI_PAIRS,	/* struct oci_pairs: an object of strings */
	OCI_CAPS,	/* uint64_t: a list of capability names */
	OCI_OBJECT,	/* an object whose struct lies inside this one, or shares its fields */
	OCI_POINTER,	/* an object in memory of its own */
	OCI_OBJECTS,	/* OCI_LIST of objects */
	OCI_MAP,	/* an object of objects: a list whose elements begin with char *name */
	OCI_NAMESPACES, /* struct oci_namespace[OCI_NS_KINDS] */
	OCI_REFUSED,	/* a field of the specification that we cannot do: named in the error */
};

struct oci_name {
	const char *name;
	int value;
};

struct oci_field {
	const char *name;
	enum oci_kind kind;
	size_t offset;
	const struct oci_type *type; /* for ENUM, OBJECT, POINTER, OBJECTS, MAP */
	size_t has;		     /* offset of a bool that says "present", plus one; 0: none */
	bool required;
};

/* The description of one object, or of one set of names. Lists end with a NULL name. */
struct oci_type {
	size_t size; /* of the struct, for POINTER, OBJECTS and MAP */
	const struct oci_field *fields;
	const struct oci_name *names; /* for ENUM */
};

/* A list header, read and written with memcpy: all OCI_LIST structs are laid out alike. */
struct oci_list {
	void *v;
	size_t count;
	size_t capacity;
};
struct oci_list oci_list_get(const void *base, size_t offset);
void oci_list_set(void *base, size_t offset, const struct oci_list *list);

extern const struct oci_type oci_spec_type;
extern const struct oci_type oci_process_type;
extern const struct oci_type oci_seccomp_type;

/* Frees what the fields own and clears the struct. */
void oci_type_done(const struct oci_type *type, void *base);

/* Numbers above INT64_MAX travel through jansson as strings with this before the digits. */
#define OCI_BIG_MARK "\001u64:"
