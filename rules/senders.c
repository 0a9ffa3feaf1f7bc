/* SPDX-License-Identifier: BSD-3-Clause */
#include "senders.h"

#include <string.h>

#include "ascii_text.h"

static bool
in_network(const struct sender_pattern *p, const struct ruleset_query *q)
{
	unsigned int octets = p->prefix / 8, bits = p->prefix % 8;

	if (q->client == NULL || q->client_family != p->family ||
	    memcmp(p->network, q->client, octets) != 0)
		return false;
	return bits == 0 || ((p->network[octets] ^ q->client[octets]) >> (8 - bits)) == 0;
}

/* The two halves of the sender, the domain as rules have it; a sender without an @ has none. */
struct halves {
	const char *local;
	size_t local_len, domain_len;
	char domain[MATCHER_DOMAIN_MAX];
};

static void
split(const struct ruleset_query *q, struct halves *h)
{
	const char *at = q->sender_len > 0 ? memrchr(q->sender, '@', q->sender_len) : NULL;

	h->domain_len = 0;
	if (at == NULL)
		return;
	h->local = q->sender;
	h->local_len = (size_t)(at - q->sender);
	h->domain_len = matcher_normalise(at + 1, q->sender_len - h->local_len - 1, h->domain);
}

static bool
is_below(const char *domain, const struct halves *h)
{
	size_t len = strlen(domain);

	return h->domain_len > len + 1 && h->domain[h->domain_len - len - 1] == '.' &&
	       ascii_same(domain, h->domain + h->domain_len - len, len);
}

static bool
matches(const struct sender_pattern *p, const struct halves *h, const struct ruleset_query *q)
{
	switch (p->kind) {
	case SENDER_ANY:
		return true;
	case SENDER_NETWORK:
		return in_network(p, q);
	case SENDER_BELOW:
		return is_below(p->domain, h);
	case SENDER_DOMAIN:
		return ascii_same(p->domain, h->domain, h->domain_len);
	case SENDER_ADDRESS:
		return ascii_same(p->domain, h->domain, h->domain_len) &&
		       ascii_same(p->local, h->local, h->local_len);
	}
	return false;
}

bool
senders_match(const struct sender_pattern *list, const struct ruleset_query *q)
{
	const struct sender_pattern *p;
	struct halves h;

	if (list == NULL)
		return true;
	split(q, &h);
	for (p = list; p != NULL; p = p->next)
		if (matches(p, &h, q))
			return true;
	return false;
}
