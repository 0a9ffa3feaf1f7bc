/* SPDX-License-Identifier: BSD-3-Clause */
/* rule_allow - entries of `allow`: exceptions */
#include "rule_file.h"

#include <string.h>

#include "rule_date.h"

#define NB(table) (sizeof(table) / sizeof((table)[0]))

enum {
	TEXT_MAX = 1024, /* of what is written for people */
};

struct entry {
	struct exception x;
	unsigned int nb_subjects;
	const struct yaml_node *from, *until;
};

static void
key_id(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	struct entry *e = object;

	e->x.at = value->at;
	reader_id(r, value, &e->x.id);
}

/* The first of the three decides; a second one is an error at its place. */
static bool
only_subject(struct rule_reader *r, const struct yaml_node *value, struct entry *e)
{
	if (e->nb_subjects++ == 0)
		return true;
	reader_error(r, &value->at, "make one exception for each",
		     "an exception has one of \"address\", \"domain\" and \"subtree\"");
	return false;
}

static void
key_address(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	struct entry *e = object;

	if (!only_subject(r, value, e))
		return;
	e->x.kind = EXCEPTION_ADDRESS;
	rule_value_address(r, value, "the address", &e->x.local, &e->x.domain);
}

static void
key_domain(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	struct entry *e = object;

	if (!only_subject(r, value, e))
		return;
	e->x.kind = EXCEPTION_DOMAIN;
	reader_domain(r, value, "the domain", &e->x.domain);
}

static void
key_subtree(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	struct entry *e = object;

	if (!only_subject(r, value, e))
		return;
	e->x.kind = EXCEPTION_SUBTREE;
	reader_domain(r, value, "the sub-tree", &e->x.domain);
}

static void
key_sender(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	rule_value_senders(r, value, "the sender", &((struct entry *)object)->x.senders);
}

static void
key_owner(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	reader_string(r, value, "the owner", TEXT_MAX, &((struct entry *)object)->x.owner);
}

static void
key_reason(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	reader_string(r, value, "the reason", TEXT_MAX, &((struct entry *)object)->x.reason);
}

static void
key_ticket(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	reader_string(r, value, "the ticket", TEXT_MAX, &((struct entry *)object)->x.ticket);
}

static void
read_date(struct rule_reader *r, const struct yaml_node *value, const char *what,
	  uint64_t *ret_from, uint64_t *ret_until)
{
	const char *text;

	if (reader_string(r, value, what, 64, &text) &&
	    rule_date_read(text, ret_from, ret_until) < 0)
		reader_error(r, &value->at, "write 2026-01-31 (UTC) or 2026-01-31T18:00:00Z",
			     "%s \"%s\" is no date", what, text);
}

static void
key_from(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	struct entry *e = object;

	e->from = value;
	read_date(r, value, "from", &e->x.from_ns, NULL);
}

static void
key_until(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	struct entry *e = object;

	e->until = value;
	read_date(r, value, "until", NULL, &e->x.until_ns);
}

void
rule_section_allow(struct rule_reader *r, const struct yaml_node *entry, void *unused)
{
	static const struct rule_key keys[] = {
		{"id", key_id, "give the exception an id: alerts name it in verdict_by"},
		{"address", key_address, NULL},
		{"domain", key_domain, NULL},
		{"subtree", key_subtree, NULL},
		{"sender", key_sender, NULL},
		{"owner", key_owner, NULL},
		{"reason", key_reason, NULL},
		{"ticket", key_ticket, NULL},
		{"from", key_from, NULL},
		{"until", key_until, NULL},
	};
	struct entry e = {.x = {.at = entry->at, .until_ns = UINT64_MAX}};
	struct exception *x;

	if (!reader_mapping(r, entry, keys, NB(keys), "an exception", &e))
		return;
	if (e.nb_subjects == 0)
		reader_error(r, &entry->at,
			     "write \"domain: example.ml\" for one domain, \"subtree:\" for all "
			     "below it too",
			     "an exception has no \"address\", \"domain\" or \"subtree\"");
	if (e.from != NULL && e.until != NULL && e.x.from_ns >= e.x.until_ns)
		reader_error(r, &e.until->at, "exchange the dates",
			     "the exception ends before it begins");
	if (e.x.id == NULL || e.x.domain == NULL)
		return;
	x = rule_model_add_exception(r->model);
	if (x == NULL)
		return;
	*x = e.x;
	x->order = r->model->nb_exceptions;
}
