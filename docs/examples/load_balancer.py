#!/usr/bin/env python3
"""
Configure HAProxy or nginx from what runs: the labels of marathon-lb, and /v2/events.  Only the standard library.

    load_balancer.py haproxy http://127.0.0.1:5050 --group=external --output=/etc/haproxy/apps.cfg \\
        --check='haproxy -c -f /etc/haproxy/haproxy.cfg -f /etc/haproxy/apps.cfg' --reload='systemctl reload haproxy'
    load_balancer.py nginx http://127.0.0.1:5050 --group=external --output=/etc/nginx/conf.d/apps.conf \\
        --check='nginx -t' --reload='nginx -s reload'

Apps with label HAPROXY_GROUP (a list with commas) are served by those who are started with one of their groups; each of
their ports, the Nth, at its service port, and with these labels:

    HAPROXY_N_VHOST=www.example.org,example.org   also at --http-port, by the name that the client asks for
    HAPROXY_N_MODE=http | tcp                     default: http with VHOST, else tcp; nginx serves http only
    HAPROXY_N_PORT=8080                           in place of the service port
    HAPROXY_N_GROUP=internal                      in place of HAPROXY_GROUP
    HAPROXY_N_ENABLED=false                       not at all

Backends are tasks that run and are healthy by all their checks, with the weights of their app.  A configuration that does
not pass --check is not left in place; while the master is away, what there is stays.
"""
import argparse
import json
import os
import queue
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

# What changes who serves; others are not even sent.
EVENTS = ("status_update_event", "health_status_changed_event", "deployment_info", "deployment_success", "deployment_failed",
          "deployment_canary_weight_event", "deployment_promoted_event", "app_terminated_event", "instance_changed_event")
HOST = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_.:-]*[A-Za-z0-9_])?$")
SETTLE_SECONDS, RETRY_SECONDS, SILENCE_SECONDS = 0.05, 1, 30


def say(sentence):
    print(f"load_balancer: {sentence}", file=sys.stderr, flush=True)


# ---- What there is to serve ----

class Service:
    """A port of an app: its names, where it is served, and by whom: [(name, host, port, weight)]."""

    def __init__(self, app, index, port):
        def label(what, default=None):
            return app["labels"].get(f"HAPROXY_{index}_{what}", default)
        self.groups = label("GROUP", app["labels"].get("HAPROXY_GROUP", "")).split(",")
        self.vhosts = [v for v in label("VHOST", "").split(",") if HOST.match(v)]
        self.mode = label("MODE", "http" if self.vhosts else "tcp")
        number = label("PORT", "")
        self.port = int(number) if re.fullmatch(r"[1-9]\d{0,4}", number) else port
        self.is_enabled = label("ENABLED", "true") != "false" and self.mode in ("http", "tcp") and 0 < self.port < 65536
        self.name = re.sub(r"[^A-Za-z0-9]+", "_", app["id"]).strip("_") + f"_{self.port}"
        self.backends = []


def ports_of(app):
    """Of its definition: (service port, container port, has it one of the node's?)."""
    if app.get("portDefinitions") is not None:
        return [(p["port"], 0, True) for p in app["portDefinitions"]]
    return [(m["servicePort"], m["containerPort"], "hostPort" in m)
            for m in (app.get("container") or {}).get("portMappings", ())]


def places_of(app, task):
    """Where TASK is reached for each of its ports; None: nowhere."""
    own = next((a["ipAddress"] for a in task["ipAddresses"]), None)
    of_node = iter(task["ports"])
    for _, container_port, is_of_node in ports_of(app):
        if is_of_node:
            port = next(of_node, None)
            yield port and (task["host"], port)
        else:
            yield (own, container_port) if own and container_port else None


def serves(app, task):
    results = task.get("healthCheckResults", ())
    return task["state"] == "TASK_RUNNING" and len(results) == len(app.get("healthChecks", ())) and \
        all(result["alive"] for result in results)


def services_of(apps, groups):
    """Of all APPS that one of GROUPS ("*": any) is to serve, in the order of their names."""
    found = {}
    for app in apps:
        services = [Service(app, i, port) for i, (port, _, _) in enumerate(ports_of(app))]
        for task in sorted(filter(lambda t: serves(app, t), app["tasks"]), key=lambda t: t["id"]):
            for service, place in zip(services, places_of(app, task)):
                if place and HOST.match(place[0]):
                    name = re.sub(r"[^A-Za-z0-9]", "_", f"{place[0]}_{place[1]}")
                    service.backends.append((name, *place, task.get("weight", 1)))
        for service in services:
            if service.is_enabled and ("*" in groups and any(service.groups) or set(service.groups) & set(groups)):
                found.setdefault(service.name, service)
    return [found[name] for name in sorted(found)]


# ---- What that is in their words ----

