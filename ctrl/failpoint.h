/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * failpoint - named places at which a test makes postern-ctrl die as by SIGKILL
 *
 * What:      POSTERN_FAILPOINT="name[:n]" in the environment arms one point of failpoint.def; its n-th hit (default the
 *            first) raises SIGKILL. Armed only in the first start (POSTERN_CTRL_STARTS unset or 0), so that the
 *            restarted process goes on.
 * Cost:      a comparison where not armed.
 * Threads:   one.
 */
#ifndef POSTERN_FAILPOINT_H
#define POSTERN_FAILPOINT_H

#include <stdbool.h>

enum failpoint_id {
#define FAILPOINT(id, name, what) FAILPOINT_##id,
#include "failpoint.def"
#undef FAILPOINT
	FAILPOINT_NB,
};

struct failpoint {
	unsigned int left; /* hits until it strikes; 0: not armed */
	enum failpoint_id id;
};

/* From the environment. 0, or -EINVAL: no such point; @ret is not armed then. */
int failpoint_init(struct failpoint *ret);

/* Count a hit; true when this is the one to die at: the caller leaves its work half done and calls failpoint_die(). */
bool failpoint_due(struct failpoint *fp, enum failpoint_id id);
_Noreturn void failpoint_die(void);

static inline void
failpoint_hit(struct failpoint *fp, enum failpoint_id id)
{
	if (failpoint_due(fp, id))
		failpoint_die();
}

const char *failpoint_name(enum failpoint_id id);

#endif
