"""A node whose operator has networks that CNI plugins make."""
import contextlib
import json
import pathlib
import shutil
import tempfile

from one_node import FOREVER, Node

DEBIAN = "/usr/lib/cni"
PORTS = {"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": 31000, "end": 31001}]}}
SERVER = "exec socat TCP-LISTEN:80,fork,reuseaddr SYSTEM:'read line; echo $line $SOCAT_PEERADDR'"


class CniNode(Node):
    """With a directory of networks, one of plugins that tests write, and one of leases."""

    def __init__(self, *flags):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="tepui-cni-"))
        self.configs, self.plugins, self.leases = (self.root / name for name in ("net.d", "plugins", "leases"))
        with contextlib.ExitStack() as undo:
            undo.callback(shutil.rmtree, self.root)
            for path in (self.configs, self.plugins, self.leases):
                path.mkdir()
            super().__init__(f"--network_cni_config_dir={self.configs}",
                             f"--network_cni_plugins_dir={self.plugins}:{DEBIAN}", *flags)
            self.rest = undo.pop_all()
        self.add_front()

    def close(self):
        with self.rest:
            super().close()

    # ---- what the operator writes ----

    def add_network(self, name, *plugins, version="1.0.0", **more):
        (self.configs / f"{name}.conflist").write_text(json.dumps(
            {"cniVersion": version, "name": name, "plugins": plugins, **more}))

    def add_front(self):
        """The chain that distributions document, on each such node."""
        self.add_network(
            "front",
            {"type": "bridge", "bridge": "cni-front", "isGateway": True, "ipMasq": True, "hairpinMode": True,
             "capabilities": {"ips": True, "mac": True}, "ipam": self.ipam("10.91.0.0/24")},
            {"type": "portmap", "capabilities": {"portMappings": True}},
            {"type": "bandwidth", "capabilities": {"bandwidth": True}},
            {"type": "tuning", "sysctl": {"net.core.somaxconn": "500"}})

    def add_plugin(self, name, body):
        path = self.plugins / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)

    def ipam(self, subnet, **more):
        return {"type": "host-local", "ranges": [[{"subnet": subnet}]], "dataDir": str(self.leases),
                "routes": [{"dst": "0.0.0.0/0"}], **more}

    # ---- tasks ----

    def on(self, network, command=FOREVER, info=None, **more):
        """A task that runs on it, and its first address."""
        task, addresses = self.running(command, {"name": network, **(info or {})}, **more)
        return task, addresses[0]

    def refused(self, network, command=FOREVER, **info):
        """Why a task does not come to run."""
        task = self.launch(command, {"name": network, **info})
        return self.framework.status(task, "TASK_FAILED", "TASK_ERROR")["message"]

    def end(self, task, grace_seconds=3):
        self.framework.call("KILL", task_id={"value": task},
                            kill_policy={"grace_period": {"nanoseconds": grace_seconds * 10**9}})
        return self.framework.status(task, "TASK_KILLED")

    def ask(self, address, port=80):
        return self.run("sh", "-c", f"echo hello | socat -t5 - TCP:{address}:{port},retry=40,interval=0.1").split()

    # ---- what is left ----

    def leased(self, network="*"):
        """Addresses that host-local has given away."""
        return sorted(path.name for path in self.leases.glob(f"{network}/*") if path.name[0].isdigit())

    def is_empty(self):
        """The links that plugins make are gone with the containers' namespaces, their leases by DEL alone."""
        return super().is_empty() and not self.leased() and not [
            link["ifname"] for link in json.loads(self.run("ip", "-j", "link")) if link["ifname"].startswith("veth")]
