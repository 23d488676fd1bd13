/* What the agent can be told on its command line. */
#ifndef AGENT_FLAGS_H
#define AGENT_FLAGS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct err;

struct agent_flags {
	char *master, *listen, *advertise_ip, *work_dir, *hostname, *resources, *attributes;
	char *cgroup_root, *executor, *default_user, *log_level, *disk_projects;
	char *cdi_dirs, *cdi_devices, *executor_environment_variables;
	char *host_path_volumes, *image_store, *user_ids;
	char *credential, *http_credentials, *http_authenticators;
	char *seccomp_config_dir, *seccomp_profile_name;
	char *dns_domain, *dns_listen, *dns_upstreams, *dns_http_listen;
	bool cfs_quota, allow_unenforced, allow_root_tasks, allow_unconfined;
	bool enforce_container_disk_quota, failure_output, insecure;
	bool authenticate_http_readonly, authenticate_http_readwrite;
	bool authenticate_http_executors, http_executor_domain_sockets;
	bool nftables, open_admin_ports;
	bool help, version;
	char *bridge, *bridge_subnet, *bridge_subnet6;
	char *network_cni_config_dir, *network_cni_plugins_dir;
	uint64_t bridge_mtu;
	int64_t dns_ttl;
	uint64_t dns_cache_size;
	uint64_t image_gc_high, image_gc_low, pids_limit, container_log_mb, container_log_files;
	int64_t executor_registration_timeout, executor_reregistration_timeout;
	int64_t executor_shutdown_grace_period, executor_heartbeat_interval, recovery_timeout, registration_backoff_factor;
	int64_t cni_timeout;
	int64_t image_gc_interval, gc_delay, sample_interval, stall_threshold, http_heartbeat_interval;
};

/*
 * Read argv and TEPUI_AGENT_* and check what can be checked without the host: -EINVAL names the
 * flag.  --help and --version are only noted.  RET is freed with agent_flags_done().
 */
int agent_flags_parse(int argc, char *const *argv, struct agent_flags *ret, struct err *e);
void agent_flags_print_help(void);
json_t *agent_flags_to_json(const struct agent_flags *flags);
void agent_flags_done(struct agent_flags *flags);

#endif
