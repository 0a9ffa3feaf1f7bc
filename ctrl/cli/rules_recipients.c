/* SPDX-License-Identifier: BSD-3-Clause */
#include "rules_recipients.h"

#include <errno.h>
#include <string.h>

#include "rules_lines.h"

void
rules_recipients_init(struct rules_recipients *r, enum rules_format format,
		      rules_recipients_take take, void *ctx)
{
	memset(r, 0, sizeof(*r));
	r->format = format;
	r->take = take;
	r->ctx = ctx;
}

void
rules_recipients_fini(struct rules_recipients *r)
{
	postfix_log_free(r->postfix);
	r->postfix = NULL;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static enum rules_format
guess(const char *line, size_t len)
{
	if (line[0] == '{' && len > 1 && (line[1] == '"' || line[1] == '}'))
		return RULES_FORMAT_ENVELOPES;
	return postfix_log_is(line, len) ? RULES_FORMAT_POSTFIX : RULES_FORMAT_LIST;
}

static int
take_address(struct rules_recipients *r, const char *line, size_t len, bool is_cut)
{
	struct rules_question q = {
		.address = line,
		.len = len,
		.is_cut = is_cut,
		.is_path = line[0] != '<',
		.sender = "",
	};

	return line[0] == '#' ? 0 : r->take(r->ctx, &q);
}

static int
take_postfix(struct rules_recipients *r, const char *line, size_t len)
{
	if (r->postfix == NULL)
		r->postfix = postfix_log_new();
	return r->postfix != NULL ? postfix_log_line(r->postfix, line, len, r->take, r->ctx)
				  : -ENOMEM;
}

int
rules_recipients_line(struct rules_recipients *r, const char *line, size_t len, bool is_cut)
{
	int rc;

	r->nb_lines++;
	while (len > 0 && is_blank(*line)) {
		line++;
		len--;
	}
	while (len > 0 && !is_cut && is_blank(line[len - 1]))
		len--;
	if (len == 0)
		return 0;
	if (r->format == RULES_FORMAT_AUTO)
		r->format = guess(line, len);
	if (r->format == RULES_FORMAT_ENVELOPES)
		rc = is_cut ? 1 : rules_envelope_line(r, line, len);
	else if (r->format == RULES_FORMAT_POSTFIX)
		rc = take_postfix(r, line, len);
	else
		rc = take_address(r, line, len, is_cut);
	if (rc <= 0)
		return rc;
	if (r->nb_bad++ == 0)
		r->first_bad = r->nb_lines;
	return 0;
}

int
rules_recipients_read(struct rules_recipients *r, FILE *in)
{
	struct rules_lines l;
	int rc = 0;

	rules_lines_init(&l, in, RULES_RECIPIENTS_LINE_MAX);
	while (rc == 0 && rules_lines_next(&l))
		rc = rules_recipients_line(r, l.text, l.len, l.is_cut);
	if (rc == 0 && l.failed)
		rc = -ENOMEM;
	if (rc == 0 && ferror(in))
		rc = -EIO;
	rules_lines_fini(&l);
	return rc;
}
