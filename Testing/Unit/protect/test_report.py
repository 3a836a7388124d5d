"""The worker's report: what stands in clear by path, what was sealed by class, nothing else."""

import csv
import string
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydicom.datadict import dictionary_has_tag, tag_for_keyword
from Testing.Unit.worker.contexts import site_keys, task_context

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.framing import pack_batch
from encryptsecurert_protocol.headers import HeaderRequest, encode_request
from encryptsecurert_protocol.protection_reports import (
    MAX_REPORT_BYTES,
    ClearAttribute,
    KindReport,
    ProtectionReport,
    SealedCount,
)
from encryptsecurert_protocol.reveals import RevealClass
from encryptsecurert_worker.dicom.manifest.entries import read_answer
from encryptsecurert_worker.dicom.protect.choices import Choices, Dates, PixelText
from encryptsecurert_worker.dicom.protect.elements import MAX_DEPTH
from encryptsecurert_worker.dicom.protect.iods import ALL_IODS, SEALED_WHOLE
from encryptsecurert_worker.dicom.report import JobReport
from encryptsecurert_worker.dicom.report.job_report import not_covered
from encryptsecurert_worker.dicom.report.rows import Rows, rows_of
from encryptsecurert_worker.dicom.report.table_e1_1 import default_action
from encryptsecurert_worker.tasks.protect import ProtectTask

Build = Callable[..., HeaderRequest]
_PARAMETERS = {"schema": "encryptsecurert.protect/2", "dates": "remove", "pixels": "judged"}


def _digits(tag: str) -> str:
    return "".join(one for one in tag if one in string.hexdigits)


def test_the_table_is_that_of_the_standard(shared_data: Path) -> None:
    listed: dict[int, str] = {}
    for name in ("table_e1_1.csv", "table_e1_1_supplement_2026c.csv"):
        with (shared_data / "ps3_15" / name).open(newline="") as file:
            for row in csv.DictReader(file):
                if len(_digits(row["tag"])) == 8:
                    listed[int(_digits(row["tag"]), 16)] = row["basic_profile"]
    known = {tag: action for tag, action in listed.items() if dictionary_has_tag(tag)}

    assert len(known) > 620
    assert {tag: default_action(tag) for tag in known} == known
    assert default_action(0x00280010) is None
    rows = {tag for iod in ALL_IODS for tag in _tags(rows_of(iod, Dates.SHIFT))}
    assert {tag for tag in rows if default_action(tag)} == rows & set(listed)


def _tags(rows: Rows) -> Iterator[int]:
    for tag, row in rows.items():
        yield tag
        yield from _tags(row.below)


def _report(site: Any, *requests: HeaderRequest, dates: str = "remove") -> ProtectionReport:
    """Return the report of a job of the task itself."""
    keys = site_keys(site.keys.recipient_certificate, site.keys.escrow_certificate)
    batch = pack_batch([encode_request(one) for one in requests])
    output = ProtectTask().run(
        [memoryview(batch)], {**_PARAMETERS, "dates": dates}, task_context(keys=keys)
    )
    assert [name for name, _ in output.results][-1] == "report"
    return ProtectionReport.decode(dict(output.results)["report"])


def _in_clear(report: ProtectionReport) -> dict[str, int]:
    (kind,) = report.kinds
    return {"/".join(one.path): one.instances for one in kind.attributes}


def _sealed(report: ProtectionReport) -> Mapping[RevealClass, SealedCount]:
    (kind,) = report.kinds
    return kind.sealed


def test_attributes_are_counted_by_instance_where_they_stand(site: Any, ct_request: Build) -> None:
    one = ct_request({0x00180050: (b"DS", b"2.5")})
    other = ct_request({0x00080018: (b"UI", b"1.2.3.4.6"), 0x00180050: (b"DS", b"thick")})

    found = _in_clear(_report(site, one, other))

    assert found["Rows"] == 2
    assert found["SliceThickness"] == 2  # of type 2: there, but empty
    assert found["FileMetaInformationVersion"] == 2
    assert found["EncryptedAttributesSequence/EncryptedContent"] == 2
    assert found["DeidentificationMethodCodeSequence/CodeMeaning"] == 2
    assert found["PixelData"] == 2
    assert "InstitutionName" not in found
    optional = ct_request({0x00180090: (b"DS", b"500")})
    third = ct_request({0x00080018: (b"UI", b"1.2.3.4.7")})
    assert _in_clear(_report(site, optional, third))["DataCollectionDiameter"] == 1


