/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * postern rules expand: every name printed is a lookalike, none stands there twice, and none that
 * is one edit away is missing.
 */
#include "cmd_rules_run.h"

#include <jansson.h>

#include "matcher.h"
#include "rules_judge.h"

static const char *unicode_count = "2000";

/* What a run printed, sorted by name. */
struct list {
	char **lines;
	size_t nb;
	int rc;
};

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
expand(struct list *l, const char *rules, const char *domain, const char *technique)
{
	const char *args[] = {"rules", "expand", "--rules", rules, domain, "--unicode", unicode_count, "--technique",
			      technique, NULL};
	char *argv[10], *line = NULL;
	FILE *out = temporary("", 0);
	size_t cap = 0, room = 0;
	int argc, status;
	ssize_t len;
	pid_t pid;

	if (technique == NULL)
		args[7] = NULL;
	for (argc = 0; args[argc] != NULL; argc++)
		argv[argc] = strdup(args[argc]);
	argv[argc] = NULL;
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (dup2(fileno(out), 1) < 0)
			_exit(99);
		status = cmd_rules(argc, argv);
		fflush(stdout);
		_exit(status);
	}
	while (argc > 0)
		free(argv[--argc]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	memset(l, 0, sizeof(*l));
	l->rc = WEXITSTATUS(status);
	rewind(out);
	while ((len = getline(&line, &cap, out)) > 0) {
		if (l->nb == room) {
			room = room > 0 ? 2 * room : 1024;
			l->lines = reallocarray(l->lines, room, sizeof(*l->lines));
			assert_non_null(l->lines);
		}
		assert_int_equal(line[len - 1], '\n');
		l->lines[l->nb++] = strndup(line, (size_t)len - 1);
	}
	free(line);
	fclose(out);
	if (l->nb > 0)
		qsort(l->lines, l->nb, sizeof(*l->lines), compare);
}

static void
list_free(struct list *l)
{
	size_t i;

	for (i = 0; i < l->nb; i++)
		free(l->lines[i]);
	free(l->lines);
}

static bool
has(const struct list *l, const char *name, const char *technique)
{
	char line[600], *key = line;

	snprintf(line, sizeof(line), "%s\t%s", name, technique);
	return l->nb > 0 && bsearch(&key, l->lines, l->nb, sizeof(*l->lines), compare) != NULL;
}

static void
judge_open(struct rules_judge *j, const char *path)
{
	struct rule_errors errs;
	struct ruleset *set;

	assert_int_equal(ruleset_load(path, 1, &errs, &set), 0);
	rule_errors_free(&errs);
	assert_int_equal(rules_judge_take(j, set), 0);
}

static bool
ask(const struct rules_judge *j, const char *name, size_t len, struct matcher_match *m)
{
	struct matcher_query q = {.local = "x", .local_len = 1, .domain = name, .domain_len = len};

	return matcher_judge(j->matcher, j->scratch, &q, m) == 1;
}

static bool
means(const struct matcher_match *m, const char *domain)
{
	return strcmp(m->meant, domain) == 0 ||
	       (strncmp(m->meant, "www.", 4) == 0 && strcmp(m->meant + 4, domain) == 0);
}

/* Each line is a name that matches by what is said, means the domain, and differs from the one
 * before. */
static void
check_lines(const struct rules_judge *j, const struct list *l, const char *domain)
{
	struct matcher_match m;
	const char *tab, *letters, *technique;
	size_t i, len, technique_len;

	for (i = 0; i < l->nb; i++) {
		tab = strchr(l->lines[i], '\t');
		assert_non_null(tab);
		len = (size_t)(tab - l->lines[i]);
		letters = strchr(tab + 1, '\t');
		technique_len = letters != NULL ? (size_t)(letters - tab - 1) : strlen(tab + 1);
		if (!ask(j, l->lines[i], len, &m) || !means(&m, domain))
			fail_msg("%s of %s does not match", l->lines[i], domain);
		technique = rule_technique_name((enum rule_technique)m.technique);
		if (strlen(technique) != technique_len || memcmp(tab + 1, technique, technique_len) != 0)
			fail_msg("%s of %s does not match so", l->lines[i], domain);
		/* And as its letters: the same name, and the same answer. */
		if (letters != NULL &&
		    (!ask(j, letters + 1, strlen(letters + 1), &m) || !means(&m, domain) || m.domain_len != len ||
		     memcmp(m.domain, l->lines[i], len) != 0 ||
		     strcmp(technique, rule_technique_name((enum rule_technique)m.technique)) != 0))
			fail_msg("%s of %s does not match as its letters", l->lines[i], domain);
		if (i > 0 && strlen(l->lines[i - 1]) > len && l->lines[i - 1][len] == '\t' &&
		    memcmp(l->lines[i - 1], l->lines[i], len) == 0)
			fail_msg("%s stands there twice", l->lines[i]);
	}
}

