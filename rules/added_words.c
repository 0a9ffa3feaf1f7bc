/* SPDX-License-Identifier: BSD-3-Clause */
#include "added_words.h"

#include <string.h>

enum {
	WORDS_PER_LETTER = 8,
};

/* By their first and by their last letter, so that a label is compared with a handful. */
static const char *const by_first[26][WORDS_PER_LETTER] = {
	{"account", "accounts", "admin", "app", "auth"}, /* a */
	{"bank", "banking", "billing"},
	{"careers", "client", "cloud", "contact", "corp"},
	{"direct", "docs"},
	{"email"},
	{"file", "files"},
	{"group"},
	{"help", "helpdesk", "hr"},
	{"id", "inc", "info", "invoice"}, /* i */
	{"jobs"},
	{0},
	{"login"},
	{"mail", "mobile", "my"},
	{"net", "news"},
	{"office", "official", "online"},
	{"pay", "payment", "payments", "portal"},
	{0}, /* q */
	{"reset"},
	{"secure", "security", "service", "services", "shop", "signin", "sso", "support"},
	{"team"},
	{"update", "uk", "us", "usa"},
	{"verify", "vpn"},
	{"web", "webmail", "www"},
	{0},
	{0},
	{0}, /* z */
};
static const char *const by_last[26][WORDS_PER_LETTER] = {
	{"usa"}, /* a */
	{"web"},
	{"inc"},
	{"cloud", "id"},
	{"file", "invoice", "mobile", "office", "online", "secure", "service", "update"},
	{0},
	{"banking", "billing"},
	{"auth"},
	{0}, /* i */
	{0},
	{"bank", "helpdesk", "uk"},
	{"email", "mail", "official", "portal", "webmail"},
	{"team"},
	{"admin", "login", "signin", "vpn"},
	{"info", "sso"},
	{"app", "corp", "group", "help", "shop"},
	{0}, /* q */
	{"hr"},
	{"accounts", "careers", "docs", "files", "jobs", "news", "payments", "services"},
	{"account", "client", "contact", "direct", "net", "payment", "reset", "support"},
	{0},
	{0},
	{"www"},
	{0},
	{"my", "pay", "security", "verify"},
	{0}, /* z */
};

static const char *const *
list_of(const char *const table[26][WORDS_PER_LETTER], char c)
{
	return c >= 'a' && c <= 'z' ? table[c - 'a'] : table['x' - 'a'];
}

size_t
added_words_find(const char *label, size_t len, struct added_words_rest ret[ADDED_WORDS_FOUND_MAX])
{
	const char *const *list;
	size_t nb = 0, word, i;

	if (len < 3)
		return 0;
	list = list_of(by_first, label[0]);
	for (i = 0; i < WORDS_PER_LETTER && list[i] != NULL && nb < ADDED_WORDS_FOUND_MAX; i++) {
		word = strlen(list[i]);
		if (word >= len || memcmp(label, list[i], word) != 0)
			continue;
		word += label[word] == '-';
		if (word < len)
			ret[nb++] = (struct added_words_rest){word, len};
	}
	list = list_of(by_last, label[len - 1]);
	for (i = 0; i < WORDS_PER_LETTER && list[i] != NULL && nb < ADDED_WORDS_FOUND_MAX; i++) {
		word = strlen(list[i]);
		if (word >= len || memcmp(label + len - word, list[i], word) != 0)
			continue;
		word += label[len - word - 1] == '-';
		if (word < len)
			ret[nb++] = (struct added_words_rest){0, len - word};
	}
	return nb;
}