def test_what_is_sealed_is_counted_by_class_and_place_only(site: Any, ct_request: Build) -> None:
    before = _sealed(_report(site, ct_request()))
    named = [
        [(0x00081150, b"UI", b"1.2.3"), (0x0040A123, b"PN", b"DOE"), (0x00080102, b"SH", b"X")]
    ]
    more = ct_request(
        {
            0x001021C0: (b"US", b"\x04\0"),  # pregnancy status
            0x00101000: (b"LO", b"4711"),  # other patient IDs
            0x00091001: (b"LO", b"private"),
            0x00081110: (b"SQ", named),  # referenced study: nobody's class
            0x00081120: (b"SQ", [[(0x00081155, b"UI", b"1.2")]]),
            0x00400275: (b"SQ", [[(0x00091001, b"LO", b"private")], []]),
            0x00101002: (b"SQ", [[(0x00100020, b"LO", b"1"), (0x00081155, b"UI", b"1.2")]]),
        }
    )

    report = _report(site, more)

    after = _sealed(report)
    change = {
        kind: (
            after[kind].attributes - before[kind].attributes,
            after[kind].nested - before[kind].nested,
        )
        for kind in RevealClass
        if after[kind] != before[kind]
    }
    assert change == {
        RevealClass.DEMOGRAPHICS: (1, 0),
        # Other patient IDs, as text and as a sequence with all that is in it.
        RevealClass.IDENTITY: (2, 2),
        RevealClass.PRIVATE: (1, 1),
        RevealClass.UIDS: (0, 2),
        RevealClass.STAFF: (0, 1),
        RevealClass.TEXT: (3, 1),
    }
    octets = report.encode()
    for secret in (b"Pregnancy", b"OtherPatient", b"001021C0", b"4711", b"private_", b"DOE"):
        assert secret not in octets


def test_no_value_is_in_a_report(site: Any, ct_request: Build) -> None:
    report = _report(site, ct_request({0x00180060: (b"DS", b"123.4567")}))

    assert "KVP" in _in_clear(report)
    assert b"123.4567" not in report.encode()
    assert b"CANARY" not in report.encode()


def test_moved_dates_say_so_and_removed_ones_do_not(site: Any, ct_request: Build) -> None:
    request = ct_request({0x00080022: (b"DA", b"20010203")})

    removed, moved = (_report(site, request, dates=one) for one in ("remove", "shift"))

    actions = [
        {one.path[-1]: one.action for one in report.kinds[0].attributes}
        for report in (removed, moved)
    ]
    assert actions[0]["StudyDate"] == "write empty, always"
    assert actions[1]["StudyDate"].startswith("move by whole days")
    assert "AcquisitionDate" not in actions[0]
    assert actions[1]["AcquisitionDate"].endswith("; else seal")
    assert (removed.options["dates"], moved.options["dates"]) == ("remove", "shift")
    (said,) = set(moved.not_covered) - set(removed.not_covered)
    assert said.startswith("Moved dates keep their intervals")


def test_refused_instances_are_counted_by_code_and_nothing_else_is_told_of_them(
    site: Any, ct_request: Build
) -> None:
    screen = ct_request({0x00080008: (b"CS", b"DERIVED\\SECONDARY\\SCREEN SAVE")})
    same = ct_request()

    report = _report(site, same, screen, same, screen)

    assert report.refused == (("E_BURNED_IN", 2), ("E_DICOM", 1))  # one instance came twice
    assert report.instances == 1
    nothing = _report(site, screen)
    assert (nothing.studies, nothing.kinds) == ((), ())


def test_a_file_that_is_sealed_whole_is_a_kind_of_its_own(site: Any, ct_octets: Any) -> None:
    octets = ct_octets()
    request = HeaderRequest(size=len(octets), bulk=(), header=octets, whole=True)

    report = _report(site, request)

    (kind,) = report.kinds
    assert (kind.name, kind.sop_class) == (SEALED_WHOLE.name, "1.2.840.10008.5.1.4.1.1.66")
    assert "PixelData" not in _in_clear(report)


