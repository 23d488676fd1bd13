"""Names that are for other servers to answer: asked there, remembered, and believed only where there is reason to."""
import contextlib
import socket
import struct

import pytest

from cluster import wait_until
from names_upstream import A, NXDOMAIN, SERVFAIL, TXT, Upstream, encode, query, record, soa
from test_names import Node, dig, message

FIRST, SECOND = "127.0.0.101", "127.0.0.102"
HERE = b"\x0a\x01\x02\x03"


class Servers(contextlib.ExitStack):
    """Two of them in the node's namespace, which answer by name."""

    def __init__(self, node):
        super().__init__()
        self.scripts = {}
        self.first, self.second = (Upstream(node.namespace, address, self.answer) for address in (FIRST, SECOND))
        for server in (self.first, self.second):
            self.callback(server.close, node.namespace)

    def answer(self, question):
        if question.name.startswith("unanswered"):
            return []
        return self.scripts.get(question.name.lower(), lambda q: [q.answer(record(b"", A, 60, HERE))])(question)


@pytest.fixture(scope="module")
def shared():
    made = Node(f"--dns_upstreams={FIRST},{SECOND}:53", "--dns_cache_size=8")
    with contextlib.closing(made), Servers(made) as servers:
        made.servers = servers
        yield made


@pytest.fixture
def node(shared):
    """With FIRST as the server that is asked first, and nothing on record."""
    servers = shared.servers
    servers.n = getattr(servers, "n", 0) + 1
    servers.scripts = {f"n{servers.n}.settle": lambda q: [
        q.answer(record(b"", A, 60, HERE)) if q.server is servers.first else q.answer(rcode=SERVFAIL)]}
    assert dig(shared, f"n{servers.n}.settle") == ["10.1.2.3"]
    for server in (servers.first, servers.second):
        server.questions.clear()
    return shared


def metric(node, name):
    text = node.agent.call("GET", "/metrics").body.decode()
    line, = [line for line in text.splitlines() if line.startswith(name + " ")]
    return float(line.split()[1])


def test_any_type_is_asked_for_and_told_as_it_is(node):
    text = bytes([5]) + b"hello"
    node.servers.scripts["txt.example"] = lambda q: [q.answer(record(b"", TXT, 60, text))]
    node.servers.scripts["odd.example"] = lambda q: [q.answer(record(b"", 65280, 60, b"\x00\xff"))]
    assert dig(node, "txt.example", "TXT") == ['"hello"']
    assert dig(node, "odd.example", "TYPE65280") == ["\\# 2 00FF"]
    status, flags, _ = message(node, "plain.example")
    assert status == "NOERROR" and "ra" in flags and "aa" not in flags


def test_queries_cannot_be_guessed(node):
    for i in range(8):
        assert dig(node, f"guess{i}.example") == ["10.1.2.3"]
    asked = node.servers.first.questions
    assert len(asked) == 8
    assert len({q.id for q in asked}) > 6 and len({q.port for q in asked}) > 6
    assert all(q.flags & 0x0100 for q in asked)


def test_answers_are_remembered_as_long_as_they_hold(node):
    server = node.servers.first
    node.servers.scripts["brief.example"] = lambda q: [q.answer(record(b"", A, 0, HERE))]
    node.servers.scripts["long.example"] = lambda q: [q.answer(record(b"", A, 1 << 20, HERE))]
    for name in ("long.example", "LONG.example", "long.EXAMPLE"):
        _, _, sections = message(node, name)
        row, = sections["ANSWER"]
        assert row[0] == name + "." and 3500 < int(row[1]) <= 3600
    assert len(server.asked("long.example")) == 1
    for count in (1, 2):
        assert dig(node, "brief.example") == ["10.1.2.3"]
        assert len(server.asked("brief.example")) == count
    # No more than eight are kept: the longest unused went.
    for i in range(8):
        dig(node, f"other{i}.example")
    dig(node, "long.example")
    assert len(server.asked("long.example")) == 2


def test_what_there_is_not_is_remembered_by_its_soa(node):
    server = node.servers.first
    node.servers.scripts["none.example"] = lambda q: [q.answer(rcode=NXDOMAIN, authorities=[soa("example", 3600, 60)])]
    node.servers.scripts["unsaid.example"] = lambda q: [q.answer(rcode=NXDOMAIN)]
    for _ in range(2):
        assert message(node, "none.example")[0] == "NXDOMAIN" == message(node, "unsaid.example")[0]
    assert (len(server.asked("none.example")), len(server.asked("unsaid.example"))) == (1, 2)


def test_what_is_cut_is_asked_again_over_tcp(node):
    server = node.servers.first
    many = [record(b"", A, 60, bytes([10, 2, i >> 8, i & 255])) for i in range(300)]
    node.servers.scripts["many.example"] = lambda q: [q.answer(*many) if q.is_stream else q.answer(flags=0x0200)]
    assert len(dig(node, "many.example", "A", "+tcp")) == 300
    assert [q.is_stream for q in server.asked("many.example")] == [False, True]
    # From memory, and by way of a cut answer of ours.
    _, flags, sections = message(node, "many.example", "A", "+ignore", "+noedns")
    assert "tc" in flags and "ANSWER" not in sections


def test_lies_are_not_listened_to(node):
    def lie(question):
        other = encode("else.example") + struct.pack(">2H", A, 1)
        true, false = record(b"", A, 60, HERE), record(b"", A, 60, b"\x06\x06\x06\x06")
        return [question.answer(false, number=question.id ^ 1), question.answer(false, question=other), b"", b"\xff" * 40,
                question.answer(false)[:-2], question.answer(true)]
    node.servers.scripts["lied.example"] = lie
    before = metric(node, "tepui_names_upstream_bogus_total")
    assert dig(node, "lied.example") == ["10.1.2.3"]
    assert metric(node, "tepui_names_upstream_bogus_total") == before + 5


