/* SPDX-License-Identifier: BSD-3-Clause */
#include "image_check.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <hs.h>

#include "added_words.h"
#include "hash64.h"
#include "matcher.h"

_Static_assert((int)RULE_TECHNIQUE_NB <= (int)IMAGE_TECHNIQUES,
	       "a profile has room for all techniques");

uint64_t
image_checksum(const void *image, size_t len)
{
	size_t from = offsetof(struct image_header, checksum) + sizeof(uint64_t);

	return hash64((const uint8_t *)image + from, len - from, IMAGE_VERSION);
}

int
image_engine(char engine[IMAGE_ENGINE_LEN], uint64_t *ret_cpu_features)
{
	const char *version = hs_version();
	hs_platform_info_t platform;
	size_t len = strlen(version);

	if (hs_populate_platform(&platform) != HS_SUCCESS)
		return -EPROTO;
	memset(engine, 0, IMAGE_ENGINE_LEN);
	memcpy(engine, version, len < IMAGE_ENGINE_LEN ? len : IMAGE_ENGINE_LEN - 1);
	*ret_cpu_features = platform.cpu_features;
	return 0;
}

static bool
part_fits(const struct image_part *part, size_t entry, size_t len)
{
	return part->offset % IMAGE_ALIGN == 0 && part->offset >= sizeof(struct image_header) &&
	       part->offset <= len && part->nb <= (len - part->offset) / entry;
}

/* The part fits and begins at *end or behind; *end becomes its own end. */
static bool
next_part(const struct image_part *part, size_t entry, size_t len, size_t *end)
{
	if (!part_fits(part, entry, len) || part->offset < *end)
		return false;
	*end = part->offset + (size_t)part->nb * entry;
	return true;
}

static bool
string_fits(const struct image_string *s, uint32_t strings_len, uint32_t min, uint32_t max)
{
	return s->len >= min && s->len <= max && s->offset <= strings_len &&
	       s->len <= strings_len - s->offset;
}

static bool
names_fit(const uint8_t *image, const struct image_header *h)
{
	struct image_name n;
	uint32_t i;

	for (i = 0; i < h->names.nb; i++) {
		memcpy(&n, image + h->names.offset + (size_t)i * sizeof(n), sizeof(n));
		if (!string_fits(&n.name, h->strings.nb, 1, MATCHER_DOMAIN_MAX) ||
		    (n.flags & ~IMAGE_NAME_ALL) != 0 || n.profile > h->profiles.nb)
			return false;
		/* A dot stands before the suffix, and something before the dot. */
		if (n.profile > 0 && (n.suffix_len < 1 || n.suffix_len > n.name.len ||
				      n.name.len - n.suffix_len < 2))
			return false;
	}
	return true;
}

static bool
patterns_fit(const uint8_t *image, const struct image_header *h)
{
	struct image_pattern p;
	uint32_t i, least;

	for (i = 0; i < h->patterns.nb; i++) {
		memcpy(&p, image + h->patterns.offset + (size_t)i * sizeof(p), sizeof(p));
		if (p.kind >= IMAGE_PATTERN_KIND_NB || p.rule >= h->nb_rules ||
		    p.technique >= RULE_TECHNIQUE_NB || p.severity < 1 || p.severity > 4 ||
		    p.db >= IMAGE_DB_NB)
			return false;
		least = p.kind == IMAGE_PATTERN_EXPRESSION ? 0 : 1;
		if (!string_fits(&p.text, h->strings.nb, least, MATCHER_DOMAIN_MAX))
			return false;
		least = p.kind <= IMAGE_PATTERN_SUFFIX_ANY ? 1 : 0;
		if (!string_fits(&p.meant, h->strings.nb, least, MATCHER_DOMAIN_MAX))
			return false;
	}
	return true;
}

static bool
profiles_fit(const uint8_t *image, const struct image_header *h)
{
	struct image_profile p;
	uint32_t i, t;

	for (i = 0; i < h->profiles.nb; i++) {
		memcpy(&p, image + h->profiles.offset + (size_t)i * sizeof(p), sizeof(p));
		if (p.rule >= h->nb_rules || p.techniques >> RULE_TECHNIQUE_NB != 0)
			return false;
		for (t = 0; t < IMAGE_TECHNIQUES; t++)
			if ((p.techniques >> t & 1) != 0 &&
			    (p.severity[t] < 1 || p.severity[t] > 4))
				return false;
	}
	return true;
}

static bool
suffixes_fit(const uint8_t *image, const struct image_header *h)
{
	struct image_suffix s;
	uint32_t i, least;

	for (i = 0; i < h->suffixes.nb; i++) {
		memcpy(&s, image + h->suffixes.offset + (size_t)i * sizeof(s), sizeof(s));
		if (s.kind >= IMAGE_SUFFIX_KIND_NB)
			return false;
		least = s.kind == IMAGE_SUFFIX_REAL ? 0 : 1;
		if (!string_fits(&s.typed, h->strings.nb, 1, MATCHER_DOMAIN_MAX) ||
		    !string_fits(&s.meant, h->strings.nb, least, MATCHER_DOMAIN_MAX))
			return false;
	}
	return true;
}

static bool
words_fit(const uint8_t *image, const struct image_header *h)
{
	struct image_word w;
	uint32_t i;

	for (i = 0; i < h->words.nb; i++) {
		memcpy(&w, image + h->words.offset + (size_t)i * sizeof(w), sizeof(w));
		if (!string_fits(&w.text, h->strings.nb, 1, ADDED_WORD_MAX))
			return false;
	}
	return true;
}

static int
engine_fits(const struct image_header *h)
{
	char engine[IMAGE_ENGINE_LEN];
	uint64_t features;

	if (image_engine(engine, &features) < 0 || memcmp(engine, h->engine, sizeof(engine)) != 0 ||
	    features != h->cpu_features)
		return -EPROTO;
	return 0;
}

int
image_check(const void *image, size_t len, struct image_header *ret_header, size_t *ret_meta_len)
{
	const uint8_t *octets = image;
	struct image_header h;
	size_t meta_len;
	int i;

	if (octets == NULL || len < sizeof(h) || len > IMAGE_LEN_MAX)
		return -EBADMSG;
	memcpy(&h, octets, sizeof(h));
	if (h.magic != IMAGE_MAGIC)
		return -EBADMSG;
	if (h.version != IMAGE_VERSION)
		return -EPROTO;
	if (h.header_len != sizeof(h) || h.total_len != len ||
	    h.checksum != image_checksum(octets, len))
		return -EBADMSG;
	meta_len = sizeof(h);
	if (!next_part(&h.names, sizeof(struct image_name), len, &meta_len) ||
	    !next_part(&h.patterns, sizeof(struct image_pattern), len, &meta_len) ||
	    !next_part(&h.profiles, sizeof(struct image_profile), len, &meta_len) ||
	    !next_part(&h.suffixes, sizeof(struct image_suffix), len, &meta_len) ||
	    !next_part(&h.words, sizeof(struct image_word), len, &meta_len) ||
	    !next_part(&h.strings, 1, len, &meta_len))
		return -EBADMSG;
	for (i = 0; i < IMAGE_DB_NB; i++)
		if (!part_fits(&h.db[i], 1, len) || h.db[i].offset < meta_len)
			return -EBADMSG;
	if (!names_fit(octets, &h) || !patterns_fit(octets, &h) || !profiles_fit(octets, &h) ||
	    !suffixes_fit(octets, &h) || !words_fit(octets, &h))
		return -EBADMSG;
	*ret_header = h;
	*ret_meta_len = meta_len;
	return engine_fits(&h);
}
