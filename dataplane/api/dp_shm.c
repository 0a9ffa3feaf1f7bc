/* SPDX-License-Identifier: BSD-3-Clause */
#include "dp_shm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	PAGE = 4096, /* areas of workers begin on pages of their own */
	SEED_OFF = 64,
	ORDERS_OFF = 64,
};

_Static_assert(SEED_OFF >= sizeof(struct dp_shm_header) && SEED_OFF + sizeof(struct dp_shm_seed) <= DP_PORTS_OFF,
	       "the first page");

static size_t
round_up(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

static bool
geometry_ok(const struct dp_shm_geometry *geo)
{
	return geo->nb_workers >= 1 && geo->nb_workers <= DP_WORKERS_MAX &&
	       geo->ring_octets >= DP_RING_OCTETS_MIN && geo->ring_octets <= DP_RING_OCTETS_MAX &&
	       (geo->ring_octets & (geo->ring_octets - 1)) == 0;
}

/* Offsets within a worker's area. */
static size_t
dp_stats_off(void)
{
	return sizeof(struct dp_ring_dp);
}

static size_t
dp_severed_off(void)
{
	return round_up(dp_stats_off() + sizeof(struct dp_stats_shared), DP_CACHE_LINE);
}

static size_t
dp_records_off(void)
{
	return round_up(dp_severed_off() + sizeof(struct dp_severed_area), PAGE);
}

static size_t
ctrl_verdicts_off(void)
{
	return sizeof(struct dp_ring_ctrl);
}

static size_t
ctrl_commands_off(const struct dp_shm_geometry *geo)
{
	return ctrl_verdicts_off() + geo->ring_octets / DP_RECORD_ALIGN * sizeof(struct dp_verdict_slot);
}

static size_t
worker_stride(enum dp_shm_kind kind, const struct dp_shm_geometry *geo)
{
	if (kind == DP_SHM_DATAPLANE)
		return dp_records_off() + geo->ring_octets;
	return round_up(ctrl_commands_off(geo) + DP_COMMANDS * sizeof(struct dp_command), PAGE);
}

size_t
dp_shm_size(enum dp_shm_kind kind, const struct dp_shm_geometry *geo)
{
	return PAGE + geo->nb_workers * worker_stride(kind, geo);
}

int
dp_shm_create(enum dp_shm_kind kind, const struct dp_shm_geometry *geo)
{
	struct dp_shm_header header;
	int fd, rc;

	if (!geometry_ok(geo) || (kind != DP_SHM_DATAPLANE && kind != DP_SHM_CTRL))
		return -EINVAL;
	header = (struct dp_shm_header){
		.magic = DP_SHM_MAGIC,
		.abi_version = DP_ABI_VERSION,
		.kind = kind,
		.size = dp_shm_size(kind, geo),
		.nb_workers = geo->nb_workers,
		.ring_octets = geo->ring_octets,
		.worker_off = PAGE,
		.worker_stride = worker_stride(kind, geo),
		.run_flags = geo->run_flags,
	};
	fd = memfd_create(kind == DP_SHM_DATAPLANE ? "postern-dataplane" : "postern-ctrl",
			  MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)header.size) != 0 ||
	    pwrite(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header) ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
		rc = errno != 0 ? -errno : -EIO;
		close(fd);
		return rc;
	}
	return fd;
}

int
dp_shm_reopen_ro(int fd)
{
	char path[64];
	int ro;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ro = open(path, O_RDONLY | O_CLOEXEC);
	return ro < 0 ? -errno : ro;
}

/* The header as its maker must have written it for the file's size; everything is derived anew, nothing is believed. */
static int
header_check(const struct dp_shm_header *header, enum dp_shm_kind kind, uint64_t file_size,
	     struct dp_shm_geometry *ret_geo)
{
	struct dp_shm_geometry geo = {
		.nb_workers = header->nb_workers,
		.ring_octets = header->ring_octets,
		.run_flags = header->run_flags,
	};

