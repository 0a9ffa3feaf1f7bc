/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "child.h"
#include "humanize.h"
#include "inputs.h"
#include "options.h"
#include "progress.h"
#include "replay_options.h"
#include "report.h"
#include "rundir.h"
#include "status.h"
#include "supervisor.h"

/* --- options --- */

static const struct cli_option table[] = {
	{ "alpha", 'a', NULL, "" },
	{ "beta", 'b', "N", "" },
	{ "gamma", 0, "N", "" },
	{ NULL, 0, NULL, NULL },
};

/* The walk over @argv as text: "0 1=x @file !". */
static void
walk(char *out, size_t size, int argc, char **argv)
{
	struct cli_parser p;
	const char *value;
	size_t used = 0;
	int opt;

	out[0] = '\0';
	cli_init(&p, "test", table, argc, argv);
	while ((opt = cli_next(&p, &value)) != CLI_END) {
		if (opt == CLI_ERROR) {
			snprintf(out + used, size - used, "!");
			return;
		}
		used += (size_t)snprintf(out + used, size - used,
					 opt == CLI_OPERAND ? "@%.0d%s " : value ? "%d=%s " : "%d%s ",
					 opt == CLI_OPERAND ? 0 : opt, value != NULL ? value : "");
	}
}

static void
test_options(void **state)
{
	static const struct {
		const char *args[8], *walk;
	} cases[] = {
		{ { "x", NULL }, "" },
		{ { "x", "--alpha", "f", NULL }, "0 @f " },
		{ { "x", "--beta", "1", "--gamma=2", NULL }, "1=1 2=2 " },
		{ { "x", "-ab3", "-b", "4", "-a", NULL }, "0 1=3 1=4 0 " },
		{ { "x", "-", "f", "-a", NULL }, "@- @f 0 " },
		{ { "x", "--", "-a", "--beta", NULL }, "@-a @--beta " },
		{ { "x", "--beta=", NULL }, "1= " },
		{ { "x", "--beta", "--alpha", NULL }, "1=--alpha " },
		{ { "x", "--alpha=1", NULL }, "!" },
		{ { "x", "--alph", NULL }, "!" },
		{ { "x", "--beta", NULL }, "!" },
		{ { "x", "-b", NULL }, "!" },
		{ { "x", "-ab", NULL }, "0 !" },
		{ { "x", "-x", NULL }, "!" },
		{ { "x", "a", "--delta", NULL }, "@a !" },
	};
	char out[256];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *argv[8];
		int argc = 0;

		for (; cases[i].args[argc] != NULL; argc++)
			argv[argc] = (char *)(uintptr_t)cases[i].args[argc];
		argv[argc] = NULL;
		walk(out, sizeof(out), argc, argv);
		assert_string_equal(out, cases[i].walk);
	}
}

static void
test_speeds(void **state)
{
	static const char *const right[] = { "max", "real", "x1", "x2.5", "x0.25", "200kpps", "1.5gbps",
					     "1pps", "0.5mpps", "9bps", "7mbps", "100gbps" };
	static const char *const wrong[] = { "", "fast", "x", "x0", "x-1", "x1.", "x.5", "1", "kpps",
					     "0kpps", "1.5.2gbps", "200 kpps", "200KPPS", "1e3pps", "xnan",
					     "real ", "x1x", "12345678901234567pps" };
	size_t i;

	for (i = 0; i < sizeof(right) / sizeof(right[0]); i++)
		if (!replay_speed_is_valid(right[i]))
			fail_msg("%s was refused", right[i]);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (replay_speed_is_valid(wrong[i]))
			fail_msg("%s was taken", wrong[i]);
}

/* --- status lines --- */

struct lines {
	char text[8192];
	unsigned int nb;
};

