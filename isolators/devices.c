/*
 * Which devices may be opened or made: an eBPF program on the container's v2 group, generated from
 * the rules.  Denied unless allowed; of several rules that match, the last decides; the default
 * devices are always allowed (OCI runtime-spec, config-linux.md).
 */
#include "isolators/devices.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "isolators/spec.h"
#include "isolators/table.h"
#include "lib/cleanup.h"
#include "lib/err.h"

enum {
	MAX_RULES = 256,
	MAX_MAJOR = (1 << 12) - 1, MAX_MINOR = (1 << 20) - 1,	/* include/linux/kdev_t.h */
	MAX_PROGRAMS = 64,	/* BPF_CGROUP_MAX_PROGS of one group */
};

static const char program_name[] = "tepui_devices";

const struct device_node device_nodes[] = {
	{ "null", 1, 3 },
	{ "zero", 1, 5 },
	{ "full", 1, 7 },
	{ "random", 1, 8 },
	{ "urandom", 1, 9 },
	{ "tty", 5, 0 },
};
const size_t n_device_nodes = ARRAY_SIZE(device_nodes);

/* Terminals: the master side, and those of the container's own devpts. */
static const struct spec_device_rule terminal_rules[] = {
	{
		.allow = true, .type = 'c', .major = 5, .minor = 2,
		.can_read = true, .can_write = true,
	},
	{
		.allow = true, .type = 'c', .major = 136, .minor = -1,
		.can_read = true, .can_write = true,
	},
};

static int check_rule(const struct spec_device_rule *rule, struct err *e)
{
	if (!strchr("abc", rule->type) || rule->type == '\0')
		return err_set(e, EINVAL, "parse type of device rule");
	if (rule->major < -1 || rule->major > MAX_MAJOR || rule->minor < -1 ||
	    rule->minor > MAX_MINOR)
		return err_set(e, ERANGE, "match device %" PRId64 ":%" PRId64, rule->major,
			       rule->minor);
	return 0;
}

/* Below /dev, by the shortest name that leads there. */
static bool is_place(const char *path)
{
	size_t length = strlen(path);

	return strncmp(path, "/dev/", 5) == 0 && length < PATH_MAX && !strstr(path, "//") &&
		!strstr(path, "/.") && path[length - 1] != '/';
}

bool is_dev_name(const char *name)
{
	static const char *const names[] = {
		"pts", "mqueue", "fd", "stdin", "stdout", "stderr", "ptmx", "console",
	};
	size_t length = strcspn(name, "/");

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strlen(names[i]) == length && strncmp(names[i], name, length) == 0)
			return true;
	}
	return false;
}

bool device_is_ptmx(const struct spec_device *device)
{
	return strcmp(device->path, "/dev/ptmx") == 0 && device->type == 'c' &&
		device->major == 5 && device->minor == 2;
}

bool device_is_hosts(const struct spec_device *device)
{
	return device->type != 'p' && !device_is_ptmx(device);
}

static int validate(const struct spec *spec, struct err *e)
{
	if (spec->n_device_rules + spec->n_devices > MAX_RULES)
		return err_set(e, E2BIG, "use %zu rules, more than %d",
			       spec->n_device_rules + spec->n_devices, MAX_RULES);
	for (size_t i = 0; i < spec->n_device_rules; i++) {
		int r = check_rule(&spec->device_rules[i], e);

		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < spec->n_devices; i++) {
		const struct spec_device *device = &spec->devices[i];

		if (!strchr("bcp", device->type) || device->major > MAX_MAJOR ||
		    device->minor > MAX_MINOR)
			return err_set(e, EINVAL, "make device '%.128s'", device->path);
		if (!is_place(device->path))
			return err_set(e, EINVAL, "make device '%.128s' outside of '/dev'",
				       device->path);
		if (is_dev_name(device->path + strlen("/dev/")) && !device_is_ptmx(device))
			return err_set(e, EINVAL, "make device '%.128s', which is there already",
				       device->path);
	}
	return 0;
}

struct program {
	struct bpf_insn *insns;		/* NULL: they are only counted */
	unsigned n;
};

static void emit(struct program *p, uint8_t code, uint8_t dst, uint8_t src, int16_t off,
		 int32_t imm)
{
	if (p->insns)
		p->insns[p->n] = (struct bpf_insn){
			.code = code, .dst_reg = dst, .src_reg = src, .off = off, .imm = imm,
		};
	p->n++;
}

static void emit_constant(struct program *p, uint8_t operation, uint8_t dst, int32_t value)
{
	emit(p, BPF_ALU | operation | BPF_K, dst, 0, 0, value);
}

static void emit_register(struct program *p, uint8_t operation, uint8_t dst, uint8_t src)
{
	emit(p, BPF_ALU64 | operation | BPF_X, dst, src, 0, 0);
}

