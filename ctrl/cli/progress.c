/* SPDX-License-Identifier: BSD-3-Clause */
#include "progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "humanize.h"

enum {
	BAR_MAX = 40,
	LINE_MAX_OCTETS = 256,
};

void
progress_init(struct progress *p, bool on, uint64_t total, uint64_t now_ns)
{
	memset(p, 0, sizeof(*p));
	p->on = on;
	p->total = total;
	p->start_ns = now_ns;
	p->last_ns = now_ns;
}

int
progress_wait_ms(const struct progress *p, uint64_t now_ns)
{
	uint64_t due, first = p->start_ns + PROGRESS_FIRST_MS * UINT64_C(1000000);

	if (!p->on)
		return -1;
	due = p->last_ns + PROGRESS_STEP_MS * UINT64_C(1000000);
	if (due < first)
		due = first;
	return due <= now_ns ? 0 : (int)((due - now_ns + 999999) / 1000000);
}

int
progress_format(const struct progress *p, uint64_t octets, uint64_t now_ns, int columns, char *buf,
		size_t size)
{
	char done[32], total[32], rate[32], left[32] = "", bar[BAR_MAX + 1] = "";
	int width = columns - 56, filled, i;
	uint64_t seconds;

	humanize_octets(done, sizeof(done), octets);
	humanize_octets(rate, sizeof(rate), (uint64_t)p->rate);
	if (p->total == 0) {
		humanize_seconds(left, sizeof(left), (now_ns - p->start_ns) / 1000000000);
		return snprintf(buf, size, "%s read, %s/s, %s", done, rate, left);
	}
	humanize_octets(total, sizeof(total), p->total);
	if (width > BAR_MAX)
		width = BAR_MAX;
	filled = width > 0 ? (int)((double)width * (double)octets / (double)p->total) : 0;
	for (i = 0; i < width; i++)
		bar[i] = i < filled ? '#' : '.';
	if (p->rate > 1) {
		seconds = (uint64_t)((double)(p->total - octets) / p->rate);
		humanize_seconds(left, sizeof(left), seconds);
	}
	return snprintf(buf, size, "%3u %% %s%s%s of %s, %s/s%s%s",
			(unsigned int)(100 * (double)octets / (double)p->total), bar,
			width > 0 ? " " : "", done, total, rate, left[0] != '\0' ? ", left " : "",
			left);
}

void
progress_draw(struct progress *p, uint64_t octets, uint64_t now_ns)
{
	char line[LINE_MAX_OCTETS], out[LINE_MAX_OCTETS + 16];
	struct winsize ws;
	int columns = 80, n;
	double step, rate;

	if (!p->on)
		return;
	/* Octets are those of the packets, the total is that of the files: close, but never beyond.
	 */
	if (p->total != 0 && octets > p->total)
		octets = p->total;
	step = (double)(now_ns - p->last_ns) / 1e9;
	if (step > 0) {
		rate = (double)(octets - p->last_octets) / step;
		p->rate = p->drawn ? 0.7 * p->rate + 0.3 * rate : rate;
	}
	p->last_ns = now_ns;
	p->last_octets = octets;
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col > 0)
		columns = ws.ws_col;
	progress_format(p, octets, now_ns, columns, line, sizeof(line));
	n = snprintf(out, sizeof(out), "\r%.*s\033[K", columns - 1, line);
	if (n > 0 && write(STDERR_FILENO, out, (size_t)n) > 0)
		p->drawn = true;
}

void
progress_clear(struct progress *p)
{
	static const char wipe[] = "\r\033[K";

	if (p->drawn && write(STDERR_FILENO, wipe, sizeof(wipe) - 1) > 0)
		p->drawn = false;
}
