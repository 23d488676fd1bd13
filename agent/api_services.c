/* GET /services: the services as this node has them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/api.h"
#include "agent/directory.h"
#include "agent/traffic.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json_out.h"
#include "lib/texts.h"
#include "net/http_server.h"

static const char *enum_name(const ProtobufCEnumDescriptor *descriptor, int value)
{
	return protobuf_c_enum_descriptor_get_value(descriptor, value)->name;
}

/* Where it is reached from anywhere: at its node by the port there, or by an address of its own. */
static void put_address(struct json_out *out, const struct directory_backend *backend)
{
	const Tepui__Endpoint *endpoint = backend->endpoint->info;
	const struct directory_node *node = backend->endpoint->node;
	bool is_own = endpoint->n_addresses && !backend->port->host_port;

	json_out_key_string(out, "address",
			    is_own ? endpoint->addresses[0] : node ? node->info->address : NULL);
	json_out_key_uint(out, "port", is_own ? backend->port->container_port : backend->port->host_port);
}

static void put_counts(struct json_out *out, const struct traffic_counts *counts)
{
	json_out_key_uint(out, "connections", counts->connections);
	json_out_key_uint(out, "sent_bytes", counts->sent_bytes);
	json_out_key_uint(out, "received_bytes", counts->received_bytes);
}

/* TRAFFIC may be NULL: it was not asked for. */
static void put_backend(struct json_out *out, const struct directory_backend *backend,
			const struct traffic_table *traffic)
{
	const Tepui__Endpoint *endpoint = backend->endpoint->info;
	const struct directory_node *node = backend->endpoint->node;

	json_out_open(out, '{');
	json_out_key_string(out, "task_id", endpoint->task_id);
	json_out_key_string(out, "name", endpoint->name);
	json_out_key_string(out, "framework", endpoint->framework);
	json_out_key_string(out, "agent_id", endpoint->agent_id);
	json_out_key_string(out, "hostname", node ? node->info->hostname : NULL);
	put_address(out, backend);
	json_out_key_string(out, "state",
			    enum_name(&tepui__endpoint__state__descriptor, (int)endpoint->state));
	json_out_key_uint(out, "weight", endpoint->weight);
	if (traffic) {
		struct traffic_counts counts = traffic_of(traffic, backend);

		put_counts(out, &counts);
	}
	json_out_close(out, '}');
}

static void put_service(struct json_out *out, const struct directory_service *service,
			const struct traffic_table *traffic)
{
	const Tepui__Service *info = service->info;
	const struct directory_backend *backend;

	json_out_open(out, '{');
	json_out_key_string(out, "key", info->key);
	json_out_key_string(out, "name", info->name);
	json_out_key_string(out, "address", info->address);
	json_out_key_uint(out, "port", info->port);
	json_out_key_string(out, "protocol", info->protocol);
	json_out_key_string(out, "balance",
			    enum_name(&tepui__service__balance__descriptor, (int)info->balance));
	json_out_key(out, "prefers_local");
	json_out_bool(out, info->prefers_local);
	if (info->node_port)
		json_out_key_uint(out, "node_port", info->node_port);
	json_out_key_string(out, "framework", info->framework);
	json_out_key(out, "backends");
	json_out_open(out, '[');
	TAILQ_FOREACH(backend, &service->backends, of_service)
		put_backend(out, backend, traffic);
	json_out_close(out, ']');
	json_out_close(out, '}');
}

static void put_services(struct json_out *out, const struct directory *directory, const char *name,
			 const struct traffic_table *traffic)
{
	const struct directory_service *service = NULL;

	json_out_key(out, "services");
	json_out_open(out, '[');
	while ((service = directory_service_next(directory, service))) {
		if (!name || texts_equal(name, service->info->name) ||
		    texts_equal(name, service->info->key))
			put_service(out, service, traffic);
	}
	json_out_close(out, ']');
}

static void reply(struct http_request *req, const struct traffic_table *traffic)
{
	const struct agent *agent = http_request_app(req);
	struct directory_counts counts = directory_count(agent->directory);
	struct json_out out = { 0 };
	AUTO_FREE char *text = NULL;
	struct err e = { 0 };
	size_t size;

	json_out_open(&out, '{');
	json_out_key_uint(&out, "generation", counts.generation);
	json_out_key_uint(&out, "in_force", counts.in_force);
	put_services(&out, agent->directory, http_request_query(req, "name"), traffic);
	json_out_close(&out, '}');
	text = json_out_take(&out, &size);
	json_out_done(&out);
	if (!text) {
		(void)err_set(&e, ENOMEM, "describe the services");
		http_reply_error(req, &e);
		return;
	}
	http_reply_gzip(req);
	http_reply(req, 200, "application/json", text, size);
}

static void reply_counted(struct http_request *req, const struct traffic_table *traffic,
			  const struct err *e)
{
	if (traffic)
		reply(req, traffic);
	else
		http_reply_error(req, e);
}

int api_services(struct http_request *req, struct err *e)
{
	if (http_request_query_bool(req, "traffic", false))
		return api_with_traffic(req, reply_counted, e);
	reply(req, NULL);
	return 0;
}
