#include "master_stub/marathon/deployment/service_claims.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/hash.h"
#include "lib/ranges.h"
#include "lib/vip_label.h"
#include "master_stub/marathon/definition/app.h"
#include "master_stub/marathon/definition/app_ports.h"
#include "master_stub/marathon/definition/refusal.h"
#include "master_stub/marathon/deployment/dependencies.h"

enum { WHAT_SIZE = 32, SERVICE_SIZE = VIP_HOST_SIZE + 8 };

/* "10.1.2.3:80/tcp", or the port of every node "30080/tcp". */
struct claim {
	UT_hash_handle by_what;
	char what[WHAT_SIZE];
	char service[SERVICE_SIZE];
	const struct app *app;
};

struct check {
	struct claim *claims;
	struct ranges node_ports;
	struct problems *problems;
	bool is_out_of_memory;
};

/* A label VIP_n of a port. */
struct wish {
	struct check *check;
	const struct app *app;
	bool is_new;		/* what is wrong is told: that of older ones was let in */
	unsigned port;
	const char *key;
};

static void complain(const struct wish *wish, const char *sentence)
{
	char port[APP_PORT_PATH_SIZE], path[APP_PORT_PATH_SIZE + 64];

	if (!wish->is_new)
		return;
	app_port_path(wish->app, wish->port, port);
	(void)snprintf(path, sizeof(path), "%s/labels/%.40s", port, wish->key);
	problems_add(wish->check->problems, path, "%s", sentence);
}

/* ---- Who has what ---- */

/* The one who has WHAT already; NULL: nobody, and now it is WISH's app for SERVICE. */
static const struct claim *claim(const struct wish *wish, const char *what, const char *service)
{
	struct check *check = wish->check;
	struct claim *found;

	HASH_FIND(by_what, check->claims, what, strlen(what), found);
	if (found)
		return found;
	found = calloc(1, sizeof(*found));
	if (!found) {
		check->is_out_of_memory = true;
		return NULL;
	}
	found->app = wish->app;
	(void)snprintf(found->what, sizeof(found->what), "%s", what);
	(void)snprintf(found->service, sizeof(found->service), "%s", service);
	HASH_ADD_KEYPTR(by_what, check->claims, found->what, strlen(found->what), found);
	return NULL;
}

static void claim_address(const struct wish *wish, const struct vip_label *vip, const char *protocol)
{
	char what[WHAT_SIZE], sentence[512];
	const struct claim *other;

	(void)snprintf(what, sizeof(what), "%.15s:%u/%s", vip->host, vip->port, protocol);
	other = claim(wish, what, vip->host);
	if (!other || other->app == wish->app)
		return;
	(void)snprintf(sentence, sizeof(sentence),
		       "%.15s:%u is the address of '%s': a fixed address is of one app, a name "
		       "(/NAME:PORT) may be of several", vip->host, vip->port, other->app->id);
	complain(wish, sentence);
}

static void claim_node_port(const struct wish *wish, const struct vip_label *vip,
			    const char *protocol)
{
	char what[WHAT_SIZE], service[SERVICE_SIZE], sentence[1024];
	const struct claim *other;

	(void)snprintf(what, sizeof(what), "%u/%s", vip->choices.node_port, protocol);
	(void)snprintf(service, sizeof(service), "%s:%u", vip->host, vip->port);
	other = claim(wish, what, service);
	if (!other || strcmp(other->service, service) == 0)
		return;
	(void)snprintf(sentence, sizeof(sentence), "node port %u is that of the service %s of '%s'",
		       vip->choices.node_port, other->service, other->app->id);
	complain(wish, sentence);
}

/* ---- What labels say ---- */

/* As the master will be told of them; the strings are JSON's. */
struct labels {
	Mesos__V1__Labels list;
	Mesos__V1__Label *items, **pointers;
};

static void labels_done(struct labels *labels)
{
	free(labels->items);
	free(labels->pointers);
}

static int labels_take(const json_t *json, struct labels *ret)
{
	size_t n = json_object_size(json);
	json_t *walk, *value;
	const char *key;

	*ret = (struct labels){ .list = MESOS__V1__LABELS__INIT };
	ret->items = calloc(n + 1, sizeof(*ret->items));
	ret->pointers = calloc(n + 1, sizeof(Mesos__V1__Label *));
	if (!ret->items || !ret->pointers) {
		labels_done(ret);
		return -ENOMEM;
	}
	memcpy(&walk, &json, sizeof(walk));	/* the iterator's type; nothing is changed */
	json_object_foreach(walk, key, value) {
		Mesos__V1__Label *label = &ret->items[ret->list.n_labels];

		mesos__v1__label__init(label);
		label->key = (char *)(uintptr_t)key;
		label->value = (char *)(uintptr_t)json_string_value(value);
		ret->pointers[ret->list.n_labels++] = label;
	}
	ret->list.labels = ret->pointers;
	return 0;
}

static void check_label(const struct wish *wish, const struct labels *labels,
			const Mesos__V1__Label *label)
{
	const struct app_port port = app_port(wish->app, wish->port);
	struct vip_label vip;
	struct err e = { 0 };

	if (vip_label_read(label, &vip, &e) < 0) {
		complain(wish, e.msg);
		return;
	}
	for (size_t choice = 0; choice < N_VIP_CHOICES; choice++) {
		struct err wrong = { 0 };

		if (vip_label_choose(&labels->list, label, choice, &wish->check->node_ports,
				     &vip.choices, &wrong) < 0)
			complain(wish, wrong.msg);
	}
	for (int k = 0; k < N_PORT_PROTOCOLS; k++) {
		if (!app_port_speaks(&port, port_protocol_names[k]))
			continue;
		if (vip.address != 0)
			claim_address(wish, &vip, port_protocol_names[k]);
		if (vip.choices.node_port != 0)
			claim_node_port(wish, &vip, port_protocol_names[k]);
	}
}

static void check_port(struct wish *wish)
{
	struct labels labels;

	if (labels_take(app_port(wish->app, wish->port).labels, &labels) < 0) {
		wish->check->is_out_of_memory = true;
		return;
	}
	for (size_t i = 0; i < labels.list.n_labels; i++) {
		wish->key = labels.items[i].key;
		if (vip_label_is(wish->key))
			check_label(wish, &labels, &labels.items[i]);
	}
	labels_done(&labels);
}

static void check_app(struct check *check, const struct app *app, bool is_new)
{
	struct wish wish = { .check = check, .app = app, .is_new = is_new };

	if (!app_has_services(app))
		return;
	for (; wish.port < app_n_ports(app); wish.port++)
		check_port(&wish);
}

int service_claims_check(const struct dependency *apps, unsigned n_new, unsigned n,
			 const char *node_ports, struct problems *problems)
{
	struct check check = { .problems = problems };
	struct claim *claim, *next;

	/* Those that have it keep it. */
	if (ranges_parse(node_ports, &check.node_ports) < 0)
		check.is_out_of_memory = true;
	for (unsigned i = n_new; i < n; i++)
		check_app(&check, apps[i].app, false);
	for (unsigned i = 0; i < n_new; i++)
		check_app(&check, apps[i].app, true);
	HASH_ITER(by_what, check.claims, claim, next) {
		HASH_DELETE(by_what, check.claims, claim);
		free(claim);
	}
	ranges_done(&check.node_ports);
	return check.is_out_of_memory ? -ENOMEM : 0;
}
