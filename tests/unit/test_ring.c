/* SPDX-License-Identifier: BSD-3-Clause */
/* The rings between two processes: order, wrap, room, restart of either end, and hostile content. */
#include "dp_ring.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	int dp_fd, ctrl_fd, dp_ro, ctrl_ro;
	struct dp_shm w_dp, w_ctrl; /* as the worker maps them */
	struct dp_shm c_dp, c_ctrl; /* as ctrl maps them */
	struct dp_ring_writer w;
	struct dp_ring_reader r;
};

static const struct dp_shm_geometry geo = { .nb_workers = 3, .ring_octets = DP_RING_OCTETS_MIN };

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->dp_fd = dp_shm_create(DP_SHM_DATAPLANE, &geo);
	f->ctrl_fd = dp_shm_create(DP_SHM_CTRL, &geo);
	assert_true(f->dp_fd >= 0 && f->ctrl_fd >= 0);
	f->dp_ro = dp_shm_reopen_ro(f->dp_fd);
	f->ctrl_ro = dp_shm_reopen_ro(f->ctrl_fd);
	assert_int_equal(dp_shm_map(f->dp_fd, DP_SHM_DATAPLANE, true, &f->w_dp), 0);
	assert_int_equal(dp_shm_map(f->ctrl_ro, DP_SHM_CTRL, false, &f->w_ctrl), 0);
	assert_int_equal(dp_shm_map(f->dp_ro, DP_SHM_DATAPLANE, false, &f->c_dp), 0);
	assert_int_equal(dp_shm_map(f->ctrl_fd, DP_SHM_CTRL, true, &f->c_ctrl), 0);
	dp_ring_writer_init(&f->w, &f->w_dp, &f->w_ctrl, 1);
	dp_ring_reader_init(&f->r, &f->c_dp, &f->c_ctrl, 1);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	dp_shm_unmap(&f->w_dp);
	dp_shm_unmap(&f->w_ctrl);
	dp_shm_unmap(&f->c_dp);
	dp_shm_unmap(&f->c_ctrl);
	close(f->dp_fd);
	close(f->ctrl_fd);
	close(f->dp_ro);
	close(f->ctrl_ro);
	free(f);
	return 0;
}

union record {
	struct dp_record rec;
	struct dp_ev_rcpt rcpt;
	struct dp_ev_lost lost;
	_Alignas(8) uint8_t octets[DP_RECORD_LEN_MAX];
};

/* A recipient whose strings have lengths that vary with @n, so that records of all sizes cross the ring's end. */
static void
make_rcpt(union record *u, uint32_t n)
{
	char text[DP_STR_ADDRESS_MAX + 100];

	memset(text, 'a' + n % 26, sizeof(text));
	dp_event_begin(u, DP_EV_RCPT);
	u->rec.ts_ns = n;
	u->rec.frame_no = n;
	u->rcpt.flow.key.family = DP_FAMILY_IPV4;
	u->rcpt.rcpt_index = n;
	u->rcpt.rule = DP_RULE_NONE;
	dp_event_put_str(u, &u->rcpt.helo, text, n % 300, DP_STR_HELO_MAX, n % 300, 0);
	dp_event_put_str(u, &u->rcpt.sender, text, n % 500, DP_STR_SENDER_MAX, n % 500, 0);
	dp_event_put_str(u, &u->rcpt.address, text, n % 600, DP_STR_ADDRESS_MAX, n % 600, 0);
	dp_event_put_str(u, &u->rcpt.domain, text, n % 256, DP_STR_DOMAIN_MAX, n % 256, 0);
	dp_event_put_str(u, &u->rcpt.meant, NULL, 0, DP_STR_DOMAIN_MAX, 0, 0);
}

static void
test_order_and_wrap(void **state)
{
	struct fixture *f = *state;
	uint32_t sent = 0, got = 0;
	union record u, copy;
	uint64_t pos;

	while (got < 20000) {
		while (sent < 20000) {
			make_rcpt(&u, sent);
			if (dp_ring_put(&f->w, &u) != 0)
				break;
			sent++;
		}
		while (dp_ring_next(&f->r, &copy, &pos) == 1) {
			make_rcpt(&u, got);
			assert_int_equal(copy.rec.seq, got);
			assert_int_equal(copy.rec.epoch, 1);
			assert_int_equal(copy.rec.worker, 1);
			u.rec.seq = copy.rec.seq;
			u.rec.epoch = 1;
			u.rec.worker = 1;
			assert_memory_equal(&u, &copy, copy.rec.len);
			got++;
			dp_ring_set_stored(&f->r, f->r.pos);
		}
		assert_false(f->r.broken);
	}
	assert_int_equal(sent, 20000);
}

