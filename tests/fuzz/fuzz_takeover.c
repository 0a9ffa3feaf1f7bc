/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz_takeover - a record, a message, an answer of any octets: what passes its check can be used without harm */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dp_responder.h"
#include "proxy_bench.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum proxy_judged
judge(void *ctx, const struct smtp_rcpt *rcpt, bool known, enum dp_verdict *ret_verdict, char text[PROXY_TEXT_MAX])
{
	*ret_verdict = DP_VERDICT_REFUSE;
	return PROXY_DECIDED;
}

static void
out(void *ctx, const uint8_t *p, size_t n)
{
	*(size_t *)ctx += n;
}

static const struct proxy_ops ops = { judge, out, out };

/* A proxy begins with the record as it is, and both sides speak. */
static void
use(const struct dp_takeover *t)
{
	static const char line[] = "RCPT TO:<x@army.ml>\r\nQUIT\r\n", reply[] = "250 Ok\r\n";
	const struct smtp_limits limits = { .sessions = 1, .strings = 4, .big = 4 };
	struct dp_counters counters = { 0 };
	struct smtp_ctx ctx = { .ops = &proxy_smtp_ops, .counters = &counters };
	void *mem = aligned_alloc(64, smtp_ctx_mem_size(&limits));
	struct proxy proxy;
	uint8_t *to;
	size_t sent = 0;
	unsigned int i;

	smtp_ctx_init(&ctx, mem, &limits);
	if (proxy_init(&proxy, &ctx, &ops, &sent, t) == 0) {
		if (proxy_client_room(&proxy, &to) >= sizeof(line) - 1) {
			memcpy(to, line, sizeof(line) - 1);
			proxy_client_came(&proxy, sizeof(line) - 1);
		}
		for (i = 0; i < 8; i++)
			proxy_server_came(&proxy, (const uint8_t *)reply, sizeof(reply) - 1);
		proxy_fini(&proxy);
	}
	if (ctx.sessions.in_use != 0 || ctx.strings.in_use != 0 || ctx.big.in_use != 0)
		abort();
	free(mem);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	union {
		struct dp_takeover t;
		struct dp_responder_msg msg;
		struct dp_answer answer;
		_Alignas(8) uint8_t octets[DP_TAKEOVER_LEN_MAX];
	} *u = malloc(size > sizeof(*u) ? size : sizeof(*u));

	if (u == NULL)
		return 0;
	memcpy(u, data, size);
	(void)dp_responder_check(&u->msg, size);
	if (dp_answer_check(&u->answer, size) == 0 && memchr(u->answer.text, '\n', sizeof(u->answer.text)) != NULL)
		abort();
	/* Length and versions are no riddle. */
	if (size >= sizeof(u->t) && size <= DP_TAKEOVER_LEN_MAX) {
		u->t.len = (uint32_t)size;
		u->t.abi_version = DP_ABI_VERSION;
		if (dp_takeover_check(u, size) == 0)
			use(&u->t);
	}
	free(u);
	return 0;
}
