/* SPDX-License-Identifier: BSD-3-Clause */
/* tcp_model_private - what the ends of the model and its responder share */
#ifndef POSTERN_TCP_MODEL_PRIVATE_H
#define POSTERN_TCP_MODEL_PRIVATE_H

#include "dp_takeover.h"
#include "tcp_model.h"

enum {
	EV_FRAME_DP,  /* arrives at the inspector, port says where */
	EV_FRAME_END, /* arrives at end `port` */
	EV_VERDICT,
	EV_GIVE_UP,
	EV_FRAME_OUT, /* of the responder, to the inspector */
	EV_READY,     /* the responder answers */
};

/* tcp_model.c */
void model_post(struct model *m, struct model_event ev);
void model_end_init(struct model_end *e, uint32_t isn);
void model_say(struct model *m, enum model_side side, const void *p, uint32_t len);
void model_push(struct model *m, enum model_side side);

/* tcp_model_responder.c */
static inline const struct dp_takeover *
model_record(const struct model *m)
{
	return (const struct dp_takeover *)(const void *)m->record;
}

bool model_on_takeover(void *ctx, struct flow *f, const struct dp_takeover *rec);
bool model_on_inward(void *ctx, const uint8_t *ip, uint32_t len);
void model_on_takeover_end(void *ctx, struct flow *f, uint64_t hold_id);
void model_responder_answers(struct model *m);
void model_responder_reads(struct model *m);

#endif
