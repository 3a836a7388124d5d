"""`encryptsecurert-admin offline`: recipients come and go with the epoch, and open their items."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)
from Testing.Unit.protect.conftest import make_ct, request_of
from Testing.Unit.reveal.offline_site import (
    CONSOLE,
    WORKSHOP,
    OfflineSite,
    certificate_of_nobody,
    file_of,
)

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.offline import OfflineRecipient
from encryptsecurert_protocol.reveals import RevealClass
from EncryptSecureRTLib.custodian import cli_offline
from EncryptSecureRTLib.custodian.changes import with_offline, without_offline
from EncryptSecureRTLib.custodian.cli import main
from EncryptSecureRTLib.custodian.escrow_pem import escrow_pem
from EncryptSecureRTLib.custodian.recover import EscrowKey, recover_file
from EncryptSecureRTLib.custodian.site import Site

Run = Callable[..., tuple[int, list[dict[str, Any]]]]
_PASSPHRASE = b"correct horse battery"


@pytest.fixture(scope="module")
def ders() -> Sequence[bytes]:
    return [certificate_of_nobody(number) for number in range(5)]


@pytest.fixture
def certificate(ders: Sequence[bytes], tmp_path: Path) -> Callable[[int], Path]:
    def write(number: int) -> Path:
        path = tmp_path / f"{number}.der"
        path.write_bytes(ders[number])
        return path

    return write


Certificate = Callable[[int], Path]


def _added(run: Run, site_dir: Path, name: str, path: Path, *classes: str) -> tuple[int, Any]:
    words = [word for one in classes for word in ("--class", one)]
    code, lines = run("offline", "add", site_dir, name, *words, "--certificate", path)
    return code, lines[-1]


def test_a_recipient_is_added_listed_and_removed_each_with_a_new_epoch(
    run: Run, site_dir: Path, certificate: Certificate, ders: Sequence[bytes], tmp_path: Path
) -> None:
    pem = tmp_path / "certificate.pem"
    pem.write_bytes(x509.load_der_x509_certificate(ders[1]).public_bytes(Encoding.PEM))

    code, added = _added(run, site_dir, "ward", certificate(0), "identity", "dates", "dates")
    assert (code, added["epoch"], added["provision_again"]) == (0, 2, True)
    assert _added(run, site_dir, "console", pem, "private")[1]["epoch"] == 3

    _, (listed,) = run("offline", "list", site_dir)
    fingerprints = [hashlib.sha256(ders[number]).hexdigest() for number in (1, 0)]
    assert listed["offline"] == [
        {"name": "console", "classes": ["private"], "fingerprint": fingerprints[0]},
        {"name": "ward", "classes": ["dates", "identity"], "fingerprint": fingerprints[1]},
    ]
    assert added["fingerprint"] == fingerprints[1]
    _, (bundle,) = run("bundle", site_dir, "--show")
    assert (bundle["epoch"], bundle["offline"]) == (3, ["console", "ward"])
    assert run("offline", "remove", site_dir, "ward")[1][0]["epoch"] == 4
    _, (listed,) = run("offline", "list", site_dir)
    assert [one["name"] for one in listed["offline"]] == ["console"]


def test_the_bundle_has_the_recipients_of_its_epoch_and_none_at_first(
    site: Site, ders: Sequence[bytes]
) -> None:
    assert site.current_bundle().content.offline == ()
    recipient = _recipient("console", ders[0])

    site.change(lambda state, _: with_offline(state, recipient))

    assert site.current_bundle().content.offline == (recipient,)


def _recipient(name: str, der: bytes) -> OfflineRecipient:
    return OfflineRecipient(name=name, classes=(RevealClass.DATES,), certificate=der)


def test_what_a_bundle_may_not_hold_is_refused_and_costs_no_epoch(
    site: Site, ders: Sequence[bytes]
) -> None:
    site.change(lambda state, _: with_offline(state, _recipient("console", ders[0])))
    refused = [
        _recipient("console", ders[1]),  # the name is taken
        _recipient("other", ders[0]),  # the key is
        _recipient("other", site.state.recipient_certificate),
        _recipient("other", site.state.escrow_certificate),
        _recipient("other", certificate_of_nobody(9, bits=2048)),
        _recipient("other", b"nonsense"),
    ]

    for one in refused:
        with pytest.raises(EncryptSecureRTError) as refusal:
            site.change(lambda state, _, one=one: with_offline(state, one))  # type: ignore[misc]  # bound here
        assert refusal.value.code is ErrorCode.E_USAGE
    with pytest.raises(EncryptSecureRTError) as refusal:
        site.change(lambda state, _: without_offline(state, "other"))
    assert refusal.value.code is ErrorCode.E_NOT_FOUND
    assert site.state.epoch == 2


def test_there_are_four_at_most(site: Site, ders: Sequence[bytes]) -> None:
    for number in range(4):
        recipient = _recipient(f"r{number}", ders[number])
        site.change(lambda state, _, one=recipient: with_offline(state, one))  # type: ignore[misc]  # bound here

    with pytest.raises(EncryptSecureRTError) as refusal:
        site.change(lambda state, _: with_offline(state, _recipient("r4", ders[4])))

    assert refusal.value.code is ErrorCode.E_USAGE


@pytest.mark.parametrize(
    ("name", "classes"),
    [("Dr. Other", ["--class", "dates"]), ("other", ["--class", "everything"]), ("other", [])],
    ids=["name", "class", "no class"],
)
def test_a_command_that_says_what_there_is_not_is_refused(
    run: Run, tmp_path: Path, certificate: Certificate, name: str, classes: list[str]
) -> None:
    path = certificate(0)

    code, lines = run("offline", "add", tmp_path / "site", name, *classes, "--certificate", path)

    assert (code, lines[-1]["code"]) == (ErrorCode.E_USAGE.value.exit_code, "E_USAGE")


@pytest.fixture(scope="module")
def protecting() -> OfflineSite:
    return OfflineSite()


@pytest.fixture
def file(protecting: OfflineSite, tmp_path: Path) -> Path:
    path = tmp_path / "protected.dcm"
    device: dict[int, tuple[bytes, Any] | None] = {
        0x00080070: (b"LO", b"CANARY-DEVICE\x1b[2J"),
    }
    path.write_bytes(file_of(protecting.protector.protect(request_of(make_ct(device)))))
    return path


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Open files as to a pipe, which the tests' standard output is not; return code and lines."""
    monkeypatch.setattr(cli_offline, "refuse_if_kept", lambda: None)

    def run_it(*words: object) -> tuple[int, list[dict[str, Any]]]:
        code = main(["offline", "open", *map(str, words), "--json"])
        return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return run_it


