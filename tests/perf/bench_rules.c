/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_rules - what a recipient costs, by the number of protected domains
 *
 * For 1 to 100,000 made-up names two tables. The first: time to build the set, alone and with what Hyperscan has to compile
 * beside it (suffixes, expressions, a list of as many domains, 10,000 at most), time to load the matcher, its memory, and ns
 * per recipient (the best of 25 rounds) over a mix of 40 % large providers, 45 % strangers, 10 % protected and 5 %
 * lookalikes; over its parts: providers (nearly always in the cache of innocents), strangers (in it never: this is what is
 * normal for a domain seen for the first time), protected ones, lookalikes; and over the mix with one letter of each domain
 * in another script or with a mark, half in UTF-8 and half as A-labels (idn).
 * The second: floods of domains that are all different and made to cost, in ns per recipient and per octet, and as a multiple
 * of a stranger's: see enum flood. It prints and judges nothing.
 * Usage: bench_rules [--idn SHARE] [most names [least]], SHARE: of 100 protected names, how many are internationalised (0).
 */
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "matcher.h"
#include "ruleset.h"

enum {
	NB_RECIPIENTS = 20000,
	DOMAIN_LEN = 256,
	ROUNDS = 25,
	NB_ROWS_MAX = 8,
	FEED_MAX = 10000, /* literals; Hyperscan takes ten times as long for ten times as many */
};

static uint64_t seed = 1;

static uint32_t
draw(uint32_t below)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(seed >> 33) % below;
}

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void
make_name(char dst[DOMAIN_LEN])
{
	static const char *const syllables[] = {
		"ba",  "con", "der", "fi",  "gal",  "ho",  "in",  "jo",	 "kel", "lu",
		"mar", "net", "or",  "pen", "qui",  "ran", "so",  "tec", "ul",	"ver",
		"wi",  "xo",  "ya",  "zen", "stra", "blu", "pri", "dex", "mon", "tal"};
	static const char *const suffixes[] = {"com", "com", "com", "com",   "com", "com",
					       "net", "org", "de",  "co.uk", "mil", "gov"};
	unsigned int nb = 3 + draw(3), i;
	size_t used = 0;

	for (i = 0; i < nb; i++)
		used += (size_t)snprintf(dst + used, DOMAIN_LEN - used, "%s", syllables[draw(30)]);
	snprintf(dst + used, DOMAIN_LEN - used, ".%s", suffixes[draw(12)]);
}

/* Whose domains. */
enum part {
	PART_MIX,
	PART_PROVIDERS,
	PART_STRANGERS,
	PART_PROTECTED,
	PART_LOOKALIKES, /* a character less */
	PART_NB,
};

static void
make_part(char (*list)[DOMAIN_LEN], char (*names)[DOMAIN_LEN], size_t nb, enum part part)
{
	static const char *const providers[] = {"gmail.com", "outlook.com", "yahoo.com",
						"icloud.com", "gmx.de"};
	size_t i, len, pos;
	enum part p;
	uint32_t kind;

	for (i = 0; i < NB_RECIPIENTS; i++) {
		p = part;
		if (p == PART_MIX) {
			kind = draw(100);
			p = kind < 40	? PART_PROVIDERS
			    : kind < 85 ? PART_STRANGERS
			    : kind < 95 ? PART_PROTECTED
					: PART_LOOKALIKES;
		}
		if (p == PART_PROVIDERS)
			strcpy(list[i], providers[draw(5)]);
		else if (p == PART_STRANGERS)
			make_name(list[i]);
		else
			strcpy(list[i], names[draw((uint32_t)nb)]);
		if (p != PART_LOOKALIKES)
			continue;
		len = strlen(list[i]);
		pos = draw((uint32_t)len);
		memmove(list[i] + pos, list[i] + pos + 1, len - pos);
	}
}

struct result {
	double ns, octets; /* per recipient */
	size_t nb_matches;
};

