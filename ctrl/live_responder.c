/* SPDX-License-Identifier: BSD-3-Clause */
/* live_responder - the setting "responder" of postern.yaml, for live_config.c */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "live_config_reader.h"
#include "reply_text.h"
#include "safe_text.h"

enum {
	CONNECTIONS_MAX = 100000,
	TEMPLATE_MAX = 480,
	NAME_MAX_OCTETS = 255,
	PER_MINUTE_MAX = 60000,
};

static void
read_enabled(struct reader *rd, const struct yaml_node *value)
{
	static const char *const words[] = { "false", "true", NULL };

	rd->cfg.responder.enabled = live_config_word(rd, value, words, "responder.enabled", "true or false") == 1;
}

static void
read_connections(struct reader *rd, const struct yaml_node *value)
{
	settings_number(&rd->st, value, 1, CONNECTIONS_MAX, "responder.connections", &rd->cfg.responder.connections);
}

static void
read_per_source(struct reader *rd, const struct yaml_node *value)
{
	settings_number(&rd->st, value, 1, CONNECTIONS_MAX, "responder.per_source", &rd->cfg.responder.per_source);
}

/* A template; NULL when it is none (reported). */
static char *
read_template(struct reader *rd, const struct yaml_node *value, const char *name)
{
	char *text = settings_text(&rd->st, value, TEMPLATE_MAX, name);
	const char *why;
	size_t at;

	if (text == NULL || reply_text_check(text, &at, &why) == 0)
		return text;
	settings_report(&rd->st, &value->at, "parts are {recipient}, {meant}, {contact}, {incident} and [left out when unknown]",
			"%s, octet %zu: %s", name, at + 1, why);
	free(text);
	return NULL;
}

static void
read_text(struct reader *rd, const struct yaml_node *value)
{
	rd->cfg.responder.text = read_template(rd, value, "responder.text");
}

static void
read_contact(struct reader *rd, const struct yaml_node *value)
{
	char *text = settings_text(&rd->st, value, LIVE_CONFIG_CONTACT_MAX, "responder.contact");
	size_t i;

	for (i = 0; text != NULL && text[i] != '\0'; i++) {
		if (text[i] >= ' ' && text[i] <= '~')
			continue;
		settings_report(&rd->st, &value->at, "a reply line is ASCII (RFC 5321 4.2)",
				"responder.contact has octets that cannot stand in a reply");
		break;
	}
	rd->cfg.responder.contact = text;
}

/* --- texts --- */

static void
read_name(struct reader *rd, const struct yaml_node *value, bool is_rule)
{
	if (rd->text_name != NULL) {
		settings_report(&rd->st, &value->at, "write two", "a text is for a rule or for a sender, not for both");
		return;
	}
	rd->text_name = settings_text(&rd->st, value, NAME_MAX_OCTETS, is_rule ? "text.rule" : "text.sender");
	rd->text_is_rule = is_rule;
	if (rd->text_name != NULL && strchr(rd->text_name, '=') != NULL)
		settings_report(&rd->st, &value->at, NULL, "neither a rule nor a domain has an equals sign in its name");
}

static void
read_rule(struct reader *rd, const struct yaml_node *value)
{
	read_name(rd, value, true);
}

static void
read_sender(struct reader *rd, const struct yaml_node *value)
{
	read_name(rd, value, false);
}

static void
read_words(struct reader *rd, const struct yaml_node *value)
{
	rd->text_words = read_template(rd, value, "text.text");
}

static const struct setting text_settings[] = {
	{ "rule", read_rule },
	{ "sender", read_sender },
	{ "text", read_words },
	{ NULL, NULL },
};

static void
read_one_text(struct reader *rd, const struct yaml_node *item)
{
	struct live_responder *r = &rd->cfg.responder;
	const char *how = "write it as: texts: [{rule: ID, text: \"...\"}, {sender: example.org, text: \"...\"}]";
	size_t before = rd->st.errs.nb_errors;
	char *joined = NULL;

	if (item->type != YAML_MAPPING) {
		settings_report(&rd->st, &item->at, how, "a text must be a mapping");
		return;
	}
	rd->text_name = rd->text_words = NULL;
	settings_mapping(&rd->st, item, text_settings, "text.");
	if (rd->text_name != NULL && rd->text_words != NULL) {
		if (asprintf(&joined, "%s=%s", rd->text_name, rd->text_words) < 0)
			joined = NULL;
		r->texts[r->nb_texts++] = (struct live_text){ .is_rule = rd->text_is_rule, .text = joined };
	} else if (rd->st.errs.nb_errors == before) {
		settings_report(&rd->st, &item->at, how, "a text needs a rule or a sender, and its words");
	}
	free(rd->text_name);
	free(rd->text_words);
}

static void
read_texts(struct reader *rd, const struct yaml_node *value)
{
	const struct yaml_node *item;

	if (value->type != YAML_LIST || value->nb == 0) {
		settings_report(&rd->st, &value->at, "write it as: texts: [{rule: ID, text: \"...\"}]",
				"responder.texts must be a list");
		return;
	}
	for (item = value->first; item != NULL; item = item->next) {
		if (rd->cfg.responder.nb_texts == LIVE_CONFIG_TEXTS_MAX) {
			settings_report(&rd->st, &item->at, NULL, "more than %d texts", LIVE_CONFIG_TEXTS_MAX);
			return;
		}
		read_one_text(rd, item);
	}
}

/* --- the limit --- */

static void
read_per_minute(struct reader *rd, const struct yaml_node *value)
{
	settings_number(&rd->st, value, 1, PER_MINUTE_MAX, "responder.limit.per_minute", &rd->cfg.responder.per_minute);
}

static void
read_beyond(struct reader *rd, const struct yaml_node *value)
{
	static const char *const words[] = { "reset", "alert", NULL };

	rd->cfg.responder.beyond_alert =
		live_config_word(rd, value, words, "responder.limit.beyond", "reset or alert") == 1;
}

static const struct setting limit_settings[] = {
	{ "beyond", read_beyond },
	{ "per_minute", read_per_minute },
	{ NULL, NULL },
};

static void
read_limit(struct reader *rd, const struct yaml_node *value)
{
	if (value->type != YAML_MAPPING) {
		settings_report(&rd->st, &value->at, "write it as: limit: {per_minute: 60, beyond: reset}",
				"responder.limit must be a mapping");
		return;
	}
	settings_mapping(&rd->st, value, limit_settings, "responder.limit.");
}

static const struct setting responder_settings[] = {
	{ "connections", read_connections },
	{ "contact", read_contact },
	{ "enabled", read_enabled },
	{ "limit", read_limit },
	{ "per_source", read_per_source },
	{ "text", read_text },
	{ "texts", read_texts },
	{ NULL, NULL },
};

void
live_config_responder(struct reader *rd, const struct yaml_node *value)
{
	if (value->type != YAML_MAPPING) {
		settings_report(&rd->st, &value->at, "write it as: responder: {enabled: true}", "responder must be a mapping");
		return;
	}
	settings_mapping(&rd->st, value, responder_settings, "responder.");
}

void
live_config_responder_fini(struct live_responder *r)
{
	unsigned int i;

	free(r->text);
	free(r->contact);
	for (i = 0; i < r->nb_texts; i++)
		free(r->texts[i].text);
}
