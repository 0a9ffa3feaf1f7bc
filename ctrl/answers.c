/* SPDX-License-Identifier: BSD-3-Clause */
#include "answers.h"

#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "dp_msg.h"
#include "dp_responder.h"
#include "ids.h"
#include "packet_hash.h"
#include "reply_text.h"

enum {
	INCIDENT_OCTETS = 5, /* of event.id: ten digits that a person can read out */
};

#define MINUTE_NS (UINT64_C(60) * 1000000000)

void
answers_init(struct answers *a, const struct answers_config *cfg)
{
	memset(a, 0, sizeof(*a));
	a->cfg = *cfg;
	if (a->cfg.template == NULL)
		a->cfg.template = REPLY_TEXT_DEFAULT;
	/* Without it sources can be chosen to share an entry: then they limit each other. */
	if (getrandom(a->seed, sizeof(a->seed), GRND_NONBLOCK) != (ssize_t)sizeof(a->seed))
		a->seed[0] = cfg->run_id;
}

/* --- the limit --- */

static unsigned int
place(const struct answers *a, const struct dp_flow_key *key)
{
	uint64_t words[2] = { 0, 0 };

	/* A network of one customer may have any number of addresses in IPv6. */
	memcpy(words, key->client_addr, key->family == DP_FAMILY_IPV4 ? 4 : 8);
	return (unsigned int)(packet_hash_mix(words[0] ^ a->seed[0] ^ PACKET_HASH_C0, a->seed[1] ^ PACKET_HASH_C1) %
			      ANSWERS_SOURCES);
}

enum dp_verdict
answers_limit(struct answers *a, const struct dp_ev_rcpt *ev, enum dp_verdict verdict, uint64_t now_ns)
{
	uint16_t *count;

	if (a->cfg.per_minute == 0 || verdict != DP_VERDICT_REFUSE)
		return verdict;
	if (now_ns / MINUTE_NS != a->minute) {
		a->minute = now_ns / MINUTE_NS;
		memset(a->counts, 0, sizeof(a->counts));
	}
	count = &a->counts[place(a, &ev->flow.key)];
	if (*count >= a->cfg.per_minute) {
		a->nb_limited++;
		return a->cfg.beyond;
	}
	(*count)++;
	return verdict;
}

/* --- the words --- */

/* Is @name the domain of @sender, or one above it? */
static bool
is_sender_of(const char *name, const uint8_t *sender, size_t len)
{
	size_t n = strlen(name);
	const char *at;

	if (n == 0 || len <= n)
		return false;
	at = (const char *)sender + len - n;
	return strncasecmp(at, name, n) == 0 && (at[-1] == '@' || at[-1] == '.');
}

static const char *
template_for(const struct answers *a, const struct dp_ev_rcpt *ev, const struct decision *d)
{
	unsigned int i;

	for (i = 0; i < a->cfg.nb_texts; i++) {
		const struct answers_text *t = &a->cfg.texts[i];

		if (t->kind == ANSWERS_FOR_RULE ? strcmp(t->name, d->rule->id) == 0 :
						  is_sender_of(t->name, dp_event_str(ev, &ev->sender), ev->sender.len))
			return t->template;
	}
	return a->cfg.template;
}

static void
copy(char dst[DP_STR_DOMAIN_MAX + 1], const struct dp_ev_rcpt *ev, const struct dp_str *str)
{
	size_t n = str->len < DP_STR_DOMAIN_MAX ? str->len : DP_STR_DOMAIN_MAX;

	memcpy(dst, dp_event_str(ev, str), n);
	dst[n] = '\0';
}

static void
put_text(struct answers *a, const struct dp_ev_rcpt *ev, const struct decision *d, struct dp_answer *ret)
{
	char domain[DP_STR_DOMAIN_MAX + 1], meant[DP_STR_DOMAIN_MAX + 1], incident[2 * INCIDENT_OCTETS + 1];
	uint8_t id[EVENT_ID_OCTETS];
	struct reply_fields fields = {
		.recipient = dp_event_str(ev, &ev->address),
		.recipient_len = ev->address.len,
		.domain = domain,
		.meant = d->is_other ? d->meant : meant,
		.contact = a->cfg.contact,
		.incident = incident,
	};
	char text[REPLY_TEXT_MAX + 1];

	copy(domain, ev, &ev->domain);
	copy(meant, ev, &ev->meant);
	ids_event(a->cfg.run_id, ev, id);
	ids_hex(id, INCIDENT_OCTETS, incident);
	ret->text_len = (uint16_t)reply_text(text, template_for(a, ev, d), &fields);
	memcpy(ret->text, text, ret->text_len);
}

void
answers_send(struct answers *a, const struct dp_ev_rcpt *ev, enum dp_verdict verdict, const struct decision *decision)
{
	struct dp_answer answer = {
		.magic = DP_ANSWER_MAGIC,
		.abi_version = DP_ABI_VERSION,
		.worker = ev->rec.worker,
		.epoch = ev->rec.epoch,
		.rcpt_index = ev->rcpt_index,
		.hold_id = ev->hold_id,
		.flow_uid = ev->flow.uid,
		.transaction = ev->transaction,
		.verdict = (uint8_t)verdict,
	};

	if (a->cfg.sock < 0)
		return;
	if (decision != NULL && (verdict == DP_VERDICT_REFUSE || verdict == DP_VERDICT_DIVERT))
		put_text(a, ev, decision, &answer);
	a->nb_dropped += dp_msg_send(a->cfg.sock, &answer, sizeof(answer), -1) != 0;
}
