/* tepui-master: agents come in, resources go out as offers, apps are kept running. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/version.h"
#include "master_stub/master.h"
#include "master_stub/shell.h"

static const char program[] = "tepui-master";

static int complain(const struct err *e)
{
	char text[sizeof(e->msg) + 64];

	fprintf(stderr, "%s: %s\n", program, err_text(e, text, sizeof(text)));
	return EXIT_FAILURE;
}

static int set_log_level(const char *name)
{
	static const char *const names[] = {
		[LOG_LEVEL_DEBUG] = "debug", [LOG_LEVEL_INFO] = "info",
		[LOG_LEVEL_WARNING] = "warning", [LOG_LEVEL_ERROR] = "error",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(name, names[i]) == 0) {
			log_init(program, (enum log_level)i);
			return 0;
		}
	}
	return -1;
}

static void on_signal(void *arg)
{
	struct shell *shell = arg;

	loop_stop(shell->loop);
}

static void announce(const struct shell *shell)
{
	size_t n_agents, n_frameworks;

	master_count(shell->master, &n_agents, &n_frameworks);
	log_info("version %s listening on '%s' port %u, pid %d, master '%s', epoch %llu, work "
		 "directory '%s' with %zu agents and %zu frameworks",
		 TEPUI_VERSION, shell->flags.listen, shell->port, (int)getpid(),
		 master_id(shell->master), (unsigned long long)master_epoch(shell->master),
		 shell->flags.work_dir, n_agents, n_frameworks);
}

static int run(struct shell *shell, struct err *e)
{
	struct loop_watch *term = NULL, *interrupt = NULL;
	int r = shell_start(shell, e);

	if (r == 0)
		r = loop_watch_signal(shell->loop, SIGTERM, on_signal, shell, &term, e);
	if (r == 0)
		r = loop_watch_signal(shell->loop, SIGINT, on_signal, shell, &interrupt, e);
	if (r == 0) {
		announce(shell);
		r = loop_run(shell->loop, e);
	}
	if (r == 0)
		log_info("ends on request");
	if (term)
		loop_watch_free(term);
	if (interrupt)
		loop_watch_free(interrupt);
	shell_stop(shell);
	return r;
}

int main(int argc, char **argv)
{
	struct shell shell = { 0 };
	struct err e = { 0 };
	int status = EXIT_SUCCESS;

	log_init(program, LOG_LEVEL_INFO);
	(void)umask(077);
	if (shell_flags_parse(argc, argv, &shell.flags, &e) < 0) {
		status = complain(&e);
	} else if (shell.flags.help) {
		printf("usage: %s --work_dir=DIR [--FLAG=VALUE ...]\n\n", program);
		shell_flags_print_help();
	} else if (shell.flags.version) {
		printf("%s %s\n", program, TEPUI_VERSION);
	} else if (set_log_level(shell.flags.log_level) < 0) {
		(void)err_set(&e, EINVAL, "use '--log_level=%s': not debug, info, warning or error",
			      shell.flags.log_level);
		status = complain(&e);
	} else if (run(&shell, &e) < 0) {
		status = complain(&e);
	}
	shell_flags_done(&shell.flags);
	return status;
}
