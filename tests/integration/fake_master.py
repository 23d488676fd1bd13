"""The master's side of the agent-master protocol, to say to tepui-agent what no master of ours would."""
import http.server
import queue
import threading

from cluster import SLOW
from protolite import Schema

SCHEMA = Schema("mesos.proto", "maintenance.proto", "tepui.proto")
CALL, EVENT = "tepui.AgentCall", "tepui.AgentEvent"
MASTER, AGENT = "11111111-1111-4111-8111-111111111111", "11111111-1111-4111-8111-111111111111-S0"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_POST(self):
        master = self.server.master
        call = SCHEMA.decode(CALL, self.rfile.read(int(self.headers["Content-Length"])))
        if call["type"] == "SUBSCRIBE":
            self.stream(master, call["subscribe"])
            return
        if call["type"] != "HEARTBEAT":
            master.calls.put(call)
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def stream(self, master, subscribe):
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Mesos-Stream-Id", "s")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        over = threading.Event()
        master.streams.put((subscribe, self.wfile, over))
        over.wait()
        self.close_connection = True


class FakeMaster:
    """Started on creation.  Nothing is answered but what the test says."""

    def __init__(self):
        self.calls, self.streams = queue.Queue(), queue.Queue()
        self.writer = self.over = None
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *args: None
        self.server.master = self
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def accept(self, epoch=1, agent_id=AGENT, master_id=MASTER, **more):
        """Wait for the agent's SUBSCRIBE, and answer it; what it said."""
        subscribe, self.writer, self.over = self.streams.get(timeout=30 * SLOW)
        self.send("SUBSCRIBED", agent_id={"value": agent_id}, master_id=master_id, heartbeat_interval_seconds=15,
                  epoch=epoch, **more)
        return subscribe

    def send(self, kind, **body):
        members = {name for name, _, _ in SCHEMA.messages[EVENT].values()}
        data = SCHEMA.encode(EVENT, {"type": kind, **({kind.lower(): body} if kind.lower() in members else {})})
        record = str(len(data)).encode() + b"\n" + data
        try:
            self.writer.write(f"{len(record):x}\r\n".encode() + record + b"\r\n")
        except OSError:
            pass  # the agent has hung up: it shows in what it does next

    def hang_up(self):
        self.over.set()

    def told(self, kind):
        """The next call of that type."""
        while True:
            call = self.calls.get(timeout=60 * SLOW)
            if call["type"] == kind:
                return call

    def update(self):
        """The next one."""
        return self.told("UPDATE")["update"]

    def applied(self):
        """The generation of the directory that the agent says next is in force."""
        return self.told("DIRECTORY_APPLIED")["directory_generation"]

    def acknowledge(self, update):
        status = update["status"]
        self.send("ACKNOWLEDGE", framework_id=update["framework_id"], task_id=status["task_id"], uuid=status["uuid"])

    def close(self):
        if self.over:
            self.over.set()
        while not self.streams.empty():
            self.streams.get()[2].set()
        self.server.shutdown()
        self.server.server_close()
