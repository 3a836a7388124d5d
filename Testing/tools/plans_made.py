"""Plans, ion plans, treatment records and logs as files, made for tests.

Names in them are canaries: they stand where a real file has names, and must not be seen again.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    RTBeamsTreatmentRecordStorage,
    RTIonPlanStorage,
    RTPlanStorage,
)

CANARY = "CANARY-PLAN-4711"
PAIRS = 3
PLAN_UID, FRAME_UID = "2.25.1000", "2.25.2000"
_LEAF_EDGES = [-15.0, -5.0, 5.0, 15.0]


def item(**members: object) -> Dataset:
    """Return a data set with these members."""
    ds = Dataset()
    for keyword, value in members.items():
        setattr(ds, keyword, value)
    return ds


def _object(sop_class: UID, uid: str, modality: str) -> Dataset:
    ds = item(
        SOPClassUID=sop_class,
        SOPInstanceUID=UID(uid),
        Modality=modality,
        PatientName=CANARY,
        PatientID=CANARY,
        PatientBirthDate="19500101",
        PatientSex="O",
        StudyInstanceUID=UID("2.25.1"),
        SeriesInstanceUID=UID("2.25.2"),
        StudyDate="20200101",
        StudyTime="120000",
        StudyID="",
        AccessionNumber="",
        ReferringPhysicianName=CANARY,
        SeriesNumber=1,
        Manufacturer=CANARY,
        OperatorsName=CANARY,
    )
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = sop_class
    ds.file_meta.MediaStorageSOPInstanceUID = UID(uid)
    ds.PatientSetupSequence = Items([item(PatientSetupNumber=1, PatientPosition="HFS")])
    return ds


def _positions(leaves: Sequence[float] | None, jaws: Sequence[float] | None) -> Items:
    told = [("ASYMX", jaws), ("MLCX", leaves)]
    return Items(
        [
            item(RTBeamLimitingDeviceType=kind, LeafJawPositions=list(values))
            for kind, values in told
            if values is not None
        ]
    )


def _first(**members: object) -> Dataset:
    still = {
        "NominalBeamEnergy": 6,
        "DoseRateSet": 600,
        "GantryAngle": 350,
        "GantryRotationDirection": "CW",
        "BeamLimitingDeviceAngle": 10,
        "BeamLimitingDeviceRotationDirection": "NONE",
        "PatientSupportAngle": 0,
        "PatientSupportRotationDirection": "NONE",
        "IsocenterPosition": [1.5, -2.5, 30],
        "TableTopVerticalPosition": None,
    }
    return item(**{**still, **members})


def made_plan(uid: str = PLAN_UID) -> Dataset:
    """Return a plan of one arc of three control points: 350, 0 and 10 degrees, 120 MU."""
    ds = _object(RTPlanStorage, uid, "RTPLAN")
    ds.RTPlanLabel = ds.RTPlanName = CANARY
    ds.RTPlanDate, ds.RTPlanTime = "20200101", "120000"
    ds.RTPlanGeometry = "TREATMENT_DEVICE"
    ds.FrameOfReferenceUID = UID(FRAME_UID)
    ds.PositionReferenceIndicator = ""
    points = [
        _first(
            ControlPointIndex=0,
            CumulativeMetersetWeight=0,
            BeamLimitingDevicePositionSequence=_positions([-10] * 3 + [10] * 3, [-40, 40]),
        ),
        item(
            ControlPointIndex=1,
            CumulativeMetersetWeight=0.25,
            GantryAngle=0,
            BeamLimitingDevicePositionSequence=_positions([-8] * 3 + [12] * 3, None),
        ),
        item(
            ControlPointIndex=2,
            CumulativeMetersetWeight=1,
            GantryAngle=10,
            GantryRotationDirection="NONE",
            BeamLimitingDevicePositionSequence=_positions([-2] * 3 + [18] * 3, None),
        ),
    ]
    beam = item(
        BeamNumber=1,
        BeamName=CANARY,
        BeamType="DYNAMIC",
        RadiationType="PHOTON",
        TreatmentDeliveryType="TREATMENT",
        PrimaryDosimeterUnit="MU",
        TreatmentMachineName=CANARY,
        SourceAxisDistance=1000,
        NumberOfWedges=0,
        NumberOfCompensators=0,
        NumberOfBoli=0,
        NumberOfBlocks=0,
        FinalCumulativeMetersetWeight=1,
        NumberOfControlPoints=3,
        ReferencedPatientSetupNumber=1,
        PrimaryFluenceModeSequence=Items([item(FluenceMode="STANDARD")]),
        BeamLimitingDeviceSequence=Items(
            [
                item(RTBeamLimitingDeviceType="ASYMX", NumberOfLeafJawPairs=1),
                item(
                    RTBeamLimitingDeviceType="MLCX",
                    NumberOfLeafJawPairs=PAIRS,
                    LeafPositionBoundaries=_LEAF_EDGES,
                ),
            ]
        ),
        ControlPointSequence=Items(points),
    )
    ds.BeamSequence = Items([beam])
    ds.FractionGroupSequence = Items([_group(120)])
    return ds


def _group(meterset: float) -> Dataset:
    return item(
        FractionGroupNumber=1,
        NumberOfFractionsPlanned=20,
        NumberOfBeams=1,
        NumberOfBrachyApplicationSetups=0,
        ReferencedBeamSequence=Items([item(ReferencedBeamNumber=1, BeamMeterset=meterset)]),
    )


def made_ion_plan(uid: str = "2.25.1001") -> Dataset:
    """Return a plan of two layers of protons, 150 and 140 MeV, with two and one spots."""
    ds = made_plan(uid)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = RTIonPlanStorage
    layers = []
    told: list[tuple[float, list[float], list[float]]] = [
        (150, [0, 0, 5, 0], [0.4, 0.2]),
        (150, [0, 0, 5, 0], [0, 0]),
        (140, [1, 1], [0.4]),
    ]
    for n, (energy, spots, weights) in enumerate(told):
        point = _first(GantryAngle=270, GantryRotationDirection="NONE") if not n else Dataset()
        point.update(
            item(
                ControlPointIndex=n,
                CumulativeMetersetWeight=[0.0, 0.6, 0.6][n],
                NominalBeamEnergy=energy,
                ScanSpotTuneID=CANARY,
                NumberOfScanSpotPositions=len(weights),
                ScanSpotPositionMap=[float(value) for value in spots],
                ScanSpotMetersetWeights=[float(value) for value in weights],
                NumberOfPaintings=1,
            )
        )
        layers.append(point)
    beam = ds.BeamSequence[0]
    del ds.BeamSequence
    del beam.ControlPointSequence, beam.BeamLimitingDeviceSequence
    beam.RadiationType, beam.ScanMode, beam.BeamType = "PROTON", "MODULATED", "STATIC"
    beam.NumberOfRangeShifters = beam.NumberOfLateralSpreadingDevices = 0
    beam.NumberOfRangeModulators = 0
    beam.IonControlPointSequence = Items(layers)
    ds.IonBeamSequence = Items([beam])
    return ds


def made_record(plan: Dataset, uid: str, fraction: int = 1, mu_scale: float = 1.0) -> Dataset:
    """Return what is recorded of one fraction that went as planned, metersets times a factor."""
    ds = _object(RTBeamsTreatmentRecordStorage, uid, "RTRECORD")
    ds.StudyInstanceUID, ds.PatientID = plan.StudyInstanceUID, plan.PatientID
    ds.TreatmentDate, ds.TreatmentTime, ds.InstanceNumber = "20200102", "120000", fraction
    ds.ReferencedRTPlanSequence = Items(
        [
            item(
                ReferencedSOPClassUID=RTPlanStorage,
                ReferencedSOPInstanceUID=plan.SOPInstanceUID,
            )
        ]
    )
    ds.PrimaryDosimeterUnit = "MU"
    ds.TreatmentMachineSequence = Items(
        [
            item(
                TreatmentMachineName=CANARY,
                Manufacturer=CANARY,
                InstitutionName=CANARY,
                ManufacturerModelName=CANARY,
                DeviceSerialNumber=CANARY,
            )
        ]
    )
    metersets = {
        int(beam.ReferencedBeamNumber): float(beam.BeamMeterset) * mu_scale
        for beam in plan.FractionGroupSequence[0].ReferencedBeamSequence
    }
    ds.TreatmentSessionBeamSequence = Items(
        [_delivered(beam, metersets[int(beam.BeamNumber)], fraction) for beam in plan.BeamSequence]
    )
    return ds


def _delivered(beam: Dataset, mu: float, fraction: int) -> Dataset:
    points = []
    for planned in beam.ControlPointSequence:
        point = Dataset()
        point.update(planned)
        index, weight = planned.ControlPointIndex, float(planned.CumulativeMetersetWeight)
        del point.ControlPointIndex, point.CumulativeMetersetWeight
        for keyword in ("ReferencedDoseReferenceSequence", "IsocenterPosition"):
            if keyword in point:
                delattr(point, keyword)
        point.ReferencedControlPointIndex = index
        point.TreatmentControlPointDate, point.TreatmentControlPointTime = "20200102", "120000"
        point.SpecifiedMeterset = point.DeliveredMeterset = f"{mu * weight:.6f}"
        points.append(point)
    devices = [
        item(
            RTBeamLimitingDeviceType=device.RTBeamLimitingDeviceType,
            NumberOfLeafJawPairs=device.NumberOfLeafJawPairs,
        )
        for device in beam.BeamLimitingDeviceSequence
    ]
    return item(
        ReferencedBeamNumber=beam.BeamNumber,
        BeamName=CANARY,
        BeamType=beam.BeamType,
        RadiationType=beam.RadiationType,
        TreatmentDeliveryType="TREATMENT",
        CurrentFractionNumber=fraction,
        TreatmentTerminationStatus="NORMAL",
        TreatmentVerificationStatus="VERIFIED",
        ReferencedPatientSetupNumber=1,
        NumberOfWedges=0,
        NumberOfCompensators=0,
        NumberOfBoli=0,
        NumberOfBlocks=0,
        NumberOfControlPoints=len(points),
        SpecifiedPrimaryMeterset=f"{mu:.6f}",
        DeliveredPrimaryMeterset=f"{mu:.6f}",
        BeamLimitingDeviceLeafPairsSequence=Items(devices),
        ControlPointDeliverySequence=Items(points),
    )


def as_if_protected(ds: Dataset) -> Dataset:
    """Set the marks of the protected form, where nothing of the sealed part is read."""
    ds.PatientIdentityRemoved = "YES"
    ds.EncryptedAttributesSequence = Items([Dataset()])
    return ds


def log_of(plan: Dataset, samples: int = 101) -> str:
    """Return the log of a machine that followed `made_plan` exactly, as CSV."""
    beam = plan.BeamSequence[0]
    mu = float(plan.FractionGroupSequence[0].ReferencedBeamSequence[0].BeamMeterset)
    weights = [float(p.CumulativeMetersetWeight) for p in beam.ControlPointSequence]
    angles = np.unwrap([float(p.GantryAngle) for p in beam.ControlPointSequence], period=360)
    leaves = np.array(
        [
            p.BeamLimitingDevicePositionSequence[-1].LeafJawPositions
            for p in beam.ControlPointSequence
        ],
        np.float64,
    )
    names = [f"mlcx_b{bank}_l{leaf}_mm" for bank in (1, 2) for leaf in range(1, PAIRS + 1)]
    lines = [
        ",".join(["time_s", "beam", "mu", "gantry_deg", "collimator_deg", "x1_mm", "x2_mm", *names])
    ]
    for n, share in enumerate(np.linspace(0.0, 1.0, samples)):
        gantry = float(np.interp(share, weights, angles)) % 360.0
        where = [float(np.interp(share, weights, leaves[:, leaf])) for leaf in range(2 * PAIRS)]
        values = [0.02 * n, 1, mu * share, gantry, 10.0, -40.0, 40.0, *where]
        lines.append(",".join(f"{value:.6f}" if k != 1 else "1" for k, value in enumerate(values)))
    return "\n".join(lines) + "\n"


def write(ds: Dataset, path: Path) -> Path:
    """Write a data set as a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.save_as(path, enforce_file_format=True)
    return path
