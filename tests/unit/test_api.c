/* SPDX-License-Identifier: BSD-3-Clause */
/* Records between the processes: what is written is read back, what is damaged is refused. */
#include "dp_args.h"
#include "dp_command.h"
#include "dp_event.h"
#include "dp_ports.h"
#include "dp_responder.h"
#include "dp_ruleset.h"
#include "dp_stats.h"
#include "dp_takeover.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

union record {
	struct dp_record rec;
	struct dp_ev_rcpt rcpt;
	struct dp_ev_txn_end end;
	struct dp_ev_flow_end flow_end;
	struct dp_ev_rcpt_reply reply;
	_Alignas(8) uint8_t octets[DP_RECORD_LEN_MAX];
};

static void
full_rcpt(union record *u)
{
	static char text[100000];

	memset(text, 'x', sizeof(text));
	dp_event_begin(u, DP_EV_RCPT);
	u->rcpt.flow.key.family = DP_FAMILY_IPV6;
	dp_event_put_str(u, &u->rcpt.helo, text, sizeof(text), DP_STR_HELO_MAX, sizeof(text), 0);
	dp_event_put_str(u, &u->rcpt.sender, text, sizeof(text), DP_STR_SENDER_MAX, sizeof(text), 0);
	dp_event_put_str(u, &u->rcpt.address, text, 4096, DP_STR_ADDRESS_MAX, 100000, 77);
	dp_event_put_str(u, &u->rcpt.domain, text, sizeof(text), DP_STR_DOMAIN_MAX, sizeof(text), 0);
	dp_event_put_str(u, &u->rcpt.meant, text, sizeof(text), DP_STR_DOMAIN_MAX, sizeof(text), 0);
}

static void
test_strings(void **state)
{
	union record u;

	full_rcpt(&u);
	assert_int_equal(dp_event_check(&u, u.rec.len), 0);
	assert_int_equal(u.rcpt.address.len, DP_STR_ADDRESS_MAX);
	assert_int_equal(u.rcpt.address.full_len, 100000);
	assert_int_equal(u.rcpt.address.hash, 77);
	assert_int_not_equal(u.rcpt.helo.hash, 0);
	assert_int_equal(u.rcpt.meant.len, DP_STR_DOMAIN_MAX);
	dp_event_begin(&u, DP_EV_RCPT);
	u.rcpt.flow.key.family = DP_FAMILY_IPV4;
	dp_event_put_str(&u, &u.rcpt.helo, "a\0b", 3, DP_STR_HELO_MAX, 3, 0);
	dp_event_put_str(&u, &u.rcpt.sender, NULL, 0, DP_STR_SENDER_MAX, 0, 0);
	assert_int_equal(dp_event_check(&u, u.rec.len), -EBADMSG); /* not all strings were put */
	dp_event_put_str(&u, &u.rcpt.address, "c", 1, DP_STR_ADDRESS_MAX, 1, 0);
	dp_event_put_str(&u, &u.rcpt.domain, NULL, 0, DP_STR_DOMAIN_MAX, 0, 0);
	dp_event_put_str(&u, &u.rcpt.meant, NULL, 0, DP_STR_DOMAIN_MAX, 0, 0);
	assert_int_equal(dp_event_check(&u, u.rec.len), 0);
	assert_memory_equal(dp_event_str(&u, &u.rcpt.helo), "a\0b", 3);
	assert_int_equal(u.rcpt.helo.hash, 0);
}

