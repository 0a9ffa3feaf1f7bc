/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * matcher - judges one recipient against a compiled rule set
 *
 * What:      the one matcher of the product: the dataplane's workers, ctrl, the responder and `postern rules explain`
 *            link it. Loads an image (ruleset_image(), carried in a sealed memfd) and answers for a recipient:
 *            no match, or rule, technique and the domain that was probably meant.
 * Precedence: normalise (lower case, trailing dot, IDN fold) -> exactly protected, or a legitimate sub-domain of one: never
 *            a match -> below a zone ("*.mil") and no known name or below one: a match only as a slip of a known one ->
 *            rules, the strongest match first (highest severity, then the order of rules). Exceptions, sender scope and
 *            dates are not judged here (ruleset_decide()).
 * Shape:     a seeded hash table of protected names, asked for each label from the end; legitimate names cost no
 *            scan. A Hyperscan block-mode database over the domain (suffixes, literals, operators' expressions), and a
 *            second one over "local@domain" only when an expression of an operator needs it; every hit is verified
 *            exactly in C before it counts. Lookalikes of protected names come from a typo index (lookalike.h), built at
 *            load; of equal severity, a rule that somebody wrote goes before a lookalike.
 * Threads:   struct matcher is immutable: any number of threads. One struct matcher_scratch per thread.
 * Cost:      no allocation, no lock, no system call in matcher_judge(); bounded by the length of the recipient.
 * Hostile:   the recipient (any octets). The image too: matcher_load() checks every offset, length and checksum before
 *            use, because it comes from another process (ctrl, a trusted peer: against damage, see image.h).
 * Errors:    negative errno.
 */
#ifndef POSTERN_MATCHER_H
#define POSTERN_MATCHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct matcher;
struct matcher_scratch;

enum {
	MATCHER_DOMAIN_MAX = 255,
	MATCHER_SUBJECT_MAX = 1024, /* local@domain given to Hyperscan; a longer local part is cut at its front */
};

enum rule_technique {
#define RULE_TECHNIQUE(id, name, class, severity, explanation) RULE_TECHNIQUE_##id,
#include "technique.def"
#undef RULE_TECHNIQUE
	RULE_TECHNIQUE_NB,
};

struct matcher_query {
	const char *local; /* as written; may be any octets */
	size_t local_len;
	const char *domain; /* normalised by core/mailbox (lower-case ASCII, no trailing dot); any octets, UTF-8 or not */
	size_t domain_len;  /* longer than MATCHER_DOMAIN_MAX: the last MATCHER_DOMAIN_MAX octets are judged */
};

struct matcher_match {
	uint32_t rule;	    /* index into the rules of the set */
	uint16_t technique; /* enum rule_technique */
	uint16_t domain_len;
	uint16_t meant_len;
	uint8_t severity; /* of the rule for this technique, 1..4 */
	uint8_t reserved;
	char domain[MATCHER_DOMAIN_MAX + 1]; /* as judged (matcher_normalise()), NUL-terminated */
	char meant[MATCHER_DOMAIN_MAX + 1];  /* NUL-terminated, empty when unknown */
};

/*
 * Check the image of @len octets at @image and build the matcher; the image may go away afterwards.
 * -EBADMSG: damaged or not an image; -EPROTO: of another version or CPU (compile again); -ENOMEM.
 */
int matcher_load(const void *image, size_t len, struct matcher **ret);
void matcher_free(struct matcher *m);

uint32_t matcher_generation(const struct matcher *m);
uint32_t matcher_nb_rules(const struct matcher *m);

int matcher_scratch_new(const struct matcher *m, struct matcher_scratch **ret);
void matcher_scratch_free(struct matcher_scratch *s);

/*
 * Judge one recipient. 1: it matches, @ret_match filled; 0: it does not; negative: the scan failed (damaged database or
 * scratch of another set): count it, do not stop.
 */
int matcher_judge(const struct matcher *m, struct matcher_scratch *s, const struct matcher_query *q,
		  struct matcher_match *ret_match);

/*
 * The same as if some rules were not in the set: @without has bit n % 64 of word n / 64 for each of them, up to
 * matcher_nb_rules(); NULL: all are.
 */
int matcher_judge_without(const struct matcher *m, struct matcher_scratch *s, const struct matcher_query *q,
			  const uint64_t *without, struct matcher_match *ret_match);

/*
 * The form in which domains are judged and compared with rules: lower case, no trailing dots, internationalised labels as
 * A-labels ("xn--") where they can be. Its length.
 */
size_t matcher_normalise(const char *domain, size_t len, char dst[MATCHER_DOMAIN_MAX]);

/* Is the domain a protected one or a legitimate one below it, so that it never matches? For explanations. */
bool matcher_is_legitimate(const struct matcher *m, const char *domain, size_t domain_len);

const char *rule_technique_name(enum rule_technique t);
int rule_technique_from_name(const char *name); /* -1: unknown */
enum {
	RULE_EXPLANATION_MAX = 3072, /* octets that any explanation fits in, with its end */
};

/*
 * The explanation for people, with {domain} and {meant} put in. snprintf()-like. Octets that are not printable ASCII
 * are shown as \xHH; of an internationalised domain the characters that are no ASCII are told by number and name.
 */
int rule_technique_explain(enum rule_technique t, const char *domain, size_t domain_len, const char *meant,
			   size_t meant_len, char *buf, size_t size);

#endif
