/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * eal_cpu - which CPUs there are, answered without asking /sys 5,000 times
 *
 * rte_eal_init() tries, for each of its 128 possible CPUs, which of 32 folders of /sys holds it, before it asks whether
 * there is such a CPU, and then asks for 900 more that it cannot use: half of the time that replaying a small capture
 * takes. Here only the CPUs that the process may use count (--lcores names no others), and with --no-huge the memory is
 * of no node. The linker lets these functions stand in the place of the EAL's own (--wrap, meson.build), in the
 * statically linked program only; were they named otherwise in a later DPDK, nothing but the time would be lost.
 */
#include <sched.h>

int __wrap_eal_cpu_detected(unsigned int cpu);
unsigned int __wrap_eal_cpu_socket_id(unsigned int cpu);

/* "used", both: the link-time optimizer does not see who calls them. */
__attribute__((used)) int
__wrap_eal_cpu_detected(unsigned int cpu)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) != 0 || CPU_ISSET(cpu, &set);
}

__attribute__((used)) unsigned int
__wrap_eal_cpu_socket_id(unsigned int cpu)
{
	(void)cpu;
	return 0;
}