enum {
	IS_ALLOWED = BPF_REG_0,
	CONTEXT = BPF_REG_1,
	ACCESS = BPF_REG_2,	/* what kind of device in the lower half, what for in the upper */
	MAJOR = BPF_REG_3,
	MINOR = BPF_REG_4,
	DIFFERENCE = BPF_REG_5,
	SCRATCH = BPF_REG_6,
};

static void emit_start(struct program *p)
{
	static const struct {
		uint8_t reg;
		size_t offset;
	} fields[] = {
		{ ACCESS, offsetof(struct bpf_cgroup_dev_ctx, access_type) },
		{ MAJOR, offsetof(struct bpf_cgroup_dev_ctx, major) },
		{ MINOR, offsetof(struct bpf_cgroup_dev_ctx, minor) },
	};

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		emit(p, BPF_LDX | BPF_MEM | BPF_W, fields[i].reg, CONTEXT,
		     (int16_t)fields[i].offset, 0);
	emit_constant(p, BPF_MOV, IS_ALLOWED, false);
}

/* DIFFERENCE gains bits where REG is not VALUE, as far as MASK tells. */
static void emit_compare(struct program *p, uint8_t reg, int64_t value, int32_t mask)
{
	if (value < 0)
		return;
	emit_register(p, BPF_MOV, SCRATCH, reg);
	emit_constant(p, BPF_XOR, SCRATCH, (int32_t)value);
	if (mask != ~0)
		emit_constant(p, BPF_AND, SCRATCH, mask);
	emit_register(p, BPF_OR, DIFFERENCE, SCRATCH);
}

/* REG, of 32 bits, becomes 1 where it was 0, and else 0. */
static void emit_is_zero(struct program *p, uint8_t reg)
{
	emit(p, BPF_ALU64 | BPF_SUB | BPF_K, reg, 0, 0, 1);
	emit(p, BPF_ALU64 | BPF_RSH | BPF_K, reg, 0, 0, 63);
}

/*
 * A rule allows when it covers all that is wanted, and denies when it covers any of it.
 *
 * There is no jump: the kernel's verifier follows both ways of each, and spent a tenth of a whole
 * launch on it.
 */
static void emit_rule(struct program *p, const struct spec_device_rule *rule)
{
	const int32_t kind_mask = rule->type == 'a' ? 0 : 0xffff;
	const int32_t kind = rule->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR;
	const int32_t covered = ((rule->can_mknod ? BPF_DEVCG_ACC_MKNOD : 0) |
				 (rule->can_read ? BPF_DEVCG_ACC_READ : 0) |
				 (rule->can_write ? BPF_DEVCG_ACC_WRITE : 0)) << 16;
	const int32_t not_covered = ~covered & ~0xffff;

	emit_constant(p, BPF_MOV, DIFFERENCE, 0);
	emit_compare(p, MAJOR, rule->major, ~0);
	emit_compare(p, MINOR, rule->minor, ~0);
	emit_compare(p, ACCESS, kind, rule->allow ? kind_mask | not_covered : kind_mask);
	emit_is_zero(p, DIFFERENCE);
	if (rule->allow) {
		emit_register(p, BPF_OR, IS_ALLOWED, DIFFERENCE);
		return;
	}
	emit_register(p, BPF_MOV, SCRATCH, ACCESS);
	emit_constant(p, BPF_AND, SCRATCH, covered);
	emit_is_zero(p, SCRATCH);
	/* Denied is what it is about and wanted; allowed remains the rest. */
	emit_constant(p, BPF_XOR, DIFFERENCE, 1);
	emit_register(p, BPF_OR, SCRATCH, DIFFERENCE);
	emit_register(p, BPF_AND, IS_ALLOWED, SCRATCH);
}

static void emit_rules(struct program *p, const struct spec *spec)
{
	struct spec_device_rule rule = {
		.allow = true, .type = 'c', .can_mknod = true,
	};

	emit_start(p);
	for (size_t i = 0; i < spec->n_device_rules; i++)
		emit_rule(p, &spec->device_rules[i]);
	/* Init makes the nodes under the filter; the payload lacks CAP_MKNOD. */
	for (size_t i = 0; i < spec->n_devices; i++) {
		if (!device_is_hosts(&spec->devices[i]))
			continue;
		rule.type = spec->devices[i].type;
		rule.major = spec->devices[i].major;
		rule.minor = spec->devices[i].minor;
		emit_rule(p, &rule);
	}
	for (size_t i = 0; i < ARRAY_SIZE(terminal_rules); i++)
		emit_rule(p, &terminal_rules[i]);
	rule.type = 'c';
	rule.can_read = rule.can_write = true;
	for (size_t i = 0; i < n_device_nodes; i++) {
		rule.major = device_nodes[i].major;
		rule.minor = device_nodes[i].minor;
		emit_rule(p, &rule);
	}
	/* Older verifiers do not know what comes of two registers, and ask for 0 or 1. */
	emit_constant(p, BPF_AND, IS_ALLOWED, 1);
	emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static long call_bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

static int load_program(const struct program *p, struct err *e)
{
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
		.insns = (uintptr_t)p->insns,
		.insn_cnt = p->n,
		.license = (uintptr_t)"",
	};
	long fd;

	memcpy(attr.prog_name, program_name, sizeof(program_name));
	fd = call_bpf(BPF_PROG_LOAD, &attr);

	return fd < 0 ? err_set(e, errno, "load device filter of %u instructions", p->n) : (int)fd;
}