	if (header->magic != DP_SHM_MAGIC || header->kind != (uint32_t)kind)
		return -EINVAL;
	if (header->abi_version != DP_ABI_VERSION)
		return -EPROTO;
	if (!geometry_ok(&geo) || header->worker_off != PAGE || header->worker_stride != worker_stride(kind, &geo) ||
	    header->size != dp_shm_size(kind, &geo) || header->size != file_size)
		return -EINVAL;
	*ret_geo = geo;
	return 0;
}

int
dp_shm_map(int fd, enum dp_shm_kind kind, bool writable, struct dp_shm *ret_shm)
{
	struct dp_shm_header header;
	struct dp_shm shm = { .kind = kind, .writable = writable };
	struct stat st;
	void *base;
	int rc, seals;

	if (fstat(fd, &st) != 0)
		return -errno;
	/* Sealed, so that the other end cannot pull the memory from under us (SIGBUS). */
	seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0 || (seals & (F_SEAL_SHRINK | F_SEAL_GROW)) != (F_SEAL_SHRINK | F_SEAL_GROW))
		return -EINVAL;
	if (pread(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header))
		return -EINVAL;
	rc = header_check(&header, kind, (uint64_t)st.st_size, &shm.geo);
	if (rc != 0)
		return rc;
	base = mmap(NULL, header.size, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
	if (base == MAP_FAILED)
		return -errno;
	shm.base = base;
	shm.size = header.size;
	shm.worker_off = header.worker_off;
	shm.worker_stride = header.worker_stride;
	*ret_shm = shm;
	return 0;
}

void
dp_shm_unmap(struct dp_shm *shm)
{
	if (shm == NULL || shm->base == NULL)
		return;
	munmap(shm->base, shm->size);
	shm->base = NULL;
}

static uint8_t *
worker_area(const struct dp_shm *shm, unsigned int worker)
{
	return shm->base + shm->worker_off + worker * shm->worker_stride;
}

struct dp_port_shared *
dp_shm_port(const struct dp_shm *shm, unsigned int port)
{
	return (struct dp_port_shared *)(shm->base + DP_PORTS_OFF) + port;
}

struct dp_ring_dp *
dp_shm_ring_dp(const struct dp_shm *shm, unsigned int worker)
{
	return (struct dp_ring_dp *)worker_area(shm, worker);
}

struct dp_stats_shared *
dp_shm_stats(const struct dp_shm *shm, unsigned int worker)
{
	return (struct dp_stats_shared *)(worker_area(shm, worker) + dp_stats_off());
}

struct dp_severed_area *
dp_shm_severed(const struct dp_shm *shm, unsigned int worker)
{
	return (struct dp_severed_area *)(worker_area(shm, worker) + dp_severed_off());
}

struct dp_shm_orders *
dp_shm_orders(const struct dp_shm *shm)
{
	return (struct dp_shm_orders *)(shm->base + ORDERS_OFF);
}

void
dp_shm_keep_seed(const struct dp_shm *shm, uint64_t k[2])
{
	struct dp_shm_seed *seed = (struct dp_shm_seed *)(shm->base + SEED_OFF);

	if (atomic_load_explicit(&seed->is_set, memory_order_acquire) == 1) {
		memcpy(k, seed->k, sizeof(seed->k));
		return;
	}
	memcpy(seed->k, k, sizeof(seed->k));
	atomic_store_explicit(&seed->is_set, 1, memory_order_release);
}

uint8_t *
dp_shm_records(const struct dp_shm *shm, unsigned int worker)
{
	return worker_area(shm, worker) + dp_records_off();
}

struct dp_ring_ctrl *
dp_shm_ring_ctrl(const struct dp_shm *shm, unsigned int worker)
{
	return (struct dp_ring_ctrl *)worker_area(shm, worker);
}

struct dp_verdict_slot *
dp_shm_verdicts(const struct dp_shm *shm, unsigned int worker)
{
	return (struct dp_verdict_slot *)(worker_area(shm, worker) + ctrl_verdicts_off());
}

struct dp_command *
dp_shm_commands(const struct dp_shm *shm, unsigned int worker)
{
	return (struct dp_command *)(worker_area(shm, worker) + ctrl_commands_off(&shm->geo));
}
