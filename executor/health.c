#include "executor/health.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "executor/probe.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/loop.h"
#include "lib/pb_json.h"
#include "lib/utf8.h"

enum { MAX_SECONDS = 366 * 86400, MAX_PATH = 2048, SHOWN = 128, FIRST_PAUSE_MS = 50 };
enum { N_DRAINING = 4, DRAIN_MS = 10000 };

struct health {
	struct loop *loop;
	const struct health_ops *ops;
	void *arg;
	Mesos__V1__HealthCheck *check;

	struct loop_timer *next, *timeout;
	int64_t grace_end_ms, started_ms;
	struct probe *probe;
	struct probe *draining[N_DRAINING];	/* judged, reading the rest of their answers */
	unsigned n_drained;
	bool is_command_running;
	uint32_t command_id, n_commands;
	struct health_answer answer;	/* of the attempt */

	int64_t early_ms;		/* next pause before the first success; doubles */
	bool was_healthy;		/* at least once: the grace period is over */
	bool is_healthy;		/* as last reported */
	unsigned failures;		/* in a row, outside the grace period */
};

static bool is_seconds(double value)
{
	return value >= 0 && value <= MAX_SECONDS;	/* and not NaN */
}

static int validate_path(const char *path, struct err *e)
{
	if (!path || !*path)
		return 0;
	if (path[0] != '/' || strlen(path) > MAX_PATH)
		return err_set(e, EINVAL, "read health check: path '%.64s' is not absolute", path);
	for (; *path; path++) {
		if ((unsigned char)*path <= ' ' || *path == 127)
			return err_set(e, EINVAL, "read health check: white space in path");
	}
	return 0;
}

static int validate_port(uint32_t port, struct err *e)
{
	if (port == 0 || port > UINT16_MAX)
		return err_set(e, EINVAL, "read health check: port %u", port);
	return 0;
}

static int validate_http(const Mesos__V1__HealthCheck__HTTPCheckInfo *http, struct err *e)
{
	int r;

	if (!http)
		return err_set(e, EINVAL, "read health check: 'http' is missing");
	if (http->scheme && strcmp(http->scheme, "http") != 0 && strcmp(http->scheme, "https") != 0)
		return err_set(e, EINVAL, "read health check: scheme '%.16s' is not supported",
			       http->scheme);
	r = validate_port(http->port, e);
	return r < 0 ? r : validate_path(http->path, e);
}

static int validate_command(const Mesos__V1__CommandInfo *command, struct err *e)
{
	if (!command || !command->value || !*command->value)
		return err_set(e, EINVAL, "read health check: 'command' is missing");
	return 0;
}

int health_validate(const Mesos__V1__HealthCheck *check, struct err *e)
{
	if (!is_seconds(check->delay_seconds) || !is_seconds(check->interval_seconds) ||
	    !is_seconds(check->timeout_seconds) || !is_seconds(check->grace_period_seconds))
		return err_set(e, EINVAL, "read health check: seconds are outside 0..%d",
			       MAX_SECONDS);
	if (check->type == MESOS__V1__HEALTH_CHECK__TYPE__HTTP)
		return validate_http(check->http, e);
	if (check->type == MESOS__V1__HEALTH_CHECK__TYPE__COMMAND)
		return validate_command(check->command, e);
	if (check->type == MESOS__V1__HEALTH_CHECK__TYPE__TCP && check->tcp)
		return validate_port(check->tcp->port, e);
	return err_set(e, EINVAL, "read health check: 'type' is missing");
}

static bool is_http(const struct health *h)
{
	return h->check->type == MESOS__V1__HEALTH_CHECK__TYPE__HTTP;
}

static bool is_https(const struct health *h)
{
	const Mesos__V1__HealthCheck__HTTPCheckInfo *http = h->check->http;

	return is_http(h) && http->scheme && strcmp(http->scheme, "https") == 0;
}

static bool is_tcp(const struct health *h)
{
	return h->check->type == MESOS__V1__HEALTH_CHECK__TYPE__TCP;
}

static int64_t millis(double seconds)
{
	return (int64_t)(seconds * 1000);
}

