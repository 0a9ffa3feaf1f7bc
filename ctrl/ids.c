/* SPDX-License-Identifier: BSD-3-Clause */
#include "ids.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sha1.h>
#include <sha2.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>


static uint8_t *
put_be(uint8_t *p, uint64_t v, unsigned int octets)
{
	while (octets-- > 0)
		*p++ = (uint8_t)(v >> (8 * octets));
	return p;
}

void
ids_flow_sort_key(const struct dp_flow_id *flow, uint8_t ret[FLOW_SORT_KEY_LEN])
{
	const struct dp_flow_key *k = &flow->key;
	uint8_t *p = ret;

	p = put_be(p, k->family, 1);
	memcpy(p, k->client_addr, 16);
	p = put_be(p + 16, k->client_port, 2);
	memcpy(p, k->server_addr, 16);
	p = put_be(p + 16, k->server_port, 2);
	p = put_be(p, k->vlan_outer, 2);
	p = put_be(p, k->vlan_inner, 2);
	p = put_be(p, k->wire, 1);
	p = put_be(p, flow->start_ns, 8);
	p = put_be(p, flow->first_seq, 4);
	p = put_be(p, flow->loop, 4);
	(void)p;
}
_Static_assert(FLOW_SORT_KEY_LEN == 1 + 16 + 2 + 16 + 2 + 2 + 2 + 1 + 8 + 4 + 4, "flow sort key");

int
ids_flow_cmp(const struct dp_flow_id *a, const struct dp_flow_id *b)
{
	uint8_t ka[FLOW_SORT_KEY_LEN] = { 0 }, kb[FLOW_SORT_KEY_LEN] = { 0 };

	ids_flow_sort_key(a, ka);
	ids_flow_sort_key(b, kb);
	return memcmp(ka, kb, sizeof(ka));
}

static void
finish(SHA2_CTX *ctx, uint8_t ret[EVENT_ID_OCTETS])
{
	uint8_t digest[SHA256_DIGEST_LENGTH];

	SHA256Final(digest, ctx);
	memcpy(ret, digest, EVENT_ID_OCTETS);
}

void
ids_event(uint64_t run_id, const struct dp_ev_rcpt *ev, uint8_t ret[EVENT_ID_OCTETS])
{
	uint8_t buf[8 + FLOW_SORT_KEY_LEN + 24] = { 0 }, *p = buf;
	struct dp_flow_id flow = ev->flow;
	SHA2_CTX ctx;

	p = put_be(p, run_id, 8);
	/* The first of several rounds is the same input as one without others. */
	if (flow.loop > 0)
		flow.loop--;
	ids_flow_sort_key(&flow, p);
	p += FLOW_SORT_KEY_LEN;
	p = put_be(p, ev->transaction, 4);
	p = put_be(p, ev->rcpt_index, 4);
	SHA256Init(&ctx);
	if ((ev->flags & DP_RCPT_ALTERNATIVE) || ev->rcpt_index == 0) {
		/* Without an index of its own: where it stood, what it was, and which of its readings matched. */
		p = put_be(p, ev->seq_start, 4);
		p = put_be(p, ev->address.len, 4);
		p = put_be(p, ev->address.hash, 8);
		SHA256Update(&ctx, buf, (size_t)(p - buf));
		SHA256Update(&ctx, dp_event_str(ev, &ev->address), ev->address.len);
		SHA256Update(&ctx, dp_event_str(ev, &ev->domain), ev->domain.len);
	} else {
		SHA256Update(&ctx, buf, (size_t)(p - buf));
	}
	finish(&ctx, ret);
}

void
ids_lost(uint64_t run_id, const struct dp_ev_lost *ev, uint8_t ret[EVENT_ID_OCTETS])
{
	uint8_t buf[4 + 8 + 2 + 4 + 8 + 8], *p = buf;
	SHA2_CTX ctx;

	memcpy(p, "lost", 4);
	p = put_be(p + 4, run_id, 8);
	p = put_be(p, ev->rec.worker, 2);
	p = put_be(p, ev->rec.epoch, 4);
	p = put_be(p, ev->from_seq, 8);
	p = put_be(p, ev->to_seq, 8);
	SHA256Init(&ctx);
	SHA256Update(&ctx, buf, (size_t)(p - buf));
	finish(&ctx, ret);
}

void
ids_hex(const uint8_t *src, size_t len, char *ret)
{
	static const char hex[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < len; i++) {
		ret[2 * i] = hex[src[i] >> 4];
		ret[2 * i + 1] = hex[src[i] & 15];
	}
	ret[2 * len] = '\0';
}

void
ids_community(const struct dp_flow_key *key, char ret[COMMUNITY_ID_LEN + 1])
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t n = key->family == DP_FAMILY_IPV4 ? 4 : 16, i;
	int order = memcmp(key->client_addr, key->server_addr, n);
	bool client_first = order < 0 || (order == 0 && key->client_port < key->server_port);
	uint8_t buf[2 + 16 + 16 + 2 + 4] = { 0 }, *p = buf + 2, digest[SHA1_DIGEST_LENGTH + 1] = { 0 };
	SHA1_CTX ctx;
	char *q = ret;

	memcpy(p, client_first ? key->client_addr : key->server_addr, n);
	memcpy(p + n, client_first ? key->server_addr : key->client_addr, n);
	p += 2 * n;
	*p++ = IPPROTO_TCP;
	*p++ = 0;
	p = put_be(p, client_first ? key->client_port : key->server_port, 2);
	p = put_be(p, client_first ? key->server_port : key->client_port, 2);
	SHA1Init(&ctx);
	SHA1Update(&ctx, buf, (size_t)(p - buf));
	SHA1Final(digest, &ctx);
	*q++ = '1';
	*q++ = ':';
	/* 20 octets: six whole groups of three and one of two. */
	for (i = 0; i < 21; i += 3) {
		uint32_t v = (uint32_t)digest[i] << 16 | (uint32_t)digest[i + 1] << 8 | digest[i + 2];

		*q++ = set[v >> 18];
		*q++ = set[v >> 12 & 63];
		*q++ = set[v >> 6 & 63];
		*q++ = i == 18 ? '=' : set[v & 63];
	}
	*q = '\0';
}

int
ids_uuid(char ret[UUID_LEN + 1])
{
	uint8_t r[16];
	char hex[33];

	if (getrandom(r, sizeof(r), 0) != (ssize_t)sizeof(r))
		return -EIO;
	r[6] = (r[6] & 0x0f) | 0x40;
	r[8] = (r[8] & 0x3f) | 0x80;
	ids_hex(r, sizeof(r), hex);
	memcpy(ret, hex, 8);
	ret[8] = '-';
	memcpy(ret + 9, hex + 8, 4);
	ret[13] = '-';
	memcpy(ret + 14, hex + 12, 4);
	ret[18] = '-';
	memcpy(ret + 19, hex + 16, 4);
	ret[23] = '-';
	memcpy(ret + 24, hex + 20, 13);
	return 0;
}

void
ids_addr_text(uint8_t family, const uint8_t addr[16], char ret[ADDR_TEXT_MAX])
{
	if (inet_ntop(family == DP_FAMILY_IPV4 ? AF_INET : AF_INET6, addr, ret, ADDR_TEXT_MAX) == NULL)
		ret[0] = '\0';
}
