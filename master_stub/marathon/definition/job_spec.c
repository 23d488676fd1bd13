#include "master_stub/marathon/definition/job_spec.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "master_stub/marathon/definition/app.h"
#include "master_stub/marathon/definition/cron.h"
#include "master_stub/marathon/definition/refusal.h"
#include "master_stub/marathon/definition/shape.h"
#include "master_stub/marathon/definition/zone.h"

enum { MAX_SECONDS = 31536000, MAX_LIST = 1000 };

/* ---- Ids ---- */

static const char *check_id(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	char before = '.';

	for (; *text; before = *text++) {
		bool is_letter = strchr(letters, *text) != NULL;
		bool is_joint = *text == '.' || *text == '-';

		if (!is_letter && !(is_joint && strchr(letters, before)) &&
		    !(*text == '-' && before == '-'))
			break;
	}
	if (*text || before == '.' || before == '-')
		return "must be names of a-z, 0-9 and inner dashes, with dots between them";
	return NULL;
}

/* ---- Shapes ---- */

static json_t *read_anything(const json_t *value, const char *path, struct problems *problems)
{
	(void)path;
	(void)problems;
	return json_deep_copy(value);
}

static const struct shape any_text = { .kind = SHAPE_STRING };
static const struct shape anything = { .kind = SHAPE_CUSTOM, .read = read_anything };

static const struct shape artifact_fields[] = {
	{ "uri", SHAPE_STRING, .is_required = true, .min = 1, .max = 1024 },
	{ "extract", SHAPE_BOOL, .fallback = "true" },
	{ "executable", SHAPE_BOOL, .fallback = "false" },
	{ "cache", SHAPE_BOOL, .fallback = "false" },
	{ 0 },
};
static const struct shape artifact = {
	.kind = SHAPE_OBJECT,
	.is_strict = true,
	.of = artifact_fields,
};

static const struct shape docker_fields[] = {
	{ "image", SHAPE_STRING, .is_required = true, .min = 1, .max = 1024 },
	{ "forcePullImage", SHAPE_BOOL, .fallback = "false" },
	{ "privileged", SHAPE_BOOL, .fallback = "false" },
	{ "parameters", SHAPE_LIST, .max = MAX_LIST, .of = &anything, .fallback = "[]" },
	{ 0 },
};

static const char *const image_kinds[] = { "docker", "appc", NULL };

static const struct shape image_fields[] = {
	{ "id", SHAPE_STRING, .is_required = true, .min = 1, .max = 1024 },
	{ "kind", SHAPE_ENUM, .names = image_kinds, .fallback = "\"docker\"" },
	{ "forcePull", SHAPE_BOOL, .fallback = "false" },
	{ 0 },
};

static const struct shape ucr_fields[] = {
	{ "image", SHAPE_OBJECT, .is_required = true, .is_strict = true, .of = image_fields },
	{ "privileged", SHAPE_BOOL, .fallback = "false" },
	{ 0 },
};

static const char *const operators[] = { "IS", "EQ", "LIKE", "UNLIKE", NULL };

static const struct shape constraint_fields[] = {
	{ "attribute", SHAPE_STRING, .is_required = true, .min = 1, .max = 256 },
	{ "operator", SHAPE_ENUM, .is_required = true, .names = operators },
	{ "value", SHAPE_STRING, .max = 1024 },
	{ 0 },
};
static const struct shape constraint = {
	.kind = SHAPE_OBJECT,
	.is_strict = true,
	.of = constraint_fields,
};

static const struct shape placement_fields[] = {
	{ "constraints", SHAPE_LIST, .max = 100, .of = &constraint, .fallback = "[]" },
	{ 0 },
};

static const char *const policies[] = { "NEVER", "ON_FAILURE", NULL };

static const struct shape restart_fields[] = {
	{ "policy", SHAPE_ENUM, .is_required = true, .names = policies },
	{ "activeDeadlineSeconds", SHAPE_INTEGER, .max = MAX_SECONDS },
	{ 0 },
};

