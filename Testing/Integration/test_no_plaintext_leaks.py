"""Nothing that identifies a patient is anywhere but in the original files.

Everything is searched: each octet inside TLS in both directions, the worker's state and log, the
client's folder, protected files, results, receipts, temporary folders, and what commands print.
"""

import base64
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import pytest
from phantom_files import planted_texts, write_ct_series
from protected import series_folder
from pydicom import dcmread
from Testing.Integration.command_lines import Run, run_client
from Testing.Integration.hospital import Hospital, small_phantom, worker_process, write_series
from Testing.Integration.planted import found, found_below, searchable

from encryptsecurert_protocol.rights import Role
from EncryptSecureRTLib.client.channel import open_channel
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.custodian.provision import provision

# Whatever is cut off of a planted value still says one of these.
TEXTS = (*planted_texts(), "Canary^Planted", "Canarystreet", "Canary General", "CANARY VENDOR")
LOG_FIELDS = {"time", "level", "event", "code", "epoch", "job", "task", "kind"}


@dataclass
class Scene:
    """A finished day: one series protected and segmented, one refused by the worker."""

    hospital: Hospital
    home: ClientHome
    folder: Path
    runs: list[Run] = field(default_factory=list)

    @property
    def original(self) -> Path:
        """The series as it was scanned."""
        return self.folder / "original"

    def run(self, *words: str | Path, expect: int = 0) -> None:
        """Run a command with its own temporary folder."""
        places = {name: str(self.folder / "tmp") for name in ("TMPDIR", "TEMP", "HOME")}
        with patch.dict(os.environ, places):
            run = run_client(*words, "--url", self.hospital.url, home=self.home)
        assert run.code == expect, run
        self.runs.append(run)


def _refused_series(folder: Path) -> Path:
    """Write a series that only the worker can refuse: text burned into the pixels."""
    for path in write_series(folder).iterdir():
        dataset = dcmread(path)
        dataset.BurnedInAnnotation = "YES"
        dataset.save_as(path)
    return folder


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("scene")
    (folder / "tmp").mkdir()
    hospital = Hospital(folder / "stand")
    scene = Scene(hospital, hospital.user(Role.PHYSICIST), folder)
    phantom = small_phantom()
    write_ct_series(scene.original, phantom.hu, phantom.grid)
    with hospital:
        hospital.provision()
        scene.run("protect", scene.original, folder / "protected")
        protected = series_folder(folder / "protected")
        scene.run(
            *("segment", protected, "--out", folder / "results"),
            *("--preview", folder / "results" / "preview.png"),
        )
        scene.run("protect", _refused_series(folder / "refused"), folder / "no", expect=9)
        yield scene


# ---- the search itself


def test_the_search_finds_every_planted_text_in_the_original(scene: Scene) -> None:
    octets = next(scene.original.iterdir()).read_bytes()

    assert len(searchable(TEXTS)) >= 20
    assert found(TEXTS, octets) == searchable(TEXTS)
    assert found(["Nobody^Planted^This"], octets) == set()


@pytest.mark.parametrize("lead", [b"", b"x", b"xy", b"xyz"])
def test_the_search_finds_texts_however_they_are_encoded(lead: bytes) -> None:
    for text in searchable(TEXTS):
        plain = text.encode()
        for octets in (
            lead + plain,
            lead + text.encode("utf-16-le"),
            lead + text.encode("utf-16-be"),
            base64.b64encode(lead + plain + b" and more"),
            base64.urlsafe_b64encode(lead + plain + b" and more"),
            (lead + plain).hex().encode(),
            (lead + plain).hex().upper().encode(),
        ):
            assert found([text], octets) == {text}


def test_the_search_looks_at_names_of_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "CANARY-4711").mkdir()
    (tmp_path / "CANARY-4711" / "harmless").write_bytes(b"CANARY-4712")

    assert set(found_below(["CANARY-4711"], tmp_path)) == {"CANARY-4711", "CANARY-4711/harmless"}


# ---- where it must find nothing


def test_nothing_inside_tls(scene: Scene) -> None:
    octets = scene.hospital.tap.octets

    kinds = {
        line[: line.index("/", 9)] for line in scene.hospital.tap.lines() if line[9:].count("/")
    }
    assert {"PUT /v1/objects", "GET /v1/jobs", "GET /v1/results"} <= kinds
    assert len(octets) > 4_000_000  # the volume did travel
    assert found(TEXTS, octets) == set()


