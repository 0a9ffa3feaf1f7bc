/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_alerts - `postern alerts`: list, show and export what is stored
 *
 * What:      argv[0] is "alerts". Opens the store for reading only. Exit codes: 0 done (also when nothing was found);
 *            1 no alert has the number asked for; 2 wrong usage; 4 the store cannot be read.
 */
#ifndef POSTERN_CLI_CMD_ALERTS_H
#define POSTERN_CLI_CMD_ALERTS_H

int cmd_alerts(int argc, char **argv);

#endif
