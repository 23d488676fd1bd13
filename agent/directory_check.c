#include "agent/directory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/id.h"
#include "lib/texts.h"
#include "lib/utf8.h"

/* It becomes part of names, of lines and of JSON. */
static bool is_text(const char *text)
{
	size_t size = strlen(text);

	if (size == 0 || size > DIRECTORY_MAX_TEXT || !utf8_is_valid(text, size))
		return false;
	for (const char *c = text; *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return false;
	}
	return true;
}

struct named_text {
	const char *name, *value;	/* NULL: there is none */
};

static int check_texts(const char *object, const struct named_text *texts, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		if (texts[i].value && !is_text(texts[i].value))
			return err_set(e, EINVAL, "take %s: its %s is no text of 1 to %d printable "
				       "bytes", object, texts[i].name, DIRECTORY_MAX_TEXT);
	}
	return 0;
}

static bool is_address(const char *text)
{
	struct in6_addr ip6;
	struct in_addr ip4;

	return inet_pton(AF_INET, text, &ip4) == 1 || inet_pton(AF_INET6, text, &ip6) == 1;
}

static bool is_protocol(const char *text)
{
	return texts_equal(text, "tcp") || texts_equal(text, "udp");
}

int directory_check_node(Tepui__DirectoryNode *node, struct err *e)
{
	const struct named_text texts[] = { { "hostname", node->hostname } };

	if (!id_is_valid(node->agent_id))
		return err_set(e, EINVAL, "take node '%.64s': it is not a valid id", node->agent_id);
	if (node->address && !is_address(node->address))
		return err_set(e, EINVAL, "take node '%s': '%.64s' is no address", node->agent_id,
			       node->address);
	if (node->port > UINT16_MAX)
		return err_set(e, EINVAL, "take node '%s': port %u is above %d", node->agent_id,
			       node->port, UINT16_MAX);
	return check_texts("a node", texts, ARRAY_SIZE(texts), e);
}

int directory_check_service(Tepui__Service *service, struct err *e)
{
	const struct named_text texts[] = {
		{ "key", service->key },
		{ "name", service->name },
	};
	struct in_addr address;
	int r = check_texts("a service", texts, ARRAY_SIZE(texts), e);

	if (r < 0)
		return r;
	if (service->framework && !utf8_is_valid(service->framework, strlen(service->framework)))
		return err_set(e, EINVAL, "take service '%s': the name of its framework is no text",
			       service->key);
	if (service->address && (inet_pton(AF_INET, service->address, &address) != 1 ||
				 address.s_addr == INADDR_ANY))
		return err_set(e, EINVAL, "take service '%s': '%.64s' is no IPv4 address to call",
			       service->key, service->address);
	if (service->port < 1 || service->port > UINT16_MAX)
		return err_set(e, EINVAL, "take service '%s': port %u is outside 1..%d",
			       service->key, service->port, UINT16_MAX);
	if (service->node_port > UINT16_MAX)
		return err_set(e, EINVAL, "take service '%s': node port %u is outside 1..%d",
			       service->key, service->node_port, UINT16_MAX);
	if (!is_protocol(service->protocol))
		return err_set(e, EINVAL, "take service '%s': its protocol is neither tcp nor udp",
			       service->key);
	if (!protobuf_c_enum_descriptor_get_value(&tepui__service__balance__descriptor,
						  (int)service->balance)) {
		service->has_balance = false;
		service->balance = TEPUI__SERVICE__BALANCE__ROUND_ROBIN;
	}
	return 0;
}

static int check_port(const char *endpoint, const Tepui__EndpointPort *port, struct err *e)
{
	if (!is_protocol(port->protocol))
		return err_set(e, EINVAL, "take endpoint '%s': the protocol of a port is neither tcp "
			       "nor udp", endpoint);
	if (port->host_port > UINT16_MAX || port->container_port > UINT16_MAX)
		return err_set(e, EINVAL, "take endpoint '%s': a port is above %d", endpoint,
			       UINT16_MAX);
	if (port->name && !utf8_is_valid(port->name, strlen(port->name)))
		return err_set(e, EINVAL, "take endpoint '%s': the name of a port is no text",
			       endpoint);
	if (port->n_services > DIRECTORY_MAX_PORT_SERVICES)
		return err_set(e, EINVAL, "take endpoint '%s': a port is behind more than %d services",
			       endpoint, DIRECTORY_MAX_PORT_SERVICES);
	for (size_t i = 0; i < port->n_services; i++) {
		if (!is_text(port->services[i]))
			return err_set(e, EINVAL, "take endpoint '%s': the key of a service is no "
				       "text", endpoint);
	}
	return 0;
}

/* A state from a later time is none that is known to serve. */
static void unset_unknown_state(Tepui__Endpoint *endpoint)
{
	if (protobuf_c_enum_descriptor_get_value(&tepui__endpoint__state__descriptor,
						 (int)endpoint->state))
		return;
	endpoint->has_state = false;
	endpoint->state = TEPUI__ENDPOINT__STATE__UNKNOWN;
}

int directory_check_endpoint(Tepui__Endpoint *endpoint, struct err *e)
{
	const struct named_text texts[] = {
		{ "key", endpoint->key },
		{ "agent id", endpoint->agent_id },
	};
	int r = check_texts("an endpoint", texts, ARRAY_SIZE(texts), e);

	if (r < 0)
		return r;
	if ((endpoint->name && !utf8_is_valid(endpoint->name, strlen(endpoint->name))) ||
	    (endpoint->task_id && !utf8_is_valid(endpoint->task_id, strlen(endpoint->task_id))) ||
	    (endpoint->framework && !utf8_is_valid(endpoint->framework, strlen(endpoint->framework))))
		return err_set(e, EINVAL, "take endpoint '%s': a name is no text", endpoint->key);
	if (endpoint->n_ports > DIRECTORY_MAX_PORTS || endpoint->n_addresses > DIRECTORY_MAX_ADDRESSES)
		return err_set(e, EINVAL, "take endpoint '%s': it has more than %d ports or %d "
			       "addresses", endpoint->key, DIRECTORY_MAX_PORTS,
			       DIRECTORY_MAX_ADDRESSES);
	if (endpoint->weight > DIRECTORY_MAX_WEIGHT)
		return err_set(e, EINVAL, "take endpoint '%s': weight %u is above %d", endpoint->key,
			       endpoint->weight, DIRECTORY_MAX_WEIGHT);
	for (size_t i = 0; i < endpoint->n_addresses; i++) {
		if (!is_address(endpoint->addresses[i]))
			return err_set(e, EINVAL, "take endpoint '%s': '%.64s' is no address",
				       endpoint->key, endpoint->addresses[i]);
	}
	for (size_t i = 0; i < endpoint->n_ports && r >= 0; i++)
		r = check_port(endpoint->key, endpoint->ports[i], e);
	unset_unknown_state(endpoint);
	return r;
}
