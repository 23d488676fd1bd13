"""Info, leader, plugins, ping."""
import pytest

pytestmark = pytest.mark.row("1.8")


def test_info(cluster):
    info = cluster.call("GET", "/v2/info").json
    assert info["name"] == "marathon" and info["version"].startswith("1.9.") and info["elected"] is True
    assert info["marathon_config"]["local_port_min"] == 10000


def test_leader(cluster):
    assert cluster.call("GET", "/v2/leader").json == {"leader": cluster.master_address}


def test_plugins(cluster):
    assert cluster.call("GET", "/v2/plugins").json == {"plugins": []}


@pytest.mark.parametrize(("method", "accept", "body", "kind"), [
    ("GET", "*/*", b"pong", "text/plain; charset=utf-8"), ("HEAD", "*/*", b"", "text/plain; charset=utf-8"),
    ("GET", "application/json", b'"pong"', "application/json"),
])
def test_ping(cluster, method, accept, body, kind):
    answer = cluster.call(method, "/ping", headers={"Accept": accept})
    assert (answer.status, answer.body, answer.headers["Content-Type"]) == (200, body, kind)
