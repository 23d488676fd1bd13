#include "master_stub/marathon/placement/explanation.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/definition/app_ports.h"
#include "master_stub/marathon/instance/residence.h"
#include "master_stub/marathon/placement/fit.h"
#include "master_stub/marathon/placement/node.h"
#include "master_stub/marathon/placement/queue.h"
#include "master_stub/marathon/placement/roles.h"
#include "master_stub/marathon/placement/usable.h"

/* The nodes that do not do for one reason, and the best of them. */
struct group {
	unsigned n;
	int64_t most;			/* of the scalar, or of ports */
	struct ranges ports;	/* of a node, where a required one is missing */
	uint16_t port;
	unsigned constraint;
};

struct census {
	const struct app *spec;
	struct group groups[N_REASONS];
	unsigned n_nodes;
};

struct sentence {
	char *text;
	size_t size, used;
};

static void say(struct sentence *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void say(struct sentence *s, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(s->text + s->used, s->size - s->used, fmt, ap);
	va_end(ap);
	if (n > 0)
		s->used = s->used + (size_t)n < s->size ? s->used + (size_t)n : s->size - 1;
}

/* ---- Counting ---- */

static const struct {
	enum resource_kind kind;
	const char *what;	/* NULL: the reason is not about a scalar */
} scalars[N_REASONS] = {
	[REASON_CPUS] = { RESOURCE_CPUS, "cpus" },
	[REASON_MEM] = { RESOURCE_MEM, "MB memory" },
	[REASON_DISK] = { RESOURCE_DISK, "MB disk" },
	[REASON_GPUS] = { RESOURCE_GPUS, "gpus" },
};

/* Where NODE was after its last offer. */
static int add_node(struct census *census, const struct fit *fit, const struct node *node)
{
	const struct spot spot = node_spot(node);
	enum reason reason = fit_why_not(fit, &spot);
	const struct app *spec = census->spec;
	const struct resources *usable;
	struct resources scratch;
	struct group *group;
	int64_t has = 0;
	int r = 0;

	census->n_nodes++;
	if (reason == N_REASONS)
		return 0;
	usable = usable_of(fit->c, spec, &node->left, &scratch);
	group = &census->groups[reason];
	if (usable && scalars[reason].what)
		has = usable->scalar[scalars[reason].kind];
	else if (usable && reason == REASON_PORTS)
		has = (int64_t)ranges_count(&usable->ports);
	if (usable && (group->n == 0 || has > group->most)) {
		ranges_done(&group->ports);
		r = ranges_copy(&usable->ports, &group->ports);
		group->most = has;
		group->port = fit_missing_port(spec, &usable->ports);
		group->constraint = constraints_refusing(spec->constraints, spec->n_constraints,
							 &spot.place, fit->survey);
	}
	group->n++;
	resources_done(&scratch);
	return usable ? r : -ENOMEM;
}

static void census_done(struct census *census)
{
	for (int i = 0; i < N_REASONS; i++)
		ranges_done(&census->groups[i].ports);
}

static int take_census(const struct controller *c, const struct entry *entry,
		       struct census *ret)
{
	const struct node *node, *next;
	struct fit fit;
	int r = fit_prepare(c, entry, &fit);

	*ret = (struct census){ .spec = entry->launch_spec };
	if (r < 0)
		return r;
	HASH_ITER(by_id, c->nodes, node, next) {
		if (node->has_offered && r == 0)
			r = add_node(ret, &fit, node);
	}
	fit_done(&fit);
	return r;
}

/* ---- Telling ---- */

/* "no node has", or "2 of 3 nodes do not have" when the others fail for another reason. */
static void say_subject(struct sentence *s, const struct census *census, unsigned n,
			const char *singular, const char *plural)
{
	if (n == census->n_nodes)
		say(s, "no node %s", singular);
	else
		say(s, "%u of %u nodes %s not %s", n, census->n_nodes, n == 1 ? "does" : "do",
		    plural);
}

static void say_ports(struct sentence *s, const struct census *census, const struct group *group)
{
	AUTO_FREE char *ranges = ranges_format(&group->ports);

	say_subject(s, census, group->n, "has", "have");
	if (group->port != 0)
		say(s, " port %u free (free are: %.100s)", group->port,
		    ranges && *ranges ? ranges : "none");
	else
		say(s, " %u port%s free (most: %" PRId64 ")", app_n_host_ports(census->spec),
		    app_n_host_ports(census->spec) == 1 ? "" : "s", group->most);
}

/* Of the scalar that REASON is about. */
static double wanted_of(const struct app *spec, enum reason reason)
{
	const double wanted[N_RESOURCE_KINDS] = {
		[RESOURCE_CPUS] = spec->cpus,
		[RESOURCE_MEM] = spec->mem_mb,
		[RESOURCE_DISK] = spec->disk_mb + spec->volumes_mb,
		[RESOURCE_GPUS] = (double)spec->gpus,
	};

	return wanted[scalars[reason].kind];
}

static void say_scalar(struct sentence *s, const struct census *census, enum reason reason)
{
	const struct group *group = &census->groups[reason];

	say_subject(s, census, group->n, "has", "have");
	say(s, " %.10g %s free (most: %.10g)", wanted_of(census->spec, reason), scalars[reason].what,
	    resources_scalar_to_double(group->most));
}

static void say_group(struct sentence *s, const struct census *census, enum reason reason)
{
	const struct group *group = &census->groups[reason];
	char constraint[2 * CONSTRAINT_VALUE_SIZE];

	if (scalars[reason].what) {
		say_scalar(s, census, reason);
	} else if (reason == REASON_PORTS) {
		say_ports(s, census, group);
	} else if (reason == REASON_CONSTRAINT) {
		constraints_format(census->spec->constraints, group->constraint, constraint,
				   sizeof(constraint));
		say_subject(s, census, group->n, "meets", "meet");
		say(s, " constraint %s", constraint);
	} else if (reason == REASON_MAINTENANCE) {
		say(s, "%u of %u nodes under maintenance", group->n, census->n_nodes);
	} else {
		say(s, "%u of %u nodes offer what is not understood", group->n, census->n_nodes);
	}
}

/* Whose data is where. */
static void say_home(struct sentence *s, const struct entry *entry)
{
	const struct residence *first = NULL, *residence;
	unsigned n = 0;

	TAILQ_FOREACH(residence, &entry->residences, of_app) {
		if (residence->instance || residence->is_detached)
			continue;
		first = first ? first : residence;
		n++;
	}
	if (!first)
		return;
	say(s, "instance %s waits for node %s (agent %s), where its volumes are", first->id,
	    first->host, first->agent_id);
	if (n > 1)
		say(s, ", and %u more for theirs", n - 1);
}

/* What every role is offered may be enough, and still none of it comes to this one. */
static void say_awaited(struct sentence *s, const struct role *role)
{
	bool is_named = role && strcmp(role->name, "*") != 0;

	if (is_named && !role->was_offered)
		say(s, "nothing has been offered to role '%s' yet", role->name);
	else if (is_named)
		say(s, "the next offer to role '%s' is awaited", role->name);
	else
		say(s, "the next offer is awaited");
	say(s, "; none comes of drained nodes, nor of what quotas %s", is_named ?
	    "deny to the role or keep for others" : "keep for others");
}

void explanation_format(const struct controller *c, const struct entry *entry,
			char ret[EXPLANATION_SIZE])
{
	const struct role *role = role_find(c, entry->launch_spec->role);
	struct sentence s = { .text = ret, .size = EXPLANATION_SIZE };
	struct census census;

	ret[0] = '\0';
	if (role && role->refusal) {
		say(&s, "the master does not let the controller into role '%s': %s", role->name,
		    role->refusal);
		return;
	}
	if (residences_suffice(entry)) {
		say_home(&s, entry);
		return;
	}
	if (take_census(c, entry, &census) < 0) {
		census_done(&census);
		return;
	}
	if (census.n_nodes == 0)
		say(&s, "no node has offered anything yet");
	for (int reason = 0; reason < N_REASONS; reason++) {
		if (census.groups[reason].n == 0)
			continue;
		if (s.used > 0)
			say(&s, "; ");
		say_group(&s, &census, (enum reason)reason);
	}
	if (s.used == 0)
		say_awaited(&s, role);
	census_done(&census);
}

/* ---- Node by node ---- */

enum { MAX_NODES = 1000 };

static void say_missing_ports(struct sentence *s, const struct app *spec, const struct ranges *has)
{
	uint16_t port = fit_missing_port(spec, has);
	AUTO_FREE char *ranges = port ? ranges_format(has) : NULL;

	if (port)
		say(s, "port %u is needed, free are: %.100s", port,
		    ranges && *ranges ? ranges : "none");
	else
		say(s, "%u ports are needed, %" PRIu64 " are free", app_n_host_ports(spec),
		    ranges_count(has));
}

static void say_constraint(struct sentence *s, const struct fit *fit, const struct spot *spot)
{
	const struct app *spec = fit->entry->launch_spec;
	unsigned index = constraints_refusing(spec->constraints, spec->n_constraints, &spot->place,
					      fit->survey);
	char constraint[2 * CONSTRAINT_VALUE_SIZE], value[CONSTRAINT_VALUE_SIZE];

	constraints_format(spec->constraints, index, constraint, sizeof(constraint));
	say(s, "constraint %s is not met", constraint);
	if (constraints_value(spec->constraints, index, &spot->place, value))
		say(s, " by %s", value);
	else
		say(s, ": it has no such value");
}

static void say_missing(struct sentence *s, const struct fit *fit, const struct spot *spot,
			enum reason reason)
{
	const struct app *spec = fit->entry->launch_spec;
	struct resources scratch;
	const struct resources *usable = usable_of(fit->c, spec, spot->left, &scratch);

	if (usable && scalars[reason].what)
		say(s, "%.10g %s are needed, %.10g are free", wanted_of(spec, reason),
		    scalars[reason].what,
		    resources_scalar_to_double(usable->scalar[scalars[reason].kind]));
	else if (usable && reason == REASON_PORTS)
		say_missing_ports(s, spec, &usable->ports);
	else if (reason == REASON_CONSTRAINT)
		say_constraint(s, fit, spot);
	else if (reason == REASON_RESERVATION)
		say_home(s, fit->entry);
	else if (reason == REASON_MAINTENANCE)
		say(s, "it is under maintenance");
	else
		say(s, "what it offers is not understood");
	resources_done(&scratch);
}

static json_t *node_view(const struct fit *fit, const struct node *node)
{
	const struct spot spot = node_spot(node);
	enum reason reason = fit_why_not(fit, &spot);
	char text[EXPLANATION_SIZE] = "";
	struct sentence s = { .text = text, .size = sizeof(text) };
	json_t *view = json_pack("{s:s, s:s}", "hostname", node->info->hostname, "agentId",
				 node->id);

	if (reason == N_REASONS)
		return view;
	say_missing(&s, fit, &spot, reason);
	(void)json_object_set_new(view, "reason", json_string(reason_name(reason)));
	(void)json_object_set_new(view, "missing", json_string(text));
	return view;
}

json_t *explanation_nodes(const struct controller *c, const struct entry *entry)
{
	const struct node *node, *next;
	json_t *list = json_array();
	struct fit fit;

	if (!entry->launch_spec || fit_prepare(c, entry, &fit) < 0)
		return list;
	HASH_ITER(by_id, c->nodes, node, next) {
		if (node->has_offered && json_array_size(list) < MAX_NODES)
			(void)json_array_append_new(list, node_view(&fit, node));
	}
	fit_done(&fit);
	return list;
}