static void
need(const struct rules_judge *j, const struct list *l, const char *domain, const char *name)
{
	struct matcher_match m;
	size_t len = strlen(name);

	while (len > 0 && name[len - 1] == '.')
		len--;
	if (!ask(j, name, len, &m) || !means(&m, domain))
		return;
	if (!has(l, m.domain, rule_technique_name((enum rule_technique)m.technique)))
		fail_msg("%s, a lookalike of %s, is missing", name, domain);
}

/* All names within one edit, by a plain loop. */
static void
check_whole(const struct rules_judge *j, const struct list *l, const char *domain)
{
	static const char characters[] = "abcdefghijklmnopqrstuvwxyz0123456789-.";
	size_t len = strlen(domain), i;
	char name[300];
	const char *c;

	for (i = 0; i <= len; i++) {
		for (c = characters; *c != '\0'; c++) {
			snprintf(name, sizeof(name), "%.*s%c%s", (int)i, domain, *c, domain + i);
			need(j, l, domain, name);
			if (i == len)
				continue;
			snprintf(name, sizeof(name), "%.*s%c%s", (int)i, domain, *c,
				 domain + i + 1);
			need(j, l, domain, name);
		}
		if (i == len)
			continue;
		snprintf(name, sizeof(name), "%.*s%s", (int)i, domain, domain + i + 1);
		need(j, l, domain, name);
		if (i + 1 < len) {
			snprintf(name, sizeof(name), "%.*s%c%c%s", (int)i, domain, domain[i + 1],
				 domain[i], domain + i + 2);
			need(j, l, domain, name);
		}
	}
}

static const char all_on[] =
	"version: 1\n"
	"defaults: {lookalikes: {typing: {min_label: 1}, squatting: {min_label: 1},\n"
	"  missing_level: true, tld_swap: true}}\n"
	"protect: [ab.de, army.mil, us.af.mil, mail.dept.example.com, example.com, examples.com,\n"
	"  barclays.co.uk, t-online.de, defense-logistics.example, wellwood.org, x1.io, 3m.com,\n"
	"  llllllllmmmmmmmmwwwwwwwwdddd.com, navy.mil.ph, a.b.c.d.e.f.g.h.i.j.example.net]\n"
	"rules: [{id: own, suffix: [millitary, m1l], meant: mil, severity: critical}]\n";

static const char *const domains[] = {
	"ab.de",
	"army.mil",
	"us.af.mil",
	"mail.dept.example.com",
	"example.com",
	"examples.com",
	"barclays.co.uk",
	"t-online.de",
	"defense-logistics.example",
	"wellwood.org",
	"x1.io",
	"3m.com",
	"navy.mil.ph",
	"a.b.c.d.e.f.g.h.i.j.example.net",
	"llllllllmmmmmmmmwwwwwwwwdddd.com", /* more combinations than are made */
	"hq.army.mil", /* below a protected name: its lookalikes stand below those */
};

/* Every domain by the techniques that all have, some by one of each part that makes names. */
static void
test_each(void **state)
{
	static const char *const techniques[] = {"insertion",	   "missing_dot", "tld",
						 "suffix_country", "homoglyph",	  "added_word",
						 "tld_swap"};
	static const char *const whole[] = {"us.af.mil", "barclays.co.uk", "t-online.de",
					    "llllllllmmmmmmmmwwwwwwwwdddd.com"};
	enum {
		NB_WHOLE = sizeof(whole) / sizeof(whole[0]),
		NB_TECHNIQUES = sizeof(techniques) / sizeof(techniques[0])
	};
	char *rules = file_with(all_on, strlen(all_on));
	struct rules_judge j;
	struct list l;
	size_t i, t, nb;

	judge_open(&j, rules);
	for (i = 0; i < sizeof(domains) / sizeof(domains[0]); i++) {
		expand(&l, rules, domains[i], "insertion");
		assert_int_equal(l.rc, 0);
		assert_true(l.nb > 20);
		check_lines(&j, &l, domains[i]);
		list_free(&l);
	}
	for (i = 0; i < NB_WHOLE; i++) {
		for (t = 0, nb = 0; t < NB_TECHNIQUES; t++) {
			expand(&l, rules, whole[i], techniques[t]);
			assert_int_equal(l.rc, 0);
			check_lines(&j, &l, whole[i]);
			nb += l.nb;
			list_free(&l);
		}
		assert_true(nb > 500);
	}
	rules_judge_close(&j);
	remove_file(rules);
}

