/* SPDX-License-Identifier: BSD-3-Clause */
/* terminal - what SIGHUP means: the terminal is gone, or somebody wants the rules to be read again */
#ifndef POSTERN_CLI_TERMINAL_H
#define POSTERN_CLI_TERMINAL_H

#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

/* Is there a controlling terminal (still)? */
static inline bool
terminal_is_there(void)
{
	int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

#endif
