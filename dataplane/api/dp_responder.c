/* SPDX-License-Identifier: BSD-3-Clause */
#include "dp_responder.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

int
dp_responder_check(const struct dp_responder_msg *msg, size_t len)
{
	bool of_flow;

	if (len != sizeof(*msg) || msg->magic != DP_RESPONDER_MAGIC || msg->abi_version != DP_ABI_VERSION ||
	    msg->type == 0 || msg->type >= DP_RESPONDER_NB || msg->worker >= DP_WORKERS_MAX)
		return -EBADMSG;
	of_flow = msg->type != DP_RESPONDER_HELLO && msg->type != DP_RESPONDER_WANTED;
	if ((msg->hold_id != 0) != of_flow || (msg->instance == 0) != (msg->type == DP_RESPONDER_WANTED) ||
	    (msg->reserved[0] | msg->reserved[1] | msg->reserved[2]) != 0)
		return -EBADMSG;
	if (msg->type == DP_RESPONDER_REFUSED && (msg->error >= 0 || msg->error < -4095))
		return -EBADMSG;
	return 0;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "550 5.1.2 ...": RFC 5321 §4.2, RFC 3463 §2; nothing that could end the line or confuse a terminal. */
static bool
text_ok(const char *t, size_t len)
{
	size_t i;

	if (len < 11 || (t[0] != '4' && t[0] != '5') || !is_digit(t[1]) || !is_digit(t[2]) || t[3] != ' ' ||
	    t[4] != t[0] || t[5] != '.' || !is_digit(t[6]))
		return false;
	for (i = 0; i < len; i++)
		if (t[i] < ' ' || t[i] > '~')
			return false;
	return true;
}

int
dp_answer_check(const struct dp_answer *answer, size_t len)
{
	size_t i;

	if (len != sizeof(*answer) || answer->magic != DP_ANSWER_MAGIC || answer->abi_version != DP_ABI_VERSION ||
	    answer->worker >= DP_WORKERS_MAX || answer->hold_id == 0 || answer->reserved != 0)
		return -EBADMSG;
	if (answer->verdict == DP_VERDICT_NONE || answer->verdict >= DP_VERDICT_NB ||
	    answer->text_len > DP_ANSWER_TEXT_MAX)
		return -EBADMSG;
	for (i = answer->text_len; i < sizeof(answer->text); i++)
		if (answer->text[i] != '\0')
			return -EBADMSG;
	return answer->text_len == 0 || text_ok(answer->text, answer->text_len) ? 0 : -EBADMSG;
}
