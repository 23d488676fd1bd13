/*
 * The least that an HTTP check of a task costs on this machine, to be compared with: N processes ask
 * one of ports FIRST to FIRST+N-1 of loopback each, every INTERVAL_MS for so many TIMES, with blocking
 * calls, and read the answer to its end.
 *
 *	ask FIRST N INTERVAL_MS TIMES
 *
 * Prints how many microseconds of cpu one took, on average.
 */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char REQUEST[] = "GET /health HTTP/1.1\r\nHost: 127.0.0.1:31000\r\nUser-Agent: tepui\r\n"
			      "Accept: */*\r\nConnection: close\r\n\r\n";

static bool ask(unsigned port)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	char answer[4096];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ssize_t n = -1;

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	in.sin_port = htons((uint16_t)port);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&in, sizeof(in)) == 0 &&
	    send(fd, REQUEST, sizeof(REQUEST) - 1, MSG_NOSIGNAL) > 0) {
		do
			n = recv(fd, answer, sizeof(answer), 0);
		while (n > 0);
	}
	if (fd >= 0)
		(void)close(fd);
	return n == 0;
}

static void pause_us(unsigned long us)
{
	struct timespec t = { .tv_sec = (time_t)(us / 1000000), .tv_nsec = us % 1000000 * 1000 };

	(void)nanosleep(&t, NULL);
}

static _Noreturn void run(unsigned port, unsigned long first_us, unsigned long interval_us,
			  unsigned long times)
{
	pause_us(first_us);
	for (unsigned long i = 0; i < times; i++) {
		if (!ask(port))
			_exit(EXIT_FAILURE);
		pause_us(interval_us);
	}
	_exit(EXIT_SUCCESS);
}

int main(int argc, char **argv)
{
	unsigned long numbers[4] = { 0 }, interval_us;
	struct rusage usage;
	bool is_failed = false;
	int status;
	double us;

	for (int i = 1; i < argc && argc == 5; i++)
		numbers[i - 1] = strtoul(argv[i], NULL, 10);
	interval_us = numbers[2] * 1000;
	if (numbers[0] == 0 || numbers[1] == 0 || interval_us == 0 || numbers[3] == 0) {
		fprintf(stderr, "usage: ask FIRST N INTERVAL_MS TIMES\n");
		return EXIT_FAILURE;
	}
	for (unsigned long i = 0; i < numbers[1] && !is_failed; i++) {
		pid_t pid = fork();

		if (pid == 0)
			run((unsigned)(numbers[0] + i), i * interval_us / numbers[1], interval_us,
			    numbers[3]);
		is_failed = pid < 0;
	}
	while (wait(&status) > 0)
		is_failed |= status != 0;
	if (is_failed || getrusage(RUSAGE_CHILDREN, &usage) < 0) {
		fprintf(stderr, "ask: a process failed\n");
		return EXIT_FAILURE;
	}
	us = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
	     (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
	printf("%.1f\n", us / (double)(numbers[1] * numbers[3]));
	return EXIT_SUCCESS;
}
