/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Published ports of one container as elements of the network's maps. Each bears a comment,
 * "CONTAINER-ADDRESS CONTAINER-ID", by which those of a container that is gone are found.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bridge_message;
struct bridge_network;
struct lease_census;
struct nft_batch;

/* Adds to the batch what puts the container's ports into the maps, or takes them out. */
void elements_add(struct nft_batch *batch, const struct bridge_message *message);
void elements_remove(struct nft_batch *batch, const struct bridge_message *message);

/*
 * Adds to the batch what takes out every element of the census' stale containers. Reads all maps.
 * 0 or a negative errno.
 */
int elements_sweep(struct nft_batch *batch, const struct bridge_network *network,
		   const struct lease_census *census);

/* ---- Parts, for tests ---- */

/* One element, as the kernel wants it. */
struct element {
	const char *map;
	uint8_t key[24];
	uint32_t key_size;
	uint8_t value[20];
	uint32_t value_size;
};

/*
 * The element for one single port of an entry in one family; false where the entry has none in it
 * (another family's address, a container without IPv6).
 */
struct port_map;
bool element_make(const struct port_map *one, const struct bridge_message *message, bool six,
		  struct element *ret_element);

/* The number in its network that an element's comment names; 0 when it is none of ours. */
uint32_t element_number(const char *comment, const struct bridge_network *network);
