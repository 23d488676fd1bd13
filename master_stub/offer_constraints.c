#include "master_stub/offer_constraints.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/pb_json.h"
#include "lib/regex.h"

enum { MAX_CONSTRAINTS = 10000, MAX_REGEXES = 1000 };

typedef Mesos__V1__Scheduler__AttributeConstraint Constraint;
typedef Mesos__V1__Scheduler__AttributeConstraint__Selector Selector;
typedef Mesos__V1__Scheduler__AttributeConstraint__Predicate Predicate;
typedef Mesos__V1__Scheduler__OfferConstraints__RoleConstraints Role;
typedef Mesos__V1__Scheduler__OfferConstraints__RoleConstraints__Group Group;

struct offer_constraints {
	Mesos__V1__Scheduler__OfferConstraints *message;	/* owned */
	/* Of the predicates that have one, in the order of the message. */
	struct regex **regexes;
	size_t n_regexes, n_constraints;
};

/* What a selector found at an agent; all NULL and false: nothing. */
struct found {
	bool is_there;
	const char *text;	/* NULL: of another type than text */
};

/* ---- reading ---- */

static const char *regex_of(const Predicate *predicate)
{
	switch ((int)predicate->predicate_case) {
	case MESOS__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__PREDICATE__PREDICATE_TEXT_MATCHES:
		return predicate->text_matches->regex;
	case MESOS__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__PREDICATE__PREDICATE_TEXT_NOT_MATCHES:
		return predicate->text_not_matches->regex;
	default:
		return NULL;
	}
}

static int check_selector(const Selector *selector, struct err *e)
{
	switch ((int)selector->selector_case) {
	case MESOS__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__SELECTOR__SELECTOR_ATTRIBUTE_NAME:
		return 0;
	case MESOS__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__SELECTOR__SELECTOR_PSEUDOATTRIBUTE_TYPE:
		if (selector->pseudoattribute_type !=
		    MESOS__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__SELECTOR__PSEUDOATTRIBUTE_TYPE__UNKNOWN)
			return 0;
		return err_set(e, EINVAL, "Unknown pseudoattribute type");
	default:
		return err_set(e, EINVAL, "Exactly one of 'AttributeConstraint::Selector::name' or"
			       " 'AttributeConstraint::Selector::pseudoattribute_type' must be"
			       " set");
	}
}

static int read_constraint(struct offer_constraints *constraints, const Constraint *constraint,
			   struct err *e)
{
	const char *pattern = regex_of(constraint->predicate);
	int r = check_selector(constraint->selector, e);

	if (r < 0)
		return r;
	if (constraint->predicate->predicate_case ==
	    MESOS__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__PREDICATE__PREDICATE__NOT_SET)
		return err_set(e, EINVAL, "Unknown predicate type");
	if (++constraints->n_constraints > MAX_CONSTRAINTS)
		return err_set(e, EINVAL, "more than %d constraints", MAX_CONSTRAINTS);
	if (!pattern)
		return 0;
	if (constraints->n_regexes >= MAX_REGEXES)
		return err_set(e, EINVAL, "more than %d regexes", MAX_REGEXES);
	r = regex_new(pattern, &constraints->regexes[constraints->n_regexes], e);
	constraints->n_regexes += r == 0;
	return r;
}

static int read_group(struct offer_constraints *constraints, const char *role, const Group *group,
		      struct err *e)
{
	int r = 0;

	if (group->n_attribute_constraints == 0)
		return err_set(e, EINVAL, "'OfferConstraints::RoleConstraints::groups' for role"
			       " %.80s contains an empty RoleConstraints::Group", role);
	for (size_t i = 0; i < group->n_attribute_constraints && r == 0; i++) {
		r = read_constraint(constraints, group->attribute_constraints[i], e);
		if (r < 0)
			err_wrap(e, "A role %.80s has an invalid 'AttributeConstraint'", role);
	}
	return r;
}

static int read_role(struct offer_constraints *constraints, const char *name, const Role *role,
		     struct err *e)
{
	int r = 0;

	if (!role || role->n_groups == 0)
		return err_set(e, EINVAL, "'OfferConstraints::role_constraints' has an empty"
			       " 'RoleConstraints::groups' for role %.80s", name);
	for (size_t i = 0; i < role->n_groups && r == 0; i++)
		r = read_group(constraints, name, role->groups[i], e);
	return r;
}

static int read_all(struct offer_constraints *constraints, struct err *e)
{
	const Mesos__V1__Scheduler__OfferConstraints *message = constraints->message;
	int r = 0;

	for (size_t i = 0; i < message->n_role_constraints && r == 0; i++)
		r = read_role(constraints,
			      message->role_constraints[i]->key ? message->role_constraints[i]->key :
								  "",
			      message->role_constraints[i]->value, e);
	return r == -EINVAL ? err_wrap(e, "Offer constraints are not valid") : r;
}

int offer_constraints_new(const Mesos__V1__Scheduler__OfferConstraints *message,
			  struct offer_constraints **ret, struct err *e)
{
	struct offer_constraints *constraints = calloc(1, sizeof(*constraints));
	int r;

