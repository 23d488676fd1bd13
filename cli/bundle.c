#include "cli/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/file_out.h"
#include "lib/tree.h"

enum {
	IDS = 65536,		/* for a container */
	RANGES = 16384,
	CPU_PERIOD_USEC = 100000,
	PIDS = 1024,
};

/*
 * Above what agents have by default.  Processes that run at the same time have different pids: so
 * do their containers, but for those that are so far apart that they never are.
 */
static const int64_t first_id = 2300000000;

/* What a task of user root has (DESIGN.md section 6). */
static const char *const capabilities[] = {
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_SETGID", "CAP_SETUID",
	"CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL",
};

/* ---- process ---- */

static json_t *list_strings(char *const *strings, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_string(strings[i]));
	return list;
}

static json_t *describe_capabilities(void)
{
	json_t *all = json_array(), *sets;

	for (size_t i = 0; i < ARRAY_SIZE(capabilities); i++)
		json_array_append_new(all, json_string(capabilities[i]));
	sets = json_pack("{s:O, s:O, s:O}", "bounding", all, "effective", all, "permitted", all);
	json_decref(all);
	return sets;
}

static void add_console_size(json_t *process)
{
	struct winsize size;

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
		json_object_set_new(process, "consoleSize",
				    json_pack("{s:i, s:i}", "height", size.ws_row, "width",
					      size.ws_col));
}

static json_t *describe_process(const struct bundle_plan *plan)
{
	json_t *process = json_pack(
		"{s:o, s:[s,s,s], s:s, s:{s:i, s:i}, s:o, s:b, s:b}", "args",
		list_strings(plan->args, plan->n_args), "env",
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
		"TERM=xterm", "cwd", "/", "user", "uid", 0, "gid", 0, "capabilities",
		describe_capabilities(), "noNewPrivileges", 1, "terminal", plan->has_terminal);

	if (process && plan->has_terminal)
		add_console_size(process);
	return process;
}

/* ---- limits ---- */

static int read_number(const char *flag, const char *text, double min, double max, double *ret,
		       struct err *e)
{
	char *end;

	*ret = strtod(text, &end);
	if (end == text || *end || !(*ret >= min && *ret <= max))
		return err_set(e, EINVAL, "read flag '--%s': '%s' is not a number from %g to %.0f", flag,
			       text, min, max);
	return 0;
}

static int describe_limits(const struct bundle_plan *plan, json_t **ret, struct err *e)
{
	json_t *limits = json_pack("{s:{s:i}}", "pids", "limit", PIDS);
	double value;
	int r = 0;

	if (plan->cpus) {
		r = read_number("cpus", plan->cpus, 0.01, 4096, &value, e);
		json_object_set_new(limits, "cpu",
				    json_pack("{s:I, s:i}", "quota",
					      (json_int_t)(value * CPU_PERIOD_USEC), "period",
					      CPU_PERIOD_USEC));
	}
	if (plan->mem && r >= 0) {
		json_int_t bytes;

		r = read_number("mem", plan->mem, 4, 1 << 30, &value, e);
		bytes = r < 0 ? 0 : (json_int_t)(value * (1 << 20));
		json_object_set_new(limits, "memory",
				    json_pack("{s:I, s:I}", "limit", bytes, "swap", bytes));
	}
	if (r < 0)
		json_decref(limits);
	else
		*ret = limits;
	return r;
}

/* ---- mounts ---- */

static int add_bind(json_t *mounts, const char *source, const char *destination, bool is_read_only,
		    struct err *e)
{
	json_t *mount = json_pack("{s:s, s:s, s:s, s:[s,s,s,s]}", "destination", destination,
				  "type", "bind", "source", source, "options", "rbind",
				  is_read_only ? "ro" : "rw", "nosuid", "nodev");

	return json_array_append_new(mounts, mount) < 0 ?
		       err_set(e, EINVAL, "mount '%s': not UTF-8", source) : 0;
}

/* "HOST:CONTAINER[:ro]" */
static int add_volume(json_t *mounts, char *text, struct err *e)
{
	char *source = strsep(&text, ":"), *destination = strsep(&text, ":"), real[PATH_MAX];

	if (!destination || destination[0] != '/' || (text && strcmp(text, "ro") != 0))
		return err_set(e, EINVAL, "read flag '--volume': '%s' is not HOST:/CONTAINER[:ro]",
			       source);
	if (!realpath(source, real))
		return err_set(e, errno, "find volume '%s': %s", source,
			       strerror(errno));
	return add_bind(mounts, real, destination, text, e);
}

