/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rules_expand - postern rules expand: the names that the rules call a lookalike of a domain
 *
 * What:      candidates come from expand.h; each goes through the matcher, and those that it says mean the domain are printed
 *            as they are found, once. Only their hashes are remembered: names are as many as some hundred thousand.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd_rules.h"
#include "domain_name.h"
#include "expand.h"
#include "hash64.h"
#include "json_out.h"
#include "matcher.h"
#include "options.h"
#include "rules_judge.h"
#include "rules_write.h"

#define COMMAND "postern rules expand"

enum {
	SEEN_FIRST = 1 << 12, /* slots; a power of two */
	SEEN_MAX = 1 << 23,   /* slots, half of them used: 64 MiB */
	UNICODE_USUAL = 2000, /* names with letters of other scripts */
	EXIT_WRONG = 2,
};

enum option {
	OPT_RULES,
	OPT_TECHNIQUE,
	OPT_UNICODE,
	OPT_JSON,
	OPT_HELP,
	OPT_NB,
};

static const struct cli_option options[] = {
	[OPT_RULES] = {"rules", 'r', "PATH", "rule file or folder (default: the rules that ship)"},
	[OPT_TECHNIQUE] = {"technique", 't', "NAME", "only names that are found by this technique"},
	[OPT_UNICODE] = {"unicode", 'u', "COUNT", "names to try with letters of other scripts (default: 2000)"},
	[OPT_JSON] = {"json", 'j', NULL, "one JSON object per name"},
	[OPT_HELP] = {"help", 'h', NULL, "this text"},
	[OPT_NB] = {NULL, 0, NULL, NULL},
};

/* Hashes of the names printed; 0 is a free slot. */
struct seen {
	uint64_t *slots;
	size_t nb_slots, nb;
};

struct expansion {
	struct rules_judge judge;
	struct json_out json;
	struct seen seen;
	char domain[DOMAIN_NAME_MAX + 1];
	size_t domain_len;
	int technique; /* -1: all */
	unsigned int nb_unicode;
	bool is_json;
	int rc; /* why it was ended early */
};

static size_t
seen_slot(const struct seen *s, uint64_t hash)
{
	size_t i = hash & (s->nb_slots - 1);

	while (s->slots[i] != 0 && s->slots[i] != hash)
		i = (i + 1) & (s->nb_slots - 1);
	return i;
}

/* 1: it is new; 0: it was there; -ENOMEM, -E2BIG: it can't be remembered. */
static int
seen_add(struct seen *s, uint64_t hash)
{
	struct seen bigger = {.nb_slots = s->nb_slots > 0 ? 2 * s->nb_slots : SEEN_FIRST,
			      .nb = s->nb};
	size_t i;

	hash += hash == 0;
	if (s->nb_slots > 0) {
		i = seen_slot(s, hash);
		if (s->slots[i] == hash)
			return 0;
	}
	if (2 * (s->nb + 1) > s->nb_slots) {
		if (bigger.nb_slots > SEEN_MAX)
			return -E2BIG;
		bigger.slots = calloc(bigger.nb_slots, sizeof(*bigger.slots));
		if (bigger.slots == NULL)
			return -ENOMEM;
		for (i = 0; i < s->nb_slots; i++)
			if (s->slots[i] != 0)
				bigger.slots[seen_slot(&bigger, s->slots[i])] = s->slots[i];
		free(s->slots);
		*s = bigger;
	}
	s->slots[seen_slot(s, hash)] = hash;
	s->nb++;
	return 1;
}

/* @letters: the name as U-labels, or NULL. */
static void
print_name(struct expansion *e, const char *name, size_t len, const char *letters, size_t letters_len,
	   const struct matcher_match *m)
{
	const char *technique = rule_technique_name((enum rule_technique)m->technique);
	struct json_out *o = &e->json;

	if (!e->is_json) {
		rules_print(stdout, name, len);
		printf("\t%s%s", technique, letters != NULL ? "\t" : "\n");
		if (letters != NULL)
			printf("%.*s\n", (int)letters_len, letters);
		return;
	}
	json_out_clear(o);
	json_open(o, '{');
	json_kv_text(o, "domain", name, len);
	if (letters != NULL)
		json_kv_text(o, "unicode", letters, letters_len);
	json_kv_cstr(o, "technique", technique);
	json_kv_text(o, "meant", m->meant, m->meant_len);
	json_kv_cstr(o, "rule", ruleset_rule(e->judge.set, m->rule)->id);
	json_kv_cstr(o, "verdict",
		     rule_verdict_name(ruleset_rule_verdict(e->judge.set, m->rule,
							    (enum rule_technique)m->technique)));
	json_kv_u64(o, "severity", m->severity);
	json_close(o, '}');
	json_raw(o, "\n", 1);
	fwrite(o->buf, 1, o->len, stdout);
}

/* wwwarmy.mil is www.army.mil without a dot: a lookalike of army.mil, too. */
static bool
means_domain(const struct expansion *e, const struct matcher_match *m)
{
	const char *meant = m->meant;
	size_t len = m->meant_len;

	if (len == e->domain_len + 4 && memcmp(meant, "www.", 4) == 0) {
		meant += 4;
		len -= 4;
	}
	return len == e->domain_len && memcmp(meant, e->domain, len) == 0;
}

/* Is it in the form in which DNS has it? What has none, because a label is too long, is no name. */
static bool
is_ascii(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < len && (unsigned char)name[i] < 0x80; i++)
		;
	return i == len;
}