def _options(protecting: OfflineSite, folder: Path, who: int) -> list[object]:
    key, certificate = protecting.write_pem(folder, who)
    return ["--key", key, "--certificate", certificate]


@pytest.mark.parametrize(
    ("who", "keywords"),
    [
        (CONSOLE, {"SOPInstanceUID", "PatientName", "PatientID", "StudyDate"}),
        (WORKSHOP, {"SOPInstanceUID", "Manufacturer"}),
    ],
)
def test_a_recipient_is_told_its_attributes_and_that_nothing_was_verified(
    protecting: OfflineSite,
    file: Path,
    told: Callable[..., Any],
    tmp_path: Path,
    who: int,
    keywords: set[str],
) -> None:
    code, (warning, result) = told(file, *_options(protecting, tmp_path, who))

    assert code == 0
    assert "Not verified" in warning["warning"]
    assert result["verified"] is False
    (one,) = result["files"]
    assert {row[1] for row in one["attributes"]} == keywords


def test_whatever_goes_wrong_in_opening_is_one_error_and_the_others_go_on(
    protecting: OfflineSite, file: Path, told: Callable[..., Any], tmp_path: Path
) -> None:
    clear, broken = tmp_path / "clear", tmp_path / "broken"
    clear.write_bytes(make_ct())
    octets = bytearray(file.read_bytes())
    first, second, _ = (one.end() for one in re.finditer(rb"\x04\x20\x05OB\0\0", bytes(octets)))
    # The last block of the second item: its padding, without which CBC opens to nothing.
    length = int.from_bytes(octets[second : second + 4], "little")
    octets[second + 4 + length - 24] ^= 0xFF
    broken.write_bytes(octets)
    assert first < second

    code, (_, result, error) = told(broken, clear, file, *_options(protecting, tmp_path, CONSOLE))

    outcomes = [one["outcome"] for one in result["files"]]
    assert outcomes == ["E_SEAL", "E_NOT_PROTECTED", "opened"]
    assert (result["opened"], result["refused"]) == (1, 2)
    assert code == error["exit_code"] == ErrorCode.E_SEAL.value.exit_code
    assert "CANARY" not in json.dumps(error)


