#include "isolators/seccomp_document.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>

#include "isolators/capabilities.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json_fields.h"

enum { MAX_ENTRIES = 1024, MAX_NAMES = 1024, MAX_TEXT = 4096, MAX_RULES = 65536 };

#if defined(__x86_64__)
static const char oci_arch[] = "SCMP_ARCH_X86_64", go_arch[] = "amd64";
#else
static const char oci_arch[] = "SCMP_ARCH_AARCH64", go_arch[] = "arm64";
#endif

/* The members of an entry of "syscalls", as read. */
struct entry {
	char **names;
	char *name;		/* Docker's older form */
	char *action;
	uint64_t errno_ret;	/* UINT64_MAX: not given */
	json_t *args, *includes, *excludes;
};

struct condition {
	char **caps, **arches;
	char *min_kernel;
};

struct argument {
	uint64_t index, value, value_two;
	char *op;
};

struct head {
	char *default_action;
	uint64_t default_errno;
	json_t *architectures, *arch_map, *syscalls, *flags, *listener;
};

#define FIELD(type, member, key_, kind_, required_, max_) \
	{ .key = (key_), .kind = (kind_), .required = (required_), \
	  .off = offsetof(struct type, member), .max = (max_) }

static const struct json_field head_fields[] = {
	FIELD(head, default_action, "defaultAction", JSON_F_STR, true, MAX_TEXT),
	FIELD(head, default_errno, "defaultErrnoRet", JSON_F_U64, false, MAX_TEXT),
	FIELD(head, architectures, "architectures", JSON_F_JSON, false, 0),
	FIELD(head, arch_map, "archMap", JSON_F_JSON, false, 0),
	FIELD(head, syscalls, "syscalls", JSON_F_JSON, true, 0),
	FIELD(head, flags, "flags", JSON_F_JSON, false, 0),
	FIELD(head, listener, "listenerPath", JSON_F_JSON, false, 0),
	/* Of a listener, which is refused. */
	{ .key = "listenerMetadata", .kind = JSON_F_IGNORED },
};

static const struct json_field entry_fields[] = {
	FIELD(entry, names, "names", JSON_F_STR_LIST, false, MAX_NAMES),
	FIELD(entry, name, "name", JSON_F_STR, false, MAX_TEXT),
	FIELD(entry, action, "action", JSON_F_STR, true, MAX_TEXT),
	FIELD(entry, errno_ret, "errnoRet", JSON_F_U64, false, MAX_TEXT),
	FIELD(entry, args, "args", JSON_F_JSON, false, 0),
	FIELD(entry, includes, "includes", JSON_F_JSON, false, 0),
	FIELD(entry, excludes, "excludes", JSON_F_JSON, false, 0),
	/* For readers of the file. */
	{ .key = "comment", .kind = JSON_F_IGNORED },
	{ .key = "errno", .kind = JSON_F_IGNORED },	/* errnoRet once more, as a name (Podman) */
};

static const struct json_field condition_fields[] = {
	FIELD(condition, caps, "caps", JSON_F_STR_LIST, false, 64),
	FIELD(condition, arches, "arches", JSON_F_STR_LIST, false, 64),
	FIELD(condition, min_kernel, "minKernel", JSON_F_STR, false, 64),
};

static const struct json_field argument_fields[] = {
	FIELD(argument, index, "index", JSON_F_U64, true, SECCOMP_MAX_ARGS - 1),
	FIELD(argument, value, "value", JSON_F_U64, true, UINT64_MAX),
	FIELD(argument, value_two, "valueTwo", JSON_F_U64, false, UINT64_MAX),
	FIELD(argument, op, "op", JSON_F_STR, true, 64),
};

static void head_done(struct head *head)
{
	json_free_fields(head_fields, ARRAY_SIZE(head_fields), head);
}

static void entry_done(struct entry *entry)
{
	json_free_fields(entry_fields, ARRAY_SIZE(entry_fields), entry);
}

static void condition_done(struct condition *condition)
{
	json_free_fields(condition_fields, ARRAY_SIZE(condition_fields), condition);
}

static void argument_done(struct argument *argument)
{
	json_free_fields(argument_fields, ARRAY_SIZE(argument_fields), argument);
}

