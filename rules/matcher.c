/* SPDX-License-Identifier: BSD-3-Clause */
#include "matcher.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <hs.h>

#include "idn.h"
#include "image.h"
#include "image_check.h"
#include "innocent_cache.h"
#include "lookalike.h"
#include "matcher_advice.h"
#include "name_table.h"

_Static_assert((int)MATCHER_DOMAIN_MAX == IDN_DOMAIN_MAX && (int)MATCHER_DOMAIN_MAX == IDN_TEXT_MAX, "a domain fits");

struct matcher {
	struct name_table names;
	struct lookalike lookalikes;
	const struct image_pattern *patterns;
	const char *strings;
	uint32_t nb_patterns;
	uint32_t nb_rules;
	uint32_t generation;
	hs_database_t *db[IMAGE_DB_NB]; /* NULL: no pattern of that kind */
	void *meta;			/* copy of the image without its databases */
};

struct matcher_scratch {
	hs_scratch_t *hs; /* NULL when the set has no pattern */
	struct innocent_cache innocent;
	char subject[MATCHER_SUBJECT_MAX];
};

static int
db_load(const uint8_t *image, const struct image_part *part, hs_database_t **ret)
{
	const char *octets = (const char *)image + part->offset;
	char *copy = NULL;
	hs_error_t err;

	if (part->nb == 0)
		return 0;
	if ((uintptr_t)octets % IMAGE_ALIGN !=
	    0) { /* Hyperscan refuses octets that are not aligned */
		copy = malloc(part->nb);
		if (copy == NULL)
			return -ENOMEM;
		memcpy(copy, octets, part->nb);
		octets = copy;
	}
	err = hs_deserialize_database(octets, part->nb, ret);
	free(copy);
	switch (err) {
	case HS_SUCCESS:
		return 0;
	case HS_NOMEM:
		return -ENOMEM;
	case HS_DB_VERSION_ERROR:
	case HS_DB_PLATFORM_ERROR:
	case HS_DB_MODE_ERROR:
		return -EPROTO;
	default:
		return -EBADMSG;
	}
}

static int
lookalikes_load(struct matcher *m, const struct image_header *h, uint64_t seed)
{
	const char *meta = m->meta;
	struct lookalike_parts parts = {
		.strings = m->strings,
		.names = (const struct image_name *)(meta + h->names.offset),
		.nb_names = h->names.nb,
		.profiles = (const struct image_profile *)(meta + h->profiles.offset),
		.suffixes = (const struct image_suffix *)(meta + h->suffixes.offset),
		.nb_suffixes = h->suffixes.nb,
		.words = (const struct image_word *)(meta + h->words.offset),
		.nb_words = h->words.nb,
	};

	return lookalike_init(&m->lookalikes, &parts, seed);
}

int
matcher_load(const void *image, size_t len, struct matcher **ret)
{
	struct image_header h;
	struct matcher *m;
	uint64_t seed;
	size_t meta_len;
	int rc, i;

	rc = image_check(image, len, &h, &meta_len);
	if (rc < 0)
		return rc;
	m = calloc(1, sizeof(*m));
	if (m == NULL)
		return -ENOMEM;
	rc = -ENOMEM;
	m->meta = malloc(meta_len);
	if (m->meta == NULL)
		goto fail;
	memcpy(m->meta, image, meta_len);
	m->strings = (const char *)m->meta + h.strings.offset;
	m->patterns = (const struct image_pattern *)((const char *)m->meta + h.patterns.offset);
	m->nb_patterns = h.patterns.nb;
	m->nb_rules = h.nb_rules;
	m->generation = h.generation;
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != (ssize_t)sizeof(seed))
		seed = (uint64_t)(uintptr_t)
			       m->meta; /* before the pool is filled at boot; see name_table.h */
	rc = name_table_init(&m->names,
			     (const struct image_name *)((const char *)m->meta + h.names.offset),
			     h.names.nb, m->strings, seed);
	if (rc < 0)
		goto fail;
	rc = lookalikes_load(m, &h, seed);
	if (rc < 0)
		goto fail;
	for (i = 0; i < IMAGE_DB_NB; i++) {
		rc = db_load(image, &h.db[i], &m->db[i]);
		if (rc < 0)
			goto fail;
	}
	*ret = m;
	return 0;
fail:
	matcher_free(m);
	return rc;
}

