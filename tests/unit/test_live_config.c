/* SPDX-License-Identifier: BSD-3-Clause */
/* What of postern.yaml live ports need: every setting, every refusal with its place. */
#include "live_config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct seen {
	char text[4096];
	unsigned int nb;
};

static void
on_error(void *ctx, const struct config_error *err)
{
	struct seen *s = ctx;
	size_t used = strlen(s->text);

	snprintf(s->text + used, sizeof(s->text) - used, "%d:%d: %s; %s\n", err->line, err->column, err->what,
		 err->hint != NULL ? err->hint : "-");
	s->nb++;
}

static int
load(const char *text, struct seen *s, struct live_config *cfg)
{
	char path[] = "/tmp/live-config-XXXXXX";
	int fd = mkstemp(path), rc;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	memset(s, 0, sizeof(*s));
	rc = live_config_load(path, on_error, s, cfg);
	unlink(path);
	return rc;
}

static void
test_whole(void **state)
{
	static const char text[] =
		"rules: r\nports: [25]\nenforce: false\nalerts: out/alerts\n"
		"source:\n  pairs:\n    - {a: 0000:3b:00.0, b: 0000:3b:00.1}\n"
		"    - a: \"net_af_packet0,iface=va\"\n      b: \"net_af_packet1,iface=vb\"\n"
		"  taps:\n    - port: net_memif0\n"
		"  mtu: 9000\n  descriptors: 512\n  cores: [2, 3]\n  idle: sleep\n  memory: 64\n  hugepages: no\n";
	struct live_config cfg;
	struct seen s;

	assert_int_equal(load(text, &s, &cfg), 0);
	assert_false(cfg.enforce);
	assert_string_equal(cfg.alerts, "/tmp/out/alerts");
	assert_int_equal(cfg.nb_wires, 3);
	assert_string_equal(cfg.wires[0].b, "0000:3b:00.1");
	assert_string_equal(cfg.wires[1].a, "net_af_packet0,iface=va");
	assert_true(cfg.wires[2].is_tap && cfg.wires[2].b == NULL);
	assert_int_equal(cfg.mtu, 9000);
	assert_int_equal(cfg.descriptors, 512);
	assert_int_equal(cfg.nb_cores, 2);
	assert_int_equal(cfg.cores[1], 3);
	assert_int_equal(cfg.idle_us, LIVE_CONFIG_SLEEP_US);
	assert_int_equal(cfg.memory_mib, 64);
	assert_string_equal(cfg.hugepages, "no");
	live_config_fini(&cfg);
	assert_int_equal(load("source: {taps: [{port: x, resets: true, send: y}]}\nenforce: true\n", &s, &cfg), 0);
	assert_true(cfg.enforce && cfg.wires[0].is_tap && cfg.wires[0].resets);
	assert_string_equal(cfg.wires[0].b, "y");
	live_config_fini(&cfg);
}

/* What becomes of what could not be decided. */
static void
test_responder(void **state)
{
	static const char text[] =
		"source: {pairs: [{a: x, b: y}]}\nresponder:\n  enabled: true\n  connections: 100000\n  per_source: 1\n"
		"  text: \"no <{recipient}>[, {meant}?]\"\n  contact: desk\n"
		"  texts:\n    - {rule: mil, text: \"rule\"}\n    - {text: \"sender\", sender: example.org}\n"
		"  limit: {per_minute: 60000, beyond: alert}\nfallback: {responder: open}\n";
	struct live_config cfg;
	struct seen s;

	assert_int_equal(load("source: {pairs: [{a: x, b: y}]}\n", &s, &cfg), 0);
	assert_false(cfg.responder.enabled);
	live_config_fini(&cfg);
	assert_int_equal(load(text, &s, &cfg), 0);
	assert_true(cfg.responder.enabled);
	assert_int_equal(cfg.responder.connections, 100000);
	assert_int_equal(cfg.responder.per_source, 1);
	assert_string_equal(cfg.responder.text, "no <{recipient}>[, {meant}?]");
	assert_string_equal(cfg.responder.contact, "desk");
	assert_int_equal(cfg.responder.nb_texts, 2);
	assert_true(cfg.responder.texts[0].is_rule);
	assert_string_equal(cfg.responder.texts[0].text, "mil=rule");
	assert_false(cfg.responder.texts[1].is_rule);
	assert_string_equal(cfg.responder.texts[1].text, "example.org=sender");
	assert_int_equal(cfg.responder.per_minute, 60000);
	assert_true(cfg.responder.beyond_alert);
	assert_true(cfg.open[LIVE_RESPONDER]);
	assert_false(cfg.open[LIVE_MEMORY]);
	live_config_fini(&cfg);
}

