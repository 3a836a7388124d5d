"""Receipts: they hold without the worker, and not with one octet changed."""

import dataclasses
from pathlib import Path

import pytest
from Testing.Integration.command_lines import run_client
from Testing.Integration.hospital import Hospital, Ward, write_series
from Testing.Integration.segmented import Done

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.receipts import Receipt, ReceiptBody
from encryptsecurert_protocol.rights import Role
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.jobs import Watcher
from EncryptSecureRTLib.client.protect import protect_series
from EncryptSecureRTLib.client.segment import SegmentRequest, segment_series
from EncryptSecureRTLib.client.verify import verify_receipt


def _verified(home: ClientHome, folder: Path) -> ErrorCode | None:
    try:
        verify_receipt(home, folder / "receipt.json")
    except EncryptSecureRTError as error:
        return error.code
    return None


def _copy(done: Done, folder: Path) -> Path:
    folder.mkdir(parents=True)
    for path in done.out.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def _flipped(octets: bytes, at: int) -> bytes:
    changed = bytearray(octets)
    changed[at] ^= 1
    return bytes(changed)


_MEMBERS: dict[str, tuple[int, set[ErrorCode]]] = {
    # member: where an octet flips, and what may be said of it
    "body": (-3, {ErrorCode.E_RECEIPT}),
    "signature": (5, {ErrorCode.E_RECEIPT}),
    "quote": (380, {ErrorCode.E_BINDING}),
    "statement": (-20, {ErrorCode.E_BINDING, ErrorCode.E_STATEMENT}),
    "nonce": (0, {ErrorCode.E_BINDING}),
    "spki": (-1, {ErrorCode.E_BINDING}),
}


@pytest.mark.parametrize("member", _MEMBERS)
def test_one_flipped_octet_of_a_receipt_is_refused(
    ward: Ward, done: Done, tmp_path: Path, member: str
) -> None:
    at, expected = _MEMBERS[member]
    folder = _copy(done, tmp_path / "copy")
    receipt = Receipt.decode((folder / "receipt.json").read_bytes())
    damaged = dataclasses.replace(receipt, **{member: _flipped(getattr(receipt, member), at)})  # type: ignore[arg-type]  # octets, all
    before = _verified(ward.physicist, folder)
    (folder / "receipt.json").write_bytes(damaged.encode())

    assert before is None
    assert _verified(ward.physicist, folder) in expected


def test_a_damaged_quote_signature_is_an_attestation_error(
    ward: Ward, done: Done, tmp_path: Path
) -> None:
    folder = _copy(done, tmp_path / "copy")
    receipt = Receipt.decode((folder / "receipt.json").read_bytes())
    damaged = dataclasses.replace(receipt, quote=_flipped(receipt.quote, 440))
    (folder / "receipt.json").write_bytes(damaged.encode())

    assert _verified(ward.physicist, folder) is ErrorCode.E_QUOTE_SIG


@pytest.mark.parametrize("name", ["rtstruct.dcm", "seg.dcm"])
def test_one_flipped_octet_of_a_result_is_refused(
    ward: Ward, done: Done, tmp_path: Path, name: str
) -> None:
    folder = _copy(done, tmp_path / "copy")
    octets = (folder / name).read_bytes()
    (folder / name).write_bytes(_flipped(octets, len(octets) // 2))

    assert _verified(ward.physicist, folder) is ErrorCode.E_RESULT
    (folder / name).write_bytes(octets)
    assert _verified(ward.physicist, folder) is None


def test_the_receipt_of_another_job_does_not_vouch_for_these_results(
    ward: Ward, done: Done, tmp_path: Path
) -> None:
    home = ward.physicist
    with ward.channel() as channel:
        body_only = segment_series(
            channel,
            home,
            SegmentRequest(folder=ward.protected, out=tmp_path / "b", structures=("body",)),
            Watcher(),
        )
    folder = _copy(done, tmp_path / "copy")
    (folder / "receipt.json").write_bytes(body_only.finished.receipt)

    assert _verified(home, folder) is ErrorCode.E_RESULT
    assert _verified(home, tmp_path / "b") is None


def test_a_receipt_signed_for_another_job_digest_is_refused(
    ward: Ward, done: Done, tmp_path: Path
) -> None:
    # The worker's own receipt key signs a body whose job is not the one that was quoted.
    core = ward.hospital.service.core
    receipt = Receipt.decode((done.out / "receipt.json").read_bytes())
    body = ReceiptBody.decode(receipt.body)
    other = core.sign_receipt(
        dataclasses.replace(body, job_sha256="ab" * 32), receipt.policy_sha256
    )
    swapped = dataclasses.replace(
        receipt, body=Receipt.decode(other).body, signature=Receipt.decode(other).signature
    )
    folder = _copy(done, tmp_path / "copy")
    (folder / "receipt.json").write_bytes(other)
    honest = _verified(ward.physicist, folder)
    (folder / "receipt.json").write_bytes(swapped.encode())

    assert honest is None
    assert _verified(ward.physicist, folder) is ErrorCode.E_RECEIPT


def test_receipts_verify_after_the_worker_has_gone(tmp_path: Path) -> None:
    hospital = Hospital(tmp_path / "stand")
    home = hospital.user(Role.TECHNICIAN)
    original = write_series(tmp_path / "ct")
    with hospital:
        hospital.provision()
        with hospital.channel(home) as channel:
            made = protect_series(channel, home, original, tmp_path / "p", Watcher())
    (receipt,) = made.receipts
    home_of_nobody = tmp_path / "nobody"

    run = run_client("verify", receipt, home=home)
    rows = {line["name"]: line["ok"] for line in run.lines if line["kind"] == "check"}
    stranger = run_client("verify", receipt, home=home_of_nobody)

    assert run.code == 0
    assert run.result["task"] == "protect"
    assert run.result["time_proved"] is True
    assert run.result["still_holds"] is True
    assert rows == {"evidence": True, "signature": True, "time": True, "files": None, "today": True}
    assert (stranger.code, stranger.error["code"]) == (6, "E_POLICY_MISSING")


def test_a_receipt_under_an_altered_note_of_its_arrival_is_refused(
    ward: Ward, done: Done, tmp_path: Path
) -> None:
    home = ward.hospital.fresh_home(ward.physicist, tmp_path / "home")
    note = home.receipts_path / done.made.finished.judged.sha256 / "received.json"
    octets = note.read_bytes()
    note.write_bytes(_flipped(octets, len(octets) // 3))

    assert _verified(home, done.out) is ErrorCode.E_RECEIPT
    note.unlink()  # then the time is the worker's word only, and said to be
    report = verify_receipt(home, done.out / "receipt.json")
    assert report.time_proved is False
