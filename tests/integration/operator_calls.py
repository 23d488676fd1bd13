"""POST /api/v1 of a master, for the rows of sections 1.1 and 3."""
import json

JSON, PROTOBUF = "application/json", "application/x-protobuf"


def post(cluster, body, path="/api/v1", **headers):
    headers = {name.replace("_", "-"): value for name, value in {"Content_Type": JSON, **headers}.items() if value}
    return cluster.call("POST", path, body if isinstance(body, (bytes, str)) else json.dumps(body), headers)


def ask(cluster, type_, **body):
    """The answer's body of the call's own name."""
    answer = post(cluster, {"type": type_, **body})
    assert answer.status == 200, (answer.status, answer.body)
    if not answer.body:
        return None
    assert answer.headers["Content-Type"] == JSON and answer.json["type"] == type_
    return answer.json[type_.lower()]
