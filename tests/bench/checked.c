/*
 * What is asked for its health: answers every request on ports FIRST to FIRST+N-1 of loopback with
 * 200, and looks at when they come.
 *
 *	checked FIRST N INTERVAL_MS
 *
 * Says "ready" when it listens.  For each line of its input prints, of the time since the one before:
 * how many requests came, on how many of the ports, and by how many milliseconds the time between
 * two of the same port differed from INTERVAL_MS: the median, the 99th of 100, and the most.  Ends
 * when its input does.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/descriptors.h"

enum { NO_PORT = UINT16_MAX, OTHER_FDS = 64, N_EVENTS = 256, BACKLOG = 16, MAX_REQUEST = 4096 };

static const char ANSWER[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n";

struct port {
	int fd;
	double last_ms;		/* when it was last asked; 0: not yet */
	bool was_asked;		/* since the last report */
};

static struct port *ports;
static int epoll_fd;
static unsigned first_port, n_ports;
static double interval_ms;
static struct {
	double *differences_ms;
	size_t n, allocated, n_requests;
} seen;

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "checked: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static double now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* What epoll tells of a listening socket is its port's number, of others NO_PORT + descriptor. */
static void wait_for_input(int fd, unsigned what)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = what };

	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		die("watch");
}

static void open_port(unsigned number)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	const int yes = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	in.sin_port = htons((uint16_t)(first_port + number));
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 ||
	    bind(fd, (const struct sockaddr *)&in, sizeof(in)) < 0 || listen(fd, BACKLOG) < 0)
		die("listen");
	ports[number].fd = fd;
	wait_for_input(fd, number);
}

static void note(struct port *port)
{
	double now = now_ms();

	seen.n_requests++;
	port->was_asked = true;
	if (port->last_ms > 0) {
		if (seen.n == seen.allocated) {
			seen.allocated = seen.allocated ? seen.allocated * 2 : 4096;
			seen.differences_ms = realloc(seen.differences_ms, seen.allocated *
						      sizeof(*seen.differences_ms));
			if (!seen.differences_ms)
				die("remember");
		}
		seen.differences_ms[seen.n++] = fabs(now - port->last_ms - interval_ms);
	}
	port->last_ms = now;
}

static void on_connection(struct port *port)
{
	int fd = accept4(port->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	note(port);
	wait_for_input(fd, NO_PORT + (unsigned)fd);
}

/* A request is small, and comes in one piece. */
static void on_request(int fd)
{
	char request[MAX_REQUEST];

	if (recv(fd, request, sizeof(request), 0) > 0)
		(void)send(fd, ANSWER, sizeof(ANSWER) - 1, MSG_NOSIGNAL);
	(void)close(fd);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double at(double share)
{
	return seen.n > 0 ? seen.differences_ms[(size_t)(share * (double)(seen.n - 1))] : NAN;
}

static void report(void)
{
	unsigned n_asked = 0;

	for (unsigned i = 0; i < n_ports; i++) {
		n_asked += ports[i].was_asked;
		ports[i].was_asked = false;
	}
	if (seen.n > 0)
		qsort(seen.differences_ms, seen.n, sizeof(*seen.differences_ms), by_size);
	printf("%zu %u %.3f %.3f %.3f\n", seen.n_requests, n_asked, at(0.5), at(0.99), at(1));
	(void)fflush(stdout);
	seen.n = seen.n_requests = 0;
}

static void on_line(void)
{
	char line[16];

	if (read(STDIN_FILENO, line, sizeof(line)) <= 0)
		exit(EXIT_SUCCESS);
	report();
}

static void serve(void)
{
	struct epoll_event events[N_EVENTS];
	int n;

	for (;;) {
		n = epoll_wait(epoll_fd, events, N_EVENTS, -1);
		if (n < 0 && errno != EINTR)
			die("wait");
		for (int i = 0; i < n; i++) {
			unsigned what = events[i].data.u32;

			if (what < NO_PORT)
				on_connection(&ports[what]);
			else if (what == NO_PORT + STDIN_FILENO)
				on_line();
			else
				on_request((int)(what - NO_PORT));
		}
	}
}

int main(int argc, char **argv)
{
	first_port = argc == 4 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
	n_ports = argc == 4 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
	interval_ms = argc == 4 ? strtod(argv[3], NULL) : 0;
	if (first_port < 1 || n_ports < 1 || n_ports >= NO_PORT - first_port || interval_ms <= 0) {
		fprintf(stderr, "usage: checked FIRST N INTERVAL_MS\n");
		return EXIT_FAILURE;
	}
	ports = calloc(n_ports, sizeof(*ports));
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (!ports || epoll_fd < 0)
		die("start");
	(void)descriptors_raise(2 * n_ports + OTHER_FDS);
	for (unsigned i = 0; i < n_ports; i++)
		open_port(i);
	wait_for_input(STDIN_FILENO, NO_PORT + STDIN_FILENO);
	printf("ready\n");
	(void)fflush(stdout);
	serve();
}
