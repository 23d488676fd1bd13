#include "containerizer/oci/late_hooks.h"

#include "containerizer/hooks.h"
#include "containerizer/oci/report.h"
#include "containerizer/spec_json.h"
#include "lib/err.h"
#include "lib/file_in.h"

void late_hooks_load(struct late_hooks *late, int dir_fd, const struct state *state)
{
	json_auto_t *config = NULL;
	struct err e = { 0 };
	int r;

	late->is_loaded = false;
	if (!state->has_hooks)
		return;
	r = file_in_read_json(dir_fd, STATE_CONFIG, SPEC_MAX_DOCUMENT, &config, &e);
	if (r == 0)
		r = spec_from_json(config, &late->spec, &e);
	if (r < 0)
		report_warning(&e);
	late->is_loaded = r == 0;
}

void late_hooks_run(struct late_hooks *late, const struct state *state, enum spec_hook_kind kind,
		    enum state_status status)
{
	json_auto_t *object = NULL;

	if (!late->is_loaded)
		return;
	object = state_to_oci(state, status);
	hooks_run_all(&late->spec, kind, &(struct hook_state){
		.object = object, .status = state_status_names[status],
		.pid = status == STATE_STOPPED ? 0 : (pid_t)state->pid,
	}, report_warning);
	spec_done(&late->spec);
	late->is_loaded = false;
}
