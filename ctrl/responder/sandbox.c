/* SPDX-License-Identifier: BSD-3-Clause */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "route.h"

static int
become(uid_t uid, gid_t gid)
{
	if (geteuid() != 0)
		return 0;
	if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
		return -errno;
	return 0;
}

static int
open_tun(int *ret_fd)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC), rc;

	if (fd < 0)
		return -errno;
	strcpy(ifr.ifr_name, SANDBOX_TUN);
	if (ioctl(fd, TUNSETIFF, &ifr) != 0) {
		rc = -errno;
		close(fd);
		return rc;
	}
	*ret_fd = fd;
	return 0;
}

/*
 * A setting of this network namespace. One that this kernel does not have is not missed; nor is any where /proc/sys cannot be
 * written (systemd's ProtectKernelTunables): they keep the kernel from saying what nobody lets out anyway.
 */
static int
set(const char *name, const char *value)
{
	char path[128];
	ssize_t n;
	int fd, rc = 0;

	snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == EROFS ? 0 : -errno;
	n = write(fd, value, strlen(value));
	if (n != (ssize_t)strlen(value))
		rc = n < 0 ? -errno : -EIO;
	close(fd);
	return rc;
}

static int
settings(void)
{
	static const char *const list[][2] = {
		{ "ipv4/conf/all/rp_filter", "0" },
		{ "ipv4/conf/" SANDBOX_TUN "/rp_filter", "0" },
		{ "ipv4/conf/all/send_redirects", "0" },
		{ "ipv4/icmp_echo_ignore_all", "1" },
		{ "ipv6/icmp/echo_ignore_all", "1" },
		{ "ipv6/conf/" SANDBOX_TUN "/accept_ra", "0" },
		{ "ipv6/conf/" SANDBOX_TUN "/router_solicitations", "0" },
	};
	unsigned int i;
	int rc = 0;

	for (i = 0; i < sizeof(list) / sizeof(list[0]) && rc == 0; i++)
		rc = set(list[i][0], list[i][1]);
	return rc;
}

/* Up, and without multicast: no group is joined, so no report of one is sent. */
static int
link_up(const char *name, int mtu)
{
	struct ifreq ifr = { .ifr_flags = 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc = 0;

	if (fd < 0)
		return -errno;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (mtu > 0) {
		ifr.ifr_mtu = mtu;
		if (ioctl(fd, SIOCSIFMTU, &ifr) != 0)
			rc = -errno;
	}
	if (rc == 0 && ioctl(fd, SIOCGIFFLAGS, &ifr) != 0)
		rc = -errno;
	ifr.ifr_flags = (short)((ifr.ifr_flags | IFF_UP) & ~IFF_MULTICAST);
	if (rc == 0 && ioctl(fd, SIOCSIFFLAGS, &ifr) != 0)
		rc = -errno;
	close(fd);
	return rc;
}

/* Two capabilities of the own namespace, and nothing that a program could gain by being executed. */
static int
keep_capabilities(void)
{
	const uint32_t kept = 1u << CAP_NET_ADMIN | 1u << CAP_NET_BIND_SERVICE;
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { .effective = kept, .permitted = kept } };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || syscall(SYS_capset, &head, data) != 0)
		return -errno;
	return 0;
}

int
sandbox_enter(uid_t uid, gid_t gid, uint16_t mtu, int *ret_tun, const char **ret_what)
{
	int tun = -1, rc;

	*ret_what = "another user";
	rc = become(uid, gid);
	if (rc != 0)
		return rc;
	/* A change of user clears it; the supervisor's end must still take us along. */
	prctl(PR_SET_PDEATHSIG, 9, 0, 0, 0);
	*ret_what = "a user namespace";
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
		return -errno;
	/* Opened in here: the device, and what is in flight, live as long as somebody has it open. */
	*ret_what = "the TUN device (/dev/net/tun)";
	rc = open_tun(&tun);
	if (rc == 0) {
		*ret_what = "settings of the network namespace";
		rc = settings();
	}
	if (rc == 0) {
		*ret_what = "links of the network namespace";
		rc = link_up("lo", 0);
	}
	if (rc == 0)
		rc = route_no_address(SANDBOX_TUN);
	if (rc == 0)
		rc = link_up(SANDBOX_TUN, mtu);
	if (rc == 0) {
		*ret_what = "routes of the network namespace";
		rc = route_everything(SANDBOX_TUN);
	}
	if (rc == 0) {
		*ret_what = "capabilities";
		rc = keep_capabilities();
	}
	if (rc != 0) {
		if (tun >= 0)
			close(tun);
		return rc;
	}
	*ret_tun = tun;
	return 0;
}