static void
test_whole(void **state)
{
	char *rules = file_with(all_on, strlen(all_on));
	struct rules_judge j;
	struct list l;

	judge_open(&j, rules);
	expand(&l, rules, "army.mil", NULL);
	assert_int_equal(l.rc, 0);
	assert_true(l.nb > 50000); /* slips together with mistyped suffixes */
	check_lines(&j, &l, "army.mil");
	check_whole(&j, &l, "army.mil");
	assert_true(has(&l, "amry.ml", "slip_and_tld"));
	assert_true(has(&l, "army.ml", "tld"));
	assert_true(has(&l, "army.mil.com", "tld"));
	assert_true(has(&l, "army.millitary", "suffix"));
	assert_true(has(&l, "wwwarmy.mil", "missing_dot"));
	assert_true(has(&l, "armymil.com", "missing_dot"));
	assert_true(has(&l, "army-mil.com", "missing_dot"));
	assert_true(has(&l, "arrny.mil", "homoglyph"));
	assert_true(has(&l, "arrny.mi1", "homoglyph"));
	assert_true(has(&l, "ar-my.mil", "hyphenation"));
	assert_true(has(&l, "army-login.mil", "added_word"));
	assert_true(has(&l, "myarmy.mil", "added_word"));
	assert_true(has(&l, "army.xyz", "tld_swap"));
	assert_true(has(&l, "army.co.uk", "tld_swap"));
	assert_true(has(&l, "arm.ymil", "misplaced_dot"));
	assert_true(has(&l, "army..mil", "doubled_dot"));
	list_free(&l);
	expand(&l, rules, "mail.dept.example.com", NULL);
	check_whole(&j, &l, "mail.dept.example.com");
	assert_true(has(&l, "mail.example.com", "missing_level") ||
		    ask(&j, "mail.example.com", 16, &(struct matcher_match){0}) == 0);
	list_free(&l);
	rules_judge_close(&j);
	remove_file(rules);
}

static size_t
count_letters(const struct list *l)
{
	size_t nb = 0, i;

	for (i = 0; i < l->nb; i++)
		nb += strchr(strchr(l->lines[i], '\t') + 1, '\t') != NULL;
	return nb;
}

static void
expand_unicode(struct list *l, const char *rules, const char *domain, const char *count)
{
	const char *saved = unicode_count;

	unicode_count = count;
	expand(l, rules, domain, NULL);
	unicode_count = saved;
	assert_int_equal(l->rc, 0);
}

/* Letters of other scripts, as many names as are wanted; slips in names that have such letters. */
static void
test_letters(void **state)
{
	static const char text[] = "version: 1\n"
				   "protect: [army.mil, lockheedmartin.com, aegis.de, b\xc3\xbc"
				   "cher.example,\n"
				   "  \xd0\xbf\xd0\xbe\xd1\x87\xd1\x82\xd0\xb0.\xd1\x80\xd1\x84]\n";
	char *rules = file_with(text, strlen(text));
	struct rules_judge j;
	struct list l;

	judge_open(&j, rules);
	expand(&l, rules, "army.mil", "homoglyph");
	check_lines(&j, &l, "army.mil");
	assert_true(count_letters(&l) > 1000 && count_letters(&l) <= 2000);
	assert_true(has(&l, "xn--rmy-5cd.mil", "homoglyph\t\xd0\xb0rmy.mil"));
	assert_true(has(&l, "xn--80ag1a2a.xn--l1a6cvt", "homoglyph\t\xd0\xb0\xd0\xb3\xd0\xbc\xd1\x83.\xd0\xbc\xd1\x96\xd3\x8f"));
	list_free(&l);
	expand_unicode(&l, rules, "aegis.de", "65536");
	check_lines(&j, &l, "aegis.de");
	assert_true(count_letters(&l) > 10000);
	assert_true(has(&l, "xn--gis-xla.de", "homoglyph\t\xc3\xa6gis.de")); /* one letter for two */
	list_free(&l);
	expand_unicode(&l, rules, "lockheedmartin.com", "30");
	check_lines(&j, &l, "lockheedmartin.com");
	assert_in_range(count_letters(&l), 20, 30);
	list_free(&l);
	expand_unicode(&l, rules, "lockheedmartin.com", "0");
	assert_int_equal(count_letters(&l), 0);
	list_free(&l);
	expand(&l, rules, "xn--bcher-kva.example", NULL);
	check_lines(&j, &l, "xn--bcher-kva.example");
	assert_true(has(&l, "bucher.example", "homoglyph"));
	assert_true(has(&l, "xn--bcer-0ra.example", "omission\tb\xc3\xbc" "cer.example"));
	list_free(&l);
	expand(&l, rules, "xn--80a1acny.xn--p1ai", NULL);
	check_lines(&j, &l, "xn--80a1acny.xn--p1ai");
	assert_true(has(&l, "xn--80a1acox.xn--p1ai",
			"transposition\t\xd0\xbf\xd0\xbe\xd1\x87\xd0\xb0\xd1\x82.\xd1\x80\xd1\x84"));
	list_free(&l);
	rules_judge_close(&j);
	remove_file(rules);
}

