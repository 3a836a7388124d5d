"""Pictures that may show text: refused, sealed whole, or kept in clear because a user vouches."""

import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import ParametricMapStorage, SecondaryCaptureImageStorage
from Testing.Integration.hospital import Ward, write_series
from Testing.Integration.planted import found, found_below

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.manifests import StudyManifest
from encryptsecurert_worker.dicom.manifest.rawdata import read_manifest_file
from EncryptSecureRTLib.client import protect_copy
from EncryptSecureRTLib.client.jobs import Watcher
from EncryptSecureRTLib.client.protect import ProtectedSeries, protect_series
from EncryptSecureRTLib.client.protect_choices import Dates, Pictures, ProtectChoices
from EncryptSecureRTLib.client.study_files import find_study

_PYDICOM = Path(pydicom.__file__).parent / "data"
_PIXELS = "PIXELS-OF-A-PICTURE-"
_LARGE = (1, 3_000_000, 4)  # 12 octets a row: above 12 MiB


def _screen(ds: Dataset) -> None:
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage


def _map(ds: Dataset) -> None:
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = ParametricMapStorage


def _burned(ds: Dataset) -> None:
    ds.BurnedInAnnotation = "YES"


def _spare_bits(ds: Dataset) -> None:
    ds.BitsStored, ds.HighBit = 12, 11


_EDITS = {1: _screen, 3: _map, 4: _spare_bits, 6: _burned}  # by place, of six


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Write a CT of six slices of which four are pictures, the first and the last among them."""
    folder = write_series(tmp_path / "study", slices=6)
    for place, path in enumerate(sorted(folder.iterdir()), 1):
        ds = dcmread(path)
        text = f"{_PIXELS}{place}".encode()
        ds.PixelData = text + ds.PixelData[len(text) :]
        if place in _EDITS:
            _EDITS[place](ds)
        ds.save_as(path)
    return folder


def _protect(ward: Ward, source: Path, out: Path, pictures: Pictures) -> ProtectedSeries:
    choices = ProtectChoices(pictures=pictures)
    with ward.channel() as channel:
        return protect_series(channel, ward.physicist, source, out, Watcher(), choices)


def _codes(made: ProtectedSeries) -> dict[int, ErrorCode]:
    return {one.place: one.code for one in made.refused}


def test_pictures_are_refused_one_by_one(ward: Ward, study: Path, tmp_path: Path) -> None:
    made = _protect(ward, study, tmp_path / "p", Pictures.REFUSE)

    assert (made.instances, made.sealed_whole) == (2, 0)
    assert _codes(made) == {
        1: ErrorCode.E_BURNED_IN,
        3: ErrorCode.E_MODALITY,
        4: ErrorCode.E_HIDDEN_DATA,
        6: ErrorCode.E_BURNED_IN,
    }


def test_pictures_are_sealed_whole_and_nothing_of_them_is_to_be_seen(
    ward: Ward, study: Path, tmp_path: Path
) -> None:
    made = _protect(ward, study, tmp_path / "p", Pictures.SEAL)

    assert (made.instances, made.sealed_whole, made.refused) == (6, 4, ())
    files = {path: dcmread(path) for path in find_study(tmp_path / "p").files}
    assert len(files) == 6
    assert sum("PixelData" in ds for ds in files.values()) == 2
    texts = [f"{_PIXELS}{place}" for place in _EDITS]
    assert found_below(texts, study)
    assert found_below(texts, tmp_path / "p") == {}
    assert found(texts, ward.hospital.tap.octets) == set()


def test_batches_of_both_passes_have_one_manifest_that_names_all(
    ward: Ward, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch for each file; the last of the first pass is refused as a whole."""
    monkeypatch.setattr(protect_copy, "_BATCH_BYTES", 1)

    made = _protect(ward, study, tmp_path / "p", Pictures.SEAL)

    assert len(made.receipts) == 5 + 4  # the spare bits are found here, before the first pass
    (path,) = made.manifests
    manifest = StudyManifest.decode(read_manifest_file(path.read_bytes()).octets)
    names = {path.stem for path in find_study(tmp_path / "p").files}
    assert {entry.instance for entry in manifest.entries} == names
    assert len(names) == 6


def test_nothing_is_sent_of_a_study_that_is_protected_whole_or_not_at_all_and_hides_something(
    ward: Ward, tmp_path: Path
) -> None:
    folder = write_series(tmp_path / "hiding", slices=4)
    path = sorted(folder.iterdir())[1]
    ds = dcmread(path)
    ds.PixelData = _PIXELS.encode() + ds.PixelData[len(_PIXELS) :]
    _spare_bits(ds)
    ds.save_as(path)
    stages: list[str] = []
    choices = ProtectChoices(all_or_nothing=True)

    watcher = Watcher(stage=stages.append)
    with ward.channel() as channel, pytest.raises(EncryptSecureRTError) as refused:
        protect_series(channel, ward.physicist, folder, tmp_path / "p", watcher, choices)

    assert (refused.value.code, stages) == (ErrorCode.E_HIDDEN_DATA, ["scan"])


