/*
 * A task that says when its first instruction ran (CLOCK_REALTIME, nanoseconds), then waits; with
 * an argument it ends.
 */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct timespec now;

	(void)argv;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	printf("%lld\n", now.tv_sec * 1000000000LL + now.tv_nsec);
	(void)fflush(stdout);
	while (argc == 1)
		(void)pause();
	return 0;
}
