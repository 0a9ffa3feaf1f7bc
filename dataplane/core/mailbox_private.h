/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mailbox_private - what the strict and the lenient half of the mailbox reader share
 *
 * What:      octet classes, the domain normaliser, and the two ways into the list of readings.
 */
#ifndef POSTERN_MAILBOX_PRIVATE_H
#define POSTERN_MAILBOX_PRIVATE_H

#include "mailbox.h"

enum mailbox_class {
	MAILBOX_C_ATEXT = 1u << 0,    /* RFC 5322 3.2.3, and octets above 127 (RFC 6531 3.3) */
	MAILBOX_C_LETDIG = 1u << 1,   /* RFC 5321 4.1.2 Let-dig, and octets above 127 */
	MAILBOX_C_DCONTENT = 1u << 2, /* RFC 5321 4.1.3 dcontent */
	MAILBOX_C_PLAIN = 1u << 4,    /* atext below 128 that is no sign of relaying */
	MAILBOX_C_BLANK = 1u << 3,    /* blank, tab, any control character: lenient servers drop it or stop there */
};

extern const uint8_t mailbox_classes[256];

static inline bool
mailbox_is(uint8_t c, unsigned int class)
{
	return (mailbox_classes[c] & class) != 0;
}

/*
 * A domain being put together. Dots are held back until something follows them: that takes trailing dots off, however
 * many there are, and what is left of a name that is too long are its last octets.
 */
struct mailbox_domain {
	size_t len;   /* in text */
	size_t total; /* octets put, trailing dots not counted */
	size_t dots;  /* held back */
	char text[2 * MAILBOX_DOMAIN_MAX];
};

static inline void
mailbox_domain_init(struct mailbox_domain *d)
{
	d->len = d->total = d->dots = 0;
}

void mailbox_domain_put(struct mailbox_domain *d, uint8_t c);

/* Add a reading unless its domain is empty or already there. False when the list is full. */
bool mailbox_add(struct mailbox *m, const uint8_t *local, size_t local_len, const struct mailbox_domain *d);

/*
 * Add the hosts that the local part [@p, @end) names by relaying: what follows a `%`, what stands before a `!`. The
 * innermost, where the mail ends up, comes first: an endless list of relays cannot push it out.
 */
void mailbox_add_relays(struct mailbox *m, const uint8_t *p, const uint8_t *end);

/* Set address and params. Blanks around params are cut. */
void mailbox_set_spans(struct mailbox *m, const uint8_t *address, const uint8_t *address_end, const uint8_t *params,
		       const uint8_t *end);

/*
 * Everything a lenient server might read in [@p, @end). @is_cut: more octets followed @end, so that a domain which
 * reaches it is not known. @is_tail: octets before @p are missing, so that only what follows an @ is known.
 */
void mailbox_read_lenient(struct mailbox *m, const uint8_t *p, const uint8_t *end, bool is_cut, bool is_tail);

#endif
