/* SPDX-License-Identifier: BSD-3-Clause */
/* Punycode: the samples of RFC 3492 §7.1 both ways, what is none, limits. */
#include "punycode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define P(...)                                                                \
	{                                                                     \
		__VA_ARGS__                                                   \
	},                                                                    \
		sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t)

static const struct {
	const char *what;
	const char *text;
	uint32_t points[48];
	size_t nb;
} samples[] = {
	{"(A) Arabic", "egbpdaj6bu4bxfgehfvwxn",
	 P(0x0644, 0x064A, 0x0647, 0x0645, 0x0627, 0x0628, 0x062A, 0x0643, 0x0644, 0x0645, 0x0648, 0x0634, 0x0639,
	   0x0631, 0x0628, 0x064A, 0x061F)},
	{"(B) Chinese, simplified", "ihqwcrb4cv8a8dqg056pqjye",
	 P(0x4ED6, 0x4EEC, 0x4E3A, 0x4EC0, 0x4E48, 0x4E0D, 0x8BF4, 0x4E2D, 0x6587)},
	{"(C) Chinese, traditional", "ihqwctvzc91f659drss3x8bo0yb",
	 P(0x4ED6, 0x5011, 0x7232, 0x4EC0, 0x9EBD, 0x4E0D, 0x8AAA, 0x4E2D, 0x6587)},
	{"(D) Czech", "Proprostnemluvesky-uyb24dma41a",
	 P(0x0050, 0x0072, 0x006F, 0x010D, 0x0070, 0x0072, 0x006F, 0x0073, 0x0074, 0x011B, 0x006E, 0x0065, 0x006D,
	   0x006C, 0x0075, 0x0076, 0x00ED, 0x010D, 0x0065, 0x0073, 0x006B, 0x0079)},
	{"(E) Hebrew", "4dbcagdahymbxekheh6e0a7fei0b",
	 P(0x05DC, 0x05DE, 0x05D4, 0x05D4, 0x05DD, 0x05E4, 0x05E9, 0x05D5, 0x05D8, 0x05DC, 0x05D0, 0x05DE, 0x05D3,
	   0x05D1, 0x05E8, 0x05D9, 0x05DD, 0x05E2, 0x05D1, 0x05E8, 0x05D9, 0x05EA)},
	{"(F) Hindi", "i1baa7eci9glrd9b2ae1bj0hfcgg6iyaf8o0a1dig0cd",
	 P(0x092F, 0x0939, 0x0932, 0x094B, 0x0917, 0x0939, 0x093F, 0x0928, 0x094D, 0x0926, 0x0940, 0x0915, 0x094D,
	   0x092F, 0x094B, 0x0902, 0x0928, 0x0939, 0x0940, 0x0902, 0x092C, 0x094B, 0x0932, 0x0938, 0x0915, 0x0924,
	   0x0947, 0x0939, 0x0948, 0x0902)},
	{"(G) Japanese", "n8jok5ay5dzabd5bym9f0cm5685rrjetr6pdxa",
	 P(0x306A, 0x305C, 0x307F, 0x3093, 0x306A, 0x65E5, 0x672C, 0x8A9E, 0x3092, 0x8A71, 0x3057, 0x3066, 0x304F,
	   0x308C, 0x306A, 0x3044, 0x306E, 0x304B)},
	{"(H) Korean", "989aomsvi5e83db1d2a355cv1e0vak1dwrv93d5xbh15a0dt30a5jpsd879ccm6fea98c",
	 P(0xC138, 0xACC4, 0xC758, 0xBAA8, 0xB4E0, 0xC0AC, 0xB78C, 0xB4E4, 0xC774, 0xD55C, 0xAD6D, 0xC5B4, 0xB97C,
	   0xC774, 0xD574, 0xD55C, 0xB2E4, 0xBA74, 0xC5BC, 0xB9C8, 0xB098, 0xC88B, 0xC744, 0xAE4C)},
	{"(I) Russian", "b1abfaaepdrnnbgefbadotcwatmq2g4l",
	 P(0x043F, 0x043E, 0x0447, 0x0435, 0x043C, 0x0443, 0x0436, 0x0435, 0x043E, 0x043D, 0x0438, 0x043D, 0x0435,
	   0x0433, 0x043E, 0x0432, 0x043E, 0x0440, 0x044F, 0x0442, 0x043F, 0x043E, 0x0440, 0x0443, 0x0441, 0x0441,
	   0x043A, 0x0438)},
	{"(J) Spanish", "PorqunopuedensimplementehablarenEspaol-fmd56a",
	 P(0x0050, 0x006F, 0x0072, 0x0071, 0x0075, 0x00E9, 0x006E, 0x006F, 0x0070, 0x0075, 0x0065, 0x0064, 0x0065,
	   0x006E, 0x0073, 0x0069, 0x006D, 0x0070, 0x006C, 0x0065, 0x006D, 0x0065, 0x006E, 0x0074, 0x0065, 0x0068,
	   0x0061, 0x0062, 0x006C, 0x0061, 0x0072, 0x0065, 0x006E, 0x0045, 0x0073, 0x0070, 0x0061, 0x00F1, 0x006F,
	   0x006C)},
	{"(K) Vietnamese", "TisaohkhngthchnitingVit-kjcr8268qyxafd2f1b9g",
	 P(0x0054, 0x1EA1, 0x0069, 0x0073, 0x0061, 0x006F, 0x0068, 0x1ECD, 0x006B, 0x0068, 0x00F4, 0x006E, 0x0067,
	   0x0074, 0x0068, 0x1EC3, 0x0063, 0x0068, 0x1EC9, 0x006E, 0x00F3, 0x0069, 0x0074, 0x0069, 0x1EBF, 0x006E,
	   0x0067, 0x0056, 0x0069, 0x1EC7, 0x0074)},
	{"(L)", "3B-ww4c5e180e575a65lsy2b", P(0x0033, 0x5E74, 0x0042, 0x7D44, 0x91D1, 0x516B, 0x5148, 0x751F)},
	{"(M)", "-with-SUPER-MONKEYS-pc58ag80a8qai00g7n9n",
	 P(0x5B89, 0x5BA4, 0x5948, 0x7F8E, 0x6075, 0x002D, 0x0077, 0x0069, 0x0074, 0x0068, 0x002D, 0x0053, 0x0055,
	   0x0050, 0x0045, 0x0052, 0x002D, 0x004D, 0x004F, 0x004E, 0x004B, 0x0045, 0x0059, 0x0053)},
	{"(N)", "Hello-Another-Way--fc4qua05auwb3674vfr0b",
	 P(0x0048, 0x0065, 0x006C, 0x006C, 0x006F, 0x002D, 0x0041, 0x006E, 0x006F, 0x0074, 0x0068, 0x0065, 0x0072,
	   0x002D, 0x0057, 0x0061, 0x0079, 0x002D, 0x305D, 0x308C, 0x305E, 0x308C, 0x306E, 0x5834, 0x6240)},
	{"(O)", "2-u9tlzr9756bt3uc0v", P(0x3072, 0x3068, 0x3064, 0x5C4B, 0x6839, 0x306E, 0x4E0B, 0x0032)},
	{"(P)", "MajiKoi5-783gue6qz075azm5e",
	 P(0x004D, 0x0061, 0x006A, 0x0069, 0x3067, 0x004B, 0x006F, 0x0069, 0x3059, 0x308B, 0x0035, 0x79D2, 0x524D)},
	{"(Q)", "de-jg4avhby1noc0d", P(0x30D1, 0x30D5, 0x30A3, 0x30FC, 0x0064, 0x0065, 0x30EB, 0x30F3, 0x30D0)},
	{"(R)", "d9juau41awczczp", P(0x305D, 0x306E, 0x30B9, 0x30D4, 0x30FC, 0x30C9, 0x3067)},
	{"(S)", "-> $1.00 <--", P(0x002D, 0x003E, 0x0020, 0x0024, 0x0031, 0x002E, 0x0030, 0x0030, 0x0020, 0x003C, 0x002D)},
	{"beyond plane 0", "gz1h", P(0x1D41A)},
	{"as in names", "bcher-kva", P('b', 0xFC, 'c', 'h', 'e', 'r')},
	{"as in attacks", "rmy-5cd", P(0x0430, 'r', 'm', 'y')},
};

