/* SPDX-License-Identifier: BSD-3-Clause */
#include "idn.h"

#include "fold.h"
#include "idn_label.h"
#include "punycode.h"

enum {
	A_LABEL_LEAST = 6,    /* octets: "xn--" and two digits; one is enough for control characters only */
	PREFIX_LEN = 4,	      /* "xn--" */
	LABEL_MAX = 63,	      /* octets: RFC 1035 §2.3.4 */
	DECOMPOSED_MAX = 512, /* code points of a label; twice as many as a label has octets */
};

/* Lower case, NFC. The number of points, 0: too many. */
static size_t
normalise(const uint32_t *points, size_t nb, uint32_t dst[DECOMPOSED_MAX])
{
	size_t used = 0, i;

	for (i = 0; i < nb && fold_is_stable(points[i]); i++)
		;
	if (i == nb && nb <= DECOMPOSED_MAX) { /* nearly always */
		memcpy(dst, points, nb * sizeof(*dst));
		return nb;
	}
	for (i = 0; i < nb; i++) {
		if (used + FOLD_POINT_MAX > DECOMPOSED_MAX)
			return 0;
		if (points[i] < 0x80)
			dst[used++] = points[i] | (uint32_t)(points[i] >= 'A' && points[i] <= 'Z') << 5;
		else
			used += fold_norm(points[i], dst + used);
	}
	fold_order(dst, used);
	return fold_compose(dst, used);
}

/* A U-label as an A-label, or as ASCII when it is nothing else (a Kelvin sign is a k). Its length,
 * 0: it has no such form. */
static size_t
to_a_label(const uint32_t *points, size_t nb, char dst[LABEL_MAX])
{
	uint32_t normal[DECOMPOSED_MAX];
	size_t i, len;

	nb = normalise(points, nb, normal);
	for (i = 0; i < nb && normal[i] < 0x80; i++)
		;
	if (i == nb) {
		for (i = 0; i < nb && nb <= LABEL_MAX; i++)
			dst[i] = (char)normal[i];
		return nb <= LABEL_MAX ? nb : 0;
	}
	len = punycode_encode(normal, nb, dst + PREFIX_LEN, LABEL_MAX - PREFIX_LEN);
	if (len == 0)
		return 0;
	memcpy(dst, "xn--", PREFIX_LEN);
	return PREFIX_LEN + len;
}

/* Can it be short enough at all? Nothing is encoded for a domain of more other labels than any name has. */
static bool
may_fit(const char *domain, size_t len)
{
	size_t least = 0, at = 0, label, dot, i;
	uint8_t all;

	for (; at < len; at += label + dot) {
		label = idn_label_len(domain + at, len - at, &dot);
		for (all = 0, i = 0; i < label; i++)
			all |= (uint8_t)domain[at + i];
		least += (all < 0x80 ? label : A_LABEL_LEAST) + dot;
		if (least > IDN_DOMAIN_MAX)
			return false;
	}
	return true;
}

size_t
idn_to_ascii(const char *domain, size_t len, char dst[IDN_DOMAIN_MAX])
{
	uint32_t points[IDN_LABEL_POINTS_MAX];
	size_t used = 0, at = 0, label, dot, nb, n;
	char ascii[LABEL_MAX];
	const char *from;

	if (!may_fit(domain, len))
		return 0;
	for (; at < len; at += label + dot) {
		label = idn_label_len(domain + at, len - at, &dot);
		from = domain + at;
		n = label;
		if (idn_label_read(from, label, points, &nb) == IDN_LABEL_U) {
			n = to_a_label(points, nb, ascii);
			from = n > 0 ? ascii : from;
			n = n > 0 ? n : label;
		}
		if (used + n + dot > IDN_DOMAIN_MAX)
			return 0;
		memcpy(dst + used, from, n);
		memcpy(dst + used + n, domain + at + label, dot);
		used += n + dot;
	}
	return used;
}

