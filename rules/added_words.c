/* SPDX-License-Identifier: BSD-3-Clause */
#include "added_words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hash64.h"

/* "campus" is no camp of us: this one counts at the front only. */
#define FRONT_ONLY "us"

static const char *const common[] = {
	"account", "accounts", "admin",	   "app",     "auth",	  "bank",    "banking",	 "billing",
	"careers", "client",   "cloud",	   "contact", "corp",	  "direct",  "docs",	 "email",
	"file",	   "files",    "group",	   "help",    "helpdesk", "hr",	     "id",	 "inc",
	"info",	   "invoice",  "jobs",	   "login",   "mail",	  "mobile",  "my",	 "net",
	"news",	   "office",   "official", "online",  "pay",	  "payment", "payments", "portal",
	"reset",   "secure",   "security", "service", "services", "shop",    "signin",	 "sso",
	"support", "team",     "update",   "uk",      FRONT_ONLY, "usa",     "verify",	 "vpn",
	"web",	   "webmail",  "www",
};

enum {
	NB_COMMON = sizeof(common) / sizeof(common[0]),
};

const char *
added_words_get(size_t i)
{
	return i < NB_COMMON ? common[i] : NULL;
}

static inline uint64_t
step(uint64_t h, char c)
{
	return (h + (uint8_t)c) * UINT64_C(0x9e3779b97f4a7c15);
}

static inline uint64_t
finish(uint64_t h)
{
	return h ^ h >> 29;
}

/* Number @i of all words: everybody's, then own ones. */
static const char *
word_of(const struct added_words *a, size_t i, size_t *ret_len, uint32_t *ret_list)
{
	const struct image_word *w;

	if (i < NB_COMMON) {
		*ret_len = strlen(common[i]);
		*ret_list = 0;
		return common[i];
	}
	w = &a->words[i - NB_COMMON];
	*ret_len = w->text.len;
	*ret_list = w->list;
	return a->strings + w->text.offset;
}

static void
put(struct added_words *a, uint64_t hash, size_t word)
{
	size_t i = (hash >> 32) & a->mask;

	while (a->slots[i].word != 0)
		i = (i + 1) & a->mask;
	a->slots[i] = (struct added_words_slot){(uint32_t)hash, (uint32_t)word + 1};
}

/* A word's length, and all longer ones', as one bit. */
static inline uint16_t
length_bit(size_t len)
{
	return (uint16_t)(1u << (len < ADDED_WORDS_LONG ? len : ADDED_WORDS_LONG));
}

/* The pair that a word of one character begins with can be any. */
static void
note_pair(uint16_t pairs[ADDED_WORDS_CLASSES][ADDED_WORDS_CLASSES], int first, int second, size_t len)
{
	int i;

	for (i = 0; i < ADDED_WORDS_CLASSES; i++) {
		if (second < 0)
			pairs[first][i] |= length_bit(len);
		else if (first < 0)
			pairs[i][second] |= length_bit(len);
	}
	if (first >= 0 && second >= 0)
		pairs[first][second] |= length_bit(len);
}

static void
add(struct added_words *a, size_t word)
{
	uint64_t front = a->seed, back = ~a->seed;
	const uint8_t *c = a->classes;
	const char *text;
	uint32_t list;
	size_t len, i;

	text = word_of(a, word, &len, &list);
	for (i = 0; i < len; i++) {
		front = step(front, text[i]);
		back = step(back, text[len - 1 - i]);
	}
	if (len > a->longest)
		a->longest = len;
	put(a, finish(front), word);
	note_pair(a->begins, c[(uint8_t)text[0]], len > 1 ? c[(uint8_t)text[1]] : -1, len);
	if (word < NB_COMMON && strcmp(text, FRONT_ONLY) == 0)
		return;
	put(a, finish(back), word);
	note_pair(a->ends, len > 1 ? c[(uint8_t)text[len - 2]] : -1, c[(uint8_t)text[len - 1]], len);
}