/* Every single damaged field is seen. */
static void
test_damage(void **state)
{
	union record good, bad;
	size_t len;

	full_rcpt(&good);
	for (len = 0; len < good.rec.len; len++)
		assert_int_equal(dp_event_check(&good, len), -EBADMSG);
#define REFUSED(change)                                                   \
	do {                                                              \
		bad = good;                                               \
		change;                                                   \
		assert_int_equal(dp_event_check(&bad, bad.rec.len), -EBADMSG); \
	} while (0)
	REFUSED(bad.rec.magic++);
	REFUSED(bad.rec.type = DP_EV_NB);
	REFUSED(bad.rec.len = DP_RECORD_LEN_MAX + 1);
	REFUSED(bad.rec.len = sizeof(struct dp_ev_rcpt) - 1);
	REFUSED(bad.rec.reserved = 1);
	REFUSED(bad.rcpt.helo.off = 0);
	REFUSED(bad.rcpt.meant.len++);
	REFUSED(bad.rcpt.sender.off = UINT16_MAX);
	REFUSED(bad.rcpt.address.full_len = 1);
	REFUSED(bad.rcpt.flow.key.family = 5);
	REFUSED(bad.rcpt.flow.key.vlan_outer = 4096);
	REFUSED(bad.rcpt.flow.key.reserved[1] = 1);
	REFUSED(bad.rcpt.flow.reserved = 1);
	REFUSED(bad.rcpt.flags = 4);
	dp_event_begin(&good, DP_EV_RCPT_REPLY);
	good.reply.reply = 250;
	assert_int_equal(dp_event_check(&good, good.rec.len), 0);
	REFUSED(bad.reply.reply = 600);
	REFUSED(bad.reply.reply = 99);
	dp_event_begin(&good, DP_EV_TXN_END);
	assert_int_equal(dp_event_check(&good, good.rec.len), 0);
	REFUSED(bad.end.kind = DP_DATA_NB);
	REFUSED(bad.end.data_reply = 600);
}

static void
test_hash(void **state)
{
	uint8_t a[64] = { 0 }, i;
	uint64_t h = dp_hash64(DP_HASH64_INIT, a, sizeof(a));

	for (i = 0; i < sizeof(a); i++) {
		a[i] ^= 1;
		assert_int_not_equal(dp_hash64(DP_HASH64_INIT, a, sizeof(a)), h);
		a[i] ^= 1;
	}
	assert_int_not_equal(dp_hash64(DP_HASH64_INIT, a, 63), h);
	/* Records and stores keep hashes: the function may not change. */
	assert_true(dp_hash64(DP_HASH64_INIT, "postern", 7) == UINT64_C(0xd946a0172004593b));
}