static const char *const volume_modes[] = { "RO", "RW", NULL };

static const struct shape volume_fields[] = {
	{ "containerPath", SHAPE_STRING, .is_required = true, .min = 1, .max = 1024 },
	{ "hostPath", SHAPE_STRING, .min = 1, .max = 1024 },
	{ "mode", SHAPE_ENUM, .is_required = true, .names = volume_modes },
	{ "secret", SHAPE_STRING, .min = 1, .max = 1024 },
	{ 0 },
};
static const struct shape volume = {
	.kind = SHAPE_OBJECT,
	.is_strict = true,
	.of = volume_fields,
};

/* In the order in which the answers show them. */
static const struct shape run_fields[] = {
	{ "cpus", SHAPE_NUMBER, .is_required = true, .min = .01, .max = 1e6 },
	{ "mem", SHAPE_NUMBER, .is_required = true, .min = 32, .max = 1e9 },
	{ "disk", SHAPE_NUMBER, .is_required = true, .max = 1e12 },
	{ "gpus", SHAPE_INTEGER, .max = 1e6, .fallback = "0" },
	{ "cmd", SHAPE_STRING, .min = 1 },
	{ "args", SHAPE_LIST, .max = MAX_LIST, .of = &any_text, .omit_empty = true },
	{ "user", SHAPE_STRING, .min = 1, .max = 64 },
	{ "env", SHAPE_MAP, .max = MAX_LIST, .of = &anything, .fallback = "{}" },
	{ "placement", SHAPE_OBJECT, .is_strict = true, .of = placement_fields,
	  .fallback = "{\"constraints\":[]}" },
	{ "artifacts", SHAPE_LIST, .max = 100, .of = &artifact, .fallback = "[]" },
	{ "maxLaunchDelay", SHAPE_INTEGER, .min = 1, .max = MAX_SECONDS, .fallback = "3600" },
	{ "docker", SHAPE_OBJECT, .is_strict = true, .of = docker_fields },
	{ "ucr", SHAPE_OBJECT, .is_strict = true, .of = ucr_fields },
	{ "volumes", SHAPE_LIST, .max = MAX_LIST, .of = &volume, .fallback = "[]" },
	{ "restart", SHAPE_OBJECT, .is_strict = true, .of = restart_fields,
	  .fallback = "{\"policy\":\"NEVER\"}" },
	{ "taskKillGracePeriodSeconds", SHAPE_INTEGER, .max = MAX_SECONDS },
	{ "secrets", SHAPE_MAP, .max = 100, .of = &anything, .fallback = "{}" },
	{ "networks", SHAPE_LIST, .max = 16, .of = &anything, .fallback = "[]" },
	{ 0 },
};

static const struct shape dependency_fields[] = {
	{ "id", SHAPE_STRING, .is_required = true, .min = 1, .max = JOB_ID_MAX, .check = check_id },
	{ 0 },
};
static const struct shape dependency = {
	.kind = SHAPE_OBJECT,
	.is_strict = true,
	.of = dependency_fields,
};

static const struct shape job_fields[] = {
	{ "id", SHAPE_STRING, .is_required = true, .min = 1, .max = JOB_ID_MAX, .check = check_id },
	{ "description", SHAPE_STRING, .max = 4096 },
	{ "labels", SHAPE_MAP, .max = MAX_LIST, .of = &any_text, .fallback = "{}" },
	{ "dependencies", SHAPE_LIST, .max = 100, .of = &dependency, .fallback = "[]" },
	{ "run", SHAPE_OBJECT, .is_required = true, .is_strict = true, .of = run_fields },
	{ 0 },
};
static const struct shape job_shape = {
	.kind = SHAPE_OBJECT,
	.is_strict = true,
	.of = job_fields,
};

/* ---- Schedules ---- */

static json_t *read_cron(const json_t *value, const char *path, struct problems *problems)
{
	static const struct shape text = { .kind = SHAPE_STRING, .max = 256 };
	json_t *read = shape_read(&text, value, path, problems);
	struct err e = { 0 };
	struct cron cron;

	if (!read || cron_parse(json_string_value(read), &cron, &e) == 0)
		return read;
	problems_add(problems, path, "%s", e.msg);
	json_decref(read);
	return NULL;
}

