/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ruleset - rule files read, checked and compiled; and the part of a decision that only ctrl takes
 *
 * What:      ruleset_load() reads one file or all *.yaml of a folder (in byte order of their names), reports every error
 *            with file:line:column, and gives a set: rules for people (names, verdicts, exceptions) and the image for
 *            matchers. ruleset_decide() applies exceptions, sender scope and dates to a match.
 * Ownership: a struct ruleset owns all it points to; immutable after loading.
 * Threads:   one thread loads; any number may read.
 * Errors:    input errors are collected in struct rule_errors, all of them; nothing half-loaded is given out.
 */
#ifndef POSTERN_RULESET_H
#define POSTERN_RULESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "matcher.h"

enum rule_level {
	RULE_WARNING,
	RULE_ERROR,
};

struct rule_error {
	enum rule_level level;
	char *file;
	int line, column; /* from 1; 0: the file as a whole */
	char *what;	  /* what is wrong */
	char *hint;	  /* what to do, or NULL */
};

struct rule_errors {
	struct rule_error *list;
	size_t nb;
	size_t nb_errors; /* of level RULE_ERROR */
};

void rule_errors_free(struct rule_errors *errs);

/* Verdicts as in dataplane/api/dp_abi.h enum dp_verdict, repeated here because rules/ depends on nothing of ours. */
enum rule_verdict {
	RULE_VERDICT_PASS = 1,
	RULE_VERDICT_ALERT,
	RULE_VERDICT_REFUSE,
	RULE_VERDICT_DIVERT,
	RULE_VERDICT_RESET,
};

const char *rule_verdict_name(enum rule_verdict v); /* "pass" .. "reset" */

struct rule_info {
	const char *id;	  /* unique in the set */
	const char *name; /* for people */
	const char *file; /* where it stands */
	int line;
	enum rule_verdict verdict;
	uint8_t severity; /* 0: that of the technique */
	bool enabled;
};

struct ruleset;
struct db_cache;

/*
 * Load @path (file or folder). @generation > 0 is written into the image. 0 with *ret_set (warnings may be in @errs),
 * -EINVAL with errors in @errs, or another negative errno with an error in @errs.
 */
int ruleset_load(const char *path, uint32_t generation, struct rule_errors *errs, struct ruleset **ret_set);
/* The same with compiled databases taken from @cache and put there (db_cache.h). */
int ruleset_load_cached(const char *path, uint32_t generation, struct db_cache *cache, struct rule_errors *errs,
			struct ruleset **ret_set);
/*
 * All that a set was read from, as octets (*ret is for free()), and the same set made of them again, without a look at the
 * files. -EBADMSG: they are no whole snapshot.
 */
int ruleset_snapshot(const struct ruleset *set, void **ret, size_t *ret_len);
int ruleset_load_snapshot(const void *snapshot, size_t len, uint32_t generation, struct db_cache *cache,
			  struct rule_errors *errs, struct ruleset **ret_set);
/* As ruleset_load(), exceptions judged as of @at_ns where warnings speak of them ending. */
int ruleset_load_at(const char *path, uint32_t generation, uint64_t at_ns, struct rule_errors *errs,
		    struct ruleset **ret_set);
/*
 * What is doubtful in a set that loaded: rules that can't find anything, names near each other or near popular ones,
 * exceptions without owner or ticket. Warnings, added to those in @errs and put in order with them. 0, -ENOMEM.
 */
int ruleset_advise(const struct ruleset *set, struct rule_errors *errs);
/* The same of octets that are no file; @name stands for the file in errors. */
int ruleset_load_octets(const char *name, const void *octets, size_t len, uint32_t generation, struct rule_errors *errs,
			struct ruleset **ret_set);
void ruleset_free(struct ruleset *set);

/* Image for matcher_load(); valid as long as the set. */
const void *ruleset_image(const struct ruleset *set, size_t *ret_len);
/* For rule.ruleset: `ruleset:` of a single file, else the name of the file or folder. */
const char *ruleset_name(const struct ruleset *set);
uint32_t ruleset_generation(const struct ruleset *set);
uint64_t ruleset_hash(const struct ruleset *set); /* of the content, without the generation */
size_t ruleset_nb_rules(const struct ruleset *set);
const struct rule_info *ruleset_rule(const struct ruleset *set, uint32_t rule);
/* By the technique a rule found something with: a rule for lookalikes has one severity and verdict for each. */
uint8_t ruleset_rule_severity(const struct ruleset *set, uint32_t rule, enum rule_technique t); /* 1..4 */
enum rule_verdict ruleset_rule_verdict(const struct ruleset *set, uint32_t rule, enum rule_technique t);
/* Characters a label must have to be judged by the technique; 0: the technique has no such limit. */
uint8_t ruleset_rule_min_label(const struct ruleset *set, uint32_t rule, enum rule_technique t);
bool ruleset_rule_is_scoped(const struct ruleset *set, uint32_t rule); /* it holds for some senders only */
uint64_t ruleset_rule_techniques(const struct ruleset *set, uint32_t rule); /* set of 1 << enum rule_technique */

/* An exception, for people. */
struct exception_info {
	const char *id;
	const char *kind;  /* "address", "domain" or "subtree" */
	const char *local; /* of an address, else NULL */
	const char *domain;
	bool has_sender; /* works for some senders only */
	const char *owner, *reason, *ticket; /* or NULL */
	const char *file;
	int line;
	uint64_t from_ns, until_ns; /* works from the first until before the second; 0 and UINT64_MAX: no limit */
};
size_t ruleset_nb_exceptions(const struct ruleset *set);
void ruleset_exception(const struct ruleset *set, size_t i, struct exception_info *ret);

/*
 * What a match means for this sender, recipient and moment: a rule that is not for the sender (`senders`) does not count,
 * and what would have matched without it does; when nothing is left, the verdict is pass by "scope:ID". Then exceptions.
 */
struct ruleset_query {
	const char *sender; /* between the brackets, as written; "" for <> */
	size_t sender_len;
	const char *local;
	size_t local_len;
	const char *domain; /* normalised reading that matched */
	size_t domain_len;
	uint64_t ts_ns; /* moment, ns since the epoch */
	uint8_t client_family; /* of the client's address: 4 or 6; 0: not known, so that no network is its */
	const uint8_t *client; /* network byte order, 4 or 16 octets; or NULL */
};

#define RULESET_NONE UINT32_MAX

struct ruleset_decision {
	enum rule_verdict verdict;
	char by[128]; /* "rule:ID", "exception:ID" or "scope:ID": postern.verdict_by */
	uint32_t exception; /* that let it through, for ruleset_exception(); or RULESET_NONE */
	uint32_t expired;   /* exception that would have, had it not ended; or RULESET_NONE */
	uint32_t scope;	    /* first rule that matched but is not for this sender; or RULESET_NONE */
	struct matcher_match match; /* what was decided about: the one asked, or the next when that is for other senders */
};
void ruleset_decide(const struct ruleset *set, const struct matcher_match *match, const struct ruleset_query *q,
		    struct ruleset_decision *ret);

#endif
