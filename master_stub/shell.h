/* The master's process: sockets, files and timers around the core; one per program. */
#ifndef MASTER_STUB_SHELL_H
#define MASTER_STUB_SHELL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/rng.h"
#include "lib/timings.h"
#include "net/http_auth.h"

struct controller;
struct credentials;
struct err;
struct fetches;
struct http_server;
struct log_toggle;
struct loop;
struct loop_timer;
struct marathon_api;
struct master;
struct operator_streams;
struct pages;
struct store;
struct streams;

struct shell_flags {
	char *work_dir, *listen, *hostname, *log_level, *agent_removal_rate_limit;
	char *min_allocatable_resources, *domain, *roles, *weights;
	char *service_addresses, *service_node_ports;
	char *credentials, *agent_credential, *http_authenticators, *http_framework_authenticators;
	char *http_port, *metronome_port, *http_credentials, *access_control_allow_origin;
	int64_t service_drain_timeout;
	int64_t agent_ping_timeout, offer_timeout, agent_reregister_timeout, allocation_interval;
	int64_t agent_removal_interval;		/* of the rate limit; no flag of its own */
	uint64_t max_agent_ping_timeouts;
	bool authenticate_http_readonly, authenticate_http_readwrite;
	bool authenticate_http_frameworks, authenticate_agents;
	bool filter_gpu_resources, insecure, help, version;
	char *placement_strategy, *mesos_role, *new_group_enforce_role, *env_vars_prefix;
	char *mesos_bridge_name;
	char *accepted_resource_roles_default_behavior;
	uint64_t local_port_min, local_port_max, max_instances_per_offer;
	uint64_t max_completed_frameworks, max_completed_tasks_per_framework;
};

struct shell {
	struct shell_flags flags;
	char *hostname;			/* told to others */
	uint16_t port;
	uint16_t http_port;		/* Marathon's own; 0: none */
	struct loop *loop;
	struct rng rng;
	struct store *store;
	struct store_backup *backup;
	struct http_server *server;
	struct http_auth auth;
	struct http_auth marathon_auth;		/* of /v2, with --http_credentials */
	struct credentials *credentials;	/* NULL: nobody is asked for one */
	struct credentials *marathon_credentials;	/* NULL: /v2 is like everything else */
	char *agent_authorization;	/* that agents are shown; or NULL */
	struct log_toggle *log_toggle;
	struct pages *pages;
	struct operator_streams *operators;
	struct master *master;
	struct controller *controller;
	struct fetches *fetches;
	struct marathon_api *api;
	struct streams *agents, *schedulers;
	struct loop_timer *turn_timer, *retry_timer, *keepalive_timer, *abdicate_timer;
	bool needs_turn;
	bool is_full;			/* the last commit failed: nothing new is promised */
	int64_t fetch_ns;		/* that the state took to be read at the start */
	struct timings commits;
};

/* Defaults, environment TEPUI_MASTER_*, arguments; checked. */
int shell_flags_parse(int argc, char *const *argv, struct shell_flags *ret, struct err *e);
void shell_flags_print_help(void);
json_t *shell_flags_json(const struct shell_flags *flags);
void shell_flags_done(struct shell_flags *flags);

/* Everything up to the first accepted connection; on failure shell_stop() cleans up. */
int shell_start(struct shell *shell, struct err *e);
void shell_stop(struct shell *shell);
/* shell_server.c: its name, its credentials and its listeners; what of them is not the server's own goes last. */
int shell_server_start(struct shell *shell, struct err *e);
void shell_server_done(struct shell *shell);
/* Something came in: run the core before the loop waits again. */
void shell_wake(struct shell *shell);
/* The hook after every turn of the loop. */
void shell_after_turn(void *shell);

#endif
