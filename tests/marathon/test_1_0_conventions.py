"""What holds for every path: headers, ids, booleans, browsers, compression, credentials, the second port."""
import base64
import gzip
import json
import socket

import pytest

from cluster import Cluster, free_port

pytestmark = pytest.mark.row("1.0")

SITE = "http://ui.example"


@pytest.mark.parametrize(("name", "value"), [
    ("Cache-Control", "no-cache, no-store, must-revalidate"), ("Pragma", "no-cache"), ("Expires", "0"),
    ("X-Frame-Options", "DENY"), ("X-XSS-Protection", "1; mode=block"), ("Content-Type", "application/json"),
])
@pytest.mark.parametrize("path", ["/v2/apps", "/v2/apps/nope", "/v2/nope"])
def test_header_of_every_answer(cluster, path, name, value):
    assert cluster.call("GET", path).headers[name] == value


def test_every_answer_names_the_leader(cluster):
    assert cluster.call("GET", "/v2/apps").headers["X-Marathon-Leader"] == f"http://{cluster.master_address}"


def test_no_page_of_another_site_reads_unless_it_is_told_to(cluster):
    answer = cluster.call("GET", "/v2/apps", headers={"Origin": SITE})
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("path", ["a/b", "/a/b", "%2Fa%2Fb", "a/b/", "a//b", "/a%2fb"])
def test_ways_to_write_an_id(marathon, app, path):
    assert marathon.call("POST", "/v2/apps", app("/a/b", instances=0)).status == 201
    assert marathon.call("GET", f"/v2/apps/{path}").json["app"]["id"] == "/a/b"
    assert marathon.call("GET", f"/v2/apps/{path}/versions").status == 200


@pytest.mark.parametrize(("value", "status"), [
    ("true", 200), ("True", 200), ("TRUE", 200), ("1", 200), ("", 200), ("false", 409), ("False", 409), ("FALSE", 409), ("0", 409),
])
def test_ways_to_write_a_boolean(marathon, locked, value, status):
    assert marathon.call("PUT", f"/v2/apps{locked[0]}?force={value}", {"cpus": 999}).status == status


def test_a_boolean_without_a_value_is_true(marathon, locked):
    assert marathon.call("PUT", f"/v2/apps{locked[0]}?force", {"cpus": 999}).status == 200


@pytest.mark.parametrize("body", ['""', "{", "x" * 1000])
def test_the_body_of_a_get_is_ignored(cluster, body):
    assert cluster.call("GET", "/v2/apps", body).status == 200


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded", "text/plain", None])
def test_a_body_may_have_any_type(marathon, app, kind):
    answer = marathon.call("POST", "/v2/apps", app(instances=0), headers={"Content-Type": kind} if kind else {})
    assert answer.status == 201


