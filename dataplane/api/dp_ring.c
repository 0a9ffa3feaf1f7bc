/* SPDX-License-Identifier: BSD-3-Clause */
#include "dp_ring.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

static uint32_t
space_of(uint32_t len)
{
	return (len + DP_RECORD_ALIGN - 1) / DP_RECORD_ALIGN * DP_RECORD_ALIGN;
}

void
dp_ring_writer_init(struct dp_ring_writer *w, const struct dp_shm *dp, const struct dp_shm *ctrl, unsigned int worker)
{
	*w = (struct dp_ring_writer){
		.dp = dp_shm_ring_dp(dp, worker),
		.records = dp_shm_records(dp, worker),
		.ctrl = dp_shm_ring_ctrl(ctrl, worker),
		.commands = dp_shm_commands(ctrl, worker),
		.ring_octets = dp->geo.ring_octets,
		.worker = (uint16_t)worker,
	};
	w->head = atomic_load_explicit(&w->dp->head, memory_order_relaxed);
	w->next_seq = atomic_load_explicit(&w->dp->next_seq, memory_order_relaxed);
	w->cmd_tail = atomic_load_explicit(&w->dp->cmd_tail, memory_order_relaxed);
	w->stored_cached = atomic_load_explicit(&w->ctrl->stored, memory_order_acquire);
	w->epoch = atomic_load_explicit(&w->dp->epoch, memory_order_relaxed) + 1;
	atomic_store_explicit(&w->dp->done, 0, memory_order_relaxed);
	atomic_store_explicit(&w->dp->epoch, w->epoch, memory_order_release);
}

/* Room for @need octets in one piece at the head, a pad before it included. */
static bool
has_room(struct dp_ring_writer *w, uint32_t need)
{
	if (w->head - w->stored_cached + need <= w->ring_octets)
		return true;
	w->stored_cached = atomic_load_explicit(&w->ctrl->stored, memory_order_acquire);
	/* A cursor that ctrl cannot have set: behave as if the ring were full, it is never written over. */
	if (w->stored_cached > w->head)
		w->stored_cached = w->head - w->ring_octets;
	return w->head - w->stored_cached + need <= w->ring_octets;
}

/* Copy one record to the head; the caller made sure of the room. head is not published here. */
static void
copy_in(struct dp_ring_writer *w, void *rec_, uint64_t seq)
{
	struct dp_record *rec = rec_;
	uint32_t off = (uint32_t)(w->head & (w->ring_octets - 1));
	uint32_t space = space_of(rec->len), to_end = w->ring_octets - off;

	if (space > to_end) {
		struct dp_record pad = *rec;

		/* Spans up to the ring's end; only its head is written. */
		pad.type = DP_EV_PAD;
		pad.len = sizeof(pad);
		pad.epoch = w->epoch;
		pad.worker = w->worker;
		pad.seq = seq;
		memcpy(w->records + off, &pad, sizeof(pad));
		w->head += to_end;
		off = 0;
	}
	rec->seq = seq;
	rec->epoch = w->epoch;
	rec->worker = w->worker;
	memcpy(w->records + off, rec, rec->len);
	w->head += space;
}

static uint32_t
need_of(const struct dp_ring_writer *w, uint64_t head, uint32_t len)
{
	uint32_t space = space_of(len), to_end = w->ring_octets - (uint32_t)(head & (w->ring_octets - 1));

	return space > to_end ? to_end + space : space;
}

/* The report of lost events goes first, in the same publication. */
static void
copy_in_lost(struct dp_ring_writer *w, const struct dp_record *like)
{
	union {
		struct dp_ev_lost ev;
		uint8_t octets[sizeof(struct dp_ev_lost)];
	} lost;

	dp_event_begin(&lost, DP_EV_LOST);
	lost.ev.rec.ts_ns = like->ts_ns;
	lost.ev.rec.frame_no = like->frame_no;
	lost.ev.from_seq = w->lost_from;
	lost.ev.to_seq = w->lost_from + w->nb_lost - 1;
	lost.ev.nb_matches = w->lost_matches;
	lost.ev.verdict = w->lost_verdict;
	copy_in(w, &lost, w->next_seq++);
	w->nb_lost = 0;
	w->lost_matches = 0;
	w->lost_verdict = DP_VERDICT_NONE;
}

