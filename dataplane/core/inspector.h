/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * inspector - everything between a decoded frame and an event, for one worker
 *
 * What:      flow table, TCP reassembly of both directions and the SMTP machine, joined. Packets in, callbacks out. The
 *            dataplane's worker, the fuzzers and the unit tests all use this one door.
 * Life of a burst:
 *              packet_decode() each (caller) -> inspector_burst(): look all flows up, then work through them in order.
 * Clock:     time comes with the packets (ns, never decreasing per inspector). A flow idle for idle_ns is over, whether or
 *            not the ageing step has come by: the next packet of the same ends begins a new one. Hence results do not
 *            depend on how flows are spread over workers.
 * Memory:    one block, given by the caller, never grows; untouched until used.
 * Threads:   one worker owns it.
 * Hostile:   all packets. Limits in struct inspector_config; what is given up is counted and noted as an anomaly.
 */
#ifndef POSTERN_INSPECTOR_H
#define POSTERN_INSPECTOR_H

#include "dp_severed.h"
#include "dp_stats.h"
#include "dp_takeover.h"
#include "packet.h"
#include "smtp.h"

enum {
	INSPECTOR_BURST_MAX = 64,
	INSPECTOR_PORTS_MAX = 16,
};

/*
 * Enforcing (live, inline): the inspector owns the fate of every packet. Octets that may not go on yet are copied; frames
 * never are kept, so that the caller sends or frees each when inspector_burst() returns (struct packet, fate).
 */
struct inspector_inline {
	uint64_t hold_limit_ns; /* a held recipient waits so long for its verdict */
	uint64_t confirm_ns;	/* both ends of a reset connection are probed so long */
	uint64_t tombstone_ns;	/* and late segments answered so long */
	uint32_t holds_max;	/* recipients that wait at once; <= 2^20 */
	uint32_t holds_flow;	/* of one connection */
	uint32_t tombstones_max;
	uint32_t blocks;	/* of 2 KiB: the client's unacknowledged and withheld octets, all flows */
	uint32_t flow_blocks;	/* of one flow */
	uint32_t park_octets;	/* withheld of one flow; more is dropped, and comes again */
	uint32_t serial;	/* hold numbers begin here; another one in each life of the process */
	uint8_t fallback[DP_CAUSE_NB]; /* enum dp_verdict per cause; NONE: fallback_default */
	uint8_t fallback_default;
	struct dp_severed *severed; /* list of connections that were cut off; NULL: none is kept */
	bool takeover;		    /* there may be a responder: struct inspector_ops, takeover() */
	uint64_t takeover_wait_ns;  /* a connection may take so long until its state can be told: replies, gaps */
	uint64_t takeover_ready_ns; /* and the responder until it is ready */
};

struct inspector_config {
	uint16_t ports[INSPECTOR_PORTS_MAX]; /* mail ports, host order */
	uint32_t nb_ports;
	uint32_t flows_max;	      /* connections at once */
	uint32_t sessions_max;	      /* with SMTP state at once */
	uint32_t reasm_blocks;	      /* blocks of out-of-order or unacknowledged octets, all flows */
	uint32_t reasm_flow_blocks;   /* of one flow */
	uint64_t idle_ns;	      /* open connection */
	uint64_t closed_ns;	      /* after both FINs or RST: late segments still belong to it */
	uint64_t give_up_octets;      /* client octets that wait for a gap or a reply before it is given up */
	struct packet_hash_seed seed; /* the one packet_decode() used */
	bool all_events;	      /* envelope records wanted */
	bool enforce;
	struct inspector_inline inline_cfg; /* with enforce */
};

/* What became of a recipient that was to be held. */
struct inspector_outcome {
	uint64_t hold_id; /* 0: it could not be held */
	uint32_t transaction, rcpt_index;
	uint32_t command_octets; /* of its line that had gone on before */
	uint64_t hold_ns;
	uint64_t close_ns; /* reset: from verdict to both ends closed */
	enum dp_outcome outcome;
	enum dp_cause cause;
	enum dp_verdict verdict; /* as carried out */
	bool all_sent; /* of a tap: whatever the verdict, nothing could be withheld */
};

/* What TCP knows of a connection; valid during a callback. */
struct flow;

struct inspector_ops {
	struct smtp_ops smtp; /* @owner is the struct flow */
	/* The connection is over; called once for every flow that was counted. @sum is valid during the call; its helo is
	 * given with all_events or when a recipient matched. */
	void (*flow_end)(void *ctx, struct flow *f, enum dp_close how, const struct smtp_summary *sum);
	/* Enforcing only. */
	void (*outcome)(void *ctx, struct flow *f, const struct inspector_outcome *outcome);
	/*
	 * Send a frame of our making out of port @port_b of pair @wire, after the packet that is being worked on
	 * (inspector_current()) and before the next. False: there is no buffer for it.
	 */
	bool (*originate)(void *ctx, const uint8_t *frame, uint32_t len, uint8_t wire, bool port_b);
	/*
	 * With inline_cfg.takeover only. Tell the responder of @f: @rec, rec->len octets, is whole but for worker, epoch and
	 * instance; its times are those of packets. inspector_takeover_ready() answers. False: there is no room now.
	 */
	bool (*takeover)(void *ctx, struct flow *f, const struct dp_takeover *rec);
	/* An IP packet, whole, for the responder. Called also before it is ready: never. False: there is no room for it. */
	bool (*inward)(void *ctx, const uint8_t *ip, uint32_t len);
	/* What the responder was told of @f is void: it is no longer, or will never be, its own. */
	void (*takeover_end)(void *ctx, struct flow *f, uint64_t hold_id);
};

