"""One node whose directory is the test's to say, in a network namespace of its own, with backends that tell who they are."""
import contextlib
import select
import socket
import threading

from cluster import Cluster, wait_until
from fake_master import AGENT, FakeMaster
from fleet import Namespace

OTHER = "11111111-1111-4111-8111-111111111111-S1"
VIP = "10.96.0.1"


def backend_address(i):
    return f"10.9.0.{i}"


class Backends:
    """Servers on many addresses: a connection or a packet is answered with the number of its address."""

    def __init__(self, place):
        self.place, self.sockets, self.poll = place, {}, select.epoll()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.is_over = False
        self.thread.start()

    def listen(self, number, address, port, kind=socket.SOCK_STREAM):
        with self.place.inside():
            server = socket.socket(socket.AF_INET, kind)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((address, port))
        if kind == socket.SOCK_STREAM:
            server.listen(1000)
        server.setblocking(False)
        self.sockets[server.fileno()] = server, str(number).encode()
        self.poll.register(server, select.EPOLLIN)

    def serve(self):
        while not self.is_over:
            for fd, _ in self.poll.poll(0.1):
                server, number = self.sockets[fd]
                with contextlib.suppress(BlockingIOError, ConnectionError):
                    if server.type == socket.SOCK_STREAM:
                        while True:
                            connection, peer = server.accept()
                            with connection:
                                connection.sendall(number + b" " + peer[0].encode())
                    else:
                        data, peer = server.recvfrom(2048)
                        server.sendto(number + b" " + peer[0].encode() + b" " + data, peer)

    def close(self):
        self.is_over = True
        self.thread.join()
        for server, _ in self.sockets.values():
            server.close()
        self.poll.close()


class ServiceNode:
    """Nodes of backends are addresses of the loopback link; the master is the test."""

    def __init__(self, *flags, n=10):
        with contextlib.ExitStack() as undo:
            self.namespace = Namespace("127.0.0.1")
            undo.callback(self.namespace.close)
            for i in range(1, n + 1):
                self.namespace.run("ip", "address", "add", f"{backend_address(i)}/32", "dev", "lo")
            self.namespace.run("ip", "address", "add", "10.8.0.1/24", "dev", "lo")
            self.cluster = Cluster("services", self.namespace)
            undo.callback(self.cluster.close)
            with self.namespace.inside():
                self.master = FakeMaster()
            undo.callback(self.master.close)
            self.cluster.master_port = self.master.port
            self.cluster.master_address = f"127.0.0.1:{self.master.port}"
            self.agent = self.cluster.start_agent(*flags, wait=False, place=self.namespace)
            self.backends = Backends(self.namespace)
            undo.callback(self.backends.close)
            undo.callback(self.agent.end, 9)
            self.generation, self.n, self.undo = 0, n, undo.pop_all()
        self.master.accept()

    def close(self):
        self.undo.close()

    # ---- the directory ----

    def tell(self, wait=True, **parts):
        """Another message; until it is in force."""
        self.generation += 1
        self.master.send("DIRECTORY", generation=self.generation, is_whole=self.generation == 1, **parts)
        while wait and self.master.applied() < self.generation:
            pass

    def tell_nodes(self):
        self.tell(nodes=[{"agent_id": AGENT, "hostname": "self", "address": "127.0.0.1"}] + [
            {"agent_id": f"N{i}", "hostname": f"node{i}", "address": backend_address(i)} for i in range(1, self.n + 1)])

    # ---- clients ----

    def ask(self, address=VIP, port=80, timeout=10, source=None, place=None):
        """Who answers a connection, and whom it sees."""
        with (place or self.namespace).inside():
            client = socket.socket()
        with client:
            client.settimeout(timeout)
            if source:
                client.bind((source, 0))
            client.connect((address, port))
            data = b""
            while chunk := client.recv(100):
                data += chunk
            return data.decode().split()

    def shares(self, count, **of):
        """How many of COUNT connections each backend gets."""
        result = {}
        for _ in range(count):
            number = int(self.ask(**of)[0])
            result[number] = result.get(number, 0) + 1
        return result

    def run(self, *command, check=True):
        return self.namespace.run(*command, check=check)

    def table(self, family="ip"):
        """As nft(8) lists it; empty if there is none."""
        return self.run("nft", "list", "table", family, "tepui", check=False)

    def wait_counters(self, n):
        """Until N backends have theirs: they come a moment after what they count."""
        wait_until(lambda: self.table().count(" . 8080 counter packets 0") == 3 * n,
                   lambda: f"three counters for each of {n}: {self.table()}")


def service(name="web", port=80, address=VIP, protocol="tcp", **more):
    return {"key": f"{name}:{port}/{protocol}", "name": name, "address": address, "port": port, "protocol": protocol, **more}


def endpoint(i, services=("web:80/tcp",), state="SERVING", port=8080, protocol="tcp", **more):
    return {"key": f"F/t{i}", "task_id": f"t{i}", "name": "web", "agent_id": f"N{i}", "state": state,
            "ports": [{"protocol": protocol, "host_port": port, "services": list(services)}], **more}
