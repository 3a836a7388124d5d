"""What the verifier keeps, how it reads JSON, and when a verdict counts as one."""

import datetime as dt
import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from Testing.Unit.attest.bench import Bench, certificate_with
from Testing.Unit.attest.forge import (
    NOW,
    ROOT,
    SIGNER,
    Platform,
    certificate,
    pem,
    spki_of,
)

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.attest import localfiles, verifier
from EncryptSecureRTLib.attest.localfiles import read_whole, write_whole
from EncryptSecureRTLib.attest.memory import ReplayCache
from EncryptSecureRTLib.attest.strictjson import NotStrict, read_object
from EncryptSecureRTLib.attest.verdict import Outcome, RowBook, Verdict, VerdictKind

E = ErrorCode
ALGORITHM = bytes.fromhex("300a06082a8648ce3d040302")


def code_of(call: Callable[[], object]) -> ErrorCode | None:
    try:
        call()
    except EncryptSecureRTError as error:
        return error.code
    return None


# ---- files and memory


def test_a_file_is_written_whole_and_for_the_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"

    write_whole(path, b"one")
    write_whole(path, b"two")

    assert read_whole(path, 3) == b"two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [item.name for item in path.parent.iterdir()] == ["file"]


def test_trouble_with_a_file_has_one_code(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"four")

    assert read_whole(tmp_path / "missing", 1) is None
    assert code_of(lambda: read_whole(tmp_path / "file", 3)) is E.E_LOCAL_FILE
    assert code_of(lambda: read_whole(tmp_path, 3)) is E.E_LOCAL_FILE
    assert code_of(lambda: write_whole(tmp_path / "file" / "x", b"")) is E.E_LOCAL_FILE


@pytest.mark.parametrize("random", ["abc", None])
def test_a_link_planted_at_a_temporary_name_is_never_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, random: str | None
) -> None:
    victim, path = tmp_path / "victim", tmp_path / "file"
    victim.write_bytes(b"mine")
    planted = tmp_path / f"file.{random or os.getpid()}.new"
    planted.symlink_to(victim)
    if random is not None:  # a name that was guessed after all
        monkeypatch.setattr(localfiles, "token_hex", lambda octets: random)

    code = code_of(lambda: write_whole(path, b"new"))

    assert victim.read_bytes() == b"mine"
    assert planted.is_symlink()
    assert code is (None if random is None else E.E_LOCAL_FILE)
    assert read_whole(path, 3) == (b"new" if random is None else None)
    assert not path.is_symlink()


@pytest.mark.parametrize(("owner", "name"), [(os, "fsync"), (Path, "replace")])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: object, name: str
) -> None:
    path = tmp_path / "file"
    write_whole(path, b"old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, full)
        assert code_of(lambda: write_whole(path, b"new")) is E.E_LOCAL_FILE

    assert read_whole(path, 3) == b"old"
    assert list(tmp_path.iterdir()) == [path]
    write_whole(path, b"new")
    assert read_whole(path, 3) == b"new"


@pytest.mark.parametrize("octets", [b"", b"rubbish", b'{"clock_floor":"soon"}'])
def test_a_damaged_clock_floor_is_an_error(bench: Bench, octets: bytes) -> None:
    assert bench.judge_certificate().accepted
    (bench.folder / "clock-floor.json").write_bytes(octets)

    assert code_of(bench.judge_certificate) is E.E_LOCAL_FILE


def test_the_replay_cache_forgets_the_oldest_first() -> None:
    cache = ReplayCache(capacity=2)

    assert [cache.use_nonce(nonce) for nonce in (b"1", b"2", b"1", b"3", b"2")] == [
        True,
        True,
        False,
        True,
        False,
    ]
    assert cache.recent_nonces() == [b"3", b"2"]
    assert cache.use_nonce(b"1")


def test_the_keys_that_were_accepted_are_bounded(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifier, "_KEPT_KEYS", 1)
    judge = bench.verifier()
    nonce = bench.nonce()
    assert bench.judge_fresh(nonce=nonce, verifier=judge).accepted
    other = ec.generate_private_key(ec.SECP384R1())
    spki = spki_of(other)
    evidence = bench.evidence(cbor2.dumps({"pubkey-hash": cbor2.dumps([1, digest_of(spki)])}))
    der = certificate_with([("2.23.133.5.4.9", evidence)], key=other)
    assert judge.judge_certificate(der).accepted

    assert bench.judge_fresh(verifier=judge, attested=False).code is E.E_SESSION


def digest_of(octets: bytes) -> bytes:
    digest = hashes.Hash(hashes.SHA256())
    digest.update(octets)
    return digest.finalize()


def test_the_systems_time_is_aware(bench: Bench) -> None:
    assert verifier.utc_now().utcoffset() == dt.timedelta(0)
    assert bench.verifier().policy.version == 3


# ---- JSON and verdicts


def test_json_is_bounded_in_size_and_depth() -> None:
    assert read_object(b'{"a":1}', 7) == {"a": 1}
    with pytest.raises(NotStrict):
        read_object(b'{"a":1}', 6)
    nested: list[Any] = []
    for _ in range(14):
        nested = [nested]
    assert read_object(json.dumps({"a": nested}).encode(), 100) == {"a": nested}
    with pytest.raises(NotStrict):
        read_object(json.dumps({"a": [nested]}).encode(), 100)


def verdict_of(outcome: Outcome, *, accepted: bool, code: ErrorCode | None = None) -> Verdict:
    book = RowBook()
    for number in range(1, 20):
        book.passed(number)
    rows = list(book.rows())
    row = rows[6]
    rows[6] = type(row)(number=row.number, name=row.name, outcome=outcome)
    return Verdict(
        kind=VerdictKind.FRESH,
        accepted=accepted,
        simulated=False,
        code=code,
        rows=tuple(rows),
        judged_at=NOW,
        policy_sha256="",
    )


@pytest.mark.parametrize("outcome", list(Outcome))
def test_a_verdict_is_accepted_only_with_rows_that_allow_it(outcome: Outcome) -> None:
    fine = outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE)

    code = code_of(lambda: verdict_of(outcome, accepted=True))

    assert code is (None if fine else E.E_INTERNAL)
    assert not verdict_of(outcome, accepted=False, code=E.E_BINDING).accepted


def test_a_verdict_has_a_code_exactly_if_it_is_refused() -> None:
    assert code_of(lambda: verdict_of(Outcome.PASS, accepted=False)) is E.E_INTERNAL
    assert code_of(lambda: verdict_of(Outcome.PASS, accepted=True, code=E.E_CBOR)) is E.E_INTERNAL


def test_signers_are_known_by_their_role(bench: Bench, platform: Platform) -> None:
    """The same key under another name is not the TCB signer."""
    other = certificate("Other Signing", platform.signer_key, ROOT, platform.root_key)
    same = certificate(SIGNER, platform.signer_key, ROOT, platform.root_key)
    for signer, expected in ((same, None), (other, E.E_COLLATERAL_SIG)):
        chain = pem(signer, platform.root)
        bench.put_collateral(platform.collateral(qe_identity_issuer_chain=chain))
        assert bench.judge_certificate().code is expected
