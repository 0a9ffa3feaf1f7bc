/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_matcher - a damaged image, and any octets as a recipient
 *
 * First octet: 0: the rest is an image; 1: the rest changes octets of a good image, whose checksum is then put right, so
 * that every check behind it is reached (three octets each: offset, offset, value; the databases are left alone, because
 * Hyperscan checks its own); 'D': the same with an image for lookalikes; 'L': the rest is a domain, judged for
 * lookalikes and compared with a plain model that tries every name; else: the rest is local part, NUL, domain, judged by
 * a set with all kinds of rules and compared with a plain reading of them.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "idn.h"
#include "image.h"
#include "image_check.h"
#include "matcher.h"
#include "ruleset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char rules[] = "version: 1\n"
			    "defaults: {lookalikes: false}\n"
			    "protect:\n"
			    "  - domain: '*.mil'\n"
			    "    known: [army.mil, us.af.mil]\n"
			    "  - example.com\n"
			    "  - {domain: narrow.mil.example.org, subdomains: not}\n"
			    "rules:\n"
			    "  - {id: ml, suffix: [ml, mi], meant: mil, severity: high}\n"
			    "  - {id: any, suffix: cm, meant: com, match: every}\n"
			    "watch:\n"
			    "  - {id: lit, literal: bad.example, meant: example.com}\n"
			    "  - {id: dom, expression: '^login-'}\n"
			    "  - {id: addr, expression: '^root@.*\\.test$', on: address}\n";

/* Long labels, so that no least length hides an edit; two lie within one edit of each other. */
static const char *const names[] = {"bravo.mil",     "bravos.mil",   "charlie.com",
				    "us.delta.mil",  "echoes.co.uk", "golf-hotel.org",
				    "mail.india.net", "xn--jlietta-61a.example", "xn--90anlfbebar6i.xn--p1ai"};
enum {
	NB_NAMES = sizeof(names) / sizeof(names[0]),
};

struct target {
	struct ruleset *set;
	const uint8_t *image;
	size_t image_len;
	struct matcher *m;
	struct matcher_scratch *s;
};

static void
require(int condition)
{
	if (!condition)
		abort();
}

static void
make(struct target *t, const char *text)
{
	struct rule_errors errs;

	require(ruleset_load_octets("t", text, strlen(text), 1, &errs, &t->set) == 0);
	rule_errors_free(&errs);
	t->image = ruleset_image(t->set, &t->image_len);
	require(matcher_load(t->image, t->image_len, &t->m) == 0);
	require(matcher_scratch_new(t->m, &t->s) == 0);
}

static const struct target *
target(void)
{
	static struct target t;

	if (t.set == NULL)
		make(&t, rules);
	return &t;
}

static const struct target *
lookalike_target(void)
{
	static struct target t;
	char text[1024];
	size_t used, i;

	if (t.set == NULL) {
		used = (size_t)snprintf(text, sizeof(text),
					"version: 1\ndefaults: {lookalikes: {tld_swap: true, "
					"missing_level: true, words: [oscar, papa-q]}}\nprotect: [");
		for (i = 0; i < NB_NAMES; i++)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s",
						 i > 0 ? ", " : "", names[i]);
		snprintf(text + used, sizeof(text) - used, "]\n");
		make(&t, text);
	}
	return &t;
}

static void
try_image(const void *image, size_t len)
{
	static const char *const domains[] = {
		"hq.army.ml",	     "x.bravo.ml",     "brvao.ml",
		"charl1e.corn",	     "ehcoes.couk",    "us.mail.bravo.mil.test",
		"golfhotel.org.org", "mail.indian.et", "india-login.net"};
	struct matcher_query q = {.local = "a", .local_len = 1};
	struct matcher_scratch *s;
	struct matcher_match match;
	struct matcher *m;
	size_t i;
	int rc = matcher_load(image, len, &m);

	require(rc == 0 || rc == -EBADMSG || rc == -EPROTO || rc == -ENOMEM);
	if (rc != 0)
		return;
	if (matcher_scratch_new(m, &s) == 0) {
		for (i = 0; i < sizeof(domains) / sizeof(domains[0]); i++) {
			q.domain = domains[i];
			q.domain_len = strlen(domains[i]);
			matcher_judge(m, s, &q, &match);
		}
		matcher_scratch_free(s);
	}
	matcher_free(m);
}