static void
test_takeover(void **state)
{
	union {
		struct dp_takeover t;
		_Alignas(8) uint8_t octets[DP_TAKEOVER_LEN_MAX];
	} u;
	struct dp_takeover_hold hold = { .hold_id = 1, .transaction = 1, .rcpt_index = 1, .verdict = DP_VERDICT_REFUSE };
	struct dp_takeover *t = &u.t;
	struct dp_takeover_parts parts;
	uint8_t *owed, *holds;

	memset(&u, 0, sizeof(u));
	*t = (struct dp_takeover){
		.magic = DP_TAKEOVER_MAGIC, .abi_version = DP_ABI_VERSION, .hold_id = 1, .nb_holds = 2,
		.verdict = DP_VERDICT_REFUSE, .to_client_len = 100, .to_server_len = 20, .prefix_len = 5, .owed_len = 3,
		.helo_len = 7, .sender_len = 9,
	};
	t->flow.key.family = DP_FAMILY_IPV4;
	t->len = sizeof(*t) + 144 + 2 * sizeof(hold);
	t->client = (struct dp_takeover_end){ .mss = 1460, .snd_una = UINT32_MAX - 9, .snd_nxt = 10 };
	t->server = (struct dp_takeover_end){ .mss = 536, .snd_una = 0, .snd_nxt = 100 };
	dp_takeover_parts(t, &parts);
	assert_ptr_equal(parts.owed, u.octets + sizeof(*t) + 125);
	assert_ptr_equal(parts.holds, u.octets + sizeof(*t) + 144);
	owed = u.octets + sizeof(*t) + 125;
	holds = u.octets + sizeof(*t) + 144;
	memcpy(holds, &hold, sizeof(hold));
	assert_int_equal(dp_takeover_check(&u, t->len), -EBADMSG); /* nothing was decided on the second */
	memcpy(holds + sizeof(hold), &hold, sizeof(hold));
	assert_int_equal(dp_takeover_check(&u, t->len), 0);
	assert_int_equal(dp_takeover_check(&u, t->len - 1u), -EBADMSG);
	owed[2] = DP_OWED_NB;
	assert_int_equal(dp_takeover_check(&u, t->len), -EBADMSG);
	owed[2] = DP_OWED_TURN;
	holds[2 * sizeof(hold) - 1] = 1; /* reserved */
	assert_int_equal(dp_takeover_check(&u, t->len), -EBADMSG);
	holds[2 * sizeof(hold) - 1] = 0;
	t->client.snd_nxt++;
	assert_int_equal(dp_takeover_check(&u, t->len), -EBADMSG);
	t->client.snd_nxt--;
	t->client.wscale = 15;
	assert_int_equal(dp_takeover_check(&u, t->len), -EBADMSG);
	t->client.wscale = 14;
	t->verdict = DP_VERDICT_RESET;
	assert_int_equal(dp_takeover_check(&u, t->len), -EBADMSG);
	t->verdict = DP_VERDICT_DIVERT;
	t->through_len = 1; /* behind a line of which the head had left */
	assert_int_equal(dp_takeover_check(&u, t->len), -EBADMSG);
	t->through_len = 0;
	t->transaction = 1; /* more than there were */
	assert_int_equal(dp_takeover_check(&u, t->len), -EBADMSG);
	t->nb_transactions = 1;
	assert_int_equal(dp_takeover_check(&u, t->len), 0);
	t->owed_len = UINT32_MAX; /* a sum that wraps */
	assert_int_equal(dp_takeover_check(&u, t->len), -EBADMSG);
	t->owed_len = 3;
	t->nb_holds = DP_TAKEOVER_HOLDS_MAX + 1;
	assert_int_equal(dp_takeover_check(&u, t->len), -EBADMSG);
	t->nb_holds = 2;
	t->prefix_len = DP_TAKEOVER_PREFIX_MAX + 1;
	assert_int_equal(dp_takeover_check(&u, t->len), -EBADMSG);
}

static void
test_responder_messages(void **state)
{
	struct dp_responder_msg msg = {
		.magic = DP_RESPONDER_MAGIC, .abi_version = DP_ABI_VERSION, .type = DP_RESPONDER_READY, .instance = 1, .hold_id = 2,
	};

	assert_int_equal(dp_responder_check(&msg, sizeof(msg)), 0);
	assert_int_equal(dp_responder_check(&msg, sizeof(msg) - 1), -EBADMSG);
	msg.type = DP_RESPONDER_HELLO; /* is of no flow */
	assert_int_equal(dp_responder_check(&msg, sizeof(msg)), -EBADMSG);
	msg.hold_id = 0;
	assert_int_equal(dp_responder_check(&msg, sizeof(msg)), 0);
	msg.type = DP_RESPONDER_WANTED; /* knows of no instance */
	assert_int_equal(dp_responder_check(&msg, sizeof(msg)), -EBADMSG);
	msg.instance = 0;
	assert_int_equal(dp_responder_check(&msg, sizeof(msg)), 0);
	msg.type = DP_RESPONDER_REFUSED;
	msg.instance = 1;
	msg.hold_id = 2;
	assert_int_equal(dp_responder_check(&msg, sizeof(msg)), -EBADMSG);
	msg.error = -EBUSY;
	assert_int_equal(dp_responder_check(&msg, sizeof(msg)), 0);
	msg.type = DP_RESPONDER_NB;
	assert_int_equal(dp_responder_check(&msg, sizeof(msg)), -EBADMSG);
}

