/* SPDX-License-Identifier: BSD-3-Clause */
#include "added_words.h"

#include <string.h>

enum {
	WORDS_PER_LETTER = 8,
};

/* By their first and by their last letter, so that a label is compared with a handful. */
/* With its length: this is asked for every recipient. */
struct word {
	const char *text;
	size_t len;
};

#define W(text)                        \
	{                              \
		text, sizeof(text) - 1 \
	}

static const struct word by_first[26][WORDS_PER_LETTER] = {
	{W("account"), W("accounts"), W("admin"), W("app"), W("auth")}, /* a */
	{W("bank"), W("banking"), W("billing")},
	{W("careers"), W("client"), W("cloud"), W("contact"), W("corp")},
	{W("direct"), W("docs")},
	{W("email")},
	{W("file"), W("files")},
	{W("group")},
	{W("help"), W("helpdesk"), W("hr")},
	{W("id"), W("inc"), W("info"), W("invoice")}, /* i */
	{W("jobs")},
	{{0}},
	{W("login")},
	{W("mail"), W("mobile"), W("my")},
	{W("net"), W("news")},
	{W("office"), W("official"), W("online")},
	{W("pay"), W("payment"), W("payments"), W("portal")},
	{{0}}, /* q */
	{W("reset")},
	{W("secure"), W("security"), W("service"), W("services"), W("shop"), W("signin"), W("sso"),
	 W("support")},
	{W("team")},
	{W("update"), W("uk"), W("us"), W("usa")},
	{W("verify"), W("vpn")},
	{W("web"), W("webmail"), W("www")},
	{{0}},
	{{0}},
	{{0}}, /* z */
};
static const struct word by_last[26][WORDS_PER_LETTER] = {
	{W("usa")}, /* a */
	{W("web")},
	{W("inc")},
	{W("cloud"), W("id")},
	{W("file"), W("invoice"), W("mobile"), W("office"), W("online"), W("secure"), W("service"),
	 W("update")},
	{{0}},
	{W("banking"), W("billing")},
	{W("auth")},
	{{0}}, /* i */
	{{0}},
	{W("bank"), W("helpdesk"), W("uk")},
	{W("email"), W("mail"), W("official"), W("portal"), W("webmail")},
	{W("team")},
	{W("admin"), W("login"), W("signin"), W("vpn")},
	{W("info"), W("sso")},
	{W("app"), W("corp"), W("group"), W("help"), W("shop")},
	{{0}}, /* q */
	{W("hr")},
	{W("accounts"), W("careers"), W("docs"), W("files"), W("jobs"), W("news"), W("payments"),
	 W("services")},
	{W("account"), W("client"), W("contact"), W("direct"), W("net"), W("payment"), W("reset"),
	 W("support")},
	{{0}},
	{{0}},
	{W("www")},
	{{0}},
	{W("my"), W("pay"), W("security"), W("verify")},
	{{0}}, /* z */
};

static const struct word *
list_of(const struct word table[26][WORDS_PER_LETTER], char c)
{
	return c >= 'a' && c <= 'z' ? table[c - 'a'] : table['x' - 'a'];
}

size_t
added_words_find(const char *label, size_t len, struct added_words_rest ret[ADDED_WORDS_FOUND_MAX])
{
	const struct word *list;
	size_t nb = 0, word, i;

	if (len < 3)
		return 0;
	list = list_of(by_first, label[0]);
	for (i = 0; i < WORDS_PER_LETTER && list[i].text != NULL && nb < ADDED_WORDS_FOUND_MAX;
	     i++) {
		word = list[i].len;
		if (word >= len || memcmp(label, list[i].text, word) != 0)
			continue;
		word += label[word] == '-';
		if (word < len)
			ret[nb++] = (struct added_words_rest){word, len};
	}
	list = list_of(by_last, label[len - 1]);
	for (i = 0; i < WORDS_PER_LETTER && list[i].text != NULL && nb < ADDED_WORDS_FOUND_MAX;
	     i++) {
		word = list[i].len;
		if (word >= len || memcmp(label + len - word, list[i].text, word) != 0)
			continue;
		word += label[len - word - 1] == '-';
		if (word < len)
			ret[nb++] = (struct added_words_rest){0, len - word};
	}
	return nb;
}

const char *
added_words_get(size_t i)
{
	size_t letter, k;

	for (letter = 0; letter < 26; letter++)
		for (k = 0; k < WORDS_PER_LETTER && by_first[letter][k].text != NULL; k++)
			if (i-- == 0)
				return by_first[letter][k].text;
	return NULL;
}