static void
test_full_and_lost(void **state)
{
	struct fixture *f = *state;
	union record u, copy;
	uint32_t sent = 0, i;
	uint64_t pos;

	for (;; sent++) {
		make_rcpt(&u, 599);
		if (dp_ring_put(&f->w, &u) != 0)
			break;
	}
	assert_int_equal(dp_ring_put(&f->w, &u), -EAGAIN);
	for (i = 0; i < 7; i++)
		dp_ring_lose(&f->w);
	for (i = 0; i < sent; i++)
		assert_int_equal(dp_ring_next(&f->r, &copy, &pos), 1);
	/* Read but not stored: the room is not free yet. */
	assert_int_equal(dp_ring_put(&f->w, &u), -EAGAIN);
	dp_ring_set_stored(&f->r, f->r.pos);
	assert_int_equal(dp_ring_put(&f->w, &u), 0);
	assert_int_equal(dp_ring_next(&f->r, &copy, &pos), 1);
	assert_int_equal(copy.rec.type, DP_EV_LOST);
	assert_int_equal(copy.lost.from_seq, sent);
	assert_int_equal(copy.lost.to_seq, sent + 6);
	assert_int_equal(copy.lost.nb_matches, 0);
	assert_int_equal(copy.lost.verdict, DP_VERDICT_NONE);
	assert_int_equal(dp_ring_next(&f->r, &copy, &pos), 1);
	assert_int_equal(copy.rec.type, DP_EV_RCPT);
	assert_int_equal(copy.rec.seq, sent + 8);
	assert_int_equal(dp_ring_next(&f->r, &copy, &pos), 0);
}

/* Nothing follows: the report comes by itself. */
static void
test_lost_and_quiet(void **state)
{
	struct fixture *f = *state;
	union record u, copy;
	uint64_t pos, sent;

	assert_int_equal(dp_ring_report_lost(&f->w, 5, 6), 0);
	assert_int_equal(dp_ring_next(&f->r, &copy, &pos), 0);
	make_rcpt(&u, 0);
	for (sent = 0; dp_ring_put(&f->w, &u) == 0; sent++)
		make_rcpt(&u, (uint32_t)sent);
	/* The smallest record of all may still find room. */
	do {
		sent = f->w.next_seq;
		dp_ring_lose(&f->w);
	} while (dp_ring_report_lost(&f->w, 1, 2) == 0);
	dp_ring_lose(&f->w);
	dp_ring_lose_match(&f->w, DP_VERDICT_RESET);
	assert_int_equal(dp_ring_report_lost(&f->w, 3, 4), -EAGAIN);
	while (dp_ring_next(&f->r, &copy, &pos) == 1)
		;
	dp_ring_set_stored(&f->r, f->r.pos);
	assert_int_equal(dp_ring_report_lost(&f->w, 5, 6), 0);
	assert_int_equal(dp_ring_next(&f->r, &copy, &pos), 1);
	assert_int_equal(copy.rec.type, DP_EV_LOST);
	assert_true(copy.rec.ts_ns == 5 && copy.rec.frame_no == 6);
	assert_true(copy.lost.from_seq == sent && copy.lost.to_seq == sent + 1);
	assert_int_equal(copy.lost.nb_matches, 1);
	assert_int_equal(copy.lost.verdict, DP_VERDICT_RESET);
	/* Once is enough. */
	assert_int_equal(dp_ring_report_lost(&f->w, 7, 8), 0);
	assert_int_equal(dp_ring_next(&f->r, &copy, &pos), 0);
}

static void
test_restart(void **state)
{
	struct fixture *f = *state;
	uint64_t pos[10], last;
	union record u, copy;
	uint32_t i;

	for (i = 0; i < 10; i++) {
		make_rcpt(&u, i * 50);
		assert_int_equal(dp_ring_put(&f->w, &u), 0);
	}
	for (i = 0; i < 10; i++) {
		assert_int_equal(dp_ring_next(&f->r, &copy, &pos[i]), 1);
		if (i < 7)
			dp_ring_decide(&f->r, pos[i], copy.rec.seq, copy.rec.epoch, DP_VERDICT_REFUSE, false, 0);
		if (i == 3)
			dp_ring_set_stored(&f->r, f->r.pos);
	}
	/* ctrl dies and comes back: it finds what is not stored, and what had been decided of it. */
	dp_ring_reader_init(&f->r, &f->c_dp, &f->c_ctrl, 1);
	for (i = 4; i < 10; i++) {
		struct dp_verdict_slot v;

		assert_int_equal(dp_ring_next(&f->r, &copy, &last), 1);
		assert_int_equal(copy.rec.seq, i);
		assert_int_equal(last, pos[i]);
		v = dp_ring_verdict(&f->r, last, copy.rec.seq, copy.rec.epoch);
		assert_int_equal(v.verdict, i < 7 ? DP_VERDICT_REFUSE : DP_VERDICT_NONE);
		/* Another record in the same place is not taken for it. */
		assert_int_equal(dp_ring_verdict(&f->r, last, copy.rec.seq + 1, 1).verdict, DP_VERDICT_NONE);
		assert_int_equal(dp_ring_verdict(&f->r, last, copy.rec.seq, 2).verdict, DP_VERDICT_NONE);
	}
	/* The worker comes back: same cursors, new epoch. */
	dp_ring_writer_init(&f->w, &f->w_dp, &f->w_ctrl, 1);
	make_rcpt(&u, 1);
	assert_int_equal(dp_ring_put(&f->w, &u), 0);
	assert_int_equal(dp_ring_next(&f->r, &copy, &last), 1);
	assert_int_equal(copy.rec.seq, 10);
	assert_int_equal(copy.rec.epoch, 2);
}