def test_one_that_loops_back_is_no_answer(node):
    """Names that lead to themselves: where they are read it never ends."""
    node.servers.scripts["loop.example"] = lambda q: [
        q.answer(b"\x01x\xc0" + bytes([12 + len(q.question)]) + struct.pack(">HHIH", A, 1, 60, 4) + HERE),
        q.answer(record(b"", 5, 60, b"\xc0\x0c"))]
    _, _, sections = message(node, "loop.example")
    assert sections["ANSWER"][0][3:] == ["CNAME", "loop.example."]


@pytest.mark.parametrize("how", ["silent", "sorry"])
def test_the_next_one_is_asked_when_one_is_silent_or_cannot(node, how):
    first, second = node.servers.first, node.servers.second
    node.servers.scripts[f"{how}.example"] = lambda q: (
        [q.answer(record(b"", A, 60, HERE))] if q.server is second else [q.answer(rcode=SERVFAIL)] if how == "sorry" else [])
    assert dig(node, f"{how}.example", "A", "+time=10") == ["10.1.2.3"]
    assert [len(s.asked(f"{how}.example")) for s in (first, second)] == [1, 1]
    # Who answered is asked first from then on.
    assert dig(node, f"after-{how}.example") == ["10.1.2.3"]
    assert [len(s.asked(f"after-{how}.example")) for s in (first, second)] == [0, 1]


def test_nobody_who_knows_is_a_failure(node):
    node.servers.scripts["lost.example"] = lambda q: []
    assert message(node, "lost.example", "A", "+time=20")[0] == "SERVFAIL"
    assert len(node.servers.first.asked("lost.example")) + len(node.servers.second.asked("lost.example")) == 3


def test_many_who_ask_the_same_ask_once(node):
    """So does a server that asks us what we ask it: the loop ends."""
    first = []

    def script(question):
        if not first:
            first.append(question)
            return []
        return [question.answer(record(b"", A, 60, HERE))]
    node.servers.scripts["same.example"] = script
    with contextlib.ExitStack() as undo:
        sockets = []
        for i in range(20):
            with node.namespace.inside():
                client = undo.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                client.connect(("127.0.0.1", 53))
            client.settimeout(30)
            client.send(query("same.example", number=i))
            sockets.append(client)
        answers = [client.recv(512) for client in sockets]
    assert [struct.unpack(">H", a[:2])[0] for a in answers] == list(range(20))
    assert all(a.endswith(HERE) for a in answers)
    assert len(node.servers.first.asked("same.example")) + len(node.servers.second.asked("same.example")) == 2


def test_one_who_asks_for_too_much_leaves_room_for_others(node):
    before = metric(node, "tepui_names_upstream_refused_total")
    with node.namespace.inside():
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.bind(("127.0.0.2", 0))
    with client:
        client.connect(("127.0.0.1", 53))
        for i in range(150):
            client.send(query(f"unanswered{i}.example"))
        wait_until(lambda: metric(node, "tepui_names_upstream_refused_total") == before + 22, "what is more than its half")
        assert message(node, "more.example", "A", "-b", "127.0.0.2")[0] == "SERVFAIL"
        assert dig(node, "another.example", "A", "-b", "127.0.0.3") == ["10.1.2.3"]
        client.settimeout(30)
        assert len({client.recv(512)[:4] for _ in range(150)}) == 1
    # Nobody waits any more.
    assert dig(node, "more.example", "A", "-b", "127.0.0.2") == ["10.1.2.3"]


def test_several_queries_on_one_connection_are_answered_as_they_can_be(node):
    node.servers.scripts["slow.example"] = lambda q: [] if not q.is_stream and len(
        node.servers.first.asked("slow.example")) == 1 else [q.answer(record(b"", A, 60, HERE))]
    with node.namespace.inside():
        stream = socket.create_connection(("127.0.0.1", 53), timeout=30)
    with stream:
        messages = [query("slow.example", number=1), query("leader.mesos", number=2), query("mesos", 6, number=3)]
        data = b"".join(struct.pack(">H", len(m)) + m for m in messages)
        # In pieces that are no messages.
        for at in range(0, len(data), 7):
            stream.sendall(data[at:at + 7])
        numbers = []
        while len(numbers) < 3:
            size, = struct.unpack(">H", stream.recv(2, socket.MSG_WAITALL))
            numbers.append(struct.unpack(">H", stream.recv(size, socket.MSG_WAITALL)[:2])[0])
        assert sorted(numbers) == [1, 2, 3] and numbers[-1] == 1
        # A message that is none ends the connection.
        stream.sendall(struct.pack(">H", 3) + b"abc")
        assert stream.recv(1) == b""


def test_names_of_ours_are_nobody_elses(node):
    node.servers.scripts["x.mesos"] = lambda q: [q.answer(record(b"", A, 60, HERE))]
    assert message(node, "x.mesos")[0] == "NXDOMAIN"
    assert not node.servers.first.questions and not node.servers.second.questions


def test_a_fuzzer_is_survived(node):
    with node.namespace.inside():
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with client:
        client.connect(("127.0.0.1", 53))
        good = query("leader.mesos")
        for i in range(2000):
            broken = bytearray(good)
            broken[i % len(good)] ^= 1 << i % 8 | i % 251
            client.send(bytes(broken[:i % (len(good) + 1)] if i % 3 else broken + bytes(i % 90)))
    assert wait_until(lambda: dig(node, "leader.mesos") == ["127.0.0.1"], "an answer")
    assert node.agent.is_alive()
