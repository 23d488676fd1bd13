/* What operators' streams hear of: events of the v1 API, made only while somebody listens. */
#ifndef MASTER_STUB_OBSERVE_H
#define MASTER_STUB_OBSERVE_H

struct agent;
struct framework;
struct task;

/* Each is called when the tables tell so already; a framework or agent that goes, while it is there. */
void observe_task_added(const struct task *task);
void observe_task_updated(const struct task *task);
void observe_agent_added(const struct agent *agent);
void observe_agent_removed(const struct agent *agent);
void observe_framework_added(const struct framework *framework);
void observe_framework_updated(const struct framework *framework);
void observe_framework_removed(const struct framework *framework);

#endif
