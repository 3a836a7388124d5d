"""Items of offline recipients: each opens exactly its classes, and none can be changed unseen."""

import dataclasses
import shutil
import subprocess
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.filereader import read_dataset
from Testing.Unit.protect.conftest import PIXELS, make_ct, request_of
from Testing.Unit.protect.kinds import Kept, dciodvfy_errors, der_octets, outcomes
from Testing.Unit.protect.wholes import whole
from Testing.Unit.reveal.offline_site import (
    CLASSES,
    CONSOLE,
    WORKSHOP,
    OfflineSite,
    contents_of,
    file_of,
    keywords_in,
)
from Testing.Unit.reveal.signing import protected_request

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.headers import MAX_HEADER_BYTES, ProtectedHeader
from encryptsecurert_protocol.offline import MAX_OFFLINE
from encryptsecurert_protocol.reveals import RevealClass, RevealRequest
from encryptsecurert_worker.dicom.manifest.entries import read_answer, read_protected
from encryptsecurert_worker.dicom.protect import Protector
from encryptsecurert_worker.dicom.protect.class_items import classes_in
from encryptsecurert_worker.dicom.protect.elements import read_header
from encryptsecurert_worker.dicom.protect.writing import write_sequence
from encryptsecurert_worker.dicom.reveal import opening
from encryptsecurert_worker.dicom.reveal.classes import class_of, named_class
from EncryptSecureRTLib.client.dicomfiles import split_protected
from EncryptSecureRTLib.client.inspect import inspect_file
from EncryptSecureRTLib.client.pacs.clearform import protected_form
from EncryptSecureRTLib.client.telling import inspected_told

CANARIES: dict[int, tuple[bytes, Any] | None] = {
    0x00080005: (b"CS", b"ISO_IR 100"),
    0x00080070: (b"LO", b"CANARY-DEVICE"),
    0x00081030: (b"LO", b"CANARY-TEXT"),
    0x00080012: (b"DA", b"19870605"),
    0x00100030: (b"DA", b"19010101"),
    0x00091010: (b"LO", b"CANARY-PRIVATE"),
    0x00081140: (b"SQ", [[(0x00081155, b"UI", b"1.2.9.9.9")]]),
    # Spans text, labels and uids: in no item.
    0x30060020: (
        b"SQ",
        [[(0x30060022, b"IS", b"1"), (0x30060024, b"UI", b"1.2.9"), (0x30060026, b"LO", b"ROI")]],
    ),
    # As a whole of identity.
    0x00101002: (b"SQ", [[(0x00100020, b"LO", b"CANARY-OTHER")]]),
}
OF_THE_CONSOLE = {
    *("SpecificCharacterSet", "SOPInstanceUID", "PatientName", "PatientID", "StudyDate"),
    *("InstanceCreationDate", "OtherPatientIDsSequence"),
}


@pytest.fixture(scope="module")
def offline() -> OfflineSite:
    return OfflineSite()


@pytest.fixture(scope="module")
def answer(offline: OfflineSite) -> ProtectedHeader:
    return offline.protector.protect(request_of(make_ct(CANARIES)))


def test_each_recipient_opens_exactly_its_classes(
    offline: OfflineSite, answer: ProtectedHeader
) -> None:
    _, console, workshop = contents_of(answer)

    names, machines = offline.open(console, CONSOLE), offline.open(workshop, WORKSHOP)

    assert set(keywords_in(names)) == OF_THE_CONSOLE
    assert set(keywords_in(machines)) == {"SpecificCharacterSet", "SOPInstanceUID", "Manufacturer"}
    for octets in (b"CANARY^NAME", b"CANARY-4711", b"CANARY-OTHER", b"20010203", b"19870605"):
        assert octets in names
        assert octets not in machines
    for octets in (b"CANARY HOSPITAL", b"CANARY-TEXT", b"CANARY-PRIVATE", b"19010101", b"1.2.9"):
        assert octets not in names + machines
    assert b"CANARY-DEVICE" in machines
    assert b"CANARY-DEVICE" not in names
    assert PIXELS not in names + machines