static void
take_line(void *ctx, char *const *f, unsigned int nb)
{
	struct lines *l = ctx;
	unsigned int i;

	l->nb++;
	for (i = 0; i < nb; i++) {
		strncat(l->text, f[i], sizeof(l->text) - strlen(l->text) - 1);
		strncat(l->text, i + 1 < nb ? "|" : ";", sizeof(l->text) - strlen(l->text) - 1);
	}
}

static void
test_status(void **state)
{
	static const char text[] = "begin\nerror\t12\t1\ta\\tb\\\\n\\n\\x\tt\n\n"
				   "1\t2\t3\t4\t5\t6\t7\t8\t9\nend\t1\t2\npart";
	struct status_reader *r = calloc(1, sizeof(*r));
	struct lines got = { .nb = 0 }, slow = { .nb = 0 };
	char *big = malloc(2 * STATUS_LINE_MAX);
	int ends[2];
	size_t i;

	assert_non_null(r);
	assert_non_null(big);
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	r->fd = ends[0];
	assert_int_equal(write(ends[1], text, sizeof(text) - 1), sizeof(text) - 1);
	status_read(r, take_line, &got);
	/* Nine fields are too many: that line is dropped; what has no end yet waits. */
	assert_string_equal(got.text, "begin;error|12|1|a\tb\\n\n\\x|t;;end|1|2;");
	status_drop_partial(r);
	for (i = 0; i < sizeof(text) - 1; i++) { /* the same octet by octet */
		assert_int_equal(write(ends[1], text + i, 1), 1);
		status_read(r, take_line, &slow);
	}
	assert_string_equal(slow.text, got.text);
	status_drop_partial(r);
	/* Too long: dropped up to its end, the next line is whole. */
	memset(big, 'x', 2 * STATUS_LINE_MAX);
	memset(&got, 0, sizeof(got));
	assert_int_equal(write(ends[1], big, 2 * STATUS_LINE_MAX), 2 * STATUS_LINE_MAX);
	status_read(r, take_line, &got);
	assert_int_equal(write(ends[1], "\nok\na\0b\nfine\n", 13), 13);
	status_read(r, take_line, &got);
	assert_string_equal(got.text, "ok;fine;");
	close(ends[0]);
	close(ends[1]);
	free(big);
	free(r);
}

/* --- children --- */

static int
run_shell(const char *script, struct child *c, const struct child_spec *more)
{
	char sh[] = "sh", dash_c[] = "-c", text[256];
	char *argv[] = { sh, dash_c, text, NULL };
	struct child_spec spec = *more;
	struct pollfd p = { .events = POLLIN };
	int rc;

	snprintf(text, sizeof(text), "%s", script);
	spec.path = "/bin/sh";
	spec.argv = argv;
	rc = child_spawn(c, &spec);
	if (rc < 0)
		return rc;
	p.fd = c->pidfd;
	assert_int_equal(poll(&p, 1, 30000), 1);
	child_reap(c);
	assert_false(child_runs(c));
	return 0;
}

static void
test_child(void **state)
{
	char env_text[] = "POSTERN_TEST=7", *env[] = { env_text, NULL }, how[128], script[128];
	struct child c = { .pid = 0 };
	struct child_spec none = { .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1 }, spec = none;
	int kept = open("/dev/null", O_RDWR | O_CLOEXEC), other = open("/dev/null", O_RDWR | O_CLOEXEC);

	assert_int_equal(run_shell("exit 3", &c, &none), 0);
	assert_string_equal(child_explain(&c, how, sizeof(how)), "ended with code 3");
	assert_int_equal(run_shell("kill -9 $$", &c, &none), 0);
	assert_non_null(strstr(child_explain(&c, how, sizeof(how)), "signal 9"));
	assert_int_equal(c.nb_starts, 2);
	assert_true(c.peak_octets > 0);
	/* Only what was named is open, and the environment has what was added. */
	spec.envp = env;
	spec.fds[0] = kept;
	spec.nb_fds = 1;
	snprintf(script, sizeof(script), "test -e /proc/$$/fd/%d && ! test -e /proc/$$/fd/%d && "
					 "test $POSTERN_TEST = 7 && ! read x", kept, other);
	assert_int_equal(run_shell(script, &c, &spec), 0);
	assert_string_equal(child_explain(&c, how, sizeof(how)), "ended with code 0");
	assert_null(getenv("POSTERN_TEST"));
	close(kept);
	close(other);
	spec.path = "/no/such/program";
	spec.argv = env;
	assert_int_equal(child_spawn(&c, &spec), -ENOENT);
	assert_false(child_runs(&c));
	child_reap(&c);
	child_signal(&c, SIGKILL); /* nothing runs: nobody is signalled */
}

