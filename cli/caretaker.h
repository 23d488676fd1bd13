/* A process that clears up after tepui run, however that ends. */
#ifndef CLI_CARETAKER_H
#define CLI_CARETAKER_H

#include <stdbool.h>
#include <sys/types.h>

struct bundle;
struct cli;
struct err;

struct caretaker {
	pid_t pid;
	int fd;		/* who waits at its other end learns of our end */
};

/*
 * From here on BUNDLE is removed, and its container given back to the image store, when
 * caretaker_finish() is called; or when we are killed, and then the container is ended as well.
 */
int caretaker_start(const struct cli *cli, const struct bundle *bundle, struct caretaker *ret,
		    struct err *e);

/*
 * Waits until all of that is done.  CLI and BUNDLE as above; HAS_ENDED: the runtime has taken the
 * container away already.
 */
void caretaker_finish(const struct cli *cli, const struct bundle *bundle,
		      struct caretaker *caretaker, bool has_ended);

#endif