/* Of each file that ships, one name with all that is found. */
static void
test_shipped(void **state)
{
	static const char *const shipped[] = {"us.af.mil", "gmx.de"};
	struct rules_judge j;
	struct list l;
	size_t i;

	judge_open(&j, RULES_DIR);
	for (i = 0; i < sizeof(shipped) / sizeof(shipped[0]); i++) {
		expand(&l, RULES_DIR, shipped[i], NULL);
		assert_int_equal(l.rc, 0);
		assert_true(l.nb > 100);
		check_lines(&j, &l, shipped[i]);
		check_whole(&j, &l, shipped[i]);
		list_free(&l);
	}
	rules_judge_close(&j);
}

static void
test_usage(void **state)
{
	struct output o;
	json_t *line;
	char *end;

	RUN(&o, "", 0, "expand", "-r", RULES_DIR, "-t", "doubling", "--json", "ARMY.mil.");
	assert_int_equal(o.rc, 0);
	end = strchr(o.text, '\n');
	assert_non_null(end);
	line = json_loadb(o.text, (size_t)(end - o.text), 0, NULL);
	assert_non_null(line);
	assert_string_equal(json_string_value(json_object_get(line, "domain")), "aarmy.mil");
	assert_string_equal(json_string_value(json_object_get(line, "technique")), "doubling");
	assert_string_equal(json_string_value(json_object_get(line, "meant")), "army.mil");
	assert_string_equal(json_string_value(json_object_get(line, "rule")), "lookalikes-mil");
	assert_string_equal(json_string_value(json_object_get(line, "verdict")), "refuse");
	assert_int_equal(json_integer_value(json_object_get(line, "severity")), 3);
	json_decref(line);
	RUN(&o, "", 0, "expand", "-r", RULES_DIR, "unprotected.example");
	assert_int_equal(o.rc, 2);
	assert_string_equal(o.text, "");
	RUN(&o, "", 0, "expand", "-r", RULES_DIR, "-t", "none", "army.mil");
	assert_int_equal(o.rc, 2);
	RUN(&o, "", 0, "expand", "-r", RULES_DIR, "-t", "what", "army.mil");
	assert_int_equal(o.rc, 2);
	RUN(&o, "", 0, "expand", "-r", RULES_DIR, "-u", "65537", "army.mil");
	assert_int_equal(o.rc, 2);
	RUN(&o, "", 0, "expand", "-r", RULES_DIR, "-u", "-1", "army.mil");
	assert_int_equal(o.rc, 2);
	RUN(&o, "", 0, "expand", "-r", RULES_DIR, "army.mil", "navy.mil");
	assert_int_equal(o.rc, 2);
	RUN(&o, "", 0, "expand", "-r", RULES_DIR, "mil");
	assert_int_equal(o.rc, 2);
	RUN(&o, "", 0, "expand", "-r", RULES_DIR, "a..b");
	assert_int_equal(o.rc, 2);
	RUN(&o, "", 0, "expand");
	assert_int_equal(o.rc, 2);
	RUN(&o, "", 0, "expand", "--help");
	assert_int_equal(o.rc, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each),
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_shipped),
		cmocka_unit_test(test_letters),
		cmocka_unit_test(test_usage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
