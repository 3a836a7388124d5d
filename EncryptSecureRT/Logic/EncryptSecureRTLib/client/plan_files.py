"""Plans and treatment records from protected DICOM files, as numbers without names.

    RT Plan, RT Ion Plan                                -> form `plan`
    RT (Ion) Beams Treatment Record, one or a folder    -> form `record`

Only what stands in clear is read; an attribute that is not there is unknown. Files are those of one
patient, by the pseudonym in them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    RTBeamsTreatmentRecordStorage,
    RTIonBeamsTreatmentRecordStorage,
    RTIonPlanStorage,
    RTPlanStorage,
)

from encryptsecurert_protocol.errors import EncryptSecureRTError, ErrorCode
from encryptsecurert_protocol.limits import MIB
from encryptsecurert_protocol.plans import (
    MAX_BEAMS,
    MAX_COUNT,
    MAX_GROUPS,
    MAX_NUMBER,
    MAX_UIDS,
    MAX_WEDGES,
    TERMS,
    BeamEntry,
    GroupEntry,
    PlanForm,
    PlansHeader,
    WedgeEntry,
)
from EncryptSecureRTLib.client.plan_points import (
    BeamNumbers,
    FloatArray,
    items_of,
    number_of,
    read_points,
)
from EncryptSecureRTLib.client.rt_files import mapped_uid
from EncryptSecureRTLib.client.series_headers import (
    files_of,
    is_protected,
    open_header,
    reading_dicom,
    size_of_dicom,
    uid_of,
)
from EncryptSecureRTLib.client.upload import Content

_MOST_BYTES = 64 * MIB
_PLANS = (RTPlanStorage, RTIonPlanStorage)
_RECORDS = (RTBeamsTreatmentRecordStorage, RTIonBeamsTreatmentRecordStorage)
_WORDS = {
    "radiation": "RadiationType",
    "type": "BeamType",
    "delivery": "TreatmentDeliveryType",
    "unit": "PrimaryDosimeterUnit",
    "termination": "TreatmentTerminationStatus",
}
_COUNTS = {
    "wedges": "NumberOfWedges",
    "compensators": "NumberOfCompensators",
    "boli": "NumberOfBoli",
    "blocks": "NumberOfBlocks",
    "range_shifters": "NumberOfRangeShifters",
}
_WEDGES = ("WedgeSequence", "IonWedgeSequence", "RecordedWedgeSequence")
_DEVICES = (
    "BeamLimitingDeviceSequence",
    "IonBeamLimitingDeviceSequence",
    "BeamLimitingDeviceLeafPairsSequence",
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlansFile:
    """What was read.

    Attributes
    ----------
    numbers : float64 arrays in the order of the payload.
    patient_id : the pseudonym of the files; empty for a log, which is of nobody.
    """

    header: PlansHeader
    numbers: tuple[FloatArray, ...] = field(repr=False)
    patient_id: str = field(repr=False)

    def content(self) -> Content:
        """Return the octets of the object."""
        pieces = [np.ascontiguousarray(piece, dtype="<f8") for piece in self.numbers]
        octets = [piece.reshape(-1).view(np.uint8).data for piece in pieces if piece.size]
        return Content([self.header.frame_head(), *octets])


def read_plan(source: Path) -> PlansFile:
    """Return the plan of a protected file, or of a folder that holds exactly one.

    Raises
    ------
    EncryptSecureRTError
        E_LOCAL_FILE, E_NO_DICOM (no plan there), E_MIXED_SERIES (several), E_NOT_PROTECTED,
        E_DICOM, E_TRANSFER_SYNTAX, E_MISSING_UID, E_TOO_LARGE; E_PLAN (no beams).
    """
    found = _files(source, _PLANS)
    if not found:
        raise EncryptSecureRTError(ErrorCode.E_NO_DICOM, "a plan is needed")
    if len(found) > 1:
        detail = f"there are {len(found)}: name the file of one plan"
        raise EncryptSecureRTError(ErrorCode.E_MIXED_SERIES, detail)
    with reading_dicom():
        return _plan(_open(found[0]))


def read_records(source: Path) -> PlansFile | None:
    """Return all treatment records of a file or folder as one, None if there is none.

    Raises
    ------
    EncryptSecureRTError
        As `read_plan`; E_PATIENT_MIX if they are of several patients.
    """
    found = _files(source, _RECORDS)
    if not found:
        return None
    if len(found) > MAX_UIDS:
        raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE, f"more than {MAX_UIDS} records")
    with reading_dicom():
        return _records([_open(path) for path in found])


def _files(source: Path, classes: Sequence[UID]) -> list[Path]:
    """Return the files of these SOP classes; what else lies in a folder may be anything."""
    if not source.is_dir():
        return [source] if _class_of(source) in classes else []
    found = []
    for path in files_of(source):
        try:
            if _class_of(path) in classes:
                found.append(path)
        except EncryptSecureRTError:
            continue
    return found


def _class_of(path: Path) -> str:
    if size_of_dicom(path) is None:
        return ""
    with reading_dicom():
        ds = open_header(path, ["SOPClassUID"])
        return "" if ds is None else str(ds.get("SOPClassUID") or "")


def _open(path: Path) -> Dataset:
    if path.stat().st_size > _MOST_BYTES:
        raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE)
    ds = dcmread(path)
    if not is_protected(ds):
        detail = "plans and records must be protected first"
        raise EncryptSecureRTError(ErrorCode.E_NOT_PROTECTED, detail)
    return ds


def _plan(ds: Dataset) -> PlansFile:
    is_ion = ds.SOPClassUID == RTIonPlanStorage
    prefix = "Ion" if is_ion else ""
    positions = _patient_positions(ds)
    entries, numbers = [], []
    for beam in items_of(ds, f"{prefix}BeamSequence"):
        points = items_of(beam, f"{prefix}ControlPointSequence")
        made = read_points(beam, points, _device_items(beam), "CumulativeMetersetWeight")
        numbers += made.pieces()
        weight = number_of(beam, "FinalCumulativeMetersetWeight")
        entries.append(
            replace(
                _entry(beam, made, positions),
                number=_number(beam, "BeamNumber"),
                final_weight=weight or None,  # of a beam for setup it is 0: there is no meterset
            )
        )
    frame = ds.get("FrameOfReferenceUID")
    header = _header(
        PlanForm.PLAN,
        [ds],
        entries,
        frame_of_reference=mapped_uid(str(frame)) if frame else None,
        groups=tuple(_group(item) for item in items_of(ds, "FractionGroupSequence")),
    )
    return PlansFile(header=header, numbers=tuple(numbers), patient_id=_patient(ds))


def _records(records: Sequence[Dataset]) -> PlansFile:
    if len({_patient(ds) for ds in records}) > 1:
        raise EncryptSecureRTError(ErrorCode.E_PATIENT_MIX)
    if len({uid_of(ds, "SOPInstanceUID") for ds in records}) < len(records):
        raise EncryptSecureRTError(ErrorCode.E_DICOM, "a record is there twice")
    entries, numbers = [], []
    for ds in records:
        for entry, made in _deliveries(ds):
            entries.append(entry)
            numbers += made.pieces()
    header = _header(
        PlanForm.RECORD, records, entries, plan_uids=tuple(_plan_uid(ds) for ds in records)
    )
    return PlansFile(header=header, numbers=tuple(numbers), patient_id=_patient(records[0]))


def _deliveries(ds: Dataset) -> Iterator[tuple[BeamEntry, BeamNumbers]]:
    is_ion = ds.SOPClassUID == RTIonBeamsTreatmentRecordStorage
    prefix = "Ion" if is_ion else ""
    positions = _patient_positions(ds)
    for beam in items_of(ds, f"TreatmentSession{prefix}BeamSequence"):
        points = items_of(beam, f"{prefix}ControlPointDeliverySequence")
        made = read_points(beam, points, _device_items(beam), "DeliveredMeterset")
        delivered = number_of(beam, "DeliveredPrimaryMeterset")
        _make_cumulative(made.table[:, 0], delivered)
        if beam.get("PrimaryDosimeterUnit") is None and ds.get("PrimaryDosimeterUnit"):
            beam.PrimaryDosimeterUnit = ds.PrimaryDosimeterUnit
        entry = replace(
            _entry(beam, made, positions),
            number=_number(beam, "ReferencedBeamNumber"),
            fraction=_number(beam, "CurrentFractionNumber"),
            delivered=delivered,
        )
        yield entry, made


def _make_cumulative(meterset: FloatArray, delivered: float | None) -> None:
    """Add up metersets of control points where the record counts each from the one before.

    Systems write either; which it is shows in whether the last, or the sum of all, is nearer to
    what was delivered in all.
    """
    if delivered is None or not np.isfinite(meterset).all():
        return
    if abs(meterset.sum() - delivered) < abs(meterset[-1] - delivered):
        np.cumsum(meterset, out=meterset)


def _header(
    form: PlanForm,
    instances: Sequence[Dataset],
    entries: Sequence[BeamEntry],
    *,
    frame_of_reference: str | None = None,
    groups: tuple[GroupEntry, ...] = (),
    plan_uids: tuple[str | None, ...] = (),
) -> PlansHeader:
    if not entries:
        raise EncryptSecureRTError(ErrorCode.E_PLAN, "there are no external beams")
    if len(entries) > MAX_BEAMS or len(groups) > MAX_GROUPS:
        detail = f"more than {MAX_BEAMS} beams or {MAX_GROUPS} fraction groups"
        raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE, detail)
    return PlansHeader(
        form=form,
        sop_instance_uids=tuple(mapped_uid(uid_of(ds, "SOPInstanceUID")) for ds in instances),
        plan_uids=plan_uids,
        frame_of_reference=frame_of_reference,
        groups=groups,
        beams=tuple(entries),
    )


def _entry(
    beam: Dataset,
    made: BeamNumbers,
    positions: Mapping[int | None, str],
) -> BeamEntry:
    """Return what plans and records have in common; whose beam it is follows."""
    words = {name: str(beam.get(keyword) or "") for name, keyword in _WORDS.items()}
    for item in items_of(beam, "PrimaryFluenceModeSequence")[:1]:
        words["fluence"] = str(item.get("FluenceMode") or "")
    setup = _number(beam, "ReferencedPatientSetupNumber")
    words["patient_position"] = positions.get(setup, "")
    counts = {name: _number(beam, keyword, MAX_COUNT) for name, keyword in _COUNTS.items()}
    return BeamEntry(
        number=None,
        words={name: said for name, said in words.items() if said in TERMS[name]},
        counts={name: count for name, count in counts.items() if count is not None},
        wedges=tuple(_wedges(beam)),
        points=len(made.table),
        devices=tuple(entry for entry, _, _ in made.devices),
        spots=None if made.spots is None else tuple(len(layer) for layer in made.spots),
    )


def _wedges(beam: Dataset) -> Iterator[WedgeEntry]:
    items = [item for keyword in _WEDGES for item in items_of(beam, keyword)]
    if len(items) > MAX_WEDGES:
        raise EncryptSecureRTError(ErrorCode.E_TOO_LARGE, f"more than {MAX_WEDGES} wedges")
    for n, item in enumerate(items):
        number = _number(item, "WedgeNumber")
        yield WedgeEntry(
            number=n if number is None else number,
            angle_deg=number_of(item, "WedgeAngle"),
            orientation_deg=number_of(item, "WedgeOrientation"),
        )


def _group(item: Dataset) -> GroupEntry:
    beams = items_of(item, "ReferencedBeamSequence")
    told = ((_number(b, "ReferencedBeamNumber"), number_of(b, "BeamMeterset")) for b in beams)
    return GroupEntry(
        number=_number(item, "FractionGroupNumber") or 0,
        fractions=_number(item, "NumberOfFractionsPlanned"),
        metersets=tuple((number, value) for number, value in told if number is not None),
    )


def _device_items(beam: Dataset) -> list[Dataset]:
    return [item for keyword in _DEVICES for item in items_of(beam, keyword)]


def _patient_positions(ds: Dataset) -> dict[int | None, str]:
    return {
        _number(item, "PatientSetupNumber"): str(item.get("PatientPosition") or "")
        for item in items_of(ds, "PatientSetupSequence")
    }


def _plan_uid(ds: Dataset) -> str | None:
    plans = {
        str(p.get("ReferencedSOPInstanceUID")) for p in items_of(ds, "ReferencedRTPlanSequence")
    }
    return mapped_uid(plans.pop()) if len(plans) == 1 else None


def _patient(ds: Dataset) -> str:
    return str(ds.get("PatientID") or "")


def _number(ds: Dataset, keyword: str, most: int = MAX_NUMBER) -> int | None:
    value = ds.get(keyword)
    if value in (None, ""):
        return None
    if not 0 <= int(value) <= most:
        raise EncryptSecureRTError(ErrorCode.E_DICOM, "a number cannot be")
    return int(value)
