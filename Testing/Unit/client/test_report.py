"""The officer's report as a file: parts that fit, two new files or none, a page of fixed form."""

import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from Testing.Unit.client.people import refusal_of
from Testing.Unit.client.reports_made import KIND, NOW, REPORT, ROWS, batch, of_kind, study

from encryptsecurert_protocol import canonical
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.html_page import SIMULATED_BAND
from EncryptSecureRTLib.client.refused import RefusedFile
from EncryptSecureRTLib.client.report import StudyReport, study_report
from EncryptSecureRTLib.client.report_check import read_report
from EncryptSecureRTLib.client.report_html import report_page
from EncryptSecureRTLib.client.report_place import HTML_FILE, JSON_FILE, report_place
from EncryptSecureRTLib.panel import messages

Json = dict[str, Any]


def test_a_file_reads_as_it_was_written() -> None:
    other = of_kind(replace(KIND, sop_class="1.2.840.10008.5.1.4.1.1.481.5", name="RT plan"))
    refused = [RefusedFile(place=3, kind="unknown kind", code=ErrorCode.E_DICOM)] * 2
    made = study_report([batch(), batch(other)], refused, instances=4, now=NOW)

    read = StudyReport.decode(made.encode())

    assert read == made
    assert (read.study, read.simulated, read.report.instances) == ("2.25.1", True, 4)
    assert read.left_out == (("unknown kind", "E_DICOM", 2),)


def _sum(value: Json) -> None:
    value["report"]["kinds"][0]["instances"] = 3


def _digest(value: Json) -> None:
    value["batches"][0]["report_sha256"] = "0" * 64


def _study(value: Json) -> None:
    value["study"] = "2.25.2"


def _real(value: Json) -> None:
    value["simulated"] = False


def _part(value: Json) -> None:
    value["batches"][0]["report"]["kinds"][0]["attributes"][0]["instances"] = 1


@pytest.mark.parametrize("change", [_sum, _digest, _study, _real, _part])
def test_a_file_that_contradicts_itself_is_refused(change: Callable[[Json], None]) -> None:
    value = json.loads(study().encode())
    change(value)

    assert refusal_of(lambda: StudyReport.decode(canonical.encode(value))) is ErrorCode.E_DIGEST


def test_reports_that_are_not_of_one_study_and_its_instances_are_no_result() -> None:
    two = replace(REPORT, studies=("2.25.1", "2.25.2"))
    none = replace(REPORT, studies=(), kinds=())

    for batches, instances in (
        ([batch(two)], 2),
        ([batch(none)], 0),
        ([batch()], 3),
        ([batch(), batch(replace(REPORT, algorithm="protect-4"))], 4),
    ):
        with pytest.raises(EncryptSecureRTError) as refused:
            study_report(batches, [], instances=instances, now=NOW)
        assert refused.value.code is ErrorCode.E_RESULT


def test_a_receipt_is_no_report_and_a_damaged_one_is_malformed(tmp_path: Path) -> None:
    receipt, damaged = tmp_path / "receipt.json", tmp_path / "damaged.json"
    receipt.write_bytes(b'{"body":"AA=="}')
    damaged.write_bytes(study().encode()[:-1])

    assert read_report(receipt) is None
    assert refusal_of(lambda: read_report(damaged)) is ErrorCode.E_FORMAT
    assert refusal_of(lambda: read_report(tmp_path / "none")) is ErrorCode.E_LOCAL_FILE


def test_both_files_are_written_into_a_folder_that_may_hold_others(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("ours")

    with report_place(tmp_path) as place:
        place.write(study())

    written = place.written
    assert [path.name for path in written] == [JSON_FILE, HTML_FILE]
    assert StudyReport.decode(written[0].read_bytes()) == study()
    assert written[1].read_bytes() == report_page(study())
    assert (tmp_path / "notes.txt").read_text() == "ours"


def test_where_no_report_is_asked_for_nothing_is_written_or_told() -> None:
    with report_place(None) as place:
        place.write(study())

    assert place.written == ()
    assert place.told("words", {"a": 1}) == ("words", {"a": 1})


@pytest.mark.parametrize("name", [JSON_FILE, HTML_FILE])
def test_what_is_there_is_never_replaced(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("an earlier one")

    with (
        pytest.raises(EncryptSecureRTError) as refused,
        report_place(tmp_path),
    ):
        raise AssertionError("nothing may be sent")

    assert refused.value.code is ErrorCode.E_LOCAL_FILE
    assert [path.read_text() for path in tmp_path.iterdir()] == ["an earlier one"]


def test_a_command_that_fails_leaves_neither_file(tmp_path: Path) -> None:
    with (
        pytest.raises(KeyboardInterrupt),
        report_place(tmp_path / "new" / "report"),
    ):
        raise KeyboardInterrupt

    assert list((tmp_path / "new" / "report").iterdir()) == []


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "report").write_text("a file")

    with pytest.raises(EncryptSecureRTError) as refused, report_place(tmp_path / "report"):
        raise AssertionError("nothing may be sent")

    assert refused.value.code is ErrorCode.E_LOCAL_FILE


class _Page(HTMLParser):
    """Text of a page, and its tags in the order of their opening."""

    def __init__(self, octets: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(octets.decode("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_every_word_of_the_worker_is_escaped() -> None:
    evil = '<script>alert("1")</script>&amp;'
    kind = replace(
        KIND,
        name=evil,
        attributes=(replace(ROWS, action=evil, reason=evil),),
    )
    report = replace(REPORT, kinds=(kind,), not_covered=(evil,), profile=evil, options={"x": evil})
    left_out = [RefusedFile(place=1, kind=evil, code=ErrorCode.E_DICOM)]
    made = study_report([batch(report)], left_out, instances=2, now=NOW)

    page = _Page(report_page(made))

    assert page.text.count(evil) >= 7
    assert not {tag for tag, _ in page.tags} & {"script", "img", "link", "a", "iframe"}


def test_tables_can_be_read_aloud() -> None:
    page = _Page(report_page(study()))

    names = [tag for tag, _ in page.tags]
    heads = [attrs for tag, attrs in page.tags if tag == "th"]
    assert ("html", {"lang": "en"}) in page.tags
    assert names.count("title") == names.count("h1") == names.count("main") == 1
    assert all(attrs.get("scope") in ("col", "row") for attrs in heads)
    assert names.count("table") == names.count("caption")
    levels = [int(name[1]) for name in names if name in ("h1", "h2", "h3")]
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_the_band_says_what_the_panel_says_and_only_of_a_simulated_worker() -> None:
    assert SIMULATED_BAND == messages.SIMULATED
    assert SIMULATED_BAND in _Page(report_page(study())).text

    real = _Page(report_page(study(simulated=False))).text
    assert "SIMULATED" not in real
    assert "SGX, platform UpToDate, code as the policy names it" in real


def test_a_row_says_where_it_stands_and_what_the_standard_has() -> None:
    nested = replace(
        ROWS,
        tags=("30060020", "30060026"),
        path=("StructureSetROISequence", "ROIName"),
        reason="D: replaced by a label with the number of its item",
        table="Z",
        instances=1,
    )
    page = _Page(report_page(study(of_kind(replace(KIND, attributes=(ROWS, nested))))))

    text = page.text
    assert "StructureSetROISequence \u203a ROIName" in text
    assert "(3006,0026)" in text
    assert "Z; here D: replaced by a label with the number of its item" in text
    assert "1 of 2" in text
    assert "Not listed" in text
