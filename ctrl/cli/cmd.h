/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd - the commands of postern, one function each
 *
 * What:      argv[0] is the command's name ("replay"), the rest are its own arguments. Returns the exit code.
 */
#ifndef POSTERN_CLI_CMD_H
#define POSTERN_CLI_CMD_H

int cmd_replay(int argc, char **argv);
int cmd_run(int argc, char **argv);

#endif
