/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * metrics_text - the figures of a run in the text format of Prometheus
 *
 * What:      every counter of dp_stats.def as postern_NAME_total{worker="N"} ("_octets" becomes "_bytes"), anomalies by name,
 *            what ctrl itself counts, and gauges of rules and rings. Names stay what they are.
 * Source:    Prometheus exposition format 0.0.4.
 */
#ifndef POSTERN_METRICS_TEXT_H
#define POSTERN_METRICS_TEXT_H

#include "control_status.h"

/* Appends the page to @o, as plain octets. */
void metrics_text_write(struct json_out *o, const struct control_view *v);

#endif
