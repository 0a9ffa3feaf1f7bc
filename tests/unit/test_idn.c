/* SPDX-License-Identifier: BSD-3-Clause */
/* Internationalised domains: one form for all writings of a name, what characters look like, what is invalid. */
#include "idn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "fold.h"
#include "idn_label.h"
#include "utf8.h"

static void
check_ascii(const char *domain, const char *expected)
{
	char ascii[IDN_DOMAIN_MAX + 1];
	size_t len = idn_to_ascii(domain, strlen(domain), ascii);

	ascii[len] = '\0';
	assert_string_equal(ascii, expected);
}

/* The text, with what is no ASCII as '?'. */
static void
check_text(const char *domain, enum idn_form form, const char *expected)
{
	char ascii[IDN_DOMAIN_MAX], text[IDN_TEXT_MAX + 1];
	size_t len = idn_to_ascii(domain, strlen(domain), ascii), i;
	static struct idn_text t;

	assert_true(idn_read(ascii, len, form, IDN_LABELS_ALL, &t));
	for (i = 0; i < t.len; i++) {
		text[i] = (char)((uint8_t)t.text[i] < 0x80 ? t.text[i] : '?');
		assert_int_equal((uint8_t)t.text[i] & 0x7f, t.points[i] & 0x7f);
		assert_int_equal((uint8_t)t.text[i] < 0x80, t.points[i] < 0x80);
		assert_true(t.origin[i] < len);
	}
	text[t.len] = '\0';
	assert_string_equal(text, expected);
}