static json_t *read_zone(const json_t *value, const char *path, struct problems *problems)
{
	static const struct shape text = { .kind = SHAPE_STRING, .max = 64 };
	json_t *read = shape_read(&text, value, path, problems);
	struct time_zone *zone = NULL;
	struct err e = { 0 };

	if (read && zone_open(json_string_value(read), &zone, &e) < 0) {
		problems_add(problems, path, "%s", e.msg);
		json_decref(read);
		read = NULL;
	}
	zone_close(zone);
	return read;
}

static const char *const concurrency_policies[] = { "ALLOW", "FORBID", NULL };

static const struct shape schedule_fields[] = {
	{ "id", SHAPE_STRING, .is_required = true, .min = 1, .max = JOB_ID_MAX, .check = check_id },
	{ "cron", SHAPE_CUSTOM, .is_required = true, .read = read_cron },
	{ "timezone", SHAPE_CUSTOM, .read = read_zone, .fallback = "\"UTC\"" },
	{ "startingDeadlineSeconds", SHAPE_INTEGER, .min = 60, .max = MAX_SECONDS,
	  .fallback = "900" },
	{ "concurrencyPolicy", SHAPE_ENUM, .names = concurrency_policies,
	  .fallback = "\"ALLOW\"" },
	{ "enabled", SHAPE_BOOL, .fallback = "true" },
	{ 0 },
};
static const struct shape schedule_shape = {
	.kind = SHAPE_OBJECT,
	.is_strict = true,
	.of = schedule_fields,
};

/* Sent back by those who change what they were shown. */
static const char shown_key[] = "nextRunAt";

/* ---- A run as an app ---- */

/* Metronome has attribute and value by name, Marathon by position; EQ is another word for IS. */
static json_t *app_constraints(const json_t *constraints)
{
	json_t *list = json_array(), *item;
	size_t i;

	json_array_foreach(constraints, i, item) {
		const char *name = json_string_value(json_object_get(item, "operator"));
		json_t *row = json_pack("[O, s, O*]", json_object_get(item, "attribute"),
					strcmp(name, "EQ") == 0 ? "IS" : name,
					json_object_get(item, "value"));

		(void)json_array_append_new(list, row);
	}
	return list;
}

/* Docker's words and those of the universal runtime for one image. */
static json_t *app_image(const json_t *run)
{
	const json_t *ucr = json_object_get(run, "ucr"), *image = json_object_get(ucr, "image");

	if (!ucr)
		return json_incref(json_object_get(run, "docker"));
	return json_pack("{s:O, s:O, s:O}", "image", json_object_get(image, "id"),
			 "forcePullImage", json_object_get(image, "forcePull"), "privileged",
			 json_object_get(ucr, "privileged"));
}

static json_t *app_container(const json_t *run)
{
	const json_t *volumes = json_object_get(run, "volumes");
	const char *type = json_object_get(run, "docker") ? "DOCKER" : "MESOS";
	json_t *image = app_image(run);

	/* Runs have no ports. */
	return json_pack("{s:s, s:o*, s:O, s:[]}", "type", type, "docker", image, "volumes",
			 volumes, "portMappings");
}

/* What is called the same in both. */
static const char *const same_keys[] = {
	"cpus", "mem", "disk", "gpus", "cmd", "args", "user", "env", "secrets",
	"taskKillGracePeriodSeconds",
};

/*
 * A run waits for an agent that is out of reach: whether its task went on there cannot be known,
 * and a second one beside it would be the run made twice.
 */
