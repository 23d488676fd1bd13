#include "net/http_params.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "net/http_server.h"

/* The SIZE bytes of TEXT behind what DST has; *DST is moved beyond its end. */
static int decode(const char *text, size_t size, enum http_code code, char **dst, const char **ret)
{
	int n = http_decode(text, size, code, *dst);

	if (n < 0)
		return -EINVAL;
	*ret = *dst;
	*dst += n + 1;
	return 0;
}

/* "NAME=VALUE" or "NAME". */
static int add(struct http_params *params, const char *pair, size_t size, enum http_code code,
	       char **dst)
{
	struct http_param *param = &params->items[params->n];
	const char *equals = memchr(pair, '=', size);
	size_t name_size = equals ? (size_t)(equals - pair) : size;
	const char *value = equals ? equals + 1 : pair + size;
	int r;

	if (params->n == HTTP_MAX_PARAMS)
		return -EINVAL;
	r = decode(pair, name_size, code, dst, &param->name);
	if (r == 0)
		r = decode(value, (size_t)(pair + size - value), code, dst, &param->value);
	if (r == 0)
		params->n++;
	return r;
}

/* Decoded one by one, so that an encoded '&' is no separator. */
int http_params_read(const char *text, size_t size, enum http_code code, struct http_params *ret)
{
	struct http_params params = {
		.data = malloc(2 * size + 2),
		.items = calloc(HTTP_MAX_PARAMS, sizeof(*params.items)),
	};
	const char *end = text + size;
	char *dst = params.data;
	int r = dst && params.items ? 0 : -ENOMEM;

	while (r == 0 && text < end) {
		const char *amp = memchr(text, '&', (size_t)(end - text));
		const char *stop = amp ? amp : end;

		if (stop > text)
			r = add(&params, text, (size_t)(stop - text), code, &dst);
		text = stop + 1;
	}
	if (r < 0)
		http_params_done(&params);
	else
		*ret = params;
	return r;
}

void http_params_done(struct http_params *params)
{
	free(params->data);
	free(params->items);
	*params = (struct http_params){ 0 };
}

const char *http_params_get(const struct http_params *params, const char *name, size_t i)
{
	for (size_t at = 0; at < params->n; at++)
		if (strcmp(params->items[at].name, name) == 0 && i-- == 0)
			return params->items[at].value;
	return NULL;
}

int http_params_read_form(const struct http_request *req, struct http_params *ret, struct err *e)
{
	size_t size;
	const char *body = http_request_body(req, &size);
	int r = http_params_read(body, size, HTTP_CODE_FORM, ret);

	if (r == -ENOMEM)
		return err_set(e, ENOMEM, "read the body of '%s'", http_request_path(req));
	return r < 0 ? err_set(e, EINVAL, "Unable to decode query string: an escape is malformed, or"
			       " there are more than %d values", HTTP_MAX_PARAMS) : 0;
}
