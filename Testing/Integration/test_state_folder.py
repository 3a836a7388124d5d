"""A state folder that cannot be used, was cut, copied or tampered with: one code, no traceback."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from Testing.Integration.faults import FaultyHospital, outputs_of, small_order
from Testing.Integration.orders import end_of, post

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.rights import Role
from encryptsecurert_protocol.sealing import random_octets
from encryptsecurert_worker.server.building import build_core
from encryptsecurert_worker.server.config import WorkerConfig
from encryptsecurert_worker.vault.journal import HEAD_BYTES
from encryptsecurert_worker.vault.ledger import Ledger
from encryptsecurert_worker.vault.sealing_keys import SimulatedSealingKey, storage_key
from EncryptSecureRTLib.client.home import ClientHome

SERVE = [sys.executable, "-P", "-m", "encryptsecurert_worker", "serve", "--port", "0"]
LAST_ENTRIES, STEP = 8, 101


def _serve(state: Path) -> tuple[int, str, list[str]]:
    """Run the worker's command on a folder that it must refuse."""
    command = [*SERVE, "--provider", "simulated", "--state", str(state)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout, done.stderr.splitlines()


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a worker left on the disk, on which workers are started again and again."""

    hospital: FaultyHospital
    home: ClientHome
    folder: Path

    def start(self, *, measurement: str = "") -> ErrorCode | None:
        """Start on the folder and stop; returns the code that refuses it, if one does."""
        measurement = measurement or self.hospital.provider.measurement
        config = WorkerConfig(host="127.0.0.1", port=0, state=self.folder)
        sealing = SimulatedSealingKey(self.folder, measurement)
        try:
            core = build_core(config, self.hospital.provider, sealing)
        except EncryptSecureRTError as error:
            return error.code
        core.close()
        return None

    def journal_lines(self) -> int:
        """Return how many audit lines the journal holds."""
        sealing = SimulatedSealingKey(self.folder, self.hospital.provider.measurement)
        ledger = Ledger(self.folder, storage_key(sealing))
        ledger.open()
        ledger.close()
        return len(ledger.replayed_lines)


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyHospital]:
    with FaultyHospital(tmp_path_factory.mktemp("folder") / "stand") as opened:
        yield opened


@pytest.fixture(scope="module")
def home(hospital: FaultyHospital) -> ClientHome:
    user = hospital.user(Role.PHYSICIST)
    hospital.provision()
    with hospital.channel(user) as channel:
        header = small_order(channel, user)
        post(channel, header, user.user().key)
        outputs_of(channel, header)
    return user


@pytest.fixture
def kept(hospital: FaultyHospital, home: ClientHome, tmp_path: Path) -> Kept:
    hospital.service.core.audit.flush()
    return Kept(hospital=hospital, home=home, folder=hospital.image(tmp_path / "kept"))


# ---- folders that cannot be used


def _in_a_files_place(folder: Path) -> Path:
    (folder / "file").touch()
    return folder / "file"


def _below_a_file(folder: Path) -> Path:
    return _in_a_files_place(folder) / "state"


def _where_nothing_can_be_made(folder: Path) -> Path:
    return Path("/proc/encryptsecurert")


@pytest.mark.parametrize("place", [_in_a_files_place, _below_a_file, _where_nothing_can_be_made])
def test_a_folder_that_cannot_be_made_is_one_sentence_and_14(
    place: Callable[[Path], Path], tmp_path: Path
) -> None:
    code, out, err = _serve(place(tmp_path))

    assert (code, out, len(err)) == (14, "", 1)
    assert err[0].startswith("E_LOCAL_FILE: ")


def test_a_folder_in_use_is_one_sentence_and_14_and_its_worker_goes_on(
    hospital: FaultyHospital, home: ClientHome
) -> None:
    code, out, err = _serve(hospital.state)

    assert (code, out, len(err)) == (14, "", 1)
    assert "another worker uses this state folder" in err[0]
    with hospital.channel(home) as channel:
        header = small_order(channel, home)
        post(channel, header, home.user().key)
        assert end_of(channel, header.job).error is None


@pytest.mark.parametrize("name", ["journal", "audit", "in-use", "SIMULATED-fuse.key"])
def test_a_folder_in_the_place_of_a_file_is_a_refusal(kept: Kept, name: str) -> None:
    (kept.folder / name).unlink(missing_ok=True)
    (kept.folder / name).mkdir()

    assert _refusal(kept.start) is ErrorCode.E_LOCAL_FILE


@pytest.mark.parametrize("name", ["objects", "results"])
def test_a_file_in_the_place_of_a_folder_is_a_refusal(kept: Kept, name: str) -> None:
    shutil.rmtree(kept.folder / name)
    (kept.folder / name).touch()

    assert kept.start() is ErrorCode.E_LOCAL_FILE


def _refusal(start: Callable[[], ErrorCode | None]) -> ErrorCode | None:
    try:
        return start()
    except EncryptSecureRTError as error:  # the platform's own key, before there is a worker
        return error.code


# ---- journals that were cut


def _ends(journal: bytes) -> list[int]:
    """Return where each entry of a journal ends."""
    ends, at = [], HEAD_BYTES
    while at < len(journal):
        at += 4 + int.from_bytes(journal[at : at + 4], "big")
        ends.append(at)
    return ends


def test_wherever_the_journal_ends_the_worker_starts_unless_the_audit_file_knows_more(
    kept: Kept,
) -> None:
    journal, audit = kept.folder / "journal", kept.folder / "audit"
    octets, filed = journal.read_bytes(), audit.read_bytes()
    ends = _ends(octets)[-LAST_ENTRIES:]
    near = [end + by for end in ends for by in (-1, 0, 3)]
    cuts = sorted({*range(ends[0], len(octets), STEP), *(c for c in near if c <= len(octets))})
    lines, without_audit, with_audit = [], [], []
    for cut in cuts:
        journal.write_bytes(octets[:cut])
        lines.append(kept.journal_lines())
        audit.unlink(missing_ok=True)
        without_audit.append(kept.start())
        journal.write_bytes(octets[:cut])
        audit.write_bytes(filed)
        with_audit.append(kept.start())

    assert len(cuts) > 50
    assert 0 < lines[0] < lines[-1]
    assert lines == sorted(lines)
    assert [code for code in without_audit if code is not None] == []
    assert with_audit == [None if n == lines[-1] else ErrorCode.E_STATE for n in lines]


def test_a_journal_of_an_older_length_is_one_sentence_and_14(kept: Kept) -> None:
    journal, audit = kept.folder / "journal", kept.folder / "audit"
    octets, filed = journal.read_bytes(), audit.read_bytes()
    older = octets[: _ends(octets)[-LAST_ENTRIES]]
    journal.write_bytes(older)

    code, out, err = _serve(kept.folder)

    assert (code, out, len(err)) == (14, "", 1)
    assert err[0].startswith("E_STATE: ")
    # Nothing of the evidence is gone, and with the true journal the worker starts.
    assert (journal.read_bytes(), audit.read_bytes()) == (older, filed)
    journal.write_bytes(octets)
    assert kept.start() is None


@pytest.mark.parametrize("at", [0, 8, HEAD_BYTES + 2, HEAD_BYTES + 40, 1000])
def test_a_changed_octet_of_a_journal_is_damage(kept: Kept, at: int) -> None:
    journal = kept.folder / "journal"
    octets = bytearray(journal.read_bytes())
    octets[at] ^= 1
    journal.write_bytes(octets)

    assert kept.start() is ErrorCode.E_STATE


# ---- folders of another machine or program


def test_a_folder_without_its_machines_key_is_refused(kept: Kept) -> None:
    (kept.folder / "SIMULATED-fuse.key").unlink()

    assert kept.start() is ErrorCode.E_STATE


def test_a_folder_with_another_machines_key_is_refused_and_as_it_was(kept: Kept) -> None:
    fuse = kept.folder / "SIMULATED-fuse.key"
    mine = fuse.read_bytes()
    before = (kept.folder / "journal").read_bytes()
    fuse.write_bytes(random_octets(32))

    assert kept.start() is ErrorCode.E_STATE
    assert (kept.folder / "journal").read_bytes() == before
    fuse.write_bytes(mine)
    assert kept.start() is None


def test_a_folder_of_another_measurement_is_refused(kept: Kept) -> None:
    assert kept.start(measurement="ab" * 32) is ErrorCode.E_STATE
    assert kept.start() is None
