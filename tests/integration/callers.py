"""Clients of a service address: each call is a connection of its own, and what becomes of it is noted."""
import collections
import contextlib
import socket
import threading
import time

from cluster import SLOW

# Says $MESOS_TASK_ID, or on /version $VERSION.  Told to end, it answers whoever has come, and goes when nobody comes any more;
# it is unwell while the file of this name is in its sandbox.
TELLER = """exec python3 -c "
import http.server, os, signal, threading
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        well = self.path != '/health' or not os.path.exists('unwell')
        text = os.environ['VERSION' if self.path == '/version' else 'MESOS_TASK_ID']
        self.send_response(200 if well else 503); self.end_headers(); self.wfile.write(text.encode())
    def log_message(self, *a): pass
class S(http.server.ThreadingHTTPServer):
    daemon_threads, request_queue_size = False, 128
server = S(('', %s), H)
signal.signal(signal.SIGTERM, lambda *a: threading.Thread(target=server.shutdown).start())
server.serve_forever(0.02)
over, server.timeout = [], 0.2
server.handle_timeout = lambda: over.append(1)
while not over:
    server.handle_request()
server.server_close()" """

Call = collections.namedtuple("Call", "begun ended answer error")


def opened(address, timeout=20):
    """A connection to HOST, PORT from this thread's network."""
    return socket.create_connection(address, timeout=timeout * SLOW)


def answer_of(connection):
    """All that comes, as one word; OSError where it is no answer."""
    answer = b""
    while data := connection.recv(65536):
        answer += data
    if not answer.startswith((b"HTTP/1.0 200", b"HTTP/1.1 200")):
        raise OSError(f"answered {answer[:60]!r}")
    return answer.partition(b"\r\n\r\n")[2].decode()


def call(address, path="/", timeout=2):
    """One request to HOST, PORT: what is answered; OSError where nothing is."""
    with opened(address, timeout) as connection:
        connection.sendall(f"GET {path} HTTP/1.0\r\nHost: x\r\n\r\n".encode())
        return answer_of(connection)


def spread(place, address, n, path="/"):
    """N calls from PLACE, one after the other: how many each answered."""
    with place.inside():
        return collections.Counter(call(address, path) for _ in range(n))


class Callers:
    """
    N clients in PLACE that call ADDRESS again and again until the end of the block.  An error is noted with the moment
    at which its call was begun, so that it can be held against what was done meanwhile.
    """

    def __init__(self, place, address, n=4, path="/", timeout=2):
        self.place, self.address, self.path, self.timeout = place, address, path, timeout
        self.calls, self.ended = collections.deque(), threading.Event()
        self.threads = [threading.Thread(target=self.go_on) for _ in range(n)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join()

    def go_on(self):
        with self.place.inside():
            while not self.ended.is_set():
                begun, answer, error = time.monotonic(), None, None
                try:
                    answer = call(self.address, self.path, self.timeout)
                except OSError as e:
                    error = repr(e)
                self.calls.append(Call(begun, time.monotonic(), answer, error))
                self.ended.wait(0.002)

    def since(self, moment):
        """Calls that were begun then or later, and have ended."""
        return [c for c in list(self.calls) if c.begun >= moment]

    def errors(self):
        return [c for c in list(self.calls) if c.error]

    def answered_since(self, moment):
        return collections.Counter(c.answer for c in self.since(moment) if c.answer is not None)


@contextlib.contextmanager
def no_errors(callers):
    """None of the calls that are begun in the block fails."""
    begin = time.monotonic()
    yield
    wrong = [c for c in callers.since(begin) if c.error]
    assert not wrong, wrong[:3]
