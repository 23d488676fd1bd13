"""A network between two daemons that can be cut: as a whole, or one way, without either noticing by itself."""
import contextlib
import socket
import threading


class Proxy:
    """Forwards connections to PORT of loopback.  What is held is forwarded later, unless the connection is cut."""

    def __init__(self, port):
        self.target = ("127.0.0.1", port)
        self.flows = {"to": threading.Event(), "from": threading.Event()}
        self.heal()
        self.sockets, self.lock, self.is_cut, self.is_closing = set(), threading.Lock(), False, False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    # ---- what a test does to it ----

    def hold(self, *ways):
        """Nothing passes "to" the target, or "from" it."""
        for way in ways:
            self.flows[way].clear()

    def heal(self):
        self.is_cut = False
        for flow in self.flows.values():
            flow.set()

    def cut(self):
        """Connections end, and new ones are refused as they are made."""
        self.is_cut = True
        self._end_all()

    def close(self):
        self.is_closing = True
        self.heal()
        self.listener.close()
        self._end_all()

    # ---- threads ----

    def _end_all(self):
        with self.lock:
            for s in self.sockets:
                with contextlib.suppress(OSError):
                    s.shutdown(socket.SHUT_RDWR)
            self.sockets.clear()

    def _accept(self):
        while not self.is_closing:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if self.is_cut:
                client.close()
                continue
            server = socket.create_connection(self.target)
            with self.lock:
                self.sockets |= {client, server}
            for source, sink, way in ((client, server, "to"), (server, client, "from")):
                threading.Thread(target=self._forward, args=(source, sink, way), daemon=True).start()

    def _forward(self, source, sink, way):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self.flows[way].wait()
                sink.sendall(data)
        for s in (source, sink):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)
