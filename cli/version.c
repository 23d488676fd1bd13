/* tepui version: of this program and of the master. */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/client.h"
#include "cli/print.h"
#include "lib/err.h"
#include "lib/version.h"

static int version(struct cli *cli, char **args, size_t n, struct err *e)
{
	json_t *info = NULL;
	int r;

	(void)args, (void)n;
	if (!cli->options.json)
		puts("tepui   " TEPUI_VERSION);
	r = client_get(cli, NULL, "/v2/info", &info, e);
	if (r < 0)
		return r;
	if (cli->options.json)
		print_json(info);
	else
		printf("master  %s, speaks Marathon %s, leader %s, framework %s\n",
		       cli->options.master, member_text(info, "version"),
		       member_text(info, "leader"), member_text(info, "frameworkId"));
	json_decref(info);
	return 0;
}

const struct command version_commands[] = {
	{ "version", "", "", 0, 0, "", "versions of this program and of the master", version },
	{ 0 },
};
