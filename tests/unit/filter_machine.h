/* Filters of system calls, run as the kernel runs them but without any call being made. */
#ifndef TESTS_UNIT_FILTER_MACHINE_H
#define TESTS_UNIT_FILTER_MACHINE_H

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

struct filter_program {
	struct sock_filter insns[BPF_MAXINSNS];
	size_t n;
};

/* Read what a compiled profile's descriptor holds: 0, or -1 if it is no program. */
static inline int filter_load(int fd, struct filter_program *ret)
{
	ssize_t size = pread(fd, ret->insns, sizeof(ret->insns), 0);

	if (size <= 0 || (size_t)size % sizeof(ret->insns[0]) != 0)
		return -1;
	ret->n = (size_t)size / sizeof(ret->insns[0]);
	return 0;
}

/*
 * What P answers to DATA, SECCOMP_RET_*; -1 if it runs off its end or into an instruction that is
 * not of the subset of classic BPF that such filters consist of.
 */
static inline int64_t filter_run(const struct filter_program *p, const struct seccomp_data *data)
{
	uint32_t a = 0;

	for (size_t i = 0; i < p->n; i++) {
		const struct sock_filter *f = &p->insns[i];

		switch (f->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (f->k + sizeof(a) > sizeof(*data))
				return -1;
			memcpy(&a, (const char *)data + f->k, sizeof(a));
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= f->k;
			break;
		case BPF_JMP | BPF_JA:
			i += f->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			i += a == f->k ? f->jt : f->jf;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			i += a > f->k ? f->jt : f->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			i += a >= f->k ? f->jt : f->jf;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			i += a & f->k ? f->jt : f->jf;
			break;
		case BPF_RET | BPF_K:
			return f->k;
		default:
			return -1;
		}
	}
	return -1;
}

#endif