static void
test_samples(void **state)
{
	uint32_t points[PUNYCODE_LEN_MAX];
	char text[80];
	size_t i, nb, len;

	for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		len = strlen(samples[i].text);
		if (!punycode_decode(samples[i].text, len, points, PUNYCODE_LEN_MAX, &nb) || nb != samples[i].nb ||
		    memcmp(points, samples[i].points, nb * sizeof(points[0])) != 0)
			fail_msg("%s is not decoded", samples[i].what);
		assert_int_equal(punycode_encode(samples[i].points, nb, text, sizeof(text)), len);
		assert_memory_equal(text, samples[i].text, len);
		/* One octet or point less than is needed is refused. */
		assert_int_equal(punycode_encode(samples[i].points, nb, text, len - 1), 0);
		assert_false(punycode_decode(samples[i].text, len, points, nb - 1, &nb));
	}
}

/* Digits of both cases are the same; those before the last hyphen keep theirs. */
static void
test_case(void **state)
{
	uint32_t points[8];
	size_t nb;

	assert_true(punycode_decode("bCher-KVA", 9, points, 8, &nb));
	assert_int_equal(nb, 6);
	assert_int_equal(points[1], 0xfc);
	assert_int_equal(points[2], 'C');
}

static void
test_invalid(void **state)
{
	static const struct {
		const char *text;
		size_t nb; /* points before the fault */
	} cases[] = {
		{"bcher-kv", 5},	     /* broken off in a number */
		{"bcher-kv!", 5},	     /* no digit */
		{"bcher-k\xfc", 5},	     /* no digit */
		{"b\xfc" "cher-kva", 1},     /* what is basic is ASCII */
		{"a-99999999", 1},	     /* more than 32 bits */
		{"99999999999999999999", 0},
		{"a-0000000", 1},
		{"army-99999b", 4},	     /* beyond U+10FFFF */
		{"9q8hz", 1}, /* one good number and half of one */
	};
	uint32_t points[PUNYCODE_LEN_MAX];
	size_t i, nb;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (punycode_decode(cases[i].text, strlen(cases[i].text), points, PUNYCODE_LEN_MAX, &nb))
			print_message("%s is decoded into %zu, U+%04X\n", cases[i].text, nb, (unsigned int)points[nb - 1]);
		assert_false(punycode_decode(cases[i].text, strlen(cases[i].text), points, PUNYCODE_LEN_MAX, &nb));
		assert_int_equal(nb, cases[i].nb);
	}
	assert_true(punycode_decode("", 0, points, PUNYCODE_LEN_MAX, &nb));
	assert_int_equal(nb, 0);
	assert_true(punycode_decode("army-", 5, points, PUNYCODE_LEN_MAX, &nb)); /* nothing behind the hyphen */
	assert_int_equal(nb, 4);
	assert_int_equal(punycode_encode(points, 0, (char[8]){0}, 8), 0);
}

/* Surrogates are no code points: the number that would lead to each border. */
static void
test_surrogates(void **state)
{
	static const uint32_t good[] = {0x80, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff};
	uint32_t point, back[2];
	char text[16];
	size_t len, nb, i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		len = punycode_encode(&good[i], 1, text, sizeof(text));
		assert_true(len > 0 && punycode_decode(text, len, back, 2, &nb));
		assert_int_equal(nb, 1);
		assert_int_equal(back[0], good[i]);
	}
	for (point = 0xd800; point < 0xe000; point++) {
		len = punycode_encode(&point, 1, text, sizeof(text));
		assert_true(len > 0);
		assert_false(punycode_decode(text, len, back, 2, &nb));
	}
	point = 0x110000;
	len = punycode_encode(&point, 1, text, sizeof(text));
	assert_false(punycode_decode(text, len, back, 2, &nb));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_case),
		cmocka_unit_test(test_invalid),
		cmocka_unit_test(test_surrogates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
