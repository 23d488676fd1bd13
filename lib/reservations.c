#include "lib/reservations.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/pb_json.h"
#include "lib/texts.h"
#include "proto/mesos.pb-c.h"

typedef Mesos__V1__Resource__ReservationInfo Info;

/* Each is for a role below the one before, and a role is no longer than that. */
enum { MAX_ROLE = 255, MAX_STACK = MAX_ROLE / 2 + 1 };

struct reservations {
	unsigned n_refs;
	size_t n;
	Info *items[];		/* owned */
};

/* ---- roles ---- */

static bool is_component(const char *text, size_t size)
{
	if (size == 0 || text[0] == '-' || (size == 1 && text[0] == '.') ||
	    (size == 2 && memcmp(text, "..", 2) == 0))
		return false;
	for (size_t i = 0; i < size; i++) {
		if (strchr(" \t\n\v\f\r\b*", text[i]))
			return false;
	}
	return true;
}

bool resource_role_is_valid(const char *name)
{
	if (strlen(name) > MAX_ROLE)
		return false;
	for (;;) {
		size_t size = strcspn(name, "/");

		if (!is_component(name, size))
			return false;
		if (!name[size])
			return true;
		name += size + 1;
	}
}

static bool is_below(const char *role, const char *above)
{
	size_t n = strlen(above);

	return strncmp(role, above, n) == 0 && role[n] == '/';
}

/* ---- one ---- */

static bool is_dynamic(const Info *info)
{
	return info->type == MESOS__V1__RESOURCE__RESERVATION_INFO__TYPE__DYNAMIC;
}

static int compare_labels(const void *a, const void *b)
{
	const Mesos__V1__Label *x = *(Mesos__V1__Label *const *)a, *y = *(Mesos__V1__Label *const *)b;
	int order = strcmp(x->key, y->key);

	return order ? order : texts_compare(x->value, y->value);
}

static size_t count_labels(const Info *info)
{
	return info->labels ? info->labels->n_labels : 0;
}

static int compare_infos(const Info *a, const Info *b)
{
	size_t n = count_labels(a);
	int order = strcmp(a->role, b->role);

	if (order == 0)
		order = (int)is_dynamic(a) - (int)is_dynamic(b);
	if (order == 0)
		order = texts_compare(a->principal, b->principal);
	if (order == 0 && n != count_labels(b))
		order = n < count_labels(b) ? -1 : 1;
	for (size_t i = 0; i < n && order == 0; i++)
		order = compare_labels(&a->labels->labels[i], &b->labels->labels[i]);
	return order;
}

static bool says_only_its_role(const Info *info)
{
	return !is_dynamic(info) && !info->principal && count_labels(info) == 0;
}

static int check(const Info *info, const Info *before, struct err *e)
{
	if (!info->role || !resource_role_is_valid(info->role))
		return err_set(e, EINVAL, "'%.255s' is not a valid role",
			       info->role ? info->role : "");
	if (!info->has_type || (!is_dynamic(info) &&
	    info->type != MESOS__V1__RESOURCE__RESERVATION_INFO__TYPE__STATIC))
		return err_set(e, EINVAL, "the reservation for role '%s' has no type", info->role);
	if (before && !is_dynamic(info))
		return err_set(e, EINVAL, "the reservation for role '%s' is static, but not the"
			       " first", info->role);
	if (before && !is_below(info->role, before->role))
		return err_set(e, EINVAL, "the reservation for role '%s' refines one for '%s',"
			       " which it is not below", info->role, before->role);
	return 0;
}

/* ---- stacks ---- */

void reservations_unref(struct reservations *stack)
{
	if (!stack || --stack->n_refs > 0)
		return;
	for (size_t i = 0; i < stack->n; i++)
		protobuf_c_message_free_unpacked(&stack->items[i]->base, NULL);
	free(stack);
}

struct reservations *reservations_ref(struct reservations *stack)
{
	if (stack)
		stack->n_refs++;
	return stack;
}

static int copy(Info *const *infos, size_t n, struct reservations **ret)
{
	struct reservations *stack;

	*ret = NULL;
	if (n == 0 || (n == 1 && says_only_its_role(infos[0])))
		return 0;
	stack = calloc(1, sizeof(*stack) + n * sizeof(Info *));
	if (!stack)
		return -ENOMEM;
	stack->n_refs = 1;
	for (size_t i = 0; i < n; i++) {
		Info *info = (Info *)pb_copy(&infos[i]->base);

		if (!info) {
			reservations_unref(stack);
			return -ENOMEM;
		}
		stack->items[stack->n++] = info;
		if (count_labels(info) > 1)
			qsort(info->labels->labels, info->labels->n_labels,
			      sizeof(Mesos__V1__Label *), compare_labels);
	}
	*ret = stack;
	return 0;
}

