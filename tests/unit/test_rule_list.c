/* SPDX-License-Identifier: BSD-3-Clause */
/* List files that rule files name: what they give, and each fault with its place in the list. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "rules_fixture.h"

#define V "version: 1\n"

static char dir[64];

static void
write_file(const char *name, const char *octets, size_t len)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(octets, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static void
write_text(const char *name, const char *text)
{
	write_file(name, text, strlen(text));
}

static int
set_up(void **state)
{
	strcpy(dir, "/tmp/postern-lists-XXXXXX");
	return mkdtemp(dir) == NULL;
}

static int
tear_down(void **state)
{
	static const char *const names[] = {"a.yaml",  "b.yaml",    "names.txt", "known.txt",
					    "bad.txt", "sub/n.txt", "fifo"};
	char path[256];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/sub", dir);
	rmdir(path);
	return rmdir(dir);
}

static void
test_names(void **state)
{
	char path[256];
	struct fixture f;

	write_text("names.txt", "\xef\xbb\xbf# partners\r\nAlphabet.example.\r\n\n  "
				"brandname.example # ours\n*.zone.example\n"
				"carnival.example");
	write_text("known.txt", "army.mil\n#navy.mil\nus.af.mil\n");
	write_text("bad.txt", "bad.example\nworse.example\n");
	write_text(
		"a.yaml", V
		"protect:\n"
		"  - {list: names.txt, subdomains: not, lookalikes: {id: partners, min_label: 4}}\n"
		"  - {domain: '*.mil', known: [dod.mil], known_list: known.txt}\n"
		"watch:\n  - {id: seen, list: bad.txt, suffix: .zip, literal: x.example}\n");
	snprintf(path, sizeof(path), "%s/a.yaml", dir);
	/* A zone can't have sub-domains that are wrong. */
	memset(&f, 0, sizeof(f));
	assert_int_equal(ruleset_load(path, 1, &f.errs, &f.set), -EINVAL);
	assert_int_equal(f.errs.nb_errors, 1);
	rule_errors_free(&f.errs);
	write_text("names.txt",
		   "\xef\xbb\xbf# partners\r\nAlphabet.example.\r\n\n  brandname.example # ours\n"
		   "\tcarnival.example");
	fixture_load(&f, path);
	assert_int_equal(f.errs.nb, 0);
	assert_match(&f, "alphbet.example", "partners", "omission", "alphabet.example");
	assert_match(&f, "brandnmae.example", "partners", "transposition", "brandname.example");
	assert_match(&f, "carnivall.example", "partners", "doubling", "carnival.example");
	assert_no_match(&f, "carnival.example");
	assert_match(&f, "amry.mil", "lookalikes-a", "transposition", "army.mil");
	assert_no_match(&f, "nvay.mil");
	assert_match(&f, "a.worse.example", "seen", "literal", "");
	assert_match(&f, "x.example", "seen", "literal", "");
	assert_match(&f, "invoice.zip", "seen", "literal", "");
	fixture_free(&f);
}

/* What is in a list is content: another hash when it changes; and a snapshot has it. */
static void
test_content(void **state)
{
	struct fixture a, b;
	char path[256];
	void *snapshot;
	size_t len;

	write_text("names.txt", "alphabet.example\n");
	write_text("a.yaml", V "protect: [{list: names.txt}]\n");
	snprintf(path, sizeof(path), "%s/a.yaml", dir);
	fixture_load(&a, path);
	assert_int_equal(ruleset_snapshot(a.set, &snapshot, &len), 0);
	write_text("names.txt", "brandname.example\n");
	fixture_load(&b, path);
	assert_true(ruleset_hash(a.set) != ruleset_hash(b.set));
	fixture_free(&b);
	memset(&b, 0, sizeof(b));
	fixture_make_matcher(&b, ruleset_load_snapshot(snapshot, len, 7, NULL, &b.errs, &b.set));
	assert_true(ruleset_hash(a.set) == ruleset_hash(b.set));
	assert_match(&b, "alphbet.example", "lookalikes-a", "omission", "alphabet.example");
	fixture_free(&a);
	fixture_free(&b);
	free(snapshot);
}