static void
test_is(void **state)
{
	static const char *const yes[] = {"xn--bcher-kva.example", "a.xn--p1ai", "b\xc3\xbc\x63her.de", "\xff", "xn--",
					  "a.b--c.xn--d", "axn--.xn--e"};
	static const char *const no[] = {"",	     "army.mil",   "a-b.c-d.example", "r3---sn.example", "axn--b.de",
					 "x--n.xn-", "-xn--a.com", "xn-.-xn"};
	size_t i;

	for (i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		if (!idn_is(yes[i], strlen(yes[i])))
			fail_msg("%s is one", yes[i]);
	for (i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (idn_is(no[i], strlen(no[i])))
			fail_msg("%s is none", no[i]);
	assert_false(idn_is("a.xn--b", 5)); /* the octets behind its end do not count */
}

/* Every writing of a name is one. */
static void
test_one_name(void **state)
{
	static const char *const writings[] = {
		"b\xc3\xbc" "cher.example", "B\xc3\x9c" "CHER.example", "bu\xcc\x88" "cher.example",
		"BU\xcc\x88" "CHER.example", "xn--bcher-kva.example",
	};
	static const char *const vietnamese[] = {
		"vi\xe1\xbb\x87t.example",		   /* one character */
		"vie\xcc\xa3\xcc\x82t.example",		   /* two marks in order */
		"vie\xcc\x82\xcc\xa3t.example",		   /* not in order */
		"vi\xc3\xaa\xcc\xa3t.example",		   /* half composed, not in order */
		"VI\xe1\xbb\x86T.example",
	};
	size_t i;

	for (i = 0; i < sizeof(writings) / sizeof(writings[0]); i++)
		check_ascii(writings[i], "xn--bcher-kva.example");
	for (i = 0; i < sizeof(vietnamese) / sizeof(vietnamese[0]); i++)
		check_ascii(vietnamese[i], "xn--vit-5kz.example");
	check_ascii("\xd0\x9f\xd0\x9e\xd0\xa7\xd0\xa2\xd0\x90.\xd0\xa0\xd0\xa4", "xn--80a1acny.xn--p1ai");
	check_ascii("\xd0\xbf\xd0\xbe\xd1\x87\xd1\x82\xd0\xb0.\xd1\x80\xd1\x84", "xn--80a1acny.xn--p1ai");
	check_ascii("\xea\xb0\x80\xea\xb0\x81.kr", "xn--o39ac.kr"); /* Hangul, composed */
	check_ascii("\xe1\x84\x80\xe1\x85\xa1\xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8.kr", "xn--o39ac.kr");
	check_ascii("ban\xe2\x84\xaa.com", "bank.com"); /* a Kelvin sign is a k by composition itself */
	check_ascii("stra\xc3\x9f" "e.de", "xn--strae-oqa.de");
	/* Not the same by case and composition: fullwidth letters, invisible characters, other dots. */
	check_ascii("\xef\xbd\x81rmy.mil", "xn--rmy-n76s.mil");
	check_ascii("ar\xc2\xadmy.mil", "xn--army-rga.mil");
	check_ascii("army\xe3\x80\x82mil", "army\xe3\x80\x82mil");
	/* What can't be an A-label stays. */
	check_ascii("a.b\xfc" "cher.de", "a.b\xfc" "cher.de");
	check_ascii("\xe2\x82", "\xe2\x82");
	check_ascii("", "");
}

static void
test_looks(void **state)
{
	static const struct {
		const char *domain, *looks;
	} cases[] = {
		/* UTS #39 */
		{"\xd0\xb0rmy.mil", "army.mil"},
		{"xn--rmy-5cd.mil", "army.mil"},
		{"p\xd0\xb0yp\xd0\xb0l.com", "paypal.com"},
		{"\xd1\x95\xd1\x81\xd0\xbe\xd1\x80\xd0\xb5.com", "scope.com"}, /* UTS #39 §4: "scope" in Cyrillic */
		{"xn--80ak6aa92e.com", "apple.com"},	     /* all Cyrillic */
		{"g\xce\xbf\xce\xbfgle.com", "google.com"},  /* Greek */
		{"goo\xe1\xb5\xb7le.com", "goo?le.com"},     /* a turned insular g looks like none of the 26 */
		{"\xf0\x9d\x92\x9c\xf0\x9d\x93\x87my.mil", "army.mil"}, /* mathematical */
		{"a\xd5\xb8y.mil", "any.mil"},		     /* Armenian */
		/* compatibility forms */
		{"\xef\xbd\x81\xef\xbd\x92\xef\xbd\x8d\xef\xbd\x99.mil", "army.mil"},
		{"\xe2\x93\x90rmy.mil", "army.mil"}, /* circled */
		{"o\xef\xac\x83" "ce.example", "office.example"}, /* ligature ffi */
		/* marks */
		{"\xc3\xa4rm\xc3\xbf.mil", "army.mil"},
		{"na\xe1\xb9\xbfy.mil", "navy.mil"},
		{"a\xcc\xa3\xcc\x82r\xcc\xb6my.mil", "army.mil"},
		{"b\xc3\xbc" "cher.de", "bucher.de"},
		/* variants of Latin letters */
		{"\xc9\x91rmy.mil", "army.mil"},
		{"goo\xc9\xa1\xc5\x82" "e.com", "google.com"},
		{"a\xca\x80\xe1\xb4\x8d\xca\x8f.mil", "army.mil"}, /* small capitals */
		{"\xc9\xa6q.mil", "hq.mil"},
		/* Cyrillic that UTS #39 lacks */
		{"ban\xd0\xba.com", "bank.com"},
		{"\xd0\xbc\xd0\xb0il.\xd1\x82\xd0\xb5\xd1\x82", "mail.tet"},
		/* invisible */
		{"ar\xc2\xadmy.mil", "army.mil"},
		{"\xe2\x80\x8b" "army.mil", "army.mil"},
		{"army\xe2\x80\x8d.mil", "army.mil"},
		{"army.mil\xef\xb8\x8f", "army.mil"},
		/* dots */
		{"army\xe3\x80\x82mil", "army.mil"},
		{"army\xef\xbc\x8emil", "army.mil"},
		/* several letters */
		{"stra\xc3\x9f" "e.de", "strasse.de"},
		{"\xc3\xa6on.example", "aeon.example"},
		/* not one of ours: stays */
		{"\xe4\xb8\xad\xe5\x9b\xbd.cn", "??.cn"},
		{"\xd7\xa9\xd7\x9c.example", "??.example"},
		/* invalid: as ISO 8859-1, and up to the fault */
		{"\xe4rmy.mil", "army.mil"},
		{"army.m\xccl", "army.mil"},
		{"xn--army-.mil", "army.mil"},
		{"xn--army-99999b.mil", "army.mil"},
		{"xn--99999999.mil", "xn--99999999.mil"},
		{"xn--.mil", "xn--.mil"},
		{".\xc3\xa4.", ".a."},
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_text(cases[i].domain, IDN_LOOKS, cases[i].looks);
}

static void
test_letters(void **state)
{
	static struct idn_text t;

	check_text("b\xc3\xbc" "cher.de", IDN_LETTERS, "b?cher.de");
	check_text("mail.xn--80a1acny.xn--p1ai", IDN_LETTERS, "mail.?????.??");
	assert_false(idn_read("b\xfc" "cher.de", 9, IDN_LETTERS, IDN_LABELS_ALL, &t));
	assert_false(idn_read("xn--army-.de", 12, IDN_LETTERS, IDN_LABELS_ALL, &t));
	assert_false(idn_read("army\xe3\x80\x82mil", 10, IDN_LETTERS, IDN_LABELS_ALL, &t));
}

/* Which characters are not what stands there; where their labels begin. */
static void
test_foreign(void **state)
{
	static const char domain[] = "hq.xn--rmy-5cd.mil";
	static struct idn_text t;
	size_t i;

	assert_true(idn_read(domain, strlen(domain), IDN_LOOKS, IDN_LABELS_ALL, &t));
	assert_int_equal(t.len, 11);
	assert_memory_equal(t.text, "hq.army.mil", 11);
	for (i = 0; i < t.len; i++) {
		assert_int_equal(t.is_foreign[i], i == 3);
		assert_int_equal(t.origin[i], i < 3 ? 0 : i < 8 ? 3 : 15);
	}
	/* The last labels alone. */
	assert_true(idn_read(domain, strlen(domain), IDN_LOOKS, 2, &t));
	assert_int_equal(t.len, 8);
	assert_memory_equal(t.text, "army.mil", 8);
	assert_int_equal(t.origin[0], 3);
	/* A mark or an invisible character marks its neighbour. */
	assert_true(idn_read("\xe2\x80\x8b" "ab\xcc\x81.c\xe2\x80\x8b", 12, IDN_LOOKS, IDN_LABELS_ALL, &t));
	assert_int_equal(t.len, 4);
	assert_memory_equal(t.is_foreign, "\1\1\0\1", 4);
}

/* The longest domains, in all forms: what does not fit is missing in front, by whole labels. */
static void
test_long(void **state)
{
	char domain[IDN_DOMAIN_MAX + 1], ascii[IDN_DOMAIN_MAX];
	static struct idn_text t;
	size_t i;

	for (i = 0; i < IDN_DOMAIN_MAX; i++)
		domain[i] = "\xef\xac\x83"[i % 3]; /* ffi: three octets, three letters */
	assert_int_equal(idn_to_ascii(domain, IDN_DOMAIN_MAX, ascii), IDN_DOMAIN_MAX);
	assert_true(idn_read(ascii, IDN_DOMAIN_MAX, IDN_LOOKS, IDN_LABELS_ALL, &t));
	assert_int_equal(t.len, 255);
	for (i = 0; i < IDN_DOMAIN_MAX; i++)
		domain[i] = i % 4 == 3 ? '.' : "\xef\xb7\xba"[i % 4]; /* one that means a sentence, and dots */
	assert_true(idn_read(domain, IDN_DOMAIN_MAX, IDN_LOOKS, IDN_LABELS_ALL, &t));
	for (i = 0; i < IDN_DOMAIN_MAX; i++)
		domain[i] = '.';
	assert_int_equal(idn_to_ascii(domain, IDN_DOMAIN_MAX, ascii), IDN_DOMAIN_MAX);
	assert_true(idn_read(ascii, IDN_DOMAIN_MAX, IDN_LOOKS, IDN_LABELS_ALL, &t));
	assert_int_equal(t.len, 255);
	/* As A-labels it would be longer than a name can be. */
	for (i = 0; i < IDN_DOMAIN_MAX; i++)
		domain[i] = "\xc3\xbc."[i % 3];
	assert_int_equal(idn_to_ascii(domain, IDN_DOMAIN_MAX, ascii), 0);
	for (i = 0; i < IDN_DOMAIN_MAX; i++)
		domain[i] = "\xc3\x9f."[i % 3];
	assert_true(idn_read(domain, IDN_DOMAIN_MAX, IDN_LOOKS, IDN_LABELS_ALL, &t));
	assert_int_equal(t.len, 255); /* 85 labels of two letters and a dot; the last is empty */
	assert_memory_equal(t.text, "ss.ss.", 6);
}

static void
check_explanation(const char *domain, const char *expected)
{
	char text[IDN_EXPLAIN_MAX];

	assert_int_equal(idn_explain(domain, strlen(domain), text, sizeof(text)), strlen(expected));
	assert_string_equal(text, expected);
}

static void
test_explain(void **state)
{
	char text[8];

	check_explanation("army.mil", "");
	check_explanation("xn--rmy-5cd.mil", "U+0430 CYRILLIC SMALL LETTER A for a");
	check_explanation("xn--80ak6aa92e.com",
			  "U+0430 CYRILLIC SMALL LETTER A for a, U+0440 CYRILLIC SMALL LETTER ER for p, "
			  "U+04CF CYRILLIC SMALL LETTER PALOCHKA for l, U+0435 CYRILLIC SMALL LETTER IE for e");
	check_explanation("\xe4\xb8\xad.cn", "U+4E2D");
	check_explanation("xn--army-.mil", "a label that begins with xn-- and is no internationalised one");
	check_explanation("\xe4rmy.mil", "U+00E4 LATIN SMALL LETTER A WITH DIAERESIS for a, "
					 "octets that are no UTF-8, read as ISO 8859-1");
	check_explanation("army\xe3\x80\x82mil", "a dot that is no ASCII");
	assert_int_equal(idn_explain("xn--rmy-5cd.mil", 15, text, sizeof(text)), 36);
	assert_string_equal(text, "U+0430 ");
	assert_int_equal(idn_explain("xn--rmy-5cd.mil", 15, NULL, 0), 36);
}

/* Explanations of any characters fit. */
static void
test_explain_all(void **state)
{
	char domain[IDN_DOMAIN_MAX], text[IDN_EXPLAIN_MAX];
	uint32_t point;
	size_t len = 0;
	int longest = 0, n;

	for (point = 0x80; point < 0x30000; point++) {
		if (point >= 0xd800 && point <= 0xdfff)
			continue;
		len += utf8_write(point, domain + len);
		if (len < 24)
			continue;
		n = idn_explain(domain, len, text, sizeof(text));
		longest = n > longest ? n : longest;
		len = 0;
	}
	print_message("the longest has %d octets\n", longest);
	assert_true(longest < IDN_EXPLAIN_MAX);
}

/* What is said to be in its form already is what normalisation makes of it, alone and behind a letter. */
static size_t
check_stable(void)
{
	uint32_t point, made[2 * FOLD_POINT_MAX];
	size_t nb_stable = 0, nb;

	for (point = 0; point < 0x110000; point++) {
		if (!fold_is_stable(point))
			continue;
		nb_stable++;
		made[0] = 'a';
		nb = 1 + fold_norm(point, made + 1);
		fold_order(made, nb);
		nb = fold_compose(made, nb);
		if (nb != 2 || made[0] != 'a' || made[1] != point)
			fail_msg("U+%04X is another one", (unsigned int)point);
	}
	assert_false(fold_is_stable('A'));
	assert_false(fold_is_stable(0xc4)); /* a capital */
	assert_false(fold_is_stable(0x301));
	assert_false(fold_is_stable(0x1161)); /* is composed with what stands before it */
	assert_false(fold_is_stable(0x212a));
	assert_true(fold_is_stable(0xe4));
	assert_true(fold_is_stable(0x430));
	return nb_stable;
}

/* What no table can be without: it ends, it is idempotent, ASCII is left alone. */
static void
test_tables(void **state)
{
	uint32_t point, once[FOLD_POINT_MAX], twice[FOLD_POINT_MAX];
	size_t nb, i, nb_ascii = 0, nb_stable;

	for (point = 0; point < 0x30000; point++) {
		nb = fold_norm(point, once);
		assert_true(nb >= 1 && nb <= FOLD_POINT_MAX);
		for (i = 0; i < nb; i++) {
			if (fold_norm(once[i], twice) != 1 || twice[0] != once[i])
				fail_msg("U+%04X decomposes further", (unsigned int)point);
		}
		nb = fold_looks(point, once);
		assert_true(nb <= FOLD_POINT_MAX);
		if (point < 0x80)
			assert_true(nb == 1 && once[0] == point);
		for (i = 0; i < nb; i++) {
			assert_true(point < 0x80 || once[i] != '.');
			nb_ascii += once[i] < 0x80 && point >= 0x80 && i == 0;
		}
	}
	print_message("%zu characters look like ASCII\n", nb_ascii);
	nb_stable = check_stable();
	print_message("%zu characters need no normalisation\n", nb_stable);
	assert_true(nb_stable > 50000); /* Han alone */
	assert_true(nb_ascii > 2000);
	assert_int_equal(fold_norm(0xffffffff, once), 1);
	assert_int_equal(fold_looks(0xffffffff, once), 1);
	assert_int_equal(fold_looks(0xe0041, once), 0);
	assert_null(fold_name('a'));
	assert_string_equal(fold_name(0x430), "CYRILLIC SMALL LETTER A");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_is),	     cmocka_unit_test(test_one_name),
		cmocka_unit_test(test_looks),	     cmocka_unit_test(test_letters),
		cmocka_unit_test(test_foreign),	     cmocka_unit_test(test_long),
		cmocka_unit_test(test_explain),	     cmocka_unit_test(test_explain_all),
		cmocka_unit_test(test_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