/* The domains one behind the other, as in a packet that was just read: their memory is not what is measured. */
static char *
pack(char (*list)[DOMAIN_LEN], uint32_t offsets[NB_RECIPIENTS + 1])
{
	char *text = malloc((size_t)NB_RECIPIENTS * DOMAIN_LEN);
	uint32_t used = 0;
	size_t i, len;

	if (text == NULL)
		abort();
	for (i = 0; i < NB_RECIPIENTS; i++) {
		offsets[i] = used;
		len = strlen(list[i]);
		memcpy(text + used, list[i], len);
		used += (uint32_t)len;
	}
	offsets[i] = used;
	return text;
}

static struct result
measure(const struct matcher *m, struct matcher_scratch *s, char (*list)[DOMAIN_LEN])
{
	static uint32_t offsets[NB_RECIPIENTS + 1];
	char *text = pack(list, offsets);
	struct result r = {.octets = (double)offsets[NB_RECIPIENTS] / NB_RECIPIENTS};
	struct matcher_match match;
	double start, ns;
	size_t i;
	int round;

	for (round = 0; round < ROUNDS; round++) {
		r.nb_matches = 0;
		start = now();
		for (i = 0; i < NB_RECIPIENTS; i++) {
			struct matcher_query q = {"x", 1, text + offsets[i], offsets[i + 1] - offsets[i]};

			r.nb_matches += matcher_judge(m, s, &q, &match) == 1;
		}
		ns = (now() - start) / NB_RECIPIENTS;
		r.ns = round == 0 || ns < r.ns ? ns : r.ns;
	}
	free(text);
	return r;
}

/* One letter of the domain as one of another script or with a mark; in UTF-8, or as an A-label. */
static void
make_idn(char domain[DOMAIN_LEN], bool as_ascii)
{
	static const struct {
		char from;
		const char *to;
	} letters[] = {{'a', "а"}, {'e', "é"}, {'i', "і"}, {'o', "ö"}, {'u', "ü"}};
	size_t len = strlen(domain), at = draw((uint32_t)len), i, k;
	char made[DOMAIN_LEN], ascii[MATCHER_DOMAIN_MAX];

	for (i = 0; i < len; i++, at = (at + 1) % len) {
		for (k = 0; k < 5 && letters[k].from != domain[at]; k++)
			;
		if (k == 5)
			continue;
		snprintf(made, sizeof(made), "%.*s%s%.200s", (int)at, domain, letters[k].to, domain + at + 1);
		strcpy(domain, made);
		break;
	}
	if (!as_ascii)
		return;
	len = matcher_normalise(domain, strlen(domain), ascii);
	memcpy(domain, ascii, len);
	domain[len] = '\0';
}

enum flood {
	FLOOD_SHORT,
	FLOOD_LABELS,	/* as many labels as there can be */
	FLOOD_LONG,	/* labels of eight characters up to the longest domain */
	FLOOD_HALVES,	/* the front of one protected name and the back of another: who knows them can get past the filters */
	FLOOD_WORDS,	/* words before and behind, www, hyphens, suffixes that are slips of several */
	FLOOD_IDN,	/* strangers with one other letter, half of them as A-labels */
	FLOOD_IDN_LONG, /* labels of one letter with a mark, as many as there can be */
	FLOOD_NB,
};

static const char *const flood_names[FLOOD_NB] = {"short", "labels", "long", "halves", "words", "idn", "idn long"};

static void
fill_random(char *dst, size_t len, size_t label)
{
	size_t i;

	for (i = 0; i < len; i++)
		dst[i] = i % (label + 1) == label ? '.' : (char)('a' + draw(26));
	dst[len] = '\0';
}

static void
make_words(char domain[DOMAIN_LEN])
{
	static const char *const suffixes[] = {"co", "con", "om", "cm",	   "ml",
					       "nt", "ogr", "gv", "co.ul", "com.com"};
	char a[16], b[16], c[16];

	fill_random(a, 6 + draw(8), 15);
	fill_random(b, 6 + draw(8), 15);
	fill_random(c, 6 + draw(8), 15);
	snprintf(domain, DOMAIN_LEN, "www%s-login.secure-%s-mail.my-%s-support.%s", a, b, c, suffixes[draw(10)]);
}

