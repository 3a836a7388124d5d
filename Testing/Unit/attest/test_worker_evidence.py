"""Measurement of the simulation, and Gramine's attestation device as far as a folder can be one."""

import hashlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from Testing.Unit.attest.forge import MRENCLAVE, MRSIGNER, Platform

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.statement import Kind
from encryptsecurert_worker.evidence.gramine import GramineProvider, NoEvidence
from encryptsecurert_worker.evidence.measurement import (
    MEASURED_PACKAGES,
    installed_packages,
    simulated_mrenclave,
)
from encryptsecurert_worker.evidence.release import release

# ---- measurement


@pytest.fixture
def packages(tmp_path: Path) -> dict[str, Path]:
    folders = {name: tmp_path / name for name in MEASURED_PACKAGES}
    for folder in folders.values():
        (folder / "evidence").mkdir(parents=True)
        (folder / "a.py").write_text("A = 1\n")
        (folder / "evidence" / "simulated.py").write_text("B = 1\n")
    return folders


def test_the_measurement_is_a_digest_of_the_canonical_list(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"A = 1\n")
    digest = hashlib.sha256(b"A = 1\n").hexdigest()
    text = f'{{"files":[{{"path":"p/a.py","sha256":"{digest}"}}]}}'

    assert simulated_mrenclave({"p": tmp_path}) == hashlib.sha256(text.encode()).digest()


@pytest.mark.parametrize("package", MEASURED_PACKAGES)
def test_any_change_of_the_code_changes_the_measurement(
    packages: dict[str, Path], package: str
) -> None:
    measured = [simulated_mrenclave(packages)]
    (packages[package] / "a.py").write_text("A = 2\n")
    measured.append(simulated_mrenclave(packages))
    (packages[package] / "a.py").rename(packages[package] / "b.py")
    measured.append(simulated_mrenclave(packages))
    (packages[package] / "c.py").write_text("")
    measured.append(simulated_mrenclave(packages))

    assert len(set(measured)) == 4


def test_the_lock_file_is_measured(packages: dict[str, Path], tmp_path: Path) -> None:
    lock = tmp_path / "requirements-worker.lock"
    lock.write_text("x==1\n")
    measured = [simulated_mrenclave(packages), simulated_mrenclave(packages, lock)]
    lock.write_text("x==2\n")
    measured.append(simulated_mrenclave(packages, lock))

    assert len(set(measured)) == 3


def test_what_is_not_in_the_image_is_not_measured(packages: dict[str, Path]) -> None:
    before = simulated_mrenclave(packages)
    worker, protocol = packages["encryptsecurert_worker"], packages["encryptsecurert_protocol"]

    (worker / "evidence" / "simulated.py").write_text("B = 2\n")
    (worker / "a.pyc").write_bytes(b"\0")

    assert simulated_mrenclave(packages) == before
    (protocol / "evidence" / "simulated.py").write_text("B = 2\n")
    assert simulated_mrenclave(packages) != before


def test_the_measurement_does_not_depend_on_the_place(
    packages: dict[str, Path], tmp_path: Path
) -> None:
    before = simulated_mrenclave(packages)
    moved = {name: folder.rename(tmp_path / f"x-{name}") for name, folder in packages.items()}

    assert simulated_mrenclave(moved) == before


def test_the_installed_packages_are_found_and_measured() -> None:
    found = installed_packages()

    assert tuple(sorted(found)) == MEASURED_PACKAGES
    assert (found["encryptsecurert_worker"] / "evidence" / "gramine.py").is_file()
    assert simulated_mrenclave(found) == simulated_mrenclave(found)


def test_a_lock_file_that_is_not_there_is_an_error(packages: dict[str, Path]) -> None:
    with pytest.raises(EncryptSecureRTError) as caught:
        simulated_mrenclave(packages, Path("missing.lock"))

    assert caught.value.code is ErrorCode.E_LOCAL_FILE


# ---- Gramine's device


def device_of(folder: Path, quote: bytes, kind: bytes = b"dcap") -> Path:
    """Make a folder that answers every question with one quote."""
    (folder / "attestation_type").write_bytes(kind)
    (folder / "user_report_data").write_bytes(bytes(64))
    (folder / "quote").write_bytes(quote)
    return folder