def test_a_key_that_no_item_is_for_opens_nothing(
    protecting: OfflineSite, ders: Sequence[bytes], told: Callable[..., Any], tmp_path: Path
) -> None:
    path = tmp_path / "plain.dcm"
    path.write_bytes(file_of(protecting.plain.protect(request_of(make_ct()))))

    code, lines = told(path, *_options(protecting, tmp_path, CONSOLE))

    assert (code, lines[-1]["code"]) == (ErrorCode.E_SEAL.value.exit_code, "E_SEAL")
    assert lines[1]["files"][0]["attributes"] == []


def test_a_key_under_a_passphrase_is_opened_with_it(
    protecting: OfflineSite, file: Path, told: Callable[..., Any], tmp_path: Path
) -> None:
    options = _options(protecting, tmp_path, CONSOLE)
    key = tmp_path / "sealed.pem"
    encryption = BestAvailableEncryption(_PASSPHRASE)
    key.write_bytes(
        protecting.pairs[CONSOLE][0].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    )
    (tmp_path / "right").write_bytes(_PASSPHRASE)
    (tmp_path / "wrong").write_bytes(_PASSPHRASE + b"!")
    options[1] = key

    right, wrong = (
        told(file, *options, "--passphrase-file", tmp_path / name) for name in ("right", "wrong")
    )

    assert right[0] == 0
    assert (wrong[0], wrong[1][-1]["code"]) == (ErrorCode.E_SEAL.value.exit_code, "E_SEAL")


@pytest.fixture
def output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give standard output a file, as a shell does."""
    path = tmp_path / "kept"
    with path.open("w") as kept:
        monkeypatch.setattr("sys.stdout", kept)
        yield path


def test_nothing_is_told_into_a_file(
    protecting: OfflineSite, file: Path, output: Path, tmp_path: Path
) -> None:
    words = ["offline", "open", str(file), *map(str, _options(protecting, tmp_path, CONSOLE))]

    code = main([*words, "--json"])

    assert code == ErrorCode.E_USAGE.value.exit_code
    assert "CANARY" not in output.read_text()


def test_people_get_a_table_that_commands_no_terminal(
    protecting: OfflineSite,
    file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(cli_offline, "refuse_if_kept", lambda: None)

    main(["offline", "open", str(file), *map(str, _options(protecting, tmp_path, WORKSHOP))])

    said = capsys.readouterr()
    assert "CANARY-DEVICE?[2J" in said.out
    assert "\x1b[2J" not in said.out
    assert "Not verified" in said.err


def test_the_escrow_key_brings_a_file_with_several_items_back(
    protecting: OfflineSite, file: Path, tmp_path: Path
) -> None:
    key, certificate = protecting.pairs[1]
    (tmp_path / "escrow.key").write_bytes(escrow_pem(key, _PASSPHRASE))
    (tmp_path / "escrow.pem").write_bytes(certificate.public_bytes(Encoding.PEM))

    assert recover_file(file, tmp_path / "out", EscrowKey.load(tmp_path, _PASSPHRASE))
