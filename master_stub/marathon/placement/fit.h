/* Does an instance of an app fit on a node, and if not, what is missing? */
#ifndef MASTER_STUB_MARATHON_PLACEMENT_FIT_H
#define MASTER_STUB_MARATHON_PLACEMENT_FIT_H

#include "lib/resources.h"
#include "master_stub/marathon/definition/constraints.h"
#include "master_stub/marathon/state.h"

/* Where an instance might go.  Borrowed. */
struct spot {
	struct place place;
	const char *role;	/* that it is offered to; NULL: that of the app */
	const struct resources *left;
	bool is_usable;		/* what is offered there can be understood */
	bool is_unavailable;	/* its time of maintenance has come */
	bool is_to_leave;	/* it will: what fits elsewhere goes there */
	bool is_avoided;	/* the app's starts keep failing there: likewise, if less so */
};

/* What constraints look at, gathered once for an app.  -ENOMEM; freed with fit_done(). */
struct fit {
	const struct controller *c;
	const struct entry *entry;
	struct survey *survey;
};

int fit_prepare(const struct controller *c, const struct entry *entry, struct fit *ret);
void fit_done(struct fit *fit);

/* N_REASONS: it fits; else the first reason in the order of the funnel why it does not. */
enum reason fit_why_not(const struct fit *fit, const struct spot *spot);

/* The required port that FREE_PORTS lacks; 0 when none is, or only their number is too low. */
uint16_t fit_missing_port(const struct app *spec, const struct ranges *free_ports);

#endif
