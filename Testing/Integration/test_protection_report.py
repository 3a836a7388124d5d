"""The officer's report of a real study: what stands in its files, and nothing else."""

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import UID
from Testing.Integration.command_lines import Run, run_client
from Testing.Integration.hospital import Ward
from Testing.Integration.planted import found
from Testing.Integration.requests_of_a_panel import ask

from encryptsecurert_protocol.canonical import encode
from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from EncryptSecureRTLib.client.dicomfiles import split as split_module
from EncryptSecureRTLib.client.jobs import Watcher
from EncryptSecureRTLib.client.protect import protect_series
from EncryptSecureRTLib.client.report import StudyReport, study_report
from EncryptSecureRTLib.client.report_check import check_report
from EncryptSecureRTLib.client.report_html import report_page
from EncryptSecureRTLib.client.study_files import find_study
from EncryptSecureRTLib.client.trust import utc_now

pytestmark = pytest.mark.real_data
STUDY = "dicomrt_breast_dicompyler"
NEEDLES = {
    "PatientName": "Needle^Nora",
    "PatientID": "NEEDLE-4711",
    "PatientAddress": "7 Needle Lane",
    "PregnancyStatus": 4,
    "Occupation": "needle maker",
    "InstitutionName": "Needle Hospital",
    "StudyDescription": "needle in a haystack",
    "ReferringPhysicianName": "Needle^Doctor",
    "AccessionNumber": "NEEDLE-ACC-9",
    "StudyDate": "19870615",
    "PatientComments": "a needle was here",
}
Paths = Counter[tuple[str, ...]]


