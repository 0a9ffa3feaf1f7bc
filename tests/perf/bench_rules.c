/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_rules - what a recipient costs, by the number of protected domains
 *
 * For 1 to 100,000 made-up names: time to build the set, alone and with what Hyperscan has to compile beside it (suffixes,
 * expressions, a list of as many domains, 10,000 at most), time to load the matcher, its memory, and ns per recipient (the best of nine
 * rounds) over a mix of 40 % large providers, 45 % strangers, 10 % protected and 5 % lookalikes; over the same with one
 * letter of each domain in another script or with a mark, half in UTF-8 and half as A-labels (idn); and over hostile domains,
 * all different: short ones, the longest ones (of 126 and of 28 labels), ones made to set every search going, and the
 * longest internationalised ones. Last, how much a short hostile one costs against the mix, and the worst of all. It prints
 * and judges nothing. Usage: bench_rules [--idn SHARE] [most names [least]], SHARE: of 100 protected names, how many are
 * internationalised (0).
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
	ROUNDS = 9,
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

static char (*make_mix(char (*names)[DOMAIN_LEN], size_t nb))[DOMAIN_LEN]
{
	static const char *const providers[] = {"gmail.com", "outlook.com", "yahoo.com",
						"icloud.com", "gmx.de"};
	char(*mix)[DOMAIN_LEN] = calloc(NB_RECIPIENTS, sizeof(*mix));
	size_t i, len, pos;
	uint32_t kind;

	if (mix == NULL)
		abort();
	for (i = 0; i < NB_RECIPIENTS; i++) {
		kind = draw(100);
		if (kind < 40) {
			strcpy(mix[i], providers[draw(5)]);
			continue;
		}
		if (kind < 85) {
			make_name(mix[i]);
			continue;
		}
		strcpy(mix[i], names[draw((uint32_t)nb)]);
		if (kind < 95)
			continue;
		len = strlen(mix[i]);
		pos = draw((uint32_t)len);
		memmove(mix[i] + pos, mix[i] + pos + 1, len - pos);
	}
	return mix;
}

