/* SPDX-License-Identifier: BSD-3-Clause */
#include "failpoint.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const names[FAILPOINT_NB] = {
#define FAILPOINT(id, name, what) [FAILPOINT_##id] = name,
#include "failpoint.def"
#undef FAILPOINT
};

const char *
failpoint_name(enum failpoint_id id)
{
	return names[id];
}

int
failpoint_init(struct failpoint *ret)
{
	const char *spec = getenv("POSTERN_FAILPOINT"), *starts = getenv("POSTERN_CTRL_STARTS"), *colon;
	unsigned long nth = 1;
	size_t len;
	int i;

	*ret = (struct failpoint){ 0 };
	if (spec == NULL || spec[0] == '\0' || (starts != NULL && strcmp(starts, "0") != 0))
		return 0;
	colon = strchrnul(spec, ':');
	len = (size_t)(colon - spec);
	if (*colon == ':') {
		char *end;

		nth = strtoul(colon + 1, &end, 10);
		if (*end != '\0' || nth == 0 || nth > 1000000000)
			return -EINVAL;
	}
	for (i = 0; i < FAILPOINT_NB; i++) {
		if (strlen(names[i]) != len || strncmp(names[i], spec, len) != 0)
			continue;
		ret->id = (enum failpoint_id)i;
		ret->left = (unsigned int)nth;
		return 0;
	}
	return -EINVAL;
}

bool
failpoint_due(struct failpoint *fp, enum failpoint_id id)
{
	if (fp == NULL || fp->left == 0 || fp->id != id)
		return false;
	return --fp->left == 0;
}

_Noreturn void
failpoint_die(void)
{
	kill(getpid(), SIGKILL);
	/* The signal cannot be kept off; this only tells the compiler so. */
	for (;;)
		pause();
}