def test_a_clear_attribute_without_a_row_ends_the_job(site: Any, ct_request: Build) -> None:
    """A row that an allow-list has, and the report does not know, would be a silent gap."""
    examined = site.protector.examine(ct_request())
    answer, tags = site.protector.seal_with_tags(examined)
    file = read_answer(answer)
    report = JobReport("protect-3", Choices())
    report.add(examined, tags, file)
    assert report.report().instances == 1

    file.header.elements[0x00100010 + 0x1000] = file.header.elements[0x00100010]
    report.add(examined, tags, file)

    with pytest.raises(EncryptSecureRTError) as refused:
        report.report()
    assert refused.value.code is ErrorCode.E_INTERNAL


def test_what_is_kept_does_not_grow_with_the_instances(site: Any, ct_request: Build) -> None:
    report = JobReport("protect-3", Choices())
    sizes = []
    for number in range(300):
        # Another set of attributes in clear and sealed each time, as far as 9 bits go.
        optional = [0x00180090, 0x00181100, 0x00181120, 0x00181130, 0x00180088, 0x00201041]
        changes: dict[int, Any] = {
            tag: (b"DS", b"1") for bit, tag in enumerate(optional) if number >> bit & 1
        }
        changes[0x00110000 | 0x1000 + number] = (b"LO", b"x")
        examined = site.protector.examine(ct_request(changes))
        answer, tags = site.protector.seal_with_tags(examined)
        report.add(examined, tags, read_answer(answer))
        (count,) = report._kinds.values()
        sizes.append(len(count.clear._tags._sets) + len(count.sealed._attributes._sets))

    assert max(sizes) <= 2 * 64 + 2
    (kind,) = report.report().kinds
    assert (kind.instances, kind.sealed[RevealClass.PRIVATE].attributes) == (300, 300)


def test_a_report_of_every_row_of_every_kind_fits_its_bound() -> None:
    def every(rows: Rows, tags: tuple[str, ...], path: tuple[str, ...]) -> Iterator[ClearAttribute]:
        for tag, row in sorted(rows.items()):
            here = ((*tags, f"{tag:08X}"), (*path, row.keyword))
            yield ClearAttribute(
                tags=here[0],
                path=here[1],
                action=row.action,
                reason=row.reason,
                table=default_action(tag),
                instances=2**40,
            )
            yield from every(row.below, *here)

    kinds = {
        sop_class: KindReport(
            sop_class=sop_class.decode(),
            name=iod.name,
            instances=2**40,
            vouched=2**40,
            attributes=tuple(every(rows_of(iod, Dates.SHIFT), (), ())),
            sealed={one: SealedCount(attributes=2**50, nested=2**50) for one in RevealClass},
        )
        for iod in (*ALL_IODS, SEALED_WHOLE)
        for sop_class in iod.sop_classes
    }
    report = ProtectionReport(
        profile="EncryptSecureRT profile 1",
        algorithm="protect-3",
        options={"dates": "shift", "pixels": "vouched"},
        studies=tuple(sorted(f"2.25.{10**38 + number}" for number in range(2000))),
        kinds=tuple(kinds[sop_class] for sop_class in sorted(kinds)),
        refused=tuple(sorted((code.name, 2**40) for code in ErrorCode)),
        not_covered=not_covered(Choices(dates=Dates.SHIFT, pixels=PixelText.VOUCHED)),
    )

    assert len(report.encode()) < MAX_REPORT_BYTES
    assert ProtectionReport.decode(report.encode()) == report
    deepest = max(len(one.tags) for kind in report.kinds for one in kind.attributes)
    assert 4 <= deepest <= MAX_DEPTH


def test_every_row_has_words_of_its_own() -> None:
    def check(rows: Rows) -> None:
        for tag, row in rows.items():
            assert row.action, row.keyword
            assert tag_for_keyword(row.keyword) == tag
            assert row.reason or default_action(tag) is None, row.keyword
            check(row.below)

    for iod in (*ALL_IODS, SEALED_WHOLE):
        for dates in Dates:
            check(rows_of(iod, dates))
