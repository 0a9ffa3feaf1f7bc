/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * smtp_middle - RCPT lines longer than what is kept: domains in what neither the head nor the tail holds
 *
 * What:      the tail is a ring of two blocks. Before octets of the older block are written over, every @ in it is read
 *            with what follows it, as in a tail (mailbox_read_middle()): the other block is room for the longest domain.
 *            First of all that is done for the end of the head, whose last domain may go on in the ring.
 *
 *              | head, 4096 octets ... | read as it passes ... | block | block |
 *
 *            What a rule matches is reported as another reading of the line; the rest of it is not a recipient.
 * Cost:      one search for @ per block, one reading per block that has one; at most FINDS_MAX reports per line.
 * Limits:    a domain longer than a block (no name is) is not read there. LONG_LINE is stated in any case.
 */
#include <string.h>

#include "smtp_session.h"

enum {
	BLOCK = SMTP_LINE_TAIL_MAX / 2,
	FINDS_MAX = 8,
};
_Static_assert((int)BLOCK > (int)MAILBOX_DOMAIN_MAX, "a domain fits into what follows a block");

void
smtp_middle_begin(const struct smtp_run *run, struct smtp_big *b, const struct smtp_command *cmd, const struct mailbox *m)
{
	bool is_command = cmd->is_sure || (run->s->phase == SMTP_PHASE_COMMAND && (run->s->flags & SMTP_F_TLS) == 0);

	/* A path that is whole to the letter is followed by parameters only. */
	if (cmd->verb == SMTP_V_RCPT && is_command && (m->flags & MAILBOX_STRICT) == 0)
		b->middle_left = FINDS_MAX;
}

static bool
is_known(const struct mailbox *m, const struct mailbox_reading *r)
{
	unsigned int i;

	for (i = 0; i < m->nb_readings; i++)
		if (m->readings[i].domain_len == r->domain_len && memcmp(m->readings[i].domain, r->domain, r->domain_len) == 0)
			return true;
	return false;
}

/* Take out of @m what the head of the line was read to hold, too. */
static void
drop_known(const struct smtp_big *b, struct mailbox *m)
{
	struct smtp_command cmd;
	struct mailbox head;
	unsigned int i, nb = 0;

	smtp_command_parse(b->head, sizeof(b->head), &cmd);
	mailbox_read(cmd.arg, cmd.arg_len, true, &head);
	for (i = 0; i < m->nb_readings; i++)
		if (!is_known(&head, &m->readings[i]))
			m->readings[nb++] = m->readings[i];
	m->nb_readings = (uint16_t)nb;
}

/* Read each @ in the block at @first, which the one at @second follows. */
static void
read_block(struct smtp_run *run, struct smtp_big *b, const uint8_t *first, const uint8_t *second, bool of_head,
	   struct smtp_line *line)
{
	uint8_t piece[2 * BLOCK], *at = piece + BLOCK;
	struct mailbox m;

	if (memchr(first, '@', BLOCK) == NULL)
		return;
	memcpy(piece, first, BLOCK);
	memcpy(piece + BLOCK, second, BLOCK);
	/* An @ of the second block ends a domain here; what follows it is read when its own turn comes. */
	while ((at = memchr(at, '@', (size_t)(piece + sizeof(piece) - at))) != NULL)
		*at++ = '>';
	mailbox_read_middle(piece, sizeof(piece), &m);
	if ((m.flags & MAILBOX_NO_DOMAIN) != 0)
		m.nb_readings = 0;
	if (of_head)
		drop_known(b, &m);
	if (m.nb_readings == 0)
		return;
	line->anomalies = DP_ANOMALY_BIT(LONG_LINE) | (run->s->phase == SMTP_PHASE_SYNC ? DP_ANOMALY_BIT(RESYNC) : 0);
	b->middle_left -= smtp_rcpt_alternative(run, line, &m, DP_ANOMALY_BIT(LONG_LINE), true);
}

size_t
smtp_middle_step(struct smtp_run *run, struct smtp_big *b, size_t n, uint32_t octets, int64_t off)
{
	struct smtp_line line = { .octets = octets, .end = off };
	uint32_t at = b->tail_pos % SMTP_LINE_TAIL_MAX;
	size_t room = BLOCK - at % BLOCK;

	if (b->middle_left == 0)
		return n;
	if (b->tail_pos >= SMTP_LINE_TAIL_MAX && at % BLOCK == 0) {
		if (off < (int64_t)octets)
			line.back = (uint32_t)((int64_t)octets - off);
		if (!b->middle_begun)
			read_block(run, b, b->head + sizeof(b->head) - BLOCK, b->tail, true, &line);
		b->middle_begun = true;
		if (b->middle_left > 0)
			read_block(run, b, b->tail + at, b->tail + (BLOCK - at), false, &line);
	}
	return n < room ? n : room;
}

uint32_t
smtp_middle_read(const struct smtp_big *b)
{
	uint32_t written = b->tail_pos % BLOCK;

	/* The rest of the block that is being written over. */
	return b->middle_begun && b->middle_left > 0 && written != 0 ? BLOCK - written : 0;
}
