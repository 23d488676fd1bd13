"""The command line on a terminal of ours, and what comes out of it."""
import contextlib
import fcntl
import os
import pty
import select
import struct
import subprocess
import termios

from cluster import BUILD, SLOW


def set_size(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


@contextlib.contextmanager
def on_terminal(cluster, *args, size=(33, 77)):
    """Run tepui ARGS on a terminal: its process and our end; both are gone in the end."""
    ours, theirs = pty.openpty()
    set_size(theirs, *size)
    process = subprocess.Popen([BUILD / "tepui", f"--master={cluster.master_address}", *args],
                               stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    try:
        yield process, ours
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def read_until(fd, text, seconds=30):
    seen = b""
    while text not in seen:
        ready, _, _ = select.select([fd], [], [], seconds * SLOW)
        assert ready, f"no {text!r} in {seen[-2000:]!r}"
        try:
            piece = os.read(fd, 4096)
        except OSError:
            piece = b""
        assert piece, f"ended without {text!r}: {seen[-2000:]!r}"
        seen += piece
    return seen
