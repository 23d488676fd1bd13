/*
 * The floor that no launcher can go below: clone3(2) with the namespaces of the bundle and
 * execve(2) of the program in argv[1], nothing else.  Exits as it does.
 */
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_NOT_LAUNCHED = 125 };

int main(int argc, char **argv)
{
	struct clone_args args = {
		.flags = CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS | CLONE_NEWCGROUP,
		.exit_signal = SIGCHLD,
	};
	int status;
	long pid;

	if (argc < 2)
		return EXIT_NOT_LAUNCHED;
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0) {
		(void)execv(argv[1], argv + 1);
		_exit(EXIT_NOT_LAUNCHED);
	}
	if (pid < 0 || waitpid((pid_t)pid, &status, 0) < 0)
		return EXIT_NOT_LAUNCHED;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_NOT_LAUNCHED;
}
