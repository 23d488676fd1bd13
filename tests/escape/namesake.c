/*
 * usage: namesake PID
 *
 * Be the process PID, which must have ended: with every signal blocked, so that whatever is sent
 * stays pending and is seen; prints the pid and waits to be killed.
 */
#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	pid_t pid = argc == 2 ? atoi(argv[1]) : 0;
	struct clone_args args = {
		.exit_signal = SIGCHLD, .set_tid = (uintptr_t)&pid, .set_tid_size = 1,
	};
	sigset_t all;
	long made;

	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	made = syscall(SYS_clone3, &args, sizeof(args));
	if (made < 0) {
		printf("cannot be %d: %s\n", (int)pid, strerror(errno));
		return 1;
	}
	if (made == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		printf("%d\n", (int)getpid());
		(void)fflush(stdout);
		for (;;)
			(void)pause();
	}
	while (waitpid((pid_t)made, NULL, 0) < 0 && errno == EINTR)
		;
	return 0;
}
