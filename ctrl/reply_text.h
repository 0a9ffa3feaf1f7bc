/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * reply_text - the words of a refusal, from a template
 *
 * What:      "550 5.1.2 " and what the template says, with {recipient}, {meant}, {contact} and {incident} put in: one reply
 *            line without its end, at most REPLY_TEXT_MAX octets, that dp_answer_check() accepts.
 *            {recipient} is the address as it was written, {meant} the same local part at the domain that was probably meant.
 *            A part in square brackets, "[; did you mean {meant}?]", is left out when something in it is not known.
 * Hostile:   the fields come from the wire: only printable ASCII is kept of them, other octets become '?'; long ones are cut.
 * Threads:   pure functions.
 * Source:    RFC 5321 §4.2, §4.5.3.1.5; RFC 3463 §3.2 (X.1.2: bad destination system address).
 */
#ifndef POSTERN_REPLY_TEXT_H
#define POSTERN_REPLY_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define REPLY_TEXT_DEFAULT "<{recipient}>: not delivered[; did you mean <{meant}>?][ Questions: {contact}][ ({incident})]"

enum {
	REPLY_TEXT_MAX = 510,
	REPLY_FIELD_MAX = 160, /* octets kept of each field */
};

struct reply_fields {
	const uint8_t *recipient; /* as between the brackets */
	size_t recipient_len;
	const char *domain;	  /* that matched, NUL-terminated: where the local part ends */
	const char *meant;	  /* domain, or NULL or "" */
	const char *contact, *incident; /* or NULL */
};

/* 0, or -EINVAL with where in @template it is wrong (@ret_at) and why (a constant). */
int reply_text_check(const char *template, size_t *ret_at, const char **ret_why);

/* @template passed reply_text_check(). The length of what is in @buf, NUL-terminated. */
size_t reply_text(char buf[REPLY_TEXT_MAX + 1], const char *template, const struct reply_fields *fields);

#endif
