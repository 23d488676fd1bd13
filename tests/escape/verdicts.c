/*
 * usage: verdicts		print what the built-in profile answers to every system call
 *        verdicts --live N	make those calls that it refuses, in processes that are under it;
 *				of the foreign ones each Nth
 *
 * The table comes from the compiled program, run by an interpreter: exact, and no call is made.
 * With --live the kernel runs it: whatever is refused never reaches the call, so that all of those
 * can be made for real; exits with 0 if the kernel answers as the table says.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "isolators/seccomp_profile.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "tests/unit/filter_machine.h"

enum { N_CALLS = 601, N_FAMILIES = 46, N_PROTOCOLS = 23, X32 = 0x40000000 };

/*
 * Of the kernel's own trampolines for uprobes: newer kernels show them to no filter, and end by
 * SIGILL whoever makes them from elsewhere.
 */
enum { URETPROBE = 335, UPROBE = 336 };

#define HIGH (UINT64_C(1) << 32)

/* What root without a user namespace has (agent/launch_spec.c). */
static const uint64_t root_capabilities = 1 << CAP_CHOWN | 1 << CAP_DAC_OVERRIDE | 1 << CAP_FOWNER |
	1 << CAP_FSETID | 1 << CAP_SETGID | 1 << CAP_SETUID | UINT64_C(1) << CAP_SETFCAP |
	1 << CAP_SETPCAP | 1 << CAP_NET_BIND_SERVICE | 1 << CAP_SYS_CHROOT | 1 << CAP_KILL;

static struct filter_program user, root;

static int compile(uint64_t capabilities, struct filter_program *ret)
{
	struct err e = { 0 };
	AUTO_CLOSE int fd = seccomp_profile_compile(NULL, capabilities, &e);

	if (fd < 0) {
		fprintf(stderr, "verdicts: %s\n", e.msg);
		return -1;
	}
	return filter_load(fd, ret);
}

static const char *action_name(int64_t action, char ret[32])
{
	if (action < 0)
		return "no program";
	switch ((uint32_t)action & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
		return "allowed";
	case SECCOMP_RET_KILL_PROCESS:
		return "killed";
	case SECCOMP_RET_ERRNO:
		(void)snprintf(ret, 32, "%s", strerrorname_np((int)(action & SECCOMP_RET_DATA)));
		return ret;
	default:
		(void)snprintf(ret, 32, "0x%x", (uint32_t)action);
		return ret;
	}
}

static const char *verdict(const struct filter_program *p, uint32_t arch, int nr, char ret[32])
{
	return action_name(filter_run(p, &(struct seccomp_data){ .nr = nr, .arch = arch }), ret);
}

static const char *call_name(uint32_t arch, int nr, char ret[64])
{
	char *name = seccomp_syscall_resolve_num_arch(arch, nr);

	(void)snprintf(ret, 64, "%s", name ? name : "-");
	free(name);
	return ret;
}

static void print_calls(void)
{
	printf("# nr\tx86-64\tuser\troot\tx32\ti386\tas\n");
	for (int nr = 0; nr < N_CALLS; nr++) {
		char name[64], name32[64], text[4][32];

		printf("%d\t%s\t%s\t%s\t%s\t%s\t%s\n", nr, call_name(SCMP_ARCH_X86_64, nr, name),
		       verdict(&user, AUDIT_ARCH_X86_64, nr, text[0]),
		       verdict(&root, AUDIT_ARCH_X86_64, nr, text[1]),
		       verdict(&user, AUDIT_ARCH_X86_64, nr | X32, text[2]),
		       call_name(SCMP_ARCH_X86, nr, name32),
		       verdict(&user, AUDIT_ARCH_I386, nr, text[3]));
	}
}

/* ---- what depends on arguments ---- */

static const char *verdict_of(int nr, uint64_t a0, uint64_t a1, uint64_t a2, char ret[32])
{
	return action_name(filter_run(&user, &(struct seccomp_data){
		.nr = nr, .arch = AUDIT_ARCH_X86_64, .args = { a0, a1, a2 },
	}), ret);
}

/* Argument ARG, alone and with a bit in the half of the register that the kernel does not look at. */
static void print_argument(const char *name, int nr, unsigned arg, uint64_t value,
			   const uint64_t others[3])
{
	uint64_t a[3] = { others[0], others[1], others[2] };
	char plain[32], high[32];

	a[arg] = value;
	printf("%s\t0x%llx\t%s", name, (unsigned long long)value,
	       verdict_of(nr, a[0], a[1], a[2], plain));
	a[arg] |= HIGH;
	printf("\t%s\n", verdict_of(nr, a[0], a[1], a[2], high));
}

