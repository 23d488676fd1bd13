/* A task that says when its first instruction ran (CLOCK_REALTIME, nanoseconds), then waits. */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

int main(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	printf("%lld\n", now.tv_sec * 1000000000LL + now.tv_nsec);
	(void)fflush(stdout);
	for (;;)
		(void)pause();
}
