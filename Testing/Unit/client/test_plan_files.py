"""Protected plans and records as numbers: what is read, what is unknown, what is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from effort import times
from plans_made import (
    CANARY,
    FRAME_UID,
    PLAN_UID,
    as_if_protected,
    item,
    made_ion_plan,
    made_plan,
    made_record,
    write,
)
from pydicom import Dataset, dcmread
from pydicom.uid import CTImageStorage, RTIonPlanStorage
from Testing.Unit.worker.made import refusal_of

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.plans import COLUMNS, PlanForm, unpack_plans
from EncryptSecureRTLib.client.plan_check import read_other
from EncryptSecureRTLib.client.plan_files import PlansFile, read_plan, read_records
from EncryptSecureRTLib.client.series_headers import reading_dicom

FloatArray = Any


def _written(ds: Dataset, folder: Path, name: str = "one.dcm") -> Path:
    return write(as_if_protected(ds), folder / name)


def _column(file: PlansFile, name: str) -> list[float]:
    return [float(v) for v in file.numbers[0][:, COLUMNS.index(name)]]


def _octets(file: PlansFile) -> bytes:
    content = file.content()
    return b"".join(bytes(piece) for piece in _pieces(content))


def _pieces(content: Any) -> list[memoryview]:
    return content._parts  # type: ignore[no-any-return]  # as `upload` reads them, without chunks


def test_a_plan_is_read_with_what_does_not_change_filled_in(tmp_path: Path) -> None:
    file = read_plan(_written(made_plan(), tmp_path))

    header = file.header
    assert (header.form, header.sop_instance_uids) == (PlanForm.PLAN, (PLAN_UID,))
    assert header.frame_of_reference == FRAME_UID
    (group,), (beam,) = header.groups, header.beams
    assert (group.number, group.fractions, group.metersets) == (1, 20, ((1, 120.0),))
    assert (beam.number, beam.final_weight, beam.points, beam.spots) == (1, 1.0, 3, None)
    assert beam.words == {
        "radiation": "PHOTON",
        "type": "DYNAMIC",
        "delivery": "TREATMENT",
        "unit": "MU",
        "fluence": "STANDARD",
        "patient_position": "HFS",
    }
    assert beam.counts == {"wedges": 0, "compensators": 0, "boli": 0, "blocks": 0}
    assert [(d.device, d.pairs, d.has_boundaries) for d in beam.devices] == [
        ("asymx", 1, False),
        ("mlcx", 3, True),
    ]
    assert _column(file, "meterset") == [0.0, 0.25, 1.0]
    assert _column(file, "gantry") == [350.0, 0.0, 10.0]
    assert _column(file, "gantry_direction") == [1.0, 1.0, 0.0]
    assert _column(file, "collimator") == [10.0] * 3
    assert _column(file, "isocenter_y") == [-2.5] * 3
    assert np.isnan(_column(file, "table_vertical")).all()
    table, jaws, edges, leaves = file.numbers
    assert jaws.tolist() == [[-40.0, 40.0]] * 3  # told once
    assert edges.tolist() == [-15.0, -5.0, 5.0, 15.0]
    assert leaves[:, 0].tolist() == [-10.0, -8.0, -2.0]
    assert len(table) == 3


def test_its_octets_are_a_good_object_without_a_name(tmp_path: Path) -> None:
    file = read_plan(_written(made_plan(), tmp_path))

    octets = _octets(file)
    header, payload = unpack_plans(octets)
    assert header == file.header
    assert np.frombuffer(payload, "<f8").size == sum(piece.size for piece in file.numbers)
    assert CANARY.encode() not in octets


def test_layers_of_an_ion_plan_are_read_with_their_spots(tmp_path: Path) -> None:
    file = read_plan(_written(made_ion_plan(), tmp_path))

    (beam,) = file.header.beams
    assert beam.spots == (2, 2, 1)
    assert beam.words["radiation"] == "PROTON"
    assert beam.counts["range_shifters"] == 0
    assert _column(file, "energy") == [150.0, 150.0, 140.0]
    layers = (file.numbers[1], file.numbers[3])
    # Weights of spots are single precision in DICOM (VR FL).
    assert np.allclose(layers[0], [[0.0, 0.0, 0.4], [5.0, 0.0, 0.2]], atol=1e-7)
    assert np.allclose(layers[1], [[1.0, 1.0, 0.4]], atol=1e-7)


def test_records_of_a_folder_are_read_as_one(tmp_path: Path) -> None:
    plan = made_plan()
    for fraction in (1, 2):
        record = made_record(plan, f"2.25.{3000 + fraction}", fraction)
        _written(record, tmp_path, f"{fraction}.dcm")
    (tmp_path / "notes.txt").write_text("no DICOM")

    file = read_records(tmp_path)
    assert file is not None
    assert file.header.form is PlanForm.RECORD
    assert file.header.plan_uids == (PLAN_UID, PLAN_UID)
    assert [(b.number, b.fraction, b.delivered) for b in file.header.beams] == [
        (1, 1, 120.0),
        (1, 2, 120.0),
    ]
    assert file.header.beams[0].words["termination"] == "NORMAL"
    assert file.header.beams[0].words["unit"] == "MU"
    assert _column(file, "meterset") == [0.0, 30.0, 120.0]
    assert _column(file, "plan_point") == [0.0, 1.0, 2.0]


def test_metersets_that_count_from_point_to_point_are_added_up(tmp_path: Path) -> None:
    record = made_record(made_plan(), "2.25.3001")
    points = record.TreatmentSessionBeamSequence[0].ControlPointDeliverySequence
    for point, meterset in zip(points, (0, 30, 90), strict=True):
        point.DeliveredMeterset = meterset

    file = read_records(_written(record, tmp_path))
    assert file is not None
    assert _column(file, "meterset") == [0.0, 30.0, 120.0]


def test_a_record_that_names_no_plan_or_two_names_none(tmp_path: Path) -> None:
    record = made_record(made_plan(), "2.25.3001")
    other = item(ReferencedSOPClassUID=RTIonPlanStorage, ReferencedSOPInstanceUID="2.25.9")
    record.ReferencedRTPlanSequence.append(other)

    both = read_records(_written(record, tmp_path, "both.dcm"))
    del record.ReferencedRTPlanSequence
    none = read_records(_written(record, tmp_path, "none.dcm"))
    assert both is not None
    assert none is not None
    assert both.header.plan_uids == none.header.plan_uids == (None,)


def test_a_folder_with_records_stands_for_them_and_one_without_for_its_plan(tmp_path: Path) -> None:
    _written(made_plan(), tmp_path / "study", "plan.dcm")
    assert read_other(tmp_path / "study").header.form is PlanForm.PLAN
    _written(made_record(made_plan(), "2.25.3001"), tmp_path / "study", "record.dcm")

    assert read_other(tmp_path / "study").header.form is PlanForm.RECORD
    assert read_plan(tmp_path / "study").header.form is PlanForm.PLAN


def test_a_beam_for_setup_has_no_final_weight(tmp_path: Path) -> None:
    plan = made_plan()
    plan.BeamSequence[0].FinalCumulativeMetersetWeight = 0
    plan.BeamSequence[0].TreatmentDeliveryType = "SETUP"

    assert read_plan(_written(plan, tmp_path)).header.beams[0].final_weight is None


def test_a_term_that_is_not_defined_is_unknown(tmp_path: Path) -> None:
    plan = made_plan()
    beam = plan.BeamSequence[0]
    beam.RadiationType, beam.ControlPointSequence[0].GantryRotationDirection = "PIXIE", "AROUND"
    beam.BeamLimitingDeviceSequence[0].RTBeamLimitingDeviceType = "IRIS"

    file = read_plan(_written(plan, tmp_path))
    assert "radiation" not in file.header.beams[0].words
    assert np.isnan(_column(file, "gantry_direction")[0])
    assert [d.device for d in file.header.beams[0].devices] == ["mlcx"]


def test_symmetric_jaws_are_told_as_asymmetric_ones(tmp_path: Path) -> None:
    plan = made_plan()
    beam = plan.BeamSequence[0]
    beam.BeamLimitingDeviceSequence[0].RTBeamLimitingDeviceType = "X"
    first = beam.ControlPointSequence[0].BeamLimitingDevicePositionSequence[0]
    first.RTBeamLimitingDeviceType = "X"

    file = read_plan(_written(plan, tmp_path))
    assert file.header.beams[0].devices[0].device == "asymx"


def _unprotected(ds: Dataset) -> None:
    ds.PatientIdentityRemoved = "NO"


def _other_class(ds: Dataset) -> None:
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = CTImageStorage


def _no_uid(ds: Dataset) -> None:
    ds.SOPInstanceUID = ""


def _no_beams(ds: Dataset) -> None:
    ds.BeamSequence = []


def _no_points(ds: Dataset) -> None:
    ds.BeamSequence[0].ControlPointSequence = []


def _short_leaves(ds: Dataset) -> None:
    point = ds.BeamSequence[0].ControlPointSequence[1]
    point.BeamLimitingDevicePositionSequence[0].LeafJawPositions = [1, 2, 3]


def _short_edges(ds: Dataset) -> None:
    ds.BeamSequence[0].BeamLimitingDeviceSequence[1].LeafPositionBoundaries = [0, 1]


def _many_pairs(ds: Dataset) -> None:
    ds.BeamSequence[0].BeamLimitingDeviceSequence[1].NumberOfLeafJawPairs = 257


def _twice(ds: Dataset) -> None:
    devices = ds.BeamSequence[0].BeamLimitingDeviceSequence
    devices.append(devices[0])


def _isocenter(ds: Dataset) -> None:
    ds.BeamSequence[0].ControlPointSequence[0].IsocenterPosition = [1, 2]


def _negative(ds: Dataset) -> None:
    ds.BeamSequence[0].BeamNumber = -1


def _endless(ds: Dataset) -> None:
    ds.FractionGroupSequence[0].ReferencedBeamSequence[0].BeamMeterset = "inf"


def _own_uid(ds: Dataset) -> None:
    ds.SOPInstanceUID = "1.2.3.4"  # of another program that de-identifies


def _many_wedges(ds: Dataset) -> None:
    ds.BeamSequence[0].WedgeSequence = [item(WedgeNumber=n) for n in range(9)]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_unprotected, ErrorCode.E_NOT_PROTECTED),
        (_other_class, ErrorCode.E_NO_DICOM),
        (_no_uid, ErrorCode.E_MISSING_UID),
        (_no_beams, ErrorCode.E_PLAN),
        (_no_points, ErrorCode.E_DICOM),
        (_short_leaves, ErrorCode.E_DICOM),
        (_short_edges, ErrorCode.E_DICOM),
        (_many_pairs, ErrorCode.E_DICOM),
        (_twice, ErrorCode.E_DICOM),
        (_isocenter, ErrorCode.E_DICOM),
        (_negative, ErrorCode.E_DICOM),
        (_endless, ErrorCode.E_DICOM),
        (_own_uid, ErrorCode.E_NOT_PROTECTED),
        (_many_wedges, ErrorCode.E_TOO_LARGE),
    ],
)
def test_a_plan_with_one_defect_is_refused(
    change: Callable[[Dataset], None], code: ErrorCode, tmp_path: Path
) -> None:
    ds = as_if_protected(made_plan())
    with reading_dicom():  # pydicom warns of what it is to write here
        change(ds)
        path = write(ds, tmp_path / "plan.dcm")

    assert refusal_of(read_plan, path) is code


def test_two_plans_in_a_folder_are_too_many(tmp_path: Path) -> None:
    _written(made_plan(), tmp_path, "a.dcm")
    _written(made_plan("2.25.1002"), tmp_path, "b.dcm")

    assert refusal_of(read_plan, tmp_path) is ErrorCode.E_MIXED_SERIES


def test_records_of_two_patients_or_twice_the_same_are_refused(tmp_path: Path) -> None:
    one, two = (made_record(made_plan(), uid) for uid in ("2.25.3001", "2.25.3002"))
    two.PatientID = "PBBBBBBBBBBBBBBBB"
    _written(one, tmp_path / "mixed", "1.dcm")
    _written(two, tmp_path / "mixed", "2.dcm")
    _written(one, tmp_path / "twice", "1.dcm")
    _written(one, tmp_path / "twice", "2.dcm")

    assert refusal_of(read_records, tmp_path / "mixed") is ErrorCode.E_PATIENT_MIX
    assert refusal_of(read_records, tmp_path / "twice") is ErrorCode.E_DICOM


def test_what_is_not_there_is_a_local_file_error(tmp_path: Path) -> None:
    assert refusal_of(read_plan, tmp_path / "none.dcm") is ErrorCode.E_LOCAL_FILE


@pytest.mark.parametrize("seed", range(times(500, 60)))
def test_a_damaged_plan_raises_no_other_error(seed: int, tmp_path: Path) -> None:
    path = _written(made_plan() if seed % 2 else made_ion_plan(), tmp_path)
    octets, rng = bytearray(path.read_bytes()), np.random.default_rng(seed)
    for at in rng.integers(132, len(octets), 3):
        octets[at] = rng.integers(256)
    path.write_bytes(octets[: rng.integers(len(octets) // 2, len(octets) + 1)])

    try:
        file = read_plan(path)
    except EncryptSecureRTError as error:
        found: ErrorCode | None = error.code
    else:
        found = None
        unpack_plans(_octets(file))  # what is read is a good object
    assert found is not ErrorCode.E_INTERNAL


@pytest.mark.real_data
@pytest.mark.parametrize(
    "name",
    [
        "dicomrt_breast_dicompyler/rtplan.dcm",
        "dicom_kinds/pymedphys/_experimental/serviceplans/templates/vmat_example.dcm",
        "dicom_kinds/pymedphys/_experimental/serviceplans/templates/FFF_example.dcm",
        "dicom_kinds/pymedphys/tests/dicom/data/rtplan/06MV_plan.dcm",
    ],
)
def test_real_plans_are_read_whole(name: str, shared_data: Path, tmp_path: Path) -> None:
    with reading_dicom():
        ds = dcmread(shared_data / name, force=True)
    ds.SOPInstanceUID, ds.FrameOfReferenceUID = "2.25.1", "2.25.2"
    ds.file_meta = made_plan().file_meta
    file = read_plan(_written(ds, tmp_path))

    for beam, told, table in zip(ds.BeamSequence, file.header.beams, _tables(file), strict=True):
        assert told.number == int(beam.BeamNumber)
        assert told.points == len(beam.ControlPointSequence)
        last = beam.ControlPointSequence[-1]
        assert table[-1, 0] == float(last.CumulativeMetersetWeight)
        assert table[0, COLUMNS.index("gantry")] == float(beam.ControlPointSequence[0].GantryAngle)
        assert {d.device for d in told.devices} == {
            str(d.RTBeamLimitingDeviceType).lower() for d in beam.BeamLimitingDeviceSequence
        }
    header, _ = unpack_plans(_octets(file))
    assert header == file.header


def _tables(file: PlansFile) -> list[FloatArray]:
    return [piece for piece in file.numbers if piece.ndim == 2 and piece.shape[1] == len(COLUMNS)]
