/* SPDX-License-Identifier: BSD-3-Clause */
/* Rule sets exchanged under working threads: real images, real sockets, real RCU; a bad offer changes nothing. */
#include "rule_swap.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "dp_event.h"
#include "dp_ruleset.h"
#include "eal.h"
#include "ruleset.h"

enum {
	WORKERS = 2,
	SWAPS = 1000,
};

struct image {
	int fd;
	uint32_t generation;
	uint64_t size, hash;
};

struct fixture {
	int ctrl, service;
	struct rule_swap *rs;
	struct image images[2];
	_Atomic bool stop;
	_Atomic uint64_t judged, wrong;
};

static int
sealed_copy(const void *p, size_t len, int seals)
{
	int fd = memfd_create("image", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, p, len), len);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static void
load(struct image *image, uint32_t generation)
{
	struct rule_errors errs = { 0 };
	struct ruleset *set = NULL;
	const void *p;
	size_t len;

	assert_int_equal(ruleset_load(TEST_RULES, generation, &errs, &set), 0);
	p = ruleset_image(set, &len);
	image->fd = sealed_copy(p, len, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW);
	image->generation = generation;
	image->size = len;
	image->hash = dp_hash64(DP_HASH64_INIT, p, len);
	ruleset_free(set);
	rule_errors_free(&errs);
}

static struct dp_ruleset_msg
offer_of(const struct image *image)
{
	return (struct dp_ruleset_msg){
		.magic = DP_RULESET_MAGIC,
		.abi_version = DP_ABI_VERSION,
		.type = DP_RULESET_OFFER,
		.generation = image->generation,
		.size = image->size,
		.hash = image->hash,
	};
}

static void
expect_acks(struct fixture *f, uint32_t generation)
{
	struct dp_ruleset_msg got;
	int fd;

	for (unsigned int w = 0; w < WORKERS; w++) {
		assert_int_equal(dp_ruleset_receive(f->ctrl, &got, &fd), 1);
		assert_int_equal(got.type, DP_RULESET_ACK);
		assert_int_equal(got.generation, generation);
		assert_int_equal(got.worker, w);
	}
	assert_int_equal(dp_ruleset_receive(f->ctrl, &got, &fd), 0);
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int s[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s), 0);
	f->ctrl = s[0];
	f->service = s[1];
	assert_int_equal(rule_swap_new(f->service, WORKERS, &f->rs), 0);
	load(&f->images[0], 1);
	load(&f->images[1], 2);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	rule_swap_free(f->rs);
	close(f->ctrl);
	close(f->service);
	close(f->images[0].fd);
	close(f->images[1].fd);
	free(f);
	return 0;
}

struct worker_arg {
	struct fixture *f;
	unsigned int index;
};

static void *
work(void *arg_)
{
	struct worker_arg *arg = arg_;
	struct fixture *f = arg->f;
	const struct matcher_query hit = { "gen", 3, "army.ml", 7 }, miss = { "gen", 3, "army.mil", 8 };
	struct matcher_match match;

	rule_swap_online(f->rs, arg->index);
	while (!atomic_load(&f->stop)) {
		const struct rule_set *set = rule_swap_get(f->rs);

		if (set != NULL) {
			struct matcher_scratch *scratch = set->scratch[arg->index];

			if (matcher_judge(set->matcher, scratch, &hit, &match) != 1 ||
			    matcher_judge(set->matcher, scratch, &miss, &match) != 0)
				atomic_fetch_add(&f->wrong, 1);
			atomic_fetch_add(&f->judged, 1);
		}
		rule_swap_quiescent(f->rs, arg->index);
	}
	rule_swap_offline(f->rs, arg->index);
	return NULL;
}

