"""Studies through a real PACS, by every path: originals come protected and reveal exactly."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import dcmread
from Testing.Integration.gateway import NEEDLES, Gateway, digests, open_gateway, run_here
from Testing.Integration.orthanc import Orthanc, running_orthanc
from Testing.Integration.planted import found_below

from EncryptSecureRTLib.client.series_headers import reading_dicom

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def gateway(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with open_gateway(shared_data, tmp_path_factory.mktemp("gateway")) as opened:
        yield opened


@pytest.fixture(scope="module")
def clinical(gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """Run the PACS that holds the originals."""
    with running_orthanc(tmp_path_factory.mktemp("clinical")) as orthanc:
        orthanc.load(*gateway.original.iterdir())
        yield orthanc


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """Run the PACS that must never hold an original."""
    with running_orthanc(tmp_path_factory.mktemp("archive")) as orthanc:
        yield orthanc


@pytest.fixture(autouse=True)
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have a temporary folder of the test's own, in which nothing is left."""
    folder = tmp_path / "private"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield
    assert list(folder.iterdir()) == []


def _words(orthanc: Orthanc, path: str) -> tuple[str, ...]:
    words: tuple[str, ...] = getattr(orthanc, path)
    return words


@pytest.mark.parametrize("path", ["dimse", "dimse_by_move", "dicomweb"])
def test_a_pulled_original_is_there_protected_only_and_reveals_as_it_was(
    gateway: Gateway, clinical: Orthanc, path: str, tmp_path: Path
) -> None:
    out, back = tmp_path / "out", tmp_path / "back"
    words = _words(clinical, path)

    run = gateway.pull(*words, study=gateway.study, out=out)

    assert (run.code, run.result["instances"], run.result["came"]) == (0, 8, 8), run
    assert not run.result["taken_as_it_is"]
    assert found_below(NEEDLES, out) == {}
    assert gateway.reveal(out, back).code == 0  # each has the SHA-256 of what the PACS gave
    with reading_dicom():  # real values are not always of the standard
        originals = {one.SOPInstanceUID: one for one in map(dcmread, gateway.original.iterdir())}
        revealed = {one.SOPInstanceUID: one for one in map(dcmread, back.rglob("*.dcm"))}
        is_same = revealed == originals
    assert is_same


def test_the_officers_report_of_a_pulled_study_is_that_of_its_jobs(
    gateway: Gateway, clinical: Orthanc, tmp_path: Path
) -> None:
    place, again = tmp_path / "report", tmp_path / "again"
    words: tuple[str | Path, ...] = (*clinical.dicomweb, "--report", place)

    run = gateway.pull(*words, study=gateway.study, out=tmp_path / "out")
    verified = run_here("verify", place / "protection-report.json", home=gateway.home)
    refused = gateway.pull(*words, study=gateway.study, out=again)

    assert run.code == verified.code == 0
    assert verified.result["instances"] == run.result["instances"] == 8
    assert [Path(name).name for name in run.result["report"]] == sorted(
        path.name for path in place.iterdir()
    )[::-1]
    assert found_below(NEEDLES, place) == {}
    assert (refused.code, refused.error["code"]) == (14, "E_LOCAL_FILE")
    assert not again.exists()


def test_a_study_that_is_protected_already_gets_no_report(
    gateway: Gateway, archive: Orthanc, tmp_path: Path
) -> None:
    place = tmp_path / "report"
    refused = gateway.push(gateway.protected, *archive.dicomweb, "--report", place)
    (study,) = gateway.push(gateway.protected, *archive.dicomweb).result["studies"]

    run = gateway.pull(*archive.dicomweb, "--report", place, study=study, out=tmp_path / "out")

    assert refused.error["code"] == "E_USAGE"
    assert run.result["taken_as_it_is"]
    assert "report" not in run.result
    assert list(place.iterdir()) == []


@pytest.mark.parametrize(
    ("into", "out_of"),
    [("dimse", "dimse"), ("dimse", "dimse_by_move"), ("dicomweb", "dicomweb")],
)
def test_a_protected_study_survives_the_pacs_and_reveals_octet_for_octet(
    gateway: Gateway, archive: Orthanc, into: str, out_of: str, tmp_path: Path
) -> None:
    archive.empty()

    pushed = gateway.push(gateway.protected, *_words(archive, into))
    pulled = gateway.pull(*_words(archive, out_of), study=gateway.mapped, out=tmp_path / "out")

    assert (pushed.code, pushed.result["stored"]) == (0, 9), pushed
    assert pushed.result["studies"] == [gateway.mapped]
    assert (pulled.code, pulled.result["taken_as_it_is"]) == (0, True), pulled
    assert gateway.reveal(tmp_path / "out", tmp_path / "back").code == 0
    assert digests(tmp_path / "back") == digests(gateway.original)


def test_originals_are_protected_on_the_way_if_asked_for(
    gateway: Gateway, archive: Orthanc
) -> None:
    archive.empty()

    pushed = gateway.push(gateway.original, "--protect", *archive.dimse)

    assert (pushed.code, pushed.result["instances_protected"]) == (0, 8), pushed
    assert len(archive.rest("/instances")) == 9
    assert pushed.result["studies"] == [gateway.mapped]


@pytest.mark.parametrize("path", ["dimse", "dicomweb"])
def test_find_tells_uids_modalities_counts_and_pseudonyms_only(
    gateway: Gateway, clinical: Orthanc, archive: Orthanc, path: str
) -> None:
    gateway.push(gateway.protected, *archive.dimse)

    clear = gateway.find(*_words(clinical, path))
    sealed = gateway.find(*_words(archive, path), "--patient", gateway.pseudonym)
    none = gateway.find(*_words(archive, path), "--modality", "XA")

    assert clear.result["rows"] == [
        {
            "study": gateway.study,
            "modalities": ["CT", "MR", "PT", "RTDOSE", "RTPLAN", "RTSTRUCT"],
            "instances": 8,
            "pseudonym": None,
        }
    ]
    (row,) = sealed.result["rows"]
    assert (row["study"], row["pseudonym"]) == (gateway.mapped, gateway.pseudonym)
    assert none.result["rows"] == []


def test_nothing_clear_was_ever_in_the_archive(
    gateway: Gateway, clinical: Orthanc, archive: Orthanc
) -> None:
    gateway.push(gateway.protected, *archive.dimse)

    refused = gateway.push(gateway.original, *archive.dimse)

    assert (refused.code, refused.error["code"]) == (9, "E_NOT_PROTECTED")
    assert found_below(NEEDLES, clinical.storage)  # what would be found
    assert found_below(NEEDLES, archive.folder) == {}
    assert found_below([gateway.pseudonym], archive.storage)
