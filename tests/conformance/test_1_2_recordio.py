"""RecordIO: a decimal length, a line feed, so many bytes."""
import json
import socket

import pytest

from cluster import SLOW

pytestmark = pytest.mark.row("1.2")


@pytest.fixture(name="chunks", scope="module")
def chunks_of_a_stream(cluster):
    """The first chunks of an answer as they come over the wire: of SUBSCRIBED and HEARTBEAT."""
    body = json.dumps({"type": "SUBSCRIBE", "subscribe": {"framework_info": {
        "user": "nobody", "name": "a \n ü name"}}}).encode()
    with socket.create_connection(("127.0.0.1", cluster.master_port), timeout=20 * SLOW) as connection:
        connection.sendall(b"POST /api/v1/scheduler HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                           b"Connection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        data = b""
        while data.count(b"HEARTBEAT") < 1 or not data.endswith(b"}\r\n"):
            data += connection.recv(65536)
    head, data = data.split(b"\r\n\r\n", 1)
    chunks = []
    while data:
        size, data = data.split(b"\r\n", 1)
        chunks.append(data[:int(size, 16)])
        data = data[int(size, 16) + 2:]
    return head, chunks


def test_the_answer_is_chunked_whatever_the_requests_connection_says(chunks):
    assert b"transfer-encoding: chunked" in chunks[0].lower()


def test_one_record_is_one_chunk(chunks):
    for chunk in chunks[1]:
        size, record = chunk.split(b"\n", 1)
        assert int(size) == len(record)


def test_the_length_is_in_decimal_bytes_without_more(chunks):
    for chunk in chunks[1]:
        assert chunk.split(b"\n")[0].isdigit() and chunk[:1] != b"0"


def test_a_record_has_no_line_feed(chunks):
    for chunk in chunks[1]:
        assert chunk.count(b"\n") == 1


def test_the_records_are_in_order(chunks):
    assert [json.loads(chunk.split(b"\n")[1])["type"] for chunk in chunks[1][:2]] == ["SUBSCRIBED", "HEARTBEAT"]
    assert chunks[1][1] == b'20\n{"type":"HEARTBEAT"}'