static void
damage(const struct target *t, const uint8_t *data, size_t size)
{
	uint8_t *image = malloc(t->image_len);
	struct image_header h;
	size_t meta_len, i;

	require(image != NULL && image_check(t->image, t->image_len, &h, &meta_len) == 0);
	memcpy(image, t->image, t->image_len);
	for (i = 0; i + 3 <= size; i += 3)
		image[(data[i] << 8 | data[i + 1]) % meta_len] = data[i + 2];
	/* Parts of the image must not be taken for databases: their place stays. */
	memcpy(image + offsetof(struct image_header, db), h.db, sizeof(h.db));
	h.checksum = image_checksum(image, t->image_len);
	memcpy(image + offsetof(struct image_header, checksum), &h.checksum, sizeof(h.checksum));
	try_image(image, t->image_len);
	free(image);
}

static bool
ends(const char *d, size_t len, const char *suffix)
{
	size_t n = strlen(suffix);

	return len >= n && memcmp(d + len - n, suffix, n) == 0;
}

static bool
is_or_below(const char *d, size_t len, const char *name)
{
	size_t n = strlen(name);

	return ends(d, len, name) && (len == n || d[len - n - 1] == '.');
}

/* The rules above but the one on the address in plain words, for domains as mailbox gives them and
 * "x" before the @. */
static bool
expected(const char *d, size_t len)
{
	static const char *const slips[] = {"army.ml", "us.af.ml", "army.mi", "us.af.mi"};
	size_t i;

	if (len == 0 || (len > 4 && ends(d, len, ".mil")) || is_or_below(d, len, "example.com") ||
	    (len == 22 && memcmp(d, "narrow.mil.example.org", len) == 0))
		return false;
	for (i = 0; i < sizeof(slips) / sizeof(slips[0]); i++)
		if (is_or_below(d, len, slips[i]))
			return len < MATCHER_DOMAIN_MAX - 1;
	if ((len > 3 && ends(d, len, ".cm")) || is_or_below(d, len, "bad.example"))
		return true;
	return len >= 6 && memcmp(d, "login-", 6) == 0;
}

static void
judge(const struct target *t, const uint8_t *data, size_t size)
{
	const uint8_t *nul = size > 0 ? memchr(data, '\0', size) : NULL;
	size_t local_len = nul != NULL ? (size_t)(nul - data) : 0, len;
	const char *local = (const char *)data;
	char domain[MATCHER_DOMAIN_MAX];
	struct matcher_match match;
	int rc;

	data = nul != NULL ? nul + 1 : data;
	len = size - local_len - (nul != NULL);
	/* As it is, any octets and any length. */
	rc = matcher_judge(t->m, t->s,
			   &(struct matcher_query){local, local_len, (const char *)data, len},
			   &match);
	require(rc == 0 || rc == 1);
	if (rc == 1) {
		require(match.rule < matcher_nb_rules(t->m) && match.severity >= 1 &&
			match.severity <= 4);
		require(match.domain_len <= MATCHER_DOMAIN_MAX &&
			match.domain[match.domain_len] == '\0');
		require(match.meant_len <= MATCHER_DOMAIN_MAX &&
			match.meant[match.meant_len] == '\0');
	}
	/* And in the form in which rules are written, compared. */
	len = matcher_normalise((const char *)data, len < sizeof(domain) - 2 ? len : sizeof(domain) - 2, domain);
	if (len > sizeof(domain) - 2)
		return; /* with what is meant it would be no name any more */
	rc = matcher_judge(t->m, t->s, &(struct matcher_query){"x", 1, domain, len}, &match);
	require(rc == (expected(domain, len) ? 1 : 0));
}

