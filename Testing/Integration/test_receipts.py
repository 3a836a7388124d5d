"""Receipts: they hold without the worker, and not with one octet changed."""

import dataclasses
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from stand import release_octets
from Testing.Integration.command_lines import run_client
from Testing.Integration.hospital import Hospital, Ward, write_series
from Testing.Integration.segmented import Done

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.receipts import Receipt, ReceiptBody
from encryptsecurert_protocol.rights import Role
from encryptsecurert_worker.core import WorkerCore
from EncryptSecureRTLib.client.channel import open_channel
from EncryptSecureRTLib.client.home import ClientHome
from EncryptSecureRTLib.client.jobs import Watcher
from EncryptSecureRTLib.client.pacs.fitness import fit_files
from EncryptSecureRTLib.client.protect import protect_series
from EncryptSecureRTLib.client.segment import SegmentRequest, segment_series
from EncryptSecureRTLib.client.verify import verify_receipt
from EncryptSecureRTLib.custodian.release import Release


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


# ---- the policy under which a receipt was accepted


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A receipt from before the site withdrew the build that made it."""

    hospital: Hospital
    home: ClientHome
    receipt: Path
    original: Path
    old: tuple[bytes, bytes]
    between: tuple[bytes, bytes]
    new: tuple[bytes, bytes]

    def copy(self, folder: Path, *, today: bool = True) -> tuple[ClientHome, Path]:
        """Return a home of one's own, with the site's newest policy if `today`."""
        home = self.hospital.fresh_home(self.home, folder)
        if today:
            _take_policy(home.path, self.new)
        return home, home.receipts_path / self.receipt.parent.name


def _take_policy(folder: Path, policy: tuple[bytes, bytes]) -> None:
    (folder / "policy.json").write_bytes(policy[0])
    (folder / "policy.json.sig").write_bytes(policy[1])


def _site_policy(hospital: Hospital) -> tuple[bytes, bytes]:
    policy = hospital.site.state.policy
    assert policy is not None
    return policy.octets, policy.signature


def _accept_another(hospital: Hospital) -> tuple[bytes, bytes]:
    """Let the site accept another build as well; return the policy."""
    release = json.loads(release_octets(hospital.provider))
    release["mrenclave"] = "ab" * 32
    octets = json.dumps(release).encode()
    hospital.site.set_policy(Release.decode(octets), hospital.provider.collateral(), True)
    return _site_policy(hospital)


def _withdraw(hospital: Hospital) -> tuple[bytes, bytes]:
    """Let the site accept this worker's build no longer; return the policy."""
    hospital.site.withdraw_build(hospital.provider.measurement)
    return _site_policy(hospital)


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moved]:
    folder = tmp_path_factory.mktemp("moved")
    hospital = Hospital(folder / "stand")
    home = hospital.user(Role.TECHNICIAN)
    original = write_series(folder / "ct")
    with hospital:
        hospital.provision()
        old = _site_policy(hospital)
        with hospital.channel(home) as channel:
            made = protect_series(channel, home, original, folder / "p", Watcher())
        yield Moved(
            hospital=hospital,
            home=home,
            receipt=made.receipts[0],
            original=original,
            old=old,
            between=_accept_another(hospital),
            new=_withdraw(hospital),
        )


def test_a_receipt_holds_as_of_its_time_after_the_site_withdrew_the_build(
    moved: Moved, tmp_path: Path
) -> None:
    home, folder = moved.copy(tmp_path / "home")

    for _ in range(2):  # the first run notes the newer version of the policy
        run = run_client("verify", folder / "receipt.json", home=home)
        checks = [line for line in run.lines if line["kind"] == "check"]
        rows = {line["name"]: (line["ok"], line["code"]) for line in checks}
        assert run.code == 0
        assert rows["evidence"] == (True, None)
        assert rows["today"] == (False, "E_MEASUREMENT")
        assert run.result["time_proved"] is True
        assert run.result["still_holds"] is False
        assert run.result["verdict"]["policy_sha256"] == hashlib.sha256(moved.old[0]).hexdigest()


def test_another_policy_in_the_archive_is_refused_though_the_site_signed_it(
    moved: Moved, tmp_path: Path
) -> None:
    home, folder = moved.copy(tmp_path / "home", today=False)
    assert _verified(home, folder) is None

    _take_policy(folder, moved.new)
    assert _verified(home, folder) is ErrorCode.E_RECEIPT
    _take_policy(folder, (moved.old[0] + b" ", moved.old[1]))
    assert _verified(home, folder) is ErrorCode.E_RECEIPT


