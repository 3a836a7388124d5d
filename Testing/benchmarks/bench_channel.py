"""The channel: connecting, sealed transfer beside a bare TLS pair, memory, and the job's overhead.

Worker and client are processes of their own, as in use. The bare pair is two processes as well:
TLS 1.3, 1 MiB writes into a fixed buffer, the same octets in the same run.
"""

import hashlib
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

from bench_rows import Row
from stand import ProcessStand

from encryptsecurert_protocol.errors import EncryptSecureRTError
from encryptsecurert_protocol.limits import MIB
from encryptsecurert_protocol.objects import ObjectKind
from encryptsecurert_protocol.rights import Role
from encryptsecurert_worker.evidence.ratls_cert import make_ratls_identity
from encryptsecurert_worker.server.tls import server_context
from EncryptSecureRTLib.client.channel import Channel, open_channel
from EncryptSecureRTLib.client.connection import client_context
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.jobs import Watcher
from EncryptSecureRTLib.client.runs import run_job
from EncryptSecureRTLib.client.upload import Content, upload

SIZE_MIB = 256
RUNS = 5
_PARAMETERS = {
    "schema": "encryptsecurert.segment/1",
    "structures": ["body"],
    "outputs": ["seg"],
    "reference": {
        "study_instance_uid": "2.25.1",
        "series_instance_uid": "2.25.2",
        "patient_id": "PAAAAAAAAAAAAAAAA",
    },
}


def peak_rss_mib(pid: int | str) -> float:
    """Return VmHWM of a process in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no VmHWM")


def connect_ms(stand: ProcessStand, home: ClientHome) -> float:
    """Return the median time of connecting with full verification, collateral cached."""
    times = []
    for _ in range(30):
        start = time.perf_counter()
        open_channel(home, stand.url).close()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3


def bare_mib_s(stand: ProcessStand, content: bytes) -> float:
    """Return the rate of the same octets over a bare TLS pair of two processes."""
    listener = socket.create_server(("127.0.0.1", 0))
    child = os.fork()
    if child == 0:
        connection, _ = listener.accept()
        tls = server_context(make_ratls_identity(stand.provider)).wrap_socket(
            connection, server_side=True
        )
        buffer = bytearray(MIB)
        left = len(content)
        while left > 0:
            left -= tls.recv_into(buffer)
        tls.sendall(b"k")
        os._exit(0)
    tls = client_context(None).wrap_socket(socket.create_connection(listener.getsockname()))
    view = memoryview(content)
    start = time.perf_counter()
    for at in range(0, len(content), MIB):
        tls.sendall(view[at : at + MIB])
    tls.recv(1)
    rate = len(content) / MIB / (time.perf_counter() - start)
    tls.close()
    os.waitpid(child, 0)
    return rate


def sealed_mib_s(channel: Channel, home: ClientHome, content: bytearray, run: int) -> float:
    """Return the rate of hashing, sealing, sending, re-sealing and opening inside the worker.

    The job that follows the upload opens the whole object and then refuses it, as it is no
    volume: its end is the moment at which the worker holds the plaintext.
    """
    content[:8] = run.to_bytes(8, "big")
    start = time.perf_counter()
    uploaded = upload(channel, home, ObjectKind.VOLUME, Content([content]))
    try:
        run_job(channel, home, "segment", lambda: [uploaded.name], _PARAMETERS, Watcher())
    except EncryptSecureRTError as error:
        if error.code.name != "E_FORMAT":
            raise
    return len(content) / MIB / (time.perf_counter() - start)


def memory_rows(stand: ProcessStand, home: ClientHome) -> list[Row]:
    """Return peak memory of worker and client over the object's size."""
    before = peak_rss_mib(stand.worker_pid)
    code = (
        "import sys; from bench_channel import client_memory; "
        "client_memory(sys.argv[1], sys.argv[2])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(home.path), stand.url],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=True,
    )
    client = float(done.stdout) - SIZE_MIB
    worker = peak_rss_mib(stand.worker_pid) - before - SIZE_MIB
    return [
        Row("client, peak RSS over the object's size", f"{client:.0f} MiB", "64 MiB", client <= 64),
        Row("worker, peak RSS over the object's size", f"{worker:.0f} MiB", "64 MiB", worker <= 64),
    ]


def client_memory(home_path: str, url: str) -> None:
    """Upload and have opened once in a fresh process; print its growth in MiB."""
    home = ClientHome(Path(home_path))
    with open_channel(home, url) as channel:
        before = peak_rss_mib("self")
        sealed_mib_s(channel, home, bytearray(SIZE_MIB * MIB), 99)
    print(peak_rss_mib("self") - before)


def main() -> list[Row]:
    """Measure and return the rows."""
    with tempfile.TemporaryDirectory() as folder, ProcessStand(Path(folder)) as stand:
        home = stand.user(Role.PHYSICIST)
        stand.provision()
        rows = memory_rows(stand, home)
        connect = connect_ms(stand, home)
        content = bytearray(hashlib.shake_256(b"bench").digest(MIB) * SIZE_MIB)
        bare, sealed = [], []
        with open_channel(home, stand.url) as channel:
            for run in range(RUNS):
                bare.append(bare_mib_s(stand, bytes(content)))
                sealed.append(sealed_mib_s(channel, home, content, run))
    bare_rate, sealed_rate = statistics.median(bare), statistics.median(sealed)
    ratio = sealed_rate / bare_rate
    return [
        Row(
            "connect, both verdicts, cached collateral",
            f"{connect:.1f} ms median",
            "150 ms",
            connect <= 150,
        ),
        Row("bare TLS socket pair, 256 MiB", f"{bare_rate:.0f} MiB/s", "", True),
        Row(
            "sealed upload and unseal, 256 MiB",
            f"{sealed_rate:.0f} MiB/s = {ratio:.2f} x bare",
            "0.6 x bare",
            ratio >= 0.6,
        ),
        *rows,
    ]


if __name__ == "__main__":
    for row in main():
        print(
            f"{row.what:<48} {row.figure:<28} {row.bar:<12} {'' if row.reached else 'NOT REACHED'}"
        )