def test_no_item_opens_with_the_key_of_another(
    offline: OfflineSite, answer: ProtectedHeader
) -> None:
    contents = contents_of(answer)

    opened = set()
    for who in range(len(offline.pairs)):
        for number, content in enumerate(contents):
            try:
                offline.open(content, who)
            except ValueError:
                continue
            opened.add((who, number))

    assert opened == {(0, 0), (1, 0), (CONSOLE, 1), (WORKSHOP, 2)}


def test_the_first_item_is_as_it_is_without_offline_recipients(
    offline: OfflineSite, answer: ProtectedHeader
) -> None:
    without = offline.plain.protect(request_of(make_ct(CANARIES)))

    (only,) = contents_of(without)
    first, *others = contents_of(answer)

    assert offline.open(first) == offline.open(only)
    assert len(first) == len(only)
    assert len({len(one) for one in others}) == 1
    heads = sum(8 + 8 + 20 + 12 + len(one) + len(one) % 2 for one in others)
    assert len(answer.header) == len(without.header) + heads


_VARIED: list[dict[int, tuple[bytes, Any] | None]] = [
    {},
    CANARIES,
    {0x00081090: (b"LO", b"x" * 60)},
]


def test_a_recipient_of_whom_nothing_is_there_has_an_item_of_the_same_size(
    offline: OfflineSite,
) -> None:
    sizes = [
        [len(one) for one in contents_of(offline.protector.protect(request_of(make_ct(changes))))]
        for changes in _VARIED
    ]

    assert len({tuple(one[1:]) for one in sizes}) == 1


def test_a_file_that_is_sealed_whole_has_them_too_and_no_pixels_in_them(
    offline: OfflineSite,
) -> None:
    answer = offline.protector.protect(whole(make_ct(CANARIES)))

    _, console, _ = contents_of(answer)

    opened = offline.open(console, CONSOLE)
    assert set(keywords_in(opened)) == OF_THE_CONSOLE
    assert PIXELS not in opened


def test_an_implicit_original_is_told_in_explicit_vr(offline: OfflineSite) -> None:
    answer = offline.protector.protect(request_of(make_ct(CANARIES, implicit=True)))

    assert set(keywords_in(offline.open(contents_of(answer)[1], CONSOLE))) == OF_THE_CONSOLE


def test_openssl_opens_an_item_with_its_recipients_key(
    offline: OfflineSite, answer: ProtectedHeader, tmp_path: Path
) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    content = contents_of(answer)[1]
    key, certificate = offline.write_pem(tmp_path, CONSOLE)
    (tmp_path / "cms").write_bytes(content)

    opened = subprocess.run(
        [
            *("openssl", "cms", "-decrypt", "-inform", "DER", "-binary", "-in", "cms"),
            *("-inkey", str(key), "-recip", str(certificate)),
        ],
        cwd=tmp_path,
        capture_output=True,
        check=True,
    ).stdout

    assert opened == offline.open(content, CONSOLE)


def _classes_of(plaintext: bytes) -> set[RevealClass]:
    """Return the classes of all that is in an opened item, at every depth."""
    dataset = read_dataset(BytesIO(plaintext), is_implicit_VR=False, is_little_endian=True)
    (item,) = dataset[0x04000550].value
    tags = [(e.tag, e.VR) for e in _leaves(item) if e.keyword != "SpecificCharacterSet"]
    return {class_of(int(tag), vr.encode("ascii")) for tag, vr in tags}


def _leaves(dataset: pydicom.Dataset, *, inside: bool = False) -> Iterator[pydicom.DataElement]:
    for element in dataset:
        if element.VR == "SQ" and named_class(int(element.tag)) is None:
            for item in element.value:
                yield from _leaves(item, inside=True)
        elif inside or element.keyword != "SOPInstanceUID":
            yield element


_ALL = frozenset(RevealClass)
_C = RevealClass


