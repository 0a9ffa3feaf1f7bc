/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * live_config - what of postern.yaml live ports need
 *
 * What:      reads these settings (the others: config.h, which passes these over):
 *
 *              enforce: false                      # true: verdicts are carried out; false: only written down
 *              hold_limit_ms: 200                  # enforcing: a held recipient waits so long for its verdict
 *              fallback: closed                    # and then: closed (reset) or open (let pass); or for each cause:
 *                                                  # {ctrl_slow: open, ctrl_gone: open, ring_full: closed, memory: closed,
 *                                                  # overload: open, responder: closed}
 *              overload_ms: 100                    # a backlog that stands so long is overload; 0: never
 *              down: closed                        # what the wire is while no dataplane runs; open needs a hook
 *              hook:
 *                program: /etc/postern/bypass-nic  # told when the wire goes up or down (cli/hook.h)
 *                limit_s: 5                        # then it is killed
 *              alerts: /var/log/postern/alerts     # JSON lines; left out: printed for people on standard output
 *              source:
 *                pairs:                            # bump in the wire: what comes in by a goes out by b, and back
 *                  - a: 0000:3b:00.0               # a PCI address, or devargs of a virtual port of DPDK
 *                    b: 0000:3b:00.1
 *                taps:                             # a mirror port: read only
 *                  - port: net_af_packet0,iface=mirror0
 *                    resets: true                  # enforcing: connections are reset,
 *                    send: net_af_packet1,iface=eth2   # by this port
 *                mtu: 1500                         # of all ports; left out: as it is
 *                descriptors: 1024                 # in each ring of each port
 *                cores: [2, 3]                     # CPU of each worker; left out: the scheduler places them
 *                idle: poll                        # or sleep: 50 us at a time while nothing comes
 *                memory: 256                       # MiB for packet buffers
 *                hugepages: auto                   # yes: refuse to start without them; no: never
 *
 *              responder:                        # enforcing: refuse takes connections over; without it, refuse resets them
 *                enabled: true                   # default: false
 *                connections: 4096               # that it has at once; more are reset
 *                per_source: 256                 # of these, of one address
 *                text: "<{recipient}>: not delivered[; did you mean <{meant}>?]"
 *                contact: "+1 555 0100"          # for {contact}
 *                texts:                          # the first that fits; a rule's id, or a sender's domain
 *                  - {rule: mil, text: "..."}
 *                  - {sender: example.org, text: "..."}
 *                limit: {per_minute: 60, beyond: reset} # refusals of one source; beyond: reset or alert
 *
 * Ownership: live_config_fini() frees what live_config_load() filled in.
 * Errors:    each with file:line:column, all of them at once.
 */
#ifndef POSTERN_LIVE_CONFIG_H
#define POSTERN_LIVE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "config.h"

enum {
	LIVE_CONFIG_WIRES_MAX = 8,
	LIVE_CONFIG_PORT_MAX = 255, /* octets of what names a port */
	LIVE_CONFIG_SLEEP_US = 50,
	LIVE_CONFIG_OVERLOAD_MS = 100, /* shorter ones happen; TCP sends again after 200 */
	LIVE_CONFIG_TEXTS_MAX = 16,
	LIVE_CONFIG_CONTACT_MAX = 120,
	LIVE_CONFIG_HOOK_S = 5,
};

/* Largest packet that the responder sends: a whole one of the ports, as far as the dataplane has room for it. */
#define LIVE_RESPONDER_MTU(mtu) ((mtu) == 0 || (mtu) > 1500 ? 1500u : (mtu) < 1280 ? 1280u : (mtu))

struct live_config_wire {
	char *a;
	char *b; /* of a tap: the port that resets leave by, or NULL */
	bool is_tap;
	bool resets;
};

enum live_cause {
	LIVE_CTRL_SLOW,
	LIVE_CTRL_GONE,
	LIVE_RING_FULL,
	LIVE_MEMORY,
	LIVE_OVERLOAD,
	LIVE_RESPONDER, /* it cannot be taken over, or nobody takes it over */
	LIVE_CAUSE_NB,
};

/* A text for one rule or for senders of one domain. */
struct live_text {
	bool is_rule;
	char *text; /* "NAME=TEXT" */
};

struct live_responder {
	bool enabled;
	unsigned int connections, per_source; /* 0: not set */
	char *text, *contact;		      /* NULL: not set */
	struct live_text texts[LIVE_CONFIG_TEXTS_MAX];
	unsigned int nb_texts;
	unsigned int per_minute; /* 0: not set */
	bool beyond_alert;
};

struct live_config {
	struct live_responder responder;
	bool enforce;
	bool open[LIVE_CAUSE_NB];   /* what could not be decided is let pass */
	unsigned int hold_limit_ms; /* 0: not set */
	unsigned int overload_ms;   /* 0: never */
	char *alerts; /* NULL: not set */
	char *hook;   /* path of a program; NULL: none */
	unsigned int hook_limit_s;
	bool down_open;
	struct live_config_wire wires[LIVE_CONFIG_WIRES_MAX];
	unsigned int nb_wires;
	unsigned int mtu, descriptors, memory_mib; /* 0: not set */
	unsigned int cores[CONFIG_WORKERS_MAX];
	unsigned int nb_cores;
	unsigned int idle_us;
	const char *hugepages; /* "auto", "yes" or "no"; a constant */
};

/* "ctrl_slow", ... as files and options name it. */
const char *live_cause_name(enum live_cause cause);

/* Read @path. 0 with *ret filled; -EINVAL: at least one error was reported; other negative errno, reported too. */
int live_config_load(const char *path, config_error_fn error, void *ctx, struct live_config *ret);
void live_config_fini(struct live_config *cfg);

#endif
