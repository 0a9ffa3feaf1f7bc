/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * open_alerts - alerts that wait for what becomes of them
 *
 * What:      each alert is followed until its connection ends or OPEN_ALERT_NS have passed; what the server answered and
 *            whether the message began is gathered for its update.
 * Shape:     a queue in the order of sequence numbers, which is that of their due times. Its head is in memory, at most
 *            OPEN_ALERTS_MAX; what comes after stands only in the store and is taken up when there is room:
 *
 *                head (oldest) ... memory ... tail | first in the store only ... newest
 *
 *            Everything in memory is also written to the store before each commit, so a restarted ctrl goes on from there.
 * Cost:      O(1) per event in memory (hash by connection and by recipient); an indexed statement beyond.
 * Limits:    memory is bounded whatever is open; the store's file is the only thing that grows.
 * Errors:    negative errno, text in store_error().
 * Threads:   one.
 */
#ifndef POSTERN_OPEN_ALERTS_H
#define POSTERN_OPEN_ALERTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dp_event.h"
#include "store.h"

#define OPEN_ALERT_NS UINT64_C(60000000000)

enum {
	OPEN_ALERTS_MAX = 1 << 16, /* in memory */
};

/* What is known of the message's data. It only grows: an answer that comes later can't take back what left. */
enum open_data {
	OPEN_DATA_NONE,	 /* not asked for, or refused */
	OPEN_DATA_ASKED, /* DATA was sent, its answer and octets of a body were not seen: not known */
	OPEN_DATA_BEGUN, /* 354, BDAT, or octets of a body */
};

struct open_alert {
	uint64_t sequence;
	uint64_t ts_ns; /* of the alert; due OPEN_ALERT_NS later */
	uint64_t flow_uid;
	uint64_t closed_ns; /* when its connection ended; 0: it has not */
	uint32_t transaction, rcpt_index;
	uint32_t command_octets;
	uint32_t hold_us, close_us; /* with outcome */
	uint16_t reply; /* 0: unseen */
	uint8_t data; /* enum open_data */
	bool enforced;	     /* a verdict was sent to be carried out */
	bool all_sent;	     /* with outcome: nothing could be withheld (a tap) */
	uint8_t outcome;     /* enum dp_outcome; 0: not known */
	uint8_t cause;	     /* enum dp_cause, with outcome */
	uint8_t carried_out; /* enum dp_verdict, with outcome */
	uint8_t event_id[EVENT_ID_OCTETS];
};

struct open_alerts;

/* @max: alerts in memory, a power of two (OPEN_ALERTS_MAX; fewer in tests). Takes up what the store has. */
int open_alerts_new(struct store *store, uint64_t run_id, unsigned int max, struct open_alerts **ret);
void open_alerts_free(struct open_alerts *oa);

size_t open_alerts_count(const struct open_alerts *oa);

/* A new one; its sequence is above all before it. */
int open_alerts_add(struct open_alerts *oa, const struct open_alert *a);

int open_alerts_reply(struct open_alerts *oa, uint64_t flow_uid, uint32_t transaction, uint32_t rcpt_index,
		      uint16_t reply);
/* The message of the transaction begins, or may have begun: for all alerts of it so far. */
int open_alerts_data(struct open_alerts *oa, uint64_t flow_uid, uint32_t transaction, enum open_data data);
/*
 * What became of a recipient that was to be held. Of a connection that was reset, that is all there will be: its alert
 * becomes closed.
 */
int open_alerts_outcome(struct open_alerts *oa, const struct dp_ev_outcome *ev);
/* The connection ended: its alerts become closed, to be taken by open_alerts_next_closed(). */
int open_alerts_flow_end(struct open_alerts *oa, uint64_t flow_uid, uint64_t ts_ns);

/* Take the closed one with the lowest sequence out. 1: *ret filled; 0: none. */
int open_alerts_next_closed(struct open_alerts *oa, struct open_alert *ret);
/* Take the oldest out when it is due at @now_ns (UINT64_MAX: any). 1: *ret filled; 0: none. */
int open_alerts_next_due(struct open_alerts *oa, uint64_t now_ns, struct open_alert *ret);

/* Write what changed into the store's open transaction. */
int open_alerts_save(struct open_alerts *oa);

/* Alerts that another run left open in @store. Take the oldest out of the store. 1: *ret filled; 0: none. */
int open_alerts_next_stranger(struct store *store, uint64_t run_id, struct open_alert *ret);

#endif
