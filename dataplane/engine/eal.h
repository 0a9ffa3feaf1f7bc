/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * eal - start DPDK's environment so that any user can, and several at a time
 *
 * What:      for captures: no hugepages, no PCI, no shared configuration, a private file prefix; lcore 0 is the main
 *            thread (service), lcores 1..N the workers, all floating over the CPUs this process may use (the scheduler
 *            places them; a replay is no place to pin).
 */
#ifndef POSTERN_EAL_H
#define POSTERN_EAL_H

enum {
	EAL_LCORE_SERVICE = 0,
	EAL_LCORE_WORKER0 = 1,
};

/* 0 or negative errno (said on standard error by the EAL itself). @mem_mib: memory that pools may take. */
int eal_start(unsigned int nb_workers, unsigned int mem_mib);
void eal_stop(void);

#endif