static const struct {
	const char *name;
	uint32_t action;
	bool has_errno;
} actions[] = {
	{ "SCMP_ACT_ALLOW", SCMP_ACT_ALLOW, false },
	{ "SCMP_ACT_LOG", SCMP_ACT_LOG, false },
	{ "SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0), true },
	{ "SCMP_ACT_TRACE", SCMP_ACT_TRACE(0), true },
	{ "SCMP_ACT_TRAP", SCMP_ACT_TRAP, false },
	{ "SCMP_ACT_KILL", SCMP_ACT_KILL, false },
	{ "SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD, false },
	{ "SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS, false },
};

static const struct {
	const char *name;
	enum scmp_compare op;
} operators[] = {
	{ "SCMP_CMP_NE", SCMP_CMP_NE },
	{ "SCMP_CMP_LT", SCMP_CMP_LT },
	{ "SCMP_CMP_LE", SCMP_CMP_LE },
	{ "SCMP_CMP_EQ", SCMP_CMP_EQ },
	{ "SCMP_CMP_GE", SCMP_CMP_GE },
	{ "SCMP_CMP_GT", SCMP_CMP_GT },
	{ "SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ },
};

void seccomp_actions_each(void (*fn)(const char *name, void *arg), void *arg)
{
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		fn(actions[i].name, arg);
}

void seccomp_operators_each(void (*fn)(const char *name, void *arg), void *arg)
{
	for (size_t i = 0; i < ARRAY_SIZE(operators); i++)
		fn(operators[i].name, arg);
}

static bool is_permissive(uint32_t action)
{
	return action == SCMP_ACT_ALLOW || action == SCMP_ACT_LOG;
}

static int read_action(const char *where, const char *name, uint64_t errno_ret, uint32_t *ret,
		       struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		if (strcmp(actions[i].name, name) != 0)
			continue;
		if (errno_ret != UINT64_MAX && !actions[i].has_errno)
			return err_set(e, EINVAL, "%s: action '%s' takes no errno", where, name);
		*ret = actions[i].action;
		if (actions[i].has_errno)
			*ret |= errno_ret == UINT64_MAX ? EPERM : (uint32_t)errno_ret;
		return 0;
	}
	return err_set(e, EINVAL, "%s: unknown action '%.64s'", where, name);
}

static bool has_string(char *const *list, const char *text)
{
	for (; list && *list; list++) {
		if (strcmp(*list, text) == 0)
			return true;
	}
	return false;
}

/* "4.8": is the running kernel at least that? */
static int check_kernel(const char *where, const char *min, bool *ret, struct err *e)
{
	unsigned want_major, want_minor, major, minor;
	struct utsname name;
	char rest;

	if (sscanf(min, "%u.%u%c", &want_major, &want_minor, &rest) != 2)
		return err_set(e, EINVAL, "%s.minKernel: not a version", where);
	if (uname(&name) < 0 || sscanf(name.release, "%u.%u", &major, &minor) != 2)
		return err_set(e, EINVAL, "read kernel version");
	*ret = major > want_major || (major == want_major && minor >= want_minor);
	return 0;
}

static int has_capability(const char *where, const char *name, uint64_t caps, struct err *e)
{
	int capability = capability_from_name(name);

	if (capability < 0)
		return err_set(e, EINVAL, "%s.caps: unknown capability '%.64s'", where, name);
	return (caps & UINT64_C(1) << capability) != 0;
}

/* Does the entry hold here?  Includes: all of it; excludes: any of it. */
static int check_condition(const char *where, const json_t *object, bool is_exclude, uint64_t caps,
			   bool *ret, struct err *e)
{
	AUTO(condition_done) struct condition c = { 0 };
	bool holds = true, fits;
	int r;

	if (!object) {
		*ret = true;
		return 0;
	}
	r = json_read_fields(object, where, condition_fields, ARRAY_SIZE(condition_fields), &c, e);
	if (r < 0)
		return r;
	if (c.arches && *c.arches)
		holds = has_string(c.arches, go_arch) != is_exclude;
	for (char **name = c.caps; name && *name; name++) {
		r = has_capability(where, *name, caps, e);
		if (r < 0)
			return r;
		holds = holds && (r > 0) != is_exclude;
	}
	if (c.min_kernel) {
		r = check_kernel(where, c.min_kernel, &fits, e);
		if (r < 0)
			return r;
		holds = holds && fits != is_exclude;
	}
	*ret = holds;
	return 0;
}

/* Arguments that the kernel takes as 32 bits: the rest of the register must not be compared. */
static bool is_int_argument(int nr, unsigned index)
{
	static const struct {
		const char *name;
		unsigned index;
	} ints[] = {
		{ "ioctl", 1 }, { "fcntl", 1 }, { "socket", 0 }, { "socket", 1 }, { "socket", 2 },
		{ "socketpair", 0 }, { "personality", 0 }, { "prctl", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ints); i++) {
		if (ints[i].index == index && seccomp_syscall_resolve_name(ints[i].name) == nr)
			return true;
	}
	return false;
}

static int read_argument(const char *where, const json_t *object, struct seccomp_rule *rule,
			 struct err *e)
{
	AUTO(argument_done) struct argument a = { 0 };
	struct scmp_arg_cmp *cmp = &rule->args[rule->n_args];
	int r = json_read_fields(object, where, argument_fields, ARRAY_SIZE(argument_fields), &a,
				 e);

	if (r < 0)
		return r;
	for (unsigned i = 0; i < rule->n_args; i++) {
		/* They would all have to hold, and libseccomp cannot say that. */
		if (rule->args[i].arg == a.index)
			return err_set(e, ENOTSUP, "%s: two conditions on argument %u", where,
				       (unsigned)a.index);
	}
	for (size_t i = 0; i < ARRAY_SIZE(operators); i++) {
		if (strcmp(operators[i].name, a.op) != 0)
			continue;
		*cmp = (struct scmp_arg_cmp){
			.arg = (unsigned)a.index, .op = operators[i].op,
			.datum_a = a.value, .datum_b = a.value_two,
		};
		rule->n_args++;
		return 0;
	}
	return err_set(e, EINVAL, "%s.op: unknown operator '%.64s'", where, a.op);
}

static int read_arguments(const char *where, const json_t *args, struct seccomp_rule *rule,
			  struct err *e)
{
	char at[96];
	size_t i;
	json_t *object;
	int r = 0;

	if (!args)
		return 0;
	if (!json_is_array(args) || json_array_size(args) > SECCOMP_MAX_ARGS)
		return err_set(e, EINVAL, "%s.args: not a list of at most %d", where,
			       SECCOMP_MAX_ARGS);
	json_array_foreach(args, i, object) {
		(void)snprintf(at, sizeof(at), "%s.args[%zu]", where, i);
		r = read_argument(at, object, rule, e);
		if (r < 0)
			break;
	}
	return r;
}

static int add_rule(struct seccomp_document *document, const struct seccomp_rule *model, int nr,
		    struct err *e)
{
	size_t n = document->n_rules;
	struct seccomp_rule *rule;

	if ((n & (n - 1)) == 0) {
		struct seccomp_rule *more = n >= MAX_RULES ? NULL
			: realloc(document->rules, (n ? n * 2 : 1) * sizeof(*more));

		if (!more)
			return err_set(e, n >= MAX_RULES ? E2BIG : ENOMEM, "read seccomp profile");
		document->rules = more;
	}
	rule = &document->rules[document->n_rules++];
	*rule = *model;
	rule->nr = nr;
	for (unsigned i = 0; i < rule->n_args; i++) {
		struct scmp_arg_cmp *cmp = &rule->args[i];

		if (cmp->op != SCMP_CMP_EQ || cmp->datum_a > UINT32_MAX ||
		    !is_int_argument(nr, cmp->arg))
			continue;
		cmp->op = SCMP_CMP_MASKED_EQ;
		cmp->datum_b = cmp->datum_a;
		cmp->datum_a = UINT32_MAX;
	}
	return 0;
}

static int add_name(const char *where, const char *name, const struct seccomp_rule *model,
		    struct seccomp_document *document, struct err *e)
{
	int nr = seccomp_syscall_resolve_name(name);

	if (nr >= 0)
		return add_rule(document, model, nr, e);
	/* Below zero but known: a call of other architectures. */
	if (nr != __NR_SCMP_ERROR || !is_permissive(document->default_action) ||
	    is_permissive(model->action))
		return 0;
	return err_set(e, EINVAL, "%s: unknown system call '%.64s' would stay allowed", where,
		       name);
}

static int read_entry(const char *where, const json_t *object, uint64_t caps,
		      struct seccomp_document *document, struct err *e)
{
	AUTO(entry_done) struct entry entry = { .errno_ret = UINT64_MAX };
	struct seccomp_rule model = { 0 };
	bool is_included, is_not_excluded;
	int r;

	if ((r = json_read_fields(object, where, entry_fields, ARRAY_SIZE(entry_fields), &entry,
				  e)) < 0 ||
	    (r = read_action(where, entry.action, entry.errno_ret, &model.action, e)) < 0 ||
	    (r = read_arguments(where, entry.args, &model, e)) < 0 ||
	    (r = check_condition(where, entry.includes, false, caps, &is_included, e)) < 0 ||
	    (r = check_condition(where, entry.excludes, true, caps, &is_not_excluded, e)) < 0)
		return r;
	if (!entry.name && !(entry.names && *entry.names))
		return err_set(e, EINVAL, "%s.names: empty", where);
	if (!is_included || !is_not_excluded)
		return 0;
	if (entry.name)
		r = add_name(where, entry.name, &model, document, e);
	for (char **name = entry.names; name && *name && r == 0; name++)
		r = add_name(where, *name, &model, document, e);
	return r;
}

/* A list that leaves our own architecture out would make a filter for nobody. */
static int check_architectures(const json_t *list, struct err *e)
{
	json_t *name;
	size_t i;

	if (!list || (json_is_array(list) && json_array_size(list) == 0))
		return 0;
	json_array_foreach(list, i, name) {
		if (json_is_string(name) && strcmp(json_string_value(name), oci_arch) == 0)
			return 0;
	}
	return err_set(e, EINVAL, "seccomp.architectures: without %s", oci_arch);
}

/* TSYNC is about threads, and a payload has one when the filter is loaded. */
static int check_flags(const json_t *list, struct err *e)
{
	json_t *name;
	size_t i;

	if (list && !json_is_array(list))
		return err_set(e, EINVAL, "seccomp.flags: not a list");
	json_array_foreach(list, i, name) {
		const char *text = json_string_value(name);

		if (!text || strcmp(text, "SECCOMP_FILTER_FLAG_TSYNC") != 0)
			return err_set(e, ENOTSUP, "seccomp.flags: '%.64s'", text ? text : "");
	}
	return 0;
}

/* Whoever answers for the kernel could undo the box: no process outside gets to. */
static int check_listener(const json_t *path, struct err *e)
{
	return path ? err_set(e, ENOTSUP, "seccomp.listenerPath: listeners are not supported") : 0;
}

static int read_entries(const json_t *list, uint64_t caps, struct seccomp_document *document,
			struct err *e)
{
	char where[64];
	json_t *object;
	size_t i;
	int r;

	if (!json_is_array(list) || json_array_size(list) == 0 ||
	    json_array_size(list) > MAX_ENTRIES)
		return err_set(e, EINVAL, "seccomp.syscalls: not a list of 1..%d", MAX_ENTRIES);
	json_array_foreach(list, i, object) {
		(void)snprintf(where, sizeof(where), "seccomp.syscalls[%zu]", i);
		r = read_entry(where, object, caps, document, e);
		if (r < 0)
			return r;
	}
	if (document->n_rules == 0 && is_permissive(document->default_action))
		return err_set(e, EINVAL, "seccomp.syscalls: would leave every call allowed");
	return 0;
}

int seccomp_document_read(const json_t *profile, uint64_t caps, struct seccomp_document *ret,
			  struct err *e)
{
	AUTO(seccomp_document_done) struct seccomp_document document = { 0 };
	AUTO(head_done) struct head head = { .default_errno = UINT64_MAX };
	int r;

	if ((r = json_read_fields(profile, "seccomp", head_fields, ARRAY_SIZE(head_fields), &head,
				  e)) < 0 ||
	    (r = read_action("seccomp.defaultAction", head.default_action, head.default_errno,
			     &document.default_action, e)) < 0 ||
	    (r = check_architectures(head.architectures, e)) < 0 ||
	    (r = check_flags(head.flags, e)) < 0 ||
	    (r = check_listener(head.listener, e)) < 0 ||
	    (r = read_entries(head.syscalls, caps, &document, e)) < 0)
		return r;
	*ret = document;
	document = (struct seccomp_document){ 0 };
	return 0;
}

void seccomp_document_done(struct seccomp_document *document)
{
	free(document->rules);
	*document = (struct seccomp_document){ 0 };
}