static void
test_swaps_under_work(void **state)
{
	struct fixture *f = *state;
	struct worker_arg args[WORKERS];
	pthread_t threads[WORKERS];

	for (unsigned int i = 0; i < WORKERS; i++) {
		args[i] = (struct worker_arg){ f, i };
		assert_int_equal(pthread_create(&threads[i], NULL, work, &args[i]), 0);
	}
	for (unsigned int n = 0; n < SWAPS; n++) {
		struct dp_ruleset_msg offer = offer_of(&f->images[n % 2]);

		assert_int_equal(dp_ruleset_send(f->ctrl, &offer, f->images[n % 2].fd), 0);
		assert_int_equal(rule_swap_poll(f->rs), 0);
		expect_acks(f, offer.generation);
		assert_int_equal(rule_swap_get(f->rs)->generation, offer.generation);
	}
	atomic_store(&f->stop, true);
	for (unsigned int i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(f->wrong, 0);
	assert_true(f->judged > 0);
}

/* The content in use, offered again by a restarted ctrl, is acknowledged without a swap. */
static void
test_same_again(void **state)
{
	struct fixture *f = *state;
	struct dp_ruleset_msg offer = offer_of(&f->images[0]);
	const struct rule_set *first;

	assert_int_equal(dp_ruleset_send(f->ctrl, &offer, f->images[0].fd), 0);
	assert_int_equal(rule_swap_poll(f->rs), 0);
	expect_acks(f, 1);
	first = rule_swap_get(f->rs);
	assert_int_equal(dp_ruleset_send(f->ctrl, &offer, f->images[0].fd), 0);
	assert_int_equal(rule_swap_poll(f->rs), 0);
	expect_acks(f, 1);
	assert_ptr_equal(rule_swap_get(f->rs), first);
}

static void
expect_refused(struct fixture *f, const struct dp_ruleset_msg *offer, int fd, const char *why)
{
	const struct rule_set *before = rule_swap_get(f->rs);
	struct dp_ruleset_msg got;
	int got_fd;

	assert_int_equal(dp_ruleset_send(f->ctrl, offer, fd), 0);
	assert_int_equal(rule_swap_poll(f->rs), 0);
	assert_int_equal(dp_ruleset_receive(f->ctrl, &got, &got_fd), 1);
	assert_int_equal(got.type, DP_RULESET_REFUSED);
	assert_int_equal(got.generation, offer->generation);
	assert_true(got.error < 0);
	assert_non_null(strstr(got.text, why));
	assert_ptr_equal(rule_swap_get(f->rs), before);
}

static void
test_bad_offers(void **state)
{
	const int all = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
	struct fixture *f = *state;
	struct dp_ruleset_msg offer = offer_of(&f->images[0]), bad;
	uint8_t *copy = malloc(offer.size);
	int fd;

	assert_int_equal(dp_ruleset_send(f->ctrl, &offer, f->images[0].fd), 0);
	assert_int_equal(rule_swap_poll(f->rs), 0);
	expect_acks(f, 1);
	assert_int_equal(pread(f->images[1].fd, copy, offer.size, 0), offer.size);

	fd = sealed_copy(copy, offer.size, F_SEAL_SHRINK | F_SEAL_GROW);
	bad = offer_of(&f->images[1]);
	expect_refused(f, &bad, fd, "not sealed");
	close(fd);
	bad.size--;
	expect_refused(f, &bad, f->images[1].fd, "another size");
	bad = offer_of(&f->images[1]);
	bad.hash ^= 1;
	expect_refused(f, &bad, f->images[1].fd, "damaged");
	bad = offer_of(&f->images[1]);
	bad.generation = 99;
	expect_refused(f, &bad, f->images[1].fd, "another generation");
	/* Octets that are no image though everything around them is right. */
	copy[offer.size / 2] ^= 0x10;
	fd = sealed_copy(copy, offer.size, all);
	bad = offer_of(&f->images[1]);
	bad.hash = dp_hash64(DP_HASH64_INIT, copy, offer.size);
	expect_refused(f, &bad, fd, "not a rule set");
	close(fd);
	free(copy);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_swaps_under_work, setup, teardown),
		cmocka_unit_test_setup_teardown(test_same_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_offers, setup, teardown),
	};
	int rc;

	if (eal_start(1, 64) != 0)
		return 1;
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	eal_stop();
	return rc;
}