static json_t *app_document(const json_t *spec, const char *app_id)
{
	const json_t *run = json_object_get(spec, "run");
	const json_t *networks = json_object_get(run, "networks");
	const json_t *placement = json_object_get(run, "placement");
	json_t *document = json_pack(
		"{s:s, s:i, s:O, s:O, s:O, s:o, s:[], s:s, s:o*}", "id", app_id, "instances", 1,
		"labels", json_object_get(spec, "labels"), "maxLaunchDelaySeconds",
		json_object_get(run, "maxLaunchDelay"), "fetch", json_object_get(run, "artifacts"),
		"constraints", app_constraints(json_object_get(placement, "constraints")),
		"portDefinitions", "unreachableStrategy", "disabled", "container",
		app_container(run));

	for (size_t i = 0; document && i < ARRAY_SIZE(same_keys); i++) {
		json_t *value = json_object_get(run, same_keys[i]);

		if (value)
			(void)json_object_set(document, same_keys[i], value);
	}
	if (json_array_size(networks) > 0)
		(void)json_object_set(document, "networks", (json_t *)(uintptr_t)networks);
	return document;
}

/* "/a/b/RUN" */
static void app_id_of(const json_t *spec, const char *run_id, char *ret, size_t size)
{
	const char *id = json_string_value(json_object_get(spec, "id"));

	(void)snprintf(ret, size, "/%s/%s", id, run_id);
	for (char *p = ret; (p = strchr(p, '.'));)
		*p = '/';
}

int job_spec_app(const json_t *spec, const char *run_id, const char *version,
		 const struct role_rules *rules, struct app **ret, struct refusal *refusal)
{
	AUTO(json_decrefp) json_t *document = NULL;
	char id[JOB_ID_SIZE + 64];
	int r;

	app_id_of(spec, run_id, id, sizeof(id));
	document = app_document(spec, id);
	if (!document)
		return refuse_memory(refusal);
	r = app_parse(document, NULL, rules, ret, refusal);
	if (r < 0)
		return r;
	(void)snprintf((*ret)->version, sizeof((*ret)->version), "%s", version);
	(void)snprintf((*ret)->last_scaling_at, sizeof((*ret)->last_scaling_at), "%s", version);
	(void)snprintf((*ret)->last_config_change_at, sizeof((*ret)->last_config_change_at), "%s",
		       version);
	return 0;
}

/* ---- Rules ---- */

/* Where the job has what the app has at a path. */
static const struct {
	const char *app, *job;
} paths[] = {
	{ "/constraints", "/run/placement/constraints" },
	{ "/fetch", "/run/artifacts" },
	{ "/container", "/run" },
	{ "/maxLaunchDelaySeconds", "/run/maxLaunchDelay" },
	{ "/labels", "/labels" },
	{ "/id", "/id" },
	{ "", "/run" },
};

static void job_path(const char *app_path, bool has_ucr, char ret[SHAPE_PATH_SIZE])
{
	static const char image[] = "/container/docker";
	size_t i = 0, size = sizeof(image) - 1;

	if (has_ucr && strncmp(app_path, image, size) == 0) {
		(void)snprintf(ret, SHAPE_PATH_SIZE, "/run/ucr%s", app_path + size);
		return;
	}
	while (strncmp(app_path, paths[i].app, strlen(paths[i].app)) != 0)
		i++;
	size = strlen(paths[i].app);
	(void)snprintf(ret, SHAPE_PATH_SIZE, "%s%s", paths[i].job,
		       strcmp(app_path + size, "/") == 0 ? "" : app_path + size);
}

/* What is wrong with it as something to launch, told by the job's own paths. */
static int check_as_app(const json_t *spec, struct problems *problems, struct refusal *refusal)
{
	bool has_ucr = json_object_get(json_object_get(spec, "run"), "ucr");
	struct refusal as_app = { 0 };
	json_t *details, *detail, *error;
	struct app *app = NULL;
	size_t i, n;
	int r = job_spec_app(spec, "20000101000000aaaaa", "", NULL, &app, &as_app);

	app_unref(app);
	details = json_object_get(as_app.body, "details");
	json_array_foreach(details, i, detail) {
		const char *path = json_string_value(json_object_get(detail, "path"));
		char own[SHAPE_PATH_SIZE];

		job_path(path ? path : "/", has_ucr, own);
		json_array_foreach(json_object_get(detail, "errors"), n, error)
			problems_add(problems, own, "%s", json_string_value(error));
	}
	refusal_done(&as_app);
	return r < 0 && !problems_any(problems) ? refuse_memory(refusal) : 0;
}

