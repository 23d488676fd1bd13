/* Tasks: whatever a framework sends, there is a refusal, or a document that the supervisor reads. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/launch_spec.h"
#include "agent/profiles.h"
#include "agent/users.h"
#include "containerizer/spec_json.h"
#include "isolators/spec.h"
#include "lib/err.h"
#include "lib/json_in.h"
#include "lib/pb_json.h"

static const struct launch_place place = {
	.container_id = "c", .sandbox = "/w/s", .framework_id = "F", .agent_id = "S",
};

static void try_task(const Mesos__V1__TaskInfo *task)
{
	static struct users users;
	static struct profiles profiles;
	struct launch_settings settings = {
		.users = &users, .profiles = &profiles, .default_user = "nobody", .allow_root = true,
		.allow_unconfined = true, .pids_limit = 1024,
		.cgroup_layout = "layout", .hidden = "/w",
	};
	struct launch_result result;
	struct err e = { 0 };
	struct spec spec;

	if (!users.n && users_parse("root:x:0:0::\nnobody:x:65534:65534::", &users, &e) < 0)
		return;
	if (launch_spec_build(&settings, &place, task, &result, &e) < 0) {
		assert(e.code > 0 && e.msg[0]);
		return;
	}
	/* The reader may still find a path or a name in it that it does not take. */
	if (spec_from_json(result.config, &spec, &e) >= 0) {
		assert(spec.host_root && spec.root_readonly && spec.no_new_privileges);
		assert(spec.pids_limit == 1024 && spec.uid == result.uid);
		spec_done(&spec);
	}
	launch_result_done(&result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ProtobufCMessage *message;
	struct err e = { 0 };
	json_t *json;

	if (json_in_parse(data, size, &json, &e) < 0)
		return 0;
	if (pb_from_json(&mesos__v1__task_info__descriptor, json, &message, &e) >= 0) {
		try_task((const Mesos__V1__TaskInfo *)message);
		protobuf_c_message_free_unpacked(message, NULL);
	}
	json_decref(json);
	return 0;
}
