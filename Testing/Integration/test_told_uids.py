"""`protect` for a program that shows the clear study: pairs of UIDs if asked, and a count."""

import json
from pathlib import Path

from pydicom import dcmread
from Testing.Integration.command_lines import run_of
from Testing.Integration.hospital import Ward
from Testing.Integration.requests_of_a_panel import ask, ask_into_file


def test_uids_are_told_to_who_asks_and_fit_what_was_made(ward: Ward, tmp_path: Path) -> None:
    asked = {"series": ward.original, "out": tmp_path / "p"}
    result, lines = ask(ward, "protect", **asked, tell_uids=True)

    told = [line for line in lines if line["kind"] == "uids"]
    pairs = {original: mapped for line in told for original, mapped in line["pairs"]}
    originals = [dcmread(path) for path in ward.original.iterdir()]
    made = {str(ds.SOPInstanceUID): ds for ds in map(dcmread, Path(result["folder"]).iterdir())}
    first = next(iter(made.values()))
    assert lines[-len(told) :] == told
    for original in originals:
        protected = made[pairs[original.SOPInstanceUID]]
        assert protected.ImagePositionPatient == original.ImagePositionPatient
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
            assert pairs[original[keyword].value] == protected[keyword].value
    assert len(pairs) == len(originals) + 3
    assert (result["study"], result["series"]) == (
        first.StudyInstanceUID,
        first.SeriesInstanceUID,
    )
    assert result["pseudonym"] == first.PatientID


def test_instances_are_counted_and_nothing_is_told_of_uids_unasked(
    ward: Ward, tmp_path: Path
) -> None:
    result, lines = ask(ward, "protect", series=ward.original, out=tmp_path / "p")

    counts = [(line["done"], line["total"]) for line in lines if line["kind"] == "count"]
    originals = {str(dcmread(path).SOPInstanceUID) for path in ward.original.iterdir()}
    assert counts[-1] == (len(originals), len(originals))
    assert counts == sorted(set(counts))
    kinds = {line["kind"] for line in lines}
    assert {"hello", "stage", "sent", "count", "job"} <= kinds
    assert "uids" not in kinds
    assert not {"pseudonym", "study"} & set(result)
    assert not any(uid in json.dumps([result, *lines]) for uid in originals)


def test_uids_do_not_go_into_a_file(ward: Ward, tmp_path: Path) -> None:
    lines = tmp_path / "lines"
    asked = {"series": ward.original, "out": tmp_path / "p", "tell_uids": True}
    code = ask_into_file(ward.physicist, ward.url, "protect", lines, **asked)

    run = run_of(code, lines.read_text(), "")
    assert (run.code, run.error["code"]) == (2, "E_USAGE")
    assert not (tmp_path / "p").exists()