/* Damerau's distance (optimal string alignment), or 2 for everything from 2 on. */
static unsigned int
distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned int rows[3][MATCHER_DOMAIN_MAX + 1], least, *row, *up, *above;
	size_t i, j;

	if (a_len > b_len + 1 || b_len > a_len + 1)
		return 2;
	for (j = 0; j <= b_len; j++)
		rows[0][j] = (unsigned int)j;
	for (i = 1; i <= a_len; i++) {
		row = rows[i % 3];
		up = rows[(i + 2) % 3];
		above = rows[(i + 1) % 3];
		row[0] = (unsigned int)i;
		for (j = 1; j <= b_len; j++) {
			least = up[j - 1] + (a[i - 1] != b[j - 1]);
			least = up[j] + 1 < least ? up[j] + 1 : least;
			least = row[j - 1] + 1 < least ? row[j - 1] + 1 : least;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    above[j - 2] + 1 < least)
				least = above[j - 2] + 1;
			row[j] = least;
		}
	}
	least = rows[a_len % 3][b_len];
	return least < 2 ? least : 2;
}

/* Must it match? An edit in "us", which is too short for most techniques, leaves the answer open. */
static bool
must_match(const char *d, size_t len)
{
	bool found = false;
	size_t start, i;

	for (i = 0; i < NB_NAMES; i++) {
		size_t n = strlen(names[i]);

		if (is_or_below(d, len, names[i]))
			return false;
		for (start = 0; start < len; start++)
			if ((start == 0 || d[start - 1] == '.') &&
			    strncmp(names[i], "us.", 3) != 0 &&
			    strncmp(names[i], "mail.", 5) != 0 &&
			    distance(d + start, len - start, names[i], n) == 1)
				found = true;
	}
	return found;
}

/* As octets, as letters, or, where other dots stand in front, with plain ones. */
static bool
is_one_edit(const char *domain, size_t len, const char *meant, size_t meant_len)
{
	static const enum idn_form forms[] = {IDN_LETTERS, IDN_LOOKS};
	static struct idn_text a, b;
	size_t i;

	if (distance(domain, len, meant, meant_len) == 1)
		return true;
	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (idn_read(domain, len, forms[i], IDN_LABELS_ALL, &a) &&
		    idn_read(meant, meant_len, forms[i], IDN_LABELS_ALL, &b) &&
		    distance(a.text, a.len, b.text, b.len) <= 1)
			return true;
	return false;
}

static void
judge_lookalike(const struct target *t, const uint8_t *data, size_t size)
{
	struct matcher_query q = {.domain = (const char *)data, .domain_len = size};
	char domain[MATCHER_DOMAIN_MAX];
	struct matcher_match match;
	size_t len, i, n;
	int rc;

	rc = matcher_judge(t->m, t->s, &q, &match); /* any octets, any length */
	require(rc == 0 || rc == 1);
	len = matcher_normalise((const char *)data, size < sizeof(domain) - 16 ? size : sizeof(domain) - 16, domain);
	if (len > sizeof(domain) - 16)
		return;
	q = (struct matcher_query){.domain = domain, .domain_len = len};
	rc = matcher_judge(t->m, t->s, &q, &match);
	require(rc == 1 || !must_match(domain, len));
	if (rc == 0)
		return;
	for (i = 0, n = 0; i < NB_NAMES; i++) {
		require(!is_or_below(domain, len, names[i]));
		if (is_or_below(match.meant, match.meant_len, names[i]))
			n = strlen(names[i]);
	}
	require(n > 0);
	/* What is said to be one edit away is that. */
	if (match.technique <= RULE_TECHNIQUE_SUBSTITUTION_KEY &&
	    match.technique >= RULE_TECHNIQUE_OMISSION)
		require(is_one_edit(domain, len, match.meant, match.meant_len));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct target *t = target();

	if (size == 0)
		return 0;
	if (data[0] == 0)
		try_image(data + 1, size - 1);
	else if (data[0] == 1)
		damage(t, data + 1, size - 1);
	else if (data[0] == 'D')
		damage(lookalike_target(), data + 1, size - 1);
	else if (data[0] == 'L')
		judge_lookalike(lookalike_target(), data + 1, size - 1);
	else
		judge(t, data + 1, size - 1);
	return 0;
}