def test_pixels_are_not_readable_inside_tls_either(scene: Scene) -> None:
    path = sorted(scene.original.iterdir())[30]
    row = dcmread(path).pixel_array[96].astype("<i2").tobytes()

    assert row in path.read_bytes()
    assert row not in scene.hospital.tap.octets


def test_nothing_in_the_workers_state(scene: Scene) -> None:
    state = scene.hospital.state

    row = dcmread(sorted(scene.original.iterdir())[30]).pixel_array[96].astype("<i2").tobytes()
    files = [path for path in state.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) > 4_000_000
    assert found_below(TEXTS, state) == {}
    assert [path.name for path in files if row in path.read_bytes()] == []


@pytest.mark.parametrize("place", ["protected", "results", "tmp", "no"])
def test_nothing_in_what_the_commands_wrote(scene: Scene, place: str) -> None:
    folder = scene.folder / place

    assert found_below(TEXTS, folder) == {}
    written = [path.name for path in folder.rglob("*") if path.is_file()]
    written = [name for name in written if not name.startswith("fontlist")]  # matplotlib's
    assert bool(written) is (place in ("protected", "results"))
    assert [name for name in written if name.startswith(".")] == []


def test_nothing_in_the_client_folder(scene: Scene) -> None:
    receipts = list(scene.home.receipts_path.rglob("receipt.json"))

    assert len(receipts) == 2
    assert found_below(TEXTS, scene.home.path) == {}
    for receipt in receipts:  # its members are base64 of JSON: look inside
        body = base64.b64decode(json.loads(receipt.read_bytes())["body"])
        assert found(TEXTS, body) == set()


def test_nothing_in_what_the_commands_print(scene: Scene) -> None:
    for run in scene.runs:
        printed = json.dumps(run.lines) + run.stderr
        assert found(TEXTS, printed.encode()) == set()
        assert run.stderr == ""


def test_the_original_is_as_it_was(scene: Scene) -> None:
    names = sorted(path.name for path in scene.original.iterdir())

    assert names == [f"IM{k + 1:04d}.dcm" for k in range(60)]


def test_the_workers_log_holds_only_the_fields_that_are_allowed(tmp_path: Path) -> None:
    hospital = Hospital(tmp_path / "stand")
    home = hospital.user(Role.TECHNICIAN)
    with worker_process(hospital) as url:
        with open_channel(hospital.site.home, url, allow_unprovisioned=True) as channel:
            provision(hospital.site, channel)
        series = write_series(tmp_path / "ct")
        burned = _refused_series(tmp_path / "refused")
        done = run_client("protect", series, tmp_path / "p", "--url", url, home=home)
        refused = run_client("protect", burned, tmp_path / "q", "--url", url, home=home)
        protected = series_folder(tmp_path / "p")
        forbidden = run_client(
            "segment", protected, "--out", tmp_path / "out", "--url", url, home=home
        )
    log = (hospital.folder / "worker.log").read_bytes()
    lines = [json.loads(line) for line in log.splitlines()]

    assert [run.code for run in (done, refused, forbidden)] == [0, 9, 8]
    assert {line["event"] for line in lines} >= {"provisioned", "job-done", "refused"}
    assert set().union(*lines) <= LOG_FIELDS
    assert found((*TEXTS, home.user().user, str(tmp_path)), log) == set()
    assert b"Traceback" not in log


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("path", "texts"),
    [
        (
            "ct_abdomen_crlm/CRLM-CT-1004",
            ("CRLM-CT-1004", "CT CH/ABD/PEL", "GEIIS PACS", "1.3.6.1.4.1.14519.5.2.1.9203.8273"),
        ),
        (
            "sts_ct_mr_pet/STS_048/dicom/CT/image",
            ("STS_048", "IBSI_1_", "2681525053275647", "1.3.6.1.4.1.14519.5.2.1.5168.1900"),
        ),
    ],
)
def test_nothing_of_a_real_series(
    scene: Scene, shared_data: Path, tmp_path: Path, path: str, texts: tuple[str, ...]
) -> None:
    source = shared_data / path
    before = len(scene.hospital.tap.connections)
    scene.run("protect", source, tmp_path / "protected")
    protected = series_folder(tmp_path / "protected")
    scene.run("segment", protected, "--out", tmp_path / "results")
    connections = scene.hospital.tap.connections[before:]
    octets = b"".join(bytes(c.received) + bytes(c.sent) for c in connections)

    assert found(texts, min(source.iterdir()).read_bytes()) == set(texts)
    assert len(octets) > 1_000_000
    assert found(texts, octets) == set()
    for folder in (tmp_path, scene.hospital.state, scene.home.path):
        assert found_below(texts, folder) == {}
