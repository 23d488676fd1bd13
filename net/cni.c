#include "net/cni.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "net/cni_plugin.h"
#include "net/cni_result.h"
#include "net/cni_words.h"

enum { HOLD_RETRY_MS = 10, N_VARIABLES = 7 };

/* One call of ours: runs of several plugins. */
struct job {
	const struct cni_host *host;
	const struct cni_attachment *at;
	const json_t *list;
	const char *network, *version;
	size_t n_run;			/* plugins that ADD has begun with */
	char *env[N_VARIABLES + 1];	/* after the verb's, which is the first */
};

static void job_done(struct job *job)
{
	for (size_t i = 0; i < N_VARIABLES; i++)
		free(job->env[i]);
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* "KEY=VALUE" as the next variable; a VALUE of NULL is left out. */
static int add_variable(struct job *job, size_t *n, const char *key, const char *value,
			struct err *e)
{
	if (!value)
		return 0;
	if (asprintf(&job->env[*n], "%s=%s", key, value) < 0) {
		job->env[*n] = NULL;
		return err_set(e, ENOMEM, "make the environment of plugins");
	}
	++*n;
	return 0;
}

/*
 * Specification, "Parameters", and a PATH, for plugins run others.  CNI_COMMAND, the first, comes
 * with each run.
 */
static int make_env(struct job *job, struct err *e)
{
	const struct cni_attachment *at = job->at;
	const struct {
		const char *key, *value;
	} variables[N_VARIABLES - 1] = {
		{ "CNI_CONTAINERID", at ? at->container_id : NULL },
		{ "CNI_NETNS", at ? at->netns : NULL },
		{ "CNI_IFNAME", at ? at->interface : NULL },
		{ "CNI_ARGS", text_of(job->list, CNI_VARIABLES) },
		{ "CNI_PATH", job->host->dirs },
		{ "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
	};
	size_t n = 1;

	for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
		if (add_variable(job, &n, variables[i].key, variables[i].value, e) < 0)
			return -e->code;
	}
	return 0;
}

static int set_verb(struct job *job, const char *verb, struct err *e)
{
	size_t first = 0;

	free(TAKE_PTR(job->env[0]));
	return add_variable(job, &first, "CNI_COMMAND", verb, e);
}

/* What a supervisor started that was killed may still be at work on the same attachment. */
static int take_hold(const struct job *job, struct err *e)
{
	static const struct timespec pause = { .tv_nsec = HOLD_RETRY_MS * 1000000 };
	int64_t deadline = clock_boot_ms() + job->host->timeout_ms;

	while (flock(job->host->hold_fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return err_set(e, errno, "wait for plugins that may still run");
		if (clock_boot_ms() >= deadline)
			return err_set_code(e, EBUSY, true, "network '%s': plugins of an earlier "
					    "call still run", job->network);
		(void)nanosleep(&pause, NULL);
	}
	return 0;
}

static int job_start(const struct cni_host *host, const struct cni_attachment *at,
		     const json_t *list, struct job *ret, struct err *e)
{
	int r;

	*ret = (struct job){ .host = host, .at = at, .list = list };
	ret->network = text_of(list, "name");
	ret->version = text_of(list, "cniVersion");
	if (!ret->network || !ret->version)
		return err_set(e, EINVAL, "read the configuration of a network");
	if (at && (!cni_is_name(at->container_id) || !cni_is_interface(at->interface)))
		return err_set(e, EINVAL, "attach '%.32s' of container '%.128s' to network '%s': "
			       "no plugin takes such a name", at->interface, at->container_id,
			       ret->network);
	r = make_env(ret, e);
	return r == 0 && host->hold_fd >= 0 ? take_hold(ret, e) : r;
}

static const json_t *plugins_of(const struct job *job)
{
	return json_object_get(job->list, "plugins");
}

/* The configuration of one plugin as it reads it; owned. */
static json_t *make_input(const struct job *job, const json_t *plugin, const char *key,
			  const json_t *value)
{
	json_t *input = json_copy((json_t *)(uintptr_t)plugin);

	if (input && json_object_set_new(input, "name", json_string(job->network)) == 0 &&
	    json_object_set_new(input, "cniVersion", json_string(job->version)) == 0 &&
	    (!value || json_object_set(input, key, (json_t *)(uintptr_t)value) == 0))
		return input;
	json_decref(input);
	return NULL;
}

/* Run VERB of PLUGIN, which reads VALUE as KEY besides. */
static int run(struct job *job, const char *verb, const json_t *plugin, const char *key,
	       const json_t *value, json_t **ret, struct err *e)
{
	json_auto_t *input = make_input(job, plugin, key, value);
	const char *type = text_of(plugin, "type");
	int r = input ? set_verb(job, verb, e) : err_set(e, ENOMEM, "configure plugin '%s'", type);

	if (r == 0)
		r = cni_plugin_run(job->host, &(struct cni_call){
			.verb = verb, .type = type, .env = job->env, .input = input,
			.deadline_boot_ms = clock_boot_ms() + job->host->timeout_ms,
		}, ret, e);
	return r < 0 ? err_wrap(e, "network '%s': %s by plugin '%s'", job->network, verb, type) : 0;
}

/* ---- ADD ---- */

static int check_result(const struct job *job, const json_t *plugin, const json_t *result,
			struct err *e)
{
	struct err why = { 0 };

	if (!result)
		(void)err_set(&why, EINVAL, "it printed none");
	else if (cni_result_check(result, job->version, &why) >= 0)
		return 0;
	return err_set_code(e, ECANCELED, true, "network '%s': ADD by plugin '%s': its result: %s",
			    job->network, text_of(plugin, "type"), why.msg);
}

/* All plugins, each with the result of the one before it.  On failure some of them have run. */
static int add_all(struct job *job, json_t **ret, struct err *e)
{
	json_t *result = NULL;
	const json_t *plugin;
	size_t i;

	json_array_foreach(plugins_of(job), i, plugin) {
		json_t *next = NULL;
		int r;

		job->n_run = i + 1;
		r = run(job, "ADD", plugin, "prevResult", result, &next, e);

		if (r == 0)
			r = check_result(job, plugin, next, e);
		json_decref(result);
		result = next;
		if (r < 0) {
			json_decref(result);
			return r;
		}
	}
	*ret = result;
	return 0;
}

static bool lists_version(const json_t *answer, const char *version)
{
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(answer, "supportedVersions"), i, item) {
		if (json_is_string(item) && strcmp(json_string_value(item), version) == 0)
			return true;
	}
	return false;
}

/* Strike from KNOWN, by place, the versions that PLUGIN does not know. */
static int ask_version(struct job *job, const json_t *plugin, bool known[CNI_N_VERSIONS],
		       struct err *e)
{
	json_auto_t *answer = NULL;
	int r = run(job, "VERSION", plugin, NULL, NULL, &answer, e);

	for (size_t i = 0; r == 0 && i < CNI_N_VERSIONS; i++)
		known[i] = known[i] && lists_version(answer, cni_versions[i]);
	return r;
}

/* The highest version, below the one that was tried, that every plugin knows. */
static int negotiate(struct job *job, struct err *e)
{
	bool known[CNI_N_VERSIONS];
	unsigned wanted = cni_version(job->version);
	const json_t *plugin;
	size_t i;

	for (size_t v = 0; v < CNI_N_VERSIONS; v++)
		known[v] = v + 1 < wanted;
	json_array_foreach(plugins_of(job), i, plugin) {
		if (ask_version(job, plugin, known, e) < 0)
			return -e->code;
	}
	for (size_t v = CNI_N_VERSIONS; v > 0; v--) {
		if (!known[v - 1])
			continue;
		job->version = cni_versions[v - 1];
		return 0;
	}
	return err_set_code(e, ECANCELED, true, "network '%s': its plugins have no version of CNI "
			    "up to '%s' in common", job->network, job->version);
}

static int del_first(struct job *job, size_t n, const json_t *result, struct err *e);

int cni_add(const struct cni_host *host, const struct cni_attachment *at, json_t **ret,
	    struct err *e)
{
	AUTO(job_done) struct job job = { 0 };
	struct err lost = { 0 };
	int r = job_start(host, at, at->list, &job, e);

	if (r < 0)
		return r;
	r = add_all(&job, ret, e);
	if (r == -EPROTONOSUPPORT) {
		err_clear(e);
		/* Those before it have done their part, and do not do it twice. */
		(void)del_first(&job, job.n_run - 1, NULL, &lost);
		job.n_run = 0;
		r = negotiate(&job, e);
		if (r == 0)
			r = add_all(&job, ret, e);
	}
	if (r == 0)
		return 0;
	/* Also by the plugin that failed: only it knows how far it has come. */
	(void)del_first(&job, job.n_run, NULL, &lost);
	return r;
}

/* ---- what comes later ---- */

/* The version that ADD settled on. */
static void use_version_of(struct job *job, const json_t *result)
{
	const char *version = text_of(result, "cniVersion");

	if (version && cni_version(version) > 0)
		job->version = version;
}

int cni_check(const struct cni_host *host, const struct cni_attachment *at, struct err *e)
{
	AUTO(job_done) struct job job = { 0 };
	const json_t *plugin;
	size_t i;
	int r = job_start(host, at, at->list, &job, e);

	if (r < 0)
		return r;
	use_version_of(&job, at->result);
	if (json_is_true(json_object_get(at->list, "disableCheck")) ||
	    cni_version(job.version) < CNI_VERSION_CHECK)
		return 0;
	json_array_foreach(plugins_of(&job), i, plugin) {
		json_auto_t *ignored = NULL;

		if (run(&job, "CHECK", plugin, "prevResult", at->result, &ignored, e) < 0)
			return -e->code;
	}
	return 0;
}

/* The first N, in reverse, and all of them whatever one says: each has something to free. */
static int del_first(struct job *job, size_t n, const json_t *result, struct err *e)
{
	struct err first = { 0 };

	while (n > 0) {
		json_auto_t *ignored = NULL;
		struct err why = { 0 };

		if (run(job, "DEL", json_array_get(plugins_of(job), --n), "prevResult", result,
			&ignored, &why) < 0 && first.code == 0)
			first = why;
	}
	if (first.code == 0)
		return 0;
	*e = first;
	return -first.code;
}

int cni_del(const struct cni_host *host, const struct cni_attachment *at, struct err *e)
{
	AUTO(job_done) struct job job = { 0 };
	const json_t *shown;
	int r = job_start(host, at, at->list, &job, e);

	/* One that never ends must not keep the others from being undone. */
	if (r == -EBUSY)
		err_clear(e);
	else if (r < 0)
		return r;
	use_version_of(&job, at->result);
	/* It is shown what ADD gave since 0.4.0. */
	shown = cni_version(job.version) < CNI_VERSION_CHECK ? NULL : at->result;
	r = del_first(&job, json_array_size(plugins_of(&job)), shown, e);
	/* Of an ADD that did not come so far nobody knows what version it was of. */
	if (r != -EPROTONOSUPPORT || at->result)
		return r;
	err_clear(e);
	r = negotiate(&job, e);
	return r < 0 ? r : del_first(&job, json_array_size(plugins_of(&job)), NULL, e);
}

int cni_gc(const struct cni_host *host, const json_t *list, const json_t *valid, struct err *e)
{
	AUTO(job_done) struct job job = { 0 };
	const json_t *plugin;
	size_t i;
	int r = job_start(host, NULL, list, &job, e);

	if (r < 0)
		return r;
	if (json_is_true(json_object_get(list, "disableGC")) ||
	    cni_version(job.version) < CNI_VERSION_GC)
		return 0;
	json_array_foreach(plugins_of(&job), i, plugin) {
		json_auto_t *answer = NULL, *ignored = NULL;

		/* ADD may have found that they know a lower one alone. */
		if (run(&job, "VERSION", plugin, NULL, NULL, &answer, e) < 0)
			return -e->code;
		if (!lists_version(answer, job.version))
			continue;
		if (run(&job, "GC", plugin, "cni.dev/valid-attachments", valid, &ignored, e) < 0)
			return -e->code;
	}
	return 0;
}
