/* SPDX-License-Identifier: BSD-3-Clause */
#include "table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int
table_init(struct table *t, uint32_t limit, uint64_t seed)
{
	uint32_t nb = 64;

	while (nb < limit)
		nb *= 2;
	*t = (struct table){ .mask = nb - 1, .seed = seed };
	t->by_uid = calloc(nb, sizeof(struct session *));
	t->by_source = calloc(nb, sizeof(struct session *));
	if (t->by_uid == NULL || t->by_source == NULL) {
		table_fini(t);
		return -ENOMEM;
	}
	return 0;
}

void
table_fini(struct table *t)
{
	free(t->by_uid);
	free(t->by_source);
	t->by_uid = t->by_source = NULL;
}

static size_t
source_len(const struct dp_flow_key *key)
{
	return key->family == DP_FAMILY_IPV6 ? 8 : 4;
}

static struct session **
source_bucket(const struct table *t, const struct dp_flow_key *key)
{
	return &t->by_source[dp_hash64(t->seed, key->client_addr, source_len(key)) & t->mask];
}

static struct session **
uid_bucket(const struct table *t, uint64_t uid)
{
	return &t->by_uid[dp_hash64(t->seed, &uid, sizeof(uid)) & t->mask];
}

void
table_add(struct table *t, struct session *s)
{
	struct session **uid = uid_bucket(t, s->flow.uid), **source = source_bucket(t, &s->flow.key);

	s->next_uid = *uid;
	*uid = s;
	s->next_source = *source;
	*source = s;
	s->prev = NULL;
	s->next = t->all;
	if (t->all != NULL)
		t->all->prev = s;
	t->all = s;
	t->nb++;
}

void
table_remove(struct table *t, struct session *s)
{
	struct session **at;

	for (at = uid_bucket(t, s->flow.uid); *at != s; at = &(*at)->next_uid)
		;
	*at = s->next_uid;
	for (at = source_bucket(t, &s->flow.key); *at != s; at = &(*at)->next_source)
		;
	*at = s->next_source;
	if (s->next != NULL)
		s->next->prev = s->prev;
	if (s->prev != NULL)
		s->prev->next = s->next;
	else
		t->all = s->next;
	t->nb--;
}

struct session *
table_find(const struct table *t, uint64_t flow_uid)
{
	struct session *s = *uid_bucket(t, flow_uid);

	while (s != NULL && s->flow.uid != flow_uid)
		s = s->next_uid;
	return s;
}

uint32_t
table_count_source(const struct table *t, const struct dp_flow_key *key)
{
	const struct session *s;
	uint32_t nb = 0;

	for (s = *source_bucket(t, key); s != NULL; s = s->next_source)
		nb += s->flow.key.family == key->family &&
		      memcmp(s->flow.key.client_addr, key->client_addr, source_len(key)) == 0;
	return nb;
}