@pytest.mark.parametrize("path", ["/v2/nope", "/v2", "/v2/apps/a/b/c/versions/x/y", "/nope", "/v2/schemas", "/v2/artifacts"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_unknown_path(cluster, method, path):
    assert cluster.call(method, path).status == 404


# ---- gzip ----

@pytest.fixture
def long_list(marathon, app):
    apps = [app(f"/app{i}", instances=0) for i in range(20)]
    assert marathon.call("PUT", "/v2/apps", apps).status == 200


@pytest.mark.parametrize("accept", ["gzip", "gzip, deflate, br", "deflate;q=0.5, gzip;q=1.0", "*"])
def test_a_long_answer_is_compressed_for_those_who_take_it(marathon, long_list, accept):
    plain = marathon.call("GET", "/v2/apps")
    answer = marathon.call("GET", "/v2/apps", headers={"Accept-Encoding": accept})
    assert "Content-Encoding" not in plain.headers and plain.headers["Vary"] == "Accept-Encoding"
    assert answer.headers["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(answer.body)) == plain.json
    assert int(answer.headers["Content-Length"]) == len(answer.body) < len(plain.body) / 2


@pytest.mark.parametrize("accept", ["identity", "gzip;q=0", "gzipped", ""])
def test_and_not_for_others(marathon, long_list, accept):
    answer = marathon.call("GET", "/v2/apps", headers={"Accept-Encoding": accept})
    assert "Content-Encoding" not in answer.headers and len(answer.json["apps"]) == 20


def test_nor_is_a_short_one_or_a_stream(cluster, events):
    assert "Content-Encoding" not in cluster.call("GET", "/v2/leader", headers={"Accept-Encoding": "gzip"}).headers
    reader = events(headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in reader.response.headers and reader.next()


# ---- pages of other sites ----

@pytest.fixture(scope="module")
def open_to_site():
    made = Cluster("marathon-site")
    try:
        made.start_master(f"--access_control_allow_origin={SITE}, http://two.example")
        yield made
    finally:
        made.close()


@pytest.mark.parametrize(("origin", "allowed"), [(SITE, SITE), ("http://two.example", "http://two.example"), ("http://evil.example", SITE)])
def test_an_origin_is_allowed_to_read(open_to_site, origin, allowed):
    answer = open_to_site.call("GET", "/v2/apps", headers={"Origin": origin})
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, allowed)


def test_a_browser_asks_before(open_to_site):
    answer = open_to_site.call("OPTIONS", "/v2/apps", headers={
        "Origin": SITE, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-type"})
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == SITE
    assert "PUT" in answer.headers["Access-Control-Allow-Methods"].split(", ")
    assert answer.headers["Access-Control-Allow-Headers"] == "content-type"


@pytest.mark.parametrize(("origin", "status"), [(SITE, 404), ("http://evil.example", 403)])
def test_an_origin_that_is_named_may_write(open_to_site, origin, status):
    answer = open_to_site.call("DELETE", "/v2/apps/nope", headers={"Origin": origin, "Sec-Fetch-Site": "cross-site"})
    assert answer.status == status


def test_an_origin_that_is_named_is_so_for_apps_alone(open_to_site):
    assert open_to_site.call("POST", "/teardown", "", headers={"Origin": SITE}).status == 403


def test_a_star_lets_pages_read_and_not_write(alone):
    master = alone("--access_control_allow_origin=*")
    assert master.call("GET", "/v2/apps", headers={"Origin": SITE}).headers["Access-Control-Allow-Origin"] == "*"
    assert master.call("DELETE", "/v2/apps/nope", headers={"Origin": SITE}).status == 403


def test_without_the_flag_a_browser_is_not_answered(cluster):
    assert cluster.call("OPTIONS", "/v2/apps").status == 405


# ---- credentials ----

@pytest.fixture(scope="module")
def closed():
    made = Cluster("marathon-closed")
    try:
        made.start_master("--http_credentials=bob:secret:word")
        yield made
    finally:
        made.close()


def basic(pair):
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


@pytest.mark.parametrize("pair", [None, "bob:wrong", "bob:", "alice:secret:word", "bob"])
@pytest.mark.parametrize(("method", "path"), [("GET", "/v2/apps"), ("POST", "/v2/apps"), ("GET", "/v2/events"), ("GET", "/help")])
def test_a_stranger_is_told_in_marathons_words(closed, method, path, pair):
    answer = closed.call(method, path, headers=basic(pair) if pair else {})
    assert (answer.status, answer.json) == (401, {"message": "Invalid username or password."})
    assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")


def test_whoever_knows_the_password_comes_in(closed):
    assert closed.call("GET", "/v2/apps", headers=basic("bob:secret:word")).json == {"apps": []}


def test_a_probe_needs_none(closed):
    assert closed.call("GET", "/ping").status == 200


def test_the_password_is_shown_to_nobody(closed):
    flags = closed.call("GET", "/flags").body
    assert b"secret" not in flags and b"http_credentials" in flags
    assert b"secret" not in closed.call("GET", "/config").body


def test_credentials_of_another_form_are_refused_at_the_start(alone):
    with pytest.raises(AssertionError, match="it is not a name and a password with a colon between them"):
        alone("--http_credentials=bob")


# ---- the second port ----

def test_marathons_port_serves_all_that_the_masters_does(alone):
    port = free_port()
    master = alone(f"--http_port={port}")
    assert master.call("GET", "/v2/apps", port=port).json == {"apps": []}
    assert master.call("GET", "/ping", port=port).body == b"pong"
    info = master.call("GET", "/v2/info").json
    assert info["http_config"]["http_port"] == port


def test_a_port_that_was_asked_for_and_is_in_use_ends_the_start(alone):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(AssertionError, match=f"use '--http_port={port}': listen on '127.0.0.1:{port}': Address already in use"):
            alone(f"--http_port={port}")


def test_the_usual_port_is_taken_if_it_is_free(alone):
    """Of two masters on one host one at most has it, and whoever has it not says so and goes on."""
    masters = [alone("--http_port="), alone("--http_port=")]
    held = [m.call("GET", "/v2/info").json["http_config"]["http_port"] == 8080 for m in masters]
    told = ["--http_port names another port, or 0 for none" in m.master.text() for m in masters]
    assert held.count(True) <= 1 and told == [not h for h in held]
