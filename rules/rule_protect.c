/* SPDX-License-Identifier: BSD-3-Clause */
/* rule_protect - entries of `protect`: domains, zones with their known names */
#include "rule_file.h"

#include <string.h>

#define NB(table) (sizeof(table) / sizeof((table)[0]))

struct entry {
	const struct yaml_node *domains;
	const struct yaml_node *known;
	const struct yaml_node *subdomains; /* NULL: not given */
	bool subdomains_legitimate;
	const char *zone; /* while known names are read */
	const struct yaml_node *list, *known_list; /* files */
	const struct yaml_node *lookalikes;
	const struct yaml_node *senders_at;
	struct sender_pattern *senders;
	bool is_listed; /* names of a list file are being read: they stand alone */
	bool has_def;
	struct lookalike_def *def; /* of its names; NULL: none yet, or none looked for */
};

static void
add(struct rule_reader *r, struct entry *e, const struct yaml_node *at, const char *domain,
    uint32_t flags)
{
	struct protect_def *p = rule_model_add_protect(r->model);

	if (p == NULL)
		return;
	p->domain = domain;
	p->flags = flags;
	p->entry = e->is_listed ? 0 : r->model->nb_entries;
	if ((flags & IMAGE_NAME_SELF) != 0) {
		if (!e->has_def)
			e->def = rule_lookalikes_of(r, e->lookalikes, e->senders, at);
		e->has_def = true;
		p->lookalikes = e->def;
	}
	p->at = at->at;
}

static bool
is_zone(const struct yaml_node *value)
{
	return value->type == YAML_SCALAR && strncmp(value->text, "*.", 2) == 0;
}

static void
read_one(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	struct entry *e = object;
	const char *domain;

	if (is_zone(value)) {
		if (!e->is_listed && e->domains->type == YAML_LIST &&
		    (e->known != NULL || e->known_list != NULL))
			reader_error(r, &value->at, "give the zone an entry of its own",
				     "a zone with known names can't stand in a list");
		if (!e->subdomains_legitimate)
			reader_error(r, &e->subdomains->at, "remove it, or protect single domains",
				     "a zone is its sub-domains: they can't be excluded");
		if (reader_domain_part(r, value, 2, "the zone", &domain))
			add(r, e, value, domain, IMAGE_NAME_BELOW);
		return;
	}
	if (!reader_domain(r, value, "the protected domain", &domain))
		return;
	if (strchr(domain, '.') == NULL) {
		reader_error(r, &value->at,
			     "write \"*.NAME\" (in quotes) when every name below it is meant",
			     "the protected domain \"%s\" is a single label", domain);
		return;
	}
	add(r, e, value, domain,
	    IMAGE_NAME_SELF | (e->subdomains_legitimate ? IMAGE_NAME_BELOW : 0));
}

static void
read_known(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	struct entry *e = object;
	size_t len, zone_len = strlen(e->zone);
	const char *domain;

	if (!reader_domain(r, value, "the known name", &domain))
		return;
	len = strlen(domain);
	if (len <= zone_len + 1 || domain[len - zone_len - 1] != '.' ||
	    strcmp(domain + len - zone_len, e->zone) != 0) {
		reader_error(r, &value->at, "give it an entry of its own under protect",
			     "the known name \"%s\" does not stand below \"*.%s\"", domain,
			     e->zone);
		return;
	}
	add(r, e, value, domain, IMAGE_NAME_ALL);
}

static void
key_domain(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	((struct entry *)object)->domains = value;
}

static void
key_known(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	((struct entry *)object)->known = value;
}

static void
key_subdomains(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	static const struct rule_word words[] = {{"legitimate", 1}, {"not", 0}};
	struct entry *e = object;
	int word;

	e->subdomains = value;
	if (reader_word(r, value, "subdomains", words, NB(words), &word))
		e->subdomains_legitimate = word != 0;
}

static void
key_lookalikes(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	((struct entry *)object)->lookalikes = value;
}

static void
key_list(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	((struct entry *)object)->list = value;
}

static void
key_known_list(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	((struct entry *)object)->known_list = value;
}

static void
key_senders(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	struct entry *e = object;

	e->senders_at = value;
	rule_value_senders(r, value, "the sender", &e->senders);
}

static void
key_name(struct rule_reader *r, const struct yaml_node *value, void *object)
{
	const char *unused;

	reader_string(r, value, "a name", 256, &unused); /* for people who read the file */
}

/* `known` and `known_list`, which belong to a single zone. */
static void
read_zone(struct rule_reader *r, struct entry *e)
{
	const struct yaml_node *known = e->known != NULL ? e->known : e->known_list;

	if (e->domains == NULL || !is_zone(e->domains)) {
		if (e->domains == NULL || e->domains->type != YAML_LIST)
			reader_error(r, &known->at, "list the domains under \"domain\"",
				     "\"known\" belongs to a zone such as \"*.mil\"");
		return;
	}
	if (!reader_domain_part(r, e->domains, 2, "the zone", &e->zone))
		return;
	if (e->known != NULL)
		reader_list(r, e->known, "known", read_known, e);
	e->is_listed = true;
	if (e->known_list != NULL)
		rule_list_read(r, e->known_list, "the list of known names", read_known, e);
}

static void
read_entry(struct rule_reader *r, const struct yaml_node *entry, struct entry *e)
{
	if (e->domains == NULL && e->list == NULL)
		reader_error(r, &entry->at, "write \"domain: example.com\" or \"list: FILE\"",
			     "an entry of protect has no \"domain\" and no \"list\"");
	if (e->senders_at != NULL && e->lookalikes != NULL && e->lookalikes->type == YAML_SCALAR &&
	    strcmp(e->lookalikes->text, "false") == 0)
		reader_error(r, &e->senders_at->at, "remove one of them",
			     "\"senders\" says for whose mail lookalikes are looked for, and none are");
	if (e->domains != NULL)
		reader_each(r, e->domains, read_one, e);
	if (e->known != NULL || e->known_list != NULL)
		read_zone(r, e);
	e->is_listed = true;
	if (e->list != NULL)
		rule_list_read(r, e->list, "the list of domains", read_one, e);
}

void
rule_section_protect(struct rule_reader *r, const struct yaml_node *entry, void *unused)
{
	static const struct rule_key keys[] = {
		{"domain", key_domain, NULL},	      {"list", key_list, NULL},
		{"name", key_name, NULL},	      {"subdomains", key_subdomains, NULL},
		{"known", key_known, NULL},	      {"known_list", key_known_list, NULL},
		{"lookalikes", key_lookalikes, NULL}, {"senders", key_senders, NULL},
	};
	struct entry e = {.subdomains_legitimate = true};

	r->model->nb_entries++;
	if (entry->type == YAML_SCALAR) { /* the short form: just a domain */
		e.domains = entry;
		read_one(r, entry, &e);
	} else if (reader_mapping(r, entry, keys, NB(keys), "an entry of protect", &e)) {
		read_entry(r, entry, &e);
	}
}
