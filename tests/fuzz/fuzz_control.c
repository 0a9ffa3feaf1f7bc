/* SPDX-License-Identifier: BSD-3-Clause */
/* A line of the control socket: any octets give a request or a reason, the same for a copy that ends where it ends. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct control_request rq = { .command = CONTROL_NB }, again = { .command = CONTROL_NB };
	const char *why = NULL, *why_again = NULL;
	char *copy = malloc(size + 1);
	int rc, rc_again;

	if (copy == NULL)
		return 0;
	memcpy(copy, data, size);
	copy[size] = 'x';
	rc = control_request_parse((const char *)data, size, &rq, &why);
	rc_again = control_request_parse(copy, size, &again, &why_again);
	if (rc != rc_again || rq.command != again.command)
		abort();
	if (rc == 0 ? rq.command >= CONTROL_NB : why == NULL || rq.command != CONTROL_NB)
		abort();
	if (size >= CONTROL_REQUEST_MAX && rc == 0)
		abort();
	if (rc == 0 && memmem(data, size, "command", 7) == NULL && memmem(data, size, "\\u", 2) == NULL)
		abort();
	free(copy);
	return 0;
}
