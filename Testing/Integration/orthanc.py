"""An Orthanc of a test's own: on loopback, on free ports, in a temporary folder, stopped after it.

Its storage is not compressed, so that a search of its files finds what it holds.
"""

import dataclasses
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

_PLUGINS = Path("/usr/share/orthanc/plugins")
_START_S = 30.0
TITLE, GETS, MOVES = "ARCHIVE", "GATEWAY", "GATEWAY-MOVES"


def free_port() -> int:
    """Return a port of loopback that nobody has at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Orthanc:
    """A running Orthanc.

    Attributes
    ----------
    move_port : where it has the AE title `MOVES` listen, which may not C-GET.
    """

    folder: Path
    dicom_port: int
    http_port: int
    move_port: int

    @property
    def dimse(self) -> tuple[str, ...]:
        """The words that name it over DIMSE, as who may C-GET."""
        return ("--dimse", f"{TITLE}@127.0.0.1:{self.dicom_port}", "--calling", GETS)

    @property
    def dimse_by_move(self) -> tuple[str, ...]:
        """The words that name it over DIMSE, as who has to C-MOVE."""
        return (*self.dimse[:-1], MOVES, "--move-port", str(self.move_port))

    @property
    def dicomweb(self) -> tuple[str, ...]:
        """The words that name it over DICOMweb."""
        return ("--dicomweb", f"http://127.0.0.1:{self.http_port}/dicom-web")

    @property
    def storage(self) -> Path:
        """Where it keeps files and index."""
        return self.folder / "db"

    def rest(self, path: str) -> Any:
        """Ask its own interface."""
        return requests.get(f"http://127.0.0.1:{self.http_port}{path}", timeout=30).json()

    def load(self, *paths: Path) -> None:
        """Put files into it as they are."""
        for path in paths:
            url = f"http://127.0.0.1:{self.http_port}/instances"
            requests.post(url, data=path.read_bytes(), timeout=30).raise_for_status()

    def empty(self) -> None:
        """Remove all that it holds."""
        for patient in self.rest("/patients"):
            url = f"http://127.0.0.1:{self.http_port}/patients/{patient}"
            requests.delete(url, timeout=30).raise_for_status()


@contextmanager
def running_orthanc(folder: Path, **settings: Any) -> Iterator[Orthanc]:
    """Start an Orthanc with some settings changed, or skip where it is not installed."""
    program = shutil.which("Orthanc", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if program is None or not (_PLUGINS / "libOrthancDicomWeb.so").exists():
        pytest.skip("Orthanc with DICOMweb is not installed: apt-get install orthanc-dicomweb")
    ports = [free_port() for _ in range(3)]
    orthanc = Orthanc(folder=folder, dicom_port=ports[0], http_port=ports[1], move_port=ports[2])
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "orthanc.json"
    config.write_text(json.dumps({**_configuration(orthanc), **settings}))
    with (folder / "orthanc.log").open("w") as log:
        process = subprocess.Popen(
            [program, str(config)], stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=folder
        )
        try:
            _wait(orthanc, process)
            yield orthanc
        finally:
            process.terminate()
            process.wait(30)


def _configuration(orthanc: Orthanc) -> dict[str, Any]:
    return {
        "StorageDirectory": str(orthanc.storage),
        "IndexDirectory": str(orthanc.storage),
        "StorageCompression": False,
        "Plugins": [str(_PLUGINS / "libOrthancDicomWeb.so")],
        "HttpPort": orthanc.http_port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "HttpCompressionEnabled": False,
        "DicomAet": TITLE,
        "DicomCheckCalledAet": True,
        "DicomPort": orthanc.dicom_port,
        **{f"DicomAlwaysAllow{one}": False for one in ("Echo", "Store", "Find", "Get", "Move")},
        "DicomCheckModalityHost": True,
        "DicomModalities": {
            "gets": {"AET": GETS, "Host": "127.0.0.1", "Port": orthanc.move_port},
            "moves": {
                "AET": MOVES,
                "Host": "127.0.0.1",
                "Port": orthanc.move_port,
                "AllowGet": False,
            },
        },
        "UnknownSopClassAccepted": False,
        "OverwriteInstances": True,
        "MetricsEnabled": False,
        "WebDavEnabled": False,
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }


def _wait(orthanc: Orthanc, process: "subprocess.Popen[bytes]") -> None:
    deadline_s = time.monotonic() + _START_S
    while time.monotonic() < deadline_s:
        assert process.poll() is None, (orthanc.folder / "orthanc.log").read_text()
        try:
            orthanc.rest("/system")
            with socket.create_connection(("127.0.0.1", orthanc.dicom_port), 1):
                return
        except (OSError, requests.RequestException):
            time.sleep(0.05)
    raise AssertionError("Orthanc does not start")
