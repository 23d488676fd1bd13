/* The Marathon-like controller: a framework like any other, its core without I/O. */
#ifndef MASTER_STUB_MARATHON_CONTROLLER_H
#define MASTER_STUB_MARATHON_CONTROLLER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "master_stub/scheduler.h"

struct controller;
struct err;
struct http_request;
struct http_server;
struct json_source;
struct rng;
struct store;

/* On which of the nodes where they fit instances are started. */
enum placement_strategy {
	PLACEMENT_DEFAULT,	/* an app's: that of the options */
	PLACEMENT_SPREAD,	/* where the fewest of the app are */
	PLACEMENT_BINPACK,	/* where the least room is */
};

/* What apps that do not say use of what is offered to their roles. */
enum accepted_resources {
	ACCEPTED_ANY,
	ACCEPTED_UNRESERVED,
	ACCEPTED_RESERVED,
};

struct controller_options {
	uint16_t local_port_min, local_port_max;	/* 10000, 20000: service ports */
	int64_t scale_check_ms;				/* 300,000 */
	int64_t task_launch_timeout_ms;			/* 300,000: staging longer is overdue */
	int64_t task_launch_confirm_timeout_ms;		/* 300,000 */
	int64_t task_reservation_timeout_ms;		/* 20,000: until a reservation is seen */
	int64_t kill_retry_ms;				/* 30,000 */
	int64_t reconcile_ms;				/* 600,000 */
	unsigned max_running_deployments;		/* 100 */
	unsigned max_instances_per_offer;		/* 0: as many as fit */
	enum placement_strategy placement;			/* of apps that do not say */
	const char *mesos_role;				/* borrowed; of apps that need not have another one */
	enum accepted_resources accepted;			/* by apps that do not say */
	bool new_group_enforces_role;			/* top-level groups that come: group_role.h */
	const char *env_vars_prefix;			/* borrowed; of HOST, PORT0 and the like; "" */
	const char *service_node_ports;			/* borrowed; that apps may ask for: "30000-30999" */
	const char *mesos_bridge_name;			/* borrowed; of network mode container/bridge */
	const char *hostname;				/* borrowed; for /v2/info and leader */
	uint16_t port;
	uint16_t http_port;				/* Marathon's own; 0: none */
	const char *allow_origin;			/* borrowed: whose pages may read; NULL: none's */
};
extern const struct controller_options controller_default_options;

/* An event for /v2/events: its TYPE and the whole object (borrowed), eventType included. */
typedef void controller_event_fn(void *arg, const char *type, const json_t *event);

/* What the core asks a server for: GET PATH of HOST:PORT, or POST.  Borrowed for the call. */
struct controller_fetch {
	const char *host;	/* a name or an address */
	uint16_t port;
	const char *path;	/* begins with '/' */
	const char *accept;	/* or NULL */
	const char *post;	/* JSON for the body of a POST; NULL: GET */
	bool is_tls;		/* with whoever answers: certificates are not looked at */
	bool is_of_agent;	/* and no task: it is shown the master's credential, if there is one */
	int64_t timeout_ms;	/* of the whole */
	size_t max_body;	/* bytes; more is cut off */
};

struct controller_answer {
	int status;		/* 0: there was none, ERROR says why */
	const char *content_type, *body;	/* "": none */
	size_t size;
	bool is_cut;
	const char *error;
};

struct controller_io {
	controller_event_fn *event;
	void (*explain)(void *arg, const char *sentence);
	int64_t (*wall_ms)(void *arg);
	/*
	 * Begin to fetch: controller_fetched() tells the end under ID, later than this returns, and
	 * not after fetch_cancel().  -errno: nothing was begun.
	 */
	int (*fetch)(void *arg, uint64_t id, const struct controller_fetch *fetch);
	void (*fetch_cancel)(void *arg, uint64_t id);
	void *arg;
};

/* Loads its records from STORE and subscribes with MASTER. */
int controller_new(const struct controller_options *options, const struct controller_io *io,
		   struct store *store, struct rng *rng, struct master *master, int64_t now_ms,
		   struct controller **ret, struct err *e);
void controller_free(struct controller *controller);

/* What is due: backoff that ended, overdue tasks, kill retries, deployments' next steps. */
void controller_turn(struct controller *controller, int64_t now_ms);
int64_t controller_next_ms(const struct controller *controller);

/* The end of a fetch.  A turn has to follow. */
void controller_fetched(struct controller *controller, uint64_t id,
			const struct controller_answer *answer, int64_t now_ms);

/* What the REST surface asks of the shell. */
struct marathon_api_io {
	void (*changed)(void *arg);	/* something may have: run a turn */
	/* Answer REQ with what SOURCE writes, as long as it takes, while others are served. */
	int (*reply_source)(void *arg, struct http_request *req,
			    const struct json_source *source_take, struct err *e);
	void (*abdicate)(void *arg);	/* end the process when what is answered has left */
	void *arg;
};

/* Mount /v2, /ping and the event stream on SERVER (marathon/api*.c). */
struct marathon_api;
int marathon_api_new(struct controller *controller, struct http_server *server,
		     const struct marathon_api_io *io, struct marathon_api **ret, struct err *e);
/* The numbers that Marathon tells, by their names since 1.7; counters only rise. */
typedef void marathon_metric_fn(void *arg, const char *name, double value);
void marathon_api_metrics(const struct marathon_api *api, marathon_metric_fn *fn, void *arg);
/* The same as Marathon's /metrics has them, with the names before 1.7, too. */
json_t *marathon_api_metrics_json(const struct marathon_api *api);
/* The shell passes every controller event here; it fans out to the streams. */
void marathon_api_event(struct marathon_api *api, const char *type, const json_t *event);
/* Bare CRLF on all streams, every 10 s. */
void marathon_api_keepalive(struct marathon_api *api);
void marathon_api_free(struct marathon_api *api);

#endif
