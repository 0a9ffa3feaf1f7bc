/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * technique - what rules/ itself needs to know about techniques (names and explanations for all: matcher.h)
 */
#ifndef POSTERN_TECHNIQUE_H
#define POSTERN_TECHNIQUE_H

#include <stdbool.h>

#include "matcher.h"

enum technique_class {
	TECHNIQUE_SLIP,	    /* a typing slip */
	TECHNIQUE_SQUAT,    /* made to deceive */
	TECHNIQUE_OPERATOR, /* the operator's own words */
};

/* Default severity, 1..4. */
uint8_t technique_severity(enum rule_technique t);
enum technique_class technique_class(enum rule_technique t);

/* Techniques of lookalikes, as opposed to those of written rules: from here on. */
enum {
	TECHNIQUE_LOOKALIKE_FIRST = RULE_TECHNIQUE_OMISSION,
};
/* Is it looked for unless a rule file says otherwise? */
bool technique_is_usual(enum rule_technique t);
/* Does it find names that often belong to others, so that it alerts unless a rule file says otherwise? */
bool technique_is_doubtful(enum rule_technique t);
/* Characters a label must have unless a rule file says otherwise: short ones collide. */
uint8_t technique_min_label(enum rule_technique t);

#endif
