/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rules_judge - what the dataplane and ctrl would say about one recipient
 *
 * What:      the address is read as the argument of RCPT is, in all readings; of those that match the strongest counts, the
 *            first among equals, as in the dataplane; then sender scope, exceptions and dates are applied, as ctrl does.
 *            explain, test and diff all ask here, through the one mailbox reader, matcher and decision.
 * Ownership: a struct rules_judge owns its set, matcher and scratch; texts of an answer belong to the set.
 * Threads:   one per struct rules_judge.
 * Cost:      no allocation per question.
 * Hostile:   the address and the sender: any octets.
 */
#ifndef POSTERN_CLI_RULES_JUDGE_H
#define POSTERN_CLI_RULES_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ruleset.h"

enum {
	RULES_JUDGE_TEXT_MAX = 2048,
};

struct rules_judge {
	struct ruleset *set;
	struct matcher *matcher;
	struct matcher_scratch *scratch;
};

/* The address of the host that sends the mail, for rules and exceptions of some networks only. */
struct rules_client {
	uint8_t family; /* 4 or 6; 0: not known */
	uint8_t addr[16]; /* network byte order; of IPv4 the first four octets */
};

/* "192.0.2.1", "2001:db8::1" or that with "IPv6:" before it. False: it is none, and *ret is not known. */
bool rules_client_read(const char *text, size_t len, struct rules_client *ret);

struct rules_question {
	const char *address; /* with or without brackets; what may follow TO: */
	size_t len;
	bool is_cut;	    /* the address goes on beyond @len */
	const char *sender; /* "" for <> */
	size_t sender_len;
	uint64_t ts_ns;
	struct rules_client client;
	bool is_path; /* the address stood between brackets, which are not part of it */
};

/* Why there is no match. */
enum rules_no_match {
	RULES_NO_MATCH_OTHER,
	RULES_NO_MATCH_EMPTY,
	RULES_NO_MATCH_NO_DOMAIN,
	RULES_NO_MATCH_LEGITIMATE, /* in all readings */
};

struct rules_answer {
	bool is_match;
	enum rules_no_match why;    /* when it does not match */
	enum rule_verdict by_rule;  /* before exceptions */
	struct matcher_match match; /* valid with is_match, like the rest */
	struct ruleset_decision decision;
	const struct rule_info *rule;
	const char *expired; /* id of the exception that would have let it through had it not ended, or NULL */
};

/*
 * Load @path (NULL: the rules that ship) and make the matcher; everything that is wrong is printed
 * to standard error under the name @command. 0 or negative errno; rules_judge_close() is due in
 * both cases.
 */
int rules_judge_open(struct rules_judge *j, const char *command, const char *path);
/* The same of a set that is loaded; it becomes @j's own. */
int rules_judge_take(struct rules_judge *j, struct ruleset *set);
void rules_judge_close(struct rules_judge *j);

/* 0, or negative: the scan failed, which must not happen. */
int rules_judge(const struct rules_judge *j, const struct rules_question *q,
		struct rules_answer *ret);

/* What the recipient's mail would meet: the verdict of the decision, `pass` without a match. */
enum rule_verdict rules_answer_verdict(const struct rules_answer *a);

/* The reason in a sentence, NUL-terminated; what is not printable ASCII as \xHH. */
void rules_answer_text(const struct rules_answer *a, char buf[RULES_JUDGE_TEXT_MAX]);

#endif