static int read_stack(Info *const *infos, size_t n, struct reservations **ret,
		      const char **ret_role, struct err *e)
{
	if (n > MAX_STACK)
		return err_set(e, EINVAL, "more than %d reservations of one resource", MAX_STACK);
	for (size_t i = 0; i < n; i++) {
		int r = check(infos[i], i > 0 ? infos[i - 1] : NULL, e);

		if (r < 0)
			return r;
	}
	*ret_role = infos[n - 1]->role;
	return copy(infos, n, ret) < 0 ? err_set(e, ENOMEM, "keep a reservation") : 0;
}

int reservations_read(const Mesos__V1__Resource *m, struct reservations **ret, const char **ret_role,
		      struct err *e)
{
	const char *role = m->role && strcmp(m->role, "*") != 0 ? m->role : NULL;
	Info old = MESOS__V1__RESOURCE__RESERVATION_INFO__INIT, *old_pointer = &old;

	*ret = NULL;
	*ret_role = NULL;
	if (m->n_reservations > 0 && (role || m->reservation))
		return err_set(e, EINVAL, "both '%s' and 'reservations' are set",
			       role ? "role" : "reservation");
	if (m->n_reservations > 0)
		return read_stack(m->reservations, m->n_reservations, ret, ret_role, e);
	if (!role && m->reservation)
		return err_set(e, EINVAL, "role '*' cannot be dynamically reserved");
	if (!role)
		return 0;
	if (m->reservation)
		old = *m->reservation;
	old.role = m->role;
	old.has_type = true;
	old.type = m->reservation ? MESOS__V1__RESOURCE__RESERVATION_INFO__TYPE__DYNAMIC :
				    MESOS__V1__RESOURCE__RESERVATION_INFO__TYPE__STATIC;
	return read_stack(&old_pointer, 1, ret, ret_role, e);
}

static Info *new_static(const char *role)
{
	Info info = MESOS__V1__RESOURCE__RESERVATION_INFO__INIT;

	info.has_type = true;
	info.type = MESOS__V1__RESOURCE__RESERVATION_INFO__TYPE__STATIC;
	info.role = (char *)(uintptr_t)role;	/* only read, by the copy */
	return (Info *)pb_copy(&info.base);
}

int reservations_write(const struct reservations *stack, const char *role, Mesos__V1__Resource *m)
{
	size_t n = reservations_count(stack);

	m->reservations = calloc(n, sizeof(Info *));
	if (!m->reservations)
		return -ENOMEM;
	while (m->n_reservations < n) {
		Info *info = stack ? (Info *)pb_copy(&stack->items[m->n_reservations]->base) :
				     new_static(role);

		if (!info)
			return -ENOMEM;
		m->reservations[m->n_reservations++] = info;
	}
	return 0;
}

int reservations_compare(const struct reservations *a, const struct reservations *b)
{
	int order = 0;

	if (a == b)
		return 0;
	if (!a || !b || a->n != b->n)
		return reservations_count(a) != reservations_count(b) ?
		       (reservations_count(a) < reservations_count(b) ? -1 : 1) : !!a - !!b;
	for (size_t i = 0; i < a->n && order == 0; i++)
		order = compare_infos(a->items[i], b->items[i]);
	return order;
}

size_t reservations_count(const struct reservations *stack)
{
	return stack ? stack->n : 1;
}

const Info *reservations_last(const struct reservations *stack)
{
	return stack ? stack->items[stack->n - 1] : NULL;
}

bool reservations_are_dynamic(const struct reservations *stack)
{
	return stack && is_dynamic(reservations_last(stack));
}

/* The first N of STACK. */
static int cut(const struct reservations *stack, size_t n, struct reservations **ret,
	       const char **ret_role)
{
	*ret = NULL;
	*ret_role = n > 0 ? stack->items[n - 1]->role : NULL;
	return n > 0 ? copy(stack->items, n, ret) : 0;
}

int reservations_pop(const struct reservations *stack, struct reservations **ret,
		     const char **ret_role)
{
	return cut(stack, reservations_count(stack) - 1, ret, ret_role);
}

int reservations_pop_dynamic(const struct reservations *stack, struct reservations **ret,
			     const char **ret_role)
{
	return cut(stack, stack && !is_dynamic(stack->items[0]), ret, ret_role);
}

/* ---- text ---- */

static void print_labels(const Info *info, FILE *out)
{
	fputs(",{", out);
	for (size_t i = 0; i < count_labels(info); i++) {
		const Mesos__V1__Label *label = info->labels->labels[i];

		fprintf(out, "%s%s: %s", i > 0 ? ", " : "", label->key,
			label->value ? label->value : "");
	}
	fputc('}', out);
}

void reservations_print(const struct reservations *stack, const char *role, FILE *out)
{
	if (!stack) {
		fprintf(out, "(%s)", role);
		return;
	}
	fputs("(reservations: [", out);
	for (size_t i = 0; i < stack->n; i++) {
		const Info *info = stack->items[i];

		fprintf(out, "%s(%s,%s", i > 0 ? "," : "", is_dynamic(info) ? "DYNAMIC" : "STATIC",
			info->role);
		if (info->principal)
			fprintf(out, ",%s", info->principal);
		if (count_labels(info) > 0)
			print_labels(info, out);
		fputc(')', out);
	}
	fputs("])", out);
}