/* Calls of which an argument takes some values only. */
static const struct {
	const char *name;
	int nr;
	unsigned arg;
	uint64_t others[3];
	uint64_t values[12];	/* up to the first 0 but the very first */
} chosen[] = {
	{ "ioctl(request)", SYS_ioctl, 1, { 0 }, { TIOCSTI, TIOCLINUX, TIOCSCTTY, TCGETS, FIONREAD,
	  TIOCGPTN, FIOCLEX, FS_IOC_GETFLAGS, FS_IOC_SETFLAGS, FS_IOC_FSGETXATTR,
	  FS_IOC_FSSETXATTR } },
	{ "personality", SYS_personality, 0, { 0 }, { PER_LINUX, PER_LINUX32, UNAME26,
	  ADDR_NO_RANDOMIZE, MMAP_PAGE_ZERO, READ_IMPLIES_EXEC, PER_SVR4, PER_SOLARIS, 0xffffffff } },
	{ "prctl(option)", SYS_prctl, 0, { 0 }, { PR_SET_NAME, PR_SET_DUMPABLE, PR_SET_SECCOMP,
	  PR_SET_NO_NEW_PRIVS, PR_SET_MM, PR_CAP_AMBIENT, PR_SET_SPECULATION_CTRL } },
	{ "prctl(PR_SET_SPECULATION_CTRL, 0, value)", SYS_prctl, 2, { PR_SET_SPECULATION_CTRL },
	  { PR_SPEC_ENABLE, PR_SPEC_DISABLE, PR_SPEC_FORCE_DISABLE } },
};

static void print_chosen(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(chosen); i++) {
		for (size_t k = 0; k == 0 || (k < 12 && chosen[i].values[k]); k++)
			print_argument(chosen[i].name, chosen[i].nr, chosen[i].arg,
				       chosen[i].values[k], chosen[i].others);
	}
}

static void print_arguments(void)
{
	static const uint64_t none[3], netlink[3] = { AF_NETLINK, SOCK_RAW, 0 };

	printf("# call\tvalue\tverdict\twith bit 32 of the register set\n");
	for (uint64_t family = 0; family < N_FAMILIES; family++)
		print_argument("socket(family)", SYS_socket, 0, family, none);
	for (uint64_t family = 0; family < N_FAMILIES; family++)
		print_argument("socketpair(family)", SYS_socketpair, 0, family, none);
	for (uint64_t protocol = 0; protocol < N_PROTOCOLS; protocol++)
		print_argument("socket(AF_NETLINK, protocol)", SYS_socket, 2, protocol, netlink);
	for (unsigned bit = 8; bit < 32; bit++)
		print_argument("clone(flags)", SYS_clone, 0, UINT64_C(1) << bit, none);
	print_chosen();
}

/* ---- by the kernel ---- */

static void load_filter(const struct filter_program *p)
{
	struct sock_filter *insns = malloc(p->n * sizeof(*insns));
	struct sock_fprog program = { (unsigned short)p->n, insns };

	if (!insns)
		_exit(100);
	memcpy(insns, p->insns, p->n * sizeof(*insns));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
		_exit(101);
}

/* One process makes all calls that are answered with an errno: it survives them. */
static int make_refused_calls(const struct filter_program *p)
{
	int n_wrong = 0, n = 0;

	load_filter(p);
	for (int nr = 0; nr < N_CALLS; nr++) {
		int64_t want = filter_run(p, &(struct seccomp_data){
			.nr = nr, .arch = AUDIT_ARCH_X86_64,
		});

		if (((uint32_t)want & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_ERRNO ||
		    nr == URETPROBE || nr == UPROBE)
			continue;
		n++;
		errno = 0;
		if (syscall(nr, 0, 0, 0, 0, 0, 0) >= 0 || errno != (int)(want & SECCOMP_RET_DATA)) {
			printf("call %d: %s\n", nr, strerror(errno));
			n_wrong++;
		}
	}
	printf("x86-64\t%d calls refused\n", n);
	(void)fflush(stdout);
	return n_wrong > 0;
}

static void call_x32(int nr)
{
	(void)syscall(nr | X32, 0, 0, 0, 0, 0, 0);
}

static void call_i386(int nr)
{
	long r = nr;

	__asm__ volatile("int $0x80" : "+a"(r) : "b"(0L), "c"(0L), "d"(0L), "S"(0L), "D"(0L)
			 : "memory");
}

static int end_of(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* A process for each: it must not live to tell. */
static int make_foreign_calls(const char *name, void (*call)(int nr), int step)
{
	int n_wrong = 0, n = 0;

	for (int nr = 0; nr < N_CALLS; nr += step, n++) {
		pid_t pid = fork();
		int status;

		if (pid == 0) {
			load_filter(&user);
			call(nr);
			_exit(0);
		}
		status = pid < 0 ? 0 : end_of(pid);
		/* A kernel without the ABI has nothing to filter. */
		if (!WIFSIGNALED(status) ||
		    (WTERMSIG(status) != SIGSYS && WTERMSIG(status) != SIGSEGV)) {
			printf("%s call %d: status 0x%x\n", name, nr, status);
			n_wrong++;
		}
	}
	printf("%s\t%d calls killed\n", name, n - n_wrong);
	return n_wrong > 0;
}

static int run_live(int step)
{
	int r = 0;

	for (int i = 0; i < 2; i++) {
		pid_t pid;

		(void)fflush(stdout);
		pid = fork();
		if (pid == 0)
			_exit(make_refused_calls(i == 0 ? &user : &root));
		r |= pid < 0 || end_of(pid) != 0;
	}
	(void)fflush(stdout);
	r |= make_foreign_calls("x32", call_x32, step);
	r |= make_foreign_calls("i386", call_i386, step);
	return r;
}

int main(int argc, char **argv)
{
	if (compile(0, &user) < 0 || compile(root_capabilities, &root) < 0)
		return 1;
	if (argc == 3 && strcmp(argv[1], "--live") == 0 && atoi(argv[2]) > 0)
		return run_live(atoi(argv[2]));
	print_calls();
	print_arguments();
	return 0;
}
