"""/metrics/snapshot of the master: the names that dashboards ask for."""
import pytest

pytestmark = pytest.mark.row("3.6")

KINDS = ("cpus", "mem", "disk", "gpus")
STATES = ("staging", "starting", "running", "killing", "finished", "failed", "killed", "lost", "error", "unreachable",
          "dropped", "gone", "gone_by_operator")
NAMES = [f"master/{name}" for name in (
    "elected", "uptime_secs", "outstanding_offers", "dropped_messages",
    "slaves_active", "slaves_inactive", "slaves_connected", "slaves_disconnected", "slaves_unreachable",
    "slave_registrations", "slave_reregistrations", "slave_removals", "slave_removals/reason_unhealthy",
    "slave_unreachable_scheduled", "slave_unreachable_completed", "slave_unreachable_canceled",
    "frameworks_active", "frameworks_inactive", "frameworks_connected", "frameworks_disconnected",
    "valid_status_updates", "invalid_status_updates", "valid_status_update_acknowledgements",
    "invalid_status_update_acknowledgements", "messages_kill_task", "messages_launch_tasks", "messages_decline_offers",
    "messages_revive_offers", "messages_suppress_offers", "messages_reconcile_tasks", "messages_unregister_framework",
    "messages_status_update_acknowledgement", "messages_status_update", "messages_register_slave",
    "messages_reregister_slave", "messages_framework_to_executor", "messages_executor_to_framework",
    "messages_exited_executor", "messages_resource_request")]
NAMES += [f"master/{kind}_{what}" for kind in KINDS for what in (
    "total", "used", "percent", "revocable_total", "revocable_used", "revocable_percent")]
NAMES += [f"master/tasks_{state}" for state in STATES]
NAMES += ["allocator/mesos/allocation_runs"]
NAMES += [f"allocator/mesos/resources/{kind}/{what}" for kind in KINDS for what in ("total", "offered_or_allocated")]


@pytest.fixture(scope="module")
def metrics(cluster, agent):
    return cluster.call("GET", "/metrics/snapshot").json


@pytest.mark.parametrize("name", NAMES)
def test_the_metric_is_a_number(metrics, name):
    assert isinstance(metrics[name], float)
