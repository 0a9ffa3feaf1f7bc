/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rule_snapshot - the rule sets of a run as files in its private folder
 *
 * What:      RUN/rules-GENERATION holds all that a set was read from, written before the set is offered to the dataplane. A
 *            control process that is started anew has by them every set that records in the rings were judged by, whatever
 *            became of the rule files meanwhile.
 * Writing:   beside and renamed. Not synced: the folder does not outlive the machine's death, nor does the run.
 * Errors:    negative errno. Threads: any, for different generations.
 */
#ifndef POSTERN_RULE_SNAPSHOT_H
#define POSTERN_RULE_SNAPSHOT_H

#include <stdint.h>

#include "rule_sets.h"

struct db_cache;

int rule_snapshot_save(const char *run_dir, const struct ruleset *set);
/* Not there: fine. */
void rule_snapshot_remove(const char *run_dir, uint32_t generation);

/*
 * All that are there, the oldest first, into @ret. Number of sets, 0: this is the start of the run; negative errno, with
 * what the rules say of it in @errs (rule_errors_free()).
 */
int rule_snapshot_load(const char *run_dir, struct db_cache *cache, struct rule_errors *errs, struct rule_sets *ret);

#endif
