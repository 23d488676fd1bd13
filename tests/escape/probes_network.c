/* E11, E15, E26: sockets (reliability.md 1.6). */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/escape/probe.h"

enum { N_FAMILIES = 46 };

/* ---- E11: families of sockets ---- */

static void open_socket(const struct probe *p, struct outcome *o)
{
	tried(o, socket((int)(p->n & 0xff), (int)(p->n >> 8 & 0xff), (int)(p->n >> 16 & 0xffff)));
}

static void open_socket_high(const struct probe *p, struct outcome *o)
{
	tried(o, syscall(SYS_socket, p->n | 1L << 32, SOCK_STREAM, 0));
}

static bool is_for_services(int family)
{
	return family == AF_UNIX || family == AF_INET || family == AF_INET6 || family == AF_NETLINK;
}

/* Whatever family and type: none but the four. */
static void open_all_sockets(const struct probe *p, struct outcome *o)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_RDM, SOCK_SEQPACKET,
		SOCK_DCCP, 10 };
	int n = 0;

	for (int family = 0; family < N_FAMILIES; family++) {
		for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
			int fds[2], r = p->n ? socketpair(family, types[i], 0, fds) :
				socket(family, types[i], 0);

			if (r < 0)
				continue;
			(void)close(p->n ? fds[0] : r);
			if (p->n)
				(void)close(fds[1]);
			if (is_for_services(family))
				continue;
			judge(o, true, "family %d, type %d", family, types[i]);
			n++;
		}
	}
	if (n == 0)
		judge(o, false, "%d families, %zu types", N_FAMILIES, ARRAY_SIZE(types));
}

static void ask_netlink(const struct probe *p, struct outcome *o)
{
	struct {
		struct nlmsghdr head;
		struct ifinfomsg link;
	} request = {
		.head = { .nlmsg_len = sizeof(request), .nlmsg_type = (uint16_t)p->n,
			  .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK },
		.link = { .ifi_family = AF_UNSPEC, .ifi_index = 1, .ifi_change = IFF_UP },
	};
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
		char rest[512];
	} answer;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0 || send(fd, &request, sizeof(request), 0) < 0 ||
	    recv(fd, &answer, sizeof(answer), 0) < (ssize_t)offsetof(__typeof__(answer), rest)) {
		tried(o, -1);
		return;
	}
	errno = answer.head.nlmsg_type == NLMSG_ERROR ? -answer.error.error : 0;
	tried(o, errno ? -1 : 0);
}

static void change_interface(const struct probe *p, struct outcome *o)
{
	struct ifreq request = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	tried(o, fd < 0 ? fd : ioctl(fd, (unsigned long)p->n, &request));
}

static void set_option(const struct probe *p, struct outcome *o)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	tried(o, setsockopt(fd, (int)(p->n >> 16), (int)(p->n & 0xffff), &one, sizeof(one)));
}

static void listen_on(const struct probe *p, struct outcome *o)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)p->n),
			.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	tried(o, bind(fd, (const struct sockaddr *)&at, sizeof(at)));
}

/* ---- E15: sockets of the host ---- */

static void connect_abstract(const struct probe *p, struct outcome *o)
{
	const char *name = fact(o, p->path);
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (!name)
		return;
	(void)snprintf(at.sun_path + 1, sizeof(at.sun_path) - 1, "%s", name);
	tried(o, connect(fd, (const struct sockaddr *)&at,
			 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name))));
}

static void connect_path(const struct probe *p, struct outcome *o)
{
	const char *path = p->n ? p->path : fact(o, p->path);
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (!path)
		return;
	(void)snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	tried(o, connect(fd, (const struct sockaddr *)&at, sizeof(at)));
}

/* What abstract sockets of the runtime's are there to connect to? */
static void find_abstract(const struct probe *p, struct outcome *o)
{
	FILE *file = fopen("/proc/net/unix", "re");
	char line[512];
	int n = 0;

	(void)p;
	while (file && fgets(line, sizeof(line), file)) {
		const char *name = strchr(line, '@');

		if (name && strstr(name, "tepui") && !strstr(name, "canary")) {
			(void)snprintf(o->detail, sizeof(o->detail), "%.150s", name);
			n++;
		}
	}
	if (file)
		(void)fclose(file);
	o->result = n > 0 ? ALLOWED : DENIED;
}

/* ---- E26: what answers ---- */

