/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_control - `postern status`, `reload`, `reopen`, `bypass`: what is said to a running postern
 *
 * What:      argv[0] is the command's name. Exit codes: 0 done; 2 wrong usage, and for `reload` wrong rules; 4 no run
 *            answers, or it could not be done.
 */
#ifndef POSTERN_CLI_CMD_CONTROL_H
#define POSTERN_CLI_CMD_CONTROL_H

int cmd_bypass(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_reload(int argc, char **argv);
int cmd_reopen(int argc, char **argv);

#endif
