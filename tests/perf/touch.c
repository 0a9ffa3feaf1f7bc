/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * touch - the least that anything can cost which looks at every octet of a file: map it and sum them
 *
 *              touch FILE             maps the file; time of mapping and summing
 *              touch FILE --memory    reads it to anonymous memory first; time of summing alone
 *
 * Prints one line: sum, octets, seconds, nanoseconds. Exit 1: the file cannot be read; 2: usage.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static uint64_t
sum_octets(const uint8_t *p, size_t len)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < len; i++)
		sum += p[i];
	return sum;
}

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static uint8_t *
read_to_memory(int fd, size_t len)
{
	uint8_t *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t off = 0;

	if (p == MAP_FAILED)
		return NULL;
	while (off < len) {
		ssize_t n = read(fd, p + off, len - off);

		if (n <= 0)
			return NULL;
		off += (size_t)n;
	}
	return p;
}

int
main(int argc, char **argv)
{
	bool memory = argc == 3 && strcmp(argv[2], "--memory") == 0;
	uint64_t begin, sum, took;
	struct stat st;
	uint8_t *p;
	int fd;

	if (argc < 2 || argc > 3 || (argc == 3 && !memory)) {
		fprintf(stderr, "usage: touch FILE [--memory]\n");
		return 2;
	}
	fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0) {
		perror(argv[1]);
		return 1;
	}
	if (!S_ISREG(st.st_mode) || st.st_size == 0) {
		fprintf(stderr, "%s: not a file with octets in it\n", argv[1]);
		return 1;
	}
	p = memory ? read_to_memory(fd, (size_t)st.st_size) : NULL;
	begin = now_ns();
	if (!memory) {
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		p = p == MAP_FAILED ? NULL : p;
	}
	if (p == NULL) {
		perror(argv[1]);
		return 1;
	}
	sum = sum_octets(p, (size_t)st.st_size);
	took = now_ns() - begin;
	printf("sum %" PRIu64 " octets %" PRIu64 " seconds %.6f ns %" PRIu64 "\n", sum, (uint64_t)st.st_size,
	       (double)took / 1e9, took);
	return 0;
}
