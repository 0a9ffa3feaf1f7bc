/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_capture - any octets as a capture file: read as a mapped file in two rounds, and as a stream; both give the same
 * frames and the same error
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capture.h"
#include "packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BURST = 7, ROUNDS = 2 };

struct seen {
	unsigned int nb_errors;
	uint64_t offset;
	bool whole;
	uint64_t nb_first; /* frames of the first round */
	uint64_t sum;	   /* over their octets and fields */
};

static void
check(bool ok)
{
	if (!ok)
		abort();
}

static void
on_error(void *ctx, const struct capture_error *err)
{
	struct seen *seen = ctx;

	check(memchr(err->text, '\0', sizeof(err->text)) != NULL && err->text[0] != '\0');
	seen->nb_errors++;
	seen->offset = err->offset;
	seen->whole = err->whole;
}

static uint64_t
mix(uint64_t sum, uint64_t v)
{
	return (sum ^ v) * UINT64_C(0x9e3779b97f4a7c15) + (sum >> 29);
}

static void
check_frame(const struct capture_frame *f, uint64_t frame_no, uint64_t last_ns, struct seen *seen)
{
	uint32_t i;

	check(f->frame_no == frame_no);
	check(f->cap_len <= 262144 && f->wire_len >= f->cap_len);
	check(f->ts_ns >= last_ns && f->ts_ns <= INT64_MAX);
	check(f->link < PACKET_LINK_NB);
	check(f->loop < ROUNDS);
	if (f->loop > 0)
		return;
	seen->nb_first++;
	for (i = 0; i < f->cap_len; i++) /* every octet is there */
		seen->sum = seen->sum * 31 + f->data[i];
	seen->sum = mix(mix(mix(seen->sum, f->ts_ns), (uint64_t)f->cap_len << 32 | f->wire_len), f->link);
}

static void
read_all(const char *path, size_t size, struct seen *seen)
{
	struct capture_config cfg = {
		.paths = &path, .nb_paths = 1, .rounds = ROUNDS, .error = on_error, .error_ctx = seen,
	};
	struct capture_frame frames[BURST];
	struct capture_progress progress;
	uint64_t frame_no = 0, last_ns = 0;
	struct capture *c;
	unsigned int n, i;

	memset(seen, 0, sizeof(*seen));
	check(capture_open(&cfg, &c) == 0);
	while ((n = capture_read(c, frames, BURST)) > 0) {
		check(n <= BURST);
		for (i = 0; i < n; i++) {
			check_frame(&frames[i], ++frame_no, last_ns, seen);
			last_ns = frames[i].ts_ns;
		}
	}
	capture_progress(c, &progress);
	check(progress.octets <= (uint64_t)size * ROUNDS);
	check(seen->nb_errors <= 1);
	check(seen->nb_errors == 0 || seen->offset <= size);
	check(!(seen->nb_errors == 1 && seen->whole) || frame_no == 0);
	capture_close(c);
}

static void
write_all(int fd, const uint8_t *data, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, data, size);

		check(n > 0);
		data += n;
		size -= (size_t)n;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen mapped, streamed;
	int fd, fds[2], saved;
	char path[64];

	if (size > 60000) /* fits into a pipe */
		return 0;
	fd = memfd_create("capture", MFD_CLOEXEC);
	check(fd >= 0);
	write_all(fd, data, size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	read_all(path, size, &mapped);
	close(fd);

	check(pipe(fds) == 0);
	write_all(fds[1], data, size);
	close(fds[1]);
	saved = dup(STDIN_FILENO);
	check(dup2(fds[0], STDIN_FILENO) >= 0);
	close(fds[0]);
	read_all("-", size, &streamed);
	check(saved < 0 || dup2(saved, STDIN_FILENO) >= 0);
	if (saved >= 0)
		close(saved);

	check(mapped.nb_first == streamed.nb_first && mapped.sum == streamed.sum);
	check(mapped.nb_errors == streamed.nb_errors && mapped.offset == streamed.offset &&
	      mapped.whole == streamed.whole);
	return 0;
}
