/* The first process of a container: our own code, never re-executed, pid 1 of its namespace. */
#ifndef CONTAINERIZER_INIT_H
#define CONTAINERIZER_INIT_H

#include <stddef.h>

struct box;

struct init_args {
	struct box *box;	/* this process's copy */
	int sync_fd;
	int null_fd;		/* the host's /dev/null */
	int out_fd, err_fd;	/* of the main process */
	char *arguments;	/* the command line to overwrite, or NULL */
	size_t arguments_size;
};

/*
 * Runs in the process that clone3() made, with every signal blocked and a copy of all the
 * supervisor's descriptors, which it closes.  Ends with the container.
 */
_Noreturn void init_run(const struct init_args *args);

#endif