def scaled(backends, most):
    """Weights up to MOST, and none of something."""
    top = max((weight for *_, weight in backends), default=0)
    for name, host, port, weight in backends:
        if top > most and weight:
            weight = max(1, weight * most // top)
        yield name, f"[{host}]:{port}" if ":" in host else f"{host}:{port}", weight


def haproxy(services, options):
    by_name = [s for s in services if s.vhosts and s.mode == "http"]
    if by_name:
        yield from ("frontend http_in", "  mode http", f"  bind {options.bind}:{options.http_port}")
        for service in by_name:
            for vhost in service.vhosts:
                yield f"  use_backend {service.name} if {{ hdr(host),field(1,:) -i {vhost} }}"
    for service in services:
        yield from (f"frontend {service.name}", f"  mode {service.mode}", f"  bind {options.bind}:{service.port}",
                    f"  default_backend {service.name}")
        yield from (f"backend {service.name}", f"  mode {service.mode}", "  balance roundrobin")
        for name, place, weight in scaled(service.backends, 256):
            yield f"  server {name} {place} weight {weight}"


def nginx(services, options):
    for service in services:
        if service.mode != "http":
            continue
        backends = [(place, weight) for _, place, weight in scaled(service.backends, 1000) if weight]
        listens = [f"listen {options.bind}:{service.port};", "server_name _;"]
        by_name = [f"listen {options.bind}:{options.http_port};", f"server_name {' '.join(service.vhosts)};"]
        if backends:
            yield f"upstream {service.name} {{"
            yield from (f"  server {place} weight={weight};" for place, weight in backends)
            yield "}"
        for lines in [listens] + [by_name] * bool(service.vhosts):
            yield "server {"
            yield from (f"  {line}" for line in lines)
            where = f"proxy_pass http://{service.name};" if backends else "return 503;"
            yield from ("  location / {", "    proxy_set_header Host $http_host;", f"    {where}", "  }", "}")


# ---- Following ----

class Master:
    def __init__(self, options):
        self.url, self.headers = options.master.rstrip("/"), {}
        if options.token:
            with open(options.token, encoding="utf-8") as file:
                self.headers["Authorization"] = f"Bearer {file.read().strip()}"

    def open(self, path, accept):
        request = urllib.request.Request(self.url + path, headers={"Accept": accept, **self.headers})
        return urllib.request.urlopen(request, timeout=SILENCE_SECONDS)

    def apps(self):
        with self.open("/v2/apps?embed=apps.tasks", "application/json") as answer:
            return json.load(answer)["apps"]

    def follow(self, changed):
        """Call CHANGED when the stream stands, and for every event; for ever."""
        path = "/v2/events?" + "&".join(f"event_type={event}" for event in EVENTS)
        while True:
            try:
                with self.open(path, "text/event-stream") as stream:
                    changed()
                    for line in stream:
                        if line.startswith(b"event:"):
                            changed()
                say("the event stream has ended")
            except OSError as error:
                say(f"follow {self.url}: {error}")
            time.sleep(RETRY_SECONDS)


class Output:
    """The file: what is there is what was last found right."""

    def __init__(self, options):
        self.path, self.check, self.reload = options.output, options.check, options.reload
        self.refused, self.is_in_force = None, True
        try:
            with open(self.path, encoding="utf-8") as file:
                self.text = file.read()
        except FileNotFoundError:
            self.text = None

    def write(self, text):
        temporary = f"{self.path}.{os.getpid()}"
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, self.path)

    def put(self, text):
        if text == self.refused or (text == self.text and self.is_in_force):
            return
        self.write(text)
        checked = subprocess.run(self.check, shell=True, capture_output=True, text=True, check=False)
        if checked.returncode != 0:
            say(f"the new configuration is not right: {checked.stderr.strip() or checked.stdout.strip()}")
            self.refused = text
            self.write(self.text or "")
            return
        self.text, self.refused = text, None
        self.is_in_force = subprocess.run(self.reload, shell=True, check=False).returncode == 0
        say(f"{self.path} is in force" if self.is_in_force else f"'{self.reload}' has failed")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=("haproxy", "nginx"))
    parser.add_argument("master", help="http://HOST:PORT")
    parser.add_argument("--group", action="append", required=True, help="whose apps are served; '*': all that have a group")
    parser.add_argument("--output", required=True, help="the file that is written")
    parser.add_argument("--check", default="true", help="fails if the file is not right")
    parser.add_argument("--reload", default="true", help="makes the file known")
    parser.add_argument("--bind", default="0.0.0.0", help="the address that is listened at")
    parser.add_argument("--http-port", type=int, default=80, help="where services are told apart by VHOST")
    parser.add_argument("--token", help="a file with a token for the master")
    options = parser.parse_args()
    render = {"haproxy": haproxy, "nginx": nginx}[options.kind]
    master, output, news = Master(options), Output(options), queue.Queue()
    threading.Thread(target=master.follow, args=(lambda: news.put(None),), daemon=True).start()
    while True:
        news.get()
        time.sleep(SETTLE_SECONDS)      # One change is several events.
        while not news.empty():
            news.get()
        try:
            services = services_of(master.apps(), options.group)
        except OSError as error:
            say(f"ask {master.url}: {error}")
            time.sleep(RETRY_SECONDS)
            news.put(None)
            continue
        output.put("".join(f"{line}\n" for line in render(services, options)))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