static void
test_answers(void **state)
{
	static const char *const wrong[] = {
		"250 2.1.5 fine and long enough", "550 no code of RFC 3463", "550-5.1.2 more to come", "550 4.1.2 codes differ",
		"550 5.1.2 a\r\n250 b", "550 5.1.2 \x1b[31m", "550 5.1.2 \x80",
	};
	struct dp_answer answer = {
		.magic = DP_ANSWER_MAGIC, .abi_version = DP_ABI_VERSION, .hold_id = 1, .verdict = DP_VERDICT_REFUSE,
	};
	unsigned int i;

	assert_int_equal(dp_answer_check(&answer, sizeof(answer)), 0); /* no words */
	answer.text[0] = '5';
	assert_int_equal(dp_answer_check(&answer, sizeof(answer)), -EBADMSG);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		memset(answer.text, 0, sizeof(answer.text));
		memcpy(answer.text, wrong[i], strlen(wrong[i]));
		answer.text_len = (uint16_t)strlen(wrong[i]);
		assert_int_equal(dp_answer_check(&answer, sizeof(answer)), -EBADMSG);
	}
	memset(answer.text, 'x', DP_ANSWER_TEXT_MAX);
	memcpy(answer.text, "550 5.1.2 ", 10);
	answer.text_len = DP_ANSWER_TEXT_MAX;
	assert_int_equal(dp_answer_check(&answer, sizeof(answer)), 0);
	answer.text[DP_ANSWER_TEXT_MAX] = 'x';
	answer.text_len++;
	assert_int_equal(dp_answer_check(&answer, sizeof(answer)), -EBADMSG);
}

static void
test_ports(void **state)
{
	struct dp_port_shared shared = { 0 };
	struct dp_port p = { .name = "0000:3b:00.0", .rx_packets = 7, .mtu = 1500, .flags = DP_PORT_PRESENT | DP_PORT_B }, got;

	assert_int_equal(dp_port_read(&shared, &got), -ENOENT);
	dp_port_publish(&shared, &p);
	assert_int_equal(dp_port_read(&shared, &got), 0);
	assert_memory_equal(&p, &got, sizeof(p));
	/* A name without an end is the writer's fault, not the reader's. */
	memset(p.name, 'x', sizeof(p.name));
	dp_port_publish(&shared, &p);
	assert_int_equal(dp_port_read(&shared, &got), 0);
	assert_int_equal(strlen(got.name), sizeof(got.name) - 1);
	shared.lock++; /* the writer died in the middle */
	assert_int_equal(dp_port_read(&shared, &got), -EAGAIN);
	dp_port_publish(&shared, &p);
	assert_int_equal(dp_port_read(&shared, &got), 0);
}

static void
test_stats(void **state)
{
	struct dp_stats_shared shared = { 0 };
	struct dp_counters k = { 0 }, got;

	assert_true(dp_stats_balanced(&k));
	dp_count(&k, DP_STAT_RX_PKTS, 10);
	assert_false(dp_stats_balanced(&k));
	dp_count(&k, DP_STAT_SENT, 7);
	dp_count(&k, DP_STAT_DROP_MALFORMED, 3);
	dp_count(&k, DP_STAT_FLOWS, 1);
	assert_true(dp_stats_balanced(&k));
	k.anomaly[DP_ANOMALY_NO_MAIL] = 5;
	dp_stats_publish(&shared, &k);
	assert_int_equal(dp_stats_read(&shared, &got), 0);
	assert_memory_equal(&k, &got, sizeof(k));
	shared.lock++; /* the writer died in the middle */
	assert_int_equal(dp_stats_read(&shared, &got), -EAGAIN);
	dp_stats_publish(&shared, &k);
	assert_int_equal(dp_stats_read(&shared, &got), 0);
	dp_stats_add(&got, &k);
	assert_int_equal(got.c[DP_STAT_RX_PKTS], 20);
	assert_string_equal(dp_stat_name(DP_STAT_RX_PKTS), "rx_packets");
	assert_string_equal(dp_anomaly_name(DP_ANOMALY_BARE_LF), "bare_lf");
}

