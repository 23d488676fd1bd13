/* tepui events: the event stream, a line each. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/print.h"
#include "cli/table.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "net/http_parser.h"
#include "net/sse.h"

struct watcher {
	const struct cli *cli;
	struct sse_reader reader;
	uint64_t seen;
};

/* The members that say what an event is about, in the order of a sentence. */
static const char *const shown_members[] = {
	"appId", "taskId", "instanceId", "taskStatus", "condition", "host", "alive", "healthy",
	"message", "reason", "id", "uri", "remoteAddress",
};

static void print_event(const struct watcher *watcher, const char *type, const char *data)
{
	json_t *event = json_loads(data, 0, NULL);

	printf("%s  ", member_text(event, "timestamp"));
	print_colored(watcher->cli, TABLE_BOLD, type);
	for (size_t i = 0; i < ARRAY_SIZE(shown_members); i++) {
		const json_t *value = json_object_get(event, shown_members[i]);
		AUTO_FREE char *text = value ? json_dumps(value, JSON_ENCODE_ANY |
							  JSON_REAL_PRECISION(15)) : NULL;

		/* What json_dumps() does not escape of what steers terminals. */
		if (text)
			print_tame(text);
		if (text && strcmp(text, "\"\"") != 0 && strcmp(text, "null") != 0)
			printf("  %s=%s", shown_members[i], text);
	}
	putchar('\n');
	json_decref(event);
}

static void on_event(void *arg, const char *type, const char *id, const char *data)
{
	struct watcher *watcher = arg;
	uint64_t limit = watcher->cli->options.count;

	(void)id;
	if (limit && watcher->seen >= limit)
		return;
	watcher->seen++;
	if (watcher->cli->options.json)
		puts(data);
	else
		print_event(watcher, type, data);
	(void)fflush(stdout);
}

static bool on_piece(void *arg, const void *data, size_t size)
{
	struct watcher *watcher = arg;
	uint64_t limit = watcher->cli->options.count;

	if (sse_feed(&watcher->reader, data, size, on_event, watcher) < 0)
		return false;
	return !limit || watcher->seen < limit;
}

static int events(struct cli *cli, char **args, size_t n, struct err *e)
{
	struct watcher watcher = { .cli = cli };
	AUTO_FREE char *type = cli->options.type ? http_encode(cli->options.type) : NULL;
	AUTO_FREE char *target = NULL;
	int r;

	(void)args, (void)n;
	if (asprintf(&target, "/v2/events%s%s", type ? "?event_type=" : "", type ? type : "") < 0)
		return err_set(e, ENOMEM, "build the path of the event stream");
	r = client_stream(cli, target, "text/event-stream", on_piece, &watcher, e);
	sse_done(&watcher.reader);
	return r;
}

const struct command event_commands[] = {
	{ "events", "", "", 0, 0, "type count", "follow the event stream", events },
	{ 0 },
};
