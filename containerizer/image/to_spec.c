/* From an image and what is said over it to the process of an OCI runtime document. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "containerizer/image/image.h"
#include "lib/cleanup.h"
#include "lib/err.h"

/* Where programs are when neither the image nor anybody else says. */
static const char default_path[] =
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

static void append_all(json_t *array, char *const *list)
{
	for (; list && *list; list++)
		json_array_append_new(array, json_string(*list));
}

/* Entrypoint and command; an entrypoint from outside does not get the image's command. */
static int set_args(const struct image_config *config, const struct image_overrides *o,
		    json_t *process, struct err *e)
{
	json_t *args = json_array();

	append_all(args, o->entrypoint ? o->entrypoint : config->entrypoint);
	if (o->args)
		append_all(args, o->args);
	else if (!o->entrypoint)
		append_all(args, config->cmd);
	if (json_object_set_new(process, "args", args) < 0)
		return err_set(e, ENOMEM, "process.args: write list");
	return 0;
}

static bool is_same_name(const char *a, const char *b)
{
	size_t length = strcspn(a, "=");

	return strncmp(a, b, length) == 0 && b[length] == '=';
}

/* Later ones win, in the place of the earlier. */
static int put_env(json_t *env, const char *pair)
{
	for (size_t i = 0; i < json_array_size(env); i++) {
		if (is_same_name(pair, json_string_value(json_array_get(env, i))))
			return json_array_set_new(env, i, json_string(pair));
	}
	return json_array_append_new(env, json_string(pair));
}

static int set_env(const struct image_config *config, const struct image_overrides *o,
		   const struct image_user *user, json_t *process, struct err *e)
{
	char *const *const lists[] = { config->env, o->env };
	AUTO_FREE char *home = NULL;
	json_t *env = json_array();
	int r;

	if (asprintf(&home, "HOME=%s", user->home ? user->home : "/") < 0)
		home = NULL;
	r = !env || !home || put_env(env, default_path) < 0 || put_env(env, home) < 0 ? -ENOMEM : 0;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		for (char *const *pair = lists[i]; r == 0 && pair && *pair; pair++)
			r = put_env(env, *pair) < 0 ? -ENOMEM : 0;
	}
	if (json_object_set_new(process, "env", env) < 0 || r < 0)
		return err_set(e, ENOMEM, "process.env: write list");
	return 0;
}

static int set_user(const struct image_user *user, json_t *process, struct err *e)
{
	json_t *groups = json_array(), *object;

	for (size_t i = 0; groups && i < user->n_groups; i++)
		json_array_append_new(groups, json_integer((json_int_t)user->groups[i]));
	object = json_pack("{s:I, s:I, s:o}", "uid", (json_int_t)user->uid, "gid",
			   (json_int_t)user->gid, "additionalGids", groups);
	if (json_object_set_new(process, "user", object) < 0)
		return err_set(e, ENOMEM, "process.user: write");
	return 0;
}

static int set_cwd(const struct image_config *config, const struct image_overrides *o,
		   json_t *process, struct err *e)
{
	const char *dir = o->working_dir ? o->working_dir : config->working_dir;

	if (json_object_set_new(process, "cwd", json_string(dir && *dir ? dir : "/")) < 0)
		return err_set(e, ENOMEM, "process.cwd: write");
	return 0;
}

static json_t *process_of(json_t *doc)
{
	if (!json_is_object(json_object_get(doc, "process")))
		json_object_set_new(doc, "process", json_object());
	return json_object_get(doc, "process");
}

int image_to_spec(const struct image *image, const struct image_overrides *overrides, json_t *doc,
		  struct err *e)
{
	const struct image_config *config = &image->config;
	const char *name = overrides->user ? overrides->user : config->user;
	json_t *process = process_of(doc);
	struct image_user user;
	int r;

	if (!process)
		return err_set(e, ENOMEM, "process: write");
	r = set_args(config, overrides, process, e);
	if (r == 0 && json_array_size(json_object_get(process, "args")) == 0)
		r = err_set(e, EINVAL, "run image '%s': it has no command, and none is given",
			    image->name);
	if (r == 0)
		r = image_user_find(image, name ? name : "", &user, e);
	if (r < 0)
		return r;
	r = set_env(config, overrides, &user, process, e);
	if (r == 0)
		r = set_user(&user, process, e);
	if (r == 0)
		r = set_cwd(config, overrides, process, e);
	image_user_done(&user);
	return r;
}
