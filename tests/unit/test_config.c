/* SPDX-License-Identifier: BSD-3-Clause */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "suggest.h"

struct seen {
	char text[4096]; /* "line:column what; hint\n" of each error */
	unsigned int nb;
};

static void
note(void *ctx, const struct config_error *err)
{
	struct seen *s = ctx;
	size_t used = strlen(s->text);

	s->nb++;
	snprintf(s->text + used, sizeof(s->text) - used, "%d:%d %s; %s\n", err->line, err->column,
		 err->what, err->hint != NULL ? err->hint : "-");
}

static int
load(const char *text, size_t len, struct seen *s, struct config *cfg)
{
	char path[] = "/tmp/postern-test-config.XXXXXX";
	int fd = mkstemp(path), rc;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), (ssize_t)len);
	close(fd);
	memset(s, 0, sizeof(*s));
	memset(cfg, 0, sizeof(*cfg));
	rc = config_load(path, note, s, cfg);
	unlink(path);
	return rc;
}

static void
test_whole(void **state)
{
	static const char text[] = "rules: /etc/postern/rules\nstate: store\n"
				   "ports: [25, 2525]\nworkers: 64\nobserver: {name: gw1}\n"
				   "limits: {flows: 16777216, sessions: 1}\nvlan: ignore\n"
				   "cache: off\nstore: {keep: 90d, size: 2GiB}\nmetrics: {listen: \"[::1]:9517\"}\n";
	struct config cfg;
	struct seen s;

	assert_int_equal(load(text, sizeof(text) - 1, &s, &cfg), 0);
	assert_int_equal(s.nb, 0);
	assert_string_equal(cfg.rules, "/etc/postern/rules");
	assert_string_equal(cfg.cache, "off");
	assert_string_equal(cfg.metrics, "[::1]:9517");
	assert_int_equal(cfg.keep_s, 90 * 24 * 3600);
	assert_true(cfg.keep_octets == UINT64_C(2) << 30);
	assert_string_equal(cfg.state, "/tmp/store"); /* from the folder of the file */
	assert_string_equal(cfg.observer, "gw1");
	assert_int_equal(cfg.nb_ports, 2);
	assert_int_equal(cfg.ports[0], 25);
	assert_int_equal(cfg.ports[1], 2525);
	assert_int_equal(cfg.workers, 64);
	assert_int_equal(cfg.flows_max, 1 << 24);
	assert_int_equal(cfg.sessions_max, 1);
	assert_true(cfg.ignore_vlan);
	config_fini(&cfg);
	assert_null(cfg.rules);
	config_fini(&cfg);
	config_fini(NULL);
}

static void
test_nothing_set(void **state)
{
	static const char *const texts[] = { "", "\n", "# only a comment\n", "---\n", "{}\n" };
	struct config cfg;
	struct seen s;
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(load(texts[i], strlen(texts[i]), &s, &cfg), 0);
		assert_null(cfg.rules);
		assert_int_equal(cfg.nb_ports, 0);
		assert_int_equal(cfg.workers, 0);
	}
}

/* All errors at once, each at its place. */
static void
test_errors_and_places(void **state)
{
	static const char text[] = "rules: x\nprots: [25]\nports: [25, 25, 70000, abc]\nworkers: 65\n"
				   "observer:\n  nam: x\nstate:\n";
	struct config cfg;
	struct seen s;

	assert_int_equal(load(text, sizeof(text) - 1, &s, &cfg), -EINVAL);
	assert_int_equal(s.nb, 7);
	assert_non_null(strstr(s.text, "2:1 unknown setting \"prots\"; did you mean \"ports\"?"));
	assert_non_null(strstr(s.text, "3:13 port 25 stands twice"));
	assert_non_null(strstr(s.text, "3:17 a port must be a whole number from 1 to 65535, not "
				       "\"70000\""));
	assert_non_null(strstr(s.text, "3:24 a port"));
	assert_non_null(strstr(s.text, "4:10 workers must be a whole number from 1 to 64, not "
				       "\"65\""));
	assert_non_null(strstr(s.text, "6:3 unknown setting observer.\"nam\"; did you mean"));
	assert_non_null(strstr(s.text, "7:1 state needs a text"));
	assert_null(cfg.rules);
}

