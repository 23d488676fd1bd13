"""Lists that are longer than what a connection holds are written while the apps change."""
import json
import socket

N_APPS, AT_ONCE = 400, 20
FILL = "x" * 40000


def put_apps(cluster):
    for first in range(0, N_APPS, AT_ONCE):
        answer = cluster.call("PUT", "/v2/apps", [
            {"id": f"/app-{i:03}", "cmd": "true", "instances": 0, "labels": {"fill": FILL}}
            for i in range(first, first + AT_ONCE)])
        assert answer.status == 200, answer.body
        cluster.wait_deployment(answer.json["deploymentId"])


def ask(client, cluster):
    """What reads the body: it is not read faster than that, and little of it is on its way."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", cluster.master_port))
    client.sendall(b"GET /v2/apps HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    reader = client.makefile("rb")
    assert b" 200 " in reader.readline()
    headers = list(iter(reader.readline, b"\r\n"))
    assert b"transfer-encoding: chunked\r\n" in [line.lower() for line in headers]
    return reader


def read_body(reader):
    """Of an answer in chunks."""
    body = b""
    while True:
        size = int(reader.readline(), 16)
        body += reader.read(size)
        reader.readline()
        if size == 0:
            return body


def test_apps_come_and_go_while_they_are_listed(cluster):
    cluster.start_master("--log_level=warning")
    put_apps(cluster)
    with socket.socket() as client:
        reader = ask(client, cluster)
        # Those that were written, the one that was written last among them, some behind it, and the last.
        for gone in [*range(N_APPS // 2), N_APPS - 1]:
            assert cluster.call("DELETE", f"/v2/apps/app-{gone:03}").status == 200
        assert cluster.call("POST", "/v2/apps", {"id": "/zzz", "cmd": "true", "instances": 0}).status == 201
        ids = [app["id"] for app in json.loads(read_body(reader))["apps"]]
    n_written = len(ids) - N_APPS // 2
    assert 0 < n_written < N_APPS // 2
    assert ids == [f"/app-{i:03}" for i in [*range(n_written), *range(N_APPS // 2, N_APPS - 1)]] + ["/zzz"]


def test_reader_that_leaves_in_the_middle_disturbs_nobody(cluster):
    cluster.start_master("--log_level=warning")
    put_apps(cluster)
    with socket.socket() as client:
        assert ask(client, cluster).read(100)
    assert len(cluster.call("GET", "/v2/apps").json["apps"]) == N_APPS


def test_long_lists_come_in_pages_and_by_fields(cluster):
    cluster.start_master("--log_level=warning")
    put_apps(cluster)
    path = "/v2/apps?fields=id,cmd&limit=300"
    page = cluster.call("GET", path).json
    rest = cluster.call("GET", f"{path}&cursor={page['nextCursor']}").json
    assert [len(page["apps"]), page["nextCursor"], list(page)] == [300, "/app-299", ["apps", "nextCursor"]]
    assert page["apps"] + rest["apps"] == [{"id": f"/app-{i:03}", "cmd": "true"} for i in range(N_APPS)]
    assert "nextCursor" not in rest
