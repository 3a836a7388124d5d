"""A gamma map as Parametric Map: values bit for bit, geometry, criteria, marks."""

import io
import shutil
import subprocess
from pathlib import Path

import highdicom as hd
import numpy as np
import numpy.typing as npt
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ParametricMapStorage
from Testing.Unit.dicom_results.conftest import AXIAL, OBLIQUE, SHAPE, make_grid
from Testing.Unit.dicom_results.doses import compared_doses

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_rt.errors import Cancelled
from encryptsecurert_worker.dicom.results import Producer
from encryptsecurert_worker.dicom.results.dose_context import ComparedDoses
from encryptsecurert_worker.dicom.results.parametric_map import GammaPixels, make_gamma_map

_WORDS = "gamma 3 %/2 mm, global (62.61 Gy, reference maximum), cutoff 10 % of it, cap 2"


def some_gamma() -> npt.NDArray[np.float32]:
    """Return gamma from 0 to the cap, with points that were not evaluated."""
    values = np.random.default_rng(4).uniform(0.0, 2.0, SHAPE).astype(np.float32)
    values[1, 1, 1], values[2, 2, 2] = 0.0, 2.0
    values[:, :4] = np.nan
    return values


def pixels() -> GammaPixels:
    return GammaPixels(gamma=some_gamma(), cap=2.0, words=_WORDS)


def read(octets: bytes) -> Dataset:
    return pydicom.dcmread(io.BytesIO(octets))


@pytest.fixture(params=[AXIAL, OBLIQUE], ids=["axial", "oblique"])
def doses(request: pytest.FixtureRequest) -> ComparedDoses:
    return compared_doses(make_grid(direction=request.param))


@pytest.fixture
def octets(doses: ComparedDoses, producer: Producer, seed: bytes) -> bytes:
    return make_gamma_map(pixels(), doses, producer, uid_seed=seed)


def test_values_come_back_bit_for_bit_and_what_was_not_evaluated_is_padding(octets: bytes) -> None:
    ds, truth = read(octets), some_gamma()

    stored = ds.pixel_array
    assert stored.dtype == np.float32
    assert ds.FloatPixelPaddingValue == -1.0
    np.testing.assert_array_equal(stored == -1.0, np.isnan(truth))
    np.testing.assert_array_equal(stored[stored >= 0], truth[~np.isnan(truth)])


def test_highdicom_reads_geometry_and_values(octets: bytes, doses: ComparedDoses) -> None:
    volume = hd.imread(io.BytesIO(octets)).get_volume(apply_real_world_transform=False)

    shape = np.array(volume.spatial_shape)
    corners = np.array(np.meshgrid([0, 1], [0, 1], [0, 1])).reshape(3, -1).T
    theirs = volume.map_indices_to_reference(corners * (shape - 1))
    kji = corners * (np.array(doses.grid.shape) - 1)
    ours = doses.grid.ijk_to_lps
    expected = kji[:, ::-1] @ ours[:3, :3].T + ours[:3, 3]
    key = np.lexsort(np.round(expected, 3).T)
    np.testing.assert_allclose(theirs[np.lexsort(np.round(theirs, 3).T)], expected[key], atol=1e-4)


def test_each_frame_lies_where_its_slice_does(octets: bytes, doses: ComparedDoses) -> None:
    ds = read(octets)

    for k, groups in enumerate(ds.PerFrameFunctionalGroupsSequence):
        place = [float(v) for v in groups.PlanePositionSequence[0].ImagePositionPatient]
        np.testing.assert_allclose(place, (doses.grid.ijk_to_lps @ (0, 0, k, 1))[:3], atol=1e-4)


def test_it_says_that_gamma_has_no_unit_and_by_which_criteria_it_is(octets: bytes) -> None:
    ds = read(octets)

    assert ds.SOPClassUID == ParametricMapStorage
    shared = ds.SharedFunctionalGroupsSequence[0]
    mapping = shared.RealWorldValueMappingSequence[0]
    unit = mapping.MeasurementUnitsCodeSequence[0]
    assert (unit.CodeValue, unit.CodingSchemeDesignator) == ("1", "UCUM")
    quantity = mapping.QuantityDefinitionSequence[0].ConceptCodeSequence[0]
    assert (quantity.CodeMeaning, quantity.CodingSchemeDesignator) == ("gamma index", "99ESRT")
    assert (mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept) == (1.0, 0.0)
    derivation = shared.DerivationImageSequence[0]
    assert derivation.DerivationDescription == _WORDS
    assert ds.ContentQualification == "RESEARCH"


def test_it_refers_to_both_doses_each_in_its_study(octets: bytes) -> None:
    ds = read(octets)

    derivation = ds.SharedFunctionalGroupsSequence[0].DerivationImageSequence[0]
    sources = [item.ReferencedSOPInstanceUID for item in derivation.SourceImageSequence]
    assert sources == ["2.25.105", "2.25.205"]
    assert [s.SeriesInstanceUID for s in ds.ReferencedSeriesSequence] == ["2.25.104"]
    (other,) = ds.StudiesContainingOtherReferencedInstancesSequence
    assert other.StudyInstanceUID == "2.25.201"
    assert other.ReferencedSeriesSequence[0].SeriesInstanceUID == "2.25.204"


def test_the_same_input_gives_the_same_octets_without_a_clock(
    octets: bytes, doses: ComparedDoses, producer: Producer, seed: bytes
) -> None:
    assert make_gamma_map(pixels(), doses, producer, uid_seed=seed) == octets
    ds = read(octets)
    stamps = {e.value for e in ds.iterall() if e.VR in ("DA", "TM", "DT") and e.value}
    assert stamps == {"19000101", "000000"}
    uids = {str(e.value) for e in ds.iterall() if e.VR == "UI"}
    assert all(uid.startswith(("2.25.", "1.2.840.10008.")) for uid in uids)
    assert ds.PatientID == ds.PatientName == doses.patient_pseudonym
    assert ds.PatientIdentityRemoved == "YES"


def test_a_simulated_worker_marks_what_it_makes(
    octets: bytes, doses: ComparedDoses, simulated_producer: Producer, seed: bytes
) -> None:
    ds = read(make_gamma_map(pixels(), doses, simulated_producer, uid_seed=seed))

    assert ds.SeriesDescription.startswith("SIMULATED")
    assert ds.ContentDescription.startswith("SIMULATED")
    assert ds.ManufacturerModelName.startswith("SIMULATED")
    assert b"SIMULATED" not in octets


def test_progress_can_cancel(doses: ComparedDoses, producer: Producer, seed: bytes) -> None:
    def stop(stage: str, fraction: float) -> None:
        if fraction > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        make_gamma_map(pixels(), doses, producer, uid_seed=seed, progress=stop)


def test_a_map_on_another_grid_is_refused(
    doses: ComparedDoses, producer: Producer, seed: bytes
) -> None:
    cut = GammaPixels(gamma=some_gamma()[1:], cap=2.0, words=_WORDS)

    with pytest.raises(EncryptSecureRTError) as refused:
        make_gamma_map(cut, doses, producer, uid_seed=seed)

    assert refused.value.code is ErrorCode.E_PARAMETERS


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
def test_dciodvfy_finds_no_error(octets: bytes, tmp_path: Path) -> None:
    file = tmp_path / "gamma.dcm"
    file.write_bytes(octets)

    run = subprocess.run(
        ["dciodvfy", "-new", str(file)], capture_output=True, text=True, check=False
    )

    assert "ParametricMap" in run.stderr
    assert [line for line in run.stderr.splitlines() if line.startswith("Error")] == []