static void
test_fallback(void **state)
{
	static const char pair[] = "source: {pairs: [{a: x, b: y}]}\nenforce: true\n";
	static const struct {
		const char *text;
		bool slow, gone, full, memory, overload;
		unsigned int limit_ms;
	} cases[] = {
		{ "", false, false, false, false, false, 0 },
		{ "fallback: open\nhold_limit_ms: 60000\n", true, true, true, true, true, 60000 },
		{ "fallback: closed\nhold_limit_ms: 1\n", false, false, false, false, false, 1 },
		{ "fallback: {ctrl_slow: open, memory: open, ring_full: closed}\n", true, false, false, true, false, 0 },
		{ "fallback: {ctrl_gone: open, ring_full: open}\n", false, true, true, false, false, 0 },
		{ "fallback: {overload: open}\n", false, false, false, false, true, 0 },
	};
	struct live_config cfg;
	char text[512];
	struct seen s;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), "%s%s", pair, cases[i].text);
		assert_int_equal(load(text, &s, &cfg), 0);
		assert_true(cfg.enforce);
		assert_int_equal(cfg.open[LIVE_CTRL_SLOW], cases[i].slow);
		assert_int_equal(cfg.open[LIVE_CTRL_GONE], cases[i].gone);
		assert_int_equal(cfg.open[LIVE_RING_FULL], cases[i].full);
		assert_int_equal(cfg.open[LIVE_MEMORY], cases[i].memory);
		assert_int_equal(cfg.open[LIVE_OVERLOAD], cases[i].overload);
		assert_int_equal(cfg.hold_limit_ms, cases[i].limit_ms);
		live_config_fini(&cfg);
	}
}

/* A new installation observes, polls, and takes hugepages if there are any. */
static void
test_defaults(void **state)
{
	struct live_config cfg;
	struct seen s;

	assert_int_equal(load("source: {taps: [{port: x}]}\n", &s, &cfg), 0);
	assert_false(cfg.enforce);
	assert_null(cfg.alerts);
	assert_int_equal(cfg.idle_us, 0);
	assert_int_equal(cfg.overload_ms, LIVE_CONFIG_OVERLOAD_MS);
	assert_null(cfg.hook);
	assert_false(cfg.down_open);
	assert_int_equal(cfg.mtu + cfg.descriptors + cfg.memory_mib + cfg.nb_cores, 0);
	assert_string_equal(cfg.hugepages, "auto");
	live_config_fini(&cfg);
}

