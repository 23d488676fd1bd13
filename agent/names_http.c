#include "agent/names_http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/api.h"
#include "agent/directory.h"
#include "agent/names_parts.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json_out.h"
#include "lib/texts.h"
#include "lib/version.h"
#include "net/http_server.h"

enum { HOST_SIZE = INET6_ADDRSTRLEN };

static int get_version(struct http_request *req, struct err *e)
{
	return api_reply(req, json_pack("{s:s, s:s, s:s}", "Service", "tepui-agent", "URL", "",
					"Version", TEPUI_VERSION), e);
}

static json_t *addresses_view(const struct address *addresses, size_t n)
{
	json_t *view = json_array();

	for (size_t i = 0; view && i < n; i++) {
		char text[ADDRESS_TEXT_SIZE];

		address_format(&addresses[i], text);
		json_array_append_new(view, json_string(text));
	}
	return view;
}

/* The members that Mesos-DNS has, where we have something to say; times in seconds. */
static int get_config(struct http_request *req, struct err *e)
{
	const struct agent *agent = http_request_app(req);
	const struct names *names = agent->names;
	char server[DNS_NAME_TEXT_SIZE], mailbox[DNS_NAME_TEXT_SIZE];

	dns_name_format(&names->own, server);
	dns_name_format(&names->mailbox, mailbox);
	return api_reply(req, json_pack("{s:s, s:i, s:s, s:s, s:s, s:b, s:b, s:o}",
					"Domain", agent->flags.dns_domain, "TTL", (int)names->ttl,
					"Listener", agent->flags.dns_listen, "SOAMname", server,
					"SOARname", mailbox, "DnsOn", names->is_on, "HttpOn", true,
					"Resolvers",
					addresses_view(names->upstreams, names->n_upstreams)), e);
}

/* ---- one name ---- */

static const struct names_address nowhere = { .family = 0 };

static void format_host(const struct names_address *address, char ret[HOST_SIZE])
{
	if (!inet_ntop(address->family, &address->v4, ret, HOST_SIZE))
		ret[0] = '\0';
}

/* Names of ours only, like Mesos-DNS: others are for DNS.  -EINVAL: it is no name. */
static int look(struct http_request *req, uint16_t type, struct names_finding *ret, struct err *e)
{
	const struct agent *agent = http_request_app(req);
	const char *text = http_request_arg(req, 0);
	struct dns_name name;

	if (dns_name_parse(text, &name) < 0)
		return err_set(e, EINVAL, "look up '%.256s': it is no name", text);
	ret->found = agent->names->found;
	(void)names_look(agent->names->zone, &name, type, &nowhere, ret);
	return 0;
}

/* TEXT with one dot at its end. */
static char *make_absolute(const char *text)
{
	size_t size = strlen(text);
	char *absolute = malloc(size + sizeof("."));

	if (absolute)
		sprintf(absolute, "%s%s", text, size && text[size - 1] == '.' ? "" : ".");
	return absolute;
}

static int get_host(struct http_request *req, struct err *e)
{
	AUTO_FREE char *host = make_absolute(http_request_arg(req, 0));
	struct names_finding finding;
	json_t *view = json_array();
	int r = look(req, DNS_ANY, &finding, e);

	if (r < 0) {
		json_decref(view);
		return r;
	}
	for (size_t i = 0; i < finding.n; i++) {
		char address[HOST_SIZE];

		if (finding.found[i].type != DNS_A && finding.found[i].type != DNS_AAAA)
			continue;
		format_host(&finding.found[i].address, address);
		json_array_append_new(view, json_pack("{s:s*, s:s}", "host", host, "ip", address));
	}
	if (json_array_size(view) == 0)
		json_array_append_new(view, json_pack("{s:s, s:s}", "host", "", "ip", ""));
	return api_reply(req, view, e);
}

static void add_service(const struct names *names, json_t *view, const char *service,
			const struct names_found *found)
{
	char host[DNS_NAME_TEXT_SIZE], port[sizeof("65535")], ip[HOST_SIZE] = "";
	struct names_address address;
	struct dns_name name;

	if (names_target_name(names->zone, found, &name) < 0)
		return;
	dns_name_format(&name, host);
	(void)snprintf(port, sizeof(port), "%u", found->target.port);
	if (names_target_addresses(found, &nowhere, &address, 1) > 0)
		format_host(&address, ip);
	json_array_append_new(view, json_pack("{s:s*, s:s, s:s, s:s}", "service", service, "host",
					      host, "ip", ip, "port", port));
}

static int get_service(struct http_request *req, struct err *e)
{
	const struct agent *agent = http_request_app(req);
	const char *service = http_request_arg(req, 0);
	struct names_finding finding;
	json_t *view = json_array();
	int r = look(req, DNS_SRV, &finding, e);

	if (r < 0) {
		json_decref(view);
		return r;
	}
	for (size_t i = 0; i < finding.n; i++)
		add_service(agent->names, view, service, &finding.found[i]);
	if (json_array_size(view) == 0)
		json_array_append_new(view, json_pack("{s:s, s:s, s:s, s:s}", "service", "", "host",
						      "", "ip", "", "port", ""));
	return api_reply(req, view, e);
}

/* ---- all of them ---- */

static void put_record(struct json_out *out, const char *name, const char *host, const char *type)
{
	json_out_open(out, '{');
	json_out_key_string(out, "name", name);
	json_out_key_string(out, "host", host);
	json_out_key_string(out, "rtype", type);
	json_out_close(out, '}');
}

