"""/metrics/snapshot of the agent: the names that dashboards ask for."""
import pytest

pytestmark = pytest.mark.row("3.3")

NAMES = [f"slave/{kind}_{what}" for kind in ("cpus", "mem", "disk", "gpus") for what in ("total", "used", "percent")]
NAMES += [f"slave/{kind}_revocable_{what}" for kind in ("cpus", "mem", "disk", "gpus")
          for what in ("total", "used", "percent")]
NAMES += [f"slave/{name}" for name in (
    "registered", "uptime_secs", "frameworks_active", "recovery_errors", "recovery_time_secs",
    "container_launch_errors", "executor_directory_max_allowed_age_secs",
    "executors_registering", "executors_running", "executors_terminating", "executors_terminated",
    "executors_preempted", "tasks_staging", "tasks_starting", "tasks_running", "tasks_killing", "tasks_finished",
    "tasks_failed", "tasks_killed", "tasks_lost", "tasks_gone", "valid_status_updates", "invalid_status_updates",
    "valid_framework_messages", "invalid_framework_messages")]
NAMES += ["containerizer/mesos/container_destroy_errors", "gc/path_removals_pending", "gc/path_removals_succeeded",
          "gc/path_removals_failed", "system/cpus_total", "system/load_1min", "system/load_5min", "system/load_15min",
          "system/mem_total_bytes", "system/mem_free_bytes"]


@pytest.fixture(scope="module")
def metrics(node):
    return node.agents[0].call("GET", "/metrics/snapshot").json


@pytest.mark.parametrize("name", NAMES)
def test_the_metric_is_a_number(metrics, name):
    assert isinstance(metrics[name], float)
