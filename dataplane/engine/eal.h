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

enum eal_hugepages {
	EAL_HUGE_AUTO = 0, /* if enough are free, else ordinary memory */
	EAL_HUGE_YES,
	EAL_HUGE_NO,
};

struct eal_live {
	const char *cores;	/* "2,3": worker i runs on the i-th; NULL: all float */
	const char *const *pci; /* addresses of the devices that DPDK may touch */
	unsigned int nb_pci;
	unsigned int mem_mib;	/* 0: EAL_LIVE_MEM_MIB */
	enum eal_hugepages hugepages;
};

enum {
	EAL_LIVE_MEM_MIB = 256,
	EAL_PCI_MAX = 16,
};

/*
 * For live ports: hugepages without a file system of them (--in-memory) where enough are free, else --no-huge; only the
 * PCI devices named. The telemetry socket is on. @note (@size octets) says what memory was taken. 0 or negative errno.
 */
int eal_start_live(unsigned int nb_workers, const struct eal_live *cfg, char *note, unsigned int size);
void eal_stop(void);

#endif