def test_a_manifest_is_there_though_the_last_batch_was_refused(
    ward: Ward, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protect_copy, "_BATCH_BYTES", 1)

    made = _protect(ward, study, tmp_path / "p", Pictures.REFUSE)

    (path,) = made.manifests
    manifest = StudyManifest.decode(read_manifest_file(path.read_bytes()).octets)
    assert len(manifest.entries) == made.instances == 2


def test_originals_and_uids_are_told_in_the_order_of_the_folder(
    ward: Ward, study: Path, tmp_path: Path
) -> None:
    made = _protect(ward, study, tmp_path / "p", Pictures.SEAL)

    assert list(made.originals) == sorted(study.iterdir())
    pairs = dict(made.replaced.pairs)
    for path in made.originals:
        uid = dcmread(path, stop_before_pixels=True).SOPInstanceUID
        assert (made.folder / f"{pairs[uid]}.dcm").is_file()


def test_a_picture_over_12_mib_is_refused_with_the_reason(
    ward: Ward, study: Path, tmp_path: Path
) -> None:
    path = sorted(study.iterdir())[0]
    ds = dcmread(path)
    ds.PixelData = np.zeros(_LARGE, "<u2").tobytes()
    ds.Rows, ds.Columns = 3000, 4000
    ds.save_as(path)

    made = _protect(ward, study, tmp_path / "p", Pictures.SEAL)

    (one,) = made.refused
    assert (one.place, one.code) == (1, ErrorCode.E_TOO_LARGE)
    assert one.detail == "a file can be sealed whole up to 12 MiB"
    assert made.instances == 5


def test_whoever_vouches_has_pictures_in_clear_but_for_what_the_files_say_themselves(
    ward: Ward, study: Path, tmp_path: Path
) -> None:
    made = _protect(ward, study, tmp_path / "p", Pictures.UNSAFE_KEEP)

    assert _codes(made) == {
        3: ErrorCode.E_MODALITY,
        4: ErrorCode.E_HIDDEN_DATA,
        6: ErrorCode.E_BURNED_IN,
    }
    assert (made.sealed_whole, made.vouched) == (0, True)
    assert found_below([f"{_PIXELS}1"], tmp_path / "p")


@pytest.mark.parametrize("dates", Dates)
def test_dates_are_left_out_or_shifted_all_alike(
    ward: Ward, study: Path, tmp_path: Path, dates: Dates
) -> None:
    choices = ProtectChoices(dates=dates)
    with ward.channel() as channel:
        made = protect_series(channel, ward.physicist, study, tmp_path / "p", Watcher(), choices)

    before = {dcmread(path).StudyDate for path in study.iterdir()}
    after = {dcmread(path).StudyDate for path in made.folder.iterdir()}
    assert len(before) == len(after) == 1
    assert before != after
    assert (after == {""}) is (dates is Dates.REMOVE)


@pytest.mark.parametrize(
    ("name", "refused", "kept"),
    [
        ("test_files/CT_small.dcm", None, None),
        ("test_files/examples_overlay.dcm", None, None),
        ("test_files/MR_small_RLE.dcm", None, None),
        ("test_files/JPEG2000.dcm", ErrorCode.E_BURNED_IN, None),
        ("test_files/SC_rgb_rle.dcm", ErrorCode.E_BURNED_IN, None),
        ("charset_files/chrX1.dcm", ErrorCode.E_BURNED_IN, None),
        ("test_files/GDCMJ2K_TextGBR.dcm", ErrorCode.E_HIDDEN_DATA, ErrorCode.E_HIDDEN_DATA),
        ("test_files/badVR.dcm", ErrorCode.E_HIDDEN_DATA, ErrorCode.E_HIDDEN_DATA),
        ("test_files/waveform_ecg.dcm", ErrorCode.E_MODALITY, ErrorCode.E_MODALITY),
    ],
)
def test_what_readers_are_tested_with_is_protected_sealed_or_refused(
    ward: Ward, tmp_path: Path, name: str, refused: ErrorCode | None, kept: ErrorCode | None
) -> None:
    source = tmp_path / "study"
    source.mkdir()
    shutil.copyfile(_PYDICOM / name, source / "one.dcm")

    def code(pictures: Pictures) -> ErrorCode | None:
        try:
            _protect(ward, source, tmp_path / pictures.value, pictures)
        except EncryptSecureRTError as error:
            assert not (tmp_path / pictures.value).exists()
            return error.code
        return None

    assert code(Pictures.REFUSE) is refused
    assert code(Pictures.UNSAFE_KEEP) is kept
    sealed = _protect(ward, source, tmp_path / "seal", Pictures.SEAL)
    assert (sealed.instances, sealed.sealed_whole) == (1, int(refused is not None))