/* --- inputs --- */

static void
write_file(const char *path, const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), (ssize_t)len);
	close(fd);
}

static uint64_t
id_of(char *a, char *b, uint64_t now)
{
	char *paths[] = { a, b };
	struct inputs in;

	inputs_examine(paths, b != NULL ? 2 : 1, now, &in);
	return in.run_id;
}

static void
test_run_id(void **state)
{
	enum { LEN = 1 << 20 };
	char dir[RUNDIR_PATH_MAX], a[RUNDIR_PATH_MAX + 8], b[RUNDIR_PATH_MAX + 8], f[RUNDIR_PATH_MAX + 8],
		standard[] = "-";
	char *data = calloc(1, LEN), *paths[2] = { a, f };
	struct inputs in;
	uint64_t id;

	assert_non_null(data);
	assert_int_equal(rundir_make(dir), 0);
	snprintf(a, sizeof(a), "%s/a", dir);
	snprintf(b, sizeof(b), "%s/b", dir);
	snprintf(f, sizeof(f), "%s/f", dir);
	write_file(a, data, LEN);
	id = id_of(a, NULL, 1);
	assert_true(id == id_of(a, NULL, 2)); /* not the moment */
	write_file(b, data, LEN);
	assert_true(id == id_of(b, NULL, 1)); /* not the name */
	data[0] = 1;
	write_file(b, data, LEN);
	assert_true(id != id_of(b, NULL, 1)); /* the first octet, */
	assert_true(id_of(a, b, 1) != id_of(b, a, 1)); /* the order, */
	data[0] = 0;
	data[LEN - 1] = 1;
	write_file(b, data, LEN);
	assert_true(id != id_of(b, NULL, 1)); /* the last one, */
	data[LEN - 1] = 0;
	write_file(b, data, LEN - 1);
	assert_true(id != id_of(b, NULL, 1)); /* the size */
	write_file(b, data, 0);
	assert_true(id_of(b, NULL, 1) == id_of(b, NULL, 2));
	/* Streams are never the same; what is absent always is. Neither is opened. */
	assert_int_equal(mkfifo(f, 0600), 0);
	assert_true(id_of(f, NULL, 1) != id_of(f, NULL, 2));
	assert_true(id_of(standard, NULL, 1) != id_of(standard, NULL, 2));
	inputs_examine(paths, 2, 1, &in);
	assert_true(in.streams && in.octets == LEN);
	unlink(f);
	assert_true(id_of(f, NULL, 1) == id_of(f, NULL, 2));
	inputs_examine(paths, 1, 1, &in);
	assert_false(in.streams);
	rundir_remove(dir);
	assert_int_equal(access(dir, F_OK), -1);
	free(data);
}

static void
test_rundir(void **state)
{
	char dir[RUNDIR_PATH_MAX], path[RUNDIR_PATH_MAX + 64], word[4] = "";
	struct stat st;
	int fd;

	assert_int_equal(rundir_make(dir), 0);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	fd = rundir_nameless(dir);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "abc", 3), 3);
	assert_int_equal(pread(fd, word, 3, 0), 3);
	assert_string_equal(word, "abc");
	close(fd);
	assert_int_equal(rmdir(dir), 0); /* it had no name */
	assert_int_equal(rundir_nameless(dir), -ENOENT);
	/* Links are removed, not followed. */
	assert_int_equal(rundir_make(dir), 0);
	snprintf(path, sizeof(path), "%s/sub", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/sub/link", dir);
	assert_int_equal(symlink("/usr", path), 0);
	rundir_remove(dir);
	assert_int_equal(access(dir, F_OK), -1);
	assert_int_equal(access("/usr/bin", F_OK), 0);
}

