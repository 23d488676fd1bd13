#include "net/bridge.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"

static const char forwarding[] = "/proc/sys/net/ipv4/ip_forward";
static const char forwarding6[] = "/proc/sys/net/ipv6/conf/all/forwarding";
static const char interfaces6[] = "/proc/sys/net/ipv6/conf";

/* The first character of a kernel parameter; '\0' when it is not there. */
static char read_sysctl(int dir_fd, const char *path)
{
	AUTO_CLOSE int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);
	char value = '\0';

	return fd >= 0 && read(fd, &value, 1) == 1 ? value : '\0';
}

/* Only where it is another one: /proc/sys may be read-only, and right. */
static int write_sysctl(int dir_fd, const char *path, char value, struct err *e)
{
	AUTO_CLOSE int fd = -EBADF;

	if (read_sysctl(dir_fd, path) == value)
		return 0;
	fd = openat(dir_fd, path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, &value, 1) != 1)
		return err_set(e, errno, "write '%c' to '%s'", value, path);
	return 0;
}

int bridge_forward_packets(struct err *e)
{
	return write_sysctl(AT_FDCWD, forwarding, '1', e);
}

int bridge_route_loopback(const struct bridge *bridge, struct err *e)
{
	char path[sizeof("/proc/sys/net/ipv4/conf//route_localnet") + LINK_NAME_SIZE];

	(void)snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/route_localnet", bridge->name);
	return write_sysctl(AT_FDCWD, path, '1', e);
}

bool bridge_can_ipv6(void)
{
	AUTO_CLOSE int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd >= 0 && read_sysctl(AT_FDCWD, "/proc/sys/net/ipv6/conf/all/disable_ipv6") == '0';
}

bool bridge_is_there(const struct bridge *bridge)
{
	return if_nametoindex(bridge->name) > 0;
}

/* accept_ra=1 means "unless forwarding", 2 "also then" (ip-sysctl.rst). */
static int keep_routes(struct err *e)
{
	DIR *dir = opendir(interfaces6);
	const struct dirent *entry;
	int r = 0;

	if (!dir)
		return err_set(e, errno, "open '%s'", interfaces6);
	while (r == 0 && (entry = readdir(dir))) {
		char path[sizeof(entry->d_name) + sizeof("/accept_ra")];

		(void)snprintf(path, sizeof(path), "%s/accept_ra", entry->d_name);
		if (entry->d_name[0] != '.' && read_sysctl(dirfd(dir), path) == '1')
			r = write_sysctl(dirfd(dir), path, '2', e);
	}
	closedir(dir);
	return r;
}

static int forward(const struct bridge *bridge, struct err *e)
{
	int r = bridge_forward_packets(e);

	if (r < 0 || !bridge->address6.family || read_sysctl(AT_FDCWD, forwarding6) == '1')
		return r;
	r = keep_routes(e);
	return r < 0 ? r : write_sysctl(AT_FDCWD, forwarding6, '1', e);
}

static int make(struct netlink *nl, const struct bridge *bridge, struct err *e)
{
	uint8_t mac[LINK_MAC_SIZE];
	int index, r;

	link_mac_of(&bridge->address, mac);
	link_add_bridge(nl, bridge->name, mac, bridge->mtu);
	link_set_up(nl, bridge->name, bridge->mtu);
	r = netlink_flush(nl, e);
	if (r < 0)
		return r;
	index = netlink_index(nl, bridge->name, e);
	if (index < 0)
		return index;
	link_add_address(nl, index, bridge->name, &bridge->address);
	if (bridge->address6.family)
		link_add_address(nl, index, bridge->name, &bridge->address6);
	return netlink_flush(nl, e);
}

int bridge_make(const struct bridge *bridge, struct err *e)
{
	AUTO(netlink_close) struct netlink nl = NETLINK_INIT;
	int r = netlink_open(&nl, e);

	if (r >= 0)
		r = make(&nl, bridge, e);
	return r < 0 ? r : forward(bridge, e);
}
