"""A browser that is led here by another site is refused; programs are not."""
import json
import subprocess

import pytest

from cluster import SLOW

APP = {"id": "/web", "cmd": "sleep 1000"}
# Headers of a request, and the beginning of the sentence that refuses it.
FOREIGN = [
    ({"Host": "evil.example:5050"}, "refuse host 'evil.example:5050': this is 127.0.0.1:"),
    ({"Host": "10.0.0.1"}, "refuse host '10.0.0.1': this is 127.0.0.1:"),
    ({"Origin": "http://evil.example"}, "refuse request of origin 'http://evil.example': this is '127.0.0.1:"),
    ({"Origin": "http://127.0.0.1:31000"}, "refuse request of origin 'http://127.0.0.1:31000'"),
    ({"Origin": "null"}, "refuse request of origin 'null'"),
    ({"Origin": b"http://\xff"}, "refuse request of origin '?'"),
    ({"Sec-Fetch-Site": "cross-site"}, "refuse request of another site: its Sec-Fetch-Site is 'cross-site'"),
    ({"Sec-Fetch-Site": "same-site"}, "refuse request of another site: its Sec-Fetch-Site is 'same-site'"),
]


def message(answer):
    return answer.json["message"] if answer.body.startswith(b"{") else answer.body.decode()


@pytest.mark.parametrize("headers, sentence", FOREIGN)
def test_a_write_of_another_site_is_refused(cluster, headers, sentence):
    cluster.start_master()
    for method, path, body in [("POST", "/v2/apps", APP), ("DELETE", "/v2/queue/web/delay", None),
                               ("POST", "/api/v1/agent", {"type": "SUBSCRIBE"})]:
        answer = cluster.call(method, path, body, {"Content-Type": "application/json", **headers})
        assert (answer.status, sentence in message(answer)) == (403, True), (path, answer.body)
    assert cluster.call("GET", "/v2/apps").json == {"apps": []}


def test_a_read_under_a_foreign_name_is_refused(cluster):
    """The page of a name that was bound to our address after it was loaded could read the answer."""
    cluster.start_master()
    for path in ["/v2/apps", "/slaves", "/metrics/snapshot", "/v2/events"]:
        answer = cluster.call("GET", path, headers={"Host": "evil.example"})
        assert (answer.status, "--hostname" in message(answer)) == (403, True), (path, answer.body)
    assert cluster.call("GET", "/v2/apps", headers={"Origin": "http://evil.example"}).status == 200


def test_programs_and_our_own_names_are_let_in(cluster):
    cluster.start_master("--hostname=node1.example")
    address = cluster.master_address
    good = [{}, {"Host": "localhost"}, {"Host": "node1.example:80"}, {"Host": "[::1]:5050"},
            {"Origin": f"http://{address}", "Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}]
    for i, headers in enumerate(good):
        answer = cluster.call("POST", "/v2/apps", {"id": f"/web{i}", "cmd": "true"}, headers)
        assert answer.status == 201, (headers, answer.body)
    # No type of content is asked for, as 'curl -d' sends that of a form.
    done = subprocess.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-d", json.dumps(APP),
                           f"http://{address}/v2/apps"], capture_output=True, text=True, check=True, timeout=60 * SLOW)
    assert done.stdout == "201"


def test_an_agent_refuses_as_the_master_does(node):
    """On TCP it serves reads only; its writes are the executors', on a unix socket."""
    for path in ["/containers", "/state", "/files/browse?path=/"]:
        answer = node.agents[0].call("GET", path, headers={"Host": "evil.example"})
        assert (answer.status, "refuse host 'evil.example': this is 127.0.0.1:" in message(answer)) == (403, True), path
    assert node.agents[0].call("GET", "/containers", headers={"Host": "localhost"}).status == 200