	if (constraints) {
		constraints->message =
			(Mesos__V1__Scheduler__OfferConstraints *)pb_copy(&message->base);
		constraints->regexes = calloc(MAX_REGEXES, sizeof(*constraints->regexes));
	}
	if (!constraints || !constraints->message || !constraints->regexes)
		r = err_set(e, ENOMEM, "read offer constraints");
	else
		r = read_all(constraints, e);
	if (r < 0)
		offer_constraints_free(constraints);
	else
		*ret = constraints;
	return r;
}

void offer_constraints_free(struct offer_constraints *constraints)
{
	if (!constraints)
		return;
	for (size_t i = 0; i < constraints->n_regexes; i++)
		regex_free(constraints->regexes[i]);
	free(constraints->regexes);
	if (constraints->message)
		mesos__v1__scheduler__offer_constraints__free_unpacked(constraints->message, NULL);
	free(constraints);
}

const Mesos__V1__Scheduler__OfferConstraints *
offer_constraints_message(const struct offer_constraints *constraints)
{
	return constraints->message;
}

/* ---- judging ---- */

static struct found find_pseudo(const Selector *selector, const Mesos__V1__AgentInfo *agent)
{
	const Mesos__V1__DomainInfo__FaultDomain *domain =
		agent->domain ? agent->domain->fault_domain : NULL;
	const char *text = NULL;

	if (selector->pseudoattribute_type ==
	    MESOS__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__SELECTOR__PSEUDOATTRIBUTE_TYPE__HOSTNAME)
		text = agent->hostname;
	else if (domain && selector->pseudoattribute_type ==
		 MESOS__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__SELECTOR__PSEUDOATTRIBUTE_TYPE__REGION)
		text = domain->region->name;
	else if (domain)
		text = domain->zone->name;
	return (struct found){ text != NULL, text };
}

static struct found find(const Selector *selector, const Mesos__V1__AgentInfo *agent)
{
	if (selector->selector_case ==
	    MESOS__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__SELECTOR__SELECTOR_PSEUDOATTRIBUTE_TYPE)
		return find_pseudo(selector, agent);
	/* The first of this name. */
	for (size_t i = 0; i < agent->n_attributes; i++) {
		const Mesos__V1__Attribute *attribute = agent->attributes[i];

		if (strcmp(attribute->name, selector->attribute_name) == 0)
			return (struct found){ true, attribute->text ? attribute->text->value : NULL };
	}
	return (struct found){ false, NULL };
}

static bool holds(const Constraint *constraint, const struct regex *regex,
		  const Mesos__V1__AgentInfo *agent)
{
	const Predicate *predicate = constraint->predicate;
	struct found found = find(constraint->selector, agent);
	/* What is no text cannot be compared, and excludes nobody. */
	bool is_other = found.is_there && !found.text;

	switch (predicate->predicate_case) {
	case MESOS__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__PREDICATE__PREDICATE_EXISTS:
		return found.is_there;
	case MESOS__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__PREDICATE__PREDICATE_NOT_EXISTS:
		return !found.is_there;
	case MESOS__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__PREDICATE__PREDICATE_TEXT_EQUALS:
		return is_other ||
		       (found.text && strcmp(found.text, predicate->text_equals->value) == 0);
	case MESOS__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__PREDICATE__PREDICATE_TEXT_NOT_EQUALS:
		return !found.text || strcmp(found.text, predicate->text_not_equals->value) != 0;
	case MESOS__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__PREDICATE__PREDICATE_TEXT_MATCHES:
		return is_other || (found.text && regex_matches(regex, found.text));
	case MESOS__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__PREDICATE__PREDICATE_TEXT_NOT_MATCHES:
		return !found.text || !regex_matches(regex, found.text);
	case MESOS__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__PREDICATE__PREDICATE__NOT_SET:
	case _MESOS__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__PREDICATE__PREDICATE__CASE_IS_INT_SIZE:
	default:
		return true;
	}
}

/* *REGEX is the next of the message's; all of this group are passed, also where AGENT is NULL. */
static bool group_holds(const Group *group, struct regex *const **regex,
			const Mesos__V1__AgentInfo *agent)
{
	bool is_held = agent != NULL;

	for (size_t i = 0; i < group->n_attribute_constraints; i++) {
		const Constraint *constraint = group->attribute_constraints[i];
		bool has_regex = regex_of(constraint->predicate) != NULL;

		is_held = is_held && holds(constraint, has_regex ? **regex : NULL, agent);
		*regex += has_regex;
	}
	return is_held;
}

bool offer_constraints_admit(const struct offer_constraints *constraints, const char *role,
			     const Mesos__V1__AgentInfo *agent)
{
	struct regex *const *regex = constraints ? constraints->regexes : NULL;
	bool is_named = false, is_held = false;

	for (size_t i = 0; constraints && i < constraints->message->n_role_constraints; i++) {
		const Mesos__V1__Scheduler__OfferConstraints__RoleConstraintsEntry *entry =
			constraints->message->role_constraints[i];
		bool is_it = strcmp(entry->key, role) == 0;

		is_named = is_named || is_it;
		for (size_t j = 0; j < entry->value->n_groups; j++)
			is_held = group_holds(entry->value->groups[j], &regex,
					      is_it && !is_held ? agent : NULL) || is_held;
	}
	return !is_named || is_held;
}
