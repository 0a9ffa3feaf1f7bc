/* SPDX-License-Identifier: BSD-3-Clause */
/* extsort against qsort, in memory and through many runs; the journal, torn at every octet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "extsort.h"
#include "journal.h"

static uint32_t
next_random(uint32_t *s)
{
	*s = *s * 1664525 + 1013904223;
	return *s >> 8;
}

static void
put_be32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

/* Keys come in order, equal ones in the order they came, each payload as it was. */
static void
check_sort(size_t budget, unsigned int nb, unsigned int keys)
{
	uint8_t key[4], payload[600], *seen = test_calloc(nb, 1);
	const uint8_t *k, *p, *before = NULL;
	uint8_t last_key[4];
	uint32_t seed = 5, last_number = 0, number;
	struct extsort *x;
	unsigned int i, count = 0;
	size_t len;
	int rc;

	assert_int_equal(extsort_new(4, budget, &x), 0);
	for (i = 0; i < nb; i++) {
		len = 4 + next_random(&seed) % 500;
		put_be32(key, next_random(&seed) % keys);
		memset(payload, (int)i & 0xff, len);
		memcpy(payload, &i, 4);
		assert_int_equal(extsort_put(x, key, payload, len), 0);
	}
	assert_int_equal(extsort_sort(x), 0);
	while ((rc = extsort_next(x, &k, &p, &len)) == 1) {
		memcpy(&number, p, 4);
		assert_true(number < nb && !seen[number]);
		assert_true(len < 5 || p[len - 1] == (number & 0xff));
		seen[number] = 1;
		if (before != NULL) {
			assert_true(memcmp(last_key, k, 4) <= 0);
			if (memcmp(last_key, k, 4) == 0)
				assert_true(number > last_number);
		}
		before = k;
		memcpy(last_key, k, 4);
		last_number = number;
		count++;
	}
	assert_int_equal(rc, 0);
	assert_int_equal(count, nb);
	extsort_free(x);
	test_free(seen);
}

static void
test_sort(void **state)
{
	check_sort(64 << 10, 0, 1);
	check_sort(64 << 10, 1, 1);
	check_sort(8 << 20, 5000, 300); /* in memory */
	check_sort(64 << 10, 5000, 300); /* some runs */
	check_sort(64 << 10, 30000, 300); /* more than are merged at once: 64 */
	check_sort(64 << 10, 2000, 1);
}

/* One item that is larger than the memory. */
static void
test_sort_large(void **state)
{
	char *large = test_calloc(1, 300000);
	struct extsort *x;
	const uint8_t *k, *p;
	size_t len;

	assert_int_equal(extsort_new(1, 64 << 10, &x), 0);
	assert_int_equal(extsort_put(x, "b", large, 300000), 0);
	assert_int_equal(extsort_put(x, "a", "small", 5), 0);
	assert_int_equal(extsort_put(x, "c", "", 0), 0);
	assert_int_equal(extsort_sort(x), 0);
	assert_int_equal(extsort_next(x, &k, &p, &len), 1);
	assert_int_equal(len, 5);
	assert_int_equal(extsort_next(x, &k, &p, &len), 1);
	assert_int_equal(len, 300000);
	assert_int_equal(extsort_next(x, &k, &p, &len), 1);
	assert_int_equal(len, 0);
	assert_int_equal(extsort_next(x, &k, &p, &len), 0);
	extsort_free(x);
	test_free(large);
}

static void
add_entry(struct journal *j, unsigned int worker, uint64_t pos)
{
	struct dp_ev_rcpt_reply ev;

	dp_event_begin(&ev, DP_EV_RCPT_REPLY);
	ev.flow_uid = pos;
	ev.reply = 250;
	assert_int_equal(journal_add(j, worker, pos, DP_VERDICT_NONE, &ev.rec), 0);
}

static unsigned int
count_entries(struct journal *j)
{
	_Alignas(8) uint8_t buf[DP_RECORD_LEN_MAX];
	struct journal_entry e;
	unsigned int nb = 0;
	int rc;

	journal_rewind(j);
	while ((rc = journal_read(j, &e, buf)) == 1) {
		assert_int_equal(((const struct dp_ev_rcpt_reply *)(void *)buf)->flow_uid, e.pos);
		nb++;
	}
	assert_int_equal(rc, 0);
	return nb;
}

/* Whatever octet the file ends at, whole entries are there, and adding all again gives all of them, once. */
static void
test_journal_torn(void **state)
{
	struct journal *j;
	off_t size;
	int cut;

	for (cut = 0; cut <= 170; cut++) {
		int fd = memfd_create("journal", MFD_CLOEXEC);
		struct stat st;
		unsigned int i;

		assert_true(fd >= 0);
		assert_int_equal(journal_new(fd, &j), 0);
		for (i = 0; i < 5; i++)
			add_entry(j, i % 2, 64 * i);
		assert_int_equal(journal_flush(j), 0);
		atomic_store(&journal_progress(j)->alerts, 77);
		journal_free(j);
		assert_int_equal(fstat(fd, &st), 0);
		size = st.st_size - cut;
		assert_int_equal(ftruncate(fd, size), 0);
		assert_int_equal(journal_new(fd, &j), 0);
		assert_int_equal(atomic_load(&journal_progress(j)->alerts), 77);
		for (i = 0; i < 6; i++)
			add_entry(j, i % 2, 64 * i);
		assert_int_equal(journal_flush(j), 0);
		assert_int_equal(count_entries(j), 6);
		journal_free(j);
		close(fd);
	}
}

/* More than the buffer holds. */
static void
test_journal_long(void **state)
{
	int fd = memfd_create("journal", MFD_CLOEXEC);
	struct journal *j;
	unsigned int i;

	assert_int_equal(journal_new(fd, &j), 0);
	for (i = 0; i < 20000; i++)
		add_entry(j, 0, 64 * (uint64_t)i);
	assert_int_equal(journal_flush(j), 0);
	assert_int_equal(count_entries(j), 20000);
	journal_free(j);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sort),
		cmocka_unit_test(test_sort_large),
		cmocka_unit_test(test_journal_torn),
		cmocka_unit_test(test_journal_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