/* What the wire is to be while nothing inspects, and who sees to that. */
static void
test_hook(void **state)
{
	static const char pair[] = "source: {pairs: [{a: x, b: y}]}\n";
	struct live_config cfg;
	char text[512];
	struct seen s;

	snprintf(text, sizeof(text), "%sdown: open\nhook: {program: /bin/true, limit_s: 2}\noverload_ms: 0\n", pair);
	assert_int_equal(load(text, &s, &cfg), 0);
	assert_true(cfg.down_open);
	assert_string_equal(cfg.hook, "/bin/true");
	assert_int_equal(cfg.hook_limit_s, 2);
	assert_int_equal(cfg.overload_ms, 0);
	live_config_fini(&cfg);
	snprintf(text, sizeof(text), "%sdown: open\n", pair);
	assert_int_equal(load(text, &s, &cfg), -EINVAL);
	assert_string_equal(s.text, "2:7: down: open: these ports forward nothing while no dataplane runs; "
				    "name the program that switches a bypass NIC (hook: {program: ...}), or write closed\n");
	snprintf(text, sizeof(text), "%shook: {limit_s: 0}\n", pair);
	assert_int_equal(load(text, &s, &cfg), -EINVAL);
	assert_int_equal(s.nb, 2);
	assert_non_null(strstr(s.text, "hook names no program"));
	snprintf(text, sizeof(text), "%shook: {program: /etc/passwd}\n", pair);
	assert_int_equal(load(text, &s, &cfg), -EINVAL);
	assert_non_null(strstr(s.text, "2:17: hook.program: /etc/passwd is no program that can be run; chmod +x"));
	snprintf(text, sizeof(text), "%shook: {program: /no/such}\n", pair);
	assert_int_equal(load(text, &s, &cfg), -EINVAL);
	assert_non_null(strstr(s.text, "2:17: hook.program: /no/such: No such file or directory"));
}

static void
test_refused(void **state)
{
	static const struct {
		const char *text, *said;
	} cases[] = {
		{ "state: x\n", "0:0: there is no setting \"source\"" },
		{ "source: x\n", "1:9: source must be a mapping" },
		{ "source: {}\n", "names no port" },
		{ "source: {pair: []}\n", "did you mean \"pairs\"?" },
		{ "source:\n  pairs: []\n", "2:10: source.pairs must be a list" },
		{ "source:\n  pairs: [x]\n", "2:11: a pair must be a mapping" },
		{ "source:\n  pairs: [{a: x}]\n", "2:11: a pair needs two ports" },
		{ "source:\n  pairs: [{a: x, b: x}]\n", "port \"x\" stands twice" },
		{ "source:\n  pairs: [{a: \"x,1\", b: \"x,2\"}]\n", "port \"x\" stands twice; number virtual ports" },
		{ "source:\n  pairs: [{a: x, b: y, c: z}]\n", "unknown setting pair.\"c\"" },
		{ "source:\n  taps: [{port: x}]\n  mtu: 575\n", "3:8: source.mtu must be a whole number from 576 to 65000, not \"575\"" },
		{ "source:\n  taps: [{port: x}]\n  mtu: 9e3\n", "3:8: source.mtu must be" },
		{ "source:\n  taps: [{port: x}]\n  mtu: 1500\n  mtu: 1500\n", "4:3: duplicate key \"source.mtu\"" },
		{ "source:\n  taps: [{port: x}]\n  cores: [1, 1]\n", "3:14: CPU 1 stands twice" },
		{ "source:\n  taps: [{port: x}]\n  cores: 1\n", "must be a list of CPUs" },
		{ "source:\n  taps: [{port: x}]\n  idle: rest\n", "3:9: source.idle must be poll or sleep" },
		{ "source:\n  taps: [{port: x}]\n  hugepages: maybe\n", "must be auto, yes or no" },
		{ "source: {taps: [{port: x}]}\nenforce: maybe\n", "2:10: enforce must be true or false" },
		{ "source: {taps: [{port: x}]}\nenforce: True\n", "enforce must be true or false" },
		{ "source: {taps: [{port: x}]}\nenforce: false\nenforce: true\n", "3:1: duplicate key \"enforce\"" },
		{ "source: {taps: [{port: \"\"}]}\n", "a port needs a text" },
		{ "source: {taps: [{port: x}]}\nenforce: true\n", "what goes past a tap cannot be held" },
		{ "source: {taps: [{port: x, resets: true}]}\nenforce: true\n", "1:17: resets of a tap need a port to leave by" },
		{ "source: {taps: [{port: x, send: y}]}\n", "1:17: send is the port that resets leave by" },
		{ "source: {taps: [{resets: true, send: y}]}\n", "1:17: a tap needs a port" },
		{ "source: {taps: [{port: x, resets: true, send: x}]}\n", "port \"x\" stands twice" },
		{ "source: {taps: [{port: x}]}\nresponder: {enabled: yes}\n", "2:22: responder.enabled must be true or false" },
		{ "source: {taps: [{port: x}]}\nresponder: [x]\n", "2:12: responder must be a mapping" },
		{ "source: {taps: [{port: x}]}\nresponder: {text: \"a {who}\"}\n", "responder.text, octet " },
		{ "source: {taps: [{port: x}]}\nresponder: {text: \"\\u00e4\"}\n", "responder.text, octet " },
		{ "source: {taps: [{port: x}]}\nresponder: {contact: \"\\u00e4\"}\n", "responder.contact has octets" },
		{ "source: {taps: [{port: x}]}\nresponder: {texts: [{text: x}]}\n", "a text needs a rule or a sender" },
		{ "source: {taps: [{port: x}]}\nresponder: {texts: [{rule: a, sender: b, text: x}]}\n", "not for both" },
		{ "source: {taps: [{port: x}]}\nresponder: {limit: {per_minute: 0}}\n", "from 1 to 60000" },
		{ "source: {taps: [{port: x}]}\nresponder: {limit: {beyond: pass}}\n", "must be reset or alert" },
		{ "source: {taps: [{port: x}]}\nresponder: {enable: true}\n", "did you mean \"enabled\"?" },
		{ "source: {taps: [{port: x}]}\nfallback: pass\n", "2:11: fallback must be open or closed" },
		{ "source: {taps: [{port: x}]}\nfallback: {ctrl_slow: no}\n", "2:23: a fallback must be open or closed" },
		{ "source: {taps: [{port: x}]}\nfallback: {ctrl_slw: open}\n", "did you mean \"ctrl_slow\"?" },
		{ "source: {taps: [{port: x}]}\nhold_limit_ms: 0\n", "2:16: hold_limit_ms must be a whole number from 1 to 60000" },
	};
	struct live_config cfg = { .nb_wires = 77 };
	struct seen s;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(load(cases[i].text, &s, &cfg), -EINVAL);
		if (strstr(s.text, cases[i].said) == NULL)
			fail_msg("case %zu: %s", i, s.text);
		assert_int_equal(cfg.nb_wires, 77);
	}
	assert_int_equal(live_config_load("/nonexistent/postern.yaml", on_error, &s, &cfg), -ENOENT);
}

