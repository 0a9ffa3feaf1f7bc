/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dp_shm - the two memory segments between dataplane and ctrl
 *
 * What:      the supervisor makes two memfds, sealed against shrinking and growing. Each has one writing process; the
 *            other process gets a descriptor that is open for reading only, so that neither can spoil the other's half.
 *
 *              dataplane's half                          ctrl's half
 *              +--------------------------+              +--------------------------+
 *              | struct dp_shm_header     |              | struct dp_shm_header     |
 *              | struct dp_shm_seed       |              | struct dp_shm_orders     |
 *              | struct dp_port_shared[]  |              |                          |
 *              +--------------------------+              +--------------------------+
 *              | worker 0:                |              | worker 0:                |
 *              |   struct dp_ring_dp      |              |   struct dp_ring_ctrl    |
 *              |   struct dp_stats_shared |              |   verdict slots          |
 *              |   struct dp_severed_area |              |   commands[]             |
 *              |   records[ring_octets]   |              |                          |
 *              +--------------------------+              +--------------------------+
 *              | worker 1: ...            |              | worker 1: ...            |
 *
 * Life:      they outlive both processes. A restarted process maps them again, finds the cursors as they were, and
 *            writes a new epoch into its own half.
 * Trust:     dp_shm_map() checks magic, version, kind, and every size against the size of the file before it gives out
 *            an address. What lies in the records is checked by their reader (dp_event.h).
 */
#ifndef POSTERN_DP_SHM_H
#define POSTERN_DP_SHM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dp_abi.h"
#include "dp_command.h"
#include "dp_ports.h"
#include "dp_severed.h"
#include "dp_stats.h"

#define DP_SHM_MAGIC UINT64_C(0x31304e5245545350) /* "PSTERN01" in memory */

enum dp_shm_kind {
	DP_SHM_DATAPLANE = 1,
	DP_SHM_CTRL = 2,
};

enum {
	DP_RING_OCTETS_DEFAULT = 4 << 20,
	DP_RING_OCTETS_MIN = 64 << 10,
	DP_RING_OCTETS_MAX = 1 << 30,
	DP_COMMANDS = 1024, /* commands a worker's command ring holds */
};

enum dp_run_flags {
	DP_RUN_REPLAY = 1u << 0,    /* source is captures: the worker waits for room, nothing is held */
	DP_RUN_ENVELOPES = 1u << 1, /* all parts of all transactions are wanted */
	DP_RUN_ENFORCE = 1u << 2,
};

struct dp_shm_header {
	uint64_t magic;
	uint32_t abi_version;
	uint32_t kind;	      /* enum dp_shm_kind */
	uint64_t size;	      /* of the segment */
	uint32_t nb_workers;
	uint32_t ring_octets; /* records area of one worker, a power of two */
	uint64_t worker_off;  /* of worker 0 */
	uint64_t worker_stride;
	uint32_t run_flags;   /* enum dp_run_flags */
	uint32_t reserved;
};
_Static_assert(sizeof(struct dp_shm_header) == 56, "segment header layout");

/*
 * Behind the header of the dataplane's segment: the seed by which connections are spread over workers and tables. It is
 * kept, so that connections in the list of a worker (dp_severed.h) still belong to that worker after a restart.
 */
struct dp_shm_seed {
	_Atomic uint64_t is_set;
	uint64_t k[2];
};

/*
 * Behind the header of ctrl's segment: what an operator ordered. It outlives both processes, so that it also ends in time
 * when one of them is started again.
 */
struct dp_shm_orders {
	_Atomic uint64_t bypass_until_ns; /* CLOCK_MONOTONIC; nothing is inspected before. 0, or past: inspect */
};

/* What a worker does besides inspecting everything: dp_ring_dp.mode. */
enum dp_mode {
	DP_MODE_BYPASS = 1u << 0,      /* nothing is inspected, as ordered */
	DP_MODE_SHED_NEW = 1u << 1,    /* overload: new connections are not inspected, or dropped */
	DP_MODE_SHED_BODIES = 1u << 2, /* and messages are not parsed */
};

/* Written by the worker. Positions are octets written since the ring was made; they never wrap in practice. */
struct dp_ring_dp {
	_Alignas(DP_CACHE_LINE) _Atomic uint64_t head;	/* position after the last whole record */
	_Atomic uint64_t next_seq;			/* of the next event */
	_Alignas(DP_CACHE_LINE) _Atomic uint64_t watermark_frame; /* no later record has a lower frame_no */
	_Atomic uint64_t watermark_ns;			/* time that goes with it */
	_Atomic uint32_t epoch;				/* 0: no worker has come yet */
	_Atomic uint32_t done;				/* 1: capture finished, every flow ended, nothing will follow */
	_Atomic uint64_t cmd_tail;			/* commands taken, a count */
	_Atomic uint32_t generation;			/* rule set in use, 0: none */
	_Atomic uint32_t mode;				/* enum dp_mode */
	_Atomic uint64_t heartbeat;			/* turns; a watchdog looks whether it moves */
};
_Static_assert(sizeof(struct dp_ring_dp) == 128, "ring, dataplane's half");