static void put_addresses(struct json_out *out, const struct names_found *self, const char *name)
{
	struct names_address addresses[DIRECTORY_MAX_ADDRESSES];
	size_t n = names_target_addresses(self, &nowhere, addresses, ARRAY_SIZE(addresses));

	for (size_t i = 0; i < n; i++) {
		char host[HOST_SIZE];

		format_host(&addresses[i], host);
		put_record(out, name, host, addresses[i].family == AF_INET ? "A" : "AAAA");
	}
}

/* Of the task called "TASK.REST" and its instance. */
static void put_ports(struct json_out *out, const struct directory_endpoint *endpoint, char *task,
		      const char *instance)
{
	char *rest = strchr(task, '.');

	*rest++ = '\0';
	for (size_t i = 0; i < endpoint->info->n_ports; i++) {
		const Tepui__EndpointPort *port = endpoint->info->ports[i];
		char name[DNS_NAME_TEXT_SIZE + sizeof("_._tcp.")];
		char host[DNS_NAME_TEXT_SIZE + sizeof(":65535")];
		uint16_t number = names_port_number(endpoint, port, false);

		if (number == 0)
			continue;
		(void)snprintf(name, sizeof(name), "_%s._%s.%s", task, port->protocol, rest);
		(void)snprintf(host, sizeof(host), "%s:%u", instance, number);
		put_record(out, name, host, "SRV");
	}
}

static void put_task(struct json_out *out, const struct names_entry *entry)
{
	const struct names_found self = { .type = DNS_SRV, .target = { .entry = entry } };
	const Tepui__Endpoint *info = entry->endpoint->info;
	char task[DNS_NAME_TEXT_SIZE], instance[DNS_NAME_TEXT_SIZE];

	dns_name_format(&entry->members[0].name->text, instance);
	dns_name_format(&entry->members[1].name->text, task);
	json_out_open(out, '{');
	json_out_key_string(out, "name", info->name);
	json_out_key_string(out, "id", info->task_id);
	json_out_key(out, "records");
	json_out_open(out, '[');
	put_addresses(out, &self, task);
	put_addresses(out, &self, instance);
	put_ports(out, entry->endpoint, task, instance);
	json_out_close(out, ']');
	json_out_close(out, '}');
}

static const char *framework_of(const struct names_entry *entry)
{
	return entry->endpoint->info->framework;
}

static int compare(const void *a, const void *b)
{
	const struct names_entry *const *left = a, *const *right = b;

	return strcmp(framework_of(*left), framework_of(*right));
}

/* Those of tasks, in the order of their frameworks; owned. */
static const struct names_entry **list_tasks(const struct names_zone *zone, size_t *ret_n)
{
	const struct names_entry *entry = NULL, **list;
	size_t n = 0;

	while ((entry = names_zone_next(zone, entry)))
		n += entry->kind == NAMES_ENDPOINT;
	list = calloc(n + 1, sizeof(*list));
	if (!list)
		return NULL;
	n = 0;
	while ((entry = names_zone_next(zone, entry)))
		if (entry->kind == NAMES_ENDPOINT)
			list[n++] = entry;
	qsort(list, n, sizeof(*list), compare);
	*ret_n = n;
	return list;
}

static void put_frameworks(struct json_out *out, const struct names_entry *const *list, size_t n)
{
	for (size_t i = 0; i < n;) {
		const char *framework = framework_of(list[i]);

		json_out_open(out, '{');
		json_out_key_string(out, "name", framework);
		json_out_key(out, "tasks");
		json_out_open(out, '[');
		for (; i < n && texts_equal(framework_of(list[i]), framework); i++)
			put_task(out, list[i]);
		json_out_close(out, ']');
		json_out_close(out, '}');
	}
}

static int enumerate(struct http_request *req, struct err *e)
{
	const struct agent *agent = http_request_app(req);
	AUTO_FREE const struct names_entry **list = NULL;
	AUTO_FREE char *text = NULL;
	struct json_out out = { 0 };
	size_t n = 0, size = 0;

	list = list_tasks(agent->names->zone, &n);
	if (!list)
		return err_set(e, ENOMEM, "tell all names");
	json_out_open(&out, '{');
	json_out_key(&out, "frameworks");
	json_out_open(&out, '[');
	put_frameworks(&out, list, n);
	json_out_close(&out, ']');
	json_out_close(&out, '}');
	text = json_out_take(&out, &size);
	if (!text)
		return err_set(e, ENOMEM, "tell all names");
	http_reply(req, 200, "application/json", text, size);
	return 0;
}

/* ---- routes ---- */

static const struct route routes[] = {
	{ HTTP_GET, "/v1/version", get_version, 0 },
	{ HTTP_GET, "/v1/config", get_config, 0 },
	{ HTTP_GET, "/v1/hosts/:host", get_host, 0 },
	{ HTTP_GET, "/v1/services/:service", get_service, 0 },
	{ HTTP_GET, "/v1/enumerate", enumerate, 0 },
};

static void reply_error(struct http_request *req, int status, const struct err *e)
{
	http_reply(req, status, "text/plain; charset=utf-8", e->msg, strlen(e->msg));
}

int names_http_mount(struct agent *agent, struct http_server *server, struct err *e)
{
	return http_server_mount(server, routes, ARRAY_SIZE(routes), reply_error, agent, e);
}
