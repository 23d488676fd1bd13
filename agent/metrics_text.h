/* /metrics line by line, as Prometheus reads it; and those who write some of them. */
#ifndef AGENT_METRICS_TEXT_H
#define AGENT_METRICS_TEXT_H

#include <stdio.h>

struct agent;
struct traffic_table;

/* What stands before the values of NAME: TYPE is "gauge" or "counter". */
void metrics_family(FILE *out, const char *name, const char *type, const char *help);

/* One that has no labels. */
void metrics_gauge(FILE *out, const char *name, const char *help, double value);
void metrics_counter(FILE *out, const char *name, const char *help, double value);

/* NAME="VALUE", with VALUE escaped as the format wants it. */
void metrics_label(FILE *out, const char *name, const char *value);

/* metrics_network.c: services, if TRAFFIC is not NULL with what they have carried; the networks. */
void metrics_print_services(FILE *out, const struct agent *agent,
			    const struct traffic_table *traffic);
void metrics_print_networks(FILE *out, const struct agent *agent);

#endif
