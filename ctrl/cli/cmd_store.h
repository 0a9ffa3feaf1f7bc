/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_store - `postern store`: copy, look at and trim the store of alerts
 *
 * What:      argv[0] is "store". Exit codes: 0 done; 2 wrong usage; 4 the store or the copy failed.
 */
#ifndef POSTERN_CLI_CMD_STORE_H
#define POSTERN_CLI_CMD_STORE_H

int cmd_store(int argc, char **argv);

#endif