static void check_run(const json_t *run, struct problems *problems)
{
	const json_t *docker = json_object_get(run, "docker"), *ucr = json_object_get(run, "ucr");
	const char *kind = json_string_value(
		json_object_get(json_object_get(ucr, "image"), "kind"));

	if (!json_object_get(run, "cmd") && !json_object_get(run, "args") && !docker && !ucr)
		problems_add(problems, "/run", "Cmd, docker or ucr image must be specified");
	if (json_object_get(run, "cmd") && json_object_get(run, "args"))
		problems_add(problems, "/run",
			     "Either cmd or args should be provided, but not both");
	if (docker && ucr)
		problems_add(problems, "/run",
			     "Either Docker or UCR should be provided, but not both");
	if (kind && strcmp(kind, "docker") != 0)
		problems_add(problems, "/run/ucr/image/kind", "only docker images are supported");
}

static int refuse_shape(struct refusal *refusal, const struct problems *problems)
{
	if (!problems_any(problems))
		return refuse_memory(refusal);
	return refuse_problems(refusal, "Object is not valid", problems);
}

static int check_spec(const json_t *spec, struct refusal *refusal)
{
	struct problems problems = { 0 };
	int r = 0;

	check_run(json_object_get(spec, "run"), &problems);
	if (!problems_any(&problems))
		r = check_as_app(spec, &problems, refusal);
	if (problems_any(&problems))
		r = refuse_problems(refusal, "Object is not valid", &problems);
	problems_done(&problems);
	return r;
}

/* The full form of a copy of DOCUMENT with that ID and without the key DROPPED. */
static int read_document(const struct shape *shape, const json_t *document, const char *id,
			 const char *dropped, json_t **ret, struct refusal *refusal)
{
	AUTO(json_decrefp) json_t *copy = json_deep_copy(document);
	struct problems problems = { 0 };
	int r = 0;

	if (!copy)
		return refuse_memory(refusal);
	if (json_is_object(copy)) {
		(void)json_object_del(copy, dropped);
		if (id && json_object_set_new(copy, "id", json_string(id)) < 0)
			return refuse_memory(refusal);
	}
	*ret = shape_read(shape, copy, "", &problems);
	if (!*ret || problems_any(&problems)) {
		json_decref(*ret);
		*ret = NULL;
		r = refuse_shape(refusal, &problems);
	}
	problems_done(&problems);
	return r;
}

int job_spec_read(const json_t *document, const char *id, json_t **ret, struct refusal *refusal)
{
	int r = read_document(&job_shape, document, id, "schedules", ret, refusal);

	if (r == 0)
		r = check_spec(*ret, refusal);
	if (r < 0) {
		json_decref(*ret);
		*ret = NULL;
	}
	return r;
}

int job_schedule_read(const json_t *document, const char *id, json_t **ret,
		      struct refusal *refusal)
{
	return read_document(&schedule_shape, document, id, shown_key, ret, refusal);
}

int job_spec_read_schedules(const json_t *document, json_t **ret, struct refusal *refusal)
{
	static const struct shape one = { .kind = SHAPE_LIST, .max = 1, .of = &schedule_shape };
	AUTO(json_decrefp) json_t *copy = json_deep_copy(json_object_get(document, "schedules"));
	AUTO(json_decrefp) json_t *list = NULL;
	struct problems problems = { 0 };
	int r = 0;

	*ret = NULL;
	if (!copy || json_is_null(copy))
		return 0;
	for (size_t i = 0; i < json_array_size(copy); i++)
		(void)json_object_del(json_array_get(copy, i), shown_key);
	list = shape_read(&one, copy, "/schedules", &problems);
	if (!list)
		r = refuse_shape(refusal, &problems);
	else
		*ret = json_incref(json_array_get(list, 0));
	problems_done(&problems);
	return r;
}
