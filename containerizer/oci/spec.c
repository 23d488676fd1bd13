/* tepui-oci spec: a document to start from. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "containerizer/oci/command.h"
#include "containerizer/oci/state.h"
#include "lib/cleanup.h"

struct spec_options {
	bool help, rootless;
	char *bundle;
};

static const struct flag spec_flags[] = {
	COMMAND_HELP(struct spec_options),
	{ .name = "bundle", .kind = FLAG_STR, .off = offsetof(struct spec_options, bundle),
	  .letter = 'b', .help = "directory to write it to (default: the working directory)" },
	{ .name = "rootless", .kind = FLAG_BOOL, .off = offsetof(struct spec_options, rootless),
	  .help = "for a user who is not root: with a user namespace, and without limits" },
};

/* What runc's has, without the capability to write to the audit log. */
static const char document[] =
"{"
" 'ociVersion': '" OCI_VERSION "',"
" 'process': {"
"  'terminal': true, 'user': {'uid': 0, 'gid': 0}, 'args': ['sh'],"
"  'env': ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'TERM=xterm'],"
"  'cwd': '/',"
"  'capabilities': {"
"   'bounding': ['CAP_KILL', 'CAP_NET_BIND_SERVICE'],"
"   'effective': ['CAP_KILL', 'CAP_NET_BIND_SERVICE'],"
"   'permitted': ['CAP_KILL', 'CAP_NET_BIND_SERVICE']},"
"  'rlimits': [{'type': 'RLIMIT_NOFILE', 'hard': 1024, 'soft': 1024}],"
"  'noNewPrivileges': true},"
" 'root': {'path': 'rootfs', 'readonly': true},"
" 'hostname': 'tepui',"
" 'mounts': ["
"  {'destination': '/proc', 'type': 'proc', 'source': 'proc'},"
"  {'destination': '/dev', 'type': 'tmpfs', 'source': 'tmpfs',"
"   'options': ['nosuid', 'strictatime', 'mode=755', 'size=65536k']},"
"  {'destination': '/dev/pts', 'type': 'devpts', 'source': 'devpts',"
"   'options': ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5']},"
"  {'destination': '/dev/shm', 'type': 'tmpfs', 'source': 'shm',"
"   'options': ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k']},"
"  {'destination': '/dev/mqueue', 'type': 'mqueue', 'source': 'mqueue',"
"   'options': ['nosuid', 'noexec', 'nodev']},"
"  {'destination': '/sys', 'type': 'sysfs', 'source': 'sysfs',"
"   'options': ['nosuid', 'noexec', 'nodev', 'ro']},"
"  {'destination': '/sys/fs/cgroup', 'type': 'cgroup', 'source': 'cgroup',"
"   'options': ['nosuid', 'noexec', 'nodev', 'relatime', 'ro']}],"
" 'linux': {"
"  'resources': {'devices': [{'allow': false, 'access': 'rwm'}]},"
"  'namespaces': [{'type': 'pid'}, {'type': 'network'}, {'type': 'ipc'}, {'type': 'uts'},"
"   {'type': 'mount'}, {'type': 'cgroup'}],"
"  'maskedPaths': ['/proc/acpi', '/proc/asound', '/proc/kcore', '/proc/keys',"
"   '/proc/latency_stats', '/proc/timer_list', '/proc/timer_stats', '/proc/sched_debug',"
"   '/proc/scsi', '/sys/firmware'],"
"  'readonlyPaths': ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys',"
"   '/proc/sysrq-trigger']}"
"}";

static json_t *parse(void)
{
	char text[sizeof(document)];

	memcpy(text, document, sizeof(text));
	for (char *p = text; (p = strchr(p, '\'')); p++)
		*p = '"';
	return json_loads(text, 0, NULL);
}

/* The caller's ids are root's in there; what a group may use is not for a user to say. */
static int make_rootless(json_t *object, struct err *e)
{
	json_t *part = json_object_get(object, "linux");
	json_t *namespaces = json_object_get(part, "namespaces");

	if (json_object_del(part, "resources") < 0 ||
	    json_array_append_new(namespaces, json_pack("{ss}", "type", "user")) < 0 ||
	    json_object_set_new(part, "uidMappings", json_pack("[{sisIsi}]", "containerID", 0,
		"hostID", (json_int_t)geteuid(), "size", 1)) < 0 ||
	    json_object_set_new(part, "gidMappings", json_pack("[{sisIsi}]", "containerID", 0,
		"hostID", (json_int_t)getegid(), "size", 1)) < 0)
		return err_set(e, ENOMEM, "make a document");
	return 0;
}

static int make_spec(const struct oci *oci, const void *options, char **args, int *ret_status,
		     struct err *e)
{
	const struct spec_options *o = options;
	json_auto_t *object = parse();
	AUTO_CLOSE int fd = -EBADF;
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/config.json", o->bundle ? o->bundle : ".");
	int r;

	(void)oci;
	(void)args;
	(void)ret_status;
	if (n < 0 || (size_t)n >= sizeof(path))
		return err_set(e, ENAMETOOLONG, "write 'config.json'");
	if (!object)
		return err_set(e, ENOMEM, "make a document");
	r = o->rootless ? make_rootless(object, e) : 0;
	if (r < 0)
		return r;
	/* Never over one that somebody has written. */
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_set(e, errno, "create '%s'", path);
	if (json_dumpfd(object, fd, JSON_INDENT(2)) < 0 || write(fd, "\n", 1) != 1)
		return err_set(e, errno, "write '%s'", path);
	return 0;
}

const struct command command_spec = {
	.name = "spec",
	.arguments = "",
	.help = "write a config.json to start from",
	COMMAND_FLAGS(spec_flags),
	.options_size = sizeof(struct spec_options),
	.run = make_spec,
};
