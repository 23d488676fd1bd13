/* The filter of system calls, compiled by the agent: loaded last, right before execve(2). */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "isolators/credentials.h"
#include "isolators/table.h"
#include "lib/err.h"

static int seal(struct box *box, struct err *e)
{
	const int seals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
	struct sock_fprog program;
	struct stat st;
	int have;

	/* The agent leaves it out where unconfined was allowed. */
	if (box->seccomp_fd < 0)
		return 0;
	have = fcntl(box->seccomp_fd, F_GET_SEALS);
	if (have < 0 || (have & seals) != seals)
		return err_set(e, EPERM, "load filter that is not sealed");
	if (fstat(box->seccomp_fd, &st) < 0)
		return err_set(e, errno, "load filter");
	if (st.st_size <= 0 || st.st_size % (off_t)sizeof(struct sock_filter) != 0 ||
	    st.st_size > (off_t)(BPF_MAXINSNS * sizeof(struct sock_filter)))
		return err_set(e, EINVAL, "load filter of %lld bytes", (long long)st.st_size);
	/* Not read(2): the descriptor's offset is shared with whoever holds a copy of it. */
	program.filter = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, box->seccomp_fd, 0);
	if (program.filter == MAP_FAILED)
		return err_set(e, errno, "load filter");
	program.len = (unsigned short)((size_t)st.st_size / sizeof(struct sock_filter));
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
		return err_set(e, errno, "load filter of %u instructions", program.len);
	return credentials_settle(box, e);
}

const struct isolator isolator_seccomp = {
	.name = "seccomp",
	.seal = seal,
};
