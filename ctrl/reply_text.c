/* SPDX-License-Identifier: BSD-3-Clause */
#include "reply_text.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

enum field { RECIPIENT, MEANT, CONTACT, INCIDENT, NB_FIELDS };

static const char *const names[NB_FIELDS] = { "recipient", "meant", "contact", "incident" };

struct out {
	char *buf;
	size_t len;
	bool missing; /* a field that is not known was wanted since the bracket */
};

/* "{name}" at @p: which field, and how long; NB_FIELDS: none, and one octet. */
static enum field
field_at(const char *p, size_t *ret_len)
{
	int i;

	for (i = 0; i < NB_FIELDS; i++) {
		size_t n = strlen(names[i]);

		if (strncmp(p + 1, names[i], n) == 0 && p[1 + n] == '}') {
			*ret_len = n + 2;
			return (enum field)i;
		}
	}
	*ret_len = 1;
	return NB_FIELDS;
}

int
reply_text_check(const char *template, size_t *ret_at, const char **ret_why)
{
	size_t len = strlen(template), i, n;
	bool inside = false;

	for (i = 0; i < len; i++) {
		*ret_at = i;
		*ret_why = "only printable ASCII can stand in a reply";
		if (template[i] < ' ' || template[i] > '~')
			return -EINVAL;
		*ret_why = "brackets do not nest";
		if ((template[i] == '[' && inside) || (template[i] == ']' && !inside))
			return -EINVAL;
		if (template[i] == '[' || template[i] == ']')
			inside = template[i] == '[';
		*ret_why = "known are {recipient}, {meant}, {contact} and {incident}";
		if (template[i] != '{')
			continue;
		if (field_at(template + i, &n) == NB_FIELDS)
			return -EINVAL;
		i += n - 1;
	}
	*ret_at = len;
	*ret_why = inside ? "a bracket is not closed" : "the text is empty";
	return inside || len == 0 ? -EINVAL : 0;
}

static void
put(struct out *o, const void *octets, size_t n)
{
	const uint8_t *p = octets;
	size_t i;

	for (i = 0; i < n && o->len < REPLY_TEXT_MAX; i++)
		o->buf[o->len++] = p[i] >= ' ' && p[i] <= '~' ? (char)p[i] : '?';
}

static void
put_field(struct out *o, const void *octets, size_t n)
{
	put(o, octets, n < REPLY_FIELD_MAX ? n : REPLY_FIELD_MAX);
	if (n > REPLY_FIELD_MAX)
		put(o, "...", 3);
}

/* The local part is what stands before the last '@'; a route or a relay in it is not repeated. */
static void
put_meant(struct out *o, const struct reply_fields *f)
{
	const uint8_t *at = f->recipient_len > 0 ? memrchr(f->recipient, '@', f->recipient_len) : NULL;
	size_t local = at != NULL ? (size_t)(at - f->recipient) : 0;

	if (local > 0 && memchr(f->recipient, '@', local) == NULL && memchr(f->recipient, '%', local) == NULL &&
	    memchr(f->recipient, '!', local) == NULL) {
		put_field(o, f->recipient, local);
		put(o, "@", 1);
	}
	put_field(o, f->meant, strlen(f->meant));
}

static bool
is_known(const char *text)
{
	return text != NULL && text[0] != '\0';
}

static void
expand(struct out *o, enum field which, const struct reply_fields *f)
{
	const char *text = which == CONTACT ? f->contact : f->incident;

	if (which == RECIPIENT)
		put_field(o, f->recipient, f->recipient_len);
	else if (which == MEANT && is_known(f->meant))
		put_meant(o, f);
	else if (which != MEANT && is_known(text))
		put_field(o, text, strlen(text));
	else
		o->missing = true;
}

size_t
reply_text(char buf[REPLY_TEXT_MAX + 1], const char *template, const struct reply_fields *fields)
{
	struct out o = { .buf = buf };
	size_t begun = 0, n;

	put(&o, "550 5.1.2 ", 10);
	for (; *template != '\0'; template++) {
		if (*template == '[') {
			begun = o.len;
			o.missing = false;
		} else if (*template == ']') {
			if (o.missing)
				o.len = begun;
		} else if (*template == '{') {
			expand(&o, field_at(template, &n), fields);
			template += n - 1;
		} else {
			put(&o, template, 1);
		}
	}
	buf[o.len] = '\0';
	return o.len;
}
