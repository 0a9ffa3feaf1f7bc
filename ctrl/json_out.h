/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * json_out - write JSON quickly into a growing buffer
 *
 * What:      a flat emitter: the caller opens and closes objects and arrays, commas are put in by looking at the last
 *            octet. Alerts, updates, lost and envelope records are all written with it.
 * Octets:    text from the wire may be anything. Valid UTF-8 is kept; an octet that is none is written as the four
 *            characters \xHH; control characters, DEL, C1 controls and those that turn the direction of text or end lines
 *            (U+200E.., U+2028..) become \uXXXX, so that a line of output is safe to look at.
 * Memory:    grows by doubling; after a failed allocation all calls do nothing and @failed stays set.
 * Threads:   one per struct.
 */
#ifndef POSTERN_JSON_OUT_H
#define POSTERN_JSON_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_out {
	char *buf;
	size_t len, cap;
	bool failed;
};

void json_out_free(struct json_out *o);

/* Start over; memory is kept. */
static inline void
json_out_clear(struct json_out *o)
{
	o->len = 0;
}

void json_open(struct json_out *o, char bracket); /* '{' or '[' */
void json_close(struct json_out *o, char bracket); /* '}' or ']' */
void json_key(struct json_out *o, const char *key); /* a plain name of ours, not escaped */

void json_u64(struct json_out *o, uint64_t v);
void json_bool(struct json_out *o, bool v);
void json_put_null(struct json_out *o);
void json_cstr(struct json_out *o, const char *s);
/* A string of wire octets. false: some were no UTF-8, the raw value should stand beside it. */
bool json_text(struct json_out *o, const void *s, size_t len);
void json_base64(struct json_out *o, const void *s, size_t len);
/* RFC 3339 in UTC with nanoseconds. */
void json_time(struct json_out *o, uint64_t ts_ns);
/* Octets as they are. */
void json_raw(struct json_out *o, const void *s, size_t len);

/* {"key":value} for the common cases. */
void json_kv_u64(struct json_out *o, const char *key, uint64_t v);
void json_kv_bool(struct json_out *o, const char *key, bool v);
void json_kv_null(struct json_out *o, const char *key);
void json_kv_cstr(struct json_out *o, const char *key, const char *s);
bool json_kv_text(struct json_out *o, const char *key, const void *s, size_t len);

/* Valid UTF-8 sequence at @s: its length 1..4, or 0. */
unsigned int json_utf8_len(const uint8_t *s, size_t len);

#endif
