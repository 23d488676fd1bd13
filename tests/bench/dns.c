/*
 * Many DNS queries over UDP at once, and what an answer costs who gives it: WINDOW of them are always on their way,
 * for NAME with its %u any number below N, for so many SECONDS.
 *
 *	dns ADDRESS PORT NAME N TYPE WINDOW SECONDS PID
 *
 * Prints answers a second, queries that were lost, answers that were wrong, and microseconds of cpu of process PID
 * for each answer.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "net/dns_message.h"

enum { BATCH = 32, MAX_ANSWER = 4096, PATIENCE_MS = 1000 };

struct client {
	int fd;
	const char *name;
	unsigned n, type, window;
	uint16_t next_id;
	unsigned long answers, lost, wrong;
};

static void die(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

/* Seconds of cpu so far. */
static double cpu_of(const char *pid)
{
	unsigned long user = 0, system = 0;
	char path[64];
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	file = fopen(path, "re");
	/* The name is in parentheses and has no spaces. */
	if (!file || fscanf(file, "%*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lu %lu", &user,
			    &system) != 2)
		die(path);
	(void)fclose(file);
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static void send_queries(struct client *client, unsigned n)
{
	static uint8_t data[BATCH][DNS_PLAIN_UDP];
	struct mmsghdr messages[BATCH] = { 0 };
	struct iovec parts[BATCH];

	for (unsigned i = 0; i < n; i++) {
		struct dns_query query = { .type = (uint16_t)client->type, .class = DNS_CLASS_IN,
					   .has_edns = true };
		char text[256];

		(void)snprintf(text, sizeof(text), "%s", client->name);
		if (strstr(text, "%u")) {
			char *at = strstr(text, "%u");
			const char *rest = strstr(client->name, "%u") + 2;

			(void)snprintf(at, sizeof(text) - (size_t)(at - text), "%u%s",
				       (unsigned)random() % client->n, rest);
		}
		if (dns_name_parse(text, &query.name) < 0) {
			errno = EINVAL;
			die(text);
		}
		parts[i] = (struct iovec){ data[i],
					   dns_query_write(&query, client->next_id++, data[i]) };
		messages[i].msg_hdr = (struct msghdr){ .msg_iov = &parts[i], .msg_iovlen = 1 };
	}
	if (n > 0 && sendmmsg(client->fd, messages, n, 0) < 0 && errno != EAGAIN)
		die("send");
}

/* Answers that there are; each is right if it has what was asked for. */
static unsigned take_answers(struct client *client)
{
	static uint8_t data[BATCH][MAX_ANSWER];
	struct mmsghdr messages[BATCH] = { 0 };
	struct iovec parts[BATCH];
	int n;

	for (int i = 0; i < BATCH; i++) {
		parts[i] = (struct iovec){ data[i], sizeof(data[i]) };
		messages[i].msg_hdr = (struct msghdr){ .msg_iov = &parts[i], .msg_iovlen = 1 };
	}
	n = recvmmsg(client->fd, messages, BATCH, MSG_DONTWAIT, NULL);
	if (n < 0 && errno != EAGAIN)
		die("receive");
	for (int i = 0; i < n; i++) {
		bool is_right = messages[i].msg_len > DNS_HEADER_SIZE &&
				(data[i][3] & 15) == DNS_NOERROR && (data[i][6] | data[i][7]) != 0;

		client->answers += is_right;
		client->wrong += !is_right;
	}
	return n > 0 ? (unsigned)n : 0;
}

static void run(struct client *client, int64_t until_ms)
{
	unsigned on_way = 0;

	while (clock_boot_ms() < until_ms) {
		struct pollfd ready = { .fd = client->fd, .events = POLLIN };
		unsigned missing = client->window - on_way;

		missing = missing < BATCH ? missing : BATCH;
		send_queries(client, missing);
		on_way += missing;
		if (on_way < client->window && poll(&ready, 1, 0) == 0)
			continue;
		if (poll(&ready, 1, PATIENCE_MS) == 0) {
			client->lost += on_way;
			on_way = 0;
			continue;
		}
		on_way -= take_answers(client);
	}
}

int main(int argc, char **argv)
{
	static const int buffer = 4 << 20;
	struct sockaddr_in server = { .sin_family = AF_INET };
	struct client client = { 0 };
	double before, seconds;
	int64_t begin;

	if (argc != 9) {
		fprintf(stderr, "usage: dns ADDRESS PORT NAME N TYPE WINDOW SECONDS PID\n");
		return EXIT_FAILURE;
	}
	server.sin_port = htons((uint16_t)atoi(argv[2]));
	client.name = argv[3];
	client.n = (unsigned)atoi(argv[4]);
	client.type = (unsigned)atoi(argv[5]);
	client.window = (unsigned)atoi(argv[6]);
	client.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	(void)setsockopt(client.fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	if (inet_pton(AF_INET, argv[1], &server.sin_addr) != 1 ||
	    connect(client.fd, (const struct sockaddr *)&server, sizeof(server)) < 0)
		die("connect");
	before = cpu_of(argv[8]);
	begin = clock_boot_ms();
	run(&client, begin + 1000 * atoi(argv[7]));
	seconds = (double)(clock_boot_ms() - begin) / 1000;
	printf("%.0f %lu %lu %.2f\n", (double)client.answers / seconds, client.lost, client.wrong,
	       (cpu_of(argv[8]) - before) * 1e6 / (double)(client.answers ? client.answers : 1));
	return EXIT_SUCCESS;
}
