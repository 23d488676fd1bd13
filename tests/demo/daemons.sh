# shellcheck shell=bash
# Start one master and one agent on loopback in a temporary directory, and take everything away again.
# Sourced by tests/demo/demo and tests/demo/run; needs BUILD.

# Two ports that nobody listens on: the ones asked for if they are free, else any.
free_ports() {
	python3 - "$@" <<'PY'
import socket, sys
wanted = list(map(int, sys.argv[1:])) or [0, 0]
sockets = []
for port in wanted:
    s = socket.socket()
    # As the daemons do: connections that have just ended hold no port.
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        s.bind(("127.0.0.1", port))
    except OSError:
        s.bind(("127.0.0.1", 0))
    sockets.append(s)
print(*[s.getsockname()[1] for s in sockets])
PY
}

BOLD='' PLAIN=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
	BOLD=$'\033[1m' PLAIN=$'\033[0m'
fi

say() { printf '\n%s%s%s\n' "$BOLD" "$*" "$PLAIN"; }

need_root() {
	if [ "$(id -u)" != 0 ]; then
		echo "$0: root is needed to make containers: use sudo" >&2
		exit 1
	fi
}

# Wait until COMMAND succeeds, at most 20 s; WHAT is for the message.
wait_for() {
	local what=$1 deadline=$((SECONDS + 20))
	shift
	until "$@" >/dev/null 2>&1; do
		if [ $SECONDS -ge $deadline ]; then
			echo "$0: $what did not come to pass; the logs:" >&2
			tail -n 20 "$DIR"/*.log >&2
			return 1
		fi
		read -rt 0.05 <> <(:) || true
	done
}

has_ended() { ! kill -0 "$1" 2>/dev/null; }

prepare() {
	DIR=$(mktemp -d /tmp/tepui-"$1".XXXXXX)
	CGROUP_ROOT=tepui-$1-$$
	read -r MASTER_PORT AGENT_PORT < <(free_ports "${@:2}")
	export TEPUI_MASTER=127.0.0.1:$MASTER_PORT
	MASTER_PID='' AGENT_PID=''
}

start_master() {
	"$BUILD/tepui-master" --work_dir="$DIR/master" --listen="127.0.0.1:$MASTER_PORT" >>"$DIR/master.log" 2>&1 &
	MASTER_PID=$!
	wait_for "the master's first answer" curl -fs "http://127.0.0.1:$MASTER_PORT/ping"
}

start_agent() {
	"$BUILD/tepui-agent" --master="127.0.0.1:$MASTER_PORT" --work_dir="$DIR/agent" \
		--listen="127.0.0.1:$AGENT_PORT" --hostname=127.0.0.1 --cgroup_root="$CGROUP_ROOT" --executor="$BUILD/tepui-executor" \
		>>"$DIR/agent.log" 2>&1 &
	AGENT_PID=$!
	wait_for "the agent's registration" agent_is_active
}

agent_is_active() {
	"$BUILD/tepui" node list --json | python3 -c 'import json, sys
sys.exit(not any(s["active"] for s in json.load(sys.stdin)["slaves"]))'
}

stop_daemon() {
	[ -n "$1" ] || return 0
	kill -TERM "$1" 2>/dev/null || return 0
	wait "$1" 2>/dev/null || true
}

# Directories of our cgroup root in every hierarchy, deepest first.
our_cgroups() {
	find /sys/fs/cgroup -depth -type d \( -path "*/$CGROUP_ROOT" -o -path "*/$CGROUP_ROOT/*" \) 2>/dev/null || true
}

# Also after a failure: whatever still lives in our cgroups is killed, then they are removed.
clean_up() {
	stop_daemon "${AGENT_PID:-}"
	stop_daemon "${MASTER_PID:-}"
	local dir
	for dir in $(our_cgroups); do
		if [ -e "$dir/cgroup.kill" ]; then
			{ echo 1 >"$dir/cgroup.kill"; } 2>/dev/null || true
		fi
	done
	for dir in $(our_cgroups); do
		wait_for "the end of cgroup $dir" rmdir_if_there "$dir" || true
	done
	rm -rf "${DIR:?}"
}

rmdir_if_there() { [ ! -d "$1" ] || rmdir "$1"; }