int
dp_ring_put(struct dp_ring_writer *w, void *rec_)
{
	struct dp_record *rec = rec_;
	uint32_t need;

	if (w->nb_lost > 0) {
		uint64_t head = w->head;

		need = need_of(w, head, sizeof(struct dp_ev_lost));
		need += need_of(w, head + need, rec->len);
	} else {
		need = need_of(w, w->head, rec->len);
	}
	if (!has_room(w, need))
		return -EAGAIN;
	if (w->nb_lost > 0)
		copy_in_lost(w, rec);
	copy_in(w, rec, w->next_seq++);
	atomic_store_explicit(&w->dp->next_seq, w->next_seq, memory_order_relaxed);
	atomic_store_explicit(&w->dp->head, w->head, memory_order_release);
	return 0;
}

void
dp_ring_lose(struct dp_ring_writer *w)
{
	if (w->nb_lost == 0)
		w->lost_from = w->next_seq;
	w->nb_lost++;
	w->next_seq++;
	atomic_store_explicit(&w->dp->next_seq, w->next_seq, memory_order_relaxed);
}

void
dp_ring_lose_match(struct dp_ring_writer *w, enum dp_verdict verdict)
{
	w->lost_matches += w->lost_matches < UINT32_MAX;
	w->lost_verdict = (uint8_t)verdict;
}

int
dp_ring_report_lost(struct dp_ring_writer *w, uint64_t ts_ns, uint64_t frame_no)
{
	const struct dp_record at = { .ts_ns = ts_ns, .frame_no = frame_no };

	if (w->nb_lost == 0)
		return 0;
	if (!has_room(w, need_of(w, w->head, sizeof(struct dp_ev_lost))))
		return -EAGAIN;
	copy_in_lost(w, &at);
	atomic_store_explicit(&w->dp->next_seq, w->next_seq, memory_order_relaxed);
	atomic_store_explicit(&w->dp->head, w->head, memory_order_release);
	return 0;
}

bool
dp_ring_take_command(struct dp_ring_writer *w, struct dp_command *ret_cmd)
{
	uint64_t head = atomic_load_explicit(&w->ctrl->cmd_head, memory_order_acquire);
	bool found = false;

	/* At most a ring full is looked at, whatever the count says. */
	if (head - w->cmd_tail > DP_COMMANDS)
		w->cmd_tail = head > DP_COMMANDS && head > w->cmd_tail ? head - DP_COMMANDS : head;
	while (!found && w->cmd_tail != head) {
		memcpy(ret_cmd, &w->commands[w->cmd_tail % DP_COMMANDS], sizeof(*ret_cmd));
		w->cmd_tail++;
		found = dp_command_check(ret_cmd) == 0 && ret_cmd->worker == w->worker;
	}
	atomic_store_explicit(&w->dp->cmd_tail, w->cmd_tail, memory_order_release);
	return found;
}

void
dp_ring_reader_attach(struct dp_ring_reader *r, const struct dp_shm *dp, const struct dp_shm *ctrl, unsigned int worker)
{
	*r = (struct dp_ring_reader){
		.dp = dp_shm_ring_dp(dp, worker),
		.records = dp_shm_records(dp, worker),
		.ctrl = dp_shm_ring_ctrl(ctrl, worker),
		.verdicts = dp_shm_verdicts(ctrl, worker),
		.commands = dp_shm_commands(ctrl, worker),
		.ring_octets = dp->geo.ring_octets,
		.worker = (uint16_t)worker,
		.expect_seq = UINT64_MAX, /* not known before the first record */
	};
	r->pos = atomic_load_explicit(&r->ctrl->stored, memory_order_relaxed);
	r->cmd_head = atomic_load_explicit(&r->ctrl->cmd_head, memory_order_relaxed);
}

void
dp_ring_reader_init(struct dp_ring_reader *r, const struct dp_shm *dp, const struct dp_shm *ctrl, unsigned int worker)
{
	dp_ring_reader_attach(r, dp, ctrl, worker);
	atomic_fetch_add_explicit(&r->ctrl->epoch, 1, memory_order_release);
}

static int
break_ring(struct dp_ring_reader *r)
{
	r->broken = true;
	atomic_fetch_add_explicit(&r->ctrl->malformed, 1, memory_order_relaxed);
	return -EBADMSG;
}

