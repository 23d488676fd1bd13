"""/metrics/snapshot of the master: the names that dashboards ask for."""
from urllib.parse import quote

import pytest

from cluster import wait_until

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
NAMES += [f"master/{name}" for name in (
    "valid_operation_status_updates", "invalid_operation_status_updates", "messages_operation_status_update",
    "valid_operation_status_update_acknowledgements", "invalid_operation_status_update_acknowledgements",
    "messages_operation_status_update_acknowledgement", "messages_reconcile_operations")]
NAMES += [f"master/operations/{type_}{state}" for type_ in (
    "", "reserve/", "unreserve/", "create/", "destroy/", "grow_volume/", "shrink_volume/", "create_disk/", "destroy_disk/")
    for state in ("total", "pending", "recovering", "unreachable", "finished", "failed", "error", "dropped",
                  "gone_by_operator")]
NAMES += ["allocator/mesos/allocation_runs"]
NAMES += [f"allocator/mesos/resources/{kind}/{what}" for kind in KINDS for what in ("total", "offered_or_allocated")]
WINDOW = ("", "/count", "/min", "/max", "/p50", "/p90", "/p95", "/p99", "/p999", "/p9999")
NAMES += [f"{timer}{part}" for part in WINDOW for timer in (
    "allocator/mesos/allocation_run_ms", "allocator/mesos/allocation_run_latency_ms", "registrar/state_store_ms")]
NAMES += ["registrar/state_fetch_ms"]
OF_FRAMEWORK = ["subscribed", "calls", "events", "operations"]
OF_FRAMEWORK += [f"offers/{what}" for what in ("sent", "accepted", "declined", "rescinded")]
OF_FRAMEWORK += [f"calls/{call}" for call in (
    "subscribe", "teardown", "accept", "decline", "revive", "kill", "shutdown", "acknowledge", "reconcile", "message",
    "request", "suppress", "update_framework")]
OF_FRAMEWORK += [f"events/{event}" for event in (
    "subscribed", "offers", "rescind", "update", "message", "failure", "error", "heartbeat")]
OF_FRAMEWORK += [f"operations/{kind}" for kind in (
    "launch", "launch_group", "reserve", "unreserve", "create", "destroy")]
OF_FRAMEWORK += [f"tasks/active/task_{state}" for state in ("staging", "starting", "running", "killing", "unreachable")]
OF_FRAMEWORK += [f"tasks/terminal/task_{state}" for state in (
    "finished", "failed", "killed", "lost", "error", "dropped", "gone", "gone_by_operator")]


@pytest.fixture(scope="module")
def metrics(cluster, agent):
    return cluster.call("GET", "/metrics/snapshot").json


@pytest.mark.parametrize("name", NAMES)
def test_the_metric_is_a_number(metrics, name):
    assert isinstance(metrics[name], float)


def of(framework, name):
    return f"master/frameworks/{quote(framework.info['name'], safe='')}/{framework.info['id']['value']}/{name}"


@pytest.mark.parametrize("name", OF_FRAMEWORK)
def test_the_metric_of_a_framework_is_a_number(cluster, framework, name):
    assert isinstance(cluster.call("GET", "/metrics/snapshot").json[of(framework, name)], float)


def test_a_framework_of_hierarchical_roles_is_told_of_by_role(cluster, subscribe):
    framework = subscribe(roles=["measured/below"])
    snapshot = cluster.call("GET", "/metrics/snapshot").json
    assert snapshot[of(framework, "roles/measured/below/suppressed")] == 0.0
    assert isinstance(snapshot["allocator/mesos/roles/measured/below/shares/dominant"], float)
    text = cluster.call("GET", "/metrics").body.decode()
    assert 'tepui_allocator_mesos_roles_shares_dominant{role="measured/below"} ' in text
    assert text.count("# TYPE tepui_allocator_mesos_roles_shares_dominant gauge\n") == 1


def test_an_end_is_counted_by_source_and_reason(cluster, agent, framework):
    name = "master/task_error/source_master/reason_task_invalid"
    before = cluster.call("GET", "/metrics/snapshot").json.get(name, 0)
    offer = framework.offer()
    framework.call("ACCEPT", offer_ids=[offer["id"]], operations=[{"type": "LAUNCH", "launch": {"task_infos": [
        {"name": "t", "task_id": {"value": "t"}, "agent_id": offer["agent_id"], "resources": []}]}}])
    wait_until(lambda: cluster.call("GET", "/metrics/snapshot").json.get(name, 0) == before + 1, "the task's end")