static double
measure(const struct matcher *m, struct matcher_scratch *s, char (*list)[DOMAIN_LEN],
	size_t *ret_matches)
{
	double best = 0, start, ns;
	struct matcher_match match;
	int round;
	size_t i;

	for (round = 0; round < ROUNDS; round++) {
		*ret_matches = 0;
		start = now();
		for (i = 0; i < NB_RECIPIENTS; i++)
			*ret_matches += matcher_judge(m, s,
						      &(struct matcher_query){"x", 1, list[i],
									      strlen(list[i])},
						      &match) == 1;
		ns = (now() - start) / NB_RECIPIENTS;
		best = round == 0 || ns < best ? ns : best;
	}
	return best;
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

enum hostile {
	HOSTILE_SHORT,
	HOSTILE_LABELS, /* as many labels as there can be */
	HOSTILE_LONG,	/* labels of eight characters up to the longest domain */
	HOSTILE_WORDS,	/* words before and behind, www, hyphens, suffixes that are slips of several
			 */
	HOSTILE_IDN,	/* labels of one letter with a mark, as many as there can be */
	HOSTILE_NB,
};

static void
fill_random(char *dst, size_t len, size_t label)
{
	size_t i;

	for (i = 0; i < len; i++)
		dst[i] = i % (label + 1) == label ? '.' : (char)('a' + draw(26));
	dst[len] = '\0';
}

static void
make_hostile(char (*list)[DOMAIN_LEN], enum hostile kind)
{
	static const char *const suffixes[] = {"co", "con", "om", "cm",	   "ml",
					       "nt", "ogr", "gv", "co.ul", "com.com"};
	char a[16], b[16], c[16];
	size_t i, len;

	for (i = 0; i < NB_RECIPIENTS; i++) {
		if (kind == HOSTILE_IDN) {
			for (len = 0; len < 248; len += 3)
				snprintf(list[i] + len, DOMAIN_LEN - len, "\xc3%c.", (int)(0xa0 + draw(22)));
			strcpy(list[i] + len, "com");
			continue;
		}
		if (kind == HOSTILE_WORDS) {
			fill_random(a, 6 + draw(8), 15);
			fill_random(b, 6 + draw(8), 15);
			fill_random(c, 6 + draw(8), 15);
			snprintf(list[i], DOMAIN_LEN, "www%s-login.secure-%s-mail.my-%s-support.%s",
				 a, b, c, suffixes[draw(10)]);
			continue;
		}
		len = kind == HOSTILE_SHORT ? 12 + draw(12) : 253;
		fill_random(list[i], len,
			    kind == HOSTILE_LABELS ? 1
			    : kind == HOSTILE_LONG ? 8
						   : 60);
		memcpy(list[i] + len - 4, ".com", 5);
	}
}

/* @idn: of 100 protected names, how many are internationalised. */
/* Unique: letters of its number before each. */
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

static void
bench(size_t nb, uint32_t idn)
{
	char(*names)[DOMAIN_LEN] = calloc(nb, sizeof(*names)), (*mix)[DOMAIN_LEN];
	double compile, compile_all, load, ns, ns_idn, hostile[HOSTILE_NB], worst = 0;
	size_t i, len, matches, ignored, memory;
	struct matcher_scratch *s;
	struct ruleset *set, *set_all;
	const void *image;
	struct matcher *m;
	int kind;

	if (names == NULL)
		abort();
	make_names(names, nb, idn);
	compile = build(names, nb, false, &set);
	compile_all = build(names, nb, true, &set_all);
	ruleset_free(set_all);
	image = ruleset_image(set, &len);
	memory = allocated();
	load = now();
	if (matcher_load(image, len, &m) != 0 || matcher_scratch_new(m, &s) != 0)
		abort();
	load = now() - load;
	memory = allocated() - memory;
	mix = make_mix(names, nb);
	ns = measure(m, s, mix, &matches);
	for (i = 0; i < NB_RECIPIENTS; i++)
		make_idn(mix[i], i % 2 == 0);
	ns_idn = measure(m, s, mix, &ignored);
	for (kind = 0; kind < HOSTILE_NB; kind++) {
		make_hostile(mix, (enum hostile)kind);
		hostile[kind] = measure(m, s, mix, &ignored);
		worst = hostile[kind] > worst ? hostile[kind] : worst;
	}
	printf("%7zu %9.1f %9.1f %8.2f %7.2f %6.0f %6.0f %7.0f %7.0f %7.0f %7.0f %8.0f %6.1f %6.1f %8zu\n", nb, compile,
	       compile_all, load / 1e6, (double)memory / 1e6, ns, ns_idn, hostile[HOSTILE_SHORT],
	       hostile[HOSTILE_LABELS], hostile[HOSTILE_LONG], hostile[HOSTILE_WORDS],
	       hostile[HOSTILE_IDN], hostile[HOSTILE_SHORT] / ns, worst / ns, matches);
	fflush(stdout);
	matcher_scratch_free(s);
	matcher_free(m);
	ruleset_free(set);
	free(mix);
	free(names);
}

int
main(int argc, char **argv)
{
	uint32_t idn = 0;
	size_t most, nb;

	if (argc > 2 && strcmp(argv[1], "--idn") == 0) {
		idn = (uint32_t)strtoul(argv[2], NULL, 10);
		argc -= 2;
		argv += 2;
	}
	most = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
	nb = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
	printf("%7s %9s %9s %8s %7s %6s %6s %7s %7s %7s %7s %8s %6s %6s %8s\n", "names", "build ms", "with hs",
	       "load ms", "MB", "ns", "idn", "hostile", "labels", "long", "words", "idn long", "ratio",
	       "worst", "matches");
	for (; nb > 0 && nb <= most; nb *= 10)
		bench(nb, idn);
	return 0;
}
