#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "agent/metrics_text.h"
#include "agent/names_parts.h"
#include "lib/cleanup.h"

struct counts {
	uint64_t udp, tcp, dropped, truncated, refused, cached_now;
	struct dns_forwarder_counters others;
};

static const struct {
	const char *name, *type, *help;
	size_t off;
} rows[] = {
#define ROW(name, type, help, member) { name, type, help, offsetof(struct counts, member) }
	ROW("queries_udp_total", "counter", "Datagrams that came.", udp),
	ROW("queries_tcp_total", "counter", "Messages over TCP that came.", tcp),
	ROW("dropped_total", "counter", "Messages that were not answered.", dropped),
	ROW("truncated_total", "counter", "Answers cut, to be asked for again over TCP.", truncated),
	ROW("refused_total", "counter", "Queries of others' names by those who may not.", refused),
	ROW("upstream_asked_total", "counter", "Queries that other servers were asked.", others.asked),
	ROW("upstream_cached_total", "counter", "Answers of theirs from memory.", others.cached),
	ROW("upstream_joined_total", "counter", "Queries the same as one on its way.", others.joined),
	ROW("upstream_late_total", "counter", "Servers that did not answer in time.", others.late),
	ROW("upstream_bogus_total", "counter", "Answers that were none.", others.bogus),
	ROW("upstream_failed_total", "counter", "Queries that no server answered.", others.failed),
	ROW("upstream_refused_total", "counter", "Queries not asked: none to ask, or too many wait.",
	    others.refused),
	ROW("cached", "gauge", "Answers of other servers in memory.", cached_now),
};

/* Those that we give; others come from other servers, and are few. */
static const char *const rcodes[DNS_SERVER_RCODES] = {
	[DNS_NOERROR] = "NOERROR", [DNS_FORMERR] = "FORMERR", [DNS_SERVFAIL] = "SERVFAIL",
	[DNS_NXDOMAIN] = "NXDOMAIN", [DNS_NOTIMP] = "NOTIMP", [DNS_REFUSED] = "REFUSED",
};

static struct counts count(const struct names *names)
{
	const struct dns_server_counters *own = dns_server_counters(names->server);

	return (struct counts){
		.udp = own->udp_queries, .tcp = own->tcp_queries, .dropped = own->dropped,
		.truncated = own->truncated, .refused = names->refused,
		.cached_now = dns_forwarder_cached(names->forwarder),
		.others = *dns_forwarder_counters(names->forwarder),
	};
}

static uint64_t value_of(const struct counts *counts, size_t row)
{
	uint64_t value;

	memcpy(&value, (const char *)counts + rows[row].off, sizeof(value));
	return value;
}

void names_print_metrics(const struct names *names, FILE *out)
{
	const uint64_t *answers = dns_server_counters(names->server)->answers;
	const struct counts counts = count(names);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char name[64];

		(void)snprintf(name, sizeof(name), "tepui_names_%s", rows[i].name);
		metrics_family(out, name, rows[i].type, rows[i].help);
		fprintf(out, "%s %llu\n", name, (unsigned long long)value_of(&counts, i));
	}
	metrics_family(out, "tepui_names_answers_total", "counter", "Answers by what they say.");
	for (size_t i = 0; i < DNS_SERVER_RCODES; i++)
		if (rcodes[i])
			fprintf(out, "tepui_names_answers_total{rcode=\"%s\"} %llu\n", rcodes[i],
				(unsigned long long)answers[i]);
}

void names_view_metrics(const struct names *names, json_t *view)
{
	const struct counts counts = count(names);
	char name[64];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		(void)snprintf(name, sizeof(name), "tepui/names_%s", rows[i].name);
		json_object_set_new(view, name, json_real((double)value_of(&counts, i)));
	}
}