static void
check_fault(const char *list, size_t len, const char *rules, const char *file, int line, int column,
	    const char *what)
{
	struct ruleset *set = NULL;
	struct rule_errors errs;
	char path[256];
	int rc;

	write_file("names.txt", list, len);
	write_text("a.yaml", rules);
	snprintf(path, sizeof(path), "%s/a.yaml", dir);
	rc = ruleset_load(path, 1, &errs, &set);
	snprintf(path, sizeof(path), "%s/%s", dir, file);
	if (rc != -EINVAL || errs.nb != 1 || strcmp(errs.list[0].file, path) != 0 ||
	    errs.list[0].line != line || errs.list[0].column != column ||
	    strstr(errs.list[0].what, what) == NULL) {
		fixture_print_errors(&errs);
		fail_msg("rc %d, expected %s:%d:%d %s", rc, file, line, column, what);
	}
	rule_errors_free(&errs);
}

static void
test_faults(void **state)
{
#define LIST V "protect: [{list: names.txt}]\n"
	char path[256];

	check_fault("a.example\n\n x..y\n", 16, LIST, "names.txt", 3, 4, "empty label");
	check_fault("a.example\nmil\n", 14, LIST, "names.txt", 2, 1, "single label");
	check_fault("a.example\nb.example\nA.example\n", 30, LIST, "names.txt", 3, 1,
		    "stands twice, first at ");
	check_fault("a.example\n\0\n", 12, LIST, "names.txt", 2, 1, "NUL octet");
	check_fault("a.example b.example\n", 20, LIST, "names.txt", 1, 10,
		    "character that no domain has");
	check_fault("b\xc2\xad.example\n", 12, LIST, "names.txt", 1, 2, "in another form only");
	check_fault("a.example\n", 10, V "protect: [a.example, {list: names.txt}]\n", "names.txt",
		    1, 1, "a.yaml:2:11");
	check_fault("army.ml\n", 8, V "protect: [{domain: '*.mil', known_list: names.txt}]\n",
		    "names.txt", 1, 1, "does not stand below");
	check_fault("", 0, V "protect: [{domain: a.b, known_list: names.txt}]\n", "a.yaml", 2, 37,
		    "belongs to a zone");
	check_fault("", 0, V "protect: [{list: none.txt}]\n", "a.yaml", 2, 18,
		    "can't be read: No such file");
	check_fault("", 0, V "protect: [{list: /}]\n", "a.yaml", 2, 18,
		    "can't be read: Is a directory");
	check_fault("", 0, V "protect: [{list: [a.txt]}]\n", "a.yaml", 2, 18, "single value");
	snprintf(path, sizeof(path), "%s/fifo", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	check_fault("", 0, V "protect: [{list: fifo}]\n", "a.yaml", 2, 18,
		    "can't be read"); /* and nobody waits */
#undef LIST
}

static void
test_rest(void **state)
{
	static const char text[] = V "protect: [{list: names.txt}]\n";
	struct ruleset *set = NULL;
	struct rule_errors errs;
	char path[256];

	/* Rules that are no file have no folder that lists could stand in. */
	assert_int_equal(ruleset_load_octets("t", text, sizeof(text) - 1, 1, &errs, &set), -EINVAL);
	assert_non_null(strstr(errs.list[0].what, "do not come from a file"));
	rule_errors_free(&errs);
	/* Nothing in it is doubtful, not wrong. */
	write_text("names.txt", "# none yet\n");
	write_text("a.yaml", text);
	snprintf(path, sizeof(path), "%s/a.yaml", dir);
	assert_int_equal(ruleset_load(path, 1, &errs, &set), 0);
	assert_int_equal(errs.nb, 1);
	assert_int_equal(errs.list[0].level, RULE_WARNING);
	ruleset_free(set);
	rule_errors_free(&errs);
	/* A path with folders counts from the rule file's own. */
	snprintf(path, sizeof(path), "%s/sub", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	write_text("sub/n.txt", "alphabet.example\n");
	write_text("a.yaml", V "protect: [{list: sub/n.txt}]\n");
	write_text("b.yaml", V "protect: [{list: names.txt}]\n");
	assert_int_equal(ruleset_load(dir, 1, &errs, &set), 0);
	assert_int_equal(ruleset_nb_rules(set), 1); /* a list without names makes no rule */
	ruleset_free(set);
	rule_errors_free(&errs);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_content, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_faults, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_rest, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
