/* tepui-agent: the daemon of one node. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/version.h"

static const char program[] = "tepui-agent";

static int complain(const struct err *e)
{
	char text[sizeof(e->msg) + 64];

	fprintf(stderr, "%s: %s\n", program, err_text(e, text, sizeof(text)));
	return EXIT_FAILURE;
}

static int parse_level(const char *name, enum log_level *ret)
{
	static const char *const names[] = { "debug", "info", "warning", "error" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(name, names[i]) == 0) {
			*ret = (enum log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

static int run(struct agent *agent, struct err *e)
{
	int r = agent_start(agent, e);

	if (r < 0)
		return r;
	log_info("version %s listening on '%s', pid %d, work directory '%s', master '%s'",
		 TEPUI_VERSION, agent->endpoint, (int)getpid(), agent->work_dir,
		 agent->flags.master);
	r = loop_run(agent->loop, e);
	agent_turn(agent);
	return r;
}

int main(int argc, char **argv)
{
	struct agent agent = { 0 };
	enum log_level level;
	struct err e = { 0 };
	int r, status;

	r = agent_flags_parse(argc, argv, &agent.flags, &e);
	if (r < 0)
		return complain(&e);
	if (agent.flags.help || agent.flags.version) {
		if (agent.flags.help) {
			printf("usage: %s --master=HOST:PORT [--FLAG=VALUE ...]\n\n", program);
			agent_flags_print_help();
		} else {
			printf("%s %s\n", program, TEPUI_VERSION);
		}
		agent_flags_done(&agent.flags);
		return EXIT_SUCCESS;
	}
	if (parse_level(agent.flags.log_level, &level) < 0) {
		(void)err_set(&e, EINVAL, "use '--log_level=%s': debug, info, warning or error",
			      agent.flags.log_level);
		agent_flags_done(&agent.flags);
		return complain(&e);
	}
	log_init(program, level);
	r = run(&agent, &e);
	status = r < 0 ? complain(&e) : agent.exit_status;
	agent_done(&agent);
	return status;
}
