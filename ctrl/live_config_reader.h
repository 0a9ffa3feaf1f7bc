/* SPDX-License-Identifier: BSD-3-Clause */
/* live_config_reader - what live_config.c and live_responder.c share */
#ifndef POSTERN_LIVE_CONFIG_READER_H
#define POSTERN_LIVE_CONFIG_READER_H

#include "live_config.h"
#include "settings.h"

struct reader {
	struct settings st;
	struct live_config cfg;
	struct live_config_wire *wire; /* being read */
	struct rule_place down_at;     /* of its value; line 0: it does not stand there */
	char *text_name, *text_words;  /* of the text being read */
	bool text_is_rule;
};

/* Index of @value among @words (ended by NULL); -1 when it is none of them (reported with @name and @wanted). */
int live_config_word(struct reader *rd, const struct yaml_node *value, const char *const *words, const char *name,
		     const char *wanted);

void live_config_responder(struct reader *rd, const struct yaml_node *value);
void live_config_responder_fini(struct live_responder *r);

#endif