/* --- what people see --- */

static void
test_humanize(void **state)
{
	char b[32];

	assert_string_equal(humanize_count(b, sizeof(b), 0), "0");
	assert_string_equal(humanize_count(b, sizeof(b), 999), "999");
	assert_string_equal(humanize_count(b, sizeof(b), 1000), "1,000");
	assert_string_equal(humanize_count(b, sizeof(b), UINT64_MAX), "18,446,744,073,709,551,615");
	assert_string_equal(humanize_octets(b, sizeof(b), 999), "999 B");
	assert_string_equal(humanize_octets(b, sizeof(b), 1500), "1.5 kB");
	assert_string_equal(humanize_octets(b, sizeof(b), 999999), "1.0 MB");
	assert_string_equal(humanize_octets(b, sizeof(b), UINT64_MAX), "18.4 EB");
	assert_string_equal(humanize_seconds(b, sizeof(b), 59), "59 s");
	assert_string_equal(humanize_seconds(b, sizeof(b), 200), "3 min 20 s");
	assert_string_equal(humanize_seconds(b, sizeof(b), 7260), "2 h 1 min");
}

static void
test_progress(void **state)
{
	const uint64_t second = UINT64_C(1000000000);
	struct progress p;
	char line[256];
	int n;

	progress_init(&p, true, 1000000, 5 * second);
	assert_int_equal(progress_wait_ms(&p, 5 * second), PROGRESS_FIRST_MS);
	assert_int_equal(progress_wait_ms(&p, 6 * second), 0);
	p.rate = 100000;
	progress_format(&p, 250000, 8 * second, 80, line, sizeof(line));
	assert_string_equal(line, " 25 % ######.................. 250 kB of 1.0 MB, 100 kB/s, left 7 s");
	n = progress_format(&p, 250000, 8 * second, 40, line, sizeof(line));
	assert_string_equal(line, " 25 % 250 kB of 1.0 MB, 100 kB/s, left 7 s");
	assert_true(n > 0 && strlen(line) == (size_t)n);
	p.total = 0;
	progress_format(&p, 250000, 8 * second, 80, line, sizeof(line));
	assert_string_equal(line, "250 kB read, 100 kB/s, 3 s");
	progress_init(&p, false, 1000000, 0);
	assert_int_equal(progress_wait_ms(&p, 99 * second), -1);
}

static void
test_exit_codes(void **state)
{
	struct supervisor_result r;

	memset(&r, 0, sizeof(r));
	assert_int_equal(supervisor_exit_code(&r), 0);
	r.nb_errors_in_all = 1;
	assert_int_equal(supervisor_exit_code(&r), 3);
	r.flaws.signal = SIGINT;
	assert_int_equal(supervisor_exit_code(&r), 130);
	assert_string_equal(report_outcome(&r), "interrupted");
	r.flaws.ctrl_failed = true; /* with 3: 4 */
	assert_int_equal(supervisor_exit_code(&r), 4);
	r.flaws.rules_wrong = true;
	assert_int_equal(supervisor_exit_code(&r), 2);
	memset(&r, 0, sizeof(r));
	r.flaws.unbalanced = true;
	assert_int_equal(supervisor_exit_code(&r), 4);
	memset(&r, 0, sizeof(r));
	r.flaws.lost = true;
	assert_int_equal(supervisor_exit_code(&r), 4);
}

