/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_rules_run - postern rules run in a child with its own standard input and output
 */
#ifndef POSTERN_TESTS_CMD_RULES_RUN_H
#define POSTERN_TESTS_CMD_RULES_RUN_H

#include "cmd_rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct output {
	char text[65536];
	size_t len;
	int rc;
};

/* A file without a name that holds @octets. */
static inline FILE *
temporary(const void *octets, size_t len)
{
	FILE *f = tmpfile();

	assert_non_null(f);
	assert_int_equal(fwrite(octets, 1, len, f), len);
	rewind(f);
	return f;
}

static inline void
run(struct output *o, const void *input, size_t input_len, const char *const *args)
{
	FILE *in = temporary(input, input_len), *out = temporary("", 0);
	char *argv[16];
	int argc = 0, status;
	pid_t pid;

	for (argc = 0; args[argc] != NULL; argc++)
		argv[argc] = strdup(args[argc]);
	argv[argc] = NULL;
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (dup2(fileno(in), 0) < 0 || dup2(fileno(out), 1) < 0)
			_exit(99);
		status = cmd_rules(argc, argv);
		fflush(stdout);
		_exit(status);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	o->rc = WEXITSTATUS(status);
	rewind(out);
	o->len = fread(o->text, 1, sizeof(o->text) - 1, out);
	o->text[o->len] = '\0';
	fclose(in);
	fclose(out);
	for (argc = 0; argv[argc] != NULL; argc++)
		free(argv[argc]);
}

#define RUN(o, input, len, ...) \
	run(o, input, len, (const char *const[]){"rules", __VA_ARGS__, NULL})

/* A file with @text under /tmp; free() and unlink() it. */
static inline char *
file_with(const void *text, size_t len)
{
	char *path = strdup("/tmp/postern-rules-XXXXXX");
	int fd;

	assert_non_null(path);
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	close(fd);
	return path;
}

static inline void
remove_file(char *path)
{
	assert_int_equal(unlink(path), 0);
	free(path);
}

#endif
