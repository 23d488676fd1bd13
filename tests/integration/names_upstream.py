"""A DNS server that answers as a test wants it to, right or wrong, and what is needed to speak to one."""
import contextlib
import socket
import struct
import threading

A, SOA, TXT = 1, 6, 16
NOERROR, SERVFAIL, NXDOMAIN = 0, 2, 3


def encode(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split(".") if label) + b"\0"


def record(owner, kind, ttl, data):
    """OWNER: b"" points to the question."""
    return (encode(owner) if owner else b"\xc0\x0c") + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data


def soa(owner, ttl, minimum):
    return record(owner, SOA, ttl, encode("ns." + owner) + encode("root." + owner) + struct.pack(">5I", 1, 2, 3, 4, minimum))


def query(name, kind=A, number=0x4711, flags=0x0100):
    return struct.pack(">6H", number, flags, 1, 0, 0, 0) + encode(name) + struct.pack(">2H", kind, 1)


class Question:
    """One message that came."""

    def __init__(self, data, server, is_stream, port):
        self.data, self.server, self.is_stream, self.port = data, server, is_stream, port
        self.id, self.flags = struct.unpack(">2H", data[:4])
        labels, at = [], 12
        while data[at]:
            labels.append(data[at + 1:at + 1 + data[at]].decode("latin-1"))
            at += 1 + data[at]
        self.name = ".".join(labels)
        self.kind, = struct.unpack(">H", data[at + 1:at + 3])
        self.question = data[12:at + 5]

    def answer(self, *answers, rcode=NOERROR, authorities=(), flags=0, number=None, question=None):
        head = struct.pack(">6H", self.id if number is None else number, 0x8180 | flags | rcode, 1, len(answers),
                           len(authorities), 0)
        return head + (question or self.question) + b"".join(answers) + b"".join(authorities)


class Upstream:
    """On both UDP and TCP.  ANSWER makes of a Question the messages that are sent back, in order."""

    def __init__(self, place, address, answer):
        self.answer, self.questions, self.threads = answer, [], []
        with place.inside():
            self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.udp.bind((address, 53))
            self.tcp = socket.create_server((address, 53))
        for serve in (self.serve_udp, self.serve_tcp):
            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            self.threads.append(thread)

    def ask(self, data, is_stream, port):
        question = Question(data, self, is_stream, port)
        self.questions.append(question)
        return self.answer(question)

    def serve_udp(self):
        while True:
            data, peer = self.udp.recvfrom(4096)
            if not data:
                return
            for message in self.ask(data, False, peer[1]):
                self.udp.sendto(message, peer)

    def serve_tcp(self):
        while True:
            connection, peer = self.tcp.accept()
            with connection, contextlib.suppress(OSError):
                head = connection.recv(2, socket.MSG_WAITALL)
                if len(head) < 2:
                    return
                data = connection.recv(*struct.unpack(">H", head), socket.MSG_WAITALL)
                for message in self.ask(data, True, peer[1]):
                    connection.sendall(struct.pack(">H", len(message)) + message)

    def asked(self, name):
        return [q for q in self.questions if q.name.lower() == name.lower()]

    def close(self, place):
        """Each thread has a last visitor."""
        address = self.udp.getsockname()
        with place.inside():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"", address)
            socket.create_connection(address).close()
        for thread in self.threads:
            thread.join()
        self.udp.close()
        self.tcp.close()
