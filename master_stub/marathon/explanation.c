#include "master_stub/marathon/explanation.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "lib/cleanup.h"
#include "master_stub/marathon/fit.h"
#include "master_stub/marathon/node.h"

/* The nodes that do not do for one reason, and the best of them. */
struct group {
	unsigned n;
	int64_t most;			/* of the scalar, or of ports */
	const struct ranges *ports;	/* of a node, where a required one is missing */
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

static void add_node(struct census *census, const struct fit *fit, const struct node *node)
{
	const struct spot spot = {
		.place = node_place(node),
		.left = &node->left,
		.is_usable = node->is_usable,
		.is_unavailable = node->is_unavailable,
	};
	enum reason reason = fit_why_not(fit, &spot);
	const struct app *spec = census->spec;
	struct group *group;
	int64_t has = 0;

	census->n_nodes++;
	if (reason == N_REASONS)
		return;
	group = &census->groups[reason];
	if (scalars[reason].what)
		has = node->left.scalar[scalars[reason].kind];
	else if (reason == REASON_PORTS)
		has = (int64_t)ranges_count(&node->left.ports);
	if (group->n++ == 0 || has > group->most) {
		group->most = has;
		group->ports = &node->left.ports;
		group->port = fit_missing_port(spec, &node->left.ports);
		group->constraint = constraints_refusing(spec->constraints, spec->n_constraints,
							 &spot.place, &fit->placement);
	}
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
		if (node->has_offered)
			add_node(ret, &fit, node);
	}
	fit_done(&fit);
	return 0;
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
	AUTO_FREE char *ranges = ranges_format(group->ports);

	say_subject(s, census, group->n, "has", "have");
	if (group->port != 0)
		say(s, " port %u free (free are: %.100s)", group->port,
		    ranges && *ranges ? ranges : "none");
	else
		say(s, " %u port%s free (most: %" PRId64 ")", app_n_ports(census->spec),
		    app_n_ports(census->spec) == 1 ? "" : "s", group->most);
}

static void say_scalar(struct sentence *s, const struct census *census, enum reason reason)
{
	const double wanted[N_RESOURCE_KINDS] = {
		[RESOURCE_CPUS] = census->spec->cpus,
		[RESOURCE_MEM] = census->spec->mem_mb,
		[RESOURCE_DISK] = census->spec->disk_mb,
		[RESOURCE_GPUS] = (double)census->spec->gpus,
	};
	const struct group *group = &census->groups[reason];

	say_subject(s, census, group->n, "has", "have");
	say(s, " %.10g %s free (most: %.10g)", wanted[scalars[reason].kind], scalars[reason].what,
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

void explanation_format(const struct controller *c, const struct entry *entry,
			char ret[EXPLANATION_SIZE])
{
	struct sentence s = { .text = ret, .size = EXPLANATION_SIZE };
	struct census census;

	ret[0] = '\0';
	if (take_census(c, entry, &census) < 0)
		return;
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
		say(&s, "the next offer is awaited; none comes of drained nodes, nor of what "
			"quotas keep for others");
}