static void connect_address(const char *address, unsigned port, struct outcome *o)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)inet_pton(AF_INET, address, &at.sin_addr);
	tried(o, connect(fd, (const struct sockaddr *)&at, sizeof(at)));
}

/* Only where the host says that no packet can leave the machine. */
static void connect_metadata(const struct probe *p, struct outcome *o)
{
	if (fact(o, "NETWORK_IS_CLOSED"))
		connect_address(p->path, 80, o);
}

static void ask(const struct probe *p, struct outcome *o)
{
	const char *port = fact(o, p->path);
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	static const char *const requests[] = {
		"GET /state HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
		"DELETE /v2/apps/none HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
		"POST /api/v1/executor HTTP/1.1\r\nHost: 127.0.0.1\r\n"
		"Content-Type: application/json\r\nContent-Length: 2\r\n"
		"Connection: close\r\n\r\n{}",
		"GET /state HTTP/1.1\r\nHost: metadata.example\r\nConnection: close\r\n\r\n",
	};
	char answer[16] = "";
	int status;

	if (!port)
		return;
	at.sin_port = htons((uint16_t)atoi(port));
	if (connect(fd, (const struct sockaddr *)&at, sizeof(at)) < 0 ||
	    send(fd, requests[p->n], strlen(requests[p->n]), 0) < 0 ||
	    recv(fd, answer, sizeof(answer) - 1, 0) < 12) {
		tried(o, -1);
		return;
	}
	status = atoi(answer + 9);
	judge(o, status != 400 && status != 401 && status != 403 && status != 421, "status %d",
		status);
	/* That there is no such app is found out behind the door. */
	if (status == 404 && p->n == 2)
		o->result = DENIED;
}

static void send_broadcast(const struct probe *p, struct outcome *o)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(9) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (!fact(o, "NETWORK_IS_CLOSED"))
		return;
	(void)inet_pton(AF_INET, p->path, &at.sin_addr);
	tried(o, sendto(fd, "x", 1, 0, (const struct sockaddr *)&at, sizeof(at)));
}

#define FAMILY(name, family, type) \
	{ "E11." name, "reach the kernel by a family of sockets", open_socket, NULL, \
	  (family) | (type) << 8 }
#define HIGH(name, family) \
	{ "E11.high-" name, "have a family by a number with high bits", open_socket_high, NULL, \
	  family }
#define NETLINK(name, protocol) \
	{ "E11.netlink-" name, "speak to a part of the kernel", open_socket, NULL, \
	  AF_NETLINK | SOCK_RAW << 8 | (protocol) << 16 }
#define OPTION(name, level, option) \
	{ "E11.option-" name, "change what only the host may", set_option, NULL, \
	  (level) << 16 | (option) }

