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
supervisor_result_fini(struct supervisor_result *res)
{
	unsigned int i;

	for (i = 0; i < res->nb_errors; i++) {
		free(res->errors[i].path);
		free(res->errors[i].text);
	}
	free(res->errors);
	free(res->ctrl_error);
	memset(res, 0, sizeof(*res));
}
