/* SPDX-License-Identifier: BSD-3-Clause */
/* fuzz_mailbox - any octets as an argument: what comes out must hold its promises, and a strict reading read again */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mailbox.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool ok)
{
	if (!ok)
		abort();
}

static void
check_span(const uint8_t *p, size_t len, const uint8_t *data, size_t size)
{
	if (size == 0) {
		check(len == 0);
		return;
	}
	check(p >= data && p <= data + size && len <= (size_t)(data + size - p));
}

static void
check_reading(const struct mailbox_reading *r, const uint8_t *data, size_t size)
{
	unsigned int i;

	check_span(r->local, r->local_len, data, size);
	check(r->domain_len <= MAILBOX_DOMAIN_MAX);
	check(r->domain[r->domain_len] == '\0');
	check(r->domain_len == 0 || r->domain[r->domain_len - 1] != '.');
	for (i = 0; i < r->domain_len; i++) {
		uint8_t c = (uint8_t)r->domain[i];

		check(c > ' ' && c != 127 && (c < 'A' || c > 'Z'));
	}
}

static void
check_mailbox(const struct mailbox *m, const uint8_t *data, size_t size)
{
	unsigned int i, j, with_domain = 0;

	check(m->nb_readings <= MAILBOX_READINGS_MAX);
	for (i = 0; i < m->nb_readings; i++) {
		const struct mailbox_reading *r = &m->readings[i];

		check_reading(r, data, size);
		with_domain += r->domain_len > 0;
		for (j = 0; j < i; j++)
			check(r->domain_len != m->readings[j].domain_len ||
			      memcmp(r->domain, m->readings[j].domain, r->domain_len) != 0);
	}
	check_span(m->address, m->address_len, data, size);
	check_span(m->params, m->params_len, data, size);
	check(m->nb_readings <= 1 || with_domain == m->nb_readings);
	check(((m->flags & MAILBOX_AMBIGUOUS) != 0) == (with_domain > 1));
	check((m->flags & MAILBOX_NO_DOMAIN) == 0 || with_domain == 0);
	check((m->flags & MAILBOX_NULL) == 0 || m->nb_readings == 0);
	check((m->flags & MAILBOX_MORE_READINGS) == 0 || m->nb_readings == MAILBOX_READINGS_MAX);
	check((m->flags & MAILBOX_UTF8) == 0 || (m->flags & MAILBOX_EIGHT_BIT) != 0);
}

/* "<local@domain>" of a strict reading is strict, and reads the same. */
static void
check_again(const struct mailbox *m)
{
	const struct mailbox_reading *r = &m->readings[0];
	size_t len = (size_t)r->local_len + r->domain_len + 3;
	struct mailbox again;
	uint8_t *arg;

	if ((m->flags & MAILBOX_STRICT) == 0 || m->nb_readings == 0 || r->domain_len == 0)
		return;
	arg = malloc(len);
	check(arg != NULL);
	arg[0] = '<';
	memcpy(arg + 1, r->local, r->local_len);
	arg[1 + r->local_len] = '@';
	memcpy(arg + 2 + r->local_len, r->domain, r->domain_len);
	arg[len - 1] = '>';
	mailbox_read(arg, len, false, &again);
	check_mailbox(&again, arg, len);
	check((again.flags & MAILBOX_STRICT) != 0 && again.nb_readings > 0);
	check(again.readings[0].local_len == r->local_len && again.readings[0].domain_len == r->domain_len);
	check(memcmp(again.readings[0].domain, r->domain, r->domain_len) == 0);
	check(again.address_len == len - 2);
	free(arg);
}

/* A blank before it changes nothing but that it is not to the letter; nor may the short cut for plain addresses. */
static void
check_blank(const struct mailbox *m, const uint8_t *data, size_t size)
{
	uint8_t *arg = malloc(size + 1);
	struct mailbox slow;
	unsigned int i;

	check(arg != NULL);
	arg[0] = ' ';
	memcpy(arg + 1, data, size);
	mailbox_read(arg, size + 1, false, &slow);
	check((slow.flags & ~(uint32_t)MAILBOX_STRICT) == (m->flags & ~(uint32_t)MAILBOX_STRICT));
	check(slow.nb_readings == m->nb_readings && slow.address_len == m->address_len &&
	      slow.params_len == m->params_len);
	check(slow.address - (arg + 1) == m->address - data);
	for (i = 0; i < m->nb_readings; i++) {
		const struct mailbox_reading *a = &m->readings[i], *b = &slow.readings[i];

		check(a->local_len == b->local_len && a->local - data == b->local - (arg + 1));
		check(a->domain_len == b->domain_len && memcmp(a->domain, b->domain, a->domain_len + 1u) == 0);
	}
	free(arg);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mailbox m;

	mailbox_read(data, size, false, &m);
	check_mailbox(&m, data, size);
	check_again(&m);
	if (size > 0)
		check_blank(&m, data, size);
	mailbox_read(data, size, true, &m);
	check_mailbox(&m, data, size);
	check_again(&m);
	mailbox_read_tail(data, size, &m);
	check_mailbox(&m, data, size);
	return 0;
}
