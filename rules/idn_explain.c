/* SPDX-License-Identifier: BSD-3-Clause */
/* idn_explain - an internationalised domain told in ASCII: nobody has to see the difference of two letters */
#include <stdarg.h>
#include <stdio.h>

#include "fold.h"
#include "idn.h"
#include "idn_label.h"

enum {
	TOLD_MAX = 6, /* different characters told one by one */
};

struct teller {
	char *buf;
	size_t size, need;
	uint32_t told[TOLD_MAX];
	unsigned int nb_told, nb_more;
	bool has_bad_utf8, has_bad_punycode, has_other_dot;
};

__attribute__((format(printf, 2, 3))) static void
tell(struct teller *t, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(t->need < t->size ? t->buf + t->need : NULL,
		      t->need < t->size ? t->size - t->need : 0, format, args);
	va_end(args);
	t->need += n > 0 ? (size_t)n : 0;
}

static const char *
separator(const struct teller *t)
{
	return t->need > 0 ? ", " : "";
}

/* What it looks like, where that is ASCII; "" where it is not. */
static void
looks_of(uint32_t point, char ret[FOLD_POINT_MAX * FOLD_POINT_MAX + 1])
{
	uint32_t normal[FOLD_POINT_MAX], looks[FOLD_POINT_MAX];
	size_t nb_normal = fold_norm(point, normal), nb, used = 0, i, j;

	for (i = 0; i < nb_normal; i++) {
		nb = fold_looks(normal[i], looks);
		for (j = 0; j < nb; j++) {
			if (looks[j] >= 0x7f || looks[j] <= 0x20)
				used = 0;
			else
				ret[used++] = (char)looks[j];
			if (used == 0) {
				ret[0] = '\0';
				return;
			}
		}
	}
	ret[used] = '\0';
}

static void
tell_point(struct teller *t, uint32_t point)
{
	char looks[FOLD_POINT_MAX * FOLD_POINT_MAX + 1];
	const char *name = fold_name(point);
	unsigned int i;

	for (i = 0; i < t->nb_told; i++)
		if (t->told[i] == point)
			return;
	if (t->nb_told == TOLD_MAX) {
		t->nb_more++;
		return;
	}
	t->told[t->nb_told++] = point;
	looks_of(point, looks);
	tell(t, "%sU+%04X", separator(t), (unsigned int)point);
	if (name != NULL)
		tell(t, " %s", name);
	if (looks[0] != '\0')
		tell(t, " for %s", looks);
}

static void
tell_label(struct teller *t, const char *p, size_t len)
{
	uint32_t points[IDN_LABEL_POINTS_MAX];
	enum idn_label_kind kind;
	size_t nb, i;

	kind = idn_label_read(p, len, points, &nb);
	if (kind == IDN_LABEL_BAD_A)
		t->has_bad_punycode = true;
	if (kind == IDN_LABEL_BAD_U)
		t->has_bad_utf8 = true;
	for (i = 0; i < nb; i++)
		if (points[i] >= 0x80)
			tell_point(t, points[i]);
}

int
idn_explain(const char *domain, size_t len, char *buf, size_t size)
{
	struct teller t = {.buf = buf, .size = size};
	size_t at, label, dot;

	if (size > 0)
		buf[0] = '\0';
	for (at = 0; at < len; at += label + dot) {
		label = idn_label_len(domain + at, len - at, &dot);
		tell_label(&t, domain + at, label);
		t.has_other_dot = t.has_other_dot || dot > 1;
	}
	if (t.nb_more > 0)
		tell(&t, " and %u more", t.nb_more);
	if (t.has_other_dot)
		tell(&t, "%sa dot that is no ASCII", separator(&t));
	if (t.has_bad_punycode)
		tell(&t, "%sa label that begins with xn-- and is no internationalised one",
		     separator(&t));
	if (t.has_bad_utf8)
		tell(&t, "%soctets that are no UTF-8, read as ISO 8859-1", separator(&t));
	return (int)t.need;
}
