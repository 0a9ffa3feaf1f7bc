/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_rule_file - any octets as a rule file, and as the lists that it names
 *
 * Either errors with places, or a set whose image loads and judges. Files with expressions are read
 * and checked but not compiled: what Hyperscan's compiler does with the operator's own expressions
 * is not what is tested.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "compile.h"
#include "matcher.h"
#include "rule_advice.h"
#include "rule_check.h"
#include "rule_file.h"
#include "ruleset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/*
 * libfyaml 0.7.12 loses half a KiB of its own for some quoted scalars with many escapes.
 * test_ruleset sees to it that we give back what libfyaml gave us.
 */
const char *
__lsan_default_suppressions(void)
{
	return "leak:libfyaml\n";
}

static void
require(int condition)
{
	if (!condition)
		abort();
}

static void
check_errors(const struct rule_errors *errs)
{
	size_t i, nb = 0;

	for (i = 0; i < errs->nb; i++) {
		require(errs->list[i].what[0] != '\0');
		require(errs->list[i].line >= 0 && errs->list[i].column >= 0);
		nb += errs->list[i].level == RULE_ERROR;
	}
	require(nb <= errs->nb_errors);
}

/* What stands behind a line of "%%" is what every list file holds. */
struct parts {
	const char *rules, *list;
	size_t rules_len, list_len;
};

static struct parts
split(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data, *mark = memmem(text, size, "\n%%\n", 4);
	struct parts p = {text, "", size, 0};

	if (mark != NULL) {
		p.rules_len = (size_t)(mark - text) + 1;
		p.list = mark + 4;
		p.list_len = size - p.rules_len - 3;
	}
	return p;
}

static int
read_list(void *ctx, const char *path, const char **ret, size_t *ret_len)
{
	const struct parts *p = ctx;

	if (strcmp(path, "none") == 0)
		return -2;
	*ret = p->list;
	*ret_len = p->list_len;
	return 0;
}

/* A set without errors compiles, loads, and can be advised on. */
static void
compile(const struct rule_model *model, struct rule_errors *errs)
{
	struct matcher *m;
	void *image;
	size_t len;

	require(compile_model(model, 1, NULL, errs, &image, &len) == 0);
	require(matcher_load(image, len, &m) == 0);
	require(rule_advice(model, m, errs) == 0);
	require(errs->nb_errors == 0);
	check_errors(errs);
	matcher_free(m);
	free(image);
}

/* Returns whether the file has expressions. */
static int
read_only(struct parts *parts)
{
	const struct list_source lists = {read_list, parts};
	struct rule_errors errs = {0};
	struct rule_model model = {0};
	int has_expression = 0;
	size_t i;

	rule_file_read("fuzz.yaml", parts->rules, parts->rules_len, &lists, &model, &errs);
	rule_check(&model, UINT64_C(1800000000000000000), &errs);
	rule_errors_sort(&errs);
	check_errors(&errs);
	for (i = 0; i < model.nb_rules; i++)
		has_expression |= model.rules[i].kind == RULE_KIND_EXPRESSION;
	if (!has_expression && errs.nb_errors == 0)
		compile(&model, &errs);
	rule_model_free(&model);
	rule_errors_free(&errs);
	return has_expression;
}

static void
use(const struct ruleset *set)
{
	static const uint8_t client[16] = {192, 0, 2, 1};
	static const char *const domains[] = {"army.ml", "a.example.com", "ml", "x.y"};
	struct matcher_scratch *s;
	struct matcher_match match;
	struct ruleset_decision d;
	struct matcher *m;
	const void *image;
	size_t len, i;

	image = ruleset_image(set, &len);
	require(matcher_load(image, len, &m) == 0);
	require(matcher_scratch_new(m, &s) == 0);
	for (i = 0; i < sizeof(domains) / sizeof(domains[0]); i++) {
		struct matcher_query q = {"bob", 3, domains[i], strlen(domains[i])};
		struct ruleset_query rq = {.sender = "a@b.c",
					   .sender_len = 5,
					   .local = "bob",
					   .local_len = 3,
					   .domain = domains[i],
					   .domain_len = strlen(domains[i]),
					   .ts_ns = UINT64_C(1) << 60,
					   .client_family = 4,
					   .client = client};

		if (matcher_judge(m, s, &q, &match) != 1)
			continue;
		require(ruleset_rule(set, match.rule) != NULL);
		ruleset_decide(set, &match, &rq, &d);
		require(d.by[0] != '\0');
	}
	matcher_scratch_free(s);
	matcher_free(m);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rule_errors errs;
	struct ruleset *set;
	struct parts parts;
	int rc;

	if (size > 65536)
		return 0;
	parts = split(data, size);
	if (read_only(&parts))
		return 0;
	rc = ruleset_load_octets("fuzz.yaml", parts.rules, parts.rules_len, 1, &errs, &set);
	check_errors(&errs);
	require((rc == 0) == (errs.nb_errors == 0));
	if (rc == 0) {
		use(set);
		ruleset_free(set);
	}
	rule_errors_free(&errs);
	return 0;
}
