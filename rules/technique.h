/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * technique - what rules/ itself needs to know about techniques (names and explanations for all: matcher.h)
 */
#ifndef POSTERN_TECHNIQUE_H
#define POSTERN_TECHNIQUE_H

#include "matcher.h"

enum technique_class {
	TECHNIQUE_SLIP,	    /* a typing slip */
	TECHNIQUE_SQUAT,    /* made to deceive */
	TECHNIQUE_OPERATOR, /* the operator's own words */
};

/* Default severity, 1..4. */
uint8_t technique_severity(enum rule_technique t);
enum technique_class technique_class(enum rule_technique t);

#endif