@pytest.mark.parametrize(
    ("tag", "vr", "value", "classes"),
    [
        (0x00100010, b"PN", b"A", {_C.IDENTITY}),
        (0x00081070, b"PN", b"A", {_C.STAFF}),
        (0x00081070, b"LO", b"A", {_C.STAFF, _C.TEXT}),  # a name that came as text
        (0x00204000, b"DA", b"19990101", {_C.TEXT, _C.DATES}),  # text that came as a date
        (0x00081070, b"UN", b"A", {_C.STAFF}),
        (0x00081140, b"UN", b"A", _ALL),  # octets that may be a sequence
        (0x00080FFE, b"LO", b"A", _ALL),  # PS3.6 does not know it
        (0x00091001, b"DA", b"19990101", {_C.PRIVATE}),
        (0x00081140, b"SQ", [], {_C.TEXT}),
        (0x00080FFE, b"SQ", [[(0x00080020, b"DA", b"19990101")]], _ALL),
        (0x00081140, b"SQ", [[(0x00080020, b"DA", b"19990101")]], {_C.DATES}),
        (0x00101002, b"SQ", [[(0x00081030, b"LO", b"A")]], {_C.IDENTITY}),
        (0x00101002, b"SQ", [[(0x00091001, b"LO", b"A")]], {_C.IDENTITY, _C.PRIVATE}),
        (
            0x00081140,
            b"SQ",
            [[(0x00081110, b"SQ", [[(0x00100010, b"PN", b"A")]]), (0x00080020, b"DA", b"")]],
            {_C.IDENTITY, _C.DATES},
        ),
    ],
)
def test_a_recipient_needs_every_class_that_is_in_an_attribute(
    tag: int, vr: bytes, value: Any, classes: set[RevealClass]
) -> None:
    header = read_header(request_of(make_ct({tag: (vr, value)})))

    assert classes_in(header.elements[tag]) == classes


def test_what_would_be_too_long_with_all_items_is_refused(offline: OfflineSite) -> None:
    text = tuple(
        dataclasses.replace(one, classes=(RevealClass.TEXT,)) for one in offline.offline * 2
    )[:MAX_OFFLINE]
    protector = Protector(dataclasses.replace(offline.keys, offline=text))
    note = (b"UT", b"x" * (MAX_HEADER_BYTES - 4096))

    refused = protector.answer(request_of(make_ct({0x00204000: note})))

    assert refused.code is ErrorCode.E_TOO_LARGE


def test_a_file_with_several_items_is_revealed_exactly(offline: OfflineSite) -> None:
    original = request_of(make_ct(CANARIES))
    answer = offline.protector.protect(original)
    revealer = offline.revealer(offline.manifest([answer]))

    revealed = revealer.open(revealer.examine(protected_request(answer))).whole()

    assert bytes(revealed.octets) == bytes(original.header)


def _rebuilt(answer: ProtectedHeader, items: list[bytes]) -> RevealRequest:
    """Return the request of the file with these items in place of its own."""
    good = protected_request(answer)
    octets = bytes(good.header)
    begin = octets.index(b"\x00\x04\x00\x05SQ\0\0")
    end = begin + 12 + int.from_bytes(octets[begin + 8 : begin + 12], "little")
    changed = octets[:begin] + write_sequence(0x04000500, items) + octets[end:]
    grown = len(changed) - len(octets)
    bulk = tuple(dataclasses.replace(one, offset=one.offset + grown) for one in good.bulk)
    return RevealRequest(size=good.size + grown, bulk=bulk, header=changed)


def _items(answer: ProtectedHeader) -> list[bytes]:
    octets = bytes(answer.header)
    header = read_header(protected_request(answer))
    return [
        octets[item[0].start : item[-1].end] for item in header.elements[0x04000500].items or ()
    ]