int
added_words_init(struct added_words *a, const struct image_word *words, uint32_t nb,
		 const char *strings, uint64_t seed)
{
	static const char known[] = "abcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t slots = 256, i;

	_Static_assert(sizeof(known) <= ADDED_WORDS_CLASSES, "each character has a class");
	memset(a, 0, sizeof(*a));
	a->words = words;
	a->strings = strings;
	a->seed = seed;
	while (slots < 4 * ((size_t)nb + NB_COMMON))
		slots *= 2;
	a->slots = calloc(slots, sizeof(*a->slots));
	if (a->slots == NULL)
		return -ENOMEM;
	a->mask = slots - 1;
	for (i = 0; i < sizeof(known) - 1; i++)
		a->classes[(uint8_t)known[i]] = (uint8_t)(i + 1);
	for (i = 0; i < NB_COMMON + (size_t)nb; i++)
		add(a, i);
	return 0;
}

void
added_words_fini(struct added_words *a)
{
	free(a->slots);
	a->slots = NULL;
}

/* The words that are text[0..len), with what they leave of the label, put behind @nb others. */
static size_t
take(const struct added_words *a, const char *text, size_t len, uint64_t hash,
     const struct added_words_rest *rest, struct added_words_rest *ret, size_t nb)
{
	size_t i, word_len;
	const char *word;
	uint32_t list;

	for (i = (hash >> 32) & a->mask; a->slots[i].word != 0; i = (i + 1) & a->mask) {
		if (a->slots[i].tag != (uint32_t)hash)
			continue;
		word = word_of(a, a->slots[i].word - 1, &word_len, &list);
		if (word_len != len || memcmp(word, text, len) != 0 || nb == ADDED_WORDS_FOUND_MAX)
			continue;
		ret[nb] = *rest;
		ret[nb++].list = list;
	}
	return nb;
}

/* The longest length in the set that leaves something of a label of @len octets. */
static size_t
longest_of(const struct added_words *a, uint16_t lengths, size_t len)
{
	size_t most = (size_t)(31 - __builtin_clz(lengths));

	if (most == ADDED_WORDS_LONG)
		most = a->longest;
	return most < len ? most : len - 1;
}

/* @lengths: of words that begin as the label does; not empty. */
static size_t
find_front(const struct added_words *a, const char *label, size_t len, uint16_t lengths,
	   struct added_words_rest *ret)
{
	size_t most = longest_of(a, lengths, len), nb = 0, k;
	struct added_words_rest rest = {.to = len};
	uint64_t h = a->seed;

	for (k = 1; k <= most; k++) {
		h = step(h, label[k - 1]);
		if ((lengths & length_bit(k)) == 0)
			continue;
		rest.from = k + (label[k] == '-');
		if (rest.from < len)
			nb = take(a, label, k, finish(h), &rest, ret, nb);
	}
	return nb;
}

static size_t
find_back(const struct added_words *a, const char *label, size_t len, uint16_t lengths,
	  struct added_words_rest *ret, size_t nb)
{
	size_t most = longest_of(a, lengths, len), k;
	struct added_words_rest rest = {.from = 0};
	uint64_t h = ~a->seed;

	for (k = 1; k <= most; k++) {
		h = step(h, label[len - k]);
		if ((lengths & length_bit(k)) == 0)
			continue;
		rest.to = len - k - (label[len - k - 1] == '-');
		if (rest.to > 0)
			nb = take(a, label + len - k, k, finish(h), &rest, ret, nb);
	}
	return nb;
}

size_t
added_words_find(const struct added_words *a, const char *label, size_t len,
		 struct added_words_rest ret[ADDED_WORDS_FOUND_MAX])
{
	const uint8_t *c = a->classes;
	uint16_t begins, ends;
	size_t nb = 0;

	if (len < 2)
		return 0;
	begins = a->begins[c[(uint8_t)label[0]]][c[(uint8_t)label[1]]];
	ends = a->ends[c[(uint8_t)label[len - 2]]][c[(uint8_t)label[len - 1]]];
	if (begins != 0)
		nb = find_front(a, label, len, begins, ret);
	if (ends != 0)
		nb = find_back(a, label, len, ends, ret, nb);
	return nb;
}
