/* What a container is to be: an OCI runtime-spec document as one struct (spec 1.2). */
#ifndef ISOLATORS_SPEC_H
#define ISOLATORS_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

/* One row of a map of users or groups: COUNT ids from INSIDE on are those from OUTSIDE on. */
struct spec_id_map {
	uint32_t inside, outside, count;
};

struct spec_id_maps {
	struct spec_id_map *uids, *gids;
	size_t n_uids, n_gids;
};

/* The kinds of namespaces, in alphabetic order of their OCI names: see isolators/namespaces.h. */
enum spec_namespace {
	SPEC_NS_CGROUP,
	SPEC_NS_IPC,
	SPEC_NS_MOUNT,
	SPEC_NS_NETWORK,
	SPEC_NS_PID,
	SPEC_NS_TIME,
	SPEC_NS_USER,
	SPEC_NS_UTS,
	SPEC_N_NAMESPACES,
};

struct spec_time_offset {
	const char *clock;	/* as the kernel has it */
	int64_t secs;
	uint32_t nanosecs;
};

struct spec_mount {
	char *destination;	/* absolute, in the container, without "." and double slashes */
	char *type;		/* of a file system, "bind", or "layers" */
	char *source;		/* of layers: the directory that holds "upper" and "work" */
	char **layers;		/* io.tepui.mount-layers: the topmost first; or NULL */
	char **options;		/* as in the document, NULL-terminated */
	struct spec_id_maps id_maps;
};

struct spec_rlimit {
	int resource;		/* RLIMIT_* */
	struct rlimit limit;
};

struct spec_device {
	char *path;
	char type;		/* 'c' or 'b' */
	uint32_t major, minor;
	mode_t mode;
	uid_t uid;
	gid_t gid;
};

struct spec_device_rule {
	bool allow;
	char type;		/* 'c', 'b' or 'a' */
	int64_t major, minor;	/* -1: any */
	bool can_read, can_write, can_mknod;
};

/* NAME is what io.max calls it ("rbps", "wbps", "riops", "wiops"; 0: no limit) or "weight". */
struct spec_io_device {
	uint32_t major, minor;
	const char *name;	/* static */
	uint64_t value;
};

struct spec_hugepages {
	char *page_size;	/* "2MB", as the kernel names its files */
	uint64_t limit_bytes;
};

struct spec_rdma {
	char *device;
	int64_t handles, objects;	/* -1: not set */
};

/* Of stdout or stderr. */
struct spec_log {
	uint64_t max_bytes;	/* 0: no bound, and the task has the file itself */
	unsigned files;		/* full ones that are kept beside it */
};

enum { SPEC_MAX_LOG_FILES = 100 };

/* A network that the container's own network namespace is attached to. */
struct spec_network {
	char *network;			/* its name */
	char *interface;		/* in the container */
	char *link, *bridge;		/* on the host: the other end, and what that is a port of */
	char **addresses, **gateways;	/* "172.29.0.5/16"; "172.29.0.1"; NULL-terminated */
	uint64_t mtu;
	uint64_t bandwidth_in, bandwidth_out;	/* bits a second, seen from inside; 0: no limit */
	/* A list of cni_list_bind(): plugins make it, and of the rest it has its names alone. */
	struct json_t *cni;
};

/* How the plugins of networks are run: struct cni_host. */
struct spec_cni {
	char *dirs;
	char *directory;		/* the container's on the host: NETWORK_FILE_* */
	uint64_t timeout_ms;
};

struct spec_capabilities {
	uint64_t bounding, effective, permitted, inheritable, ambient;	/* 1 << CAP_* */
};

struct spec_scheduler {
	bool is_set;
	uint32_t policy;		/* SCHED_* */
	int32_t nice;
	uint32_t priority;
	uint64_t flags;			/* SCHED_FLAG_* */
	uint64_t runtime, deadline, period;	/* nanoseconds */
};

/* Programs of the document's author that run at moments of a container's life. */
enum spec_hook_kind {
	SPEC_HOOK_PRESTART,
	SPEC_HOOK_CREATE_RUNTIME,
	SPEC_HOOK_CREATE_CONTAINER,
	SPEC_HOOK_START_CONTAINER,
	SPEC_HOOK_POSTSTART,
	SPEC_HOOK_POSTSTOP,
	SPEC_N_HOOKS,
};
extern const char *const spec_hook_names[SPEC_N_HOOKS];	/* as OCI documents have them */

struct spec_hook {
	char *path;
	char **args, **env;		/* NULL-terminated, or NULL */
	uint64_t timeout_seconds;	/* 0: none */
};

enum { SPEC_LABEL_SIZE = 4096 };	/* of a security module */

/* Zero or NULL means "not set" unless a comment says otherwise. */
struct spec {
	char *id;			/* container id: also the cgroup's name */

