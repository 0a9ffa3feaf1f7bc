/* SPDX-License-Identifier: BSD-3-Clause */
#include "eal.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
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

void
eal_stop(void)
{
	rte_eal_cleanup();
}
