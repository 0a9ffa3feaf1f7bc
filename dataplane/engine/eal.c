/* SPDX-License-Identifier: BSD-3-Clause */
#include "eal.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "dp_abi.h"

/* "0-3,8" from the CPUs this process may use. */
static int
cpu_list(char *buf, size_t size)
{
	cpu_set_t set;
	size_t used = 0;
	int cpu;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return -errno;
	buf[0] = '\0';
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		int first = cpu, n;

		if (!CPU_ISSET(cpu, &set))
			continue;
		while (cpu + 1 < CPU_SETSIZE && CPU_ISSET(cpu + 1, &set))
			cpu++;
		n = first == cpu ? snprintf(buf + used, size - used, "%s%d", used > 0 ? "," : "", first) :
				   snprintf(buf + used, size - used, "%s%d-%d", used > 0 ? "," : "", first, cpu);
		if (n < 0 || (size_t)n >= size - used)
			return -ENAMETOOLONG;
		used += (size_t)n;
	}
	return 0;
}

int
eal_start(unsigned int nb_workers, unsigned int mem_mib)
{
	char cpus[1024], lcores[1200], prefix[64], mem[16];
	char *argv[] = {
		(char *)"postern-dataplane",
		(char *)"--lcores",
		lcores,
		(char *)"--no-huge",
		(char *)"--no-pci",
		(char *)"--no-shconf",
		(char *)"--no-telemetry",
		(char *)"-m",
		mem,
		(char *)"--file-prefix",
		prefix,
		(char *)"--log-level",
		(char *)"error",
		NULL,
	};
	int argc = (int)(sizeof(argv) / sizeof(argv[0])) - 1;
	int rc;

	rc = cpu_list(cpus, sizeof(cpus));
	if (rc != 0)
		return rc;
	snprintf(lcores, sizeof(lcores), "(%d-%u)@(%s)", EAL_LCORE_SERVICE, EAL_LCORE_WORKER0 + nb_workers - 1, cpus);
	snprintf(prefix, sizeof(prefix), "postern-%ld", (long)getpid());
	snprintf(mem, sizeof(mem), "%u", mem_mib);
	if (rte_eal_init(argc, argv) < 0)
		return rte_errno > 0 ? -rte_errno : -EIO;
	return 0;
}

/* Octets of hugepages of any size that are free now. */
static uint64_t
free_hugepages(void)
{
	static const char *const sizes[] = { "2048", "1048576", "524288", "65536" };
	uint64_t sum = 0;
	unsigned long nb;
	char path[128];
	unsigned int i;
	FILE *f;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-%skB/free_hugepages", sizes[i]);
		f = fopen(path, "re");
		if (f == NULL)
			continue;
		if (fscanf(f, "%lu", &nb) == 1)
			sum += (uint64_t)nb * strtoul(sizes[i], NULL, 10) * 1024;
		fclose(f);
	}
	return sum;
}

/* "(0)@(cpus),1@2,2@3": the service thread anywhere, worker i on the i-th of @cores. */
static int
pinned(const char *cpus, const char *cores, unsigned int nb_workers, char *buf, size_t size)
{
	char *save = NULL, *word, copy[1024];
	unsigned int i = 0;
	size_t used;

	if (snprintf(copy, sizeof(copy), "%s", cores) >= (int)sizeof(copy))
		return -ENAMETOOLONG;
	used = (size_t)snprintf(buf, size, "%d@(%s)", EAL_LCORE_SERVICE, cpus);
	for (word = strtok_r(copy, ",", &save); word != NULL && i < nb_workers; word = strtok_r(NULL, ",", &save), i++)
		used += (size_t)snprintf(buf + used, used < size ? size - used : 0, ",%u@%s", EAL_LCORE_WORKER0 + i,
					 word);
	return i < nb_workers ? -EINVAL : used >= size ? -ENAMETOOLONG : 0;
}

int
eal_start_live(unsigned int nb_workers, const struct eal_live *cfg, char *note, unsigned int size)
{
	unsigned int mem_mib = cfg->mem_mib != 0 ? cfg->mem_mib : (unsigned int)EAL_LIVE_MEM_MIB, i;
	char cpus[1024], lcores[2400], prefix[64], mem[16];
	char *argv[24 + 2 * EAL_PCI_MAX];
	uint64_t huge = free_hugepages();
	bool use_huge = cfg->hugepages != EAL_HUGE_NO && huge >= (uint64_t)mem_mib << 20;
	int argc = 0, rc;

	if (cfg->hugepages == EAL_HUGE_YES && !use_huge) {
		snprintf(note, size, "%u MiB of hugepages are wanted and %u are free: reserve them (vm.nr_hugepages), or "
			 "let hugepages be auto", mem_mib, (unsigned int)(huge >> 20));
		return -ENOMEM;
	}
	snprintf(note, size, use_huge ? "memory: %u MiB of hugepages" :
			     "memory: %u MiB without hugepages (%u MiB of them are free); slower, and some NICs need them",
		 mem_mib, (unsigned int)(huge >> 20));
	rc = cpu_list(cpus, sizeof(cpus));
	if (rc == 0 && cfg->cores != NULL)
		rc = pinned(cpus, cfg->cores, nb_workers, lcores, sizeof(lcores));
	if (rc != 0)
		return rc;
	if (cfg->cores == NULL)
		snprintf(lcores, sizeof(lcores), "(%d-%u)@(%s)", EAL_LCORE_SERVICE, EAL_LCORE_WORKER0 + nb_workers - 1,
			 cpus);
	snprintf(prefix, sizeof(prefix), "postern-%ld", (long)getpid());
	snprintf(mem, sizeof(mem), "%u", mem_mib);
	argv[argc++] = (char *)"postern-dataplane-live";
	argv[argc++] = (char *)"--lcores";
	argv[argc++] = lcores;
	argv[argc++] = (char *)(use_huge ? "--in-memory" : "--no-huge");
	if (!use_huge)
		argv[argc++] = (char *)"--no-shconf";
	argv[argc++] = (char *)"-m";
	argv[argc++] = mem;
	argv[argc++] = (char *)"--file-prefix";
	argv[argc++] = prefix;
	argv[argc++] = (char *)"--log-level";
	argv[argc++] = (char *)"error";
	if (cfg->nb_pci == 0)
		argv[argc++] = (char *)"--no-pci";
	for (i = 0; i < cfg->nb_pci && i < EAL_PCI_MAX; i++) {
		argv[argc++] = (char *)"-a";
		argv[argc++] = (char *)(uintptr_t)cfg->pci[i];
	}
	argv[argc] = NULL;
	if (rte_eal_init(argc, argv) < 0)
		return rte_errno > 0 ? -rte_errno : -EIO;
	return 0;
}

void
eal_stop(void)
{
	rte_eal_cleanup();
}