static const struct probe rows[] = {
	FAMILY("alg", AF_ALG, SOCK_SEQPACKET), FAMILY("vsock", AF_VSOCK, SOCK_STREAM),
	FAMILY("packet-raw", AF_PACKET, SOCK_RAW), FAMILY("packet-dgram", AF_PACKET, SOCK_DGRAM),
	FAMILY("inet-raw", AF_INET, SOCK_RAW), FAMILY("inet6-raw", AF_INET6, SOCK_RAW),
	FAMILY("inet-packet", AF_INET, SOCK_PACKET), FAMILY("ax25", AF_AX25, SOCK_DGRAM),
	FAMILY("ipx", AF_IPX, SOCK_DGRAM), FAMILY("appletalk", AF_APPLETALK, SOCK_DGRAM),
	FAMILY("netrom", AF_NETROM, SOCK_SEQPACKET), FAMILY("x25", AF_X25, SOCK_SEQPACKET),
	FAMILY("rose", AF_ROSE, SOCK_SEQPACKET), FAMILY("key", AF_KEY, SOCK_RAW),
	FAMILY("rds", AF_RDS, SOCK_SEQPACKET), FAMILY("pppox", AF_PPPOX, SOCK_STREAM),
	FAMILY("llc", AF_LLC, SOCK_STREAM), FAMILY("can", AF_CAN, SOCK_RAW),
	FAMILY("tipc", AF_TIPC, SOCK_RDM), FAMILY("bluetooth", AF_BLUETOOTH, SOCK_RAW),
	FAMILY("rxrpc", AF_RXRPC, SOCK_DGRAM), FAMILY("phonet", AF_PHONET, SOCK_DGRAM),
	FAMILY("ieee802154", AF_IEEE802154, SOCK_DGRAM), FAMILY("caif", AF_CAIF, SOCK_SEQPACKET),
	FAMILY("nfc", AF_NFC, SOCK_SEQPACKET), FAMILY("kcm", AF_KCM, SOCK_DGRAM),
	FAMILY("qipcrtr", AF_QIPCRTR, SOCK_DGRAM), FAMILY("smc", AF_SMC, SOCK_STREAM),
	FAMILY("xdp", AF_XDP, SOCK_RAW), HIGH("alg", AF_ALG), HIGH("vsock", AF_VSOCK),
	HIGH("packet", AF_PACKET), HIGH("key", AF_KEY), NETLINK("audit", NETLINK_AUDIT),
	NETLINK("netfilter", NETLINK_NETFILTER), NETLINK("uevent", NETLINK_KOBJECT_UEVENT),
	NETLINK("generic", NETLINK_GENERIC), NETLINK("connector", NETLINK_CONNECTOR),
	NETLINK("crypto", NETLINK_CRYPTO), NETLINK("xfrm", NETLINK_XFRM),
	NETLINK("diag", NETLINK_SOCK_DIAG), NETLINK("selinux", NETLINK_SELINUX),
	{ "E11.all", "have a socket of any other family", open_all_sockets, NULL, 0 },
	{ "E11.all-pairs", "have a pair of any other family", open_all_sockets, NULL, 1 },
	{ "E11.link-down", "change an interface of the host", ask_netlink, NULL, RTM_SETLINK },
	{ "E11.link-remove", "remove an interface of the host", ask_netlink, NULL, RTM_DELLINK },
	{ "E11.link-new", "make an interface on the host", ask_netlink, NULL, RTM_NEWLINK },
	{ "E11.ioctl-down", "change an interface of the host", change_interface, NULL,
	  SIOCSIFFLAGS },
	{ "E11.ioctl-mtu", "change an interface of the host", change_interface, NULL, SIOCSIFMTU },
	{ "E11.ioctl-address", "change an address of the host", change_interface, NULL,
	  SIOCSIFADDR },
	OPTION("mark", SOL_SOCKET, SO_MARK), OPTION("rcvbufforce", SOL_SOCKET, SO_RCVBUFFORCE),
	OPTION("sndbufforce", SOL_SOCKET, SO_SNDBUFFORCE), OPTION("debug", SOL_SOCKET, SO_DEBUG),
	OPTION("transparent", SOL_IP, 19 /* IP_TRANSPARENT */),
	{ "E11.low-port", "serve a port of the host's", listen_on, NULL, 79 },

	{ "E15.canary", "connect to an abstract socket of the host", connect_abstract,
	  "CANARY_ABSTRACT", 0 },
	{ "E15.runtime", "connect to an abstract socket of the runtime", find_abstract, NULL, 0 },
	{ "E15.agent", "connect to the agent's socket", connect_path, "AGENT_SOCKET", 0 },
	{ "E15.canary-path", "connect to a socket of the host", connect_path, "CANARY_SOCKET", 0 },
	{ "E15.docker", "connect to another runtime", connect_path, "/run/docker.sock", 1 },
	{ "E15.containerd", "connect to another runtime", connect_path,
	  "/run/containerd/containerd.sock", 1 },
	{ "E15.systemd", "connect to the host's init", connect_path, "/run/systemd/private", 1 },
	{ "E15.dbus", "connect to the host's bus", connect_path, "/run/dbus/system_bus_socket", 1 },
	{ "E15.journal", "write the host's journal", connect_path, "/run/systemd/journal/stdout",
	  1 },

	{ "E26.agent-read", "read the agent's state", ask, "AGENT_PORT", 0 },
	{ "E26.agent-executor", "speak as an executor", ask, "AGENT_PORT", 2 },
	{ "E26.agent-rebind", "read the agent's state by another name", ask, "AGENT_PORT", 3 },
	{ "E26.master-read", "read the master's state", ask, "MASTER_PORT", 0 },
	{ "E26.master-write", "change what runs", ask, "MASTER_PORT", 1 },
	{ "E26.master-rebind", "read the master's state by another name", ask, "MASTER_PORT", 3 },
	{ "E26.metadata", "ask a cloud for credentials", connect_metadata, "169.254.169.254", 0 },
	{ "E26.metadata-v6-mapped", "ask a cloud for credentials", connect_metadata,
	  "169.254.170.2", 0 },
	{ "E26.broadcast", "reach all neighbours", send_broadcast, "255.255.255.255", 0 },
};

const struct probe_table probes_network = { rows, ARRAY_SIZE(rows) };
