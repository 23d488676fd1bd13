#include "net/operator_pages.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>

#include "lib/err.h"
#include "lib/flags.h"
#include "lib/log_toggle.h"
#include "net/http_jsonp.h"
#include "net/http_server.h"

/* Without a query it tells the level; with level=N&duration=15mins that is the level for so long. */
int operator_page_logging(struct http_request *req, struct log_toggle *toggle, struct err *e)
{
	const char *level = http_request_query(req, "level");
	const char *duration = http_request_query(req, "duration");
	const uint64_t ns_per_ms = 1000000;
	char text[16], *end = text;
	unsigned long asked;
	uint64_t ms;
	int r;

	if (!level && !duration) {
		int n = snprintf(text, sizeof(text), "%" PRIu32 "\n",
				 log_toggle_verbosity(toggle));

		http_reply(req, 200, "text/plain; charset=utf-8", text, (size_t)n);
		return 0;
	}
	errno = 0;
	asked = level ? strtoul(level, &end, 10) : 0;
	if (!level || !isdigit((unsigned char)level[0]) || *end || errno || asked > UINT32_MAX)
		return err_set(e, EINVAL, "read query: level is missing or not a number");
	if (!duration || flags_parse_millis(duration, &ms) < 0 || ms > INT64_MAX / ns_per_ms)
		return err_set(e, EINVAL, "read query: duration is missing or not like 15mins");
	r = log_toggle_set(toggle, (uint32_t)asked, (int64_t)(ms * ns_per_ms), e);
	if (r >= 0)
		http_reply(req, 200, NULL, NULL, 0);
	return r;
}

int operator_page_system(struct http_request *req, struct err *e)
{
	double load[3] = { 0 };
	struct sysinfo info;

	if (sysinfo(&info) < 0 || getloadavg(load, 3) < 0)
		return err_set(e, errno ? errno : EIO, "ask the system for its figures");
	return http_reply_jsonp(
		req, json_pack("{s:f, s:f, s:f, s:i, s:I, s:I}", "avg_load_1min", load[0],
			       "avg_load_5min", load[1], "avg_load_15min", load[2],
			       "cpus_total", get_nprocs(),
			       "mem_total_bytes", (json_int_t)info.totalram * info.mem_unit,
			       "mem_free_bytes", (json_int_t)info.freeram * info.mem_unit), e);
}
