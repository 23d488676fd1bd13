/* Traffic of containers, from the node's end of their links: one file of the kernel's tells of all. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/container.h"
#include "agent/network.h"
#include "isolators/usage.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

/* It needs no lock that whoever changes links holds, as netlink's answers do. */
static const char file[] = "/proc/net/dev";

enum { FRESH_MS = 250, FIRST_BYTES = 16 << 10, MAX_BYTES = 8 << 20 };

/* What one end receives the other has sent. */
static bool read_line(const char *line, struct network_traffic *ret)
{
	return sscanf(line, " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %*u %*u %*u %*u"
		      " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
		      &ret->tx_bytes, &ret->tx_packets, &ret->tx_errors, &ret->tx_dropped,
		      &ret->rx_bytes, &ret->rx_packets, &ret->rx_errors, &ret->rx_dropped) == 8;
}

/* Owned; NULL when it cannot be read.  As large as it is, for it is another one at each read. */
static char *read_file(void)
{
	AUTO_CLOSE int fd = open(file, O_RDONLY | O_CLOEXEC);
	AUTO_FREE char *text = NULL;
	size_t size = 0, cap = 0;
	ssize_t n = fd < 0 ? -1 : 1;

	while (n > 0) {
		if (cap - size < FIRST_BYTES / 2) {
			char *grown = cap < MAX_BYTES ? realloc(text, cap ? 2 * cap : FIRST_BYTES) :
							NULL;

			if (!grown)
				return NULL;
			text = grown;
			cap = cap ? 2 * cap : FIRST_BYTES;
		}
		n = read(fd, text + size, cap - size - 1);
		size += n > 0 ? (size_t)n : 0;
	}
	if (n < 0)
		return NULL;
	text[size] = '\0';
	return TAKE_PTR(text);
}

static void take_line(struct networks *networks, const char *line)
{
	struct network *network = NULL;
	uint32_t number;
	int n = 0;

	line += strspn(line, " ");
	if (sscanf(line, NETWORK_LINK "%" SCNu32 ":%n", &number, &n) != 1 || n == 0)
		return;
	HASH_FIND(by_number, networks->numbered, &number, sizeof(number), network);
	if (network)
		network->has_traffic = read_line(line + n, &network->traffic);
}

static void look(struct networks *networks, int64_t now)
{
	AUTO_FREE char *text = NULL;

	networks->looked_boot_ms = now;
	for (struct network *n = networks->all; n; n = n->hh.next)
		n->has_traffic = false;
	text = read_file();
	for (const char *line = text; line && *line;) {
		const char *end = strchr(line, '\n');

		take_line(networks, line);
		line = end ? end + 1 : NULL;
	}
}

void network_sample(const struct container *c, struct usage *usage)
{
	struct networks *networks = c->agent->networks;
	const struct network *network = network_of(c);
	int64_t now = clock_boot_ms();

	if (!network || !network->number)
		return;
	/* One that is new was not there the last time. */
	if (!network->has_traffic || now - networks->looked_boot_ms >= FRESH_MS)
		look(networks, now);
	if (!network->has_traffic)
		return;
	usage->net_rx_bytes = network->traffic.rx_bytes;
	usage->net_rx_packets = network->traffic.rx_packets;
	usage->net_rx_errors = network->traffic.rx_errors;
	usage->net_rx_dropped = network->traffic.rx_dropped;
	usage->net_tx_bytes = network->traffic.tx_bytes;
	usage->net_tx_packets = network->traffic.tx_packets;
	usage->net_tx_errors = network->traffic.tx_errors;
	usage->net_tx_dropped = network->traffic.tx_dropped;
}