/* One for every 64 octets of the records area: the verdict on the record that begins there. Written by ctrl. */
struct dp_verdict_slot {
	uint64_t seq_plus1;    /* of the record it belongs to, + 1; another value: none yet */
	uint32_t epoch;	       /* of the record's writer */
	uint8_t verdict;       /* enum dp_verdict */
	uint8_t enforced;      /* 1: to be carried out */
	uint16_t after;	       /* how long after the event, see dp_after_pack() */
};
_Static_assert(sizeof(struct dp_verdict_slot) == 16, "verdict slot layout");

/* A time in 16 bits: microseconds below 2^15, milliseconds (at most 2^15 - 1) above. */
static inline uint16_t
dp_after_pack(uint64_t us)
{
	if (us < 1u << 15)
		return (uint16_t)us;
	us /= 1000;
	return (uint16_t)(1u << 15 | (us < 1u << 15 ? us : (1u << 15) - 1));
}

static inline uint32_t
dp_after_us(uint16_t after)
{
	return after < 1u << 15 ? after : (after & ((1u << 15) - 1)) * 1000u;
}

/* Written by ctrl. head >= decided >= stored; the records area between stored and head is in use. */
struct dp_ring_ctrl {
	_Alignas(DP_CACHE_LINE) _Atomic uint64_t decided; /* position: verdicts given up to here */
	_Alignas(DP_CACHE_LINE) _Atomic uint64_t stored;  /* position: free for the worker up to here */
	_Alignas(DP_CACHE_LINE) _Atomic uint64_t cmd_head; /* commands written, a count */
	_Atomic uint32_t epoch;				   /* of ctrl; 0: none has come yet */
	_Atomic uint32_t heartbeat;			   /* moves while ctrl decides; enforcing only */
	_Atomic uint64_t alerts;			   /* stored by this ring's events, for reports */
	_Atomic uint64_t malformed;			   /* records refused by dp_event_check() */
};
_Static_assert(sizeof(struct dp_ring_ctrl) == 192, "ring, ctrl's half");

struct dp_shm_geometry {
	uint32_t nb_workers;  /* 1..DP_WORKERS_MAX */
	uint32_t ring_octets; /* power of two in [DP_RING_OCTETS_MIN, DP_RING_OCTETS_MAX] */
	uint32_t run_flags;
};

/* A mapped segment. Pointers of worker i by the functions below. */
struct dp_shm {
	uint8_t *base;
	size_t size;
	struct dp_shm_geometry geo; /* copied and checked at mapping */
	enum dp_shm_kind kind;
	uint64_t worker_off, worker_stride;
	bool writable;
};

/* Octets that a segment needs. */
size_t dp_shm_size(enum dp_shm_kind kind, const struct dp_shm_geometry *geo);

/*
 * Supervisor: make, size, seal and fill in a memfd. Returns a descriptor open for reading and writing (close-on-exec),
 * or negative errno (-EINVAL: geometry out of range).
 */
int dp_shm_create(enum dp_shm_kind kind, const struct dp_shm_geometry *geo);

/* A second descriptor of the same segment, for reading only. Descriptor or negative errno. */
int dp_shm_reopen_ro(int fd);

/*
 * Map the segment behind @fd, which stays the caller's. -EINVAL: not a segment of this kind, or its sizes do not fit;
 * -EPROTO: another ABI version; or what mmap says.
 */
int dp_shm_map(int fd, enum dp_shm_kind kind, bool writable, struct dp_shm *ret_shm);
void dp_shm_unmap(struct dp_shm *shm); /* NULL and half-built are fine */

/* @port < DP_PORTS_MAX; of the dataplane's segment. */
struct dp_port_shared *dp_shm_port(const struct dp_shm *shm, unsigned int port);
struct dp_ring_dp *dp_shm_ring_dp(const struct dp_shm *shm, unsigned int worker);
struct dp_stats_shared *dp_shm_stats(const struct dp_shm *shm, unsigned int worker);
struct dp_severed_area *dp_shm_severed(const struct dp_shm *shm, unsigned int worker);
/* Of ctrl's segment. */
struct dp_shm_orders *dp_shm_orders(const struct dp_shm *shm);
/* Keep @k in the dataplane's segment; when a predecessor kept its own there, that replaces it. Before any worker runs. */
void dp_shm_keep_seed(const struct dp_shm *shm, uint64_t k[2]);
uint8_t *dp_shm_records(const struct dp_shm *shm, unsigned int worker);
struct dp_ring_ctrl *dp_shm_ring_ctrl(const struct dp_shm *shm, unsigned int worker);
struct dp_verdict_slot *dp_shm_verdicts(const struct dp_shm *shm, unsigned int worker);
struct dp_command *dp_shm_commands(const struct dp_shm *shm, unsigned int worker);

#endif
