/* SPDX-License-Identifier: BSD-3-Clause */
#include "supervisor.h"

#include <stdlib.h>
#include <string.h>

int
supervisor_exit_code(const struct supervisor_result *res)
{
	const struct supervisor_flaws *f = &res->flaws;

	if (f->rules_wrong)
		return 2;
	if (f->ctrl_failed || f->dataplane_failed || f->start_failed || f->unbalanced || f->lost)
		return 4;
	if (f->signal != 0)
		return 128 + f->signal;
	return res->nb_errors_in_all != 0 ? 3 : 0;
}

void
supervisor_result_hit(struct supervisor_result *res, enum rule_hit_kind kind, const char *id, uint64_t nb)
{
	struct supervisor_hit *bigger;
	unsigned int i;

	/* A ctrl that was started again says them again. */
	for (i = 0; i < res->nb_hits; i++) {
		if (res->hits[i].kind != kind || strcmp(res->hits[i].id, id) != 0)
			continue;
		res->hits[i].nb = nb;
		return;
	}
	if (res->nb_hits == SUPERVISOR_HITS_MAX)
		return;
	bigger = reallocarray(res->hits, res->nb_hits + 1, sizeof(*bigger));
	if (bigger == NULL)
		return;
	res->hits = bigger;
	bigger[res->nb_hits] = (struct supervisor_hit){kind, strdup(id), nb};
	res->nb_hits += bigger[res->nb_hits].id != NULL;
}

void
supervisor_result_fini(struct supervisor_result *res)
{
	unsigned int i;

	for (i = 0; i < res->nb_errors; i++) {
		free(res->errors[i].path);
		free(res->errors[i].text);
	}
	free(res->errors);
	for (i = 0; i < res->nb_hits; i++)
		free(res->hits[i].id);
	free(res->hits);
	free(res->ctrl_error);
	memset(res, 0, sizeof(*res));
}