Change = Callable[[list[bytes], list[bytes]], list[bytes]]
CHANGES: dict[str, Change] = {
    "the last is stripped": lambda own, other: own[:-1],
    "all are stripped": lambda own, other: own[:1],
    "the full one is stripped": lambda own, other: own[1:],
    "two change places": lambda own, other: [own[0], own[2], own[1]],
    "the full one is moved": lambda own, other: [own[1], own[0], own[2]],
    "one of another file": lambda own, other: [own[0], other[1], own[2]],
    "one is doubled": lambda own, other: [*own, own[1]],
    "one of another file is added": lambda own, other: [*own, other[1]],
    "one is empty": lambda own, other: [own[0], b"", own[2]],
    "there is none": lambda own, other: [],
    "two are one": lambda own, other: [own[0], own[1] + own[2]],
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_items_that_were_changed_are_refused_before_the_key_is_used(
    offline: OfflineSite, answer: ProtectedHeader, monkeypatch: pytest.MonkeyPatch, change: Change
) -> None:
    monkeypatch.delattr(opening, "decrypted_key")
    other = offline.protector.protect(request_of(make_ct({0x00080018: (b"UI", b"1.2.3.4.6")})))
    revealer = offline.revealer(offline.manifest([answer, other]))
    own = _items(answer)
    assert revealer.examine(_rebuilt(answer, own))

    with pytest.raises(EncryptSecureRTError) as refused:
        revealer.examine(_rebuilt(answer, change(own, _items(other))))

    assert refused.value.code in (ErrorCode.E_DIGEST, ErrorCode.E_DICOM)


def test_one_flipped_bit_in_any_item_is_refused(
    offline: OfflineSite, answer: ProtectedHeader
) -> None:
    revealer = offline.revealer(offline.manifest([answer]))
    good = protected_request(answer)
    octets = bytes(good.header)
    begin = octets.index(b"\x00\x04\x00\x05SQ\0\0")
    end = begin + 12 + int.from_bytes(octets[begin + 8 : begin + 12], "little")

    for place in range(begin, end, 23):
        changed = bytearray(octets)
        changed[place] ^= 1 << place % 8
        with pytest.raises(EncryptSecureRTError):
            revealer.examine(RevealRequest(size=good.size, bulk=good.bulk, header=bytes(changed)))


def test_more_items_than_a_bundle_can_ask_for_are_no_protected_file(
    answer: ProtectedHeader,
) -> None:
    own = _items(answer)
    request = _rebuilt(answer, [own[0], *own[1:2] * (MAX_OFFLINE + 1)])

    assert read_protected(_rebuilt(answer, [own[0], *own[1:2] * MAX_OFFLINE]))
    with pytest.raises(EncryptSecureRTError):
        read_protected(request)


def test_the_client_computes_the_same_entry_and_tells_of_every_item(
    answer: ProtectedHeader, tmp_path: Path
) -> None:
    path = tmp_path / "file.dcm"
    path.write_bytes(file_of(answer))

    assert protected_form(split_protected(path)).entry == read_answer(answer).entry
    found = inspect_file(path)
    assert [len(one.recipients) for one in found.offline] == [1, 1]
    words, value = inspected_told(found)
    assert words.count("for       serial") == 4
    assert [one["recipients"][0]["issuer"] for one in value["offline"]] == ["c0" * 16, "d1" * 16]


def test_gdcm_restores_the_first_item_whatever_follows(
    offline: OfflineSite, answer: ProtectedHeader, tmp_path: Path
) -> None:
    program = shutil.which("gdcmanon")
    if program is None:
        pytest.skip("gdcmanon is not installed")
    path, restored = tmp_path / "file.dcm", tmp_path / "restored.dcm"
    path.write_bytes(file_of(answer))
    key, _ = offline.write_pem(tmp_path, 0)

    subprocess.run(
        [program, "-d", "-k", str(key), "-i", str(path), "-o", str(restored)],
        capture_output=True,
        check=True,
    )

    assert str(pydicom.dcmread(restored).PatientName) == "CANARY^NAME"


@pytest.mark.real_data
def test_real_files_of_each_kind_have_their_classes_and_dciodvfy_finds_nothing_new(
    offline: OfflineSite, shared_data: Path, tmp_path: Path
) -> None:
    program = shutil.which("dciodvfy")
    if program is None:
        pytest.skip("dciodvfy is not installed")
    kept = [one for _, one in outcomes(offline.protector) if isinstance(one, Kept)]
    of_each_kind = {one.iod.name: one for one in reversed(kept)}
    assert of_each_kind

    for number, one in enumerate(of_each_kind.values()):
        path = tmp_path / f"{number}.dcm"
        path.write_bytes(one.octets())
        items = pydicom.dcmread(path).EncryptedAttributesSequence[1:]
        for item, who in zip(items, (CONSOLE, WORKSHOP), strict=True):
            plaintext = offline.open(der_octets(item.EncryptedContent), who)
            assert _classes_of(plaintext) <= set(CLASSES[who]), one.iod.name
        before, after = dciodvfy_errors(program, one.original), dciodvfy_errors(program, path)
        assert len(after) <= len(before), one.iod.name