void
matcher_free(struct matcher *m)
{
	int i;

	if (m == NULL)
		return;
	for (i = 0; i < IMAGE_DB_NB; i++)
		hs_free_database(m->db[i]);
	name_table_fini(&m->names);
	lookalike_fini(&m->lookalikes);
	free(m->meta);
	free(m);
}

uint32_t
matcher_generation(const struct matcher *m)
{
	return m->generation;
}

uint32_t
matcher_nb_rules(const struct matcher *m)
{
	return m->nb_rules;
}

int
matcher_scratch_new(const struct matcher *m, struct matcher_scratch **ret)
{
	struct matcher_scratch *s = calloc(1, sizeof(*s));
	hs_error_t err;
	int i;

	if (s == NULL)
		return -ENOMEM;
	s->innocent.seed = m->names.seed;
	for (i = 0; i < IMAGE_DB_NB; i++) {
		if (m->db[i] == NULL)
			continue;
		err = hs_alloc_scratch(m->db[i], &s->hs);
		if (err != HS_SUCCESS) {
			matcher_scratch_free(s);
			return err == HS_NOMEM ? -ENOMEM : -EPROTO;
		}
	}
	*ret = s;
	return 0;
}

void
matcher_scratch_free(struct matcher_scratch *s)
{
	if (s == NULL)
		return;
	hs_free_scratch(s->hs);
	free(s);
}

/* One recipient being judged. */
struct judgement {
	const struct matcher *m;
	const char *domain;
	size_t domain_len;
	const uint64_t *without;
	const struct image_pattern *best;
	size_t meant_len;
	char meant[MATCHER_DOMAIN_MAX + 1];
};

static bool
ends_below(const struct judgement *j, const char *suffix, size_t len)
{
	return j->domain_len > len && j->domain[j->domain_len - len - 1] == '.' &&
	       memcmp(j->domain + j->domain_len - len, suffix, len) == 0;
}

/* What was meant: the domain with its suffix exchanged. False when it can't be a name, or has to be protected. */
static bool
verify_suffix(struct judgement *j, const struct image_pattern *p, const char *text,
	      const char *meant)
{
	char candidate[MATCHER_DOMAIN_MAX];
	size_t head = j->domain_len - p->text.len, len = head + p->meant.len;

	if (!ends_below(j, text, p->text.len) || head <= 1 || len > sizeof(candidate))
		return false;
	memcpy(candidate, j->domain, head);
	memcpy(candidate + head, meant, p->meant.len);
	if (p->kind == IMAGE_PATTERN_SUFFIX &&
	    (name_table_classify(&j->m->names, candidate, len, NULL) & NAME_PROTECTED) == 0)
		return false;
	memcpy(j->meant, candidate, len);
	j->meant_len = len;
	return true;
}

static bool
verify(struct judgement *j, const struct image_pattern *p)
{
	const char *text = j->m->strings + p->text.offset;
	const char *meant = j->m->strings + p->meant.offset;

	if (p->kind == IMAGE_PATTERN_SUFFIX || p->kind == IMAGE_PATTERN_SUFFIX_ANY)
		return verify_suffix(j, p, text, meant);
	if (p->kind == IMAGE_PATTERN_LITERAL && !ends_below(j, text, p->text.len) &&
	    (j->domain_len != p->text.len || memcmp(j->domain, text, p->text.len) != 0))
		return false;
	memcpy(j->meant, meant, p->meant.len);
	j->meant_len = p->meant.len;
	return true;
}

static int
on_hit(unsigned int id, unsigned long long from, unsigned long long to, unsigned int flags,
       void *ctx)
{
	struct judgement *j = ctx;
	const struct image_pattern *p, *best = j->best;

	if (id >= j->m->nb_patterns)
		return 0;
	p = &j->m->patterns[id];
	if (j->without != NULL && (j->without[p->rule / 64] >> p->rule % 64 & 1) != 0)
		return 0;
	if (best != NULL && (p->severity < best->severity ||
			     (p->severity == best->severity &&
			      (p->rule > best->rule || (p->rule == best->rule && p > best)))))
		return 0;
	if (verify(j, p))
		j->best = p;
	return 0;
}

/*
 * Lower case, without trailing dots; the last octets of what is too long; labels of other letters as A-labels where that can
 * be. *ret_is_idn: there are such.
 */