static int describe_mounts(const struct bundle_plan *plan, json_t **ret, struct err *e)
{
	static const char *const names[] = { "/etc/resolv.conf", "/etc/hosts" };
	AUTO_FREE char *copy = strdup(plan->volumes ? plan->volumes : "");
	json_t *mounts = json_array();
	char *rest = copy, *volume;
	int r = copy && mounts ? 0 : err_set(e, ENOMEM, "describe mounts");

	for (size_t i = 0; i < ARRAY_SIZE(names) && r >= 0; i++) {
		if (access(names[i], R_OK) == 0)
			r = add_bind(mounts, names[i], names[i], true, e);
	}
	while (r >= 0 && (volume = strsep(&rest, ","))) {
		if (*volume)
			r = add_volume(mounts, volume, e);
	}
	if (r < 0)
		json_decref(mounts);
	else
		*ret = mounts;
	return r;
}

/* ---- the document ---- */

static json_t *describe_linux(json_t *limits_take)
{
	json_t *map = json_pack("[{s:i, s:I, s:i}]", "containerID", 0, "hostID",
				(json_int_t)(first_id + getpid() % RANGES * (int64_t)IDS), "size",
				IDS);
	json_t *part = json_pack("{s:[{s:s},{s:s},{s:s},{s:s},{s:s},{s:s}], s:O, s:O, s:o}",
				 "namespaces", "type", "pid", "type", "mount", "type", "ipc", "type",
				 "uts", "type", "cgroup", "type", "user", "uidMappings", map,
				 "gidMappings", map, "resources", limits_take);

	json_decref(map);
	return part;
}

static int describe(const struct bundle_plan *plan, const struct bundle *bundle, json_t **ret,
		    struct err *e)
{
	json_t *limits = NULL, *mounts = NULL;
	char root[PATH_MAX] = "/";
	int r;

	if (plan->rootfs && !realpath(plan->rootfs, root))
		return err_set(e, errno, "find root '%s'", plan->rootfs);
	r = describe_limits(plan, &limits, e);
	if (r >= 0)
		r = describe_mounts(plan, &mounts, e);
	if (r < 0) {
		json_decref(limits);
		return r;
	}
	*ret = json_pack("{s:s, s:s, s:o, s:{s:s, s:b}, s:o, s:o, s:{s:s, s:s}}", "ociVersion",
			 "1.2.0", "hostname", bundle->id, "process", describe_process(plan), "root",
			 "path", root, "readonly", 0, "mounts", mounts, "linux",
			 describe_linux(limits), "annotations", "io.tepui.seccomp", "builtin",
			 "io.tepui.idmapped-root", plan->rootfs ? "true" : "false");
	return *ret ? 0 : err_set(e, ENOMEM, "describe the container");
}

static int write_document(const struct bundle *bundle, const json_t *document, struct err *e)
{
	AUTO_CLOSE int fd = open(bundle->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_FREE char *text = json_dumps(document, JSON_COMPACT);

	if (fd < 0 || !text)
		return err_set(e, fd < 0 ? errno : ENOMEM, "write '%s/config.json'", bundle->dir);
	return file_out_replace(fd, "config.json", text, strlen(text), e);
}

int bundle_name(struct bundle *ret, struct err *e)
{
	uint64_t number;

	if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
		return err_set(e, errno, "get random numbers");
	(void)snprintf(ret->id, sizeof(ret->id), "tepui-run-%d", (int)getpid());
	(void)snprintf(ret->dir, sizeof(ret->dir), "/var/tmp/tepui-run.%016" PRIx64, number);
	return 0;
}

int bundle_make(const struct bundle_plan *plan, const struct bundle *bundle, struct err *e)
{
	json_t *document = NULL;
	int r;

	r = describe(plan, bundle, &document, e);
	if (r < 0)
		return r;
	if (mkdir(bundle->dir, 0700) < 0)
		r = err_set(e, errno, "make directory '%s'", bundle->dir);
	else
		r = write_document(bundle, document, e);
	json_decref(document);
	return r;
}

void bundle_remove(const struct bundle *bundle)
{
	struct err none = { 0 };

	(void)tree_remove(AT_FDCWD, bundle->dir, &none);
}
