"""The state that /v2 tells of is that of the disk."""


def test_state_survives_kill_9(cluster):
    cluster.start_master()
    answer = cluster.call("POST", "/v2/apps", {"id": "/web", "cmd": "sleep 1000"})
    assert answer.status == 201
    before = cluster.call("GET", "/v2/apps").body
    info = cluster.call("GET", "/v2/info").json
    cluster.master.end(9)
    cluster.start_master()
    assert cluster.call("GET", "/v2/apps").body == before
    assert [d["id"] for d in cluster.call("GET", "/v2/deployments").json] == [answer.headers["Marathon-Deployment-Id"]]
    assert cluster.call("GET", "/v2/info").json["frameworkId"] == info["frameworkId"]
