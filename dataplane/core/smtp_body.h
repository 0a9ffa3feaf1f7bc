/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * smtp_body - find the end of a message body at memory speed
 *
 * What:      looks for CRLF "." CRLF over pieces of any size, and for what lenient servers take for it: any of CR, LF,
 *            CRLF, then ".", then any of CR, LF, CRLF. NUL, which some drop and others end a string at, counts as LF.
 * Shape:     one octet of state between pieces. In bulk only pairs (CR, LF or NUL, ".") are looked for; the octets around
 *            such a pair go through the state machine one by one.
 * Threads:   pure functions. Cost: O(length).
 * Source:    RFC 5321 §4.1.1.4, §4.5.2; lenient ends: "SMTP smuggling" (CVE-2023-51764 and its kin).
 */
#ifndef POSTERN_SMTP_BODY_H
#define POSTERN_SMTP_BODY_H

#include <stddef.h>
#include <stdint.h>

/* Index of the first octet of a pair (CR, LF or NUL, ".") that lies within p[0, len); len when there is none. */
typedef size_t (*smtp_body_find_fn)(const uint8_t *p, size_t len);

enum smtp_body_state {
	SMTP_BODY_TEXT = 0,
	SMTP_BODY_CR,
	SMTP_BODY_LF,	/* bare, or NUL */
	SMTP_BODY_CRLF, /* also the start of a body */
	SMTP_BODY_CR_DOT,
	SMTP_BODY_LF_DOT,
	SMTP_BODY_CRLF_DOT,
	SMTP_BODY_CR_DOT_CR,
	SMTP_BODY_LF_DOT_CR,
	SMTP_BODY_CRLF_DOT_CR,
};

enum smtp_body_found {
	SMTP_BODY_MORE = 0, /* all octets are body so far */
	SMTP_BODY_END,	    /* the octets up to here end with CRLF . CRLF */
	SMTP_BODY_LENIENT,  /* a lenient server may see the end here; not CRLF . CRLF */
};

/* Read @len octets at @p from *@state. Returns how many were read, up to and with what was found. */
size_t smtp_body_scan(smtp_body_find_fn find, uint8_t *state, const uint8_t *p, size_t len,
		      enum smtp_body_found *ret_found);

/* The fastest version this processor can run. */
smtp_body_find_fn smtp_body_find_best(void);

/* All versions this processor can run, for tests; NULL beyond the last. */
smtp_body_find_fn smtp_body_find_variant(unsigned int i, const char **ret_name);

#endif