static bool
take(void *ctx, const char *name, size_t len)
{
	struct matcher_query q = {.local = "x", .local_len = 1, .domain = name, .domain_len = len};
	struct expansion *e = ctx;
	struct matcher_match m;
	int rc;

	rc = matcher_judge(e->judge.matcher, e->judge.scratch, &q, &m);
	if (rc == 1 && is_ascii(m.domain, m.domain_len) && (e->technique < 0 || e->technique == (int)m.technique) &&
	    means_domain(e, &m)) {
		/* The matcher takes a trailing dot off: what is printed is what was judged. */
		rc = seen_add(&e->seen, hash64(m.domain, m.domain_len, 0));
		if (rc == 1)
			print_name(e, m.domain, m.domain_len, is_ascii(name, len) ? NULL : name, len, &m);
	}
	if (rc >= 0 && (ferror(stdout) || e->json.failed))
		rc = -EIO;
	e->rc = rc < 0 ? rc : 0;
	return rc >= 0;
}

static int
print_help(void)
{
	printf("Usage: " COMMAND " [OPTION...] DOMAIN\n\n"
	       "Prints the names that the rules call a lookalike of DOMAIN, a protected one, each "
	       "with its\n"
	       "technique, and those with letters of other scripts as they look, too. Names without end\n"
	       "are not among them: sub-domains of lookalikes, and the domain before somebody else's\n"
	       "(army.mil.example.com).\n\n");
	cli_print_options(options);
	printf("\nExit codes: 0 done; 2 usage or rules wrong, or the domain is not protected.\n");
	return fflush(stdout) != 0 ? EXIT_WRONG : 0;
}

static int
fail(const struct expansion *e, const char *why)
{
	fprintf(stderr, COMMAND ": %s: %s\n", e->domain, why);
	return EXIT_WRONG;
}

static int
expand(struct expansion *e, const char *rules)
{
	const void *image;
	size_t len;
	int rc;

	if (rules_judge_open(&e->judge, COMMAND, rules) < 0)
		return EXIT_WRONG;
	if (!matcher_is_legitimate(e->judge.matcher, e->domain, e->domain_len))
		return fail(e,
			    "the rules do not protect it; name a file that does with --rules PATH");
	image = ruleset_image(e->judge.set, &len);
	rc = expand_names(image, len, e->domain,
			  e->technique < 0 ? UINT64_MAX : UINT64_C(1) << e->technique, e->nb_unicode, take, e);
	if (rc == -ECANCELED)
		rc = e->rc;
	if (rc == -E2BIG)
		return fail(e, "there are more names than can be listed; choose a technique");
	if (rc < 0)
		return fail(e, strerror(-rc));
	if (e->seen.nb == 0)
		fprintf(stderr,
			COMMAND ": %s: no lookalikes; \"postern rules list\" shows the techniques "
				"looked for\n",
			e->domain);
	return 0;
}

static int
read_domain(struct expansion *e, const char *text)
{
	struct domain_fault fault;
	int len = domain_name_read(text, strlen(text), e->domain, &fault);

	if (len < 0)
		return cli_usage_error(COMMAND, "\"%.200s\" is no domain: %s", text, fault.what);
	e->domain_len = (size_t)len;
	if (strchr(e->domain, '.') == NULL)
		return cli_usage_error(COMMAND, "\"%.200s\" is a single label", text);
	return 0;
}

static int
read_technique(struct expansion *e, const char *name)
{
	e->technique = rule_technique_from_name(name);
	if (e->technique > RULE_TECHNIQUE_NONE)
		return 0;
	return cli_usage_error(
		COMMAND,
		"there is no technique \"%.100s\"; \"postern rules list\" shows their names", name);
}

static int
read_count(struct expansion *e, const char *text)
{
	unsigned int count;
	int used = 0;

	if (strspn(text, "0123456789") != strlen(text) || strlen(text) > 5 || sscanf(text, "%u%n", &count, &used) != 1 ||
	    count > EXPAND_LETTERS_MAX)
		return cli_usage_error(COMMAND, "--unicode takes a number up to %d, 0 for none", (int)EXPAND_LETTERS_MAX);
	e->nb_unicode = count;
	return 0;
}

int
rules_expand(int argc, char **argv)
{
	struct expansion e = {.technique = -1, .nb_unicode = UNICODE_USUAL};
	const char *rules = NULL, *value;
	struct cli_parser p;
	int opt, rc = 0;

	cli_init(&p, COMMAND, options, argc, argv);
	while (rc == 0 && (opt = cli_next(&p, &value)) != CLI_END) {
		if (opt == CLI_OPERAND)
			rc = e.domain_len == 0 ? read_domain(&e, argv[p.next - 1])
					       : cli_usage_error(COMMAND, "one domain at a time");
		else if (opt == OPT_RULES)
			rules = value;
		else if (opt == OPT_TECHNIQUE)
			rc = read_technique(&e, value);
		else if (opt == OPT_UNICODE)
			rc = read_count(&e, value);
		else if (opt == OPT_JSON)
			e.is_json = true;
		else if (opt == OPT_HELP)
			return print_help();
		else
			rc = EXIT_WRONG;
	}
	if (rc == 0 && e.domain_len == 0)
		rc = cli_usage_error(COMMAND, "which domain?");
	if (rc == 0)
		rc = expand(&e, rules);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		perror(COMMAND ": standard output");
		rc = EXIT_WRONG;
	}
	free(e.seen.slots);
	json_out_free(&e.json);
	rules_judge_close(&e.judge);
	return rc;
}