static void
test_broken_files(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *says;
	} cases[] = {
		{ "rules: [a\n", 10, ":1 " },
		{ "workers: 1\nworkers: 2\n", 22, "2:1 duplicate key" },
		{ "- a\n", 4, "mapping" },
		{ "word\n", 5, "1:1 a configuration is a mapping" },
		{ "rules: a\0b\n", 11, "1:9 octet 0x00" },
		{ "# x\nrules:\ta\n", 13, "2:7 a tab stands here" },
		{ "ports: 25\n", 10, "1:8 ports must be a list" },
		{ "ports: []\n", 10, "1:8 ports must be a list" },
		{ "ports: [[25]]\n", 14, "1:9 a port must be" },
		{ "rules: [x]\n", 11, "1:8 rules needs a text" },
		{ "workers: 1.5\n", 13, "1:10 workers must be" },
		{ "workers: 99999999999999999999\n", 30, "1:10 workers must be" },
		{ "limits: {flows: 0}\n", 19, "1:17 limits.flows must be a whole number from 1 to 16777216" },
		{ "limits: {sessions: 16777217}\n", 29, "1:20 limits.sessions must be" },
		{ "limits: {flow: 1}\n", 18, "1:10 unknown setting limits.\"flow\"; did you mean \"flows\"?" },
		{ "vlan: both\n", 11, "1:7 vlan must be separate or ignore" },
		{ "vlan: [ignore]\n", 15, "1:7 vlan must be" },
		{ "limits: 5\n", 10, "1:9 limits must be a mapping" },
		{ "store: {keep: 90}\n", 18, "1:15 store.keep must be an age" },
		{ "store: {size: 2GB}\n", 19, "1:15 store.size must be a size" },
		{ "store: 5\n", 9, "1:8 store must be a mapping" },
		{ "store: {age: 1d}\n", 17, "1:9 unknown setting store.\"age\"" },
		{ "metrics: {listen: localhost:1}\n", 31, "1:19 metrics.listen must be an address and a port" },
		{ "metrics: {listen: 127.0.0.1:0}\n", 31, "1:19 metrics.listen" },
		{ "metrics: [1]\n", 13, "1:10 metrics must be a mapping" },
		{ "observer: gw1\n", 14, "1:11 observer must be a mapping" },
		{ "observer: {name: \"a\\x1bb\"}\n", 27, "cannot be shown" },
		{ "? [a]\n: b\n", 10, "1:3 a key must be a plain word" },
		{ "rules: *x\n", 10, "1:9 aliases" },
		{ "rules: !x y\nports: &a [25]\n", 26, "2:9 anchors" },
		{ "rules: a\n---\nrules: b\n", 22, "2:1 a second document" },
		{ "rules: \xff\n", 9, "1:8 octet 0xff is not valid UTF-8" },
	};
	struct config cfg;
	struct seen s;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(load(cases[i].text, cases[i].len, &s, &cfg), -EINVAL);
		assert_true(s.nb >= 1);
		if (strstr(s.text, cases[i].says) == NULL)
			fail_msg("\"%s\" gave %s", cases[i].text, s.text);
	}
}

static void
test_limits(void **state)
{
	char *text = malloc(CONFIG_FILE_MAX + 16);
	struct config cfg;
	struct seen s;

	assert_non_null(text);
	memset(text, '#', CONFIG_FILE_MAX + 16);
	text[CONFIG_FILE_MAX - 1] = '\n';
	assert_int_equal(load(text, CONFIG_FILE_MAX, &s, &cfg), 0);
	assert_int_equal(load(text, CONFIG_FILE_MAX + 1, &s, &cfg), -EFBIG);
	assert_int_equal(s.nb, 1);
	/* observer.name at its limit and beyond */
	memcpy(text, "observer: {name: ", 17);
	memset(text + 17, 'n', CONFIG_NAME_MAX);
	memcpy(text + 17 + CONFIG_NAME_MAX, "}\n", 2);
	assert_int_equal(load(text, 17 + CONFIG_NAME_MAX + 2, &s, &cfg), 0);
	config_fini(&cfg);
	memcpy(text + 17 + CONFIG_NAME_MAX, "n}\n", 3);
	assert_int_equal(load(text, 17 + CONFIG_NAME_MAX + 3, &s, &cfg), -EINVAL);
	free(text);
	assert_int_equal(config_load("/tmp", note, &s, &cfg), -EISDIR);
	assert_int_equal(config_load("/tmp/postern-no-such-file", note, &s, &cfg), -ENOENT);
}

static void
test_suggest(void **state)
{
	static const char *const words[] = { "speed", "state", "rules", "report", "report-file" };
	static const struct {
		const char *word, *meant;
	} cases[] = {
		{ "speeed", "speed" }, { "sped", "speed" },	 { "psede", "speed" },
		{ "sttae", "state" },  { "rule", "rules" },	 { "repotr", "report" },
		{ "sta", "state" },    { "re", NULL },		 { "xyzzy", NULL },
		{ "", NULL },	       { "report-fil", "report-file" }, { "aaaa", NULL },
	};
	char longest[200];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *got = suggest_word(cases[i].word, words, 5);

		if ((got == NULL) != (cases[i].meant == NULL) ||
		    (got != NULL && strcmp(got, cases[i].meant) != 0))
			fail_msg("%s: %s", cases[i].word, got != NULL ? got : "nothing");
	}
	memset(longest, 's', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_null(suggest_word(longest, words, 5));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_nothing_set),
		cmocka_unit_test(test_errors_and_places),
		cmocka_unit_test(test_broken_files),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_suggest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