def test_a_working_device_gives_quotes_cut_at_their_end(platform: Platform, tmp_path: Path) -> None:
    quote = platform.quote(bytes(64), header_user_data=bytes(20))
    provider = GramineProvider(device_of(tmp_path, quote + bytes(3000), b"dcap\n"))

    assert provider.kind is Kind.GRAMINE
    assert provider.measurement == MRENCLAVE.hex()
    assert provider.quote(bytes(64)) == quote
    assert provider.collateral() is None


def test_the_question_reaches_the_device_in_full(platform: Platform, tmp_path: Path) -> None:
    provider = GramineProvider(device_of(tmp_path, platform.quote(bytes(64))))
    asked = bytes(range(64))
    (tmp_path / "quote").write_bytes(platform.quote(asked))

    assert provider.quote(asked)[368:432] == asked
    assert (tmp_path / "user_report_data").read_bytes() == asked


@pytest.mark.parametrize("missing", ["attestation_type", "user_report_data", "quote"])
def test_without_a_whole_device_there_is_no_provider(
    platform: Platform, tmp_path: Path, missing: str
) -> None:
    device = device_of(tmp_path, platform.quote(bytes(64)))
    assert GramineProvider(device).kind is Kind.GRAMINE
    (tmp_path / missing).unlink()

    with pytest.raises(NoEvidence):
        GramineProvider(device)


@pytest.mark.parametrize("kind", [b"none", b"epid", b"", b"dcapx"])
def test_another_kind_of_attestation_is_none(
    platform: Platform, tmp_path: Path, kind: bytes
) -> None:
    with pytest.raises(NoEvidence):
        GramineProvider(device_of(tmp_path, platform.quote(bytes(64)), kind))


@pytest.mark.parametrize("spoil", ["other data", "short", "empty", "long", "version"])
def test_a_device_that_answers_something_else_is_refused(
    platform: Platform, tmp_path: Path, spoil: str
) -> None:
    quote = platform.quote(bytes(64))
    spoiled = {
        "other data": platform.quote(bytes([1] * 64)),
        "short": quote[:-1],
        "empty": b"",
        "long": quote + bytes(65536),
        "version": b"\4" + quote[1:],
    }[spoil]

    with pytest.raises(NoEvidence):
        GramineProvider(device_of(tmp_path, spoiled))


def test_only_64_octets_are_asked(platform: Platform, tmp_path: Path) -> None:
    provider = GramineProvider(device_of(tmp_path, platform.quote(bytes(64))))

    with pytest.raises(NoEvidence):
        provider.quote(bytes(63))


def test_release_reads_a_devices_quote(platform: Platform, tmp_path: Path) -> None:
    told = release(GramineProvider(device_of(tmp_path, platform.quote(bytes(64)))))

    assert told == {
        "kind": "gramine",
        "mrenclave": MRENCLAVE.hex(),
        "mrsigner": MRSIGNER.hex(),
        "isvprodid": 1,
        "isvsvn": 1,
        "root_key_id": platform.root_key_id,
        "fmspc": platform.fmspc.hex(),
    }


@pytest.mark.parametrize("chain", ["", "rubbish"])
def test_release_refuses_a_quote_without_certificates(
    platform: Platform, tmp_path: Path, chain: str
) -> None:
    provider = GramineProvider(device_of(tmp_path, platform.quote(bytes(64), chain=chain)))

    with pytest.raises(EncryptSecureRTError) as caught:
        release(provider)

    assert caught.value.code is ErrorCode.E_PCK_CHAIN


@pytest.fixture
def live_device(platform: Platform, tmp_path: Path) -> Iterator[Path]:
    """Serve a device made of two pipes: each write of 64 octets is answered by one quote."""
    (tmp_path / "attestation_type").write_bytes(b"dcap")
    for name in ("user_report_data", "quote"):
        os.mkfifo(tmp_path / name)

    def serve() -> None:
        while asked := (tmp_path / "user_report_data").read_bytes():
            if asked == b"end":
                return
            (tmp_path / "quote").write_bytes(platform.quote(asked[:64]))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield tmp_path
    (tmp_path / "user_report_data").write_bytes(b"end")
    thread.join(timeout=5)


def test_threads_asking_at_once_get_their_own_quotes(live_device: Path) -> None:
    provider = GramineProvider(live_device)
    wrong: list[int] = []

    def ask(number: int) -> None:
        for _ in range(5):
            asked = bytes([number]) * 64
            if provider.quote(asked)[368:432] != asked:
                wrong.append(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)

    assert not any(thread.is_alive() for thread in threads)
    assert wrong == []