static void
test_commands(void **state)
{
	struct fixture *f = *state;
	struct dp_command cmd = { .magic = DP_COMMAND_MAGIC, .type = DP_CMD_VERDICT, .worker = 1,
				  .verdict = DP_VERDICT_RESET };
	struct dp_command got;
	uint64_t i, n = 0;

	assert_false(dp_ring_take_command(&f->w, &got));
	while (dp_ring_send_command(&f->r, &cmd) == 0)
		cmd.hold_id = ++n;
	assert_int_equal(n, DP_COMMANDS);
	for (i = 0; i < n; i++) {
		assert_true(dp_ring_take_command(&f->w, &got));
		assert_int_equal(got.hold_id, i);
	}
	assert_false(dp_ring_take_command(&f->w, &got));
	cmd.verdict = DP_VERDICT_NB; /* a bad one is stepped over */
	assert_int_equal(dp_ring_send_command(&f->r, &cmd), 0);
	cmd.verdict = DP_VERDICT_PASS;
	cmd.hold_id = 4711;
	assert_int_equal(dp_ring_send_command(&f->r, &cmd), 0);
	assert_true(dp_ring_take_command(&f->w, &got));
	assert_int_equal(got.hold_id, 4711);
}

/* A hostile worker writes what it likes: the reader says "broken", never reads beyond, never loops. */
static void
test_hostile_writer(void **state)
{
	struct fixture *f = *state;
	union record copy;
	uint64_t pos;
	unsigned int round, i;

	srand(1);
	for (round = 0; round < 3000; round++) {
		uint64_t head = (uint64_t)(rand() % 64) * 64 + (rand() % 8 == 0 ? (uint64_t)rand() : 0);

		for (i = 0; i < 4096; i++)
			f->w.records[i] = (uint8_t)rand();
		for (i = 0; i < 4096; i += 64) {
			struct dp_record rec = { .magic = DP_RECORD_MAGIC, .type = (uint16_t)(rand() % (DP_EV_NB + 1)),
						 .len = (uint16_t)(rand() % 2200), .worker = 1 };

			memcpy(f->w.records + i, &rec, sizeof(rec));
		}
		dp_shm_ring_dp(&f->w_dp, 1)->head = head;
		f->r.pos = 0;
		f->r.broken = false;
		for (i = 0; i < 100 && dp_ring_next(&f->r, &copy, &pos) == 1; i++)
			assert_true(pos < head);
		assert_true(i < 100);
	}
}

static void
test_segments_refused(void **state)
{
	struct fixture *f = *state;
	struct dp_shm shm;
	struct dp_shm_geometry bad = geo;
	struct dp_shm_header header;
	int fd;

	bad.ring_octets = 3 * DP_RING_OCTETS_MIN;
	assert_int_equal(dp_shm_create(DP_SHM_CTRL, &bad), -EINVAL);
	bad = geo;
	bad.nb_workers = DP_WORKERS_MAX + 1;
	assert_int_equal(dp_shm_create(DP_SHM_CTRL, &bad), -EINVAL);
	/* The wrong half. */
	assert_int_equal(dp_shm_map(f->ctrl_fd, DP_SHM_DATAPLANE, true, &shm), -EINVAL);
	/* The other's half cannot be mapped for writing. */
	assert_int_equal(dp_shm_map(f->dp_ro, DP_SHM_DATAPLANE, true, &shm), -EACCES);
	/* Not sealed. */
	fd = memfd_create("x", MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(fd, 1 << 20), 0);
	assert_int_equal(dp_shm_map(fd, DP_SHM_DATAPLANE, true, &shm), -EINVAL);
	close(fd);
	/* Another version; sizes that do not fit. */
	memcpy(&header, f->w_dp.base, sizeof(header));
	((struct dp_shm_header *)f->w_dp.base)->abi_version++;
	assert_int_equal(dp_shm_map(f->dp_ro, DP_SHM_DATAPLANE, false, &shm), -EPROTO);
	((struct dp_shm_header *)f->w_dp.base)->abi_version--;
	((struct dp_shm_header *)f->w_dp.base)->nb_workers++;
	assert_int_equal(dp_shm_map(f->dp_ro, DP_SHM_DATAPLANE, false, &shm), -EINVAL);
	((struct dp_shm_header *)f->w_dp.base)->nb_workers--;
	((struct dp_shm_header *)f->w_dp.base)->worker_stride += 64;
	assert_int_equal(dp_shm_map(f->dp_ro, DP_SHM_DATAPLANE, false, &shm), -EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order_and_wrap, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_and_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost_and_quiet, setup, teardown),
		cmocka_unit_test_setup_teardown(test_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_commands, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile_writer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_segments_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
