/* SPDX-License-Identifier: BSD-3-Clause */
/* rule_senders - `senders` of rules and `sender` of exceptions: addresses, domains, sub-trees,
 * networks */
#include "rule_file.h"

#include <arpa/inet.h>
#include <string.h>

#include "ascii_text.h"

enum {
	LOCAL_MAX = 256,  /* octets of a local part */
	NETWORK_MAX = 64, /* octets of a network as text */
};

struct list {
	struct sender_pattern **last;
	const char *what;
	bool has_any;
	size_t nb;
};

bool
rule_value_address(struct rule_reader *r, const struct yaml_node *value, const char *what,
		   const char **ret_local, const char **ret_domain)
{
	const char *text, *at;
	char *local;
	size_t i;

	if (!reader_string(r, value, what, 1024, &text))
		return false;
	at = strrchr(text, '@');
	if (at == NULL || at == text || (size_t)(at - text) > LOCAL_MAX) {
		reader_error(r, &value->at, "write it as name@example.com, without brackets",
			     "%s \"%.300s\" is not an address", what, text);
		return false;
	}
	if (!reader_domain_part(r, value, (size_t)(at - text) + 1, what, ret_domain))
		return false;
	local = arena_string(&r->model->arena, text, (size_t)(at - text));
	if (local == NULL)
		return false;
	for (i = 0; local[i] != '\0'; i++)
		local[i] = ascii_lower(local[i]);
	*ret_local = local;
	return true;
}

/* Bits that are set behind the prefix say something that the network does not. */
static bool
has_bits_behind(const struct sender_pattern *p, unsigned int bits)
{
	unsigned int i;

	for (i = p->prefix; i < bits; i++)
		if ((p->network[i / 8] >> (7 - i % 8) & 1) != 0)
			return true;
	return false;
}

static bool
read_prefix(const char *text, unsigned int most, uint8_t *ret)
{
	size_t len = strspn(text, "0123456789");
	unsigned int n = 0;
	const char *p;

	if (len == 0 || len > 3 || text[len] != '\0' || (len > 1 && text[0] == '0'))
		return false;
	for (p = text; *p != '\0'; p++)
		n = n * 10 + (unsigned int)(*p - '0');
	*ret = (uint8_t)n;
	return n <= most;
}

/* Is @text meant as an address or network of IP? Then *p is filled, or an error is added. */
static bool
read_network(struct rule_reader *r, const struct yaml_node *value, const char *text,
	     struct sender_pattern *p, bool *ret_good)
{
	const char *slash = strchr(text, '/');
	size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
	char address[NETWORK_MAX];
	unsigned int bits;

	if (slash == NULL && strchr(text, ':') == NULL && strspn(text, "0123456789.") != len)
		return false;
	*ret_good = false;
	p->kind = SENDER_NETWORK;
	if (len < sizeof(address)) {
		memcpy(address, text, len);
		address[len] = '\0';
		if (inet_pton(AF_INET, address, p->network) == 1)
			p->family = 4;
		else if (inet_pton(AF_INET6, address, p->network) == 1)
			p->family = 6;
	}
	bits = p->family == 4 ? 32 : 128;
	p->prefix = (uint8_t)bits;
	if (p->family == 0 || (slash != NULL && !read_prefix(slash + 1, bits, &p->prefix)))
		reader_error(r, &value->at, "write 192.0.2.0/24, 2001:db8::/32 or one address",
			     "\"%.100s\" is no network", text);
	else if (has_bits_behind(p, bits))
		reader_error(r, &value->at,
			     "set them to zero, or write the whole address with /32 or /128",
			     "the network \"%.100s\" has bits set behind its prefix", text);
	else
		*ret_good = true;
	return true;
}

static bool
read_pattern(struct rule_reader *r, const struct yaml_node *value, const char *what,
	     struct sender_pattern *p)
{
	const char *text;
	bool good;

	if (!reader_string(r, value, what, 1024, &text))
		return false;
	if (strcmp(text, "any") == 0) {
		p->kind = SENDER_ANY;
		return true;
	}
	if (strchr(text, '@') != NULL) {
		p->kind = SENDER_ADDRESS;
		return rule_value_address(r, value, what, &p->local, &p->domain);
	}
	if (read_network(r, value, text, p, &good))
		return good;
	p->kind = strncmp(text, "*.", 2) == 0 ? SENDER_BELOW : SENDER_DOMAIN;
	return reader_domain_part(r, value, p->kind == SENDER_BELOW ? 2 : 0, what, &p->domain);
}

static void
read_one(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	struct sender_pattern p = {0}, *copy;
	struct list *list = object;

	if (!read_pattern(r, value, list->what, &p))
		return;
	copy = arena_alloc(&r->model->arena, sizeof(*copy));
	if (copy == NULL)
		return;
	*copy = p;
	*list->last = copy;
	list->last = &copy->next;
	list->has_any |= p.kind == SENDER_ANY;
	list->nb++;
}

void
rule_value_senders(struct rule_reader *r, const struct yaml_node *value, const char *what,
		   struct sender_pattern **ret)
{
	struct sender_pattern *first = NULL;
	struct list list = {.last = &first, .what = what};

	reader_each(r, value, read_one, &list);
	if (list.has_any && list.nb > 1)
		reader_error(r, &value->at, "write \"any\" alone, or leave it out",
			     "\"any\" stands beside others, which then say nothing");
	*ret = first;
}
