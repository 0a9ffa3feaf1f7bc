/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * inspector_private - what inspector.c and its enforcing side (inline*.c) share
 */
#ifndef POSTERN_INSPECTOR_PRIVATE_H
#define POSTERN_INSPECTOR_PRIVATE_H

#include "flow.h"
#include "inspector.h"
#include "tcp_reasm.h"

struct inline_gate;

struct inspector {
	struct flow_table table;
	struct tcp_reasm reasm;
	struct smtp_ctx smtp;
	const struct packet *current;
	struct inline_gate *gate; /* NULL: nothing is ever withheld */

	struct inspector_config cfg;
	struct inspector_ops ops;
	void *ops_ctx;
	struct dp_counters *counters;
	enum inspector_shed shed;
	bool shed_open;
	struct packet last; /* stands for the last packet of a flow that ends without one */
};

/*
 * The flow that @p belongs to, NULL when there is nothing in it for us. @f: the table's entry of its ends, or NULL. Ends
 * what is over, makes what begins.
 */
struct flow *inspector_flow_of(struct inspector *ins, struct flow *f, const struct packet *p);

/* Callbacks outside of a packet speak of the last one of @f. */
void inspector_set_last(struct inspector *ins, const struct flow *f);

/* Everything that @f still has to say; its entry stays, for late segments. */
void inspector_report_end(struct inspector *ins, struct flow *f, enum dp_close how);

/* @how unless the connection was closed before; then its entry goes. */
void inspector_end_flow(struct inspector *ins, struct flow *f, enum dp_close how);

/* One packet, of which nothing is ever withheld. */
void inspector_observe(struct inspector *ins, struct packet *p);

/* inspector_pass.c */
/* Overload: @p, of no connection in the table, is not inspected. */
void inspector_shed_packet(struct inspector *ins, struct packet *p);
/*
 * Overload: may @len octets of a message at @seq, in order, go unparsed? They are skipped then. Side of the client; nothing
 * of it waits.
 */
bool inspector_skip_body(struct inspector *ins, struct flow *f, uint32_t seq, uint32_t len);
/*
 * A line, or what there is of one, that came all the same while @f skips a message: out of order, or the overload is over.
 * In the message for all that is known, so its words are no commands. Returns @len.
 */
size_t inspector_skip_on(struct inspector *ins, struct flow *f, const uint8_t *p, size_t len);
/* The server spoke, or the message ended: what comes next of the client is parsed. */
static inline void
inspector_resume_body(struct flow *f)
{
	f->flags &= ~(uint32_t)FLOW_SKIPPING;
}

#endif
