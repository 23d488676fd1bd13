/* /logging: the level of the log for good, as Marathon has it for each of its loggers; here there is one. */
#include <errno.h>
#include <stdio.h>
#include <strings.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/log_toggle.h"
#include "master_stub/operator_api.h"
#include "master_stub/shell.h"
#include "net/http_params.h"
#include "net/http_server.h"

static const struct {
	const char *name;
	enum log_level level;
} levels[] = {
	{ "ERROR", LOG_LEVEL_ERROR }, { "WARN", LOG_LEVEL_WARNING }, { "INFO", LOG_LEVEL_INFO },
	{ "DEBUG", LOG_LEVEL_DEBUG }, { "TRACE", LOG_LEVEL_DEBUG }, { "ALL", LOG_LEVEL_DEBUG },
	{ "WARNING", LOG_LEVEL_WARNING }, { "OFF", LOG_LEVEL_ERROR },
};

static const char *level_name(enum log_level level)
{
	size_t i = 0;

	while (levels[i].level != level)
		i++;
	return levels[i].name;
}

int operator_get_logging(struct http_request *req, struct err *e)
{
	char text[512];
	int n = snprintf(text, sizeof(text),
			 "<!doctype html><title>logging</title><form method=\"post\">"
			 "ROOT: %s <select name=\"level\"><option>ERROR<option>WARN<option>INFO"
			 "<option>DEBUG</select><input type=\"hidden\" name=\"logger\" value=\"ROOT\">"
			 "<button>set</button></form>\n", level_name(log_get_level()));

	(void)e;
	http_reply(req, 200, "text/html; charset=utf-8", text, (size_t)n);
	return 0;
}

static int set_level(struct log_toggle *toggle, const char *name, struct err *e)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(levels); i++) {
		if (strcasecmp(levels[i].name, name) == 0) {
			log_toggle_set_usual(toggle, levels[i].level);
			return 0;
		}
	}
	return err_set(e, EINVAL, "set the level of the log: '%.32s' is none of ERROR, WARN, INFO and"
		       " DEBUG", name ? name : "");
}

/* As a form or a query. */
int operator_post_logging(struct http_request *req, struct err *e)
{
	const struct shell *shell = http_request_app(req);
	const char *level = http_request_query(req, "level");
	struct http_params form = { 0 };
	int r = level ? 0 : http_params_read_form(req, &form, e);

	if (r == 0)
		r = set_level(shell->log_toggle, level ? level : http_params_get(&form, "level", 0), e);
	http_params_done(&form);
	return r < 0 ? r : operator_get_logging(req, e);
}
