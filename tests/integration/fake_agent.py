"""The agent's side of the executor API, to drive tepui-executor alone."""
import http.server
import json
import os
import pathlib
import queue
import socketserver
import subprocess
import threading
import uuid

from cluster import BUILD, SLOW, wait_until
from protolite import Schema

SCHEMA = Schema("mesos.proto", "executor.proto", "tepui.proto")
CALL, EVENT = "mesos.v1.executor.Call", "mesos.v1.executor.Event"
LAUNCH = BUILD / "tests/bench/launch"
FRAMEWORK = {"user": "", "name": "test", "id": {"value": "F"}, "capabilities": [{"type": "TASK_KILLING_STATE"}]}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "unix"

    def log_message(self, *args):
        pass

    def do_POST(self):
        agent = self.server.agent
        body = self.rfile.read(int(self.headers["Content-Length"]))
        call = SCHEMA.decode(CALL, body)
        if self.path != "/api/v1/executor" or self.headers["Content-Type"] != "application/x-protobuf":
            self.send_error(400)
            return
        if agent.refuse:
            self.send_response(agent.refuse)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if call["type"] == "SUBSCRIBE":
            self.stream(agent, call)
            return
        agent.calls.put(call)
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def stream(self, agent, call):
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        agent.writer = self.wfile
        agent.send({"type": "SUBSCRIBED", "subscribed": {
            "executor_info": {"executor_id": {"value": "X"}}, "framework_info": FRAMEWORK,
            "agent_info": {"hostname": "h"}, "container_id": {"value": agent.container}}})
        agent.subscriptions.put(call.get("subscribe", {}))
        agent.gone.clear()
        agent.gone.wait()
        self.close_connection = True


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """An executor that ends does not wait for the answer to its last call."""


class FakeAgent:
    """One executor below DIRECTORY; its container is called CONTAINER."""

    def __init__(self, directory, container=None, env=None):
        self.container = container or f"c-{uuid.uuid4()}"
        self.directory = pathlib.Path(directory)
        self.sandbox = self.directory / "sandbox"
        self.runtime = self.directory / self.container
        self.sandbox.mkdir()
        os.chown(self.sandbox, 65534, 65534)
        self.runtime.mkdir(mode=0o700)
        self.socket = self.directory / "agent.sock"
        self.calls, self.subscriptions = queue.Queue(), queue.Queue()
        self.gone = threading.Event()
        self.refuse = None
        self.process = self.server = None
        self.env = {"MESOS_FRAMEWORK_ID": "F", "MESOS_EXECUTOR_ID": "X", "MESOS_DOMAIN_SOCKET": str(self.socket),
                    "MESOS_DIRECTORY": str(self.sandbox), "MESOS_RECOVERY_TIMEOUT": "60secs",
                    "MESOS_SUBSCRIPTION_BACKOFF_MAX": "100ms", "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD": "1secs",
                    **(env or {})}
        self.root = f"tepui-test-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self.layout = subprocess.run([LAUNCH, "--make", self.root], check=True, capture_output=True,
                                     text=True).stdout.strip()

    # ---- The agent as a process: it comes and goes ----

    def up(self):
        self.socket.unlink(missing_ok=True)
        self.server = Server(str(self.socket), Handler)
        self.server.agent = self
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def down(self):
        self.gone.set()
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def send(self, event):
        data = SCHEMA.encode(EVENT, event)
        record = str(len(data)).encode() + b"\n" + data
        self.writer.write(f"{len(record):x}\r\n".encode() + record + b"\r\n")
        self.writer.flush()

    # ---- The executor ----

    def config(self, args, **process):
        return {
            "ociVersion": "1.2.0", "hostname": "box",
            "process": {"args": args, "env": ["PATH=/usr/bin:/bin", "TASK=1"], "cwd": "/mnt/mesos/sandbox",
                        "user": {"uid": 65534, "gid": 65534}, "noNewPrivileges": True,
                        "rlimits": [{"type": "RLIMIT_CORE", "soft": 0, "hard": 0}], **process},
            "root": {"path": "/", "readonly": True},
            "linux": {"namespaces": [{"type": t} for t in ("pid", "mount", "ipc", "uts", "cgroup")],
                      "resources": {"memory": {"limit": 64 << 20, "swap": 64 << 20}, "pids": {"limit": 64}}},
            "annotations": {"io.tepui.cgroups": self.layout, "io.tepui.sandbox": str(self.sandbox),
                            "io.tepui.sandbox-destination": "/mnt/mesos/sandbox", "io.tepui.host-root": "true",
                            "io.tepui.hidden": str(self.runtime)},
        }

    def start(self, document):
        (self.runtime / "config.json").write_text(json.dumps(document))
        self.log = open(self.directory / "log", "ab")
        self.process = subprocess.Popen([BUILD / "tepui-executor", self.runtime], env=self.env,
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        return self

    def subscription(self, seconds=10):
        return self.subscriptions.get(timeout=seconds * SLOW)

    def launch(self, **task):
        self.send({"type": "LAUNCH", "launch": {"task": {
            "name": "t", "task_id": {"value": "T"}, "agent_id": {"value": "A"}, **task}}})

    def run(self, args, task=None, **process):
        """Up, started with a config of ARGS, subscribed, launched."""
        self.up()
        self.start(self.config(args, **process))
        self.subscription()
        self.launch(**(task or {}))
        return self

    def kill(self, **body):
        self.send({"type": "KILL", "kill": {"task_id": {"value": "T"}, **body}})

    def update(self, acknowledge=True, seconds=15):
        """The next update's status."""
        call = self.calls.get(timeout=seconds * SLOW)
        assert call["type"] == "UPDATE"
        status = call["update"]["status"]
        assert len(status["uuid"]) == 16 and status["source"] == "SOURCE_EXECUTOR"
        if acknowledge:
            self.acknowledge(status)
        return status

    def acknowledge(self, status):
        self.send({"type": "ACKNOWLEDGED", "acknowledged": {"task_id": {"value": "T"}, "uuid": status["uuid"]}})

    def updates_to_the_end(self):
        """Every status up to the terminal one."""
        ret = [self.update()]
        while ret[-1]["state"] in ("TASK_STARTING", "TASK_RUNNING", "TASK_KILLING"):
            ret.append(self.update())
        return ret

    def wait(self, seconds=15):
        return self.process.wait(seconds * SLOW)

    def exit_record(self):
        return SCHEMA.decode("tepui.ExitRecord", (self.runtime / "exit").read_bytes())

    def output(self, name="stdout"):
        path = self.sandbox / name
        return path.read_text() if path.exists() else ""

    def recover(self):
        """What an agent does about a container whose supervisor was killed: the groups are empty soon."""
        for root in {v for v in json.loads(self.layout).values() if isinstance(v, str)}:
            for group in pathlib.Path(root).glob(f"containers/{self.container}"):
                wait_until(lambda group=group: not (group / "cgroup.procs").read_text(), f"end of '{group}'")
                group.rmdir()

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.down()
        self.recover()
        subprocess.run([LAUNCH, "--drop", self.layout], check=False)