@pytest.fixture(scope="module")
def study(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the real study, make it one of one patient, and plant words in it."""
    folder = tmp_path_factory.mktemp("study")
    for path in sorted((shared_data / STUDY).glob("*.dcm")):
        shutil.copy(path, folder / path.name)
    originals = [(path, dcmread(path)) for path in sorted(folder.iterdir())]
    uid = originals[0][1].StudyInstanceUID
    for path, dataset in originals:
        dataset.StudyInstanceUID = uid
        for keyword, value in NEEDLES.items():
            setattr(dataset, keyword, value)
        block = dataset.private_block(0x0099, "NEEDLE VENDOR", create=True)
        block.add_new(1, "LO", "needle in private")
        dataset.save_as(path)
    return folder


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("out")


@pytest.fixture(scope="module")
def run(ward: Ward, study: Path, out: Path) -> Run:
    words = ("protect", study, out / "protected", "--report", out / "report", "--url", ward.url)
    done = run_client(*words, home=ward.physicist)
    assert done.code == 0, done
    return done


@pytest.fixture(scope="module")
def octets(run: Run, out: Path) -> bytes:
    return (out / "report" / "protection-report.json").read_bytes()


@pytest.fixture(scope="module")
def told(octets: bytes) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(octets)
    return value


def _paths(dataset: Dataset, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for element in dataset:
        here = (*above, f"{int(element.tag):08X}")
        yield here
        if element.VR == "SQ":
            for item in element.value:
                yield from _paths(item, here)


def _in_files(folder: Path) -> dict[str, Paths]:
    """Return by SOP class in how many protected files each path of tags is, as pydicom reads it."""
    found: dict[str, Paths] = {}
    for path in find_study(folder).files:
        dataset = dcmread(path)
        places = {*_paths(dataset), *_paths(dataset.file_meta)}
        found.setdefault(dataset.SOPClassUID, Counter()).update(places)
    return found


def _in_report(report: dict[str, Any]) -> dict[str, Paths]:
    return {
        kind["sop_class"]: Counter(
            {tuple(one["tags"]): one["instances"] for one in kind["attributes"]}
        )
        for kind in report["kinds"]
    }


def test_every_attribute_in_clear_is_in_the_report_and_nothing_else(
    told: dict[str, Any], out: Path
) -> None:
    files = _in_files(out / "protected")

    assert len(files) == 4
    assert sum(map(len, files.values())) > 250
    assert _in_report(told["report"]) == files


def test_each_row_says_what_happens_and_why_if_the_standard_lists_it(told: dict[str, Any]) -> None:
    rows = [one for kind in told["report"]["kinds"] for one in kind["attributes"]]
    by_name = {one["path"][-1]: one for one in rows}

    assert all(one["action"] for one in rows)
    assert not [one["path"] for one in rows if one["table"] and not one["reason"]]
    assert by_name["PatientName"]["table"] == "Z"
    assert by_name["ROIName"]["action"] == "replace by a label with its item's number"
    assert by_name["Rows"] | {"instances": 0, "tags": []} == {
        "path": ["Rows"],
        "tags": [],
        "action": "keep, if it is a number",
        "reason": None,
        "table": None,
        "instances": 0,
    }


def test_no_value_of_the_originals_and_no_sealed_attribute_is_named(
    told: dict[str, Any], octets: bytes, study: Path, out: Path
) -> None:
    page = (out / "report" / "protection-report.html").read_bytes()
    pseudonym = str(dcmread(find_study(out / "protected").files[0]).PatientID)
    texts = {str(value) for value in NEEDLES.values()} | {"needle in private", pseudonym}

    for path in study.iterdir():
        texts |= _texts(dcmread(path))
    assert len(texts) > 60
    for told_octets in (octets, page):
        assert found(texts, told_octets) == set()
        for sealed in (b"PregnancyStatus", b"Occupation", b"PatientAddress", b"NEEDLE"):
            assert sealed not in told_octets


def _texts(dataset: Dataset) -> set[str]:
    """Return the texts of a data set that name somebody or something, and its UIDs and dates."""
    kinds = {"PN", "LO", "SH", "ST", "LT", "DA", "TM", "UI"}
    texts = {
        str(element.value)
        for element in dataset.iterall()
        if element.VR in kinds and element.VM == 1 and element.value
    }
    # Registered classes are nobody's, and the files at hand call their device by common words.
    texts -= {"manufacturer", "station"}
    return {text for text in texts if not text.startswith("1.2.840.10008.")}


def test_what_was_sealed_is_counted_by_class(told: dict[str, Any]) -> None:
    kinds = {kind["name"]: kind for kind in told["report"]["kinds"]}

    for kind in kinds.values():
        sealed = kind["sealed"]
        assert sealed["private"]["attributes"] == 2 * kind["instances"]  # creator and element
        # Name, number, address, accession number; study ID where there is one.
        assert sealed["identity"]["attributes"] >= 4 * kind["instances"]
        assert sealed["demographics"]["attributes"] >= 2 * kind["instances"]
        assert sealed["dates"]["attributes"] >= kind["instances"]
    assert kinds["RT structure set"]["sealed"]["labels"]["nested"] > 3  # names of its regions


def test_the_report_is_of_the_study_its_jobs_and_a_simulated_worker(
    told: dict[str, Any], run: Run, out: Path
) -> None:
    dataset = dcmread(find_study(out / "protected").files[0])
    receipts = [Path(path).parent.name for path in run.result["receipts"]]

    assert told["study"] == dataset.StudyInstanceUID
    assert told["report"]["options"] == {"dates": "remove", "pixels": "judged"}
    assert told["simulated"] is True
    assert [one["receipt_sha256"] for one in told["batches"]] == receipts
    assert run.result["report"] == [
        str(out / "report" / name) for name in ("protection-report.json", "protection-report.html")
    ]
    assert sorted(path.name for path in (out / "report").iterdir()) == [
        "protection-report.html",
        "protection-report.json",
    ]


def test_verify_holds_each_part_against_its_receipt(ward: Ward, out: Path) -> None:
    done = run_client("verify", out / "report" / "protection-report.json", home=ward.physicist)

    assert done.code == 0
    assert (done.result["instances"], done.result["simulated"]) == (4, True)
    assert [line["ok"] for line in done.lines if line["kind"] == "check"] == [True]


def test_a_report_whose_receipt_is_not_here_is_refused(ward: Ward, octets: bytes) -> None:
    with pytest.raises(EncryptSecureRTError) as refused:
        list(check_report(ward.colleague, StudyReport.decode(octets)))

    assert refused.value.code is ErrorCode.E_RECEIPT


def test_a_report_of_other_attributes_is_refused_though_its_digests_fit(
    ward: Ward, octets: bytes
) -> None:
    """Everything in the file can be made anew by who forges it, but not the receipt."""
    value = json.loads(octets)
    part = value["batches"][0]["report"]
    part["kinds"][0]["attributes"].pop(7)
    value["batches"][0]["report_sha256"] = sha256(encode(part)).hexdigest()
    value["report"] = part

    forged = StudyReport.decode(encode(value))

    assert list(check_report(ward.physicist, StudyReport.decode(octets)))
    with pytest.raises(EncryptSecureRTError) as refused:
        list(check_report(ward.physicist, forged))
    assert refused.value.code is ErrorCode.E_RECEIPT


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_says_the_same_and_needs_nothing_from_outside(
    told: dict[str, Any], out: Path
) -> None:
    page = _Page()
    page.feed((out / "report" / "protection-report.html").read_text("utf-8"))
    names = {tag for tag, _ in page.tags}
    attributes = {name for _, attrs in page.tags for name in attrs}

    assert not names & {"script", "link", "img", "iframe", "object", "embed", "form", "a"}
    assert not {name for name in attributes if name in ("href", "src") or name.startswith("on")}
    assert ("html", {"lang": "en"}) in page.tags
    assert {attrs.get("scope") for tag, attrs in page.tags if tag == "th"} == {"col", "row"}
    assert "SIMULATED TEE: not for patient data" in page.text
    for kind in told["report"]["kinds"]:
        for one in kind["attributes"]:
            assert one["path"][-1] in page.text
    for sentence in told["report"]["not_covered"]:
        assert sentence in page.text
    assert told["batches"][0]["receipt_sha256"] in page.text


def test_a_report_is_never_written_over_and_nothing_is_sent_then(
    ward: Ward, run: Run, study: Path, out: Path, tmp_path: Path
) -> None:
    sent = len(ward.hospital.tap.octets)
    before = [path.read_bytes() for path in sorted((out / "report").iterdir())]
    words = ("protect", study, tmp_path / "p", "--report", out / "report", "--url", ward.url)

    again = run_client(*words, home=ward.physicist)

    assert (again.code, again.error["code"]) == (14, "E_LOCAL_FILE")
    assert not (tmp_path / "p").exists()
    assert len(ward.hospital.tap.octets) == sent
    assert [path.read_bytes() for path in sorted((out / "report").iterdir())] == before


def test_batches_of_one_call_are_added_up(
    ward: Ward, study: Path, told: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(split_module, "_BATCH_INSTANCES", 1)
    with ward.channel() as channel:
        made = protect_series(channel, ward.physicist, study, tmp_path / "p", Watcher())

    report = study_report(made.reports, made.refused, instances=made.instances, now=utc_now())

    assert len(report.batches) == 4
    assert report.report.as_json() == told["report"]


def test_a_file_that_is_refused_is_told_with_its_kind(
    ward: Ward, study: Path, tmp_path: Path
) -> None:
    source = tmp_path / "study"
    source.mkdir()
    (plan,) = [p for p in study.iterdir() if dcmread(p).Modality == "RTPLAN"]
    shutil.copy(plan, source / "plan.dcm")
    picture = dcmread(plan)
    picture.SOPClassUID = UID("1.2.840.10008.5.1.4.1.1.7")
    picture.file_meta.MediaStorageSOPClassUID = picture.SOPClassUID
    picture.SOPInstanceUID = UID("1.2.3.4")
    picture.save_as(source / "picture.dcm")
    with ward.channel() as channel:
        made = protect_series(channel, ward.physicist, source, tmp_path / "p", Watcher())

    report = study_report(made.reports, made.refused, instances=made.instances, now=utc_now())

    assert report.left_out == (("Secondary Capture Image Storage", "E_BURNED_IN", 1),)
    assert report.report.refused == (("E_BURNED_IN", 1),)
    assert b"The image may show text" in report_page(report)


def test_a_panel_asks_for_it_in_its_request(ward: Ward, tmp_path: Path) -> None:
    result, _ = ask(
        ward, "protect", source=ward.original, out=tmp_path / "p", report=tmp_path / "r"
    )

    assert [Path(path).parent for path in result["report"]] == [tmp_path / "r"] * 2
    report = StudyReport.decode(Path(result["report"][0]).read_bytes())
    assert report.report.instances == result["instances"]