/* At the limit and one beyond: pairs and taps, the length of a name. */
static void
test_limits(void **state)
{
	struct live_config cfg;
	char text[8192];
	struct seen s;

	for (unsigned int nb = LIVE_CONFIG_WIRES_MAX; nb <= LIVE_CONFIG_WIRES_MAX + 1; nb++) {
		size_t n = (size_t)snprintf(text, sizeof(text), "source:\n  taps:\n");

		for (unsigned int i = 0; i < nb; i++)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "    - port: p%u\n", i);
		assert_int_equal(load(text, &s, &cfg), nb > LIVE_CONFIG_WIRES_MAX ? -EINVAL : 0);
		if (nb <= LIVE_CONFIG_WIRES_MAX)
			live_config_fini(&cfg);
		else
			assert_non_null(strstr(s.text, "more than 8 pairs and taps"));
	}
	for (int len = LIVE_CONFIG_PORT_MAX; len <= LIVE_CONFIG_PORT_MAX + 1; len++) {
		snprintf(text, sizeof(text), "source: {taps: [{port: %0*d}]}\n", len, 0);
		assert_int_equal(load(text, &s, &cfg), len > LIVE_CONFIG_PORT_MAX ? -EINVAL : 0);
		if (len <= LIVE_CONFIG_PORT_MAX)
			live_config_fini(&cfg);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_fallback),
		cmocka_unit_test(test_responder),
		cmocka_unit_test(test_hook),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