/* "HTTP health check of 'http://127.0.0.1:31000/'". */
static void describe(const struct health *h, char *buf, size_t size)
{
	const Mesos__V1__HealthCheck *c = h->check;
	const char *path = is_http(h) && c->http->path && *c->http->path ? c->http->path : "/";

	if (is_http(h))
		(void)snprintf(buf, size, "HTTP health check of '%s://%s:%u%.*s'",
			       is_https(h) ? "https" : "http",
			       c->http->protocol == MESOS__V1__NETWORK_INFO__PROTOCOL__IPv6 ?
			       "[::1]" : "127.0.0.1", c->http->port, (int)utf8_cut(path, SHOWN),
			       path);
	else if (is_tcp(h))
		(void)snprintf(buf, size, "TCP health check of '%s:%u'",
			       c->tcp->protocol == MESOS__V1__NETWORK_INFO__PROTOCOL__IPv6 ?
			       "[::1]" : "127.0.0.1", c->tcp->port);
	else
		(void)snprintf(buf, size, "COMMAND health check '%.*s'",
			       (int)utf8_cut(c->command->value, SHOWN), c->command->value);
}

DEFINE_AUTO(struct probe *, probe_free);

/* What is left of the attempt's time is for the rest of the answer; the oldest makes room. */
static void retire_probe(struct health *h)
{
	int64_t end_ms = h->started_ms + millis(h->check->timeout_seconds);
	AUTO(probe_freep) struct probe *probe = TAKE_PTR(h->probe);
	struct probe **slot = &h->draining[h->n_drained % N_DRAINING];

	if (!probe || !probe_drain(probe, h->check->timeout_seconds > 0 ?
					  end_ms - clock_boot_ms() : DRAIN_MS))
		return;
	probe_free(*slot);
	*slot = TAKE_PTR(probe);
	h->n_drained++;
}

static void forget_attempt(struct health *h)
{
	retire_probe(h);
	if (h->is_command_running)
		h->ops->command_end(h->arg, h->command_id);
	h->is_command_running = false;
	loop_timer_clear(h->timeout);
}

static void failed(struct health *h, const char *what, const char *detail)
{
	char message[512];

	if (!h->was_healthy && clock_boot_ms() < h->grace_end_ms)
		return;
	h->failures++;
	h->is_healthy = false;
	(void)snprintf(message, sizeof(message), "%s: %s, %u time%s", what, detail, h->failures,
		       h->failures == 1 ? "" : "s");
	h->ops->report(h->arg, false, message);
	if (h->failures >= h->check->consecutive_failures)
		h->ops->give_up(h->arg, message);
}

/*
 * A task that is starting up is asked soon again, and ever more rarely: it counts as healthy, and a
 * deployment goes on, when it is ready, not an interval later.  Failures mean nothing yet.
 */
static int64_t pause_ms(struct health *h, bool is_ok)
{
	int64_t interval_ms = millis(h->check->interval_seconds);
	int64_t early_ms = h->early_ms;

	if (is_ok || h->was_healthy || clock_boot_ms() >= h->grace_end_ms || early_ms > interval_ms)
		return interval_ms;
	h->early_ms = early_ms * 2;
	return early_ms;
}

/* The end of an attempt.  The owner may free H in the last call. */
static void result(struct health *h, bool is_ok, const char *detail)
{
	char what[320], message[512];

	forget_attempt(h);
	loop_timer_set(h->next, pause_ms(h, is_ok));
	if (h->ops->answer) {
		h->answer.is_ok = is_ok;
		h->ops->answer(h->arg, &h->answer);
		return;
	}
	describe(h, what, sizeof(what));
	if (!is_ok) {
		failed(h, what, detail);
		return;
	}
	h->failures = 0;
	if (h->is_healthy)
		return;
	h->is_healthy = true;
	h->was_healthy = true;
	(void)snprintf(message, sizeof(message), "%s: %s", what, detail);
	h->ops->report(h->arg, true, message);
}

static void on_probe(void *arg, bool is_ok, int status, const char *detail)
{
	struct health *h = arg;

	h->answer.http_status = status;
	result(h, is_ok, detail);
}

static void on_timeout(void *arg)
{
	struct health *h = arg;
	char detail[64];

	(void)snprintf(detail, sizeof(detail), "no answer within %g s", h->check->timeout_seconds);
	result(h, false, detail);
}

void health_command_done(struct health *h, uint32_t id, int wait_status, const struct err *failure)
{
	char detail[320];

	if (!h->is_command_running || id != h->command_id)
		return;
	h->answer.has_exit_code = !failure && WIFEXITED(wait_status);
	h->answer.exit_code = h->answer.has_exit_code ? WEXITSTATUS(wait_status) : 0;
	if (failure)
		(void)err_text(failure, detail, sizeof(detail));
	else if (WIFEXITED(wait_status))
		(void)snprintf(detail, sizeof(detail), "exited with status %d",
			       WEXITSTATUS(wait_status));
	else
		(void)snprintf(detail, sizeof(detail), "terminated with signal %s",
			       sigdescr_np(WTERMSIG(wait_status)));
	result(h, !failure && WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0, detail);
}