static int load_rules(const struct spec *spec, struct err *e)
{
	AUTO_FREE struct bpf_insn *insns = NULL;
	struct program p = { 0 };

	emit_rules(&p, spec);
	insns = calloc(p.n, sizeof(*insns));
	if (!insns)
		return err_set(e, ENOMEM, "load device filter");
	p = (struct program){ .insns = insns };
	emit_rules(&p, spec);
	return load_program(&p, e);
}

/* In the place of OLD_FD, if there is one.  The group keeps the program; it goes with the group. */
static int attach_program(const struct cgroup *cg, int fd, int old_fd, struct err *e)
{
	union bpf_attr attr = {
		.target_fd = (uint32_t)cg->core_fd,
		.attach_bpf_fd = (uint32_t)fd,
		.attach_type = BPF_CGROUP_DEVICE,
		.attach_flags = BPF_F_ALLOW_MULTI,
	};

	if (old_fd >= 0) {
		attr.attach_flags |= BPF_F_REPLACE;
		attr.replace_bpf_fd = (uint32_t)old_fd;
	}
	return call_bpf(BPF_PROG_ATTACH, &attr) < 0 ?
		err_set(e, errno, "attach device filter") : 0;
}

static int prepare(struct box *box, struct err *e)
{
	AUTO_CLOSE int fd = -EBADF;

	/* Who may not load it may not make a device either, and opens those that are his own. */
	if (box->is_rootless)
		return 0;
	fd = load_rules(box->spec, e);
	return fd < 0 ? fd : attach_program(&box->cgroup, fd, -EBADF, e);
}

static int read_info(int fd, struct bpf_prog_info *ret, struct err *e)
{
	union bpf_attr attr = { 0 };

	*ret = (struct bpf_prog_info){ 0 };
	attr.info.bpf_fd = (uint32_t)fd;
	attr.info.info_len = sizeof(*ret);
	attr.info.info = (uintptr_t)ret;
	return call_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) < 0 ?
		err_set(e, errno, "look at device filter") : 0;
}

/* The program of ours on CG's group, owned; *RET_FD is -EBADF when there is none. */
static int find_program(const struct cgroup *cg, int *ret_fd, struct bpf_prog_info *ret,
			struct err *e)
{
	uint32_t ids[MAX_PROGRAMS];
	union bpf_attr attr = { 0 };

	attr.query.target_fd = (uint32_t)cg->core_fd;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	attr.query.prog_ids = (uintptr_t)ids;
	attr.query.prog_cnt = MAX_PROGRAMS;
	if (call_bpf(BPF_PROG_QUERY, &attr) < 0)
		return err_set(e, errno, "find device filter");
	for (uint32_t i = 0; i < attr.query.prog_cnt; i++) {
		union bpf_attr by_id = { .prog_id = ids[i] };
		AUTO_CLOSE int fd = (int)call_bpf(BPF_PROG_GET_FD_BY_ID, &by_id);

		/* It has gone since it was listed, with its group or not. */
		if (fd < 0 && errno == ENOENT)
			continue;
		if (fd < 0)
			return err_set(e, errno, "find device filter");
		if (read_info(fd, ret, e) < 0)
			return -e->code;
		if (strcmp(ret->name, program_name) == 0) {
			*ret_fd = TAKE_FD(fd);
			return 0;
		}
	}
	*ret_fd = -EBADF;
	return 0;
}

/* Two programs of the same instructions have the same tag. */
static int update(const struct cgroup *cg, const struct spec *wanted, struct err *e)
{
	AUTO_CLOSE int fd = load_rules(wanted, e), old_fd = -EBADF;
	struct bpf_prog_info info, old_info;
	int r;

	if (fd < 0)
		return fd;
	r = read_info(fd, &info, e);
	if (r < 0)
		return r;
	r = find_program(cg, &old_fd, &old_info, e);
	if (r < 0)
		return r;
	if (old_fd >= 0 && memcmp(info.tag, old_info.tag, sizeof(info.tag)) == 0)
		return 0;
	r = attach_program(cg, fd, old_fd, e);
	return r < 0 ? r : 1;
}

const struct isolator isolator_devices = {
	.name = "devices",
	.validate = validate,
	.prepare = prepare,
	.update = update,
};