static size_t
normalise(char dst[MATCHER_DOMAIN_MAX], const char *src, size_t len, bool *ret_is_idn)
{
	char ascii[IDN_DOMAIN_MAX];
	unsigned char all = 0;
	size_t i, n;

	while (len > 0 && src[len - 1] == '.')
		len--;
	if (len > MATCHER_DOMAIN_MAX) {
		src += len - MATCHER_DOMAIN_MAX;
		len = MATCHER_DOMAIN_MAX;
	}
	for (i = 0; i < len; i++) {
		char c = src[i];

		dst[i] = (char)(c | ((c >= 'A' && c <= 'Z') << 5));
		all |= (unsigned char)c;
	}
	*ret_is_idn = false;
	if (len == 0)
		return 0;
	/* Nearly all have neither octets above 0x7f nor a hyphen. */
	*ret_is_idn = all >= 0x80 || (memchr(src, '-', len) != NULL && idn_is(dst, len));
	n = *ret_is_idn ? idn_to_ascii(dst, len, ascii) : 0;
	if (n == 0)
		return len;
	memcpy(dst, ascii, n);
	*ret_is_idn = idn_is(dst, n);
	return n;
}

size_t
matcher_normalise(const char *domain, size_t len, char dst[MATCHER_DOMAIN_MAX])
{
	bool is_idn;

	return normalise(dst, domain, len, &is_idn);
}

bool
matcher_is_legitimate(const struct matcher *m, const char *domain, size_t domain_len)
{
	char name[MATCHER_DOMAIN_MAX];
	size_t len = matcher_normalise(domain, domain_len, name);

	return len > 0 && (name_table_classify(&m->names, name, len, NULL) & NAME_LEGITIMATE) != 0;
}

static bool
scan(const struct matcher *m, enum image_db db, const char *subject, size_t len,
     struct matcher_scratch *s, struct judgement *j)
{
	return m->db[db] == NULL ||
	       hs_scan(m->db[db], subject, (unsigned int)len, 0, s->hs, on_hit, j) == HS_SUCCESS;
}

/* local@domain, the domain at its fixed place at the end of @s->subject; a long local part loses its front. */
static const char *
put_local(struct matcher_scratch *s, const struct matcher_query *q, char *domain)
{
	size_t room = (size_t)(domain - s->subject) - 1, len = q->local_len;
	const char *local = q->local;

	if (len > room) {
		local += len - room;
		len = room;
	}
	domain[-1] = '@';
	if (len > 0)
		memcpy(domain - 1 - len, local, len);
	return domain - 1 - len;
}

static void
fill(struct matcher_match *ret, uint32_t rule, uint16_t technique, uint8_t severity)
{
	ret->rule = rule;
	ret->technique = technique;
	ret->severity = severity;
	ret->reserved = 0;
}

static void
fill_names(struct matcher_match *ret, const char *domain, size_t domain_len, const char *meant,
	   size_t meant_len)
{
	ret->domain_len = (uint16_t)domain_len;
	memcpy(ret->domain, domain, domain_len);
	ret->domain[domain_len] = '\0';
	ret->meant_len = (uint16_t)meant_len;
	memcpy(ret->meant, meant, meant_len);
	ret->meant[meant_len] = '\0';
}

/* Hyperscan's part. */
static int
scan_all(struct judgement *j, struct matcher_scratch *s, const struct matcher_query *q, char *domain)
{
	const struct matcher *m = j->m;
	const char *subject;

	if (!scan(m, IMAGE_DB_DOMAIN, domain, j->domain_len, s, j))
		return -EIO;
	if (m->db[IMAGE_DB_ADDRESS] == NULL)
		return 0;
	subject = put_local(s, q, domain);
	return scan(m, IMAGE_DB_ADDRESS, subject, (size_t)(domain - subject) + j->domain_len, s, j)
		       ? 0
		       : -EIO;
}

int
matcher_judge(const struct matcher *m, struct matcher_scratch *s, const struct matcher_query *q,
	      struct matcher_match *ret_match)
{
	return matcher_judge_without(m, s, q, NULL, ret_match);
}

/* What innocent_cache may answer: questions to the whole set, when only the domain decides. */
static bool
is_cacheable(const struct matcher *m, const uint64_t *without)
{
	return without == NULL && m->db[IMAGE_DB_ADDRESS] == NULL;
}

