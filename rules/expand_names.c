/* SPDX-License-Identifier: BSD-3-Clause */
/* expand_names - names with words added, and below other top-level domains */
#include "expand_private.h"

#include <stdio.h>
#include <string.h>

#include "added_words.h"
#include "suffix_slips.h"

/* @word at both sides of the label [from, to), with a hyphen and without. */
static bool
emit_word(const struct expand *x, size_t from, size_t to, const char *word, size_t word_len)
{
	static const char *const hyphens[] = {"-", ""};
	char made[3 * EXPAND_NAME_MAX];
	int n, i;

	for (i = 0; i < 2; i++) {
		n = snprintf(made, sizeof(made), "%.*s%s%.*s", (int)word_len, word, hyphens[i],
			     (int)(to - from), x->domain + from);
		if (!expand_emit(x, x->domain, from, made, (size_t)n, x->domain + to, x->len - to))
			return false;
		n = snprintf(made, sizeof(made), "%.*s%s%.*s", (int)(to - from), x->domain + from,
			     hyphens[i], (int)word_len, word);
		if (!expand_emit(x, x->domain, from, made, (size_t)n, x->domain + to, x->len - to))
			return false;
	}
	return true;
}

bool
expand_words(const struct expand *x)
{
	size_t head = x->len - x->suffix_len - 1, from, to, i;
	const char *word;

	for (from = 0; from < head; from = to + 1) {
		const char *dot = memchr(x->domain + from, '.', head - from);

		to = dot != NULL ? (size_t)(dot - x->domain) : head;
		for (i = 0; (word = added_words_get(i)) != NULL; i++)
			if (!emit_word(x, from, to, word, strlen(word)))
				return false;
		for (i = 0; i < x->nb_words; i++)
			if (!emit_word(x, from, to, x->strings + x->words[i].text.offset,
				       x->words[i].text.len))
				return false;
	}
	return true;
}

static bool
emit_suffix(const struct expand *x, const char *suffix)
{
	return expand_emit(x, x->domain, x->len - x->suffix_len, suffix, strlen(suffix), "", 0);
}

/* Public suffixes of two and three letters, and the usual second levels of countries. */
static bool
emit_short(const struct expand *x, const struct suffix_list *list)
{
	static const char *const levels[] = {"ac",  "co",  "com", "edu", "gov",
					     "mil", "net", "or",  "org"};
	char a, b, c, suffix[16];
	size_t i;

	for (a = 'a'; a <= 'z'; a++) {
		for (b = 'a'; b <= 'z'; b++) {
			snprintf(suffix, sizeof(suffix), "%c%c", a, b);
			if (!suffix_list_has(list, suffix))
				suffix[0] = '\0';
			else if (!emit_suffix(x, suffix))
				return false;
			for (i = 0; suffix[0] != '\0' && i < sizeof(levels) / sizeof(levels[0]);
			     i++) {
				snprintf(suffix, sizeof(suffix), "%s.%c%c", levels[i], a, b);
				if (suffix_list_has(list, suffix) && !emit_suffix(x, suffix))
					return false;
			}
			for (c = 'a'; c <= 'z'; c++) {
				snprintf(suffix, sizeof(suffix), "%c%c%c", a, b, c);
				if (suffix_list_has(list, suffix) && !emit_suffix(x, suffix))
					return false;
			}
		}
	}
	return true;
}

/* libpsl answers about a suffix, but does not list them: the long ones that names of others end in
 * most often. */
static const char *const long_suffixes[] = {
	"academy",  "agency",	     "army",	   "asia",    "bank",	   "blog",  "buzz",
	"care",	    "center",	     "cloud",	   "club",    "company",   "coop",  "design",
	"digital",  "email",	     "expert",	   "family",  "finance",   "fund",  "global",
	"group",    "guru",	     "health",	   "help",    "host",	   "house", "info",
	"insure",   "international", "jobs",	   "life",    "link",	   "live",  "loan",
	"ltd",	    "mail",	     "market",	   "media",   "mobi",	   "money", "museum",
	"name",	    "navy",	     "network",	   "news",    "ninja",	   "one",   "online",
	"page",	    "plus",	     "press",	   "pub",     "rest",	   "rocks", "school",
	"services", "shop",	     "site",	   "social",  "solutions", "space", "store",
	"studio",   "support",	     "systems",	   "team",    "tech",	   "today", "tools",
	"top",	    "travel",	     "university", "website", "wiki",	   "work",  "works",
	"world",    "zone",
};

bool
expand_tlds(const struct expand *x)
{
	const struct suffix_list *list = suffix_list_get();
	size_t i;

	for (i = 0; i < sizeof(long_suffixes) / sizeof(long_suffixes[0]); i++)
		if (suffix_list_has(list, long_suffixes[i]) && !emit_suffix(x, long_suffixes[i]))
			return false;
	return emit_short(x, list);
}