int
dp_ring_next(struct dp_ring_reader *r, void *buf, uint64_t *ret_pos)
{
	uint64_t head, used;
	struct dp_record rec;
	uint32_t off, to_end;

	if (r->broken)
		return -EBADMSG;
	for (;;) {
		head = atomic_load_explicit(r->limit != NULL ? r->limit : &r->dp->head, memory_order_acquire);
		/* A limit was reached by another reader, which may not have come as far as we began. */
		if (head == r->pos || (r->limit != NULL && head < r->pos))
			return 0;
		used = head - r->pos;
		if (used > r->ring_octets || used % DP_RECORD_ALIGN != 0)
			return break_ring(r);
		off = (uint32_t)(r->pos & (r->ring_octets - 1));
		to_end = r->ring_octets - off;
		memcpy(&rec, r->records + off, sizeof(rec));
		if (rec.magic != DP_RECORD_MAGIC || rec.len > DP_RECORD_LEN_MAX || rec.len < sizeof(rec))
			return break_ring(r);
		if (rec.type != DP_EV_PAD)
			break;
		if (to_end > used)
			return break_ring(r);
		r->pos += to_end;
	}
	if (space_of(rec.len) > to_end || space_of(rec.len) > used)
		return break_ring(r);
	memcpy(buf, r->records + off, rec.len);
	/* The copy may differ from the head that was looked at: everything is checked on the copy. */
	if (((const struct dp_record *)buf)->len != rec.len || dp_event_check(buf, rec.len) != 0 ||
	    ((const struct dp_record *)buf)->worker != r->worker)
		return break_ring(r);
	*ret_pos = r->pos;
	r->pos += space_of(rec.len);
	r->expect_seq = rec.seq + 1;
	return 1;
}

static struct dp_verdict_slot *
slot_of(const struct dp_ring_reader *r, uint64_t pos)
{
	return &r->verdicts[(pos & (r->ring_octets - 1)) / DP_RECORD_ALIGN];
}

struct dp_verdict_slot
dp_ring_verdict(const struct dp_ring_reader *r, uint64_t pos, uint64_t seq, uint32_t epoch)
{
	const struct dp_verdict_slot *slot = slot_of(r, pos);

	if (slot->seq_plus1 != seq + 1 || slot->epoch != epoch || slot->verdict >= DP_VERDICT_NB)
		return (struct dp_verdict_slot){ .verdict = DP_VERDICT_NONE };
	return *slot;
}

void
dp_ring_decide(struct dp_ring_reader *r, uint64_t pos, uint64_t seq, uint32_t epoch, enum dp_verdict verdict,
	       bool enforced, uint64_t after_us)
{
	struct dp_verdict_slot *slot = slot_of(r, pos);

	/* seq_plus1 last: a slot half written by a process that died is no verdict. */
	slot->seq_plus1 = 0;
	atomic_thread_fence(memory_order_release);
	slot->epoch = epoch;
	slot->verdict = (uint8_t)verdict;
	slot->enforced = enforced;
	slot->after = dp_after_pack(after_us);
	atomic_thread_fence(memory_order_release);
	slot->seq_plus1 = seq + 1;
}

static void
advance(_Atomic uint64_t *cursor, uint64_t pos)
{
	if (pos > atomic_load_explicit(cursor, memory_order_relaxed))
		atomic_store_explicit(cursor, pos, memory_order_release);
}

void
dp_ring_set_decided(struct dp_ring_reader *r, uint64_t pos)
{
	advance(&r->ctrl->decided, pos);
}

void
dp_ring_set_stored(struct dp_ring_reader *r, uint64_t pos)
{
	advance(&r->ctrl->decided, pos);
	advance(&r->ctrl->stored, pos);
}

int
dp_ring_send_command(struct dp_ring_reader *r, const struct dp_command *cmd)
{
	uint64_t tail = atomic_load_explicit(&r->dp->cmd_tail, memory_order_acquire);

	/* The tail is the worker's word: one that lies beyond the head means nothing was taken. */
	if (tail > r->cmd_head || r->cmd_head - tail >= DP_COMMANDS)
		return -EAGAIN;
	memcpy(&r->commands[r->cmd_head % DP_COMMANDS], cmd, sizeof(*cmd));
	r->cmd_head++;
	atomic_store_explicit(&r->ctrl->cmd_head, r->cmd_head, memory_order_release);
	return 0;
}
