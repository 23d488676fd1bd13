/*
 * tepui-nft: the agent's hands in nftables and connection tracking.  It does one thing after the other,
 * blocking, holds nothing that is not in the kernel, and ends when the agent does.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <nftables/libnftables.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/packet.h"
#include "net/nft/apply.h"
#include "net/nft/conntrack.h"
#include "net/nft/counters.h"
#include "net/nft/netfilter.h"
#include "net/nft/protocol.h"
#include "net/nft/route.h"

struct worker {
	struct nft_ctx *nft;
	bool is_large;		/* its memory is not worth keeping */
	uint32_t generation;	/* before a large transaction */
};

/* Each gets the file of its request (-EBADF: none came) and may leave one for the answer. */
typedef int request_fn(struct worker *worker, int file_fd, int *ret_fd, struct err *e);

static int do_apply(struct worker *worker, int file_fd, int *ret_fd, struct err *e)
{
	struct stat st;
	int r;

	(void)ret_fd;
	worker->is_large = fstat(file_fd, &st) == 0 && st.st_size > NFT_LARGE_TEXT;
	if (worker->is_large && (r = netfilter_generation(&worker->generation, e)) < 0)
		return r;
	r = apply_file(worker->nft, file_fd, e);
	/* What one transaction needed is no measure for the next. */
	(void)malloc_trim(0);
	return r;
}

static int do_count(struct worker *worker, int file_fd, int *ret_fd, struct err *e)
{
	(void)worker;
	(void)file_fd;
	return counters_read(ret_fd, e);
}

static int do_forget(struct worker *worker, int file_fd, int *ret_fd, struct err *e)
{
	(void)worker;
	(void)ret_fd;
	return conntrack_forget(file_fd, e);
}

static int do_route(struct worker *worker, int file_fd, int *ret_fd, struct err *e)
{
	(void)worker;
	(void)ret_fd;
	return route_replace(file_fd, e);
}

static request_fn *const requests[] = {
	[NFT_APPLY] = do_apply,
	[NFT_COUNT] = do_count,
	[NFT_FORGET] = do_forget,
	[NFT_ROUTE] = do_route,
};

static int answer(int socket_fd, struct nft_answer *what, int file_fd, struct err *e)
{
	const struct iovec part = { .iov_base = what, .iov_len = sizeof(*what) };
	const struct packet_fds fds = { .fd = { file_fd }, .n = file_fd >= 0 };

	return packet_send(socket_fd, &part, 1, &fds, e);
}

/* Returns 1 to go on, 0 at the end. */
static int serve(struct worker *worker, int socket_fd, struct err *e)
{
	struct nft_request request;
	struct nft_answer what = { 0 };
	struct packet_fds fds = { 0 };
	const struct iovec part = { .iov_base = &request, .iov_len = sizeof(request) };
	ssize_t n = packet_recv(socket_fd, 0, &part, 1, &fds, e);
	AUTO_CLOSE int file_fd = -EBADF;
	int r;

	if (n <= 0)
		return (int)n;
	if ((size_t)n != sizeof(request) || request.kind >= ARRAY_SIZE(requests))
		what.r = err_set(&what.error, EPROTO, "understand a request");
	else
		what.r = requests[request.kind](worker, fds.n > 0 ? fds.fd[0] : -EBADF, &file_fd,
						&what.error);
	packet_fds_done(&fds);
	what.is_leaving = worker->is_large;
	what.generation = worker->generation;
	r = answer(socket_fd, &what, file_fd, e);
	return r < 0 ? r : !what.is_leaving;
}

/* The agent is the last process that a full memory should take; another one of us is soon there. */
static void expose_to_oom(void)
{
	AUTO_CLOSE int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, "0", 1) < 0)
		return;
}

int main(void)
{
	struct worker worker = { 0 };
	struct err e = { 0 };
	int r;

	/* An agent that comes next must not find us at the work of the one before. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)prctl(PR_SET_NAME, "tepui-nft");
	expose_to_oom();
	/* Before any other socket of ours: changes are known as our own by the port of the first. */
	r = apply_open(&worker.nft, &e);
	while (r >= 0 && (r = serve(&worker, STDIN_FILENO, &e)) > 0)
		;
	_exit(r < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}