/* One label being written; a mark or an invisible character makes its neighbour foreign. */
struct writer {
	char text[IDN_TEXT_MAX];
	uint32_t points[IDN_TEXT_MAX];
	uint8_t is_foreign[IDN_TEXT_MAX];
	size_t nb;
	bool is_dropped; /* something before the next character was */
};

static void
put(struct writer *w, uint32_t point, bool is_foreign)
{
	if (w->nb == IDN_TEXT_MAX)
		return;
	w->text[w->nb] = (char)(point < 0x80 ? point : 0x80 | (point & 0x7f));
	w->points[w->nb] = point;
	w->is_foreign[w->nb++] = is_foreign || w->is_dropped;
	w->is_dropped = false;
}

static void
put_looks(struct writer *w, uint32_t point, bool is_foreign)
{
	uint32_t normal[FOLD_POINT_MAX], looks[FOLD_POINT_MAX];
	size_t nb_normal, nb, i, j;

	if (point < 0x80) {
		put(w, point, is_foreign);
		return;
	}
	nb_normal = fold_norm(point, normal);
	for (i = 0; i < nb_normal; i++) {
		nb = fold_looks(normal[i], looks);
		for (j = 0; j < nb; j++)
			put(w, looks[j], true);
		if (nb > 0)
			continue;
		w->is_dropped = w->nb == 0;
		if (w->nb > 0)
			w->is_foreign[w->nb - 1] = 1;
	}
}

static bool
write_label(struct writer *w, const char *p, size_t len, enum idn_form form)
{
	uint32_t points[IDN_LABEL_POINTS_MAX];
	enum idn_label_kind kind;
	bool is_bad;
	size_t nb, i;

	kind = idn_label_read(p, len, points, &nb);
	is_bad = kind == IDN_LABEL_BAD_A || kind == IDN_LABEL_BAD_U;
	if (form == IDN_LETTERS && (is_bad || kind == IDN_LABEL_U))
		return false;
	w->nb = 0;
	w->is_dropped = false;
	for (i = 0; i < nb; i++) {
		if (form == IDN_LETTERS)
			put(w, points[i], points[i] >= 0x80);
		else
			put_looks(w, points[i], is_bad);
	}
	return true;
}

bool
idn_read(const char *domain, size_t len, enum idn_form form, size_t max_labels, struct idn_text *ret)
{
	size_t end = len, dot = 0, at = IDN_TEXT_MAX, behind, start, nb;
	struct writer w;

	ret->len = 0;
	if (len > IDN_DOMAIN_MAX)
		return false;
	/* From the last label on: what does not fit is missing in front. */
	for (nb = 0; nb < max_labels; nb++) {
		behind = dot;
		start = end - idn_label_last(domain, end, &dot);
		if (!write_label(&w, domain + start, end - start, form) || (form == IDN_LETTERS && dot > 1))
			return false;
		if (w.nb + (nb > 0) > at)
			break;
		if (nb > 0) {
			ret->text[--at] = '.';
			ret->points[at] = '.';
			ret->is_foreign[at] = behind > 1;
			ret->origin[at] = (uint8_t)start;
		}
		at -= w.nb;
		memcpy(ret->text + at, w.text, w.nb);
		memcpy(ret->points + at, w.points, w.nb * sizeof(w.points[0]));
		memcpy(ret->is_foreign + at, w.is_foreign, w.nb);
		memset(ret->origin + at, (int)start, w.nb);
		if (dot == 0)
			break;
		end = start - dot;
	}
	ret->len = IDN_TEXT_MAX - at;
	memmove(ret->text, ret->text + at, ret->len);
	memmove(ret->points, ret->points + at, ret->len * sizeof(ret->points[0]));
	memmove(ret->is_foreign, ret->is_foreign + at, ret->len);
	memmove(ret->origin, ret->origin + at, ret->len);
	return true;
}