int
matcher_judge_without(const struct matcher *m, struct matcher_scratch *s, const struct matcher_query *q,
		      const uint64_t *without, struct matcher_match *ret_match)
{
	char *domain = s->subject + MATCHER_SUBJECT_MAX - MATCHER_DOMAIN_MAX;
	struct lookalike_query like_q = {.domain = domain, .without = without};
	struct lookalike_match like;
	struct judgement j;
	unsigned int class;
	size_t zone_len;

	j.domain_len = normalise(domain, q->domain, q->domain_len, &like_q.is_idn);
	if (j.domain_len == 0)
		return 0;
	if (is_cacheable(m, without) && innocent_cache_has(&s->innocent, domain, j.domain_len))
		return 0;
	j.m = m;
	j.domain = domain;
	j.without = without;
	j.best = NULL;
	j.meant_len = 0;
	class = name_table_classify(&m->names, domain, j.domain_len, &zone_len);
	like_q.len = j.domain_len;
	/* An unknown name in a zone is right unless it is a slip of a known one: no rule can say otherwise. */
	if ((class & NAME_UNKNOWN) != 0)
		like_q.zone_len = zone_len;
	else if ((class & NAME_LEGITIMATE) != 0)
		goto innocent;
	else if (scan_all(&j, s, q, domain) < 0)
		return -EIO;
	/* A rule that somebody wrote goes before a lookalike of the same severity. */
	if (lookalike_judge(&m->lookalikes, &like_q, &like) &&
	    (j.best == NULL || like.severity > j.best->severity)) {
		fill(ret_match, like.rule, like.technique, like.severity);
		fill_names(ret_match, domain, j.domain_len, like.meant, like.meant_len);
		return 1;
	}
	if (j.best == NULL)
		goto innocent;
	fill(ret_match, j.best->rule, j.best->technique, j.best->severity);
	fill_names(ret_match, domain, j.domain_len, j.meant, j.meant_len);
	return 1;
innocent:
	if (is_cacheable(m, without))
		innocent_cache_put(&s->innocent, domain, j.domain_len);
	return 0;
}

bool
matcher_neighbour(const struct matcher *m, uint32_t name, struct lookalike_match *ret)
{
	const struct image_name *n = &m->lookalikes.names[name];
	struct lookalike_query q = {
		.domain = m->strings + n->name.offset, .len = n->name.len, .except = name + 1};
	const char *dot = memchr(q.domain, '.', q.len);
	char sibling[MATCHER_DOMAIN_MAX + 1] = "-"; /* of the name: what stands above both decides about it */
	unsigned int class;
	size_t zone_len, len;

	if (dot == NULL || (n->flags & IMAGE_NAME_SELF) == 0)
		return false;
	len = q.len - (size_t)(dot - q.domain) + 1;
	memcpy(sibling + 1, dot, len - 1);
	class = name_table_classify(&m->names, sibling, len, &zone_len);
	if ((class & NAME_PROTECTED) != 0)
		return false;
	q.zone_len = (class & NAME_UNKNOWN) != 0 ? zone_len : 0;
	return lookalike_judge(&m->lookalikes, &q, ret);
}

bool
matcher_taken_for(const struct matcher *m, const char *domain, struct lookalike_match *ret)
{
	struct lookalike_query q = {.domain = domain, .len = strlen(domain)};
	unsigned int class = name_table_classify(&m->names, domain, q.len, &q.zone_len);

	if ((class & NAME_UNKNOWN) == 0)
		q.zone_len = 0;
	return ((class & NAME_LEGITIMATE) == 0 || (class & NAME_UNKNOWN) != 0) &&
	       lookalike_judge(&m->lookalikes, &q, ret);
}

bool
matcher_is_protected(const struct matcher *m, const char *domain)
{
	return (name_table_classify(&m->names, domain, strlen(domain), NULL) & NAME_PROTECTED) != 0;
}

bool
matcher_is_right_below(const struct matcher *m, const char *domain)
{
	char below[MATCHER_DOMAIN_MAX + 3];
	int len = snprintf(below, sizeof(below), "-.%s", domain);

	return len < (int)sizeof(below) &&
	       (name_table_classify(&m->names, below, (size_t)len, NULL) & NAME_LEGITIMATE) != 0;
}
