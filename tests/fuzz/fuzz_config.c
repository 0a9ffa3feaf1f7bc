/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz_config - any octets as postern.yaml: errors with places in their order, or a configuration within its limits */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "rule_errors.h"
#include "safe_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libfyaml 0.7.12 loses half a KiB of its own for some quoted scalars with many escapes. */
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
	size_t i;

	for (i = 0; i < errs->nb; i++) {
		const struct rule_error *e = &errs->list[i];

		require(e->what[0] != '\0' && e->line >= 0 && e->column >= 0);
		require(i == 0 || e->line >= e[-1].line);
	}
}

static void
check_config(const struct config *cfg)
{
	unsigned int i, j;

	require(cfg->nb_ports <= DP_ARGS_PORTS_MAX && cfg->workers <= CONFIG_WORKERS_MAX);
	for (i = 0; i < cfg->nb_ports; i++)
		for (j = 0; j < i; j++)
			require(cfg->ports[i] != 0 && cfg->ports[i] != cfg->ports[j]);
	if (cfg->observer != NULL)
		require(cfg->observer[0] != '\0' && strlen(cfg->observer) <= CONFIG_NAME_MAX &&
			safe_text_is_safe(cfg->observer, strlen(cfg->observer)));
	if (cfg->rules != NULL)
		require(strlen(cfg->rules) > 0);
	if (cfg->state != NULL)
		require(strlen(cfg->state) > 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rule_errors errs = { 0 };
	struct config cfg = { 0 };

	if (size > 65536)
		return 0;
	config_read("/etc/postern/postern.yaml", (const char *)data, size, &errs, &cfg);
	check_errors(&errs);
	if (errs.nb_errors == 0)
		check_config(&cfg);
	else
		require(cfg.rules == NULL && cfg.state == NULL && cfg.observer == NULL && cfg.nb_ports == 0);
	config_fini(&cfg);
	rule_errors_free(&errs);
	return 0;
}