static void
test_report(void **state)
{
	char path[] = "a\x1b[31mb", text[] = "cut\nhere", *out = NULL;
	struct supervisor_capture_error err = { .path = path, .text = text, .offset = 24 };
	struct supervisor_result res = { .errors = &err, .nb_errors = 1, .nb_errors_in_all = 1 };
	struct report rep = { .res = &res, .run_id = 0xabc, .nb_captures = 2, .loop = 1, .exit_code = 3 };
	size_t len = 0;
	json_t *o, *captures;
	FILE *f;

	res.have_stats = res.begun = res.ended = res.counted = true;
	res.nb_workers = 1;
	res.total.c[DP_STAT_RX_PKTS] = 1000;
	res.total.c[DP_STAT_RX_OCTETS] = 125000;
	res.total.c[DP_STAT_FLOWS] = 4;
	res.total.c[DP_STAT_FLOWS_OPAQUE] = 1;
	res.total.c[DP_STAT_DROP_MALFORMED] = 2;
	res.total.anomaly[DP_ANOMALY_BARE_LF] = 3;
	res.wall_ns = 1000000;
	res.cpu_ns = 500000;
	res.alerts = 5;
	f = open_memstream(&out, &len);
	assert_non_null(f);
	assert_int_equal(report_text(f, &rep), 0);
	fclose(f);
	assert_non_null(strstr(out, "a\\x1B[31mb: read up to octet 24: cut\\x0Ahere"));
	assert_non_null(strstr(out, "3 in clear (75.0 %), 1 opaque (25.0 %)"));
	assert_non_null(strstr(out, "1.000 Mpps, 1.000 Gbit/s, 500.0 ns CPU per packet"));
	assert_non_null(strstr(out, "bare_lf"));
	assert_non_null(strstr(out, "drop_malformed"));
	assert_non_null(strstr(out, "5  0 updated at close"));
	assert_non_null(strstr(out, "incomplete"));
	assert_null(strchr(out, '\x1b'));
	free(out);
	out = NULL;
	res.total.c[DP_STAT_MATCHES] = 7;
	f = open_memstream(&out, &len);
	assert_non_null(f);
	assert_int_equal(report_text(f, &rep), 0);
	fclose(f);
	assert_non_null(strstr(out, "5  new; 2 more were in the store already"));
	free(out);
	out = NULL;
	f = open_memstream(&out, &len);
	assert_non_null(f);
	assert_int_equal(report_json(f, &rep), 0);
	fclose(f);
	o = json_loads(out, 0, NULL);
	assert_non_null(o);
	captures = json_object_get(o, "captures");
	assert_string_equal(json_string_value(json_object_get(o, "run_id")), "0000000000000abc");
	assert_int_equal(json_integer_value(json_object_get(o, "packets")), 1000);
	assert_int_equal(json_integer_value(json_object_get(o, "alerts")), 5);
	assert_int_equal(json_array_size(json_object_get(captures, "errors")), 1);
	json_decref(o);
	free(out);
	/* What is not known is null, and nothing divides by nothing. */
	memset(&res, 0, sizeof(res));
	out = NULL;
	f = open_memstream(&out, &len);
	assert_non_null(f);
	assert_int_equal(report_text(f, &rep), 0);
	assert_int_equal(report_json(f, &rep), 0);
	fclose(f);
	assert_null(strstr(out, "nan"));
	assert_non_null(strstr(out, "\"alerts\": null"));
	free(out);
	f = fopen("/dev/full", "w");
	assert_non_null(f);
	assert_int_equal(report_text(f, &rep), -ENOSPC);
	fclose(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_speeds),	  cmocka_unit_test(test_status),
		cmocka_unit_test(test_child),	  cmocka_unit_test(test_run_id),
		cmocka_unit_test(test_rundir),	  cmocka_unit_test(test_humanize),
		cmocka_unit_test(test_progress),  cmocka_unit_test(test_exit_codes),
		cmocka_unit_test(test_report),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