@pytest.mark.parametrize("signature", [None, b"", bytes(64)], ids=["none", "empty", "wrong"])
def test_an_archived_policy_counts_only_with_the_sites_signature(
    moved: Moved, tmp_path: Path, signature: bytes | None
) -> None:
    home, folder = moved.copy(tmp_path / "home", today=False)
    path = folder / "policy.json.sig"
    path.unlink()
    if signature is not None:
        path.write_bytes(signature)

    assert _verified(home, folder) is ErrorCode.E_POLICY_SIGNATURE


def test_a_receipt_that_is_not_archived_here_needs_the_policy_that_it_names(
    moved: Moved, tmp_path: Path
) -> None:
    home, folder = moved.copy(tmp_path / "home", today=False)
    elsewhere = tmp_path / "elsewhere"
    folder.rename(elsewhere)
    report = verify_receipt(home, elsewhere / "receipt.json")
    _take_policy(home.path, moved.new)
    with pytest.raises(EncryptSecureRTError) as caught:
        verify_receipt(home, elsewhere / "receipt.json")

    assert (report.time_proved, report.still_holds) == (False, True)
    assert caught.value.code is ErrorCode.E_POLICY_MISSING
    assert caught.value.detail == "the policy that the receipt names is not here"


def test_a_policy_that_changes_while_a_job_runs_ends_it_without_a_trace(
    moved: Moved, tmp_path: Path
) -> None:
    home, _ = moved.copy(tmp_path / "home", today=False)
    archived = sorted(home.receipts_path.iterdir())

    def at(stage: str) -> None:
        if stage == "run":
            _take_policy(home.path, moved.between)

    with moved.hospital.channel(home) as channel, pytest.raises(EncryptSecureRTError) as caught:
        protect_series(channel, home, moved.original, tmp_path / "p", Watcher(stage=at))

    # This policy accepts the worker as well, but it is not the one that the order named.
    assert (caught.value.code, caught.value.detail) == (
        ErrorCode.E_POLICY,
        "it changed while the job ran",
    )
    assert not (tmp_path / "p").exists()
    assert sorted(home.receipts_path.iterdir()) == archived


def test_a_receipt_that_names_another_policy_than_the_job_is_refused(
    moved: Moved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, _ = moved.copy(tmp_path / "home", today=False)
    honest = WorkerCore.sign_receipt

    def sign_receipt(self: WorkerCore, body: ReceiptBody, policy_sha256: str) -> bytes:
        return honest(self, body, "cd" * 32)

    monkeypatch.setattr(WorkerCore, "sign_receipt", sign_receipt)
    with moved.hospital.channel(home) as channel, pytest.raises(EncryptSecureRTError) as caught:
        protect_series(channel, home, moved.original, tmp_path / "p", Watcher())

    assert caught.value.code is ErrorCode.E_RECEIPT
    assert not (tmp_path / "p").exists()


def test_an_unsigned_policy_serves_a_simulated_job_and_no_later_proof(
    moved: Moved, tmp_path: Path
) -> None:
    home, _ = moved.copy(tmp_path / "home", today=False)
    (home.path / "policy.json.sig").unlink()

    with open_channel(home, moved.hospital.url, unsafe_allow_simulated=True) as channel:
        made = protect_series(channel, home, moved.original, tmp_path / "p", Watcher())

    assert made.simulated
    assert made.receipts[0].with_name("policy.json").read_bytes() == moved.old[0]
    assert _verified(home, made.receipts[0].parent) is ErrorCode.E_POLICY_SIGNATURE


def test_results_may_go_to_a_pacs_as_long_as_their_receipt_names_them(
    ward: Ward, done: Done, tmp_path: Path
) -> None:
    home = ward.physicist
    folder, changed, alone = (_copy(done, tmp_path / name) for name in ("a", "b", "c"))
    seg = changed / "seg.dcm"
    seg.write_bytes(_flipped(seg.read_bytes(), -1))
    (alone / "receipt.json").unlink()

    fit = fit_files(folder, home)

    names = {one.outgoing.path.name for one in fit.files}
    assert (names, fit.manifests) == ({"rtstruct.dcm", "seg.dcm"}, ())
    for refused, code in ((changed, ErrorCode.E_RESULT), (alone, ErrorCode.E_NOT_PROTECTED)):
        with pytest.raises(EncryptSecureRTError) as caught:
            fit_files(refused, home)
        assert caught.value.code is code
