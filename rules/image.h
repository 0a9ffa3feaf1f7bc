/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * image - the compiled rule set as octets: what compile.c writes and matcher.c reads
 *
 *	+--------+---------+------------+------------+------------+---------+---------+-----------------+------------------+
 *	| header | names[] | patterns[] | profiles[] | suffixes[] | words[] | strings | database DOMAIN | database ADDRESS |
 *	+--------+---------+------------+------------+------------+---------+---------+-----------------+------------------+
 *	         each part at a multiple of 8; offsets from the start, no pointers
 *
 * Trust:     the image is made by ctrl from root's files and comes over a sealed memfd: a trusted peer. The checks (magic,
 *            version, length, checksum, every offset and index) are against damage, truncation and versions that do not
 *            fit, not against forgery; Hyperscan checks its own serialised form (CRC) on top. They are whole all
 *            the same: no octets may make the matcher read outside the image.
 * Engine:    a database fits one Hyperscan version on one kind of CPU: both stand in the header, what differs is
 *            -EPROTO (compile again), before Hyperscan sees the octets.
 * Version:   any change of layout or meaning needs a new IMAGE_VERSION.
 */
#ifndef POSTERN_IMAGE_H
#define POSTERN_IMAGE_H

#include <stdint.h>

#define IMAGE_MAGIC UINT64_C(0x31454c5552545350) /* "PSTRULE1" on a little-endian host */
#define IMAGE_VERSION 3u

enum {
	IMAGE_ALIGN = 8,
	IMAGE_LEN_MAX = 1 << 30, /* octets */
	IMAGE_ENGINE_LEN = 48,
	IMAGE_TECHNIQUES = 48, /* room for enum rule_technique */
};

/* Databases: patterns over the domain alone, and over local@domain. The second is there only when a rule needs it. */
enum image_db {
	IMAGE_DB_DOMAIN,
	IMAGE_DB_ADDRESS,
	IMAGE_DB_NB,
};

struct image_part {
	uint32_t offset; /* from the start of the image */
	uint32_t nb;	 /* entries, or octets for strings and databases */
};

struct image_header {
	uint64_t magic;
	uint32_t version;
	uint32_t header_len;
	uint64_t total_len;
	uint64_t checksum;	       /* hash64() of everything after this field */
	uint64_t cpu_features;	       /* Hyperscan's, of the machine that compiled */
	char engine[IMAGE_ENGINE_LEN]; /* hs_version(), NUL-padded */
	uint32_t generation;
	uint32_t nb_rules;
	struct image_part names; /* struct image_name */
	struct image_part
		patterns; /* struct image_pattern; a pattern's index is its id in the databases */
	struct image_part profiles; /* struct image_profile */
	struct image_part suffixes; /* struct image_suffix */
	struct image_part words;    /* struct image_word */
	struct image_part strings;
	struct image_part db[IMAGE_DB_NB]; /* nb: octets, 0: there is none */
};
_Static_assert(sizeof(struct image_header) ==
		       8 * 5 + IMAGE_ENGINE_LEN + 8 + 8 * 6 + 8 * IMAGE_DB_NB,
	       "image header layout");

struct image_string {
	uint32_t offset; /* into strings */
	uint32_t len;
};

enum image_name_flags {
	IMAGE_NAME_SELF = 1u << 0,  /* the name itself is legitimate and protected */
	IMAGE_NAME_BELOW = 1u << 1, /* names below it are legitimate */
	IMAGE_NAME_ALL = IMAGE_NAME_SELF | IMAGE_NAME_BELOW,
};

/* A name given as `protect`. With BELOW and without SELF it is a zone ("*.mil"). */
struct image_name {
	struct image_string name;
	uint32_t flags;
	uint32_t profile;    /* index + 1 of how its lookalikes are judged; 0: they are not looked for */
	uint32_t suffix_len; /* octets of its public suffix; with a profile: at least 1, and the name is longer */
	uint32_t reserved;
};

/* How lookalikes of some names are judged. */
struct image_profile {
	uint32_t rule;
	uint32_t words; /* number of the list of words that may be added, besides everybody's; 0: none */
	uint64_t techniques;		     /* set of 1 << enum rule_technique: those looked for */
	uint8_t severity[IMAGE_TECHNIQUES];  /* 1..4 */
	uint8_t min_label[IMAGE_TECHNIQUES]; /* characters a label must have */
};

/*
 * A suffix that is typed where another is meant; or, with REAL, one that exists below another registry and
 * ends nothing: "mil.ph" behind "mil" is the Philippines' own.
 */
enum image_suffix_kind {
	IMAGE_SUFFIX_TLD,
	IMAGE_SUFFIX_COUNTRY,
	IMAGE_SUFFIX_REAL,
	IMAGE_SUFFIX_KIND_NB,
};

struct image_suffix {
	struct image_string typed;
	struct image_string meant; /* empty for REAL */
	uint32_t kind;
	uint32_t reserved;
};

/* A word of a list: what deceives with it is added to a name (added_words.h). */
struct image_word {
	struct image_string text; /* lower case, 1 to 63 octets */
	uint32_t list;		  /* from 1 */
	uint32_t reserved;
};

enum image_pattern_kind {
	IMAGE_PATTERN_SUFFIX,	  /* suffix -> meant, when the meant name is protected */
	IMAGE_PATTERN_SUFFIX_ANY, /* suffix -> meant, always */
	IMAGE_PATTERN_LITERAL,	  /* this domain and those below it */
	IMAGE_PATTERN_EXPRESSION, /* operator's: what Hyperscan found is the match */
	IMAGE_PATTERN_KIND_NB,
};

struct image_pattern {
	uint32_t kind;
	uint32_t rule;
	uint16_t technique;
	uint8_t severity; /* 1..4 */
	uint8_t db;	  /* enum image_db */
	uint32_t reserved;
	struct image_string
		text; /* suffix or literal without a leading dot; empty for an expression */
	struct image_string meant; /* suffix for suffixes; a domain or empty for the others */
};

#endif