static void
make_halves(char domain[DOMAIN_LEN], const char *front, const char *back)
{
	size_t front_len = strlen(front) / 2, back_len = strlen(back) / 2;

	snprintf(domain, DOMAIN_LEN, "%.*s%c%s", (int)front_len, front, (int)('a' + draw(26)), back + back_len);
}

static void
make_flood(char (*list)[DOMAIN_LEN], char (*names)[DOMAIN_LEN], size_t nb, enum flood kind)
{
	size_t i, len;

	for (i = 0; i < NB_RECIPIENTS; i++) {
		switch (kind) {
		case FLOOD_HALVES:
			make_halves(list[i], names[draw((uint32_t)nb)], names[draw((uint32_t)nb)]);
			continue;
		case FLOOD_WORDS:
			make_words(list[i]);
			continue;
		case FLOOD_IDN:
			make_name(list[i]);
			make_idn(list[i], i % 2 == 0);
			continue;
		case FLOOD_IDN_LONG:
			for (len = 0; len < 248; len += 3)
				snprintf(list[i] + len, DOMAIN_LEN - len, "\xc3%c.", (int)(0xa0 + draw(22)));
			strcpy(list[i] + len, "com");
			continue;
		default:
			break;
		}
		len = kind == FLOOD_SHORT ? 12 + draw(12) : 253;
		fill_random(list[i], len, kind == FLOOD_LABELS ? 1 : kind == FLOOD_LONG ? 8 : 60);
		memcpy(list[i] + len - 4, ".com", 5);
	}
}

/* Unique: letters of its number before each. @idn: of 100 names, how many are internationalised. */
static void
make_names(char (*names)[DOMAIN_LEN], size_t nb, uint32_t idn)
{
	char line[DOMAIN_LEN];
	size_t i;

	for (i = 0; i < nb; i++) {
		make_name(names[i]);
		snprintf(line, sizeof(line), "%c%c%c%.200s", (int)('a' + i % 26),
			 (int)('a' + i / 26 % 26), (int)('a' + i / 676 % 26), names[i]);
		if (i >= 17576)
			snprintf(line, sizeof(line), "%c%c%c%c%.200s", (int)('a' + i % 26),
				 (int)('a' + i / 26 % 26), (int)('a' + i / 676 % 26),
				 (int)('a' + i / 17576), names[i]);
		if (draw(100) < idn)
			make_idn(line, true);
		strcpy(names[i], line);
	}
}

/* ms for the names as a rule set; with @patterns also what Hyperscan compiles: suffixes, expressions, a list as long. */
static double
build(char (*names)[DOMAIN_LEN], size_t nb, bool patterns, struct ruleset **ret)
{
	char *text = malloc(1024 + nb * 100);
	struct rule_errors errs;
	double start;
	size_t used, i;

	if (text == NULL)
		abort();
	used = (size_t)sprintf(text, "version: 1\nprotect:\n");
	for (i = 0; i < nb; i++)
		used += (size_t)sprintf(text + used, "  - %s\n", names[i]);
	if (patterns) {
		used += (size_t)sprintf(text + used,
					"rules:\n  - {id: tld, suffix: [ml, mi, mll, mli, il, mul], meant: mil}\n"
					"  - {id: all, suffix: [couk, co.ul, co.u, comm, con], meant: com, match: every}\n"
					"watch:\n  - {id: e1, expression: '^login-.*\\.(com|net)$'}\n"
					"  - {id: e2, expression: '[0-9]{4}-(secure|verify)'}\n"
					"  - id: feed\n    literal:\n");
		for (i = 0; i < nb && i < FEED_MAX; i++)
			used += (size_t)sprintf(text + used, "      - feed%zu-%04x.example\n", i, draw(65536));
	}
	start = now();
	if (ruleset_load_octets("bench", text, used, 1, &errs, ret) != 0) {
		fprintf(stderr, "bench_rules: %s\n", errs.nb > 0 ? errs.list[0].what : "?");
		exit(1);
	}
	start = now() - start;
	rule_errors_free(&errs);
	free(text);
	return start / 1e6;
}

static size_t
allocated(void)
{
	return mallinfo2().uordblks + mallinfo2().hblkhd;
}

