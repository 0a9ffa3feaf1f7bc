/* SPDX-License-Identifier: BSD-3-Clause */
/* rule_words - `words` and `words_file` of lookalikes: what is added to names to deceive */
#include "rule_file.h"

#include <string.h>

#include "added_words.h"

static bool
is_word(const char *text, size_t len)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz0123456789-_";

	return len >= 1 && len <= ADDED_WORD_MAX && text[0] != '-' && text[len - 1] != '-' &&
	       strspn(text, good) == len;
}

static void
read_word(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	struct word_list *list = object;
	struct word_def *w;
	const char *text;
	size_t len, i;
	char *lower;

	if (!reader_string(r, value, "a word", 4096, &text))
		return;
	len = strlen(text);
	lower = arena_string(&r->model->arena, text, len);
	w = arena_alloc(&r->model->arena, sizeof(*w));
	if (lower == NULL || w == NULL)
		return;
	for (i = 0; i < len; i++)
		if (lower[i] >= 'A' && lower[i] <= 'Z')
			lower[i] = (char)(lower[i] | 0x20);
	if (!is_word(lower, len)) {
		reader_error(r, &value->at,
			     "a word has 1 to 63 letters, digits and hyphens, none at its ends",
			     "\"%.100s\" can't be added to a name", text);
		return;
	}
	w->text = lower;
	w->next = list->first;
	list->first = w;
}

struct word_list *
rule_words_begin(struct rule_reader *r, const struct word_list *list)
{
	struct word_list *more = arena_alloc(&r->model->arena, sizeof(*more));

	if (more != NULL && list != NULL)
		more->first = list->first;
	return more;
}

void
rule_words_read(struct rule_reader *r, const struct yaml_node *value, struct word_list *list)
{
	reader_each(r, value, read_word, list);
}

void
rule_words_file(struct rule_reader *r, const struct yaml_node *value, struct word_list *list)
{
	rule_list_read(r, value, "the list of words", read_word, list);
}
