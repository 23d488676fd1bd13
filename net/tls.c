#include "net/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "net/http_client.h"

enum { PLAIN_FD, TASK_FD, N_FDS };
enum { NOBODY = 65534, MAX_CPU_SECONDS = 10, PIECE = 4096 };

/* ---- what the process may do ---- */

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#else
#error "name the architecture for seccomp"
#endif

#define ALLOW(call) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_##call, 0, 1), \
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static const struct sock_filter filter[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 1, 0),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	ALLOW(read), ALLOW(write), ALLOW(ppoll), ALLOW(exit_group), ALLOW(rt_sigreturn),
	ALLOW(brk), ALLOW(munmap), ALLOW(mremap), ALLOW(madvise), ALLOW(futex),
	ALLOW(getrandom), ALLOW(getpid), ALLOW(clock_gettime), ALLOW(gettimeofday),
	/* Memory to run code in is not given; with other protections it is. */
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_mmap, 0, 3),
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 4 /* PROT_EXEC */, 1, 0),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
};

static void limit(int resource, rlim_t value)
{
	const struct rlimit both = { value, value };

	(void)setrlimit((__rlimit_resource_t)resource, &both);
}

/* Nobody, with two descriptors.  An unprivileged executor, in tests, stays who it is. */
static int confine(void)
{
	const struct sock_fprog program = {
		.len = ARRAY_SIZE(filter), .filter = (struct sock_filter *)(uintptr_t)filter,
	};

	limit(RLIMIT_CPU, MAX_CPU_SECONDS);
	limit(RLIMIT_CORE, 0);
	if (geteuid() == 0 &&
	    (syscall(SYS_setgroups, 0, NULL) < 0 ||
	     syscall(SYS_setresgid, NOBODY, NOBODY, NOBODY) < 0 ||
	     syscall(SYS_setresuid, NOBODY, NOBODY, NOBODY) < 0))
		return -errno;
	/* A change of user forgets it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		return -errno;
	return 0;
}

/* ---- the process ---- */

/* It is to be reached, not to be trusted: old versions and short keys do. */
static SSL *make_ssl(void)
{
	SSL_CTX *context;
	SSL *ssl;

	if (!OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL))
		return NULL;
	context = SSL_CTX_new(TLS_client_method());
	if (!context)
		return NULL;
	SSL_CTX_set_security_level(context, 0);
	SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
	(void)SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
	(void)SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
	ssl = SSL_new(context);
	SSL_CTX_free(context);
	if (ssl && !SSL_set_fd(ssl, TASK_FD)) {
		SSL_free(ssl);
		return NULL;
	}
	return ssl;
}

static bool write_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, data, size);

		if (n <= 0)
			return false;
		data += n;
		size -= (size_t)n;
	}
	return true;
}

static bool pass_to_task(SSL *ssl)
{
	char data[PIECE];
	ssize_t n = read(PLAIN_FD, data, sizeof(data));

	return n > 0 && SSL_write(ssl, data, (int)n) > 0;
}

static bool pass_to_us(SSL *ssl)
{
	char data[PIECE];
	int n = SSL_read(ssl, data, sizeof(data));

	return n > 0 && write_all(PLAIN_FD, data, (size_t)n);
}

/* Until either end is over. */
static void tunnel(SSL *ssl)
{
	struct pollfd fds[N_FDS] = {
		[PLAIN_FD] = { .fd = PLAIN_FD, .events = POLLIN },
		[TASK_FD] = { .fd = TASK_FD, .events = POLLIN },
	};
	bool goes_on = SSL_connect(ssl) > 0;

	while (goes_on) {
		if (SSL_pending(ssl) > 0)
			goes_on = pass_to_us(ssl);
		else if (ppoll(fds, N_FDS, NULL, NULL) < 0)
			goes_on = errno == EINTR;
		else if (fds[PLAIN_FD].revents)
			goes_on = pass_to_task(ssl);
		else
			goes_on = pass_to_us(ssl);
	}
}

/* Blocking on purpose: who waits for it ends it. */
static void run(int plain_fd, int task_fd)
{
	SSL *ssl;

	/* Neither may be where the other is to come. */
	plain_fd = fcntl(plain_fd, F_DUPFD, N_FDS);
	task_fd = fcntl(task_fd, F_DUPFD, N_FDS);
	if (dup2(plain_fd, PLAIN_FD) < 0 || dup2(task_fd, TASK_FD) < 0 ||
	    syscall(SYS_close_range, N_FDS, ~0U, 0) < 0 ||
	    fcntl(TASK_FD, F_SETFL, 0) < 0 || fcntl(PLAIN_FD, F_SETFL, 0) < 0)
		return;
	ssl = make_ssl();
	if (ssl && confine() == 0)
		tunnel(ssl);
}

int tls_start(int *fd, pid_t *ret, struct err *e)
{
	AUTO_CLOSE int ours = -EBADF;
	AUTO_CLOSE int theirs = -EBADF;
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(e, errno, "make a channel for TLS");
	ours = pair[0];
	theirs = pair[1];
	pid = fork();
	if (pid < 0)
		return err_set(e, errno, "start a process for TLS");
	if (pid == 0) {
		run(theirs, *fd);
		_exit(0);
	}
	fd_close(fd);
	*fd = TAKE_FD(ours);
	*ret = pid;
	return 0;
}

void tls_end(pid_t process)
{
	(void)kill(process, SIGKILL);
	while (waitpid(process, NULL, 0) < 0 && errno == EINTR)
		;
}

const struct http_wrap tls_wrap = { .start = tls_start, .end = tls_end };