	/* process */
	char **args;			/* NULL-terminated, at least one */
	char **env;			/* "K=V", NULL-terminated */
	char *cwd;
	bool terminal;
	uint16_t terminal_rows, terminal_columns;	/* 0: unknown */
	uid_t uid;
	gid_t gid;
	gid_t *additional_gids;
	size_t n_additional_gids;
	mode_t umask;			/* 022 if unset */
	struct spec_capabilities capabilities;
	struct spec_rlimit *rlimits;
	size_t n_rlimits;
	bool no_new_privileges;
	bool has_oom_score_adj;
	int oom_score_adj;
	char *apparmor_profile;
	bool no_new_keyring;		/* keep the session keyring of the supervisor */
	struct spec_scheduler scheduler;
	bool has_io_priority;
	int io_class, io_priority;	/* IOPRIO_CLASS_*, 0..7 */
	char *exec_cpus_initial, *exec_cpus_final;	/* of processes that are added later */

	/* root */
	char *root_path;		/* "/" is the host's root (annotation io.tepui.host-root) */
	char **root_layers;		/* io.tepui.root-layers: the topmost first; then no root_path */
	char *root_upper;		/* io.tepui.root-upper: holds "upper" and "work" */
	char **root_directories;	/* io.tepui.root-directories: made in it if missing */
	bool root_readonly;
	unsigned long root_propagation;	/* MS_PRIVATE, ..., perhaps with MS_REC; 0 if unset */
	char *hostname, *domainname;
	struct spec_mount *mounts;
	size_t n_mounts;

	struct spec_hook *hooks[SPEC_N_HOOKS];
	size_t n_hooks[SPEC_N_HOOKS];

	/* linux */
	/* Where its user wants the cgroup: for tepui-oci; an agent gives cgroup_layout. */
	char *cgroups_path;
	unsigned long namespaces;	/* CLONE_NEW* to make */
	char *namespace_paths[SPEC_N_NAMESPACES];	/* to join */
	struct spec_id_maps id_maps;	/* of the user namespace */
	char **sysctls;			/* "net/ipv4/x=VALUE", NULL-terminated */
	bool has_personality;
	unsigned long personality;
	struct spec_time_offset time_offsets[2];
	size_t n_time_offsets;
	char **masked_paths, **readonly_paths;
	struct spec_device *devices;
	size_t n_devices;
	struct spec_device_rule *device_rules;
	size_t n_device_rules;
	uint64_t cpu_shares;		/* v1 shares, 2..262144 */
	int64_t cpu_quota_usec;		/* -1: none */
	uint64_t cpu_period_usec;
	bool has_cpu_burst, has_cpu_idle;
	uint64_t cpu_burst_usec;
	uint64_t cpu_idle;		/* 1: takes only time that nobody else wants */
	char *cpuset_cpus, *cpuset_mems;
	int64_t memory_limit_bytes;	/* -1: none */
	int64_t memory_reservation_bytes;	/* -1: none */
	int64_t memory_swap_bytes;	/* limit + swap, as OCI has it; 0: no swap at all */
	bool memory_check_before_update;	/* a limit below what is in use is refused */
	bool has_memory_swappiness;
	uint64_t memory_swappiness;	/* 0..100 */
	int64_t pids_limit;
	uint64_t io_weight;		/* OCI blockIO.weight, 10..1000 */
	struct spec_io_device *io_devices;
	size_t n_io_devices;
	struct spec_hugepages *hugepages;
	size_t n_hugepages;
	struct spec_rdma *rdma;
	size_t n_rdma;
	char **unified;			/* pairs "file=value" written as they are */

	/* seccomp, as in the document; compiled by the agent, applied from a descriptor */
	struct json_t *seccomp;

	/* annotations of ours */
	char *cgroup_layout;		/* io.tepui.cgroups: cgroup_layout_format() */
	char *cgroup_name;		/* of the container's there; NULL: its id */
	char *sandbox;			/* io.tepui.sandbox: host directory */
	char *sandbox_destination;	/* io.tepui.sandbox-destination: in the container */
	bool host_root;			/* io.tepui.host-root */
	bool idmapped_root;		/* io.tepui.idmapped-root: its files' ids are inside ids */
	bool has_builtin_seccomp;	/* io.tepui.seccomp: our filter where the document has none */
	struct spec_log logs[2];	/* io.tepui.logs: of stdout and stderr */
	struct spec_network *networks;	/* io.tepui.network */
	size_t n_networks;
	struct spec_cni cni;
	char **volume_roots;		/* io.tepui.volume-roots: as of mounts_open() */
	char **hidden_paths;		/* io.tepui.hidden: host paths to cover, ':'-separated */
};

/* Is it not the supervisor's: made, or joined? */
bool spec_has_namespace(const struct spec *spec, enum spec_namespace kind);
bool spec_has_user_namespace(const struct spec *spec);

bool spec_has_hooks(const struct spec *spec);

void spec_done(struct spec *spec);

#endif