static int start_command(struct health *h, struct err *e)
{
	static char sh[] = "/bin/sh", dash_c[] = "-c";
	const Mesos__V1__CommandInfo *command = h->check->command;
	size_t n = command->n_arguments;
	AUTO_FREE char **argv = calloc(n + 4, sizeof(*argv));
	int r;

	if (!argv)
		return err_set(e, ENOMEM, "run command");
	if (command->shell) {
		argv[0] = sh;
		argv[1] = dash_c;
		argv[2] = command->value;
	} else {
		/* arguments[0] is argv[0] and VALUE the file; both are the same for most. */
		argv[0] = command->value;
		for (size_t i = 1; i < n; i++)
			argv[i] = command->arguments[i];
	}
	h->command_id = h->ops->first_id + ++h->n_commands % HEALTH_IDS;
	r = h->ops->command(h->arg, h->command_id, argv, command->environment, e);
	h->is_command_running = r >= 0;
	return r;
}

static int start_probe(struct health *h, struct err *e)
{
	const Mesos__V1__HealthCheck__HTTPCheckInfo *http = h->check->http;
	const Mesos__V1__HealthCheck__TCPCheckInfo *tcp = h->check->tcp;
	struct probe_target target = {
		.is_http = is_http(h), .is_tls = is_https(h), .path = "/",
	};
	Mesos__V1__NetworkInfo__Protocol protocol = is_http(h) ? http->protocol : tcp->protocol;

	target.is_ipv6 = protocol == MESOS__V1__NETWORK_INFO__PROTOCOL__IPv6;
	target.port = (uint16_t)(is_http(h) ? http->port : tcp->port);
	if (is_http(h) && http->path && *http->path)
		target.path = http->path;
	target.fd_take = h->ops->socket(h->arg, target.is_ipv6 ? AF_INET6 : AF_INET, e);
	if (target.fd_take < 0)
		return target.fd_take;
	return probe_start(h->loop, &target, on_probe, h, &h->probe, e);
}

static void on_next(void *arg)
{
	struct health *h = arg;
	struct err e = { 0 };
	char detail[640];
	int r;

	h->started_ms = clock_boot_ms();
	h->answer = (struct health_answer){ 0 };
	if (h->check->timeout_seconds > 0)
		loop_timer_set(h->timeout, millis(h->check->timeout_seconds));
	r = is_http(h) || is_tcp(h) ? start_probe(h, &e) : start_command(h, &e);
	if (r < 0)
		result(h, false, err_text(&e, detail, sizeof(detail)));
}

void health_status(const struct health *h, Mesos__V1__HealthCheckStatus *ret)
{
	mesos__v1__health_check_status__init(ret);
	ret->has_healthy = h->was_healthy || h->failures > 0;
	ret->healthy = h->is_healthy;
	ret->has_consecutive_failures = true;
	ret->consecutive_failures = h->failures;
}

void health_pause(struct health *h, bool is_paused)
{
	forget_attempt(h);
	if (is_paused)
		loop_timer_clear(h->next);
	else
		loop_timer_set(h->next, millis(h->check->interval_seconds));
}

DEFINE_AUTO(struct health *, health_free);

int health_new(struct loop *loop, const Mesos__V1__HealthCheck *check, const struct health_ops *ops,
	       void *arg, struct health **ret, struct err *e)
{
	AUTO(health_freep) struct health *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return err_set(e, ENOMEM, "start health check");
	h->loop = loop;
	h->ops = ops;
	h->arg = arg;
	h->check = (Mesos__V1__HealthCheck *)pb_copy(&check->base);
	if (!h->check)
		return err_set(e, ENOMEM, "start health check");
	r = loop_timer_new(loop, on_next, h, &h->next, e);
	if (r < 0)
		return r;
	r = loop_timer_new(loop, on_timeout, h, &h->timeout, e);
	if (r < 0)
		return r;
	h->early_ms = FIRST_PAUSE_MS;
	h->grace_end_ms = clock_boot_ms() + millis(check->grace_period_seconds);
	loop_timer_set(h->next, millis(check->delay_seconds));
	*ret = TAKE_PTR(h);
	return 0;
}

void health_free(struct health *h)
{
	if (!h)
		return;
	probe_free(h->probe);
	for (size_t i = 0; i < N_DRAINING; i++)
		probe_free(h->draining[i]);
	loop_timer_free(h->next);
	loop_timer_free(h->timeout);
	if (h->check)
		mesos__v1__health_check__free_unpacked(h->check, NULL);
	free(h);
}
