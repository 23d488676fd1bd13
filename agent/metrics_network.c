#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/directory.h"
#include "agent/metrics_text.h"
#include "agent/network.h"
#include "agent/ruleset.h"
#include "agent/traffic.h"
#include "lib/cleanup.h"
#include "lib/ranges.h"

/* Beyond so many services the others are one: who scrapes pays for each row. */
enum { MAX_SERVICES = 1000 };

static const char others[] = "others";

struct service_figures {
	const char *service;
	double connections, sent_bytes, received_bytes, backends, serving;
};

static const struct {
	const char *name, *type, *help;
	size_t off;
	bool is_counted;	/* by the kernel */
} service_metrics[] = {
#define ROW(name, type, help, member, is_counted) \
	{ name, type, help, offsetof(struct service_figures, member), is_counted }
	ROW("tepui_service_connections_total", "counter",
	    "Connections to a service that began or came in here.", connections, true),
	ROW("tepui_service_sent_bytes_total", "counter", "Sent by their clients.", sent_bytes, true),
	ROW("tepui_service_received_bytes_total", "counter", "Received by them.", received_bytes, true),
	ROW("tepui_service_backends", "gauge", "Who is behind a service.", backends, false),
	ROW("tepui_service_backends_serving", "gauge", "Who of them serves.", serving, false),
};

static void add(struct service_figures *sum, const struct directory_service *service,
		const struct traffic_table *traffic)
{
	const struct directory_backend *backend;

	TAILQ_FOREACH(backend, &service->backends, of_service) {
		struct traffic_counts counts = { 0 };

		if (traffic)
			counts = traffic_of(traffic, backend);
		sum->connections += (double)counts.connections;
		sum->sent_bytes += (double)counts.sent_bytes;
		sum->received_bytes += (double)counts.received_bytes;
		sum->serving += backend->endpoint->info->state == TEPUI__ENDPOINT__STATE__SERVING;
	}
	sum->backends += (double)service->n_backends;
}

static void print_service_metric(FILE *out, const struct service_figures *figures, size_t n,
				 size_t row)
{
	metrics_family(out, service_metrics[row].name, service_metrics[row].type,
		       service_metrics[row].help);
	for (size_t i = 0; i < n; i++) {
		double value;

		memcpy(&value, (const char *)&figures[i] + service_metrics[row].off, sizeof(value));
		fprintf(out, "%s{", service_metrics[row].name);
		metrics_label(out, "service", figures[i].service);
		fprintf(out, "} %.15g\n", value);
	}
}

static void print_each_service(FILE *out, const struct directory *directory,
			       const struct traffic_table *traffic)
{
	const struct directory_service *service = NULL;
	struct service_figures *figures = calloc(MAX_SERVICES + 1, sizeof(*figures));
	size_t n = 0;

	while (figures && (service = directory_service_next(directory, service))) {
		if (n < MAX_SERVICES)
			figures[n++].service = service->info->key;
		else if (n == MAX_SERVICES)
			figures[n++].service = others;
		add(&figures[n - 1], service, traffic);
	}
	for (size_t i = 0; figures && i < ARRAY_SIZE(service_metrics); i++) {
		if (traffic || !service_metrics[i].is_counted)
			print_service_metric(out, figures, n, i);
	}
	free(figures);
}

void metrics_print_services(FILE *out, const struct agent *agent,
			    const struct traffic_table *traffic)
{
	struct directory_counts directory = directory_count(agent->directory);
	struct ruleset_counts ruleset = ruleset_count(agent->ruleset);

	metrics_gauge(out, "tepui_services", "Services that the master has told of.",
		      (double)directory.services);
	metrics_gauge(out, "tepui_service_endpoints", "What runs anywhere and has ports.",
		      (double)directory.endpoints);
	metrics_gauge(out, "tepui_services_in_force", "Does the kernel go by all that was told?",
		      directory.in_force == directory.generation);
	metrics_counter(out, "tepui_services_refused_total", "Parts of the master's directory that were "
			"wrong.", (double)directory.refused);
	metrics_counter(out, "tepui_ruleset_transactions_total", "Changes of nftables.",
			(double)ruleset.transactions);
	metrics_counter(out, "tepui_ruleset_failures_total", "Those that failed.",
			(double)ruleset.failures);
	metrics_counter(out, "tepui_ruleset_repairs_total", "Tables made anew after others changed them.",
			(double)ruleset.repairs);
	print_each_service(out, agent->directory, traffic);
}

void metrics_print_networks(FILE *out, const struct agent *agent)
{
	const struct networks *networks = agent->networks;

	if (!networks || !*networks->bridge.name)
		return;
	metrics_gauge(out, "tepui_network_bridge_made", "Is there a bridge for containers?",
		      networks->is_bridge_made);
	metrics_gauge(out, "tepui_network_addresses", "Addresses for containers on it.",
		      (double)(networks->ipam.last - IPAM_GATEWAY));
	metrics_gauge(out, "tepui_network_addresses_used", "Those that are in use.",
		      (double)ranges_count(&networks->ipam.used));
	metrics_gauge(out, "tepui_network_containers", "Containers with networks of their own.",
		      (double)HASH_COUNT(networks->all));
}
