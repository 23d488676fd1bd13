#include "agent/executor_token.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "agent/agent.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/file_in.h"
#include "lib/file_out.h"
#include "net/jwt.h"

static const char file[] = "executor.key";

static int make_key(struct agent *agent, struct err *e)
{
	if (getrandom(agent->executor_key, JWT_KEY_BYTES, 0) != JWT_KEY_BYTES)
		return err_set(e, errno ? errno : EIO, "get random numbers");
	return file_out_replace(agent->work_fd, file, agent->executor_key, JWT_KEY_BYTES, e);
}

int executor_token_load_key(struct agent *agent, struct err *e)
{
	AUTO_FREE char *text = NULL;
	size_t size;
	int r = file_in_read(agent->work_fd, file, JWT_KEY_BYTES, &text, &size, e);

	/* One that was cut short is no key: executors that run show tokens of another then. */
	if (r == -ENOENT || (r >= 0 && size != JWT_KEY_BYTES)) {
		err_clear(e);
		return make_key(agent, e);
	}
	if (r < 0)
		return r;
	memcpy(agent->executor_key, text, JWT_KEY_BYTES);
	explicit_bzero(text, size);
	return 0;
}

char *executor_token_make(const struct agent *agent, const struct executor_claims *claims)
{
	json_t *object = json_pack("{s:s, s:s, s:s}", "fid", claims->framework_id, "eid",
				   claims->executor_id, "cid", claims->container_id);
	char *token = object ? jwt_sign(agent->executor_key, object) : NULL;

	json_decref(object);
	return token;
}

/* No id has a slash in it.  NULL when memory is out. */
static char *name_of(const struct executor_claims *claims)
{
	char *name;

	return asprintf(&name, "%s/%s/%s", claims->framework_id, claims->executor_id,
			claims->container_id) < 0 ? NULL : name;
}

static const char *claim_of(const json_t *token, const char *name)
{
	const char *claim = json_string_value(json_object_get(token, name));

	return claim ? claim : "";
}

char *executor_token_principal(const json_t *token)
{
	return name_of(&(struct executor_claims){
		claim_of(token, "fid"), claim_of(token, "eid"), claim_of(token, "cid"),
	});
}

int executor_token_read(const struct agent *agent, const char *header, json_t **ret, struct err *e)
{
	static const char scheme[] = "Bearer ";

	if (!header || strncasecmp(header, scheme, sizeof(scheme) - 1) != 0)
		return err_set(e, EACCES, "use the executor API: header 'Authorization' has no"
			       " bearer token");
	return jwt_verify(agent->executor_key, header + sizeof(scheme) - 1, ret, e);
}

int executor_token_check(const char *principal, const struct executor_claims *claims, struct err *e)
{
	AUTO_FREE char *name = name_of(claims);

	if (!name)
		return err_set(e, ENOMEM, "read a token");
	if (principal && strcmp(principal, name) == 0)
		return 0;
	return err_set(e, EPERM, "speak for executor '%s' of framework '%s': the token is another's",
		       claims->executor_id, claims->framework_id);
}