struct inspector; /* opaque; in the caller's memory */

void inspector_config_default(struct inspector_config *cfg);
size_t inspector_mem_size(const struct inspector_config *cfg);
/*
 * @mem: inspector_mem_size() octets, 64-aligned, zero or fresh from mmap. @counters outlives the inspector.
 * NULL when the configuration is out of range.
 */
struct inspector *inspector_init(void *mem, const struct inspector_config *cfg, const struct inspector_ops *ops,
				 void *ops_ctx, struct dp_counters *counters);

/*
 * Work through @nb packets (<= INSPECTOR_BURST_MAX), all PACKET_TCP on a mail port, in this order. Counts INSPECTED, or
 * the drop reason, for each that has rebuilt == 0 or 1.
 */
void inspector_burst(struct inspector *ins, struct packet *const pkts[], unsigned int nb);

/* Age at most @budget flows at time @now_ns. */
void inspector_age_step(struct inspector *ins, uint64_t now_ns, unsigned int budget);

/*
 * End every connection (gaps given up, waits given up, transactions ended), at most @budget flows per call; true when
 * none is left. Order: by uid ascending.
 */
bool inspector_flush_step(struct inspector *ins, unsigned int budget);

/*
 * Enforcing, and the recipient being reported (in smtp_ops.rcpt()) is to be held: the number that the verdict will name.
 * 0: it cannot be held; say inspector_hold_fail() with 0 then, when the event was written.
 */
bool inspector_is_enforcing(const struct inspector *ins);
uint64_t inspector_hold(struct inspector *ins, struct flow *f, const struct smtp_rcpt *rcpt);
/*
 * No verdict will come for it: the fallback of @cause, which is given back, applies as soon as the packet is through. In
 * smtp_ops.rcpt() only.
 */
enum dp_verdict inspector_hold_fail(struct inspector *ins, struct flow *f, uint64_t hold_id,
				    const struct smtp_rcpt *rcpt, enum dp_cause cause);

/* Ctrl's word. A number that is over, or of another connection, is ignored and counted. Between bursts only. */
void inspector_verdict(struct inspector *ins, uint64_t hold_id, uint64_t flow_uid, enum dp_verdict verdict,
		       uint64_t now_ns);

/*
 * Maintenance: nothing is inspected. Instead of inspector_burst(): each packet goes on as it is, but for those of
 * connections that were reset, which are still answered. A connection in the table ends with its first such packet; what
 * was withheld of it goes on before.
 */
void inspector_bypass_burst(struct inspector *ins, struct packet *const pkts[], unsigned int nb);
/* Between bursts: let go what is held, at most @budget connections; the outcome's cause is BYPASS. True: nothing is left. */
bool inspector_bypass_step(struct inspector *ins, uint64_t now_ns, unsigned int budget);

/*
 * Overload. At INSPECTOR_SHED_NEW packets of connections that are not in the table are not inspected: they go on (@open) or
 * are dropped. At INSPECTOR_SHED_BODIES octets of messages are not parsed either, until the server speaks. Between bursts.
 */
enum inspector_shed {
	INSPECTOR_SHED_NOTHING,
	INSPECTOR_SHED_NEW,
	INSPECTOR_SHED_BODIES,
};
void inspector_set_shed(struct inspector *ins, enum inspector_shed shed, bool open);
/* The fullest pool of those that a new connection needs, in percent. */
unsigned int inspector_pool_use(const struct inspector *ins);

/* Answer late segments of what is listed as severed, by a predecessor, from @now_ns on. Once, before the first packet. */
void inspector_restore_severed(struct inspector *ins, uint64_t now_ns);

/* Nobody decides at the moment: limits that run out have cause CTRL_GONE, not CTRL_SLOW. */
void inspector_set_ctrl_gone(struct inspector *ins, bool gone);

/*
 * Take-overs; between bursts only. A flow is named by its index (inspector_flow_index(), in ops.takeover()) and its uid;
 * what is over is ignored. There is none to begin with: a connection that it has when it is gone is reset.
 */
void inspector_set_responder(struct inspector *ins, bool there);
/* Is any connection the responder's, or told to it? */
bool inspector_has_takeovers(const struct inspector *ins);
uint32_t inspector_flow_index(const struct inspector *ins, const struct flow *f);
/* The responder's word on what it was told with @hold_id. False: that is over. */
bool inspector_takeover_ready(struct inspector *ins, uint32_t index, uint64_t flow_uid, uint64_t hold_id, bool ready,
			      uint64_t now_ns);
/* It is done with the connection; its kernel may still send, and is sent to, until all has been silent. */
void inspector_takeover_closed(struct inspector *ins, uint32_t index, uint64_t flow_uid, uint64_t hold_id);
/* An IP packet that the responder sends. Counts RX and what becomes of it. */
void inspector_takeover_output(struct inspector *ins, uint32_t index, uint64_t flow_uid, const uint8_t *ip, uint32_t len,
			       uint64_t now_ns);

/* The packet being worked on, for callbacks: time, frame number. During ageing and flush: the last one of the flow. */
const struct packet *inspector_current(const struct inspector *ins);

/* Identity of @f for records. */
void flow_id(const struct flow *f, struct dp_flow_id *ret);

/*
 * Sequence numbers of the RCPT line being reported: [*ret_start, *ret_end), and how many octets of it lie in segments
 * before the current one. Valid in smtp_ops.rcpt().
 */
void flow_line_seq(const struct flow *f, const struct smtp_rcpt *rcpt, uint32_t *ret_start, uint32_t *ret_end);

#endif
