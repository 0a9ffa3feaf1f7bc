/* SPDX-License-Identifier: BSD-3-Clause */
#include "dp_ports.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

enum {
	READ_TRIES = 1000,
	WORDS = sizeof(struct dp_port) / 8,
};

void
dp_port_publish(struct dp_port_shared *s, const struct dp_port *p)
{
	uint64_t lock = atomic_load_explicit(&s->lock, memory_order_relaxed), words[WORDS];
	unsigned int i;

	memcpy(words, p, sizeof(words));
	/* A predecessor that died while writing left it odd. */
	lock += lock & 1;
	atomic_store_explicit(&s->lock, lock + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	for (i = 0; i < WORDS; i++)
		atomic_store_explicit(&s->words[i], words[i], memory_order_relaxed);
	atomic_store_explicit(&s->lock, lock + 2, memory_order_release);
}

int
dp_port_read(const struct dp_port_shared *s, struct dp_port *ret)
{
	uint64_t words[WORDS];
	struct dp_port p;
	unsigned int try, i;

	for (try = 0; try < READ_TRIES; try++) {
		uint64_t before = atomic_load_explicit(&s->lock, memory_order_acquire);

		if (before & 1)
			continue;
		for (i = 0; i < WORDS; i++)
			words[i] = atomic_load_explicit(&s->words[i], memory_order_relaxed);
		atomic_thread_fence(memory_order_acquire);
		if (atomic_load_explicit(&s->lock, memory_order_relaxed) != before)
			continue;
		memcpy(&p, words, sizeof(p));
		p.name[sizeof(p.name) - 1] = '\0';
		if (!(p.flags & DP_PORT_PRESENT))
			return -ENOENT;
		*ret = p;
		return 0;
	}
	return -EAGAIN;
}
