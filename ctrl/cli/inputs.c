/* SPDX-License-Identifier: BSD-3-Clause */
#include "inputs.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dp_event.h"

enum {
	END_OCTETS = 64 * 1024,
	BLOCK_OCTETS = 4 * 1024,
	BLOCKS = 64,
};

enum input_kind {
	INPUT_FILE = 1,
	INPUT_STREAM,
	INPUT_ABSENT,
};

static uint64_t
hash_at(uint64_t h, int fd, uint64_t off, size_t len, uint8_t *buf)
{
	size_t have = 0;
	ssize_t n;

	while (have < len && (n = pread(fd, buf + have, len - have, (off_t)(off + have))) > 0)
		have += (size_t)n;
	return dp_hash64(h, buf, have);
}

static uint64_t
hash_content(uint64_t h, int fd, uint64_t size)
{
	static const uint8_t kind = INPUT_FILE;
	uint8_t *buf = malloc(END_OCTETS);
	uint64_t i, last;

	h = dp_hash64(h, &kind, sizeof(kind));
	h = dp_hash64(h, &size, sizeof(size));
	if (buf == NULL)
		return h;
	h = hash_at(h, fd, 0, END_OCTETS, buf);
	if (size > END_OCTETS) {
		last = size - END_OCTETS;
		for (i = 0; i < BLOCKS; i++)
			h = hash_at(h, fd, last / BLOCKS * i, BLOCK_OCTETS, buf);
		h = hash_at(h, fd, last, END_OCTETS, buf);
	}
	free(buf);
	return h;
}

static uint64_t
hash_name(uint64_t h, enum input_kind kind, const char *path, uint64_t moment_ns)
{
	uint8_t k = (uint8_t)kind;

	h = dp_hash64(h, &k, sizeof(k));
	h = dp_hash64(h, path, strlen(path) + 1);
	return dp_hash64(h, &moment_ns, sizeof(moment_ns));
}

void
inputs_examine(char *const *paths, unsigned int nb_paths, uint64_t now_ns, struct inputs *ret)
{
	uint64_t h = DP_HASH64_INIT;
	unsigned int i;
	struct stat st;

	memset(ret, 0, sizeof(*ret));
	for (i = 0; i < nb_paths; i++) {
		bool standard = strcmp(paths[i], "-") == 0;
		int fd = -1;

		memset(&st, 0, sizeof(st));
		/* Looked at before it is opened: opening a FIFO would show its writer a reader that
		 * goes away. */
		if (!standard && stat(paths[i], &st) == 0 && S_ISREG(st.st_mode))
			fd = open(paths[i], O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
		if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
			h = hash_content(h, fd, (uint64_t)st.st_size);
			ret->octets += (uint64_t)st.st_size;
		} else if (standard || S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) ||
			   S_ISCHR(st.st_mode)) {
			h = hash_name(h, INPUT_STREAM, paths[i], now_ns);
			ret->streams = true;
		} else {
			h = hash_name(h, INPUT_ABSENT, paths[i], 0);
		}
		if (fd >= 0)
			close(fd);
	}
	ret->run_id = h;
}