struct row {
	size_t nb;
	double build, build_all, load, memory; /* ms, MB */
	struct result parts[PART_NB], idn, floods[FLOOD_NB];
};

static void
bench(size_t nb, uint32_t idn, struct row *ret)
{
	char(*names)[DOMAIN_LEN] = calloc(nb, sizeof(*names)), (*list)[DOMAIN_LEN] = calloc(NB_RECIPIENTS, sizeof(*list));
	struct matcher_scratch *s;
	struct ruleset *set;
	const void *image;
	struct matcher *m;
	size_t i, len;
	int kind;

	if (names == NULL || list == NULL)
		abort();
	make_names(names, nb, idn);
	ret->nb = nb;
	ret->build_all = build(names, nb, true, &set);
	ruleset_free(set);
	ret->build = build(names, nb, false, &set);
	image = ruleset_image(set, &len);
	ret->memory = (double)allocated();
	ret->load = now();
	if (matcher_load(image, len, &m) != 0 || matcher_scratch_new(m, &s) != 0)
		abort();
	ret->load = (now() - ret->load) / 1e6;
	ret->memory = ((double)allocated() - ret->memory) / 1e6;
	for (kind = PART_NB - 1; kind >= 0; kind--) { /* the mix last: it is taken on */
		make_part(list, names, nb, (enum part)kind);
		ret->parts[kind] = measure(m, s, list);
	}
	for (i = 0; i < NB_RECIPIENTS; i++)
		make_idn(list[i], i % 2 == 0);
	ret->idn = measure(m, s, list);
	for (kind = 0; kind < FLOOD_NB; kind++) {
		make_flood(list, names, nb, (enum flood)kind);
		ret->floods[kind] = measure(m, s, list);
	}
	matcher_scratch_free(s);
	matcher_free(m);
	ruleset_free(set);
	free(list);
	free(names);
}

static void
print_costs(const struct row *r)
{
	printf("%7zu %9.1f %9.1f %8.2f %7.2f %6.0f %9.0f %9.0f %9.0f %10.0f %6.0f %8zu\n", r->nb, r->build, r->build_all,
	       r->load, r->memory, r->parts[PART_MIX].ns, r->parts[PART_PROVIDERS].ns, r->parts[PART_STRANGERS].ns,
	       r->parts[PART_PROTECTED].ns, r->parts[PART_LOOKALIKES].ns, r->idn.ns, r->parts[PART_MIX].nb_matches);
	fflush(stdout);
}

static void
print_floods(const struct row *rows, size_t nb)
{
	const struct result *normal, *f;
	size_t i;
	int kind;

	printf("\n%7s %14s", "names", "stranger");
	for (kind = 0; kind < FLOOD_NB; kind++)
		printf(" %19s", flood_names[kind]);
	printf("\n");
	for (i = 0; i < nb; i++) {
		normal = &rows[i].parts[PART_STRANGERS];
		printf("%7zu %6.0f %5.1f/o", rows[i].nb, normal->ns, normal->ns / normal->octets);
		for (kind = 0; kind < FLOOD_NB; kind++) {
			f = &rows[i].floods[kind];
			printf(" %6.0f %5.1f/o %3.1fx", f->ns, f->ns / f->octets, f->ns / normal->ns);
		}
		printf("\n");
	}
}

int
main(int argc, char **argv)
{
	static struct row rows[NB_ROWS_MAX];
	size_t most, nb, nb_rows = 0;
	uint32_t idn = 0;

	if (argc > 2 && strcmp(argv[1], "--idn") == 0) {
		idn = (uint32_t)strtoul(argv[2], NULL, 10);
		argc -= 2;
		argv += 2;
	}
	most = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
	nb = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
	printf("%7s %9s %9s %8s %7s %6s %9s %9s %9s %10s %6s %8s\n", "names", "build ms", "with hs", "load ms", "MB", "mix",
	       "provider", "stranger", "protected", "lookalike", "idn", "matches");
	for (; nb > 0 && nb <= most && nb_rows < NB_ROWS_MAX; nb *= 10) {
		bench(nb, idn, &rows[nb_rows]);
		print_costs(&rows[nb_rows++]);
	}
	print_floods(rows, nb_rows);
	return 0;
}
