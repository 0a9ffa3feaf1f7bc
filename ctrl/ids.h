/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ids - names that records carry: event.id, network.community_id, the store's uuid
 *
 * What:      event.id is the first 128 bits of SHA-256 over a fixed serialisation of run, connection, transaction and
 *            recipient. A cryptographic hash, because parts of its input (ports, sequence numbers) are chosen by whoever
 *            sends the mail: with a weaker one a sender could make an alert collide with an earlier one and so be taken
 *            for stored already. libmd has SHA-256 and SHA-1; it is a few kilobytes and already there wherever dpkg is.
 * Threads:   pure functions, but for ids_uuid() (getrandom()).
 * Source:    FIPS 180-4; Community ID flow hashing v1 (github.com/corelight/community-id-spec); RFC 9562 (uuid v4).
 */
#ifndef POSTERN_IDS_H
#define POSTERN_IDS_H

#include <stddef.h>
#include <stdint.h>

#include "dp_event.h"

enum {
	EVENT_ID_OCTETS = 16,
	COMMUNITY_ID_LEN = 30, /* "1:" and 28 characters of base64 */
	UUID_LEN = 36,
	ADDR_TEXT_MAX = 46,
};

/* Of an alert, from its checked record. */
void ids_event(uint64_t run_id, const struct dp_ev_rcpt *ev, uint8_t ret[EVENT_ID_OCTETS]);
/* Of a lost record: run, ring, epoch of the writer and the numbers lost. */
void ids_lost(uint64_t run_id, const struct dp_ev_lost *ev, uint8_t ret[EVENT_ID_OCTETS]);

/* Lower-case hex of @len octets and a NUL. */
void ids_hex(const uint8_t *src, size_t len, char *ret);

/* Seed 0, TCP. Writes COMMUNITY_ID_LEN characters and a NUL. */
void ids_community(const struct dp_flow_key *key, char ret[COMMUNITY_ID_LEN + 1]);

/* A random one. 0 or negative errno. */
int ids_uuid(char ret[UUID_LEN + 1]);

/* Address of a flow key as text. */
void ids_addr_text(uint8_t family, const uint8_t addr[16], char ret[ADDR_TEXT_MAX]);

/*
 * Order of connections in outputs: client address, client port, server address, server port, tags, wire; then start,
 * first sequence number and loop. Below, at or above 0 as memcmp().
 */
int ids_flow_cmp(const struct dp_flow_id *a, const struct dp_flow_id *b);

/* The same order as octets, for sort keys. */
enum {
	FLOW_SORT_KEY_LEN = 58,
};
void ids_flow_sort_key(const struct dp_flow_id *flow, uint8_t ret[FLOW_SORT_KEY_LEN]);

#endif
