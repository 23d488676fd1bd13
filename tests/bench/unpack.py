"""Unpacking an image, against tar(1) on the same file system."""
import pathlib
import random
import shutil
import statistics
import subprocess
import tarfile
import tempfile
import time

from images import LAYER, Layout, Store

FILES, DIRECTORIES, BYTES = 30_000, 3_000, 500_000_000
ROUNDS = 3


def make_archive(path):
    """Many small files and a few large ones, half of their bytes random: what gzip makes of it is an image's."""
    rng = random.Random(1)
    sizes = [rng.lognormvariate(8.5, 1.5) for _ in range(FILES)]
    scale = BYTES / sum(sizes)
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as tar:
        for i in range(DIRECTORIES):
            info = tarfile.TarInfo(f"d{i % 50}/e{i}")
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(info)
        for i, size in enumerate(sizes):
            data = rng.randbytes(int(size * scale) // 2)
            data += bytes(len(data))
            info = tarfile.TarInfo(f"d{i % DIRECTORIES % 50}/e{i % DIRECTORIES}/file-{i}")
            info.size, info.mtime = len(data), 1_600_000_000 + i
            with tempfile.SpooledTemporaryFile(len(data) + 1) as file:
                file.write(data)
                file.seek(0)
                tar.addfile(info, file)


def seconds(command, where):
    """With the file system quiet before; what is written must be on it afterwards, for both."""
    subprocess.run(["sync", "-f", where], check=True)
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def by_tar(archive, where, name):
    target = where / name
    target.mkdir()
    took = seconds(["sh", "-c", 'tar -xf "$0" -C "$1" && sync -f "$1"', archive, target], where)
    shutil.rmtree(target)
    return took


def by_tepui(layout, where, name):
    store = Store(where / f"store-{name}")
    store.list()
    took = seconds(store.command("add", f"oci:{layout}"), where)
    shutil.rmtree(store.path)
    return took


def bench_unpack(table):
    rows = []
    with tempfile.TemporaryDirectory(prefix="tepui-bench-") as directory:
        where = pathlib.Path(directory)
        make_archive(where / "plain.tar")
        data = (where / "plain.tar").read_bytes()
        subprocess.run(["gzip", "-kn6", where / "plain.tar"], check=True)
        packed = (where / "plain.tar.gz").read_bytes()
        Layout(where / "plain").image([data], packed=bytes, media_type=LAYER)
        Layout(where / "gzip").image([data], packed=lambda _: packed)
        del data, packed
        for form, archive in (("plain", "plain.tar"), ("gzip", "plain.tar.gz")):
            pairs = [(by_tar(where / archive, where, "tar"), by_tepui(where / form, where, "tepui"))
                     for _ in range(ROUNDS)]
            tar, tepui = (statistics.median(p[i] for p in pairs) for i in range(2))
            rows.append([form, f"{tar:.2f} s", f"{tepui:.2f} s", f"{tepui / tar:.2f}"])
    table(f"unpack {BYTES // 1_000_000} MB of {FILES} files, to the disk; median of {ROUNDS}",
          ["archive", "tar -x; sync -f", "tepui-image add", "ratio"], rows)