static void
test_ruleset_messages(void **state)
{
	struct dp_ruleset_msg msg = { .magic = DP_RULESET_MAGIC, .abi_version = DP_ABI_VERSION,
				      .type = DP_RULESET_OFFER, .generation = 1, .size = 10 };
	struct dp_ruleset_msg got;
	int s[2], fd, memfd = memfd_create("image", 0);

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s), 0);
	assert_int_equal(dp_ruleset_receive(s[1], &got, &fd), 0);
	assert_int_equal(dp_ruleset_send(s[0], &msg, memfd), 0);
	assert_int_equal(dp_ruleset_receive(s[1], &got, &fd), 1);
	assert_true(fd >= 0 && fd != memfd);
	close(fd);
	assert_memory_equal(&msg, &got, sizeof(msg));
	msg.type = DP_RULESET_ACK;
	assert_int_equal(dp_ruleset_send(s[0], &msg, -1), 0);
	assert_int_equal(dp_ruleset_receive(s[1], &got, &fd), 1);
	assert_int_equal(fd, -1);
	msg.generation = 0;
	assert_int_equal(dp_ruleset_send(s[0], &msg, memfd), 0);
	assert_int_equal(dp_ruleset_receive(s[1], &got, &fd), -EBADMSG);
	msg.generation = 1;
	memset(msg.text, 'x', sizeof(msg.text));
	assert_int_equal(dp_ruleset_check(&msg, sizeof(msg)), -EBADMSG);
	assert_int_equal(send(s[0], "short", 5, 0), 5);
	assert_int_equal(dp_ruleset_receive(s[1], &got, &fd), -EBADMSG);
	close(s[0]);
	assert_int_equal(dp_ruleset_receive(s[1], &got, &fd), -ECONNRESET);
	assert_int_equal(dp_ruleset_send(s[1], &msg, -1), -EPIPE);
	close(s[1]);
	close(memfd);
}

static void
test_args_number(void **state)
{
	static const char *const wrong[] = { "", "-1", "+1", " 1", "1 ", "0x1", "1e3", "65", "0",
					     "18446744073709551616", "99999999999999999999" };
	uint64_t n = 7;
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(dp_args_number(wrong[i], 1, 64, &n), -EINVAL);
	assert_int_equal(n, 7);
	assert_int_equal(dp_args_number("64", 1, 64, &n), 0);
	assert_int_equal(n, 64);
	assert_int_equal(dp_args_number("18446744073709551615", 0, UINT64_MAX, &n), 0);
	assert_true(n == UINT64_MAX);
}

static void
test_args_fd(void **state)
{
	static const char *const wrong[] = { "", "-1", "x", "1x", "4294967296", "99999999999", "1000000" };
	int fd = 7, null = open("/dev/null", O_RDONLY);
	char text[16];
	size_t i;

	assert_true(null >= 0);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(dp_args_fd(wrong[i], &fd), -EINVAL);
	assert_int_equal(fd, 7);
	snprintf(text, sizeof(text), "%d", null);
	assert_int_equal(dp_args_fd(text, &fd), 0);
	assert_int_equal(fd, null);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
}

static void
test_args_ports(void **state)
{
	static const char *const wrong[] = { "",     ",",	 "25,",	  ",25", "0",	   "65536", "25,25",
					     "25 26", "x", "-1", "25;26", "1000000000000", "+25", " 25",
					     "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17" };
	uint16_t ports[DP_ARGS_PORTS_MAX];
	unsigned int nb = 99;
	const char *why;
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (dp_args_ports(wrong[i], ports, &nb, &why) != -EINVAL)
			fail_msg("\"%s\" was taken", wrong[i]);
	assert_int_equal(nb, 99);
	assert_int_equal(dp_args_ports("25", ports, &nb, &why), 0);
	assert_int_equal(nb, 1);
	assert_int_equal(dp_args_ports("1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,65535", ports, &nb, &why), 0);
	assert_int_equal(nb, 16);
	assert_int_equal(ports[15], 65535);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strings), cmocka_unit_test(test_damage),	 cmocka_unit_test(test_hash),
		cmocka_unit_test(test_takeover),
		cmocka_unit_test(test_responder_messages), cmocka_unit_test(test_answers), cmocka_unit_test(test_stats), cmocka_unit_test(test_ruleset_messages),
		cmocka_unit_test(test_ports),	 cmocka_unit_test(test_args_number),
		cmocka_unit_test(test_args_fd),	 cmocka_unit_test(test_args_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
