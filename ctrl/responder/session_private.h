/* SPDX-License-Identifier: BSD-3-Clause */
/* session_private - recipients of a session: what is decided about them, and what is asked (session_judge.c) */
#ifndef POSTERN_RESPONDER_SESSION_PRIVATE_H
#define POSTERN_RESPONDER_SESSION_PRIVATE_H

#include "session.h"

/* proxy_ops.judge; @ctx is the session. */
enum proxy_judged session_judge(void *ctx, const struct smtp_rcpt *rcpt, bool known, enum dp_verdict *ret_verdict,
				char text[PROXY_TEXT_MAX]);
void session_take_answer(struct session *s, const struct dp_answer *answer);
/* Questions whose time is over are answered here. */
void session_expire_asks(struct session *s);
/* The session ends: what is asked will not be carried out. */
void session_drop_asks(struct session *s);

#endif
