"""Readers of /v2/events that do not read: each costs a bounded piece of memory, and no other notices."""
import contextlib
import http.client
import os
import pathlib
import re
import select
import socket

import pytest

from cluster import SLOW, wait_until

REQUEST = b"GET /v2/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"


def resident_bytes(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii"))[1]) << 10


def open_reader(cluster, stack, receive_buffer=None):
    reader = stack.enter_context(socket.socket())
    if receive_buffer:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    reader.settimeout(20 * SLOW)
    reader.connect(("127.0.0.1", cluster.master_port))
    reader.sendall(REQUEST)
    return reader


def descriptors(cluster):
    """A reader that does not read cannot see the end: it stands behind what the kernel holds for it."""
    return len(os.listdir(f"/proc/{cluster.master.pid}/fd"))


def read_all(reader):
    data = b""
    while select.select([reader], [], [], 0)[0]:
        piece = reader.recv(1 << 20)
        assert piece, "the reader that reads was cut"
        data += piece
    return data


@pytest.mark.unsanitized("measures the program's own memory")
def test_readers_that_do_not_read_are_cut(cluster):
    cluster.start_master()
    # A label may be long; each change of it is told to every reader.
    assert cluster.call("POST", "/v2/apps", {"id": "/web", "cmd": "true", "instances": 0}).status == 201
    with contextlib.ExitStack() as stack:
        without = descriptors(cluster)
        deaf = [open_reader(cluster, stack, 4096) for _ in range(100)]
        good = open_reader(cluster, stack)
        for reader in [*deaf, good]:
            assert reader.recv(15).startswith(b"HTTP/1.1 200")
        before, peak, heard = resident_bytes(cluster.master.pid), 0, b""

        def update(i):
            nonlocal peak, heard
            answer = cluster.call("PUT", "/v2/apps/web?force=true", {"labels": {"x": str(i) + "y" * 100_000}})
            assert answer.status == 200, answer.body
            peak = max(peak, resident_bytes(cluster.master.pid))
            heard += read_all(good)
            return descriptors(cluster) <= without + 1

        # What the kernel holds for each of them is not the master's: up to 4 MiB by its default.
        cut_at = next((i for i in range(300) if update(i)), None)
        assert cut_at is not None, "some of them are still open"
        assert peak - before < 64 << 20, f"{(peak - before) >> 20} MiB more"
        assert cluster.call("PUT", "/v2/apps/web?force=true", {"labels": {"x": "last words"}}).status == 200

        def heard_last():
            nonlocal heard
            heard += read_all(good)
            return b"last words" in heard
        wait_until(heard_last, "the event for who reads")
        while deaf[0].recv(1 << 20):
            pass
    wait_until(lambda: resident_bytes(cluster.master.pid) - before < 24 << 20, "memory is given back", 30)


def test_one_reader_too_many_is_told(cluster):
    cluster.start_master()
    with contextlib.ExitStack() as stack:
        readers = [open_reader(cluster, stack) for _ in range(1024)]
        for reader in readers:
            assert reader.recv(15).startswith(b"HTTP/1.1 200")
        refused = cluster.call("GET", "/v2/events", headers={"Accept": "text/event-stream"})
        assert (refused.status, refused.json) == (
            503, {"message": "the event stream has 1024 readers, no more are served"})
        assert cluster.call("GET", "/v2/apps").status == 200
        readers.pop().close()

        def is_served():
            connection = http.client.HTTPConnection("127.0.0.1", cluster.master_port, timeout=20 * SLOW)
            with contextlib.closing(connection):
                connection.request("GET", "/v2/events", headers={"Accept": "text/event-stream"})
                return connection.getresponse().status == 200
        wait_until(is_served, "a place becomes free")
