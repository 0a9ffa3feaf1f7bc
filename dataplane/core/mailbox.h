/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mailbox - read the argument of MAIL FROM: or RCPT TO: strictly, and in every way a lenient server might
 *
 * What:      octets after the colon in, a list of readings out: (local part, domain) each. The strict reading (RFC 5321
 *            §4.1.2, RFC 6531) comes first when there is one. Lenient readings: blanks and tabs anywhere, missing or
 *            unbalanced brackets, quoted local parts, backslashes, source routes (the last hop and the hops), comments
 *            in parentheses, `%` and `!` relaying (the domain relayed to), display names, trailing dots, parameters
 *            glued on, several @, an address literal. Domains are given normalised: ASCII letters lowered, trailing dots
 *            taken off, escapes undone; octets above 127 unchanged (rules/ folds them).
 * Rule:      a path that is valid to the letter has exactly its strict reading and the hosts it names by relaying: the
 *            domains of `%` and `!` in the local part and the hops of a source route. An @ inside its quoted local part
 *            is no domain. Anything else is read in every lenient way at once (mailbox_lenient.c): there, an @ inside
 *            quotes is one reading as well.
 *            Different domains are MAILBOX_AMBIGUOUS, whichever way they came about: relaying and source routes too,
 *            since some servers go to the first host and some to the last, and no mail needs them today.
 * Shape:     struct mailbox is about 2.2 KiB, on the caller's stack; domains are copied in, everything else points into
 *            the caller's octets.
 * Threads:   pure function. Cost: O(length); readings are bounded.
 * Hostile:   all octets, any length (the caller bounds what it keeps). NUL and control characters are octets like others.
 * Source:    RFC 5321 §4.1.2, §4.1.1.11 (parameters), Appendix C (source routes); RFC 5322 §3.2.2 (comments); RFC 6531.
 */
#ifndef POSTERN_MAILBOX_H
#define POSTERN_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	MAILBOX_READINGS_MAX = 8, /* different domains kept; more set MAILBOX_MORE_READINGS */
	MAILBOX_DOMAIN_MAX = 255, /* RFC 5321 4.5.3.1.2 */
};

enum mailbox_flags {
	MAILBOX_STRICT = 1u << 0,	 /* reading 0 is RFC 5321 / 6531 to the letter (but for lengths) */
	MAILBOX_NULL = 1u << 1,		 /* <>: the null reverse-path */
	MAILBOX_NO_DOMAIN = 1u << 2,	 /* no reading has a domain (postmaster, or a bare local part) */
	MAILBOX_AMBIGUOUS = 1u << 3,	 /* readings name different domains */
	MAILBOX_MORE_READINGS = 1u << 4, /* more than MAILBOX_READINGS_MAX; the list is not whole */
	MAILBOX_DOMAIN_CUT = 1u << 5,	 /* a domain longer than MAILBOX_DOMAIN_MAX: its last octets were kept */
	MAILBOX_EIGHT_BIT = 1u << 6,	 /* octets above 127 in the address */
	MAILBOX_UTF8 = 1u << 7,		 /* and they are valid UTF-8 */
};

struct mailbox_reading {
	const uint8_t *local; /* into the argument, as written (quotes and escapes included) */
	uint32_t local_len;
	uint16_t domain_len;  /* 0 only with MAILBOX_NO_DOMAIN */
	char domain[MAILBOX_DOMAIN_MAX + 1]; /* normalised, NUL after domain_len (may contain NUL itself) */
};

struct mailbox {
	uint32_t flags; /* enum mailbox_flags */
	uint16_t nb_readings;
	/* What the envelope record shows: what stood between the brackets, else the argument up to a blank; undecoded. */
	const uint8_t *address;
	uint32_t address_len;
	/* What followed: parameters (SIZE=.. BODY=..), blanks around it cut. */
	const uint8_t *params;
	uint32_t params_len;
	struct mailbox_reading readings[MAILBOX_READINGS_MAX];
};

/*
 * Read @arg, the octets after "TO:" / "FROM:" up to the line end (excluded). Always succeeds; with nothing to read
 * nb_readings is 0. @is_cut: the argument goes on beyond @len (a line longer than is kept): its end is no end.
 */
void mailbox_read(const uint8_t *arg, size_t len, bool is_cut, struct mailbox *ret);

/*
 * Read the tail of an argument whose middle was not kept: the domains after each @ in it, as mailbox_read() would do for
 * an argument that is not strict. Needless when the head alone was MAILBOX_STRICT: the tail is parameters then.
 */
void mailbox_read_tail(const uint8_t *tail, size_t len, struct mailbox *ret);
/* The same of a piece after which octets follow: a domain that reaches its end is not known, and no reading. */
void mailbox_read_middle(const uint8_t *piece, size_t len, struct mailbox *ret);

#endif
